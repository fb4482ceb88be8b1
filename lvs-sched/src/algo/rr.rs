//! rr, round robin: the next usable destination in list order.
//!
//! Worked example, as observed on kernels: A, B, C added in this order, nine clients: `C B A C B A C B A`.

use alloc::sync::Arc;

use super::{Destinations, Draws, Flow, Renumbering, Scheduler, Shortcut, Slot, bitmap::Bitmap};

/// This is rr, round robin. Weights do not matter, except that 0 takes a destination out.
///
/// A destination that is added is visited when the walk begins anew; removing the one that was picked last moves the cursor back by
/// one place, so nobody is passed over.
#[derive(Debug, Clone, Default)]
pub struct Rr {
    usable: Bitmap,
    // The place of the last pick; `None` is before the first. The place may be empty: the walk goes on after it all the same.
    cursor: Option<Slot>,
    // The turns that a pool takes by itself, and how many picks came since the last edit that had to ask.
    turns: Arc<[Slot]>,
    asked: usize,
}

impl Rr {
    /// The first usable destination after the cursor, going round the list once.
    fn next(&self, skip: impl Fn(Slot) -> bool) -> Option<Slot> {
        let start = self.cursor.map_or(usize::MAX, Slot::index);
        let mut at = start;
        let mut wrapped = false;
        loop {
            match self.usable.last_below(at) {
                Some(found) if wrapped && found < start => return None,
                Some(found) if !skip(Slot::at(found)) => return Some(Slot::at(found)),
                Some(found) => at = found,
                None if wrapped || self.cursor.is_none() => return None,
                None => (wrapped, at) = (true, usize::MAX),
            }
        }
    }
}

impl Scheduler for Rr {
    fn bind(&mut self, list: &Destinations) {
        *self = Self::default();
        self.usable.grow(list.slots());
        for slot in list.iter().filter(|&slot| list.is_usable(slot)) {
            self.usable.insert(slot.index());
        }
    }

    fn added(&mut self, list: &Destinations, slot: Slot) {
        self.asked = 0;
        self.usable.grow(list.slots());
        self.load_changed(list, slot);
    }

    fn removed(&mut self, list: &Destinations, slot: Slot) {
        self.asked = 0;
        self.usable.remove(slot.index());
        // The kernel moves the cursor back to the destination before it. An empty place says the same, until nothing is before it:
        // then the cursor is the head of the list, and whatever is added next is visited first.
        let at_head = |cursor: Slot| !list.contains(cursor) && list.first().is_none_or(|first| first < cursor);
        if self.cursor.is_some_and(at_head) {
            self.cursor = None;
        }
    }

    fn edited(&mut self, list: &Destinations, slot: Slot) {
        self.asked = 0;
        self.load_changed(list, slot);
    }

    #[inline]
    fn load_changed(&mut self, list: &Destinations, slot: Slot) {
        if list.is_usable(slot) {
            self.usable.insert(slot.index());
        } else {
            self.usable.remove(slot.index());
        }
    }

    fn renumbered(&mut self, list: &Destinations, renumbering: &Renumbering) {
        let cursor = self.cursor.map(|cursor| renumbering.boundary(cursor));
        self.bind(list);
        self.cursor = cursor;
    }

    #[inline]
    fn pick(&mut self, _: &Destinations, _: &Flow, _: &mut dyn Draws) -> Option<Slot> {
        let pick = self.next(|_| false)?;
        self.cursor = Some(pick);
        self.asked = self.asked.wrapping_add(1);
        Some(pick)
    }

    fn retry(&self, _: &Destinations, _: &Flow, _: &mut dyn Draws, excluded: &[Slot]) -> Option<Slot> {
        self.next(|slot| excluded.contains(&slot))
    }
    /// The list without the quiesced ones, from the cursor on, once an eighth of it had to ask: then writing it down has paid.
    fn shortcut(&mut self, list: &Destinations) -> Shortcut {
        if self.asked.saturating_mul(8) < list.len() {
            return Shortcut::LATER;
        }
        let later = core::iter::successors(self.cursor.and_then(|cursor| list.after(cursor)), |&slot| list.after(slot));
        let earlier = list.iter().take_while(|&slot| self.cursor.is_none_or(|cursor| slot >= cursor));
        self.turns = later.chain(earlier).filter(|&slot| list.weight(slot) > 0).collect();
        Shortcut::turns(Arc::clone(&self.turns))
    }

    fn taken(&mut self, _: &Destinations, entries: u64) {
        if let Some(last) = entries.checked_sub(1).and_then(|last| last.checked_rem(self.turns.len() as u64)) {
            self.cursor = Some(self.turns[last as usize]);
        }
        self.turns = Arc::default();
    }
}
