//! The outermost attributes of a message of the family `IPVS`: nests, timeouts, and what `GET_INFO` answers.

use super::attribute::{put_bytes, put_u32};
use super::{Attributes, DaemonRecord, DestinationRecord, ServiceRecord, UnknownAttributes, WireError};

pub(super) const SERVICE: u16 = 1;
pub(super) const DESTINATION: u16 = 2;
pub(super) const DAEMON: u16 = 3;
const TIMEOUT_TCP: u16 = 4;
const TIMEOUT_TCP_FIN: u16 = 5;
const TIMEOUT_UDP: u16 = 6;

const INFO_VERSION: u16 = 1;
const INFO_CONNECTION_TABLE_SIZE: u16 = 2;

/// This holds the outermost attributes (`IPVS_CMD_ATTR_*`) of every message but the answer to `GET_INFO`.
///
/// The nests are not looked into before they are asked for, so that a server can check them in the kernel's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub struct Payload<'a> {
    /// The service nest's inside.
    pub service: Option<Attributes<'a>>,
    /// The destination nest's inside.
    pub destination: Option<Attributes<'a>>,
    /// The sync daemon nest's inside.
    pub daemon: Option<Attributes<'a>>,
    /// The timeouts, of which each may be absent.
    pub timeouts: TimeoutsRecord,
    /// What this crate does not know.
    pub unknown: UnknownAttributes<'a>,
}

/// This holds the three timeouts in seconds, each present or absent.
///
/// In `SET_CONFIG` absent and 0 both mean unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub struct TimeoutsRecord {
    /// Of an established TCP connection.
    pub tcp: Option<u32>,
    /// Of a TCP connection after FIN.
    pub tcp_fin: Option<u32>,
    /// Of UDP.
    pub udp: Option<u32>,
}

impl TimeoutsRecord {
    /// This appends those timeouts that are present.
    pub fn encode(&self, buffer: &mut Vec<u8>) {
        for (kind, value) in [(TIMEOUT_TCP, self.tcp), (TIMEOUT_TCP_FIN, self.tcp_fin), (TIMEOUT_UDP, self.udp)] {
            if let Some(value) = value {
                put_u32(buffer, kind, value);
            }
        }
    }
}

impl<'a> Payload<'a> {
    /// This reads the outermost attributes.
    ///
    /// # Errors
    /// [`WireError`] when a length is wrong. Here, outside of the nests, the kernel answers `ERANGE`.
    pub fn decode(attributes: Attributes<'a>) -> Result<Self, WireError> {
        let mut payload = Self { unknown: UnknownAttributes::new(attributes, TIMEOUT_UDP), ..Self::default() };
        for attribute in attributes {
            let attribute = attribute?;
            match attribute.kind() {
                SERVICE => payload.service = Some(attribute.attributes()),
                DESTINATION => payload.destination = Some(attribute.attributes()),
                DAEMON => payload.daemon = Some(attribute.attributes()),
                TIMEOUT_TCP => payload.timeouts.tcp = Some(attribute.u32()?),
                TIMEOUT_TCP_FIN => payload.timeouts.tcp_fin = Some(attribute.u32()?),
                TIMEOUT_UDP => payload.timeouts.udp = Some(attribute.u32()?),
                _ => {}
            }
        }
        Ok(payload)
    }

    /// This reads the service nest.
    ///
    /// # Errors
    /// [`WireError`] when it is absent or malformed.
    pub fn service(&self) -> Result<ServiceRecord<'a>, WireError> {
        ServiceRecord::decode(self.service.ok_or(missing("service"))?)
    }

    /// This reads the destination nest.
    ///
    /// # Errors
    /// [`WireError`] when it is absent or malformed.
    pub fn destination(&self) -> Result<DestinationRecord<'a>, WireError> {
        DestinationRecord::decode(self.destination.ok_or(missing("destination"))?)
    }

    /// This reads the sync daemon nest.
    ///
    /// # Errors
    /// [`WireError`] when it is absent or malformed.
    pub fn daemon(&self) -> Result<DaemonRecord<'a>, WireError> {
        DaemonRecord::decode(self.daemon.ok_or(missing("sync daemon"))?)
    }
}

const fn missing(attribute: &'static str) -> WireError {
    WireError::Missing { record: "a message", attribute }
}

/// This is the answer to `GET_INFO` (`IPVS_INFO_ATTR_*`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub struct InfoRecord<'a> {
    /// The version, one byte a part: 0x010201 is 1.2.1.
    pub version: Option<u32>,
    /// Buckets of the connection table.
    pub connection_table_size: Option<u32>,
    /// What this crate does not know.
    pub unknown: UnknownAttributes<'a>,
}

impl<'a> InfoRecord<'a> {
    /// This reads the outermost attributes of the answer.
    ///
    /// # Errors
    /// [`WireError`] when a length is wrong.
    pub fn decode(attributes: Attributes<'a>) -> Result<Self, WireError> {
        let unknown = UnknownAttributes::new(attributes, INFO_CONNECTION_TABLE_SIZE);
        let mut record = Self { unknown, ..Self::default() };
        for attribute in attributes {
            let attribute = attribute?;
            match attribute.kind() {
                INFO_VERSION => record.version = Some(attribute.u32()?),
                INFO_CONNECTION_TABLE_SIZE => record.connection_table_size = Some(attribute.u32()?),
                _ => {}
            }
        }
        Ok(record)
    }

    /// This appends the attributes that are present.
    pub fn encode(&self, buffer: &mut Vec<u8>) {
        if let Some(version) = self.version {
            put_u32(buffer, INFO_VERSION, version);
        }
        if let Some(size) = self.connection_table_size {
            put_u32(buffer, INFO_CONNECTION_TABLE_SIZE, size);
        }
        for attribute in self.unknown {
            put_bytes(buffer, attribute.kind(), attribute.bytes());
        }
    }
}
