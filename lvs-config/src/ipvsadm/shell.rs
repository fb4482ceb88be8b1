//! Lines of a shell script, as far as literal `ipvsadm` commands stand in them.
//!
//! This is no shell: variables, loops and functions are not followed. A line is split into simple commands; those that
//! run `ipvsadm` with nothing but literal words are read, everything else stays as it is.

use std::borrow::Cow;

use crate::Span;

use super::document::TokenKind;
use super::option::{self, VERBS};
use super::problem::span;
use super::word::{Word, is_blank};

/// One logical line: physical lines that are joined by `\` count as one.
pub(super) struct ShellLine<'a> {
    pub(super) pieces: Vec<Piece<'a>>,
    /// Behind the newline.
    pub(super) end: usize,
}

/// A token with what the shell makes of it.
pub(super) struct Piece<'a> {
    pub(super) kind: TokenKind,
    pub(super) start: usize,
    pub(super) end: usize,
    /// Without quotes.
    pub(super) text: Cow<'a, [u8]>,
    /// Whether the shell would leave the word as it stands.
    literal: bool,
}

/// One `ipvsadm` command of a line.
pub(super) struct ShellCommand<'a> {
    /// The arguments; `None` when the shell would change one of them.
    pub(super) words: Option<Vec<Word<'a>>>,
    /// What another command needs before its first argument: assignments, `sudo` and the like, the program.
    pub(super) program: Vec<Span>,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// Splits the line that starts at `start`.
pub(super) fn line(text: &[u8], start: usize) -> ShellLine<'_> {
    let mut pieces = Vec::new();
    let mut at = start;
    while at < text.len() {
        let piece = piece(text, at);
        at = piece.end;
        let is_last = piece.kind == TokenKind::Newline;
        pieces.push(piece);
        if is_last {
            break;
        }
    }
    ShellLine { pieces, end: at }
}

fn piece(text: &[u8], start: usize) -> Piece<'_> {
    let (kind, end) = match &text[start..] {
        [b'\n', ..] => (TokenKind::Newline, start + 1),
        [b'\r', b'\n', ..] => (TokenKind::Newline, start + 2),
        [b'#', ..] => {
            let end = text[start..].iter().position(|b| *b == b'\n').map_or(text.len(), |at| start + at);
            // A carriage return belongs to the end of the line.
            (TokenKind::Comment, if text[..end].ends_with(b"\r") && end > start + 1 { end - 1 } else { end })
        }
        rest if blank_length(rest) > 0 => {
            let mut end = start;
            while blank_length(&text[end..]) > 0 {
                end += blank_length(&text[end..]);
            }
            (TokenKind::Blank, end)
        }
        rest => match redirection(rest).or_else(|| operator(rest)) {
            Some(length) => (TokenKind::Operator, start + length),
            None => return word(text, start),
        },
    };
    Piece { kind, start, end, text: Cow::Borrowed(&text[start..end]), literal: true }
}

/// A blank, or a backslash that joins two lines.
fn blank_length(text: &[u8]) -> usize {
    match text {
        [b'\r', b'\n', ..] => 0,
        [b'\n', ..] => 0,
        [byte, ..] if is_blank(*byte) => 1,
        _ => joint_length(text),
    }
}

/// A backslash that joins two lines.
fn joint_length(text: &[u8]) -> usize {
    match text {
        [b'\\', b'\r', b'\n', ..] => 3,
        [b'\\', b'\n', ..] => 2,
        _ => 0,
    }
}

/// Whether a word cannot go on here.
fn ends_word(text: &[u8]) -> bool {
    text.first().is_none_or(|byte| is_blank(*byte) || matches!(byte, b'<' | b'>')) || operator(text).is_some()
}

/// `>`, `>>`, `2>&1`, `&>`, `<`, `<<`, without the word behind.
fn redirection(text: &[u8]) -> Option<usize> {
    let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
    let ampersand = usize::from(digits == 0 && text.first() == Some(&b'&'));
    let before = digits + ampersand;
    let arrows = text[before..].iter().take_while(|b| matches!(b, b'<' | b'>')).count();
    if arrows == 0 {
        return None;
    }
    let behind = &text[before + arrows..];
    let copies = match behind {
        [b'&', rest @ ..] => 1 + rest.iter().take_while(|b| b.is_ascii_digit() || **b == b'-').count(),
        _ => 0,
    };
    Some(before + arrows + copies)
}

fn operator(text: &[u8]) -> Option<usize> {
    let byte = *text.first()?;
    if !matches!(byte, b';' | b'&' | b'|' | b'(' | b')') {
        return None;
    }
    Some(if matches!(byte, b';' | b'&' | b'|') && text.get(1) == Some(&byte) { 2 } else { 1 })
}

