//! What we find wrong is what keepalived 2.2.7 finds wrong, file by file and line by line.
//!
//! `LVS_CORPUS` names the folders with recorded verdicts. Each difference has a reason that stands here or in
//! `lines.txt`; a difference without one fails the test.

use std::collections::{BTreeMap, BTreeSet};

use crate::common::{Message, Recorded, recorded};
use lvs_config::keepalived::{self, Lowered, MemoryFiles, Options};
use lvs_config::{Severity, Source};

/// Errors of ours that keepalived does not report, by the policy: error is what it drops or changes silently as well.
const OURS: [(&str, &str); 8] = [
    ("two-statements", "the second statement of a line is dropped in silence"),
    ("duplicate-service", "the kernel can have a service once, keepalived does not look"),
    ("thresholds-crossed", "the kernel refuses the server, keepalived does not look"),
    ("undefined-name", "the reference is dropped; keepalived only logs, or calls it a problem of the machine"),
    ("include-missing", "exit status 6 without a message of syntax"),
    ("duplicate-name", "one of two definitions is lost in silence"),
    ("group-too-large", "keepalived would make millions of services"),
    ("comment-in-word", "a value is lost in silence"),
];

/// Messages of keepalived that are warnings or remarks here, by the policy: nothing that was written is dropped.
const SOFTER: [(&str, &str); 9] = [
    ("No VIP specified", "no-virtual-address"),
    ("empty notification_email block", "empty-block"),
    ("Rule has no preference", "rule-without-preference"),
    ("is deprecated", "deprecated"),
    ("Please use global", "deprecated"),
    ("unicast keyword has been specified", "unicast-without-peers"),
    ("requires vmac_xmit_base", "vmac-xmit-base"),
    ("this probably isn't what you want", "lonely-group"),
    ("Unknown keyword 'inc", "include-missing"),
];

/// Errors after which keepalived reads on at the wrong level, so that what it says below them follows from them.
const LEAKING: [&str; 29] = [
    "continuation",
    "nul-byte",
    "sequence-opens-block",
    "unknown-keyword",
    "missing-blank",
    "wrong-case",
    "misplaced-keyword",
    "look-alike",
    "removed-keyword",
    "fork-keyword",
    "missing-open-brace",
    "missing-close-brace",
    "unexpected-close-brace",
    "unexpected-open-brace",
    "undefined-definition",
    "definition-blank",
    "shell-default",
    "template",
    "byte-order-mark",
    "not-keepalived",
    "bad-sequence",
    "too-new",
    "not-a-comment",
    "two-statements",
    "unterminated-quote",
    "carriage-return-lines",
    "key-equals-value",
    "invalid-address",
    "line-too-long",
];

fn lower(file: &Recorded) -> Lowered {
    let options = Options::new().with_id("lvs1").with_version("2.2.7");
    let source = Source::new(file.path.to_string_lossy(), &file.bytes);
    keepalived::lower_with(source, &mut MemoryFiles::new(), &options)
}

fn codes(lowered: &Lowered, severity: Option<Severity>) -> BTreeSet<String> {
    let wanted = lowered.diagnostics.iter().filter(|d| severity.is_none_or(|s| d.severity == s));
    wanted.map(|d| d.code.to_string()).collect()
}

fn complaints(file: &Recorded) -> impl Iterator<Item = &Message> {
    file.messages.iter().filter(|m| !m.environment)
}

/// keepalived does not come to look at the services when its name space is missing on the machine.
fn stops_at_namespace(lowered: &Lowered) -> bool {
    lowered.tree.statements().any(|s| s.name() == "net_namespace")
}

/// Errors that keepalived looks for at the end of the file, when every interface and script is on the machine.
const AT_THE_END: [&str; 16] = [
    "accept-ignored",
    "advert-int-rounded",
    "authentication-ignored",
    "duplicate-member",
    "duplicate-router-id",
    "implied-by-vmac",
    "ipvlan-without-address",
    "no-interface",
    "no-router-id",
    "nopreempt-master",
    "nopreempt-owner",
    "only-with-vmac",
    "preempt-delay",
    "state-not-owner",
    "state-with-ah",
    "tracked-twice",
];

