//! The way of one thread into a pool.

use alloc::sync::Arc;
use core::{fmt, ops::Deref};

use lvs_model::{Endpoint, Protocol};

use super::{
    Inner,
    connection::{Connection, Entry},
    shared::{Activity, Shared, Stale},
    template::Template,
    view::{Lane, View, draw},
};
use crate::algo::{DestinationId, Flow, Random, Scheduler, Slot};

/// This picks destinations from a [`Pool`](super::Pool); make one per thread or task with [`Pool::picker`](super::Pool::picker).
///
/// It holds a view of the pool, refreshed by itself when the pool was edited. One that stands idle keeps the view that it last used, and
/// with it the data of destinations that were removed since.
///
/// | scheduler | [`pick`](Self::pick) | [`connect`](Self::connect) |
/// |---|---|---|
/// | rr, wrr | one atomic addition | the same and a short lock |
/// | lc, wlc, sed, nq, fo, ovf | one load of a published word | a short lock |
/// | dh, sh, mh, twos | reads only | a short lock |
/// | lblc, lblcr, your own without a [`Shortcut`](crate::algo::Shortcut) | a short lock | a short lock |
pub struct Picker<T, S> {
    inner: Arc<Inner<T, S>>,
    // The same as in `inner`, one step nearer.
    shared: Arc<Shared<S>>,
    view: Arc<View<T>>,
    random: Random,
}

impl<T, S: Scheduler> Picker<T, S> {
    pub(super) fn new(inner: Arc<Inner<T, S>>, random: Random) -> Self {
        let view = inner.view();
        let shared = Arc::clone(&inner.shared);
        Self { inner, shared, view, random }
    }

    /// The same picker with random numbers (for twos) that a seed determines.
    #[must_use]
    pub fn seeded(mut self, seed: u64) -> Self {
        self.random = Random::seeded(seed);
        self
    }

