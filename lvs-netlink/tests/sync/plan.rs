//! Plans as data: what they contain, in which order, and that doing them leads where they promise.

use crate::tables::{farm, ours, sorted, tables, union};
use lvs_model::{Change, SchedulerName, Service, ServiceKey, ServiceStatus, Table, VirtualServer};
use lvs_netlink::fake::Kernel;
use lvs_netlink::sync::{Cost, Doubt, Plan, PlanError, Purpose, Scope, Snapshot};
use proptest::prelude::*;
use std::collections::HashSet;

fn do_steps(kernel: &Kernel, plan: &Plan) {
    for step in plan.steps() {
        kernel.change(&step.change).unwrap_or_else(|refusal| panic!("{step}: {refusal}"));
    }
}

/// The order that a plan promises, told by the step's place among the phases.
fn phase(plan: &Plan, before: &Snapshot, at: usize) -> u8 {
    let change = &plan.steps()[at].change;
    let new = before.service(change.service()).is_none();
    match (change, plan.steps()[at].purpose) {
        (_, _) if new => 0,
        (Change::EditService { .. }, _) => 1,
        (Change::AddDestination { .. }, _) => 2,
        (Change::EditDestination { .. }, Purpose::Edit) => 3,
        (Change::EditDestination { .. }, _) => 4,
        (Change::RemoveDestination { .. }, _) => 5,
        (Change::RemoveService(_), _) => 7,
        (Change::AddService(_), _) => panic!("a service is added that was there"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn doing_a_plan_leads_to_the_desired_table_and_leaves_the_others_alone((old, new, theirs) in tables()) {
        let kernel = Kernel::new();
        kernel.load(&union(&old, &theirs)).unwrap();
        let before = Snapshot::new(kernel.services());
        let plan = Plan::new(&before, &new, &ours()).unwrap();
        prop_assert!(plan.steps().iter().all(|step| ours().contains(step.change.service())));
        do_steps(&kernel, &plan);
        prop_assert_eq!(sorted(&kernel.table()), sorted(&union(&new, &theirs)));
        let again = Plan::new(&Snapshot::new(kernel.services()), &new, &ours()).unwrap();
        prop_assert!(again.is_empty() && again.waiting().is_empty() && again.withheld().is_empty());
    }

    #[test]
    fn a_plan_is_as_small_as_the_difference_of_the_tables((old, new, _) in tables()) {
        let kernel = Kernel::new();
        kernel.load(&old).unwrap();
        let plan = Plan::new(&Snapshot::new(kernel.services()), &new, &Scope::everything()).unwrap();
        let tricks = plan.steps().iter().filter(|s| s.purpose == Purpose::Schedule && old.get(s.change.service()).is_none());
        prop_assert_eq!(plan.len() - tricks.count(), old.difference(&new).len());
    }

    #[test]
    fn the_phases_come_in_order_and_every_new_service_in_one_piece((old, new, _) in tables()) {
        let kernel = Kernel::new();
        kernel.load(&old).unwrap();
        let before = Snapshot::new(kernel.services());
        let plan = Plan::new(&before, &new, &Scope::everything()).unwrap();
        let starts_late = |change: &Change| matches!(change, Change::EditService { from, to }
            if from.scheduler() != to.scheduler() && matches!(to.scheduler(), SchedulerName::Mh | SchedulerName::Wrr));
        let mut last = 0;
        for at in 0..plan.len() {
            let late = phase(&plan, &before, at) == 1 && starts_late(&plan.steps()[at].change);
            let now = if late { 6 } else { phase(&plan, &before, at) };
            prop_assert!(last <= now, "step {} of\n{}", at, plan);
            last = now;
        }
        let mut done = HashSet::new();
        let mut current = None;
        for step in plan.steps().iter().filter(|step| before.service(step.change.service()).is_none()) {
            if current != Some(*step.change.service()) {
                prop_assert!(done.insert(*step.change.service()), "a new service was left and come back to:\n{}", plan);
                current = Some(*step.change.service());
            }
        }
    }

    #[test]
    fn a_doubtful_snapshot_removes_nothing((old, new, theirs) in tables()) {
        let kernel = Kernel::new();
        kernel.load(&union(&old, &theirs)).unwrap();
        let sure = Snapshot::new(kernel.services());
        let doubtful = sure.clone().doubted(Doubt::ServicesChanged);
        let full = Plan::new(&sure, &new, &ours()).unwrap();
        let careful = Plan::new(&doubtful, &new, &ours()).unwrap();
        let removes = |change: &Change| matches!(change, Change::RemoveService(_) | Change::RemoveDestination { .. });
        prop_assert!(careful.steps().iter().all(|step| !removes(&step.change)));
        prop_assert_eq!(full.len(), careful.len() + careful.withheld().len());
        prop_assert!(careful.withheld().iter().all(removes));
    }

    #[cfg(feature = "serde")]
    #[test]
    fn a_plan_survives_json((old, new, _) in tables()) {
        let kernel = Kernel::new();
        kernel.load(&old).unwrap();
        let plan = Plan::new(&Snapshot::new(kernel.services()), &new, &Scope::everything()).unwrap();
        let text = serde_json::to_string(&plan).unwrap();
        prop_assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), plan);
    }
}