/// An interface or a script that the machine lacks keeps keepalived from looking at what comes at the end.
fn stops_at_machine(file: &Recorded, code: &str) -> bool {
    let says = |text: &str| file.messages.iter().any(|m| m.text.contains(text));
    let interface = says("Non-existent interface specified");
    let script = says("Disabling track script") || says("- removing") || says("not found, ignoring");
    (code == "weight-in-group" && (interface || script)) || (interface && AT_THE_END.contains(&code))
}

#[test]
fn a_file_is_wrong_for_us_when_it_is_wrong_for_keepalived() {
    let mut unexplained = Vec::new();
    let mut explained: BTreeMap<String, usize> = BTreeMap::new();
    let mut equal = 0;
    let files = recorded();
    for file in &files {
        let lowered = lower(file);
        let errors = codes(&lowered, Some(Severity::Error));
        let all = codes(&lowered, None);
        // 124 is a program that did not end: cycles of definitions.
        let theirs: Vec<&Message> = complaints(file).collect();
        let wrong_for_them = !theirs.is_empty() || file.exit == 124;
        match (wrong_for_them, errors.is_empty()) {
            (true, false) | (false, true) => equal += 1,
            (false, false) => {
                let known = |code: &String| OURS.iter().any(|(c, _)| c == code) || stops_at_machine(file, code);
                if errors.iter().all(known) || stops_at_namespace(&lowered) {
                    errors.into_iter().for_each(|c| *explained.entry(c).or_default() += 1);
                } else {
                    unexplained.push(format!("{}: only for us: {errors:?}", file.id));
                }
            }
            (true, true) => {
                let softer = |m: &&Message| {
                    SOFTER.iter().any(|(part, code)| m.text.contains(part) && all.contains(*code))
                        || (m.text == "Unknown keyword 'loop'" && all.contains("include-missing"))
                };
                if !theirs.is_empty() && theirs.iter().all(softer) {
                    theirs.iter().for_each(|m| *explained.entry(m.text.clone()).or_default() += 1);
                } else {
                    let texts: Vec<_> = theirs.iter().map(|m| &m.text).collect();
                    unexplained.push(format!("{}: only for keepalived: {texts:?}", file.id));
                }
            }
        }
    }
    println!("{equal} of {} files agree, the others for these reasons: {explained:#?}", files.len());
    assert!(unexplained.is_empty(), "{}", unexplained.join("\n"));
    assert!(equal * 100 >= files.len() * 94, "{equal} of {}", files.len());
}

#[test]
fn our_lines_are_those_of_keepalived() {
    let reasons: Vec<&str> = include_str!("lines.txt")
        .lines()
        .filter(|l| !l.starts_with('#'))
        .map(|l| l.split_once('\t').expect("a tab").0)
        .collect();
    let mut unexplained = Vec::new();
    let (mut total, mut same, mut leaks, mut listed) = (0, 0, 0, 0);
    for file in &recorded() {
        let lowered = lower(file);
        let line = |span| lowered.sources.position(span).map_or(0, |p| p.line);
        let ours: BTreeSet<usize> = lowered.diagnostics.iter().map(|d| line(d.span)).collect();
        let leak =
            lowered.diagnostics.iter().filter(|d| LEAKING.contains(&d.code.as_str())).map(|d| line(d.span)).min();
        for message in complaints(file) {
            let Some(theirs) = message.line else { continue };
            total += 1;
            let words = [
                "Unknown keyword",
                "Unexpected '{'",
                "Extra '}'",
                "Missing '{'",
                "invalid number",
                "Unmatched",
                "String '",
            ];
            if ours.contains(&theirs) {
                same += 1;
            } else if leak.is_some_and(|l| l <= theirs) && words.iter().any(|w| message.text.starts_with(w)) {
                leaks += 1;
            } else if reasons.iter().any(|r| message.text.contains(r)) {
                listed += 1;
            } else {
                unexplained.push(format!("{}:{theirs}: {}", file.id, message.text));
            }
        }
    }
    println!(
        "{total} messages with a line: {same} on a line of ours, {leaks} follow from an error above, {listed} listed"
    );
    assert!(unexplained.is_empty(), "{}", unexplained.join("\n"));
}

