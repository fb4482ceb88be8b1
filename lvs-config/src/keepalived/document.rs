//! A file as it is: bytes, tokens, and which statements stand in which block.
//!
//! A [`Document`] knows nothing about keywords, so it holds any file, also a broken one, and gives back the same bytes.
//!
//! ```
//! use lvs_config::keepalived::Document;
//!
//! let text = "virtual_server 10.0.0.1 80 {\n    lb_algo  rr ! round robin\n}\n";
//! let document = Document::parse(text);
//! assert_eq!(document.bytes(), text.as_bytes());
//! let server = document.nodes().next().ok_or("empty")?;
//! assert_eq!(server.keyword(), b"virtual_server");
//! let algorithm = server.children().find(|n| n.keyword() == b"lb_algo").ok_or("no lb_algo")?;
//! assert_eq!(algorithm.word(1), Some(&b"rr"[..]));
//! # Ok::<(), &str>(())
//! ```

use std::ops::Range;
use std::sync::OnceLock;

use super::token::{Token, TokenKind, tokenize};

/// This is one file without loss: the bytes are the truth, all else is a view on them.
///
/// Reading never fails. To change a file see [`Editor`](super::Editor).
#[derive(Debug, Clone)]
pub struct Document {
    bytes: Vec<u8>,
    tokens: Vec<Token>,
    tree: OnceLock<Vec<Entry>>,
}

/// One statement; entries stand in the order of the file, and those inside a block follow its head.
#[derive(Debug, Clone, Copy)]
struct Entry {
    first: u32,
    head_end: u32,
    open: u32,
    close: u32,
    parent: u32,
    /// The entry after the last one inside this block.
    next: u32,
}

const NONE: u32 = u32::MAX;

impl Document {
    /// This reads a file; every byte string is a document.
    #[must_use]
    pub fn parse(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        let tokens = tokenize(&bytes);
        Self { bytes, tokens, tree: OnceLock::new() }
    }

    /// This is the file, byte for byte.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// This is the file, byte for byte, as a vector of its own.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.bytes.clone()
    }

    /// This gives up the document and returns the file, byte for byte.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// These are the tokens; each starts where the one before ends, and together they are the file.
    pub fn tokens(&self) -> impl ExactSizeIterator<Item = (TokenKind, Range<usize>)> + '_ {
        (0..self.tokens.len()).map(|i| (self.tokens[i].kind(), self.range(i)))
    }

    /// These are the statements outside of all blocks, in order.
    #[must_use]
    pub fn nodes(&self) -> Nodes<'_> {
        Nodes { document: self, at: 0, end: self.entries().len() }
    }

    /// These are all statements in the order of the file, those inside a block after its head.
    pub fn all_nodes(&self) -> impl Iterator<Item = Node<'_>> {
        (0..self.entries().len()).map(|index| Node { document: self, index })
    }

    /// A statement by its [`Node::index`].
    pub(super) fn node(&self, index: usize) -> Node<'_> {
        Node { document: self, index }
    }

    pub(super) fn range(&self, token: usize) -> Range<usize> {
        let start = if token == 0 { 0 } else { self.tokens[token - 1].end() };
        start..self.tokens[token].end()
    }

    pub(super) fn kind(&self, token: usize) -> Option<TokenKind> {
        self.tokens.get(token).map(|t| t.kind())
    }

    fn entries(&self) -> &[Entry] {
        self.tree.get_or_init(|| build(&self.tokens))
    }
}

impl PartialEq for Document {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for Document {}

impl std::fmt::Display for Document {
    /// Bytes that are not UTF-8 are shown as U+FFFD; use [`Document::bytes`] to keep them.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.bytes))
    }
}

