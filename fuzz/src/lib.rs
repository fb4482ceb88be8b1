//! The bodies of the fuzz targets, as plain functions of bytes.
//!
//! `fuzz_targets/NAME.rs` hands each to libFuzzer; `tests/corpus.rs` replays `corpus/NAME/` through it as an ordinary
//! test. A body panics when a promise of a crate is broken.

pub mod ipvsadm;
pub mod keepalived;
pub mod model;
pub mod netlink;

/// This is a fuzz target: its name, which is also that of its corpus, and its body.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: &[Target] = &[
    ("ipvsadm_edit", ipvsadm::edit),
    ("ipvsadm_rules", ipvsadm::rules),
    ("keepalived_bytes", keepalived::bytes),
    ("keepalived_canonical", keepalived::canonical_twice),
    ("keepalived_edit", keepalived::edit),
    ("keepalived_lower", keepalived::lower),
    ("model_text", model::text),
    ("netlink_client", netlink::client),
    ("netlink_datagram", netlink::datagram),
];
