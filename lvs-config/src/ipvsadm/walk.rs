//! Where the options of a command stand, for edits.

use crate::span::Span;

use super::option::{self, OPTIONS, Opt, VERBS, Value};
use super::word::{Part, Word};

/// One option of a command that is known to be right.
pub(super) struct Place<'w> {
    pub(super) opt: Opt,
    /// The words that it takes, from the name to the value; `None` when the name shares its word with others.
    pub(super) words: Option<Span>,
    pub(super) value: Option<Part<'w>>,
}

/// The options in their order.
pub(super) fn options<'w>(words: &'w [Word<'_>]) -> Vec<Place<'w>> {
    let mut places = Vec::new();
    let mut rest = words.iter().peekable();
    while let Some(word) = rest.next() {
        let text = &*word.text;
        if text == b"--" {
            break;
        }
        if text.starts_with(b"--") {
            let equals = text.iter().position(|b| *b == b'=');
            let name = &text[..equals.unwrap_or(text.len())];
            let value = match (option::long(&OPTIONS, name), option::long(&VERBS, name)) {
                (Some(row), _) => row.value,
                (None, verb) => verb.map_or(Value::None, |row| row.value),
            };
            let value = match equals {
                Some(at) => Some(word.part(at + 1)),
                None => follows(value, &mut rest),
            };
            if let Some(row) = option::long(&OPTIONS, name) {
                let words = value.map_or(word.span(), |value| word.span().to(value.span));
                places.push(Place { opt: row.what, words: Some(words), value });
            }
        } else if text.len() > 1 && text[0] == b'-' {
            for (i, letter) in text.iter().enumerate().skip(1) {
                let Some(row) = option::short(&OPTIONS, *letter) else { continue };
                let attached = match &text[i + 1..] {
                    [b'=', ..] => Some(word.part(i + 2)),
                    [_, ..] if row.value != Value::None => Some(word.part(i + 1)),
                    _ => None,
                };
                let value = attached.or_else(|| follows(row.value, &mut rest));
                let alone = i == 1 && (attached.is_some() || text.len() == 2);
                let words = alone.then(|| value.map_or(word.span(), |value| word.span().to(value.span)));
                places.push(Place { opt: row.what, words, value });
                if attached.is_some() {
                    break;
                }
            }
        }
    }
    places
}

fn follows<'w, 't: 'w>(
    value: Value,
    rest: &mut std::iter::Peekable<impl Iterator<Item = &'w Word<'t>>>,
) -> Option<Part<'w>> {
    let next = match value {
        Value::None => None,
        Value::Needed => rest.next(),
        Value::Optional => rest.next_if(|next| !next.text.starts_with(b"-")),
    };
    next.map(|word| word.part(0))
}
