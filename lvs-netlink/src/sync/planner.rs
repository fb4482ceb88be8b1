//! The making of a plan: two tables are walked once, and what differs is sorted into the phases in which it is done.

use super::drain::Decision;
use super::plan::{Plan, PlanError, Waiting};
use super::step::{Cost, Purpose, Step};
use super::{Drain, Scope, Snapshot};
use hashbrown::HashMap;
use lvs_model::{
    Change, Destination, DestinationStatus, Endpoint, SchedulerName, Service, ServiceStatus, Table, VirtualServer,
    Weight,
};
use std::time::SystemTime;

/// From so many destinations on, a scheduler that goes through all of them is only started when the last one is there,
/// and lists are hashed instead of walked.
const MANY: usize = 16;

/// The phases of a plan, in the order in which they are done.
#[derive(Default)]
struct Phases {
    /// New services, each complete before the next.
    new: Vec<Step>,
    services: Vec<Step>,
    additions: Vec<Step>,
    edits: Vec<Step>,
    quiesces: Vec<Step>,
    removals: Vec<Step>,
    /// Edits that start a scheduler which is dear to feed: when its destinations are complete.
    late_services: Vec<Step>,
    service_removals: Vec<Step>,
}

impl Phases {
    /// Puts the phases one behind the other; removals only on a snapshot that can be believed.
    fn join(self, plan: &mut Plan, snapshot: &Snapshot) {
        let Self { new, services, additions, edits, quiesces, removals, late_services, service_removals } = self;
        let (mut removals, mut service_removals) = (removals, service_removals);
        if !snapshot.is_verified() {
            let withheld = removals.drain(..).chain(service_removals.drain(..));
            plan.withheld = withheld.map(|step| step.change).collect();
        }
        let rest = [services, additions, edits, quiesces, removals, late_services, service_removals];
        plan.steps = new;
        plan.steps.reserve_exact(rest.iter().map(Vec::len).sum());
        for mut phase in rest {
            plan.steps.append(&mut phase);
        }
    }
}

pub(super) fn plan(
    snapshot: &Snapshot,
    desired: &Table,
    scope: &Scope,
    drain: &Drain,
    now: SystemTime,
) -> Result<Plan, PlanError> {
    let mut phases = Phases::default();
    let mut plan = Plan::default();
    for wanted in desired {
        let key = wanted.key();
        if !scope.contains(key) {
            return Err(PlanError::OutOfScope(*key));
        }
        match snapshot.service(key) {
            None => create(&mut phases.new, wanted),
            Some(status) => {
                edit(&mut phases, status, wanted.service());
                add_and_edit(&mut phases, status, wanted);
                leave(&mut phases, &mut plan.waiting, (status, wanted), drain, now);
            }
        }
    }
    for status in snapshot.services() {
        let key = status.service.key();
        if scope.contains(key) && desired.get(key).is_none() {
            phases.service_removals.push(Step::new(Change::RemoveService(*key), Purpose::Remove));
        }
    }
    phases.join(&mut plan, snapshot);
    Ok(plan)
}

/// The schedulers that go through all destinations whenever one comes, goes or changes.
fn is_dear_to_feed(scheduler: SchedulerName) -> bool {
    matches!(scheduler, SchedulerName::Mh | SchedulerName::Wrr)
}

fn create(steps: &mut Vec<Step>, wanted: &VirtualServer) {
    let service = wanted.service();
    let destinations = wanted.destinations();
    let late = is_dear_to_feed(service.scheduler()) && destinations.len() > MANY;
    let begun = if late { service.clone().with_scheduler(SchedulerName::None) } else { service.clone() };
    steps.push(Step::new(Change::AddService(begun.clone()), Purpose::Add));
    steps.extend(
        destinations.iter().map(|&destination| {
            Step::new(Change::AddDestination { service: *wanted.key(), destination }, Purpose::Add)
        }),
    );
    if late {
        let change = Change::EditService { from: begun, to: service.clone() };
        steps.push(Step::new(change, Purpose::Schedule));
    }
}

