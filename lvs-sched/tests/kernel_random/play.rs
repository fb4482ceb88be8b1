//! One scenario on both sides: what the kernel does is compared with what [`Director`] says, step by step.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use lvs_model::{Change, Destination, Endpoint, Family, Forwarding, ProtocolTimeout, ServiceKey, Statistics};
use lvs_sched::algo::Settings;
use lvs_sched::director::{
    CacheBypass, Director, ExpireNodest, Packet, QuiescentTemplates, ReuseMode, SecureTcp, Segment, Sloppy, TcpFlags,
    Verdict,
};

use crate::netlink::Row;
use crate::scenario::{Pace, Scenario, Step, is_ours};
use crate::wire::{self, Sent};
use crate::world::World;

/// Longer than two ticks of the lab's kernel (HZ=100): what ends "now" has ended after it.
const TICKS: Duration = Duration::from_millis(30);

/// How late the kernel may end what lasts a second: it keeps such timers in steps of eight ticks.
const LATE: Duration = Duration::from_millis(100);

/// Waits until the kernel has done what it does "now". Some of that waits for a tick of a busy processor, which a sleeping one may
/// leave out, and then for its turn.
fn wait() {
    let begin = Instant::now();
    while begin.elapsed() < TICKS {
        std::hint::spin_loop();
    }
    std::thread::sleep(TICKS / 3);
}

/// A connection that was forwarded once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    pub(crate) client: Endpoint,
    pub(crate) target: Endpoint,
    pub(crate) answers_from: Endpoint,
    pub(crate) segment: Segment,
}

pub(crate) struct Play<'w> {
    world: &'w mut World,
    director: Director,
    services: Vec<ServiceKey>,
    number: u32,
    pace: Pace,
    start: Instant,
    flows: Vec<Seen>,
    /// How often a difference may still turn out to be one of a few milliseconds.
    retries: u32,
    log: Vec<String>,
    counts: Tally,
}

impl<'w> Play<'w> {
    pub(crate) fn new(world: &'w mut World, scenario: &Scenario) -> Self {
        for (name, value) in [
            ("expire_nodest_conn", 0),
            ("conn_reuse_mode", 1),
            ("expire_quiescent_template", 0),
            ("sloppy_tcp", 0),
            ("sloppy_sctp", 0),
            ("secure_tcp", 0),
            ("cache_bypass", 0),
        ] {
            world.set_ipvs(name, value);
        }
        world.netlink.flush().unwrap();
        let (tcp_fin, udp) = match scenario.pace {
            Pace::Quick | Pace::Long => (120, 300),
            Pace::Timed => (1, 1),
        };
        world.netlink.set_timeouts(900, tcp_fin, udp).unwrap();
        let mut director = Director::new(Settings::default().with_generation(world.generation));
        director.sysctls_mut().timeouts.tcp_fin = ProtocolTimeout::new(tcp_fin).unwrap();
        director.sysctls_mut().timeouts.udp = ProtocolTimeout::new(udp).unwrap();
        let ours = scenario.targets.iter().map(|target| target.addr).filter(|&addr| is_ours(addr));
        director.sysctls_mut().local_addresses = ours.collect();
        let mut play = Self {
            world,
            director,
            services: scenario.sites.iter().map(|site| *site.service.key()).collect(),
            number: scenario.number,
            pace: scenario.pace,
            start: Instant::now(),
            flows: Vec::new(),
            retries: 3,
            log: Vec::new(),
            counts: Tally::default(),
        };
        play.change(&Change::AddService(scenario.sites[0].service.clone()));
        play
    }

    /// The destinations of a service; `None` if there is no such service now.
    pub(crate) fn destinations(&self, key: &ServiceKey) -> Option<Vec<Destination>> {
        let status = self.director.service(key).ok()?;
        Some(status.destinations.iter().map(|row| row.destination).collect())
    }

    pub(crate) fn flows(&self) -> &[Seen] {
        &self.flows
    }

    pub(crate) fn step(&mut self, step: Step) {
        self.counts.steps += 1;
        match step {
            Step::Inbound(packet) => self.inbound(&packet),
            Step::Outbound(packet) => self.outbound(&packet),
            Step::Change(change) => self.change(&change),
            Step::Sysctl(name, value) => self.sysctl(name, value),
            Step::Sleep(time) => {
                self.log.push(format!("{time:?} later"));
                std::thread::sleep(time);
                self.compare_connections();
                self.retries = 3;
            }
        }
        self.settle();
        self.compare_counters();
    }

