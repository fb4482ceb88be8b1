//! `/proc/net/ip_vs`: services with their destinations.

use super::field::{ParseError, decimal, endpoint, hex32, protocol, ticks};
use lvs_model::{Endpoint, Family, Fwmark, Netmask, PrefixLength, Protocol, SchedulerName, Weight};
use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

/// This is the text of `/proc/net/ip_vs`, read.
///
/// Services stand in the kernel's order, which means nothing; destinations too, the one added last first.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServiceList {
    /// The version of IPVS, such as `1.2.1`.
    pub version: String,
    /// The number of buckets of the connection table.
    pub connection_table_size: u32,
    /// The services.
    pub services: Vec<ListedService>,
}

/// This is a service as far as `/proc/net/ip_vs` tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListedService {
    /// Its identity, without the family if it is a mark.
    pub key: ListedKey,
    /// Its scheduler.
    pub scheduler: SchedulerName,
    /// Whether every packet is scheduled on its own. Kernels do not tell it of IPv6 services, where this is always false.
    pub one_packet: bool,
    /// Its persistence, if it has any.
    pub persistence: Option<ListedPersistence>,
    /// Its destinations.
    pub destinations: Vec<ListedDestination>,
}

/// This is the identity of a listed service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ListedKey {
    /// A protocol with address and port.
    Socket {
        /// The protocol.
        protocol: Protocol,
        /// Virtual address and port.
        endpoint: Endpoint,
    },
    /// A firewall mark; the text does not say of which family.
    Fwmark(Fwmark),
}

impl fmt::Display for ListedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket { protocol, endpoint } => write!(f, "{protocol} {endpoint}"),
            Self::Fwmark(mark) => write!(f, "fwmark {mark}"),
        }
    }
}

/// This is the persistence of a listed service, in the kernel's units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ListedPersistence {
    /// The timeout in clock ticks: seconds times the kernel's `CONFIG_HZ` (100, 250, 300 or 1000), which the text does not tell.
    pub ticks: u32,
    /// The mask as printed: an IPv4 mask as a number, or an IPv6 prefix length with its bytes swapped on little-endian machines.
    pub mask: u32,
}

impl ListedPersistence {
    /// The mask, for the family of the service. `None` when the number is no IPv6 prefix length.
    ///
    /// The text must come from a machine of the same byte order as this one.
    #[must_use]
    pub fn netmask(&self, family: Family) -> Option<Netmask> {
        match family {
            Family::Inet => Some(Netmask::Inet(Ipv4Addr::from(self.mask))),
            Family::Inet6 => {
                let length = u8::try_from(u32::from_be(self.mask)).ok()?;
                PrefixLength::new(length).ok().map(Netmask::Inet6)
            }
        }
    }
}

/// This is a destination as far as `/proc/net/ip_vs` tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ListedDestination {
    /// Its address and port.
    pub endpoint: Endpoint,
    /// The forwarding method, without what belongs to a tunnel.
    pub forwarding: ListedForwarding,
    /// Its weight.
    pub weight: Weight,
    /// Active connections.
    pub active: u32,
    /// Inactive connections.
    pub inactive: u32,
}

/// This is a forwarding method by its name in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ListedForwarding {
    /// `Masq`: masquerading, or one of the methods 4 to 7 that have no name.
    Masquerade,
    /// `Local`.
    Local,
    /// `Tunnel`, of whatever kind.
    Tunnel,
    /// `Route`: direct routing.
    DirectRouting,
}

impl FromStr for ServiceList {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        const EXPECTED: &str = "`IP Virtual Server version V (size=N)`";
        let mut lines = text.lines();
        let first = lines.next().unwrap_or_default();
        let wrong = || ParseError::new(EXPECTED, first);
        let rest = first.strip_prefix("IP Virtual Server version ").ok_or_else(wrong)?;
        let (version, size) = rest.split_once(" (size=").ok_or_else(wrong)?;
        let size = decimal(size.strip_suffix(')').ok_or_else(wrong)?, EXPECTED)?;
        let mut list = Self { version: version.into(), connection_table_size: size, services: Vec::new() };
        for line in lines.skip(2) {
            if let Some(destination) = line.strip_prefix("  -> ") {
                let service = list.services.last_mut();
                let service = service.ok_or_else(|| ParseError::new("a service before its destinations", line))?;
                service.destinations.push(destination.parse()?);
            } else {
                list.services.push(line.parse()?);
            }
        }
        Ok(list)
    }
}

impl FromStr for ListedService {
    type Err = ParseError;

    fn from_str(line: &str) -> Result<Self, ParseError> {
        let mut words = line.split_ascii_whitespace();
        let kind = words.next().unwrap_or_default();
        let identity = words.next().unwrap_or_default();
        let key = if kind == "FWM" {
            const EXPECTED: &str = "a mark as 8 hexadecimal digits, not 0";
            let mark = Fwmark::new(hex32(identity, EXPECTED)?).map_err(|_| ParseError::new(EXPECTED, identity))?;
            ListedKey::Fwmark(mark)
        } else {
            ListedKey::Socket { protocol: protocol(kind)?, endpoint: endpoint(identity)? }
        };
        let name = words.next().unwrap_or_default();
        let scheduler = name.parse().map_err(|_| ParseError::new("the name of a scheduler", name))?;
        let mut service = Self { key, scheduler, one_packet: false, persistence: None, destinations: Vec::new() };
        while let Some(word) = words.next() {
            match word {
                "ops" => service.one_packet = true,
                "persistent" => {
                    let ticks = ticks(words.next().unwrap_or_default())?;
                    let mask = hex32(words.next().unwrap_or_default(), "a netmask as 8 hexadecimal digits")?;
                    service.persistence = Some(ListedPersistence { ticks, mask });
                }
                _ => return Err(ParseError::new("`ops` or `persistent`", word)),
            }
        }
        Ok(service)
    }
}

impl FromStr for ListedDestination {
    type Err = ParseError;

    fn from_str(line: &str) -> Result<Self, ParseError> {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let [address, method, weight, active, inactive] = words[..] else {
            return Err(ParseError::new("address:port, method, weight, active and inactive connections", line));
        };
        const WEIGHT: &str = "a weight from 0 to 2147483647";
        Ok(Self {
            endpoint: endpoint(address)?,
            forwarding: match method {
                "Masq" => ListedForwarding::Masquerade,
                "Local" => ListedForwarding::Local,
                "Tunnel" => ListedForwarding::Tunnel,
                "Route" => ListedForwarding::DirectRouting,
                _ => return Err(ParseError::new("Masq, Local, Tunnel or Route", method)),
            },
            weight: Weight::new(decimal(weight, WEIGHT)?).map_err(|_| ParseError::new(WEIGHT, weight))?,
            active: decimal(active, "a number of active connections")?,
            inactive: decimal(inactive, "a number of inactive connections")?,
        })
    }
}
