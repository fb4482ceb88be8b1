//! Read, plan and apply the kernel's IPVS tables over generic netlink.

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
