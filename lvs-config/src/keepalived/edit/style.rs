//! How the neighbours are written, so that new statements look like them.

use std::ops::Range;

use crate::keepalived::document::{Document, Node};
use crate::keepalived::statement::NewStatement;
use crate::keepalived::token::TokenKind;

/// The habits of the author.
#[derive(Debug, Clone)]
pub(super) struct Style {
    /// `\n` or `\r\n`
    pub(super) newline: &'static [u8],
    /// What one level is indented by.
    pub(super) unit: Vec<u8>,
    /// What stands between the head of a block and its brace; with a line end in it the brace is on its own line.
    pub(super) before_brace: Vec<u8>,
    brace_on_next_line: bool,
    /// What a closing brace is indented by, beyond its head.
    close_extra: Vec<u8>,
}

impl Style {
    /// The habits as seen in `model`, else in the first block of the file, else the usual ones.
    pub(super) fn of(document: &Document, model: Option<Node<'_>>) -> Self {
        let newline = document.tokens().find(|(kind, _)| *kind == TokenKind::Newline);
        let newline: &[u8] = match newline {
            Some((_, range)) if range.len() == 2 => b"\r\n",
            _ => b"\n",
        };
        let mut style = Self {
            newline,
            unit: b"    ".to_vec(),
            before_brace: b" ".to_vec(),
            brace_on_next_line: false,
            close_extra: Vec::new(),
        };
        let candidates = || model.into_iter().chain(document.all_nodes().filter(|n| n.open().is_some()).take(64));
        if let Some(unit) = candidates().find_map(|n| unit(document, n)) {
            style.unit = unit;
        }
        if let Some(node) = candidates().find(|n| n.open().is_some()) {
            style.brace(document, node);
        }
        style
    }

    fn brace(&mut self, document: &Document, node: Node<'_>) {
        let (Some(open), head) = (node.open(), node.head()) else { return };
        let bytes = document.bytes();
        let between = &bytes[head.end..open.start];
        if between.contains(&b'\n') {
            self.brace_on_next_line = true;
        } else if between.iter().all(|b| matches!(b, b' ' | b'\t')) {
            self.before_brace = between.to_vec();
        }
        let Some(close) = node.close() else { return };
        if let (Some(head), Some(close)) = (indentation(bytes, head.start), indentation(bytes, close.start))
            && let Some(extra) = close.strip_prefix(head)
        {
            self.close_extra = extra.to_vec();
        }
    }

    /// Writes a statement with its block; every line starts with `indent` and ends with a line end.
    pub(super) fn write(&self, out: &mut Vec<u8>, statement: &NewStatement, indent: &[u8]) {
        out.extend_from_slice(indent);
        statement.write_head(out);
        if let Some(body) = statement.body() {
            if self.brace_on_next_line {
                out.extend_from_slice(self.newline);
                out.extend_from_slice(indent);
            } else {
                out.extend_from_slice(&self.before_brace);
            }
            out.push(b'{');
            out.extend_from_slice(self.newline);
            let inner = [indent, &self.unit].concat();
            for statement in body {
                self.write(out, statement, &inner);
            }
            out.extend_from_slice(indent);
            out.extend_from_slice(&self.close_extra);
            out.push(b'}');
        }
        out.extend_from_slice(self.newline);
    }
}

/// The blanks in front of a place when nothing else stands before it on its line.
pub(super) fn indentation(bytes: &[u8], at: usize) -> Option<&[u8]> {
    let start = line_start(bytes, at);
    let blanks = &bytes[start..at];
    blanks.iter().all(|b| matches!(b, b' ' | b'\t' | 0x0B | 0x0C)).then_some(blanks)
}

pub(super) fn line_start(bytes: &[u8], at: usize) -> usize {
    bytes[..at].iter().rposition(|&b| b == b'\n').map_or(0, |n| n + 1)
}

/// The byte after the line end of the line that `at` is on.
pub(super) fn line_end(bytes: &[u8], at: usize) -> usize {
    bytes[at..].iter().position(|&b| b == b'\n').map_or(bytes.len(), |n| at + n + 1)
}

/// Whether only blanks and a comment stand between a place and the end of its line.
pub(super) fn ends_line(bytes: &[u8], at: usize) -> bool {
    let rest = &bytes[at..line_end(bytes, at)];
    rest.iter()
        .find(|b| !matches!(b, b' ' | b'\t' | b'\r' | 0x0B | 0x0C))
        .is_none_or(|b| matches!(b, b'\n' | b'#' | b'!'))
}

/// What a block indents its first statement by, beyond its own head.
fn unit(document: &Document, node: Node<'_>) -> Option<Vec<u8>> {
    let bytes = document.bytes();
    let child = node.children().next()?;
    let outer = indentation(bytes, node.head().start)?;
    let inner = indentation(bytes, child.head().start)?;
    inner.strip_prefix(outer).filter(|u| !u.is_empty()).map(<[u8]>::to_vec)
}

/// The whole lines of a statement, with the comment behind it; only its bytes when something else is on them.
pub(super) fn lines_of(document: &Document, node: Node<'_>) -> Range<usize> {
    let bytes = document.bytes();
    let range = node.range();
    if indentation(bytes, range.start).is_some() && ends_line(bytes, range.end) {
        return line_start(bytes, range.start)..line_end(bytes, range.end);
    }
    range
}

/// Where the comments start that stand directly above a place at the start of a line.
///
/// A comment that starts in the first line of the file is about the file.
pub(super) fn owned_comments(bytes: &[u8], start: usize) -> usize {
    let mut at = start;
    while at > 0 {
        let line = line_start(bytes, at - 1);
        let text = &bytes[line..at];
        let first = text.iter().find(|b| !matches!(b, b' ' | b'\t' | b'\r'));
        if !matches!(first, Some(b'#' | b'!')) {
            return at;
        }
        at = line;
    }
    start
}
