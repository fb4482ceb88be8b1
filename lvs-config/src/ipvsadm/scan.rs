//! The words of one line become options: what `popt` does for `ipvsadm`.

use std::fmt;

use lvs_model::ServiceKey;

use crate::span::Span;
use crate::{Diagnostic, Fix};

use super::build::Builder;
use super::command::{Command, CommandError};
use super::option::{self, Name, OPTIONS, Opt, VERBS, Value, Verb};
use super::problem::{Outcome, Problems, shown};
use super::resolver::{NoNames, Resolver};
use super::suggest;
use super::word::{Word, words};

/// What one line of words is.
#[derive(Debug)]
pub(super) struct Scanned {
    /// The command, when the tool would run it.
    pub(super) command: Option<Command>,
    /// What happens instead.
    pub(super) outcome: Option<Outcome>,
    /// The service that the line speaks about, as far as it could be read.
    pub(super) key: Option<ServiceKey>,
    /// Whether the line is an `-A`.
    pub(super) adds_service: bool,
}

/// One option with its value.
pub(super) struct Given<'w> {
    /// Where the name stands.
    pub(super) span: Span,
    pub(super) name: Written<'w>,
    pub(super) value: Option<&'w [u8]>,
    pub(super) value_span: Span,
}

/// The name of an option as it was written.
#[derive(Clone, Copy)]
pub(super) enum Written<'w> {
    Short(u8),
    Long(&'w [u8]),
}

impl fmt::Display for Written<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short(letter) => write!(f, "-{}", shown(&[*letter])),
            Self::Long(name) => f.write_str(&shown(name)),
        }
    }
}

/// Reads one command, with the errors in the order in which the tool would meet them.
pub(super) fn command(words: &[Word<'_>], names: &dyn Resolver, list: &mut Vec<Diagnostic>) -> Scanned {
    let mut problems = Problems::new(list);
    let mut scanner = Scanner { words, at: 0, builder: None, extra: Vec::new(), is_over: false };
    scanner.run(names, &mut problems);
    let Some(builder) = scanner.builder else {
        return Scanned { command: None, outcome: problems.outcome, key: None, adds_service: false };
    };
    let key = builder.key();
    let adds_service = builder.verb() == Verb::AddService;
    let command = builder.finish(&scanner.extra, &mut problems);
    let command = command.filter(|_| problems.outcome.is_none());
    Scanned { command, outcome: problems.outcome, key, adds_service }
}

/// Reads the text of one command for [`Command`]'s `FromStr`.
pub(super) fn command_of(text: &[u8]) -> Result<Command, CommandError> {
    let mut list = Vec::new();
    let words = words(text, 0, text.len());
    let scanned = command(&words, &NoNames, &mut list);
    let error = list.into_iter().find(|d| d.severity == crate::Severity::Error);
    match (scanned.command, error) {
        (Some(command), None) => Ok(command),
        (_, Some(d)) => {
            let expected = d.label.or_else(|| d.help.into_iter().next()).unwrap_or_default();
            Err(CommandError { message: d.message, expected, at: d.span.start })
        }
        (None, None) => Err(CommandError {
            message: "there is no command".into(),
            expected: "expected one such as `-A` or `--add-server`".into(),
            at: 0,
        }),
    }
}

struct Scanner<'s, 'w> {
    words: &'s [Word<'w>],
    at: usize,
    builder: Option<Builder<'s>>,
    extra: Vec<&'s Word<'w>>,
    /// Whether what follows says nothing about this command.
    is_over: bool,
}

