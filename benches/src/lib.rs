//! Measurements of the lvs crates beside their rivals. Not published.


pub mod contest;
pub mod paired;
pub mod pools;
#[cfg(feature = "rivals")]
pub mod rivals;
