//! What commands do, one after the other, and what is said when one cannot do it.

use std::collections::{HashMap, HashSet};

use lvs_model::{Endpoint, ServiceKey, SyncDaemon, SyncRole, Table, Timeouts};

use crate::Diagnostic;
use crate::diagnostic::{MOST_DIAGNOSTICS, keep_gravest};
use crate::span::Span;

use super::command::{Command, Listing};
use super::document::Mode;
use super::draft::{Draft, Refusal};
use super::problem::{Outcome, Problems, span};
use super::reader::Reading;
use super::scan::Scanned;

pub(super) struct Effect<'t> {
    text: &'t [u8],
    draft: Draft,
    timeouts: Timeouts,
    daemons: Vec<SyncDaemon>,
    diagnostics: Vec<Diagnostic>,
    exit_status: u8,
    stopped: bool,
    /// Services whose own rule is wrong: what is missing because of that is not told again.
    broken: HashSet<ServiceKey>,
    /// Where things were added; made when the first complaint needs it.
    places: Option<Places>,
}

/// Where services and destinations were added.
#[derive(Default)]
pub(super) struct Places {
    services: HashMap<ServiceKey, Span>,
    destinations: HashMap<(ServiceKey, Endpoint), Span>,
}

impl Places {
    /// Notes a command that worked: what it adds was not there before.
    fn replace(&mut self, command: &Command, span: Span) {
        match command {
            Command::AddService(service) => drop(self.services.remove(service.key())),
            Command::AddDestination { service, destination } => {
                self.destinations.remove(&(*service, destination.endpoint));
            }
            _ => {}
        }
        self.note(command, span);
    }

    /// Notes a command; the first of two equal ones counts.
    pub(super) fn note(&mut self, command: &Command, span: Span) {
        match command {
            Command::AddService(service) => {
                self.services.entry(*service.key()).or_insert(span);
            }
            Command::AddDestination { service, destination } => {
                self.destinations.entry((*service, destination.endpoint)).or_insert(span);
            }
            Command::RemoveService(key) => {
                self.services.remove(key);
            }
            Command::RemoveDestination { service, destination } => {
                self.destinations.remove(&(*service, *destination));
            }
            Command::Clear => *self = Self::default(),
            _ => {}
        }
    }
}

impl<'t> Effect<'t> {
    pub(super) fn new(text: &'t [u8], table: Table) -> Self {
        Self {
            text,
            draft: Draft::new(table),
            timeouts: Timeouts::default(),
            daemons: Vec::new(),
            diagnostics: Vec::new(),
            exit_status: 0,
            stopped: false,
            broken: HashSet::new(),
            places: None,
        }
    }

    pub(super) fn diagnostics(&mut self) -> &mut Vec<Diagnostic> {
        &mut self.diagnostics
    }

    /// The table, for rules that can only succeed; `None` when every rule has to go the long way.
    pub(super) fn fast_table(&mut self) -> Option<&mut Table> {
        if self.stopped || self.places.is_some() { None } else { self.draft.table() }
    }

    /// Notes that a rule went into the table on the fast way.
    pub(super) fn succeeded(&mut self) {
        self.exit_status = 0;
    }

    pub(super) fn lost_last_line(&mut self, start: usize, end: usize) {
        let blanks = self.text[start..end].iter().rev().take_while(|b| b.is_ascii_whitespace()).count();
        if blanks == end - start || self.stopped {
            return;
        }
        self.diagnostics.push(
            Diagnostic::error("lost-line", span(end - blanks, end), "`ipvsadm -R` ignores this last line")
                .with_label("blanks at the end of a file without a final newline")
                .with_fix(crate::Fix::replace("end the line with a newline", span(end - blanks, end), "\n")),
        );
    }

    pub(super) fn finish(mut self) -> Reading {
        keep_gravest(&mut self.diagnostics, MOST_DIAGNOSTICS);
        Reading {
            table: self.draft.into_table(),
            timeouts: self.timeouts,
            daemons: self.daemons,
            diagnostics: self.diagnostics,
            exit_status: self.exit_status,
        }
    }

    /// Does what a line says. `earlier` finds out where things were added before this line.
    pub(super) fn apply(&mut self, scanned: Scanned, at: Span, mode: Mode, earlier: impl Fn(&[u8]) -> Places) {
        if self.stopped {
            return;
        }
        let Some(command) = scanned.command else {
            if let (Some(key), true) = (scanned.key, scanned.adds_service) {
                self.broken.insert(key);
            }
            if let Some(outcome) = scanned.outcome {
                self.fail(outcome, mode);
            }
            return;
        };
        self.exit_status = 0;
        let result = self.run(&command, at, mode);
        if let (Ok(()), Some(places)) = (result, &mut self.places) {
            places.replace(&command, at);
        }
        if let Err(refusal) = result {
            let key = key_of(&command);
            let known = refusal == Refusal::NoService && key.is_some_and(|key| self.broken.contains(&key));
            // The tool does not come back from looking for a service.
            let looks = matches!(command, Command::List(_));
            let stops = looks && mode != Mode::Script;
            if !known {
                let place = match refusal {
                    Refusal::ServiceExists | Refusal::DestinationExists => {
                        let text = self.text;
                        self.places.get_or_insert_with(|| earlier(text)).find(&command, refusal)
                    }
                    _ => None,
                };
                let problem = complaint(&command, refusal, at, place);
                self.diagnostics.push(if stops { problem.with_help("the tool stops reading here") } else { problem });
            }
            self.fail(Outcome::Skipped, mode);
            if looks {
                self.exit_status = 1;
            }
            self.stopped |= stops;
        }
    }