impl<'s> Scanner<'s, '_> {
    fn run(&mut self, names: &'s dyn Resolver, problems: &mut Problems<'_>) {
        let mut only_words = false;
        while let Some(word) = self.words.get(self.at) {
            self.at += 1;
            let text: &'s [u8] = &word.text;
            match text {
                _ if only_words => self.extra.push(word),
                b"--" => only_words = true,
                [b'-', b'-', ..] => self.long(word, text, names, problems),
                [b'-', _, ..] => self.cluster(word, text, names, problems),
                _ => self.extra.push(word),
            }
            let done = matches!(self.builder.as_ref().map(Builder::verb), Some(Verb::Help | Verb::Version));
            if done || self.is_over || problems.outcome == Some(Outcome::Usage) {
                return;
            }
        }
        if self.builder.is_none() && problems.outcome.is_none() {
            match self.extra.first() {
                Some(word) => not_a_command(word.span(), &word.text, strange_command(word), problems),
                None => {
                    let span = self.words.first().map_or_else(Span::default, Word::span);
                    not_a_command(span, b"", None, problems);
                }
            }
        }
    }

    /// `--name`, `--name=value` or `--name value`.
    fn long(&mut self, word: &'s Word<'_>, text: &'s [u8], names: &'s dyn Resolver, problems: &mut Problems<'_>) {
        let equals = text.iter().position(|b| *b == b'=');
        let name = &text[..equals.unwrap_or(text.len())];
        let attached = equals.map(|at| (&text[at + 1..], word.span_from(at + 1)));
        if let Some(row) = option::long(&VERBS, name) {
            self.take(row, Written::Long(name), attached, word, names, problems, Self::verb);
        } else if let Some(row) = option::long(&OPTIONS, name) {
            self.take(row, Written::Long(name), attached, word, names, problems, Self::option);
        } else {
            self.unknown(word, Written::Long(name), problems);
        }
    }

    /// `-n`, `-nc`, `-wVALUE`, `-w=VALUE`, `-w VALUE` and mixtures.
    fn cluster(&mut self, word: &'s Word<'_>, text: &'s [u8], names: &'s dyn Resolver, problems: &mut Problems<'_>) {
        for (i, letter) in text.iter().enumerate().skip(1) {
            let rest = &text[i + 1..];
            let row_takes = |value: Value| value != Value::None;
            let name = Written::Short(*letter);
            let verb = option::short(&VERBS, *letter);
            let plain = option::short(&OPTIONS, *letter);
            let takes = verb.map(|row| row.value).or(plain.map(|row| row.value)).is_some_and(row_takes);
            let attached = match rest {
                [b'=', value @ ..] => Some((value, word.span_from(i + 2))),
                [_, ..] if takes => Some((rest, word.span_from(i + 1))),
                _ => None,
            };
            match (verb, plain) {
                (Some(row), _) => self.take(row, name, attached, word, names, problems, Self::verb),
                (None, Some(row)) => self.take(row, name, attached, word, names, problems, Self::option),
                (None, None) => return self.unknown(word, name, problems),
            }
            if attached.is_some() || self.is_over || problems.outcome == Some(Outcome::Usage) {
                return;
            }
        }
    }

    /// Finds the value of an option and hands both on.
    #[expect(clippy::too_many_arguments, reason = "the state of one option, used in two places")]
    fn take<T: Copy>(
        &mut self,
        row: &'static Name<T>,
        name: Written<'s>,
        attached: Option<(&'s [u8], Span)>,
        word: &'s Word<'_>,
        names: &'s dyn Resolver,
        problems: &mut Problems<'_>,
        use_it: fn(&mut Self, T, Given<'s>, &'s dyn Resolver, &mut Problems<'_>),
    ) {
        let mut given = Given { span: word.span(), name, value: None, value_span: word.span() };
        match (row.value, attached) {
            (Value::None, Some(_)) => {
                let message = format!("`{}` takes no argument", given.name);
                let problem = Diagnostic::error("needless-argument", word.span(), message)
                    .with_label(format!("write `{}` alone", given.name));
                return self.stop(problem, problems);
            }
            (Value::None, None) => {}
            (_, Some((value, span))) => (given.value, given.value_span) = (Some(value), span),
            (value, None) => match self.words.get(self.at) {
                Some(next) if value == Value::Needed || !next.text.starts_with(b"-") => {
                    self.at += 1;
                    (given.value, given.value_span) = (Some(&*next.text), next.span());
                }
                _ if value == Value::Needed => {
                    let message = format!("`{}` needs an argument", given.name);
                    let problem = Diagnostic::error("missing-argument", word.span(), message)
                        .with_label("nothing follows")
                        .with_help(match row.long {
                            "--sched-flags" => {
                                "`ipvsadm -S` prints such a line for sh or mh with flag-3: write `-b flag-3`"
                            }
                            _ => self.consequence(),
                        });
                    return self.stop(problem, problems);
                }
                _ => {}
            },
        }
        let before = problems.count();
        use_it(self, row.what, given, names, problems);
        if attached.is_some() && !word.is_literal() {
            // A value that cannot be replaced without its option.
            problems.drop_fixes(before);
        }
    }

    fn verb(&mut self, verb: Verb, given: Given<'s>, names: &'s dyn Resolver, problems: &mut Problems<'_>) {
        match &mut self.builder {
            None => self.builder = Some(Builder::new(verb, given, names, problems)),
            Some(builder) => {
                // The options behind it may belong to either.
                builder.doubt();
                self.is_over = true;
                let message = format!("a second command `{}`", given.name);
                problems.error(
                    Outcome::Refused,
                    Diagnostic::error("second-command", given.span, message)
                        .with_label("one command on a line")
                        .with_related(builder.verb_span(), "the command of this line"),
                );
            }
        }
    }

    fn option(&mut self, opt: Opt, given: Given<'s>, _: &'s dyn Resolver, problems: &mut Problems<'_>) {
        match &mut self.builder {
            Some(builder) => builder.option(opt, given, problems),
            // What stands before it was most likely meant as the command.
            None => match self.extra.first() {
                Some(word) => not_a_command(word.span(), &word.text, strange_command(word), problems),
                None => not_a_command(given.span, given.name.to_string().as_bytes(), None, problems),
            },
        }
    }

    /// An option that cannot be used: the line is skipped, or the tool gives up when it is the first.
    fn stop(&mut self, problem: Diagnostic, problems: &mut Problems<'_>) {
        let outcome = if self.builder.is_some() { Outcome::Skipped } else { Outcome::Usage };
        if let Some(builder) = &mut self.builder {
            builder.doubt();
        }
        problems.error(outcome, problem);
    }

    /// What the tool makes of it.
    const fn consequence(&self) -> &'static str {
        if self.builder.is_some() { "the line has no effect" } else { "the tool stops reading here" }
    }

    fn unknown(&mut self, word: &Word<'_>, name: Written<'_>, problems: &mut Problems<'_>) {
        let (written, name) = (shown(&word.text), name.to_string());
        let longs = OPTIONS.iter().map(|row| row.long).chain(VERBS.iter().map(|row| row.long));
        let mut problem = if written == name || name.starts_with("--") {
            Diagnostic::error("unknown-option", word.span(), format!("unknown option `{name}`"))
        } else {
            Diagnostic::error("unknown-option", word.span(), format!("unknown option `{name}` in `{written}`"))
        };
        if name.starts_with("--") {
            let abbreviated = || longs.clone().find(|long| name.len() > 3 && long.starts_with(&name));
            if let Some(near) = suggest::nearest(&name, longs.clone()).or_else(abbreviated) {
                problem = problem.with_label(format!("did you mean `{near}`?"));
                if word.is_literal() {
                    let at = Span::new(word.span().file, word.start, word.start + name.len());
                    problem = problem.with_fix(Fix::replace(format!("write `{near}`"), at, near));
                }
            }
        } else if matches!(name.as_str(), "-P" | "-z" | "-K" | "-k") {
            problem = problem.with_help("this is an option of the alibaba/LVS or dpvs fork, not of ipvsadm");
        }
        self.stop(problem.with_help(self.consequence()), problems);
        // Most likely its argument, which is no mistake of its own.
        if self.words.get(self.at).is_some_and(|next| !next.text.starts_with(b"-")) {
            self.at += 1;
        }
    }
}

