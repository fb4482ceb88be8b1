//! What a request says about a service, a destination or a sync daemon, checked in the kernel's order.

use super::attributes::{self, Rule, byte, name, padded, short, short_big_endian, word};
use super::errno::{EAFNOSUPPORT, EINVAL};

pub(super) const AF_INET: u16 = 2;
pub(super) const AF_INET6: u16 = 10;
const TCP: u16 = 6;

/// The identity of a service as the kernel keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct ServiceId {
    pub(super) family: u16,
    pub(super) protocol: u16,
    pub(super) address: [u8; 16],
    pub(super) port: u16,
    /// Zero for a service with an address.
    pub(super) mark: u32,
}

/// Everything that can be edited about a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ServiceSettings {
    pub(super) scheduler: Vec<u8>,
    pub(super) flags: u32,
    pub(super) mask: u32,
    /// Seconds.
    pub(super) timeout: u32,
    /// For IPv4 the mask's four bytes as they travel, for IPv6 the prefix length as a native number.
    pub(super) netmask: [u8; 4],
    pub(super) engine: Vec<u8>,
}

/// The identity of a destination within its service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct DestinationId {
    pub(super) family: u16,
    pub(super) address: [u8; 16],
    pub(super) port: u16,
}

/// Everything that can be edited about a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DestinationSettings {
    pub(super) method: u32,
    pub(super) weight: u32,
    pub(super) upper: u32,
    pub(super) lower: u32,
    pub(super) tunnel: u8,
    pub(super) tunnel_port: u16,
    pub(super) tunnel_flags: u16,
}

/// A sync daemon as asked for; zeros stand for what was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DaemonSettings {
    pub(super) state: u32,
    pub(super) interface: Vec<u8>,
    pub(super) sync_id: u32,
    pub(super) max_length: u16,
    pub(super) group: Option<[u8; 4]>,
    pub(super) group6: Option<[u8; 16]>,
    pub(super) port: u16,
    pub(super) ttl: u8,
}

const SERVICE: [Rule; 13] = [
    Rule::Any,
    Rule::AtLeast(2),
    Rule::AtLeast(2),
    Rule::AtMost(16),
    Rule::AtLeast(2),
    Rule::AtLeast(4),
    Rule::Name(15),
    Rule::AtMost(8),
    Rule::AtLeast(4),
    Rule::AtLeast(4),
    Rule::Nest,
    Rule::Name(16),
    Rule::Any,
];

const DESTINATION: [Rule; 16] = [
    Rule::Any,
    Rule::AtMost(16),
    Rule::AtLeast(2),
    Rule::AtLeast(4),
    Rule::AtLeast(4),
    Rule::AtLeast(4),
    Rule::AtLeast(4),
    Rule::AtLeast(4),
    Rule::AtLeast(4),
    Rule::AtLeast(4),
    Rule::Nest,
    Rule::AtLeast(2),
    Rule::Any,
    Rule::AtLeast(1),
    Rule::AtLeast(2),
    Rule::AtLeast(2),
];

const DAEMON: [Rule; 9] = [
    Rule::Any,
    Rule::AtLeast(4),
    Rule::Name(15),
    Rule::AtLeast(4),
    Rule::AtLeast(2),
    Rule::AtLeast(4),
    Rule::AtLeast(16),
    Rule::AtLeast(2),
    Rule::AtLeast(1),
];

/// Reads the SERVICE attribute of a request that only has to name one.
pub(super) fn service_id(nest: Option<&[u8]>) -> Result<ServiceId, i32> {
    let found = attributes::parse(nest.ok_or(EINVAL)?, &SERVICE).map_err(|_| EINVAL)?;
    identity(&found)
}

/// Reads the SERVICE attribute of a request that adds or edits one.
pub(super) fn service(nest: Option<&[u8]>) -> Result<(ServiceId, ServiceSettings), i32> {
    let found = attributes::parse(nest.ok_or(EINVAL)?, &SERVICE).map_err(|_| EINVAL)?;
    let id = identity(&found)?;
    let (Some(scheduler), Some(flags), Some(timeout), Some(netmask)) = (found[6], found[7], found[8], found[9]) else {
        return Err(EINVAL);
    };
    let flags: [u8; 8] = padded(flags);
    let settings = ServiceSettings {
        scheduler: name(scheduler),
        flags: word(&flags),
        mask: flags.last_chunk::<4>().map_or(0, |mask| word(mask)),
        timeout: word(timeout),
        netmask: padded(netmask),
        engine: found[11].map(name).unwrap_or_default(),
    };
    Ok((id, settings))
}

