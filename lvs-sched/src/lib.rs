//! The Linux Virtual Server (IPVS) schedulers in user space: rr, wrr, lc, wlc, lblc, lblcr, dh, sh, sed, nq, fo, ovf, mh, twos, pick for
//! pick as in the kernel.
//!
//! Three storeys, each usable alone:
//!
//! | module | what | for |
//! |---|---|---|
//! | [`algo`] | the schedulers as pure state machines, and the trait for your own | simulators, one owner |
#![cfg_attr(
    feature = "std",
    doc = "| [`pool`] | destinations, a scheduler and connection counting for many threads | proxies, clients of replicated servers |"
)]
//! | [`director`] | IPVS itself without I/O: services, persistence, connection table, timeouts | user-space balancers, tests of configurations |
#![cfg_attr(not(feature = "std"), doc = "\nThe feature `std` adds the module `pool`.")]
#![cfg_attr(
    feature = "std",
    doc = "\nThe quickest way in is [`Pool`]; the README shows it, alone and in an accept loop."
)]
#![no_std]
extern crate alloc;
#[cfg(any(feature = "std", test))]
extern crate std;

pub mod algo;
pub mod director;
#[cfg(feature = "std")]
pub mod pool;

#[cfg(feature = "std")]
pub use pool::{Connection, Pick, Picker, Pool};

#[cfg(all(doctest, feature = "std"))]
#[doc = include_str!("../README.md")]
struct Readme;
