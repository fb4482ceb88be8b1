//! Rules of ipvsadm become a configuration of keepalived and come back unchanged.

use std::path::Path;

use lvs_config::ipvsadm;
use lvs_config::keepalived::{self, Document, Printer, State, apply};
use lvs_model::Table;

fn generated() -> Vec<(String, Table)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/generated-ipvs");
    let mut out = Vec::new();
    for entry in std::fs::read_dir(folder).expect("generated-ipvs").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if let Some(name) = name.strip_suffix(".save-n") {
            let reading = ipvsadm::read(std::fs::read(entry.path()).unwrap());
            out.push((name.to_owned(), reading.table));
        }
    }
    out.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(out.len(), 21);
    out
}

/// The law: from rules to keepalived and back is the identity on what keepalived can express, and what it cannot is
/// listed. The list is short and reviewed here.
#[test]
fn rules_survive_the_way_to_keepalived_and_back() {
    let mut lossy = String::new();
    for (name, table) in generated() {
        let printed = Printer::new().print(&table);
        let lowered = keepalived::lower(&printed.text);
        let back = lowered.project(&State::AsWritten).table;
        // keepalived wants real servers, but the file can say a service without any.
        let losses: Vec<_> = printed.losses.iter().filter(|l| !l.what.contains("without real servers")).collect();
        for loss in &losses {
            lossy.push_str(&format!("{name}: {loss}\n"));
        }
        for (server, came) in table.iter().zip(back.iter()) {
            if losses.iter().all(|l| l.service != *server.key()) {
                assert_eq!(came, server, "{name}");
            }
        }
        assert_eq!(back.len(), table.len(), "{name}");
        if printed.losses.is_empty() {
            assert_eq!(lowered.table(), table, "{name}");
            let only_weights = lowered.diagnostics.iter().all(|d| d.code == "all-weights-zero");
            assert!(only_weights, "{name}: {}", lowered.report());
            assert_eq!(Printer::new().print(&back).text, printed.text, "{name}");
        }
    }
    assert_eq!(lossy, include_str!("losses.txt"));
}

/// Each table can be turned into each other one by changing a document of the first.
#[test]
fn documents_can_be_made_to_say_other_rules() {
    let tables: Vec<(String, Table)> =
        generated().into_iter().filter(|(_, t)| Printer::new().print(t).losses.is_empty()).collect();
    assert!(tables.len() > 10);
    for (from_name, from) in &tables {
        let document = Document::parse(format!(
            "# kept\nglobal_defs {{\n    router_id x ! kept\n}}\n\n{}",
            Printer::new().print(from).text
        ));
        for (to_name, to) in &tables {
            let applied = apply(&document, to).unwrap_or_else(|e| panic!("{from_name} to {to_name}: {e}"));
            assert!(applied.document.bytes().starts_with(b"# kept\nglobal_defs {\n    router_id x ! kept\n}\n"));
            let reached = keepalived::lower(applied.document.bytes()).table();
            assert!(reached.difference(to).is_empty(), "{from_name} to {to_name}");
            if from_name == to_name {
                assert_eq!(applied.document, document);
            }
        }
    }
}

#[test]
fn the_start_and_a_failure_are_other_rules_than_all_up() {
    let text = "\
virtual_server 10.0.0.1 80 {
    protocol TCP
    lvs_sched rr
    lvs_method NAT
    alpha
    quorum 2
    sorry_server 10.9.0.1 80
    real_server 10.1.0.1 80 {
        TCP_CHECK {
        }
    }
    real_server 10.1.0.2 80 {
        inhibit_on_failure
        TCP_CHECK {
        }
    }
}
";
    let lowered = keepalived::lower(text);
    let rules = |state: &State<'_>| lowered.project(state).table.to_string();
    let up =
        "-A -t 10.0.0.1:80 -s rr\n-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 1\n-a -t 10.0.0.1:80 -r 10.1.0.2:80 -m -w 1\n";
    assert_eq!(rules(&State::AllUp), up);
    let start =
        "-A -t 10.0.0.1:80 -s rr\n-a -t 10.0.0.1:80 -r 10.1.0.2:80 -m -w 0\n-a -t 10.0.0.1:80 -r 10.9.0.1:80 -m -w 1\n";
    assert_eq!(rules(&State::Start), start);
    let only_second = |_: &_, real: &keepalived::RealServer| real.endpoint.to_string() == "10.1.0.2:80";
    assert_eq!(rules(&State::Map(&only_second)), start, "one of two is below the quorum");
}

#[test]
fn groups_become_services() {
    let text = "\
virtual_server_group G {
    10.0.0.254-255 80
    10.2.0.0/31 81
    fwmark 7
}
virtual_server group G {
    protocol TCP
    lvs_sched rr
    lvs_method DR
    real_server 10.1.0.1 {
    }
}
";
    let lowered = keepalived::lower(text);
    assert!(!lowered.has_errors(), "{}", lowered.report());
    let services: Vec<String> =
        lowered.table().iter().map(|s| format!("{} {}", s.key(), s.destinations()[0].endpoint)).collect();
    assert_eq!(
        services,
        [
            "tcp 10.0.0.254:80 10.1.0.1:80",
            "tcp 10.0.0.255:80 10.1.0.1:80",
            "tcp 10.2.0.0:81 10.1.0.1:81",
            "tcp 10.2.0.1:81 10.1.0.1:81",
            "fwmark 7 10.1.0.1:0",
        ]
    );
    let marked = keepalived::lower(format!("global_defs {{\n    nftables_ipvs\n}}\n{text}"));
    let projection = marked.project(&State::AllUp);
    assert_eq!(projection.table.to_string(), "-A -f 1000 -s rr\n-a -f 1000 -r 10.1.0.1:0 -g -w 1\n");
    assert_eq!(projection.diagnostics[0].code, "internal-mark");
}
