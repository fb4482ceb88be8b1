//! What is wrong with a text, where, and how to repair it.
//!
//! A [`Diagnostic`] is data: an editor can underline it, a program can apply its [`Fix`], a person can read it through
//! [`Renderer`](crate::Renderer). Reading never stops at the first one.
//!
//! ```
//! use lvs_config::{Diagnostic, FileId, Fix, Sources, Span};
//!
//! let sources = Sources::of("keepalived.conf", "wieght 1\n");
//! let word = Span::new(FileId::MAIN, 0, 6);
//! let diagnostic = Diagnostic::error("unknown-keyword", word, "unknown keyword `wieght`")
//!     .with_label("did you mean `weight`?")
//!     .with_fix(Fix::replace("write `weight`", word, "weight"));
//! let fixed = diagnostic.fix.ok_or("no fix")?.apply(FileId::MAIN, sources.text(Span::new(FileId::MAIN, 0, 9)))?;
//! assert_eq!(fixed, b"weight 1\n");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::borrow::Cow;
use std::fmt;

use crate::span::{FileId, Range, Sources, Span};

/// This says how much a problem matters.
///
/// The order is by weight: `Info < Warning < Error`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "lowercase"))]
#[non_exhaustive]
pub enum Severity {
    /// This depends on the machine or the version, or the word is out of fashion.
    Info,
    /// The tool accepts it, but it is almost surely not what the author meant.
    Warning,
    /// The tool refuses, drops or changes something that the author wrote.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// This is the stable name of a kind of problem, such as `unknown-keyword`.
///
/// Lower-case ASCII words joined by `-`. Programs may match on it; the message may change in any release.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(transparent))]
pub struct Code(Cow<'static, str>);

impl Code {
    /// This makes a code.
    #[must_use]
    pub const fn new(code: &'static str) -> Self {
        Self(Cow::Borrowed(code))
    }

    /// This is the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&'static str> for Code {
    fn from(code: &'static str) -> Self {
        Self::new(code)
    }
}

impl PartialEq<str> for Code {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl PartialEq<&str> for Code {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// This is a second place that explains a problem, such as the first of two equal servers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Related {
    /// This is the place.
    pub span: Span,
    /// This says what is there, such as "first defined here".
    pub message: String,
}

/// This is one replacement of bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Edit {
    /// This is what is replaced; an empty span inserts.
    pub span: Span,
    /// This is what comes instead.
    pub text: Vec<u8>,
}

impl Edit {
    /// This makes a replacement of the bytes of `span` by `text`.
    #[must_use]
    pub fn new(span: Span, text: impl Into<Vec<u8>>) -> Self {
        Self { span, text: text.into() }
    }
}

/// This is a repair that a program can apply without asking.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Fix {
    /// This says what the repair does, in the imperative, such as "write `weight`".
    pub title: String,
    /// These are the replacements; they do not overlap.
    pub edits: Vec<Edit>,
}

/// This is what can go wrong when a [`Fix`] is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FixError {
    /// A replacement lies outside of the text: the fix belongs to another text.
    #[error("fix replaces bytes {start}..{end} of a text of {len} bytes, apply it to the text that was read")]
    OutOfRange {
        /// This is the first byte of the replacement.
        start: usize,
        /// This is the byte after the last one.
        end: usize,
        /// This is the length of the text.
        len: usize,
    },
    /// Two replacements touch the same bytes.
    #[error("two replacements overlap at byte {at}, apply one fix and read the text again")]
    Overlap {
        /// This is where the second replacement starts.
        at: usize,
    },
}

impl Fix {
    /// This makes a repair that replaces one span.
    #[must_use]
    pub fn replace(title: impl Into<String>, span: Span, text: impl Into<Vec<u8>>) -> Self {
        Self { title: title.into(), edits: vec![Edit::new(span, text)] }
    }

    /// This makes a repair of several replacements.
    #[must_use]
    pub fn new(title: impl Into<String>, edits: impl IntoIterator<Item = Edit>) -> Self {
        Self { title: title.into(), edits: edits.into_iter().collect() }
    }

