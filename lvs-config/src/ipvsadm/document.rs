//! Rules as bytes that nothing can lose, with lines and tokens that tile them.

use std::borrow::Cow;

use crate::span::{FileId, Span};
use crate::{Diagnostic, Severity};

use super::command::Command;
use super::reader::{Reader, Reading};
use super::resolver::Resolver;
use super::scan;
use super::shell::{self, ShellLine};
use super::word::{self, Word};

/// This says whose grammar a text of rules follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum Mode {
    /// `ipvsadm -R`: one command on a line, no comments, no quotes.
    Strict,
    /// `ipvsadm-restore`: the same, but lines that start with `#` are comments, and a last line without an end counts
    /// whatever blanks are behind it.
    #[default]
    Restore,
    /// A shell script: commands named `ipvsadm` with or without a path, quotes, comments anywhere, `\` at the end of a
    /// line, several commands on one line; also plain rules, as in a here-document. Only literal words are read:
    /// commands with variables are reported and skipped, everything else is left alone. Control flow is not followed.
    Script,
}

/// This is what a token of rules is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum TokenKind {
    /// A word.
    Word,
    /// Blanks between words; in a script also a `\` that joins two lines.
    Blank,
    /// A comment without the end of the line.
    Comment,
    /// `;`, `&&`, `|`, `>` and the like, in a script.
    Operator,
    /// The end of a line, with the carriage return before it.
    Newline,
}

/// This is a piece of a line; the tokens of all lines together are the whole text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// Where it stands.
    pub span: Span,
}

/// This is a text of rules, kept byte for byte.
///
/// Every byte string is a document, and [`as_bytes`](Self::as_bytes) of a document that was not changed is what was
/// read. Edits replace spans of bytes, so that what they do not touch cannot change.
///
/// ```
/// use lvs_config::ipvsadm::{Mode, Rules};
///
/// let text = b"# the web\r\n-A -t 10.0.0.1:80 \xff";
/// let rules = Rules::parse(text, Mode::Restore);
/// assert_eq!(rules.as_bytes(), text);
/// assert_eq!(rules.lines().len(), 2);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    pub(super) bytes: Vec<u8>,
    mode: Mode,
    /// Where the lines start.
    starts: Vec<usize>,
}

/// This is one line of rules; in a script, physical lines that are joined by `\` count as one.
#[derive(Debug, Clone, Copy)]
pub struct Line<'a> {
    text: &'a [u8],
    mode: Mode,
    start: usize,
    end: usize,
}

/// This is one command of a line, and what is said about it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LineCommand {
    /// Where it stands, from its first to its last word.
    pub span: Span,
    /// The command; `None` when it has an error, or is not literal.
    pub command: Option<Command>,
    /// Errors, warnings and remarks.
    pub diagnostics: Vec<Diagnostic>,
}

impl Rules {
    /// This takes a text as it is; it cannot fail.
    #[must_use]
    pub fn parse(bytes: impl Into<Vec<u8>>, mode: Mode) -> Self {
        let bytes = bytes.into();
        let mut starts = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            starts.push(at);
            at = Line::at(&bytes, mode, at).end;
        }
        Self { bytes, mode, starts }
    }

    /// These are the bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// These are the bytes, without a copy.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// This is the text, with bytes that are not UTF-8 replaced.
    #[must_use]
    pub fn to_text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.bytes)
    }

    /// This is the grammar that the text is read with.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// These are the lines; together they are the whole text.
    #[must_use]
    pub fn lines(&self) -> impl ExactSizeIterator<Item = Line<'_>> {
        (0..self.starts.len()).map(|i| {
            let end = self.starts.get(i + 1).copied().unwrap_or(self.bytes.len());
            Line { text: &self.bytes, mode: self.mode, start: self.starts[i], end }
        })
    }

    /// This reads the rules into a table.
    #[must_use]
    pub fn read(&self) -> Reading {
        Reader::new(self.mode).read(&self.bytes)
    }

    /// This reads the rules into a table with the names of hosts and services.
    #[must_use]
    pub fn read_with(&self, names: &dyn Resolver) -> Reading {
        Reader::new(self.mode).with_names(names).read(&self.bytes)
    }
}

