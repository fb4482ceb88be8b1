//! The transport protocol of a service.

use core::{fmt, str::FromStr};

use crate::{
    error::{ParseError, decimal},
    serde_impl::serde_text,
};

/// This is an IP protocol number, as the kernel keeps it for a service (`IPVS_SVC_ATTR_PROTOCOL`, 16 bits).
///
/// IPVS balances TCP, UDP and SCTP; the kernel stores any other number unchecked, so any number can be read back.
///
/// ```
/// use lvs_model::Protocol;
///
/// assert_eq!("udp".parse::<Protocol>()?, Protocol::UDP);
/// assert_eq!(Protocol::new(47).to_string(), "ip_47");
/// # Ok::<(), lvs_model::ParseError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Protocol(u16);

impl Protocol {
    /// TCP, number 6, `ipvsadm -t`.
    pub const TCP: Self = Self(6);
    /// UDP, number 17, `ipvsadm -u`.
    pub const UDP: Self = Self(17);
    /// SCTP, number 132, `ipvsadm --sctp-service`.
    pub const SCTP: Self = Self(132);

    /// The protocol of this number.
    #[must_use]
    pub const fn new(number: u16) -> Self {
        Self(number)
    }

    /// The protocol's number.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.0
    }

    /// Whether IPVS schedules packets of this protocol: TCP, UDP or SCTP.
    #[must_use]
    pub const fn is_scheduled(self) -> bool {
        matches!(self, Self::TCP | Self::UDP | Self::SCTP)
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::TCP => f.pad("tcp"),
            Self::UDP => f.pad("udp"),
            Self::SCTP => f.pad("sctp"),
            Self(number) => write!(f, "ip_{number}"),
        }
    }
}

impl FromStr for Protocol {
    type Err = ParseError;

    /// Takes `tcp`, `udp`, `sctp` in any case and `ip_` with a number.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        const EXPECTED: &str = "a protocol: `tcp`, `udp`, `sctp`, or `ip_` and a number from 0 to 65535";
        for (name, protocol) in [("tcp", Self::TCP), ("udp", Self::UDP), ("sctp", Self::SCTP)] {
            if text.eq_ignore_ascii_case(name) {
                return Ok(protocol);
            }
        }
        let number = text.strip_prefix("ip_").ok_or_else(|| ParseError::new(EXPECTED, text))?;
        let number = decimal(number, EXPECTED).map_err(|_| ParseError::new(EXPECTED, text))?;
        u16::try_from(number).map(Self).map_err(|_| ParseError::new(EXPECTED, text))
    }
}

serde_text!(Protocol);
