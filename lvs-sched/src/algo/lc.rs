//! lc, least connection: the destination with the fewest connections, active ones counting 256 times. Weights do not matter, except 0.
//!
//! Worked example, as observed on kernels: A, B, C added in this order (the list is C, B, A); connections left open go to
//! `C B A C B A C B A`, whatever the weights.

use super::{
    Destinations, Load, Slot,
    ranked::{Cost, Rule, ranked},
};

ranked! {
    /// This is lc, least connection: the fewest connections, an active one as heavy as 256 inactive ones.
    ///
    /// Weights do not matter, except that 0 takes a destination out. Ties go to the first in list order.
    Lc
}

impl Rule for Lc {
    const PER_WEIGHT: bool = false;

    #[inline]
    fn cost(load: &Load, _: u32) -> Cost {
        Cost::Plain(load.overhead().cast_unsigned().into())
    }

    fn walk(list: &Destinations, order: impl Iterator<Item = Slot>) -> Option<Slot> {
        // `min_by_key` keeps the first of equals.
        order.filter(|&slot| list.is_usable(slot)).min_by_key(|&slot| list.load(slot).overhead().cast_unsigned())
    }
}
