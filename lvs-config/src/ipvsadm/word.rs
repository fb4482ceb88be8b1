//! Lines of rules and their words, as `ipvsadm -R` splits them.

use std::borrow::Cow;

use crate::Span;

use super::problem::span;

/// The tool keeps at most so many bytes of a word; what follows becomes the next word.
pub(super) const LONGEST_WORD: usize = 4096;

/// The tool drops this word wherever it stands in a line of rules.
pub(super) const DROPPED_WORD: &[u8] = b"ipvsadm";

/// A word and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word<'a> {
    /// What the tool sees: without quotes in a script, and up to the first NUL byte.
    pub(super) text: Cow<'a, [u8]>,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// A value, and what of its word has to be written anew with it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part<'w> {
    pub(super) span: Span,
    /// What the tool sees of the span before the value: nothing, or the options that are glued to it.
    pub(super) before: &'w [u8],
}

impl<'a> Word<'a> {
    pub(super) fn span(&self) -> Span {
        span(self.start, self.end)
    }

    /// The part of the word from its `at`-th byte on; the whole word when quotes or NUL bytes have moved things.
    pub(super) fn span_from(&self, at: usize) -> Span {
        if self.is_literal() { span((self.start + at).min(self.end), self.end) } else { self.span() }
    }

    /// The value that starts at the `at`-th byte of the word.
    pub(super) fn part(&self, at: usize) -> Part<'_> {
        let before = if self.is_literal() { &[][..] } else { self.text.get(..at).unwrap_or_default() };
        Part { span: self.span_from(at), before }
    }

    /// Whether what the tool sees is what stands there.
    pub(super) fn is_literal(&self) -> bool {
        matches!(self.text, Cow::Borrowed(_)) && self.text.len() == self.end - self.start
    }

    /// A word of a rules file.
    fn plain(bytes: &'a [u8], start: usize, end: usize) -> Self {
        let text = &bytes[start..end];
        // The tool works on C strings.
        let seen = text.iter().position(|b| *b == 0).unwrap_or(text.len());
        Self { text: Cow::Borrowed(&text[..seen]), start, end }
    }
}

/// Whether a byte separates words; a form feed does not.
pub(super) const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// The end of the line that starts at `start`, behind its newline.
pub(super) fn line_end(bytes: &[u8], start: usize) -> usize {
    bytes[start..].iter().position(|b| *b == b'\n').map_or(bytes.len(), |at| start + at + 1)
}

/// The words between `start` and `end`, without any that is exactly `ipvsadm`, which the tool drops wherever it stands.
pub(super) fn words(bytes: &[u8], start: usize, end: usize) -> Vec<Word<'_>> {
    let mut found = Vec::new();
    let mut at = start;
    while at < end {
        if is_blank(bytes[at]) {
            at += 1;
            continue;
        }
        let length = bytes[at..end].iter().take(LONGEST_WORD).take_while(|b| !is_blank(**b)).count();
        let word = Word::plain(bytes, at, at + length);
        if *word.text != *DROPPED_WORD {
            found.push(word);
        }
        at += length;
    }
    found
}

/// Whether the tool ignores this last line: it has no newline and ends with two blanks or more.
pub(super) fn is_lost_last_line(line: &[u8]) -> bool {
    match line {
        [.., a, b] => *b != b'\n' && is_blank(*b) && is_blank(*a),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(line: &[u8]) -> Vec<Vec<u8>> {
        words(line, 0, line.len()).into_iter().map(|word| word.text.into_owned()).collect()
    }

    #[test]
    fn words_are_split_as_the_tool_does() {
        assert_eq!(texts(b"-A\t-t  a\r\n"), [&b"-A"[..], b"-t", b"a"]);
        assert_eq!(texts(b"ipvsadm -A ipvsadm x"), [&b"-A"[..], b"x"]);
        assert_eq!(texts(b"/sbin/ipvsadm -A"), [&b"/sbin/ipvsadm"[..], b"-A"]);
        assert_eq!(texts(b"-A\x0c-t"), [&b"-A\x0c-t"[..]]);
        assert_eq!(texts(b"a\0b c"), [&b"a"[..], b"c"]);
        let long = vec![b'a'; LONGEST_WORD + 1];
        assert_eq!(texts(&long).iter().map(Vec::len).collect::<Vec<_>>(), [LONGEST_WORD, 1]);
    }

    // `-A -f 2` followed by each of these at the end of the file, given to the real tool.
    #[test]
    fn a_last_line_can_get_lost() {
        for (line, lost) in [
            ("-A -f 2  ", true),
            ("-A -f 2 \t", true),
            ("-A -f 2", false),
            ("-A -f 2 ", false),
            ("-A -f 2\r\r\n", false),
        ] {
            assert_eq!(is_lost_last_line(line.as_bytes()), lost, "{line:?}");
        }
    }
}
