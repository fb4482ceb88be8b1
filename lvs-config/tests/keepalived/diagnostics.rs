//! The whole text that a person reads for each common mistake.
//!
//! `diagnostics.txt` is reviewed as a diff; `LVS_WRITE=1 cargo test -p lvs-config --all-features --test keepalived` writes it anew.

use std::fmt::Write as _;
use std::path::Path;

use crate::common::own_cases;
use lvs_config::keepalived::{self, MemoryFiles, Options};
use lvs_config::{FileId, Fix, Severity, Source, diff};

/// The text for all own cases with a diagnostic, with what their fixes change.
fn text() -> String {
    let mut out = String::from("# What is said about each file of ../cases, and what the fixes change.\n");
    for case in own_cases() {
        let options = Options::new().with_id("lvs1").with_version("2.2.7");
        let name = format!("{}.conf", case.id.rsplit('/').next().unwrap_or_default());
        let lowered = keepalived::lower_with(Source::new(name, &case.bytes), &mut MemoryFiles::new(), &options);
        if lowered.diagnostics.is_empty() {
            continue;
        }
        let _ = write!(out, "\n==== {}\n{}", case.id, lowered.report());
        for diagnostic in &lowered.diagnostics {
            if let Some(fix) = &diagnostic.fix {
                let fixed = fix.apply(FileId::MAIN, &case.bytes).expect("a fix fits its file");
                let _ = write!(out, "---- {}\n{}", fix.title, visible(&diff(&case.bytes, &fixed)));
            }
        }
    }
    out
}

/// Control characters, and blanks at line ends, as codes: the file is for reading.
fn visible(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let line = if line.chars().count() > 160 {
            line.chars().take(160).chain("…".chars()).collect()
        } else {
            line.to_owned()
        };
        for c in line.chars() {
            match c {
                '\t' => out.push('\t'),
                c if c.is_control() || c == '\u{FEFF}' || c == '\u{A0}' => {
                    out.push_str(&format!("<U+{:04X}>", u32::from(c)));
                }
                c => out.push(c),
            }
        }
        out.push('\n');
    }
    out
}

#[test]
fn the_whole_text_is_as_reviewed() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/keepalived/diagnostics.txt");
    let now = text();
    if std::env::var_os("LVS_WRITE").is_some() {
        std::fs::write(&path, &now).expect("diagnostics.txt");
    }
    let reviewed = std::fs::read_to_string(&path).expect("diagnostics.txt");
    assert!(now == reviewed, "{}", diff(&reviewed, &now));
}

/// Files of one mistake each, beside the own cases.
fn mistakes() -> Vec<(String, Vec<u8>)> {
    const IN_SERVICE: [&str; 16] = [
        "persistence_timeout_50",
        "persistence_timeout50",
        "delay_loop_6",
        "delay_loop10",
        "connect_timeout_3",
        "weight_1",
        "weight_x",
        "retry_3",
        "retry:3",
        "lvs_method_DR",
        "lvs_method_dr",
        "lvs_sched-rr",
        "sorry_server_10.1.0.9 80",
        "quorum_upp /bin/true",
        "quorum #QUORUM",
        "virtualhost a#b",
    ];
    const WHOLE: [&str; 12] = [
        "vrrp_script chk {\n    script /bin/true\n    interval2\n}\n",
        "vrrp_instance_VI_1 {\n    state #STATE#\n    interface eth0\n    virtual_router_id 1\n    priority #PRIORITY#\n    preempt_delay #x\n    virtual_ipaddress {\n        10.0.0.9\n    }\n}\n",
        "virtual_server_groupWEB {\n    10.0.0.1 80\n}\n",
        "virtual_server_group_WEB {\n    10.0.0.1 80\n}\n",
        "virtual_server_10.0.0.1 80 {\n    protocol TCP\n    lvs_sched rr\n    lvs_method DR\n    real_server 10.1.0.1 80 {\n        HTTP_GET {\n            url {\n                path /\n                status_code 200\n            }\n        }\n    }\n}\n",
        "virtual_server10.0.0.1:80 {\n}\n",
        "virtual_server 10.0.0.1 80 {\n    protocol TCP\n    lvs_sched rr\n    lvs_method DR\n    real_server 10.1.0.1 80 {\n        HTTP_GET {\n            url {\n                path /\n                status_code200\n            }\n        }\n    }\n}\n",
        "vrrp_scriptCHK {\n    script /bin/true\n}\n",
        "vrrp_sync_group G1 {\n    group {\n        VI_1\n    }\n    notify_mastr /bin/true\n    notify_master_script /bin/true\n}\n",
        "global_defs\nrouter_id x\n",
        "global_defs\nrouter_id x\n}\n",
        "static_ipaddress\n",
    ];
    let service = |line: &str| {
        format!(
            "virtual_server 10.0.0.1 80 {{\n    protocol TCP\n    lvs_sched rr\n    lvs_method NAT\n    {line}\n    real_server 10.1.0.1 80 {{\n    }}\n}}\n"
        )
    };
    let own = own_cases().into_iter().map(|case| (case.id, case.bytes));
    let lines = IN_SERVICE.iter().map(|line| ((*line).to_owned(), service(line).into_bytes()));
    let whole = WHOLE.iter().map(|text| ((*text).to_owned(), text.as_bytes().to_vec()));
    own.chain(lines).chain(whole).collect()
}

