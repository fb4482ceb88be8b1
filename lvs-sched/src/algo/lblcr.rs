//! lblcr, locality-based least connection with replication: a set of destinations per virtual address.
//!
//! Worked example, as observed on kernels: weights 2, 2, 2, connections left open to two virtual addresses in turn:
//! `C B C B C B A B A B A B`, as lblc; here V1 has the set {A, C} in the end.

use alloc::{vec, vec::Vec};
use core::time::Duration;

use super::{
    DestinationId, Destinations, Draws, Flow, Renumbering, Scheduler, Slot, address_cache::AddressCache, least,
    locality::Locality,
};

/// This is lblcr, locality-based least connection with replication.
///
/// As [`Lblc`](super::Lblc), but a virtual address has a set of destinations, of which the weighted least connection is taken. When that
/// one is busy, the least of all joins the set. When nothing joined or left for 24 hours
/// ([`Settings::cache_expiration`](super::Settings::cache_expiration)), the next pick removes the most loaded member.
#[derive(Debug, Clone, Default)]
pub struct Lblcr {
    locality: Locality,
    cache: AddressCache<Set>,
}

/// The destinations of one virtual address, the latest first.
#[derive(Debug, Clone)]
struct Set {
    members: Vec<DestinationId>,
    changed: Duration,
}

impl Set {
    /// The weighted least connection among the members that are in the list.
    fn least(&self, list: &Destinations) -> Option<Slot> {
        let listed = self.members.iter().filter_map(|&id| list.slot(id));
        least::weighted(list, listed, |slot| list.load(slot).overhead())
    }

    /// The highest overhead per weight among all members, in the list or not, overloaded or not.
    fn most_loaded(&self, list: &Destinations) -> Option<usize> {
        let measured = self.members.iter().enumerate().filter_map(|(at, &id)| {
            let (weight, load) = (list.weight_of(id)?, list.load_of(id)?);
            (weight > 0).then(|| (at, i64::from(load.overhead()), i64::from(weight)))
        });
        measured.reduce(|most, later| if most.1 * later.2 < later.1 * most.2 { later } else { most }).map(|(at, ..)| at)
    }
}

impl Scheduler for Lblcr {
    fn bind(&mut self, list: &Destinations) {
        self.cache = AddressCache::default();
        self.locality.bind(list);
    }

    fn added(&mut self, list: &Destinations, slot: Slot) {
        self.locality.added(list, slot);
    }

    fn removed(&mut self, list: &Destinations, slot: Slot) {
        self.locality.changed(list, slot);
    }

    fn edited(&mut self, list: &Destinations, slot: Slot) {
        self.locality.edited(list, slot);
    }

    #[inline]
    fn load_changed(&mut self, list: &Destinations, slot: Slot) {
        self.locality.changed(list, slot);
    }

    fn renumbered(&mut self, list: &Destinations, _: &Renumbering) {
        self.locality.bind(list);
    }

    fn elapsed(&mut self, list: &Destinations, now: Duration) {
        self.cache.elapsed(now, list.settings().cache_expiration);
    }

    fn remembers(&self, id: DestinationId) -> bool {
        self.cache.values().any(|set| set.members.contains(&id))
    }

    #[inline]
    fn pick(&mut self, list: &Destinations, flow: &Flow, _: &mut dyn Draws) -> Option<Slot> {
        self.cache.elapsed(flow.now, list.settings().cache_expiration);
        // Mostly there is one, and it is good.
        if let Some(entry) = self.cache.touch(flow.target.addr, flow.now)
            && let [only] = entry.value.members[..]
            && let Some(slot) = list.slot(only)
            && list.is_usable(slot)
            && !self.locality.is_busy(list, slot)
        {
            return Some(slot);
        }
        self.pick_from_set(list, flow)
    }
}

impl Lblcr {
    #[inline(never)]
    fn pick_from_set(&mut self, list: &Destinations, flow: &Flow) -> Option<Slot> {
        let (addr, now) = (flow.target.addr, flow.now);
        let Some(entry) = self.cache.touch(addr, now) else {
            let least = self.locality.least(list)?;
            let set = Set { members: vec![list.id(least)], changed: now };
            self.cache.insert(addr, set, now, list.generation());
            return Some(least);
        };
        let set = &mut entry.value;
        let least = set.least(list);
        // The pick is made before the set shrinks, so it may be the one that leaves.
        if set.members.len() > 1
            && now > set.changed.saturating_add(list.settings().cache_expiration)
            && let Some(most) = set.most_loaded(list)
        {
            set.members.remove(most);
            set.changed = now;
        }
        if let Some(slot) = least.filter(|&slot| !self.locality.is_busy(list, slot)) {
            return Some(slot);
        }
        let least = self.locality.least(list)?;
        let id = list.id(least);
        if !set.members.contains(&id) {
            // Who was forgotten has no load any more and could not leave the set otherwise.
            set.members.retain(|&member| list.load_of(member).is_some());
            set.members.insert(0, id);
            set.changed = now;
        }
        Some(least)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algo::{Random, Scheduled, Settings};
    use lvs_model::{Destination, Endpoint, Family};

    #[test]
    fn a_set_does_not_grow_by_who_was_forgotten() {
        let mut scheduled = Scheduled::new(Lblcr::default(), Family::Inet, Settings::default());
        let (mut random, mut before) = (Random::seeded(1), None);
        for round in 0..500_u16 {
            let endpoint = Endpoint::from((core::net::Ipv4Addr::LOCALHOST, round));
            let id = scheduled.add(&Destination::new(endpoint));
            if let Some(before) = before.replace(id) {
                scheduled.remove(before);
                scheduled.forget(before);
            }
            let now = Duration::from_secs(3600 * u64::from(round));
            assert!(scheduled.pick(&Flow::default().at(now), &mut random).is_some());
            assert!(scheduled.scheduler().cache.values().all(|set| set.members.len() <= 2), "round {round}");
        }
    }
}
