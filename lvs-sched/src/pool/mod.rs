//! Destinations with one scheduler for many threads: [`Pool`], [`Picker`], [`Connection`].
//!
//! ```
//! use lvs_model::{Destination, Weight};
//! use lvs_sched::{Pool, algo::Flow};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let pool = Pool::named("wlc".parse()?)?;
//! pool.add(Destination::new("10.0.0.1:80".parse()?).with_weight(Weight::from(3)), "big")?;
//! pool.add(Destination::new("10.0.0.2:80".parse()?), "small")?;
//!
//! let mut picker = pool.picker();
//! let connections: Vec<_> = (0..8).filter_map(|_| picker.connect(&Flow::default())).collect();
//! assert_eq!(connections.iter().filter(|connection| **connection.data() == *"big").count(), 6);
//! # Ok(())
//! # }
//! ```

mod connection;
mod drain;
mod edit;
mod lock;
mod member;
mod picker;
mod shared;
mod template;
mod view;

pub use self::{
    connection::Connection,
    drain::Drain,
    edit::{Edit, EditError},
    member::Member,
    picker::{Pick, Picker},
    template::Template,
};

use alloc::sync::Arc;
use core::{fmt, time::Duration};
use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
    vec::Vec,
};

use lvs_model::{Destination, Endpoint, Family, SchedulerFlags, SchedulerName, VirtualServer, Weight};

use self::{
    edit::Configured,
    lock::Lock,
    shared::{Activity, Shared},
    view::{Lane, Layout, View},
};
use crate::algo::{AnyScheduler, DestinationId, Random, Scheduled, Scheduler, Settings, UnknownScheduler};

/// This is a set of destinations with a scheduler, shared by many threads. Cloning it gives another handle of the same pool.
///
/// Each destination carries data of the caller's: an address to connect to, a pool of connections, a name. It is identified by its
/// endpoint; weight, thresholds and forwarding method can be changed at any time, and **no change loses a cursor or a counter**.
/// Weight 0 means quiesced: no new connections, the old ones go on. An empty pool, or one in which all are quiesced, picks `None`.
///
/// There is one cursor and one set of counters for all threads: round robin *is* round robin.
///
/// # Memory and cost of edits
///
/// Beside the caller's data a destination takes 300 to 400 bytes: 16 of counters, 16 to 29 of index (lc, wlc, sed, nq, fo, ovf), 21 of
/// published state, and otherwise the record of its configuration, which only edits touch. Data of a removed destination is dropped when its last
/// connection ended and no picker can see it any more: at once in pools of up to 32 slots, in larger ones when an eighth has been removed.
pub struct Pool<T, S = AnyScheduler> {
    inner: Arc<Inner<T, S>>,
}

pub(crate) struct Inner<T, S> {
    shared: Arc<Shared<S>>,
    view: Lock<Arc<View<T>>>,
    configured: Mutex<Configured<T>>,
    seeds: Lock<Random>,
}

