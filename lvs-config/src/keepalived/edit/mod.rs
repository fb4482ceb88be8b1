//! Changing a file so that nothing else in it changes.
//!
//! # Whose comment is it?
//!
//! A comment behind a statement, on its last line, belongs to the statement. Comment lines directly above a statement,
//! without an empty line between, belong to it too, unless they start in the first line of the file: then they are
//! about the file. All other comments belong to the block. Changing a value keeps every comment; removing a statement
//! takes the comment behind it along, and those above it when [`Comments::Remove`] says so.
//!
//! # How new statements look
//!
//! They imitate their neighbours: the indentation of the nearest statement in the same block, tabs or blanks, the line
//! ends of the file, the place of the braces.

mod apply;
mod style;

use std::collections::HashMap;
use std::ops::Range;

use lvs_model::{Destination, Forwarding, Service, ServiceKey, VirtualServer, Weight};

use super::document::{Document, Node};
use super::print::{Printer, common_forwarding};
use super::statement::{NewStatement, write_word};
pub use apply::{Applied, ApplyError, apply};
use style::{Style, ends_line, indentation, line_end, line_start, lines_of, owned_comments};

/// This says what happens to the comment lines above a statement that is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Comments {
    /// They stay.
    #[default]
    Keep,
    /// Those that belong to the statement go with it.
    Remove,
}

/// This is what can go wrong when a document is changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EditError {
    /// The statement is one of another document.
    #[error("statement belongs to another document, look it up in the one that is edited")]
    OtherDocument,
    /// The statement has no such word.
    #[error("statement has {found} words and no word {wanted}, use `set` to write all of them")]
    NoSuchWord {
        /// This is the word that was asked for, from 0.
        wanted: usize,
        /// This is the number of words.
        found: usize,
    },
    /// The statement has no block.
    #[error("statement has no closed block to put something into, add one with its block")]
    NoBlock,
    /// The word holds a quote, a line end or a NUL, for which the format has no spelling.
    #[error("`{}` cannot be written: words hold no quotes, line ends and NULs", word.escape_debug())]
    Unwritable {
        /// This is the word; what is not UTF-8 is U+FFFD.
        word: String,
    },
    /// Two changes touch the same bytes.
    #[error("two changes touch byte {at}, finish one and look the statements up again")]
    Conflict {
        /// This is where the second change starts.
        at: usize,
    },
}

/// This collects changes of a [`Document`] and makes a new one of them.
///
/// ```
/// use lvs_config::keepalived::{Document, Editor};
///
/// let document = Document::parse("virtual_server 10.0.0.1 80 {\n\treal_server 10.1.0.1 80 {\n\t\tweight  1  # slow\n\t}\n}\n");
/// let service = document.nodes().next().ok_or("empty")?;
/// let server = service.child("real_server").ok_or("no server")?;
///
/// let mut editor = Editor::new(&document);
/// editor.set_weight(server, 5.into())?;
/// editor.add_real_server(service, &lvs_model::Destination::new("10.1.0.2:80".parse()?))?;
/// let document = editor.finish()?;
/// assert_eq!(document.bytes(), b"virtual_server 10.0.0.1 80 {\n\treal_server 10.1.0.1 80 {\n\t\tweight  5  # slow\n\t}\n\treal_server 10.1.0.2 80 {\n\t\tweight 1\n\t}\n}\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Editor<'a> {
    document: &'a Document,
    changes: Vec<Change>,
    /// Where statements are added, by block, keyword and whether they have no block: looked up once for many.
    anchors: HashMap<(Option<usize>, Vec<u8>, bool), Anchor>,
    /// What new servers of a block inherit.
    methods: HashMap<usize, Forwarding>,
}

/// New bytes instead of some of the document.
#[derive(Debug)]
struct Change {
    range: Range<usize>,
    /// What opens the place, such as a line end, and what closes it again: written once for all that goes there.
    before: Vec<u8>,
    after: Vec<u8>,
    text: Vec<u8>,
}

impl Change {
    /// Whether both go to one place, one behind the other.
    fn joins(&self, next: &Self) -> bool {
        self.range == next.range
            && self.before == next.before
            && self.after == next.after
            && (self.range.is_empty() || !self.before.is_empty())
    }
}

/// Where a statement is added to a block.
#[derive(Debug, Clone, Copy)]
enum Anchor {
    /// Behind the statement with this number.
    After(usize),
    Before(usize),
    /// There is no statement yet.
    Empty,
}