    /// This gives the text of `file` with the replacements of this fix; those for other files are skipped.
    ///
    /// # Errors
    ///
    /// [`FixError`] when a replacement does not fit into the text or two overlap.
    pub fn apply(&self, file: FileId, text: &[u8]) -> Result<Vec<u8>, FixError> {
        splice(text, self.edits.iter().filter(|edit| edit.span.file == file))
    }
}

/// Copies `text` with all replacements, in one pass.
pub(crate) fn splice<'a>(text: &[u8], edits: impl Iterator<Item = &'a Edit>) -> Result<Vec<u8>, FixError> {
    let mut edits: Vec<&Edit> = edits.collect();
    // Stable, so that two insertions at one place keep their order.
    edits.sort_by_key(|edit| edit.span.start);
    let mut out = Vec::with_capacity(text.len() + edits.iter().map(|e| e.text.len()).sum::<usize>());
    let mut at = 0;
    for edit in edits {
        let Span { start, end, .. } = edit.span;
        if end > text.len() {
            return Err(FixError::OutOfRange { start, end, len: text.len() });
        }
        if start < at {
            return Err(FixError::Overlap { at: start });
        }
        out.extend_from_slice(&text[at..start]);
        out.extend_from_slice(&edit.text);
        at = end;
    }
    out.extend_from_slice(&text[at..]);
    Ok(out)
}

/// As many diagnostics as anybody reads; a text with more has one cause.
pub(crate) const MOST_DIAGNOSTICS: usize = 1000;

/// Of more than `most`, the gravest stay, in their order, and one more says how many are missing.
pub(crate) fn keep_gravest(diagnostics: &mut Vec<Diagnostic>, most: usize) {
    let Some(more) = diagnostics.len().checked_sub(most).filter(|more| *more > 0) else { return };
    let mut ranked: Vec<(usize, Diagnostic)> = std::mem::take(diagnostics).into_iter().enumerate().collect();
    ranked.sort_by_key(|(place, d)| (std::cmp::Reverse(d.severity), *place));
    ranked.truncate(most);
    ranked.sort_by_key(|(place, _)| *place);
    diagnostics.extend(ranked.into_iter().map(|(_, d)| d));
    let span = diagnostics.last().map_or_else(Span::default, |d| d.span);
    diagnostics.push(Diagnostic::info("too-many-diagnostics", span, format!("there are {more} more diagnostics")));
}

/// This is one problem of a text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Diagnostic {
    /// This is the stable name of the kind of problem.
    pub code: Code,
    /// This says how much it matters.
    pub severity: Severity,
    /// This is where the problem is.
    pub span: Span,
    /// This says what is wrong, in lower case and without a full stop.
    pub message: String,
    /// This stands beside the carets: what was expected at this very place.
    pub label: Option<String>,
    /// These are other places that belong to the problem.
    pub related: Vec<Related>,
    /// These say what to do, or why the tool behaves so.
    pub help: Vec<String>,
    /// This is a repair, when there is one that can hardly be wrong.
    pub fix: Option<Fix>,
}

impl Diagnostic {
    /// This makes a problem of the given weight.
    #[must_use]
    pub fn new(severity: Severity, code: impl Into<Code>, span: Span, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            severity,
            span,
            message: shortened(message.into()),
            label: None,
            related: Vec::new(),
            help: Vec::new(),
            fix: None,
        }
    }

    /// This makes an error.
    #[must_use]
    pub fn error(code: impl Into<Code>, span: Span, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, span, message)
    }

    /// This makes a warning.
    #[must_use]
    pub fn warning(code: impl Into<Code>, span: Span, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, span, message)
    }

    /// This makes a remark.
    #[must_use]
    pub fn info(code: impl Into<Code>, span: Span, message: impl Into<String>) -> Self {
        Self::new(Severity::Info, code, span, message)
    }

    /// This sets the text beside the carets.
    #[must_use]
    pub fn with_label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// This adds another place.
    #[must_use]
    pub fn with_related(mut self, span: Span, message: impl Into<String>) -> Self {
        self.related.push(Related { span, message: message.into() });
        self
    }

    /// This adds a line of help.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    /// This sets the repair.
    #[must_use]
    pub fn with_fix(mut self, fix: Fix) -> Self {
        self.fix = Some(fix);
        self
    }

    /// This is the problem with names, lines and columns instead of spans, for editors and other programs.
    #[must_use]
    pub fn resolve(&self, sources: &Sources) -> Resolved {
        Resolved {
            code: self.code.clone(),
            severity: self.severity,
            range: sources.range(self.span),
            message: self.message.clone(),
            label: self.label.clone(),
            related: self
                .related
                .iter()
                .map(|r| ResolvedRelated { range: sources.range(r.span), message: r.message.clone() })
                .collect(),
            help: self.help.clone(),
            fix: self.fix.clone(),
        }
    }
}