    /// Picks a destination for a flow, without counting a connection; `None` if none can take it.
    #[inline]
    pub fn pick(&mut self, flow: &Flow) -> Option<Pick<'_, T>> {
        // `?` in each arm: an `Option` that the arms have in common costs as much as a hash.
        let slot = match &self.view.lane {
            Lane::Next => match self.shared.words.next(self.view.version) {
                Ok(next) => next?,
                Err(Stale) => self.pick_slot(flow)?,
            },
            Lane::Turns(turns) => match turns.take().filter(|&slot| self.view.layout.marks.is_usable(slot)) {
                Some(slot) => slot,
                None => self.pick_slot(flow)?,
            },
            Lane::Dh(table) if self.shared.words.is_current(self.view.version) => {
                table.probe(flow, |slot| self.view.layout.marks.is_usable(slot))?
            }
            Lane::Sh(table) if self.shared.words.is_current(self.view.version) => {
                table.probe(flow, |slot| self.view.layout.marks.is_usable(slot))?
            }
            Lane::Mh(table) if self.shared.words.is_current(self.view.version) => {
                table.probe(flow, |slot| self.view.layout.marks.is_usable(slot))?
            }
            Lane::Ask => self.ask_always(flow)?,
            _ => self.pick_slot(flow)?,
        };
        Some(Pick { entry: self.view.layout.entry(slot)? })
    }

    /// Picks a destination for a flow and counts a connection to it, in one step; `None` if none can take it.
    ///
    /// Flows of TCP count as active from the start, all others as inactive, as in the kernel: see [`Connection`].
    #[inline]
    pub fn connect(&mut self, flow: &Flow) -> Option<Connection<T>> {
        let activity = Activity::of(flow);
        if let Lane::Next = self.view.lane
            && let Ok(next) = self.shared.bind_next(self.view.version, activity)
        {
            // The entry was written before its slot could be picked, and stays in this layout.
            let entry = Arc::clone(self.view.layout.entry(next?)?);
            return Some(Connection::new(entry, activity));
        }
        self.connect_otherwise(flow, activity)
    }

    #[inline(never)]
    fn connect_otherwise(&mut self, flow: &Flow, activity: Activity) -> Option<Connection<T>> {
        loop {
            if let Lane::Turns(_) = self.view.lane {
                let slot = self.pick_slot(flow)?;
                let entry = Arc::clone(self.view.layout.entry(slot)?);
                if self.inner.bind_usable(entry.id, activity) {
                    return Some(Connection::new(entry, activity));
                }
                // Removed or overloaded since: take another turn.
                continue;
            }
            let (inner, view, random) = (&*self.inner, &self.view, &mut self.random);
            let bound = inner.shared.with(|core, words| {
                if core.viewed != view.version || core.has_turns() {
                    return Err(Stale);
                }
                let Some(slot) = core.pick(flow, random) else { return Ok(None) };
                core.bind_slot(slot, activity, words);
                let opened = core.open_lane(words);
                Ok(Some((slot, opened.map(|(version, lane)| inner.publish(version, view.layout.clone(), lane)))))
            });
            match bound {
                Err(Stale) => self.view = self.inner.view(),
                Ok(None) => return None,
                Ok(Some((slot, opened))) => {
                    if let Some(view) = opened {
                        self.view = view;
                    }
                    let entry = Arc::clone(self.view.layout.entry(slot)?);
                    return Some(Connection::new(entry, activity));
                }
            }
        }
    }

    /// Picks a destination for a client and keeps the client there: see [`Template`]. `None` if none can take it.
    pub fn template(&mut self, flow: &Flow) -> Option<Template<T>> {
        loop {
            let pick = self.pick(flow)?;
            if let Some(template) = Template::new(pick.entry) {
                return Some(template);
            }
        }
    }

    /// Picks and counts again for a flow that some destinations could not take, without moving any cursor.
    ///
    /// What is picked instead suits the scheduler: the next in turn, the next by load, the fallback of a hash. The schedulers' exact
    /// sequence goes on afterwards as if nothing had happened. As long as any usable destination is not excluded, one is found.
    ///
    /// Cost: O(n) under the pool's lock, some hundreds of microseconds at 100,000 destinations; it is meant for what fails.
    ///
    /// ```
    /// use lvs_model::Destination;
    /// use lvs_sched::{Pool, algo::Flow};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let pool = Pool::named("rr".parse()?)?;
    /// for endpoint in ["10.0.0.1:80", "10.0.0.2:80"] {
    ///     pool.add(Destination::new(endpoint.parse()?), ())?;
    /// }
    /// let (mut picker, flow) = (pool.picker(), Flow::default());
    /// let broken = picker.connect(&flow).ok_or("nobody")?;
    /// let other = picker.retry(&flow, &[broken.id()]).ok_or("nobody else")?;
    /// assert_ne!(other.endpoint(), broken.endpoint());
    /// assert!(picker.retry(&flow, &[broken.id(), other.id()]).is_none());
    /// # Ok(())
    /// # }
    /// ```
    pub fn retry(&mut self, flow: &Flow, excluded: &[DestinationId]) -> Option<Connection<T>> {
        let activity = Activity::of(flow);
        let (inner, random) = (&*self.inner, &mut self.random);
        let entry = inner.shared.with(|core, words| {
            if core.has_turns() {
                core.invalidate(words);
            }
            let slot = core.retry(flow, random, excluded)?;
            let entry = Arc::clone(inner.view().layout.entry(slot)?);
            core.bind_slot(slot, activity, words);
            Some(entry)
        })?;
        Some(Connection::new(entry, activity))
    }

    #[inline(never)]
    fn ask_always(&mut self, flow: &Flow) -> Option<Slot> {
        match self.shared.ask_always(self.view.version, flow, &mut self.random) {
            Ok(pick) => pick,
            Err(Stale) => self.pick_slot(flow),
        }
    }

    #[inline(never)]
    fn pick_slot(&mut self, flow: &Flow) -> Option<Slot> {
        loop {
            let view = &*self.view;
            let (words, marks) = (&self.shared.words, &view.layout.marks);
            match &view.lane {
                Lane::Next => {
                    if let Ok(next) = words.next(view.version) {
                        return next;
                    }
                }
                Lane::Turns(turns) => {
                    if let Some(slot) = turns.take_usable(marks) {
                        return Some(slot);
                    }
                    // Closed already, or a scheduler's table in which nobody can be picked: ask it.
                    self.shared.with(|core, words| {
                        if core.has_turns() && core.viewed == view.version {
                            core.invalidate(words);
                        }
                    });
                }
                Lane::Dh(table) if words.is_current(view.version) => {
                    return table.probe(flow, |slot| marks.is_usable(slot));
                }
                Lane::Sh(table) if words.is_current(view.version) => {
                    return table.probe(flow, |slot| marks.is_usable(slot));
                }
                Lane::Mh(table) if words.is_current(view.version) => {
                    return table.probe(flow, |slot| marks.is_usable(slot));
                }
                Lane::Draw(chances) if words.is_current(view.version) => {
                    return draw(chances, marks, &mut self.random);
                }
                Lane::Dh(_) | Lane::Sh(_) | Lane::Mh(_) | Lane::Draw(_) | Lane::Ask => {}
            }
            if let Some(asked) = self.ask(flow) {
                return asked;
            }
        }
    }

    /// Asks the scheduler under the lock; `None` if there is a newer view, which is taken over.
    fn ask(&mut self, flow: &Flow) -> Option<Option<Slot>> {
        let (inner, view, random) = (&*self.inner, &self.view, &mut self.random);
        let asked = inner.shared.with(|core, words| {
            if !core.must_ask() || core.viewed != view.version {
                return None;
            }
            let pick = core.pick(flow, random);
            let opened = core.open_lane(words);
            Some((pick, opened.map(|(version, lane)| inner.publish(version, view.layout.clone(), lane))))
        });
        match asked {
            None => {
                self.view = self.inner.view();
                None
            }
            Some((pick, opened)) => {
                if let Some(view) = opened {
                    self.view = view;
                }
                Some(pick)
            }
        }
    }
}

