//! How a line of a script depends on its neighbours, and they on it.
//!
//! Only as far as an edit has to know: which lines cannot go without a change to others, and which bodies would be empty.

use super::document::TokenKind;
use super::shell::{Piece, ShellLine};

impl<'a> ShellLine<'a> {
    fn significant(&self) -> impl DoubleEndedIterator<Item = &Piece<'a>> {
        self.pieces.iter().filter(|piece| matches!(piece.kind, TokenKind::Word | TokenKind::Operator))
    }

    /// Whether nothing but blanks and comments stands here.
    pub(super) fn is_blank(&self) -> bool {
        self.significant().next().is_none()
    }

    /// Whether more stands here than one command and what gives up when it fails.
    pub(super) fn has_others(&self) -> bool {
        let mut parts: Vec<(&[u8], Vec<&[u8]>)> = vec![(b"", Vec::new())];
        for piece in self.significant() {
            if piece.kind == TokenKind::Operator && !piece.is_redirection() {
                parts.push((&piece.text, Vec::new()));
            } else if let Some((_, words)) = parts.last_mut() {
                words.push(&piece.text);
            }
        }
        parts.retain(|(_, words)| !words.is_empty());
        match &parts[..] {
            [] | [_] => false,
            [_, (operator, words)] => *operator != b"||" || !gives_up(words),
            _ => true,
        }
    }

    /// Whether the command goes on in the next line.
    pub(super) fn goes_on(&self) -> bool {
        let mut back = self.significant().rev();
        let last = back.next();
        match last.map(|piece| &*piece.text) {
            Some(b"&&" | b"||" | b"|" | b"if" | b"elif" | b"while" | b"until" | b"!") => true,
            // `|&`
            Some(b"&") => back.next().zip(last).is_some_and(|(a, b)| *a.text == *b"|" && a.end == b.start),
            _ => false,
        }
    }

    /// Whether a list of commands starts in the next line that may not be empty.
    pub(super) fn opens_body(&self) -> bool {
        let last = self.significant().next_back();
        last.is_some_and(|piece| matches!(&*piece.text, b"then" | b"do" | b"else" | b"{" | b"(" | b")"))
    }

    /// Whether such a list ends before this line.
    pub(super) fn closes_body(&self) -> bool {
        let first = self.significant().next();
        first.is_some_and(|piece| {
            matches!(&*piece.text, b"fi" | b"done" | b"else" | b"elif" | b"}" | b")" | b";;" | b"esac")
        })
    }

    /// Whether the command before this line decides what happens here.
    pub(super) fn ends_condition(&self) -> bool {
        self.significant().next().is_some_and(|piece| matches!(&*piece.text, b"then" | b"do"))
    }
}

/// Whether a command does nothing but end a script, or nothing at all.
fn gives_up(words: &[&[u8]]) -> bool {
    matches!(words, [b"true" | b":"] | [b"exit" | b"return"] | [b"exit" | b"return", _])
}

#[cfg(test)]
mod tests {
    use super::super::shell::line;

    #[test]
    fn one_command_is_alone_with_what_gives_up() {
        for text in [
            "ipvsadm -C",
            "X=1 sudo ipvsadm -C > x 2>&1 # y",
            "ipvsadm -C || exit 1",
            "ipvsadm -C || exit",
            "ipvsadm -C || true",
            "ipvsadm -C || : # z",
            "ipvsadm -C || return $?;",
        ] {
            assert!(!line(text.as_bytes(), 0).has_others(), "{text}");
        }
        for text in
            ["true; ipvsadm -C", "ipvsadm -C || echo x", "ipvsadm -C | tee x", ">x; ipvsadm -C", "ipvsadm -C && exit 1"]
        {
            assert!(line(text.as_bytes(), 0).has_others(), "{text}");
        }
    }

    #[test]
    fn what_goes_on_is_known() {
        for text in ["a &&", "a || # x", "a |", "a |&", "if", "if !"] {
            assert!(line(text.as_bytes(), 0).goes_on(), "{text}");
        }
        for text in ["a", "a &", "a;", "# &&", ""] {
            assert!(!line(text.as_bytes(), 0).goes_on(), "{text}");
        }
    }
}
