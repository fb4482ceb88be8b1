//! What lblc and lblcr have in common: when a destination is busy, and whom they take instead.

use super::{Destinations, Slot, Wlc, bitmap::Bitmap, ranked::Ranking};

/// The weighted least connection index, and who is below half load.
#[derive(Debug, Clone, Default)]
pub(super) struct Locality {
    ranking: Ranking,
    // Destinations with 2 * active < weight; overloaded ones count as well.
    spare: Bitmap,
}

impl Locality {
    pub(super) fn bind(&mut self, list: &Destinations) {
        self.ranking.bind::<Wlc>(list);
        self.spare = Bitmap::default();
        self.spare.grow(list.slots());
        for slot in list.iter().filter(|&slot| has_spare(list, slot)) {
            self.spare.insert(slot.index());
        }
    }

    pub(super) fn added(&mut self, list: &Destinations, slot: Slot) {
        self.spare.grow(list.slots());
        self.ranking.added::<Wlc>(list, slot);
        self.note_spare(list, slot);
    }

    pub(super) fn edited(&mut self, list: &Destinations, slot: Slot) {
        self.ranking.edited::<Wlc>(list, slot);
        self.note_spare(list, slot);
    }

    #[inline]
    pub(super) fn changed(&mut self, list: &Destinations, slot: Slot) {
        self.ranking.changed::<Wlc>(list, slot);
        self.note_spare(list, slot);
    }

    #[inline]
    fn note_spare(&mut self, list: &Destinations, slot: Slot) {
        if has_spare(list, slot) {
            self.spare.insert(slot.index());
        } else {
            self.spare.remove(slot.index());
        }
    }

    /// A destination is busy when it has more active connections than its weight while another is below half load.
    #[inline]
    pub(super) fn is_busy(&self, list: &Destinations, slot: Slot) -> bool {
        list.load(slot).active() > list.weight(slot) && !self.spare.is_empty()
    }

    #[inline]
    pub(super) fn least(&self, list: &Destinations) -> Option<Slot> {
        self.ranking.pick::<Wlc>(list)
    }
}

#[inline]
fn has_spare(list: &Destinations, slot: Slot) -> bool {
    2 * u64::from(list.load(slot).active()) < u64::from(list.weight(slot))
}
