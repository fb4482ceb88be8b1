//! From logical lines to statements, by the keyword table; a mistake is reported once and does not leak.
//!
//! keepalived reads the body of a block whose name it does not know as if it stood outside, so one wrong letter gives
//! forty messages. Here the body is read as that of the block that was meant, a missing brace is put where the
//! keywords say that it is missing, and a surplus one is taken away.

mod arguments;
mod unknown;

use super::expand::{Expanded, Item, ItemKind};
use super::keywords::{self, Argument, Block, Keyword};
use super::tree::{Data, Tree};
use super::word::{Word, explain};
use crate::diagnostic::{Diagnostic, Edit, Fix};
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
    templates(&mut items, &mut words, &sources, &mut diagnostics);
    continuations(&mut items, &mut words, &mut diagnostics);
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
                match found.filter(|k| self.is_of_version(k)) {
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

    fn push(
        &mut self,
        words: std::ops::Range<usize>,
        keyword: Option<&'static Keyword>,
        block: Option<&'static Block>,
        valid: bool,
    ) -> usize {
        let index = self.tree.nodes.len();
        self.tree.nodes.push(Data { words, keyword, block, open: None, close: None, next: index + 1, valid });
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
        let valid = checked.valid && !quiet;
        let rest = checked.second.map(|n| words.start + n..words.end);
        if !quiet {
            let again = rest.is_some() && self.is_crowded(self.tree.words[words.start].span);
            let own = &self.tree.words[words.clone()];
            let said = checked.diagnostics.into_iter().filter(|d| !again || d.code != "two-statements");
            self.diagnostics.extend(said.map(|d| explain(d, own)));
            if rest.is_some() {
                self.crowded = Some(self.tree.words[words.start].span);
            }
            self.repeated(words.start, keyword, block);
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
            self.words(rest, at, true);
            return;
        }
        if opens && self.next_is_open(*at) {
            self.awaiting = Some((node, mode));
        } else if opens {
            self.missing_open(node, mode, *at);
        } else if self.next_is_open(*at) {
            // The brace is reported where it stands, unless the statement was wrong anyway.
            if self.diagnostics.len() > before || quiet {
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

    fn repeated(&mut self, word: usize, keyword: &'static Keyword, block: &'static Block) {
        let span = self.tree.words[word].span;
        let name = keyword.alias.map_or(keyword.name, |a| a.min(keyword.name));
        let Some(frame) = self.frames.last_mut() else { return };
        let Some(slot) = frame.seen.iter_mut().find(|(n, _)| *n == name) else {
            frame.seen.push((name, span));
            return;
        };
        let earlier = std::mem::replace(&mut slot.1, span);
        let counts = !keyword.repeatable && !keyword.argument.opens_block() && keyword.argument != Argument::Flag;
        if !counts
            || matches!(keyword.name, "status_code" | "include_check" | "interface" | "key")
                && block.path != "vrrp_instance"
        {
            return;
        }
        // Scripts of VRRP keep the first command and say so; everything else silently takes the last one.
        let first_wins = matches!(keyword.argument, Argument::Script { .. })
            && block.path.starts_with("vrrp_")
            && keyword.name != "script";
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
    }

    fn missing_open(&mut self, node: usize, mode: Mode, at: usize) {
        let data = &self.tree.nodes[node];
        let head = &self.tree.words[data.words.clone()];
        let Some(last) = head.last() else { return };
        let name = data.keyword.map_or("", |k| k.name);
        let diagnostic = Diagnostic::error(
            "missing-open-brace",
            last.span.after(),
            format!("`{name}` needs a block, but no `{{` follows"),
        )
        .with_label("expected `{`");
        let literal = last.origin.is_none();
        let fix = Fix::replace("insert `{`", last.span.after(), " {");
        self.diagnostics.push(if literal { diagnostic.with_fix(fix) } else { diagnostic });
        let next = self.items.get(at).filter(|i| i.kind == ItemKind::Words).map(|i| &self.tree.words[i.words.start]);
        let belongs = match (mode, next) {
            (Mode::Keywords(block), Some(word)) => block.find(&word.text).is_some(),
            (Mode::Values | Mode::Opaque, Some(_)) => self.surplus > 0,
            (_, None) => false,
        };
        if belongs {
            self.surplus = self.surplus.saturating_sub(1);
            self.frames.push(Frame { node: Some(node), mode, open: None, seen: Vec::new() });
        }
    }

    fn open(&mut self, span: Span, at: usize) {
        if let Some((node, mode)) = self.awaiting.take() {
            self.tree.nodes[node].open = Some(span);
            self.frames.push(Frame { node: Some(node), mode, open: Some(span), seen: Vec::new() });
            return;
        }
        let mode = self.mode();
        if self.tree.nodes.is_empty() && !self.foreign {
            let json =
                self.items.get(at).is_some_and(|i| i.kind == ItemKind::Words && self.tree.words[i.words.start].quoted);
            self.foreign = json;
            if json {
                self.diagnostics.push(
                    Diagnostic::error(
                        "not-keepalived",
                        span,
                        "this looks like JSON, not like a configuration of keepalived",
                    )
                    .with_help("a statement is a keyword and its words, a block is a keyword, `{`, statements and `}`"),
                );
                self.frames.push(Frame { node: None, mode: Mode::Opaque, open: Some(span), seen: Vec::new() });
                return;
            }
        }
        if !matches!(mode, Mode::Opaque) {
            self.diagnostics.push(
                Diagnostic::error("unexpected-open-brace", span, "`{` without a keyword that has a block")
                    .with_help("keepalived ignores the brace and reads what follows as if it stood outside"),
            );
        }
        self.frames.push(Frame { node: None, mode, open: Some(span), seen: Vec::new() });
    }

    fn close(&mut self, span: Span) {
        self.awaiting = None;
        if self.frames.len() == 1 {
            let mut diagnostic = Diagnostic::error("unexpected-close-brace", span, "`}` closes nothing");
            if let Some((_, before)) = &self.closed {
                diagnostic = diagnostic.with_related(*before, "the block ends here already");
            }
            if self.surplus > 0 {
                self.surplus -= 1;
                self.diagnostics.push(diagnostic.with_fix(Fix::replace("remove the brace", span, "")));
            }
            return;
        }
        let Some(frame) = self.frames.pop() else { return };
        self.finish(&frame, Some(span));
        if self.unclosed > 0
            && self.shallow.is_none()
            && let Some(open) = frame.open
        {
            let (inner, outer) = (self.indentation(open), self.indentation(span));
            if inner.zip(outer).is_some_and(|(inner, outer)| outer < inner) {
                self.shallow = Some(open);
            }
        }
        self.closed = Some((frame, span));
    }

    fn finish(&mut self, frame: &Frame, close: Option<Span>) {
        let next = self.tree.nodes.len();
        if let Some(node) = frame.node {
            self.tree.nodes[node].next = next;
            self.tree.nodes[node].close = close;
        }
    }

    /// The columns before the first character of the line, when the file is known.
    fn indentation(&self, span: Span) -> Option<usize> {
        let source = self.sources.file(span.file)?;
        let range = source.line_range(source.line_of(span.start))?;
        let line = &source.bytes()[range];
        let mut columns = 0;
        for byte in line {
            match byte {
                b' ' => columns += 1,
                b'\t' => columns = (columns / 8 + 1) * 8,
                _ => break,
            }
        }
        Some(columns)
    }

    /// When a keyword is not known here but further outside, and braces are missing, then they are missing here.
    fn closes_missing(&mut self, word: usize) -> bool {
        if self.unclosed == 0 {
            return false;
        }
        let text = &self.tree.words[word].text;
        let last = self.frames.len() - 1;
        let Some(outer) = (0..last)
            .rev()
            .take(DEEPEST)
            .find(|&i| matches!(self.frames[i].mode, Mode::Keywords(b) if b.find(text).is_some()))
        else {
            return false;
        };
        let missing = last - outer;
        if missing > self.unclosed {
            return false;
        }
        let (keyword, span) = (self.tree.words[word].lossy().into_owned(), self.tree.words[word].span);
        self.unclosed -= missing;
        let mut open = None;
        for _ in 0..missing {
            if let Some(frame) = self.frames.pop() {
                self.finish(&frame, None);
                open = frame.open.or(open);
            }
        }
        let place = open.unwrap_or(span);
        self.diagnostics.push(
            Diagnostic::error("missing-close-brace", place, "block is not closed")
                .with_label("opened here")
                .with_related(span, format!("`{keyword}` cannot stand in this block, so a `}}` is missing before it"))
                .with_fix(Fix::new("insert `}` before it", [self.insert_line_before(span, missing)])),
        );
        true
    }

    /// Closing braces on a line of their own before the line of `span`.
    fn insert_line_before(&self, span: Span, braces: usize) -> Edit {
        let indent = self.indentation(span).unwrap_or(0);
        let line = self.sources.file(span.file).and_then(|s| s.line_range(s.line_of(span.start)));
        let at = line.map_or(span.start, |l| l.start);
        let text = format!("{}{}\n", " ".repeat(indent), "}".repeat(braces));
        Edit::new(Span::new(span.file, at, at), text)
    }

    /// When a keyword is not known here but in the block that was just closed, and braces are too many, then that
    /// brace was one too many.
    fn reopens(&mut self, word: usize) -> bool {
        if self.surplus == 0 {
            return false;
        }
        let text = &self.tree.words[word].text;
        if !matches!(&self.closed, Some((Frame { mode: Mode::Keywords(b), .. }, _)) if b.find(text).is_some()) {
            return false;
        }
        let Some((frame, brace)) = self.closed.take() else { return false };
        self.surplus -= 1;
        let keyword = self.tree.words[word].lossy().into_owned();
        let mut diagnostic = Diagnostic::error(
            "unexpected-close-brace",
            brace,
            format!("`}}` closes the block too early, `{keyword}` still belongs to it"),
        );
        if let Some(open) = frame.open {
            diagnostic = diagnostic.with_related(open, "this is the block");
        }
        self.diagnostics.push(diagnostic.with_fix(Fix::replace("remove the brace", brace, "")));
        self.frames.push(frame);
        true
    }

    fn end_of_file(&mut self) {
        let mut missing = 0;
        let mut innermost = None;
        while self.frames.len() > 1 {
            let Some(frame) = self.frames.pop() else { break };
            self.finish(&frame, None);
            // A block that was opened without a brace was reported at its head.
            if frame.open.is_some() {
                missing += 1;
                innermost = innermost.or(frame.open);
            }
        }
        let Some(place) = self.shallow.or(innermost) else { return };
        if missing == 0 {
            return;
        }
        let message = match missing {
            1 => "block is not closed before the end of the file".to_owned(),
            n => format!("{n} blocks are not closed before the end of the file"),
        };
        let mut diagnostic = Diagnostic::error("missing-close-brace", place, message).with_label("opened here");
        if self.shallow.is_some() {
            diagnostic = diagnostic.with_help("the next `}` is indented as the end of an outer block");
        }
        self.diagnostics.push(diagnostic);
    }
}

/// A backslash at the end of a line continues nothing outside of definitions; it is reported, and meant so.
fn continuations(items: &mut Vec<Item>, words: &mut Vec<Word>, diagnostics: &mut Vec<Diagnostic>) {
    let ends = |item: &Item, words: &[Word]| {
        let last = item.words.end.checked_sub(1).filter(|_| item.kind == ItemKind::Words).map(|n| &words[n]);
        last.is_some_and(|w| !w.quoted && w.origin.is_none() && w.text.ends_with(b"\\"))
    };
    if !items.iter().any(|i| ends(i, words)) {
        return;
    }
    let mut out: Vec<Item> = Vec::with_capacity(items.len());
    for item in items.drain(..) {
        let continued = item.kind == ItemKind::Words && out.last().is_some_and(|before| ends(before, words));
        let Some(before) = out.pop_if(|_| continued) else {
            out.push(item);
            continue;
        };
        let sign = words[before.words.end - 1].clone();
        let place = Span::new(sign.span.file, sign.span.end.max(1) - 1, sign.span.end);
        let next = words[item.words.start].span;
        diagnostics.push(
            Diagnostic::error("continuation", place, "`\\` does not continue a line here")
                .with_help("only definitions `$NAME=` may have several lines")
                .with_fix(Fix::replace(
                    "join the lines",
                    Span::new(place.file, place.start, next.start.max(place.end)),
                    "",
                )),
        );
        // Words that were joined before stand at the end already; copying them again would be quadratic.
        let start = if before.words.end == words.len() {
            before.words.start
        } else {
            let start = words.len();
            words.extend_from_within(before.words.clone());
            start
        };
        words.pop();
        if sign.text.len() > 1 {
            words.push(Word { text: sign.text[..sign.text.len() - 1].into(), ..sign });
        }
        words.extend_from_within(item.words.clone());
        out.push(Item { kind: ItemKind::Words, words: start..words.len(), span: before.span.to(item.span) });
    }
    *items = out;
}

/// Whether release `a` came after release `b`.
fn is_newer(a: &str, b: &str) -> bool {
    let parse = |s: &str| s.split('.').map(|p| p.parse().unwrap_or(0)).collect::<Vec<u32>>();
    parse(a) > parse(b)
}

/// `{{ name }}` and `${NAME:-default}` are no blocks: they are reported and become one word.
fn templates(items: &mut Vec<Item>, words: &mut Vec<Word>, sources: &Sources, diagnostics: &mut Vec<Diagnostic>) {
    let starts: Vec<usize> = (0..items.len()).filter(|&i| opens_template(items, words, i)).collect();
    if starts.is_empty() {
        return;
    }
    let mut out: Vec<Item> = Vec::with_capacity(items.len());
    let mut starts = starts.into_iter().peekable();
    let mut at = 0;
    while at < items.len() {
        if starts.next_if(|&s| s == at).is_none() {
            while starts.next_if(|&s| s < at).is_some() {}
            if starts.peek() != Some(&at) {
                out.push(items[at].clone());
                at += 1;
                continue;
            }
            starts.next();
        }
        let double = items.get(at + 1).is_some_and(|i| i.kind == ItemKind::Open);
        let wanted = if double { 2 } else { 1 };
        let Some(end) = template_end(items, at, wanted, sources) else {
            out.push(items[at].clone());
            at += 1;
            continue;
        };
        let span = items[at].span.to(items[end].span);
        let joined = out
            .last()
            .is_some_and(|i| i.kind == ItemKind::Words && i.span.end == span.start && i.span.file == span.file);
        let whole =
            if joined && !double { out.last().map_or(span, |i| words[i.words.end - 1].span.to(span)) } else { span };
        // A word has no quotes and line ends.
        let text: Vec<u8> =
            sources.text(whole).iter().copied().filter(|b| !matches!(b, b'"' | b'\n' | b'\r' | 0)).collect();
        let text = String::from_utf8_lossy(&text).into_owned();
        diagnostics.push(if double {
            Diagnostic::error("template", span, format!("`{text}` is a template that was not filled in"))
        } else {
            Diagnostic::error(
                "shell-default",
                whole,
                format!("`{text}` is not replaced, definitions have no default values"),
            )
            .with_help("write `$NAME=value` on a line of its own before, and `${NAME}` here")
        });
        // The words of the line go on behind the template; a new range keeps them together. Words that were put
        // together before stand at the end already: copying them again would be quadratic.
        let same_line =
            |a: Span, b: Span| a.file == b.file && !sources.text(Span::new(a.file, a.end, b.start)).contains(&b'\n');
        let before = out.pop_if(|i| i.kind == ItemKind::Words && same_line(i.span, span));
        let first = match before {
            Some(before) => {
                let first = if before.words.end == words.len() { before.words.start } else { words.len() };
                if before.words.end != words.len() {
                    words.extend_from_within(before.words);
                }
                words.truncate(words.len() - usize::from(joined && !double));
                first
            }
            None => words.len(),
        };
        words.push(Word { text: text.into_bytes().into(), span: whole, quoted: false, origin: None });
        if let Some(after) = items.get(end + 1).filter(|i| i.kind == ItemKind::Words && same_line(span, i.span)) {
            let kept: Vec<Word> = words[after.words.clone()].to_vec();
            words.extend(kept);
            at = end + 2;
        } else {
            at = end + 1;
        }
        let start = words[first].span;
        let end = words[words.len() - 1].span;
        out.push(Item { kind: ItemKind::Words, words: first..words.len(), span: start.to(end) });
    }
    *items = out;
}

fn opens_template(items: &[Item], words: &[Word], at: usize) -> bool {
    let item = &items[at];
    if item.kind != ItemKind::Open {
        return false;
    }
    let next_touches = items.get(at + 1).is_some_and(|n| n.kind == ItemKind::Open && n.span.start == item.span.end);
    let dollar = at.checked_sub(1).is_some_and(|b| {
        let before = &items[b];
        before.kind == ItemKind::Words
            && words[before.words.end - 1].text.ends_with(b"$")
            && words[before.words.end - 1].span.end == item.span.start
    });
    next_touches || dollar
}

/// The brace that ends a template on the same line.
fn template_end(items: &[Item], at: usize, wanted: usize, sources: &Sources) -> Option<usize> {
    let mut closes = 0;
    for (i, item) in items.iter().enumerate().skip(at + 1).take(16) {
        if sources.text(Span::new(item.span.file, items[at].span.start, item.span.end)).contains(&b'\n') {
            return None;
        }
        if item.kind == ItemKind::Close {
            closes += 1;
            if closes == wanted {
                return Some(i);
            }
        }
    }
    None
}
