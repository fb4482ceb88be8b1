//! A plain generic-netlink client for the IPVS family: enough to configure the kernel of the lab and to
//! read its counters, and independent of the crate that does it for users.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::OwnedFd;

use lvs_model::{Change, ConnectionCounts, Destination, Endpoint, Netmask, Service, ServiceKey, Statistics};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketType, netlink};

const NEW_SERVICE: u8 = 1;
const SET_SERVICE: u8 = 2;
const DEL_SERVICE: u8 = 3;
const NEW_DEST: u8 = 5;
const SET_DEST: u8 = 6;
const DEL_DEST: u8 = 7;
const GET_DEST: u8 = 8;
const SET_CONFIG: u8 = 12;
const FLUSH: u8 = 17;

const SERVICE: u16 = 1;
const DEST: u16 = 2;

const ACK: u16 = 4;
const DUMP: u16 = 0x300;

/// What the kernel shows of one destination, in the order of its list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) endpoint: Endpoint,
    pub(crate) weight: u32,
    pub(crate) counts: ConnectionCounts,
    pub(crate) statistics: Statistics,
}

pub(crate) struct Netlink {
    socket: OwnedFd,
    family: u16,
    sequence: u32,
}

impl Netlink {
    pub(crate) fn open() -> io::Result<Self> {
        let socket = rustix::net::socket(AddressFamily::NETLINK, SocketType::RAW, Some(netlink::GENERIC))?;
        rustix::net::bind(&socket, &netlink::SocketAddrNetlink::new(0, 0))?;
        let mut this = Self { socket, family: 16, sequence: 0 };
        let mut name = Vec::new();
        attribute(&mut name, 2, b"IPVS\0");
        let replies = this.request(3, 2, ACK, &name)?;
        let id = replies
            .iter()
            .flat_map(|reply| attributes(reply))
            .find(|&(kind, _)| kind == 1)
            .ok_or(io::ErrorKind::NotFound)?;
        this.family = u16::from_ne_bytes([id.1[0], id.1[1]]);
        Ok(this)
    }

    /// Makes one change as `ipvsadm` would.
    pub(crate) fn apply(&mut self, change: &Change) -> io::Result<()> {
        let mut body = Vec::new();
        let command = match change {
            Change::AddService(service) => {
                nest(&mut body, SERVICE, |body| full_service(body, service));
                NEW_SERVICE
            }
            Change::EditService { to, .. } => {
                nest(&mut body, SERVICE, |body| full_service(body, to));
                SET_SERVICE
            }
            Change::RemoveService(key) => {
                nest(&mut body, SERVICE, |body| service_key(body, key));
                DEL_SERVICE
            }
            Change::AddDestination { service, destination } => {
                nest(&mut body, SERVICE, |body| service_key(body, service));
                nest(&mut body, DEST, |body| full_destination(body, destination));
                NEW_DEST
            }
            Change::EditDestination { service, to, .. } => {
                nest(&mut body, SERVICE, |body| service_key(body, service));
                nest(&mut body, DEST, |body| full_destination(body, to));
                SET_DEST
            }
            Change::RemoveDestination { service, destination } => {
                nest(&mut body, SERVICE, |body| service_key(body, service));
                nest(&mut body, DEST, |body| {
                    destination_key(body, *destination);
                });
                DEL_DEST
            }
        };
        self.request(command, 1, ACK, &body).map(drop)
    }

    /// Sets the timeouts of established TCP, closing TCP and UDP, in seconds.
    pub(crate) fn set_timeouts(&mut self, tcp: u32, tcp_fin: u32, udp: u32) -> io::Result<()> {
        let mut body = Vec::new();
        for (kind, seconds) in [(4, tcp), (5, tcp_fin), (6, udp)] {
            attribute(&mut body, kind, &seconds.to_ne_bytes());
        }
        self.request(SET_CONFIG, 1, ACK, &body).map(drop)
    }

    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.request(FLUSH, 1, ACK, &[]).map(drop)
    }

    /// The destinations of a service with their counters.
    pub(crate) fn rows(&mut self, key: &ServiceKey) -> io::Result<Vec<Row>> {
        let mut body = Vec::new();
        nest(&mut body, SERVICE, |body| service_key(body, key));
        let replies = self.request(GET_DEST, 1, DUMP, &body)?;
        let destinations = replies.iter().flat_map(|reply| attributes(reply));
        Ok(destinations.filter(|&(kind, _)| kind == DEST).map(|(_, nested)| row(nested)).collect())
    }

    fn request(&mut self, command: u8, version: u8, flags: u16, body: &[u8]) -> io::Result<Vec<Vec<u8>>> {
        self.sequence += 1;
        let mut message = Vec::new();
        message.extend((20 + body.len() as u32).to_ne_bytes());
        message.extend(self.family.to_ne_bytes());
        message.extend((1 | flags).to_ne_bytes());
        message.extend(self.sequence.to_ne_bytes());
        message.extend(0u32.to_ne_bytes());
        message.extend([command, version, 0, 0]);
        message.extend(body);
        rustix::net::send(&self.socket, &message, SendFlags::empty())?;

        let mut replies = Vec::new();
        let mut buffer = vec![0; 1 << 16];
        loop {
            let (_, length) = rustix::net::recv(&self.socket, &mut buffer[..], RecvFlags::empty())?;
            let mut rest = &buffer[..length];
            while rest.len() >= 16 {
                let size = u32::from_ne_bytes(rest[..4].try_into().unwrap()) as usize;
                let kind = u16::from_ne_bytes([rest[4], rest[5]]);
                let sequence = u32::from_ne_bytes(rest[8..12].try_into().unwrap());
                let message = &rest[..size];
                rest = &rest[size.next_multiple_of(4).min(rest.len())..];
                if sequence != self.sequence {
                    continue;
                }
                match kind {
                    2 | 3 => {
                        let code = i32::from_ne_bytes(message[16..20].try_into().unwrap());
                        return match code {
                            0 => Ok(replies),
                            code => Err(io::Error::from_raw_os_error(-code)),
                        };
                    }
                    _ => replies.push(message[20..].to_vec()),
                }
            }
        }
    }
}

