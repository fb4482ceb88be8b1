//! Rules become a table, as the kernel would hold it.

use lvs_model::{SyncDaemon, Table, Timeouts};

use crate::{Diagnostic, Severity};

use super::command::Command;
use super::document::{Line, LineCommand, Mode, not_literal};
use super::effect::{Effect, Places};
use super::fast;
use super::problem::span;
use super::resolver::{NoNames, Resolver};
use super::scan;
use super::shell;
use super::word::{self, Word};

/// This is what a text of rules does to an empty kernel.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Reading {
    /// The services and destinations, in the order in which they were added.
    pub table: Table,
    /// The timeouts, which rules change with `--set`.
    pub timeouts: Timeouts,
    /// The synchronisation daemons that are started and not stopped again.
    pub daemons: Vec<SyncDaemon>,
    /// What is wrong with the text, in its order. Their spans are in [`FileId::MAIN`](crate::FileId::MAIN). At most 1000:
    /// of more, the gravest are kept, and one says how many there are.
    pub diagnostics: Vec<Diagnostic>,
    /// The exit status that `ipvsadm -R`, or `ipvsadm-restore`, would have: 0 when all is well, 2 when the tool refuses
    /// a line and stops, 255 when it prints its usage and stops, or when the last line has no effect, 1 when it stops
    /// at an `-L` of a service that is not there.
    pub exit_status: u8,
}

impl Reading {
    /// This says whether there is an error, so that the table is not what the author wrote.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|d| d.severity == Severity::Error)
    }

    /// These are the errors alone.
    pub fn errors(&self) -> impl Iterator<Item = &Diagnostic> {
        self.diagnostics.iter().filter(|d| d.severity == Severity::Error)
    }
}

/// This reads rules as `ipvsadm-restore` does, without names of hosts and services.
///
/// A text of a million rules takes about as long as splitting it into words. See [`Reader`] for the other ways to read.
///
/// ```
/// let reading = lvs_config::ipvsadm::read("-A -t 10.0.0.1:80 -s rr\n-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w x\n");
/// let error = reading.errors().next().ok_or("no error")?;
/// assert_eq!(error.message, "`x` is no weight");
/// assert_eq!(error.label.as_deref(), Some("expected a number from 0 to 2147483647"));
/// assert_eq!(reading.table.len(), 1);
/// # Ok::<(), &str>(())
/// ```
#[must_use]
pub fn read(text: impl AsRef<[u8]>) -> Reading {
    Reader::new(Mode::Restore).read(text)
}

/// This reads rules into a [`Table`].
///
/// ```
/// use lvs_config::ipvsadm::{Mode, NameTable, Reader};
///
/// let names = NameTable::new().with_hosts("192.0.2.10 vip\n").with_services("http 80/tcp\n");
/// let script = "#!/bin/sh\n/sbin/ipvsadm -A -t vip:http -s rr  # the web\nipvsadm -a -t vip:http \\\n  -r 10.0.0.1 -m\n";
/// let reading = Reader::new(Mode::Script).with_names(&names).read(script);
/// assert!(!reading.has_errors());
/// assert_eq!(reading.table.to_string(), "-A -t 192.0.2.10:80 -s rr\n-a -t 192.0.2.10:80 -r 10.0.0.1:80 -m -w 1\n");
/// ```
#[derive(Clone, Copy)]
pub struct Reader<'r> {
    mode: Mode,
    names: &'r dyn Resolver,
}

impl std::fmt::Debug for Reader<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("mode", &self.mode).finish_non_exhaustive()
    }
}

impl<'r> Reader<'r> {
    /// This makes a reader that knows no names.
    #[must_use]
    pub const fn new(mode: Mode) -> Self {
        Self { mode, names: &NoNames }
    }

    /// This sets who knows the names of hosts and services.
    #[must_use]
    pub const fn with_names(mut self, names: &'r dyn Resolver) -> Self {
        self.names = names;
        self
    }

    /// This reads rules into an empty table.
    #[must_use]
    pub fn read(&self, text: impl AsRef<[u8]>) -> Reading {
        self.read_onto(text, Table::new())
    }

