//! Hostile files cost no more than their size, and what they ask for beyond a bound is a diagnostic.

use std::fmt::Write as _;
use std::time::Duration;

use lvs_config::Source;
use lvs_config::keepalived::{self, Document, Limits, MemoryFiles, Options, canonical};

fn code_of(text: &str) -> Vec<String> {
    let mut limits = Limits::default();
    (limits.lines, limits.bytes) = (20_000, 1 << 20);
    let options = Options::new().with_limits(limits);
    let lowered = keepalived::lower_with(Source::new("k", text), &mut MemoryFiles::new(), &options);
    lowered.diagnostics.iter().map(|d| d.code.to_string()).collect()
}

#[test]
fn cycles_of_definitions_are_found() {
    for text in
        ["$A=$A\n$A\n", "$A=a${A}\nx ${A}\n", "$A=$B\n$B=$A\n$A\n", "$A= \\\nx \\\n$A\n$A\n", "$A=~SEQ(I,1,2) $A\n$A\n"]
    {
        assert!(code_of(text).contains(&"definition-cycle".to_owned()), "{text}: {:?}", code_of(text));
    }
}

#[test]
fn doubling_is_bounded() {
    let mut text = "$A0=xxxxxxxxxxxxxxxx\n".to_owned();
    for i in 1..60 {
        let _ = writeln!(text, "$A{i}=${{A{}}}${{A{}}}", i - 1, i - 1);
    }
    text.push_str("router_id ${A59}\n");
    assert!(code_of(&text).contains(&"expansion-too-large".to_owned()));
}

#[test]
fn products_of_sequences_are_bounded() {
    let text = "global_defs {\n~SEQ(A,1,100000) ~SEQ(B,1,100000) ~SEQ(C,1,100000) router_id $A$B$C\n}\n";
    assert!(code_of(text).contains(&"expansion-too-large".to_owned()));
    let text = "~SEQ(A,-9223372036854775807,9223372036854775807) x\n";
    assert!(code_of(text).contains(&"expansion-too-large".to_owned()));
}

#[test]
fn files_that_include_themselves_or_too_many_are_found() {
    let read = |text: &str, mut files: MemoryFiles| {
        let lowered = keepalived::lower_with(Source::new("/k.conf", text), &mut files, &Options::new());
        lowered.diagnostics.iter().map(|d| d.code.to_string()).collect::<Vec<_>>()
    };
    let own = MemoryFiles::new().with("/k.conf", "include k.conf\n");
    assert!(read("include k.conf\n", own).contains(&"include-cycle".to_owned()));
    let mut chain = MemoryFiles::new();
    for i in 0..100 {
        chain = chain.with(format!("/{i}"), format!("include {}\n", i + 1));
    }
    assert!(read("include 0\n", chain).contains(&"include-too-deep".to_owned()));
    // Eight files that each include all deeper ones twice: 2^n readings.
    let mut tree = MemoryFiles::new();
    for i in 0..30 {
        tree = tree.with(format!("/t{i}"), format!("include t{}\ninclude t{}\n", i + 1, i + 1));
    }
    tree = tree.with("/t30", "");
    assert!(read("include t0\n", tree).contains(&"include-too-many".to_owned()));
}

#[test]
fn a_group_of_sixteen_million_addresses_is_refused() {
    let text = "virtual_server_group G {\n10.0.0.0/8 80\n::/0 80\n}\nvirtual_server group G {\nprotocol TCP\nlvs_sched rr\nlvs_method NAT\nreal_server 10.1.0.1 80 {\n}\n}\n";
    let lowered = keepalived::lower(text);
    assert_eq!(lowered.diagnostics.iter().filter(|d| d.code == "group-too-large").count(), 2, "{}", lowered.report());
    assert!(lowered.table().is_empty());
    let mut limits = Limits::default();
    limits.group_entry = 1 << 25;
    limits.destinations = 1000;
    let options = Options::new().with_limits(limits);
    let lowered = keepalived::lower_with(Source::new("k", text), &mut MemoryFiles::new(), &options);
    let projection = lowered.project(&keepalived::State::AllUp);
    assert_eq!(projection.table.len(), 500);
    assert_eq!(projection.diagnostics[0].code, "too-many-rules");
}

/// The time that this thread was on a processor, where the system tells it: the machine may be busy with other things.
fn clock() -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = told.and_then(|t| t.split(' ').next().and_then(|n| n.parse().ok()));
    match nanoseconds {
        Some(n) => Duration::from_nanos(n),
        None => std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default(),
    }
}

fn time(work: impl Fn()) -> Duration {
    let once = || {
        let start = clock();
        work();
        clock().saturating_sub(start)
    };
    (0..3).map(|_| once()).min().unwrap_or_default()
}

