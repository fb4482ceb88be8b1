//! What identifies a service.

use core::{fmt, num::NonZeroU32, str::FromStr};

use crate::{
    endpoint::Endpoint,
    error::{OutOfRange, ParseError, decimal},
    family::Family,
    protocol::Protocol,
    serde_impl::{serde_number, serde_text},
};

/// This is a firewall mark that names a service (`ipvsadm -f`, `IPVS_SVC_ATTR_FWMARK`): any 32 bits but 0.
///
/// Zero cannot exist: sent to the kernel it would create the service TCP 0.0.0.0:0 instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fwmark(NonZeroU32);

impl Fwmark {
    /// The mark of this value.
    ///
    /// # Errors
    /// Zero is refused.
    pub const fn new(mark: u32) -> Result<Self, OutOfRange> {
        match NonZeroU32::new(mark) {
            Some(mark) => Ok(Self(mark)),
            None => Err(OutOfRange { what: "firewall mark", found: 0, min: 1, max: u32::MAX as u64 }),
        }
    }

    /// The mark's value.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0.get()
    }
}

impl From<NonZeroU32> for Fwmark {
    fn from(mark: NonZeroU32) -> Self {
        Self(mark)
    }
}

impl fmt::Display for Fwmark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Fwmark {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        const EXPECTED: &str = "a firewall mark from 1 to 4294967295";
        Self::new(decimal(text, EXPECTED)?).map_err(|_| ParseError::new(EXPECTED, text))
    }
}

serde_number!(Fwmark, u32, get, Fwmark::new);

/// This is the identity of a virtual service, and nothing else of it: two services with the same key are the same
/// service, whatever their scheduler or persistence.
///
/// The two kinds live in separate spaces, and so do the two families of marks: `fwmark 7` and `fwmark 7 inet6` can
/// exist side by side.
///
/// ```
/// use lvs_model::{Protocol, ServiceKey};
///
/// let web: ServiceKey = "tcp 10.0.0.1:80".parse()?;
/// assert_eq!(web.protocol(), Protocol::TCP);
/// assert_eq!(web.ipvsadm().to_string(), "-t 10.0.0.1:80");
///
/// let marked: ServiceKey = "fwmark 7 inet6".parse()?;
/// assert_eq!(marked.ipvsadm().to_string(), "-f 7 -6");
/// # Ok::<(), lvs_model::ParseError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "the kernel has exactly these two identity spaces, and callers match on both"
)]
pub enum ServiceKey {
    /// A protocol, a virtual address and a port; port 0 stands for every port that has no service of its own.
    Socket {
        /// The transport protocol.
        protocol: Protocol,
        /// The virtual address and port.
        endpoint: Endpoint,
    },
    /// A firewall mark: whatever packets the firewall marked so, of every protocol and address of the family.
    Fwmark {
        /// The family of the packets.
        family: Family,
        /// The mark.
        mark: Fwmark,
    },
}

impl ServiceKey {
    /// The TCP service at this endpoint.
    #[must_use]
    pub fn tcp(endpoint: impl Into<Endpoint>) -> Self {
        Self::Socket { protocol: Protocol::TCP, endpoint: endpoint.into() }
    }

    /// The UDP service at this endpoint.
    #[must_use]
    pub fn udp(endpoint: impl Into<Endpoint>) -> Self {
        Self::Socket { protocol: Protocol::UDP, endpoint: endpoint.into() }
    }

    /// The SCTP service at this endpoint.
    #[must_use]
    pub fn sctp(endpoint: impl Into<Endpoint>) -> Self {
        Self::Socket { protocol: Protocol::SCTP, endpoint: endpoint.into() }
    }

    /// The service of this firewall mark.
    #[must_use]
    pub const fn fwmark(family: Family, mark: Fwmark) -> Self {
        Self::Fwmark { family, mark }
    }

    /// The family of the service.
    #[must_use]
    pub const fn family(&self) -> Family {
        match self {
            Self::Socket { endpoint, .. } => endpoint.family(),
            Self::Fwmark { family, .. } => *family,
        }
    }

    /// The protocol of the service. A firewall-mark service matches every protocol; the kernel shows it as TCP.
    #[must_use]
    pub const fn protocol(&self) -> Protocol {
        match self {
            Self::Socket { protocol, .. } => *protocol,
            Self::Fwmark { .. } => Protocol::TCP,
        }
    }

    /// The virtual address and port, which a firewall-mark service does not have.
    #[must_use]
    pub const fn endpoint(&self) -> Option<Endpoint> {
        match self {
            Self::Socket { endpoint, .. } => Some(*endpoint),
            Self::Fwmark { .. } => None,
        }
    }

    /// The key as `ipvsadm` takes it: `-t 10.0.0.1:80`, `-u …`, `--sctp-service …`, `-f 7`, `-f 7 -6`.
    ///
    /// A protocol that `ipvsadm` has no option for prints as `--protocol ip_47 10.0.0.1:0`, which this crate reads
    /// back and `ipvsadm` refuses.
    #[must_use]
    pub fn ipvsadm(&self) -> impl fmt::Display + use<> {
        Ipvsadm(*self)
    }
}

/// A key printed as `ipvsadm` options.
struct Ipvsadm(ServiceKey);

impl fmt::Display for Ipvsadm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            ServiceKey::Socket { protocol: Protocol::TCP, endpoint } => write!(f, "-t {endpoint}"),
            ServiceKey::Socket { protocol: Protocol::UDP, endpoint } => write!(f, "-u {endpoint}"),
            ServiceKey::Socket { protocol: Protocol::SCTP, endpoint } => write!(f, "--sctp-service {endpoint}"),
            ServiceKey::Socket { protocol, endpoint } => write!(f, "--protocol {protocol} {endpoint}"),
            ServiceKey::Fwmark { family: Family::Inet, mark } => write!(f, "-f {mark}"),
            ServiceKey::Fwmark { family: Family::Inet6, mark } => write!(f, "-f {mark} -6"),
        }
    }
}

impl fmt::Display for ServiceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket { protocol, endpoint } => write!(f, "{protocol} {endpoint}"),
            Self::Fwmark { family: Family::Inet, mark } => write!(f, "fwmark {mark}"),
            Self::Fwmark { family: Family::Inet6, mark } => write!(f, "fwmark {mark} inet6"),
        }
    }
}

impl FromStr for ServiceKey {
    type Err = ParseError;

    /// Takes what `Display` prints; also `fwmark 7 inet`.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let mut words = text.split_ascii_whitespace();
        let (first, second, third) = (words.next(), words.next(), words.next());
        match (first, second, third, words.next()) {
            (Some("fwmark"), Some(mark), family, None) => {
                let family = family.map_or(Ok(Family::Inet), str::parse)?;
                Ok(Self::fwmark(family, mark.parse()?))
            }
            (Some(protocol), Some(endpoint), None, None) => {
                Ok(Self::Socket { protocol: protocol.parse()?, endpoint: endpoint.parse()? })
            }
            _ => Err(ParseError::new("a service, such as `tcp 10.0.0.1:80`, `fwmark 7` or `fwmark 7 inet6`", text)),
        }
    }
}

serde_text!(ServiceKey);
