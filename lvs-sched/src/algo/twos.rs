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

/// The usable destinations in list order, with the running sum of their weights.
#[derive(Debug, Clone, Default)]
pub(crate) struct Chances {
    sums: Vec<u64>,
    slots: Vec<Slot>,
    usable: Bitmap,
}

impl Chances {
    fn new(list: &Destinations, order: impl Iterator<Item = Slot>) -> Self {
        let (mut chances, mut sum) = (Self::default(), 0);
        chances.usable.grow(list.slots());
        for slot in order.filter(|&slot| list.is_usable(slot)) {
            sum += u64::from(list.weight(slot));
            chances.sums.push(sum);
            chances.slots.push(slot);
            chances.usable.insert(slot.index());
        }
        chances
    }

    #[inline]
    fn contains(&self, slot: Slot) -> bool {
        self.usable.contains(slot.index())
    }

    /// Draws two destinations, the first choice first, with their weights.
    #[inline]
    pub(crate) fn draw(&self, draws: &mut dyn Draws) -> Option<(Choice, Choice)> {
        let sum = *self.sums.last()?;
        let bound = (sum as u32).wrapping_add(1);
        let (first, second) = (draws.draw(bound), draws.draw(bound));
        Some((self.select(first, sum), self.select(second, sum)))
    }

    #[inline]
    fn select(&self, drawn: u32, sum: u64) -> Choice {
        // The kernel's numbers are signed: beyond 2^31 they are below zero and select the first.
        let drawn = if drawn.cast_signed() < 0 { 0 } else { u64::from(drawn).min(sum) };
        let at = self.sums.partition_point(|&sum| sum < drawn);
        let before = if at == 0 { 0 } else { self.sums[at - 1] };
        Choice { slot: self.slots[at], weight: (self.sums[at] - before) as i32 }
    }
}

/// A destination that was drawn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Choice {
    slot: Slot,
    weight: i32,
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
