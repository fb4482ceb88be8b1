//! Why LVS does not work here: the usual reasons, each with the line that mends it.
//!
//! ```no_run
//! use lvs_model::Table;
//! use lvs_netlink::preflight::{self, ThisSystem};
//!
//! let table: Table = Table::new(); // what is to be balanced
//! for finding in preflight::director(&ThisSystem, &table) {
//!     println!("{finding}");
//! }
//! ```
//!
//! ```text
//! error: 192.0.2.10 is not local to this machine, so packets for it never reach IPVS or the server; remedy: ip addr add 192.0.2.10/32 dev lo
//! ```
//!
//! The checks read files under `/proc`, `/sys` and `/lib/modules` and change nothing. They look through a [`System`], so that they can be tried on a
//! description of another machine. What cannot be read is not found fault with.

mod addresses;
mod director;
mod finding;
mod real_server;
mod system;

pub use director::director;
pub use finding::{Finding, Problem, Severity};
pub use real_server::real_server;
pub use system::{System, ThisSystem};
