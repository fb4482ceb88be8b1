//! The numbers and addresses of these texts.

use lvs_model::{Endpoint, Protocol};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// This says which word of a line is not what the kernel writes there.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("expected {expected}, found `{found}`")]
#[non_exhaustive]
pub struct ParseError {
    /// What stands there in the kernel's text.
    pub expected: &'static str,
    /// What stood there, cut after 80 characters.
    pub found: String,
}

impl ParseError {
    pub(super) fn new(expected: &'static str, found: &str) -> Self {
        Self { expected, found: found.chars().take(80).collect() }
    }
}

/// A hexadecimal number without sign or prefix.
pub(super) fn hex(word: &str, expected: &'static str) -> Result<u64, ParseError> {
    let digits = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let number = if digits { u64::from_str_radix(word, 16).ok() } else { None };
    number.ok_or_else(|| ParseError::new(expected, word))
}

/// A hexadecimal number of 32 bits.
pub(super) fn hex32(word: &str, expected: &'static str) -> Result<u32, ParseError> {
    hex(word, expected)?.try_into().map_err(|_| ParseError::new(expected, word))
}

/// A decimal number without sign.
pub(super) fn decimal(word: &str, expected: &'static str) -> Result<u32, ParseError> {
    let digits = word.bytes().all(|byte| byte.is_ascii_digit());
    let number = if digits { word.parse().ok() } else { None };
    number.ok_or_else(|| ParseError::new(expected, word))
}

/// A number of clock ticks, which the kernel prints as if it had a sign: from 2^31 on it looks negative.
pub(super) fn ticks(word: &str) -> Result<u32, ParseError> {
    const EXPECTED: &str = "a timeout in clock ticks";
    let Some(digits) = word.strip_prefix('-') else { return decimal(word, EXPECTED) };
    let below_zero = decimal(digits, EXPECTED).ok().filter(|number| *number <= i32::MIN.unsigned_abs());
    below_zero.map(u32::wrapping_neg).ok_or_else(|| ParseError::new(EXPECTED, word))
}

/// An address: eight hexadecimal digits, or IPv6 in full, with or without brackets.
pub(super) fn address(word: &str) -> Result<IpAddr, ParseError> {
    const EXPECTED: &str = "an address as 8 hexadecimal digits or as full IPv6";
    let plain = word.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(word);
    if plain.contains(':') {
        let v6: Result<Ipv6Addr, _> = plain.parse();
        return v6.map(IpAddr::V6).map_err(|_| ParseError::new(EXPECTED, word));
    }
    if plain.len() != 8 {
        return Err(ParseError::new(EXPECTED, word));
    }
    Ok(IpAddr::V4(Ipv4Addr::from(hex32(plain, EXPECTED)?)))
}

/// Four hexadecimal digits.
pub(super) fn port(word: &str) -> Result<u16, ParseError> {
    const EXPECTED: &str = "a port as 4 hexadecimal digits";
    hex(word, EXPECTED)?.try_into().map_err(|_| ParseError::new(EXPECTED, word))
}

/// An address and a port with a colon between them.
pub(super) fn endpoint(word: &str) -> Result<Endpoint, ParseError> {
    let (addr, port_word) = word.rsplit_once(':').ok_or_else(|| ParseError::new("address:port", word))?;
    Ok(Endpoint::new(address(addr)?, port(port_word)?))
}

/// A protocol by the kernel's name.
pub(super) fn protocol(word: &str) -> Result<Protocol, ParseError> {
    const EXPECTED: &str = "TCP, UDP, SCTP, ICMP, ICMPv6, IP or IP_<number>";
    let number = match word {
        "TCP" => 6,
        "UDP" => 17,
        "SCTP" => 132,
        "ICMP" => 1,
        "ICMPv6" => 58,
        "IP" => 0,
        _ => {
            let number = word.strip_prefix("IP_").ok_or_else(|| ParseError::new(EXPECTED, word))?;
            decimal(number, EXPECTED)?.try_into().map_err(|_| ParseError::new(EXPECTED, word))?
        }
    };
    Ok(Protocol::new(number))
}