impl<'a> Editor<'a> {
    /// This starts to change a document.
    #[must_use]
    pub fn new(document: &'a Document) -> Self {
        Self { document, changes: Vec::new(), anchors: HashMap::new(), methods: HashMap::new() }
    }

    /// This makes the changed document.
    ///
    /// # Errors
    ///
    /// [`EditError::Conflict`] when two changes touch the same bytes.
    pub fn finish(mut self) -> Result<Document, EditError> {
        // Stable: what is inserted at one place keeps its order.
        self.changes.sort_by_key(|c| (c.range.start, c.range.end));
        let bytes = self.document.bytes();
        let mut out = Vec::with_capacity(bytes.len() + self.changes.iter().map(|c| c.text.len()).sum::<usize>());
        let mut at = 0;
        for group in self.changes.chunk_by(Change::joins) {
            let Change { range, before, after, .. } = &group[0];
            if range.start < at {
                return Err(EditError::Conflict { at: range.start });
            }
            out.extend_from_slice(&bytes[at..range.start]);
            out.extend_from_slice(before);
            group.iter().for_each(|c| out.extend_from_slice(&c.text));
            out.extend_from_slice(after);
            at = range.end;
        }
        out.extend_from_slice(&bytes[at..]);
        Ok(Document::parse(out))
    }

    /// This replaces one word, 0 being the keyword; blanks and comments around it stay.
    ///
    /// # Errors
    ///
    /// [`EditError::NoSuchWord`], [`EditError::Unwritable`], [`EditError::OtherDocument`].
    pub fn set_word(&mut self, node: Node<'_>, n: usize, word: impl AsRef<[u8]>) -> Result<(), EditError> {
        self.check(node)?;
        let range = node.word_ranges().nth(n);
        let range = range.ok_or_else(|| EditError::NoSuchWord { wanted: n, found: node.words().count() })?;
        writable(word.as_ref())?;
        let mut text = Vec::new();
        write_word(&mut text, word.as_ref(), n == 0);
        if text != self.document.bytes()[range.clone()] {
            self.change(range, text);
        }
        Ok(())
    }

    /// This makes a block say `keyword words`: an existing statement gets the words, else one is added.
    ///
    /// The last statement that holds always is the one that gets them; those behind `@id` or `~SEQ` stay.
    ///
    /// # Errors
    ///
    /// As [`Editor::append`], and [`EditError::Unwritable`].
    pub fn set(&mut self, block: Node<'_>, keyword: &str, words: &[&str]) -> Result<(), EditError> {
        self.check(block)?;
        for word in std::iter::once(&keyword).chain(words) {
            writable(word.as_bytes())?;
        }
        // The last one is the one that counts.
        let same = |n: &Node<'_>| n.keyword() == keyword.as_bytes() && !n.is_conditional();
        let Some(node) = block.children().filter(same).last() else {
            return self.append(Some(block), &NewStatement::new(std::iter::once(keyword).chain(words.iter().copied())));
        };
        let ranges: Vec<_> = node.word_ranges().collect();
        if ranges.len() == words.len() + 1 {
            for (n, word) in words.iter().enumerate() {
                self.set_word(node, n + 1, word)?;
            }
            return Ok(());
        }
        let mut text = Vec::new();
        NewStatement::new(std::iter::once(keyword).chain(words.iter().copied())).write_head(&mut text);
        self.change(node.head(), text);
        Ok(())
    }

    /// This removes a statement with its block and the comment behind it.
    ///
    /// # Errors
    ///
    /// [`EditError::OtherDocument`].
    pub fn remove(&mut self, node: Node<'_>, comments: Comments) -> Result<(), EditError> {
        self.check(node)?;
        let bytes = self.document.bytes();
        let mut range = lines_of(self.document, node);
        let whole_lines = range.start == line_start(bytes, range.start) && range.end > node.range().end;
        if comments == Comments::Remove && (whole_lines || range.end == bytes.len()) {
            range.start = owned_comments(bytes, range.start);
        }
        // Two statements that were kept apart by one empty line stay so, not by two.
        if whole_lines && blank_line_before(bytes, range.start) && blank_line_at(bytes, range.end) {
            range.end = line_end(bytes, range.end);
        }
        self.change(range, Vec::new());
        Ok(())
    }

