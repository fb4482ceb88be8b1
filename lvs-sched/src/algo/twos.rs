//! twos, the power of two choices: draw two destinations by weight, take the less loaded one.
//!
//! Rule, as observed on kernels: with the sum of usable weights S, two numbers are drawn from 0 to S **inclusive**; each selects the first
//! destination in list order at which the weights add up to it. So the first one has a chance of (weight + 1) in (S + 1), and both
//! draws may select the same. The second choice is taken if the first costs more for its weight.

use alloc::{sync::Arc, vec::Vec};

use super::{
    Destinations, Draws, Flow, Renumbering, Scheduler, Slot,
    bitmap::Bitmap,
    shortcut::{Kind, Shortcut},
};

/// This is twos, the power of two random choices, by weight.
///
/// It is the only built-in scheduler that uses [`Draws`]: two per pick, each from `0..=(sum of usable weights)`. Sums above 2^31-1 wrap,
/// as in the kernel.
#[derive(Debug, Clone, Default)]
pub struct Twos {
    chances: Arc<Chances>,
    stale: bool,
}

/// The usable destinations in list order, found by a number below the running sum of their weights.
#[derive(Debug, Clone, Default)]
pub(crate) struct Chances {
    choices: Vec<Choice>,
    // Where to begin the search for a number, by its upper bits: about four entries per destination, so that it ends at once.
    guide: Vec<u32>,
    shift: u32,
    sum: u64,
    usable: Bitmap,
}

/// A destination that may be drawn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Choice {
    // The sum of the weights up to this one, which stops at the end of what can be drawn.
    sum: u32,
    slot: Slot,
    weight: i32,
}

impl Chances {
    fn new(list: &Destinations, order: impl Iterator<Item = Slot>) -> Self {
        let mut chances = Self::default();
        chances.usable.grow(list.slots());
        for slot in order.filter(|&slot| list.is_usable(slot)) {
            let weight = list.weight(slot);
            chances.sum += u64::from(weight);
            let sum = u32::try_from(chances.sum).unwrap_or(u32::MAX);
            chances.choices.push(Choice { sum, slot, weight: weight.cast_signed() });
            chances.usable.insert(slot.index());
        }
        chances.write_guide();
        chances
    }

    fn write_guide(&mut self) {
        let Some(last) = self.choices.last() else { return };
        while (last.sum >> self.shift) as usize >= 4 * self.choices.len() {
            self.shift += 1;
        }
        let mut at = 0;
        for upper in 0..=last.sum >> self.shift {
            while self.choices[at].sum < upper << self.shift {
                at += 1;
            }
            self.guide.push(at as u32);
        }
    }

    #[inline]
    fn contains(&self, slot: Slot) -> bool {
        self.usable.contains(slot.index())
    }

    /// Draws two destinations, the first choice first.
    #[inline]
    pub(crate) fn draw(&self, draws: &mut (impl Draws + ?Sized)) -> Option<(Choice, Choice)> {
        if self.choices.is_empty() {
            return None;
        }
        let bound = (self.sum as u32).wrapping_add(1);
        let (first, second) = (draws.draw(bound), draws.draw(bound));
        Some((self.select(first), self.select(second)))
    }

    /// The first destination at which the weights sum up to the number.
    #[inline]
    fn select(&self, drawn: u32) -> Choice {
        // The kernel's numbers are signed: beyond 2^31 they are below zero and select the first.
        let drawn = if drawn.cast_signed() < 0 { 0 } else { drawn };
        let last = self.choices.len() - 1;
        let mut at = self.guide.get((drawn >> self.shift) as usize).map_or(last, |&at| at as usize);
        while self.choices[at].sum < drawn && at < last {
            at += 1;
        }
        self.choices[at]
    }
}

/// Takes the second choice if the first has the higher overhead for its weight, in wrapping 32-bit arithmetic.
#[inline]
pub(crate) fn better(first: Choice, second: Choice, overhead: impl Fn(Slot) -> i32) -> Slot {
    let first_is_worse =
        second.weight.wrapping_mul(overhead(first.slot)) > first.weight.wrapping_mul(overhead(second.slot));
    if first_is_worse { second.slot } else { first.slot }
}

impl Twos {
    fn chances(&mut self, list: &Destinations) -> &Arc<Chances> {
        if self.stale {
            (self.chances, self.stale) = (Arc::new(Chances::new(list, list.iter())), false);
        }
        &self.chances
    }
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

    #[inline]
    fn load_changed(&mut self, list: &Destinations, slot: Slot) {
        // Only the overload flag matters.
        self.stale |= list.is_usable(slot) != self.chances.contains(slot);
    }

    fn renumbered(&mut self, _: &Destinations, _: &Renumbering) {
        self.stale = true;
    }

    fn pick(&mut self, list: &Destinations, _: &Flow, draws: &mut dyn Draws) -> Option<Slot> {
        let (first, second) = self.chances(list).draw(draws)?;
        Some(better(first, second, |slot| list.load(slot).overhead()))
    }

    fn retry(&self, list: &Destinations, _: &Flow, draws: &mut dyn Draws, excluded: &[Slot]) -> Option<Slot> {
        let others = Chances::new(list, list.iter().filter(|slot| !excluded.contains(slot)));
        let (first, second) = others.draw(draws)?;
        Some(better(first, second, |slot| list.load(slot).overhead()))
    }
    fn shortcut(&mut self, list: &Destinations) -> Shortcut {
        Shortcut(Kind::Draw(Arc::clone(self.chances(list))))
    }
}