impl<T: Send + Sync + 'static> Pool<T> {
    /// Makes an empty pool with one of the kernel's schedulers, for a service of the family of the first destination that is added.
    ///
    /// # Errors
    ///
    /// The kernel has no scheduler of this name.
    pub fn named(scheduler: SchedulerName) -> Result<Self, UnknownScheduler> {
        AnyScheduler::named(scheduler).map(Self::with_scheduler)
    }

    /// Makes a pool like a service of a [`lvs_model::Table`], with data that is made for each destination.
    ///
    /// # Errors
    ///
    /// The kernel has no scheduler of this name.
    pub fn like(service: &VirtualServer, data: impl FnMut(&Destination) -> T) -> Result<Self, UnknownScheduler> {
        let scheduler = AnyScheduler::named(service.service().scheduler())?;
        let pool = Self::configured(scheduler, service.service().key().family(), Settings::default());
        pool.reload(service, data)?;
        Ok(pool)
    }

    /// Makes the pool like a service of a [`lvs_model::Table`]: adds, updates and removes what differs, and changes the scheduler if it has
    /// another name. What is unchanged is not touched: cursors, counters and data stay.
    ///
    /// Destinations are added in the order of the table. Data is made for the new ones only.
    ///
    /// # Errors
    ///
    /// The kernel has no scheduler of this name. Nothing was done then.
    pub fn reload(
        &self,
        service: &VirtualServer,
        mut data: impl FnMut(&Destination) -> T,
    ) -> Result<(), UnknownScheduler> {
        let name = service.service().scheduler();
        let is_same = self.inner.shared.with(|core, _| core.scheduled.scheduler().name() == name);
        let scheduler = if is_same { None } else { Some(AnyScheduler::named(name)?) };
        loop {
            let known: HashMap<Endpoint, Destination> =
                self.inner.configured().by_endpoint.iter().map(|(endpoint, (_, known))| (*endpoint, *known)).collect();
            let wanted: HashSet<Endpoint> = service.destinations().iter().map(|wanted| wanted.endpoint).collect();
            let mut edit = self.edit();
            for wanted in service.destinations() {
                match known.get(&wanted.endpoint) {
                    None => edit = edit.add(*wanted, data(wanted)),
                    Some(known) if known != wanted => edit = edit.update(*wanted),
                    Some(_) => {}
                }
            }
            // In an order that does not depend on the hash: wrr's level does on it.
            let mut gone: Vec<Endpoint> = known.into_keys().filter(|known| !wanted.contains(known)).collect();
            gone.sort_unstable();
            edit = gone.into_iter().fold(edit, Edit::remove);
            // Somebody else's edit came between: look again.
            if edit.publish().is_ok() {
                break;
            }
        }
        let old = self.inner.shared.with(|core, words| {
            core.invalidate(words);
            core.scheduled.set_flags(service.service().flags());
            scheduler.map(|scheduler| core.scheduled.replace_scheduler(scheduler))
        });
        drop(old);
        Ok(())
    }
}

impl<T: Send + Sync + 'static, S: Scheduler + Send + 'static> Pool<T, S> {
    /// Makes an empty pool with a scheduler of the kernel's or of your own, for a service of the family of the first destination that is added.
    #[must_use]
    pub fn with_scheduler(scheduler: S) -> Self {
        Self::make(scheduler, Family::Inet, Settings::default(), true)
    }

    /// Makes an empty pool for a service of a family, as a kernel with these settings would schedule it. Only mh looks at the family, and only
    /// where destinations behind a tunnel are of the other one.
    #[must_use]
    pub fn configured(scheduler: S, family: Family, settings: Settings) -> Self {
        Self::make(scheduler, family, settings, false)
    }

