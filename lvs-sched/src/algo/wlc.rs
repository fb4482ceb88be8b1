//! wlc, weighted least connection: the lowest overhead per weight.
//!
//! Worked example, as observed on kernels: A=4, B=3, C=2 added in this order (the list is C, B, A); connections left open go to
//! `C B A A B C A B A C B A A B C A B A`.

use super::{
    Destinations, Load, Slot, least,
    ranked::{Cost, Rule, ranked},
};

ranked! {
    /// This is wlc, weighted least connection: the fewest connections for its weight. Ties go to the first in list order.
    ///
    /// The cost of a destination is [`Load::overhead`](super::Load::overhead): an active connection is as heavy as 256 inactive ones.
    Wlc
}

impl Rule for Wlc {
    #[inline]
    fn cost(load: &Load, _: u32) -> Cost {
        Cost::PerWeight(load.overhead())
    }

    fn walk(list: &Destinations, order: impl Iterator<Item = Slot>) -> Option<Slot> {
        least::weighted(list, order, |slot| list.load(slot).overhead())
    }
}
