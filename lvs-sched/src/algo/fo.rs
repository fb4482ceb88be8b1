//! fo, weighted failover: always the highest weight.
//!
//! Worked example, as observed on kernels: A=4, B=3, C=2: always A; B as soon as A is quiesced or overloaded.

use core::cmp::Reverse;

use super::{
    Destinations, Load, Slot,
    ranked::{Cost, Rule, below, ranked},
};

ranked! {
    /// This is fo, weighted failover: the usable destination with the highest weight gets everything, the others are spare.
    ///
    /// Ties go to the first in list order. It is not sticky: the moment a higher weight appears, that one gets everything.
    Fo
}

impl Rule for Fo {
    const PER_WEIGHT: bool = false;

    #[inline]
    fn cost(_: &Load, weight: u32) -> Cost {
        below(weight)
    }

    fn walk(list: &Destinations, order: impl Iterator<Item = Slot>) -> Option<Slot> {
        order.filter(|&slot| list.is_usable(slot)).min_by_key(|&slot| Reverse(list.weight(slot)))
    }
}