/// One text of eight parts may take no more than some four times what eight texts of one part take, where a square
/// would take eight times as long.
fn is_linear(name: &str, text: impl Fn(usize) -> Vec<u8>) {
    is_linear_for(name, text, |bytes| {
        let document = Document::parse(bytes.to_vec());
        let _ = document.all_nodes().count();
        let lowered = keepalived::lower(bytes);
        let _ = (canonical(&lowered.tree).len(), lowered.table().len());
        let _ = lowered.diagnostics.iter().map(|d| lowered.sources.range(d.span).start.line).sum::<usize>();
    });
}

fn is_linear_for(name: &str, text: impl Fn(usize) -> Vec<u8>, work: impl Fn(&[u8])) {
    let (small, large) = (text(1_000), text(8_000));
    let parts = time(|| (0..8).for_each(|_| work(&small))).max(Duration::from_millis(20));
    let whole = time(|| work(&large));
    assert!(whole < parts * 4, "{name}: {parts:?} in eight parts, {whole:?} as a whole");
}

fn servers(n: usize) -> Vec<u8> {
    let mut text = "virtual_server 10.0.0.1 80 {\nprotocol TCP\nlvs_sched rr\nlvs_method NAT\n".to_owned();
    for i in 0..n {
        let _ =
            writeln!(text, "real_server 10.{}.{}.{} 80 {{\nweight 1\n}}", i / 62_500 + 1, i / 250 % 250, i % 250 + 1);
    }
    (text + "}\n").into_bytes()
}

fn services(n: usize) -> Vec<u8> {
    let service = |i: usize| {
        format!(
            "virtual_server 10.{}.{}.{} 80 {{\nprotocol TCP\nlvs_sched rr\nlvs_method NAT\nreal_server 10.1.0.1 80 {{\nweight 1\n}}\n}}\n",
            i / 62_500 + 1,
            i / 250 % 250,
            i % 250 + 1
        )
    };
    (0..n).map(service).collect::<String>().into_bytes()
}

/// As many services or servers are added as are there.
#[test]
fn time_of_edits_grows_with_the_size_and_not_with_its_square() {
    let double = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        let more = text.replace("server 10.1.", "server 10.101.").replace("virtual_server 10.1", "virtual_server 10.2");
        let mut table = keepalived::lower(bytes).table();
        for server in &keepalived::lower(more.as_bytes()).table() {
            let Some(there) = table.get_mut(server.key()) else {
                table.upsert(server.clone());
                continue;
            };
            for destination in server.destinations() {
                there.upsert(*destination).expect("a single host");
            }
        }
        let applied = keepalived::apply(&Document::parse(bytes), &table).expect("all of it stands in the file");
        assert!(applied.document.bytes().len() > bytes.len() * 3 / 2);
    };
    is_linear_for("servers", |n| servers(n / 2), double);
    is_linear_for("services", |n| services(n / 2), double);
}

#[test]
fn time_grows_with_the_size_and_not_with_its_square() {
    let repeat = |s: &'static str| move |n: usize| s.repeat(n).into_bytes();
    is_linear("nesting", repeat("a {\n"));
    is_linear("known nesting", repeat("virtual_server 10.0.0.1 80 {\n"));
    is_linear("braces", repeat("} {"));
    is_linear("closing", repeat("}\n"));
    is_linear("quotes", repeat("\"a"));
    is_linear("comments in c", repeat("/* x\n"));
    is_linear("continuations", repeat("weight \\\n"));
    is_linear("templates", repeat("{{ x }} "));
    is_linear("shell", repeat("a ${X:-y} "));
    is_linear("words", repeat("w "));
    is_linear("no-break", repeat("\u{A0}a "));
    is_linear("no-break alone", repeat("\u{A0}\u{A0}\u{A0}"));
    is_linear("full-width braces", repeat("\u{FF5B}"));
    is_linear("carriage returns", repeat("a {\r"));
    is_linear("sequences", repeat("~SEQ(A,1,2) ~SEQ("));
    is_linear("dollars", repeat("${A"));
    is_linear("repeated", |n| {
        format!("virtual_server 10.0.0.1 80 {{\n{}}}\n", "delay_loop 6\n".repeat(n)).into_bytes()
    });
    is_linear("definitions", |n| {
        (0..n).map(|i| format!("$A{i}=x\nrouter_id $A{i}\n")).collect::<String>().into_bytes()
    });
    is_linear("servers", servers);
    is_linear("services", services);
    is_linear("groups", |n| {
        let group = |i: usize| {
            format!(
                "virtual_server_group G{i} {{\n10.0.0.1 {}\n}}\nvirtual_server group G{i} {{\nprotocol TCP\nlvs_sched rr\nlvs_method NAT\nreal_server 10.1.0.1 80 {{\n}}\n}}\n",
                i % 60_000 + 1
            )
        };
        (0..n / 4).map(group).collect::<String>().into_bytes()
    });
}
