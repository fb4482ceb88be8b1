//! Connection timeouts of a namespace.

use core::{fmt, str::FromStr};

use crate::{
    error::{OutOfRange, ParseError, decimal, in_range},
    serde_impl::serde_number,
};

/// This is a connection timeout in seconds: 1 to 21,474,836.
///
/// The kernel refuses more than 2^31 - 1 clock ticks with `EINVAL`; the limit here is the one at 100 ticks a second. At
/// 1,000 ticks a second it is 2,147,483 seconds. Zero, which means "keep" to the kernel, is [`None`] in
/// [`TimeoutsUpdate`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProtocolTimeout(u32);

impl ProtocolTimeout {
    /// The longest timeout that some kernel takes.
    pub const MAX: Self = Self(21_474_836);

    /// The timeout of this many seconds.
    ///
    /// # Errors
    /// 0, or more than [`MAX`](Self::MAX).
    pub fn new(seconds: u32) -> Result<Self, OutOfRange> {
        in_range("timeout in seconds", seconds, 1, Self::MAX.0).map(Self)
    }

    /// The timeout in seconds.
    #[must_use]
    pub const fn seconds(self) -> u32 {
        self.0
    }
}

impl fmt::Display for ProtocolTimeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for ProtocolTimeout {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        const EXPECTED: &str = "a timeout from 1 to 21474836 seconds";
        Self::new(decimal(text, EXPECTED)?).map_err(|_| ParseError::new(EXPECTED, text))
    }
}

serde_number!(ProtocolTimeout, u32, seconds, ProtocolTimeout::new);

/// This holds the three connection timeouts that a namespace can set (`ipvsadm --set`, keepalived `lvs_timeouts`,
/// `IPVS_CMD_SET_CONFIG`).
///
/// ```
/// use lvs_model::Timeouts;
///
/// assert_eq!(Timeouts::default().to_string(), "900 120 300");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
#[expect(clippy::exhaustive_structs, reason = "the kernel's three timeouts")]
pub struct Timeouts {
    /// For established TCP connections; 900 s by default.
    pub tcp: ProtocolTimeout,
    /// For TCP connections after a FIN; 120 s by default.
    pub tcp_fin: ProtocolTimeout,
    /// For UDP; 300 s by default.
    pub udp: ProtocolTimeout,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { tcp: ProtocolTimeout(900), tcp_fin: ProtocolTimeout(120), udp: ProtocolTimeout(300) }
    }
}

impl fmt::Display for Timeouts {
    /// As `ipvsadm --set` takes them: `900 120 300`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.tcp, self.tcp_fin, self.udp)
    }
}

impl FromStr for Timeouts {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let mut words = text.split_ascii_whitespace();
        match (words.next(), words.next(), words.next(), words.next()) {
            (Some(tcp), Some(tcp_fin), Some(udp), None) => {
                Ok(Self { tcp: tcp.parse()?, tcp_fin: tcp_fin.parse()?, udp: udp.parse()? })
            }
            _ => Err(ParseError::new("three timeouts in seconds, such as `900 120 300`", text)),
        }
    }
}

/// This changes some of the timeouts and keeps the others, which are [`None`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(default, deny_unknown_fields))]
#[expect(clippy::exhaustive_structs, reason = "the kernel's three timeouts")]
pub struct TimeoutsUpdate {
    /// The new timeout of established TCP connections.
    pub tcp: Option<ProtocolTimeout>,
    /// The new timeout of TCP connections after a FIN.
    pub tcp_fin: Option<ProtocolTimeout>,
    /// The new timeout of UDP.
    pub udp: Option<ProtocolTimeout>,
}

impl From<Timeouts> for TimeoutsUpdate {
    fn from(timeouts: Timeouts) -> Self {
        Self { tcp: Some(timeouts.tcp), tcp_fin: Some(timeouts.tcp_fin), udp: Some(timeouts.udp) }
    }
}

impl TimeoutsUpdate {
    /// The timeouts after this change of `old`.
    #[must_use]
    pub fn apply(self, old: Timeouts) -> Timeouts {
        Timeouts {
            tcp: self.tcp.unwrap_or(old.tcp),
            tcp_fin: self.tcp_fin.unwrap_or(old.tcp_fin),
            udp: self.udp.unwrap_or(old.udp),
        }
    }
}

impl fmt::Display for TimeoutsUpdate {
    /// As `ipvsadm --set` takes them, 0 for those to keep: `900 0 0`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |timeout: Option<ProtocolTimeout>| timeout.map_or(0, ProtocolTimeout::seconds);
        write!(f, "{} {} {}", seconds(self.tcp), seconds(self.tcp_fin), seconds(self.udp))
    }
}

impl FromStr for TimeoutsUpdate {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let timeout = |word: &str| if word == "0" { Ok(None) } else { word.parse().map(Some) };
        let mut words = text.split_ascii_whitespace();
        match (words.next(), words.next(), words.next(), words.next()) {
            (Some(tcp), Some(tcp_fin), Some(udp), None) => {
                Ok(Self { tcp: timeout(tcp)?, tcp_fin: timeout(tcp_fin)?, udp: timeout(udp)? })
            }
            _ => Err(ParseError::new("three timeouts in seconds, 0 to keep one, such as `900 0 0`", text)),
        }
    }
}
