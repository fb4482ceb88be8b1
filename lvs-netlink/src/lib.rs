//! Read, plan and apply the kernel's IPVS tables over generic netlink.
//!
//! [`Client`] does one thing at a time, [`sync`] brings the kernel to a desired table within a scope. Both speak the types of `lvs-model`,
//! so that what a parser or a scheduler of this family gives needs no conversion. The README shows both.
//!
//! ```no_run
//! use lvs_netlink::Client;
//!
//! let table = Client::connect()?.table()?;
//! print!("{table}"); // as `ipvsadm -Sn` would, in the order in which things were added
//! # Ok::<(), lvs_netlink::Error>(())
//! ```
//!
//! | feature | adds |
//! |---|---|
//! | `serde` | `Serialize` and `Deserialize` for plans and what they are made of |
//! | `test-util` | `fake`, a kernel in memory that speaks the same bytes |
//! | `tokio` | `AsyncClient`, the client on a worker thread |

mod client;
mod errno;
#[cfg(feature = "test-util")]
pub mod fake;
pub mod metrics;
pub mod preflight;
pub mod proc;
mod socket;
pub mod sync;
pub mod sysctl;
mod transport;
pub mod wire;
#[cfg(feature = "tokio")]
mod worker;

pub use client::{Acknowledgement, Client, Error, ErrorKind, Object, Operation, Upserted};
pub use errno::Errno;
pub use socket::{GivenDescriptor, Kernel};
pub use transport::{Connector, SocketRole, Transport};
#[cfg(feature = "tokio")]
pub use worker::AsyncClient;

#[cfg(all(doctest, feature = "test-util"))]
#[doc = include_str!("../README.md")]
mod readme {}
