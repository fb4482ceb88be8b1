//! sed, shortest expected delay: the lowest (active connections + 1) per weight.
//!
//! Worked example, as observed on kernels: A=4, B=3, C=2 added in this order; connections left open go to
//! `A B C A B A C B A A B C A B A C B A`; UDP, which is never active, always goes to A.

use super::{
    Destinations, Load, Slot, least,
    ranked::{Cost, Rule, ranked},
};

ranked! {
    /// This is sed, shortest expected delay: the delay is what (active + 1) connections cost for the weight.
    ///
    /// Inactive connections do not matter. Ties go to the first in list order.
    Sed
}

/// What a destination would have to serve with one more connection.
#[inline]
pub(super) const fn delay(load: &Load) -> i32 {
    load.active().wrapping_add(1).cast_signed()
}

impl Rule for Sed {
    #[inline]
    fn cost(load: &Load, _: u32) -> Cost {
        Cost::PerWeight(delay(load))
    }

    fn walk(list: &Destinations, order: impl Iterator<Item = Slot>) -> Option<Slot> {
        least::weighted(list, order, |slot| delay(list.load(slot)))
    }
}