    /// This adds a statement to a block, or to the file: behind the last one with the same keyword, else at the end.
    ///
    /// # Errors
    ///
    /// [`EditError::NoBlock`] when there is no block or it is not closed, [`EditError::OtherDocument`].
    pub fn append(&mut self, block: Option<Node<'_>>, statement: &NewStatement) -> Result<(), EditError> {
        if let Some(block) = block {
            self.check(block)?;
            if block.close().is_none() {
                return Err(EditError::NoBlock);
            }
        }
        let keyword = statement.words().first().map_or(&b""[..], Vec::as_slice);
        // Settings come before the servers, which keep the end of the block.
        let ordinary = statement.body().is_none();
        let document = self.document;
        let anchor = *self
            .anchors
            .entry((block.map(Node::index), keyword.to_vec(), ordinary))
            .or_insert_with(|| anchor(document, block, keyword, ordinary));
        match (anchor, block) {
            (Anchor::After(node), _) => self.insert_after(document.node(node), statement),
            (Anchor::Before(node), _) => self.insert_before(document.node(node), statement),
            (Anchor::Empty, Some(block)) => self.insert_first(block, statement),
            (Anchor::Empty, None) => {
                let style = Style::of(document, None);
                let mut text = Vec::new();
                style.write(&mut text, statement, b"");
                let end = document.bytes().len();
                self.insert_line(end, &style, text);
                Ok(())
            }
        }
    }

    /// This adds a statement on the line after another one.
    ///
    /// # Errors
    ///
    /// [`EditError::OtherDocument`].
    pub fn insert_after(&mut self, node: Node<'_>, statement: &NewStatement) -> Result<(), EditError> {
        self.check(node)?;
        let bytes = self.document.bytes();
        let style = Style::of(self.document, node.open().map(|_| node));
        let indent = indentation(bytes, node.head().start).unwrap_or_default().to_vec();
        let end = node.range().end;
        let mut text = Vec::new();
        if !ends_line(bytes, end) {
            // `{ weight 1 }` on one line: what follows moves to a line of its own.
            let outer = node.parent().and_then(|p| indentation(bytes, p.head().start)).unwrap_or_default();
            let inner =
                if indentation(bytes, node.head().start).is_some() { indent } else { [outer, &style.unit].concat() };
            style.write(&mut text, statement, &inner);
            let rest = bytes[end..].iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
            self.open_line(end..end + rest, &style, text, outer);
            return Ok(());
        }
        let at = line_end(bytes, end);
        // Blocks that keep a distance of one line keep it to a new one.
        let is_block = statement.body().is_some();
        let apart = is_block && blank_line_before(bytes, owned_comments(bytes, line_start(bytes, node.head().start)));
        let has_elder = node.open().is_some();
        if apart && has_elder {
            text.extend_from_slice(style.newline);
        }
        style.write(&mut text, statement, &indent);
        self.insert_line(at, &style, text);
        Ok(())
    }

    /// This adds a statement on the line before another one and the comments that belong to it.
    ///
    /// # Errors
    ///
    /// [`EditError::OtherDocument`].
    pub fn insert_before(&mut self, node: Node<'_>, statement: &NewStatement) -> Result<(), EditError> {
        self.check(node)?;
        let bytes = self.document.bytes();
        let style = Style::of(self.document, node.open().map(|_| node));
        let start = node.head().start;
        let mut text = Vec::new();
        match indentation(bytes, start) {
            Some(indent) => {
                style.write(&mut text, statement, indent);
                let at = owned_comments(bytes, line_start(bytes, start));
                self.change(at..at, text);
            }
            None => {
                let outer = node.parent().and_then(|p| indentation(bytes, p.head().start)).unwrap_or_default();
                let inner = [outer, &style.unit].concat();
                style.write(&mut text, statement, &inner);
                self.open_line(start..start, &style, text, &inner);
            }
        }
        Ok(())
    }

    /// The first statement of an empty block.
    fn insert_first(&mut self, block: Node<'_>, statement: &NewStatement) -> Result<(), EditError> {
        let (Some(open), Some(close)) = (block.open(), block.close()) else { return Err(EditError::NoBlock) };
        let bytes = self.document.bytes();
        let style = Style::of(self.document, Some(block));
        let outer = indentation(bytes, block.head().start).unwrap_or_default();
        let inner = [outer, &style.unit].concat();
        let mut text = Vec::new();
        style.write(&mut text, statement, &inner);
        if bytes[open.end..close.start].contains(&b'\n') {
            let at = line_start(bytes, close.start);
            self.change(at..at, text);
        } else {
            self.open_line(open.end..close.start, &style, text, outer);
        }
        Ok(())
    }

