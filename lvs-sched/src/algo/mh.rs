//! mh, Maglev hashing: the client's address decides, and few clients move when destinations come and go.
//!
//! Worked example, as observed on kernels: A=10.8.0.1:8080 and B=10.8.0.2:8080 of equal weight, added in this order; clients 10.0.0.1 to
//! 10.0.0.8 hash to slots 3711 1884 3741 3701 3620 2581 754 2959 of 4093: `B B B A B B B A`.

use alloc::{sync::Arc, vec::Vec};

use lvs_model::SchedulerFlags;

use super::{
    Destinations, Draws, Flow, Renumbering, Scheduler, Slot,
    hash::{Modulus, Sip, fold},
    sh::hashed_port,
    shortcut::{Kind, Shortcut},
    summary::gcd,
};

/// This is mh, Maglev hashing, with the consistency of a ring and the speed of a table.
///
/// Each destination claims slots of a table in an order of its own, as many per turn as its weight says, until all are taken. Quiescing by
/// an edit does not change the table: clients of the quiesced destination are refused, or go elsewhere under `mh-fallback`
/// ([`SchedulerFlags::FALLBACK`]), and nobody else moves. `mh-port` ([`SchedulerFlags::PORT`]) hashes the client's port too.
///
/// A list of more destinations than slots keeps the table that it had.
#[derive(Debug, Clone, Default)]
pub struct Mh {
    ring: Ring,
    stale: bool,
}

/// What picks look at.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    ring: Ring,
    flags: SchedulerFlags,
}

/// The slots, of which there are none without a weight above 0, and how clients come to them.
#[derive(Debug, Clone)]
struct Ring {
    slots: Arc<[Slot]>,
    size: Modulus,
    sip: Sip,
}

const FIRST: Sip = Sip::new(2_654_435_761);
const SECOND: Sip = Sip::new(2_654_446_892);

impl Default for Ring {
    fn default() -> Self {
        Self::new(Arc::default())
    }
}

struct Claim {
    slot: Slot,
    turns: u32,
    next: u32,
    skip: u32,
}

impl Mh {
    fn ring(&mut self, list: &Destinations) -> &Ring {
        if self.stale {
            (self.ring, self.stale) = (Ring::new(fill(list, list.iter())), false);
        }
        &self.ring
    }

    /// Fills the table before the next pick; a list that has outgrown the table keeps the last one that it had.
    fn edited_any(&mut self, list: &Destinations, added: Option<Slot>) {
        let slots = list.settings().maglev_size.slots();
        if list.len() <= slots {
            self.stale = true;
        } else if self.stale && added.is_some() {
            let before = list.iter().filter(|&slot| Some(slot) != added);
            (self.ring, self.stale) = (Ring::new(fill(list, before)), false);
        }
    }
}

fn fill(list: &Destinations, order: impl Iterator<Item = Slot> + Clone) -> Arc<[Slot]> {
    let size = list.settings().maglev_size;
    let slots = size.slots() as u32;
    let (divisor, max) = order
        .clone()
        .map(|slot| list.last_weight(slot))
        .fold((0, 0), |(divisor, max): (u32, u32), weight| (gcd(divisor, weight), max.max(weight)));
    if divisor == 0 {
        return Arc::default();
    }
    let longest = u32::BITS - (max / divisor).leading_zeros();
    let shift = longest.saturating_sub(size.weight_bits());
    let claim = |slot| {
        let (weight, place) = (list.last_weight(slot), list.placement(slot));
        Claim {
            slot,
            turns: ((weight / divisor) >> shift).max(u32::from(weight != 0)),
            next: FIRST.hash(place) % slots,
            skip: SECOND.hash(place) % (slots - 1) + 1,
        }
    };
    let mut claims: Vec<Claim> = order.map(claim).filter(|claim| claim.turns != 0).collect();
    let mut table = alloc::vec![Slot::NOBODY; slots as usize];
    let mut free = slots;
    while free > 0 {
        for claim in &mut claims {
            for _ in 0..claim.turns.min(free) {
                while table[claim.next as usize] != Slot::NOBODY {
                    claim.advance(slots);
                }
                table[claim.next as usize] = claim.slot;
                free -= 1;
            }
        }
    }
    table.into()
}

