//! Whether the words after a keyword are what the keyword takes.

use lvs_model::Forwarding;

use crate::diagnostic::{Diagnostic, Edit, Fix};
use crate::keepalived::keywords::{Addresses, Argument, Block, Keyword};
use crate::keepalived::suggest;
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
        cut_by_comment(words, min > 0, sources, &mut checked);
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

/// `keyword = value`
fn equals_sign(words: &[Word], sign: &Word, keyword: &'static Keyword, checked: &mut Checked) {
    checked.valid = false;
    let mut diagnostic =
        Diagnostic::error("equals-sign", sign.span, format!("`{}` is read as the value of `{keyword}`", sign.lossy()))
            .with_help("a keyword and its value are separated by a blank");
    if let Some(value) =
        words.get(2).filter(|v| v.origin.is_none() && sign.origin.is_none() && v.span.file == sign.span.file)
    {
        let span = Span::new(sign.span.file, sign.span.start, value.span.start);
        diagnostic = diagnostic.with_fix(Fix::replace(format!("remove the `{}`", sign.lossy()), span, ""));
    }
    checked.diagnostics.push(diagnostic);
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

/// `sec!ret`, `#x`: the rest of the line is a comment where a value was meant.
fn cut_by_comment(words: &[Word], needs_value: bool, sources: &Sources, checked: &mut Checked) {
    let Some(last) = words.last().filter(|w| w.origin.is_none() && !w.quoted) else { return };
    let Some(source) = sources.file(last.span.file) else { return };
    let rest = &source.bytes()[last.span.end.min(source.bytes().len())..];
    let line = &rest[..rest.iter().position(|&b| b == b'\n').unwrap_or(rest.len())];
    let (blanks, sign) = match line.iter().position(|b| !matches!(b, b' ' | b'\t')) {
        Some(n) if matches!(line[n], b'#' | b'!') => (n, n),
        _ => return,
    };
    let value_follows = needs_value
        && words.len() == 1
        && blanks > 0
        && line.get(sign + 1).is_some_and(|b| !matches!(b, b' ' | b'\t' | b'#' | b'!' | b'\r'));
    if blanks > 0 && !value_follows {
        return;
    }
    // `}#` and `word # text` are comments; only a sign inside of a value is not meant as one.
    if blanks == 0 && (words.len() == 1 || line.get(1).is_none_or(|b| matches!(b, b' ' | b'\t' | b'#' | b'\r'))) {
        return;
    }
    let end = sign + line[sign..].iter().position(|b| matches!(b, b' ' | b'\t' | b'\r')).unwrap_or(line.len() - sign);
    let start = if blanks == 0 { last.span.start } else { last.span.end + blanks };
    let value = Span::new(last.span.file, start, last.span.end + end);
    let shown = String::from_utf8_lossy(sources.text(value)).into_owned();
    let character = char::from(line[sign]);
    let message = format!("`{character}` starts a comment, also inside of a word");
    let fixed = Fix::replace("quote the value", value, format!("\"{shown}\""));
    let diagnostic = if words.len() == 1 {
        Diagnostic::error("comment-in-word", value, message)
            .with_help("nothing is left of the value, and keepalived stops reading here")
    } else {
        Diagnostic::warning("comment-in-word", value, message).with_label(format!("only `{}` is read", last.lossy()))
    };
    checked.diagnostics.push(diagnostic.with_fix(fixed));
}

fn extra(
    words: &[Word],
    keyword: &'static Keyword,
    block: &'static Block,
    max: usize,
    ends_here: bool,
    checked: &mut Checked,
) {
    let first = &words[max + 1];
    let span = first.span.to(words[words.len() - 1].span);
    let text = first.lossy();
    if let Some(mark) = ["//", "/*", ";", "--", "＃"].into_iter().find(|m| text.starts_with(m) && !first.quoted) {
        let place = Span::new(first.span.file, first.span.start, first.span.start + mark.len());
        let diagnostic = Diagnostic::warning("not-a-comment", place, format!("`{mark}` does not start a comment here"))
            .with_help("keepalived ignores the extra words of this line, but not of others");
        checked.diagnostics.push(if first.origin.is_none() {
            diagnostic.with_fix(Fix::replace("write `#`", place, "#"))
        } else {
            diagnostic
        });
        return;
    }
    let second = words.iter().enumerate().skip(max + 1).find(|(_, w)| !w.quoted && block.find(&w.text).is_some());
    if let Some((n, word)) = second {
        if !block.path.is_empty() || ends_here {
            checked.second = Some(n);
            checked.diagnostics.push(
                Diagnostic::error(
                    "two-statements",
                    word.span,
                    format!("`{}` stands on the line of `{keyword}` and is ignored", word.lossy()),
                )
                .with_label("a second statement needs a line of its own"),
            );
        }
        return;
    }
    if keyword.argument == Argument::Flag {
        let off = matches!(&*first.text, b"off" | b"no" | b"false" | b"0");
        let diagnostic = Diagnostic::warning(
            "flag-with-value",
            span,
            format!("`{keyword}` takes no value here, `{text}` is ignored"),
        );
        checked.diagnostics.push(if off {
            diagnostic.with_label("this line switches it on").with_help("remove the line to switch it off")
        } else {
            diagnostic
        });
        return;
    }
    if let Argument::Script { .. } = keyword.argument {
        unquoted_command(words, keyword, checked);
        return;
    }
    let message = match max {
        0 => format!("`{keyword}` takes no words, `{text}` is ignored"),
        1 => format!("`{keyword}` takes one word, `{text}` is ignored"),
        n => format!("`{keyword}` takes at most {n} words, `{text}` is ignored"),
    };
    // Blocks of values say that they do not want the words, all others are silent.
    let values = matches!(keyword.argument, Argument::Lines { .. } | Argument::Words);
    checked.diagnostics.push(if values {
        Diagnostic::error("extra-words", span, message)
    } else {
        Diagnostic::warning("extra-words", span, message)
    });
}

/// The second word of a command is the user that runs it, which few people mean.
fn unquoted_command(words: &[Word], keyword: &'static Keyword, checked: &mut Checked) {
    if let [name, command, ..] = words
        && command.quoted
        && command.origin.is_none()
        && name.span.end == command.span.start
    {
        let place = command.span.before();
        checked.valid = false;
        checked.diagnostics.push(
            Diagnostic::error(
                "missing-blank",
                name.span.to(command.span),
                format!("a blank is missing between `{keyword}` and its command"),
            )
            .with_help("keepalived finds no command here")
            .with_fix(Fix::replace("insert a blank", place, " ")),
        );
        return;
    }
    let [_, command, user, ..] = words else { return };
    if command.quoted || user.quoted {
        return;
    }
    let user_like = |w: &Word| {
        let mut bytes = w.text.iter();
        bytes.next().is_some_and(|b| b.is_ascii_lowercase() || *b == b'_')
            && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-'))
    };
    let known = matches!(
        &*user.text,
        b"root" | b"nobody" | b"daemon" | b"keepalived" | b"keepalived_script" | b"haproxy" | b"nginx"
    );
    if words.len() <= 4 && known && words[2..].iter().all(user_like) {
        return;
    }
    let all = command.span.to(words[words.len() - 1].span);
    let mut diagnostic = Diagnostic::warning(
        "unquoted-command",
        all,
        format!(
            "only the first word is the command of `{keyword}`, `{}` is taken as the user that runs it",
            user.lossy()
        ),
    )
    .with_help("put a command with parameters in double quotes");
    if words.iter().all(|w| w.origin.is_none()) {
        diagnostic = diagnostic.with_fix(Fix::new(
            "quote the whole command",
            [Edit::new(all.before(), "\""), Edit::new(all.after(), "\"")],
        ));
    }
    checked.diagnostics.push(diagnostic);
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
    let one = |result: Result<(), Refusal>| result.err().map(|refusal| (0, refusal));
    let refused = match keyword.argument {
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
        Argument::Protocol => one(protocol(texts[0])),
        Argument::Forwarding => values::forwarding(&texts).map(|_: Forwarding| ()).err(),
        Argument::Address(which) => one(address(texts[0], which)),
        Argument::Port => one(values::port(texts[0]).map(drop)),
        Argument::Digest => one(digest(texts[0])),
        Argument::Hex { wildcards, .. } => hex(&texts, wildcards),
        Argument::StatusCodes => texts.iter().enumerate().find_map(|(n, t)| status_code(t).err().map(|r| (n, r))),
        Argument::Options(choices) => {
            texts.iter().enumerate().find_map(|(n, t)| choice(t, choices).err().map(|r| (n, r)))
        }
        _ => None,
    };
    let Some((n, refusal)) = refused else {
        special(words, keyword, block, checked);
        return;
    };
    checked.valid = false;
    let word = arguments.get(n).unwrap_or(&words[words.len() - 1]);
    checked.diagnostics.push(refused_value(word, keyword, refusal));
}

fn refused_value(word: &Word, keyword: &'static Keyword, refusal: Refusal) -> Diagnostic {
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

/// What is said about single keywords beyond their type.
fn special(words: &[Word], keyword: &'static Keyword, block: &'static Block, checked: &mut Checked) {
    let Some(value) = words.get(1) else { return };
    match (block.path, keyword.name) {
        ("vrrp_instance/authentication", "auth_pass") if value.text.len() > 8 => {
            checked.diagnostics.push(
                Diagnostic::error(
                    "truncated",
                    value.span,
                    format!("`auth_pass` uses 8 bytes, this one has {}", value.text.len()),
                )
                .with_label("the rest is cut off"),
            );
        }
        ("global_defs", "lvs_timeouts") => {
            pairs(words, keyword, &[("tcp", 0, 2_678_400), ("tcpfin", 0, 2_678_400), ("udp", 0, 2_678_400)], checked)
        }
        ("global_defs", "vrrp_garp_extra_if" | "vrrp_vmac_garp_intvl")
        | ("vrrp_instance", "garp_extra_if" | "vmac_garp_intvl") => {
            let number = words.iter().skip(1).find(|w| &*w.text != b"all");
            if let Some(word) = number
                && let Err(refusal) = values::number(&word.text, i128::from(block.path == "global_defs"), 86_400)
            {
                checked.valid = false;
                checked.diagnostics.push(refused_value(word, keyword, refusal));
            }
        }
        (_, _) if matches!(keyword.argument, Argument::Signed { reverse: true, .. }) => {
            if let Some(word) = words.get(2).filter(|w| !matches!(&*w.text, b"reverse" | b"noreverse")) {
                checked.diagnostics.push(
                    Diagnostic::warning("extra-words", word.span, format!("`{}` is ignored", word.lossy()))
                        .with_label("expected `reverse` or nothing"),
                );
            }
        }
        _ => {}
    }
}

/// Names that are each followed by a number.
fn pairs(words: &[Word], keyword: &'static Keyword, names: &[(&str, i128, i128)], checked: &mut Checked) {
    let mut rest = words.iter().skip(1);
    while let Some(word) = rest.next() {
        let Some((name, min, max)) = names.iter().find(|(n, ..)| *word == **n) else {
            let known: Vec<&str> = names.iter().map(|(n, ..)| *n).collect();
            let refusal = Refusal::new("invalid-choice", list(&known));
            let refusal = match suggest::nearest(&word.lossy(), known.iter().copied()) {
                Some(meant) => refusal.instead(meant),
                None => refusal,
            };
            checked.valid = false;
            checked.diagnostics.push(refused_value(word, keyword, refusal));
            return;
        };
        let value = rest.next();
        let refusal = match value {
            Some(value) => values::number(&value.text, *min, *max).err(),
            None => Some(Refusal::new("missing-argument", format!("a number after `{name}`"))),
        };
        if let Some(refusal) = refusal {
            checked.valid = false;
            checked.diagnostics.push(refused_value(value.unwrap_or(word), keyword, refusal));
            return;
        }
    }
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

fn choice(text: &[u8], choices: &'static [&'static str]) -> Result<(), Refusal> {
    if choices.iter().any(|c| c.as_bytes() == text) {
        return Ok(());
    }
    let lossy = String::from_utf8_lossy(text);
    let refusal = Refusal::new("invalid-choice", format!("one of {}", list(choices)));
    let same = choices.iter().copied().find(|c| c.eq_ignore_ascii_case(&lossy));
    let alias = match &*lossy.to_ascii_lowercase() {
        "roundrobin" | "round-robin" | "round_robin" => Some("rr"),
        "weighted" | "wroundrobin" => Some("wrr"),
        "leastconn" | "least-connection" => Some("lc"),
        _ => None,
    };
    let alias = alias.filter(|a| choices.contains(a));
    let stripped = lossy.trim_end_matches(';');
    let near = || if lossy.contains('|') { None } else { suggest::nearest(stripped, choices.iter().copied()) };
    Err(match same.or(alias).or_else(near) {
        Some(meant) => refusal.instead(meant),
        None => refusal,
    })
}

fn list(choices: &[&str]) -> String {
    let mut out = String::new();
    for (i, choice) in choices.iter().enumerate() {
        if i > 0 {
            out.push_str(if i + 1 == choices.len() { " or " } else { ", " });
        }
        out.push('`');
        out.push_str(choice);
        out.push('`');
    }
    out
}

fn protocol(text: &[u8]) -> Result<(), Refusal> {
    match &*text.to_ascii_uppercase() {
        b"TCP" | b"UDP" | b"SCTP" => Ok(()),
        b"HTTP" | b"HTTPS" | b"SMTP" => Err(Refusal::new("invalid-choice", "`TCP`, `UDP` or `SCTP`").instead("TCP")),
        b"DNS" => Err(Refusal::new("invalid-choice", "`TCP`, `UDP` or `SCTP`").instead("UDP")),
        _ => Err(Refusal::new("invalid-choice", "`TCP`, `UDP` or `SCTP`")),
    }
}

fn address(text: &[u8], which: Addresses) -> Result<(), Refusal> {
    let expected = match which {
        Addresses::Any => "an IPv4 or IPv6 address in numbers",
        Addresses::Multicast => "a multicast address in numbers",
        Addresses::Multicast4 => "an IPv4 multicast address in numbers",
        Addresses::Multicast6 => "an IPv6 multicast address in numbers",
    };
    let refusal = || Refusal::new("invalid-address", expected);
    let Some(address) = values::address(text) else {
        let inner = text.strip_prefix(b"[").and_then(|t| t.strip_suffix(b"]"));
        let inner = inner.filter(|t| values::address(t).is_some());
        return Err(match inner {
            Some(inner) => refusal().instead(String::from_utf8_lossy(inner)),
            None => refusal(),
        });
    };
    let fits = match which {
        Addresses::Any => true,
        Addresses::Multicast => address.is_multicast(),
        Addresses::Multicast4 => address.is_ipv4() && address.is_multicast(),
        Addresses::Multicast6 => address.is_ipv6() && address.is_multicast(),
    };
    if fits { Ok(()) } else { Err(refusal()) }
}

fn digest(text: &[u8]) -> Result<(), Refusal> {
    let expected =
        || Refusal::new("invalid-digest", format!("32 hexadecimal digits, these are {} characters", text.len()));
    if text.len() != 32 || !text.iter().all(u8::is_ascii_hexdigit) { Err(expected()) } else { Ok(()) }
}

fn hex(texts: &[&[u8]], wildcards: bool) -> Option<(usize, Refusal)> {
    let digit = |b: &u8| b.is_ascii_hexdigit() || (wildcards && matches!(b, b'X' | b'x'));
    let bad = |t: &&[u8]| !t.iter().filter(|b| !matches!(b, b' ' | b'\t')).all(digit);
    let expected = if wildcards { "hexadecimal bytes, `X` for any digit" } else { "hexadecimal bytes" };
    texts.iter().position(bad).map(|n| (n, Refusal::new("invalid-hex", expected)))
}

fn status_code(text: &[u8]) -> Result<(), Refusal> {
    let refusal = || Refusal::new("invalid-status-code", "codes from 100 to 599 and ranges such as `200-299`");
    let text = std::str::from_utf8(text).map_err(|_| refusal())?;
    let code =
        |t: &str| t.parse::<u16>().ok().filter(|c| (100..=599).contains(c) && t.bytes().all(|b| b.is_ascii_digit()));
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    match (code(from), code(to)) {
        (Some(from), Some(to)) if from <= to => Ok(()),
        _ => Err(refusal()),
    }
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
