//! Changing rules where they stand.

use std::collections::BTreeSet;

use lvs_model::{Change, Destination, Endpoint, Service, ServiceKey, Table, Weight};

use crate::diagnostic::{Edit, splice};
use crate::span::{FileId, Span};

use super::document::{Line, Mode, Rules};
use super::option::Opt;
use super::print;
use super::resolver::Resolver;
use super::shell;
use super::sites::{Site, Sites, effective, sites};
use super::walk;
use super::word::{Word, is_blank};

/// This error says why rules cannot be changed as asked.
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum EditError {
    /// The service is not there.
    #[error("the rules have no service {0}, add it first")]
    NoService(ServiceKey),
    /// The service is there already.
    #[error("the rules have the service {0} already, change it instead")]
    ServiceExists(ServiceKey),
    /// The destination is not there.
    #[error("the rules have no real server {destination} in {service}, add it first")]
    NoDestination {
        /// The service.
        service: ServiceKey,
        /// The destination.
        destination: Endpoint,
    },
    /// The destination is there already.
    #[error("the rules have the real server {destination} in {service} already, change it instead")]
    DestinationExists {
        /// The service.
        service: ServiceKey,
        /// The destination.
        destination: Endpoint,
    },
    /// In a script, other commands depend on the line of the command that should go, or behind which another one should
    /// stand: it has words such as `if`, or is one command with the line before or behind it, or a line that should go
    /// has another command beside `|| exit 1` and the like.
    #[error("the command at byte {at} stands together with others, give it a line of its own")]
    SharedLine {
        /// Where the command starts.
        at: usize,
    },
}

/// This changes rules where they stand; [`Rules::edit`] makes it.
///
/// What an edit does not touch stays byte for byte. New lines look like their neighbours: indentation, the name of the
/// program, the spelling of the service and the end of the line are those of the line before. A comment behind a command
/// goes with its line; comments above it stay.
///
/// Every edit reads the rules again, so that it costs their length; [`apply`](Self::apply) makes many at once.
///
/// ```
/// use lvs_config::ipvsadm::{Mode, NoNames, Rules};
/// use lvs_model::Weight;
///
/// let text = "# the web\r\n-A -t 10.0.0.1:80 -s wrr\r\n-a -t 10.0.0.1:80   -r 10.1.0.1 -m\r\n";
/// let mut rules = Rules::parse(text, Mode::Restore);
/// let web = "tcp 10.0.0.1:80".parse()?;
/// rules.edit(&NoNames).set_weight(&web, "10.1.0.1:80".parse()?, Weight::ZERO)?;
/// rules.edit(&NoNames).add_destination(&web, &"-r 10.1.0.2:80 -m -w 5".parse()?)?;
/// assert_eq!(rules.to_text(), "# the web\r\n-A -t 10.0.0.1:80 -s wrr\r\n\
/// -a -t 10.0.0.1:80   -r 10.1.0.1 -m -w 0\r\n-a -t 10.0.0.1:80 -r 10.1.0.2:80 -m -w 5\r\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Editor<'a> {
    rules: &'a mut Rules,
    names: &'a dyn Resolver,
}

impl std::fmt::Debug for Editor<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Editor").field("rules", &self.rules).finish_non_exhaustive()
    }
}

impl Rules {
    /// This makes an editor, which needs to know the names of hosts and services that the rules use.
    pub fn edit<'a>(&'a mut self, names: &'a dyn Resolver) -> Editor<'a> {
        Editor { rules: self, names }
    }
}

