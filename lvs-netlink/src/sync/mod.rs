//! From what the kernel holds to what is wanted: snapshot, plan, apply.

mod apply;
mod deadline;
mod drain;
mod plan;
mod planner;
mod read;
mod reconcile;
mod report;
mod scope;
mod snapshot;
mod step;

pub use deadline::Deadline;
pub use drain::{Drain, Leave};
pub use plan::{Plan, PlanError, Waiting};
pub use reconcile::{Reconciled, Reconciler, SyncError};
pub use report::{Failure, Incomplete, OnFailure, Outcome, Progress, Report};
pub use scope::Scope;
pub use snapshot::{Consistency, Doubt, Snapshot};
pub use step::{Cost, Purpose, Step};
