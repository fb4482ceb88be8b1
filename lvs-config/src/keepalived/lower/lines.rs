//! Lines that are a small language of their own: routes, rules, addresses, what is tracked, peers.
//!
//! Of each line the first mistake is told: keepalived drops the line there, or ignores the word.

use std::net::IpAddr;

use lvs_model::Family;

use super::Lowering;
use crate::diagnostic::{Diagnostic, Fix};
use crate::keepalived::suggest;
use crate::keepalived::values;
use crate::keepalived::word::Word;

/// What follows a word of a line.
#[derive(Debug, Clone, Copy)]
pub(super) enum Takes {
    Nothing,
    /// A name, or what depends on the machine.
    Any,
    Number(i64, i64),
    /// A number, perhaps after `lock`.
    Locked,
    /// A time in `s` or `ms`, perhaps after `lock`.
    Time,
    /// A name, perhaps after `lock`.
    LockedName,
    Choice(&'static [&'static str]),
    /// The name of a scope or its number.
    Scope,
    /// A type of service.
    Byte,
    /// An address without a prefix length.
    Address,
    /// An address, perhaps after its family.
    Gateway,
    /// An address with or without a prefix length, or `all`.
    Prefix,
    /// `+`, `-` or an IPv4 address.
    Broadcast,
    /// A mark, perhaps with a mask.
    Mark,
    /// Two numbers with a `-` between.
    Range,
    /// The kind of an encapsulation and its settings.
    Encapsulation,
}

/// A word that is wrong, and why.
pub(super) struct Wrong<'a> {
    pub(super) word: &'a Word,
    code: &'static str,
    message: String,
    expected: Option<String>,
}

impl<'a> Wrong<'a> {
    pub(super) fn new(word: &'a Word, code: &'static str, message: impl Into<String>) -> Self {
        Self { word, code, message: message.into(), expected: None }
    }

    fn value(word: &'a Word, name: &Word, code: &'static str, expected: impl Into<String>) -> Self {
        let message = format!("`{}` is no value for `{}`", word.lossy(), name.lossy());
        Self { word, code, message, expected: Some(expected.into()) }
    }
}

