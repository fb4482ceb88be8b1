//! `ADDRESS[:PORT]` as `ipvsadm` reads it.
//!
//! | text | is |
//! |---|---|
//! | `10.0.0.1:80` | what it looks like |
//! | `10.0.0:80`, `10.1:80` | the last number fills the missing octets: 10.0.0.0, 10.0.0.1 |
//! | `010.0.0.1:80`, `0x0a000001:80` | octal and hexadecimal: 8.0.0.1, 10.0.0.1 |
//! | `80` | refused; `80:80` is 0.0.0.80 |
//! | `[2001:db8::1]:80` | IPv6 with a port |
//! | `[2001:db8::1]` | refused |
//! | `2001:db8::1:80` | an IPv6 address without a port |
//! | `[10.0.0.1]:80` | the brackets and what follows them are dropped: 10.0.0.1 without a port |

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use lvs_model::{Endpoint, Protocol};

use super::number;
use super::resolver::Resolver;

/// What was read, and what somebody should hear about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) endpoint: Endpoint,
    /// Without a port the port is 0, which does not mean the same as `:0` for a real server with masquerading.
    pub(super) has_port: bool,
    pub(super) note: Option<Note>,
}

/// What is legal but surprising.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Note {
    /// Fewer than four octets.
    Short,
    /// An octet is octal or hexadecimal.
    NotDecimal,
    /// Brackets around something that is not IPv6: what stands behind them is lost.
    BracketsDropped,
    /// IPv6 without brackets whose end looks like a port.
    LooksLikePort(u16),
}

/// Why a text is not an address with a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble<'a> {
    Empty,
    /// `[…]` without `:PORT`.
    NoPortAfterBrackets,
    NoClosingBracket,
    Zone,
    /// Nothing behind the colon.
    EmptyPort,
    PortRange,
    UnknownService(&'a [u8]),
    /// A service name before the protocol is known.
    ServiceTooEarly(&'a [u8]),
    OnlyDigits,
    UnknownHost(&'a [u8]),
}

/// Reads an address with an optional port; `protocol` is `None` as long as no service option was seen.
pub(super) fn endpoint<'a>(
    text: &'a [u8],
    protocol: Option<Protocol>,
    names: &dyn Resolver,
) -> Result<Address, Trouble<'a>> {
    if text.is_empty() {
        return Err(Trouble::Empty);
    }
    let Some(inside) = text.strip_prefix(b"[") else {
        if let Some(addr) = inet6(text) {
            return Ok(Address { endpoint: Endpoint::new(addr.into(), 0), has_port: false, note: glued_port(text) });
        }
        return inet(text, protocol, names, OnlyDigits::Refused);
    };
    let Some(close) = inside.iter().position(|b| *b == b']') else { return Err(Trouble::NoClosingBracket) };
    let (inside, behind) = (&inside[..close], &inside[close + 1..]);
    let Some(port_text) = behind.strip_prefix(b":") else { return Err(Trouble::NoPortAfterBrackets) };
    if let Some(addr) = inet6(inside) {
        let port = port(port_text, protocol, names)?;
        return Ok(Address { endpoint: Endpoint::new(addr.into(), port), has_port: true, note: None });
    }
    if inside.contains(&b'%') {
        return Err(Trouble::Zone);
    }
    let address = inet(inside, protocol, names, OnlyDigits::Accepted)?;
    Ok(Address { note: Some(Note::BracketsDropped), ..address })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum OnlyDigits {
    Accepted,
    Refused,
}

fn inet<'a>(
    text: &'a [u8],
    protocol: Option<Protocol>,
    names: &dyn Resolver,
    only_digits: OnlyDigits,
) -> Result<Address, Trouble<'a>> {
    let colon = text.iter().position(|b| *b == b':');
    if colon.is_none() && only_digits == OnlyDigits::Refused && number::decimal(text).is_some() {
        return Err(Trouble::OnlyDigits);
    }
    let host_text = &text[..colon.unwrap_or(text.len())];
    let (addr, note) = host(host_text, names).ok_or_else(|| {
        let text = if text.contains(&b'%') { None } else { Some(host_text) };
        text.map_or(Trouble::Zone, Trouble::UnknownHost)
    })?;
    let port = colon.map_or(Ok(0), |at| port(&text[at + 1..], protocol, names))?;
    Ok(Address { endpoint: Endpoint::new(addr.into(), port), has_port: colon.is_some(), note })
}

