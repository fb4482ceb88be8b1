//! Words that are too many, and signs that were meant to separate or to comment.

use super::arguments::Checked;
use crate::diagnostic::{Diagnostic, Edit, Fix};
use crate::keepalived::keywords::{Argument, Block, Keyword};
use crate::keepalived::word::Word;
use crate::span::{Sources, Span};

/// `keyword = value`
pub(super) fn equals_sign(words: &[Word], sign: &Word, keyword: &'static Keyword, checked: &mut Checked) {
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

/// `sec!ret`, `#x`: the rest of the line is a comment where a value was meant.
pub(super) fn cut_by_comment(words: &[Word], keyword: &'static Keyword, sources: &Sources, checked: &mut Checked) {
    let needs_value = keyword.argument.words().0 > 0;
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
    let diagnostic = if words.len() == 1 {
        Diagnostic::error("comment-in-word", value, message)
            .with_help("nothing is left of the value, and keepalived stops reading here")
    } else {
        Diagnostic::warning("comment-in-word", value, message).with_label(format!("only `{}` is read", last.lossy()))
    };
    let fixed = Fix::replace("quote the value", value, format!("\"{shown}\""));
    checked.diagnostics.push(if takes_text(keyword) { diagnostic.with_fix(fixed) } else { diagnostic });
}

/// Whether the value may have any characters.
fn takes_text(keyword: &Keyword) -> bool {
    match keyword.argument {
        Argument::Free { .. } | Argument::Script { .. } | Argument::Lines { .. } => true,
        Argument::Block { .. } => !matches!(keyword.name, "virtual_server" | "real_server"),
        _ => false,
    }
}

pub(super) fn extra(
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
    // Blocks of values and some settings say that they do not want the words, all others are silent.
    let told =
        matches!(
            keyword.argument,
            Argument::Lines { .. } | Argument::Words | Argument::Forwarding | Argument::Signed { reverse: true, .. }
        ) || matches!(keyword.name, "vrrp_instance" | "garp_extra_if" | "vmac_garp_intvl" | "vrrp_garp_extra_if")
            || matches!(keyword.name, "vrrp_vmac_garp_intvl" | "snmp_name" | "snmp_socket" | "reload_time_file")
            || matches!(keyword.name, "kernel_rx_buf_size" | "vrrp_rx_bufs_multiplier");
    checked.diagnostics.push(if told {
        Diagnostic::error("extra-words", span, message)
    } else {
        Diagnostic::warning("extra-words", span, message)
    });
}

/// The second word of a command is the user that runs it, which few people mean.
pub(super) fn unquoted_command(words: &[Word], keyword: &'static Keyword, checked: &mut Checked) {
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