    fn fail(&mut self, outcome: Outcome, mode: Mode) {
        self.exit_status = if outcome == Outcome::Refused { 2 } else { 255 };
        // In a script every command is a process of its own.
        self.stopped |= outcome != Outcome::Skipped && mode != Mode::Script;
    }

    fn run(&mut self, command: &Command, at: Span, mode: Mode) -> Result<(), Refusal> {
        match command {
            Command::AddService(service) => self.draft.add_service(service.clone())?,
            Command::EditService(service) => self.draft.edit_service(service.clone())?,
            Command::RemoveService(key) => self.draft.remove_service(key)?,
            Command::AddDestination { service, destination } => self.draft.add_destination(service, *destination)?,
            Command::EditDestination { service, destination } => self.draft.edit_destination(service, *destination)?,
            Command::RemoveDestination { service, destination } => {
                self.draft.remove_destination(service, destination)?;
            }
            Command::Clear => {
                self.draft.clear();
                self.broken.clear();
            }
            Command::Zero(Some(key)) | Command::List(Listing::Services { only: Some(key), .. }) => {
                if !self.draft.contains(key) {
                    return Err(Refusal::NoService);
                }
            }
            Command::SetTimeouts(update) => self.timeouts = update.apply(self.timeouts),
            Command::StartDaemon(daemon) => self.start(daemon, at, mode),
            Command::StopDaemon { role, .. } => self.stop(*role, at, mode),
            Command::Zero(None) | Command::List(_) | Command::Save(_) => {}
            Command::Help | Command::Version if mode != Mode::Script => {
                self.stopped = true;
                self.diagnostics.push(
                    Diagnostic::warning("stops-reading", at, "the tool stops reading here")
                        .with_label("nothing after this line has an effect"),
                );
            }
            Command::Restore if mode != Mode::Script => {
                let mut problems = Problems::new(&mut self.diagnostics);
                problems.error(
                    Outcome::Usage,
                    Diagnostic::error("not-a-command", at, "`-R` inside rules that are read by `-R`")
                        .with_label("remove the line")
                        .with_help("the tool stops reading here"),
                );
                self.fail(Outcome::Usage, mode);
            }
            Command::Help | Command::Version | Command::Restore => {}
        }
        Ok(())
    }

    fn start(&mut self, daemon: &SyncDaemon, at: Span, mode: Mode) {
        if self.daemons.iter().any(|running| running.role == daemon.role) {
            self.daemon_trouble(daemon.role, "is running already", at, mode);
        } else {
            self.daemons.push(daemon.clone());
        }
    }

    fn stop(&mut self, role: SyncRole, at: Span, mode: Mode) {
        let before = self.daemons.len();
        self.daemons.retain(|running| running.role != role);
        if self.daemons.len() == before {
            self.daemon_trouble(role, "is not running", at, mode);
        }
    }

    fn daemon_trouble(&mut self, role: SyncRole, what: &str, at: Span, mode: Mode) {
        // Whether one runs depends on the machine, not only on this text.
        self.diagnostics.push(
            Diagnostic::info("sync-daemon", at, format!("the {role} sync daemon {what}"))
                .with_label("the kernel refuses this, unless the text is not all that happens"),
        );
        self.fail(Outcome::Skipped, mode);
    }
}

impl Places {
    fn find(&self, command: &Command, refusal: Refusal) -> Option<Span> {
        match (command, refusal) {
            (Command::AddDestination { service, destination }, _) => {
                self.destinations.get(&(*service, destination.endpoint)).copied()
            }
            (Command::AddService(service), _) => self.services.get(service.key()).copied(),
            _ => None,
        }
    }
}

fn key_of(command: &Command) -> Option<ServiceKey> {
    match command {
        Command::AddService(service) | Command::EditService(service) => Some(*service.key()),
        Command::RemoveService(key) => Some(*key),
        Command::AddDestination { service, .. }
        | Command::EditDestination { service, .. }
        | Command::RemoveDestination { service, .. } => Some(*service),
        Command::Zero(key) => *key,
        Command::List(Listing::Services { only, .. }) => *only,
        _ => None,
    }
}

fn complaint(command: &Command, refusal: Refusal, at: Span, place: Option<Span>) -> Diagnostic {
    let key = key_of(command).map(|key| key.to_string()).unwrap_or_default();
    let endpoint = match command {
        Command::AddDestination { destination, .. } | Command::EditDestination { destination, .. } => {
            destination.endpoint.to_string()
        }
        Command::RemoveDestination { destination, .. } => destination.to_string(),
        _ => String::new(),
    };
    let (code, message, label) = match refusal {
        Refusal::NoService => ("no-service", format!("there is no service {key}"), "expected its `-A` before"),
        Refusal::ServiceExists => {
            ("service-exists", format!("the service {key} exists already"), "the line has no effect")
        }
        Refusal::NoDestination => {
            ("no-destination", format!("the service {key} has no real server {endpoint}"), "expected its `-a` before")
        }
        Refusal::DestinationExists => (
            "destination-exists",
            format!("the service {key} has the real server {endpoint} already"),
            "the line has no effect",
        ),
        Refusal::Unfit => ("unfit", format!("the kernel refuses {endpoint} in {key}"), "the line has no effect"),
    };
    let mut problem = Diagnostic::error(code, at, message).with_label(label);
    if let Some(place) = place {
        problem = problem.with_related(place, "the first one");
    }
    match refusal {
        Refusal::ServiceExists => problem.with_help("`-E` changes a service"),
        Refusal::DestinationExists => problem.with_help("`-e` changes a real server"),
        _ => problem,
    }
}
