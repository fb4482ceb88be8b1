//! The complete cycle of wrr, written down.

use alloc::{sync::Arc, vec::Vec};

use super::{Destinations, Slot, wrr::Position};

/// Longer cycles are not written down, except with so many turns per destination.
pub(super) const LONGEST: u64 = 1 << 16;
pub(super) const PER_DESTINATION: u64 = 8;

/// The order in which destinations come, whether they are overloaded or not, for as long as no weight changes.
#[derive(Debug, Clone)]
pub(super) struct Cycle {
    turns: Arc<[Slot]>,
    at: usize,
    /// Where the top round begins in `turns`, and where each round begins counted from there, the top one first.
    top_at: usize,
    rounds: Vec<u32>,
    step: u32,
    /// Nothing was taken yet.
    fresh: bool,
}

impl Cycle {
    /// Writes down what comes after a position. There must be a weight that is not 0, and `step` divide all of them.
    pub(super) fn new(list: &Destinations, step: u32, position: Position) -> Self {
        // In list order, and grouped by weight, the highest first.
        let mut joining: Vec<(u32, Slot)> =
            list.iter().map(|slot| (list.weight(slot) / step, slot)).filter(|(turns, _)| *turns > 0).collect();
        joining.sort_by_key(|(turns, _)| core::cmp::Reverse(*turns));
        let highest = joining.first().map_or(0, |(turns, _)| *turns);
        let (mut cycle, mut rounds, mut start) = (Vec::new(), Vec::with_capacity(highest as usize), 0);
        let (mut round, mut joined) = (Vec::new(), 0);
        for level in (1..=highest).rev() {
            rounds.push(cycle.len() as u32);
            let new = joining[joined..].partition_point(|(turns, _)| *turns >= level);
            if new > 0 {
                round = merge(&round, &joining[joined..joined + new]);
                joined += new;
            }
            if level == position.level.div_ceil(step) {
                let passed = position.cursor.map_or(0, |cursor| round.partition_point(|&slot| slot >= cursor));
                start = cycle.len() + passed;
            }
            cycle.extend_from_slice(&round);
        }
        let start = if start == cycle.len() { 0 } else { start };
        cycle.rotate_left(start);
        let top_at = if start == 0 { 0 } else { cycle.len() - start };
        Self { turns: cycle.into(), at: 0, top_at, rounds, step, fresh: true }
    }

    /// The next one that may be picked; `None` after a whole cycle in vain, which changes nothing.
    #[inline]
    pub(super) fn next(&mut self, usable: impl Fn(Slot) -> bool) -> Option<Slot> {
        let mut at = self.at;
        for _ in 0..self.turns.len() {
            let turn = self.turns[at];
            at += 1;
            if at == self.turns.len() {
                at = 0;
            }
            if usable(turn) {
                (self.at, self.fresh) = (at, false);
                return Some(turn);
            }
        }
        None
    }

    /// Goes so many turns on.
    pub(super) fn skip(&mut self, turns: u64) {
        if turns > 0 {
            let len = self.turns.len() as u64;
            self.at = ((self.at as u64 + turns % len) % len) as usize;
            self.fresh = false;
        }
    }

    /// The turns from here on, once round.
    pub(super) fn coming(&mut self) -> &Arc<[Slot]> {
        if self.at > 0 {
            let len = self.turns.len();
            self.turns = self.turns[self.at..].iter().chain(&self.turns[..self.at]).copied().collect();
            self.top_at = (self.top_at + len - self.at) % len;
            self.at = 0;
        }
        &self.turns
    }

    /// Where the walk stands after the last turn; `None` before the first.
    pub(super) fn position(&self) -> Option<Position> {
        if self.fresh {
            return None;
        }
        let len = self.turns.len();
        let last = (self.at + len - 1) % len;
        let from_top = (last + len - self.top_at) % len;
        let round = self.rounds.partition_point(|&start| start as usize <= from_top) as u32;
        let level = (self.rounds.len() as u32 - round) * self.step + 1;
        Some(Position { cursor: Some(self.turns[last]), level })
    }
}

/// Merges two lists that are in list order, which is from high slots to low ones.
fn merge(old: &[Slot], new: &[(u32, Slot)]) -> Vec<Slot> {
    let mut merged = Vec::with_capacity(old.len() + new.len());
    let mut old = old.iter().copied().peekable();
    for &(_, slot) in new {
        while let Some(earlier) = old.next_if(|&earlier| earlier > slot) {
            merged.push(earlier);
        }
        merged.push(slot);
    }
    merged.extend(old);
    merged
}
