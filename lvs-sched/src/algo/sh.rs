//! sh, source hashing: the client's address decides.
//!
//! Worked example, as observed on kernels: A and B added in this order (even slots are B's, odd ones A's); clients 10.0.0.1 to 10.0.0.8
//! hash to slots 39 137 235 77 174 16 114 212: `A A A A B B B B`.

use alloc::vec::Vec;

use lvs_model::{Protocol, SchedulerFlags};

use super::{
    Destinations, Draws, Flow, Renumbering, Scheduler, Slot,
    hash::{fold, multiplicative},
};

/// This is sh, source hashing.
///
/// A table of 256 slots is filled with the destinations in list order, each taking as many slots in a row as its weight, but at least one:
/// **a quiesced destination keeps a slot, and quiescing one moves clients of others**. The client's address, with its port under
/// `sh-port` ([`SchedulerFlags::PORT`]), hashes to a slot. If the destination there cannot take the connection, nobody does; under
/// `sh-fallback` ([`SchedulerFlags::FALLBACK`]) other slots are tried.
#[derive(Debug, Clone, Default)]
pub struct Sh {
    table: Vec<Slot>,
    stale: bool,
}

const BITS: u32 = 8;
const SLOTS: usize = 1 << BITS;

impl Sh {
    fn fill(&mut self, list: &Destinations) {
        self.stale = false;
        self.table.clear();
        if list.is_empty() {
            return;
        }
        let runs =
            list.iter().flat_map(|slot| core::iter::repeat_n(slot, list.weight(slot).clamp(1, SLOTS as u32) as usize));
        // At least one slot each: a walk over 256 destinations fills the table.
        let first: Vec<Slot> = runs.take(SLOTS).collect();
        self.table.extend(first.iter().cycle().take(SLOTS));
    }
}

/// Finds the destination for a client in the table.
pub(super) fn probe(table: &[Slot], flags: SchedulerFlags, flow: &Flow, usable: impl Fn(Slot) -> bool) -> Option<Slot> {
    let hash = multiplicative(fold(flow.client.addr).wrapping_add(hashed_port(flags, flow)), BITS) as usize;
    let first = *table.get(hash)?;
    if usable(first) {
        return Some(first);
    }
    if !flags.contains(SchedulerFlags::FALLBACK) {
        return None;
    }
    (0..SLOTS).map(|offset| table[(2 * hash + offset) % SLOTS]).find(|&slot| usable(slot))
}

/// The client's port where it matters: under `sh-port` or `mh-port`, for protocols that have ports.
pub(super) fn hashed_port(flags: SchedulerFlags, flow: &Flow) -> u32 {
    let has_ports = matches!(flow.protocol, Protocol::TCP | Protocol::UDP | Protocol::SCTP);
    if flags.contains(SchedulerFlags::PORT) && has_ports { flow.client.port.into() } else { 0 }
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
        if self.stale {
            self.fill(list);
        }
        probe(&self.table, list.flags(), flow, |slot| list.is_usable(slot))
    }

    fn retry(&self, list: &Destinations, flow: &Flow, _: &mut dyn Draws, excluded: &[Slot]) -> Option<Slot> {
        let mut fresh = self.clone();
        if fresh.stale {
            fresh.fill(list);
        }
        let usable = |slot| list.is_usable(slot) && !excluded.contains(&slot);
        probe(&fresh.table, list.flags().union(SchedulerFlags::FALLBACK), flow, usable)
    }
}