/// A host: numbers as `inet_aton` takes them, else a name.
pub(super) fn host(text: &[u8], names: &dyn Resolver) -> Option<(Ipv4Addr, Option<Note>)> {
    if let Some((addr, note)) = inet_aton(text) {
        return Some((addr, note));
    }
    let name = std::str::from_utf8(text).ok().filter(|name| !name.is_empty())?;
    Some((names.address(name)?, None))
}

fn port<'a>(text: &'a [u8], protocol: Option<Protocol>, names: &dyn Resolver) -> Result<u16, Trouble<'a>> {
    if text.is_empty() {
        return Err(Trouble::EmptyPort);
    }
    if let Some(number) = number::decimal(text) {
        return u16::try_from(number).map_err(|_| Trouble::PortRange);
    }
    let protocol = protocol.ok_or(Trouble::ServiceTooEarly(text))?;
    let name = std::str::from_utf8(text).ok();
    name.and_then(|name| names.port(name, protocol)).ok_or(Trouble::UnknownService(text))
}

pub(super) fn inet6(text: &[u8]) -> Option<Ipv6Addr> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// `2001:db8::1:80` was most likely meant as an address with port 80.
fn glued_port(text: &[u8]) -> Option<Note> {
    let colon = text.iter().rposition(|b| *b == b':')?;
    let before = inet6(&text[..colon])?;
    let port = number::within(&text[colon + 1..], 1, 65535)?;
    (!before.is_unspecified()).then(|| u16::try_from(port).ok().map(Note::LooksLikePort))?
}

/// One to four numbers, each decimal, octal or hexadecimal; the last one fills the rest.
fn inet_aton(text: &[u8]) -> Option<(Ipv4Addr, Option<Note>)> {
    let mut addr = 0_u32;
    let mut count = 0;
    let mut note = None;
    let mut parts = text.split(|b| *b == b'.').peekable();
    while let Some(part) = parts.next() {
        let (number, plain) = c_number(part)?;
        count += 1;
        if !plain {
            note = Some(Note::NotDecimal);
        }
        if parts.peek().is_some() {
            if number > 0xff || count > 3 {
                return None;
            }
            addr |= number << (32 - 8 * count);
        } else {
            let room = 32 - 8 * (count - 1);
            if room < 32 && number >> room != 0 {
                return None;
            }
            addr |= number;
        }
    }
    Some((addr.into(), note.or((count < 4).then_some(Note::Short))))
}

/// A number with the prefixes of C, and whether it is written without one.
fn c_number(part: &[u8]) -> Option<(u32, bool)> {
    let (digits, radix) = match part {
        [b'0', b'x' | b'X', rest @ ..] => (rest, 16),
        [b'0', rest @ ..] if !rest.is_empty() => (rest, 8),
        _ => (part, 10),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_alphanumeric) {
        return None;
    }
    let number = u32::from_str_radix(std::str::from_utf8(digits).ok()?, radix).ok()?;
    // `000` is octal to the letter but nobody is surprised.
    Some((number, radix == 10 || (radix == 8 && number < 8)))
}

