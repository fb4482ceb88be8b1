//! The installed `keepalived -t` judges what we write and what we refuse.
//!
//! Needs root, `unshare` and keepalived: `cargo test -p lvs-config --all-features --test keepalived -- --ignored`.

use std::path::Path;
use std::process::Command;

use crate::common::own_cases;
use lvs_config::keepalived::{self, MemoryFiles, NewStatement, Options, Printer, canonical};
use lvs_config::{Severity, Source, ipvsadm};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// What `keepalived -t` says about a file, in name spaces of its own: the exit status and the messages about it.
fn judge(bytes: &[u8]) -> (i32, Vec<String>) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("keepalived.conf");
    std::fs::write(&path, bytes).expect("a file");
    let script =
        "hostname lvs1; ip link set lo up; ip link add eth0 type veth peer name eth1; exec keepalived -t -f \"$1\"";
    let output = Command::new("unshare")
        .args(["-n", "-m", "-u", "-i", "sh", "-c", script, "sh"])
        .arg(&path)
        .output()
        .expect("unshare is needed");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!text.contains("not found") || !text.contains("exec"), "keepalived is needed: {text}");
    let status = output.status.code().unwrap_or(-1);
    assert!(status != 127 && status != 1, "keepalived and the right to unshare are needed: {status} {text}");
    // What depends on the machine, and what is a warning here, by the policy.
    let other = [
        "SECURITY VIOLATION",
        "doesn't exist",
        "Non-existent interface",
        "user for",
        "Config files missing",
        "Disabling",
        "unicast keyword has been specified",
        "this probably isn't what you want",
        "No VIP specified",
        "Invalid smtp server",
        "Warning - empty",
        "is deprecated",
    ];
    let messages = text.lines().filter(|l| !other.iter().any(|e| l.contains(e))).map(str::to_owned).collect();
    (status, messages)
}

fn is_wrong_for_us(bytes: &[u8]) -> Option<String> {
    let options = Options::new().with_id("lvs1").with_version("2.2.7");
    let lowered = keepalived::lower_with(Source::new("f", bytes), &mut MemoryFiles::new(), &options);
    lowered.diagnostics.iter().any(|d| d.severity == Severity::Error).then(|| lowered.report())
}

#[test]
#[ignore = "needs keepalived: run by ./check"]
fn printed_rules_are_accepted() {
    let checker = NewStatement::new(["TCP_CHECK"]).with(NewStatement::new(["connect_timeout", "3"]));
    for entry in
        std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/generated-ipvs")).unwrap().flatten()
    {
        if entry.path().extension().is_none_or(|e| e != "save-n") {
            continue;
        }
        let table = ipvsadm::read(std::fs::read(entry.path()).unwrap()).table;
        let with_servers: lvs_model::Table = table.iter().filter(|s| !s.destinations().is_empty()).cloned().collect();
        let printed = Printer::new().with_checker(checker.clone()).print(&with_servers);
        let (_, messages) = judge(printed.text.as_bytes());
        // Rules whose servers all have weight 0 are right, keepalived only finds them useless.
        let messages: Vec<_> = messages.iter().filter(|m| !m.contains("quorum")).collect();
        assert!(messages.is_empty(), "{:?}: {messages:?}\n{}", entry.path(), printed.text);
    }
}

#[test]
#[ignore = "needs keepalived: run by ./check"]
fn the_canonical_form_is_accepted_where_the_file_was() {
    let mut compared = 0;
    for case in own_cases().iter().filter(|c| c.exit == 0) {
        let options = Options::new().with_id("lvs1");
        let lowered = keepalived::lower_with(Source::new("f", &case.bytes), &mut MemoryFiles::new(), &options);
        let text = canonical(&lowered.tree);
        let (status, messages) = judge(&text);
        // What keepalived drops in silence where two statements share a line stands on a line of its own here.
        assert!(messages.is_empty(), "{}: {status} {messages:?}\n{}", case.id, String::from_utf8_lossy(&text));
        assert_eq!(keepalived::lower(&text).table(), lowered.table(), "{}", case.id);
        compared += 1;
    }
    assert!(compared > 40, "{compared}");
}

