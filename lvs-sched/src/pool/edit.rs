//! Changes of a pool's destinations, many at once.

use alloc::{sync::Arc, vec::Vec};
use std::collections::{HashMap, HashSet};

use lvs_model::{Destination, Endpoint, Weight};

use super::{
    Inner,
    connection::Entry,
    shared::{Accounts, Core},
    view::{Lane, Layout, View},
};
use crate::algo::{DestinationId, Scheduler, Slot};

/// Why an edit was refused. Nothing of it was done then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum EditError {
    /// A destination with this endpoint is in the pool already: update it instead.
    #[error("destination {0} is in the pool already; update it instead of adding it")]
    Exists(Endpoint),
    /// No destination has this endpoint: add it first.
    #[error("no destination {0} is in the pool; add it first")]
    NotFound(Endpoint),
}

/// This gathers changes of a pool, to be published at once: no pick sees half of them.
///
/// ```
/// use lvs_model::{Destination, Endpoint, Weight};
/// use lvs_sched::Pool;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let pool = Pool::named("wrr".parse()?)?;
/// let (old, new): (Endpoint, Endpoint) = ("10.0.0.1:80".parse()?, "10.0.0.2:80".parse()?);
/// pool.add(Destination::new(old), "old")?;
///
/// pool.edit().add(Destination::new(new), "new").weight(old, Weight::ZERO).publish()?;
/// assert_eq!(pool.len(), 2);
///
/// let refused = pool.edit().remove(old).add(Destination::new(new), "again").publish();
/// assert!(refused.is_err());
/// assert_eq!(pool.len(), 2, "all or nothing");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "nothing happens before `publish`"]
pub struct Edit<'a, T, S> {
    inner: &'a Arc<Inner<T, S>>,
    changes: Vec<Change<T>>,
}

#[derive(Debug)]
enum Change<T> {
    Add(Destination, T),
    Update(Destination),
    Weight(Endpoint, Weight),
    Remove(Endpoint),
}

impl<'a, T, S> Edit<'a, T, S> {
    pub(super) const fn new(inner: &'a Arc<Inner<T, S>>) -> Self {
        Self { inner, changes: Vec::new() }
    }
}

impl<T: Send + Sync + 'static, S: Scheduler + Send + 'static> Edit<'_, T, S> {
    /// Adds a destination with the caller's data; it comes first in list order. One that was removed and still has connections comes
    /// back with its counters.
    pub fn add(mut self, destination: Destination, data: T) -> Self {
        self.changes.push(Change::Add(destination, data));
        self
    }

    /// Changes weight, thresholds and forwarding method of a destination in place. Counters and cursors stay.
    pub fn update(mut self, destination: Destination) -> Self {
        self.changes.push(Change::Update(destination));
        self
    }

    /// Changes the weight of a destination in place. Weight 0 quiesces it: no new connections, the old ones go on.
    pub fn weight(mut self, endpoint: Endpoint, weight: Weight) -> Self {
        self.changes.push(Change::Weight(endpoint, weight));
        self
    }

    /// Removes a destination. Its connections go on and are counted until they end.
    pub fn remove(mut self, endpoint: Endpoint) -> Self {
        self.changes.push(Change::Remove(endpoint));
        self
    }

    /// Does all of it, in order, for every thread at once.
    ///
    /// # Errors
    ///
    /// An endpoint is added that is there, or changed or removed that is not there. Nothing was done then.
    pub fn publish(self) -> Result<(), EditError> {
        let mut configured = self.inner.configured();
        configured.check(&self.changes)?;
        let freed = configured.apply(self.inner, self.changes);
        drop(configured);
        drop(freed);
        Ok(())
    }
}

/// What is configured: the side of a pool that only edits touch.
#[derive(Debug)]
pub(super) struct Configured<T> {
    pub(super) by_endpoint: HashMap<Endpoint, (DestinationId, Destination)>,
    /// Removed destinations that may still have connections.
    departed: HashMap<Endpoint, DestinationId>,
    entries: Vec<Option<Arc<Entry<T>>>>,
    layout: Layout<T>,
    /// How many entries the layout still holds of destinations that were removed.
    stale: usize,
    packed: u32,
    /// Whether the first destination says the family of the service.
    follows_family: bool,
}

