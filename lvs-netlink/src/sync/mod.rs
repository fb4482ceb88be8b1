//! From what the kernel holds to what is wanted: look, plan, apply.
//!
//! A [`Snapshot`] says what is there and whether that can be believed. A [`Plan`] is the difference to a desired table, as data: it can be
//! printed, counted, stored and refused before anything is written. Its [`Scope`] says which services are ours; nothing else is touched.
//! [`Plan::apply`] does the steps and tells what became of each. [`Reconciler`] does all of it until nothing is left to do, and [`Drain`] says
//! how destinations leave without breaking connections.
//!
//! ```
//! # #[cfg(feature = "test-util")] {
//! use lvs_model::{SchedulerName, Service, ServiceKey, Table, VirtualServer};
//! use lvs_netlink::sync::{Outcome, Plan, Scope, Snapshot};
//! use lvs_netlink::{Client, fake};
//!
//! let web: ServiceKey = "tcp 10.0.0.1:80".parse()?;
//! let desired = Table::from_iter([VirtualServer::new(Service::new(web, SchedulerName::Mh))]);
//!
//! let mut client = Client::with_connector(fake::Kernel::new())?;
//! let plan = Plan::new(&Snapshot::read(&mut client)?, &desired, &Scope::keys([web]))?;
//! assert_eq!(plan.to_string(), "-A -t 10.0.0.1:80 -s mh\n");
//! assert_eq!(plan.apply(&mut client)?.outcomes(), [Outcome::Done]);
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What can be relied on
//!
//! * **Nothing outside the scope is touched.** A plan has no step for it, and a desired service outside it is an error.
//! * **Nothing is removed on the word of a doubtful snapshot.** Such removals are listed as [withheld](Plan::withheld).
//! * **A second plan is empty**, unless somebody else changed something, a destination drains, or the kernel cannot hold what is wanted.
//! * **No memory is kept.** A program that is killed at any point is continued by the next that looks; drains go on too.
//! * **Another writer does no harm.** What it added first is edited, what it removed first counts as removed, and what it undoes is done again.
//!   Two programs that want different things of the same service go on undoing each other; [`SyncError::Unsettled`] says so.
//! * **Edits keep connections.** What did not change has no step, and an edit keeps counters, connections and the place in the list.
//!
//! # What is not done
//!
//! The order of destinations in an existing service is not compared, since the kernel cannot move one. Timeouts and sync daemons are not part of a table;
//! [`Client`](crate::Client) sets them. A step that the kernel refuses does not undo those before it: there are no transactions.

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
