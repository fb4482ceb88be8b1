//! nq, never queue: the first idle destination in list order, else as sed.
//!
//! Worked example, as observed on kernels: A=4, B=3, C=2 added in this order; connections left open go to
//! `C B A A B A C B A A B C A B A C B A`; UDP, which is never active, always goes to the first of the list.

use super::{
    Destinations, Load, Slot, least,
    ranked::{Cost, Rule, ranked},
    sed::delay,
};

ranked! {
    /// This is nq, never queue: an idle destination if there is one, whatever its weight, else the shortest expected delay.
    ///
    /// Idle means without active connections; the first idle one in list order is taken.
    Nq
}

impl Rule for Nq {
    #[inline]
    fn cost(load: &Load, _: u32) -> Cost {
        if load.active() == 0 { Cost::Plain(0) } else { Cost::PerWeight(delay(load)) }
    }

    fn walk(list: &Destinations, order: impl Iterator<Item = Slot>) -> Option<Slot> {
        let order: alloc::vec::Vec<Slot> = order.collect();
        let idle = order.iter().find(|&&slot| list.is_usable(slot) && list.load(slot).active() == 0);
        // Unlike sed, nq passes over weight 0 everywhere.
        let usable = order.iter().copied().filter(|&slot| list.is_usable(slot));
        idle.copied().or_else(|| least::weighted(list, usable, |slot| delay(list.load(slot))))
    }
}
