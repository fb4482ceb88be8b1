//! A tournament tree with eight contestants a match: reads the minimum in one step, changes a key in log8(n).
//!
//! Each node is one cache line of eight keys. Ties go to the highest slot, which is the first in list order.

use alloc::vec::Vec;

use super::Slot;

const WAYS: usize = 8;

/// The key of a place that must not win.
pub(super) const OUT: f64 = f64::INFINITY;

#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
struct Keys([f64; WAYS]);

impl Keys {
    const OUT: Self = Self([OUT; WAYS]);

    /// The lowest key and the highest index that has it.
    #[inline]
    fn winner(&self) -> (f64, usize) {
        let k = &self.0;
        let lower = |a: f64, b: f64| if a < b { a } else { b };
        let low = lower(lower(lower(k[0], k[4]), lower(k[1], k[5])), lower(lower(k[2], k[6]), lower(k[3], k[7])));
        let mut mask = 0u32;
        for (i, key) in k.iter().enumerate() {
            mask |= u32::from(*key == low) << i;
        }
        (low, (31 - mask.leading_zeros().min(31)) as usize)
    }
}

/// Keys by slot, lowest first. No key may be NaN.
#[derive(Debug, Clone)]
pub(super) struct Tournament {
    // levels[0] has the keys of the slots, each higher level the winning keys of the level below; the last level is one node.
    levels: Vec<Vec<Keys>>,
    // winners[l] has the slots whose keys are in levels[l + 1].
    winners: Vec<Vec<[u32; WAYS]>>,
    best: (f64, u32),
}

impl Default for Tournament {
    fn default() -> Self {
        Self { levels: Vec::new(), winners: Vec::new(), best: (OUT, 0) }
    }
}

impl Tournament {
    /// The slot with the lowest key, if any takes part.
    #[inline]
    pub(super) fn best(&self) -> Option<Slot> {
        (self.best.0 < OUT).then_some(Slot(self.best.1))
    }

    /// Starts again with these keys.
    pub(super) fn fill(&mut self, keys: impl ExactSizeIterator<Item = f64>) {
        self.levels.clear();
        self.winners.clear();
        let mut leaves = alloc::vec![Keys::OUT; keys.len().div_ceil(WAYS).max(1)];
        for (slot, key) in keys.enumerate() {
            leaves[slot / WAYS].0[slot % WAYS] = key;
        }
        self.levels.push(leaves);
        self.raise();
    }

    /// Makes room for slots below `len`.
    pub(super) fn grow(&mut self, len: usize) {
        let nodes = len.div_ceil(WAYS).max(1);
        if self.levels.first().is_none_or(|leaves| leaves.len() < nodes) {
            // Doubling keeps adding at a constant cost each.
            let room = nodes.next_power_of_two();
            let mut leaves = self.levels.drain(..).next().unwrap_or_default();
            leaves.resize(room, Keys::OUT);
            self.winners.clear();
            self.levels.push(leaves);
            self.raise();
        }
    }

    /// Builds all levels above the leaves.
    fn raise(&mut self) {
        loop {
            let level = self.levels.len() - 1;
            let below = &self.levels[level];
            if below.len() == 1 {
                break;
            }
            let nodes = below.len().div_ceil(WAYS);
            let (mut keys, mut winners) = (alloc::vec![Keys::OUT; nodes], alloc::vec![[0; WAYS]; nodes]);
            for (at, node) in below.iter().enumerate() {
                let (key, index) = node.winner();
                keys[at / WAYS].0[at % WAYS] = key;
                winners[at / WAYS][at % WAYS] = self.slot(level, at, index);
            }
            self.levels.push(keys);
            self.winners.push(winners);
        }
        let top = self.levels.len() - 1;
        let (key, index) = self.levels[top][0].winner();
        self.best = (key, self.slot(top, 0, index));
    }

    /// The slot behind a key of a node.
    #[inline]
    fn slot(&self, level: usize, node: usize, index: usize) -> u32 {
        if level == 0 { (node * WAYS + index) as u32 } else { self.winners[level - 1][node][index] }
    }

    /// Changes the key of a slot for which there is room.
    #[inline]
    pub(super) fn set(&mut self, slot: Slot, key: f64) {
        let mut at = slot.index();
        let mut key = key;
        let mut winner = slot.0;
        let levels = self.levels.len();
        for level in 0..levels {
            let (node, index) = (at / WAYS, at % WAYS);
            let keys = &mut self.levels[level][node];
            if level > 0 {
                let known = &mut self.winners[level - 1][node][index];
                if keys.0[index] == key && *known == winner {
                    return;
                }
                *known = winner;
            }
            keys.0[index] = key;
            let (low, first) = keys.winner();
            key = low;
            winner = self.slot(level, node, first);
            at = node;
        }
        self.best = (key, winner);
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
            let mut keys: Vec<f64> = Vec::new();
            let mut tree = Tournament::default();
            for (at, key) in steps {
                let key = if key == 4 { OUT } else { f64::from(key) };
                if keys.len() <= at {
                    keys.resize(at + 1, OUT);
                    tree.grow(at + 1);
                }
                keys[at] = key;
                tree.set(Slot::at(at), key);
                let low = keys.iter().copied().fold(OUT, f64::min);
                let best = keys.iter().rposition(|&k| k == low).filter(|_| low < OUT);
                prop_assert_eq!(tree.best().map(Slot::index), best);
                let mut fresh = Tournament::default();
                fresh.fill(keys.iter().copied());
                prop_assert_eq!(fresh.best(), tree.best());
            }
        }
    }
}
