//! Counters in nine columns.

use std::fmt;

use crate::ipvsadm::command::Counters;
use crate::ipvsadm::print::display;

/// A counter of `--stats` or `--rate`. Large ones get a letter for a power of 1000, which is not always the one that
/// would show most digits.
pub(super) fn counter(number: u64, counters: Counters) -> impl fmt::Display {
    display(move |f| match (counters, number) {
        (Counters::Exact, _) => write!(f, " {number:>8}"),
        (_, 0..=99_999_999) => write!(f, "{number:>9}"),
        (_, ..=999_999_999) => write!(f, "{:>8}K", number / 1_000),
        (_, ..=99_999_999_999) => write!(f, "{:>8}M", number / 1_000_000),
        (_, ..=99_999_999_999_999) => write!(f, "{:>8}G", number / 1_000_000_000),
        _ => write!(f, "{:>8}T", number / 1_000_000_000_000),
    })
}

/// A counter as people copy it out of a view: digits with an optional letter.
pub(super) fn read(text: &str) -> Option<u64> {
    let unit = match text.as_bytes().last()? {
        b'K' => 1_000,
        b'M' => 1_000_000,
        b'G' => 1_000_000_000,
        b'T' => 1_000_000_000_000,
        _ => return text.parse().ok(),
    };
    text[..text.len() - 1].parse::<u64>().ok()?.checked_mul(unit)
}
