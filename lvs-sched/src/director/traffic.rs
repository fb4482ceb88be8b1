//! This is what happens to a packet: it belongs to a connection, makes one, or is none of ours.

use core::net::IpAddr;
use core::time::Duration;

use lvs_model::{Endpoint, Family, Forwarding, Protocol};

use super::entry::{Entry, INACTIVE, Key, METHOD, NIL, NOOUTPUT, SCTP, TCP, UDP};
use super::lookup::{FTP, FTP_DATA};
use super::packet::{Packet, SctpChunks, Segment, TcpFlags};
use super::sctp::SctpState;
use super::servers::{Home, Server};
use super::state::{State, View};
use super::sysctls::{CacheBypass, ExpireNodest, ReuseMode, Sloppy};
use super::tcp::TcpState;
use super::verdict::{Forward, Verdict};
use super::{Counters, Director};
use crate::algo::{Draws, Flow, Load, Scheduled};

/// The method of connections without a destination.
const BYPASS: u16 = 4;

/// UDP port of the key exchange that IPsec packets follow.
const ISAKMP: u16 = 500;

impl<D: Draws> Director<D> {
    /// This decides about a packet from a client.
    ///
    /// `now` is the time since any fixed moment; when it goes back it counts as unchanged.
    pub fn inbound(&mut self, packet: &Packet, now: Duration) -> Verdict {
        self.advance(now);
        let (client, target) = (packet.source, packet.destination);
        if client.family() != target.family() || !self.is_listening(target.family()) {
            return Verdict::Pass;
        }
        let Some((protocol, key)) = identify(packet) else { return Verdict::Pass };
        if let Some(id) = self.table.find(&key) {
            if self.is_to_be_rescheduled(id, packet.segment) {
                self.expire_now(id);
            } else if self.server_of(id).is_none_or(|server| server.available) {
                return self.forward(id, packet);
            } else if self.sysctls.expire_nodest_conn == ExpireNodest::Off {
                return Verdict::Drop;
            } else {
                self.expire_now(id);
            }
        }
        if !self.may_open(packet.segment) {
            return Verdict::Pass;
        }
        match self.lookup(protocol, target, packet.fwmark) {
            Some(_) if client.port == FTP_DATA => Verdict::Pass,
            Some(service) => self.open(service, key, packet),
            None => Verdict::Pass,
        }
    }

    /// This decides about a packet from a real server: it is an answer of a connection, or none of ours.
    ///
    /// The source is the real server for masqueraded connections and the virtual address for others.
    pub fn outbound(&mut self, packet: &Packet, now: Duration) -> Verdict {
        self.advance(now);
        let (mut server, mut client) = (packet.source, packet.destination);
        if !self.is_listening(client.family()) {
            return Verdict::Pass;
        }
        let protocol = match packet.segment {
            Segment::Tcp(_) => TCP,
            Segment::Udp => UDP,
            Segment::Sctp(_) => SCTP,
            Segment::Ipsec => {
                (server.port, client.port) = (ISAKMP, ISAKMP);
                UDP
            }
            Segment::Other(_) => return Verdict::Pass,
        };
        let found = self.table.of_client(protocol, client).find(|&id| self.answers(id, server));
        let Some(id) = found else { return Verdict::Pass };
        if let Some(number) = self.available_server(id) {
            self.count(number, |counters| counters.packet_out(packet.length));
        }
        self.transition(id, packet.segment, View::Output);
        self.restart(id);
        Verdict::Reply { source: self.table.at(id).service() }
    }

    /// The kernel looks at packets of a family only while it has a service of it.
    fn is_listening(&self, family: Family) -> bool {
        self.families[family as usize] > 0
    }

    /// Whether a packet from `source` to the client of this connection is its answer.
    fn answers(&self, id: u32, source: Endpoint) -> bool {
        let entry = self.table.at(id);
        if entry.flags & METHOD != 0 {
            return entry.service() == source;
        }
        let addr = self.server_of(id).map(|server| server.destination.endpoint.addr);
        source.port == entry.destination_port && addr == Some(source.addr)
    }

