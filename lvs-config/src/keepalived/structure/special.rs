//! What single keywords take beyond the type of their argument.

use super::arguments::{Checked, refused_value};
use super::kinds::{choice, list};
use crate::diagnostic::Diagnostic;
use crate::keepalived::keywords::{Argument, Block, Keyword};
use crate::keepalived::suggest;
use crate::keepalived::values::{self, Refusal};
use crate::keepalived::word::Word;

/// The longest name of an interface or a process, in bytes.
const LONGEST_NAME: usize = 15;

const UMASK_BITS: &[&str] =
    &["IRUSR", "IWUSR", "IXUSR", "IRGRP", "IWGRP", "IXGRP", "IRWXG", "IROTH", "IWOTH", "IXOTH", "IRWXO"];

/// The words are enough, and of the right type where the table says one.
pub(super) fn special(words: &[Word], keyword: &'static Keyword, block: &'static Block, checked: &mut Checked) {
    let Some(value) = words.get(1) else { return };
    let refused = match (block.path, keyword.name) {
        ("vrrp_instance/authentication", "auth_pass") if value.text.len() > 8 => {
            let message = format!("`auth_pass` uses 8 bytes, this one has {}", value.text.len());
            checked
                .diagnostics
                .push(Diagnostic::error("truncated", value.span, message).with_label("the rest is cut off"));
            None
        }
        (_, name) if name.ends_with("process_name") && value.text.len() > LONGEST_NAME => {
            let message = format!("the name of a process has at most {LONGEST_NAME} bytes");
            checked
                .diagnostics
                .push(Diagnostic::error("truncated", value.span, message).with_label("the rest is cut off"));
            None
        }
        (_, "lvs_timeouts") => {
            pairs(&words[1..], &[("tcp", 0, 2_678_400), ("tcpfin", 0, 2_678_400), ("udp", 0, 2_678_400)])
        }
        (_, "lvs_sync_daemon") => sync_daemon(&words[1..]),
        ("global_defs", "vrrp_garp_extra_if" | "vrrp_vmac_garp_intvl") => extra_interface(words, 1),
        (_, "garp_extra_if" | "vmac_garp_intvl") => extra_interface(words, 0),
        (_, "smtp_server") => words.get(2).and_then(|port| Some((port, values::port(&port.text).err()?))),
        (_, "vrrp_rx_bufs_policy") if !matches!(&*value.text.to_ascii_uppercase(), b"MTU" | b"ADVERT") => {
            let expected = |refusal: Refusal| Refusal { expected: "`MTU`, `ADVERT` or a number".to_owned(), ..refusal };
            values::number(&value.text, 0, u32::MAX.into()).err().map(|r| (value, expected(r)))
        }
        (_, "include_check") => words[1..].iter().find_map(|word| {
            let name = word.text.strip_prefix(b"+").or(word.text.strip_prefix(b"-")).unwrap_or(&word.text);
            let known = &["readable", "match", "wildcard_match", "brace_match"];
            choice(name, known).err().map(|r| (word, r))
        }),
        (_, "umask") => umask(&words[1..]),
        (_, "init_file") => words[1..]
            .iter()
            .filter(|w| &*w.text != b"overwrite")
            .find_map(|word| values::number(&word.text, -254, 254).err().map(|refusal| (word, refusal))),
        (_, name) if name.ends_with("_cpu_affinity") => {
            words[1..].iter().find_map(|w| values::number(&w.text, 0, i32::MAX.into()).err().map(|r| (w, r)))
        }
        (_, "use_vmac" | "use_ipvlan") if value.text.len() > LONGEST_NAME && !value.text.contains(&b':') => {
            Some((value, Refusal::new("name-too-long", "the name of an interface, at most 15 bytes")))
        }
        _ if keyword.usage == "ifname" && value.text.len() > LONGEST_NAME => {
            let message =
                format!("`{}` is too long for an interface, {LONGEST_NAME} bytes are possible", value.lossy());
            checked.valid = false;
            checked.diagnostics.push(Diagnostic::error("name-too-long", value.span, message));
            None
        }
        _ if matches!(keyword.argument, Argument::Signed { reverse: true, .. }) => {
            words.get(2).and_then(|word| Some((word, choice(&word.text, &["reverse"]).err()?)))
        }
        _ => None,
    };
    if let Some((word, refusal)) = refused {
        checked.valid = false;
        checked.diagnostics.push(refused_value(word, keyword, refusal));
    }
}

