//! From logical lines to statements, by the keyword table; a mistake is reported once and does not leak.
//!
//! keepalived reads the body of a block whose name it does not know as if it stood outside, so one wrong letter gives
//! forty messages. Here the body is read as that of the block that was meant, a missing brace is put where the
//! keywords say that it is missing, and a surplus one is taken away.

mod arguments;
mod braces;
mod extra;
mod kinds;
mod repair;
mod special;
mod unknown;

use super::expand::{Expanded, Item, ItemKind};
use super::keywords::{self, Argument, Block, Keyword};
use super::tree::{Data, Tree};
use super::word::explain;
use crate::diagnostic::{Diagnostic, Severity};
use crate::span::{Sources, Span};

/// How far outside a keyword is looked for when a brace may be missing; blocks of keepalived nest four deep.
const DEEPEST: usize = 16;

/// From so many diagnostics on an unknown word is only told, and no longer guessed at.
const ENOUGH: usize = 10_000;

/// What may stand in a block.
#[derive(Debug, Clone, Copy)]
enum Mode {
    Keywords(&'static Block),
    /// Values, one entry a line.
    Values,
    /// Anything: the block is not known.
    Opaque,
}

/// One block that is open.
#[derive(Debug)]
struct Frame {
    node: Option<usize>,
    mode: Mode,
    open: Option<Span>,
    /// Where each keyword stood last.
    seen: Vec<(&'static str, Span)>,
}

pub(super) fn build(expanded: Expanded, version: Option<&str>) -> (Tree, Sources, Vec<Diagnostic>) {
    let Expanded { mut items, mut words, sources, mut diagnostics } = expanded;
    repair::templates(&mut items, &mut words, &sources, &mut diagnostics);
    repair::continuations(&mut items, &mut words, &mut diagnostics);
    let (unclosed, surplus) = balance(&items);
    let mut builder = Builder {
        items,
        tree: Tree { words, nodes: Vec::new() },
        sources,
        diagnostics,
        frames: vec![Frame { node: None, mode: Mode::Keywords(keywords::top()), open: None, seen: Vec::new() }],
        awaiting: None,
        closed: None,
        unclosed,
        surplus,
        shallow: None,
        crowded: None,
        version,
        foreign: false,
    };
    builder.run();
    (builder.tree, builder.sources, builder.diagnostics)
}

/// How many blocks are never closed, and how many braces close nothing.
fn balance(items: &[Item]) -> (usize, usize) {
    let (mut depth, mut surplus) = (0usize, 0);
    for item in items {
        match item.kind {
            ItemKind::Open => depth += 1,
            ItemKind::Close if depth == 0 => surplus += 1,
            ItemKind::Close => depth -= 1,
            ItemKind::Words => {}
        }
    }
    (depth, surplus)
}

struct Builder<'v> {
    items: Vec<Item>,
    tree: Tree,
    sources: Sources,
    diagnostics: Vec<Diagnostic>,
    frames: Vec<Frame>,
    /// The statement that the next `{` belongs to, and what its block holds.
    awaiting: Option<(usize, Mode)>,
    /// The block that the last item closed, with the place of the brace.
    closed: Option<(Frame, Span)>,
    unclosed: usize,
    surplus: usize,
    /// The first block whose end is indented less than its start: the block that lacks its brace is this one.
    shallow: Option<Span>,
    /// A line with two statements that was reported.
    crowded: Option<Span>,
    version: Option<&'v str>,
    /// The file is in another language; this was said once.
    foreign: bool,
}

impl Builder<'_> {
    fn run(&mut self) {
        let mut at = 0;
        while at < self.items.len() {
            let item = self.items[at].clone();
            at += 1;
            match item.kind {
                ItemKind::Words => {
                    self.words(item.words, &mut at, false);
                    self.closed = None;
                }
                ItemKind::Open => {
                    self.open(item.span, at);
                    self.closed = None;
                }
                ItemKind::Close => self.close(item.span),
            }
        }
        self.end_of_file();
    }

    /// One logical line; `at` is the next item. The rest of a line that holds two statements is `quiet`.
    fn words(&mut self, words: std::ops::Range<usize>, at: &mut usize, quiet: bool) {
        self.awaiting = None;
        match self.mode() {
            Mode::Opaque => {
                self.push(words, None, None, false);
                self.awaiting = self.next_is_open(*at).then(|| (self.tree.nodes.len() - 1, Mode::Opaque));
            }
            Mode::Values => {
                if self.next_is_open(*at) && self.closes_missing(words.start) {
                    self.words(words, at, quiet);
                    return;
                }
                self.push(words, None, None, true);
            }
            Mode::Keywords(block) => {
                let found = block.find(&self.tree.words[words.start].text);
                match found.filter(|k| self.is_of_version(k)).map(|k| self.narrowed(k, block)) {
                    Some(keyword) => self.known(words, keyword, block, at, quiet),
                    None if self.closes_missing(words.start) || self.reopens(words.start) => {
                        self.words(words, at, quiet);
                    }
                    None => self.unknown(words, block, at, quiet),
                }
            }
        }
    }

    fn mode(&self) -> Mode {
        self.frames.last().map_or(Mode::Opaque, |f| f.mode)
    }