    /// An opening packet on a connection that is over, or whose destination is to get no new ones.
    fn is_to_be_rescheduled(&self, id: u32, segment: Segment) -> bool {
        if !segment.is_opening() {
            return false;
        }
        let entry = self.table.at(id);
        if self.sysctls.expire_nodest_conn == ExpireNodest::On
            && self.server_of(id).is_some_and(|server| server.destination.weight.get() == 0)
        {
            return true;
        }
        if entry.control != NIL {
            return false;
        }
        let half_seen = self.sysctls.conn_reuse_mode == ReuseMode::RescheduleHalfSeen && entry.has(NOOUTPUT);
        match (self.sysctls.conn_reuse_mode, entry.state()) {
            (ReuseMode::Keep, _) => false,
            (_, State::Tcp(TcpState::TimeWait | TcpState::Close) | State::Sctp(SctpState::Closed)) => true,
            (_, State::Tcp(TcpState::FinWait)) => half_seen,
            _ => false,
        }
    }

    fn may_open(&self, segment: Segment) -> bool {
        match segment {
            Segment::Tcp(flags) if flags.contains(TcpFlags::RST) => false,
            Segment::Tcp(flags) => flags.contains(TcpFlags::SYN) || self.sysctls.sloppy_tcp == Sloppy::On,
            Segment::Udp => true,
            Segment::Sctp(chunks) if chunks.first() == SctpChunks::ABORT.first() => false,
            Segment::Sctp(chunks) => {
                chunks.first() == SctpChunks::INIT.first() || self.sysctls.sloppy_sctp == Sloppy::On
            }
            Segment::Ipsec | Segment::Other(_) => false,
        }
    }

    /// Makes a connection for a packet that no connection claims.
    fn open(&mut self, id: u32, key: Key, packet: &Packet) -> Verdict {
        let Some(service) = self.services.get(id as usize).and_then(Option::as_ref) else { return Verdict::Pass };
        let target = packet.destination;
        let port = service.service.key().endpoint().map(|endpoint| endpoint.port);
        let one_packet = service.service.one_packet() && packet.segment == Segment::Udp;
        let placed = if service.service.persistence().is_some() {
            self.place_persistent(id, packet)
        } else if port.is_some_and(|port| port != target.port) {
            None
        } else {
            self.pick(id, packet).map(|server| {
                let to = self.servers.at(server).map_or(0, |server| server.destination.endpoint.port);
                Placement { server, port: if to == 0 { target.port } else { to }, template: NIL }
            })
        };
        let connection = match placed {
            Some(placed) => {
                let connection = self.bind(key, placed);
                self.count(placed.server, Counters::connection);
                connection
            }
            // Nothing is available.
            None if port.is_none() && self.may_be_bypassed(target) => self.bypass(key),
            None if port == Some(FTP) && target.port != FTP => return Verdict::Pass,
            None => return Verdict::Refuse,
        };
        let verdict = self.forward(connection, packet);
        if let Some(Placement { template, .. }) = placed
            && template != NIL
        {
            self.restart(template);
        }
        if one_packet {
            self.end(connection);
        }
        verdict
    }

    /// Asks the scheduler.
    pub(super) fn pick(&mut self, id: u32, packet: &Packet) -> Option<u32> {
        let service = self.services.get_mut(id as usize)?.as_mut()?;
        let protocol = match packet.segment {
            Segment::Tcp(_) => Protocol::TCP,
            Segment::Sctp(_) => Protocol::SCTP,
            _ => Protocol::UDP,
        };
        let flow = Flow::new(protocol, packet.source, packet.destination).at(self.now);
        let picked = service.scheduled.pick(&flow, &mut self.draws)?;
        service.servers.get(picked.index()).copied()
    }

    /// Makes a connection that goes where it was sent to. Unlike one of a destination that is not masqueraded it counts as seen in both
    /// directions.
    fn bypass(&mut self, key: Key) -> u32 {
        let mut entry = Entry::new(&key);
        entry.flags |= BYPASS | INACTIVE;
        self.table.insert(entry)
    }

