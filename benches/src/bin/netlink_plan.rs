//! Planning the difference of two tables: milliseconds, and what a destination costs as the tables grow.
//!
//! `cargo run --release -p lvs-benches --bin netlink_plan`. It exits with 1 if the goal is missed: 100 ms for 100,000 destinations.

use std::{
    hint::black_box,
    net::Ipv4Addr,
    process::ExitCode,
    time::{Duration, Instant},
};

use lvs_model::{Destination, Endpoint, SchedulerName, Service, ServiceKey, ServiceStatus, Table, VirtualServer};
use lvs_netlink::sync::{Plan, Scope, Snapshot};

const ROUNDS: usize = 9;
const SIZES: [u32; 3] = [1_000, 10_000, 100_000];
const GOAL: Duration = Duration::from_millis(100);

/// What the kernel holds, and what it is to hold.
struct Shape {
    name: &'static str,
    /// How many destinations a service has; `None`: there is one service.
    each: Option<u32>,
    /// Which destinations of the second table are those of the first, changed, or others.
    wanted: fn(u32) -> Wanted,
}

enum Wanted {
    Same,
    Changed,
    Other,
}

const SHAPES: [Shape; 3] = [
    Shape { name: "one service, each destination changed", each: None, wanted: |_| Wanted::Changed },
    Shape { name: "two destinations a service, all others", each: Some(2), wanted: |_| Wanted::Other },
    Shape {
        name: "ten destinations a service, one of ten changed, one another",
        each: Some(10),
        wanted: |at| match at % 10 {
            0 => Wanted::Changed,
            1 => Wanted::Other,
            _ => Wanted::Same,
        },
    },
];

impl Shape {
    fn table(&self, n: u32, destination: impl Fn(u32) -> Destination) -> Table {
        let each = self.each.unwrap_or(n);
        let service = |at: u32| {
            let addr = Ipv4Addr::from_bits(0x0a00_0000 + at);
            let key = ServiceKey::tcp(Endpoint::new(addr.into(), 80));
            let mut server = VirtualServer::new(Service::new(key, SchedulerName::Wlc));
            for at in at * each..(at + 1) * each {
                server.insert(destination(at)).expect("each once");
            }
            server
        };
        (0..n / each).map(service).collect()
    }

    fn measure(&self, n: u32) -> (usize, Duration) {
        let plain = |at: u32| Destination::new(Endpoint::new(Ipv4Addr::from_bits(0xac10_0000 + at).into(), 80));
        let held = self.table(n, plain);
        let wanted = self.table(n, |at| match (self.wanted)(at) {
            Wanted::Same => plain(at),
            Wanted::Changed => plain(at).with_weight(2.into()),
            Wanted::Other => plain(at + n),
        });
        let status = |server: &VirtualServer| {
            let mut status = ServiceStatus::from(server.service().clone());
            status.destinations = server.destinations().iter().rev().map(|&held| held.into()).collect();
            status
        };
        let held = Snapshot::new(held.iter().map(status).collect());
        let (scope, mut steps, mut best) = (Scope::everything(), 0, Duration::MAX);
        for _ in 0..ROUNDS {
            let begin = Instant::now();
            let plan = black_box(Plan::new(&held, &wanted, &scope).expect("a plan"));
            best = best.min(begin.elapsed());
            steps = plan.len();
        }
        (steps, best)
    }
}

fn main() -> ExitCode {
    let mut missed = false;
    for shape in SHAPES {
        println!("{}", shape.name);
        for n in SIZES {
            let (steps, time) = shape.measure(n);
            missed |= time > GOAL;
            let each = time.as_nanos() / u128::from(n);
            let verdict = if time > GOAL { "   MISSED: 100 ms" } else { "" };
            println!("{n:>9} destinations {steps:>8} steps {time:>9.1?}, {each} ns a destination{verdict}");
        }
    }
    if missed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
