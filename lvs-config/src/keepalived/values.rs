//! How keepalived reads numbers, times, switches and addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use lvs_model::Forwarding;

/// Why a value is not taken, in words that follow "expected".
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: &'static str,
    pub(super) expected: String,
    /// A value that would be taken and is most likely meant.
    pub(super) instead: Option<String>,
}

impl Refusal {
    pub(super) fn new(code: &'static str, expected: impl Into<String>) -> Self {
        Self { code, expected: expected.into(), instead: None }
    }

    pub(super) fn instead(mut self, value: impl Into<String>) -> Self {
        self.instead = Some(value.into());
        self
    }
}

/// A decimal number: blanks and a sign may stand before it, nothing after it.
pub(super) fn integer(text: &[u8]) -> Option<i128> {
    let text = std::str::from_utf8(text).ok()?.trim_start();
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    // Longer ones are out of every range; the limit keeps the arithmetic exact.
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let digits = digits.trim_start_matches('0');
    if digits.len() > 36 {
        return Some(sign * i128::MAX);
    }
    Some(sign * digits.parse::<i128>().unwrap_or(0))
}

/// An integer in a range.
pub(super) fn number(text: &[u8], min: i128, max: i128) -> Result<i128, Refusal> {
    let expected = || format!("a number from {min} to {max}");
    match integer(text) {
        Some(n) if (min..=max).contains(&n) => Ok(n),
        Some(n) if n < 0 && min >= 0 => Err(Refusal::new("negative-number", expected())),
        Some(_) => Err(Refusal::new("out-of-range", expected())),
        None => {
            let mut refusal = Refusal::new("invalid-number", expected());
            // `6s`, `10ms`, `5;`: the digits in front are meant.
            let lossy = String::from_utf8_lossy(text);
            let digits: String = lossy.chars().take_while(char::is_ascii_digit).collect();
            if !digits.is_empty()
                && !lossy.contains('.')
                && lossy.len() - digits.len() <= 4
                && digits.parse().is_ok_and(|n: i128| (min..=max).contains(&n))
                && !digits.starts_with('0')
            {
                refusal = refusal.instead(digits);
            }
            Err(refusal)
        }
    }
}

/// A number with a fraction, in millionths; bounds as well.
pub(super) fn decimal(text: &[u8], min: u64, max: u64, digits: u8) -> Result<u64, Refusal> {
    let expected = || {
        let bounds = match (min, max >= 1_000_000_000_000_000_000) {
            (0, true) => "0 or more".to_owned(),
            (1, true) => "more than 0".to_owned(),
            (_, true) => format!("{} or more", show_decimal(min)),
            (1, false) => format!("more than 0 and at most {}", show_decimal(max)),
            _ => format!("{} to {}", show_decimal(min), show_decimal(max)),
        };
        format!("a plain number without a unit, {bounds}")
    };
    let invalid = || Refusal::new("invalid-number", expected());
    let text = std::str::from_utf8(text).map_err(|_| invalid())?.trim_start();
    if text.starts_with('-') {
        return Err(Refusal::new("negative-number", expected()));
    }
    let text = text.strip_prefix('+').unwrap_or(text);
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let all_digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !all_digits(whole) || !all_digits(fraction) {
        let digits: String = text.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
        let unit = &text[digits.len()..];
        let known = matches!(unit, "s" | "sec" | "secs" | "seconds" | "ms" | ";");
        let mut refusal = invalid();
        if known && let Ok(value) = decimal(digits.as_bytes(), 0, u64::MAX, 6) {
            let value = if unit == "ms" { value / 1000 } else { value };
            if (min..=max).contains(&value) {
                refusal = refusal.instead(show_decimal(value));
            }
        }
        return Err(refusal);
    }
    if fraction.len() > usize::from(digits) {
        let expected = format!("at most {digits} digits after the point");
        return Err(Refusal::new("too-many-decimals", expected));
    }
    let out_of_range = || Refusal::new("out-of-range", expected());
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| out_of_range())? };
    let fraction: u64 = format!("{fraction:0<6}").parse().map_err(|_| invalid())?;
    let value = whole.checked_mul(1_000_000).and_then(|w| w.checked_add(fraction)).ok_or_else(out_of_range)?;
    if (min..=max).contains(&value) { Ok(value) } else { Err(out_of_range()) }
}

