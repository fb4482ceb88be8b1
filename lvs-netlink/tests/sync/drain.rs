//! Draining: weight 0, then removal, with no memory but the kernel's.

use crate::tables::farm;
use lvs_model::{
    ConnectionCounts, Endpoint, Protocol, SchedulerName, ServiceKey, Table, Thresholds, VirtualServer, Weight,
};
use lvs_netlink::fake::Kernel;
use lvs_netlink::sync::{Deadline, Doubt, Drain, Leave, Plan, Purpose, Scope, Snapshot};
use std::time::{Duration, SystemTime};

const BUSY: ConnectionCounts = ConnectionCounts { active: 3, inactive: 1, persistent: 0 };

/// A moment in November 2026.
fn moment() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_160_000)
}

struct World {
    kernel: Kernel,
    key: ServiceKey,
    leaving: Endpoint,
    desired: Table,
    drain: Drain,
}

impl World {
    /// Two destinations, of which the first is not wanted any more and has connections.
    fn new(key: &str, drain: Drain) -> Self {
        let kernel = Kernel::new();
        let mut server = farm(key, SchedulerName::Wlc, 2);
        kernel.load(&Table::from_iter([server.clone()])).unwrap();
        let key = *server.key();
        let leaving = server.destinations()[0].endpoint;
        server.remove(leaving);
        kernel.set_counts(&key, leaving, BUSY).unwrap();
        Self { kernel, key, leaving, desired: Table::from_iter([server]), drain }
    }

    fn plan(&self, now: SystemTime) -> Plan {
        let snapshot = Snapshot::new(self.kernel.services());
        Plan::with_drain(&snapshot, &self.desired, &Scope::everything(), &self.drain, now).unwrap()
    }

    fn step(&self, now: SystemTime) -> Plan {
        let plan = self.plan(now);
        for step in plan.steps() {
            self.kernel.change(&step.change).unwrap();
        }
        plan
    }

    fn held(&self) -> Option<lvs_model::Destination> {
        self.kernel.table().get(&self.key)?.destination(self.leaving).copied()
    }
}

#[test]
fn quiesces_waits_for_the_last_connection_and_removes() {
    let world = World::new("tcp 10.0.0.1:80", Drain::graceful(Deadline::Never));
    let first = world.step(moment());
    assert_eq!(first.to_string(), "-e -t 10.0.0.1:80 -r 10.16.0.0:8080 -m -w 0\n");
    assert_eq!(first.steps()[0].purpose, Purpose::Quiesce);

    let second = world.step(moment() + Duration::from_secs(86_400 * 365));
    assert!(second.is_empty());
    assert_eq!((second.waiting()[0].destination, second.waiting()[0].counts), (world.leaving, BUSY));
    assert_eq!(second.waiting()[0].until, None);
    assert!(format!("{second:#}").contains("3 active, 1 inactive, 0 persistent"));

    for counts in [
        ConnectionCounts { active: 0, inactive: 1, persistent: 0 },
        ConnectionCounts { active: 0, inactive: 0, persistent: 1 },
    ] {
        world.kernel.set_counts(&world.key, world.leaving, counts).unwrap();
        assert!(world.plan(moment()).is_empty(), "{counts:?} still has to end");
    }
    world.kernel.set_counts(&world.key, world.leaving, ConnectionCounts::default()).unwrap();
    assert_eq!(world.step(moment()).to_string(), "-d -t 10.0.0.1:80 -r 10.16.0.0:8080\n");
    assert_eq!(world.held(), None);
    let last = world.plan(moment());
    assert!(last.is_empty() && last.waiting().is_empty());
}

#[test]
fn an_idle_destination_is_quiesced_before_it_is_removed() {
    // Between a look at the counters and the removal a client may come; after weight 0 none can.
    let world = World::new("tcp 10.0.0.1:80", Drain::graceful(Deadline::Never));
    world.kernel.set_counts(&world.key, world.leaving, ConnectionCounts::default()).unwrap();
    assert_eq!(world.step(moment()).steps()[0].purpose, Purpose::Quiesce);
    assert_eq!(world.step(moment()).steps()[0].purpose, Purpose::Remove);
}

#[test]
fn a_deadline_after_the_beginning_survives_a_restart_in_the_thresholds() {
    let world = World::new("tcp 10.0.0.1:80", Drain::graceful(Deadline::After(Duration::from_secs(600))));
    let _ = world.step(moment());
    let held = world.held().unwrap();
    let mark = u32::try_from(1_795_160_000_u64 + 600 - 1_767_225_600).unwrap();
    assert_eq!((held.weight, held.thresholds), (Weight::ZERO, Thresholds::new(mark, mark).unwrap()));

    // Nothing but the kernel is asked, so any later call may be another process.
    let waits = world.step(moment() + Duration::from_secs(599));
    assert!(waits.is_empty());
    assert_eq!(waits.waiting()[0].until, Some(moment() + Duration::from_secs(600)));
    let removes = world.step(moment() + Duration::from_secs(600));
    assert_eq!(removes.to_string(), "-d -t 10.0.0.1:80 -r 10.16.0.0:8080\n");
}

#[test]
fn a_deadline_that_never_comes_is_no_overflow() {
    for grace in [Duration::MAX, Duration::from_secs(u64::MAX)] {
        let world = World::new("tcp 10.0.0.1:80", Drain::graceful(Deadline::After(grace)));
        assert_eq!(world.step(moment()).len(), 1);
        let mark = world.held().unwrap().thresholds;
        assert_eq!((mark.lower(), mark.upper()), (i32::MAX.unsigned_abs(), i32::MAX.unsigned_abs()));
        let later = world.step(moment() + Duration::from_secs(60 * 365 * 24 * 3600));
        assert!(later.is_empty(), "{later}");
        assert_eq!(later.waiting().len(), 1);
    }
}

