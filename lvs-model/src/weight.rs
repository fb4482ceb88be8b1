//! The weight of a destination.

use core::{fmt, str::FromStr};

use crate::{
    error::{OutOfRange, ParseError, decimal, in_range},
    serde_impl::serde_number,
};

/// This is the weight of a destination (`ipvsadm -w`, keepalived `weight`, `IPVS_DEST_ATTR_WEIGHT`): 0 to 2,147,483,647.
///
/// Weight 0 *quiesces* a destination: it gets no new connection and keeps those that it has. `ipvsadm` 1.31 as it was
/// released stops at 65,535; Debian's build of it, and the kernel, do not.
///
/// ```
/// use lvs_model::Weight;
///
/// let weight = Weight::new(100)?;
/// assert_eq!(weight.get(), 100);
/// assert!(Weight::new(0x8000_0000).is_err());
/// assert!(Weight::ZERO.is_quiesced());
/// # Ok::<(), lvs_model::OutOfRange>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Weight(u32);

impl Weight {
    /// Quiesced.
    pub const ZERO: Self = Self(0);
    /// The weight of a destination when none is given.
    pub const ONE: Self = Self(1);
    /// The highest weight of the kernel, 2^31 - 1.
    pub const MAX: Self = Self(0x7fff_ffff);

    /// The weight of this value.
    ///
    /// # Errors
    /// More than [`MAX`](Self::MAX): the kernel answers `ERANGE`.
    pub fn new(weight: u32) -> Result<Self, OutOfRange> {
        in_range("weight", weight, 0, Self::MAX.0).map(Self)
    }

    /// The weight's value.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    /// Whether the weight is 0.
    #[must_use]
    pub const fn is_quiesced(self) -> bool {
        self.0 == 0
    }
}

impl Default for Weight {
    fn default() -> Self {
        Self::ONE
    }
}

impl From<u16> for Weight {
    fn from(weight: u16) -> Self {
        Self(weight.into())
    }
}

impl From<Weight> for u32 {
    fn from(weight: Weight) -> Self {
        weight.0
    }
}

impl fmt::Display for Weight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Weight {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        const EXPECTED: &str = "a weight from 0 to 2147483647";
        Self::new(decimal(text, EXPECTED)?).map_err(|_| ParseError::new(EXPECTED, text))
    }
}

serde_number!(Weight, u32, get, Weight::new);
