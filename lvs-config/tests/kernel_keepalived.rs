//! What we lower is what the kernel holds once the real keepalived has read the file.
//!
//! Runs inside the kernel lab: `./lab tests -p lvs-config`. Every file gets a network namespace of its own; keepalived
//! starts in it, and its rules are taken before the first checker can have run.

#[path = "keepalived/common.rs"]
#[allow(dead_code, reason = "only the cases of this crate are used here")]
mod common;

use std::process::Command;

use common::Recorded;
use lvs_config::keepalived::{self, MemoryFiles, Options, Printer, State};
use lvs_config::{Source, ipvsadm};
use lvs_model::{Destination, Table, Thresholds, VirtualServer};

/// Starts keepalived and prints the rules as soon as they no longer change.
const SCRIPT: &str = r#"
hostname lvs1; ip link set lo up
cd "$(dirname "$1")"
# Numbers of processes repeat, so a file of an earlier run would mean "already running".
rm -f /run/*.pid /run/k.* /run/kc.*
keepalived -n -C -f "$1" -p /run/k.$$ -c /run/kc.$$ -l > /run/k.log 2>&1 &
p=$!
last=none
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
  sleep 0.15
  now=$(ipvsadm -S -n)
  [ "$now" = "$last" ] && [ -n "$now" ] && break
  [ $i = 6 ] && [ -z "$now" ] && break
  last=$now
done
printf "%s\n" "$now"
kill -KILL $p 2>/dev/null
exit 0
"#;

fn rules_of_kernel(path: &str) -> Table {
    let output = Command::new("unshare")
        .args(["-n", "-u", "-p", "-f", "--mount-proc", "sh", "-c", SCRIPT, "sh", path])
        .output()
        .expect("unshare");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let reading = ipvsadm::read(&output.stdout);
    assert!(!reading.has_errors(), "{:?}", reading.diagnostics);
    reading.table
}

/// `ipvsadm -S` does not show thresholds.
fn without_thresholds(table: &Table) -> Table {
    table
        .iter()
        .map(|server| {
            let mut out = VirtualServer::new(server.service().clone());
            for destination in server.destinations() {
                let destination: Destination = destination.with_thresholds(Thresholds::NONE);
                out.insert(destination).expect("was in a table");
            }
            out
        })
        .collect()
}

fn compare(id: &str, bytes: &[u8], state: &State<'_>, wrong: &mut Vec<String>) {
    let path = format!("/run/{}.conf", id.replace('/', "-"));
    std::fs::write(&path, bytes).expect("a file in /run");
    let options = Options::new().with_id("lvs1").with_version("2.2.7");
    let lowered = keepalived::lower_with(Source::new(&path, bytes), &mut MemoryFiles::new(), &options);
    let ours = without_thresholds(&lowered.project(state).table);
    // A busy machine may be too slow to look before the first check; then it looks again.
    let difference = (0..4).map(|_| ours.difference(&rules_of_kernel(&path))).find(lvs_model::Difference::is_empty);
    let difference = difference.unwrap_or_else(|| ours.difference(&rules_of_kernel(&path)));
    if !difference.is_empty() {
        let changes: Vec<String> = difference.iter().take(6).map(ToString::to_string).collect();
        wrong.push(format!("{id}: from ours to the kernel's: {}\n{}", changes.join("; "), lowered.report()));
    }
}

fn has_services(file: &Recorded) -> bool {
    let text = String::from_utf8_lossy(&file.bytes);
    text.contains("virtual_server") && !text.contains("net_namespace") && !text.contains("_RANDOM")
}

/// Files after whose mistake keepalived reads on at the wrong level, so that rules come about that nobody wrote; our
/// reading takes the mistake as what was meant.
const MEANT: [&str; 6] =
    ["diag/bom", "diag/cr_only", "diag/fullwidth_space", "diag/nbsp", "diag/nul", "x/twos: newer than this kernel"];

#[test]
#[ignore = "runs inside the kernel lab"]
fn the_kernel_holds_what_we_lower() {
    let mut wrong = Vec::new();
    let mut compared = 0;
    for file in common::own_cases().iter().filter(|f| has_services(f) && matches!(f.exit, 0 | 5)) {
        if MEANT.iter().any(|m| m.split(':').next() == Some(&file.id)) {
            continue;
        }
        compared += 1;
        compare(&file.id, &file.bytes, &State::Start, &mut wrong);
    }
    println!("{compared} files compared");
    assert!(wrong.is_empty(), "{} of {compared} differ:\n{}", wrong.len(), wrong.join("\n"));
}

/// Rules of ipvsadm, printed as a configuration, become the same rules again in the kernel.
#[test]
#[ignore = "runs inside the kernel lab"]
fn the_kernel_holds_the_rules_that_were_printed() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/generated-ipvs");
    let mut wrong = Vec::new();
    for entry in std::fs::read_dir(folder).expect("generated-ipvs").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(name) = name.strip_suffix(".save-n") else { continue };
        let table = ipvsadm::read(std::fs::read(entry.path()).expect("a file")).table;
        let printed = Printer::new().print(&table);
        compare(name, printed.text.as_bytes(), &State::AllUp, &mut wrong);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
