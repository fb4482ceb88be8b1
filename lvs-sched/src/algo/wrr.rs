//! wrr, weighted round robin: rounds at falling levels, each visiting the destinations whose weight reaches the level.
//!
//! Worked example, as observed on kernels: A=4, B=3, C=2 added in this order (the list is C, B, A). The first picks are
//! `C B A | A B A C B A C B A | A B A C B A C B A`: one round at level 1, where adding left the level, then full cycles of nine.
//! Unlike the "smooth" variant of nginx, the heaviest destinations of a cycle come in the beginning of it.

use super::{
    Destinations, Draws, Flow, Renumbering, Scheduler, Slot,
    summary::{Measure, SummaryTree},
};

/// This is wrr, weighted round robin.
///
/// The state is a cursor and a level. A round walks the list after the cursor for weights that reach the level; at its end the level
/// falls by the greatest common divisor of the weights, from the highest weight down. Every edit, even one that changes nothing, moves the
/// cursor to the head of the list and keeps the level.
#[derive(Debug, Clone, Default)]
pub struct Wrr {
    // Weights as configured, and weights of those that may be picked now (0 for overloaded ones).
    weights: SummaryTree<Measure>,
    heights: SummaryTree<u32>,
    cursor: Option<Slot>,
    level: u32,
    top: u32,
    step: u32,
}

impl Wrr {
    /// What every edit does.
    fn edited_any(&mut self) {
        self.cursor = None;
        self.measure();
        if self.level > self.top || self.level == 0 {
            self.level = self.top;
        } else if self.step > 1 {
            self.level = self.level / self.step * self.step + 1;
        }
    }

    /// The step is the divisor of all weights; the top level is the highest that catches the highest weight in steps from 1.
    fn measure(&mut self) {
        let Measure { max, gcd } = self.weights.all();
        self.step = gcd.max(1);
        self.top = max.saturating_sub(self.step - 1);
    }

    /// What a walk finds and leaves behind, given the weights of those that may be picked.
    fn next(&self, heights: &SummaryTree<u32>) -> (Option<Slot>, Option<Slot>, u32) {
        if self.top == 0 {
            return (None, self.cursor, self.level);
        }
        let highest = heights.all();
        if highest == 0 {
            return self.in_vain();
        }
        let (mut at, mut level) = (self.cursor.map_or(usize::MAX, Slot::index), self.level);
        loop {
            if let Some(found) = heights.last_below(at, level) {
                let found = Some(Slot::at(found));
                return (found, found, level);
            }
            at = usize::MAX;
            level = if level > self.step { level - self.step } else { self.top };
            // Rounds in which no weight reaches the level find nobody: go down to the first in which one does.
            if level > highest {
                level -= (level - highest).div_ceil(self.step) * self.step;
            }
        }
    }

    /// How a walk ends that finds nobody, because all are overloaded: the level is counted down to the end all the same.
    fn in_vain(&self) -> (Option<Slot>, Option<Slot>, u32) {
        let last_round = self.level <= self.step;
        match self.cursor {
            // It began in a last round, so it goes on from the top and stops where it began, in the next last round.
            Some(cursor) if last_round => (None, Some(cursor), (self.top - 1) % self.step + 1),
            _ => (None, None, self.top),
        }
    }
}

impl Scheduler for Wrr {
    fn bind(&mut self, list: &Destinations) {
        self.weights.fill((0..list.slots()).map(|index| Measure::of(list.weight(Slot::at(index)))));
        self.heights.fill((0..list.slots()).map(|index| height(list, Slot::at(index))));
        self.cursor = None;
        self.measure();
        self.level = self.top;
    }

    fn added(&mut self, list: &Destinations, slot: Slot) {
        self.weights.push(Measure::of(list.weight(slot)));
        self.heights.push(height(list, slot));
        self.edited_any();
    }

    fn removed(&mut self, list: &Destinations, slot: Slot) {
        self.edited(list, slot);
    }

    fn edited(&mut self, list: &Destinations, slot: Slot) {
        self.weights.set(slot.index(), Measure::of(list.weight(slot)));
        self.heights.set(slot.index(), height(list, slot));
        self.edited_any();
    }

    #[inline]
    fn load_changed(&mut self, list: &Destinations, slot: Slot) {
        self.heights.set(slot.index(), height(list, slot));
    }

    fn renumbered(&mut self, list: &Destinations, _: &Renumbering) {
        // Lists are packed on an edit only, which moves the cursor to the head anyway.
        let level = self.level;
        self.bind(list);
        self.level = level;
    }

    #[inline]
    fn pick(&mut self, _: &Destinations, _: &Flow, _: &mut dyn Draws) -> Option<Slot> {
        let (pick, cursor, level) = self.next(&self.heights);
        (self.cursor, self.level) = (cursor, level);
        pick
    }

    fn retry(&self, _: &Destinations, _: &Flow, _: &mut dyn Draws, excluded: &[Slot]) -> Option<Slot> {
        let mut others = self.heights.clone();
        for slot in excluded {
            others.set(slot.index(), 0);
        }
        self.next(&others).0
    }
}

#[inline]
fn height(list: &Destinations, slot: Slot) -> u32 {
    if list.is_usable(slot) { list.weight(slot) } else { 0 }
}
