//! The destination nest (`IPVS_DEST_ATTR_*`), which requests and answers share.

use super::attribute::{put_address, put_bytes, put_nest, put_port, put_u8, put_u16, put_u32};
use super::{Attribute, Attributes, StatisticsRecord, UnknownAttributes, WireError, payload};

pub(super) const ADDRESS: u16 = 1;
pub(super) const PORT: u16 = 2;
pub(super) const FORWARDING: u16 = 3;
pub(super) const WEIGHT: u16 = 4;
pub(super) const UPPER_THRESHOLD: u16 = 5;
pub(super) const LOWER_THRESHOLD: u16 = 6;
const ACTIVE: u16 = 7;
const INACTIVE: u16 = 8;
const PERSISTENT: u16 = 9;
const STATISTICS: u16 = 10;
pub(super) const FAMILY: u16 = 11;
const STATISTICS64: u16 = 12;
const TUNNEL_KIND: u16 = 13;
const TUNNEL_PORT: u16 = 14;
const TUNNEL_FLAGS: u16 = 15;

/// This is a destination nest, each attribute present or absent.
///
/// Of a repeated attribute the last one counts. `SET_DEST` replaces everything: tunnel attributes that are
/// absent from it become zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub struct DestinationRecord<'a> {
    /// The address in network order, IPv4 in the first four bytes.
    pub address: Option<[u8; 16]>,
    /// The port (big-endian on the wire).
    pub port: Option<u16>,
    /// The forwarding method in the low three bits: 0 masquerading, 1 local, 2 tunnel, 3 direct routing, 4 bypass.
    pub forwarding: Option<u32>,
    /// The weight, which the kernel reads as signed: 2^31 and above is `ERANGE`.
    pub weight: Option<u32>,
    /// Tunnel type: 0 IPIP, 1 GUE, 2 GRE.
    pub tunnel_kind: Option<u8>,
    /// The tunnel's UDP port (big-endian on the wire), needed by GUE.
    pub tunnel_port: Option<u16>,
    /// Tunnel flags: 1 checksum, 2 remote checksum offload.
    pub tunnel_flags: Option<u16>,
    /// From so many connections on the destination is overloaded; 0 is never.
    pub upper_threshold: Option<u32>,
    /// Below so many it is not any more.
    pub lower_threshold: Option<u32>,
    /// Active connections, in answers only.
    pub active: Option<u32>,
    /// Inactive connections, in answers only.
    pub inactive: Option<u32>,
    /// Persistence templates, in answers only.
    pub persistent: Option<u32>,
    /// Address family: 2 is IPv4, 10 is IPv6; absent or 0 is the service's.
    pub family: Option<u16>,
    /// The inside of the nest with counters cut to 32 bits, in answers only; see [`numbers`](Self::numbers).
    pub statistics: Option<Attributes<'a>>,
    /// The inside of the nest with counters in full, in answers only; see [`numbers`](Self::numbers).
    pub statistics64: Option<Attributes<'a>>,
    /// What this crate does not know.
    pub unknown: UnknownAttributes<'a>,
}

impl<'a> DestinationRecord<'a> {
    /// This reads the inside of a destination nest by the kernel's lenient rules: too long is fine, too short is not.
    ///
    /// # Errors
    /// [`WireError`] when a length is wrong.
    pub fn decode(attributes: Attributes<'a>) -> Result<Self, WireError> {
        let mut record = Self { unknown: UnknownAttributes::new(attributes, TUNNEL_FLAGS), ..Self::default() };
        for attribute in attributes {
            record.take(attribute?)?;
        }
        Ok(record)
    }

    /// Out of line, so that the record stays in memory instead of being shuffled through registers.
    #[inline(never)]
    fn take(&mut self, attribute: Attribute<'a>) -> Result<(), WireError> {
        match attribute.kind() {
            ADDRESS => self.address = Some(attribute.address()?),
            PORT => self.port = Some(attribute.port()?),
            FORWARDING => self.forwarding = Some(attribute.u32()?),
            WEIGHT => self.weight = Some(attribute.u32()?),
            TUNNEL_KIND => self.tunnel_kind = Some(attribute.u8()?),
            TUNNEL_PORT => self.tunnel_port = Some(attribute.port()?),
            TUNNEL_FLAGS => self.tunnel_flags = Some(attribute.u16()?),
            UPPER_THRESHOLD => self.upper_threshold = Some(attribute.u32()?),
            LOWER_THRESHOLD => self.lower_threshold = Some(attribute.u32()?),
            ACTIVE => self.active = Some(attribute.u32()?),
            INACTIVE => self.inactive = Some(attribute.u32()?),
            PERSISTENT => self.persistent = Some(attribute.u32()?),
            FAMILY => self.family = Some(attribute.u16()?),
            STATISTICS => self.statistics = Some(attribute.attributes()),
            STATISTICS64 => self.statistics64 = Some(attribute.attributes()),
            _ => {}
        }
        Ok(())
    }

    /// This reads the counters: those in full if they are there, zeros if there are none.
    ///
    /// # Errors
    /// [`WireError`] when a length is wrong.
    pub fn numbers(&self) -> Result<StatisticsRecord, WireError> {
        StatisticsRecord::decode_either(self.statistics64, self.statistics)
    }

    /// This appends the nest with counters of both widths, as an answer has them.
    pub fn encode_with_numbers(&self, numbers: &StatisticsRecord, buffer: &mut Vec<u8>) {
        put_nest(buffer, payload::DESTINATION, |nest| {
            self.encode_inside(nest);
            numbers.encode32(nest, STATISTICS);
            numbers.encode64(nest, STATISTICS64);
        });
    }

    /// This appends the nest, in the order in which the kernel's answers have it.
    pub fn encode(&self, buffer: &mut Vec<u8>) {
        put_nest(buffer, payload::DESTINATION, |nest| self.encode_inside(nest));
    }

    fn encode_inside(&self, nest: &mut Vec<u8>) {
        if let Some(address) = self.address {
            put_address(nest, ADDRESS, &address);
        }
        if let Some(port) = self.port {
            put_port(nest, PORT, port);
        }
        if let Some(forwarding) = self.forwarding {
            put_u32(nest, FORWARDING, forwarding);
        }
        if let Some(weight) = self.weight {
            put_u32(nest, WEIGHT, weight);
        }
        if let Some(kind) = self.tunnel_kind {
            put_u8(nest, TUNNEL_KIND, kind);
        }
        if let Some(port) = self.tunnel_port {
            put_port(nest, TUNNEL_PORT, port);
        }
        if let Some(flags) = self.tunnel_flags {
            put_u16(nest, TUNNEL_FLAGS, flags);
        }
        let counts = [
            (UPPER_THRESHOLD, self.upper_threshold),
            (LOWER_THRESHOLD, self.lower_threshold),
            (ACTIVE, self.active),
            (INACTIVE, self.inactive),
            (PERSISTENT, self.persistent),
        ];
        for (kind, count) in counts {
            if let Some(count) = count {
                put_u32(nest, kind, count);
            }
        }
        if let Some(family) = self.family {
            put_u16(nest, FAMILY, family);
        }
        for (kind, statistics) in [(STATISTICS, self.statistics), (STATISTICS64, self.statistics64)] {
            if let Some(statistics) = statistics {
                put_bytes(nest, kind, statistics.rest());
            }
        }
        for attribute in self.unknown {
            put_bytes(nest, attribute.kind(), attribute.bytes());
        }
    }
}
