//! The kernel's "weighted least" walk, literally.

use super::{Destinations, Slot};

/// Walks `order` for the lowest cost per weight; the earlier one wins a tie.
///
/// The first usable destination is the best so far. A later one that is not overloaded replaces it when
/// `cost(best) * weight(later) > cost(later) * weight(best)`: so one of weight 0 can win only while a cost has wrapped below zero,
/// which needs eight million active connections on one destination, and is what the kernel does.
pub(super) fn weighted(
    list: &Destinations,
    order: impl IntoIterator<Item = Slot>,
    cost: impl Fn(Slot) -> i32,
) -> Option<Slot> {
    let mut order = order.into_iter();
    let mut best = order.by_ref().find(|&slot| list.is_usable(slot))?;
    for later in order.filter(|&slot| !list.load(slot).is_overloaded()) {
        let product = |cost: i32, weight: u32| i64::from(cost) * i64::from(weight);
        if product(cost(best), list.weight(later)) > product(cost(later), list.weight(best)) {
            best = later;
        }
    }
    Some(best)
}
