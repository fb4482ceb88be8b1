//! Definitions `$NAME=value` and their use.

use std::sync::Arc;

use super::text::Text;
use super::{Chain, Expander, trim};
use crate::diagnostic::Diagnostic;
use crate::keepalived::token::{definition_length, is_blank, name_length};
use crate::keepalived::word::Origin;
use crate::span::Span;

/// What a name stands for; the text is stored raw and replaced when it is used.
#[derive(Debug, Clone)]
pub(super) struct Definition {
    /// `$NAME=`
    pub(super) span: Span,
    lines: Vec<(Vec<u8>, Span)>,
}

impl Definition {
    pub(super) fn new(span: Span) -> Self {
        Self { span, lines: Vec::new() }
    }

    /// A definition of one line that is not in any file, as `~SEQ` makes them.
    pub(super) fn value(span: Span, value: Vec<u8>) -> Self {
        Self { span, lines: vec![(value, span)] }
    }

    /// Adds a line; says whether a backslash promises another one.
    pub(super) fn add_line(&mut self, line: &[u8], span: Span) -> bool {
        let (line, goes_on) = match line.strip_suffix(b"\\") {
            Some(rest) => (rest, true),
            None => (line, false),
        };
        let (from, to) = trim(line);
        if from < to {
            let span = if span.len() >= to { Span::new(span.file, span.start + from, span.start + to) } else { span };
            self.lines.push((line[from..to].to_vec(), span));
        }
        goes_on
    }
}

/// The longest argument of a predefined name, as in `${_ENV NAME}`.
const LONGEST_ARGUMENT: usize = 256;

/// A use of a definition: how long it is, and the name in it.
struct Use<'a> {
    length: usize,
    name: &'a [u8],
    argument: &'a [u8],
}

