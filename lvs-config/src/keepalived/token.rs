//! The bytes of a file as tokens that tile it: every byte is in exactly one token, whatever the bytes are.
//!
//! Tokens know comments, quotes, braces and the forms that only keepalived has (definitions, sequences, conditions,
//! includes), but no keywords.
//!
//! ```
//! use lvs_config::keepalived::{TokenKind, tokenize};
//!
//! let text = b"weight 1 # light\n";
//! let tokens = tokenize(text);
//! let kinds: Vec<_> = tokens.iter().map(|t| t.kind()).collect();
//! use TokenKind::{Blank, Comment, Newline, Word};
//! assert_eq!(kinds, [Word, Blank, Word, Blank, Comment, Newline]);
//! assert_eq!(tokens.last().map(|t| t.end()), Some(text.len()));
//! ```

/// This says what a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum TokenKind {
    /// Blanks, tabs, form feeds, vertical tabs and carriage returns that end no line.
    Blank,
    /// `\n` or `\r\n`.
    Newline,
    /// `#` or `!` and what follows, up to the end of the line.
    Comment,
    /// A word without quotes; `${NAME}` may be a part of it.
    Word,
    /// A word in double quotes, with them; the second one is missing when the line ends first.
    Quoted,
    /// `{`
    Open,
    /// `}`
    Close,
    /// `@id` or `@^id` at the start of a line.
    Condition,
    /// `$NAME=` at the start of a line.
    Definition,
    /// What a definition stands for; one token a line when it has several.
    Value,
    /// `~SEQ(…)`, `~SEQx(…)` or `~LST(…)` at the start of a line.
    Sequence,
    /// The rest of a line that starts with `include` or one of its variants.
    Pattern,
    /// A NUL byte and the rest of its line, which keepalived does not see.
    Dead,
    /// A byte order mark at the start of the file.
    ByteOrderMark,
}

const KINDS: [TokenKind; 14] = [
    TokenKind::Blank,
    TokenKind::Newline,
    TokenKind::Comment,
    TokenKind::Word,
    TokenKind::Quoted,
    TokenKind::Open,
    TokenKind::Close,
    TokenKind::Condition,
    TokenKind::Definition,
    TokenKind::Value,
    TokenKind::Sequence,
    TokenKind::Pattern,
    TokenKind::Dead,
    TokenKind::ByteOrderMark,
];

const END_BITS: u32 = 56;

/// This is one token: what it is and where it ends; it starts where the one before ends.
///
/// Kind and end share one word, because a file has a token for every three bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Token(u64);

impl Token {
    const fn new(kind: TokenKind, end: usize) -> Self {
        Self(((kind as u64) << END_BITS) | end as u64)
    }

    /// This says what the token is.
    #[must_use]
    pub fn kind(self) -> TokenKind {
        KINDS[(self.0 >> END_BITS) as usize]
    }

    /// This is the byte after the last one of the token.
    #[must_use]
    pub const fn end(self) -> usize {
        (self.0 & ((1 << END_BITS) - 1)) as usize
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}..{}", self.kind(), self.end())
    }
}

/// What ends a word without quotes.
const fn classes() -> [u8; 256] {
    let mut table = [WORD; 256];
    let blanks = *b" \t\x0b\x0c\r";
    let mut i = 0;
    while i < blanks.len() {
        table[blanks[i] as usize] = BLANK;
        i += 1;
    }
    table[b'\n' as usize] = LINE_END;
    table[0] = LINE_END;
    table[b'#' as usize] = COMMENT;
    table[b'!' as usize] = COMMENT;
    table[b'"' as usize] = QUOTE;
    table[b'{' as usize] = OPEN;
    table[b'}' as usize] = CLOSE;
    table
}

const WORD: u8 = 0;
const BLANK: u8 = 1;
const LINE_END: u8 = 2;
const COMMENT: u8 = 3;
const QUOTE: u8 = 4;
const OPEN: u8 = 5;
const CLOSE: u8 = 6;
static CLASS: [u8; 256] = classes();

