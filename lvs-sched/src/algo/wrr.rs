//! wrr, weighted round robin: rounds at falling levels, each visiting the destinations whose weight reaches the level.
//!
//! Worked example, as observed on kernels: A=4, B=3, C=2 added in this order (the list is C, B, A). The first picks are
//! `C B A | A B A C B A C B A | A B A C B A C B A`: one round at level 1, where adding left the level, then full cycles of nine.
//! Unlike the "smooth" variant of nginx, the heaviest destinations of a cycle come in the beginning of it.

use alloc::sync::Arc;

use super::{
    Destinations, Draws, Flow, Renumbering, Scheduler, Shortcut, Slot,
    cycle::{Cycle, LONGEST, PER_DESTINATION},
    summary::{Measure, SummaryTree},
};

/// This is wrr, weighted round robin.
///
/// The state is a cursor and a level. A round walks the list after the cursor for weights that reach the level; at its end the level
/// falls by the greatest common divisor of the weights, from the highest weight down. Every edit, even one that changes nothing, moves the
/// cursor to the head of the list and keeps the level.
///
/// After an edit picks search a tree of weights. When enough of them came, the whole cycle is written down as a table, if it has at
/// most 65,536 picks or 8 per destination (the sum of the weights divided by their greatest common divisor).
#[derive(Debug, Clone, Default)]
pub struct Wrr {
    // Weights as configured, and weights of those that may be picked now (0 for overloaded ones).
    weights: SummaryTree<Measure>,
    heights: SummaryTree<u32>,
    // While there is a cycle, it knows the position.
    position: Position,
    cycle: Option<Cycle>,
    top: u32,
    step: u32,
    // Picks since the last edit that had no table.
    searched: u64,
}

/// Where a walk stands: after the cursor (before the first without one), in the round of a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Position {
    pub(super) cursor: Option<Slot>,
    pub(super) level: u32,
}

impl Wrr {
    fn position(&self) -> Position {
        match &self.cycle {
            Some(cycle) => cycle.position().unwrap_or(self.position),
            None => self.position,
        }
    }

    fn leave_cycle(&mut self) {
        self.position = self.position();
        self.cycle = None;
        self.searched = 0;
    }

    /// What every edit does.
    fn edited_any(&mut self) {
        self.leave_cycle();
        self.position.cursor = None;
        self.measure();
        let level = &mut self.position.level;
        if *level > self.top || *level == 0 {
            *level = self.top;
        } else if self.step > 1 {
            *level = *level / self.step * self.step + 1;
        }
    }

    /// The step is the divisor of all weights; the top level is the highest that catches the highest weight in steps from 1.
    fn measure(&mut self) {
        let Measure { max, gcd } = self.weights.all();
        self.step = gcd.max(1);
        self.top = max.saturating_sub(self.step - 1);
    }

    /// What a walk finds and where it stands then, given the weights of those that may be picked.
    fn walk(&self, heights: &SummaryTree<u32>) -> (Option<Slot>, Position) {
        let Position { cursor, mut level } = self.position();
        if self.top == 0 {
            return (None, self.position());
        }
        let highest = heights.all();
        if highest == 0 {
            return (None, self.in_vain());
        }
        let mut at = cursor.map_or(usize::MAX, Slot::index);
        loop {
            if let Some(found) = heights.last_below(at, level) {
                let cursor = Some(Slot::at(found));
                return (cursor, Position { cursor, level });
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
    fn in_vain(&self) -> Position {
        let Position { cursor, level } = self.position();
        if cursor.is_some() && level <= self.step {
            // It began in a last round, so it goes on from the top and stops where it began, in the next last round.
            Position { cursor, level: (self.top - 1) % self.step + 1 }
        } else {
            Position { cursor: None, level: self.top }
        }
    }

    /// Writes the cycle down when as many picks were searched for as an eighth of it: then it costs no more than they did.
    fn enter_cycle(&mut self, list: &Destinations) {
        let longest = LONGEST.max(PER_DESTINATION * list.len() as u64);
        if self.cycle.is_none() && self.top > 0 && self.searched < longest {
            let period: u64 = list.iter().map(|slot| u64::from(list.weight(slot) / self.step)).sum();
            if period <= longest && period <= 8 * self.searched {
                self.cycle = Some(Cycle::new(list, self.step, self.position));
            }
        }
    }
}

impl Scheduler for Wrr {
    fn bind(&mut self, list: &Destinations) {
        self.weights.fill((0..list.slots()).map(|index| Measure::of(list.weight(Slot::at(index)))));
        self.heights.fill((0..list.slots()).map(|index| height(list, Slot::at(index))));
        self.leave_cycle();
        self.measure();
        self.position = Position { cursor: None, level: self.top };
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
        let level = self.position().level;
        self.bind(list);
        self.position.level = level;
    }

    #[inline]
    fn pick(&mut self, list: &Destinations, _: &Flow, _: &mut dyn Draws) -> Option<Slot> {
        if let Some(cycle) = &mut self.cycle {
            if let Some(pick) = cycle.next(|slot| list.is_usable(slot)) {
                return Some(pick);
            }
            self.leave_cycle();
        }
        let (pick, position) = self.walk(&self.heights);
        self.position = position;
        if pick.is_some() {
            self.searched += 1;
            if self.searched.is_power_of_two() {
                self.enter_cycle(list);
            }
        }
        pick
    }

    fn retry(&self, _: &Destinations, _: &Flow, _: &mut dyn Draws, excluded: &[Slot]) -> Option<Slot> {
        let mut others = self.heights.clone();
        for slot in excluded {
            others.set(slot.index(), 0);
        }
        self.walk(&others).0
    }

    fn shortcut(&mut self, _: &Destinations) -> Shortcut {
        match &mut self.cycle {
            Some(cycle) => Shortcut::turns(Arc::clone(cycle.coming())),
            None => Shortcut::LATER,
        }
    }

    fn taken(&mut self, _: &Destinations, entries: u64) {
        if let Some(cycle) = &mut self.cycle {
            cycle.skip(entries);
        }
    }
}

#[inline]
fn height(list: &Destinations, slot: Slot) -> u32 {
    if list.is_usable(slot) { list.weight(slot) } else { 0 }
}
