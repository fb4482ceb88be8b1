//! What single kinds of arguments take: choices, addresses, digests, status codes.

use crate::keepalived::keywords::Addresses;
use crate::keepalived::suggest;
use crate::keepalived::values::{self, Refusal};

pub(super) fn choice(text: &[u8], choices: &'static [&'static str]) -> Result<(), Refusal> {
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

pub(super) fn list(choices: &[&str]) -> String {
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

pub(super) fn protocol(text: &[u8]) -> Result<(), Refusal> {
    match &*text.to_ascii_uppercase() {
        b"TCP" | b"UDP" | b"SCTP" => Ok(()),
        b"HTTP" | b"HTTPS" | b"SMTP" => Err(Refusal::new("invalid-choice", "`TCP`, `UDP` or `SCTP`").instead("TCP")),
        b"DNS" => Err(Refusal::new("invalid-choice", "`TCP`, `UDP` or `SCTP`").instead("UDP")),
        _ => Err(Refusal::new("invalid-choice", "`TCP`, `UDP` or `SCTP`")),
    }
}

pub(super) fn address(text: &[u8], which: Addresses) -> Result<(), Refusal> {
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

pub(super) fn digest(text: &[u8]) -> Result<(), Refusal> {
    let expected =
        || Refusal::new("invalid-digest", format!("32 hexadecimal digits, these are {} characters", text.len()));
    if text.len() != 32 || !text.iter().all(u8::is_ascii_hexdigit) { Err(expected()) } else { Ok(()) }
}

pub(super) fn hex(texts: &[&[u8]], wildcards: bool) -> Option<(usize, Refusal)> {
    let digit = |b: &u8| b.is_ascii_hexdigit() || (wildcards && matches!(b, b'X' | b'x'));
    let bad = |t: &&[u8]| !t.iter().filter(|b| !matches!(b, b' ' | b'\t')).all(digit);
    let expected = if wildcards { "hexadecimal bytes, `X` for any digit" } else { "hexadecimal bytes" };
    texts.iter().position(bad).map(|n| (n, Refusal::new("invalid-hex", expected)))
}

pub(super) fn status_code(text: &[u8]) -> Result<(), Refusal> {
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
