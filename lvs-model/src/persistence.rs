//! Persistence: clients of one network stay with one destination.

use core::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use crate::{
    error::{OutOfRange, ParseError, decimal, in_range},
    family::Family,
    scheduler::ModuleName,
    serde_impl::{serde_number, serde_text},
};

/// This is the persistence timeout of a service in seconds (`ipvsadm -p`, keepalived `persistence_timeout`,
/// `IPVS_SVC_ATTR_TIMEOUT`): 0 to 42,949,672.
///
/// The kernel multiplies it by its clock rate in 32 bits without a check. The limit here is the one of the slowest
/// clock, 100 ticks a second; at 1,000 ticks a second anything above [`PORTABLE_MAX`](Self::PORTABLE_MAX) wraps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PersistenceTimeout(u32);

impl PersistenceTimeout {
    /// What `ipvsadm -p` means without a number: 360 seconds, whatever its manual says.
    pub const DEFAULT: Self = Self(360);
    /// The longest timeout that some kernel can hold.
    pub const MAX: Self = Self(42_949_672);
    /// The longest timeout that every kernel can hold.
    pub const PORTABLE_MAX: Self = Self(4_294_967);

    /// The timeout of this many seconds.
    ///
    /// # Errors
    /// More than [`MAX`](Self::MAX) seconds.
    pub fn new(seconds: u32) -> Result<Self, OutOfRange> {
        in_range("persistence timeout in seconds", seconds, 0, Self::MAX.0).map(Self)
    }

    /// The timeout in seconds.
    #[must_use]
    pub const fn seconds(self) -> u32 {
        self.0
    }
}

impl fmt::Display for PersistenceTimeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for PersistenceTimeout {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        const EXPECTED: &str = "a persistence timeout from 0 to 42949672 seconds";
        Self::new(decimal(text, EXPECTED)?).map_err(|_| ParseError::new(EXPECTED, text))
    }
}

serde_number!(PersistenceTimeout, u32, seconds, PersistenceTimeout::new);

/// This is an IPv6 prefix length from 1 to 128.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PrefixLength(u8);

impl PrefixLength {
    /// All 128 bits: every client on its own.
    pub const HOST: Self = Self(128);

    /// The prefix of this many bits.
    ///
    /// # Errors
    /// 0, or more than 128: the kernel refuses both with `EINVAL`.
    pub fn new(bits: u8) -> Result<Self, OutOfRange> {
        in_range("IPv6 prefix length", bits.into(), 1, 128).map(|_| Self(bits))
    }

    /// The number of bits.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl fmt::Display for PrefixLength {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for PrefixLength {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        const EXPECTED: &str = "an IPv6 prefix length from 1 to 128";
        u8::try_from(decimal(text, EXPECTED)?)
            .ok()
            .and_then(|bits| Self::new(bits).ok())
            .ok_or_else(|| ParseError::new(EXPECTED, text))
    }
}

serde_number!(PrefixLength, u8, get, PrefixLength::new);

/// This says which clients count as one for persistence (`ipvsadm -M`, keepalived `persistence_granularity`,
/// `IPVS_SVC_ATTR_NETMASK`).
///
/// The two families differ on the wire: the mask of IPv4 is any 32 bits in network order, the prefix length of IPv6 is
/// a number from 1 to 128 in the host's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "one for each family")]
pub enum Netmask {
    /// An IPv4 mask. The kernel does not ask for contiguous bits, nor do we.
    Inet(Ipv4Addr),
    /// An IPv6 prefix length.
    Inet6(PrefixLength),
}

impl Netmask {
    /// The mask that keeps every client apart: 255.255.255.255 or 128.
    #[must_use]
    pub const fn host(family: Family) -> Self {
        match family {
            Family::Inet => Self::Inet(Ipv4Addr::BROADCAST),
            Family::Inet6 => Self::Inet6(PrefixLength::HOST),
        }
    }

    /// The family that the mask is for.
    #[must_use]
    pub const fn family(self) -> Family {
        match self {
            Self::Inet(_) => Family::Inet,
            Self::Inet6(_) => Family::Inet6,
        }
    }

    /// Whether this is the mask of [`host`](Self::host).
    #[must_use]
    pub fn is_host(self) -> bool {
        self == Self::host(self.family())
    }

    /// The network that a client belongs to. A client of the other family is returned as it is.
    #[must_use]
    pub fn network(self, client: IpAddr) -> IpAddr {
        match (self, client) {
            (Self::Inet(mask), IpAddr::V4(addr)) => Ipv4Addr::from_bits(addr.to_bits() & mask.to_bits()).into(),
            (Self::Inet6(prefix), IpAddr::V6(addr)) => {
                let mask = u128::MAX << (128 - u32::from(prefix.get()));
                Ipv6Addr::from_bits(addr.to_bits() & mask).into()
            }
            (_, other) => other,
        }
    }
}

impl fmt::Display for Netmask {
    /// As `ipvsadm -M` takes it: `255.255.255.0` for IPv4, `64` for IPv6.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inet(mask) => mask.fmt(f),
            Self::Inet6(prefix) => prefix.fmt(f),
        }
    }
}

impl FromStr for Netmask {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        if !text.contains('.') {
            return text.parse().map(Self::Inet6);
        }
        let mask = text.parse().map_err(|_| ParseError::new("an IPv4 mask such as `255.255.255.0`", text))?;
        Ok(Self::Inet(mask))
    }
}

serde_text!(Netmask);

/// This names a persistence engine, which looks for the identity of a client inside the packet (`ipvsadm --pe`,
/// keepalived `persistence_engine`, `IPVS_SVC_ATTR_PE_NAME`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum PersistenceEngine {
    /// The Call-ID of SIP over UDP.
    Sip,
    /// An engine that this crate has no name for.
    Other(ModuleName),
}

impl PersistenceEngine {
    /// The name as the kernel spells it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Sip => "sip",
            Self::Other(name) => name.as_str(),
        }
    }
}

impl fmt::Display for PersistenceEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for PersistenceEngine {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        match text {
            "sip" => Ok(Self::Sip),
            _ => ModuleName::new(text, "a persistence engine of 1 to 15 visible ASCII characters").map(Self::Other),
        }
    }
}

serde_text!(PersistenceEngine);

/// This makes a service persistent: new connections of a known client go where the last ones went.
///
/// ```
/// use lvs_model::{Family, Netmask, Persistence, PersistenceTimeout};
///
/// let mut persistence = Persistence::new(PersistenceTimeout::new(600)?, Family::Inet);
/// assert!(persistence.netmask.is_host());
/// persistence.netmask = "255.255.255.0".parse()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
#[non_exhaustive]
pub struct Persistence {
    /// How long a client is remembered after its last new connection.
    pub timeout: PersistenceTimeout,
    /// Which clients count as one.
    pub netmask: Netmask,
    /// The engine that identifies clients by the packet's content.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub engine: Option<PersistenceEngine>,
}

impl Persistence {
    /// Persistence for every client address on its own, without an engine.
    #[must_use]
    pub const fn new(timeout: PersistenceTimeout, family: Family) -> Self {
        Self { timeout, netmask: Netmask::host(family), engine: None }
    }
}

impl fmt::Display for Persistence {
    /// As `ipvsadm` options: `-p 300 -M 255.255.255.0 --pe sip`, the mask only when it is not the host mask.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "-p {}", self.timeout)?;
        if !self.netmask.is_host() {
            write!(f, " -M {}", self.netmask)?;
        }
        match self.engine {
            Some(engine) => write!(f, " --pe {engine}"),
            None => Ok(()),
        }
    }
}