#[test]
fn a_wanted_service_outside_the_scope_is_an_error() {
    let web: ServiceKey = "tcp 10.0.0.1:80".parse().unwrap();
    let desired = Table::from_iter([VirtualServer::new(Service::new(web, SchedulerName::Rr))]);
    let error = Plan::new(&Snapshot::new(Vec::new()), &desired, &Scope::keys([])).unwrap_err();
    assert_eq!(error, PlanError::OutOfScope(web));
    assert!(error.to_string().contains("tcp 10.0.0.1:80"));
}

#[test]
fn a_new_maglev_service_gets_its_scheduler_when_its_destinations_are_there() {
    let desired = Table::from_iter([farm("tcp 10.0.0.1:80", SchedulerName::Mh, 17)]);
    let plan = Plan::new(&Snapshot::new(Vec::new()), &desired, &Scope::everything()).unwrap();
    let lines: Vec<String> = plan.to_string().lines().map(Into::into).collect();
    assert_eq!(lines.len(), 19);
    assert_eq!(lines[0], "-A -t 10.0.0.1:80 -s none");
    assert_eq!(lines[1], "-a -t 10.0.0.1:80 -r 10.16.0.0:8080 -m -w 1");
    assert_eq!(lines[18], "-E -t 10.0.0.1:80 -s mh");
    assert_eq!(plan.scheduler_changes(), 0, "no old scheduler has to be waited for");

    let kernel = Kernel::new();
    do_steps(&kernel, &plan);
    assert_eq!(kernel.table(), desired);
    assert_eq!(kernel.scheduler_changes(), 0);

    let few = Table::from_iter([farm("tcp 10.0.0.1:80", SchedulerName::Mh, 16)]);
    let plan = Plan::new(&Snapshot::new(Vec::new()), &few, &Scope::everything()).unwrap();
    assert_eq!(plan.len(), 17);
}

#[test]
fn a_maglev_service_that_was_left_half_made_is_completed_before_it_is_started() {
    let kernel = Kernel::new();
    kernel.load(&Table::from_iter([farm("tcp 10.0.0.1:80", SchedulerName::None, 9)])).unwrap();
    let desired = Table::from_iter([farm("tcp 10.0.0.1:80", SchedulerName::Mh, 20)]);
    let plan = Plan::new(&Snapshot::new(kernel.services()), &desired, &Scope::everything()).unwrap();
    assert_eq!(plan.len(), 12);
    assert_eq!(plan.steps()[11].purpose, Purpose::Schedule);
    assert_eq!(plan.dear().count(), 0);
    do_steps(&kernel, &plan);
    assert_eq!(kernel.table(), desired);
}

