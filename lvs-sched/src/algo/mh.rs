//! mh, Maglev hashing: the client's address decides, and few clients move when destinations come and go.
//!
//! Worked example, as observed on kernels: A=10.8.0.1:8080 and B=10.8.0.2:8080 of equal weight, added in this order; clients 10.0.0.1 to
//! 10.0.0.8 hash to slots 3711 1884 3741 3701 3620 2581 754 2959 of 4093: `B B B A B B B A`.

use alloc::{sync::Arc, vec::Vec};

use lvs_model::SchedulerFlags;

use super::{
    Destinations, Draws, Flow, Renumbering, Scheduler, Slot,
    hash::{Modulus, fold, sip},
    sh::hashed_port,
    shortcut::{Hash, Kind, Shortcut, Table},
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
    table: Arc<[Slot]>,
    stale: bool,
}

/// No destination.
const FREE: Slot = Slot(u32::MAX);
const FIRST_KEY: u64 = 2_654_435_761;
const SECOND_KEY: u64 = 2_654_446_892;

struct Claim {
    slot: Slot,
    turns: u32,
    next: u32,
    skip: u32,
}

impl Mh {
    fn table(&mut self, list: &Destinations) -> &Arc<[Slot]> {
        if self.stale {
            (self.table, self.stale) = (fill(list, list.iter()), false);
        }
        &self.table
    }

    /// Fills the table before the next pick; a list that has outgrown the table keeps the last one that it had.
    fn edited_any(&mut self, list: &Destinations, added: Option<Slot>) {
        let slots = list.settings().maglev_size.slots();
        if list.len() <= slots {
            self.stale = true;
        } else if self.stale && added.is_some() {
            let before = list.iter().filter(|&slot| Some(slot) != added);
            (self.table, self.stale) = (fill(list, before), false);
        }
    }
}

fn modulus(list: &Destinations) -> Modulus {
    Modulus::new(list.settings().maglev_size.slots() as u32)
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
            next: sip(place, FIRST_KEY) % slots,
            skip: sip(place, SECOND_KEY) % (slots - 1) + 1,
        }
    };
    let mut claims: Vec<Claim> = order.map(claim).filter(|claim| claim.turns != 0).collect();
    let mut table = alloc::vec![FREE; slots as usize];
    let mut free = slots;
    while free > 0 {
        for claim in &mut claims {
            for _ in 0..claim.turns.min(free) {
                while table[claim.next as usize] != FREE {
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

/// Finds the destination for a client in the table.
#[inline(never)]
pub(super) fn probe(
    table: &[Slot],
    modulus: Modulus,
    flags: SchedulerFlags,
    flow: &Flow,
    usable: impl Fn(Slot) -> bool,
) -> Option<Slot> {
    let client = fold(flow.client.addr).wrapping_add(hashed_port(flags, flow));
    let index = modulus.remainder(sip(client, FIRST_KEY));
    // Without a weight above 0 the table is empty.
    let first = *table.get(index as usize)?;
    if usable(first) { Some(first) } else { fall_back(table, modulus, flags, client, usable) }
}

#[cold]
fn fall_back(
    table: &[Slot],
    modulus: Modulus,
    flags: SchedulerFlags,
    client: u32,
    usable: impl Fn(Slot) -> bool,
) -> Option<Slot> {
    if !flags.contains(SchedulerFlags::FALLBACK) {
        return None;
    }
    let slots = table.len() as u32;
    let index = modulus.remainder(sip(client, FIRST_KEY));
    (0..slots)
        .map(|offset| {
            let offset = (offset + index) % slots;
            table[modulus.remainder(sip(client.wrapping_add(offset), FIRST_KEY)) as usize]
        })
        .find(|&slot| usable(slot))
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
        self.table = self.table.iter().map(|&slot| renumbering.new_slot(slot).unwrap_or(FREE)).collect();
    }

    #[inline]
    fn pick(&mut self, list: &Destinations, flow: &Flow, _: &mut dyn Draws) -> Option<Slot> {
        probe(self.table(list), modulus(list), list.flags(), flow, |slot| list.is_usable(slot))
    }

    fn retry(&self, list: &Destinations, flow: &Flow, _: &mut dyn Draws, excluded: &[Slot]) -> Option<Slot> {
        let usable = |slot| list.is_usable(slot) && !excluded.contains(&slot);
        // The probes are random, so they may miss somebody; and with more destinations than slots some have none.
        let flags = list.flags().union(SchedulerFlags::FALLBACK);
        let probed = probe(self.clone().table(list), modulus(list), flags, flow, usable);
        probed.or_else(|| list.iter().find(|&slot| usable(slot)))
    }

    fn shortcut(&mut self, list: &Destinations) -> Shortcut {
        let slots = Arc::clone(self.table(list));
        Shortcut(Kind::Table(Table { slots, flags: list.flags(), hash: Hash::Mh(modulus(list)) }))
    }
}
