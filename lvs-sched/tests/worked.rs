//! The worked examples of the specification, all observed on kernels.

use std::collections::HashMap;

use lvs_model::{Destination, Endpoint, Family, Protocol, SchedulerFlags, Weight};
use lvs_sched::algo::{AnyScheduler, DestinationId, Flow, Random, Scheduled, Settings};

struct Service {
    scheduled: Scheduled<AnyScheduler>,
    letters: HashMap<DestinationId, char>,
    random: Random,
}

impl Service {
    /// A, B, C .. with these weights, added in this order.
    fn new(scheduler: &str, family: Family, weights: &[u32]) -> Self {
        let scheduler = AnyScheduler::named(scheduler.parse().unwrap()).unwrap();
        let mut service = Self {
            scheduled: Scheduled::new(scheduler, family, Settings::default()),
            letters: HashMap::new(),
            random: Random::seeded(1),
        };
        for (at, &weight) in weights.iter().enumerate() {
            let endpoint = match family {
                Family::Inet => format!("10.8.0.{}:8080", at + 1),
                Family::Inet6 => format!("[fd00:8::{}]:8080", at + 1),
            };
            let destination = Destination::new(endpoint.parse().unwrap()).with_weight(Weight::new(weight).unwrap());
            let id = service.scheduled.add(&destination);
            service.letters.insert(id, char::from(b'A' + at as u8));
        }
        service
    }

    fn pick(&mut self, flow: &Flow) -> char {
        self.scheduled.pick(flow, &mut self.random).map_or('-', |id| self.letters[&id])
    }

    /// Picks for so many connections that are left open.
    fn open(&mut self, count: usize, protocol: Protocol) -> String {
        let flow = Flow { protocol, ..Flow::default() };
        self.place((0..count).map(|_| flow).collect())
    }

    fn place(&mut self, flows: Vec<Flow>) -> String {
        flows.into_iter().map(|flow| self.place_one(&flow)).collect()
    }

    fn place_one(&mut self, flow: &Flow) -> char {
        let Some(id) = self.scheduled.pick(flow, &mut self.random) else { return '-' };
        match flow.protocol {
            Protocol::TCP => self.scheduled.bind_active(id),
            _ => self.scheduled.bind(id),
        };
        self.letters[&id]
    }
}

fn clients(prefix: &str) -> Vec<Flow> {
    (1..=8)
        .map(|host| Flow {
            client: Endpoint::new(format!("{prefix}{host}").parse().unwrap(), 40_000),
            ..Flow::default()
        })
        .collect()
}

fn targets(addrs: &[&str]) -> Vec<Flow> {
    addrs.iter().map(|addr| Flow { target: Endpoint::new(addr.parse().unwrap(), 80), ..Flow::default() }).collect()
}

#[test]
fn connections_left_open() {
    let sequences = [
        ("rr", "CBACBACBA"),
        ("wrr", "CBAABACBACBAABACBA"),
        ("lc", "CBACBACBACBACBACBA"),
        ("wlc", "CBAABCABACBAABCABA"),
        ("sed", "ABCABACBAABCABACBA"),
        ("nq", "CBAABACBAABCABACBA"),
        ("fo", "AAAAAAAAA"),
        ("ovf", "AAAAABBBBCCC-"),
    ];
    for (name, expected) in sequences {
        let mut service = Service::new(name, Family::Inet, &[4, 3, 2]);
        assert_eq!(service.open(expected.len(), Protocol::TCP), expected, "{name}");
    }
}

#[test]
fn udp_is_never_active() {
    let sequences = [("wlc", "CBAABCABACBAABCABA"), ("sed", "AAAAAAAAA"), ("nq", "CCCCCCCCC"), ("ovf", "AAAAAAAAA")];
    for (name, expected) in sequences {
        let mut service = Service::new(name, Family::Inet, &[4, 3, 2]);
        assert_eq!(service.open(expected.len(), Protocol::UDP), expected, "{name}");
    }
}

#[test]
fn switching_to_wrr_begins_with_the_highest_weight() {
    let mut service = Service::new("rr", Family::Inet, &[4, 3, 2]);
    service.scheduled.replace_scheduler(AnyScheduler::named("wrr".parse().unwrap()).unwrap());
    assert_eq!(service.open(9, Protocol::TCP), "ABACBACBA");
}

#[test]
fn hashes_decide() {
    let dh: Vec<String> = (1..=8).map(|i| format!("10.9.0.{i}")).collect();
    let dh: Vec<&str> = dh.iter().map(String::as_str).collect();
    assert_eq!(Service::new("dh", Family::Inet, &[1, 1, 1]).place(targets(&dh)), "ACBABCCA");
    assert_eq!(Service::new("sh", Family::Inet, &[1, 1]).place(clients("10.0.0.")), "AAAABBBB");
    assert_eq!(Service::new("sh", Family::Inet6, &[1, 1]).place(clients("fd00:1::")), "ABBABAAA");
    assert_eq!(Service::new("mh", Family::Inet, &[1, 1]).place(clients("10.0.0.")), "BBBABBBA");
    assert_eq!(Service::new("mh", Family::Inet6, &[1, 1]).place(clients("fd00:1::")), "AABABAAB");
}

#[test]
fn ports_count_under_the_port_flag() {
    // Slots 203 143 82 22: odd ones are A's.
    let mut service = Service::new("sh", Family::Inet, &[1, 1]);
    service.scheduled.set_flags(SchedulerFlags::PORT);
    let mut flows = clients("10.0.0.");
    flows.truncate(4);
    for (flow, port) in flows.iter_mut().zip(40_000..) {
        flow.client.port = port;
    }
    let picks: String = flows.iter().map(|flow| service.pick(flow)).collect();
    assert_eq!(picks, "AABB");
}

#[test]
fn addresses_stay_together_until_busy() {
    for name in ["lblc", "lblcr"] {
        let mut service = Service::new(name, Family::Inet, &[2, 2, 2]);
        let flows = targets(&["10.9.0.1", "10.9.0.2"].repeat(6));
        assert_eq!(service.place(flows), "CBCBCBABABAB", "{name}");
    }
}