    fn make(scheduler: S, family: Family, settings: Settings, follows_family: bool) -> Self {
        let layout = Layout::with_room(0);
        let scheduled = Scheduled::new(scheduler, family, settings);
        let shared = Arc::new(Shared::new(scheduled, layout.marks.clone()));
        let view = Arc::new(View { version: 0, layout: layout.clone(), lane: Lane::Ask });
        let inner = Inner {
            shared,
            view: Lock::new(view),
            configured: Mutex::new(Configured::new(layout, follows_family)),
            seeds: Lock::new(Random::seeded(0)),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Makes a way into the pool for one thread or task.
    #[must_use]
    pub fn picker(&self) -> Picker<T, S> {
        let seed = self.inner.seeds.lock().bits();
        Picker::new(Arc::clone(&self.inner), Random::seeded(seed))
    }

    /// Begins a batch of changes that are published at once.
    pub fn edit(&self) -> Edit<'_, T, S> {
        Edit::new(&self.inner)
    }

    /// Adds a destination with the caller's data; it comes first in list order. One that was removed and still has connections comes
    /// back with its counters.
    ///
    /// # Errors
    ///
    /// The endpoint is in the pool already.
    pub fn add(&self, destination: Destination, data: T) -> Result<(), EditError> {
        self.edit().add(destination, data).publish()
    }

    /// Changes weight, thresholds and forwarding method of a destination in place.
    ///
    /// # Errors
    ///
    /// The endpoint is not in the pool.
    pub fn update(&self, destination: Destination) -> Result<(), EditError> {
        self.edit().update(destination).publish()
    }

    /// Changes the weight of a destination in place.
    ///
    /// # Errors
    ///
    /// The endpoint is not in the pool.
    pub fn set_weight(&self, endpoint: Endpoint, weight: Weight) -> Result<(), EditError> {
        self.edit().weight(endpoint, weight).publish()
    }

    /// Quiesces a destination and tells when its last connection has ended.
    ///
    /// # Errors
    ///
    /// The endpoint is not in the pool.
    pub fn drain(&self, endpoint: Endpoint) -> Result<Drain, EditError> {
        let id = self.id(endpoint).ok_or(EditError::NotFound(endpoint))?;
        self.set_weight(endpoint, Weight::ZERO)?;
        Ok(Drain::new(self.inner.shared.with(|core, _| core.watch(id))))
    }

    /// Removes a destination and tells when its last connection has ended: removal ends none.
    ///
    /// # Errors
    ///
    /// The endpoint is not in the pool.
    pub fn remove(&self, endpoint: Endpoint) -> Result<Drain, EditError> {
        let id = self.id(endpoint).ok_or(EditError::NotFound(endpoint))?;
        self.edit().remove(endpoint).publish()?;
        Ok(Drain::new(self.inner.shared.with(|core, _| core.watch(id))))
    }

    /// The destinations in list order, the one added last first, with their counters at one moment.
    #[must_use]
    pub fn destinations(&self) -> Vec<Member<T>> {
        let configured = self.inner.configured();
        let loads: Vec<_> = self.inner.shared.with(|core, _| {
            let list = core.scheduled.list();
            list.iter().map(|slot| (list.id(slot), *list.load(slot), list.generation())).collect()
        });
        let member = |(id, load, generation): (DestinationId, crate::algo::Load, _)| {
            let entry = configured.entry(id)?;
            let (_, destination) = configured.by_endpoint.get(&entry.endpoint)?;
            Some(Member::new(Arc::clone(entry), *destination, load, generation))
        };
        loads.into_iter().filter_map(member).collect()
    }

    /// How many destinations there are, whatever their weights.
    #[must_use]
    pub fn len(&self) -> usize {
        self.inner.configured().by_endpoint.len()
    }

    /// Says whether there is no destination.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Changes the scheduler flags, as `ipvsadm -E .. -b` does. They act from the next pick on.
    pub fn set_flags(&self, flags: SchedulerFlags) {
        self.inner.shared.with(|core, words| {
            core.invalidate(words);
            core.scheduled.set_flags(flags);
        });
    }

    /// Replaces the scheduler. Counters stay; the new scheduler starts afresh on the list as it is.
    pub fn set_scheduler(&self, scheduler: S) {
        let old = self.inner.shared.with(|core, words| {
            core.invalidate(words);
            core.scheduled.replace_scheduler(scheduler)
        });
        drop(old);
    }

    /// Tells the scheduler the time, on the clock of [`Flow::now`](crate::algo::Flow::now): lblc and lblcr forget old addresses. Once a
    /// minute is often enough; picks tell it as well.
    pub fn elapsed(&self, now: Duration) {
        self.inner.shared.with(|core, _| core.scheduled.elapsed(now));
    }

    fn id(&self, endpoint: Endpoint) -> Option<DestinationId> {
        self.inner.configured().by_endpoint.get(&endpoint).map(|(id, _)| *id)
    }
}

impl<T, S> Inner<T, S> {
    fn view(&self) -> Arc<View<T>> {
        Arc::clone(&self.view.lock())
    }

    /// Publishes a view and gives it back. The one before it is dropped by who drops it last, never under a lock.
    fn publish(&self, version: u32, layout: Layout<T>, lane: Lane) -> Arc<View<T>> {
        let view = Arc::new(View { version, layout, lane });
        *self.view.lock() = Arc::clone(&view);
        view
    }

    // An edit that panicked was the scheduler's own, which must not.
    fn configured(&self) -> MutexGuard<'_, Configured<T>> {
        self.configured.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T, S: Scheduler> Inner<T, S> {
    /// Counts a connection to a destination if it is in the list and may take one.
    fn bind_usable(&self, id: DestinationId, activity: Activity) -> bool {
        self.shared.with(|core, words| {
            let list = core.scheduled.list();
            let Some(slot) = list.slot(id).filter(|&slot| list.is_usable(slot)) else { return false };
            core.bind_slot(slot, activity, words);
            true
        })
    }
}

impl<T, S> Clone for Pool<T, S> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<T, S> fmt::Debug for Pool<T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("destinations", &self.inner.configured().by_endpoint.len()).finish_non_exhaustive()
    }
}

impl<T, S> fmt::Debug for Inner<T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner").finish_non_exhaustive()
    }
}
