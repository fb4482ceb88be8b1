//! Where the files are that the tests of keepalived.conf read.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// One file with what keepalived said about it.
#[derive(Debug)]
pub(crate) struct Recorded {
    pub(crate) id: String,
    pub(crate) path: PathBuf,
    pub(crate) bytes: Vec<u8>,
    pub(crate) exit: i64,
    pub(crate) messages: Vec<Message>,
}

/// One message of `keepalived -t`.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) line: Option<usize>,
    pub(crate) text: String,
    /// Depends on the machine: missing interfaces, users, scripts.
    pub(crate) environment: bool,
}

/// The folders named by `LVS_CORPUS`, else the collection beside the workspace, else the cases of this crate.
pub(crate) fn folders() -> Vec<PathBuf> {
    if let Ok(named) = std::env::var("LVS_CORPUS") {
        let folders: Vec<PathBuf> = named.split(':').filter(|f| !f.is_empty()).map(PathBuf::from).collect();
        assert!(folders.iter().all(|f| f.is_dir()), "LVS_CORPUS names something that is no folder: {named}");
        return folders;
    }
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let shared = here.join("../../shared/corpus");
    if shared.is_dir() { vec![shared] } else { vec![here.join("tests")] }
}

/// The cases that belong to this crate.
pub(crate) fn own_cases() -> Vec<Recorded> {
    cases(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases"))
}

/// All files of keepalived with a verdict of release 2.2.7.
pub(crate) fn recorded() -> Vec<Recorded> {
    let mut out = Vec::new();
    for folder in folders() {
        if folder.join("index.json").is_file() {
            out.extend(collected(&folder));
        }
        for cases_folder in [folder.join("cases"), folder.clone()] {
            if cases_folder.join("cases.json").is_file() {
                out.extend(cases(&cases_folder));
                break;
            }
        }
    }
    assert!(out.len() >= 200, "only {} files with verdicts in {:?}", out.len(), folders());
    out
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&read(path)).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn cases(folder: &Path) -> Vec<Recorded> {
    let index = json(&folder.join("cases.json"));
    let list = index["cases"].as_array().expect("cases");
    list.iter().map(|c| entry(folder, c, "v2_2_7")).collect()
}

fn collected(folder: &Path) -> Vec<Recorded> {
    let index = json(&folder.join("index.json"));
    let list = index["entries"].as_array().expect("entries");
    list.iter().filter(|e| e["kind"] == "keepalived.conf").map(|e| entry(folder, e, "verdict_2_2_7")).collect()
}

fn entry(folder: &Path, value: &Value, verdict: &str) -> Recorded {
    let path = folder.join(value["file"].as_str().expect("file"));
    let verdict = &value[verdict];
    let messages = verdict["messages"].as_array().expect("messages").iter().map(message).collect();
    Recorded {
        id: value["id"].as_str().expect("id").to_owned(),
        bytes: read(&path),
        path,
        exit: verdict["rc"].as_i64().expect("rc"),
        messages,
    }
}

fn message(value: &Value) -> Message {
    const ENVIRONMENT: [&str; 16] = [
        "doesn't exist",
        "user for",
        "SECURITY VIOLATION",
        "Disabling track script",
        "uid/gid",
        "Config files missing",
        "Non-existent interface",
        "not found",
        "Unable to",
        "track script",
        "cannot track route",
        "iptables not supported",
        "open problem",
        "already exists",
        "Invalid smtp server",
        "Invalid startup script",
    ];
    let text = value["text"].as_str().expect("text").to_owned();
    let environment = value["kind"] == "environment" || ENVIRONMENT.iter().any(|e| text.contains(e));
    Message {
        line: value["line"].as_u64().and_then(|l| usize::try_from(l).ok()),
        environment: environment || text == "Invalid shutdown script",
        text,
    }
}
