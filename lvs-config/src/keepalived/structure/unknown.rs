//! Words that are no keyword of their block: what was meant, and what to do about it.

use super::arguments::refused;
use super::{Builder, Mode};
use crate::diagnostic::{Diagnostic, Edit, Fix};
use crate::keepalived::keywords::{self, Argument, Block, Keyword};
use crate::keepalived::word::explain;
use crate::keepalived::{suggest, values};
use crate::span::Span;

/// Keywords of the forks of alibaba and iqiyi.
const FORK: [&str; 12] = [
    "local_address_group",
    "deny_address_group",
    "laddr_group_name",
    "daddr_group_name",
    "syn_proxy",
    "establish_timeout",
    "bps",
    "limit_proportion",
    "blklst_group_name",
    "whtlst_group_name",
    "conn_timeout",
    "hash_target",
];

/// What is said about an unknown word, and the keyword that it is taken for.
struct Guess {
    diagnostic: Diagnostic,
    meant: Option<&'static Keyword>,
    /// The block in which `meant` stands; its inner block is looked up there.
    home: &'static Block,
}

impl Builder<'_> {
    pub(super) fn unknown(
        &mut self,
        words: std::ops::Range<usize>,
        block: &'static Block,
        at: &mut usize,
        quiet: bool,
    ) {
        let opens = self.next_is_open(*at);
        if self.comment_of_c(words.start, at) {
            return;
        }
        if self.diagnostics.len() >= super::ENOUGH {
            let span = self.tree.words[words.start].span;
            self.diagnostics.push(Diagnostic::error("unknown-keyword", span, "unknown keyword"));
            let node = self.push(words, None, None, false);
            self.awaiting = opens.then_some((node, Mode::Opaque));
            return;
        }
        let guess = self.guess(words.clone(), block, opens);
        let foreign_line = self.foreign && self.tree.words[words.start].text.ends_with(b":");
        if !quiet && !foreign_line && !guess.diagnostic.message.is_empty() {
            self.foreign |= guess.diagnostic.code == "not-keepalived";
            self.diagnostics.push(explain(guess.diagnostic, &self.tree.words[words.clone()]));
        }
        let mode = match guess.meant.map(|k| (k, k.argument)) {
            Some((k, Argument::Block { .. })) => guess.home.inner(k.name).map_or(Mode::Opaque, Mode::Keywords),
            Some((_, Argument::Lines { .. } | Argument::Words)) => Mode::Values,
            _ => Mode::Opaque,
        };
        let inner = if let Mode::Keywords(inner) = mode { Some(inner) } else { None };
        let node = self.push(words, None, inner, false);
        self.tree.nodes[node].meant = guess.meant;
        if opens {
            self.awaiting = Some((node, mode));
        }
    }

    /// `/* … */` over one or several lines: one diagnostic, and nothing inside is read.
    fn comment_of_c(&mut self, word: usize, at: &mut usize) -> bool {
        let first = &self.tree.words[word];
        if first.quoted || !first.text.starts_with(b"/*") {
            return false;
        }
        let start = first.span;
        let from = *at - 1;
        let end = self.items[from..]
            .iter()
            .take(2000)
            .position(|item| self.tree.words[item.words.clone()].iter().any(|w| w.text.ends_with(b"*/")));
        let Some(end) = end.map(|n| from + n) else { return false };
        let span = start.to(self.items[end].span);
        // The balance was counted with the braces inside.
        let (unclosed, surplus) = super::balance(&self.items[from..=end]);
        self.unclosed = self.unclosed.saturating_sub(unclosed);
        self.surplus = self.surplus.saturating_sub(surplus);
        *at = end + 1;
        self.diagnostics.push(
            Diagnostic::error(
                "not-a-comment",
                Span::new(start.file, start.start, start.start + 2),
                "`/*` does not start a comment here",
            )
            .with_related(Span::new(span.file, span.end.max(2) - 2, span.end), "the comment was meant to end here")
            .with_help("put `#` or `!` in front of every line"),
        );
        true
    }

    fn guess(&self, words: std::ops::Range<usize>, block: &'static Block, opens: bool) -> Guess {
        let word = words.start;
        let first = &self.tree.words[word];
        let behind: Vec<&[u8]> = self.tree.words[words].iter().skip(1).map(|w| &*w.text).collect();
        let span = first.span;
        let text = first.lossy().into_owned();
        let literal = first.origin.is_none() && !first.quoted && first.span.len() == first.text.len();
        let place = block.name();
        let fixed = |diagnostic: Diagnostic, title: String, text: String| {
            if literal { diagnostic.with_fix(Fix::replace(title, span, text)) } else { diagnostic }
        };
        let plain = |diagnostic: Diagnostic| Guess { diagnostic, meant: None, home: block };
        if let Some(mark) = ["//", "*/", ";", "--", "<!--", "＃", "'''"].into_iter().find(|m| text.starts_with(m)) {
            let mark_span = Span::new(span.file, span.start, (span.start + mark.len()).min(span.end));
            let diagnostic =
                Diagnostic::error("not-a-comment", mark_span, format!("`{mark}` does not start a comment here"))
                    .with_help("a comment starts with `#` or `!`");
            return plain(if literal {
                diagnostic.with_fix(Fix::replace("write `#`", mark_span, "#"))
            } else {
                diagnostic
            });
        }
        if let Some(name) = text.strip_suffix(':').filter(|n| block.find(n.as_bytes()).is_some() || self.foreign) {
            let diagnostic = Diagnostic::error(
                "not-keepalived",
                span,
                format!("`{name}:` looks like YAML, not like a configuration of keepalived"),
            )
            .with_help("a statement is a keyword and its words, a block is a keyword, `{`, statements and `}`");
            return plain(diagnostic);
        }
        if let Some((name, value)) = text.split_once('=').filter(|(n, _)| !n.is_empty()) {
            let meant = block.find(name.as_bytes()).or_else(|| nearest(name, block, Some(opens)));
            if let Some(meant) = meant {
                let at = span.start + name.len();
                let mut diagnostic =
                    Diagnostic::error("key-equals-value", span, format!("`{text}` is one word, and no keyword"))
                        .with_help("a keyword and its value are separated by a blank, not by `=`");
                if literal {
                    let title = format!("write `{} {value}`", meant.name);
                    let edit = if meant.name == name {
                        Edit::new(Span::new(span.file, at, at + 1), " ")
                    } else {
                        Edit::new(span, format!("{} {value}", meant.name))
                    };
                    diagnostic = diagnostic.with_fix(Fix::new(title, [edit]));
                }
                return Guess { diagnostic, meant: Some(meant), home: block };
            }
        }
        if text.contains("${") {
            // This was reported when the line was expanded; here it is only no keyword.
            let diagnostic = Diagnostic::error("undefined-definition", span, "");
            return plain(diagnostic);
        }
        if text.starts_with('$') {
            let diagnostic = Diagnostic::error(
                "undefined-definition",
                span,
                format!("definition `{text}` is not defined before its use"),
            )
            .with_help("a definition is `$NAME=value` on a line of its own");
            return plain(diagnostic);
        }
        if let Some(meant) = text.strip_suffix(';').and_then(|t| block.find(t.as_bytes())) {
            let diagnostic = Diagnostic::error("semicolon", span, "statements do not end with `;`");
            return Guess {
                diagnostic: fixed(diagnostic, "remove the `;`".into(), meant.name.into()),
                meant: Some(meant),
                home: block,
            };
        }
        if let Some((plain_text, odd)) = suggest::unmasked(&text)
            && let Some(meant) = block.find(plain_text.as_bytes()).or_else(|| elsewhere(&plain_text).map(|(_, k)| k))
        {
            let diagnostic = Diagnostic::error(
                "look-alike",
                span,
                format!(
                    "`{text}` is no keyword: its letter `{odd}` U+{:04X} is {}",
                    u32::from(odd),
                    suggest::alphabet(odd)
                ),
            )
            .with_label(format!("did you mean `{}`?", meant.name));
            return Guess {
                diagnostic: fixed(diagnostic, format!("write `{}`", meant.name), meant.name.into()),
                meant: Some(meant),
                home: block,
            };
        }
        if let Some(meant) = block.keywords.iter().find(|k| k.name.eq_ignore_ascii_case(&text)) {
            let diagnostic = Diagnostic::error("wrong-case", span, format!("unknown keyword `{text}` in {place}"))
                .with_label(format!("did you mean `{}`? upper and lower case differ", meant.name));
            return Guess {
                diagnostic: fixed(diagnostic, format!("write `{}`", meant.name), meant.name.into()),
                meant: Some(meant),
                home: block,
            };
        }
        if let Some((meant, rest)) = glued(&text, &behind, block, opens) {
            let diagnostic = Diagnostic::error("missing-blank", span, format!("unknown keyword `{text}` in {place}"))
                .with_label(format!("a blank is missing: `{} {rest}`", meant.name));
            let replacement = format!("{} {rest}", meant.name);
            return Guess {
                diagnostic: fixed(diagnostic, format!("write `{replacement}`"), replacement),
                meant: Some(meant),
                home: block,
            };
        }
        if let Some(guess) = self.known_trap(&text, span, block, literal) {
            return guess;
        }
        let unknown = Diagnostic::error("unknown-keyword", span, format!("unknown keyword `{text}` in {place}"));
        if let Some((home, meant)) = elsewhere(&text) {
            let diagnostic = Diagnostic::error("misplaced-keyword", span, format!("`{text}` cannot stand in {place}"))
                .with_label(format!("it belongs into {}", homes(&text)));
            return Guess { diagnostic, meant: Some(meant), home };
        }
        if let Some(meant) = nearest(&text, block, Some(opens)).or_else(|| nearest(&text, block, None)) {
            let diagnostic = unknown.with_label(format!("did you mean `{}`?", meant.name));
            let diagnostic = if hides_value(meant, &text, &behind) {
                diagnostic
            } else {
                fixed(diagnostic, format!("write `{}`", meant.name), meant.name.into())
            };
            return Guess { diagnostic, meant: Some(meant), home: block };
        }
        if opens && let Some(meant) = self.by_content(word, block) {
            let diagnostic = unknown.with_label(format!("what follows looks like the block of `{}`", meant.name));
            return Guess { diagnostic, meant: Some(meant), home: block };
        }
        let all = keywords::blocks().iter().flat_map(|b| b.keywords);
        let far = suggest::nearest(&text, all.map(|k| k.name)).and_then(elsewhere);
        plain(match far {
            Some((_, keyword)) => {
                unknown.with_label(format!("`{}` belongs into {}", keyword.name, homes(keyword.name)))
            }
            None if text.contains(['<', '>']) => {
                unknown.with_label("this looks like a placeholder that was not replaced")
            }
            None if block.path.is_empty() && matches!(text.as_bytes().first(), Some(b'[' | b'$' | b'%' | b'&')) => {
                unknown.with_label("this does not look like a configuration of keepalived")
            }
            None => unknown,
        })
    }

    /// Words that people copy from old or foreign documents.
    fn known_trap(&self, text: &str, span: Span, block: &'static Block, literal: bool) -> Option<Guess> {
        let place = block.name();
        let replace = |diagnostic: Diagnostic, word: &'static str| {
            if literal { diagnostic.with_fix(Fix::replace(format!("write `{word}`"), span, word)) } else { diagnostic }
        };
        if text == "nb_get_retry"
            && let Some(meant) = block.find(b"retry")
        {
            let diagnostic =
                Diagnostic::error("removed-keyword", span, format!("`nb_get_retry` cannot stand in {place}"))
                    .with_label("only HTTP_GET and SSL_GET still take it, write `retry`");
            return Some(Guess { diagnostic: replace(diagnostic, "retry"), meant: Some(meant), home: block });
        }
        let instead = match text {
            "lvs_id" => Some("router_id"),
            "lvs_sync_daemon_inteface" => Some("lvs_sync_daemon_interface"),
            "state_file_location" => Some("state_dump_file"),
            "stats_file_location" => Some("stats_dump_file"),
            "json_file_location" => Some("json_dump_file"),
            _ => None,
        };
        if let Some(word) = instead.filter(|w| block.find(w.as_bytes()).is_some()) {
            let diagnostic =
                Diagnostic::error("removed-keyword", span, format!("`{text}` is not known, it is called `{word}`"));
            return Some(Guess {
                diagnostic: replace(diagnostic, word),
                meant: block.find(word.as_bytes()),
                home: block,
            });
        }
        if let Some((_, last)) = keywords::removed(block.path, text) {
            let mut diagnostic =
                Diagnostic::error("removed-keyword", span, format!("`{text}` is not known since release {last}"));
            if text == "nat_mask" {
                diagnostic = diagnostic.with_help("it never had an effect, remove the line");
            }
            return Some(Guess { diagnostic, meant: None, home: block });
        }
        if FORK.contains(&text) {
            let diagnostic = Diagnostic::error(
                "fork-keyword",
                span,
                format!("`{text}` is known only in the dpvs and alibaba forks of keepalived"),
            );
            return Some(Guess { diagnostic, meant: None, home: block });
        }
        if let Some(version) = self.version
            && let Some(keyword) = block.find(text.as_bytes())
        {
            let message = format!("`{text}` is known from release {} on, not in {version}", keyword.since);
            return Some(Guess {
                diagnostic: Diagnostic::error("too-new", span, message),
                meant: Some(keyword),
                home: block,
            });
        }
        None
    }

    /// The block whose keywords are found inside the braces that follow.
    fn by_content(&self, word: usize, block: &'static Block) -> Option<&'static Keyword> {
        let from = self.items.partition_point(|i| i.words.end <= word);
        let inside: Vec<&[u8]> = self.items[from..]
            .iter()
            .skip(1)
            .take(12)
            .filter(|i| !i.words.is_empty())
            .take(4)
            .map(|i| &*self.tree.words[i.words.start].text)
            .collect();
        if inside.is_empty() {
            return None;
        }
        block
            .keywords
            .iter()
            .find(|k| block.inner(k.name).is_some_and(|inner| inside.iter().all(|w| inner.find(w).is_some())))
    }
}

