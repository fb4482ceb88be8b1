//! Braces that are missing, too many or not expected: where they were meant to be.

use super::{Builder, DEEPEST, Frame, Mode};
use crate::diagnostic::{Diagnostic, Edit, Fix};
use crate::keepalived::expand::ItemKind;
use crate::span::Span;

impl Builder<'_> {
    /// A block without its brace; `at` is the next item.
    pub(super) fn missing_open(&mut self, node: usize, mode: Mode, at: usize) {
        let next = self.items.get(at).filter(|i| i.kind == ItemKind::Words).map(|i| i.words.start);
        // A brace that closes nothing ends the block; without one the fix would only be the next mistake.
        let closes = self.surplus > 0;
        self.open_unseen(node, mode, next);
        let data = &self.tree.nodes[node];
        let head = &self.tree.words[data.words.clone()];
        let Some(last) = head.last() else { return };
        let name = data.keyword.map_or("", |k| k.name);
        let diagnostic = Diagnostic::error(
            "missing-open-brace",
            last.span.after(),
            format!("`{name}` needs a block, but no `{{` follows"),
        )
        .with_label("expected `{`");
        let literal = last.origin.is_none();
        let fix = Fix::replace("insert `{`", last.span.after(), " {");
        self.diagnostics.push(if literal && closes { diagnostic.with_fix(fix) } else { diagnostic });
    }

    /// Opens a block without its brace when the next word belongs into it.
    pub(super) fn open_unseen(&mut self, node: usize, mode: Mode, next: Option<usize>) {
        let next = next.map(|n| &self.tree.words[n]);
        let belongs = match (mode, next) {
            (Mode::Keywords(block), Some(word)) => block.find(&word.text).is_some(),
            (Mode::Values | Mode::Opaque, Some(_)) => self.surplus > 0,
            (_, None) => false,
        };
        if belongs {
            self.surplus = self.surplus.saturating_sub(1);
            self.frames.push(Frame { node: Some(node), mode, open: None, seen: Vec::new() });
        }
    }

    pub(super) fn open(&mut self, span: Span, at: usize) {
        if let Some((node, mode)) = self.awaiting.take() {
            self.tree.nodes[node].open = Some(span);
            self.frames.push(Frame { node: Some(node), mode, open: Some(span), seen: Vec::new() });
            return;
        }
        let mode = self.mode();
        if self.tree.nodes.is_empty() && !self.foreign {
            let json =
                self.items.get(at).is_some_and(|i| i.kind == ItemKind::Words && self.tree.words[i.words.start].quoted);
            self.foreign = json;
            if json {
                self.diagnostics.push(
                    Diagnostic::error(
                        "not-keepalived",
                        span,
                        "this looks like JSON, not like a configuration of keepalived",
                    )
                    .with_help("a statement is a keyword and its words, a block is a keyword, `{`, statements and `}`"),
                );
                self.frames.push(Frame { node: None, mode: Mode::Opaque, open: Some(span), seen: Vec::new() });
                return;
            }
        }
        if !matches!(mode, Mode::Opaque) {
            self.diagnostics.push(
                Diagnostic::error("unexpected-open-brace", span, "`{` without a keyword that has a block")
                    .with_help("keepalived ignores the brace and reads what follows as if it stood outside"),
            );
        }
        self.frames.push(Frame { node: None, mode, open: Some(span), seen: Vec::new() });
    }

    pub(super) fn close(&mut self, span: Span) {
        self.awaiting = None;
        if self.frames.len() == 1 {
            let mut diagnostic = Diagnostic::error("unexpected-close-brace", span, "`}` closes nothing");
            if let Some((_, before)) = &self.closed {
                diagnostic = diagnostic.with_related(*before, "the block ends here already");
            }
            if self.surplus > 0 {
                self.surplus -= 1;
                self.diagnostics.push(diagnostic.with_fix(Fix::replace("remove the brace", span, "")));
            }
            return;
        }
        let Some(frame) = self.frames.pop() else { return };
        self.finish(&frame, Some(span));
        if self.unclosed > 0
            && self.shallow.is_none()
            && let Some(open) = frame.open
        {
            let (inner, outer) = (self.indentation(open), self.indentation(span));
            if inner.zip(outer).is_some_and(|(inner, outer)| outer < inner) {
                self.shallow = Some(open);
            }
        }
        self.closed = Some((frame, span));
    }

    pub(super) fn finish(&mut self, frame: &Frame, close: Option<Span>) {
        let next = self.tree.nodes.len();
        if let Some(node) = frame.node {
            self.tree.nodes[node].next = next;
            self.tree.nodes[node].close = close;
        }
    }

    /// The columns before the first character of the line, when the file is known.
    pub(super) fn indentation(&self, span: Span) -> Option<usize> {
        let source = self.sources.file(span.file)?;
        let range = source.line_range(source.line_of(span.start))?;
        let line = &source.bytes()[range];
        let mut columns = 0;
        for byte in line {
            match byte {
                b' ' => columns += 1,
                b'\t' => columns = (columns / 8 + 1) * 8,
                _ => break,
            }
        }
        Some(columns)
    }

    /// When a keyword is not known here but further outside, and braces are missing, then they are missing here.
    pub(super) fn closes_missing(&mut self, word: usize) -> bool {
        if self.unclosed == 0 {
            return false;
        }
        let text = &self.tree.words[word].text;
        let last = self.frames.len() - 1;
        let Some(outer) = (0..last)
            .rev()
            .take(DEEPEST)
            .find(|&i| matches!(self.frames[i].mode, Mode::Keywords(b) if b.find(text).is_some()))
        else {
            return false;
        };
        let missing = last - outer;
        if missing > self.unclosed {
            return false;
        }
        let (keyword, span) = (self.tree.words[word].lossy().into_owned(), self.tree.words[word].span);
        self.unclosed -= missing;
        let mut open = None;
        for _ in 0..missing {
            if let Some(frame) = self.frames.pop() {
                self.finish(&frame, None);
                open = frame.open.or(open);
            }
        }
        let place = open.unwrap_or(span);
        self.diagnostics.push(
            Diagnostic::error("missing-close-brace", place, "block is not closed")
                .with_label("opened here")
                .with_related(span, format!("`{keyword}` cannot stand in this block, so a `}}` is missing before it"))
                .with_fix(Fix::new("insert `}` before it", [self.insert_line_before(span, missing)])),
        );
        true
    }

    /// Closing braces on a line of their own before the line of `span`.
    pub(super) fn insert_line_before(&self, span: Span, braces: usize) -> Edit {
        let indent = self.indentation(span).unwrap_or(0);
        let line = self.sources.file(span.file).and_then(|s| s.line_range(s.line_of(span.start)));
        let at = line.map_or(span.start, |l| l.start);
        let text = format!("{}{}\n", " ".repeat(indent), "}".repeat(braces));
        Edit::new(Span::new(span.file, at, at), text)
    }

    /// When a keyword is not known here but in the block that was just closed, and braces are too many, then that
    /// brace was one too many.
    pub(super) fn reopens(&mut self, word: usize) -> bool {
        if self.surplus == 0 {
            return false;
        }
        let text = &self.tree.words[word].text;
        if !matches!(&self.closed, Some((Frame { mode: Mode::Keywords(b), .. }, _)) if b.find(text).is_some()) {
            return false;
        }
        let Some((frame, brace)) = self.closed.take() else { return false };
        self.surplus -= 1;
        let keyword = self.tree.words[word].lossy().into_owned();
        let mut diagnostic = Diagnostic::error(
            "unexpected-close-brace",
            brace,
            format!("`}}` closes the block too early, `{keyword}` still belongs to it"),
        );
        if let Some(open) = frame.open {
            diagnostic = diagnostic.with_related(open, "this is the block");
        }
        self.diagnostics.push(diagnostic.with_fix(Fix::replace("remove the brace", brace, "")));
        self.frames.push(frame);
        true
    }

    pub(super) fn end_of_file(&mut self) {
        let mut missing = 0;
        let mut innermost = None;
        while self.frames.len() > 1 {
            let Some(frame) = self.frames.pop() else { break };
            self.finish(&frame, None);
            // A block that was opened without a brace was reported at its head.
            if frame.open.is_some() {
                missing += 1;
                innermost = innermost.or(frame.open);
            }
        }
        let Some(place) = self.shallow.or(innermost) else { return };
        if missing == 0 {
            return;
        }
        let message = match missing {
            1 => "block is not closed before the end of the file".to_owned(),
            n => format!("{n} blocks are not closed before the end of the file"),
        };
        let mut diagnostic = Diagnostic::error("missing-close-brace", place, message).with_label("opened here");
        if self.shallow.is_some() {
            diagnostic = diagnostic.with_help("the next `}` is indented as the end of an outer block");
        }
        self.diagnostics.push(diagnostic);
    }
}