fn identity(found: &[Option<&[u8]>; 13]) -> Result<ServiceId, i32> {
    let family = found[1].map(short).ok_or(EINVAL)?;
    let address = match (found[5], found[2], found[3], found[4]) {
        (Some(mark), ..) => Err(word(mark)),
        (None, Some(protocol), Some(address), Some(port)) => {
            Ok((short(protocol), significant(family, address), short_big_endian(port)))
        }
        _ => return Err(EINVAL),
    };
    if family != AF_INET && family != AF_INET6 {
        return Err(EAFNOSUPPORT);
    }
    Ok(match address {
        Ok((protocol, address, port)) => ServiceId { family, protocol, address, port, mark: 0 },
        Err(mark) => ServiceId { family, protocol: TCP, address: [0; 16], port: 0, mark },
    })
}

/// The bytes of an address that count, filled up with zeros.
fn significant(family: u16, address: &[u8]) -> [u8; 16] {
    if family == AF_INET { padded(&padded::<4>(address)) } else { padded(address) }
}

/// Which of a destination's attributes a command needs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Needs {
    Identity,
    Settings,
}

/// Reads the DEST attribute; the settings are zeros where only the identity is needed and they were left out.
pub(super) fn destination(
    nest: Option<&[u8]>,
    service_family: u16,
    needs: Needs,
) -> Result<(DestinationId, DestinationSettings), i32> {
    let found = attributes::parse(nest.ok_or(EINVAL)?, &DESTINATION).map_err(|_| EINVAL)?;
    let (Some(address), Some(port)) = (found[1], found[2]) else { return Err(EINVAL) };
    if needs == Needs::Settings && found[3..=6].iter().any(Option::is_none) {
        return Err(EINVAL);
    }
    let number = |slot: usize| found.get(slot).copied().flatten().map_or(0, word);
    let settings = DestinationSettings {
        method: number(3) & 7,
        weight: number(4),
        upper: number(5),
        lower: number(6),
        tunnel: found[13].map_or(0, byte),
        tunnel_port: found[14].map_or(0, short_big_endian),
        tunnel_flags: found[15].map_or(0, short),
    };
    let family = match found[11].map_or(0, short) {
        0 => service_family,
        family @ (AF_INET | AF_INET6) => family,
        _ => return Err(EAFNOSUPPORT),
    };
    Ok((DestinationId { family, address: significant(family, address), port: short_big_endian(port) }, settings))
}

/// Reads the DAEMON attribute of a request that starts one.
pub(super) fn daemon(nest: Option<&[u8]>) -> Result<DaemonSettings, i32> {
    let found = attributes::parse(nest.ok_or(EINVAL)?, &DAEMON).map_err(|_| EINVAL)?;
    let (Some(state), Some(interface), Some(sync_id)) = (found[1], found[2], found[3]) else { return Err(EINVAL) };
    let group = found[5].map(padded::<4>);
    let group6 = if group.is_some() { None } else { found[6].map(padded::<16>) };
    if group.is_some_and(|[first, ..]| first & 0xf0 != 0xe0) || group6.is_some_and(|[first, ..]| first != 0xff) {
        return Err(EINVAL);
    }
    Ok(DaemonSettings {
        state: word(state),
        interface: name(interface),
        sync_id: word(sync_id),
        max_length: found[4].map_or(0, short),
        group,
        group6,
        port: found[7].map_or(0, short),
        ttl: found[8].map_or(0, byte),
    })
}

/// Reads the role that a request to stop a daemon names.
pub(super) fn daemon_state(nest: Option<&[u8]>) -> Result<u32, i32> {
    let found = attributes::parse(nest.ok_or(EINVAL)?, &DAEMON).map_err(|_| EINVAL)?;
    found[1].map(word).ok_or(EINVAL)
}
