//! Problems of one command, and what the tool does about them.

use std::cmp::Reverse;

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

/// Keeps the gravest of very many diagnostics in their order, and says how many more there are.
pub(super) fn bounded(list: Vec<Diagnostic>) -> Vec<Diagnostic> {
    /// As many as of a configuration of keepalived.
    const MOST: usize = 1000;
    let all = list.len();
    if all <= MOST {
        return list;
    }
    let mut ranked: Vec<(usize, Diagnostic)> = list.into_iter().enumerate().collect();
    ranked.sort_by_key(|(place, d)| (Reverse(d.severity), *place));
    ranked.truncate(MOST);
    ranked.sort_by_key(|(place, _)| *place);
    let mut list: Vec<Diagnostic> = ranked.into_iter().map(|(_, d)| d).collect();
    let span = list.last().map_or_else(Span::default, |d| d.span);
    let message = format!("there are {} more diagnostics", all - MOST);
    list.push(Diagnostic::info("too-many-diagnostics", span, message));
    list
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
