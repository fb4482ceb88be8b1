//! `~SEQ`, `~SEQx` and `~LST`: the rest of the line once for each value.

use super::define::Definition;
use super::text::Text;
use super::{Chain, Expander, trim};
use crate::diagnostic::Diagnostic;
use crate::keepalived::token::{name_length, sequence_length};

/// Whether the line starts with a sequence, well formed or not.
pub(super) fn is_sequence(bytes: &[u8]) -> bool {
    bytes.starts_with(b"~SEQ") || bytes.starts_with(b"~LST")
}

impl Expander<'_> {
    pub(super) fn sequence(&mut self, text: &Text, chain: &Chain) {
        let list = text.bytes.starts_with(b"~LST");
        let hexadecimal = text.bytes.starts_with(b"~SEQx");
        let Some(length) = sequence_length(&text.bytes) else {
            self.bad_sequence(text, text.bytes.len(), "is not closed by `)`");
            return;
        };
        let open = text.bytes.iter().position(|&b| b == b'(').unwrap_or(0) + 1;
        let inside = String::from_utf8_lossy(&text.bytes[open..length - 1]).into_owned();
        let (from, to) = trim(&text.bytes[length..]);
        let rest = text.slice(length + from..length + to);
        let (span, _) = text.place(0..length);
        let parsed = if list { members(&inside) } else { self.numbers(&inside, hexadecimal) };
        let (names, rows) = match parsed {
            Ok(parsed) => parsed,
            Err(why) => {
                self.bad_sequence(text, length, why);
                return;
            }
        };
        // With a `{` at its end the line would open a block for each value, and one `}` closes one of them.
        let opens =
            rest.bytes.iter().filter(|b| **b == b'{').count() > rest.bytes.iter().filter(|b| **b == b'}').count();
        let plain = !rest.bytes.windows(2).any(|w| w == b"${");
        let most = if opens && plain {
            self.out.diagnostics.push(
                Diagnostic::error(
                    "sequence-opens-block",
                    span,
                    "a sequence repeats only the rest of its line, so this opens several blocks with one body",
                )
                .with_help(
                    "put the block into a definition of several lines, `$NAME= \\`, and repeat that: `~SEQ(…) $NAME`",
                ),
            );
            1
        } else {
            usize::MAX
        };
        for row in rows.take(most) {
            for (i, name) in names.iter().enumerate() {
                let value = row.get(i).cloned().unwrap_or_default();
                self.definitions.insert(name.clone().into_bytes(), Definition::value(span, value.into_bytes()));
            }
            if self.stopped || !self.spend(&rest) {
                return;
            }
            self.produce(rest.clone(), chain);
        }
    }

    fn bad_sequence(&mut self, text: &Text, length: usize, why: &str) {
        let (span, _) = text.place(0..length);
        let shown = String::from_utf8_lossy(&text.bytes[..length.min(80)]).into_owned();
        let form = if text.bytes.starts_with(b"~LST") {
            "`~LST(NAME, a, b, c) text` or `~LST({X, Y}, {a, b}, {c, d}) text`"
        } else {
            "`~SEQ(NAME, [START, [STEP,]] END) text`"
        };
        self.out.diagnostics.push(
            Diagnostic::error("bad-sequence", span, format!("sequence `{shown}` {why}, the line is dropped"))
                .with_help(format!("expected {form}")),
        );
    }

    /// The values of `NAME, [START, [STEP,]] END`, lazily: there may be billions.
    fn numbers(&mut self, inside: &str, hexadecimal: bool) -> Result<(Vec<String>, Rows), &'static str> {
        let mut parts = inside.split(',').map(str::trim);
        let name = parts.next().unwrap_or_default();
        if name_length(name.as_bytes()) != Some(name.len()) {
            return Err("has no variable name");
        }
        let numbers: Vec<i64> =
            parts.map(|p| self.number(p)).collect::<Option<_>>().ok_or("has a value that is no number")?;
        let (start, step, end) = match *numbers {
            [end] => (if end < 0 { -1 } else { 1 }, None, end),
            [start, end] => (start, None, end),
            [start, step, end] => (start, Some(step), end),
            _ => return Err("needs one to three numbers"),
        };
        let step = step.unwrap_or(if start <= end { 1 } else { -1 });
        if step == 0 || (step > 0) != (start <= end) {
            return Err("never reaches its end with this step");
        }
        Ok((vec![name.to_owned()], Rows::Numbers { next: Some(start), step, end, hexadecimal }))
    }

    fn number(&self, text: &str) -> Option<i64> {
        let text = match text.strip_prefix('$') {
            Some(name) => {
                let name = name.trim_start_matches('{').trim_end_matches('}');
                self.definitions.get(name.as_bytes())?.single()?
            }
            None => text.to_owned(),
        };
        let (sign, digits) = match text.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, text.strip_prefix('+').unwrap_or(&text)),
        };
        let value = if let Some(hex) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
            i64::from_str_radix(hex, 16).ok()?
        } else if digits.len() > 1 && digits.starts_with('0') {
            i64::from_str_radix(digits, 8).ok()?
        } else if digits.starts_with(|c: char| c.is_ascii_digit()) {
            digits.parse().ok()?
        } else {
            return None;
        };
        value.checked_mul(sign)
    }
}

/// The values of a sequence, one row a repetition.
pub(super) enum Rows {
    Numbers { next: Option<i64>, step: i64, end: i64, hexadecimal: bool },
    List(std::vec::IntoIter<Vec<String>>),
}

impl Iterator for Rows {
    type Item = Vec<String>;

    fn next(&mut self) -> Option<Vec<String>> {
        match self {
            Self::List(rows) => rows.next(),
            Self::Numbers { next, step, end, hexadecimal } => {
                let value = (*next)?;
                if (*step > 0 && value > *end) || (*step < 0 && value < *end) {
                    return None;
                }
                *next = value.checked_add(*step);
                Some(vec![if *hexadecimal { format!("{value:x}") } else { value.to_string() }])
            }
        }
    }
}

/// Names and rows of `NAME, a, b` or `{X, Y}, {a, b}, {c, d}`.
fn members(inside: &str) -> Result<(Vec<String>, Rows), &'static str> {
    if inside.contains('"') {
        return Err("must not contain quotes");
    }
    let mut groups = groups(inside)?.into_iter();
    let names = groups.next().unwrap_or_default();
    if names.is_empty() || names.iter().any(|n| name_length(n.as_bytes()) != Some(n.len())) {
        return Err("has no variable name");
    }
    let rows: Vec<Vec<String>> = groups.collect();
    if rows.is_empty() {
        return Err("needs at least one value");
    }
    if rows.iter().flatten().any(|v| v.contains([' ', '\t'])) {
        return Err("has a value with a blank in it");
    }
    Ok((names, Rows::List(rows.into_iter())))
}

/// The parts between commas; one in braces is itself a list.
fn groups(inside: &str) -> Result<Vec<Vec<String>>, &'static str> {
    let mut out = Vec::new();
    let mut rest = inside.trim();
    loop {
        let tail = if let Some(braced) = rest.strip_prefix('{') {
            let end = braced.find('}').ok_or("has a brace that is not closed")?;
            out.push(braced[..end].split(',').map(|v| v.trim().to_owned()).collect());
            braced[end + 1..].trim_start()
        } else {
            let end = rest.find(',').unwrap_or(rest.len());
            out.push(vec![rest[..end].trim().to_owned()]);
            &rest[end..]
        };
        match tail.strip_prefix(',') {
            Some(next) => rest = next.trim_start(),
            None if tail.is_empty() => return Ok(out),
            None => return Err("has something between two values"),
        }
    }
}
