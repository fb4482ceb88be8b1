//! A tree that keeps a summary (a maximum, a greatest common divisor) of one value per slot, sixteen to a node.

use alloc::vec::Vec;

const WAYS: usize = 16;

/// A summary of values: associative, with a neutral element.
pub(super) trait Summary: Copy + PartialEq {
    const NONE: Self;

    fn and(self, other: Self) -> Self;
}

/// The highest number.
impl Summary for u32 {
    const NONE: Self = 0;

    #[inline]
    fn and(self, other: Self) -> Self {
        self.max(other)
    }
}

/// The highest of all numbers, and the greatest common divisor of those that are not 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Measure {
    pub(super) max: u32,
    pub(super) gcd: u32,
}

impl Measure {
    pub(super) const fn of(value: u32) -> Self {
        Self { max: value, gcd: value }
    }
}

impl Summary for Measure {
    const NONE: Self = Self::of(0);

    #[inline]
    fn and(self, other: Self) -> Self {
        Self { max: self.max.max(other.max), gcd: gcd(self.gcd, other.gcd) }
    }
}

pub(super) const fn gcd(mut a: u32, mut b: u32) -> u32 {
    // Most lists have a common divisor of 1, found early.
    if a == 1 || b == 1 {
        return 1;
    }
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// Values by slot and their summary.
#[derive(Debug, Clone, Default)]
pub(super) struct SummaryTree<T> {
    // levels[0] has the values, the last level has one: the summary of all.
    levels: Vec<Vec<T>>,
}

impl<T: Summary> SummaryTree<T> {
    /// The summary of all values.
    #[inline]
    pub(super) fn all(&self) -> T {
        self.levels.last().and_then(|top| top.first()).map_or(T::NONE, |top| *top)
    }

    pub(super) fn fill(&mut self, values: impl Iterator<Item = T>) {
        self.levels.clear();
        self.levels.push(values.collect());
        self.raise();
    }

    fn raise(&mut self) {
        while let Some(below) = self.levels.last().filter(|below| below.len() > 1) {
            let above =
                below.chunks(WAYS).map(|node| node.iter().fold(T::NONE, |all, &value| all.and(value))).collect();
            self.levels.push(above);
        }
    }

    /// Appends a value.
    pub(super) fn push(&mut self, value: T) {
        if self.levels.is_empty() {
            self.levels.push(Vec::new());
        }
        let at = self.levels[0].len();
        let mut len = at + 1;
        for level in 0.. {
            if level == self.levels.len() {
                self.levels.push(Vec::new());
                // The summary of what was the top so far comes first.
                let below = self.levels[level - 1][0];
                self.levels[level].push(below);
            }
            self.levels[level].resize(len, T::NONE);
            if len == 1 {
                break;
            }
            len = len.div_ceil(WAYS);
        }
        self.set(at, value);
    }

    #[inline]
    pub(super) fn set(&mut self, mut at: usize, mut value: T) {
        for level in 0..self.levels.len() {
            let values = &mut self.levels[level];
            if values[at] == value {
                return;
            }
            values[at] = value;
            let start = at / WAYS * WAYS;
            let end = values.len().min(start + WAYS);
            value = values[start..end].iter().fold(T::NONE, |all, &value| all.and(value));
            at /= WAYS;
        }
    }
}

impl SummaryTree<u32> {
    /// The highest place below `limit` with a value of at least `low`, which is not 0.
    #[inline]
    pub(super) fn last_below(&self, limit: usize, low: u32) -> Option<usize> {
        let mut end = limit.min(self.levels.first()?.len());
        for (level, values) in self.levels.iter().enumerate() {
            // The rest of this node, then the nodes before it, one level up.
            let start = end / WAYS * WAYS;
            if let Some(at) = values[start..end].iter().rposition(|&value| value >= low) {
                return self.descend(level, start + at, low);
            }
            end /= WAYS;
            if end == 0 {
                return None;
            }
        }
        None
    }

    fn descend(&self, level: usize, mut at: usize, low: u32) -> Option<usize> {
        for values in self.levels[..level].iter().rev() {
            let start = at * WAYS;
            let end = values.len().min(start + WAYS);
            at = start + values[start..end].iter().rposition(|&value| value >= low)?;
        }
        Some(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn agrees_with_a_plain_walk(steps in proptest::collection::vec((0..800usize, 0..40u32), 1..600)) {
            let (mut plain, mut heights, mut measures) = (Vec::new(), SummaryTree::<u32>::default(), SummaryTree::default());
            for (at, value) in steps {
                if at < plain.len() {
                    plain[at] = value;
                    heights.set(at, value);
                    measures.set(at, Measure::of(value));
                } else {
                    plain.push(value);
                    heights.push(value);
                    measures.push(Measure::of(value));
                }
                prop_assert_eq!(heights.all(), plain.iter().copied().max().unwrap_or(0));
                let expected = plain.iter().fold(Measure::NONE, |all, &value| all.and(Measure::of(value)));
                prop_assert_eq!(measures.all(), expected);
                let below = &plain[..at.min(plain.len())];
                prop_assert_eq!(heights.last_below(at, value.max(1)), below.iter().rposition(|&v| v >= value.max(1)));
            }
        }
    }
}
