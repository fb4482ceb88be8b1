//! ovf, weighted overflow: the highest weight until it has more active connections than its weight, then the next.
//!
//! Worked example, as observed on kernels: A=4, B=3, C=2, connections left open: `A A A A A B B B B C C C`, then none.

use core::cmp::Reverse;

use super::{
    Destinations, Load, Slot,
    ranked::{Cost, Rule, below, ranked},
};

ranked! {
    /// This is ovf, weighted overflow: the highest weight among those with at most as many active connections as weight.
    ///
    /// So a destination takes one active connection more than its weight. UDP connections are never active and never overflow.
    Ovf
}

fn has_room(list: &Destinations, slot: Slot) -> bool {
    list.is_usable(slot) && list.load(slot).active() <= list.weight(slot)
}

impl Rule for Ovf {
    const PER_WEIGHT: bool = false;

    #[inline]
    fn cost(load: &Load, weight: u32) -> Cost {
        if load.active() <= weight { below(weight) } else { Cost::Out }
    }

    fn walk(list: &Destinations, order: impl Iterator<Item = Slot>) -> Option<Slot> {
        order.filter(|&slot| has_room(list, slot)).min_by_key(|&slot| Reverse(list.weight(slot)))
    }
}
