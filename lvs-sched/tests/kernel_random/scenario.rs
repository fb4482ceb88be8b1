//! What is played: services of some kinds, destinations, and a random sequence of packets and edits.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use lvs_model::{
    Change, Destination, Endpoint, Family, Forwarding, Fwmark, Netmask, OnePacket, Persistence, PersistenceTimeout,
    PrefixLength, Protocol, SchedulerFlags, SchedulerName, Service, ServiceKey, Thresholds, Tunnel, Weight,
};
use lvs_sched::algo::{Draws, Random};
use lvs_sched::director::{Packet, SctpChunks, Segment, TcpFlags};

use crate::play::Play;
use crate::world::MARKS;

const HUGE: &[u32] = &[1, 2, 1_000_000, 0x7fff_ffff];
const METHODS: [Forwarding; 5] = {
    const MASQUERADE: Forwarding = Forwarding::Masquerade;
    [MASQUERADE, MASQUERADE, MASQUERADE, Forwarding::Tunnel(Tunnel::Ipip), Forwarding::DirectRouting]
};
const ISAKMP: u16 = 500;
/// Second byte or word of the balancer's own virtual addresses, and of those that it takes as a transparent cache does.
const OURS: u8 = 9;
const FOREIGN: u8 = 10;

/// The schedulers that the lab's kernel has, wrr first.
static SCHEDULERS: [SchedulerName; 13] = {
    use SchedulerName::*;
    [Wrr, Rr, Lc, Wlc, Lblc, Lblcr, Dh, Sh, Sed, Nq, Fo, Ovf, Mh]
};

/// One thing that happens.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Inbound(Packet),
    Outbound(Packet),
    Change(Change),
    /// A switch below `net.ipv4.vs`.
    Sysctl(&'static str, u32),
    Sleep(Duration),
}

/// How time passes in a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// No timer ends but those that end at once.
    Quick,
    /// Closing and UDP connections last one second, templates two; some sleeps are between.
    Timed,
    /// The kernel's own timeouts, with sleeps of minutes: for a lab in which sleeping costs no time.
    Long,
}

pub(crate) struct Scenario {
    pub(crate) number: u32,
    pub(crate) pace: Pace,
    /// The first is there from the beginning.
    pub(crate) sites: Vec<Site>,
    /// The protocols and virtual addresses that packets are sent to.
    protocols: Vec<Protocol>,
    pub(crate) targets: Vec<Endpoint>,
    clients: Vec<IpAddr>,
    /// What every cache that is not ours begins with, so that it meets the moments without a destination.
    first: Option<Step>,
    limits: bool,
    weights: &'static [u32],
    schedulers: &'static [SchedulerName],
    steps: u32,
    random: Random,
}

/// A service and where its destinations may be.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    pub(crate) service: Service,
    endpoints: Vec<Endpoint>,
    forwarding: Forwarding,
}