    fn next_is_open(&self, at: usize) -> bool {
        self.items.get(at).is_some_and(|i| i.kind == ItemKind::Open)
    }

    fn is_of_version(&self, keyword: &Keyword) -> bool {
        self.version.is_none_or(|version| !is_newer(keyword.since, version))
    }

    /// The keyword as the release takes it that the file is for.
    fn narrowed(&self, keyword: &'static Keyword, block: &'static Block) -> &'static Keyword {
        let old = self.version.is_some_and(|version| !is_newer(version, "2.2.7"));
        if old { keywords::narrow(block.path, keyword.name).unwrap_or(keyword) } else { keyword }
    }

    fn push(
        &mut self,
        words: std::ops::Range<usize>,
        keyword: Option<&'static Keyword>,
        block: Option<&'static Block>,
        valid: bool,
    ) -> usize {
        let index = self.tree.nodes.len();
        self.tree.nodes.push(Data {
            words,
            keyword,
            meant: None,
            block,
            open: None,
            close: None,
            next: index + 1,
            valid,
        });
        index
    }

    fn known(
        &mut self,
        words: std::ops::Range<usize>,
        keyword: &'static Keyword,
        block: &'static Block,
        at: &mut usize,
        quiet: bool,
    ) {
        let before = self.diagnostics.len();
        let opens = keyword.argument.opens_block();
        let ends_here = opens || !self.next_is_open(*at);
        let checked = arguments::check(&self.tree.words[words.clone()], keyword, block, &self.sources, ends_here);
        let mut valid = checked.valid && !quiet;
        let rest = checked.second.map(|n| words.start + n..words.end);
        if !quiet {
            let again = rest.is_some() && self.is_crowded(self.tree.words[words.start].span);
            let own = &self.tree.words[words.clone()];
            let said = checked.diagnostics.into_iter().filter(|d| !again || d.code != "two-statements");
            self.diagnostics.extend(said.map(|d| explain(d, own)));
            if rest.is_some() {
                self.crowded = Some(self.tree.words[words.start].span);
            }
            valid &= !self.repeated(words.start, keyword, block);
        }
        let mode = match keyword.argument {
            Argument::Block { .. } => block.inner(keyword.name).map_or(Mode::Opaque, Mode::Keywords),
            Argument::Lines { .. } | Argument::Words => Mode::Values,
            _ => Mode::Opaque,
        };
        let inner = if let Mode::Keywords(inner) = mode { Some(inner) } else { None };
        let own = words.start..rest.as_ref().map_or(words.end, |r| r.start);
        let node = self.push(own, Some(keyword), inner, valid);
        if let Some(rest) = rest {
            if opens {
                self.open_unseen(node, mode, Some(rest.start));
            }
            self.words(rest, at, true);
            return;
        }
        if opens && self.next_is_open(*at) {
            self.awaiting = Some((node, mode));
        } else if opens {
            self.missing_open(node, mode, *at);
        } else if self.next_is_open(*at) {
            // The brace is reported where it stands, unless the statement was wrong anyway.
            let wrong = self.diagnostics[before..].iter().any(|d| d.severity == Severity::Error);
            if wrong || quiet {
                self.awaiting = Some((node, Mode::Opaque));
            }
        }
    }

    /// Whether a place is on a line that was reported for having two statements.
    fn is_crowded(&self, span: Span) -> bool {
        self.crowded.is_some_and(|c| {
            c.file == span.file && !self.sources.text(Span::new(c.file, c.start, span.start)).contains(&b'\n')
        })
    }

    /// Whether the statement is ignored, as it stands there already.
    fn repeated(&mut self, word: usize, keyword: &'static Keyword, block: &'static Block) -> bool {
        let span = self.tree.words[word].span;
        let name = keyword.alias.map_or(keyword.name, |a| a.min(keyword.name));
        let Some(frame) = self.frames.last_mut() else { return false };
        let Some(slot) = frame.seen.iter_mut().find(|(n, _)| *n == name) else {
            frame.seen.push((name, span));
            return false;
        };
        let earlier = std::mem::replace(&mut slot.1, span);
        let counts = !keyword.repeatable && !keyword.argument.opens_block() && keyword.argument != Argument::Flag;
        if !counts
            || matches!(keyword.name, "status_code" | "include_check" | "interface" | "key")
                && block.path != "vrrp_instance"
        {
            return false;
        }
        // Commands of events, pipes and digests keep the first one and say so; everything else takes the last one.
        let event = matches!(keyword.argument, Argument::Script { .. });
        let first_wins = (event && !matches!(keyword.name, "script" | "misc_path"))
            || keyword.name.ends_with("notify_fifo")
            || keyword.name == "digest";
        let diagnostic = if first_wins {
            Diagnostic::error(
                "already-set",
                span,
                format!("`{}` stands here already, this one is ignored", keyword.name),
            )
        } else {
            Diagnostic::warning("repeated", span, format!("`{}` stands here twice, the later one counts", keyword.name))
        };
        self.diagnostics.push(diagnostic.with_related(earlier, "first here"));
        first_wins
    }
}

/// Whether release `a` came after release `b`.
fn is_newer(a: &str, b: &str) -> bool {
    let parse = |s: &str| s.split('.').map(|p| p.parse().unwrap_or(0)).collect::<Vec<u32>>();
    parse(a) > parse(b)
}