impl Activity {
    #[inline]
    pub(super) fn of(flow: &Flow) -> Self {
        if flow.protocol == Protocol::TCP { Self::Active } else { Self::Inactive }
    }
}

impl<T, S> Clone for Picker<T, S> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            shared: Arc::clone(&self.shared),
            view: Arc::clone(&self.view),
            random: Random::seeded(self.random.clone().bits()),
        }
    }
}

impl<T, S> fmt::Debug for Picker<T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Picker").field("version", &self.view.version).finish_non_exhaustive()
    }
}

/// This is a destination that was picked, without a connection counted. It dereferences to the caller's data.
pub struct Pick<'a, T> {
    entry: &'a Arc<Entry<T>>,
}

impl<'a, T> Pick<'a, T> {
    /// The caller's data of the destination.
    #[must_use]
    pub fn data(&self) -> &'a T {
        &self.entry.data
    }

    /// The address and port of the destination.
    #[must_use]
    pub fn endpoint(&self) -> Endpoint {
        self.entry.endpoint
    }

    /// The lasting name of the destination.
    #[must_use]
    pub fn id(&self) -> DestinationId {
        self.entry.id
    }

    /// Counts an active connection to this destination, whatever its load is by now; `None` if it was removed since.
    #[must_use]
    pub fn connect(&self) -> Option<Connection<T>> {
        let known = self.entry.accounts.bind(self.entry.id, Activity::Active);
        known.then(|| Connection::new(Arc::clone(self.entry), Activity::Active))
    }
}

impl<T> Deref for Pick<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.data()
    }
}

impl<T> fmt::Debug for Pick<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pick").field("endpoint", &self.endpoint()).finish()
    }
}