/// The first option is no command, or there is none.
fn not_a_command(span: Span, text: &[u8], hint: Option<(&str, Option<Fix>)>, problems: &mut Problems<'_>) {
    let mut problem = Diagnostic::error("not-a-command", span, format!("`{}` is not a command", shown(text)))
        .with_label("expected a command such as `-A`, `-a` or `--add-service` first");
    if let Some((help, fix)) = hint {
        problem = problem.with_help(help);
        problem.fix = fix;
    }
    problems.error(Outcome::Usage, problem.with_help("the tool stops reading here"));
}

/// What is known about a word that stands where a command is expected, and what to write instead.
fn strange_command(word: &Word<'_>) -> Option<(&'static str, Option<Fix>)> {
    let text = &*word.text;
    let fix = |meant: &str| {
        word.is_literal().then(|| Fix::replace(format!("write `{meant}`"), word.span(), meant.to_owned()))
    };
    if text.starts_with(b"#") {
        return Some(("`ipvsadm -R` knows no comments; `ipvsadm-restore` drops lines that start with `#`", None));
    }
    if text.starts_with(b"\xef\xbb\xbf") {
        let mark = Span::new(word.span().file, word.start, word.start + 3);
        let fix = word.is_literal().then(|| Fix::replace("remove the byte order mark", mark, ""));
        return Some(("the file starts with a byte order mark (U+FEFF), remove it", fix));
    }
    if let Some(meant) = with_ascii_dashes(text) {
        return Some(("this starts with a dash that is not `-` (copied from a web page?)", fix(&meant)));
    }
    let with_dashes = [b"--", text].concat();
    let row = option::long(&VERBS, &with_dashes)?;
    Some(("the names of commands start with two dashes", fix(row.long)))
}

/// A word that starts with another dash than `-`, as it was most likely meant.
pub(super) fn with_ascii_dashes(word: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(word).ok()?;
    let is_dash = |c| matches!(c, '–' | '—' | '−' | '‐' | '‑');
    text.starts_with(is_dash).then(|| {
        let name = text.trim_start_matches(|c| is_dash(c) || c == '-');
        // Programs that write text make one dash of two.
        let long = format!("--{name}");
        let is_long = |name: &str| name.split('=').next().is_some_and(is_known_long);
        if is_long(&long) { long } else { text.chars().map(|c| if is_dash(c) { '-' } else { c }).collect() }
    })
}

fn is_known_long(name: &str) -> bool {
    option::long(&VERBS, name.as_bytes()).is_some() || option::long(&OPTIONS, name.as_bytes()).is_some()
}
