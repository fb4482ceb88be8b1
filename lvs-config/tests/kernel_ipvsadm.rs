//! The real `ipvsadm` and a real kernel as the judge. These tests run as root where network namespaces can be made and
//! the kernel has IPVS, which is what the kernel lab is for; each text gets a namespace of its own.

mod ipvsadm_common;

use std::io::Write as _;
use std::process::{Command, Stdio};

use ipvsadm_common::generate::table;
use ipvsadm_common::{TABLES, corpus, names, recorded};
use lvs_config::ipvsadm::{Columns, Mode, NameTable, Order, Printer, Reader, View, canonical, read};
use lvs_model::{DestinationStatus, Info, ServiceStatus, Table, Version};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// What the real tool did with a text.
struct Verdict {
    status: u8,
    errors: String,
    saved: String,
    thresholds: String,
    tunnels: String,
}

/// Gives rules to `ipvsadm -R` in a fresh namespace.
fn restore(rules: &[u8]) -> Verdict {
    restore_with("ipvsadm -R", rules)
}

/// Gives rules to a program in a fresh namespace.
fn restore_with(program: &str, rules: &[u8]) -> Verdict {
    let script = "ip link set lo up; errors=$($PROGRAM 2>&1 >/dev/null); echo $?; echo \"$errors\"; \
                  for view in '-S -n' '-L -n --thresholds' '-L -n --tun-info'; do echo =====; ipvsadm $view; done";
    let mut child = Command::new("unshare")
        .args(["-n", "sh", "-c", script])
        .env("PROGRAM", program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("unshare runs");
    child.stdin.take().expect("a pipe").write_all(rules).expect("the tool reads");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "no IPVS here: run this in the kernel lab");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut parts = text.split("=====\n").map(str::to_owned);
    let head = parts.next().expect("a status");
    let (status, errors) = head.split_once('\n').expect("two parts");
    let mut next = || parts.next().expect("a view");
    Verdict {
        status: status.parse().expect("a number"),
        errors: errors.trim().to_owned(),
        saved: next(),
        thresholds: next(),
        tunnels: next(),
    }
}

/// The lines in an order of their own, for where the tool's order depends on the kernel's hash table.
fn sorted(text: &str) -> Vec<&str> {
    let mut lines: Vec<_> = text.lines().collect();
    lines.sort_unstable();
    lines
}

/// Whether the tool's comparison is an order for this table, so that its output is determined.
fn is_ordered(table: &Table) -> bool {
    let text = Printer::tool().print(table);
    let mut turned: Vec<_> = table.clone().into_iter().collect();
    turned.reverse();
    turned.iter_mut().for_each(|server| {
        let mut destinations = server.destinations().to_vec();
        destinations.reverse();
        server.retain(|_| false);
        destinations.into_iter().for_each(|d| server.insert(d).expect("it was there"));
    });
    let turned = Printer::tool().print(&Table::from_iter(turned));
    // Two directions are not all, but circles of few show up in them; what is left is told by the lines.
    text == turned && text.lines().count() < 8
}

fn idle(table: &Table) -> Vec<ServiceStatus> {
    let status = |server: &lvs_model::VirtualServer| ServiceStatus {
        destinations: server.destinations().iter().map(|d| DestinationStatus::from(*d)).collect(),
        ..server.service().clone().into()
    };
    let mut services = table.iter().map(status).collect();
    Order::Tool.sort(&mut services);
    services
}

/// Numbers that are the same in every run, or come from `LVS_SEED`.
fn runner() -> TestRunner {
    let mut seed = [7_u8; 32];
    if let Ok(text) = std::env::var("LVS_SEED") {
        seed.iter_mut().zip(text.bytes()).for_each(|(byte, letter)| *byte = letter);
    }
    TestRunner::new_with_rng(Config::default(), TestRng::from_seed(RngAlgorithm::ChaCha, &seed))
}

