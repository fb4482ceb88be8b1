//! No byte is lost: not by reading, not by changing something else, not by the canonical form.

use crate::common::folders;
use lvs_config::Source;
use lvs_config::keepalived::{self, Comments, Document, Editor, MemoryFiles, NewStatement, Options, canonical};
use proptest::prelude::*;

/// Every regular file below the folders, whatever its format: the law holds for any bytes.
fn all_files() -> Vec<std::path::PathBuf> {
    let mut open = folders();
    let mut out = Vec::new();
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).expect("folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
            } else {
                out.push(path);
            }
        }
    }
    assert!(out.len() >= 200, "{}", out.len());
    out
}

fn tiles(document: &Document) {
    let mut at = 0;
    for (_, range) in document.tokens() {
        assert_eq!(range.start, at);
        assert!(range.end > at);
        at = range.end;
    }
    assert_eq!(at, document.bytes().len());
}

#[test]
fn every_file_comes_back_as_it_was() {
    for path in all_files() {
        let bytes = std::fs::read(&path).unwrap();
        let document = Document::parse(bytes.clone());
        tiles(&document);
        assert_eq!(document.to_bytes(), bytes, "{}", path.display());
        assert_eq!(Editor::new(&document).finish().unwrap().into_bytes(), bytes, "{}", path.display());
    }
}

#[test]
fn the_canonical_form_of_every_file_is_stable() {
    for path in all_files().iter().filter(|p| p.extension().is_some_and(|e| e == "conf")) {
        let bytes = std::fs::read(path).unwrap();
        let options = Options::new().with_id("lvs1");
        let source = Source::new(path.to_string_lossy(), &bytes);
        let once = canonical(keepalived::parse_with(source, &mut MemoryFiles::new(), &options).tree());
        let twice = canonical(keepalived::parse(&once).tree());
        assert_eq!(String::from_utf8_lossy(&twice), String::from_utf8_lossy(&once), "{}", path.display());
    }
}

/// Bytes that hit the grammar more often than random ones.
fn text() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => proptest::sample::select(vec![
            "virtual_server 10.0.0.1 80 {\n", "real_server 10.0.0.2 80 {", "weight 3", "lb_kind DR\n", "lb_algo rr",
            "TCP_CHECK {", "connect_timeout 3\n", "}", "{", "\n", "\r\n", " ", "\t", "\"", "#", "!", "\\", "\\\n", "$A=",
            "$A", "${A}", "$B=${A}\n", "${_ENV X}", "~SEQ(A,1,3) ", "~SEQx(A,$A)", "~LST({A,B},{1,2}) ", "@lvs1 ", "@^x ",
            "include x.conf\n", "include *.conf", "virtual_ipaddress {\n", "vrrp_instance V {\n", "global_defs", "\0",
            "\u{FEFF}", "\u{A0}", "\u{FF5B}", "virtual_server_group G {\n", "10.0.0.0/8 80\n", "10.0.0.1-9", "fwmark 3",
            "virtual_server group G {\n", "{{ x }}", "${X:-y}", "/* ", " */", "// x", ";", "=", "weight=1", "HTTP_GET {\n",
            "url {\n", "path /\n", "persistence_timeout 0\n", "vrrp_instance_X {", "protocol TCP\n", "quorum 4294967295\n",
        ])
        .prop_map(|s| s.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..6),
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// How many inputs each property is tried on; `LVS_CASES` says another number.
fn cases() -> u32 {
    std::env::var("LVS_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(1000)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_come_back(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let document = Document::parse(bytes.clone());
        tiles(&document);
        prop_assert_eq!(document.bytes(), &bytes[..]);
        for node in document.all_nodes() {
            prop_assert!(node.range().end <= bytes.len());
        }
    }

    #[test]
    fn reading_never_panics_and_the_canonical_form_is_stable(bytes in text()) {
        let document = Document::parse(bytes.clone());
        tiles(&document);
        let options = Options::new().with_id("lvs1");
        let mut files = MemoryFiles::new().with("./x.conf", bytes.clone()).with("x.conf", bytes.clone());
        let lowered = keepalived::lower_with(Source::new("keepalived.conf", &bytes), &mut files, &options);
        let table = lowered.table();
        for diagnostic in &lowered.diagnostics {
            prop_assert!(!lowered.sources.range(diagnostic.span).file.is_empty());
            if let Some(fix) = &diagnostic.fix {
                prop_assert!(fix.apply(lvs_config::FileId::MAIN, &bytes).is_ok());
            }
        }
        prop_assert!(lowered.report().len() < 1_000_000);
        let once = canonical(&lowered.tree);
        let again = keepalived::lower(&once);
        let twice = canonical(&again.tree);
        prop_assert_eq!(String::from_utf8_lossy(&twice), String::from_utf8_lossy(&once));
        let _ = (table, again.table());
    }

    #[test]
    fn a_change_touches_nothing_else(bytes in text(), pick in any::<proptest::sample::Index>(), what in 0..5) {
        let document = Document::parse(bytes.clone());
        let nodes: Vec<_> = document.all_nodes().collect();
        if nodes.is_empty() {
            return Ok(());
        }
        let node = nodes[pick.index(nodes.len())];
        let mut editor = Editor::new(&document);
        let statement = NewStatement::new(["weight", "77"]);
        let done = match what {
            0 => editor.set_word(node, node.words().count().saturating_sub(1), "77"),
            1 => editor.remove(node, Comments::Remove),
            2 => editor.insert_after(node, &statement),
            3 => editor.insert_before(node, &statement),
            _ => editor.append(Some(node), &statement.block()),
        };
        if done.is_err() {
            return Ok(());
        }
        let changed = editor.finish().unwrap();
        // What is the same at both ends, and the place of the change, cover the whole text. Where both ends could claim
        // the same bytes it may be either.
        let new = changed.bytes();
        let short = bytes.len().min(new.len());
        let same_start = bytes.iter().zip(new).take_while(|(a, b)| a == b).count();
        let same_end = bytes.iter().rev().zip(new.iter().rev()).take_while(|(a, b)| a == b).count();
        let range = node.range();
        let line = |at: usize| bytes[..at].iter().rposition(|&b| b == b'\n').map_or(0, |n| n + 1);
        let mut first = line(range.start);
        while first > 0 && bytes[line(first - 1)..first].iter().find(|b| !b.is_ascii_whitespace()).is_none_or(|b| matches!(b, b'#' | b'!')) {
            first = line(first - 1);
        }
        let last = bytes[range.end..].iter().position(|&b| b == b'\n').map_or(bytes.len(), |n| range.end + n + 1);
        let last = bytes[last..].iter().position(|&b| b == b'\n').map_or(bytes.len(), |n| last + n + 1);
        // Start of what changed: as late as the place of the change wants it, as far as both ends allow.
        let begin = first.max(short.saturating_sub(same_end)).min(same_start);
        let end = same_end.min(short - begin);
        prop_assert!(begin >= first && bytes.len() - end <= last, "{begin} {end} {first}..{last}");
    }
}
