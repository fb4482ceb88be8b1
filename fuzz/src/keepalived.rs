//! keepalived.conf of `lvs-config`.

use lvs_config::keepalived::{
    Comments, Document, Editor, Limits, MemoryFiles, NewStatement, Options, Printer, State, canonical, lower_with,
    parse_with,
};
use lvs_config::{FileId, Source};

/// A file may ask for so much work, so that one input is one instant.
fn options() -> Options {
    let mut limits = Limits::default();
    (limits.lines, limits.bytes, limits.files) = (500, 1 << 15, 16);
    (limits.group_entry, limits.destinations) = (64, 512);
    Options::new().with_id("lvs1").with_limits(limits)
}

/// The file can include itself under another name.
fn files(bytes: &[u8]) -> MemoryFiles {
    MemoryFiles::new().with("./x", bytes).with("x", bytes)
}

fn read(bytes: &[u8]) -> lvs_config::keepalived::Lowered {
    lower_with(Source::new("keepalived.conf", bytes), &mut files(bytes), &options())
}

/// Any bytes are a document: tokens tile them, statements lie inside of them, and they come back.
pub fn bytes(bytes: &[u8]) {
    let document = Document::parse(bytes);
    let mut at = 0;
    for (_, range) in document.tokens() {
        assert_eq!(range.start, at);
        assert!(range.end > at);
        at = range.end;
    }
    assert_eq!(at, bytes.len());
    for node in document.all_nodes() {
        assert!(node.range().end <= bytes.len());
        assert!(node.word_ranges().all(|r| r.end <= bytes.len()));
    }
    assert_eq!(Editor::new(&document).finish().map(Document::into_bytes), Ok(bytes.to_vec()));
}

/// A change takes effect, leaves what is before its statement and behind it, and gives a document again.
pub fn edit(bytes: &[u8]) {
    let Some((&choice, bytes)) = bytes.split_first() else { return };
    let document = Document::parse(bytes);
    let count = document.all_nodes().count();
    if count == 0 {
        return;
    }
    let node = document.all_nodes().nth(usize::from(choice) * 7 % count).expect("counted");
    let mut editor = Editor::new(&document);
    let statement = NewStatement::new(["weight", "77"]);
    let done = match choice % 6 {
        0 => editor.set_word(node, 0, "word"),
        1 => editor.remove(node, Comments::Remove),
        2 => editor.insert_after(node, &statement),
        3 => editor.insert_before(node, &statement.block()),
        4 => editor.append(Some(node), &statement).and_then(|()| editor.append(Some(node), &statement.block())),
        _ => editor.set(node, "weight", &["77"]),
    };
    if done.is_err() {
        return;
    }
    let changed = editor.finish().expect("one place is no conflict");
    if choice % 6 != 1 {
        let text = String::from_utf8_lossy(changed.bytes());
        assert!(text.contains("word") || text.contains("weight"), "{text}");
    }
    self::bytes(changed.bytes());
}

/// Reading neither panics nor hangs; each diagnostic has a place and each fix fits; the rules can be made and printed.
pub fn lower(bytes: &[u8]) {
    let lowered = read(bytes);
    for diagnostic in &lowered.diagnostics {
        assert!(lowered.sources.file(diagnostic.span.file).is_some(), "{diagnostic:?}");
        if let Some(fix) = &diagnostic.fix {
            assert!(fix.apply(FileId::MAIN, bytes).is_ok(), "{diagnostic:?}");
        }
    }
    assert!(lowered.report().len() < 4 << 20);
    for state in [State::AllUp, State::AsWritten, State::Start] {
        let table = lowered.project(&state).table;
        let printed = Printer::new().print(&table);
        if printed.losses.is_empty() {
            let back = lvs_config::keepalived::lower(&printed.text).table();
            assert_eq!(back, table, "{}", printed.text);
        }
    }
}

/// The canonical form is a fixed point, whatever is wrong with what it was made of.
pub fn canonical_twice(bytes: &[u8]) {
    let once = canonical(parse_with(Source::new("keepalived.conf", bytes), &mut files(bytes), &options()).tree());
    let twice = canonical(lvs_config::keepalived::parse(&once).tree());
    assert_eq!(String::from_utf8_lossy(&twice), String::from_utf8_lossy(&once));
}