impl Scenario {
    pub(crate) fn new(seed: u64, number: u64, pace: Pace) -> Self {
        let mut random = Random::seeded(seed.wrapping_mul(1_000_003).wrapping_add(number));
        let number = number as u32 % 0x3fff;
        let family = if random.draw(3) == 0 { Family::Inet6 } else { Family::Inet };
        let protocol = [Protocol::TCP, Protocol::TCP, Protocol::UDP, Protocol::SCTP][random.draw(4) as usize];
        let weights: &'static [u32] =
            [&[1][..], &[0, 1, 1, 2, 3, 4], &[0, 10, 20, 30, 50, 100], &[0, 1, 7, 300, 65_535], HUGE]
                [[0, 1, 1, 1, 2, 2, 3, 4][random.draw(8) as usize]];
        // The kernel's wrr tries every weight below the largest one: with such it would stand still for minutes.
        let schedulers: &'static [SchedulerName] = if weights == HUGE { &SCHEDULERS[1..] } else { &SCHEDULERS[..] };

        // The services of one virtual address, and where packets go to.
        let vip = |port| Endpoint::new(virtual_address(family, number), port);
        let socket = |port| ServiceKey::Socket { protocol, endpoint: vip(port) };
        let mut protocols = vec![protocol];
        let (mut keys, targets) = match random.draw(11) {
            0..=4 => (vec![socket(80)], vec![vip(80)]),
            5 => (vec![socket(0), socket(80), socket(21)], vec![vip(80), vip(81), vip(2000)]),
            6 => (vec![socket(21), socket(0), socket(5000)], vec![vip(21), vip(20), vip(1024), vip(5000), vip(500)]),
            7 => {
                protocols = vec![Protocol::UDP];
                let key = ServiceKey::Socket { protocol: Protocol::UDP, endpoint: vip(ISAKMP) };
                (vec![key], vec![vip(ISAKMP)])
            }
            _ => {
                protocols = vec![protocol, protocol, Protocol::TCP, Protocol::UDP];
                let mark = 1 + random.draw(MARKS);
                let net = if random.draw(3) == 0 { FOREIGN } else { OURS };
                let targets: Vec<Endpoint> = (1..=4)
                    .map(|host| {
                        Endpoint::new(marked_address(family, net, mark, number, host), [80, 81, 443][host as usize % 3])
                    })
                    .collect();
                let key = ServiceKey::Socket { protocol, endpoint: targets[0] };
                (vec![ServiceKey::fwmark(family, Fwmark::new(mark).unwrap()), key], targets)
            }
        };
        let first = (!is_ours(targets[0].addr)).then_some(Step::Sysctl("cache_bypass", 1));
        keys.truncate(1 + random.draw(keys.len() as u32) as usize);
        let mut site = |(index, &key): (usize, &ServiceKey)| {
            let mut service = Service::new(key, schedulers[random.draw(schedulers.len() as u32) as usize])
                .with_flags(flags(&mut random));
            if protocols.contains(&Protocol::UDP) && random.draw(3) == 0 {
                service = service.with_one_packet(OnePacket::On);
            }
            let often = match key.endpoint().map(|endpoint| endpoint.port) {
                Some(0 | 21) => 8,
                Some(_) => 3,
                None => 5,
            };
            if random.draw(10) < often {
                service = service.with_persistence(persistence(&mut random, family, pace)).unwrap();
            }
            let forwarding = METHODS[random.draw(METHODS.len() as u32) as usize];
            let port = match forwarding {
                Forwarding::Masquerade => [8080, 0][usize::from(random.draw(4) == 0)],
                _ => key.endpoint().map_or(80, |endpoint| endpoint.port),
            };
            let endpoint = |host: u32| {
                // Only a tunnel reaches a server of the other family; the kernel refuses it otherwise.
                let family = if random.draw(12) != 0 { family } else { other(family) };
                Endpoint::new(server_address(family, number, index as u32 * 16 + host), port)
            };
            let endpoints = (1..=1 + [1, 2, 2, 3, 4, 7][number as usize % 6]).map(endpoint).collect();
            Site { service, endpoints, forwarding }
        };
        let sites = keys.iter().enumerate().map(&mut site).collect();
        let clients = (0..1 + random.draw(12)).map(|_| client_address(family, number, random.draw(250) + 1)).collect();
        Self {
            number,
            pace,
            sites,
            protocols,
            targets,
            clients,
            first,
            limits: random.draw(3) == 0,
            weights,
            schedulers,
            steps: 20 + random.draw(40),
            random,
        }
    }

    /// What happens next, in view of what there is; `None` at the end.
    pub(crate) fn next(&mut self, play: &Play<'_>) -> Option<Step> {
        self.steps = self.steps.checked_sub(1)?;
        if self.first.is_some() {
            return self.first.take();
        }
        match self.pace {
            Pace::Timed if self.steps % 16 == 1 => return Some(Step::Sleep(Duration::from_millis(1600))),
            Pace::Long if self.random.draw(8) == 0 => {
                let seconds = self.one_of(&[1, 5, 15, 30, 70, 100, 250, 500, 1000]);
                return Some(Step::Sleep(Duration::from_secs(seconds)));
            }
            _ => {}
        }
        let index = if self.random.draw(2) == 0 { 0 } else { self.random.draw(self.sites.len() as u32) as usize };
        let site = self.sites[index].clone();
        let key = *site.service.key();
        let Some(present) = play.destinations(&key) else {
            let change = Change::AddService(site.service);
            return Some(if self.random.draw(3) == 0 { Step::Change(change) } else { self.traffic(play) });
        };
        let listed = |endpoint: &Endpoint| present.iter().any(|destination| destination.endpoint == *endpoint);
        let absent: Vec<Endpoint> = site.endpoints.iter().copied().filter(|endpoint| !listed(endpoint)).collect();
        // Most scenarios begin with some destinations.
        if present.len() < 2 && !absent.is_empty() && self.random.draw(4) != 0 {
            let destination = self.destination(&site, absent[0]);
            return Some(Step::Change(Change::AddDestination { service: key, destination }));
        }
        let change = match self.random.draw(100) {
            79..=84 if !absent.is_empty() => {
                let endpoint = self.one_of(&absent);
                Change::AddDestination { service: key, destination: self.destination(&site, endpoint) }
            }
            79..=90 if !present.is_empty() => {
                let from = self.one_of(&present);
                Change::EditDestination { service: key, from, to: self.destination(&site, from.endpoint) }
            }
            91..=94 if !present.is_empty() => {
                Change::RemoveDestination { service: key, destination: self.one_of(&present).endpoint }
            }
            95 | 96 => self.edited_service(index),
            // Statistics of destinations that come back start anew, in the kernel from the last multiple of two seconds.
            97 if self.pace == Pace::Quick && self.random.draw(3) == 0 => Change::RemoveService(key),
            97..=99 => return Some(self.sysctl()),
            _ => return Some(self.traffic(play)),
        };
        Some(Step::Change(change))
    }

