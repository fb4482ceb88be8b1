//! From what the kernel holds to what is wanted: snapshot, plan, apply.

mod deadline;
mod drain;
mod plan;
mod planner;
mod scope;
mod snapshot;
mod step;

pub use deadline::Deadline;
pub use drain::{Drain, Leave};
pub use plan::{Plan, PlanError, Waiting};
pub use scope::Scope;
pub use snapshot::{Consistency, Doubt, Snapshot};
pub use step::{Cost, Purpose, Step};
