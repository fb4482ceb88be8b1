//! This is the timer wheel: it finds the records whose time is over without looking at the others.
//!
//! Eight levels of 64 slots; a slot of level *n* is 64^n ticks wide. A record hangs in the level
//! where its deadline first differs from the present, and moves down as its time comes near: at
//! most seven times. Adding, removing and one expiry are O(1), whatever the number of timers.

use super::clock::Tick;
use super::entry::NIL;
use super::slab::Slab;

const LEVELS: usize = 8;
const BITS: usize = 6;
const SLOTS: usize = 1 << BITS;

/// A record without a timer has this slot.
const UNARMED: u16 = u16::MAX;

#[derive(Debug)]
pub(super) struct Wheel {
    /// Everything up to and including this tick has been handed out.
    now: Tick,
    occupied: [u64; LEVELS],
    heads: [[u32; SLOTS]; LEVELS],
}

impl Wheel {
    pub(super) fn new() -> Self {
        Self { now: Tick(0), occupied: [0; LEVELS], heads: [[NIL; SLOTS]; LEVELS] }
    }

    /// Sets the timer of a record. Pushing it back costs one store: the record stays where it hangs
    /// and moves on when its old time comes.
    pub(super) fn arm(&mut self, slab: &mut Slab, id: u32, deadline: Tick) {
        let deadline = deadline.max(self.now.next());
        let entry = slab.at_mut(id);
        let earlier = deadline < entry.deadline;
        entry.deadline = deadline;
        if entry.wheel_slot == UNARMED {
            self.link(slab, id);
        } else if earlier {
            self.disarm(slab, id);
            self.link(slab, id);
        }
    }

    /// Takes a record out of the wheel.
    pub(super) fn disarm(&mut self, slab: &mut Slab, id: u32) {
        let entry = slab.at_mut(id);
        let slot = entry.wheel_slot;
        if slot == UNARMED {
            return;
        }
        let (prev, next) = (entry.wheel_prev, entry.wheel_next);
        entry.wheel_slot = UNARMED;
        if next != NIL {
            slab.at_mut(next).wheel_prev = prev;
        }
        if prev != NIL {
            slab.at_mut(prev).wheel_next = next;
        } else {
            let (level, slot) = (usize::from(slot) / SLOTS, usize::from(slot) % SLOTS);
            self.heads[level][slot] = next;
            if next == NIL {
                self.occupied[level] &= !(1 << slot);
            }
        }
    }

    /// The next record whose deadline is not after `now`, taken out of the wheel. When there is none
    /// left the wheel stands at `now`.
    pub(super) fn expire(&mut self, slab: &mut Slab, now: Tick) -> Option<u32> {
        while let Some((level, slot, begin)) = self.next_slot() {
            if begin > now {
                break;
            }
            self.now = self.now.max(begin);
            let id = self.heads[level][slot];
            self.disarm(slab, id);
            if level == 0 && slab.at(id).deadline <= self.now {
                return Some(id);
            }
            self.link(slab, id);
            // A wide slot is emptied as a whole: what is left in it would hide behind what has moved down.
            while level > 0 && self.occupied[level] & 1 << slot != 0 {
                let id = self.heads[level][slot];
                self.disarm(slab, id);
                self.link(slab, id);
            }
        }
        self.now = self.now.max(now);
        None
    }

    /// The earliest tick at which `expire` may have something to do.
    pub(super) fn next_event(&self) -> Option<Tick> {
        self.next_slot().map(|(_, _, begin)| begin)
    }

    fn link(&mut self, slab: &mut Slab, id: u32) {
        let deadline = slab.at(id).deadline;
        let differs = (deadline.0 ^ self.now.0) | 1;
        let level = (63 - differs.leading_zeros() as usize) / BITS;
        let slot = (deadline.0 >> (level * BITS)) as usize % SLOTS;
        let head = self.heads[level][slot];
        let entry = slab.at_mut(id);
        entry.wheel_prev = NIL;
        entry.wheel_next = head;
        entry.wheel_slot = (level * SLOTS + slot) as u16;
        if head != NIL {
            slab.at_mut(head).wheel_prev = id;
        }
        self.heads[level][slot] = id;
        self.occupied[level] |= 1 << slot;
    }

    /// The occupied slot that begins first, and the tick at which it begins. Deadlines of one level
    /// share their upper bits with the present, so the lowest occupied level has it.
    fn next_slot(&self) -> Option<(usize, usize, Tick)> {
        let level = self.occupied.iter().position(|&slots| slots != 0)?;
        let slot = self.occupied[level].trailing_zeros() as usize;
        let width = level * BITS;
        let turn = self.now.0 >> width >> BITS << BITS << width;
        Some((level, slot, Tick(turn | (slot as u64) << width)))
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::director::entry::Entry;
    use proptest::prelude::*;

    /// The plainest timer queue: a list that is searched.
    #[derive(Default)]
    struct Naive(Vec<(u64, u32)>);

    proptest! {
        #[test]
        fn it_hands_out_what_a_plain_list_would(
            steps in prop::collection::vec((0u8..4, 0u32..24, prop_oneof![0u64..300, 0u64..100_000, 0u64..1 << 40]), 1..200),
        ) {
            let mut slab = Slab::new();
            let mut wheel = Wheel::new();
            let mut naive = Naive::default();
            let ids: Vec<u32> = (0..24).map(|_| slab.insert(Entry { flags: 0, ..Entry::FREE })).collect();
            let mut now = 0u64;
            for (what, which, span) in steps {
                let id = ids[which as usize];
                match what {
                    0 => {
                        wheel.disarm(&mut slab, id);
                        naive.0.retain(|&(_, other)| other != id);
                    }
                    1 => {
                        now += span;
                        let mut due = Vec::new();
                        while let Some(id) = wheel.expire(&mut slab, Tick(now)) {
                            due.push((slab.at(id).deadline.0, id));
                        }
                        let mut expected: Vec<_> =
                            naive.0.iter().copied().filter(|&(at, _)| at <= now).collect();
                        naive.0.retain(|&(at, _)| at > now);
                        prop_assert!(due.is_sorted_by_key(|&(at, _)| at));
                        due.sort_unstable();
                        expected.sort_unstable();
                        prop_assert_eq!(due, expected);
                    }
                    _ => {
                        wheel.arm(&mut slab, id, Tick(now + span));
                        naive.0.retain(|&(_, other)| other != id);
                        naive.0.push(((now + span).max(now + 1), id));
                    }
                }
                let next = naive.0.iter().map(|&(at, _)| at).min();
                prop_assert_eq!(wheel.next_event().is_some(), next.is_some());
                if let (Some(event), Some(next)) = (wheel.next_event(), next) {
                    prop_assert!(event.0 <= next, "{event:?} {next}");
                }
            }
        }
    }
}
