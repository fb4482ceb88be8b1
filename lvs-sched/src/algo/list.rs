//! The ordered destinations of one service, as a scheduler sees them.
//!
//! The order is the kernel's: **the destination that was added last is first**, an edit never moves one, and a destination that was
//! removed and comes back is first again. A [`Slot`] names a destination inside the list; walking down from the highest slot to the
//! lowest is walking the list in order. Slots of removed destinations stay empty until the list is packed (see [`Renumbering`]).

use alloc::vec::Vec;
use core::net::IpAddr;

use lvs_model::{Destination, Endpoint, Family, SchedulerFlags, Thresholds, Weight};

use super::{
    bitmap::Bitmap,
    hash::fold,
    load::{Generation, Load},
    settings::Settings,
};

/// This is the place of a destination in [`Destinations`].
///
/// It stays the same until [`Scheduler::renumbered`](super::Scheduler::renumbered) says otherwise, and is not used again for another
/// destination before that. A higher slot comes earlier in list order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(pub(crate) u32);

impl Slot {
    /// The slot as an index below [`Destinations::slots`].
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// No destination: beyond the end of every table.
    pub(crate) const NOBODY: Self = Self(u32::MAX);

    pub(crate) const fn at(index: usize) -> Self {
        Self(index as u32)
    }
}

/// This names a destination for as long as anything refers to it: in the list, in the trash, and in the list again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DestinationId {
    index: u32,
    generation: u32,
}

impl DestinationId {
    /// A small number that no other destination of the same list has now: fit as an index of a table beside the list.
    #[must_use]
    pub const fn index(self) -> usize {
        self.index as usize
    }
}

// What picking and counting touch: 16 bytes, four to a cache line. An empty slot has weight 0.
#[derive(Debug, Clone, Copy, Default)]
struct Hot {
    // The top bit says that there are thresholds, so that those who have none never look for them.
    weight: u32,
    load: Load,
}

const _: () = assert!(size_of::<Hot>() == 16);

const LIMITED: u32 = 1 << 31;

// What edits touch.
#[derive(Debug, Clone, Copy)]
struct Cold {
    id: DestinationId,
    endpoint: Endpoint,
    thresholds: Thresholds,
    last_weight: u32,
}

// Where the destination with a given id is.
#[derive(Debug, Clone, Copy)]
struct Place {
    generation: u32,
    at: At,
}

#[derive(Debug, Clone, Copy)]
enum At {
    Free,
    Listed(Slot),
    Departed(u32),
}

#[derive(Debug, Clone, Copy)]
struct Departed {
    hot: Hot,
    cold: Cold,
}

/// This is the list of destinations with their weights and loads, and what the service says to its scheduler.
///
/// It is read by [schedulers](super::Scheduler) and changed through [`Scheduled`](super::Scheduled), which tells the scheduler about
/// every change.
#[derive(Debug, Clone)]
pub struct Destinations {
    family: Family,
    flags: SchedulerFlags,
    settings: Settings,
    hot: Vec<Hot>,
    cold: Vec<Cold>,
    live: Bitmap,
    count: usize,
    places: Vec<Place>,
    free_places: Vec<u32>,
    departed: Vec<Option<Departed>>,
    free_departed: Vec<u32>,
}

impl Destinations {
    /// Makes an empty list for a service of a family, without scheduler flags.
    #[must_use]
    pub fn new(family: Family, settings: Settings) -> Self {
        Self {
            family,
            flags: SchedulerFlags::EMPTY,
            settings,
            hot: Vec::new(),
            cold: Vec::new(),
            live: Bitmap::default(),
            count: 0,
            places: Vec::new(),
            free_places: Vec::new(),
            departed: Vec::new(),
            free_departed: Vec::new(),
        }
    }

    /// The address family of the service: sh and mh fold addresses by it.
    #[must_use]
    pub const fn family(&self) -> Family {
        self.family
    }

    /// The service's scheduler flags, read at every pick.
    #[must_use]
    pub const fn flags(&self) -> SchedulerFlags {
        self.flags
    }

