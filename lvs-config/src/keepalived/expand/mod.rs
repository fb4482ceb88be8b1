//! From files to logical lines: comments, conditions, definitions, sequences, includes and braces are resolved here.
//!
//! The layers are those of keepalived: a physical line loses its comment, then a condition may drop it, a definition
//! may keep it, a sequence may repeat it, definitions are replaced, an include may read another file; what is left is
//! cut at braces and blanks. Unlike keepalived every word keeps the place that it came from, and all work is bounded.

mod define;
mod include;
mod sequence;
mod split;
mod text;

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::loader::Loader;
use super::options::Options;
use super::token::{definition_length, is_blank, trimmed_length};
use super::word::Word;
use crate::diagnostic::{Diagnostic, Edit, Fix};
use crate::span::{FileId, Source, Sources, Span};
use define::Definition;
use include::Check;
use text::Text;

/// The longest line that keepalived reads in one piece.
const LONGEST_LINE: usize = 1023;

/// What a logical line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ItemKind {
    Words,
    Open,
    Close,
}

/// One logical line: words, or one brace.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) kind: ItemKind,
    pub(super) words: std::ops::Range<usize>,
    pub(super) span: Span,
}

/// All logical lines of a configuration, in order.
#[derive(Debug, Default)]
pub(super) struct Expanded {
    pub(super) items: Vec<Item>,
    pub(super) words: Vec<Word>,
    pub(super) sources: Sources,
    pub(super) diagnostics: Vec<Diagnostic>,
}

pub(super) fn expand(main: Source, loader: &mut dyn Loader, options: &Options) -> Expanded {
    let path = PathBuf::from(main.name());
    let mut expander = Expander {
        loader,
        options,
        out: Expanded::default(),
        definitions: HashMap::new(),
        stack: Vec::new(),
        lines: 0,
        bytes: 0,
        stopped: false,
        check: Check::default(),
        odd: HashMap::new(),
        cycles: HashSet::new(),
    };
    expander.file(main, path);
    expander.report_odd_characters();
    expander.out
}

struct Expander<'a> {
    loader: &'a mut dyn Loader,
    options: &'a Options,
    out: Expanded,
    definitions: HashMap<Vec<u8>, Definition>,
    /// The files that are being read, the main one first.
    stack: Vec<PathBuf>,
    lines: usize,
    bytes: usize,
    stopped: bool,
    check: Check,
    /// Characters that only look like blanks or braces, by file: where they stand.
    odd: HashMap<(FileId, char), Vec<Span>>,
    cycles: HashSet<Span>,
}

/// Names of the definitions that are being replaced, the outermost first.
type Chain = Vec<Vec<u8>>;

