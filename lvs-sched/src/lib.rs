//! The Linux Virtual Server (IPVS) schedulers in user space: rr, wrr, lc, wlc, lblc, lblcr, dh, sh, sed, nq, fo, ovf, mh, twos, pick for pick as in the kernel.
#![no_std]
extern crate alloc;
#[cfg(any(feature = "std", test))]
extern crate std;

pub mod algo;
pub mod director;