/// The lines of which we say that they are right or wrong, one by one.
#[test]
#[ignore = "needs keepalived: run by ./check"]
fn lines_of_other_blocks_are_right_for_both() {
    let mut wrong = Vec::new();
    for (text, right) in crate::blocks::PLACES.iter().flat_map(crate::blocks::Place::files) {
        let (status, messages) = judge(text.as_bytes());
        if messages.is_empty() != right {
            wrong.push(format!("{status} {messages:?}\n{text}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A service out of parts that are right.
fn service() -> impl Strategy<Value = String> {
    let scheduler =
        proptest::sample::select(vec!["rr", "wrr", "lc", "wlc", "sh", "mh", "dh", "sed", "nq", "fo", "ovf"]);
    let method = proptest::sample::select(vec!["NAT", "DR", "TUN", "TUN type gue port 6080", "TUN type gre csum"]);
    let setting = proptest::sample::select(vec![
        "delay_loop 6",
        "delay_loop 0.5",
        "persistence_timeout 50",
        "persistence_timeout",
        "persistence_granularity 255.255.255.0",
        "quorum 1",
        "hysteresis 0",
        "alpha",
        "omega",
        "ha_suspend",
        "virtualhost www.example.com",
        "flag-1",
        "retry 3",
        "connect_timeout 2",
        "sorry_server 10.9.9.9 80",
        "smtp_alert",
    ]);
    let checker = proptest::sample::select(vec![
        "TCP_CHECK {\n}",
        "TCP_CHECK {\nconnect_timeout 3\nretry 2\n}",
        "HTTP_GET {\nurl {\npath /\nstatus_code 200\n}\n}",
        "SSL_GET {\nurl {\npath /a\ndigest ff20ad2481f97b1754ef3e12ecd3a9cc\n}\nenable_sni\n}",
        "SMTP_CHECK {\nhelo_name x\n}",
        "DNS_CHECK {\ntype A\nname example.com\n}",
        "PING_CHECK {\n}",
        "UDP_CHECK {\npayload 0a0b\nrequire_reply 0aXX\n}",
        "MISC_CHECK {\nmisc_path \"/bin/true -x\"\nmisc_timeout 5\n}",
    ]);
    let server = (1u8..250, 0u32..9, proptest::option::of(checker), any::<bool>()).prop_map(
        |(host, weight, checker, inhibit)| {
            let inhibit = if inhibit { "inhibit_on_failure\n" } else { "" };
            let checker = checker.unwrap_or_default();
            format!("real_server 10.1.0.{host} 80 {{\nweight {}\n{inhibit}{checker}\n}}\n", weight + 1)
        },
    );
    let servers = proptest::collection::vec(server, 1..4);
    (1u8..250, scheduler, method, proptest::sample::subsequence(vec![0usize, 1, 2], 0..3), setting, servers).prop_map(
        |(host, scheduler, method, _, setting, servers)| {
            let mut unique: Vec<&str> = Vec::new();
            for server in &servers {
                let head = server.lines().next().unwrap_or_default();
                if unique.iter().all(|s| s.lines().next() != Some(head)) {
                    unique.push(server);
                }
            }
            format!(
                "virtual_server 10.0.0.{host} 80 {{\nprotocol TCP\nlvs_sched {scheduler}\nlvs_method {method}\n{setting}\n{}}}\n",
                unique.concat()
            )
        },
    )
}

fn runner(cases: u32) -> TestRunner {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

#[test]
#[ignore = "needs keepalived: run by ./check"]
fn generated_files_are_right_for_both() {
    let result = runner(80).run(&service(), |text| {
        let (status, messages) = judge(text.as_bytes());
        prop_assert!(messages.is_empty(), "{status} {messages:?}\n{text}");
        prop_assert_eq!(is_wrong_for_us(text.as_bytes()), None);
        let printed = Printer::new().print(&keepalived::lower(&text).table()).text;
        let (status, messages) = judge(printed.as_bytes());
        prop_assert!(messages.is_empty(), "{status} {messages:?}\n{printed}");
        Ok(())
    });
    result.unwrap();
}

/// Files that are right: services out of parts, and a router with the other blocks.
fn right() -> impl Strategy<Value = String> {
    prop_oneof![2 => service(), 1 => Just(ROUTER.to_owned())]
}

const ROUTER: &str = "\
global_defs {
    router_id LVS1
    notification_email {
        root@example.com
    }
    smtp_server 127.0.0.1
    vrrp_garp_master_repeat 2
    lvs_timeouts tcp 900 udp 300
}
vrrp_sync_group G1 {
    group {
        VI_1
        VI_2
    }
}
vrrp_instance VI_1 {
    state BACKUP
    interface eth0
    virtual_router_id 51
    priority 100
    advert_int 1
    authentication {
        auth_type PASS
        auth_pass 1111
    }
    virtual_ipaddress {
        10.0.0.100/24 dev eth0
        10.0.0.101
    }
    garp_master_delay 5
    preempt_delay 300
}
vrrp_instance VI_2 {
    interface eth0
    virtual_router_id 52
    nopreempt
    virtual_ipaddress {
        10.0.0.102
    }
    unicast_src_ip 10.0.0.1
    unicast_peer {
        10.0.0.2
    }
}
virtual_server_group VG {
    10.0.0.1-9 80
    10.0.1.0/30 80
}
virtual_server group VG {
    protocol UDP
    lvs_sched wrr
    lvs_method NAT
    ops
    real_server 10.1.0.1 80 {
        weight 2
        PING_CHECK {
        }
    }
}
";

/// One letter more, less or other in a file: wrong for keepalived exactly when it is wrong for us.
#[test]
#[ignore = "needs keepalived: run by ./check"]
fn files_with_one_wrong_letter_are_wrong_for_both() {
    let letters = proptest::sample::select(b"x0 {}\n#\"1;=".to_vec());
    let strategy = (right(), any::<proptest::sample::Index>(), letters, 0..3);
    let wrong = std::cell::Cell::new(0);
    let cases = std::env::var("LVS_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(150);
    let result = runner(cases).run(&strategy, |(text, at, letter, what)| {
        let mut bytes = text.into_bytes();
        let at = at.index(bytes.len());
        match what {
            0 => bytes.insert(at, letter),
            1 => bytes[at] = letter,
            _ => {
                bytes.remove(at);
            }
        }
        let (status, messages) = judge(&bytes);
        let ours = is_wrong_for_us(&bytes);
        // What keepalived drops in silence is an error here, by the policy.
        let only_ours = ["two-statements", "duplicate-service", "group-too-large", "comment-in-word", "undefined-name"];
        let silent = ours.as_ref().is_some_and(|r| {
            r.lines()
                .filter(|l| l.starts_with("error["))
                .all(|l| only_ours.iter().any(|c| l.starts_with(&format!("error[{c}]"))))
        });
        wrong.set(wrong.get() + u32::from(!messages.is_empty()));
        let shown = String::from_utf8_lossy(&bytes).into_owned();
        prop_assert!(silent || ours.is_some() != messages.is_empty(), "{status} {messages:?}\n{ours:?}\n{shown}");
        Ok(())
    });
    result.unwrap();
    assert!(wrong.get() > cases / 4, "{} of {cases} were wrong", wrong.get());
}