    fn traffic(&mut self, play: &Play<'_>) -> Step {
        if self.random.draw(3) == 0 { self.follow_up(play) } else { Step::Inbound(self.first_packet()) }
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.random.draw(choices.len() as u32) as usize]
    }

    fn destination(&mut self, site: &Site, endpoint: Endpoint) -> Destination {
        let weight = self.one_of(self.weights);
        let thresholds = if self.limits && self.random.draw(3) != 0 {
            let upper = self.random.draw(6);
            Thresholds::new(upper, self.random.draw(upper + 1)).unwrap()
        } else {
            Thresholds::NONE
        };
        let forwarding = if self.random.draw(16) == 0 { self.one_of(&METHODS) } else { site.forwarding };
        Destination::new(endpoint)
            .with_weight(Weight::new(weight).unwrap())
            .with_forwarding(forwarding)
            .with_thresholds(thresholds)
    }

    fn edited_service(&mut self, index: usize) -> Change {
        let from = self.sites[index].service.clone();
        let scheduler = if self.random.draw(2) == 0 { from.scheduler() } else { self.one_of(self.schedulers) };
        let mut to = from.clone().with_scheduler(scheduler).with_flags(flags(&mut self.random));
        if from.persistence().is_some() {
            let persistence = persistence(&mut self.random, from.key().family(), self.pace);
            to = to.with_persistence(persistence).unwrap();
        }
        self.sites[index].service = to.clone();
        Change::EditService { from, to }
    }

    fn sysctl(&mut self) -> Step {
        let (name, values): (_, &[u32]) = self.one_of(&[
            ("expire_nodest_conn", &[0, 1][..]),
            ("conn_reuse_mode", &[0, 1, 2, 3]),
            ("expire_quiescent_template", &[0, 1]),
            ("sloppy_tcp", &[0, 1]),
            ("sloppy_sctp", &[0, 1]),
            ("secure_tcp", &[0, 3]),
            ("cache_bypass", &[0, 1]),
        ]);
        Step::Sysctl(name, self.one_of(values))
    }

    /// A packet that opens a connection, or of one that is open already.
    fn first_packet(&mut self) -> Packet {
        let clients = self.clients.clone();
        let client = self.one_of(&clients);
        let targets = self.targets.clone();
        let target = self.one_of(&targets);
        let port = match target.port {
            ISAKMP if self.random.draw(2) == 0 => ISAKMP,
            _ if self.random.draw(40) == 0 => 20,
            _ => 40_000 + self.random.draw(12) as u16,
        };
        let protocols = self.protocols.clone();
        let segment = match self.one_of(&protocols) {
            Protocol::TCP if self.random.draw(30) == 0 => Segment::Tcp(self.tcp_flags()),
            Protocol::TCP => Segment::Tcp(TcpFlags::SYN),
            Protocol::UDP if target.port == ISAKMP && self.random.draw(4) == 0 => Segment::Ipsec,
            Protocol::UDP => Segment::Udp,
            _ if self.random.draw(30) == 0 => Segment::Sctp(self.chunk()),
            _ => Segment::Sctp(SctpChunks::INIT),
        };
        packet(Endpoint::new(client, port), target, segment)
    }

    /// A packet of a connection that was seen before, in either direction.
    fn follow_up(&mut self, play: &Play<'_>) -> Step {
        let flows = play.flows();
        if flows.is_empty() {
            return Step::Inbound(self.first_packet());
        }
        let flow = self.one_of(flows);
        let segment = match flow.segment {
            Segment::Tcp(_) => Segment::Tcp(self.tcp_flags()),
            Segment::Sctp(_) => Segment::Sctp(self.chunk()),
            other => other,
        };
        if self.random.draw(2) == 0 {
            Step::Inbound(packet(flow.client, flow.target, segment))
        } else {
            Step::Outbound(packet(flow.answers_from, flow.client, segment))
        }
    }

    fn tcp_flags(&mut self) -> TcpFlags {
        const ACK: TcpFlags = TcpFlags::ACK;
        self.one_of(&[
            ACK,
            ACK,
            ACK,
            TcpFlags::SYN,
            TcpFlags::SYN.union(ACK),
            TcpFlags::FIN.union(ACK),
            TcpFlags::FIN.union(ACK),
            TcpFlags::RST,
            TcpFlags::FIN,
            TcpFlags::EMPTY,
        ])
    }

    fn chunk(&mut self) -> SctpChunks {
        self.one_of(&[
            SctpChunks::DATA,
            SctpChunks::INIT,
            SctpChunks::INIT_ACK,
            SctpChunks::COOKIE_ECHO,
            SctpChunks::COOKIE_ACK,
            SctpChunks::SHUTDOWN,
            SctpChunks::SHUTDOWN_ACK,
            SctpChunks::SHUTDOWN_COMPLETE,
            SctpChunks::ERROR,
            SctpChunks::ABORT,
            SctpChunks::SACK,
        ])
    }
}