/// Names that are each followed by a number.
fn pairs<'a>(words: &'a [Word], names: &[(&'static str, i128, i128)]) -> Option<(&'a Word, Refusal)> {
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        let Some((name, min, max)) = names.iter().find(|(n, ..)| *word == **n) else {
            let known: Vec<&str> = names.iter().map(|(n, ..)| *n).collect();
            let refusal = Refusal::new("invalid-choice", list(&known));
            return Some(match suggest::nearest(&word.lossy(), known.iter().copied()) {
                Some(meant) => (word, refusal.instead(meant)),
                None => (word, refusal),
            });
        };
        let Some(value) = rest.next() else {
            return Some((word, Refusal::new("missing-argument", format!("a number after `{name}`"))));
        };
        if let Err(refusal) = values::number(&value.text, *min, *max) {
            return Some((value, refusal));
        }
    }
    None
}

/// An interface, perhaps an instance and the number of the synchronisation, then options with a value.
fn sync_daemon(words: &[Word]) -> Option<(&Word, Refusal)> {
    const NAMES: [(&str, i128, i128); 4] =
        [("id", 0, 255), ("maxlen", 1, 65_507), ("port", 1, 65_535), ("ttl", 1, 255)];
    let is_name = |w: &Word| matches!(&*w.text, b"inst" | b"group") || NAMES.iter().any(|(n, ..)| *w == **n);
    let plain = words.iter().skip(1).take_while(|w| !is_name(w)).count();
    if let Some(word) = words.get(2).filter(|_| plain > 1)
        && let Err(refusal) = values::number(&word.text, 0, 255)
    {
        return Some((word, refusal));
    }
    let mut rest = words.get(1 + plain.min(2)..)?;
    while let [name, tail @ ..] = rest {
        let Some(value) = tail.first() else {
            return Some((name, Refusal::new("missing-argument", format!("a value after `{}`", name.lossy()))));
        };
        match &*name.text {
            b"inst" => {}
            b"group" if values::address(&value.text).is_some_and(|a| a.is_multicast()) => {}
            b"group" => return Some((value, Refusal::new("invalid-address", "a multicast address in numbers"))),
            _ => {
                if let Some(refused) = pairs(&rest[..2], &NAMES) {
                    return Some(refused);
                }
            }
        }
        rest = &tail[1..];
    }
    None
}

/// A number of seconds; the word before it, meant to be `all`, may be any.
fn extra_interface(words: &[Word], min: i128) -> Option<(&Word, Refusal)> {
    let number = words.get(2).or(words.get(1))?;
    values::number(&number.text, min, 86_400).err().map(|refusal| (number, refusal))
}

/// Octal digits as in C, or names of bits joined by `|`.
fn umask(words: &[Word]) -> Option<(&Word, Refusal)> {
    let refusal =
        || Refusal::new("invalid-number", format!("octal digits, or bits joined by `|`: {}", list(UMASK_BITS)));
    let first = words.first()?;
    if first.text.first().is_some_and(u8::is_ascii_digit) {
        let text = first.lossy();
        let number = match (text.strip_prefix("0x"), text.strip_prefix('0')) {
            (Some(hex), _) => u32::from_str_radix(hex, 16).ok(),
            (None, Some("")) => Some(0),
            (None, Some(octal)) => u32::from_str_radix(octal, 8).ok(),
            (None, None) => text.parse().ok(),
        };
        return match (number.filter(|n| *n <= 0o777), words.get(1)) {
            (None, _) => Some((first, refusal())),
            (Some(_), more) => more.map(|word| (word, refusal())),
        };
    }
    let joined = |pair: &[Word]| pair[0].text.ends_with(b"|") != pair[1].text.starts_with(b"|");
    let apart = words.windows(2).find(|pair| !joined(pair)).map(|pair| &pair[1]);
    let bits = |w: &Word| w.text.split(|&b| b == b'|').all(|bit| bit.is_empty() || choice(bit, UMASK_BITS).is_ok());
    let open = words.last().filter(|w| w.text.ends_with(b"|"));
    apart.or(open).or_else(|| words.iter().find(|w| !bits(w))).map(|w| (w, refusal()))
}
