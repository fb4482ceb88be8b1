//! What the kernel counts, around the configuration.

use alloc::vec::Vec;
use core::fmt;

use crate::{destination::Destination, service::Service};

/// This counts the connections of a destination (`IPVS_DEST_ATTR_ACTIVE_CONNS`, `…_INACT_CONNS`, `…_PERSIST_CONNS`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_structs, reason = "the kernel's three counters")]
pub struct ConnectionCounts {
    /// TCP connections from their SYN to the first FIN, SCTP associations while established; never UDP.
    pub active: u32,
    /// Every other connection.
    pub inactive: u32,
    /// Persistence templates: remembered clients. Not part of the other two.
    pub persistent: u32,
}

/// This holds the running totals of a service, a destination or the whole namespace (`IPVS_SVC_ATTR_STATS64`).
///
/// The kernel refreshes what it shows every two seconds. Bytes count whole IP packets, headers included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_structs, reason = "the kernel's five counters")]
pub struct Statistics {
    /// Connections scheduled.
    pub connections: u64,
    /// Packets from clients.
    pub packets_in: u64,
    /// Packets from real servers, where the director sees them.
    pub packets_out: u64,
    /// Bytes from clients.
    pub bytes_in: u64,
    /// Bytes from real servers, where the director sees them.
    pub bytes_out: u64,
}

/// This holds the rates that the kernel estimates every two seconds, each per second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_structs, reason = "the kernel's five estimates")]
pub struct Rates {
    /// Connections per second (`CPS`).
    pub connections: u64,
    /// Packets per second from clients (`InPPS`).
    pub packets_in: u64,
    /// Packets per second from real servers (`OutPPS`).
    pub packets_out: u64,
    /// Bytes per second from clients (`InBPS`).
    pub bytes_in: u64,
    /// Bytes per second from real servers (`OutBPS`).
    pub bytes_out: u64,
}

/// This is a destination with what the kernel counted for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_structs, reason = "a record that readers of the kernel build")]
pub struct DestinationStatus {
    /// Its configuration.
    pub destination: Destination,
    /// Its connections.
    pub counts: ConnectionCounts,
    /// Its totals.
    pub statistics: Statistics,
    /// Its rates.
    pub rates: Rates,
}

impl From<Destination> for DestinationStatus {
    /// The status of a destination that nothing was counted for.
    fn from(destination: Destination) -> Self {
        Self {
            destination,
            counts: ConnectionCounts::default(),
            statistics: Statistics::default(),
            rates: Rates::default(),
        }
    }
}

/// This is a service with what the kernel counted for it and for its destinations.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_structs, reason = "a record that readers of the kernel build")]
pub struct ServiceStatus {
    /// Its configuration.
    pub service: Service,
    /// Its totals.
    pub statistics: Statistics,
    /// Its rates.
    pub rates: Rates,
    /// Its destinations in the order of the kernel's list, so the one added last first.
    pub destinations: Vec<DestinationStatus>,
}

impl From<Service> for ServiceStatus {
    /// The status of a service without destinations that nothing was counted for.
    fn from(service: Service) -> Self {
        Self { service, statistics: Statistics::default(), rates: Rates::default(), destinations: Vec::new() }
    }
}

/// This describes the kernel's IPVS (`IPVS_CMD_GET_INFO`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[expect(clippy::exhaustive_structs, reason = "a record that readers of the kernel build")]
pub struct Info {
    /// The version, such as 1.2.1.
    pub version: Version,
    /// The number of buckets of the connection table, a power of two; 4096 unless the module was told otherwise.
    pub connection_table_size: u32,
}

/// This is the version of the kernel's IPVS, one byte for each of its three numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct Version(u32);

impl Version {
    /// The version of the kernel's number: 0x010201 is 1.2.1.
    #[must_use]
    pub const fn from_number(number: u32) -> Self {
        Self(number)
    }

    /// The kernel's number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0 >> 16, self.0 >> 8 & 0xff, self.0 & 0xff)
    }
}
