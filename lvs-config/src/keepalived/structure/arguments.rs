//! Whether the words after a keyword are what the keyword takes.

use lvs_model::Forwarding;

use super::extra::{cut_by_comment, equals_sign, extra, unquoted_command};
use super::kinds::{address, choice, digest, hex, list, protocol, status_code};
use super::special::special;
use crate::diagnostic::{Diagnostic, Fix};
use crate::keepalived::keywords::{Argument, Block, Keyword};
use crate::keepalived::values::{self, Refusal};
use crate::keepalived::word::Word;
use crate::span::{Sources, Span};

/// What came out of checking one statement.
pub(super) struct Checked {
    /// Whether keepalived takes the statement.
    pub(super) valid: bool,
    /// The word at which a second statement starts on the same line.
    pub(super) second: Option<usize>,
    pub(super) diagnostics: Vec<Diagnostic>,
}

pub(super) fn check(
    words: &[Word],
    keyword: &'static Keyword,
    block: &'static Block,
    sources: &Sources,
    ends_here: bool,
) -> Checked {
    let mut checked = Checked { valid: true, second: None, diagnostics: Vec::new() };
    let (min, mut max) = keyword.argument.words();
    if keyword.argument == Argument::Forwarding && words.get(1).is_some_and(|w| &*w.text != b"TUN") {
        max = 1;
    }
    if let Some(sign) = words.get(1).filter(|w| !w.quoted && matches!(&*w.text, b"=" | b":") && max > 0) {
        equals_sign(words, sign, keyword, &mut checked);
        return checked;
    }
    if let Some(instead) = keyword.deprecated {
        deprecated(words, keyword, instead, &mut checked);
    }
    if block.path.is_empty() || !keyword.argument.opens_block() {
        cut_by_comment(words, keyword, sources, &mut checked);
    }
    if words.len() - 1 < min {
        if checked.diagnostics.iter().all(|d| d.code != "comment-in-word") {
            let span = words[words.len() - 1].span.after();
            checked.diagnostics.push(
                Diagnostic::error("missing-argument", words[0].span.to(span), format!("`{keyword}` has no value"))
                    .with_label(format!("expected {}", usage(keyword)))
                    .with_help("keepalived stops reading here"),
            );
        }
        checked.valid = false;
        return checked;
    }
    if words.len() - 1 > max {
        extra(words, keyword, block, max, ends_here, &mut checked);
        if checked.second.is_some() && words.len() - 1 < min {
            return checked;
        }
    } else if let Argument::Script { .. } = keyword.argument {
        unquoted_command(words, keyword, &mut checked);
    }
    let end = checked.second.unwrap_or(words.len()).min(max.saturating_add(1));
    if end > min {
        values_of(&words[..end], keyword, block, &mut checked);
    } else {
        checked.valid = false;
    }
    if keyword.argument == Argument::Flag && keyword.deprecated == Some("removed behaviour") {
        checked.valid = false;
    }
    checked
}

fn deprecated(words: &[Word], keyword: &'static Keyword, instead: &'static str, checked: &mut Checked) {
    let span = words[0].span;
    if instead == "removed behaviour" {
        checked.diagnostics.push(
            Diagnostic::error("removed-keyword", span, format!("`{keyword}` is always refused"))
                .with_help("remove the line; `sh-port` and `sh-fallback` are the flags of the sh scheduler"),
        );
        return;
    }
    let diagnostic = Diagnostic::info("deprecated", span, format!("`{keyword}` is deprecated"));
    let word = instead.split(' ').next().unwrap_or(instead);
    let same_place = keyword.alias == Some(word) || matches!(word, "retry" | "checker_process_name" | "track_file");
    checked.diagnostics.push(if same_place && words[0].origin.is_none() {
        diagnostic.with_label(format!("write `{word}`")).with_fix(Fix::replace(format!("write `{word}`"), span, word))
    } else {
        diagnostic.with_help(format!("instead: {instead}"))
    });
}

fn values_of(words: &[Word], keyword: &'static Keyword, block: &'static Block, checked: &mut Checked) {
    let arguments = &words[1..];
    if let Some(word) = arguments.iter().find(|w| is_undefined(w)) {
        let name = word.lossy().into_owned();
        let numeric = !matches!(
            keyword.argument,
            Argument::Free { .. } | Argument::Script { .. } | Argument::Lines { .. } | Argument::Words
        );
        if word.text.windows(2).any(|w| w == b"${") {
            // This was reported when the line was expanded.
            checked.valid = false;
            return;
        }
        if numeric {
            checked.diagnostics.push(
                Diagnostic::error(
                    "undefined-definition",
                    word.span,
                    format!("definition `{name}` is not defined before its use"),
                )
                .with_help("a definition is `$NAME=value` on a line of its own, before the line that uses it"),
            );
            checked.valid = false;
            return;
        }
    }
    let texts: Vec<&[u8]> = arguments.iter().map(|w| &*w.text).collect();
    let Some((n, refusal)) = refused(keyword.argument, &texts) else {
        special(words, keyword, block, checked);
        return;
    };
    checked.valid = false;
    let word = arguments.get(n).unwrap_or(&words[words.len() - 1]);
    checked.diagnostics.push(refused_value(word, keyword, refusal));
}

