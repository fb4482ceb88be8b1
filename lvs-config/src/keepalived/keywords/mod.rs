//! What keepalived knows: every keyword of every block with its argument, default and age.
//!
//! ```
//! use lvs_config::keepalived::keywords::{self, Argument};
//!
//! let weight = keywords::find("virtual_server/real_server", "weight").ok_or("unknown")?;
//! assert_eq!(weight.argument, Argument::Unsigned { min: 0, max: 2_147_483_647, optional: false });
//! assert_eq!(weight.default, "service weight, else 1");
//! assert!(keywords::find("virtual_server/real_server", "wieght").is_none());
//! # Ok::<(), &str>(())
//! ```

mod table;

use std::fmt;

/// This is one block, such as `virtual_server/real_server`, with the keywords that may stand in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Block {
    /// These are the names of the block and of those around it, joined by `/`; empty for the file itself.
    pub path: &'static str,
    /// These are the keywords in the order of their names.
    pub keywords: &'static [Keyword],
}

impl Block {
    /// This is a keyword of the block.
    #[must_use]
    pub fn find(&self, name: &[u8]) -> Option<&'static Keyword> {
        let at = self.keywords.binary_search_by(|k| k.name.as_bytes().cmp(name)).ok()?;
        self.keywords.get(at)
    }

    /// This is the block that a keyword of this block opens; `None` when it opens none that has keywords.
    #[must_use]
    pub fn inner(&self, keyword: &str) -> Option<&'static Block> {
        table::BLOCKS.iter().find(|b| match b.path.strip_suffix(keyword) {
            Some("") => self.path.is_empty(),
            Some(rest) => rest.strip_suffix('/') == Some(self.path),
            None => false,
        })
    }

    /// This is the last part of the path, as it stands in messages; "the file" for the file itself.
    #[must_use]
    pub fn name(&self) -> &'static str {
        if self.path.is_empty() { "the file" } else { self.path.rsplit('/').next().unwrap_or(self.path) }
    }
}

/// This is one keyword of one block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Keyword {
    /// This is the keyword as it is written.
    pub name: &'static str,
    /// This says what may follow.
    pub argument: Argument,
    /// This says the same as the manual writes it.
    pub usage: &'static str,
    /// This is what holds when the keyword is absent, in words; may be empty.
    pub default: &'static str,
    /// This is the first release whose parser knows the keyword here; 0.6.6 is the oldest that was looked at.
    pub since: &'static str,
    /// This is what to write instead when the keyword is out of use.
    pub deprecated: Option<&'static str>,
    /// This is another name of the same setting.
    pub alias: Option<&'static str>,
    /// This says that the keyword may stand several times, each time adding something.
    pub repeatable: bool,
    /// This says that it matters what stands before.
    pub ordered: bool,
    /// This is what else there is to know; may be empty.
    pub note: &'static str,
}

impl Keyword {
    const fn deprecated(mut self, instead: &'static str) -> Self {
        self.deprecated = Some(instead);
        self
    }

    const fn alias(mut self, name: &'static str) -> Self {
        self.alias = Some(name);
        self
    }

    const fn repeatable(mut self) -> Self {
        self.repeatable = true;
        self
    }

    const fn ordered(mut self) -> Self {
        self.ordered = true;
        self
    }

    const fn note(mut self, note: &'static str) -> Self {
        self.note = note;
        self
    }
}

impl fmt::Display for Keyword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// This says which addresses a keyword takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Addresses {
    /// Any IPv4 or IPv6 address.
    Any,
    /// A multicast address of either family.
    Multicast,
    /// An IPv4 multicast address.
    Multicast4,
    /// An IPv6 multicast address.
    Multicast6,
}

