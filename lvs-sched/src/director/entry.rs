//! This is one record of the connection table: a connection or a persistence template in 80 bytes.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use lvs_model::{Endpoint, Family, Fwmark};

use super::clock::Tick;
use super::sctp::SctpState;
use super::state::{State, TemplateState};
use super::tcp::TcpState;

/// "No record", "no destination", "no slot" in the links below.
pub(super) const NIL: u32 = u32::MAX;

/// The forwarding method, in the low three bits.
pub(super) const METHOD: u16 = 0x0007;
/// The record is free and `hash_next` links to the next free one.
pub(super) const VACANT: u16 = 0x0008;
/// The addresses are IPv6.
pub(super) const INET6: u16 = 0x0010;
/// A persistence template, not a connection.
pub(super) const TEMPLATE: u16 = 0x0020;
/// No packet of the real server was seen, so the input-only tables apply.
pub(super) const NOOUTPUT: u16 = 0x0080;
/// Counted as inactive.
pub(super) const INACTIVE: u16 = 0x0100;

/// A connection or template. Addresses are 16 bytes, an IPv4 address in the first four.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    /// When the timer ends. It may be later than the slot of the wheel, never earlier.
    pub(super) deadline: Tick,
    pub(super) client: [u8; 16],
    /// The virtual address, or the mark in the first four bytes (templates of firewall marks).
    pub(super) service: [u8; 16],
    /// Seconds for which the next packet restarts the timer.
    pub(super) timeout: u32,
    pub(super) destination: u32,
    /// The template that controls this connection.
    pub(super) control: u32,
    /// How many connections this template controls.
    pub(super) children: u32,
    pub(super) wheel_prev: u32,
    pub(super) wheel_next: u32,
    pub(super) hash_next: u32,
    pub(super) client_port: u16,
    pub(super) service_port: u16,
    pub(super) destination_port: u16,
    pub(super) flags: u16,
    pub(super) wheel_slot: u16,
    pub(super) protocol: u8,
    pub(super) state: u8,
}

impl Entry {
    pub(super) const FREE: Self = Self {
        deadline: Tick(0),
        client: [0; 16],
        service: [0; 16],
        timeout: 0,
        destination: NIL,
        control: NIL,
        children: 0,
        wheel_prev: NIL,
        wheel_next: NIL,
        hash_next: NIL,
        client_port: 0,
        service_port: 0,
        destination_port: 0,
        flags: VACANT,
        wheel_slot: u16::MAX,
        protocol: 0,
        state: 0,
    };

    /// A new record with this identity, bound to nothing, that would last three seconds.
    pub(super) fn new(key: &Key) -> Self {
        Self {
            client: key.client,
            service: key.service,
            client_port: key.client_port,
            service_port: key.service_port,
            protocol: key.protocol,
            flags: key.flags,
            timeout: 3,
            ..Self::FREE
        }
    }

    pub(super) fn has(&self, flag: u16) -> bool {
        self.flags & flag != 0
    }

    pub(super) fn is(&self, key: &Key) -> bool {
        self.client_port == key.client_port
            && self.service_port == key.service_port
            && self.client == key.client
            && self.service == key.service
            && self.protocol == key.protocol
            && self.flags & Key::FLAGS == key.flags
    }

    pub(super) fn family(&self) -> Family {
        if self.has(INET6) { Family::Inet6 } else { Family::Inet }
    }

    pub(super) fn client(&self) -> Endpoint {
        endpoint(self.family(), self.client, self.client_port)
    }

    pub(super) fn service(&self) -> Endpoint {
        endpoint(self.family(), self.service, self.service_port)
    }

    pub(super) fn state(&self) -> State {
        if self.has(TEMPLATE) {
            return State::Template(match self.state {
                0 => TemplateState::None,
                _ => TemplateState::Assured,
            });
        }
        match self.protocol {
            TCP => State::Tcp(TcpState::from_index(self.state)),
            SCTP => State::Sctp(SctpState::from_index(self.state)),
            _ => State::Udp,
        }
    }
}

pub(super) const TCP: u8 = 6;
pub(super) const UDP: u8 = 17;
pub(super) const SCTP: u8 = 132;

/// The identity of a connection or template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) client: [u8; 16],
    pub(super) service: [u8; 16],
    pub(super) client_port: u16,
    pub(super) service_port: u16,
    pub(super) protocol: u8,
    flags: u16,
}

impl Key {
    const FLAGS: u16 = INET6 | TEMPLATE;

    /// The connection between a client and a virtual address of the same family.
    pub(super) fn connection(protocol: u8, client: Endpoint, service: Endpoint) -> Self {
        Self {
            client: octets(client.addr),
            service: octets(service.addr),
            client_port: client.port,
            service_port: service.port,
            protocol,
            flags: family_flag(client.addr),
        }
    }

    /// The template of a client network under a virtual address and port.
    pub(super) fn template(protocol: u8, network: IpAddr, service: Endpoint) -> Self {
        let mut key = Self::connection(protocol, Endpoint::new(network, 0), service);
        key.flags |= TEMPLATE;
        key
    }

    /// The template of a client network under a firewall mark: all protocols and ports share it.
    pub(super) fn marked_template(network: IpAddr, mark: Fwmark) -> Self {
        let mut service = [0; 16];
        service[..4].copy_from_slice(&mark.get().to_be_bytes());
        Self {
            client: octets(network),
            service,
            client_port: 0,
            service_port: 0,
            protocol: 0,
            flags: family_flag(network) | TEMPLATE,
        }
    }

    pub(super) fn of(entry: &Entry) -> Self {
        Self {
            client: entry.client,
            service: entry.service,
            client_port: entry.client_port,
            service_port: entry.service_port,
            protocol: entry.protocol,
            flags: entry.flags & Self::FLAGS,
        }
    }

    pub(super) fn is_template(&self) -> bool {
        self.flags & TEMPLATE != 0
    }

    /// What packets of both directions have in common, with the template bit: the part of the
    /// identity that is hashed for connections.
    pub(super) fn client_part(&self) -> (u16, u8, u16, [u8; 16]) {
        (self.flags, self.protocol, self.client_port, self.client)
    }
}

fn family_flag(addr: IpAddr) -> u16 {
    match addr {
        IpAddr::V4(_) => 0,
        IpAddr::V6(_) => INET6,
    }
}

pub(super) fn octets(addr: IpAddr) -> [u8; 16] {
    match addr {
        IpAddr::V4(addr) => {
            let mut octets = [0; 16];
            octets[..4].copy_from_slice(&addr.octets());
            octets
        }
        IpAddr::V6(addr) => addr.octets(),
    }
}

pub(super) fn endpoint(family: Family, octets: [u8; 16], port: u16) -> Endpoint {
    let [a, b, c, d, ..] = octets;
    let addr = match family {
        Family::Inet => IpAddr::V4(Ipv4Addr::new(a, b, c, d)),
        Family::Inet6 => IpAddr::V6(Ipv6Addr::from(octets)),
    };
    Endpoint::new(addr, port)
}
