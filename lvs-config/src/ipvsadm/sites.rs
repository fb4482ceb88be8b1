//! Which lines of a text make the services and destinations that are there in the end.

use std::collections::HashMap;

use lvs_model::{Endpoint, ServiceKey};

use crate::span::Span;

use super::command::{Command, Listing};
use super::document::{Line, Mode, Rules};
use super::problem::Outcome;
use super::resolver::Resolver;
use super::scan;
use super::shell::ShellLine;
use super::word::Word;

/// A command in its line.
#[derive(Clone, Copy)]
pub(super) struct Site {
    /// The whole line with its end.
    pub(super) line: Span,
    /// The command in it, with the name of the program in a script.
    pub(super) command: Span,
    /// Whether the line cannot go without a change to others.
    pub(super) shared: bool,
    /// Whether what is there in the end was set here.
    pub(super) effective: bool,
}

/// The sites of everything that is there in the end.
#[derive(Default)]
pub(super) struct Sites {
    pub(super) services: HashMap<ServiceKey, ServiceSites>,
    /// The last command that speaks about any of them.
    pub(super) last: Option<Site>,
}

#[derive(Default)]
pub(super) struct ServiceSites {
    pub(super) sites: Vec<Site>,
    pub(super) destinations: HashMap<Endpoint, Vec<Site>>,
    /// The last command of the service or of one of its destinations.
    pub(super) last: Option<Site>,
}

/// Finds all sites.
pub(super) fn sites(rules: &Rules, names: &dyn Resolver) -> Sites {
    let mut sites = Sites::default();
    let lines: Vec<Line<'_>> = rules.lines().collect();
    for (i, line) in lines.iter().enumerate() {
        let lists = line.word_lists();
        let shared = rules.mode() == Mode::Script && !lists.is_empty() && {
            let shell = line.shell();
            shell.has_others() || shell.is_compound() || hangs(&shell, &lines[..i], &lines[i + 1..])
        };
        for (command_span, words) in lists {
            let Some(words) = words else { continue };
            let mut ignored = Vec::new();
            let scanned = scan::command(&words, names, &mut ignored);
            let site = Site { line: line.span(), command: command_span, shared, effective: false };
            let ends = match (&scanned.command, scanned.outcome) {
                (Some(command), _) => matches!(command, Command::Help | Command::Version | Command::Restore),
                (None, outcome) => matches!(outcome, Some(Outcome::Refused | Outcome::Usage)),
            };
            if ends && rules.mode() != Mode::Script {
                // What follows has no effect.
                return sites;
            }
            if let Some(command) = scanned.command {
                sites.note(&command, site);
            }
        }
    }
    sites
}

/// Whether a line of a script is a part of something that stands on several lines.
fn hangs(line: &ShellLine<'_>, before: &[Line<'_>], after: &[Line<'_>]) -> bool {
    let before = before.iter().rev().map(Line::shell).find(|line| !line.is_blank());
    let after = after.iter().map(Line::shell).find(|line| !line.is_blank());
    line.goes_on() || before.is_some_and(|line| line.goes_on()) || after.is_some_and(|line| line.ends_condition())
}

impl Site {
    /// The words of the command.
    pub(super) fn words<'t>(&self, rules: &'t Rules) -> Vec<Word<'t>> {
        let lists = Line::at(rules.as_bytes(), rules.mode(), self.line.start).word_lists();
        lists.into_iter().find(|(span, _)| *span == self.command).and_then(|(_, words)| words).unwrap_or_default()
    }
}

impl Sites {
    fn note(&mut self, command: &Command, mut site: Site) {
        match command {
            Command::AddService(service) => {
                // A second `-A` does nothing, but would do something without the first.
                let all = self.services.entry(*service.key()).or_default();
                site.effective = all.sites.is_empty();
                all.push(site);
            }
            Command::EditService(service) => {
                let Some(all) = self.services.get_mut(service.key()) else { return };
                site.effective = true;
                all.push(site);
            }
            Command::AddDestination { service, destination } | Command::EditDestination { service, destination } => {
                let Some(all) = self.services.get_mut(service) else { return };
                let adds = matches!(command, Command::AddDestination { .. });
                let known = all.destinations.get(&destination.endpoint).is_some_and(|sites| !sites.is_empty());
                if !adds && !known {
                    return;
                }
                site.effective = !adds || !known;
                all.last = Some(site);
                let sites = all.destinations.entry(destination.endpoint).or_default();
                sites.push(site);
            }
            Command::RemoveService(key) => {
                self.services.remove(key);
                return;
            }
            Command::RemoveDestination { service, destination } => {
                if let Some(all) = self.services.get_mut(service) {
                    all.destinations.remove(destination);
                }
                return;
            }
            Command::Clear => {
                *self = Self::default();
                return;
            }
            Command::Zero(Some(key)) | Command::List(Listing::Services { only: Some(key), .. }) => {
                // Goes with its service, but is nothing to stand behind.
                if let Some(all) = self.services.get_mut(key) {
                    all.sites.push(site);
                }
                return;
            }
            _ => return,
        }
        self.last = Some(site);
    }
}

impl ServiceSites {
    /// Every command that speaks about the service or one of its destinations.
    pub(super) fn all(&self) -> Vec<Site> {
        self.sites.iter().chain(self.destinations.values().flatten()).copied().collect()
    }

    fn push(&mut self, site: Site) {
        self.last = Some(site);
        self.sites.push(site);
    }
}

/// The site that made something what it is.
pub(super) fn effective(sites: &[Site]) -> Option<Site> {
    sites.iter().rev().find(|site| site.effective).copied()
}