fn word(text: &[u8], start: usize) -> Piece<'_> {
    let mut plain: Cow<'_, [u8]> = Cow::Borrowed(&[]);
    let mut literal = true;
    let mut at = start;
    while let Some(&byte) = text.get(at) {
        if ends_word(&text[at..]) {
            break;
        }
        match byte {
            b'\'' | b'"' => {
                if let Some(length) = quoted_length(&text[at..]) {
                    let inside = &text[at + 1..at + length - 1];
                    literal &= byte == b'\'' || !inside.iter().any(|b| matches!(b, b'$' | b'`' | b'\\'));
                    plain.to_mut().extend_from_slice(inside);
                    at += length;
                    continue;
                }
                literal = false;
            }
            b'\\' if joint_length(&text[at..]) > 0 => {
                let mut behind = at;
                while joint_length(&text[behind..]) > 0 {
                    behind += joint_length(&text[behind..]);
                }
                if ends_word(&text[behind..]) {
                    break;
                }
                // The word goes on in the next line.
                plain.to_mut();
                at = behind;
                continue;
            }
            b'\\' => {
                if let Some(&next) = text.get(at + 1) {
                    plain.to_mut().push(next);
                    at += 2;
                    continue;
                }
                literal = false;
            }
            b'$' | b'`' | b'*' | b'?' | b'{' | b'}' => literal = false,
            b'~' if at == start => literal = false,
            _ => {}
        }
        at += 1;
        // Stay on the text itself as long as nothing was taken out.
        match &mut plain {
            Cow::Borrowed(so_far) => *so_far = &text[start..at],
            Cow::Owned(so_far) => so_far.push(byte),
        }
    }
    Piece { kind: TokenKind::Word, start, end: at, text: plain, literal }
}

/// The length of a quoted part with its quotes, if it ends in this line.
fn quoted_length(text: &[u8]) -> Option<usize> {
    let quote = *text.first()?;
    let mut at = 1;
    loop {
        match *text.get(at)? {
            b'\n' => return None,
            b'\\' if quote == b'"' => at += 2,
            byte if byte == quote => return Some(at + 1),
            _ => at += 1,
        }
    }
}

impl Piece<'_> {
    /// Whether it is `>` or the like, which a word may follow that is no argument.
    pub(super) fn is_redirection(&self) -> bool {
        self.kind == TokenKind::Operator && self.text.iter().any(|b| matches!(b, b'<' | b'>'))
    }

    /// Whether a word belongs to this redirection; `2>&1` has none.
    fn has_target(&self) -> bool {
        matches!(&*self.text, [.., b'<' | b'>' | b'&'])
    }
}

impl<'a> ShellLine<'a> {
    /// The commands of this line that run `ipvsadm`, or are the lines of its rules.
    pub(super) fn commands(&self) -> Vec<ShellCommand<'a>> {
        let mut commands = Vec::new();
        let mut simple: Vec<&Piece<'a>> = Vec::new();
        let mut pieces =
            self.pieces.iter().filter(|p| !matches!(p.kind, TokenKind::Blank | TokenKind::Comment)).peekable();
        let mut is_first = true;
        while let Some(piece) = pieces.next() {
            match piece.kind {
                TokenKind::Word => simple.push(piece),
                TokenKind::Operator if piece.is_redirection() => {
                    if piece.has_target() {
                        pieces.next_if(|next| next.kind == TokenKind::Word);
                    }
                }
                _ => {
                    commands.extend(command(&simple, is_first));
                    simple.clear();
                    is_first = false;
                }
            }
        }
        commands.extend(command(&simple, is_first));
        commands
    }
}

impl ShellLine<'_> {
    /// Where the redirections of all commands stand, each with the word behind it.
    pub(super) fn redirections(&self) -> impl Iterator<Item = Span> {
        self.pieces.iter().enumerate().filter(|(_, piece)| piece.is_redirection()).map(|(i, piece)| {
            let target = self.pieces[i + 1..].iter().find(|next| next.kind != TokenKind::Blank);
            let target = target.filter(|next| piece.has_target() && next.kind == TokenKind::Word);
            span(piece.start, target.map_or(piece.end, |target| target.end))
        })
    }

    /// Whether a list of commands or a compound one, such as `if`, would break without this line.
    pub(super) fn is_compound(&self) -> bool {
        let mut is_first = true;
        for piece in &self.pieces {
            match piece.kind {
                TokenKind::Operator if matches!(&*piece.text, b"(" | b")" | b";;") => return true,
                TokenKind::Operator => is_first |= !piece.is_redirection(),
                TokenKind::Word if is_first && is_keyword(&piece.text) => return true,
                TokenKind::Word => is_first &= is_prefix(&piece.text),
                TokenKind::Blank | TokenKind::Comment | TokenKind::Newline => {}
            }
        }
        false
    }
}