/// One mistake, one error: a file with one mistake has one error, where keepalived has up to forty messages.
#[test]
fn one_mistake_is_one_error() {
    let several = ["diag/quorum_big", "diag/fwmark_proto", "diag/bad_port", "diag/vsg_badmask"];
    let mut wrong = Vec::new();
    for file in crate::common::own_cases().iter().filter(|f| f.id.starts_with("diag/")) {
        let lowered = lower(file);
        let errors = lowered.diagnostics.iter().filter(|d| d.severity == Severity::Error).count();
        if errors > 1 && !several.contains(&file.id.as_str()) {
            wrong.push(format!("{}\n{}", file.id, lowered.report()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The same for mistakes that take away what is needed elsewhere.
#[test]
fn what_follows_from_a_mistake_is_not_told() {
    let service =
        |inside: &str| format!("virtual_server 10.0.0.1 80 {{\n    protocol TCP\n    lvs_method NAT\n{inside}}}\n");
    let check = |inside: &str| service(&format!("    lvs_sched rr\n    real_server 10.1.0.1 80 {{\n{inside}    }}\n"));
    let url = |line: &str| {
        check(&format!("        HTTP_GET {{\n            url {{\n                {line}\n            }}\n        }}\n"))
    };
    let flag = |line: &str| service(&format!("    {line}\n    sh-port\n    real_server 10.1.0.1 80 {{\n    }}\n"));
    let instance = |inside: &str| {
        format!(
            "vrrp_instance VI_1 {{\n    virtual_router_id 1\n    interface eth0\n    virtual_ipaddress {{\n        10.0.0.9\n    }}\n{inside}}}\n"
        )
    };
    let tracked = instance("    track_script {\n        chk\n    }\n");
    let group = "vrrp_sync_group G {\n    group {\n        VI_1\n        VI_2\n    }\n}\n";
    let texts = [
        service("    lvs_sched rr\n    rael_server 10.1.0.1 80 {\n    }\n"),
        url("pth /x"),
        url("PATH /x"),
        url("path=/x"),
        check("        HTTP_GET {\n            ulr {\n                path /\n            }\n        }\n"),
        check("        MISC_CHECK {\n            misc_paht /bin/true\n        }\n"),
        check("        FILE_CHECK {\n            trakc_file f\n        }\n"),
        format!(
            "track_fiel f {{\n    file /x\n}}\n{}",
            check("        FILE_CHECK {\n            track_file f\n        }\n")
        ),
        check("        BFD_CHECK {\n            nmae b\n        }\n"),
        flag("lb_ago sh"),
        flag("lvs_sched sh;"),
        flag("lvs_sched = sh"),
        format!("vrrp_scrip chk {{\n    script /bin/true\n}}\n{tracked}"),
        format!("{group}{}{}", instance(""), instance("").replace("instance VI_1", "instnace VI_2")),
        service("    lvs_sched rr\n    real_server 10.1.0.1 80 {\n    }\n").replace("10.0.0.1 80", "group G")
            + "virtual_server_gruop G {\n    10.0.0.1 80\n}\n",
    ];
    for text in texts {
        let lowered = keepalived::lower(&text);
        let errors = lowered.diagnostics.iter().filter(|d| d.severity == Severity::Error).count();
        assert_eq!(errors, 1, "{text}{}", lowered.report());
    }
    // An unknown word that means something else hides nothing.
    let two = keepalived::lower(service("    delya_loop 6\n    lvs_sched rr\n"));
    assert_eq!(codes(&two, Some(Severity::Error)).len(), 2, "{}", two.report());
}