/// How many made-up cases to try: `LVS_CASES`, or a number that takes half a minute on an idle machine.
fn cases() -> usize {
    std::env::var("LVS_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(60)
}

#[test]
#[ignore = "runs inside the kernel lab"]
fn the_kernel_holds_what_was_read_and_printed() {
    let mut runner = runner();
    let mut exact = 0;
    for _ in 0..cases() {
        let mut table = table().new_tree(&mut runner).expect("a table").current();
        // This scheduler is younger than the lab's kernel.
        table.retain(|server| server.service().scheduler() != lvs_model::SchedulerName::Twos);
        let text = Printer::canonical().with_order(Order::Table).print(&table);
        let verdict = restore(text.as_bytes());
        assert_eq!((verdict.status, verdict.errors.as_str()), (0, ""), "{text}");
        let expected = Printer::tool().print(&table);
        assert_eq!(sorted(&verdict.saved), sorted(&expected), "{text}");
        let info = Info { version: Version::from_number(0x0001_0201), connection_table_size: 4096 };
        let services = idle(&table);
        let thresholds = View::new(Columns::Thresholds).print(&info, &services);
        assert_eq!(sorted(&verdict.thresholds), sorted(&thresholds), "{text}");
        let tunnels = View::new(Columns::TunnelInfo).print(&info, &services);
        assert_eq!(sorted(&verdict.tunnels), sorted(&tunnels), "{text}");
        if is_ordered(&table) {
            exact += 1;
            assert_eq!(verdict.saved, expected, "{text}");
            assert_eq!(verdict.thresholds, thresholds, "{text}");
            assert_eq!(verdict.tunnels, tunnels, "{text}");
        }
        // What the tool saved is read back as the same, but for the thresholds that it forgets, the marks that it prints
        // as negative numbers and the flag that it has no name for.
        if !verdict.saved.contains("-f -") && !verdict.saved.contains("-b \n") {
            let again = read(&verdict.saved);
            assert_eq!(sorted(&Printer::tool().print(&again.table)), sorted(&expected), "{text}");
        }
    }
    assert!(exact * 4 > cases(), "only {exact} tables had a determined order");
}

#[test]
#[ignore = "runs inside the kernel lab"]
fn recorded_and_collected_rules_do_the_same_again() {
    let known = names();
    for name in TABLES {
        let commands = recorded(name, "cmds");
        let reading = Reader::new(Mode::Strict).with_names(&known).read(&commands);
        // Names are for the machine of the recording; numbers work everywhere.
        let text = canonical(&reading.table);
        let verdict = restore(text.as_bytes());
        assert_eq!((verdict.status, verdict.errors.as_str()), (0, ""), "{name}");
        assert_eq!(sorted(&verdict.saved), sorted(&Printer::tool().print(&reading.table)), "{name}");
    }
    let Some(corpus) = corpus() else { return };
    let names = machine_names();
    for entry in std::fs::read_dir(corpus.join("files")).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "rules") {
            let bytes = std::fs::read(&path).expect("a file");
            agree(&bytes, &names);
        }
    }
}

#[test]
#[ignore = "runs inside the kernel lab"]
fn ipvsadm_restore_does_what_its_mode_says() {
    for rules in [
        "# a comment\n-A -f 1\n#-A -f 2\n-A -f 3\n",
        "-A -f 1\n # no comment\n-A -f 2\n",
        "-A -f 1\n-A -f 2  ",
        "-A -f 1\n-A -f 2 ",
        "-A -f 1\n-A -f 2",
        "-A -f 1\r\n\r\n#\r\n-A -f 2 -6\r\n",
        "-A -f 1\n-L -f 2\n-A -f 3\n",
        "-A -f 1\n-A -f 1\n-A -f 2 -s nonsense -o x\n-A -f 3\n",
    ] {
        let verdict = restore_with("ipvsadm-restore", rules.as_bytes());
        let reading = read(rules);
        assert_eq!(reading.exit_status, verdict.status, "{rules:?} {}", verdict.errors);
        assert_eq!(sorted(&Printer::tool().print(&reading.table)), sorted(&verdict.saved), "{rules:?}");
        assert_eq!(reading.has_errors(), !verdict.errors.is_empty(), "{rules:?} {:?}", reading.diagnostics);
    }
}

/// The names that the tool knows here.
fn machine_names() -> NameTable {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    NameTable::new().with_hosts(&read("/etc/hosts")).with_services(&read("/etc/services"))
}

/// Compares what the tool and what we make of a text.
fn agree(rules: &[u8], names: &NameTable) {
    let shown = String::from_utf8_lossy(rules);
    let verdict = restore(rules);
    let reading = Reader::new(Mode::Strict).with_names(names).read(rules);
    assert_eq!(reading.exit_status, verdict.status, "{shown}{}\n{:?}", verdict.errors, reading.diagnostics);
    assert_eq!(
        sorted(&Printer::tool().print(&reading.table)),
        sorted(&verdict.saved),
        "{shown}{}\n{:?}",
        verdict.errors,
        reading.diagnostics
    );
    let lost = reading.diagnostics.iter().any(|d| d.code == "lost-line");
    assert_eq!(reading.has_errors() && !lost, !verdict.errors.is_empty(), "{shown}{:?}", reading.diagnostics);
}