/// This says what may follow a keyword.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Argument {
    /// Nothing; the keyword alone switches something on.
    Flag,
    /// `on`, `off`, `true`, `false`, `yes`, `no`, or nothing for on.
    Boolean,
    /// A decimal number.
    Unsigned {
        /// This is the smallest one.
        min: u64,
        /// This is the greatest one.
        max: u64,
        /// This says that it may be left out.
        optional: bool,
    },
    /// A decimal number that may be negative.
    Signed {
        /// This is the smallest one.
        min: i64,
        /// This is the greatest one.
        max: i64,
        /// This says that it may be left out.
        optional: bool,
        /// This says that the word `reverse` may follow.
        reverse: bool,
    },
    /// A number with a fraction; bounds are in millionths.
    Decimal {
        /// This is the smallest one.
        min: u64,
        /// This is the greatest one.
        max: u64,
        /// This is how many digits may follow the point.
        digits: u8,
    },
    /// One of these words, exactly as written here.
    Choice(&'static [&'static str]),
    /// One of these words or nothing.
    OptionalChoice(&'static [&'static str]),
    /// `TCP`, `UDP` or `SCTP` in any case.
    Protocol,
    /// `NAT`, `DR` or `TUN`, the last one with the kind of the tunnel.
    Forwarding,
    /// A numeric address.
    Address(Addresses),
    /// A numeric address and perhaps a port.
    Socket,
    /// A port, 1 to 65535.
    Port,
    /// A dotted mask for IPv4, the length of a prefix for IPv6.
    Mask,
    /// A command, perhaps with a user and a group.
    Script {
        /// This says that it may be left out.
        optional: bool,
    },
    /// HTTP status codes and ranges of them.
    StatusCodes,
    /// 32 hexadecimal digits.
    Digest,
    /// Hexadecimal bytes.
    Hex {
        /// This says that `X` may stand for any digit.
        wildcards: bool,
        /// This says that it may be left out.
        optional: bool,
    },
    /// Some of these words.
    Options(&'static [&'static str]),
    /// Free words.
    Free {
        /// This is the smallest number of words.
        min: u8,
        /// This is the greatest number of words.
        max: u8,
    },
    /// A block with one entry a line.
    Lines {
        /// This says that the block has a name.
        name: bool,
    },
    /// A block with words in any number of lines.
    Words,
    /// A block with keywords of its own.
    Block {
        /// This is the smallest number of words before the brace.
        min: u8,
        /// This is the greatest number of words before the brace.
        max: u8,
    },
}

impl Argument {
    /// This says whether a `{` has to follow.
    #[must_use]
    pub const fn opens_block(self) -> bool {
        matches!(self, Self::Lines { .. } | Self::Words | Self::Block { .. })
    }

    /// These are the smallest and the greatest number of words after the keyword, before a brace.
    #[must_use]
    pub const fn words(self) -> (usize, usize) {
        match self {
            Self::Flag | Self::Words | Self::Lines { name: false } => (0, 0),
            Self::Boolean | Self::OptionalChoice(_) => (0, 1),
            Self::Unsigned { optional, .. } => (!optional as usize, 1),
            Self::Signed { optional, reverse, .. } => (!optional as usize, 1 + reverse as usize),
            Self::Decimal { .. } | Self::Choice(_) | Self::Protocol | Self::Address(_) | Self::Port => (1, 1),
            Self::Mask | Self::Digest | Self::Lines { name: true } => (1, 1),
            Self::Forwarding => (1, 6),
            Self::Socket => (1, 2),
            Self::Script { optional } => (!optional as usize, 3),
            Self::StatusCodes | Self::Options(_) => (1, usize::MAX),
            Self::Hex { optional, .. } => (!optional as usize, usize::MAX),
            Self::Free { min, max: u8::MAX } => (min as usize, usize::MAX),
            Self::Free { min, max } | Self::Block { min, max } => (min as usize, max as usize),
        }
    }
}

