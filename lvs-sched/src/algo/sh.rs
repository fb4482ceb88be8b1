//! sh, source hashing: the client's address decides.
//!
//! Worked example, as observed on kernels: A and B added in this order (even slots are B's, odd ones A's); clients 10.0.0.1 to 10.0.0.8
//! hash to slots 39 137 235 77 174 16 114 212: `A A A A B B B B`.

use alloc::{sync::Arc, vec::Vec};

use lvs_model::{Protocol, SchedulerFlags};

use super::{
    Destinations, Draws, Flow, Renumbering, Scheduler, Slot,
    hash::{fold, multiplicative},
    shortcut::{Hash, Kind, Shortcut, Table},
};

/// This is sh, source hashing.
///
/// A table of 256 slots is filled with the destinations in list order, each taking as many slots in a row as its weight, but at least one:
/// **a quiesced destination keeps a slot, and quiescing one moves clients of others**. The client's address, with its port under
/// `sh-port` ([`SchedulerFlags::PORT`]), hashes to a slot. If the destination there cannot take the connection, nobody does; under
/// `sh-fallback` ([`SchedulerFlags::FALLBACK`]) other slots are tried.
#[derive(Debug, Clone, Default)]
pub struct Sh {
    table: Arc<[Slot]>,
    stale: bool,
}

const BITS: u32 = 8;
const SLOTS: usize = 1 << BITS;

impl Sh {
    fn table(&mut self, list: &Destinations) -> &Arc<[Slot]> {
        if self.stale {
            (self.table, self.stale) = (fill(list), false);
        }
        &self.table
    }
}

fn fill(list: &Destinations) -> Arc<[Slot]> {
    let run = |slot| core::iter::repeat_n(slot, list.weight(slot).clamp(1, SLOTS as u32) as usize);
    // At least one slot each: 256 destinations fill the table.
    let once: Vec<Slot> = list.iter().take(SLOTS).flat_map(run).take(SLOTS).collect();
    once.iter().copied().cycle().take(SLOTS).collect()
}

/// Finds the destination for a client in the table.
#[inline(always)]
pub(super) fn probe(table: &[Slot], flags: SchedulerFlags, flow: &Flow, usable: impl Fn(Slot) -> bool) -> Option<Slot> {
    let hash = multiplicative(fold(flow.client.addr).wrapping_add(hashed_port(flags, flow)), BITS) as usize;
    let first = *table.get(hash)?;
    if usable(first) { Some(first) } else { fall_back(table, flags, hash, usable) }
}

#[cold]
fn fall_back(table: &[Slot], flags: SchedulerFlags, hash: usize, usable: impl Fn(Slot) -> bool) -> Option<Slot> {
    if !flags.contains(SchedulerFlags::FALLBACK) {
        return None;
    }
    (0..SLOTS).map(|offset| table[(2 * hash + offset) % SLOTS]).find(|&slot| usable(slot))
}

/// The client's port where it matters: under `sh-port` or `mh-port`, for protocols that have ports.
#[inline]
pub(super) fn hashed_port(flags: SchedulerFlags, flow: &Flow) -> u32 {
    let has_ports = || matches!(flow.protocol, Protocol::TCP | Protocol::UDP | Protocol::SCTP);
    if flags.contains(SchedulerFlags::PORT) && has_ports() { flow.client.port.into() } else { 0 }
}

impl Scheduler for Sh {
    fn bind(&mut self, _: &Destinations) {
        self.stale = true;
    }

    fn added(&mut self, _: &Destinations, _: Slot) {
        self.stale = true;
    }

    fn removed(&mut self, _: &Destinations, _: Slot) {
        self.stale = true;
    }

    fn edited(&mut self, _: &Destinations, _: Slot) {
        self.stale = true;
    }

    fn renumbered(&mut self, _: &Destinations, _: &Renumbering) {
        self.stale = true;
    }

    #[inline]
    fn pick(&mut self, list: &Destinations, flow: &Flow, _: &mut dyn Draws) -> Option<Slot> {
        probe(self.table(list), list.flags(), flow, |slot| list.is_usable(slot))
    }

    fn retry(&self, list: &Destinations, flow: &Flow, _: &mut dyn Draws, excluded: &[Slot]) -> Option<Slot> {
        let usable = |slot| list.is_usable(slot) && !excluded.contains(&slot);
        // Who has no slot is taken when nobody who has one is left.
        let flags = list.flags().union(SchedulerFlags::FALLBACK);
        probe(self.clone().table(list), flags, flow, usable).or_else(|| list.iter().find(|&slot| usable(slot)))
    }

    fn shortcut(&mut self, list: &Destinations) -> Shortcut {
        let slots = Arc::clone(self.table(list));
        Shortcut(Kind::Table(Table { slots, flags: list.flags(), hash: Hash::Sh }))
    }
}