fn nearest(text: &str, block: &'static Block, opens: Option<bool>) -> Option<&'static Keyword> {
    let fitting = block.keywords.iter().filter(|k| opens.is_none_or(|o| k.argument.opens_block() == o));
    block.find(suggest::nearest(text, fitting.map(|k| k.name))?.as_bytes())
}

/// A keyword and the value that is glued to it, as in `vrrp_instance_VI_1`, `retry_3` or `weight10`; `behind` are the
/// words after them.
fn glued<'t>(
    text: &'t str,
    behind: &[&[u8]],
    block: &'static Block,
    opens: bool,
) -> Option<(&'static Keyword, &'t str)> {
    // `notify_mastr` is not `notify mastr`.
    if nearest(text, block, Some(opens)).is_some_and(|k| !text.starts_with(k.name)) {
        return None;
    }
    let value = |k: &'static Keyword| {
        let rest = text.strip_prefix(k.name)?;
        let value = rest.trim_start_matches(['_', '-', '.', ':']);
        // A name goes on in small letters: `real_servers` is not `real_server s`.
        let ends = value.len() < rest.len() || !value.starts_with(|c: char| c.is_ascii_lowercase());
        // Where any word is taken, one that stands apart is the value: `notify_down_script /x`.
        let most = match k.argument {
            Argument::Free { min, .. } => usize::from(min.max(1)),
            Argument::Script { .. } => 1,
            other => other.words().1,
        };
        let fits = !value.is_empty() && ends && behind.len() < most && k.argument.opens_block() == opens;
        (fits && is_taken(k, value, behind)).then_some((k, value))
    };
    block.keywords.iter().filter_map(value).max_by_key(|(k, _)| k.name.len())
}