/// The first of the words that an argument does not take, and why; there are enough of them.
pub(super) fn refused(argument: Argument, texts: &[&[u8]]) -> Option<(usize, Refusal)> {
    let one = |result: Result<(), Refusal>| result.err().map(|refusal| (0, refusal));
    match argument {
        Argument::Boolean => texts.first().and_then(|t| one(values::boolean(t).map(drop))),
        Argument::Unsigned { min, max, .. } => {
            texts.first().and_then(|t| one(values::number(t, min.into(), max.into()).map(drop)))
        }
        Argument::Signed { min, max, .. } => {
            texts.first().and_then(|t| one(values::number(t, min.into(), max.into()).map(drop)))
        }
        Argument::Decimal { min, max, digits } => {
            texts.first().and_then(|t| one(values::decimal(t, min, max, digits).map(drop)))
        }
        Argument::Choice(choices) => one(choice(texts[0], choices)),
        Argument::OptionalChoice(choices) => texts.first().and_then(|t| one(choice(t, choices))),
        Argument::Protocol => one(protocol(texts[0])),
        Argument::Forwarding => values::forwarding(texts).map(|_: Forwarding| ()).err(),
        Argument::Address(which) => one(address(texts[0], which)),
        Argument::Port => one(values::port(texts[0]).map(drop)),
        Argument::Digest => one(digest(texts[0])),
        Argument::Hex { wildcards, .. } => hex(texts, wildcards),
        Argument::StatusCodes => texts.iter().enumerate().find_map(|(n, t)| status_code(t).err().map(|r| (n, r))),
        Argument::Options(choices) => {
            texts.iter().enumerate().find_map(|(n, t)| choice(t, choices).err().map(|r| (n, r)))
        }
        _ => None,
    }
}

pub(super) fn refused_value(word: &Word, keyword: &'static Keyword, refusal: Refusal) -> Diagnostic {
    let text = word.lossy().into_owned();
    let literal = word.origin.is_none();
    if keyword.name == "persistence_timeout" && text == "0" {
        return Diagnostic::error("out-of-range", word.span, "`persistence_timeout 0` is refused")
            .with_label(format!("expected {}", refusal.expected))
            .with_help("remove the line to switch persistence off");
    }
    if let Some(stripped) = text.strip_suffix(';') {
        let diagnostic = Diagnostic::error("semicolon", word.span, format!("`{text}`: statements do not end with `;`"));
        let span = Span::new(word.span.file, word.span.end.max(word.span.start + 1) - 1, word.span.end);
        return if literal && !stripped.is_empty() {
            diagnostic.with_fix(Fix::replace("remove the `;`", span, ""))
        } else {
            diagnostic
        };
    }
    if text.contains(['<', '>']) || text == "x.x.x.x" {
        return Diagnostic::error(refusal.code, word.span, format!("`{text}` is a placeholder that was not replaced"))
            .with_label(format!("expected {}", refusal.expected));
    }
    let mut diagnostic = Diagnostic::error(refusal.code, word.span, format!("`{text}` is no value for `{keyword}`"))
        .with_label(format!("expected {}", refusal.expected));
    if text.contains('|') {
        diagnostic = diagnostic.with_help("this is how the manual lists the choices, write one of them");
    }
    if let Some(instead) = refusal.instead {
        diagnostic = diagnostic.with_help(format!("did you mean `{instead}`?"));
        if literal {
            diagnostic = diagnostic.with_fix(Fix::replace(format!("write `{instead}`"), word.span, instead));
        }
    }
    let note = match keyword.name {
        "lb_algo" | "lvs_sched" => "the service then uses wlc",
        "lb_kind" | "lvs_method" if refusal.code == "invalid-tunnel" => "a plain ipip tunnel is used then",
        "lb_kind" | "lvs_method" => "NAT is used then",
        "protocol" => "the service then uses UDP",
        "state" => "the instance then starts as BACKUP",
        _ => return diagnostic,
    };
    diagnostic.with_help(note)
}

fn is_undefined(word: &Word) -> bool {
    if word.quoted {
        return false;
    }
    let name = word
        .text
        .strip_prefix(b"$")
        .is_some_and(|n| !n.is_empty() && n.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_'));
    name || word.text.windows(2).any(|w| w == b"${")
}

/// The argument as people read it.
fn usage(keyword: &Keyword) -> String {
    match keyword.argument {
        Argument::Unsigned { min, max, .. } => format!("a number from {min} to {max}"),
        Argument::Signed { min, max, .. } => format!("a number from {min} to {max}"),
        Argument::Decimal { .. } => "a number of seconds".to_owned(),
        Argument::Choice(choices) => format!("one of {}", list(choices)),
        Argument::Protocol => "`TCP`, `UDP` or `SCTP`".to_owned(),
        Argument::Forwarding => "`NAT`, `DR` or `TUN`".to_owned(),
        Argument::Address(_) => "an address".to_owned(),
        Argument::Socket => "an address and a port".to_owned(),
        Argument::Port => "a port".to_owned(),
        Argument::Script { .. } => "a command".to_owned(),
        Argument::Block { .. } | Argument::Lines { .. } => match keyword.name {
            "virtual_server" => "`ADDRESS PORT`, `fwmark NUMBER` or `group NAME`".to_owned(),
            "real_server" => "`ADDRESS PORT`".to_owned(),
            _ => "a name".to_owned(),
        },
        _ => format!("`{}`", keyword.usage),
    }
}
