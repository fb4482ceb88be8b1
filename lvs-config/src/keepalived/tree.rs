//! The statements after expansion: what keepalived gets to see, block by block.

use super::keywords::{Block, Keyword};
use super::word::Word;
use crate::span::Span;

/// This is the configuration as statements, with everything expanded.
///
/// ```
/// use lvs_config::keepalived;
///
/// let read = keepalived::parse("$P=100\nvrrp_instance VI_1 {\n    priority $P\n}\n");
/// let instance = read.tree().statements().next().ok_or("empty")?;
/// let priority = instance.child("priority").ok_or("no priority")?;
/// assert_eq!(&*priority.words()[1].text, b"100");
/// assert_eq!(priority.words()[1].origins().next().map(|o| o.name.as_str()), Some("P"));
/// # Ok::<(), &str>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    pub(super) words: Vec<Word>,
    pub(super) nodes: Vec<Data>,
}

/// One statement; those inside of its block follow it, up to `next`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Data {
    pub(super) words: std::ops::Range<usize>,
    pub(super) keyword: Option<&'static Keyword>,
    /// What an unknown word is taken for.
    pub(super) meant: Option<&'static Keyword>,
    pub(super) block: Option<&'static Block>,
    pub(super) open: Option<Span>,
    pub(super) close: Option<Span>,
    pub(super) next: usize,
    pub(super) valid: bool,
}

impl Tree {
    /// These are the statements outside of all blocks.
    #[must_use]
    pub fn statements(&self) -> Statements<'_> {
        Statements { tree: self, at: 0, end: self.nodes.len() }
    }

    /// These are all statements, those inside a block after its head.
    pub fn all(&self) -> impl Iterator<Item = Statement<'_>> {
        (0..self.nodes.len()).map(|index| Statement { tree: self, index })
    }
}

/// This is one statement of a [`Tree`].
#[derive(Clone, Copy)]
pub struct Statement<'a> {
    tree: &'a Tree,
    index: usize,
}

impl<'a> Statement<'a> {
    fn data(self) -> &'a Data {
        &self.tree.nodes[self.index]
    }

    /// These are the words; the first one is the keyword, or a value inside a block of values.
    #[must_use]
    pub fn words(self) -> &'a [Word] {
        &self.tree.words[self.data().words.clone()]
    }

    /// These are the words after the keyword.
    #[must_use]
    pub fn arguments(self) -> &'a [Word] {
        self.words().get(1..).unwrap_or_default()
    }

    /// This is the text of a word after the keyword, from 0.
    #[must_use]
    pub fn argument(self, n: usize) -> Option<&'a [u8]> {
        self.arguments().get(n).map(|w| &*w.text)
    }

    /// This is the keyword; `None` for values and for words that are not known.
    #[must_use]
    pub fn keyword(self) -> Option<&'static Keyword> {
        self.data().keyword
    }

    /// This is the name of the keyword; empty when there is none.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.data().keyword.map_or("", |k| k.name)
    }

    /// The name of the keyword that an unknown word is taken for.
    pub(super) fn meant(self) -> Option<&'static str> {
        self.data().meant.map(|k| k.name)
    }

    /// This says which keywords may stand in the block of this statement, when it has one.
    #[must_use]
    pub fn block(self) -> Option<&'static Block> {
        self.data().block
    }

    /// This says that keepalived takes the statement: the keyword is known here and its words are as they should be.
    #[must_use]
    pub fn is_valid(self) -> bool {
        self.data().valid
    }

    /// This is the place of the words.
    #[must_use]
    pub fn span(self) -> Span {
        match self.words() {
            [] => self.data().open.unwrap_or_default(),
            [first, .., last] => first.span.to(last.span),
            [only] => only.span,
        }
    }

    /// This is the place of the opening brace.
    #[must_use]
    pub fn open(self) -> Option<Span> {
        self.data().open
    }

    /// This is the place of the closing brace.
    #[must_use]
    pub fn close(self) -> Option<Span> {
        self.data().close
    }

    /// This says that a block follows.
    #[must_use]
    pub fn has_block(self) -> bool {
        self.data().open.is_some() || self.data().next > self.index + 1
    }

    /// These are the statements inside the block, without those of inner blocks.
    #[must_use]
    pub fn children(self) -> Statements<'a> {
        Statements { tree: self.tree, at: self.index + 1, end: self.data().next }
    }

    /// This is the last statement of the block with the given keyword that keepalived takes: the one that counts.
    #[must_use]
    pub fn child(self, name: &str) -> Option<Statement<'a>> {
        self.children().filter(|s| s.name() == name && s.is_valid()).last()
    }
}

impl std::fmt::Debug for Statement<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let words: Vec<_> = self.words().iter().map(Word::lossy).collect();
        write!(f, "Statement({})", words.join(" "))
    }
}

/// This iterates over the statements of one block, see [`Statement::children`].
#[derive(Debug, Clone)]
pub struct Statements<'a> {
    tree: &'a Tree,
    at: usize,
    end: usize,
}

impl<'a> Iterator for Statements<'a> {
    type Item = Statement<'a>;

    fn next(&mut self) -> Option<Statement<'a>> {
        if self.at >= self.end {
            return None;
        }
        let statement = Statement { tree: self.tree, index: self.at };
        self.at = statement.data().next.max(self.at + 1);
        Some(statement)
    }
}