/// Whether the end of a word that starts with a keyword may be its value, which must not be lost; in `weights 5` it is
/// none.
fn hides_value(keyword: &Keyword, text: &str, behind: &[&[u8]]) -> bool {
    let letters = |rest: &str| !behind.is_empty() && rest.bytes().all(|b| b.is_ascii_lowercase());
    keyword.argument.words().1 > 0 && text.strip_prefix(keyword.name).is_some_and(|rest| !letters(rest))
}

/// Whether a keyword takes the value, with the words behind it.
fn is_taken(keyword: &Keyword, value: &str, behind: &[&[u8]]) -> bool {
    let words: Vec<&[u8]> = std::iter::once(value.as_bytes()).chain(behind.iter().copied()).collect();
    let address = || values::address(value.as_bytes()).is_some();
    match keyword.name {
        "virtual_server" => address() || matches!(value, "fwmark" | "group"),
        "real_server" | "sorry_server" | "persistence_granularity" => address(),
        _ => refused(keyword.argument, &words).is_none(),
    }
}

/// A keyword of another block.
fn elsewhere(text: &str) -> Option<(&'static Block, &'static Keyword)> {
    keywords::blocks().iter().find_map(|b| b.find(text.as_bytes()).map(|k| (b, k)))
}

/// The blocks that know a keyword, for messages.
fn homes(name: &str) -> String {
    let mut names: Vec<&str> = Vec::new();
    for block in keywords::blocks().iter().filter(|b| b.find(name.as_bytes()).is_some()) {
        if !names.contains(&block.name()) {
            names.push(block.name());
        }
    }
    let more = names.len().saturating_sub(3);
    names.truncate(3);
    match (names.as_slice(), more) {
        ([only], _) => (*only).to_owned(),
        ([first, second], _) => format!("{first} or {second}"),
        (some, 0) => some.join(", "),
        (some, n) => format!("{} and {n} other blocks", some.join(", ")),
    }
}
