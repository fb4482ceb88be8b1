//! The errors of making a value from a number or from text.

use alloc::string::String;

/// This error says that a number is outside the range that the kernel accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{what} must be from {min} to {max}, found {found}")]
#[non_exhaustive]
pub struct OutOfRange {
    /// What the number was for, such as `weight`.
    pub what: &'static str,
    /// The number that was refused.
    pub found: u64,
    /// The lowest number that would have been accepted.
    pub min: u64,
    /// The highest number that would have been accepted.
    pub max: u64,
}

/// This error says that a text does not spell a value: what was found, and what was expected instead.
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
#[error("expected {expected}, found `{found}`")]
#[non_exhaustive]
pub struct ParseError {
    /// What would have been accepted, in words.
    pub expected: &'static str,
    /// The offending text.
    pub found: String,
}

impl ParseError {
    pub(crate) fn new(expected: &'static str, found: &str) -> Self {
        Self { expected, found: found.into() }
    }
}

/// Checks `min <= found <= max`.
pub(crate) fn in_range(what: &'static str, found: u32, min: u32, max: u32) -> Result<u32, OutOfRange> {
    if (min..=max).contains(&found) {
        Ok(found)
    } else {
        Err(OutOfRange { what, found: found.into(), min: min.into(), max: max.into() })
    }
}

/// Parses a decimal number of digits only: `+5`, which `str::parse` takes, is refused.
pub(crate) fn decimal(text: &str, expected: &'static str) -> Result<u32, ParseError> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(ParseError::new(expected, text));
    }
    text.parse().map_err(|_| ParseError::new(expected, text))
}

/// Takes the value of an option that a text may give once.
pub(crate) fn once<T>(place: &mut Option<T>, value: T, option: &str) -> Result<(), ParseError> {
    if place.replace(value).is_some() { Err(ParseError::new("each option once", option)) } else { Ok(()) }
}
