//! From a line to words and braces.

use super::text::Text;
use super::{Expander, Item, ItemKind};
use crate::diagnostic::{Diagnostic, Edit, Fix};
use crate::keepalived::token::{is_blank, quoted_end, word_end};
use crate::keepalived::word::Word;

impl Expander<'_> {
    pub(super) fn split(&mut self, text: &Text) {
        let mut first = self.out.words.len();
        let mut at = 0;
        while at < text.bytes.len() {
            match text.bytes[at] {
                b if is_blank(b) => at += 1,
                // A definition may have brought a comment sign in.
                b'#' | b'!' | 0 => break,
                b'{' => {
                    self.end_words(&mut first);
                    self.brace(text, ItemKind::Open, at..at + 1);
                    at += 1;
                }
                b'}' => {
                    self.end_words(&mut first);
                    self.brace(text, ItemKind::Close, at..at + 1);
                    at += 1;
                }
                b'"' => {
                    let end = quoted_end(&text.bytes, at);
                    let inner = text.bytes[at + 1..end].strip_suffix(b"\"").unwrap_or(&text.bytes[at + 1..end]);
                    let (span, origin) = text.place(at..end);
                    self.out.words.push(Word { text: inner.into(), span, quoted: true, origin });
                    at = end;
                }
                _ => {
                    let end = word_end(&text.bytes, at).max(at + 1);
                    if text.bytes[at..end].is_ascii() {
                        self.push_word(text, at..end);
                    } else {
                        self.foreign_word(text, at..end, &mut first);
                    }
                    at = end;
                }
            }
        }
        self.end_words(&mut first);
    }

    fn push_word(&mut self, text: &Text, range: std::ops::Range<usize>) {
        let (span, origin) = text.place(range.clone());
        if let Some(name) = undefined(&text.bytes[range.clone()]) {
            self.undefined_definition(&name, span);
        }
        self.out.words.push(Word { text: text.bytes[range].into(), span, quoted: false, origin });
    }

    /// keepalived takes the braces of `${NAME}` as those of a block when nothing is defined.
    fn undefined_definition(&mut self, name: &str, span: crate::span::Span) {
        self.out.diagnostics.push(
            Diagnostic::error(
                "undefined-definition",
                span,
                format!("definition `${{{name}}}` is not defined before its use"),
            )
            .with_help("a definition is `$NAME=value` on a line of its own, before the line that uses it"),
        );
    }

    fn end_words(&mut self, first: &mut usize) {
        let words = *first..self.out.words.len();
        *first = words.end;
        let [start, .., end] = &self.out.words[words.clone()] else {
            if let [only] = &self.out.words[words.clone()] {
                let span = only.span;
                self.item(ItemKind::Words, words, span);
            }
            return;
        };
        let span = start.span.to(end.span);
        self.item(ItemKind::Words, words, span);
    }

    fn item(&mut self, kind: ItemKind, words: std::ops::Range<usize>, span: crate::span::Span) {
        if kind == ItemKind::Words && *self.out.words[words.start].text == *b"include_check" {
            self.check = self.check.changed(&self.out.words[words.start + 1..words.end]);
        }
        self.out.items.push(Item { kind, words, span });
    }

    fn brace(&mut self, text: &Text, kind: ItemKind, range: std::ops::Range<usize>) {
        let (span, _) = text.place(range);
        let none = self.out.words.len()..self.out.words.len();
        self.out.items.push(Item { kind, words: none, span });
    }

    /// A word with characters that only look like blanks or braces is cut there, as its author saw it.
    fn foreign_word(&mut self, text: &Text, range: std::ops::Range<usize>, first: &mut usize) {
        let mut start = range.start;
        let mut at = range.start;
        while at < range.end {
            let rest = &text.bytes[at..range.end];
            let Some((character, length)) = first_character(rest) else {
                at += 1;
                continue;
            };
            let Some(meaning) = look_alike(character) else {
                at += length;
                continue;
            };
            if start < at {
                self.push_word(text, start..at);
            }
            let (span, _) = text.place(at..at + length);
            self.odd.entry((span.file, character)).or_default().push(span);
            if meaning != " " {
                self.end_words(first);
                let kind = if meaning == "{" { ItemKind::Open } else { ItemKind::Close };
                self.brace(text, kind, at..at + length);
            }
            at += length;
            start = at;
        }
        if start < range.end {
            self.push_word(text, start..range.end);
        }
    }

    fn lines_of(&self, places: &[crate::span::Span]) -> usize {
        // Only the line: to count the columns of many places on one line would be quadratic.
        let line = |s: &crate::span::Span| Some(self.out.sources.file(s.file)?.line_of(s.start));
        let mut lines: Vec<_> = places.iter().filter_map(line).collect();
        lines.dedup();
        lines.len().max(1)
    }

    /// One diagnostic a character and file: whoever copies one line from a web page copies twenty.
    pub(super) fn report_odd_characters(&mut self) {
        let mut odd: Vec<_> = std::mem::take(&mut self.odd).into_iter().collect();
        odd.sort_unstable_by_key(|((file, character), _)| (*file, *character));
        for ((_, character), mut places) in odd {
            places.sort_unstable();
            places.dedup();
            let Some(&span) = places.first() else { continue };
            let meaning = look_alike(character).unwrap_or(" ");
            let name = name_of(character);
            let what = if meaning == " " { "a blank" } else { "a brace" };
            let lines = self.lines_of(&places);
            let times = if lines == 1 { String::new() } else { format!(", here and on {} other lines", lines - 1) };
            let edits = places.iter().map(|&span| Edit::new(span, meaning)).collect::<Vec<_>>();
            self.out.diagnostics.push(
                Diagnostic::error(
                    "look-alike",
                    span,
                    format!("{name} U+{:04X} looks like {what} but is a part of the word{times}", u32::from(character)),
                )
                .with_label(if meaning == " " { "not a blank".to_owned() } else { format!("not `{meaning}`") })
                .with_fix(Fix::new(format!("write `{meaning}` instead"), edits)),
            );
        }
    }
}

/// The name in a `${NAME}` that is left.
fn undefined(word: &[u8]) -> Option<String> {
    let at = word.windows(2).position(|w| w == b"${")?;
    let rest = &word[at + 2..];
    let end = rest.iter().position(|&b| b == b'}')?;
    Some(String::from_utf8_lossy(&rest[..end]).into_owned())
}

/// The first character and its length; `None` for bytes that are not UTF-8.
fn first_character(bytes: &[u8]) -> Option<(char, usize)> {
    let chunk = bytes[..bytes.len().min(4)].utf8_chunks().next()?;
    let character = chunk.valid().chars().next()?;
    Some((character, character.len_utf8()))
}

/// What the author of a character meant by it.
fn look_alike(character: char) -> Option<&'static str> {
    match character {
        '\u{A0}'
        | '\u{1680}'
        | '\u{2000}'..='\u{200B}'
        | '\u{202F}'
        | '\u{205F}'
        | '\u{2060}'
        | '\u{3000}'
        | '\u{FEFF}' => Some(" "),
        '\u{FF5B}' => Some("{"),
        '\u{FF5D}' => Some("}"),
        _ => None,
    }
}

fn name_of(character: char) -> &'static str {
    match character {
        '\u{A0}' | '\u{202F}' => "no-break space",
        '\u{3000}' => "full-width space",
        '\u{200B}' | '\u{2060}' | '\u{FEFF}' => "invisible character",
        '\u{FF5B}' | '\u{FF5D}' => "full-width brace",
        _ => "unusual space",
    }
}