/// Finds the nesting by braces alone. Numbers of tokens are 32 bits wide: what is beyond 4 G tokens has no tree.
fn build(tokens: &[Token]) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::with_capacity(tokens.len() / 4);
    let mut open: Vec<u32> = Vec::new();
    // The statement that the next word belongs to, and the one that a brace on a later line may still open.
    let mut current = NONE;
    let mut last = NONE;
    for (index, token) in tokens.iter().enumerate() {
        let Ok(index) = u32::try_from(index) else { break };
        match token.kind() {
            TokenKind::Blank | TokenKind::Comment | TokenKind::Dead | TokenKind::ByteOrderMark => {}
            TokenKind::Newline => {
                let goes_on = tokens.get(index as usize + 1).is_some_and(|t| t.kind() == TokenKind::Value)
                    || (tokens.get(index as usize + 1).is_some_and(|t| t.kind() == TokenKind::Blank)
                        && tokens.get(index as usize + 2).is_some_and(|t| t.kind() == TokenKind::Value));
                if !goes_on {
                    current = NONE;
                }
            }
            TokenKind::Open => {
                let taker = if current != NONE { current } else { last };
                let taker = match entries.get_mut(taker as usize) {
                    Some(entry) if entry.open == NONE => {
                        entry.open = index;
                        taker
                    }
                    _ => {
                        let new = next_index(&entries);
                        entries.push(entry(index, index, index, parent(&open)));
                        new
                    }
                };
                open.push(taker);
                (current, last) = (NONE, NONE);
            }
            TokenKind::Close => {
                if let Some(block) = open.pop() {
                    let next = next_index(&entries);
                    let entry = &mut entries[block as usize];
                    entry.close = index;
                    entry.next = next;
                }
                (current, last) = (NONE, NONE);
            }
            _ => {
                if current == NONE {
                    current = next_index(&entries);
                    last = current;
                    entries.push(entry(index, index + 1, NONE, parent(&open)));
                } else if let Some(entry) = entries.get_mut(current as usize) {
                    entry.head_end = index + 1;
                }
            }
        }
    }
    let end = next_index(&entries);
    for block in open {
        entries[block as usize].next = end;
    }
    // A statement without a block ends where the next one starts.
    for (i, entry) in (0u32..).zip(&mut entries) {
        if entry.next == NONE {
            entry.next = i + 1;
        }
    }
    entries
}

fn next_index(entries: &[Entry]) -> u32 {
    u32::try_from(entries.len()).unwrap_or(NONE)
}

fn parent(open: &[u32]) -> u32 {
    open.last().copied().unwrap_or(NONE)
}

fn entry(first: u32, head_end: u32, open: u32, parent: u32) -> Entry {
    Entry { first, head_end, open, close: NONE, parent, next: NONE }
}

/// This is one statement of a [`Document`], with its block when it has one.
///
/// A definition, an include and a line that starts with `~SEQ` or `@id` are nodes too.
#[derive(Clone, Copy)]
pub struct Node<'a> {
    document: &'a Document,
    index: usize,
}

impl<'a> Node<'a> {
    /// The number of the statement in [`Document::all_nodes`].
    pub(super) fn index(self) -> usize {
        self.index
    }

    fn entry(self) -> Entry {
        self.document.entries()[self.index]
    }

    /// This is the document in which the statement stands.
    #[must_use]
    pub fn document(self) -> &'a Document {
        self.document
    }

    /// These are the words without their quotes; the first one is the keyword.
    pub fn words(self) -> impl Iterator<Item = &'a [u8]> {
        self.word_ranges().map(move |r| unquoted(&self.document.bytes[r]))
    }

    /// These are the places of the words, with their quotes.
    pub fn word_ranges(self) -> impl Iterator<Item = Range<usize>> {
        let entry = self.entry();
        let is_word = |kind| {
            use TokenKind::{Definition, Pattern, Quoted, Value, Word};
            matches!(kind, Some(Word | Quoted | Definition | Value | Pattern))
        };
        (entry.first as usize..entry.head_end as usize)
            .filter(move |&t| is_word(self.document.kind(t)))
            .map(move |t| self.document.range(t))
    }

    /// This is a word without its quotes, 0 being the keyword.
    #[must_use]
    pub fn word(self, n: usize) -> Option<&'a [u8]> {
        self.words().nth(n)
    }

    /// This is the first word; it is empty for a block without a name.
    #[must_use]
    pub fn keyword(self) -> &'a [u8] {
        self.words().next().unwrap_or_default()
    }

    /// This says whether the line is more than it seems: a condition or a sequence stands before the keyword, or it
    /// is a definition.
    #[must_use]
    pub fn is_conditional(self) -> bool {
        let first = self.document.kind(self.entry().first as usize);
        matches!(first, Some(TokenKind::Condition | TokenKind::Sequence | TokenKind::Definition))
    }

    /// These are the bytes from the first word to the last one, without the block.
    #[must_use]
    pub fn head(self) -> Range<usize> {
        let entry = self.entry();
        let start = self.document.range(entry.first as usize).start;
        // A block without a name has no head but the place of its brace.
        match entry.head_end.checked_sub(1).filter(|last| *last >= entry.first) {
            Some(last) => start..self.document.range(last as usize).end,
            None => start..start,
        }
    }

    /// These are the bytes from the first word to the closing brace, or to the last word when there is no block.
    #[must_use]
    pub fn range(self) -> Range<usize> {
        let head = self.head();
        let end = match (self.close(), self.open()) {
            (Some(close), _) => close.end,
            // A block that is never closed goes on to the last word or brace of the file.
            (None, Some(open)) => {
                let tokens = &self.document.tokens;
                let is_trivia = |t: &Token| {
                    matches!(t.kind(), TokenKind::Blank | TokenKind::Newline | TokenKind::Comment | TokenKind::Dead)
                };
                tokens.iter().rev().find(|t| !is_trivia(t)).map_or(open.end, |t| t.end()).max(open.end)
            }
            (None, None) => head.end,
        };
        head.start..end
    }

    /// This is the place of the opening brace.
    #[must_use]
    pub fn open(self) -> Option<Range<usize>> {
        self.token_range(self.entry().open)
    }

    /// This is the place of the closing brace; `None` also when the file ends before it.
    #[must_use]
    pub fn close(self) -> Option<Range<usize>> {
        self.token_range(self.entry().close)
    }

    fn token_range(self, token: u32) -> Option<Range<usize>> {
        (token != NONE).then(|| self.document.range(token as usize))
    }

    /// These are the statements inside the block, without those of inner blocks.
    #[must_use]
    pub fn children(self) -> Nodes<'a> {
        Nodes { document: self.document, at: self.index + 1, end: self.entry().next as usize }
    }

    /// These are all statements inside the block, with those of inner blocks.
    pub fn descendants(self) -> impl Iterator<Item = Node<'a>> {
        (self.index + 1..self.entry().next as usize).map(move |index| Node { document: self.document, index })
    }

    /// This is the first statement inside the block with the given keyword.
    #[must_use]
    pub fn child(self, keyword: &str) -> Option<Node<'a>> {
        self.children().find(|n| n.keyword() == keyword.as_bytes())
    }

    /// This is the statement whose block this one stands in.
    #[must_use]
    pub fn parent(self) -> Option<Node<'a>> {
        let parent = self.entry().parent;
        (parent != NONE).then_some(Node { document: self.document, index: parent as usize })
    }
}