    /// Compares the connections, then lets both sides give all of them up.
    pub(crate) fn finish(&mut self) {
        self.compare_connections();
        self.sysctl("expire_nodest_conn", 1);
        for key in self.services.clone() {
            let Some(destinations) = self.destinations(&key) else { continue };
            if self.number.is_multiple_of(2) {
                self.change(&Change::RemoveService(key));
                continue;
            }
            for Destination { endpoint, .. } in destinations {
                self.change(&Change::RemoveDestination { service: key, destination: endpoint });
            }
        }
        self.settle();
    }

    /// The kernel shows statistics as they were at the last multiple of two seconds, or of what a busy machine makes of them.
    pub(crate) fn compare_statistics(&mut self) {
        for _ in 0..3 {
            std::thread::sleep(Duration::from_millis(2200));
            if self.differing_statistics().is_none() {
                return;
            }
        }
        if let Some(difference) = self.differing_statistics() {
            self.fail(&difference);
        }
    }

    fn differing_statistics(&mut self) -> Option<String> {
        for key in self.services.clone() {
            let Ok(ours) = self.director.service(&key) else { continue };
            let ours: Vec<Statistics> = ours.destinations.iter().map(|row| row.statistics).collect();
            let kernels = self.world.netlink.rows(&key).unwrap();
            let kernels: Vec<Statistics> = kernels.into_iter().map(|row| row.statistics).collect();
            // A refusal is an ICMP error, which the kernel counts for a connection of the same ports that has not quite gone.
            let refusals = self.counts.refused as u64;
            let agree = |(ours, kernels): (&Statistics, &Statistics)| {
                let answers = kernels.packets_out.checked_sub(ours.packets_out);
                let in_and_new = |all: &Statistics| (all.connections, all.packets_in, all.bytes_in);
                in_and_new(ours) == in_and_new(kernels)
                    && answers.is_some_and(|more| more <= refusals)
                    && (answers != Some(0) || ours.bytes_out == kernels.bytes_out)
            };
            if ours.len() != kernels.len() || !ours.iter().zip(&kernels).all(agree) {
                return Some(format!("statistics of {key}\n  director {ours:?}\n  kernel   {kernels:?}"));
            }
        }
        None
    }

    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// A moment at which no timer is about to end: near the end of one, one side may be without the connection and the other with it.
    fn quiet_moment(&mut self) -> Duration {
        let near = if self.pace == Pace::Timed { LATE } else { TICKS };
        loop {
            let now = self.now();
            if self.director.next_event().is_none_or(|event| event >= now + near) {
                return now;
            }
            wait();
            self.compare_connections();
        }
    }

    fn change(&mut self, change: &Change) {
        self.log.push(change.to_string());
        let now = self.now();
        self.director.advance(now);
        self.counts.changes += 1;
        let ours = self.director.apply(change);
        let kernels = self.world.netlink.apply(change);
        if ours.is_err() != kernels.is_err() {
            self.fail(&format!("{change}: director {ours:?}, kernel {kernels:?}"));
        }
    }