    /// Only for IPv4 the kernel looks beforehand whether the address is its own; for IPv6 it makes the connection and loses the packet.
    fn may_be_bypassed(&self, target: Endpoint) -> bool {
        if self.sysctls.cache_bypass == CacheBypass::Off {
            return false;
        }
        match target.addr {
            IpAddr::V4(addr) => {
                !addr.is_multicast() && !addr.is_broadcast() && !addr.is_unspecified() && !self.is_ours(target)
            }
            IpAddr::V6(addr) => !addr.is_multicast() && !addr.is_unspecified(),
        }
    }

    fn is_ours(&self, target: Endpoint) -> bool {
        self.sysctls.local_addresses.contains(&target.addr)
    }

    /// Puts a connection into the table, bound to its destination and under its template.
    fn bind(&mut self, key: Key, placed: Placement) -> u32 {
        let mut entry = Entry::new(&key);
        let method = self.servers.at(placed.server).map_or(0, |server| server.destination.forwarding.number() as u16);
        entry.flags |= method & METHOD | INACTIVE | if method == 0 { 0 } else { NOOUTPUT };
        entry.destination = placed.server;
        entry.destination_port = placed.port;
        entry.control = placed.template;
        if placed.template != NIL {
            self.table.at_mut(placed.template).children += 1;
        }
        self.load(placed.server, 1, Scheduled::bind, Load::bind);
        self.table.insert(entry)
    }

    /// Runs the state machine, restarts the timer, and says where the packet goes.
    fn forward(&mut self, id: u32, packet: &Packet) -> Verdict {
        if let Some(number) = self.available_server(id) {
            self.count(number, |counters| counters.packet_in(packet.length));
        }
        let view = if self.table.at(id).has(NOOUTPUT) { View::InputOnly } else { View::Input };
        self.transition(id, packet.segment, view);
        self.restart(id);
        let entry = self.table.at(id);
        let forward = match self.server_of(id) {
            Some(server) => Forward {
                destination: Endpoint::new(server.destination.endpoint.addr, entry.destination_port),
                forwarding: server.forwarding(entry.flags & METHOD),
            },
            None if self.is_ours(packet.destination) => return Verdict::Drop,
            None => Forward { destination: packet.destination, forwarding: Forwarding::Bypass },
        };
        Verdict::Forward(forward)
    }

    /// The destination of a connection; `None` for a bypass.
    pub(super) fn server_of(&self, id: u32) -> Option<&Server> {
        self.servers.at(self.table.at(id).destination)
    }

    fn available_server(&self, id: u32) -> Option<u32> {
        let number = self.table.at(id).destination;
        self.servers.at(number).is_some_and(|server| server.available).then_some(number)
    }

    /// Counts for a destination, for its service and for all.
    fn count(&mut self, number: u32, count: impl Fn(&mut Counters)) {
        count(&mut self.total);
        let Some(server) = self.servers.at_mut(number) else { return };
        count(&mut server.counters);
        if let Home::Service(service, _) = server.home
            && let Some(service) = &mut self.services[service as usize]
        {
            count(&mut service.counters);
        }
    }
}

/// Where a new connection goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Placement {
    pub(super) server: u32,
    pub(super) port: u16,
    pub(super) template: u32,
}

/// The protocol of a packet's service, and the connection that it may belong to.
fn identify(packet: &Packet) -> Option<(Protocol, Key)> {
    let (client, target) = (packet.source, packet.destination);
    let (protocol, code) = match packet.segment {
        Segment::Tcp(_) => (Protocol::TCP, TCP),
        Segment::Udp => (Protocol::UDP, UDP),
        Segment::Sctp(_) => (Protocol::SCTP, SCTP),
        Segment::Ipsec => {
            let of = |endpoint: Endpoint| Endpoint::new(endpoint.addr, ISAKMP);
            return Some((Protocol::UDP, Key::connection(UDP, of(client), of(target))));
        }
        Segment::Other(_) => return None,
    };
    Some((protocol, Key::connection(code, client, target)))
}