impl Expander<'_> {
    fn file(&mut self, source: Source, path: PathBuf) {
        let bytes: std::sync::Arc<[u8]> = source.bytes().into();
        let file = self.out.sources.push(source);
        self.stack.push(path);
        let mut at = 0;
        if bytes.starts_with(b"\xEF\xBB\xBF") {
            let mark = Span::new(file, 0, 3);
            self.out.diagnostics.push(
                Diagnostic::error(
                    "byte-order-mark",
                    mark,
                    "file starts with a byte order mark, which becomes part of the first word",
                )
                .with_help("save the file as UTF-8 without a byte order mark")
                .with_fix(Fix::replace("remove the byte order mark", mark, "")),
            );
            at = 3;
        }
        let line_end = self.line_end(&bytes, file);
        let mut pending: Option<(Vec<u8>, Definition)> = None;
        while at < bytes.len() {
            let end = bytes[at..].iter().position(|&b| b == line_end).map_or(bytes.len(), |n| at + n);
            let line = self.physical(&bytes[at..end], Span::new(file, at, end));
            let start = at;
            at = end + 1;
            if let Some(text) = without_nul(&bytes[start..end], Span::new(file, start, end)) {
                if pending.is_none() {
                    pending = self.line(text, &Chain::new());
                }
                continue;
            }
            let text = trim(&bytes[start..start + line]);
            let (from, to) = (start + text.0, start + text.1);
            match &mut pending {
                Some((_, definition)) => {
                    let blank = bytes[start..end].iter().all(|&b| is_blank(b));
                    let goes_on = if from == to {
                        !blank
                    } else {
                        definition.add_line(&bytes[from..to], Span::new(file, from, to))
                    };
                    if !goes_on && let Some((name, definition)) = pending.take() {
                        self.definitions.insert(name, definition);
                    }
                }
                None if from < to => {
                    pending = self.line(Text::literal(&bytes[from..to], Span::new(file, from, to)), &Chain::new());
                }
                None => {}
            }
        }
        if let Some((name, definition)) = pending {
            self.definitions.insert(name, definition);
        }
        self.stack.pop();
    }

    /// `\n`; a file that has only `\r` is reported and read as if they were line ends.
    fn line_end(&mut self, bytes: &[u8], file: FileId) -> u8 {
        if bytes.contains(&b'\n') || !bytes[..bytes.len().saturating_sub(1)].contains(&b'\r') {
            return b'\n';
        }
        let edits = bytes
            .iter()
            .enumerate()
            .filter(|&(_, &b)| b == b'\r')
            .map(|(i, _)| Edit::new(Span::new(file, i, i + 1), "\n"));
        let first = bytes.iter().position(|&b| b == b'\r').unwrap_or(0);
        self.out.diagnostics.push(
            Diagnostic::error(
                "carriage-return-lines",
                Span::new(file, first, first + 1),
                "lines end with a lone carriage return, so the whole file is one line",
            )
            .with_help("end lines with a line feed")
            .with_fix(Fix::new("replace every carriage return by a line feed", edits.collect::<Vec<_>>())),
        );
        b'\r'
    }

    /// Checks a line as bytes and gives its length without a comment, without what follows a NUL.
    fn physical(&mut self, line: &[u8], span: Span) -> usize {
        let mut length = line.len();
        if let Some(nul) = line.iter().position(|&b| b == 0) {
            let place = Span::new(span.file, span.start + nul, span.end);
            self.out.diagnostics.push(
                Diagnostic::error("nul-byte", place, "NUL byte ends the line, what follows is not read")
                    .with_help("remove the byte; releases from 2.4.0 on refuse it"),
            );
            length = nul;
        }
        let visible = line[..length].strip_suffix(b"\r").map_or(length, <[u8]>::len);
        if visible > LONGEST_LINE {
            self.long_line(&line[..visible], span);
        }
        if let Some(quote) = open_quote(&line[..visible]) {
            let place = Span::new(span.file, span.start + quote, span.start + visible);
            self.out.diagnostics.push(
                Diagnostic::error("unterminated-quote", place, "quote is not closed on this line")
                    .with_label("opened here")
                    .with_help("a quoted word ends on the line where it starts, and `\\\"` does not escape a quote"),
            );
        }
        trimmed_length(&line[..length])
    }

    fn long_line(&mut self, line: &[u8], span: Span) {
        // Harmless when all further pieces are blank or are comments by themselves.
        let harmless = line.chunks(LONGEST_LINE).skip(1).all(|piece| trimmed_length(piece) == 0 || trim(piece).1 == 0);
        let place = Span::new(span.file, span.start + LONGEST_LINE, span.start + line.len());
        let message = format!("line has {} bytes, keepalived reads it in pieces of {LONGEST_LINE}", line.len());
        let diagnostic = if harmless {
            Diagnostic::warning("line-too-long", place, message)
        } else {
            Diagnostic::error("line-too-long", place, message)
        };
        self.out.diagnostics.push(
            diagnostic
                .with_label("this is read as lines of its own")
                .with_help("split the line; a comment needs a `#` in front of each part"),
        );
    }

    /// One line without comment; gives back a definition that the next line continues.
    fn line(&mut self, text: Text, chain: &Chain) -> Option<(Vec<u8>, Definition)> {
        let mut text = text;
        if text.bytes.starts_with(b"@") {
            text = self.condition(&text)?;
        }
        if let Some(length) = definition_length(&text.bytes) {
            let name = text.bytes[1..length - 1].to_vec();
            let (from, to) = trim(&text.bytes[length..]);
            let (span, _) = text.place(0..length);
            let mut definition = Definition::new(span);
            let (place, _) = text.place(length + from..(length + to).max(length + from));
            let place = if from == to { span.after() } else { place };
            if definition.add_line(&text.bytes[length + from..length + to], place) {
                return Some((name, definition));
            }
            self.definitions.insert(name, definition);
            return None;
        }
        if let Some(length) = spaced_definition(&text.bytes) {
            self.spaced(&text, length);
            return None;
        }
        self.produce(text, chain);
        None
    }

    /// `$NAME = value` is no definition for keepalived; it is reported, and meant as one from here on.
    fn spaced(&mut self, text: &Text, length: usize) {
        let name = text.bytes[1..].iter().take_while(|b| !is_blank(**b) && **b != b'=').count();
        let (span, origin) = text.place(0..length);
        let (from, to) = trim(&text.bytes[length..]);
        let shown = String::from_utf8_lossy(&text.bytes[..=name]).into_owned();
        let mut diagnostic = Diagnostic::error(
            "definition-blank",
            span,
            format!("`{shown} =` is no definition, no blank may stand before the `=`"),
        );
        if origin.is_none() {
            diagnostic = diagnostic.with_fix(Fix::replace(format!("write `{shown}=`"), span, format!("{shown}=")));
        }
        self.out.diagnostics.push(diagnostic);
        let mut definition = Definition::new(span);
        let (place, _) = text.place(length + from..(length + to).max(length + from));
        definition.add_line(&text.bytes[length + from..length + to], if from == to { span.after() } else { place });
        self.definitions.insert(text.bytes[1..=name].to_vec(), definition);
    }

    /// The part after `@id`, when the line is for us.
    fn condition(&self, text: &Text) -> Option<Text> {
        let end = text.bytes.iter().position(|&b| is_blank(b))?;
        let id = &text.bytes[1..end];
        let (id, wanted) = match id.strip_prefix(b"^") {
            Some(rest) => (rest, false),
            None => (id, true),
        };
        if id.is_empty() || (id == self.options.id().as_bytes()) != wanted {
            return None;
        }
        let (from, to) = trim(&text.bytes[end..]);
        (from < to).then(|| text.slice(end + from..end + to))
    }

    /// A line that is no definition: sequences, replacement, include, words.
    fn produce(&mut self, text: Text, chain: &Chain) {
        if self.stopped || text.bytes.is_empty() {
            return;
        }
        if text.bytes[0] == b'~' && sequence::is_sequence(&text.bytes) {
            self.sequence(&text, chain);
            return;
        }
        if !text.bytes.contains(&b'$') {
            self.finish(&text);
            return;
        }
        let Some((first, rest, inner)) = self.replace(&text, chain) else { return };
        // What came out may itself be a sequence, a condition or a definition.
        let changed = first.bytes != text.bytes;
        if changed && matches!(first.bytes.first(), Some(b'~' | b'@' | b'$')) && !same_start(&first, &text) {
            self.lines_of_definition(vec![first], &inner);
        } else {
            self.finish(&first);
        }
        self.lines_of_definition(rest, &inner);
    }

    /// Further lines of a definition are lines like those of a file.
    fn lines_of_definition(&mut self, lines: Vec<Text>, chain: &Chain) {
        let mut pending: Option<(Vec<u8>, Definition)> = None;
        for line in lines {
            if self.stopped || !self.spend(&line) {
                return;
            }
            if let Some((_, definition)) = &mut pending {
                let (span, _) = line.place(0..line.bytes.len());
                if !definition.add_line(&line.bytes, span)
                    && let Some((name, definition)) = pending.take()
                {
                    self.definitions.insert(name, definition);
                }
                continue;
            }
            pending = self.line(line, chain);
        }
        if let Some((name, definition)) = pending {
            self.definitions.insert(name, definition);
        }
    }

    fn finish(&mut self, text: &Text) {
        if super::token::include_length(&text.bytes).is_some() {
            self.include(text);
        } else {
            self.split(text);
        }
    }

    /// Counts one produced line; says whether there may be more.
    fn spend(&mut self, text: &Text) -> bool {
        let limits = self.options.limits();
        self.lines += 1;
        self.bytes += text.bytes.len();
        if self.lines <= limits.lines && self.bytes <= limits.bytes {
            return true;
        }
        if !self.stopped {
            self.stopped = true;
            let (span, _) = text.place(0..text.bytes.len());
            self.out.diagnostics.push(
                Diagnostic::error(
                    "expansion-too-large",
                    span,
                    format!(
                        "definitions and sequences give more than {} lines or {} bytes, the rest is not read",
                        limits.lines, limits.bytes
                    ),
                )
                .with_help("use fewer or shorter sequences, or raise the limit"),
            );
        }
        false
    }

    fn directory(&self) -> &Path {
        match self.stack.last().and_then(|p| p.parent()) {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        }
    }
}

