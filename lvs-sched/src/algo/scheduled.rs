//! A list of destinations with its scheduler, for one owner.

use alloc::vec::Vec;
use core::time::Duration;

use lvs_model::{Destination, Family, SchedulerFlags, Thresholds};

use super::{DestinationId, Destinations, Draws, Flow, Generation, Load, Scheduler, Settings, Slot, list::Changed};

/// This is one service's destinations with a scheduler bound to them: the sequential core of `Pool` and `Director`.
///
/// It keeps list, counters and scheduler in step. A removed destination is *departed*: it gets no more connections, while those that
/// it has go on being counted, until it is [restored](Self::restore) with its counters or [forgotten](Self::forget).
///
/// ```
/// use lvs_model::{Destination, Family};
/// use lvs_sched::algo::{Flow, Lc, Random, Scheduled, Settings};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut random = Random::seeded(1);
/// let mut service = Scheduled::new(Lc::default(), Family::Inet, Settings::default());
/// let first = Destination::new("10.0.0.1:80".parse()?);
/// let a = service.add(&first);
/// let b = service.add(&Destination::new("10.0.0.2:80".parse()?));
///
/// assert_eq!(service.pick(&Flow::default(), &mut random), Some(b));
/// service.bind_active(b);
/// assert_eq!(service.pick(&Flow::default(), &mut random), Some(a));
///
/// service.bind_active(a);
/// service.remove(a);
/// assert_eq!(service.restore(a, &first), true);
/// assert_eq!(service.list().load_of(a).map(|load| load.active()), Some(1));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Scheduled<S> {
    list: Destinations,
    scheduler: S,
    packed: u32,
}

impl<S: Scheduler> Scheduled<S> {
    /// Binds a scheduler to an empty list.
    #[must_use]
    pub fn new(mut scheduler: S, family: Family, settings: Settings) -> Self {
        let list = Destinations::new(family, settings);
        scheduler.bind(&list);
        Self { list, scheduler, packed: 0 }
    }

    /// The destinations in list order, with weights and loads.
    #[must_use]
    pub const fn list(&self) -> &Destinations {
        &self.list
    }

    /// The scheduler.
    #[must_use]
    pub const fn scheduler(&self) -> &S {
        &self.scheduler
    }

    /// Replaces the scheduler and gives the old one back; the new one starts afresh on the list as it is.
    pub fn replace_scheduler(&mut self, mut scheduler: S) -> S {
        scheduler.bind(&self.list);
        core::mem::replace(&mut self.scheduler, scheduler)
    }

    /// Changes the family of the service, as long as the list is empty.
    #[cfg(feature = "std")]
    pub(crate) fn set_family(&mut self, family: Family) {
        self.list.set_family(family);
    }

    /// Changes the service's scheduler flags. They act from the next pick on; nothing is forgotten.
    pub fn set_flags(&mut self, flags: SchedulerFlags) {
        self.list.set_flags(flags);
    }

    /// Changes the expiration time of lblc's and lblcr's memory, as writing to the sysctl does.
    pub fn set_cache_expiration(&mut self, expiration: Duration) {
        self.list.set_settings(self.list.settings().with_cache_expiration(expiration));
    }

    /// Adds a destination at the head of the list. Nothing checks whether its endpoint is in the list already.
    pub fn add(&mut self, destination: &Destination) -> DestinationId {
        self.adopt(destination, Load::default(), Thresholds::NONE)
    }

    /// Adds a destination with the load and the thresholds that it had elsewhere.
    pub fn adopt(&mut self, destination: &Destination, load: Load, before: Thresholds) -> DestinationId {
        self.pack();
        let slot = self.list.push(destination, load, before);
        self.scheduler.added(&self.list, slot);
        self.list.id(slot)
    }

    /// Puts a removed destination at the head of the list again, with the load it has; false if it is not a removed one.
    pub fn restore(&mut self, id: DestinationId, destination: &Destination) -> bool {
        if self.list.slot(id).is_some() || self.list.load_of(id).is_none() {
            return false;
        }
        self.pack();
        let Some(slot) = self.list.restore(id, destination) else { return false };
        self.scheduler.added(&self.list, slot);
        true
    }

    /// Changes weight and thresholds in place; false if the destination is not in the list.
    pub fn edit(&mut self, id: DestinationId, destination: &Destination) -> bool {
        let Some(slot) = self.list.slot(id) else { return false };
        self.list.edit(slot, destination.weight, destination.thresholds);
        self.scheduler.edited(&self.list, slot);
        true
    }

    /// Takes a destination out of the list; false if it is not in there. Its connections go on being counted.
    pub fn remove(&mut self, id: DestinationId) -> bool {
        let Some(slot) = self.list.slot(id) else { return false };
        self.list.remove(slot);
        self.scheduler.removed(&self.list, slot);
        true
    }