/// The family check that the kernel makes for a real server, as far as it does not depend on the machine.
pub(super) fn is_usable_destination(addr: IpAddr) -> bool {
    match addr {
        IpAddr::V4(addr) => !addr.is_unspecified() && !addr.is_multicast() && !addr.is_broadcast(),
        IpAddr::V6(addr) => {
            !addr.is_unspecified()
                && !addr.is_multicast()
                && !addr.is_unicast_link_local()
                && addr.to_ipv4_mapped().is_none()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::NoNames;
    use super::*;

    fn read(text: &str) -> Result<Address, Trouble<'_>> {
        endpoint(text.as_bytes(), Some(Protocol::TCP), &NoNames)
    }

    // Every row was given to the real `ipvsadm -R`.
    #[test]
    fn addresses_are_those_of_ipvsadm() {
        for (text, expected) in [
            ("10.0.0.1:80", "10.0.0.1:80"),
            ("10.0.0.1:+80", "10.0.0.1:80"),
            ("10.0.0.1:0080", "10.0.0.1:80"),
            ("10.0.0.1:-0", "10.0.0.1:0"),
            ("10.0.0.1", "10.0.0.1:0"),
            ("10.1:80", "10.0.0.1:80"),
            ("1.2.3:80", "1.2.0.3:80"),
            ("1.2.65535:80", "1.2.255.255:80"),
            ("1.16777215:80", "1.255.255.255:80"),
            ("4294967295:80", "255.255.255.255:80"),
            ("167772161:80", "10.0.0.1:80"),
            ("0x0a000001:80", "10.0.0.1:80"),
            ("0x50", "0.0.0.80:0"),
            ("010.0.0.1:80", "8.0.0.1:80"),
            ("0x1.0x2.0x3.0x4:80", "1.2.3.4:80"),
            ("10.0.0.00000000000000000000000001:80", "10.0.0.1:80"),
            ("2001:db8::1", "[2001:db8::1]:0"),
            ("2001:db8::1:80", "[2001:db8::1:80]:0"),
            ("[2001:db8::1]:80", "[2001:db8::1]:80"),
            ("[::1]:+80", "[::1]:80"),
            ("[::]:80", "[::]:80"),
            ("::ffff:1.2.3.4", "[::ffff:1.2.3.4]:0"),
            ("[10.0.0.1]:80", "10.0.0.1:0"),
            ("[10.0.0.1]:x", "10.0.0.1:0"),
            ("[10.0.0.1:80]:90", "10.0.0.1:80"),
            ("[80]:80", "0.0.0.80:0"),
        ] {
            assert_eq!(read(text).map(|a| a.endpoint.to_string()), Ok(expected.into()), "{text}");
        }
        for text in [
            "",
            "80",
            "+10",
            "+10:80",
            ":80",
            ":",
            "10.0.0.1:",
            "10.0.0.1:-1",
            "10.0.0.1:65536",
            "10.0.0.1:0x50",
            "10.0.0.1:80:90",
            "10.0.0.256:80",
            "10.0.0.1.:80",
            "10.0.0.:80",
            "1..1:80",
            "1.1.1.1.1:80",
            "08.1.1.1:80",
            "0x.1.1.1:80",
            "1.2.65536:80",
            "1.16777216:80",
            "4294967296:80",
            "+1.1.1.1:80",
            "[2001:db8::1]",
            "[2001:db8::1:80",
            "2001:db8::1]:80",
            "[2001:db8::1]80",
            "[2001:db8::1]x:80",
            "[2001:db8::1]:80x",
            "[fe80::1%lo]:80",
            "[::1]:",
            "[::1]::80",
            "[]:80",
            "[:80",
            "]:80",
            "[10.0.0.1]",
            "[10.0.0.1]80",
            "[::01.2.3.4]:80",
            "[1::2::3]:80",
            "[00001::]:80",
            "[[2001:db8::1]]:80",
            "10.0.0.1]:80",
            "nosuchhost:80",
            "10.0.0.1/32:80",
            "10.0.0.1:http",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn surprises_are_noted() {
        for (text, note) in [
            ("10.0.0.1:80", None),
            ("10.0.0:80", Some(Note::Short)),
            ("010.0.0.1:80", Some(Note::NotDecimal)),
            ("10.00.0.01:80", None),
            ("[10.0.0.1]:80", Some(Note::BracketsDropped)),
            ("2001:db8::1:80", Some(Note::LooksLikePort(80))),
            ("2001:db8::1", None),
            ("::1", None),
        ] {
            assert_eq!(read(text).map(|a| a.note), Ok(note), "{text}");
        }
    }
}
