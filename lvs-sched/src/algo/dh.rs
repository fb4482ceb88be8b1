//! dh, destination hashing: the virtual address decides.
//!
//! Worked example, as observed on kernels: A, B, C added in this order (slot mod 3: 0 is C, 1 is B, 2 is A); virtual addresses 10.9.0.1 to
//! 10.9.0.8 hash to slots 224 66 163 5 103 201 42 140: `A C B A B C C A`.

use super::{
    Destinations, Draws, Flow, Renumbering, Scheduler, Slot,
    buckets::Buckets,
    hash::fold,
    shortcut::{Kind, Shortcut},
};

/// This is dh, destination hashing, for services with many virtual addresses (firewall marks): a row of caches, say.
///
/// A table of 256 slots holds the destinations in turn, in list order; weights do not matter. If the destination in the slot of a virtual
/// address cannot take the connection, nobody does.
#[derive(Debug, Clone, Default)]
pub struct Dh {
    table: Table,
    stale: bool,
}

/// What picks look at.
#[derive(Debug, Clone, Default)]
pub(crate) struct Table(Buckets);

impl Dh {
    fn table(&mut self, list: &Destinations) -> &Table {
        if self.stale {
            (self.table, self.stale) = (Table(Buckets::filled(list.iter())), false);
        }
        &self.table
    }
}

impl Table {
    /// Finds the destination for a virtual address.
    #[inline(always)]
    pub(crate) fn probe(&self, flow: &Flow, usable: impl Fn(Slot) -> bool) -> Option<Slot> {
        let found = self.0.get(Buckets::hash(fold(flow.target.addr)));
        usable(found).then_some(found)
    }
}

impl Scheduler for Dh {
    fn bind(&mut self, _: &Destinations) {
        self.stale = true;
    }

    fn added(&mut self, _: &Destinations, _: Slot) {
        self.stale = true;
    }

    fn removed(&mut self, _: &Destinations, _: Slot) {
        self.stale = true;
    }

    fn renumbered(&mut self, _: &Destinations, _: &Renumbering) {
        self.stale = true;
    }

    #[inline]
    fn pick(&mut self, list: &Destinations, flow: &Flow, _: &mut dyn Draws) -> Option<Slot> {
        self.table(list).probe(flow, |slot| list.is_usable(slot))
    }

    /// The next usable destination in list order after the one that the virtual address hashes to.
    fn retry(&self, list: &Destinations, flow: &Flow, _: &mut dyn Draws, excluded: &[Slot]) -> Option<Slot> {
        let usable = |slot| list.is_usable(slot) && !excluded.contains(&slot);
        let hashed = self.clone().table(list).probe(flow, |slot| list.contains(slot))?;
        let after = core::iter::successors(list.after(hashed), |&slot| list.after(slot));
        core::iter::once(hashed).chain(after).chain(list.iter()).find(|&slot| usable(slot))
    }

    fn shortcut(&mut self, list: &Destinations) -> Shortcut {
        Shortcut(Kind::Dh(self.table(list).clone()))
    }
}