const fn keyword(
    name: &'static str,
    argument: Argument,
    usage: &'static str,
    default: &'static str,
    since: &'static str,
) -> Keyword {
    Keyword {
        name,
        argument,
        usage,
        default,
        since,
        deprecated: None,
        alias: None,
        repeatable: false,
        ordered: false,
        note: "",
    }
}

const fn uint(min: u64, max: u64) -> Argument {
    Argument::Unsigned { min, max, optional: false }
}

const fn optional_uint(min: u64, max: u64) -> Argument {
    Argument::Unsigned { min, max, optional: true }
}

const fn int(min: i64, max: i64) -> Argument {
    Argument::Signed { min, max, optional: false, reverse: false }
}

const fn optional_int(min: i64, max: i64) -> Argument {
    Argument::Signed { min, max, optional: true, reverse: false }
}

const fn weight(min: i64, max: i64) -> Argument {
    Argument::Signed { min, max, optional: false, reverse: true }
}

const fn timer(min: u64, max: u64) -> Argument {
    Argument::Decimal { min, max, digits: 6 }
}

const fn decimal(min: u64, max: u64, digits: u8) -> Argument {
    Argument::Decimal { min, max, digits }
}

const fn word(min: u8, max: u8) -> Argument {
    Argument::Free { min, max }
}

const fn block(min: u8, max: u8) -> Argument {
    Argument::Block { min, max }
}

/// These are all blocks; the first one is the file itself.
#[must_use]
pub fn blocks() -> &'static [Block] {
    table::BLOCKS
}

/// This is the file itself: the keywords outside of all blocks.
#[must_use]
pub fn top() -> &'static Block {
    &table::BLOCKS[0]
}

/// This is a keyword by the path of its block (empty for the file itself) and its name.
#[must_use]
pub fn find(path: &str, name: &str) -> Option<&'static Keyword> {
    table::BLOCKS.iter().find(|b| b.path == path)?.find(name.as_bytes())
}

/// This is a keyword as releases up to 2.2.7 took it, where they took less.
pub(super) fn narrow(path: &str, name: &str) -> Option<&'static Keyword> {
    table::NARROW.iter().find(|(p, k)| *p == path && k.name == name).map(|(_, k)| k)
}

/// These are the first and the last release that knew a keyword that is gone; `None` when there was no such keyword.
#[must_use]
pub fn removed(path: &str, name: &str) -> Option<(&'static str, &'static str)> {
    table::REMOVED.iter().find(|(p, n, ..)| *p == path && *n == name).map(|&(_, _, first, last)| (first, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_whole_and_sorted() {
        assert_eq!(blocks().len(), 29);
        assert_eq!(blocks().iter().map(|b| b.keywords.len()).sum::<usize>(), 531);
        for block in blocks() {
            assert!(block.keywords.is_sorted_by_key(|k| k.name), "{}", block.path);
            for keyword in block.keywords {
                assert_eq!(block.find(keyword.name.as_bytes()), Some(keyword));
                if let Some(alias) = keyword.alias {
                    assert!(block.find(alias.as_bytes()).is_some(), "{alias}");
                }
                let (min, max) = keyword.argument.words();
                assert!(min <= max, "{keyword}");
            }
        }
    }

    #[test]
    fn every_block_is_opened_by_a_keyword() {
        for block in &blocks()[1..] {
            let (outer, name) = block.path.rsplit_once('/').unwrap_or(("", block.path));
            let keyword = find(outer, name).unwrap_or_else(|| panic!("{} has no keyword", block.path));
            assert!(matches!(keyword.argument, Argument::Block { .. }), "{}", block.path);
            let outer = blocks().iter().find(|b| b.path == outer).unwrap();
            assert_eq!(outer.inner(name), Some(block));
        }
    }

    #[test]
    fn what_is_gone_is_remembered() {
        assert_eq!(removed("virtual_server", "nat_mask"), Some(("0.6.6", "1.2.19")));
        assert_eq!(removed("virtual_server", "weight"), None);
    }
}