impl Editor<'_> {
    /// This sets the weight of a destination.
    ///
    /// # Errors
    ///
    /// The service or the destination is not there.
    pub fn set_weight(&mut self, service: &ServiceKey, destination: Endpoint, weight: Weight) -> Result<(), EditError> {
        let sites = self.sites();
        let edit = self.weight(find_destination(&sites, service, destination)?, weight);
        self.splice(vec![edit]);
        Ok(())
    }

    /// This replaces the configuration of the destination with the same address and port.
    ///
    /// # Errors
    ///
    /// The service or the destination is not there.
    pub fn set_destination(&mut self, service: &ServiceKey, destination: &Destination) -> Result<(), EditError> {
        let sites = self.sites();
        let edit = self.destination(find_destination(&sites, service, destination.endpoint)?, service, destination);
        self.splice(vec![edit]);
        Ok(())
    }

    /// This adds a destination behind the others of its service.
    ///
    /// # Errors
    ///
    /// The service is not there, or the destination is, or a script has no line behind which a new one can stand.
    pub fn add_destination(&mut self, service: &ServiceKey, destination: &Destination) -> Result<(), EditError> {
        let sites = self.sites();
        let all = sites.services.get(service).ok_or(EditError::NoService(*service))?;
        if all.destinations.contains_key(&destination.endpoint) {
            return Err(EditError::DestinationExists { service: *service, destination: destination.endpoint });
        }
        let edit = self.new_destination(&sites, all.last, service, destination)?;
        self.splice(vec![edit]);
        Ok(())
    }

    /// This removes a destination with every line that speaks about it.
    ///
    /// # Errors
    ///
    /// The service or the destination is not there, or a line has other commands too.
    pub fn remove_destination(&mut self, service: &ServiceKey, destination: Endpoint) -> Result<(), EditError> {
        let sites = self.sites();
        find_destination(&sites, service, destination)?;
        let edits = self.removals(&sites.services[service].destinations[&destination])?;
        self.splice(edits);
        Ok(())
    }

    /// This replaces the configuration of the service of the same key.
    ///
    /// # Errors
    ///
    /// The service is not there.
    pub fn set_service(&mut self, service: &Service) -> Result<(), EditError> {
        let sites = self.sites();
        let edit = self.service(&sites, service)?;
        self.splice(vec![edit]);
        Ok(())
    }

    /// This adds a service behind the others.
    ///
    /// # Errors
    ///
    /// The service is there already, or a script has no line behind which a new one can stand.
    pub fn add_service(&mut self, service: &Service) -> Result<(), EditError> {
        let sites = self.sites();
        if sites.services.contains_key(service.key()) {
            return Err(EditError::ServiceExists(*service.key()));
        }
        let edit = self.new_line(&sites, sites.last, &format!("-A {}", print::service(service)))?;
        self.splice(vec![edit]);
        Ok(())
    }

    /// This removes a service and its destinations with every line that speaks about them.
    ///
    /// # Errors
    ///
    /// The service is not there, or a line has other commands too.
    pub fn remove_service(&mut self, service: &ServiceKey) -> Result<(), EditError> {
        let sites = self.sites();
        let all = sites.services.get(service).ok_or(EditError::NoService(*service))?;
        let edits = self.removals(&all.all())?;
        self.splice(edits);
        Ok(())
    }

    /// This changes the rules so that reading them gives the services and destinations of `table`, and returns how many
    /// changes that took. What is right already stays where it is.
    ///
    /// # Errors
    ///
    /// A line with something that should go has other commands too, or a script has no line behind which a new one can
    /// stand; nothing is changed then.
    pub fn apply(&mut self, table: &Table) -> Result<usize, EditError> {
        let current = self.rules.read_with(self.names).table;
        let difference = current.difference(table);
        let sites = self.sites();
        let (mut edits, mut gone) = (Vec::new(), Vec::new());
        for change in &difference {
            match change {
                Change::AddService(service) => {
                    edits.push(self.new_line(&sites, sites.last, &format!("-A {}", print::service(service)))?);
                }
                Change::EditService { to, .. } => edits.push(self.service(&sites, to)?),
                Change::RemoveService(key) => {
                    gone.extend(sites.services.get(key).ok_or(EditError::NoService(*key))?.all());
                }
                Change::AddDestination { service, destination } => {
                    let site = sites.services.get(service).map_or(sites.last, |all| all.last);
                    edits.push(self.new_destination(&sites, site, service, destination)?);
                }
                Change::EditDestination { service, from, to } => {
                    let site = find_destination(&sites, service, to.endpoint)?;
                    let only_weight = from.with_weight(to.weight) == *to;
                    edits.push(match only_weight {
                        true => self.weight(site, to.weight),
                        false => self.destination(site, service, to),
                    });
                }
                Change::RemoveDestination { service, destination } => {
                    find_destination(&sites, service, *destination)?;
                    gone.extend(&sites.services[service].destinations[destination]);
                }
            }
        }
        edits.extend(self.removals(&gone)?);
        self.splice(edits);
        Ok(difference.len())
    }

    fn sites(&self) -> Sites {
        sites(self.rules, self.names)
    }

    fn splice(&mut self, mut edits: Vec<Edit>) {
        // At one place: what belongs to a last line without an end, new lines, then what replaces the next line.
        let is_new_line = |edit: &Edit| edit.text.starts_with(b"\n") || edit.text.starts_with(b"\r");
        edits.sort_by_key(|edit| (edit.span.start, edit.span.end, is_new_line(edit)));
        let mut missing = self.missing_end();
        for edit in &mut edits {
            edit.text.extend(self.gap(edit));
            if edit.span.start == self.rules.as_bytes().len() && edit.text.ends_with(b"\n") {
                // The first of the lines at the end.
                edit.text.splice(0..0, std::mem::take(&mut missing));
            }
        }
        // The spans come from this very text and each line is removed or changed once.
        if let Ok(bytes) = splice(self.rules.as_bytes(), edits.iter()) {
            *self.rules = Rules::parse(bytes, self.rules.mode());
        }
    }

    /// A blank, where a shell would take the number that an edit ends with as the descriptor of the `>` behind it.
    fn gap(&self, edit: &Edit) -> Option<u8> {
        let is_number = edit.text.last().is_some_and(u8::is_ascii_digit);
        let before_arrow = matches!(self.rules.as_bytes().get(edit.span.end), Some(b'<' | b'>'));
        (self.rules.mode() == Mode::Script && is_number && before_arrow).then_some(b' ')
    }

    /// Removes whole lines, each once. A shell wants a command between `then` and `fi`, so that there `:` stays.
    fn removals(&self, sites: &[Site]) -> Result<Vec<Edit>, EditError> {
        if let Some(site) = sites.iter().find(|site| site.shared) {
            return Err(EditError::SharedLine { at: site.command.start });
        }
        let gone: BTreeSet<Span> = sites.iter().map(|site| site.line).collect();
        let lines: Vec<Line<'_>> = self.rules.lines().collect();
        let is_blank = |line: &&Line<'_>| line.shell().is_blank();
        let empties_body = |span: &Span| {
            let (before, after) = lines.split_at(lines.partition_point(|line| line.span().start < span.start));
            let mut after = after.iter().filter(|line| !gone.contains(&line.span()));
            // Of several lines the first one decides.
            before.iter().rev().find(|line| !is_blank(line)).is_some_and(|line| {
                !gone.contains(&line.span())
                    && line.shell().opens_body()
                    && after.find(|line| !is_blank(line)).is_some_and(|line| line.shell().closes_body())
            })
        };
        let edit = |span: &Span| {
            let mut text = Vec::new();
            if self.rules.mode() == Mode::Script && empties_body(span) {
                let (indentation, newline) = self.frame(*span);
                text = [indentation, b":", newline].concat();
            }
            Edit::new(*span, text)
        };
        Ok(gone.iter().map(edit).collect())
    }

    fn weight(&self, site: Site, weight: Weight) -> Edit {
        let words = site.words(self.rules);
        let found = walk::options(&words).into_iter().find(|place| place.opt == Opt::Weight);
        match found.and_then(|place| place.value) {
            Some(value) => Edit::new(value.span, [value.before, weight.to_string().as_bytes()].concat()),
            None => Edit::new(end_of_options(&words, site), format!(" -w {weight}")),
        }
    }

    fn destination(&self, site: Site, service: &ServiceKey, destination: &Destination) -> Edit {
        let words = site.words(self.rules);
        let places = walk::options(&words);
        let real = places.iter().find(|place| place.opt == Opt::RealServer).and_then(|place| place.words);
        let (service, options) = (self.service_words(&words, service), print::destination_options(destination));
        let text = match real {
            Some(real) => format!("{service} {} {options}", self.text(real)),
            None => format!("{service} -r {} {options}", print::endpoint(destination.endpoint)),
        };
        self.behind_verb(&words, site, &text)
    }

    fn service(&self, sites: &Sites, service: &Service) -> Result<Edit, EditError> {
        let all = sites.services.get(service.key()).and_then(|all| effective(&all.sites));
        let site = all.ok_or(EditError::NoService(*service.key()))?;
        let words = site.words(self.rules);
        let text = format!("{} {}", self.service_words(&words, service.key()), print::service_options(service));
        Ok(self.behind_verb(&words, site, &text))
    }

    /// Replaces everything behind the verb of a command.
    fn behind_verb(&self, words: &[Word<'_>], site: Site, text: &str) -> Edit {
        let (Some(first), Some(last)) = (words.first(), words.last()) else {
            return Edit::new(site.command.after(), String::new());
        };
        let verb = match &*first.text {
            [b'-', b'-', ..] => self.text(first.span()),
            // Options that are glued to it are among those that are written anew.
            [b'-', letter, ..] => format!("-{}", char::from(*letter)),
            _ => String::new(),
        };
        let text = [verb.as_bytes(), b" ", text.as_bytes(), &self.redirections(site, last.start)].concat();
        Edit::new(first.span().to(last.span()), text)
    }

    /// The redirections of a command of a script that stand before `end`, each behind a blank.
    fn redirections(&self, site: Site, end: usize) -> Vec<u8> {
        let (bytes, mut text) = (self.rules.as_bytes(), Vec::new());
        if self.rules.mode() != Mode::Script {
            return text;
        }
        let line = shell::line(bytes, site.line.start);
        for span in line.redirections().filter(|span| span.start >= site.command.start && span.end <= end) {
            text.push(b' ');
            text.extend_from_slice(&bytes[span.range()]);
        }
        text
    }

    fn new_destination(
        &self,
        sites: &Sites,
        site: Option<Site>,
        service: &ServiceKey,
        destination: &Destination,
    ) -> Result<Edit, EditError> {
        let words = site.map(|site| site.words(self.rules)).unwrap_or_default();
        let is_same = site.is_some() && self.speaks_of(&words, service);
        let service = if is_same { self.service_words(&words, service) } else { print::key(service).to_string() };
        self.new_line(sites, site, &format!("-a {service} {}", print::destination(destination)))
    }

    fn speaks_of(&self, words: &[Word<'_>], service: &ServiceKey) -> bool {
        super::scan::command(words, self.names, &mut Vec::new()).key == Some(*service)
    }

    /// The service as a command spells it.
    fn service_words(&self, words: &[Word<'_>], service: &ServiceKey) -> String {
        let places = walk::options(words);
        let of = |wanted: Opt| places.iter().find(|place| place.opt.kind() == wanted).and_then(|place| place.words);
        match (of(Opt::Tcp), service) {
            (Some(key), ServiceKey::Fwmark { family: lvs_model::Family::Inet6, .. }) => {
                of(Opt::Ipv6).map(|six| format!("{} {}", self.text(key), self.text(six)))
            }
            (key, _) => key.map(|key| self.text(key)),
        }
        .unwrap_or_else(|| print::key(service).to_string())
    }

    /// A line behind that of `site`, or at the end of what is read.
    fn new_line(&self, sites: &Sites, site: Option<Site>, command: &str) -> Result<Edit, EditError> {
        let bytes = self.rules.as_bytes();
        let Some(site) = site else {
            let at = sites.stop.map_or(Span::new(FileId::MAIN, bytes.len(), bytes.len()), Span::before);
            let program: &[u8] = if self.rules.mode() == Mode::Script { b"ipvsadm " } else { b"" };
            return Ok(Edit::new(at, [program, command.as_bytes(), self.newline()].concat()));
        };
        if !site.is_anchor {
            return Err(EditError::SharedLine { at: site.command.start });
        }
        let (indentation, newline) = self.frame(site.line);
        let mut text = indentation.to_vec();
        if self.rules.mode() == Mode::Script {
            let commands = shell::line(bytes, site.line.start).commands();
            let programs = commands.into_iter().filter(|other| other.start == site.command.start);
            for word in programs.flat_map(|command| command.program) {
                text.extend_from_slice(&bytes[word.range()]);
                text.push(b' ');
            }
        } else {
            // The name of the program, where there is one.
            let start = site.line.start + indentation.len();
            let verb = site.words(self.rules).first().map_or(start, |word| word.start);
            text.extend_from_slice(&bytes[start..verb.max(start)]);
        }
        text.extend_from_slice(command.as_bytes());
        text.extend_from_slice(newline);
        if newline.is_empty() {
            // The last line has no end, and so has the new one.
            text.splice(0..0, self.missing_end());
        }
        Ok(Edit::new(site.line.after(), text))
    }

    /// How lines end here: as the first one does.
    fn newline(&self) -> &'static [u8] {
        let bytes = self.rules.as_bytes();
        let first = bytes.iter().position(|b| *b == b'\n').unwrap_or_default();
        if bytes[..first].ends_with(b"\r") { b"\r\n" } else { b"\n" }
    }

    /// What the text needs at its end so that something behind it is a line of its own.
    fn missing_end(&self) -> Vec<u8> {
        let bytes = self.rules.as_bytes();
        let line = bytes.strip_suffix(b"\n").map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        let is_open = !bytes.is_empty() && line.is_none();
        // A shell would take the next line as a part of this one.
        let is_joined = self.rules.mode() == Mode::Script && line.unwrap_or(bytes).ends_with(b"\\");
        self.newline().repeat(usize::from(is_open) + usize::from(is_joined))
    }

    /// The indentation and the end of a line.
    fn frame(&self, line: Span) -> (&[u8], &'static [u8]) {
        let line = &self.rules.as_bytes()[line.range()];
        let indentation = line.iter().take_while(|b| is_blank(**b) && !matches!(b, b'\r' | b'\n')).count();
        let newline: &[u8] = match line {
            [.., b'\r', b'\n'] => b"\r\n",
            [.., b'\n'] => b"\n",
            _ => b"",
        };
        (&line[..indentation], newline)
    }

    fn text(&self, span: Span) -> String {
        String::from_utf8_lossy(&self.rules.as_bytes()[span.range()]).into_owned()
    }
}

fn find_destination(sites: &Sites, service: &ServiceKey, destination: Endpoint) -> Result<Site, EditError> {
    let all = sites.services.get(service).ok_or(EditError::NoService(*service))?;
    let found = all.destinations.get(&destination).and_then(|sites| effective(sites));
    found.ok_or(EditError::NoDestination { service: *service, destination })
}

/// Where another option can stand: behind the last one, but before a `--`.
fn end_of_options(words: &[Word<'_>], site: Site) -> Span {
    let ends = words.iter().take_while(|word| *word.text != *b"--").last();
    ends.map_or(site.command.after(), |word| word.span().after())
}