    /// The kernel that is imitated.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The generation of kernels that is imitated.
    #[must_use]
    pub const fn generation(&self) -> Generation {
        self.settings.generation
    }

    /// How many destinations are in the list, whatever their weights.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Says whether the list has no destination.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// One more than the highest slot in use: the length of a table with an entry per slot.
    #[must_use]
    pub fn slots(&self) -> usize {
        self.hot.len()
    }

    /// Walks the destinations in list order: the one that was added last comes first.
    pub fn iter(&self) -> impl Iterator<Item = Slot> + Clone + '_ {
        core::iter::successors(self.first(), move |&slot| self.after(slot))
    }

    /// The first destination in list order, which is the one that was added last.
    #[must_use]
    pub fn first(&self) -> Option<Slot> {
        self.live.last().map(Slot::at)
    }

    /// The destination after this place in list order. The place itself may be empty by now.
    #[must_use]
    pub fn after(&self, slot: Slot) -> Option<Slot> {
        self.live.last_below(slot.index()).map(Slot::at)
    }

    /// Says whether a destination is in this place; weights and loads of empty places are zero.
    #[must_use]
    pub fn contains(&self, slot: Slot) -> bool {
        self.live.contains(slot.index())
    }

    /// The weight, 0 for a quiesced destination and for an empty place.
    #[must_use]
    pub fn weight(&self, slot: Slot) -> u32 {
        self.hot[slot.index()].weight & !LIMITED
    }

    /// The latest weight that was not 0, or the weight with which the destination was added: what mh goes by.
    #[must_use]
    pub fn last_weight(&self, slot: Slot) -> u32 {
        self.cold[slot.index()].last_weight
    }

    /// The connection counters and the overload flag.
    #[must_use]
    pub fn load(&self, slot: Slot) -> &Load {
        &self.hot[slot.index()].load
    }

    /// The address and port.
    #[must_use]
    pub fn endpoint(&self, slot: Slot) -> Endpoint {
        self.cold[slot.index()].endpoint
    }

    /// The connection thresholds.
    #[must_use]
    pub fn thresholds(&self, slot: Slot) -> Thresholds {
        self.cold[slot.index()].thresholds
    }

    /// The lasting name of the destination in this place.
    #[must_use]
    pub fn id(&self, slot: Slot) -> DestinationId {
        self.cold[slot.index()].id
    }

    /// Where the destination is now; `None` while it is removed.
    #[must_use]
    #[inline]
    pub fn slot(&self, id: DestinationId) -> Option<Slot> {
        match self.place(id) {
            Some(At::Listed(slot)) => Some(slot),
            _ => None,
        }
    }

    /// The load of a destination that is in the list or departed; `None` once it was forgotten.
    #[must_use]
    pub fn load_of(&self, id: DestinationId) -> Option<&Load> {
        self.hot_of(id).map(|hot| &hot.load)
    }

    /// The weight of a destination that is in the list, or the weight with which it departed.
    #[must_use]
    pub fn weight_of(&self, id: DestinationId) -> Option<u32> {
        self.hot_of(id).map(|hot| hot.weight & !LIMITED)
    }

    /// The address and port of a destination that is in the list or departed.
    #[must_use]
    pub fn endpoint_of(&self, id: DestinationId) -> Option<Endpoint> {
        match self.place(id)? {
            At::Free => None,
            At::Listed(slot) => Some(self.endpoint(slot)),
            At::Departed(at) => self.departed.get(at as usize)?.as_ref().map(|departed| departed.cold.endpoint),
        }
    }

    /// Says whether new connections may go there: the weight is not 0 and the overload flag is off.
    #[must_use]
    pub fn is_usable(&self, slot: Slot) -> bool {
        self.hot.get(slot.index()).is_some_and(|hot| hot.weight & !LIMITED != 0 && !hot.load.is_overloaded())
    }

    #[inline]
    pub(super) fn weight_and_load(&self, slot: Slot) -> (u32, &Load) {
        let hot = &self.hot[slot.index()];
        (hot.weight & !LIMITED, &hot.load)
    }

    /// The number by which mh places the destination: its folded address and its port.
    pub(super) fn placement(&self, slot: Slot) -> u32 {
        let endpoint = self.endpoint(slot);
        let folded = match (self.family, endpoint.addr) {
            // A service of IPv4 reads the first word of a tunnel's IPv6 address only.
            (Family::Inet, IpAddr::V6(addr)) => {
                let [a, b, c, d, ..] = addr.octets();
                u32::from_be_bytes([a, b, c, d])
            }
            (_, addr) => fold(addr),
        };
        folded.wrapping_add(endpoint.port.into())
    }

    #[inline]
    fn place(&self, id: DestinationId) -> Option<At> {
        let place = self.places.get(id.index())?;
        (place.generation == id.generation).then_some(place.at)
    }

    fn hot_of(&self, id: DestinationId) -> Option<&Hot> {
        match self.place(id)? {
            At::Free => None,
            At::Listed(slot) => self.hot.get(slot.index()),
            At::Departed(at) => self.departed.get(at as usize)?.as_ref().map(|departed| &departed.hot),
        }
    }
}