/// This says whether keepalived takes the byte as white space inside a line.
pub(crate) fn is_blank(byte: u8) -> bool {
    CLASS[byte as usize] == BLANK
}

/// This cuts the bytes of a file into tokens; it never fails, and the last token ends where the file ends.
#[must_use]
pub fn tokenize(bytes: &[u8]) -> Vec<Token> {
    let mut lexer = Lexer { bytes, at: 0, tokens: Vec::with_capacity(bytes.len() / 4 + 4) };
    if bytes.starts_with(b"\xEF\xBB\xBF") {
        lexer.push(TokenKind::ByteOrderMark, 3);
    }
    let mut in_definition = false;
    while lexer.at < bytes.len() {
        in_definition = lexer.line(in_definition);
    }
    lexer.tokens
}

struct Lexer<'a> {
    bytes: &'a [u8],
    at: usize,
    tokens: Vec<Token>,
}

impl Lexer<'_> {
    fn push(&mut self, kind: TokenKind, end: usize) {
        if end > self.at {
            self.tokens.push(Token::new(kind, end));
            self.at = end;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn blanks(&mut self) {
        let mut end = self.at;
        while let Some(&b) = self.bytes.get(end) {
            if CLASS[b as usize] != BLANK || (b == b'\r' && self.bytes.get(end + 1) == Some(&b'\n')) {
                break;
            }
            end += 1;
        }
        self.push(TokenKind::Blank, end);
    }

    /// One line with its end; says whether the next line belongs to a definition that was not finished.
    fn line(&mut self, in_definition: bool) -> bool {
        self.blanks();
        let first = self.peek();
        if in_definition {
            // Comment lines and blank ones in between are skipped by keepalived; only an empty one ends it.
            let goes_on = match first {
                Some(b'\n' | 0) | None => false,
                Some(b'\r') => false,
                Some(b'#' | b'!') => true,
                _ => self.value(),
            };
            self.statement();
            return goes_on;
        }
        match first {
            Some(b'@') => {
                let end = self.until_blank(self.at + 1);
                self.push(TokenKind::Condition, end);
                self.blanks();
                self.body()
            }
            Some(b'$' | b'~' | b'i') => self.body(),
            _ => {
                self.statement();
                false
            }
        }
    }

    fn body(&mut self) -> bool {
        if let Some(length) = definition_length(&self.bytes[self.at..]) {
            self.push(TokenKind::Definition, self.at + length);
            self.blanks();
            let goes_on = self.value();
            self.statement();
            return goes_on;
        }
        while let Some(length) = sequence_length(&self.bytes[self.at..]) {
            self.push(TokenKind::Sequence, self.at + length);
            self.blanks();
        }
        if let Some(length) = include_length(&self.bytes[self.at..]) {
            self.push(TokenKind::Word, self.at + length);
            self.blanks();
            let end = self.at + trimmed_length(&self.bytes[self.at..]);
            self.push(TokenKind::Pattern, end);
        }
        self.statement();
        false
    }

    /// The rest of the line up to a comment, as one token; says whether it ends in a backslash.
    fn value(&mut self) -> bool {
        let end = self.at + trimmed_length(&self.bytes[self.at..]);
        let goes_on = end > self.at && self.bytes[end - 1] == b'\\';
        self.push(TokenKind::Value, end);
        goes_on
    }

    fn until_blank(&self, from: usize) -> usize {
        let rest = &self.bytes[from..];
        from + rest.iter().position(|&b| matches!(CLASS[b as usize], BLANK | LINE_END | COMMENT)).unwrap_or(rest.len())
    }

    /// Words, braces and a comment up to and with the end of the line.
    fn statement(&mut self) {
        let bytes = self.bytes;
        while let Some(&byte) = bytes.get(self.at) {
            match CLASS[byte as usize] {
                WORD => {
                    let end = word_end(bytes, self.at);
                    self.push(TokenKind::Word, end);
                }
                BLANK => {
                    if byte == b'\r' && bytes.get(self.at + 1) == Some(&b'\n') {
                        self.push(TokenKind::Newline, self.at + 2);
                        return;
                    }
                    self.blanks();
                }
                LINE_END if byte == b'\n' => {
                    self.push(TokenKind::Newline, self.at + 1);
                    return;
                }
                LINE_END => {
                    let end = self.line_end();
                    self.push(TokenKind::Dead, end);
                }
                COMMENT => {
                    let end = self.line_end();
                    self.push(TokenKind::Comment, end);
                }
                QUOTE => {
                    let end = quoted_end(bytes, self.at);
                    self.push(TokenKind::Quoted, end);
                }
                OPEN => self.push(TokenKind::Open, self.at + 1),
                _ => self.push(TokenKind::Close, self.at + 1),
            }
        }
    }

    /// Where the line ends, before `\n` or `\r\n`.
    fn line_end(&self) -> usize {
        let rest = &self.bytes[self.at..];
        match rest.iter().position(|&b| b == b'\n') {
            Some(n) if n > 0 && rest[n - 1] == b'\r' => self.at + n - 1,
            Some(n) => self.at + n,
            None => self.bytes.len(),
        }
    }
}

/// Where a bare word ends; `${NAME}` does not end it.
pub(crate) fn word_end(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    loop {
        while at < bytes.len() && CLASS[bytes[at] as usize] == WORD {
            at += 1;
        }
        if at == from || at >= bytes.len() || bytes[at] != b'{' || bytes[at - 1] != b'$' {
            return at;
        }
        match braced_name(&bytes[at..]) {
            Some(length) => at += length,
            None => return at,
        }
    }
}

/// Where a word that starts with a quote ends: after the second quote, or before the end of the line.
pub(crate) fn quoted_end(bytes: &[u8], from: usize) -> usize {
    let rest = &bytes[from + 1..];
    match rest.iter().position(|&b| matches!(b, b'"' | b'\n' | 0)) {
        Some(n) if rest[n] == b'"' => from + n + 2,
        Some(n) if n > 0 && rest[n] == b'\n' && rest[n - 1] == b'\r' => from + n,
        Some(n) => from + n + 1,
        None => bytes.len(),
    }
}

/// The length of `{NAME}`, also with arguments as in `{_ENV HOME}`, at the start of `bytes`.
fn braced_name(bytes: &[u8]) -> Option<usize> {
    let name = name_length(&bytes[1..])?;
    let mut at = 1 + name;
    if bytes[1] == b'_' {
        while bytes.get(at).is_some_and(|&b| b == b' ' || b.is_ascii_alphanumeric() || b == b'_') {
            at += 1;
        }
    }
    (bytes.get(at) == Some(&b'}')).then_some(at + 1)
}

/// The length of a name of a definition at the start of `bytes`.
pub(crate) fn name_length(bytes: &[u8]) -> Option<usize> {
    let first = *bytes.first()?;
    if !first.is_ascii_alphabetic() && first != b'_' {
        return None;
    }
    Some(bytes.iter().position(|b| !b.is_ascii_alphanumeric() && *b != b'_').unwrap_or(bytes.len()))
}

/// The length of `$NAME=` at the start of `bytes`.
pub(crate) fn definition_length(bytes: &[u8]) -> Option<usize> {
    let name = name_length(bytes.strip_prefix(b"$")?)?;
    (bytes.get(name + 1) == Some(&b'=')).then_some(name + 2)
}

/// The length of `~SEQ(…)` and its like at the start of `bytes`; it must end on the same line.
pub(crate) fn sequence_length(bytes: &[u8]) -> Option<usize> {
    if !(bytes.starts_with(b"~SEQ(") || bytes.starts_with(b"~SEQx(") || bytes.starts_with(b"~LST(")) {
        return None;
    }
    let end = bytes.iter().position(|&b| matches!(b, b')' | b'\n' | 0 | b'#' | b'!' | b'"'))?;
    (bytes[end] == b')').then_some(end + 1)
}

/// The length of `include` or one of its variants at the start of `bytes`, when a blank follows.
pub(crate) fn include_length(bytes: &[u8]) -> Option<usize> {
    let rest = bytes.strip_prefix(b"include")?;
    let length = match rest.first() {
        Some(b'r' | b'm' | b'w' | b'b' | b'a') => 8,
        _ => 7,
    };
    bytes.get(length).is_some_and(|b| matches!(b, b' ' | b'\t')).then_some(length)
}

/// The length of the line without its comment and the blanks at its end.
pub(crate) fn trimmed_length(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match CLASS[byte as usize] {
            LINE_END | COMMENT => break,
            QUOTE => at = quoted_end(bytes, at),
            _ => at += 1,
        }
    }
    while at > 0 && CLASS[bytes[at - 1] as usize] == BLANK {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::TokenKind::*;
    use super::*;

    fn cut(text: &str) -> Vec<(TokenKind, &str)> {
        let mut start = 0;
        tokenize(text.as_bytes())
            .iter()
            .map(|t| {
                let piece = &text[start..t.end()];
                start = t.end();
                (t.kind(), piece)
            })
            .filter(|(kind, _)| *kind != Blank)
            .collect()
    }

    #[test]
    fn quotes_words_and_comments_touch() {
        assert_eq!(cut("foo\"bar baz\"qux"), [(Word, "foo"), (Quoted, "\"bar baz\""), (Word, "qux")]);
        assert_eq!(cut("a#b\n!c"), [(Word, "a"), (Comment, "#b"), (Newline, "\n"), (Comment, "!c")]);
        assert_eq!(cut("\"a # {\" }"), [(Quoted, "\"a # {\""), (Close, "}")]);
        assert_eq!(cut("\"a\r\nb"), [(Quoted, "\"a"), (Newline, "\r\n"), (Word, "b")]);
        assert_eq!(cut("80{"), [(Word, "80"), (Open, "{")]);
    }

    #[test]
    fn macros_are_no_blocks() {
        assert_eq!(cut("a ${B}c{"), [(Word, "a"), (Word, "${B}c"), (Open, "{")]);
        assert_eq!(cut("${X:-y}"), [(Word, "$"), (Open, "{"), (Word, "X:-y"), (Close, "}")]);
        assert_eq!(
            cut("~LST({X,Y},{a,b}) v $X {"),
            [(Sequence, "~LST({X,Y},{a,b})"), (Word, "v"), (Word, "$X"), (Open, "{")]
        );
        assert_eq!(
            cut("@^a include x{1,2} y # c"),
            [(Condition, "@^a"), (Word, "include"), (Pattern, "x{1,2} y"), (Comment, "# c")]
        );
    }

    #[test]
    fn a_definition_of_several_lines_is_no_block() {
        let text = "$M= \\\n a { \\\n # c \\\n } # d\nb {\n";
        assert_eq!(
            cut(text),
            [
                (Definition, "$M="),
                (Value, "\\"),
                (Newline, "\n"),
                (Value, "a { \\"),
                (Newline, "\n"),
                (Comment, "# c \\"),
                (Newline, "\n"),
                (Value, "}"),
                (Comment, "# d"),
                (Newline, "\n"),
                (Word, "b"),
                (Open, "{"),
                (Newline, "\n")
            ]
        );
    }

    #[test]
    fn what_keepalived_does_not_see_has_a_token_too() {
        assert_eq!(cut("\u{FEFF}a"), [(ByteOrderMark, "\u{FEFF}"), (Word, "a")]);
        assert_eq!(cut("a\0b {\nc"), [(Word, "a"), (Dead, "\0b {"), (Newline, "\n"), (Word, "c")]);
        assert_eq!(cut("a\rb\r\n"), [(Word, "a"), (Word, "b"), (Newline, "\r\n")]);
    }
}
