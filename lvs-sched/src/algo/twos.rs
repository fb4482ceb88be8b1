//! twos, the power of two choices: draw two destinations by weight, take the less loaded one.
//!
//! Rule, as observed on kernels: with the sum of usable weights S, two numbers are drawn from 0 to S **inclusive**; each selects the first
//! destination in list order at which the weights add up to it. So the first one has a chance of (weight + 1) in (S + 1), and both
//! draws may select the same. The second choice is taken if the first costs more for its weight.

use alloc::vec::Vec;

use super::{Destinations, Draws, Flow, Renumbering, Scheduler, Slot};

/// This is twos, the power of two random choices, by weight.
///
/// It is the only built-in scheduler that uses [`Draws`]: two per pick, each from `0..=(sum of usable weights)`. Sums above 2^31-1 wrap,
/// as in the kernel.
#[derive(Debug, Clone, Default)]
pub struct Twos {
    chances: Chances,
    stale: bool,
}

/// The usable destinations in list order, with the running sum of their weights.
#[derive(Debug, Clone, Default)]
pub(super) struct Chances {
    sums: Vec<u64>,
    slots: Vec<Slot>,
}

impl Chances {
    fn fill(&mut self, list: &Destinations, order: impl Iterator<Item = Slot>) {
        self.sums.clear();
        self.slots.clear();
        let mut sum = 0;
        for slot in order.filter(|&slot| list.is_usable(slot)) {
            sum += u64::from(list.weight(slot));
            self.sums.push(sum);
            self.slots.push(slot);
        }
    }

    /// Draws two destinations, the first choice first.
    pub(super) fn draw(&self, draws: &mut dyn Draws) -> Option<(Slot, Slot)> {
        let sum = *self.sums.last()?;
        let bound = (sum as u32).wrapping_add(1);
        let (first, second) = (draws.draw(bound), draws.draw(bound));
        Some((self.select(first, sum), self.select(second, sum)))
    }

    fn select(&self, drawn: u32, sum: u64) -> Slot {
        // The kernel's numbers are signed: beyond 2^31 they are below zero and select the first.
        let drawn = if drawn.cast_signed() < 0 { 0 } else { u64::from(drawn).min(sum) };
        self.slots[self.sums.partition_point(|&sum| sum < drawn)]
    }
}

/// Takes the second choice if the first has the higher overhead for its weight, in wrapping 32-bit arithmetic.
#[inline]
pub(super) fn better(first: Slot, second: Slot, weight: impl Fn(Slot) -> u32, overhead: impl Fn(Slot) -> i32) -> Slot {
    let product = |weight: u32, overhead: i32| weight.cast_signed().wrapping_mul(overhead);
    if product(weight(second), overhead(first)) > product(weight(first), overhead(second)) { second } else { first }
}

impl Scheduler for Twos {
    fn bind(&mut self, _: &Destinations) {
        self.stale = true;
    }

    fn added(&mut self, _: &Destinations, _: Slot) {
        self.stale = true;
    }

    fn removed(&mut self, _: &Destinations, _: Slot) {
        self.stale = true;
    }

    fn edited(&mut self, _: &Destinations, _: Slot) {
        self.stale = true;
    }

    fn load_changed(&mut self, _: &Destinations, _: Slot) {
        self.stale = true;
    }

    fn renumbered(&mut self, _: &Destinations, _: &Renumbering) {
        self.stale = true;
    }

    fn pick(&mut self, list: &Destinations, _: &Flow, draws: &mut dyn Draws) -> Option<Slot> {
        if self.stale {
            self.chances.fill(list, list.iter());
            self.stale = false;
        }
        let (first, second) = self.chances.draw(draws)?;
        Some(better(first, second, |slot| list.weight(slot), |slot| list.load(slot).overhead()))
    }

    fn retry(&self, list: &Destinations, _: &Flow, draws: &mut dyn Draws, excluded: &[Slot]) -> Option<Slot> {
        let mut others = Chances::default();
        others.fill(list, list.iter().filter(|slot| !excluded.contains(slot)));
        let (first, second) = others.draw(draws)?;
        Some(better(first, second, |slot| list.weight(slot), |slot| list.load(slot).overhead()))
    }
}