/// The length of `$NAME =`, with blanks before the `=`.
fn spaced_definition(bytes: &[u8]) -> Option<usize> {
    let name = super::token::name_length(bytes.strip_prefix(b"$")?)? + 1;
    let blanks = bytes[name..].iter().take_while(|b| is_blank(**b)).count();
    (blanks > 0 && bytes.get(name + blanks) == Some(&b'=')).then_some(name + blanks + 1)
}

/// Whether the text still starts as it stood in the file, so that nothing new has come about.
fn same_start(new: &Text, old: &Text) -> bool {
    let length = 6.min(new.bytes.len()).min(old.bytes.len());
    new.bytes[..length] == old.bytes[..length]
}

/// A line with NUL bytes is read as its author sees it, without them; the bytes were reported.
fn without_nul(line: &[u8], span: Span) -> Option<Text> {
    if !line.contains(&0) {
        return None;
    }
    let mut text = Text::default();
    let mut at = 0;
    for piece in line.split(|&b| b == 0) {
        let start = span.start + at;
        text.push(piece, Span::new(span.file, start, start + piece.len()), true, None);
        at += piece.len() + 1;
    }
    let (from, to) = trim(&text.bytes[..trimmed_length(&text.bytes)]);
    Some(text.slice(from..to))
}

/// Start and end of the bytes without blanks around them.
fn trim(bytes: &[u8]) -> (usize, usize) {
    let Some(from) = bytes.iter().position(|&b| !is_blank(b)) else { return (0, 0) };
    let to = bytes.iter().rposition(|&b| !is_blank(b)).map_or(from, |n| n + 1);
    (from, to)
}

/// Where a quote starts that the line does not close.
fn open_quote(line: &[u8]) -> Option<usize> {
    let mut at = 0;
    while at < line.len() {
        match line[at] {
            b'#' | b'!' => return None,
            b'"' => match line[at + 1..].iter().position(|&b| b == b'"') {
                Some(n) => at += n + 2,
                None => return Some(at),
            },
            _ => at += 1,
        }
    }
    None
}