/// A packet with the mark that the lab's device gives it.
fn packet(source: Endpoint, destination: Endpoint, segment: Segment) -> Packet {
    let packet = Packet::new(source, destination, segment);
    match mark_of(destination.addr) {
        Some(mark) => packet.with_fwmark(mark),
        None => packet,
    }
}

fn flags(random: &mut Random) -> SchedulerFlags {
    [
        SchedulerFlags::EMPTY,
        SchedulerFlags::FALLBACK,
        SchedulerFlags::PORT,
        SchedulerFlags::FALLBACK.union(SchedulerFlags::PORT),
    ][random.draw(4) as usize]
}

fn persistence(random: &mut Random, family: Family, pace: Pace) -> Persistence {
    let timeout = match pace {
        Pace::Quick | Pace::Long => 60 + random.draw(300),
        Pace::Timed => 2,
    };
    let mut persistence = Persistence::new(PersistenceTimeout::new(timeout).unwrap(), family);
    persistence.netmask = match family {
        Family::Inet => Netmask::Inet(Ipv4Addr::from(u32::MAX << [0, 0, 2, 4, 8][random.draw(5) as usize])),
        Family::Inet6 => Netmask::Inet6(PrefixLength::new([128, 128, 126, 124, 64][random.draw(5) as usize]).unwrap()),
    };
    persistence
}

// Every scenario has addresses of its own, so that nothing that one leaves behind matters to another.

fn bytes(number: u32) -> (u8, u8) {
    ((number >> 8) as u8, number as u8)
}

fn virtual_address(family: Family, number: u32) -> IpAddr {
    let (high, low) = bytes(number);
    match family {
        Family::Inet => Ipv4Addr::new(10, 9, high, low).into(),
        Family::Inet6 => Ipv6Addr::new(0xfd00, 9, 0, 0, 0, 0, 0, 1 + number as u16).into(),
    }
}

fn marked_address(family: Family, net: u8, mark: u32, number: u32, host: u32) -> IpAddr {
    match family {
        Family::Inet => Ipv4Addr::new(10, net, (100 + mark) as u8, ((number % 60) * 4 + host) as u8).into(),
        Family::Inet6 => Ipv6Addr::new(0xfd00, net.into(), mark as u16, 0, 0, 0, number as u16, host as u16).into(),
    }
}

/// Whether the balancer has this address.
pub(crate) fn is_ours(addr: IpAddr) -> bool {
    match addr {
        IpAddr::V4(addr) => addr.octets()[1] == OURS,
        IpAddr::V6(addr) => addr.segments()[1] == u16::from(OURS),
    }
}

fn mark_of(addr: IpAddr) -> Option<Fwmark> {
    let mark = match addr {
        IpAddr::V4(addr) if matches!(addr.octets(), [10, OURS | FOREIGN, 101..=255, _]) => addr.octets()[2] - 100,
        IpAddr::V6(addr) if matches!(addr.segments(), [0xfd00, 9 | 10, ..]) => addr.segments()[2] as u8,
        _ => 0,
    };
    Fwmark::new(mark.into()).ok()
}

fn other(family: Family) -> Family {
    match family {
        Family::Inet => Family::Inet6,
        Family::Inet6 => Family::Inet,
    }
}

fn server_address(family: Family, number: u32, host: u32) -> IpAddr {
    let (high, low) = bytes(number);
    match family {
        Family::Inet => Ipv4Addr::new(10, 128 + high, low, host as u8).into(),
        Family::Inet6 => Ipv6Addr::new(0xfd00, 8, number as u16, 0, 0, 0, 0, host as u16).into(),
    }
}

pub(crate) fn client_address(family: Family, number: u32, host: u32) -> IpAddr {
    let (high, low) = bytes(number);
    match family {
        Family::Inet => Ipv4Addr::new(12, high, low, host as u8).into(),
        Family::Inet6 => Ipv6Addr::new(0xfd00, 1, number as u16, 0, 0, 0, 0, host as u16).into(),
    }
}
