//! What dh and sh have in common: 256 buckets that addresses hash into by multiplication.

use alloc::{sync::Arc, vec::Vec};

use super::{Slot, hash::multiplicative};

const BITS: u32 = 8;
pub(super) const BUCKETS: usize = 1 << BITS;

/// A destination for each hash. Their number is in the type, so that a pick checks no bound.
#[derive(Debug, Clone)]
pub(crate) struct Buckets(Arc<[Slot; BUCKETS]>);

impl Default for Buckets {
    fn default() -> Self {
        Self(Arc::new([Slot::NOBODY; BUCKETS]))
    }
}

impl Buckets {
    /// Fills the buckets with these destinations again and again.
    pub(super) fn filled(once: impl Iterator<Item = Slot>) -> Self {
        let once: Vec<Slot> = once.take(BUCKETS).collect();
        let mut slots = once.iter().copied().cycle();
        Self(Arc::new(core::array::from_fn(|_| slots.next().unwrap_or(Slot::NOBODY))))
    }

    /// The bucket of a folded address, below [`BUCKETS`].
    #[inline]
    pub(super) const fn hash(address: u32) -> usize {
        multiplicative(address, BITS) as usize
    }

    /// Who is in a bucket. Numbers of buckets go round.
    #[inline]
    pub(super) fn get(&self, bucket: usize) -> Slot {
        self.0[bucket % BUCKETS]
    }
}