impl<T> Configured<T> {
    pub(super) fn new(layout: Layout<T>, follows_family: bool) -> Self {
        let (by_endpoint, departed) = (HashMap::new(), HashMap::new());
        Self { by_endpoint, departed, entries: Vec::new(), layout, stale: 0, packed: 0, follows_family }
    }

    pub(super) fn entry(&self, id: DestinationId) -> Option<&Arc<Entry<T>>> {
        self.entries.get(id.index())?.as_ref()
    }

    fn check(&self, changes: &[Change<T>]) -> Result<(), EditError> {
        let (mut added, mut removed) = (HashSet::new(), HashSet::new());
        for change in changes {
            let endpoint = change.endpoint();
            let is_there =
                added.contains(&endpoint) || self.by_endpoint.contains_key(&endpoint) && !removed.contains(&endpoint);
            match change {
                Change::Add(..) if is_there => return Err(EditError::Exists(endpoint)),
                Change::Add(..) => added.insert(endpoint),
                _ if !is_there => return Err(EditError::NotFound(endpoint)),
                Change::Remove(_) if added.remove(&endpoint) => removed.insert(endpoint),
                Change::Remove(_) => removed.insert(endpoint),
                Change::Update(_) | Change::Weight(..) => true,
            };
        }
        Ok(())
    }
}

/// What an edit set free, with the last of the caller's data perhaps, which is dropped without any lock.
struct Freed<T> {
    _entries: Vec<Arc<Entry<T>>>,
    _view: Option<Arc<View<T>>>,
}

