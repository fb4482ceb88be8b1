//! Numbers as the C library reads them, because that is what `ipvsadm` asks.

/// Blanks of the C locale; those that split words never get here.
const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// A whole word as a decimal number: leading blanks and one sign pass; hexadecimal, units and anything behind do not.
pub(super) fn decimal(text: &[u8]) -> Option<i64> {
    let (number, rest) = leading(text)?;
    rest.is_empty().then_some(number)
}

/// The decimal number at the start of a word and what stands behind it; one that is too large is cut to the largest.
pub(super) fn leading(text: &[u8]) -> Option<(i64, &[u8])> {
    let blanks = text.iter().take_while(|b| is_space(**b)).count();
    let text = &text[blanks..];
    let (negative, digits) = match text.first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let length = digits.iter().take_while(|b| b.is_ascii_digit()).count();
    if length == 0 {
        return None;
    }
    let number = digits[..length].iter().fold(0_i64, |n, b| n.saturating_mul(10).saturating_add(i64::from(b - b'0')));
    Some((if negative { -number } else { number }, &digits[length..]))
}

/// A whole word as a decimal number within a range.
pub(super) fn within(text: &[u8], min: u32, max: u32) -> Option<u32> {
    u32::try_from(decimal(text)?).ok().filter(|n| (min..=max).contains(n))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_strtol() {
        for (text, number) in [("5", 5), ("+5", 5), ("-5", -5), ("010", 10), ("\x0b7", 7), ("-0", 0)] {
            assert_eq!(decimal(text.as_bytes()), Some(number), "{text}");
        }
        for text in ["", "+", "-", "0x5", "5 ", "5x", "1.5", "--5", "+-5", "\u{ff15}"] {
            assert_eq!(decimal(text.as_bytes()), None, "{text}");
        }
        assert_eq!(decimal(b"99999999999999999999"), Some(i64::MAX));
        assert_eq!(leading(b"64x"), Some((64, &b"x"[..])));
        assert_eq!(within(b"65536", 0, 65535), None);
    }
}
