//! Address families.

use core::{fmt, net::IpAddr, str::FromStr};

use crate::{error::ParseError, serde_impl::serde_text};

/// This is the address family of a service or a destination.
///
/// | value | number (`IPVS_SVC_ATTR_AF`) | text |
/// |---|---|---|
/// | `Inet` | 2 | `inet` |
/// | `Inet6` | 10 | `inet6` |
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "IPVS has had these two families since IPv6 came, and every rule is written for both"
)]
pub enum Family {
    /// IPv4.
    Inet,
    /// IPv6.
    Inet6,
}

impl Family {
    /// The family of an address.
    #[must_use]
    pub const fn of(addr: IpAddr) -> Self {
        match addr {
            IpAddr::V4(_) => Self::Inet,
            IpAddr::V6(_) => Self::Inet6,
        }
    }

    /// The number in netlink messages on Linux: 2 or 10.
    #[must_use]
    pub const fn number(self) -> u16 {
        match self {
            Self::Inet => 2,
            Self::Inet6 => 10,
        }
    }

    /// The family of a number, if it is one of the two.
    #[must_use]
    pub const fn from_number(number: u16) -> Option<Self> {
        match number {
            2 => Some(Self::Inet),
            10 => Some(Self::Inet6),
            _ => None,
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Inet => "inet",
            Self::Inet6 => "inet6",
        })
    }
}

impl FromStr for Family {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        match text {
            "inet" => Ok(Self::Inet),
            "inet6" => Ok(Self::Inet6),
            _ => Err(ParseError::new("an address family, `inet` or `inet6`", text)),
        }
    }
}

serde_text!(Family);
