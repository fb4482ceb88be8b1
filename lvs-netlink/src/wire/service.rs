//! The service nest (`IPVS_SVC_ATTR_*`), which requests and answers share.
//!
//! ```
//! use lvs_netlink::wire::{Attributes, FlagWord, Payload, ServiceRecord};
//!
//! # fn main() -> Result<(), lvs_netlink::wire::WireError> {
//! let mut record = ServiceRecord::default();
//! record.family = Some(2);
//! record.fwmark = Some(7);
//! record.flags = Some(FlagWord::all(0x8));
//! let mut buffer = Vec::new();
//! record.encode(&mut buffer);
//!
//! let payload = Payload::decode(Attributes::new(&buffer))?;
//! assert_eq!(payload.service()?.fwmark, Some(7));
//! # Ok(())
//! # }
//! ```

use super::attribute::{put_address, put_bytes, put_nest, put_port, put_string, put_u16, put_u32};
use super::{Attribute, Attributes, Name, StatisticsRecord, UnknownAttributes, WireError, payload};

pub(super) const FAMILY: u16 = 1;
pub(super) const PROTOCOL: u16 = 2;
pub(super) const ADDRESS: u16 = 3;
pub(super) const PORT: u16 = 4;
const FWMARK: u16 = 5;
pub(super) const SCHEDULER: u16 = 6;
pub(super) const FLAGS: u16 = 7;
pub(super) const TIMEOUT: u16 = 8;
pub(super) const NETMASK: u16 = 9;
const STATISTICS: u16 = 10;
pub(super) const ENGINE: u16 = 11;
const STATISTICS64: u16 = 12;

/// A name of 15 bytes and its NUL.
const NAME_LIMIT: usize = 16;

/// This is the pair of flags and mask that a service carries (`IPVS_SVC_ATTR_FLAGS`).
///
/// The kernel computes `(old & !mask) | (flags & mask)`, with nothing set in a new service. So one flag can
/// be edited without knowing the others. Answers have a mask of all ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct FlagWord {
    /// The flags' values, where the mask is set.
    pub flags: u32,
    /// Which flags are meant.
    pub mask: u32,
}

impl FlagWord {
    /// `IP_VS_SVC_F_PERSISTENT`: connections of one client stay together.
    pub const PERSISTENT: u32 = 0x1;
    /// `IP_VS_SVC_F_HASHED`: set by the kernel on every service.
    pub const HASHED: u32 = 0x2;
    /// `IP_VS_SVC_F_ONEPACKET`: every packet is scheduled on its own.
    pub const ONE_PACKET: u32 = 0x4;

    /// This sets every flag to the given value.
    #[must_use]
    pub const fn all(flags: u32) -> Self {
        Self { flags, mask: u32::MAX }
    }

    /// This sets the flags of the mask and leaves the others as they are.
    #[must_use]
    pub const fn masked(flags: u32, mask: u32) -> Self {
        Self { flags, mask }
    }

    /// This is what the kernel makes of flags that it has.
    #[must_use]
    pub const fn applied_to(self, old: u32) -> u32 {
        (old & !self.mask) | (self.flags & self.mask)
    }
}

/// This is a service nest, each attribute present or absent.
///
/// Of a repeated attribute the last one counts, as in the kernel. Numbers are given in the machine's byte
/// order here; what travels differently says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub struct ServiceRecord<'a> {
    /// Address family: 2 is IPv4, 10 is IPv6.
    pub family: Option<u16>,
    /// IP protocol: 6 TCP, 17 UDP, 132 SCTP. Absent from fwmark services.
    pub protocol: Option<u16>,
    /// The address in network order, IPv4 in the first four bytes.
    pub address: Option<[u8; 16]>,
    /// The port (big-endian on the wire).
    pub port: Option<u16>,
    /// The firewall mark. Present it overrides protocol, address and port, even when it is 0.
    pub fwmark: Option<u32>,
    /// The scheduler's name, without its NUL; `none` is one.
    pub scheduler: Option<Name>,
    /// The persistence engine's name, without its NUL.
    pub engine: Option<Name>,
    /// Flags and mask.
    pub flags: Option<FlagWord>,
    /// Persistence timeout in seconds.
    pub timeout: Option<u32>,
    /// The client netmask as it stands: for IPv4 the mask in network order, for IPv6 the prefix length in the
    /// machine's byte order.
    pub netmask: Option<[u8; 4]>,
    /// The inside of the nest with counters cut to 32 bits, in answers only; see [`numbers`](Self::numbers).
    pub statistics: Option<Attributes<'a>>,
    /// The inside of the nest with counters in full, in answers only; see [`numbers`](Self::numbers).
    pub statistics64: Option<Attributes<'a>>,
    /// What this crate does not know.
    pub unknown: UnknownAttributes<'a>,
}