    /// This reads rules as if the kernel held `table` already.
    #[must_use]
    pub fn read_onto(&self, text: impl AsRef<[u8]>, table: Table) -> Reading {
        let text = text.as_ref();
        let mut effect = Effect::new(text, table);
        let mut at = 0;
        while at < text.len() {
            // Most lines of most files are as `ipvsadm -S -n` prints them.
            at = fast::lines(text, at, &mut effect);
            if at >= text.len() {
                break;
            }
            at = self.line(text, at, &mut effect);
        }
        effect.finish()
    }

    /// This iterates over the commands of a text, each with its place and what is said about it alone: that a service
    /// exists twice or not at all is not seen here.
    ///
    /// ```
    /// use lvs_config::ipvsadm::{Command, Mode, Reader};
    ///
    /// let rules = "-A -t 10.0.0.1:80 -s rr\n-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 1\n";
    /// let added = Reader::new(Mode::Strict).commands(rules).filter_map(|found| match found.command {
    ///     Some(Command::AddDestination { destination, .. }) => Some(destination.endpoint.to_string()),
    ///     _ => None,
    /// });
    /// assert_eq!(added.collect::<Vec<_>>(), ["10.1.0.1:80"]);
    /// ```
    #[must_use]
    pub fn commands<'t, T: AsRef<[u8]> + ?Sized>(&self, text: &'t T) -> Commands<'t, 'r> {
        Commands { reader: *self, text: text.as_ref(), at: 0, last: None, waiting: Vec::new() }
    }

    /// Reads one line the thorough way and returns where the next one starts.
    fn line(&self, text: &[u8], start: usize, effect: &mut Effect<'_>) -> usize {
        if self.mode == Mode::Script {
            let line = shell::line(text, start);
            for command in line.commands() {
                match &command.words {
                    Some(words) => self.words(words, start, effect),
                    None => effect.diagnostics().push(not_literal(span(command.start, command.end))),
                }
            }
            return line.end;
        }
        let end = word::line_end(text, start);
        let line = &text[start..end];
        if self.mode == Mode::Restore && line.starts_with(b"#") {
            return end;
        }
        if self.mode == Mode::Strict && word::is_lost_last_line(line) {
            effect.lost_last_line(start, end);
            return end;
        }
        self.words(&word::words(text, start, end), start, effect);
        end
    }

    fn words(&self, words: &[Word<'_>], start: usize, effect: &mut Effect<'_>) {
        if words.is_empty() {
            return;
        }
        let scanned = scan::command(words, self.names, effect.diagnostics());
        let span = words[0].span().to(words[words.len() - 1].span());
        effect.apply(scanned, span, self.mode, |text| self.places(&text[..start]));
    }

    /// Where things are added in the lines before a complaint, which is the first that wants to know.
    fn places(&self, text: &[u8]) -> Places {
        let mut places = Places::default();
        for found in self.commands(text) {
            if let Some(command) = found.command {
                places.note(&command, found.span);
            }
        }
        places
    }
}

/// This iterates over the commands of a text; see [`Reader::commands`].
#[derive(Debug, Clone)]
pub struct Commands<'t, 'r> {
    reader: Reader<'r>,
    text: &'t [u8],
    at: usize,
    last: Option<fast::Last<'t>>,
    /// Commands of the same line, the next one at the end.
    waiting: Vec<LineCommand>,
}

impl Iterator for Commands<'_, '_> {
    type Item = LineCommand;

    fn next(&mut self) -> Option<LineCommand> {
        loop {
            if let Some(waiting) = self.waiting.pop() {
                return Some(waiting);
            }
            if self.at >= self.text.len() {
                return None;
            }
            let start = self.at;
            let destination = fast::destination(self.text, start, self.last);
            let fast = match destination.filter(|(destination, _, last)| fast::bridges(destination, &last.1)) {
                Some((destination, end, last)) => {
                    Some((Command::AddDestination { service: last.1, destination }, end, last))
                }
                None => fast::service(self.text, start)
                    .map(|(service, end, last)| (Command::AddService(service), end, last)),
            };
            if let Some((command, end, last)) = fast {
                (self.at, self.last) = (end, Some(last));
                return Some(LineCommand {
                    span: span(start, end - 1),
                    command: Some(command),
                    diagnostics: Vec::new(),
                });
            }
            let Reader { mode, names } = self.reader;
            let line = Line::at(self.text, mode, start);
            self.at = line.span().end;
            self.waiting = line.commands(names);
            self.waiting.reverse();
        }
    }
}
