//! Where something stands: files, byte ranges, lines and columns.
//!
//! Everything inside this crate speaks in [`Span`]s, which are a file number and a byte range, because bytes are what
//! an editor replaces. Lines and columns are computed only when somebody wants to read them.
//!
//! ```
//! use lvs_config::{Sources, Span};
//!
//! let mut sources = Sources::new();
//! let file = sources.add("rules", "-A -t 10.0.0.1:80\n-a -t 10.0.0.1:80 -r 10.0.0.2:80 -w x\n");
//! let span = Span::new(file, 54, 55);
//! assert_eq!(sources.text(span), b"x");
//! let start = sources.position(span).ok_or("no such place")?;
//! assert_eq!((start.line, start.column), (2, 37));
//! # Ok::<(), &str>(())
//! ```

use std::fmt;
use std::sync::{Arc, OnceLock};

/// This is the number of a file in a [`Sources`] map.
///
/// The first file that is added has number 0, [`FileId::MAIN`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(transparent))]
pub struct FileId(u32);

impl FileId {
    /// This is the first file of a map: the one that was asked for, not an included one.
    pub const MAIN: Self = Self(0);

    /// This is the file with the given place in the order of [`Sources::add`].
    #[must_use]
    pub const fn new(index: u32) -> Self {
        Self(index)
    }

    /// This is the place in the order of [`Sources::add`], from 0.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// This is a range of bytes of one file, `start..end`, counted from 0.
///
/// An empty span (`start == end`) is a place between two bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Span {
    /// This is the file.
    pub file: FileId,
    /// This is the first byte.
    pub start: usize,
    /// This is the byte after the last one, never below `start`.
    pub end: usize,
}

impl Span {
    /// This makes the span `start..end`; an `end` below `start` is raised to it.
    #[must_use]
    pub const fn new(file: FileId, start: usize, end: usize) -> Self {
        Self { file, start, end: if end < start { start } else { end } }
    }

    /// This is the number of bytes.
    #[must_use]
    pub const fn len(self) -> usize {
        self.end - self.start
    }

    /// This says whether the span is a place between two bytes.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.start == self.end
    }

    /// This is the smallest span that covers both; spans of different files give `self`.
    #[must_use]
    pub fn to(self, other: Self) -> Self {
        if self.file != other.file {
            return self;
        }
        Self::new(self.file, self.start.min(other.start), self.end.max(other.end))
    }

    /// This is the empty span at the start.
    #[must_use]
    pub const fn before(self) -> Self {
        Self { file: self.file, start: self.start, end: self.start }
    }

    /// This is the empty span at the end.
    #[must_use]
    pub const fn after(self) -> Self {
        Self { file: self.file, start: self.end, end: self.end }
    }

    /// This is the byte range, for slicing.
    #[must_use]
    pub const fn range(self) -> std::ops::Range<usize> {
        self.start..self.end
    }
}

/// This is a place as people and editors say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Position {
    /// This is the offset in bytes from the start of the file, from 0.
    pub byte: usize,
    /// This is the line, from 1; lines end with `\n` only.
    pub line: usize,
    /// This is the column in characters, from 1; a byte that is not UTF-8 counts as one character.
    pub column: usize,
    /// This is the column in bytes, from 1.
    pub byte_column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// This is a [`Span`] as people and editors say it: the name of the file and two places.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Range {
    /// This is the name of the file, as it was given to [`Sources::add`].
    pub file: String,
    /// This is the place of the first byte.
    pub start: Position,
    /// This is the place after the last byte.
    pub end: Position,
}

/// This is one file: its name, its bytes, and on demand where its lines start.
///
/// Cloning is cheap: bytes are shared.
#[derive(Debug, Clone)]
pub struct Source {
    name: Arc<str>,
    bytes: Arc<[u8]>,
    // Most files are read without a complaint, so nobody pays for line numbers before the first question.
    lines: OnceLock<Arc<[usize]>>,
}

impl Source {
    /// This makes a file out of its name and bytes.
    #[must_use]
    pub fn new(name: impl AsRef<str>, bytes: impl AsRef<[u8]>) -> Self {
        Self { name: name.as_ref().into(), bytes: bytes.as_ref().into(), lines: OnceLock::new() }
    }

    /// This is the name, often a path.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// This is the content, unchanged.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// This is the number of lines; an empty file has one, and so has the place after a final newline.
    #[must_use]
    pub fn line_count(&self) -> usize {
        self.starts().len()
    }

    /// This is the line (from 1) that contains the byte; a byte past the end is on the last line.
    #[must_use]
    pub fn line_of(&self, byte: usize) -> usize {
        self.starts().partition_point(|&start| start <= byte).max(1)
    }

    /// This is the byte range of a line (from 1) without its `\n`; `None` when there is no such line.
    #[must_use]
    pub fn line_range(&self, line: usize) -> Option<std::ops::Range<usize>> {
        let starts = self.starts();
        let start = *starts.get(line.checked_sub(1)?)?;
        let end = starts.get(line).map_or(self.bytes.len(), |next| next - 1);
        Some(start..end)
    }