/// A simple command, if it is one of `ipvsadm`.
fn command<'a>(pieces: &[&Piece<'a>], is_first: bool) -> Option<ShellCommand<'a>> {
    let prefix = pieces.iter().take_while(|piece| is_prefix(&piece.text)).count();
    let (name, arguments) = pieces[prefix..].split_first()?;
    let runs_it = name.literal && (*name.text == *b"ipvsadm" || name.text.ends_with(b"/ipvsadm"));
    let rule = match &*name.text {
        [b'-', b'-', ..] => option::long(&VERBS, &name.text).is_some(),
        [b'-', letter, ..] => option::short(&VERBS, *letter).is_some(),
        _ => false,
    };
    let arguments = match (runs_it, rule && is_first && prefix == 0) {
        (true, _) => arguments,
        (false, true) => pieces,
        (false, false) => return None,
    };
    let again = pieces[..prefix].iter().filter(|piece| is_repeatable(&piece.text)).chain(runs_it.then_some(name));
    let literal = arguments.iter().all(|piece| piece.literal);
    let word = |piece: &&Piece<'a>| Word { text: piece.text.clone(), start: piece.start, end: piece.end };
    Some(ShellCommand {
        words: literal.then(|| arguments.iter().map(word).collect()),
        program: again.map(|piece| span(piece.start, piece.end)).collect(),
        start: pieces.first()?.start,
        end: pieces.last()?.end,
    })
}

/// Words that may stand before the name of a command.
fn is_prefix(word: &[u8]) -> bool {
    is_repeatable(word) || opens(word) || matches!(word, b"exec" | b"time" | b"!")
}

/// Those that another command can have, too.
fn is_repeatable(word: &[u8]) -> bool {
    let name = word.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
    matches!(word, b"sudo" | b"command" | b"nohup") || (name > 0 && word.get(name) == Some(&b'='))
}

/// Words of compound commands that a command may follow.
fn opens(word: &[u8]) -> bool {
    let words: [&[u8]; 8] = [b"if", b"then", b"elif", b"else", b"while", b"until", b"do", b"{"];
    words.contains(&word)
}

/// Words of compound commands.
fn is_keyword(word: &[u8]) -> bool {
    let others: [&[u8]; 7] = [b"fi", b"done", b"}", b"for", b"case", b"esac", b"function"];
    opens(word) || others.contains(&word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<Option<Vec<String>>> {
        let mut found = Vec::new();
        let mut at = 0;
        while at < text.len() {
            let line = line(text.as_bytes(), at);
            assert!(line.end > at);
            at = line.end;
            let strings =
                |words: Vec<Word<'_>>| words.iter().map(|w| String::from_utf8_lossy(&w.text).into_owned()).collect();
            found.extend(line.commands().into_iter().map(|command| command.words.map(strings)));
        }
        found
    }

    #[test]
    fn literal_commands_are_found() {
        let words = |text: &str| Some(text.split(' ').map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(read("ipvsadm -C"), [words("-C")]);
        assert_eq!(read("/sbin/ipvsadm -A -t \"10.0.0.1:80\" -s 'r'r # x"), [words("-A -t 10.0.0.1:80 -s rr")]);
        assert_eq!(read("ipvsadm -C; ipvsadm -Z && sudo ipvsadm -L|cat"), [words("-C"), words("-Z"), words("-L")]);
        assert_eq!(read("  start) ipvsadm -C;;\n"), [words("-C")]);
        assert_eq!(read("if X=1 ipvsadm -C >/dev/null 2>&1; then :; fi"), [words("-C")]);
        assert_eq!(read("ipvsadm -A \\\n  -f 1 \\\r\n -6\nx"), [words("-A -f 1 -6")]);
        assert_eq!(read("ipvsadm -A -t 10.0.0.\\\n\\\n1:80\\\n -s r\\\nr\\\n"), [words("-A -t 10.0.0.1:80 -s rr")]);
        assert_eq!(read("ipvsadm -S > /tmp/-A &> x -n >& y"), [words("-S -n")]);
        assert_eq!(read("-A -f 1 # a rule\n-A -f 2\r\n"), [words("-A -f 1"), words("-A -f 2")]);
        assert_eq!(read("ipvsadm -A -t [2001:db8::1]:80"), [words("-A -t [2001:db8::1]:80")]);
        assert_eq!(read("echo ipvsadm -C\n# ipvsadm -C\n-x\nipvsadm-save"), []);
    }

    #[test]
    fn lines_that_others_need_are_known() {
        for text in [
            "if ipvsadm -C; then",
            "true && { ipvsadm -C",
            "ipvsadm -C; fi",
            "  stop) ipvsadm -C;;",
            "X=1 while ipvsadm -C",
        ] {
            assert!(line(text.as_bytes(), 0).is_compound(), "{text}");
        }
        for text in ["ipvsadm -C || exit 1", "X=1 sudo ipvsadm -C > /tmp/if # then", "echo if; ipvsadm -C", "-C"] {
            assert!(!line(text.as_bytes(), 0).is_compound(), "{text}");
        }
    }

    #[test]
    fn what_the_shell_would_change_is_not_read() {
        for text in
            ["ipvsadm -A -t $VIP:80", "ipvsadm -A -t \"$VIP\"", "ipvsadm -A -t `x`", "ipvsadm -D *", "ipvsadm 'x"]
        {
            assert_eq!(read(text), [None], "{text}");
        }
        assert_eq!(read("$IPVSADM -C"), []);
    }
}