impl<'a> ServiceRecord<'a> {
    /// This reads the inside of a service nest by the kernel's lenient rules: too long is fine, too short is not.
    ///
    /// # Errors
    /// [`WireError`] when a length is wrong or a string does not end.
    pub fn decode(attributes: Attributes<'a>) -> Result<Self, WireError> {
        let mut record = Self { unknown: UnknownAttributes::new(attributes, STATISTICS64), ..Self::default() };
        for attribute in attributes {
            record.take(attribute?)?;
        }
        Ok(record)
    }

    /// Out of line, so that the record stays in memory instead of being shuffled through registers.
    #[inline(never)]
    fn take(&mut self, attribute: Attribute<'a>) -> Result<(), WireError> {
        match attribute.kind() {
            FAMILY => self.family = Some(attribute.u16()?),
            PROTOCOL => self.protocol = Some(attribute.u16()?),
            ADDRESS => self.address = Some(attribute.address()?),
            PORT => self.port = Some(attribute.port()?),
            FWMARK => self.fwmark = Some(attribute.u32()?),
            SCHEDULER => self.scheduler = Some(Name::decode(&attribute, NAME_LIMIT)?),
            ENGINE => self.engine = Some(Name::decode(&attribute, NAME_LIMIT + 1)?),
            FLAGS => self.flags = Some(flag_word(attribute.bytes())),
            TIMEOUT => self.timeout = Some(attribute.u32()?),
            NETMASK => self.netmask = Some(attribute.leading("at least 4")?),
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
        put_nest(buffer, payload::SERVICE, |nest| {
            self.encode_inside(nest);
            numbers.encode32(nest, STATISTICS);
            numbers.encode64(nest, STATISTICS64);
        });
    }

    /// This appends the nest, in the order in which the kernel's answers have it.
    pub fn encode(&self, buffer: &mut Vec<u8>) {
        put_nest(buffer, payload::SERVICE, |nest| self.encode_inside(nest));
    }

    fn encode_inside(&self, nest: &mut Vec<u8>) {
        if let Some(family) = self.family {
            put_u16(nest, FAMILY, family);
        }
        if let Some(fwmark) = self.fwmark {
            put_u32(nest, FWMARK, fwmark);
        }
        if let Some(protocol) = self.protocol {
            put_u16(nest, PROTOCOL, protocol);
        }
        if let Some(address) = self.address {
            put_address(nest, ADDRESS, &address);
        }
        if let Some(port) = self.port {
            put_port(nest, PORT, port);
        }
        if let Some(scheduler) = self.scheduler {
            put_string(nest, SCHEDULER, scheduler.as_bytes());
        }
        if let Some(engine) = self.engine {
            put_string(nest, ENGINE, engine.as_bytes());
        }
        if let Some(FlagWord { flags, mask }) = self.flags {
            let [f, m] = [flags.to_ne_bytes(), mask.to_ne_bytes()];
            put_bytes(nest, FLAGS, &[f[0], f[1], f[2], f[3], m[0], m[1], m[2], m[3]]);
        }
        if let Some(timeout) = self.timeout {
            put_u32(nest, TIMEOUT, timeout);
        }
        if let Some(netmask) = self.netmask {
            put_bytes(nest, NETMASK, &netmask);
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

/// Shorter than eight bytes reads as zero where it ends; longer is ignored.
fn flag_word(bytes: &[u8]) -> FlagWord {
    let mut word = [0; 8];
    for (to, from) in word.iter_mut().zip(bytes) {
        *to = *from;
    }
    let [f0, f1, f2, f3, m0, m1, m2, m3] = word;
    FlagWord { flags: u32::from_ne_bytes([f0, f1, f2, f3]), mask: u32::from_ne_bytes([m0, m1, m2, m3]) }
}