/// Millionths as a decimal number without needless zeros.
pub(super) fn show_decimal(value: u64) -> String {
    let (whole, fraction) = (value / 1_000_000, value % 1_000_000);
    if fraction == 0 {
        return whole.to_string();
    }
    format!("{whole}.{fraction:06}").trim_end_matches('0').to_owned()
}

/// A time in seconds.
pub(super) fn timer(text: &[u8]) -> Option<Duration> {
    decimal(text, 0, u64::MAX, 6).ok().map(Duration::from_micros)
}

/// `on`, `off`, `true`, `false`, `yes`, `no`.
pub(super) fn boolean(text: &[u8]) -> Result<bool, Refusal> {
    match text {
        b"on" | b"true" | b"yes" => Ok(true),
        b"off" | b"false" | b"no" => Ok(false),
        _ => {
            let refusal = Refusal::new("invalid-boolean", "`on`, `off`, `true`, `false`, `yes` or `no` in lower case");
            let lower = text.to_ascii_lowercase();
            Err(match &*lower {
                b"1" | b"enable" | b"enabled" => refusal.instead("on"),
                b"0" | b"disable" | b"disabled" => refusal.instead("off"),
                b"on" | b"off" | b"true" | b"false" | b"yes" | b"no" => {
                    refusal.instead(String::from_utf8_lossy(&lower).into_owned())
                }
                _ => refusal,
            })
        }
    }
}

/// A numeric address without brackets, port or zone.
pub(super) fn address(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?;
    if let Ok(address) = text.parse::<Ipv4Addr>() {
        return Some(address.into());
    }
    text.parse::<Ipv6Addr>().ok().map(IpAddr::from)
}

/// A port, 1 to 65535.
pub(super) fn port(text: &[u8]) -> Result<u16, Refusal> {
    let value = number(text, 1, 65535).map_err(|refusal| {
        let known = match &*text.to_ascii_lowercase() {
            b"http" => "80",
            b"https" => "443",
            b"ftp" => "21",
            b"ssh" => "22",
            b"smtp" => "25",
            b"domain" | b"dns" => "53",
            b"pop3" => "110",
            b"imap" | b"imap2" => "143",
            b"ldap" => "389",
            b"imaps" => "993",
            b"mysql" => "3306",
            b"postgresql" => "5432",
            _ => return refusal,
        };
        Refusal::new("service-name", "a number, names of services are not looked up").instead(known)
    })?;
    Ok(u16::try_from(value).unwrap_or(u16::MAX))
}

/// `NAT`, `DR` or `TUN`, the last one with `type` and checksum words; which word is wrong when one is.
pub(super) fn forwarding(words: &[&[u8]]) -> Result<Forwarding, (usize, Refusal)> {
    let unknown = || Refusal::new("invalid-forwarding", "`NAT`, `DR` or `TUN`");
    let (method, rest) = words.split_first().ok_or_else(|| (0, unknown()))?;
    match *method {
        b"NAT" => return Ok(Forwarding::Masquerade),
        b"DR" => return Ok(Forwarding::DirectRouting),
        b"TUN" => {}
        other => {
            let instead = match &*other.to_ascii_uppercase() {
                b"NAT" | b"NET" | b"MASQ" | b"SNAT" | b"DNAT" => Some("NAT"),
                b"DR" | b"ROUTE" | b"GATEWAY" => Some("DR"),
                b"TUN" | b"TUNNEL" | b"IPIP" => Some("TUN"),
                b"FNAT" | b"FULLNAT" => {
                    let expected = "`NAT`, `DR` or `TUN`; full NAT exists only in the dpvs and alibaba forks";
                    return Err((0, Refusal::new("fork-keyword", expected)));
                }
                _ => None,
            };
            let refusal = unknown();
            return Err((0, instead.map_or(refusal.clone(), |i| refusal.instead(i))));
        }
    }
    tunnel(rest).map_err(|(at, refusal)| (at + 1, refusal))
}

