//! dh, destination hashing: the virtual address decides.
//!
//! Worked example, as observed on kernels: A, B, C added in this order (slot mod 3: 0 is C, 1 is B, 2 is A); virtual addresses 10.9.0.1 to
//! 10.9.0.8 hash to slots 224 66 163 5 103 201 42 140: `A C B A B C C A`.

use alloc::{sync::Arc, vec::Vec};

use super::{
    Destinations, Draws, Flow, Renumbering, Scheduler, Slot,
    hash::{fold, multiplicative},
    shortcut::{Hash, Kind, Shortcut, Table},
};

/// This is dh, destination hashing, for services with many virtual addresses (firewall marks): a row of caches, say.
///
/// A table of 256 slots holds the destinations in turn, in list order; weights do not matter. If the destination in the slot of a virtual
/// address cannot take the connection, nobody does.
#[derive(Debug, Clone, Default)]
pub struct Dh {
    table: Arc<[Slot]>,
    stale: bool,
}

const BITS: u32 = 8;
const SLOTS: usize = 1 << BITS;

impl Dh {
    fn table(&mut self, list: &Destinations) -> &Arc<[Slot]> {
        if self.stale {
            (self.table, self.stale) = (fill(list), false);
        }
        &self.table
    }
}

fn fill(list: &Destinations) -> Arc<[Slot]> {
    let first: Vec<Slot> = list.iter().take(SLOTS).collect();
    first.iter().copied().cycle().take(SLOTS).collect()
}

/// Finds the destination for a virtual address in the table.
#[inline(always)]
pub(super) fn probe(table: &[Slot], flow: &Flow, usable: impl Fn(Slot) -> bool) -> Option<Slot> {
    let found = *table.get(multiplicative(fold(flow.target.addr), BITS) as usize)?;
    usable(found).then_some(found)
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
        probe(self.table(list), flow, |slot| list.is_usable(slot))
    }

    /// The next usable destination in list order after the one that the virtual address hashes to.
    fn retry(&self, list: &Destinations, flow: &Flow, _: &mut dyn Draws, excluded: &[Slot]) -> Option<Slot> {
        let usable = |slot| list.is_usable(slot) && !excluded.contains(&slot);
        let hashed = probe(self.clone().table(list), flow, |_| true)?;
        let after = core::iter::successors(list.after(hashed), |&slot| list.after(slot));
        core::iter::once(hashed).chain(after).chain(list.iter()).find(|&slot| usable(slot))
    }

    fn shortcut(&mut self, list: &Destinations) -> Shortcut {
        let slots = Arc::clone(self.table(list));
        Shortcut(Kind::Table(Table { slots, flags: list.flags(), hash: Hash::Dh }))
    }
}
