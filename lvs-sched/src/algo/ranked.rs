//! What lc, wlc, sed, nq, fo and ovf have in common: the lowest key wins, and a tournament tree keeps it at hand.
//!
//! A key is a number or the bits of a positive `f64`, which are in the same order. A quotient of cost and weight is an exact key, in order
//! and in ties, while cost × weight stays below 2^52: for all weights up to 2^21, which includes all that ipvsadm takes. Destinations beyond that, or with a cost that wrapped below zero,
//! are *odd*; while there is one, picks walk the list as the kernel does.

use alloc::collections::BTreeSet;

use super::{
    Destinations, Renumbering, Slot,
    tournament::{OUT, Tournament},
};

/// The largest weight for which quotients are exact.
pub(super) const EXACT_WEIGHT: u32 = 1 << 21;

/// What tells the six schedulers apart.
pub(super) trait Rule {
    /// The key of a destination: [`OUT`] if it may not be picked, `None` if it is odd.
    fn key(list: &Destinations, slot: Slot) -> Option<u64>;

    /// Picks literally as the kernel does, walking these destinations.
    fn walk(list: &Destinations, order: impl Iterator<Item = Slot>) -> Option<Slot>;
}

/// The key of a usable destination that costs this much per weight.
#[inline]
pub(super) fn quotient(list: &Destinations, slot: Slot, cost: i32) -> Option<u64> {
    let (weight, usable) = list.weight_if_usable(slot);
    if weight > EXACT_WEIGHT || cost < 0 {
        return None;
    }
    if usable { Some((f64::from(cost) / f64::from(weight)).to_bits()) } else { Some(OUT) }
}

/// A key that is the lower the higher the weight is.
#[inline]
pub(super) fn below(weight: u32) -> u64 {
    u64::from(u32::MAX - weight)
}

#[derive(Debug, Clone, Default)]
pub(super) struct Ranking {
    tree: Tournament,
    odd: BTreeSet<Slot>,
}

impl Ranking {
    pub(super) fn bind<R: Rule>(&mut self, list: &Destinations) {
        self.odd.clear();
        let odd = &mut self.odd;
        self.tree.fill((0..list.slots()).map(|index| {
            let slot = Slot::at(index);
            R::key(list, slot).unwrap_or_else(|| {
                odd.insert(slot);
                OUT
            })
        }));
    }

    pub(super) fn added<R: Rule>(&mut self, list: &Destinations, slot: Slot) {
        self.tree.grow(list.slots());
        self.changed::<R>(list, slot);
    }

    /// Takes over what has changed of a destination; gives the next pick.
    #[inline]
    pub(super) fn changed<R: Rule>(&mut self, list: &Destinations, slot: Slot) -> Option<Slot> {
        match R::key(list, slot) {
            Some(key) if self.odd.is_empty() => self.tree.set(slot, key),
            key => self.changed_oddly::<R>(list, slot, key),
        }
    }

    #[cold]
    fn changed_oddly<R: Rule>(&mut self, list: &Destinations, slot: Slot, key: Option<u64>) -> Option<Slot> {
        if key.is_some() {
            self.odd.remove(&slot);
        } else {
            self.odd.insert(slot);
        }
        self.tree.set(slot, key.unwrap_or(OUT));
        self.pick::<R>(list)
    }

    pub(super) fn renumbered<R: Rule>(&mut self, list: &Destinations, _: &Renumbering) {
        self.bind::<R>(list);
    }

    #[inline]
    pub(super) fn pick<R: Rule>(&self, list: &Destinations) -> Option<Slot> {
        if self.odd.is_empty() { self.tree.best() } else { R::walk(list, list.iter()) }
    }
}

/// Makes a scheduler of a name and its [`Rule`].
macro_rules! ranked {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Default)]
        pub struct $name {
            ranking: $crate::algo::ranked::Ranking,
        }

        impl $crate::algo::Scheduler for $name {
            fn bind(&mut self, list: &Destinations) {
                self.ranking.bind::<Self>(list);
            }

            fn added(&mut self, list: &Destinations, slot: Slot) {
                self.ranking.added::<Self>(list, slot);
            }

            fn removed(&mut self, list: &Destinations, slot: Slot) {
                self.ranking.changed::<Self>(list, slot);
            }

            fn edited(&mut self, list: &Destinations, slot: Slot) {
                self.ranking.changed::<Self>(list, slot);
            }

            #[inline]
            fn load_changed(&mut self, list: &Destinations, slot: Slot) {
                self.ranking.changed::<Self>(list, slot);
            }

            fn renumbered(&mut self, list: &Destinations, renumbering: &$crate::algo::Renumbering) {
                self.ranking.renumbered::<Self>(list, renumbering);
            }

            #[inline]
            fn pick(
                &mut self,
                list: &Destinations,
                _: &$crate::algo::Flow,
                _: &mut dyn $crate::algo::Draws,
            ) -> Option<Slot> {
                self.ranking.pick::<Self>(list)
            }

            fn retry(
                &self,
                list: &Destinations,
                _: &$crate::algo::Flow,
                _: &mut dyn $crate::algo::Draws,
                excluded: &[Slot],
            ) -> Option<Slot> {
                <Self as $crate::algo::ranked::Rule>::walk(list, list.iter().filter(|slot| !excluded.contains(slot)))
            }

            fn shortcut(&mut self, _: &Destinations) -> $crate::algo::Shortcut {
                $crate::algo::Shortcut::KNOWN
            }

            #[inline]
            fn settle(&mut self, list: &Destinations, slot: Slot) -> Option<Slot> {
                self.ranking.changed::<Self>(list, slot)
            }

            #[inline]
            fn next_pick(&self, list: &Destinations) -> Option<Slot> {
                self.ranking.pick::<Self>(list)
            }
        }
    };
}
pub(super) use ranked;
