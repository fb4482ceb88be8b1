//! Text in the making: bytes that remember where they stood.

use std::sync::Arc;

use crate::keepalived::word::Origin;
use crate::span::Span;

/// Bytes of one line, in pieces that each come from one place.
#[derive(Debug, Clone, Default)]
pub(super) struct Text {
    pub(super) bytes: Vec<u8>,
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone)]
struct Piece {
    start: usize,
    span: Span,
    /// Whether each byte of the piece is the byte of the file at the same place of the span.
    literal: bool,
    origin: Option<Arc<Origin>>,
}

impl Text {
    /// Text that stands in a file as it is.
    pub(super) fn literal(bytes: &[u8], span: Span) -> Self {
        let mut text = Self::default();
        text.push(bytes, span, true, None);
        text
    }

    pub(super) fn push(&mut self, bytes: &[u8], span: Span, literal: bool, origin: Option<Arc<Origin>>) {
        if bytes.is_empty() {
            return;
        }
        self.pieces.push(Piece { start: self.bytes.len(), span, literal, origin });
        self.bytes.extend_from_slice(bytes);
    }

    /// Appends a part of another text.
    pub(super) fn append(&mut self, other: &Text, range: std::ops::Range<usize>) {
        let mut at = range.start;
        let mut piece = other.piece_at(at);
        while at < range.end {
            let end = other.pieces.get(piece + 1).map_or(other.bytes.len(), |p| p.start).min(range.end);
            if end == at {
                break;
            }
            let p = &other.pieces[piece];
            let span = if p.literal {
                let start = p.span.start + at - p.start;
                Span::new(p.span.file, start, start + end - at)
            } else {
                p.span
            };
            self.push(&other.bytes[at..end], span, p.literal, p.origin.clone());
            at = end;
            piece += 1;
        }
    }

    pub(super) fn slice(&self, range: std::ops::Range<usize>) -> Self {
        let mut text = Self::default();
        text.append(self, range);
        text
    }

    fn piece_at(&self, at: usize) -> usize {
        self.pieces.partition_point(|p| p.start <= at).saturating_sub(1)
    }

    /// Where a range of bytes came from, and how.
    pub(super) fn place(&self, range: std::ops::Range<usize>) -> (Span, Option<Arc<Origin>>) {
        let first = self.piece_at(range.start);
        let last = self.piece_at(range.end.max(range.start + 1) - 1);
        let Some(p) = self.pieces.get(first) else { return (Span::default(), None) };
        let Some(q) = self.pieces.get(last) else { return (p.span, p.origin.clone()) };
        let start =
            if p.literal { Span::new(p.span.file, p.span.start + range.start - p.start, p.span.end) } else { p.span };
        let end = if q.literal {
            let end = (q.span.start + range.end.max(q.start) - q.start).min(q.span.end);
            Span::new(q.span.file, q.span.start, end)
        } else {
            q.span
        };
        let span =
            if start.file == end.file { Span::new(start.file, start.start.min(end.end), end.end) } else { start };
        let origin = self.pieces[first..=last].iter().find_map(|p| p.origin.clone());
        (span, origin)
    }
}
