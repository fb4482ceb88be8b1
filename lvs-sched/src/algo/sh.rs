//! sh, source hashing: the client's address decides.
//!
//! Worked example, as observed on kernels: A and B added in this order (even slots are B's, odd ones A's); clients 10.0.0.1 to 10.0.0.8
//! hash to slots 39 137 235 77 174 16 114 212: `A A A A B B B B`.

use lvs_model::{Protocol, SchedulerFlags};

use super::{
    Destinations, Draws, Flow, Renumbering, Scheduler, Slot,
    buckets::{BUCKETS, Buckets},
    hash::fold,
    shortcut::{Kind, Shortcut},
};

/// This is sh, source hashing.
///
/// A table of 256 slots is filled with the destinations in list order, each taking as many slots in a row as its weight, but at least one:
/// **a quiesced destination keeps a slot, and quiescing one moves clients of others**. The client's address, with its port under
/// `sh-port` ([`SchedulerFlags::PORT`]), hashes to a slot. If the destination there cannot take the connection, nobody does; under
/// `sh-fallback` ([`SchedulerFlags::FALLBACK`]) other slots are tried.
#[derive(Debug, Clone, Default)]
pub struct Sh {
    buckets: Buckets,
    stale: bool,
}

/// What picks look at.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    buckets: Buckets,
    flags: SchedulerFlags,
}

impl Sh {
    fn buckets(&mut self, list: &Destinations) -> &Buckets {
        if self.stale {
            (self.buckets, self.stale) = (fill(list), false);
        }
        &self.buckets
    }
}

fn fill(list: &Destinations) -> Buckets {
    let run = |slot| core::iter::repeat_n(slot, list.weight(slot).clamp(1, BUCKETS as u32) as usize);
    // At least one slot each: 256 destinations fill the table.
    Buckets::filled(list.iter().take(BUCKETS).flat_map(run))
}

/// Finds the destination for a client.
#[inline(always)]
fn probe(buckets: &Buckets, flags: SchedulerFlags, flow: &Flow, usable: impl Fn(Slot) -> bool) -> Option<Slot> {
    let hash = Buckets::hash(fold(flow.client.addr).wrapping_add(hashed_port(flags, flow)));
    let first = buckets.get(hash);
    if usable(first) { Some(first) } else { fall_back(buckets, flags, hash, usable) }
}

#[cold]
fn fall_back(buckets: &Buckets, flags: SchedulerFlags, hash: usize, usable: impl Fn(Slot) -> bool) -> Option<Slot> {
    if !flags.contains(SchedulerFlags::FALLBACK) {
        return None;
    }
    (0..BUCKETS).map(|offset| buckets.get(2 * hash + offset)).find(|&slot| usable(slot))
}

#[cfg_attr(not(feature = "std"), expect(dead_code, reason = "pools take shortcuts"))]
impl Table {
    #[inline(always)]
    pub(crate) fn probe(&self, flow: &Flow, usable: impl Fn(Slot) -> bool) -> Option<Slot> {
        probe(&self.buckets, self.flags, flow, usable)
    }
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
        probe(self.buckets(list), list.flags(), flow, |slot| list.is_usable(slot))
    }

    fn retry(&self, list: &Destinations, flow: &Flow, _: &mut dyn Draws, excluded: &[Slot]) -> Option<Slot> {
        let usable = |slot| list.is_usable(slot) && !excluded.contains(&slot);
        // Who has no slot is taken when nobody who has one is left.
        let flags = list.flags().union(SchedulerFlags::FALLBACK);
        probe(self.clone().buckets(list), flags, flow, usable).or_else(|| list.iter().find(|&slot| usable(slot)))
    }

    fn shortcut(&mut self, list: &Destinations) -> Shortcut {
        Shortcut(Kind::Sh(Table { buckets: self.buckets(list).clone(), flags: list.flags() }))
    }
}