/// A message may quote a word of any length; beyond this many bytes it is cut.
const LONGEST_MESSAGE: usize = 240;

fn shortened(mut message: String) -> String {
    if message.len() > LONGEST_MESSAGE {
        let end = (0..=LONGEST_MESSAGE).rev().find(|i| message.is_char_boundary(*i)).unwrap_or(0);
        message.truncate(end);
        message.push('…');
    }
    message
}

/// This is a [`Diagnostic`] with lines and columns; with the feature `serde` it is what an editor reads.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Resolved {
    /// See [`Diagnostic::code`].
    pub code: Code,
    /// See [`Diagnostic::severity`].
    pub severity: Severity,
    /// This is where the problem is.
    pub range: Range,
    /// See [`Diagnostic::message`].
    pub message: String,
    /// See [`Diagnostic::label`].
    pub label: Option<String>,
    /// See [`Diagnostic::related`].
    pub related: Vec<ResolvedRelated>,
    /// See [`Diagnostic::help`].
    pub help: Vec<String>,
    /// See [`Diagnostic::fix`]; its spans are in bytes.
    pub fix: Option<Fix>,
}

/// This is a [`Related`] with lines and columns.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct ResolvedRelated {
    /// This is the place.
    pub range: Range,
    /// See [`Related::message`].
    pub message: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(start: usize, end: usize) -> Span {
        Span::new(FileId::MAIN, start, end)
    }

    #[test]
    fn edits_apply_in_any_order_and_refuse_to_overlap() {
        let fix = Fix::new("x", [Edit::new(span(3, 4), "D"), Edit::new(span(0, 1), "AA"), Edit::new(span(4, 4), "!")]);
        assert_eq!(fix.apply(FileId::MAIN, b"abcd").unwrap(), b"AAbcD!");
        let fix = Fix::new("x", [Edit::new(span(0, 3), ""), Edit::new(span(2, 4), "")]);
        assert_eq!(fix.apply(FileId::MAIN, b"abcd"), Err(FixError::Overlap { at: 2 }));
        let fix = Fix::replace("x", span(0, 9), "");
        assert_eq!(fix.apply(FileId::MAIN, b"abcd"), Err(FixError::OutOfRange { start: 0, end: 9, len: 4 }));
        let fix = Fix::replace("x", Span::new(FileId::new(1), 0, 9), "");
        assert_eq!(fix.apply(FileId::MAIN, b"abcd").unwrap(), b"abcd");
    }

    #[cfg(feature = "serde")]
    #[test]
    fn editors_get_lines_and_columns() {
        let sources = Sources::of("f", "a\nbb\n");
        let d = Diagnostic::warning("some-code", span(3, 4), "m").with_related(span(0, 1), "r");
        let json = serde_json::to_value(d.resolve(&sources)).unwrap();
        assert_eq!(json["range"]["start"]["line"], 2);
        assert_eq!(json["range"]["start"]["column"], 2);
        assert_eq!(json["severity"], "warning");
        assert_eq!(json["related"][0]["range"]["file"], "f");
        let back: Diagnostic = serde_json::from_value(serde_json::to_value(&d).unwrap()).unwrap();
        assert_eq!(back, d);
    }
}
