//! A destination as iteration shows it.

use alloc::sync::Arc;
use core::{fmt, ops::Deref};

use lvs_model::{ConnectionCounts, Destination, Endpoint};

use super::connection::Entry;
use crate::algo::{DestinationId, Generation, Load};

/// This is a destination of a pool as it was at one moment. It dereferences to the caller's data.
pub struct Member<T> {
    entry: Arc<Entry<T>>,
    destination: Destination,
    load: Load,
    generation: Generation,
}

impl<T> Member<T> {
    pub(super) const fn new(
        entry: Arc<Entry<T>>,
        destination: Destination,
        load: Load,
        generation: Generation,
    ) -> Self {
        Self { entry, destination, load, generation }
    }

    /// The caller's data.
    #[must_use]
    pub fn data(&self) -> &T {
        &self.entry.data
    }

    /// The address and port.
    #[must_use]
    pub fn endpoint(&self) -> Endpoint {
        self.entry.endpoint
    }

    /// How it is configured.
    #[must_use]
    pub const fn destination(&self) -> &Destination {
        &self.destination
    }

    /// The lasting name of the destination.
    #[must_use]
    pub fn id(&self) -> DestinationId {
        self.entry.id
    }

    /// How many connections it has.
    #[must_use]
    pub const fn counts(&self) -> ConnectionCounts {
        self.load.counts(self.generation)
    }

    /// Says whether it takes no new connections because of its thresholds.
    #[must_use]
    pub const fn is_overloaded(&self) -> bool {
        self.load.is_overloaded()
    }
}

impl<T> Deref for Member<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.data()
    }
}

impl<T> fmt::Debug for Member<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Member")
            .field("destination", &self.destination)
            .field("load", &self.load)
            .finish_non_exhaustive()
    }
}