    fn inbound(&mut self, packet: &Packet) {
        let packet = &packet.with_length(wire::encode(packet).len() as u32);
        let now = self.quiet_moment();
        let verdict = self.director.inbound(packet, now);
        self.log.push(format!("in  {} -> {} {:?}: {verdict:?}", packet.source, packet.destination, packet.segment));
        // The kernel sends no ICMP error in the name of an address that is not its own.
        let mute = verdict == Verdict::Refuse && !is_ours(packet.destination.addr);
        let sent = self.world.exchange(packet, !mute && verdict != Verdict::Drop && verdict != Verdict::Pass);
        let agree = match (verdict, &sent[..]) {
            (Verdict::Forward(forward), &[Sent::Transport { source, destination, .. }]) => {
                self.counts.forwarded += 1;
                self.counts.bypassed += usize::from(forward.forwarding == Forwarding::Bypass);
                let expected = match forward.forwarding {
                    Forwarding::Masquerade | Forwarding::Bypass => Some(forward.destination),
                    // Which real server got it only the counters tell.
                    Forwarding::DirectRouting => Some(packet.destination),
                    _ => None,
                };
                source == packet.source && Some(destination) == expected
            }
            (Verdict::Forward(forward), &[Sent::Ipsec { destination, .. }]) => {
                self.counts.followed += 1;
                let expected = match forward.forwarding {
                    Forwarding::DirectRouting => packet.destination,
                    _ => forward.destination,
                };
                packet.segment == Segment::Ipsec && destination == expected.addr
            }
            (Verdict::Forward(forward), &[Sent::Tunnel { destination }]) => {
                self.counts.forwarded += 1;
                forward.forwarding.tunnel().is_some() && destination == forward.destination.addr
            }
            (Verdict::Refuse, []) if mute => true,
            (Verdict::Refuse, [Sent::Refused]) => {
                self.counts.refused += 1;
                true
            }
            (Verdict::Drop, []) => {
                self.counts.dropped += 1;
                true
            }
            // The local stack, which has nothing there, answers in its own way.
            (Verdict::Pass, sent) => {
                self.counts.passed += 1;
                match (packet.segment, sent) {
                    (Segment::Udp, [Sent::Refused]) | (_, [] | [Sent::Other(1 | 58)]) => true,
                    (Segment::Tcp(_), &[Sent::Transport { source, .. }]) => {
                        // Its RST passes IPVS on the way out, where it may meet a connection that was told to end and has not ended yet.
                        let reset = Packet::new(packet.destination, packet.source, Segment::Tcp(TcpFlags::RST));
                        let length = wire::encode(&reset).len() as u32;
                        let _ = self.director.outbound(&reset.with_length(length), now);
                        source == packet.destination
                    }
                    _ => false,
                }
            }
            _ => false,
        };
        if !agree {
            self.fail(&format!("the kernel sent {sent:?}"));
        }
        if let Verdict::Forward(forward) = verdict {
            let answers_from = match forward.forwarding {
                Forwarding::Masquerade => forward.destination,
                _ => packet.destination,
            };
            let seen =
                Seen { client: packet.source, target: packet.destination, answers_from, segment: packet.segment };
            let same = |old: &Seen| {
                (old.client, old.target) == (seen.client, seen.target)
                    && std::mem::discriminant(&old.segment) == std::mem::discriminant(&seen.segment)
            };
            self.flows.retain(|old| !same(old));
            self.flows.push(seen);
        }
    }

    fn outbound(&mut self, packet: &Packet) {
        let packet = &packet.with_length(wire::encode(packet).len() as u32);
        let now = self.quiet_moment();
        let verdict = self.director.outbound(packet, now);
        self.log.push(format!("out {} -> {} {:?}: {verdict:?}", packet.source, packet.destination, packet.segment));
        let sent = self.world.exchange(packet, true);
        let expected = match verdict {
            Verdict::Reply { source } => source,
            _ => packet.source,
        };
        match sent[..] {
            [Sent::Transport { source, destination, .. }]
                if source == expected && destination == packet.destination =>
            {
                self.counts.answered += 1;
            }
            [Sent::Ipsec { source, destination }]
                if source == expected.addr && destination == packet.destination.addr =>
            {
                self.counts.answered += 1;
            }
            _ => self.fail(&format!("the kernel sent {sent:?}")),
        }
    }

    fn sysctl(&mut self, name: &'static str, value: u32) {
        self.log.push(format!("{name} = {value}"));
        self.world.set_ipvs(name, value);
        let on = value != 0;
        let sysctls = self.director.sysctls_mut();
        match name {
            "expire_nodest_conn" => sysctls.expire_nodest_conn = if on { ExpireNodest::On } else { ExpireNodest::Off },
            "conn_reuse_mode" => {
                sysctls.conn_reuse_mode = match value {
                    0 => ReuseMode::Keep,
                    1 => ReuseMode::Reschedule,
                    _ => ReuseMode::RescheduleHalfSeen,
                }
            }
            "expire_quiescent_template" => {
                sysctls.expire_quiescent_template =
                    if on { QuiescentTemplates::Expire } else { QuiescentTemplates::Keep }
            }
            "sloppy_tcp" => sysctls.sloppy_tcp = if on { Sloppy::On } else { Sloppy::Off },
            "sloppy_sctp" => sysctls.sloppy_sctp = if on { Sloppy::On } else { Sloppy::Off },
            "cache_bypass" => sysctls.cache_bypass = if on { CacheBypass::On } else { CacheBypass::Off },
            "secure_tcp" => sysctls.secure_tcp = if on { SecureTcp::On } else { SecureTcp::Off },
            other => panic!("unknown sysctl {other}"),
        }
    }

    /// Waits until what was told to end now has ended on both sides.
    fn settle(&mut self) {
        let soon = self.now() + TICKS;
        if self.director.next_event().is_some_and(|event| event < soon) {
            wait();
            self.compare_connections();
        }
    }

