//! The sync daemon nest (`IPVS_DAEMON_ATTR_*`), which requests and answers share.

use super::attribute::{put_bytes, put_nest, put_string, put_u8, put_u16, put_u32};
use super::{Attribute, Attributes, Name, UnknownAttributes, WireError, payload};

const STATE: u16 = 1;
const INTERFACE: u16 = 2;
const SYNC_ID: u16 = 3;
const MAX_LENGTH: u16 = 4;
const GROUP: u16 = 5;
const GROUP6: u16 = 6;
const PORT: u16 = 7;
const TTL: u16 = 8;

/// An interface's name of 15 bytes and its NUL.
const NAME_LIMIT: usize = 16;

/// This is a sync daemon nest, each attribute present or absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub struct DaemonRecord<'a> {
    /// 1 is the master, 2 the backup; both are two daemons.
    pub state: Option<u32>,
    /// The multicast interface's name, without its NUL.
    pub interface: Option<Name>,
    /// The sync id, of which eight bits travel to the peer.
    pub sync_id: Option<u32>,
    /// The longest message, in bytes without IP and UDP headers.
    pub max_length: Option<u16>,
    /// The first UDP port. Unlike every other port in the protocol it is in the machine's byte order.
    pub port: Option<u16>,
    /// Time to live of the multicast packets.
    pub ttl: Option<u8>,
    /// The IPv4 multicast group, in network order.
    pub group: Option<[u8; 4]>,
    /// The IPv6 multicast group, used only when `group` is absent.
    pub group6: Option<[u8; 16]>,
    /// What this crate does not know.
    pub unknown: UnknownAttributes<'a>,
}

impl<'a> DaemonRecord<'a> {
    /// This reads the inside of a daemon nest by the kernel's lenient rules: too long is fine, too short is not.
    ///
    /// # Errors
    /// [`WireError`] when a length is wrong or the name does not end.
    pub fn decode(attributes: Attributes<'a>) -> Result<Self, WireError> {
        let mut record = Self { unknown: UnknownAttributes::new(attributes, TTL), ..Self::default() };
        for attribute in attributes {
            record.take(attribute?)?;
        }
        Ok(record)
    }

    fn take(&mut self, attribute: Attribute<'a>) -> Result<(), WireError> {
        match attribute.kind() {
            STATE => self.state = Some(attribute.u32()?),
            INTERFACE => self.interface = Some(Name::decode(&attribute, NAME_LIMIT)?),
            SYNC_ID => self.sync_id = Some(attribute.u32()?),
            MAX_LENGTH => self.max_length = Some(attribute.u16()?),
            GROUP => self.group = Some(attribute.leading("at least 4")?),
            GROUP6 => self.group6 = Some(attribute.leading("at least 16")?),
            PORT => self.port = Some(attribute.u16()?),
            TTL => self.ttl = Some(attribute.u8()?),
            _ => {}
        }
        Ok(())
    }

    /// This appends the nest, in the order in which the kernel's answers have it.
    pub fn encode(&self, buffer: &mut Vec<u8>) {
        put_nest(buffer, payload::DAEMON, |nest| {
            if let Some(state) = self.state {
                put_u32(nest, STATE, state);
            }
            if let Some(interface) = self.interface {
                put_string(nest, INTERFACE, interface.as_bytes());
            }
            if let Some(sync_id) = self.sync_id {
                put_u32(nest, SYNC_ID, sync_id);
            }
            if let Some(max_length) = self.max_length {
                put_u16(nest, MAX_LENGTH, max_length);
            }
            if let Some(port) = self.port {
                put_u16(nest, PORT, port);
            }
            if let Some(ttl) = self.ttl {
                put_u8(nest, TTL, ttl);
            }
            if let Some(group) = self.group {
                put_bytes(nest, GROUP, &group);
            }
            if let Some(group6) = self.group6 {
                put_bytes(nest, GROUP6, &group6);
            }
            for attribute in self.unknown {
                put_bytes(nest, attribute.kind(), attribute.bytes());
            }
        });
    }
}
