//! A set of small numbers that finds neighbours in a few steps: a tree of 64-bit words.

use alloc::vec::Vec;

/// A set of numbers below its length. Each level has one bit per non-zero word of the level below.
#[derive(Debug, Clone, Default)]
pub(super) struct Bitmap {
    levels: Vec<Vec<u64>>,
}

impl Bitmap {
    pub(super) fn full(len: usize) -> Self {
        let mut bitmap = Self::default();
        bitmap.grow(len);
        (0..len).for_each(|at| {
            bitmap.insert(at);
        });
        bitmap
    }

    /// Makes room for numbers below `len`.
    pub(super) fn grow(&mut self, len: usize) {
        let mut words = len.div_ceil(64).max(1);
        let mut level = 0;
        loop {
            if level == self.levels.len() {
                // The new top level summarises the one that was the top so far.
                let summary = match self.levels.last() {
                    Some(below) => u64::from(below.iter().any(|&word| word != 0)),
                    None => 0,
                };
                self.levels.push(alloc::vec![summary]);
            }
            if self.levels[level].len() < words {
                self.levels[level].resize(words, 0);
            }
            if words == 1 {
                return;
            }
            words = words.div_ceil(64);
            level += 1;
        }
    }

    #[inline]
    pub(super) fn contains(&self, at: usize) -> bool {
        self.levels.first().and_then(|words| words.get(at / 64)).is_some_and(|word| word >> (at % 64) & 1 != 0)
    }

    /// Adds a number for which there is room.
    #[inline]
    pub(super) fn insert(&mut self, mut at: usize) {
        for words in &mut self.levels {
            let word = &mut words[at / 64];
            let was_empty = *word == 0;
            *word |= 1 << (at % 64);
            if !was_empty {
                return;
            }
            at /= 64;
        }
    }

    #[inline]
    pub(super) fn remove(&mut self, mut at: usize) {
        for words in &mut self.levels {
            let Some(word) = words.get_mut(at / 64) else { return };
            *word &= !(1 << (at % 64));
            if *word != 0 {
                return;
            }
            at /= 64;
        }
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.levels.last().is_none_or(|top| top[0] == 0)
    }

    /// The highest number in the set.
    pub(super) fn last(&self) -> Option<usize> {
        let top = *self.levels.last()?.first()?;
        if top == 0 {
            return None;
        }
        Some(self.descend(self.levels.len() - 1, top.ilog2() as usize))
    }

    /// The highest number in the set that is below a limit.
    #[inline]
    pub(super) fn last_below(&self, limit: usize) -> Option<usize> {
        let mut at = limit;
        for (level, words) in self.levels.iter().enumerate() {
            if let Some(word) = words.get(at / 64) {
                let below = word & ((1 << (at % 64)) - 1);
                if below != 0 {
                    return Some(self.descend(level, at / 64 * 64 + below.ilog2() as usize));
                }
            } else if let Some((index, word)) = words.iter().enumerate().next_back().filter(|(_, word)| **word != 0) {
                return Some(self.descend(level, index * 64 + word.ilog2() as usize));
            }
            at /= 64;
        }
        None
    }

    fn descend(&self, level: usize, at: usize) -> usize {
        self.levels[..level].iter().rev().fold(at, |at, words| at * 64 + words[at].ilog2() as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn agrees_with_a_tree_set(steps in proptest::collection::vec((0..3u8, 0..9000usize), 1..200)) {
            let (mut bitmap, mut set) = (Bitmap::default(), BTreeSet::new());
            for (step, at) in steps {
                match step {
                    0 => { bitmap.grow(at + 1); bitmap.insert(at); set.insert(at); }
                    1 => { bitmap.remove(at); set.remove(&at); }
                    _ => {}
                }
                prop_assert_eq!(bitmap.contains(at), set.contains(&at));
                prop_assert_eq!(bitmap.last(), set.last().copied());
                prop_assert_eq!(bitmap.last_below(at), set.range(..at).next_back().copied());
            }
        }
    }
}