impl Claim {
    fn advance(&mut self, slots: u32) {
        self.next += self.skip;
        if self.next >= slots {
            self.next -= slots;
        }
    }
}

impl Ring {
    fn new(slots: Arc<[Slot]>) -> Self {
        Self { size: Modulus::new((slots.len() as u32).max(1)), slots, sip: FIRST }
    }

    /// Finds the destination for a client.
    #[inline(always)]
    fn probe(&self, flags: SchedulerFlags, flow: &Flow, usable: impl Fn(Slot) -> bool) -> Option<Slot> {
        let client = fold(flow.client.addr).wrapping_add(hashed_port(flags, flow));
        let first = *self.slots.get(self.place(client))?;
        if usable(first) { Some(first) } else { self.fall_back(flags, client, usable) }
    }

    #[inline(always)]
    fn place(&self, client: u32) -> usize {
        self.size.remainder(self.sip.hash(client)) as usize
    }

    #[cold]
    fn fall_back(&self, flags: SchedulerFlags, client: u32, usable: impl Fn(Slot) -> bool) -> Option<Slot> {
        if !flags.contains(SchedulerFlags::FALLBACK) {
            return None;
        }
        let (slots, first) = (self.slots.len() as u32, self.place(client) as u32);
        (0..slots)
            .map(|offset| self.slots[self.place(client.wrapping_add((offset + first) % slots))])
            .find(|&slot| usable(slot))
    }
}

#[cfg_attr(not(feature = "std"), expect(dead_code, reason = "pools take shortcuts"))]
impl Table {
    #[inline(always)]
    pub(crate) fn probe(&self, flow: &Flow, usable: impl Fn(Slot) -> bool) -> Option<Slot> {
        self.ring.probe(self.flags, flow, usable)
    }
}

impl Scheduler for Mh {
    fn bind(&mut self, list: &Destinations) {
        *self = Self::default();
        self.edited_any(list, None);
    }

    fn added(&mut self, list: &Destinations, slot: Slot) {
        self.edited_any(list, Some(slot));
    }

    fn removed(&mut self, list: &Destinations, _: Slot) {
        self.edited_any(list, None);
    }

    fn edited(&mut self, list: &Destinations, _: Slot) {
        self.edited_any(list, None);
    }

    fn renumbered(&mut self, _: &Destinations, renumbering: &Renumbering) {
        let slots = self.ring.slots.iter().map(|&slot| renumbering.new_slot(slot).unwrap_or(Slot::NOBODY));
        self.ring = Ring::new(slots.collect());
    }

    #[inline]
    fn pick(&mut self, list: &Destinations, flow: &Flow, _: &mut dyn Draws) -> Option<Slot> {
        self.ring(list).probe(list.flags(), flow, |slot| list.is_usable(slot))
    }

    fn retry(&self, list: &Destinations, flow: &Flow, _: &mut dyn Draws, excluded: &[Slot]) -> Option<Slot> {
        let usable = |slot| list.is_usable(slot) && !excluded.contains(&slot);
        // The probes are random, so they may miss somebody; and with more destinations than slots some have none.
        let flags = list.flags().union(SchedulerFlags::FALLBACK);
        let probed = self.clone().ring(list).probe(flags, flow, usable);
        probed.or_else(|| list.iter().find(|&slot| usable(slot)))
    }

    fn shortcut(&mut self, list: &Destinations) -> Shortcut {
        Shortcut(Kind::Mh(Table { ring: self.ring(list).clone(), flags: list.flags() }))
    }
}
