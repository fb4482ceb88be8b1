//! Statements to be written, and how words are quoted.

/// This is a statement that does not stand in a file yet.
///
/// ```
/// use lvs_config::keepalived::NewStatement;
///
/// let server = NewStatement::new(["real_server", "10.1.0.1", "80"]).with(NewStatement::new(["weight", "3"]));
/// assert_eq!(server.to_string(), "real_server 10.1.0.1 80 {\n    weight 3\n}\n");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NewStatement {
    words: Vec<Vec<u8>>,
    body: Option<Vec<NewStatement>>,
}

impl NewStatement {
    /// This makes a statement of words; those that need quotes get them when they are written.
    ///
    /// A quote and a line end inside a word cannot be written in this format; they are left out.
    #[must_use]
    pub fn new<W: AsRef<[u8]>>(words: impl IntoIterator<Item = W>) -> Self {
        let clean = |w: W| w.as_ref().iter().copied().filter(|b| !matches!(b, b'"' | b'\n' | b'\r' | 0)).collect();
        Self { words: words.into_iter().map(clean).collect(), body: None }
    }

    /// This gives the statement a block, which is empty at first.
    #[must_use]
    pub fn block(mut self) -> Self {
        self.body.get_or_insert_default();
        self
    }

    /// This adds a statement to the block.
    #[must_use]
    pub fn with(mut self, inner: NewStatement) -> Self {
        self.body.get_or_insert_default().push(inner);
        self
    }

    /// This adds several statements to the block.
    #[must_use]
    pub fn with_all(mut self, inner: impl IntoIterator<Item = NewStatement>) -> Self {
        self.body.get_or_insert_default().extend(inner);
        self
    }

    /// These are the words.
    #[must_use]
    pub fn words(&self) -> &[Vec<u8>] {
        &self.words
    }

    /// These are the statements of the block; `None` when there is no block.
    #[must_use]
    pub fn body(&self) -> Option<&[NewStatement]> {
        self.body.as_deref()
    }

    /// Writes the words of the head, without a line end.
    pub(super) fn write_head(&self, out: &mut Vec<u8>) {
        for (n, word) in self.words.iter().enumerate() {
            if n > 0 {
                out.push(b' ');
            }
            write_word(out, word, n == 0);
        }
    }

    fn write(&self, out: &mut Vec<u8>, depth: usize) {
        let indent = |out: &mut Vec<u8>| out.extend(std::iter::repeat_n(b' ', 4 * depth));
        indent(out);
        self.write_head(out);
        if let Some(body) = &self.body {
            out.extend_from_slice(b" {\n");
            for inner in body {
                inner.write(out, depth + 1);
            }
            indent(out);
            out.push(b'}');
        }
        out.push(b'\n');
    }
}

impl std::fmt::Display for NewStatement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut out = Vec::new();
        self.write(&mut out, 0);
        f.write_str(&String::from_utf8_lossy(&out))
    }
}

/// Appends a word, in quotes when it could be read as something else without them.
pub(super) fn write_word(out: &mut Vec<u8>, word: &[u8], is_first: bool) {
    let special = |b: &u8| matches!(b, b' ' | b'\t' | 0x0B | 0x0C | b'\r' | b'{' | b'}' | b'#' | b'!' | b'"');
    let macro_like = is_first && (matches!(word.first(), Some(b'@' | b'$' | b'~')) || word.starts_with(b"include"));
    // A mark at the start of the file, and blanks that only look so, would be taken off a bare word.
    let odd = !word.is_ascii();
    if word.is_empty() || word.iter().any(special) || macro_like || odd || word.ends_with(b"\\") {
        out.push(b'"');
        out.extend_from_slice(word);
        out.push(b'"');
    } else {
        out.extend_from_slice(word);
    }
}