    /// This sets the weight of a `real_server`.
    ///
    /// # Errors
    ///
    /// As [`Editor::set`].
    pub fn set_weight(&mut self, server: Node<'_>, weight: Weight) -> Result<(), EditError> {
        self.set(server, "weight", &[&weight.to_string()])
    }

    /// This adds a `real_server` to a `virtual_server`, behind the other ones.
    ///
    /// # Errors
    ///
    /// As [`Editor::append`].
    pub fn add_real_server(&mut self, service: Node<'_>, destination: &Destination) -> Result<(), EditError> {
        self.check(service)?;
        let common = self.method_of(service);
        let key = ServiceKey::Socket { protocol: lvs_model::Protocol::TCP, endpoint: destination.endpoint };
        let none = Service::new(key, lvs_model::SchedulerName::Wlc);
        let statement = Printer::new().real_server(&none, destination, common, &mut Vec::new());
        self.append(Some(service), &statement)
    }

    /// This adds a `virtual_server` with its servers, behind the other ones.
    ///
    /// # Errors
    ///
    /// As [`Editor::append`].
    pub fn add_virtual_server(&mut self, server: &VirtualServer) -> Result<(), EditError> {
        let statement = Printer::new().virtual_server(server, &mut Vec::new());
        self.append(None, &statement)
    }

    /// The method that new servers of a block inherit.
    fn method_of(&mut self, service: Node<'_>) -> Forwarding {
        *self.methods.entry(service.index()).or_insert_with(|| forwarding_of(service))
    }

    fn change(&mut self, range: Range<usize>, text: Vec<u8>) {
        self.changes.push(Change { range, before: Vec::new(), after: Vec::new(), text });
    }

    /// Whole lines in the middle of a line: what stands behind them gets a line of its own with its indentation.
    fn open_line(&mut self, range: Range<usize>, style: &Style, text: Vec<u8>, indent: &[u8]) {
        self.changes.push(Change { range, before: style.newline.to_vec(), after: indent.to_vec(), text });
    }

    /// Whole lines at the start of a line, or at the end of a file without a last line end.
    fn insert_line(&mut self, at: usize, style: &Style, text: Vec<u8>) {
        let bytes = &self.document.bytes()[..at];
        let before = if bytes.is_empty() || bytes.ends_with(b"\n") { Vec::new() } else { style.newline.to_vec() };
        self.changes.push(Change { range: at..at, before, after: Vec::new(), text });
    }

    fn check(&self, node: Node<'_>) -> Result<(), EditError> {
        if std::ptr::eq(node.document(), self.document) { Ok(()) } else { Err(EditError::OtherDocument) }
    }
}

/// The method that new servers of a block inherit.
fn forwarding_of(service: Node<'_>) -> Forwarding {
    let is_method = |n: &Node<'_>| matches!(n.keyword(), b"lvs_method" | b"lb_kind") && !n.is_conditional();
    let method = service.children().filter(is_method).last();
    let words: Vec<&[u8]> = method.map(|m| m.words().skip(1).collect()).unwrap_or_default();
    super::values::forwarding(&words).unwrap_or(common_forwarding(&[]))
}

/// Behind the last statement with the same keyword, else at the end of the settings or of the block.
fn anchor(document: &Document, block: Option<Node<'_>>, keyword: &[u8], ordinary: bool) -> Anchor {
    let siblings = || block.map_or_else(|| document.nodes(), Node::children);
    if let Some(same) = siblings().filter(|n| n.keyword() == keyword && !n.is_conditional()).last() {
        return Anchor::After(same.index());
    }
    let last = siblings().filter(|n| !ordinary || n.open().is_none()).last();
    match (last, siblings().next()) {
        (Some(last), _) => Anchor::After(last.index()),
        // Only blocks are there: a setting goes in front of the first one.
        (None, Some(first)) => Anchor::Before(first.index()),
        (None, None) => Anchor::Empty,
    }
}

fn writable(word: &[u8]) -> Result<(), EditError> {
    if word.iter().any(|b| matches!(b, b'"' | b'\n' | b'\r' | 0)) {
        return Err(EditError::Unwritable { word: String::from_utf8_lossy(word).into_owned() });
    }
    Ok(())
}

fn blank_line_before(bytes: &[u8], start: usize) -> bool {
    start > 0 && {
        let line = line_start(bytes, start - 1);
        bytes[line..start].iter().all(u8::is_ascii_whitespace)
    }
}

fn blank_line_at(bytes: &[u8], at: usize) -> bool {
    at < bytes.len() && bytes[at..line_end(bytes, at)].iter().all(u8::is_ascii_whitespace)
}