impl Expander<'_> {
    /// Replaces definitions in a line; gives the line, the lines that follow from a definition of several lines, and
    /// the names that must not be used in those again.
    pub(super) fn replace(&mut self, text: &Text, chain: &Chain) -> Option<(Text, Vec<Text>, Chain)> {
        let mut out = Text::default();
        let mut rest = Vec::new();
        let mut inner = chain.clone();
        let mut at = 0;
        let mut copied = 0;
        while let Some(next) = text.bytes[at..].iter().position(|&b| b == b'$') {
            at += next;
            let Some(found) = usage(&text.bytes[at..]) else {
                at += 1;
                continue;
            };
            let (span, from) = text.place(at..at + found.length);
            if let Some(value) = self.predefined(&found) {
                out.append(text, copied..at);
                out.push(&value, span, false, from);
                at += found.length;
                copied = at;
                continue;
            }
            let Some(definition) = self.definitions.get(found.name) else {
                at += 1;
                continue;
            };
            let is_last = text.bytes[at + found.length..].iter().all(|&b| is_blank(b));
            if definition.lines.len() > 1 && !is_last {
                at += found.length;
                continue;
            }
            let definition = definition.clone();
            if chain.iter().any(|name| name == found.name) || chain.len() >= self.options.limits().nesting {
                self.cycle(found.name, span, &definition, chain);
                return None;
            }
            out.append(text, copied..at);
            let mut names = chain.clone();
            names.push(found.name.to_vec());
            let name = String::from_utf8_lossy(found.name).into_owned();
            for (n, (line, place)) in definition.lines.iter().enumerate() {
                let origin = Origin { name: name.clone(), span: *place, from: from.clone() };
                let mut piece = Text::default();
                piece.push(line, span, false, Some(Arc::new(origin)));
                if !self.spend(&piece) {
                    return None;
                }
                // A sequence, a condition or a definition inside comes first, when the whole line is known.
                let waits = at == 0 && (matches!(line.first(), Some(b'~' | b'@')) || definition_length(line).is_some());
                if n == 0 && line.contains(&b'$') && !waits {
                    let (first, more, _) = self.replace(&piece, &names)?;
                    out.append(&first, 0..first.bytes.len());
                    rest.extend(more);
                } else if n == 0 {
                    out.append(&piece, 0..piece.bytes.len());
                } else {
                    rest.push(piece);
                }
            }
            if !rest.is_empty()
                || definition.lines.first().is_some_and(|(l, _)| matches!(l.first(), Some(b'~' | b'@' | b'$')))
            {
                inner = names;
            }
            at += found.length;
            copied = at;
        }
        out.append(text, copied..text.bytes.len());
        Some((out, rest, inner))
    }

    fn predefined(&self, found: &Use<'_>) -> Option<Vec<u8>> {
        match found.name {
            b"_PWD" => Some(self.directory().to_string_lossy().into_owned().into_bytes()),
            b"_INSTANCE" => Some(self.options.id().as_bytes().to_vec()),
            b"_HASH" => Some(b"#".to_vec()),
            b"_BANG" => Some(b"!".to_vec()),
            b"_RANDOM" => {
                let text = std::str::from_utf8(found.argument).ok()?;
                let mut bounds = text.split_whitespace().map_while(|n| n.parse::<u32>().ok());
                let (min, max) = (bounds.next().unwrap_or(0), bounds.next().unwrap_or(32767));
                let width = max.saturating_sub(min).saturating_add(1);
                let value = min.saturating_add(self.options.random() % width);
                Some(value.to_string().into_bytes())
            }
            b"_ENV" => {
                let name = std::str::from_utf8(found.argument).ok()?;
                Some(self.options.variable(name)?.as_bytes().to_vec())
            }
            _ => None,
        }
    }

    fn cycle(&mut self, name: &[u8], span: Span, definition: &Definition, chain: &Chain) {
        if !self.cycles.insert(span) {
            return;
        }
        let name = String::from_utf8_lossy(name).into_owned();
        let is_cycle = chain.iter().any(|n| *n == name.as_bytes());
        let mut diagnostic = if is_cycle {
            Diagnostic::error("definition-cycle", span, format!("definition of `${name}` uses itself"))
                .with_help("keepalived never returns from this; give the two things different names")
        } else {
            let limit = self.options.limits().nesting;
            Diagnostic::error("definition-too-deep", span, format!("definitions use each other more than {limit} deep"))
        };
        diagnostic = diagnostic.with_related(definition.span, format!("`${name}` is defined here"));
        for other in chain.iter().rev().take(8).filter(|n| *n != name.as_bytes()) {
            if let Some(definition) = self.definitions.get(other) {
                let other = String::from_utf8_lossy(other);
                diagnostic = diagnostic.with_related(definition.span, format!("it is used by `${other}`"));
            }
        }
        self.out.diagnostics.push(diagnostic);
    }
}

/// A use of a definition at the start of `bytes`: `${NAME}` anywhere, `$NAME` before a blank, `,`, `)` or the end.
fn usage(bytes: &[u8]) -> Option<Use<'_>> {
    let rest = &bytes[1..];
    if let Some(braced) = rest.strip_prefix(b"{") {
        let length = name_length(braced)?;
        let most = if braced[0] == b'_' { length + LONGEST_ARGUMENT } else { length };
        let end = braced.iter().take(most + 1).position(|&b| b == b'}')?;
        let argument = match braced.get(length) {
            Some(b' ') if braced[0] == b'_' => &braced[length + 1..end],
            _ if end == length => &[][..],
            _ => return None,
        };
        return Some(Use { length: end + 3, name: &braced[..length], argument });
    }
    let length = name_length(rest)?;
    match rest.get(length) {
        None | Some(b' ' | b'\t' | b',' | b')') => {
            Some(Use { length: length + 1, name: &rest[..length], argument: &[] })
        }
        Some(_) => None,
    }
}

impl Definition {
    /// The text when it is one line of UTF-8.
    pub(super) fn single(&self) -> Option<String> {
        match &*self.lines {
            [(line, _)] => String::from_utf8(line.clone()).ok(),
            _ => None,
        }
    }
}
