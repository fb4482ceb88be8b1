//! A tournament tree: reads the lowest key in one step, changes a key in log2(n) steps without a branch that could be mispredicted.
//!
//! Eight keys share a cache line and play their first three rounds in it; above that the tree is binary. A match needs the other side's
//! winner, whose place is known beforehand, so that a processor loads all of them at once and only the comparisons wait for each other.
//! That is faster than nodes of eight keys compared by vector instructions, which stall when they read what was just written.

use alloc::vec::Vec;
use core::hint::select_unpredictable;

use super::Slot;

const WAYS: usize = 8;

/// The key of a place that must not win; all others are lower.
pub(super) const OUT: u64 = u64::MAX - 1;

#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
struct Line([u64; WAYS]);

#[derive(Debug, Clone, Copy)]
struct Winner {
    key: u64,
    slot: u32,
}

// The memory of a key: its place in a line, and its share of the matches while their number is a power of two.
const _: () = assert!(size_of::<Line>() / WAYS + 2 * size_of::<Winner>() / WAYS == 12);

/// Keys by slot, lowest first; of equal ones the highest slot, which is the first in list order.
#[derive(Debug, Clone)]
pub(super) struct Tournament {
    lines: Vec<Line>,
    // The winner of all is at 1, the players of the match at `n` are at `2n` and `2n + 1`; those of the lines are in the upper half.
    winners: Vec<Winner>,
}

impl Default for Tournament {
    fn default() -> Self {
        Self { lines: alloc::vec![Line([OUT; WAYS])], winners: alloc::vec![Winner { key: OUT, slot: 0 }; 2] }
    }
}

impl Tournament {
    /// The slot with the lowest key, if any takes part.
    #[inline]
    pub(super) fn best(&self) -> Option<Slot> {
        let best = self.winners[1];
        (best.key < OUT).then_some(Slot(best.slot))
    }

    /// Starts again with these keys.
    pub(super) fn fill(&mut self, keys: impl ExactSizeIterator<Item = u64>) {
        *self = Self::default();
        self.grow(keys.len());
        for (slot, key) in keys.enumerate() {
            self.lines[slot / WAYS].0[slot % WAYS] = key;
        }
        self.play_all();
    }

    /// Makes room for slots below `len`.
    pub(super) fn grow(&mut self, len: usize) {
        let lines = len.div_ceil(WAYS).next_power_of_two();
        if lines > self.lines.len() {
            self.lines.resize(lines, Line([OUT; WAYS]));
            self.play_all();
        }
    }

    fn play_all(&mut self) {
        let lines = self.lines.len();
        self.winners = alloc::vec![Winner { key: OUT, slot: 0 }; 2 * lines];
        for at in 0..lines {
            self.winners[lines + at] = self.lines[at].winner(at);
        }
        for at in (1..lines).rev() {
            let (lower, higher) = (self.winners[2 * at], self.winners[2 * at + 1]);
            self.winners[at] = if higher.key <= lower.key { higher } else { lower };
        }
    }

    /// Changes the key of a slot for which there is room; gives the slot with the lowest key then.
    #[inline]
    pub(super) fn set(&mut self, slot: Slot, key: u64) -> Option<Slot> {
        let (at, lines) = (slot.index() / WAYS, self.lines.len());
        let line = &mut self.lines[at];
        line.0[slot.index() % WAYS] = key;
        let mut winner = line.winner(at);
        let winners = &mut self.winners[..2 * lines];
        let mut at = lines + at;
        while at > 1 {
            let other = winners[at ^ 1];
            winners[at] = winner;
            // Of equals the higher slot wins, which is on the odd side.
            let wins = winner.key < other.key + (at as u64 & 1);
            winner.key = select_unpredictable(wins, winner.key, other.key);
            winner.slot = select_unpredictable(wins, winner.slot, other.slot);
            at /= 2;
        }
        winners[1] = winner;
        (winner.key < OUT).then_some(Slot(winner.slot))
    }
}

impl Line {
    #[inline]
    fn winner(&self, line: usize) -> Winner {
        let play = |lower: (u64, u32), higher: (u64, u32)| {
            let wins = higher.0 <= lower.0;
            (select_unpredictable(wins, higher.0, lower.0), select_unpredictable(wins, higher.1, lower.1))
        };
        let player = |at: usize| (self.0[at], at as u32);
        let match_of = |at| play(player(at), player(at + 1));
        let (key, at) = play(play(match_of(0), match_of(2)), play(match_of(4), match_of(6)));
        Winner { key, slot: (line * WAYS) as u32 + at }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn finds_the_lowest_key_with_ties_to_the_highest_slot(
            steps in proptest::collection::vec((0..700usize, 0..5u8), 1..300),
        ) {
            let mut keys: Vec<u64> = Vec::new();
            let mut tree = Tournament::default();
            for (at, key) in steps {
                let key = if key == 4 { OUT } else { u64::from(key) };
                if keys.len() <= at {
                    keys.resize(at + 1, OUT);
                    tree.grow(at + 1);
                }
                keys[at] = key;
                tree.set(Slot::at(at), key);
                let low = keys.iter().copied().min().unwrap_or(OUT);
                let best = keys.iter().rposition(|&k| k == low).filter(|_| low < OUT);
                prop_assert_eq!(tree.best().map(Slot::index), best);
                let mut fresh = Tournament::default();
                fresh.fill(keys.iter().copied());
                prop_assert_eq!(fresh.best(), tree.best());
            }
        }
    }
}