#[test]
fn somebody_elses_weight_zero_gets_a_deadline_of_its_own() {
    let world = World::new("tcp 10.0.0.1:80", Drain::graceful(Deadline::After(Duration::from_secs(600))));
    for thresholds in [(0, 0), (5, 5), (2_000_000_000, 2_000_000_000), (27_934_900, 27_934_899)] {
        let mut quiesced = world.held().unwrap().with_weight(Weight::ZERO);
        quiesced.thresholds = Thresholds::new(thresholds.0, thresholds.1).unwrap();
        let change = lvs_model::Change::EditDestination { service: world.key, from: quiesced, to: quiesced };
        world.kernel.change(&change).unwrap();
        let plan = world.step(moment());
        assert_eq!(plan.steps()[0].purpose, Purpose::Quiesce, "{thresholds:?} is no mark of ours");
        assert!(world.plan(moment()).is_empty());
    }
}

#[test]
fn a_shorter_grace_counts_at_once() {
    let mut world = World::new("tcp 10.0.0.1:80", Drain::graceful(Deadline::After(Duration::from_secs(6000))));
    let _ = world.step(moment());
    world.drain = Drain::graceful(Deadline::After(Duration::from_secs(60)));
    let _ = world.step(moment());
    assert!(world.step(moment() + Duration::from_secs(59)).is_empty());
    assert_eq!(world.step(moment() + Duration::from_secs(60)).steps()[0].purpose, Purpose::Remove);
}

#[test]
fn a_fixed_deadline_needs_no_mark() {
    let world = World::new("tcp 10.0.0.1:80", Drain::graceful(Deadline::At(moment() + Duration::from_secs(10))));
    let _ = world.step(moment());
    assert_eq!(world.held().unwrap().thresholds, Thresholds::NONE);
    assert_eq!(world.plan(moment()).waiting()[0].until, Some(moment() + Duration::from_secs(10)));
    assert_eq!(world.step(moment() + Duration::from_secs(10)).steps()[0].purpose, Purpose::Remove);
}

#[test]
fn a_destination_that_is_wanted_again_gets_its_weight_and_thresholds_back() {
    let mut world = World::new("tcp 10.0.0.1:80", Drain::graceful(Deadline::After(Duration::from_secs(600))));
    let _ = world.step(moment());
    world.desired = Table::from_iter([farm("tcp 10.0.0.1:80", SchedulerName::Wlc, 2)]);
    let plan = world.step(moment());
    assert_eq!(plan.to_string(), "-e -t 10.0.0.1:80 -r 10.16.0.0:8080 -m -w 1\n");
    assert_eq!(plan.steps()[0].purpose, Purpose::Edit);
    assert_eq!(world.kernel.table(), world.desired);
}

#[test]
fn a_destination_that_is_wanted_with_weight_zero_stays() {
    let mut world = World::new("tcp 10.0.0.1:80", Drain::graceful(Deadline::After(Duration::ZERO)));
    let mut server: VirtualServer = farm("tcp 10.0.0.1:80", SchedulerName::Wlc, 2);
    let quiesced = server.destinations()[0].with_weight(Weight::ZERO);
    server.upsert(quiesced).unwrap();
    world.desired = Table::from_iter([server]);
    let _ = world.step(moment());
    assert!(world.plan(moment() + Duration::from_secs(86_400)).is_empty());
    assert_eq!(world.held(), Some(quiesced));
}

#[test]
fn udp_and_sctp_leave_at_once_unless_told_otherwise() {
    for key in ["udp 10.0.0.1:53", "sctp 10.0.0.1:5060"] {
        let world = World::new(key, Drain::graceful(Deadline::Never));
        assert_eq!(world.step(moment()).steps()[0].purpose, Purpose::Remove);
    }
    let drain = Drain::graceful(Deadline::Never).with(Protocol::UDP, Leave::WhenIdle(Deadline::Never));
    let world = World::new("udp 10.0.0.1:53", drain);
    assert_eq!(world.step(moment()).steps()[0].purpose, Purpose::Quiesce);
}

#[test]
fn firewall_marks_drain_like_tcp() {
    let world = World::new("fwmark 7", Drain::graceful(Deadline::Never));
    assert_eq!(world.step(moment()).steps()[0].purpose, Purpose::Quiesce);
    let world = World::new("fwmark 7", Drain::graceful(Deadline::Never).with_marked(Leave::AtOnce));
    assert_eq!(world.step(moment()).steps()[0].purpose, Purpose::Remove);
}

#[test]
fn the_removal_of_a_service_wins_over_the_drain_of_its_destinations() {
    let mut world = World::new("tcp 10.0.0.1:80", Drain::graceful(Deadline::Never));
    let _ = world.step(moment());
    world.desired = Table::new();
    assert_eq!(world.step(moment()).to_string(), "-D -t 10.0.0.1:80\n");
    assert!(world.kernel.table().is_empty());
}

#[test]
fn a_doubtful_snapshot_quiesces_but_does_not_remove() {
    let world = World::new("tcp 10.0.0.1:80", Drain::graceful(Deadline::Never));
    let doubtful = || Snapshot::new(world.kernel.services()).doubted(Doubt::Interrupted);
    let plan =
        |drain: &Drain| Plan::with_drain(&doubtful(), &world.desired, &Scope::everything(), drain, moment()).unwrap();
    assert_eq!(plan(&world.drain).steps()[0].purpose, Purpose::Quiesce);
    let at_once = plan(&Drain::at_once());
    assert!(at_once.is_empty());
    assert_eq!(at_once.withheld().len(), 1);
}