fn tunnel(words: &[&[u8]]) -> Result<Forwarding, (usize, Refusal)> {
    let (mut kind, mut port_number, mut flags) = (0u8, 0u16, 0u16);
    let mut kind_at = 0;
    let mut at = 0;
    while let Some(&word) = words.get(at) {
        match word {
            b"type" => {
                kind_at = at + 1;
                kind = match words.get(at + 1).copied() {
                    Some(b"ipip") => 0,
                    Some(b"gue") => 1,
                    Some(b"gre") => 2,
                    _ => return Err((at + 1, Refusal::new("invalid-tunnel", "`ipip`, `gue` or `gre` after `type`"))),
                };
                at += 2;
            }
            b"port" => {
                let text = words.get(at + 1).copied().unwrap_or_default();
                port_number = port(text).map_err(|refusal| (at + 1, refusal))?;
                at += 2;
            }
            b"nocsum" => at += 1,
            b"csum" => {
                flags = 1;
                at += 1;
            }
            b"remcsum" => {
                flags = 2;
                at += 1;
            }
            _ => return Err((at, Refusal::new("invalid-tunnel", "`type`, `port`, `nocsum`, `csum` or `remcsum`"))),
        }
    }
    if (kind == 1) != (port_number != 0) {
        let expected = if kind == 1 { "`port` and a number: gue needs one" } else { "no port: only gue has one" };
        return Err((kind_at, Refusal::new("invalid-tunnel", expected)));
    }
    let tunnel = lvs_model::Tunnel::from_raw(kind, port_number, lvs_model::TunnelFlags::from_bits(flags))
        .map_err(|_| (kind_at, Refusal::new("invalid-tunnel", "a tunnel that the kernel knows")))?;
    Ok(Forwarding::Tunnel(tunnel))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_strtol() {
        assert_eq!(integer(b"+5"), Some(5));
        assert_eq!(integer(b" 007"), Some(7));
        assert_eq!(integer(b"-3"), Some(-3));
        for bad in ["", "5x", "0x5", "+", "5 ", "1e3", "--1"] {
            assert_eq!(integer(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(number(b"70000", 1, 65535).unwrap_err().code, "out-of-range");
        assert_eq!(number(b"-1", 0, 9).unwrap_err().code, "negative-number");
        assert_eq!(number(b"6s", 0, 9).unwrap_err().instead.as_deref(), Some("6"));
        assert_eq!(number("9".repeat(100).as_bytes(), 0, 9).unwrap_err().code, "out-of-range");
    }

    #[test]
    fn times_have_at_most_six_decimals() {
        let max = u64::MAX - 1;
        assert_eq!(decimal(b".5", 0, max, 6), Ok(500_000));
        assert_eq!(decimal(b"+6", 0, max, 6), Ok(6_000_000));
        assert_eq!(decimal(b"6.", 0, max, 6), Ok(6_000_000));
        assert_eq!(decimal(b"0.1234567", 0, max, 6).unwrap_err().code, "too-many-decimals");
        assert_eq!(decimal(b"6s", 1, max, 6).unwrap_err().instead.as_deref(), Some("6"));
        assert_eq!(decimal(b"500ms", 1, max, 6).unwrap_err().instead.as_deref(), Some("0.5"));
        for bad in ["1e3", ".", "", "=", "a.b", "1.2.3"] {
            assert_eq!(decimal(bad.as_bytes(), 0, max, 6).unwrap_err().code, "invalid-number", "{bad}");
        }
        assert_eq!(decimal(b"0", 1, max, 6).unwrap_err().code, "out-of-range");
        assert_eq!(decimal(b"99999999999999999999999", 1, max, 6).unwrap_err().code, "out-of-range");
    }

    #[test]
    fn switches_are_lower_case() {
        assert_eq!(boolean(b"yes"), Ok(true));
        assert_eq!(boolean(b"True").unwrap_err().instead.as_deref(), Some("true"));
        assert_eq!(boolean(b"1").unwrap_err().instead.as_deref(), Some("on"));
    }

    #[test]
    fn a_tunnel_says_its_kind() {
        assert_eq!(forwarding(&[b"DR"]), Ok(Forwarding::DirectRouting));
        let gue = forwarding(&[b"TUN", b"type", b"gue", b"port", b"6080", b"csum"]).unwrap();
        assert_eq!(gue.to_string(), "-i --tun-type gue --tun-port 6080 --tun-csum");
        assert!(forwarding(&[b"TUN", b"type", b"gue"]).is_err());
        assert!(forwarding(&[b"TUN", b"port", b"5"]).is_err());
        assert_eq!(forwarding(&[b"dr"]).unwrap_err().1.instead.as_deref(), Some("DR"));
    }
}
