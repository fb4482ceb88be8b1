//! Verdicts of the real `ipvsadm -R`: what it did with 741 small texts (`generated-ipvs/verdicts.json`) and with the
//! real files of the corpus, compared with ours.
//!
//! Each case is a text, the exit status of `ipvsadm -R` (ipvsadm 1.31, Linux 6.1, a fresh network namespace, the hosts
//! file of a fresh machine), its first message, and what `ipvsadm -S -n` printed afterwards.

mod ipvsadm_common;

use std::collections::BTreeMap;

use ipvsadm_common::{corpus, folder};
use lvs_config::ipvsadm::{Mode, NameTable, Printer, Reader};
use serde_json::Value;

/// The services that occur in the cases, as in the file of Debian.
const SERVICES: &str =
    "tcpmux 1/tcp\ndomain 53/tcp\ndomain 53/udp\nhttp 80/tcp www\nhttps 443/tcp\nsip 5060/tcp\nsip 5060/udp\n";

fn names() -> NameTable {
    NameTable::new().with_hosts("127.0.0.1 localhost\n").with_services(SERVICES)
}

#[test]
fn small_texts_agree_with_the_tool() {
    let cases = std::fs::read(folder().join("verdicts.json")).expect("the file is part of the crate");
    let cases: Vec<Value> = serde_json::from_slice(&cases).expect("the file is JSON");
    assert!(cases.len() > 700);
    let names = names();
    let mut explained = BTreeMap::<&str, usize>::new();
    for case in &cases {
        let text = |field: &str| case[field].as_str().expect("a string").to_owned();
        // Bytes were recorded one to a character.
        let rules: Vec<u8> = text("rules").chars().map(|c| c as u8).collect();
        let reading = Reader::new(Mode::Strict).with_names(&names).read(&rules);
        let saved = Printer::tool().print(&reading.table);
        let shown = String::from_utf8_lossy(&rules[..rules.len().min(200)]).into_owned();
        // An error of ours is one of theirs, also when a later line made the status 0 again.
        let has = |code: &str| reading.diagnostics.iter().any(|d| d.code == code);
        if reading.has_errors() && !has("lost-line") {
            assert!(case["rc"] != 0 || !text("message").is_empty(), "{shown:?}: {:?}", reading.diagnostics);
        }
        if saved == text("saved") && case["rc"] == u64::from(reading.exit_status) {
            continue;
        }
        let reason = if has("unknown-scheduler") || has("unknown-engine") || shown.contains("-s twos") {
            "names of modules are a matter of the kernel: a warning, not an error"
        } else if has("no-persistence") {
            "an engine without persistence has no effect and is not part of the model"
        } else if case["rc"] == 139 {
            "the tool crashes"
        } else if shown.contains("127.255.255.255") {
            "broadcast addresses are a matter of the machine's interfaces"
        } else {
            panic!(
                "{shown:?}\n tool {} {}\n{}\n ours {}\n{saved}\n{:?}",
                case["rc"],
                case["message"],
                text("saved"),
                reading.exit_status,
                reading.diagnostics
            )
        };
        *explained.entry(reason).or_default() += 1;
    }
    assert_eq!(explained.values().sum::<usize>(), 19, "{explained:#?}");
}

/// The entries of the corpus of one kind.
fn entries(kind: &str) -> Option<(std::path::PathBuf, Vec<Value>)> {
    let folder = corpus()?;
    let index = std::fs::read(folder.join("index.json")).expect("the corpus has an index");
    let index: Value = serde_json::from_slice(&index).expect("the index is JSON");
    let all = index["entries"].as_array().expect("the index has entries").clone();
    Some((folder, all.into_iter().filter(|entry| entry["kind"] == kind).collect()))
}

fn lines(value: &Value) -> String {
    let lines = value.as_array().expect("a list of lines").iter();
    lines.map(|line| format!("{}\n", line.as_str().expect("a line"))).collect()
}

#[test]
fn saved_rules_of_the_corpus_agree_with_the_tool() {
    let Some((folder, entries)) = entries("ipvs-rules") else {
        eprintln!("no corpus: set LVS_CORPUS to its folder");
        return;
    };
    assert!(!entries.is_empty());
    for entry in entries {
        let file = entry["file"].as_str().expect("a file name");
        let bytes = std::fs::read(folder.join(file)).expect("the file of an entry");
        let names = names();
        for (mode, status) in [(Mode::Strict, "restore_rc"), (Mode::Restore, "restore_script_rc")] {
            let reading = Reader::new(mode).with_names(&names).read(&bytes);
            assert_eq!(entry["oracle"][status], u64::from(reading.exit_status), "{file} {:?}", reading.diagnostics);
            assert_eq!(reading.has_errors(), entry["oracle"][status] != 0, "{file}");
            assert_eq!(Printer::tool().print(&reading.table), lines(&entry["oracle"]["saved_n"]), "{file}");
        }
    }
}

/// The recorded lists name each command once; these scripts clear the table a second time in between.
const DEDUPLICATED: [&str; 1] = ["iv-040"];

#[test]
fn commands_of_real_scripts_agree_with_the_tool() {
    let Some((folder, entries)) = entries("ipvs-script") else {
        eprintln!("no corpus: set LVS_CORPUS to its folder");
        return;
    };
    assert!(!entries.is_empty());
    let mut literal = Vec::new();
    for entry in entries {
        let file = entry["file"].as_str().expect("a file name");
        let commands = entry["oracle"]["commands"].as_array().expect("a list of commands");
        if DEDUPLICATED.contains(&entry["id"].as_str().unwrap_or_default()) {
            continue;
        }
        // What the script passed to the tool, one process after the other.
        let text: String = commands.iter().map(|c| format!("{}\n", c["cmd"].as_str().expect("a command"))).collect();
        let reading = Reader::new(Mode::Script).read(&text);
        let expected = lines(&entry["oracle"]["saved_n"]);
        assert_eq!(Printer::tool().print(&reading.table), expected, "{file}: {:?}", reading.diagnostics);
        let failed = commands.iter().any(|c| c["rc"] != 0);
        assert_eq!(reading.has_errors(), failed, "{file}: {text}{:?}", reading.diagnostics);
        // And the script itself, as far as it needs no shell.
        let bytes = std::fs::read(folder.join(file)).expect("the file of an entry");
        let script = Reader::new(Mode::Script).read(&bytes);
        let skipped = script.diagnostics.iter().any(|d| d.code == "not-literal");
        if !skipped && !script.table.is_empty() && Printer::tool().print(&script.table) == expected {
            literal.push(file.to_owned());
        }
    }
    assert!(literal.len() >= 5, "only {literal:?} are read as they stand");
}