    /// Gives up a removed destination and hands out its load; its id is void from now on.
    pub fn forget(&mut self, id: DestinationId) -> Option<Load> {
        self.list.forget(id)
    }

    /// Picks a destination for a new connection, without counting it.
    #[inline]
    pub fn pick(&mut self, flow: &Flow, draws: &mut dyn Draws) -> Option<DestinationId> {
        self.pick_slot(flow, draws).map(|slot| self.list.id(slot))
    }

    /// Picks again for a connection that some destinations could not take.
    #[must_use]
    pub fn retry(&self, flow: &Flow, draws: &mut dyn Draws, excluded: &[DestinationId]) -> Option<DestinationId> {
        let excluded: Vec<Slot> = excluded.iter().filter_map(|&id| self.list.slot(id)).collect();
        self.scheduler.retry(&self.list, flow, draws, &excluded).map(|slot| self.list.id(slot))
    }

    /// Tells the scheduler the time, as a timer that fires once a minute does in the kernel.
    pub fn elapsed(&mut self, now: Duration) {
        self.scheduler.elapsed(&self.list, now);
    }

    /// Counts a new connection, inactive at first. False if the destination was forgotten, here and below.
    pub fn bind(&mut self, id: DestinationId) -> bool {
        self.change(id, Load::bind)
    }

    /// Counts a new connection that is active from the start.
    pub fn bind_active(&mut self, id: DestinationId) -> bool {
        self.change(id, Load::bind_active)
    }

    /// Forgets an inactive connection.
    pub fn unbind(&mut self, id: DestinationId) -> bool {
        self.change(id, Load::unbind)
    }

    /// Forgets an active connection.
    pub fn unbind_active(&mut self, id: DestinationId) -> bool {
        self.change(id, Load::unbind_active)
    }

    /// An inactive connection becomes active.
    pub fn activate(&mut self, id: DestinationId) -> bool {
        self.change(id, |load, generation, _| load.activate(generation))
    }

    /// An active connection becomes inactive.
    pub fn deactivate(&mut self, id: DestinationId) -> bool {
        self.change(id, |load, generation, _| load.deactivate(generation))
    }

    /// Counts a new persistence template.
    pub fn bind_template(&mut self, id: DestinationId) -> bool {
        self.change(id, Load::bind_template)
    }

    /// Forgets a persistence template.
    pub fn unbind_template(&mut self, id: DestinationId) -> bool {
        self.change(id, Load::unbind_template)
    }

    #[inline]
    fn change(&mut self, id: DestinationId, change: impl FnOnce(&mut Load, Generation, Thresholds)) -> bool {
        match self.list.change_load_of(id, change) {
            Some(Changed::Listed { slot, .. }) => {
                self.scheduler.load_changed(&self.list, slot);
                true
            }
            Some(Changed::Departed) => true,
            None => false,
        }
    }

    fn pack(&mut self) {
        if let Some(renumbering) = self.list.pack() {
            self.scheduler.renumbered(&self.list, &renumbering);
            self.packed = self.packed.wrapping_add(1);
        }
    }
    #[inline]
    pub(crate) fn pick_slot(&mut self, flow: &Flow, draws: &mut dyn Draws) -> Option<Slot> {
        self.scheduler.pick(&self.list, flow, draws)
    }
}

// What a pool does in steps of its own.
#[cfg(feature = "std")]
impl<S: Scheduler> Scheduled<S> {
    /// Changes the load of a listed destination without telling the scheduler; says whether the overload flag may have changed.
    #[inline]
    pub(crate) fn change_slot(&mut self, slot: Slot, change: impl FnOnce(&mut Load, Generation, Thresholds)) -> bool {
        self.list.change_load(slot, change)
    }

    /// Changes the load of a destination without telling the scheduler.
    #[inline]
    pub(crate) fn change_id(
        &mut self,
        id: DestinationId,
        change: impl FnOnce(&mut Load, Generation, Thresholds),
    ) -> Option<Changed> {
        self.list.change_load_of(id, change)
    }

    #[inline]
    pub(crate) fn settle(&mut self, slot: Slot) -> Option<Slot> {
        self.scheduler.settle(&self.list, slot)
    }

    #[inline]
    pub(crate) fn load_changed(&mut self, slot: Slot) {
        self.scheduler.load_changed(&self.list, slot);
    }

    pub(crate) fn next_pick(&self) -> Option<Slot> {
        self.scheduler.next_pick(&self.list)
    }

    pub(crate) fn shortcut(&mut self) -> super::Shortcut {
        self.scheduler.shortcut(&self.list)
    }

    pub(crate) fn taken(&mut self, entries: u64) {
        self.scheduler.taken(&self.list, entries);
    }

    /// How often the list was packed: slots are void after that.
    pub(crate) const fn packed(&self) -> u32 {
        self.packed
    }
}