// The changes, for `Scheduled`.
impl Destinations {
    pub(super) fn set_flags(&mut self, flags: SchedulerFlags) {
        self.flags = flags;
    }

    /// The family can only change while there is nobody whom it concerns.
    #[cfg(feature = "std")]
    pub(super) fn set_family(&mut self, family: Family) {
        if self.is_empty() {
            self.family = family;
        }
    }

    pub(super) fn set_settings(&mut self, settings: Settings) {
        self.settings = settings;
    }

    pub(super) fn push(&mut self, destination: &Destination, load: Load, before: Thresholds) -> Slot {
        let index = self.free_places.pop().unwrap_or_else(|| {
            self.places.push(Place { generation: 0, at: At::Free });
            (self.places.len() - 1) as u32
        });
        let id = DestinationId { index, generation: self.places[index as usize].generation };
        self.list(id, destination, load, before)
    }

    pub(super) fn restore(&mut self, id: DestinationId, destination: &Destination) -> Option<Slot> {
        let Some(At::Departed(at)) = self.place(id) else { return None };
        let departed = self.departed.get_mut(at as usize)?.take()?;
        self.free_departed.push(at);
        Some(self.list(id, destination, departed.hot.load, departed.cold.thresholds))
    }

    fn list(&mut self, id: DestinationId, destination: &Destination, mut load: Load, before: Thresholds) -> Slot {
        let slot = Slot::at(self.hot.len());
        let (weight, thresholds) = (destination.weight.get(), destination.thresholds);
        load.configure(self.generation(), before, thresholds);
        self.hot.push(Hot { weight: marked(weight, thresholds), load });
        self.cold.push(Cold { id, endpoint: destination.endpoint, thresholds, last_weight: weight });
        self.live.grow(self.hot.len());
        self.live.insert(slot.index());
        self.count += 1;
        self.places[id.index()].at = At::Listed(slot);
        slot
    }

    pub(super) fn edit(&mut self, slot: Slot, weight: Weight, thresholds: Thresholds) {
        let generation = self.generation();
        let (hot, cold) = (&mut self.hot[slot.index()], &mut self.cold[slot.index()]);
        hot.load.configure(generation, cold.thresholds, thresholds);
        hot.weight = marked(weight.get(), thresholds);
        cold.thresholds = thresholds;
        if weight.get() != 0 {
            cold.last_weight = weight.get();
        }
    }

    pub(super) fn remove(&mut self, slot: Slot) {
        let departed = Departed { hot: core::mem::take(&mut self.hot[slot.index()]), cold: self.cold[slot.index()] };
        self.live.remove(slot.index());
        self.count -= 1;
        let at = self.free_departed.pop().unwrap_or_else(|| {
            self.departed.push(None);
            (self.departed.len() - 1) as u32
        });
        self.departed[at as usize] = Some(departed);
        self.places[departed.cold.id.index()].at = At::Departed(at);
    }

