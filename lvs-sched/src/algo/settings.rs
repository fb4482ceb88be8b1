//! The kernel that is imitated: its generation, its build options and its sysctls, as far as schedulers read them.
//!
//! ```
//! use lvs_sched::algo::{Generation, MaglevSize, Settings};
//!
//! let settings = Settings::default();
//! assert_eq!(settings.generation, Generation::Classic);
//! assert_eq!(settings.maglev_size.slots(), 4093);
//! let larger = settings.with_maglev_size(MaglevSize::P65521);
//! assert_eq!(larger.maglev_size.slots(), 65_521);
//! ```

use core::time::Duration;

use super::load::Generation;

/// This is what a kernel is built and configured with that changes picks. The default is a kernel as distributions ship it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Settings {
    /// How connections are counted.
    pub generation: Generation,
    /// The size of mh's table (`CONFIG_IP_VS_MH_TAB_INDEX`).
    pub maglev_size: MaglevSize,
    /// How long lblc and lblcr remember an unused address, and after how long lblcr removes a member from a set
    /// (`net.ipv4.vs.lblc_expiration`, `net.ipv4.vs.lblcr_expiration`; 24 hours).
    pub cache_expiration: Duration,
}

impl Settings {
    /// A kernel of another generation.
    #[must_use]
    pub const fn with_generation(mut self, generation: Generation) -> Self {
        self.generation = generation;
        self
    }

    /// A kernel that was built with another table size for mh.
    #[must_use]
    pub const fn with_maglev_size(mut self, size: MaglevSize) -> Self {
        self.maglev_size = size;
        self
    }

    /// A kernel with another value of `lblc_expiration` or `lblcr_expiration`.
    #[must_use]
    pub const fn with_cache_expiration(mut self, expiration: Duration) -> Self {
        self.cache_expiration = expiration;
        self
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            generation: Generation::Classic,
            maglev_size: MaglevSize::P4093,
            cache_expiration: Duration::from_secs(24 * 60 * 60),
        }
    }
}

/// This is one of the prime table sizes that mh can be built with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[expect(clippy::exhaustive_enums, reason = "the kernel has this table of primes")]
#[expect(missing_docs, reason = "the names say all")]
pub enum MaglevSize {
    P251,
    P509,
    P1021,
    P2039,
    #[default]
    P4093,
    P8191,
    P16381,
    P32749,
    P65521,
    P131071,
}

impl MaglevSize {
    /// The number of slots. A pool with more destinations than slots keeps the table that it had.
    #[must_use]
    pub const fn slots(self) -> usize {
        match self {
            Self::P251 => 251,
            Self::P509 => 509,
            Self::P1021 => 1021,
            Self::P2039 => 2039,
            Self::P4093 => 4093,
            Self::P8191 => 8191,
            Self::P16381 => 16_381,
            Self::P32749 => 32_749,
            Self::P65521 => 65_521,
            Self::P131071 => 131_071,
        }
    }

    /// To how many bits the largest weight is scaled down.
    pub(super) const fn weight_bits(self) -> u32 {
        match self {
            Self::P251 | Self::P509 => 4,
            Self::P1021 | Self::P2039 => 5,
            Self::P4093 | Self::P8191 => 6,
            Self::P16381 | Self::P32749 => 7,
            Self::P65521 | Self::P131071 => 8,
        }
    }
}
