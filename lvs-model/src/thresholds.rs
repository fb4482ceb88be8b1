//! Connection thresholds of a destination.

use core::{fmt, str::FromStr};

use crate::error::{ParseError, decimal};

/// This bounds the connections of a destination (`ipvsadm -x` and `-y`, keepalived `uthreshold` and `lthreshold`,
/// `IPVS_DEST_ATTR_U_THRESH` and `…_L_THRESH`).
///
/// At `upper` connections, active and inactive together, the destination is overloaded and gets no new ones until it
/// falls below `lower`, or below three quarters of `upper` when `lower` is 0. An `upper` of 0 means no limit. The lower
/// one is never above the upper one.
///
/// An upper threshold above 2^31 - 1 is taken by kernels up to 6.1.182 and refused with `EINVAL` by newer ones.
///
/// ```
/// use lvs_model::Thresholds;
///
/// let thresholds = Thresholds::new(100, 80)?;
/// assert_eq!((thresholds.upper(), thresholds.lower()), (100, 80));
/// assert!(Thresholds::new(0, 5).is_err());
/// # Ok::<(), lvs_model::InvalidThresholds>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(try_from = "Raw", into = "Raw"))]
pub struct Thresholds {
    upper: u32,
    lower: u32,
}

/// This error says that the lower threshold is above the upper one, which the kernel refuses with `ERANGE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error("the lower threshold {lower} must not be above the upper threshold {upper}")]
#[non_exhaustive]
pub struct InvalidThresholds {
    /// The upper threshold that was given.
    pub upper: u32,
    /// The lower threshold that was given.
    pub lower: u32,
}

impl Thresholds {
    /// No limit.
    pub const NONE: Self = Self { upper: 0, lower: 0 };

    /// The thresholds of these two numbers of connections.
    ///
    /// # Errors
    /// A `lower` above `upper`, also when `upper` is 0.
    pub const fn new(upper: u32, lower: u32) -> Result<Self, InvalidThresholds> {
        if lower > upper { Err(InvalidThresholds { upper, lower }) } else { Ok(Self { upper, lower }) }
    }

    /// The number of connections at which the destination is overloaded; 0 is no limit.
    #[must_use]
    pub const fn upper(self) -> u32 {
        self.upper
    }

    /// The number of connections below which it takes new ones again; 0 is three quarters of the upper one.
    #[must_use]
    pub const fn lower(self) -> u32 {
        self.lower
    }

    /// Whether there is no limit.
    #[must_use]
    pub const fn is_none(self) -> bool {
        self.upper == 0
    }
}

impl fmt::Display for Thresholds {
    /// As `upper/lower`: `100/80`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.upper, self.lower)
    }
}

impl FromStr for Thresholds {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        const EXPECTED: &str = "an upper and a lower threshold, such as `100/80`, the lower not above the upper";
        let (upper, lower) = text.split_once('/').ok_or_else(|| ParseError::new(EXPECTED, text))?;
        Self::new(decimal(upper, EXPECTED)?, decimal(lower, EXPECTED)?).map_err(|_| ParseError::new(EXPECTED, text))
    }
}

#[cfg(feature = "serde")]
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    upper: u32,
    #[serde(default)]
    lower: u32,
}

#[cfg(feature = "serde")]
impl From<Thresholds> for Raw {
    fn from(Thresholds { upper, lower }: Thresholds) -> Self {
        Self { upper, lower }
    }
}

#[cfg(feature = "serde")]
impl TryFrom<Raw> for Thresholds {
    type Error = InvalidThresholds;

    fn try_from(raw: Raw) -> Result<Self, InvalidThresholds> {
        Self::new(raw.upper, raw.lower)
    }
}