impl<T: Send + Sync + 'static> Configured<T> {
    /// Does the changes and hands out what they set free.
    fn apply<S: Scheduler + Send + 'static>(&mut self, inner: &Arc<Inner<T, S>>, changes: Vec<Change<T>>) -> Freed<T> {
        let mut released = Vec::new();
        let accounts: Arc<dyn Accounts> = Arc::clone(&inner.shared) as Arc<dyn Accounts>;
        let old_view = inner.shared.with(|core, words| {
            core.begin_edit(words);
            for change in changes {
                self.apply_one(core, change, &accounts, &mut released);
            }
            let old_view = self.fit_layout(core, inner, words);
            core.publish_next(words);
            old_view
        });
        if self.departed.len() > 16 + 2 * self.by_endpoint.len() {
            inner.shared.with(|core, _| self.departed.retain(|_, id| core.scheduled.list().load_of(*id).is_some()));
        }
        Freed { _entries: released, _view: old_view }
    }

    fn apply_one<S: Scheduler>(
        &mut self,
        core: &mut Core<S>,
        change: Change<T>,
        accounts: &Arc<dyn Accounts>,
        released: &mut Vec<Arc<Entry<T>>>,
    ) {
        let endpoint = change.endpoint();
        match change {
            Change::Add(destination, data) => {
                if self.follows_family && core.scheduled.list().is_empty() {
                    core.scheduled.set_family(endpoint.family());
                }
                let known = self.departed.remove(&endpoint);
                let id = match known.filter(|&id| core.scheduled.restore(id, &destination)) {
                    Some(id) => id,
                    None => core.scheduled.add(&destination),
                };
                if self.entries.len() <= id.index() {
                    self.entries.resize_with(id.index() + 1, || None);
                }
                let entry = Arc::new(Entry { id, endpoint, data, accounts: Arc::clone(accounts) });
                self.entries[id.index()] = Some(Arc::clone(&entry));
                self.by_endpoint.insert(endpoint, (id, destination));
                if let Some(slot) = self.fitting_slot(core, id) {
                    self.layout.put(slot, entry);
                    core.mark(slot);
                }
            }
            Change::Update(destination) => {
                if let Some((id, known)) = self.by_endpoint.get_mut(&endpoint) {
                    *known = destination;
                    let id = *id;
                    core.scheduled.edit(id, &destination);
                    self.mark(core, id);
                }
            }
            Change::Weight(_, weight) => {
                if let Some((id, known)) = self.by_endpoint.get_mut(&endpoint) {
                    *known = known.with_weight(weight);
                    let (id, destination) = (*id, *known);
                    core.scheduled.edit(id, &destination);
                    self.mark(core, id);
                }
            }
            Change::Remove(_) => {
                let Some((id, _)) = self.by_endpoint.remove(&endpoint) else { return };
                let slot = self.fitting_slot(core, id);
                core.scheduled.remove(id);
                if let Some(slot) = slot {
                    core.mark(slot);
                }
                if core.forget_idle(id) {
                    self.departed.remove(&endpoint);
                } else {
                    self.departed.insert(endpoint, id);
                }
                released.extend(self.entries[id.index()].take());
                self.stale += 1;
            }
        }
    }

    fn mark<S: Scheduler>(&self, core: &mut Core<S>, id: DestinationId) {
        if let Some(slot) = self.fitting_slot(core, id) {
            core.mark(slot);
        }
    }

    /// The slot of a destination, if the layout that is published now has room for it and its slots mean the same.
    fn fitting_slot<S: Scheduler>(&self, core: &Core<S>, id: DestinationId) -> Option<Slot> {
        let fits = core.scheduled.packed() == self.packed;
        core.scheduled.list().slot(id).filter(|slot| fits && slot.index() < self.layout.room())
    }

    /// Publishes a new layout if slots have moved, do not fit, or keep too much of what was removed.
    fn fit_layout<S: Scheduler + Send>(
        &mut self,
        core: &mut Core<S>,
        inner: &Arc<Inner<T, S>>,
        words: &super::shared::Words,
    ) -> Option<Arc<View<T>>> {
        const FEW: usize = 8;
        let slots = core.scheduled.list().slots();
        let fits = core.scheduled.packed() == self.packed && slots <= self.layout.room();
        if fits && self.stale <= FEW.max(slots / 8) && (self.stale == 0 || slots > 4 * FEW) {
            return None;
        }
        let needed = slots.next_power_of_two().max(FEW);
        // What is much too large becomes smaller, and what is a little too large stays.
        let room =
            if needed <= self.layout.room() && self.layout.room() <= 4 * needed { self.layout.room() } else { needed };
        let layout = Layout::with_room(room);
        for slot in core.scheduled.list().iter() {
            if let Some(entry) = self.entry(core.scheduled.list().id(slot)) {
                layout.put(slot, Arc::clone(entry));
            }
        }
        (self.packed, self.stale) = (core.scheduled.packed(), 0);
        self.layout = layout.clone();
        let version = core.move_to(layout.marks.clone(), words);
        let old = inner.view();
        inner.publish(version, layout, Lane::Ask);
        Some(old)
    }
}

impl<T> Change<T> {
    const fn endpoint(&self) -> Endpoint {
        match self {
            Self::Add(destination, _) | Self::Update(destination) => destination.endpoint,
            Self::Weight(endpoint, _) | Self::Remove(endpoint) => *endpoint,
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::Pool;

    #[test]
    fn a_pool_that_was_large_is_small_again() {
        let pool: Pool<()> = Pool::named(lvs_model::SchedulerName::Wlc).expect("one of the fourteen");
        let destination = |port: u16| Destination::new(Endpoint::from((std::net::Ipv4Addr::LOCALHOST, port)));
        let room = || pool.inner.view().layout.room();
        let filled = (0..5000).fold(pool.edit(), |edit, port| edit.add(destination(port), ()));
        filled.publish().expect("all differ");
        assert!(room() >= 5000);
        let emptied = (3..5000).fold(pool.edit(), |edit, port| edit.remove(destination(port).endpoint));
        emptied.publish().expect("all were there");
        for port in 0..3 {
            pool.remove(destination(port).endpoint).expect("it is there");
            pool.add(destination(port), ()).expect("it is not there");
        }
        assert!(room() <= 64, "{}", room());
    }
}
