//! What the tests of the ipvsadm half share.
#![allow(dead_code, reason = "each test program uses a part")]

pub(crate) mod generate;

use std::path::PathBuf;

use lvs_config::ipvsadm::{Mode, NameTable, Reader, Reading};

/// The tables of `generated-ipvs`.
pub(crate) const TABLES: &[&str] = &[
    "all-schedulers",
    "basic-tcp",
    "basic-udp",
    "empty",
    "fwmark",
    "fwmark-big",
    "ipv6",
    "ipv6-compress",
    "local-node",
    "names",
    "ops",
    "pe-sip",
    "persistence",
    "ports-edge",
    "sched-flags",
    "sctp",
    "sort-order",
    "thresholds",
    "tunnel-mixed-family",
    "tunnels",
    "weights",
];

/// The folder of the recorded tables.
pub(crate) fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/generated-ipvs")
}

/// The hosts and services of the machine on which the tables were recorded, as far as they occur.
pub(crate) fn names() -> NameTable {
    NameTable::new()
        .with_hosts(
            "127.0.0.1 localhost\n::1 localhost6\n192.0.2.10 vip.example.com\n192.0.2.11 rs1.example.com rs1\n\
             192.0.2.12 rs2.example.com rs2\n2001:db8::10 vip6.example.com\n",
        )
        .with_services(
            "tcpmux 1/tcp\necho 7/tcp\ndiscard 9/tcp\ndomain 53/tcp\ndomain 53/udp\nfinger 79/tcp\nhttp 80/tcp www\n\
             https 443/tcp\nsip 5060/tcp\nsip 5060/udp\nhttp-alt 8080/tcp\ntproxy 8081/tcp\n",
        )
}

/// One recorded view.
pub(crate) fn recorded(name: &str, view: &str) -> String {
    let path = folder().join(format!("{name}.{view}"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The table of the recorded commands.
pub(crate) fn commands(name: &str) -> Reading {
    let reading = Reader::new(Mode::Strict).with_names(&names()).read(recorded(name, "cmds"));
    assert_eq!(reading.errors().count(), 0, "{name}: {:?}", reading.diagnostics);
    reading
}

/// The collection of real files: `LVS_CORPUS`, else the shared one beside the workspace, if it is there.
pub(crate) fn corpus() -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os("LVS_CORPUS") {
        return Some(folder.into());
    }
    let shared = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus");
    shared.join("index.json").is_file().then_some(shared)
}