    fn compare_counters(&mut self) {
        for key in self.services.clone() {
            let Ok(status) = self.director.service(&key) else { continue };
            let ours: Vec<Row> = status
                .destinations
                .iter()
                .map(|row| Row {
                    endpoint: row.destination.endpoint,
                    weight: row.destination.weight.get(),
                    counts: row.counts,
                    // Compared apart: the kernel shows them late.
                    statistics: Statistics::default(),
                })
                .collect();
            let mut kernels = self.world.netlink.rows(&key).unwrap();
            kernels.iter_mut().for_each(|row| row.statistics = Statistics::default());
            if ours != kernels && self.retries > 0 {
                // A timer may have ended on one side only, by a few milliseconds.
                self.retries -= 1;
                self.compare_connections();
                return self.compare_counters();
            }
            if ours != kernels {
                self.fail(&format!("counters of {key}\n  director {ours:?}\n  kernel   {kernels:?}"));
            }
        }
    }

    /// The kernel may take its time to end what is to end: it is asked again for two seconds.
    fn compare_connections(&mut self) {
        for _ in 0..50 {
            if self.differing_connections().is_none() {
                return;
            }
            match self.pace {
                Pace::Quick | Pace::Timed => wait(),
                // A kernel's timer may be late by an eighth.
                Pace::Long => std::thread::sleep(Duration::from_secs(1)),
            }
        }
        if let Some(difference) = self.differing_connections() {
            self.fail(&difference);
        }
    }

    fn differing_connections(&mut self) -> Option<String> {
        let now = self.now();
        self.director.advance(now);
        let mut ours = BTreeMap::<String, Vec<u64>>::new();
        for connection in self.director.connections() {
            let line = connection.to_string();
            let identity = line.rsplit_once(' ').unwrap().0.trim_end().to_owned();
            ours.entry(identity).or_default().push(connection.remaining.as_secs());
        }
        ours.values_mut().for_each(|expires| expires.sort_unstable());
        let number = self.number;
        let prefix = match self.services[0].family() {
            Family::Inet => format!("0C{number:04X}"),
            Family::Inet6 => format!("fd00:0001:{number:04x}:"),
        };
        let kernels = self
            .world
            .connections(|line| line.split_whitespace().nth(1).is_some_and(|client| client.starts_with(&prefix)));
        self.counts.connections = self.counts.connections.max(kernels.len());
        let tolerance = if self.pace == Pace::Long { 40 } else { 1 };
        let agree = ours.len() == kernels.len()
            && ours.iter().zip(&kernels).all(|(ours, kernels)| {
                let close = |(ours, kernels): (&u64, &u64)| ours.abs_diff(*kernels) <= tolerance;
                ours.0 == kernels.0 && ours.1.len() == kernels.1.len() && ours.1.iter().zip(kernels.1).all(close)
            });
        (!agree).then(|| format!("connections\n  director {ours:#?}\n  kernel   {kernels:#?}"))
    }

    fn fail(&self, why: &str) -> ! {
        let log = self.log.join("\n");
        panic!("scenario {} (LVS_ONLY={0}):\n{log}\n{why}", self.number);
    }
}

/// What was played, so that a run that exercises nothing is noticed.
#[derive(Debug, Default, Clone)]
pub(crate) struct Tally {
    scenarios: usize,
    steps: usize,
    changes: usize,
    forwarded: usize,
    answered: usize,
    refused: usize,
    dropped: usize,
    passed: usize,
    connections: usize,
    followed: usize,
    bypassed: usize,
}

impl Tally {
    pub(crate) fn add(&mut self, play: &Play<'_>) {
        self.scenarios += 1;
        self.steps += play.counts.steps;
        self.changes += play.counts.changes;
        self.forwarded += play.counts.forwarded;
        self.answered += play.counts.answered;
        self.refused += play.counts.refused;
        self.dropped += play.counts.dropped;
        self.passed += play.counts.passed;
        self.connections += play.counts.connections;
        self.followed += play.counts.followed;
        self.bypassed += play.counts.bypassed;
    }

    /// A run of some length has seen every kind of answer.
    pub(crate) fn is_telling(&self) -> bool {
        self.scenarios < 50
            || [
                self.forwarded,
                self.answered,
                self.refused,
                self.dropped,
                self.passed,
                self.connections,
                self.followed,
                self.bypassed,
            ]
            .into_iter()
            .all(|count| count > self.scenarios / 50)
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} scenarios agree: {} steps, {} changes; packets: {} forwarded, {} answers, {} refused, {} dropped, {} passed, {} IPsec, {} bypassed; \
             {} connections compared",
            self.scenarios,
            self.steps,
            self.changes,
            self.forwarded,
            self.answered,
            self.refused,
            self.dropped,
            self.passed,
            self.followed,
            self.bypassed,
            self.connections
        )
    }
}
