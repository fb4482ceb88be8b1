//! Measurements of the lvs crates beside their rivals. Not published.


pub mod paired;
pub mod pools;