    pub(super) fn forget(&mut self, id: DestinationId) -> Option<Load> {
        let Some(At::Departed(at)) = self.place(id) else { return None };
        let departed = self.departed.get_mut(at as usize)?.take()?;
        self.free_departed.push(at);
        let place = &mut self.places[id.index()];
        *place = Place { generation: place.generation.wrapping_add(1), at: At::Free };
        self.free_places.push(id.index);
        Some(departed.hot.load)
    }

    /// Changes the load of a listed destination; says whether it has thresholds, so that it may have become overloaded or stopped to be so.
    #[inline]
    pub(super) fn change_load(&mut self, slot: Slot, change: impl FnOnce(&mut Load, Generation, Thresholds)) -> bool {
        let generation = self.settings.generation;
        let hot = &mut self.hot[slot.index()];
        let limited = hot.weight & LIMITED != 0;
        let thresholds = if limited { self.cold[slot.index()].thresholds } else { Thresholds::NONE };
        change(&mut hot.load, generation, thresholds);
        limited
    }

    #[inline]
    pub(super) fn change_load_of(
        &mut self,
        id: DestinationId,
        change: impl FnOnce(&mut Load, Generation, Thresholds),
    ) -> Option<Changed> {
        let generation = self.settings.generation;
        match self.place(id)? {
            At::Free => None,
            At::Listed(slot) => {
                let limited = self.change_load(slot, change);
                Some(Changed::Listed { slot, limited })
            }
            At::Departed(at) => {
                let departed = self.departed.get_mut(at as usize)?.as_mut()?;
                change(&mut departed.hot.load, generation, departed.cold.thresholds);
                Some(Changed::Departed)
            }
        }
    }

    /// Packs the list when more than half of a large one is empty places.
    pub(super) fn pack(&mut self) -> Option<Renumbering> {
        const WORTH_PACKING: usize = 64;
        let slots = self.hot.len();
        if slots < WORTH_PACKING || slots < 2 * self.count {
            return None;
        }
        let mut to = alloc::vec![u32::MAX; slots];
        let mut next = 0;
        for (from, to) in to.iter_mut().enumerate() {
            if self.live.contains(from) {
                *to = next;
                self.hot[next as usize] = self.hot[from];
                self.cold[next as usize] = self.cold[from];
                self.places[self.cold[from].id.index()].at = At::Listed(Slot(next));
                next += 1;
            }
        }
        self.hot.truncate(self.count);
        self.cold.truncate(self.count);
        self.hot.shrink_to(2 * self.count);
        self.cold.shrink_to(2 * self.count);
        self.live = Bitmap::full(self.count);
        Some(Renumbering { to })
    }
}

/// Where a destination was whose load changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Changed {
    Listed { slot: Slot, limited: bool },
    Departed,
}

const fn marked(weight: u32, thresholds: Thresholds) -> u32 {
    if thresholds.is_none() { weight } else { weight | LIMITED }
}

/// This says which slots the destinations of a list moved to when it was packed. Their order is unchanged.
#[derive(Debug, Clone)]
pub struct Renumbering {
    to: Vec<u32>,
}

impl Renumbering {
    /// The new slot of the destination that was in an old one, `None` where there was none.
    #[must_use]
    pub fn new_slot(&self, old: Slot) -> Option<Slot> {
        self.to.get(old.index()).filter(|&&to| to != u32::MAX).map(|&to| Slot(to))
    }

    /// The lowest new slot that is not below an old one: where a walk that had come to an old place goes on.
    #[must_use]
    pub fn boundary(&self, old: Slot) -> Slot {
        let kept_below = self.to.iter().take(old.index()).filter(|&&to| to != u32::MAX).count();
        Slot::at(kept_below)
    }

    /// Moves the entries of a table that has one entry per slot.
    pub fn apply<T>(&self, table: &mut Vec<T>) {
        let mut old = self.to.iter();
        table.retain(|_| old.next().is_some_and(|&to| to != u32::MAX));
    }
}
