//! Every scenario that was recorded from a real kernel is played against [`Director`](lvs_sched::director::Director): each pick, each counter
//! after each step, each state and timeout has to be the kernel's.
//!
//! `LVS_FIXTURES` names other folders with scenarios, separated by `:`; their format is described in `tests/fixtures/README.md`.

mod recorded;
mod schedule;
mod tables;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use lvs_sched::algo::Generation;
use serde_json::Value;

/// A scenario's packets came a few milliseconds apart, whatever the machine did besides: what is to end at the kernel's next tick
/// has ended at the next step, and no timer of a second ends between. Timers that did end have a `sleep`.
const STEP: Duration = Duration::from_millis(10);

/// What was not as the kernel had it.
type Played = Result<(), String>;

#[test]
fn every_recorded_scenario_is_replayed_exactly() {
    let folders = folders(std::env::var_os("LVS_FIXTURES").as_deref());
    let mut failures = Vec::new();
    let mut played = BTreeMap::<String, usize>::new();
    for folder in &folders {
        for file in scenarios(folder) {
            let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            match play(&text) {
                Ok(kind) => *played.entry(kind).or_default() += 1,
                Err(why) => failures.push(format!("{}: {why}", file.display())),
            }
        }
    }
    println!("played {played:?} from {folders:?}");
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}

/// The folders to play. The project's own copy is not part of the published package: there `LVS_FIXTURES` has to be set.
fn folders(named: Option<&OsStr>) -> Vec<PathBuf> {
    if let Some(named) = named {
        // cargo runs tests in the package's folder; a caller stands in the workspace's.
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let found = |path: PathBuf| if path.exists() { path } else { workspace.join(path) };
        let names = std::env::split_paths(named).filter(|path| !path.as_os_str().is_empty());
        let folders: Vec<_> = names.map(found).collect();
        assert!(!folders.is_empty(), "LVS_FIXTURES is set, but names no folder");
        return folders;
    }
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/kernel");
    assert!(
        own.is_dir(),
        "the recorded scenarios are not part of the package: set LVS_FIXTURES to a checkout's lvs-sched/tests/fixtures/kernel",
    );
    vec![own]
}

/// The files of a folder, in order.
fn scenarios(folder: &Path) -> Vec<PathBuf> {
    let files = std::fs::read_dir(folder).unwrap_or_else(|error| {
        let here = std::env::current_dir().unwrap_or_default();
        panic!("cannot read the folder {} (from {}): {error}", folder.display(), here.display())
    });
    let mut files: Vec<PathBuf> = files
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    assert!(!files.is_empty(), "no scenario (*.json) in {}", folder.display());
    files.sort();
    files
}

/// Plays one scenario for each generation of kernels for which it holds, and says of which kind it is.
fn play(text: &str) -> Result<String, String> {
    let scenario: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let kind = scenario["kind"].as_str().ok_or("a scenario has a kind")?;
    let player = match kind {
        "schedule" => schedule::play,
        "fsm" => tables::state_machine,
        "lookup" => tables::lookup,
        other => return Err(format!("unknown kind of scenario {other:?}; schedule, fsm and lookup are known")),
    };
    let generations: &[Generation] = match scenario["era"].as_str() {
        Some("any") => &[Generation::Classic, Generation::TotalConns],
        Some("classic") => &[Generation::Classic],
        Some("totalconns") => &[Generation::TotalConns],
        other => return Err(format!("unknown era {other:?}; any, classic and totalconns are known")),
    };
    for &generation in generations {
        // A file that is not in the format is told by its name, and the others are played all the same.
        let played = catch_unwind(AssertUnwindSafe(|| player(&scenario, generation)))
            .unwrap_or_else(|panic| Err(format!("panicked: {}", message(&*panic))));
        played.map_err(|why| format!("({generation:?}) {why}"))?;
    }
    Ok(kind.to_owned())
}

fn message(panic: &dyn std::any::Any) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a message")
}

fn same(what: &str, ours: impl Into<Value>, kernel: &Value) -> Played {
    let ours = ours.into();
    if ours == *kernel { Ok(()) } else { Err(format!("{what}: {ours}, the kernel says {kernel}")) }
}

#[test]
fn several_folders_are_named_with_colons() {
    let named = folders(Some(OsStr::new("/a:/b:")));
    assert_eq!(named, [Path::new("/a"), Path::new("/b")]);
}

#[test]
#[should_panic(expected = "names no folder")]
fn a_variable_that_names_nothing_is_no_pass() {
    folders(Some(OsStr::new("")));
}

#[test]
#[should_panic(expected = "no scenario")]
fn a_folder_without_scenarios_is_no_pass() {
    scenarios(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")));
}

#[test]
fn what_is_not_in_the_format_is_a_failure_and_not_skipped() {
    for (text, why) in [
        (r#"{"kind":"ballet","era":"any"}"#, "unknown kind"),
        (r#"{"kind":"schedule","era":"later"}"#, "unknown era"),
        (r#"{"kind":"schedule","era":"any","service":{"af":"inet7"}}"#, "unknown family"),
        (r#"{"era":"any"}"#, "has a kind"),
        ("{", "EOF"),
    ] {
        let failure = play(text).unwrap_err();
        assert!(failure.contains(why), "{text}: {failure}");
    }
}
