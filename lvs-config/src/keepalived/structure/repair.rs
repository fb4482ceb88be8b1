//! Lines that are read as their author meant them, with a diagnostic: templates that were not filled in, shell
//! defaults, backslashes at line ends.

use crate::diagnostic::{Diagnostic, Fix};
use crate::keepalived::expand::{Item, ItemKind};
use crate::keepalived::word::Word;
use crate::span::{Sources, Span};

/// `{{ name }}` and `${NAME:-default}` are no blocks: they are reported and become one word.
pub(super) fn templates(
    items: &mut Vec<Item>,
    words: &mut Vec<Word>,
    sources: &Sources,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let starts: Vec<usize> = (0..items.len()).filter(|&i| opens_template(items, words, i)).collect();
    if starts.is_empty() {
        return;
    }
    let mut out: Vec<Item> = Vec::with_capacity(items.len());
    let mut starts = starts.into_iter().peekable();
    let mut at = 0;
    while at < items.len() {
        if starts.next_if(|&s| s == at).is_none() {
            while starts.next_if(|&s| s < at).is_some() {}
            if starts.peek() != Some(&at) {
                out.push(items[at].clone());
                at += 1;
                continue;
            }
            starts.next();
        }
        let double = items.get(at + 1).is_some_and(|i| i.kind == ItemKind::Open);
        let wanted = if double { 2 } else { 1 };
        let Some(end) = template_end(items, at, wanted, sources) else {
            out.push(items[at].clone());
            at += 1;
            continue;
        };
        let span = items[at].span.to(items[end].span);
        let joined = out
            .last()
            .is_some_and(|i| i.kind == ItemKind::Words && i.span.end == span.start && i.span.file == span.file);
        let whole =
            if joined && !double { out.last().map_or(span, |i| words[i.words.end - 1].span.to(span)) } else { span };
        // A word has no quotes and line ends.
        let text: Vec<u8> =
            sources.text(whole).iter().copied().filter(|b| !matches!(b, b'"' | b'\n' | b'\r' | 0)).collect();
        let text = String::from_utf8_lossy(&text).into_owned();
        diagnostics.push(if double {
            Diagnostic::error("template", span, format!("`{text}` is a template that was not filled in"))
        } else {
            Diagnostic::error(
                "shell-default",
                whole,
                format!("`{text}` is not replaced, definitions have no default values"),
            )
            .with_help("write `$NAME=value` on a line of its own before, and `${NAME}` here")
        });
        // The words of the line go on behind the template; a new range keeps them together. Words that were put
        // together before stand at the end already: copying them again would be quadratic.
        let same_line =
            |a: Span, b: Span| a.file == b.file && !sources.text(Span::new(a.file, a.end, b.start)).contains(&b'\n');
        let before = out.pop_if(|i| i.kind == ItemKind::Words && same_line(i.span, span));
        let first = match before {
            Some(before) => {
                let first = if before.words.end == words.len() { before.words.start } else { words.len() };
                if before.words.end != words.len() {
                    words.extend_from_within(before.words);
                }
                words.truncate(words.len() - usize::from(joined && !double));
                first
            }
            None => words.len(),
        };
        words.push(Word { text: text.into_bytes().into(), span: whole, quoted: false, origin: None });
        if let Some(after) = items.get(end + 1).filter(|i| i.kind == ItemKind::Words && same_line(span, i.span)) {
            let kept: Vec<Word> = words[after.words.clone()].to_vec();
            words.extend(kept);
            at = end + 2;
        } else {
            at = end + 1;
        }
        let start = words[first].span;
        let end = words[words.len() - 1].span;
        out.push(Item { kind: ItemKind::Words, words: first..words.len(), span: start.to(end) });
    }
    *items = out;
}

fn opens_template(items: &[Item], words: &[Word], at: usize) -> bool {
    let item = &items[at];
    if item.kind != ItemKind::Open {
        return false;
    }
    let next_touches = items.get(at + 1).is_some_and(|n| n.kind == ItemKind::Open && n.span.start == item.span.end);
    let dollar = at.checked_sub(1).is_some_and(|b| {
        let before = &items[b];
        before.kind == ItemKind::Words
            && words[before.words.end - 1].text.ends_with(b"$")
            && words[before.words.end - 1].span.end == item.span.start
    });
    next_touches || dollar
}

/// The brace that ends a template on the same line.
fn template_end(items: &[Item], at: usize, wanted: usize, sources: &Sources) -> Option<usize> {
    let mut closes = 0;
    for (i, item) in items.iter().enumerate().skip(at + 1).take(16) {
        if sources.text(Span::new(item.span.file, items[at].span.start, item.span.end)).contains(&b'\n') {
            return None;
        }
        if item.kind == ItemKind::Close {
            closes += 1;
            if closes == wanted {
                return Some(i);
            }
        }
    }
    None
}

/// A backslash at the end of a line continues nothing outside of definitions; it is reported, and meant so.
pub(super) fn continuations(items: &mut Vec<Item>, words: &mut Vec<Word>, diagnostics: &mut Vec<Diagnostic>) {
    let ends = |item: &Item, words: &[Word]| {
        let last = item.words.end.checked_sub(1).filter(|_| item.kind == ItemKind::Words).map(|n| &words[n]);
        last.is_some_and(|w| !w.quoted && w.origin.is_none() && w.text.ends_with(b"\\"))
    };
    if !items.iter().any(|i| ends(i, words)) {
        return;
    }
    let mut out: Vec<Item> = Vec::with_capacity(items.len());
    for item in items.drain(..) {
        let continued = item.kind == ItemKind::Words && out.last().is_some_and(|before| ends(before, words));
        let Some(before) = out.pop_if(|_| continued) else {
            out.push(item);
            continue;
        };
        let sign = words[before.words.end - 1].clone();
        let place = Span::new(sign.span.file, sign.span.end.max(1) - 1, sign.span.end);
        let next = words[item.words.start].span;
        diagnostics.push(
            Diagnostic::error("continuation", place, "`\\` does not continue a line here")
                .with_help("only definitions `$NAME=` may have several lines")
                .with_fix(Fix::replace(
                    "join the lines",
                    Span::new(place.file, place.start, next.start.max(place.end)),
                    "",
                )),
        );
        // Words that were joined before stand at the end already; copying them again would be quadratic.
        let start = if before.words.end == words.len() {
            before.words.start
        } else {
            let start = words.len();
            words.extend_from_within(before.words.clone());
            start
        };
        words.pop();
        if sign.text.len() > 1 {
            words.push(Word { text: sign.text[..sign.text.len() - 1].into(), ..sign });
        }
        words.extend_from_within(item.words.clone());
        out.push(Item { kind: ItemKind::Words, words: start..words.len(), span: before.span.to(item.span) });
    }
    *items = out;
}