impl PartialEq for Node<'_> {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.document, other.document) && self.index == other.index
    }
}

impl Eq for Node<'_> {}

impl std::fmt::Debug for Node<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Node({:?})", String::from_utf8_lossy(&self.document.bytes[self.head()]))
    }
}

/// This iterates over the statements of one block, see [`Node::children`].
#[derive(Debug, Clone)]
pub struct Nodes<'a> {
    document: &'a Document,
    at: usize,
    end: usize,
}

impl<'a> Iterator for Nodes<'a> {
    type Item = Node<'a>;

    fn next(&mut self) -> Option<Node<'a>> {
        if self.at >= self.end {
            return None;
        }
        let node = Node { document: self.document, index: self.at };
        self.at = node.entry().next as usize;
        Some(node)
    }
}

/// A word without the quotes around it.
pub(super) fn unquoted(word: &[u8]) -> &[u8] {
    match word.strip_prefix(b"\"") {
        Some(rest) => rest.strip_suffix(b"\"").unwrap_or(rest),
        None => word,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outline(text: &str) -> String {
        fn walk(nodes: Nodes<'_>, out: &mut String) {
            for node in nodes {
                let words: Vec<_> = node.words().map(String::from_utf8_lossy).collect();
                out.push_str(&words.join(" "));
                if node.open().is_some() {
                    out.push('{');
                    walk(node.children(), out);
                    out.push(if node.close().is_some() { '}' } else { '?' });
                }
                out.push(';');
            }
        }
        let document = Document::parse(text);
        let mut out = String::new();
        walk(document.nodes(), &mut out);
        out
    }

    #[test]
    fn braces_may_stand_anywhere() {
        assert_eq!(outline("a 1 {\n b\n c {\n d\n }\n}\ne\n"), "a 1{b;c{d;};};e;");
        assert_eq!(outline("a\n# x\n\n{ b }\nc"), "a{b;};c;");
        assert_eq!(outline("a { b { c } d } e"), "a{b{c;};d;};e;");
        assert_eq!(outline("{ a }"), "{a;};");
        assert_eq!(outline("} a } b {"), "a;b{?;");
        assert_eq!(outline("a {\n b {\n c\n}\nd"), "a{b{c;};d;?;");
    }

    #[test]
    fn definitions_and_sequences_are_statements() {
        assert_eq!(outline("$M= \\\n a { \\\n }\nb $M {\n}\n"), "$M= \\ a { \\ };b $M{};");
        assert_eq!(outline("@x ~SEQ(I,1,2) a $I {\n}\n"), "a $I{};");
    }

    #[test]
    fn deep_nesting_is_no_recursion() {
        let deep = "a {".repeat(200_000);
        let document = Document::parse(deep);
        assert_eq!(document.all_nodes().count(), 200_000);
        drop(document.clone());
    }
}
