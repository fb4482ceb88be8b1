//! Measurements of the lvs crates beside their rivals. Not published.
#![allow(
    clippy::exhaustive_enums,
    clippy::exhaustive_structs,
    clippy::must_use_candidate,
    reason = "an interface between the programs of this folder only"
)]

pub mod contest;
pub mod paired;
pub mod pools;
#[cfg(feature = "rivals")]
pub mod rivals;
