//! An address and a port.

use core::{
    fmt,
    hash::{Hash, Hasher},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    str::FromStr,
};

use crate::{error::ParseError, family::Family, serde_impl::serde_text};

/// This is an IP address with a port: a virtual address, or the identity of a destination inside its service.
///
/// Unlike [`SocketAddr`] it carries no IPv6 scope or flow label, because IPVS keeps none: two endpoints are equal when
/// the kernel takes them for the same. Port 0 is legal: it means "every port" for a service and "the port that the
/// client asked for" for a destination.
///
/// ```
/// use lvs_model::Endpoint;
///
/// let endpoint: Endpoint = "[2001:db8::1]:443".parse()?;
/// assert_eq!(endpoint.port, 443);
/// assert_eq!(endpoint.to_string(), "[2001:db8::1]:443");
/// # Ok::<(), lvs_model::ParseError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(clippy::exhaustive_structs, reason = "an endpoint is these two things")]
pub struct Endpoint {
    /// The address.
    pub addr: IpAddr,
    /// The port, in the host's order as everywhere in Rust.
    pub port: u16,
}

impl Hash for Endpoint {
    /// In as few pieces as there can be, because each of them takes its time.
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self.addr {
            IpAddr::V4(addr) => state.write_u64(u64::from(addr.to_bits()) << 16 | u64::from(self.port)),
            IpAddr::V6(addr) => {
                state.write_u128(addr.to_bits());
                state.write_u16(self.port);
            }
        }
    }
}

impl Endpoint {
    /// The endpoint of this address and port.
    #[must_use]
    pub const fn new(addr: IpAddr, port: u16) -> Self {
        Self { addr, port }
    }

    /// The family of the address.
    #[must_use]
    pub const fn family(self) -> Family {
        Family::of(self.addr)
    }

    /// The same as a [`SocketAddr`], to connect or bind to.
    #[must_use]
    pub const fn socket_addr(self) -> SocketAddr {
        SocketAddr::new(self.addr, self.port)
    }
}

impl From<SocketAddr> for Endpoint {
    /// Drops the IPv6 scope and flow label.
    fn from(addr: SocketAddr) -> Self {
        Self::new(addr.ip(), addr.port())
    }
}

impl From<(IpAddr, u16)> for Endpoint {
    fn from((addr, port): (IpAddr, u16)) -> Self {
        Self::new(addr, port)
    }
}

impl From<(Ipv4Addr, u16)> for Endpoint {
    fn from((addr, port): (Ipv4Addr, u16)) -> Self {
        Self::new(addr.into(), port)
    }
}

impl From<(Ipv6Addr, u16)> for Endpoint {
    fn from((addr, port): (Ipv6Addr, u16)) -> Self {
        Self::new(addr.into(), port)
    }
}

impl From<Endpoint> for SocketAddr {
    fn from(endpoint: Endpoint) -> Self {
        endpoint.socket_addr()
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.socket_addr().fmt(f)
    }
}

impl FromStr for Endpoint {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let expected = "an address and a port, such as `10.0.0.1:80` or `[2001:db8::1]:80`";
        match text.parse::<SocketAddr>() {
            Ok(SocketAddr::V6(_)) if text.contains('%') => Err(ParseError::new(expected, text)),
            Ok(addr) => Ok(addr.into()),
            Err(_) => Err(ParseError::new(expected, text)),
        }
    }
}

serde_text!(Endpoint);