#[test]
#[ignore = "runs inside the kernel lab"]
fn what_we_refuse_the_tool_refuses() {
    let names = machine_names();
    let mut runner = runner();
    let words = proptest::sample::select(WORDS.to_vec());
    let lines = proptest::sample::select(LINES.to_vec());
    for _ in 0..cases() {
        // A few good lines, and one or two words in them replaced, added or left out.
        let mut text = String::from("-A -t 10.0.0.1:80 -s wrr\n-A -f 7 -6\n-A -u [fd00::1]:53 -p 60\n");
        for _ in 0..3 {
            let line = lines.new_tree(&mut runner).expect("a line").current();
            let mut line: Vec<&str> = line.split(' ').collect();
            for _ in 0..(0_usize..3).new_tree(&mut runner).expect("a number").current() {
                let at = (0..line.len().max(1)).new_tree(&mut runner).expect("a place").current();
                let word = words.new_tree(&mut runner).expect("a word").current();
                match (0_u8..3).new_tree(&mut runner).expect("a number").current() {
                    0 if at < line.len() => line[at] = word,
                    1 if at < line.len() => drop(line.remove(at)),
                    _ => line.insert(at.min(line.len()), word),
                }
            }
            text.push_str(&line.join(" "));
            text.push('\n');
        }
        agree(text.as_bytes(), &names);
    }
}

/// Good lines.
const LINES: [&str; 16] = [
    "-A -t 10.0.0.2:80 -s sh -b sh-port,sh-fallback",
    "-A -u 10.0.0.2:53 -o -p 30 -M 255.255.255.0 --pe sip",
    "-A --sctp-service [fd00::2]:99 -s mh -b mh-port -p -M 64",
    "-A -f 9 -s rr",
    "-E -t 10.0.0.1:80 -s rr -p 100",
    "-D -f 7 -6",
    "-a -t 10.0.0.1:80 -r 10.1.0.1:81 -m -w 5 -x 10 -y 5",
    "-a -t 10.0.0.1:80 -r 10.1.0.2 -g",
    "-a -t 10.0.0.1:80 -r [fd01::1]:80 -i --tun-type gue --tun-port 6080 --tun-csum",
    "-a -u [fd00::1]:53 -r [fd01::1]:53 -i --tun-type gre --tun-nocsum",
    "-a -f 7 -6 -r fd01::2 -m -w 3",
    "-e -t 10.0.0.1:80 -r 10.1.0.1:81 -m -w 0",
    "-d -t 10.0.0.1:80 -r 10.1.0.2",
    "-Z -t 10.0.0.1:80",
    "--set 100 200 300",
    "-C",
];

/// Words that may spoil a line.
const WORDS: [&str; 72] = [
    "-A",
    "-E",
    "-D",
    "-a",
    "-e",
    "-d",
    "-C",
    "-Z",
    "-S",
    "--set",
    "-t",
    "-u",
    "--sctp-service",
    "-f",
    "-6",
    "-s",
    "-p",
    "-M",
    "-o",
    "--pe",
    "-b",
    "-r",
    "-g",
    "-i",
    "-m",
    "-w",
    "-x",
    "-y",
    "--tun-type",
    "--tun-port",
    "--tun-nocsum",
    "--tun-csum",
    "--tun-remcsum",
    "-n",
    "10.0.0.1:80",
    "10.0.0.1",
    "10.1.0.1:81",
    "[fd00::1]:53",
    "fd00::1",
    "[10.0.0.1]:80",
    "localhost:http",
    "localhost",
    "0.0.0.0",
    "224.0.0.1",
    "ff02::1",
    "[fe80::1]:80",
    "1",
    "0",
    "7",
    "-1",
    "+5",
    "010",
    "0x10",
    "2147483648",
    "4294967296",
    "rr",
    "sh",
    "wlc",
    "sh-port",
    "flag-3",
    "ipip",
    "gue",
    "gre",
    "sip",
    "255.255.0.0",
    "64",
    "--weight=9",
    "-w=9",
    "-mw9",
    "-Q",
    "--",
    "-p5",
];
