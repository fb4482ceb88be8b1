//! Problems of one command, and what the tool does about them.

use crate::{Diagnostic, FileId, Severity, Span};

/// What happens to a line that has an error, as seen on the real tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Outcome {
    /// The line has no effect, reading goes on, and its exit status is 255: the kernel refused it, or an option is
    /// unknown.
    Skipped,
    /// The tool stops reading with exit status 2.
    Refused,
    /// The tool prints how it is used and stops reading with exit status 255.
    Usage,
}

/// Where the problems of one command are collected.
pub(super) struct Problems<'d> {
    list: &'d mut Vec<Diagnostic>,
    /// What the first error leads to, since the tool looks no further.
    pub(super) outcome: Option<Outcome>,
}

impl<'d> Problems<'d> {
    pub(super) fn new(list: &'d mut Vec<Diagnostic>) -> Self {
        Self { list, outcome: None }
    }

    /// Adds an error.
    pub(super) fn error(&mut self, outcome: Outcome, diagnostic: Diagnostic) {
        debug_assert_eq!(diagnostic.severity, Severity::Error);
        self.outcome.get_or_insert(outcome);
        self.list.push(diagnostic);
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.list.len()
    }

    /// Drops the fixes of all but the first `count`.
    pub(super) fn drop_fixes(&mut self, count: usize) {
        for diagnostic in self.list.iter_mut().skip(count) {
            diagnostic.fix = None;
        }
    }

    /// Adds what is no error.
    pub(super) fn remark(&mut self, diagnostic: Diagnostic) {
        debug_assert_ne!(diagnostic.severity, Severity::Error);
        self.list.push(diagnostic);
    }
}

/// A span of the one file that is read here.
pub(super) const fn span(start: usize, end: usize) -> Span {
    Span::new(FileId::MAIN, start, end)
}

/// Bytes for a message: as text, cut when it is long.
pub(super) fn shown(text: &[u8]) -> String {
    const LONGEST: usize = 60;
    let text = String::from_utf8_lossy(text);
    if text.chars().count() <= LONGEST {
        return text.into_owned();
    }
    text.chars().take(LONGEST).chain(['…']).collect()
}
