//! What lc, wlc, sed, nq, fo and ovf have in common: the lowest key wins, and a tournament tree keeps it at hand.
//!
//! A cost per weight has to become a key that is in the same order, with the same ties. While the weights have a common multiple below
//! 2^32, which they nearly always have, the cost times (multiple / weight) is such a key, without a division. Otherwise the bits of the
//! quotient as an `f64` are: it is exact while cost × weight stays below 2^52, that is for all weights up to 2^21, which includes all that
//! ipvsadm takes. What is beyond that, or has a cost that wrapped below zero, is *odd*; while there is one, picks walk the list as the
//! kernel does.

use alloc::{collections::BTreeSet, vec::Vec};

use super::{
    Destinations, Load, Slot,
    summary::gcd,
    tournament::{OUT, Tournament},
};

/// The largest weight for which quotients are exact.
const EXACT_WEIGHT: u32 = 1 << 21;

/// What tells the six schedulers apart.
pub(super) trait Rule {
    /// Whether costs are compared per weight.
    const PER_WEIGHT: bool = true;

    /// What a destination costs that is not overloaded.
    fn cost(load: &Load, weight: u32) -> Cost;

    /// Picks literally as the kernel does, walking these destinations.
    fn walk(list: &Destinations, order: impl Iterator<Item = Slot>) -> Option<Slot>;
}

/// The cost of a pick.
#[derive(Debug, Clone, Copy)]
pub(super) enum Cost {
    /// It may not be picked.
    Out,
    /// The lowest is picked.
    Plain(u64),
    /// The lowest for its weight is picked.
    PerWeight(i32),
}

/// A cost that is the lower the higher the weight is.
#[inline]
pub(super) fn below(weight: u32) -> Cost {
    Cost::Plain(u64::from(u32::MAX - weight))
}

#[derive(Debug, Clone, Default)]
pub(super) struct Ranking {
    tree: Tournament,
    // A common multiple of all weights that ever were in the list, divided by each weight; 0 if there is none below 2^32.
    multiple: u32,
    multipliers: Vec<u32>,
    odd: BTreeSet<Slot>,
}

impl Ranking {
    pub(super) fn bind<R: Rule>(&mut self, list: &Destinations) {
        self.multiple = list.iter().fold(1, |multiple, slot| common_multiple(multiple, list.weight(slot)));
        self.rank_all::<R>(list);
    }

    pub(super) fn added<R: Rule>(&mut self, list: &Destinations, slot: Slot) {
        self.multipliers.resize(list.slots(), 0);
        self.tree.grow(list.slots());
        self.edited::<R>(list, slot);
    }

    /// Takes over a weight.
    pub(super) fn edited<R: Rule>(&mut self, list: &Destinations, slot: Slot) {
        if !R::PER_WEIGHT {
            self.changed::<R>(list, slot);
            return;
        }
        let weight = list.weight(slot);
        let multiple = common_multiple(self.multiple, weight);
        if multiple == self.multiple {
            self.multipliers[slot.index()] = multiple.checked_div(weight).unwrap_or(0);
            self.changed::<R>(list, slot);
        } else {
            // It at least doubles each time, or is gone: all keys are made anew thirty-two times at most.
            self.multiple = multiple;
            self.rank_all::<R>(list);
        }
    }

    fn rank_all<R: Rule>(&mut self, list: &Destinations) {
        let slots = (0..list.slots()).map(Slot::at);
        self.multipliers.clear();
        self.multipliers.extend(slots.clone().map(|slot| self.multiple.checked_div(list.weight(slot)).unwrap_or(0)));
        let keys: Vec<Option<u64>> = slots.clone().map(|slot| self.key::<R>(list, slot)).collect();
        self.odd = slots.zip(&keys).filter(|(_, key)| key.is_none()).map(|(slot, _)| slot).collect();
        self.tree.fill(keys.into_iter().map(|key| key.unwrap_or(OUT)));
    }

    /// The key of a destination: [`OUT`] if it may not be picked, `None` if it is odd.
    #[inline]
    fn key<R: Rule>(&self, list: &Destinations, slot: Slot) -> Option<u64> {
        let (weight, load) = list.weight_and_load(slot);
        match R::cost(load, weight) {
            _ if load.is_overloaded() => Some(OUT),
            // Even at weight 0: the kernel compares products, and this one's is not positive.
            Cost::PerWeight(cost) if cost < 0 => None,
            _ if weight == 0 => Some(OUT),
            Cost::Out => Some(OUT),
            Cost::Plain(cost) => Some(cost),
            Cost::PerWeight(cost) if self.multiple != 0 => {
                Some(u64::from(cost.cast_unsigned()) * u64::from(self.multipliers[slot.index()]))
            }
            Cost::PerWeight(cost) if weight <= EXACT_WEIGHT => Some((f64::from(cost) / f64::from(weight)).to_bits()),
            Cost::PerWeight(_) => None,
        }
    }

    /// Takes over what has changed of a load; gives the next pick.
    #[inline]
    pub(super) fn changed<R: Rule>(&mut self, list: &Destinations, slot: Slot) -> Option<Slot> {
        match self.key::<R>(list, slot) {
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

    #[inline]
    pub(super) fn pick<R: Rule>(&self, list: &Destinations) -> Option<Slot> {
        if self.odd.is_empty() { self.tree.best() } else { R::walk(list, list.iter()) }
    }
}

/// The least common multiple, where 0 stands for "none below 2^32" and stays so; a weight of 0 divides everything.
fn common_multiple(multiple: u32, weight: u32) -> u32 {
    match weight {
        0 => multiple,
        weight if multiple.is_multiple_of(weight) => multiple,
        weight => (multiple / gcd(multiple, weight)).checked_mul(weight).unwrap_or(0),
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
                self.ranking.edited::<Self>(list, slot);
            }

            #[inline]
            fn load_changed(&mut self, list: &Destinations, slot: Slot) {
                self.ranking.changed::<Self>(list, slot);
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
