//! What has to be done, as data.

use super::step::{Cost, Step};
use super::{Drain, Scope, Snapshot};
use lvs_model::{Change, ConnectionCounts, Endpoint, ServiceKey, Table};
use std::fmt;
use std::time::SystemTime;

/// This is the list of commands that turn what the kernel holds into what is wanted, within a scope. Making one has no effect.
///
/// Its order keeps traffic going: every new service is completed before the next is begun, then come additions to existing services, edits and
/// the beginnings of drains, and removals last. It prints as ipvsadm rules, one a line.
///
/// A new `mh` or `wrr` service with more than 16 destinations is begun without a scheduler and gets it when the last destination is there, since these
/// go through all destinations with each that comes: with 1,000 this is ten times faster. Until then its clients are refused, as before.
///
/// ```
/// use lvs_model::{Destination, SchedulerName, Service, Table, VirtualServer};
/// use lvs_netlink::sync::{Plan, Scope, Snapshot};
///
/// let mut web = VirtualServer::new(Service::new("tcp 10.0.0.1:80".parse()?, SchedulerName::Wlc));
/// web.insert(Destination::new("10.1.0.1:8080".parse()?))?;
/// let desired = Table::from_iter([web]);
///
/// let empty_kernel = Snapshot::new(Vec::new());
/// let plan = Plan::new(&empty_kernel, &desired, &Scope::everything())?;
/// assert_eq!(plan.to_string(), "-A -t 10.0.0.1:80 -s wlc\n-a -t 10.0.0.1:80 -r 10.1.0.1:8080 -m -w 1\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Planning takes time and memory in proportion to the two tables: tens of milliseconds for 100,000 destinations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[must_use]
pub struct Plan {
    pub(super) steps: Vec<Step>,
    pub(super) waiting: Vec<Waiting>,
    pub(super) withheld: Vec<Change>,
}

/// This is a destination that is not wanted and keeps its place until its connections have ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Waiting {
    /// Its service.
    pub service: ServiceKey,
    /// The destination.
    pub destination: Endpoint,
    /// What it waits for.
    pub counts: ConnectionCounts,
    /// When it is removed whatever it still has; `None` for never.
    pub until: Option<SystemTime>,
}

/// This says why there is no plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// The desired table has a service that the scope does not call ours.
    #[error("service {0} is wanted but outside the scope: add it to the scope, or take it out of the table")]
    OutOfScope(ServiceKey),
}

impl Plan {
    /// Plans the way from a snapshot to the desired table; what is not wanted within the scope is removed at once.
    ///
    /// # Errors
    /// A service in `desired` that `scope` does not contain.
    pub fn new(snapshot: &Snapshot, desired: &Table, scope: &Scope) -> Result<Self, PlanError> {
        Self::with_drain(snapshot, desired, scope, &Drain::at_once(), SystemTime::UNIX_EPOCH)
    }

    /// Plans as [`new`](Self::new) does, but lets destinations leave as `drain` says. `now` is what deadlines are compared with.
    ///
    /// # Errors
    /// A service in `desired` that `scope` does not contain.
    pub fn with_drain(
        snapshot: &Snapshot,
        desired: &Table,
        scope: &Scope,
        drain: &Drain,
        now: SystemTime,
    ) -> Result<Self, PlanError> {
        super::planner::plan(snapshot, desired, scope, drain, now)
    }

    /// The steps in their order.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Whether there is nothing to do now. Destinations may still be [waiting](Self::waiting).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The number of steps.
    #[must_use]
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Destinations that are draining and have nothing done to them now.
    #[must_use]
    pub fn waiting(&self) -> &[Waiting] {
        &self.waiting
    }

    /// Removals that are due but not in the plan, since the snapshot is doubtful.
    #[must_use]
    pub fn withheld(&self) -> &[Change] {
        &self.withheld
    }

    /// The steps that cost the kernel more than the usual few microseconds.
    pub fn dear(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(|step| step.cost != Cost::Usual)
    }

    /// How many running schedulers are exchanged, each of which holds up every IPVS command of the host for 12 to 20 ms.
    #[must_use]
    pub fn scheduler_changes(&self) -> usize {
        self.steps.iter().filter(|step| step.cost == Cost::GracePeriod).count()
    }
}

impl fmt::Display for Plan {
    /// As ipvsadm rules; the alternate form (`{:#}`) adds comments on what is dear, waits or is withheld.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.steps {
            if f.alternate() { writeln!(f, "{step:#}")? } else { writeln!(f, "{step}")? }
        }
        if !f.alternate() {
            return Ok(());
        }
        for Waiting { service, destination, counts, .. } in &self.waiting {
            let ConnectionCounts { active, inactive, persistent } = counts;
            write!(f, "# {destination} of {service} drains: {active} active, {inactive} inactive, ")?;
            writeln!(f, "{persistent} persistent connections left")?;
        }
        for change in &self.withheld {
            writeln!(f, "# withheld, since the snapshot is doubtful: {change}")?;
        }
        Ok(())
    }
}
