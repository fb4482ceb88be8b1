//! Again and again until nothing is left to do.

use super::report::{Failure, Incomplete, OnFailure};
use super::{Consistency, Doubt, Drain, Plan, PlanError, Scope, Snapshot, Waiting};
use crate::{Client, Error, ErrorKind};
use lvs_model::Table;
use std::ops::ControlFlow;
use std::time::SystemTime;

/// This brings the kernel to a desired table: it reads, plans and applies until a plan is empty.
///
/// It remembers nothing between two calls, so it may be called once an hour or every second, by one process or by another each time, and may be killed
/// at any point: the next call goes on from what the kernel holds.
///
/// ```
/// # #[cfg(feature = "test-util")] {
/// use lvs_model::{Destination, SchedulerName, Service, Table, VirtualServer};
/// use lvs_netlink::sync::{Deadline, Drain, Reconciler, Scope};
/// use lvs_netlink::{Client, fake};
/// use std::time::{Duration, SystemTime};
///
/// let mut web = VirtualServer::new(Service::new("tcp 10.0.0.1:80".parse()?, SchedulerName::Mh));
/// web.insert(Destination::new("10.1.0.1:8080".parse()?))?;
/// let desired = Table::from_iter([web]);
///
/// let mut client = Client::with_connector(fake::Kernel::new())?;
/// let reconciler = Reconciler::new(Scope::everything())
///     .with_drain(Drain::graceful(Deadline::After(Duration::from_secs(600))));
/// let first = reconciler.reconcile(&mut client, &desired, SystemTime::now())?;
/// assert_eq!(first.steps, 2);
/// let second = reconciler.reconcile(&mut client, &desired, SystemTime::now())?;
/// assert_eq!(second.steps, 0);
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Reconciler {
    scope: Scope,
    drain: Drain,
    rounds: usize,
}

/// This says what a [`Reconciler`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reconciled {
    /// The number of steps that were done. Zero when everything was as wanted.
    pub steps: usize,
    /// How many plans it took, the empty one at the end not counted.
    pub rounds: usize,
    /// Destinations that are draining; they are looked at again in the next call.
    pub waiting: Vec<Waiting>,
}

/// This says why the kernel could not be brought to the desired table.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SyncError {
    /// What the kernel holds could not be read.
    #[error("cannot read what the kernel holds")]
    Read(#[source] Error),
    /// There is no plan.
    #[error("cannot make a plan")]
    Plan(#[source] PlanError),
    /// A plan was not done completely: the kernel refused again what it had refused before, or it was the last round.
    #[error("cannot apply the plan")]
    Apply(#[source] Incomplete),
    /// After all rounds there was still something to do: another program works against this one, or the kernel stores something wanted otherwise
    /// (a persistence timeout beyond 2^32 clock ticks).
    #[error("{} steps are left after {rounds} rounds, the first is `{}`", left.len(), first(left))]
    Unsettled {
        /// How many plans were applied.
        rounds: usize,
        /// What was still to be done.
        left: Box<Plan>,
    },
    /// What the kernel holds was changed by others whenever it was read, to the last round, so it is not known what is left to do.
    #[error("what the kernel holds cannot be told for sure, and {} removals are withheld: {doubt}", plan.withheld().len())]
    Doubtful {
        /// What gave it away.
        doubt: Doubt,
        /// The last plan, with the removals that were [withheld](Plan::withheld).
        plan: Box<Plan>,
    },
}

fn first(plan: &Plan) -> String {
    plan.steps().first().map(ToString::to_string).unwrap_or_default()
}

impl Reconciler {
    /// One for the services in a scope. Destinations leave at once, and there are at most five rounds.
    pub const fn new(scope: Scope) -> Self {
        Self { scope, drain: Drain::at_once(), rounds: 5 }
    }

    /// How destinations leave.
    pub const fn with_drain(mut self, drain: Drain) -> Self {
        self.drain = drain;
        self
    }

    /// How many plans are applied at most, at least one. A plain change takes one, a drain of an idle destination two.
    pub fn with_rounds(mut self, rounds: usize) -> Self {
        self.rounds = rounds.max(1);
        self
    }

    /// Reads, plans and applies until there is nothing to do. `now` is what the deadlines of drains are compared with.
    ///
    /// # Errors
    /// [`SyncError`]. What was done until then stays done.
    pub fn reconcile(&self, client: &mut Client, desired: &Table, now: SystemTime) -> Result<Reconciled, SyncError> {
        let (mut steps, mut rounds, mut failed) = (0, 0, None);
        loop {
            let snapshot = Snapshot::read_within(client, &self.scope).map_err(SyncError::Read)?;
            let plan = Plan::with_drain(&snapshot, desired, &self.scope, &self.drain, now).map_err(SyncError::Plan)?;
            let doubt = match snapshot.consistency() {
                Consistency::Verified => None,
                Consistency::Doubtful(doubt) => Some(doubt),
            };
            if plan.is_empty() && doubt.is_none() {
                return Ok(Reconciled { steps, rounds, waiting: plan.waiting });
            }
            if rounds == self.rounds {
                return Err(match (failed, doubt) {
                    (Some(incomplete), _) => SyncError::Apply(incomplete),
                    (None, Some(doubt)) => SyncError::Doubtful { doubt, plan: Box::new(plan) },
                    (None, None) => SyncError::Unsettled { rounds, left: Box::new(plan) },
                });
            }
            rounds += 1;
            match plan.apply_with(client, OnFailure::Continue, |_| ControlFlow::Continue(())) {
                Ok(report) => {
                    steps += report.outcomes().len();
                    failed = None;
                }
                Err(incomplete) => {
                    let outcomes = incomplete.report().outcomes();
                    let succeeded = outcomes.iter().filter(|outcome| outcome.is_success()).count();
                    steps += succeeded;
                    // A second refusal of all that is left is the kernel's own, unless another program moves what the plan saw.
                    let moved = |failure: &Failure| {
                        use ErrorKind::{DestinationExists, DestinationMissing, ServiceExists, ServiceMissing};
                        matches!(
                            failure.error.kind(),
                            DestinationExists | DestinationMissing | ServiceExists | ServiceMissing
                        )
                    };
                    let others_did_it =
                        incomplete.report().lost.is_none() && incomplete.report().failures().iter().all(moved);
                    if succeeded == 0 && failed.is_some() && !others_did_it {
                        return Err(SyncError::Apply(incomplete));
                    }
                    failed = Some(incomplete);
                }
            }
        }
    }
}