fn edit(phases: &mut Phases, status: &ServiceStatus, wanted: &Service) {
    let (from, to) = (&status.service, wanted);
    if from == to {
        return;
    }
    let change = Change::EditService { from: from.clone(), to: to.clone() };
    let exchanged = from.scheduler() != to.scheduler();
    // Where none runs, there is no old one whose readers must be waited for.
    let waits = exchanged && from.scheduler() != SchedulerName::None;
    let cost = if waits { Cost::GracePeriod } else { Cost::Usual };
    let purpose = if exchanged && !waits { Purpose::Schedule } else { Purpose::Edit };
    let step = Step::new(change, purpose).costing(cost);
    if exchanged && is_dear_to_feed(to.scheduler()) {
        phases.late_services.push(step);
    } else {
        phases.services.push(step);
    }
}

/// What one more change of a destination costs in an existing service, whose scheduler runs.
fn feeding(status: &ServiceStatus, wanted: &Service) -> Cost {
    let runs = status.service.scheduler();
    if runs == wanted.scheduler() && is_dear_to_feed(runs) && status.destinations.len() > MANY {
        Cost::Rebuild
    } else {
        Cost::Usual
    }
}

fn add_and_edit(phases: &mut Phases, status: &ServiceStatus, wanted: &VirtualServer) {
    if same_order(status, wanted) {
        return;
    }
    let service = *wanted.key();
    let cost = feeding(status, wanted.service());
    let held = Held::new(&status.destinations);
    for to in wanted.destinations() {
        match held.find(to.endpoint) {
            None => {
                let change = Change::AddDestination { service, destination: *to };
                phases.additions.push(Step::new(change, Purpose::Add).costing(cost));
            }
            Some(from) if from != to => {
                let change = Change::EditDestination { service, from: *from, to: *to };
                phases.edits.push(Step::new(change, Purpose::Edit).costing(cost));
            }
            Some(_) => {}
        }
    }
}

/// The usual case, which needs no search: the kernel's list is the desired one from the end to the beginning.
fn same_order(status: &ServiceStatus, wanted: &VirtualServer) -> bool {
    let held = status.destinations.iter().rev().map(|status| &status.destination);
    held.eq(wanted.destinations())
}

fn leave(
    phases: &mut Phases,
    waiting: &mut Vec<Waiting>,
    (status, wanted): (&ServiceStatus, &VirtualServer),
    drain: &Drain,
    now: SystemTime,
) {
    let service = *wanted.key();
    let cost = feeding(status, wanted.service());
    for status in &status.destinations {
        let from = status.destination;
        if wanted.destination(from.endpoint).is_some() {
            continue;
        }
        match drain.decide(&service, status, now) {
            Decision::Remove => {
                let change = Change::RemoveDestination { service, destination: from.endpoint };
                phases.removals.push(Step::new(change, Purpose::Remove).costing(cost));
            }
            Decision::Quiesce(mark) => {
                let to = from.with_weight(Weight::ZERO).with_thresholds(mark.unwrap_or(from.thresholds));
                let change = Change::EditDestination { service, from, to };
                phases.quiesces.push(Step::new(change, Purpose::Quiesce).costing(cost));
            }
            Decision::Wait(until) => {
                waiting.push(Waiting { service, destination: from.endpoint, counts: status.counts, until });
            }
        }
    }
}

/// The destinations that the kernel holds in one service, to be found by their endpoint.
enum Held<'a> {
    Few(&'a [DestinationStatus]),
    Many(HashMap<Endpoint, &'a Destination>),
}

impl<'a> Held<'a> {
    fn new(destinations: &'a [DestinationStatus]) -> Self {
        if destinations.len() <= MANY {
            return Self::Few(destinations);
        }
        Self::Many(destinations.iter().map(|status| (status.destination.endpoint, &status.destination)).collect())
    }

    fn find(&self, endpoint: Endpoint) -> Option<&'a Destination> {
        match self {
            Self::Few(list) => list.iter().map(|status| &status.destination).find(|held| held.endpoint == endpoint),
            Self::Many(map) => map.get(&endpoint).copied(),
        }
    }
}