/// A fix repairs: applied, the problem is gone and no error is new.
#[test]
fn fixes_fix() {
    let options = Options::new().with_id("lvs1").with_version("2.2.7");
    let lower = |bytes: &[u8]| keepalived::lower_with(Source::new("f", bytes), &mut MemoryFiles::new(), &options);
    let count = |l: &keepalived::Lowered, code: &str| l.diagnostics.iter().filter(|d| d.code == code).count();
    let mut wrong = Vec::new();
    for (name, bytes) in mistakes() {
        let before = lower(&bytes);
        for diagnostic in &before.diagnostics {
            let Some(fix) = &diagnostic.fix else { continue };
            let after = lower(&fix.apply(FileId::MAIN, &bytes).expect("a fix fits its file"));
            let code = diagnostic.code.as_str();
            let new: Vec<&str> = after
                .diagnostics
                .iter()
                .filter(|d| {
                    d.severity == Severity::Error && count(&after, d.code.as_str()) > count(&before, d.code.as_str())
                })
                .map(|d| d.code.as_str())
                .collect();
            // The name of a missing file is repaired, not the file.
            let stays = count(&after, code) >= count(&before, code) && code != "include-missing";
            if stays || !new.is_empty() {
                wrong.push(format!("{name}: {code}, {}: new {new:?}\n{}", fix.title, after.report()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What the first fix of a file writes.
fn first_fix(text: &str) -> Option<String> {
    keepalived::lower(text).diagnostics.into_iter().find_map(|d| d.fix).map(|f| f.title)
}

#[test]
fn a_value_that_is_glued_to_its_keyword_is_kept() {
    let service = |line: &str| first_fix(&format!("virtual_server 10.0.0.1 80 {{\n{line}\n}}\n"));
    for (line, meant) in [
        ("persistence_timeout_50", "persistence_timeout 50"),
        ("delay_loop10", "delay_loop 10"),
        ("connect_timeout_3.5", "connect_timeout 3.5"),
        ("lvs_method_DR", "lvs_method DR"),
        ("sorry_server_10.1.0.9 80", "sorry_server 10.1.0.9"),
        ("persistence_granularity_255.255.255.0", "persistence_granularity 255.255.255.0"),
        ("quorum_upp /bin/true", "quorum_up"),
        ("weigth 1", "weight"),
        ("weights 1", "weight"),
    ] {
        assert_eq!(service(line), Some(format!("write `{meant}`")), "{line}");
    }
    for line in ["persistence_timeout_x", "persistence_granularity_x", "lvs_method_dr", "quorum_2 3"] {
        assert_eq!(service(line), None, "{line}");
    }
    assert_eq!(first_fix("virtual_server_groupWEB {\n}\n").as_deref(), Some("write `virtual_server_group WEB`"));
}

fn report(text: &str) -> String {
    keepalived::lower(text).report()
}

#[test]
fn a_word_of_a_definition_is_shown_where_it_is_used_with_its_origin() {
    let text = "$W=many\nvirtual_server 10.0.0.1 80 {\n    protocol TCP\n    lvs_sched rr\n    lvs_method NAT\n    real_server 10.1.0.1 80 {\n        weight $W\n    }\n}\n";
    assert_eq!(
        report(text),
        "\
error[invalid-number]: `many` is no value for `weight`
 --> keepalived.conf:7:16
  |
7 |         weight $W
  |                ^^ expected a number from 0 to 2147483647
  ...
1 | $W=many
  |    ---- it comes from the definition of `$W`
"
    );
}

#[test]
fn several_fixes_of_one_file_can_be_applied_one_after_the_other() {
    let mut bytes = b"virtual_server 10.0.0.1:80 {\n\tprotocol tcp;\n\tlb_algo RR\n\tlb_kind dr\n\treal_server 10.1.0.1 http {\n\t\tweigth 1\n\t}\n}\n".to_vec();
    let mut rounds = 0;
    while let Some(fix) = keepalived::lower(&bytes).diagnostics.iter().find_map(|d| d.fix.clone()) {
        bytes = Fix::apply(&fix, FileId::MAIN, &bytes).expect("a fix fits its file");
        rounds += 1;
        assert!(rounds < 20);
    }
    assert_eq!(
        String::from_utf8_lossy(&bytes),
        "virtual_server 10.0.0.1 80 {\n\tprotocol tcp\n\tlb_algo rr\n\tlb_kind DR\n\treal_server 10.1.0.1 80 {\n\t\tweight 1\n\t}\n}\n"
    );
    assert!(keepalived::lower(&bytes).diagnostics.is_empty());
}

#[cfg(feature = "serde")]
#[test]
fn editors_get_json() {
    let lowered = keepalived::lower("global_def {\n}\n");
    let resolved = lowered.diagnostics[0].resolve(&lowered.sources);
    let json = serde_json::to_value(resolved).unwrap();
    assert_eq!(json["code"], "unknown-keyword");
    assert_eq!(json["range"]["start"]["line"], 1);
    assert_eq!(json["range"]["end"]["column"], 11);
    assert_eq!(json["fix"]["title"], "write `global_defs`");
}
