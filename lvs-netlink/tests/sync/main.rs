//! Snapshots, plans and their application, against the in-memory kernel.

#![cfg(feature = "test-util")]

mod apply;
mod drain;
mod plan;
mod tables;

/// What a program may hand from thread to thread.
#[test]
fn plans_and_what_belongs_to_them_cross_threads() {
    use lvs_netlink::{fake, sync};
    fn crosses<T: Send + Sync>() {}
    crosses::<sync::Snapshot>();
    crosses::<sync::Scope>();
    crosses::<sync::Drain>();
    crosses::<sync::Plan>();
    crosses::<sync::Report>();
    crosses::<sync::Incomplete>();
    crosses::<sync::Reconciler>();
    crosses::<sync::SyncError>();
    crosses::<fake::Kernel>();
}
