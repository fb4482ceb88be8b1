//! One form for all configurations that mean the same: everything expanded, one statement a line, four blanks a level.

use super::statement::write_word;
use super::tree::{Statement, Tree};

/// How often a guess may lead to another one.
const ROUNDS: usize = 8;

/// This writes a configuration in its canonical form; comments are not a part of it.
///
/// Reading what was written and writing it again gives the same bytes. Where braces or keywords are wrong, the form shows what the
/// reader took the configuration for: it reads what it wrote to find that out, so that it takes at least as long as reading. To
/// change a file without touching the rest of it use an [`Editor`](super::Editor) instead.
///
/// ```
/// use lvs_config::keepalived::{self, canonical};
///
/// let parsed = keepalived::parse("$W=3\nvirtual_server 10.0.0.1 80\n{ protocol TCP\n  weight $W } # end\n");
/// assert_eq!(canonical(parsed.tree()), b"\
/// virtual_server 10.0.0.1 80 {
///     protocol TCP
///     weight 3
/// }
/// ");
/// ```
#[must_use]
pub fn canonical(tree: &Tree) -> Vec<u8> {
    let mut text = print(tree);
    for _ in 0..ROUNDS {
        // One guess, written down, can leave something else to guess.
        let again = print(super::parse(&text).tree());
        if again == text {
            break;
        }
        text = again;
    }
    text
}

fn print(tree: &Tree) -> Vec<u8> {
    let mut out = Vec::new();
    // A stack instead of recursion: a file may nest as deep as it is long.
    let mut open: Vec<super::tree::Statements<'_>> = vec![tree.statements()];
    while let Some(statements) = open.last_mut() {
        match statements.next() {
            Some(statement) => {
                let depth = open.len() - 1;
                let is_block = write_head(&mut out, statement, depth);
                if is_block {
                    open.push(statement.children());
                }
            }
            None => {
                open.pop();
                if let Some(depth) = open.len().checked_sub(1) {
                    indent(&mut out, depth);
                    out.extend_from_slice(b"}\n");
                    if depth == 0 {
                        out.push(b'\n');
                    }
                }
            }
        }
    }
    if out.ends_with(b"}\n\n") {
        out.pop();
    }
    out
}

fn write_head(out: &mut Vec<u8>, statement: Statement<'_>, depth: usize) -> bool {
    indent(out, depth);
    for (n, word) in statement.words().iter().enumerate() {
        if n > 0 {
            out.push(b' ');
        }
        write_word(out, &word.text, n == 0);
    }
    let is_block = statement.has_block();
    out.extend_from_slice(if is_block { b" {\n" } else { b"\n" });
    is_block
}

fn indent(out: &mut Vec<u8>, depth: usize) {
    // Deeper than any block of keepalived goes, indentation would only make the output quadratic.
    out.extend(std::iter::repeat_n(b' ', 4 * depth.min(8)));
}