#[test]
fn dear_steps_are_marked_and_counted() {
    let kernel = Kernel::new();
    let held = [
        farm("tcp 10.0.0.1:80", SchedulerName::Rr, 3),
        farm("tcp 10.0.0.2:80", SchedulerName::Mh, 30),
        farm("tcp 10.0.0.3:80", SchedulerName::Mh, 3),
    ];
    kernel.load(&Table::from_iter(held)).unwrap();
    let wanted = [
        farm("tcp 10.0.0.1:80", SchedulerName::Wlc, 3),
        farm("tcp 10.0.0.2:80", SchedulerName::Mh, 32),
        farm("tcp 10.0.0.3:80", SchedulerName::Mh, 4),
    ];
    let plan =
        Plan::new(&Snapshot::new(kernel.services()), &wanted.into_iter().collect(), &Scope::everything()).unwrap();
    let costs: Vec<Cost> = plan.steps().iter().map(|step| step.cost).collect();
    assert_eq!(costs, [Cost::GracePeriod, Cost::Rebuild, Cost::Rebuild, Cost::Usual]);
    assert_eq!((plan.dear().count(), plan.scheduler_changes()), (3, 1));
    do_steps(&kernel, &plan);
    assert_eq!(kernel.scheduler_changes(), 1);
    assert_eq!(
        format!("{plan:#}").lines().next(),
        Some("-E -t 10.0.0.1:80 -s wlc  # exchanges the scheduler: holds up every IPVS command for 12 to 20 ms")
    );
}

#[test]
fn additions_come_before_removals() {
    let kernel = Kernel::new();
    let mut held = farm("tcp 10.0.0.1:80", SchedulerName::Rr, 2);
    kernel.load(&Table::from_iter([held.clone()])).unwrap();
    let first = held.destinations()[0].endpoint;
    held.remove(first);
    let mut replacement = held.destinations()[0];
    replacement.endpoint.port = 9090;
    held.insert(replacement).unwrap();
    let plan = Plan::new(&Snapshot::new(kernel.services()), &Table::from_iter([held]), &Scope::everything()).unwrap();
    assert_eq!(plan.to_string(), "-a -t 10.0.0.1:80 -r 10.16.0.1:9090 -m -w 1\n-d -t 10.0.0.1:80 -r 10.16.0.0:8080\n");
}

#[test]
fn what_comes_twice_makes_a_snapshot_doubtful() {
    let kernel = Kernel::new();
    kernel.load(&Table::from_iter([farm("tcp 10.0.0.1:80", SchedulerName::Rr, 20)])).unwrap();
    let mut services = kernel.services();
    assert!(Snapshot::new(services.clone()).is_verified());
    let copy = services[0].destinations[3];
    services[0].destinations.push(copy);
    assert!(!Snapshot::new(services.clone()).is_verified());
    services[0].destinations.truncate(5);
    services[0].destinations.push(copy);
    services[0].destinations.push(copy);
    assert!(!Snapshot::new(services.clone()).is_verified());
    services[0].destinations.clear();
    let copy = services[0].clone();
    services.push(copy);
    assert!(!Snapshot::new(services).is_verified());
}

#[test]
fn planning_takes_time_in_proportion_to_the_tables() {
    // Every destination differs, all in one service: the shape in which a search per destination would show.
    let spent = |destinations: u32, times: u32| {
        let server = farm("tcp 10.0.0.1:80", SchedulerName::Wlc, destinations);
        let mut status = ServiceStatus::from(server.service().clone());
        status.destinations = server.destinations().iter().rev().map(|&held| held.into()).collect();
        let held = Snapshot::new(vec![status]);
        let mut wanted = farm("tcp 10.0.0.1:80", SchedulerName::Wlc, destinations);
        for destination in wanted.destinations().to_vec() {
            wanted.upsert(destination.with_weight(2.into())).unwrap();
        }
        let wanted = Table::from_iter([wanted]);
        let begun = processor_time();
        for _ in 0..times {
            let plan = Plan::new(&held, &wanted, &Scope::everything()).unwrap();
            assert_eq!(plan.len(), usize::try_from(destinations).unwrap());
        }
        processor_time() - begun
    };
    // The same number of destinations in all: linear is 1, quadratic 16.
    let (small, large) = (spent(2_500, 160), spent(40_000, 10));
    assert!(large < small * 5, "{small} ns for 160 plans of 2,500 and {large} ns for 10 of 40,000");
}

/// Nanoseconds that this thread has run, whatever else the machine does; told to the scheduler's tick.
fn processor_time() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse().unwrap()
}