impl<'a> Line<'a> {
    /// The line that starts at `start`.
    pub(super) fn at(text: &'a [u8], mode: Mode, start: usize) -> Self {
        let end = match mode {
            Mode::Strict | Mode::Restore => word::line_end(text, start),
            Mode::Script => shell::line(text, start).end,
        };
        Self { text, mode, start, end }
    }

    /// This is where the line stands, with its end.
    #[must_use]
    pub const fn span(&self) -> Span {
        Span::new(FileId::MAIN, self.start, self.end)
    }

    /// These are its bytes, with the end of the line.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        &self.text[self.start..self.end]
    }

    /// These are its tokens; together they are the whole line.
    #[must_use]
    pub fn tokens(&self) -> Vec<Token> {
        let bytes = self.text;
        let token = |kind, start, end| Token { kind, span: Span::new(FileId::MAIN, start, end) };
        if self.mode == Mode::Script {
            let line = self.shell();
            return line.pieces.iter().map(|piece| token(piece.kind, piece.start, piece.end)).collect();
        }
        let newline = match self.bytes() {
            [.., b'\r', b'\n'] => self.end - 2,
            [.., b'\n'] => self.end - 1,
            _ => self.end,
        };
        let mut tokens = Vec::new();
        let mut at = self.start;
        if self.is_comment() {
            tokens.push(token(TokenKind::Comment, at, newline));
            at = newline;
        }
        while at < newline {
            let blank = word::is_blank(bytes[at]);
            let length = bytes[at..newline].iter().take_while(|b| word::is_blank(**b) == blank).count();
            tokens.push(token(if blank { TokenKind::Blank } else { TokenKind::Word }, at, at + length));
            at += length;
        }
        if newline < self.end {
            tokens.push(token(TokenKind::Newline, newline, self.end));
        }
        tokens
    }

    /// These are the commands of the line: at most one, except in a script.
    #[must_use]
    pub fn commands(&self, names: &dyn Resolver) -> Vec<LineCommand> {
        self.word_lists().into_iter().map(|(span, words)| line_command(span, words.as_deref(), names)).collect()
    }

    /// The line as a shell splits it.
    pub(super) fn shell(&self) -> ShellLine<'a> {
        shell::line(self.text, self.start)
    }

    fn is_comment(&self) -> bool {
        self.mode == Mode::Restore && self.bytes().starts_with(b"#")
    }

    /// Whether the tool does not see this last line; `ipvsadm-restore` ends every line before the tool reads it.
    pub(super) fn is_lost(&self) -> bool {
        self.mode == Mode::Strict && word::is_lost_last_line(self.bytes())
    }

    /// The words of each command; `None` when a shell would change them.
    pub(super) fn word_lists(&self) -> Vec<(Span, Option<Vec<Word<'a>>>)> {
        if self.mode == Mode::Script {
            let commands = self.shell().commands();
            return commands
                .into_iter()
                .map(|command| (Span::new(FileId::MAIN, command.start, command.end), command.words))
                .collect();
        }
        if self.is_comment() || self.is_lost() {
            return Vec::new();
        }
        let words = word::words(self.text, self.start, self.end);
        let Some((first, last)) = words.first().zip(words.last()) else { return Vec::new() };
        vec![(first.span().to(last.span()), Some(words))]
    }
}

fn line_command(span: Span, words: Option<&[Word<'_>]>, names: &dyn Resolver) -> LineCommand {
    let mut diagnostics = Vec::new();
    let command = match words {
        Some(words) => scan::command(words, names, &mut diagnostics).command,
        None => {
            diagnostics.push(not_literal(span));
            None
        }
    };
    LineCommand { span, command, diagnostics }
}

/// The remark about a command of a script that is not read.
pub(super) fn not_literal(span: Span) -> Diagnostic {
    Diagnostic::new(Severity::Info, "not-literal", span, "this command is not read")
        .with_label("a shell changes it before ipvsadm sees it")
}
