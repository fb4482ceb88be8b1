//! Snapshots, plans and their application, against the in-memory kernel.

#![cfg(feature = "test-util")]

mod apply;
mod drain;
mod plan;
mod tables;