fn attribute(body: &mut Vec<u8>, kind: u16, data: &[u8]) {
    body.extend((4 + data.len() as u16).to_ne_bytes());
    body.extend(kind.to_ne_bytes());
    body.extend(data);
    body.resize(body.len().next_multiple_of(4), 0);
}

fn nest(body: &mut Vec<u8>, kind: u16, fill: impl FnOnce(&mut Vec<u8>)) {
    let mut inner = Vec::new();
    fill(&mut inner);
    attribute(body, kind, &inner);
}

fn attributes(mut bytes: &[u8]) -> Vec<(u16, &[u8])> {
    let mut found = Vec::new();
    while bytes.len() >= 4 {
        let size = usize::from(u16::from_ne_bytes([bytes[0], bytes[1]]));
        found.push((u16::from_ne_bytes([bytes[2], bytes[3]]) & 0x3fff, &bytes[4..size]));
        bytes = &bytes[size.next_multiple_of(4).min(bytes.len())..];
    }
    found
}

fn octets(addr: IpAddr) -> [u8; 16] {
    let mut octets = [0; 16];
    match addr {
        IpAddr::V4(addr) => octets[..4].copy_from_slice(&addr.octets()),
        IpAddr::V6(addr) => octets = addr.octets(),
    }
    octets
}

fn family(addr: IpAddr) -> u16 {
    if addr.is_ipv4() { 2 } else { 10 }
}

fn service_key(body: &mut Vec<u8>, key: &ServiceKey) {
    match *key {
        ServiceKey::Socket { protocol, endpoint } => {
            attribute(body, 1, &family(endpoint.addr).to_ne_bytes());
            attribute(body, 2, &protocol.number().to_ne_bytes());
            attribute(body, 3, &octets(endpoint.addr));
            attribute(body, 4, &endpoint.port.to_be_bytes());
        }
        ServiceKey::Fwmark { family, mark } => {
            let family: u16 = match family {
                lvs_model::Family::Inet => 2,
                lvs_model::Family::Inet6 => 10,
            };
            attribute(body, 1, &family.to_ne_bytes());
            attribute(body, 5, &mark.get().to_ne_bytes());
        }
    }
}

fn full_service(body: &mut Vec<u8>, service: &Service) {
    service_key(body, service.key());
    let mut name = service.scheduler().as_str().as_bytes().to_vec();
    name.push(0);
    attribute(body, 6, &name);
    let mut flags = service.flag_bits().to_ne_bytes().to_vec();
    flags.extend(u32::MAX.to_ne_bytes());
    attribute(body, 7, &flags);
    let timeout = service.persistence().map_or(0, |p| p.timeout.seconds());
    attribute(body, 8, &timeout.to_ne_bytes());
    let host = Netmask::host(service.key().family());
    let netmask = match service.persistence().map_or(host, |p| p.netmask) {
        Netmask::Inet(mask) => mask.octets(),
        Netmask::Inet6(prefix) => u32::from(prefix.get()).to_ne_bytes(),
    };
    attribute(body, 9, &netmask);
}

fn destination_key(body: &mut Vec<u8>, endpoint: Endpoint) {
    attribute(body, 1, &octets(endpoint.addr));
    attribute(body, 2, &endpoint.port.to_be_bytes());
    attribute(body, 11, &family(endpoint.addr).to_ne_bytes());
}

fn full_destination(body: &mut Vec<u8>, destination: &Destination) {
    destination_key(body, destination.endpoint);
    for (kind, value) in [
        (3, destination.forwarding.number()),
        (4, destination.weight.get()),
        (5, destination.thresholds.upper()),
        (6, destination.thresholds.lower()),
    ] {
        attribute(body, kind, &value.to_ne_bytes());
    }
}

fn row(nested: &[u8]) -> Row {
    let fields: BTreeMap<u16, &[u8]> = attributes(nested).into_iter().collect();
    let number = |kind: u16| u32::from_ne_bytes(fields[&kind][..4].try_into().unwrap());
    let addr = if fields[&11][..2] == 10u16.to_ne_bytes() {
        let octets: [u8; 16] = fields[&1][..16].try_into().unwrap();
        IpAddr::V6(Ipv6Addr::from(octets))
    } else {
        let octets: [u8; 4] = fields[&1][..4].try_into().unwrap();
        IpAddr::V4(Ipv4Addr::from(octets))
    };
    let totals: BTreeMap<u16, u64> = attributes(fields[&12])
        .into_iter()
        .filter_map(|(kind, value)| Some((kind, u64::from_ne_bytes(value.try_into().ok()?))))
        .collect();
    Row {
        endpoint: Endpoint::new(addr, u16::from_be_bytes(fields[&2][..2].try_into().unwrap())),
        weight: number(4),
        counts: ConnectionCounts { active: number(7), inactive: number(8), persistent: number(9) },
        statistics: Statistics {
            connections: totals[&1],
            packets_in: totals[&2],
            packets_out: totals[&3],
            bytes_in: totals[&4],
            bytes_out: totals[&5],
        },
    }
}