    /// This is the place of a byte; one past the end is moved to the end.
    #[must_use]
    pub fn position(&self, byte: usize) -> Position {
        let byte = byte.min(self.bytes.len());
        let line = self.line_of(byte);
        let start = self.starts().get(line - 1).copied().unwrap_or(0);
        Position { byte, line, column: count_characters(&self.bytes[start..byte]) + 1, byte_column: byte - start + 1 }
    }

    fn starts(&self) -> &[usize] {
        self.lines.get_or_init(|| {
            let newlines = self.bytes.iter().enumerate().filter(|&(_, &b)| b == b'\n').map(|(i, _)| i + 1);
            std::iter::once(0).chain(newlines).collect()
        })
    }
}

impl PartialEq for Source {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.bytes == other.bytes
    }
}

impl Eq for Source {}

/// Characters, where each byte that is no part of one counts as one.
pub(crate) fn count_characters(bytes: &[u8]) -> usize {
    bytes.utf8_chunks().map(|chunk| chunk.valid().chars().count() + chunk.invalid().len()).sum()
}

/// This is the map of all files that one reading has touched, so that spans can be shown.
///
/// ```
/// use lvs_config::Sources;
///
/// let sources = Sources::of("keepalived.conf", "global_defs {\n}\n");
/// assert_eq!(sources.len(), 1);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sources {
    files: Vec<Source>,
}

impl Sources {
    /// This makes an empty map.
    #[must_use]
    pub const fn new() -> Self {
        Self { files: Vec::new() }
    }

    /// This makes a map of one file, which is [`FileId::MAIN`].
    #[must_use]
    pub fn of(name: impl AsRef<str>, bytes: impl AsRef<[u8]>) -> Self {
        Self { files: vec![Source::new(name, bytes)] }
    }

    /// This adds a file and gives its number.
    pub fn add(&mut self, name: impl AsRef<str>, bytes: impl AsRef<[u8]>) -> FileId {
        self.push(Source::new(name, bytes))
    }

    /// This adds a file that is a [`Source`] already and gives its number.
    pub fn push(&mut self, source: Source) -> FileId {
        let id = FileId(u32::try_from(self.files.len()).unwrap_or(u32::MAX));
        self.files.push(source);
        id
    }

    /// This is the number of files.
    #[must_use]
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// This says whether there is no file.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// This is a file by its number.
    #[must_use]
    pub fn file(&self, id: FileId) -> Option<&Source> {
        self.files.get(id.index())
    }

    /// This iterates over the files in the order in which they were added.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (FileId, &Source)> {
        self.files.iter().enumerate().map(|(i, s)| (FileId(u32::try_from(i).unwrap_or(u32::MAX)), s))
    }

    /// This is the text of a span; what lies outside of the file is left out.
    #[must_use]
    pub fn text(&self, span: Span) -> &[u8] {
        let bytes = self.file(span.file).map_or(&[][..], Source::bytes);
        &bytes[span.start.min(bytes.len())..span.end.min(bytes.len())]
    }

    /// This is the place where a span starts; `None` when the file is unknown.
    #[must_use]
    pub fn position(&self, span: Span) -> Option<Position> {
        Some(self.file(span.file)?.position(span.start))
    }

    /// This is the span as people say it; an unknown file has an empty name and the place 1:1.
    #[must_use]
    pub fn range(&self, span: Span) -> Range {
        match self.file(span.file) {
            Some(source) => Range {
                file: source.name().to_owned(),
                start: source.position(span.start),
                end: source.position(span.end),
            },
            None => {
                let nowhere = Position { byte: 0, line: 1, column: 1, byte_column: 1 };
                Range { file: String::new(), start: nowhere, end: nowhere }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_of_awkward_files() {
        let source = Source::new("x", b"a\r\n\xff\xc3\xa9b\n");
        assert_eq!(source.line_count(), 3);
        assert_eq!(source.line_range(1), Some(0..2));
        assert_eq!(source.line_range(3), Some(8..8));
        assert_eq!(source.line_range(4), None);
        assert_eq!(source.line_range(0), None);
        let b = source.position(6);
        assert_eq!((b.line, b.column, b.byte_column), (2, 3, 4));
        assert_eq!(source.position(100).line, 3);
        assert_eq!(Source::new("", "").position(0).line, 1);
    }

    #[test]
    fn a_span_outside_of_the_file_has_no_text() {
        let sources = Sources::of("x", "abc");
        assert_eq!(sources.text(Span::new(FileId::MAIN, 2, 9)), b"c");
        assert_eq!(sources.text(Span::new(FileId::new(7), 0, 1)), b"");
        assert_eq!(sources.range(Span::new(FileId::new(7), 0, 1)).start.line, 1);
    }
}