/// The words of a line while they are read.
pub(super) struct Reader<'a> {
    rest: &'a [Word],
    /// The family of the first address, with that word.
    pub(super) family: Option<Family>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(words: &'a [Word]) -> Self {
        Self { rest: words, family: None }
    }

    pub(super) fn next(&mut self) -> Option<&'a Word> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first)
    }

    pub(super) fn peek(&self) -> Option<&'a Word> {
        self.rest.first()
    }

    fn peek_is(&self, texts: &[&str]) -> bool {
        self.peek().is_some_and(|w| texts.iter().any(|t| *w == **t))
    }

    /// Notes the family of an address; all addresses of a line have the same one.
    pub(super) fn address(&mut self, word: &'a Word, address: IpAddr) -> Result<(), Wrong<'a>> {
        let family = if address.is_ipv4() { Family::Inet } else { Family::Inet6 };
        if *self.family.get_or_insert(family) == family {
            return Ok(());
        }
        Err(Wrong::new(
            word,
            "family-mismatch",
            format!("`{}` is of another family than the addresses before", word.lossy()),
        ))
    }

    /// The words that `name` takes.
    pub(super) fn argument(&mut self, name: &'a Word, takes: Takes) -> Result<(), Wrong<'a>> {
        let locks = matches!(takes, Takes::Locked | Takes::Time | Takes::LockedName);
        let skip =
            (locks && self.peek_is(&["lock"])) || (matches!(takes, Takes::Gateway) && self.peek_is(&["inet", "inet6"]));
        if skip {
            self.next();
        }
        if matches!(takes, Takes::Nothing) {
            return Ok(());
        }
        let Some(word) = self.next() else {
            return Err(Wrong::new(name, "missing-argument", format!("`{}` has no value", name.lossy())));
        };
        let number = |min: i64, max: i64| {
            let result = values::number(&word.text, min.into(), max.into());
            result.map(drop).map_err(|refusal| Wrong::value(word, name, refusal.code, refusal.expected))
        };
        let wrong = |code, expected: &str| Err(Wrong::value(word, name, code, expected));
        match takes {
            Takes::Nothing | Takes::Any | Takes::LockedName => Ok(()),
            Takes::Number(min, max) => number(min, max),
            Takes::Locked => number(0, u32::MAX.into()),
            Takes::Time if is_time(&word.text) => Ok(()),
            Takes::Time => wrong("invalid-number", "milliseconds, or a time with `s` or `ms`"),
            Takes::Choice(choices) if choices.iter().any(|c| *word == **c) => Ok(()),
            Takes::Choice(choices) => wrong("invalid-choice", &format!("one of `{}`", choices.join("`, `"))),
            Takes::Scope => {
                let named = ["global", "link", "host", "site", "nowhere"].iter().any(|n| *word == **n);
                if named || code(&word.text, 255) {
                    Ok(())
                } else {
                    wrong("invalid-choice", "`global`, `link`, `host`, `site`, `nowhere` or a number")
                }
            }
            // Names are those of a file of the machine.
            Takes::Byte if word.text.first().is_some_and(u8::is_ascii_digit) && !code(&word.text, 255) => {
                wrong("out-of-range", "a number from 0 to 255")
            }
            Takes::Byte => Ok(()),
            Takes::Address | Takes::Gateway => match values::address(&word.text) {
                Some(address) => self.address(word, address),
                None => wrong("invalid-address", "an address in numbers"),
            },
            Takes::Prefix if matches!(&*word.text, b"all" | b"any" | b"default") => Ok(()),
            Takes::Prefix => self.prefix(word),
            Takes::Broadcast if matches!(&*word.text, b"+" | b"-") => Ok(()),
            Takes::Broadcast if values::address(&word.text).is_some_and(|a| a.is_ipv4()) => Ok(()),
            Takes::Broadcast => wrong("invalid-address", "`+`, `-` or an IPv4 address"),
            Takes::Mark => {
                let (mark, mask) = split_prefix(&word.text);
                let valid = code(mark, u32::MAX) && mask.is_none_or(|m| m.is_empty() || code(m, u32::MAX));
                if valid { Ok(()) } else { wrong("invalid-number", "a mark, or a mark, `/` and a mask") }
            }
            Takes::Range => {
                let text = word.lossy();
                let both = text
                    .split_once('-')
                    .is_some_and(|(a, b)| code(a.as_bytes(), u32::MAX) && code(b.as_bytes(), u32::MAX));
                if both { Ok(()) } else { wrong("invalid-range", "two numbers with `-` between") }
            }
            Takes::Encapsulation => self.encapsulation(word, name),
        }
    }

    /// An address with or without a prefix length.
    pub(super) fn prefix(&mut self, word: &'a Word) -> Result<(), Wrong<'a>> {
        let (text, length) = split_prefix(&word.text);
        let shown = word.lossy();
        let Some(address) = values::address(text) else {
            return Err(Wrong::new(word, "invalid-address", format!("`{shown}` is no address")));
        };
        let most = if address.is_ipv4() { 32 } else { 128 };
        if length.is_some_and(|l| !l.is_empty() && values::number(l, 0, most).is_err()) {
            let message = format!("`{shown}` has a wrong prefix length, {most} is used");
            let expected = Some(format!("0 to {most} after the `/`"));
            return Err(Wrong { word, code: "invalid-prefix", message, expected });
        }
        self.address(word, address)
    }

    fn encapsulation(&mut self, kind: &'a Word, name: &'a Word) -> Result<(), Wrong<'a>> {
        match &*kind.text {
            b"mpls" | b"ila" => self.argument(kind, Takes::Any),
            b"ip" | b"ip6" => {
                let mut has_target = false;
                while self.peek_is(&["id", "dst", "src", "tos", "tc", "ttl", "hoplimit", "flags"]) {
                    let Some(setting) = self.next() else { break };
                    has_target |= matches!(&*setting.text, b"id" | b"dst");
                    self.argument(setting, Takes::Any)?;
                }
                if has_target {
                    Ok(())
                } else {
                    Err(Wrong::new(kind, "missing-argument", "the encapsulation has neither `id` nor `dst`"))
                }
            }
            _ => Err(Wrong::value(kind, name, "invalid-choice", "one of `mpls`, `ip`, `ip6` or `ila`")),
        }
    }
}

impl Lowering<'_> {
    /// Tells what is wrong with a line; `words` are those that could stand there.
    pub(super) fn wrong_line(&mut self, wrong: &Wrong<'_>, words: &[&'static str]) {
        let mut diagnostic = Diagnostic::error(wrong.code, wrong.word.span, wrong.message.clone());
        if let Some(expected) = &wrong.expected {
            diagnostic = diagnostic.with_label(format!("expected {expected}"));
        }
        if wrong.code == "unknown-option"
            && let Some(meant) = suggest::nearest(&wrong.word.lossy(), words.iter().copied())
        {
            diagnostic = diagnostic.with_label(format!("did you mean `{meant}`?"));
            if wrong.word.origin.is_none() {
                diagnostic = diagnostic.with_fix(Fix::replace(format!("write `{meant}`"), wrong.word.span, meant));
            }
        }
        self.report(diagnostic);
    }
}

/// A number as C reads it: decimal, octal after `0`, hexadecimal after `0x`.
fn code(text: &[u8], most: u32) -> bool {
    let Ok(text) = std::str::from_utf8(text) else { return false };
    let number = match (text.strip_prefix("0x"), text.strip_prefix('0')) {
        (Some(hex), _) => u32::from_str_radix(hex, 16).ok(),
        (None, Some(octal)) if !octal.is_empty() => u32::from_str_radix(octal, 8).ok(),
        _ => text.parse().ok(),
    };
    number.is_some_and(|n| n <= most)
}

fn is_time(text: &[u8]) -> bool {
    let (number, digits) = match (text.strip_suffix(b"ms"), text.strip_suffix(b"s")) {
        (Some(number), _) => (number, 0),
        (None, Some(number)) => (number, 3),
        (None, None) => (text, 0),
    };
    values::decimal(number, 0, u64::from(u32::MAX) * 1_000_000, digits).is_ok()
}

pub(super) fn split_prefix(text: &[u8]) -> (&[u8], Option<&[u8]>) {
    match text.iter().position(|&b| b == b'/') {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    }
}
