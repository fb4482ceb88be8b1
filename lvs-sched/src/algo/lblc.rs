//! lblc, locality-based least connection: one destination per virtual address, while it is not busy.
//!
//! Worked example, as observed on kernels: weights 2, 2, 2, connections left open to two virtual addresses in turn:
//! `C B C B C B A B A B A B`: C moves away at its third active connection, while A is below half load; later nobody is.

use core::time::Duration;

use super::{
    DestinationId, Destinations, Draws, Flow, Renumbering, Scheduler, Slot, address_cache::AddressCache,
    locality::Locality,
};

/// This is lblc, locality-based least connection, for rows of caches behind many virtual addresses (firewall marks).
///
/// The first connection to a virtual address goes where wlc would send it, and later ones follow it, until the destination is quiesced,
/// removed or *busy*: more active connections than its weight, while any other has less than half of its weight.
/// **A remembered destination is taken even when it is overloaded**, as in the kernel.
///
/// It remembers an address for 24 hours after its last use, for six minutes when there are more than 16,384 (see
/// [`Settings::cache_expiration`](super::Settings::cache_expiration)); about 100 to 160 bytes each.
///
/// In a [`Pool`](crate::Pool) a destination that is removed while it has no connection is forgotten, and its addresses are scheduled anew when it comes
/// back. The kernel, [`Scheduled`](super::Scheduled) and [`Director`](crate::director::Director) know it again.
#[derive(Debug, Clone, Default)]
pub struct Lblc {
    locality: Locality,
    cache: AddressCache<DestinationId>,
}

impl Scheduler for Lblc {
    fn bind(&mut self, list: &Destinations) {
        self.cache = AddressCache::default();
        self.locality.bind(list);
    }

    fn added(&mut self, list: &Destinations, slot: Slot) {
        self.locality.added(list, slot);
    }

    fn removed(&mut self, list: &Destinations, slot: Slot) {
        self.locality.changed(list, slot);
    }

    fn edited(&mut self, list: &Destinations, slot: Slot) {
        self.locality.edited(list, slot);
    }

    #[inline]
    fn load_changed(&mut self, list: &Destinations, slot: Slot) {
        self.locality.changed(list, slot);
    }

    fn renumbered(&mut self, list: &Destinations, _: &Renumbering) {
        self.locality.bind(list);
    }

    fn elapsed(&mut self, list: &Destinations, now: Duration) {
        self.cache.elapsed(now, list.settings().cache_expiration);
    }

    fn remembers(&self, id: DestinationId) -> bool {
        self.cache.values().any(|&remembered| remembered == id)
    }

    #[inline]
    fn pick(&mut self, list: &Destinations, flow: &Flow, _: &mut dyn Draws) -> Option<Slot> {
        self.cache.elapsed(flow.now, list.settings().cache_expiration);
        if let Some(entry) = self.cache.touch(flow.target.addr, flow.now) {
            // Not in the list means removed; the entry stays and is good again when the destination comes back.
            if let Some(slot) = list.slot(entry.value)
                && list.weight(slot) > 0
                && !self.locality.is_busy(list, slot)
            {
                return Some(slot);
            }
        }
        self.pick_anew(list, flow)
    }
}

impl Lblc {
    #[inline(never)]
    fn pick_anew(&mut self, list: &Destinations, flow: &Flow) -> Option<Slot> {
        let (least, addr) = (self.locality.least(list)?, flow.target.addr);
        let id = list.id(least);
        if self.cache.peek(addr) != Some(&id) {
            self.cache.insert(addr, id, flow.now, list.generation());
        }
        Some(least)
    }
}
