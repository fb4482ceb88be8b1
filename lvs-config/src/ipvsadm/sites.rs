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
    /// Whether a new line can stand behind this one.
    pub(super) is_anchor: bool,
    /// Whether what is there in the end was set here.
    pub(super) effective: bool,
}

/// The sites of everything that is there in the end.
#[derive(Default)]
pub(super) struct Sites {
    pub(super) services: HashMap<ServiceKey, ServiceSites>,
    /// The last command that speaks about any of them, and behind which a line can stand if there is such.
    pub(super) last: Option<Site>,
    /// The line that ends what is read, if there is one.
    pub(super) stop: Option<Span>,
}

#[derive(Default)]
pub(super) struct ServiceSites {
    pub(super) sites: Vec<Site>,
    pub(super) destinations: HashMap<Endpoint, Vec<Site>>,
    /// The last command of the service or of one of its destinations, and behind which a line can stand if there is such.
    pub(super) last: Option<Site>,
}

/// Finds all sites.
pub(super) fn sites(rules: &Rules, names: &dyn Resolver) -> Sites {
    let mut sites = Sites::default();
    let lines: Vec<Line<'_>> = rules.lines().collect();
    for (i, line) in lines.iter().enumerate() {
        let lists = line.word_lists();
        let (mut is_anchor, mut shared) = (true, false);
        if rules.mode() == Mode::Script && !lists.is_empty() {
            let shell = line.shell();
            is_anchor = !shell.is_compound() && !hangs(&shell, &lines[..i], &lines[i + 1..]);
            shared = !is_anchor || shell.has_others();
        }
        if line.is_lost() {
            sites.stop = Some(line.span());
        }
        for (command_span, words) in lists {
            let Some(words) = words else { continue };
            let mut ignored = Vec::new();
            let scanned = scan::command(&words, names, &mut ignored);
            let site = Site { line: line.span(), command: command_span, shared, is_anchor, effective: false };
            let ends = match (&scanned.command, scanned.outcome) {
                (Some(Command::List(Listing::Services { only: Some(key), .. })), _) => {
                    !sites.services.contains_key(key)
                }
                (Some(command), _) => matches!(command, Command::Help | Command::Version | Command::Restore),
                (None, outcome) => matches!(outcome, Some(Outcome::Refused | Outcome::Usage)),
            };
            if ends && rules.mode() != Mode::Script {
                // What follows has no effect.
                sites.stop = Some(line.span());
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
                all.sites.push(site);
                stand_behind(&mut all.last, site);
                stand_behind(&mut self.last, site);
            }
            Command::EditService(service) => {
                if let Some(all) = self.services.get_mut(service.key()) {
                    site.effective = true;
                    all.sites.push(site);
                    stand_behind(&mut all.last, site);
                    stand_behind(&mut self.last, site);
                } else {
                    self.last = Some(site);
                }
            }
            Command::AddDestination { service, destination } | Command::EditDestination { service, destination } => {
                let Some(all) = self.services.get_mut(service) else {
                    self.last = Some(site);
                    return;
                };
                let adds = matches!(command, Command::AddDestination { .. });
                let known = all.destinations.get(&destination.endpoint).is_some_and(|sites| !sites.is_empty());
                if adds || known {
                    site.effective = !adds || !known;
                    all.destinations.entry(destination.endpoint).or_default().push(site);
                    stand_behind(&mut all.last, site);
                    stand_behind(&mut self.last, site);
                } else {
                    (all.last, self.last) = (Some(site), Some(site));
                }
            }
            // What removes, or fails here, would do something else to a line before it.
            Command::RemoveService(key) => {
                self.services.remove(key);
                self.last = Some(site);
            }
            Command::RemoveDestination { service, destination } => {
                if let Some(all) = self.services.get_mut(service) {
                    all.destinations.remove(destination);
                    all.last = Some(site);
                }
                self.last = Some(site);
            }
            Command::Clear => *self = Self { last: Some(site), ..Self::default() },
            Command::Zero(Some(key)) | Command::List(Listing::Services { only: Some(key), .. }) => {
                // Goes with its service, but is nothing to stand behind.
                if let Some(all) = self.services.get_mut(key) {
                    all.sites.push(site);
                }
            }
            _ => {}
        }
    }
}

fn stand_behind(last: &mut Option<Site>, site: Site) {
    if site.is_anchor || last.is_none_or(|last| !last.is_anchor) {
        *last = Some(site);
    }
}

impl ServiceSites {
    /// Every command that speaks about the service or one of its destinations.
    pub(super) fn all(&self) -> Vec<Site> {
        self.sites.iter().chain(self.destinations.values().flatten()).copied().collect()
    }
}

/// The site that made something what it is.
pub(super) fn effective(sites: &[Site]) -> Option<Site> {
    sites.iter().rev().find(|site| site.effective).copied()
}
