//! Options become a command. Each option is checked when it comes, as the tool does it; what depends on several is
//! checked at the end of the line.

use lvs_model::{
    Endpoint, Family, Fwmark, Protocol, ProtocolTimeout, SchedulerName, ServiceKey, SyncRole, TimeoutsUpdate,
};

use crate::Diagnostic;
use crate::span::Span;

use super::address::{self, Address};
use super::build_daemon::DaemonOptions;
use super::build_list::ListOptions;
use super::build_server::ServerOptions;
use super::build_service::ServiceOptions;
use super::command::Command;
use super::number;
use super::option::{Opt, Verb};
use super::problem::{Outcome, Problems, shown};
use super::resolver::Resolver;
use super::scan::Given;
use super::word::Word;
use super::{lint, scan, suggest};

/// The state of one line.
pub(super) struct Builder<'w> {
    verb: Verb,
    verb_span: Span,
    names: &'w dyn Resolver,
    /// The kinds of options so far, with their places.
    seen: Vec<(Opt, Span)>,
    /// Whether an option may be missing only because a word was not understood.
    doubtful: bool,
    /// The first option that does not belong to the command.
    illegal: Option<Diagnostic>,
    socket: Option<(Protocol, Address, Span)>,
    mark: Option<Fwmark>,
    family: Family,
    service: ServiceOptions<'w>,
    server: ServerOptions<'w>,
    list: ListOptions,
    daemon: DaemonOptions<'w>,
    role: Option<SyncRole>,
}

impl<'w> Builder<'w> {
    pub(super) fn new(verb: Verb, given: Given<'w>, names: &'w dyn Resolver, problems: &mut Problems<'_>) -> Self {
        let mut role = None;
        if let Some(value) = given.value {
            role = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
            if role.is_none() {
                let message = format!("`{}` is no role of a sync daemon", shown(value));
                problems.error(
                    Outcome::Refused,
                    Diagnostic::error("bad-value", given.value_span, message)
                        .with_label("expected `master` or `backup`"),
                );
            }
        }
        Self {
            verb,
            verb_span: given.span,
            names,
            seen: Vec::new(),
            doubtful: false,
            illegal: None,
            socket: None,
            mark: None,
            family: Family::Inet,
            service: ServiceOptions::default(),
            server: ServerOptions::default(),
            list: ListOptions::default(),
            daemon: DaemonOptions::default(),
            role,
        }
    }

    pub(super) const fn verb(&self) -> Verb {
        self.verb
    }

    pub(super) const fn verb_span(&self) -> Span {
        self.verb_span
    }

    /// Notes that a word was not understood: what seems to be missing may be meant by it.
    pub(super) fn doubt(&mut self) {
        self.doubtful = true;
    }

    /// The service, as far as it could be read.
    pub(super) fn key(&self) -> Option<ServiceKey> {
        match (self.socket, self.mark) {
            (Some((protocol, address, _)), _) => Some(ServiceKey::Socket { protocol, endpoint: address.endpoint }),
            (None, Some(mark)) => Some(ServiceKey::fwmark(self.family, mark)),
            (None, None) => None,
        }
    }

    fn find(&self, opt: Opt) -> Option<Span> {
        self.seen.iter().find(|(seen, _)| *seen == opt.kind()).map(|(_, span)| *span)
    }

    /// Takes one option.
    pub(super) fn option(&mut self, opt: Opt, given: Given<'w>, problems: &mut Problems<'_>) {
        let whole = given.span.to(given.value_span);
        let first = self.find(opt);
        if let Some(first) = first.filter(|_| !opt.is_repeatable()) {
            let message = format!("more than one {}", opt.title());
            problems.error(
                Outcome::Refused,
                Diagnostic::error("duplicate-option", whole, message)
                    .with_label("remove one")
                    .with_related(first, "the first one"),
            );
            return;
        }
        if first.is_none() {
            self.seen.push((opt.kind(), whole));
        }
        if !self.verb.takes(opt) && self.illegal.is_none() {
            self.illegal = Some(self.illegal_option(opt, whole));
        }
        match opt {
            Opt::Tcp => self.socket(Protocol::TCP, &given, problems),
            Opt::Udp => self.socket(Protocol::UDP, &given, problems),
            Opt::Sctp => self.socket(Protocol::SCTP, &given, problems),
            Opt::Fwmark => self.fwmark(&given, problems),
            Opt::Ipv6 => self.ipv6(&given, problems),
            Opt::RealServer => {
                // Ports of services need a protocol; a mark counts as TCP.
                let protocol = match self.socket {
                    Some((protocol, ..)) => Some(protocol),
                    None => self.find(Opt::Tcp).map(|_| Protocol::TCP),
                };
                self.server.real_server(&given, protocol, self.names, problems);
            }
            _ => {
                let taken = self.service.option(opt, &given, self.family, self.names, problems)
                    || self.server.option(opt, &given, problems)
                    || self.daemon.option(opt, &given, problems);
                if !taken {
                    self.list.option(opt, whole);
                }
            }
        }
    }

    fn illegal_option(&self, opt: Opt, span: Span) -> Diagnostic {
        let message = format!("`{}` takes no {}", self.verb.title(), opt.title());
        let problem = Diagnostic::error("illegal-option", span, message).with_label("does not belong here");
        match (self.verb, opt) {
            (Verb::AddServer | Verb::EditServer, Opt::SchedFlags) => problem
                .with_help("`-b` is the FULLNAT method of the alibaba/LVS and dpvs forks; ipvsadm has none, see `-m`"),
            (Verb::AddServer | Verb::EditServer, Opt::Scheduler | Opt::Persistent) => {
                problem.with_help("this is set on the service, with `-A` or `-E`")
            }
            (Verb::AddService | Verb::EditService, Opt::Weight | Opt::RealServer) => {
                problem.with_help("this is set on a real server, with `-a` or `-e`")
            }
            _ => problem,
        }
    }

    fn socket(&mut self, protocol: Protocol, given: &Given<'w>, problems: &mut Problems<'_>) {
        let text = given.value.unwrap_or_default();
        match address::endpoint(text, Some(protocol), self.names) {
            Ok(address) => {
                lint::address(text, address, given.value_span, problems);
                let family = address.endpoint.family();
                if family == Family::Inet6 {
                    self.service.reset_netmask(problems);
                }
                self.family = family;
                self.socket = Some((protocol, address, given.value_span));
            }
            Err(trouble) => {
                lint::bad_address("virtual service", text, trouble, given.value_span, Some(protocol), problems);
            }
        }
    }

    fn fwmark(&mut self, given: &Given<'w>, problems: &mut Problems<'_>) {
        let text = given.value.unwrap_or_default();
        let mark = number::within(text, 1, u32::MAX).and_then(|mark| Fwmark::new(mark).ok());
        if mark.is_none() {
            let mut problem =
                Diagnostic::error("bad-number", given.value_span, format!("`{}` is no mark", shown(text)))
                    .with_label("expected a number from 1 to 4294967295");
            // `ipvsadm -S` prints marks from 2^31 on as negative numbers.
            let negative = number::decimal(text).filter(|n| (i64::from(i32::MIN)..0).contains(n));
            if let Some(mark) = negative {
                let mark = (mark + (1 << 32)).to_string();
                problem = problem
                    .with_help(format!("`ipvsadm -S` printed mark {mark} like this"))
                    .with_fix(crate::Fix::replace(format!("write `{mark}`"), given.value_span, mark));
            }
            problems.error(Outcome::Refused, problem);
        }
        self.mark = mark;
    }

    fn ipv6(&mut self, given: &Given<'w>, problems: &mut Problems<'_>) {
        let is_mark = self.find(Opt::Fwmark).is_some() && self.socket.is_none();
        if !is_mark {
            problems.error(
                Outcome::Refused,
                Diagnostic::error("misplaced-option", given.span, format!("`{}` before `-f`", given.name))
                    .with_label("expected only behind `-f MARK`")
                    .with_help("services with an address have the family of the address"),
            );
            return;
        }
        self.service.reset_netmask(problems);
        self.family = Family::Inet6;
    }

    /// Checks what depends on several options and makes the command.
    pub(super) fn finish(mut self, extra: &[&Word<'_>], problems: &mut Problems<'_>) -> Option<Command> {
        match self.verb {
            Verb::Help => return Some(Command::Help),
            Verb::Version => return Some(Command::Version),
            _ => {}
        }
        let timeouts = if self.verb == Verb::Set { self.timeouts(extra, problems) } else { None };
        let wanted = if self.verb == Verb::Set { 3 } else { 0 };
        if let Some(word) = extra.get(wanted) {
            problems.error(Outcome::Refused, unexpected_word(word));
            self.doubtful = true;
        }
        if let Some(illegal) = self.illegal.take() {
            problems.error(Outcome::Refused, illegal);
        }
        for need in self.verb.needs() {
            if self.find(*need).is_none() && !self.doubtful {
                let message = format!("`{}` needs a {}", self.verb.title(), need.title());
                problems.error(
                    Outcome::Refused,
                    Diagnostic::error("missing-option", self.verb_span, message).with_label(match need {
                        Opt::RealServer => "expected `-r ADDRESS[:PORT]`",
                        _ => "expected `-t`, `-u` or `--sctp-service` with ADDRESS:PORT, or `-f MARK`",
                    }),
                );
            }
        }
        // One mistake is told once: what follows from it is not.
        if problems.outcome.is_some() {
            return None;
        }
        let key = self.key();
        Some(match self.verb {
            Verb::AddService => Command::AddService(self.service.finish(key?, self.socket, problems)?),
            Verb::EditService => Command::EditService(self.service.finish(key?, self.socket, problems)?),
            Verb::DeleteService => Command::RemoveService(key?),
            Verb::AddServer => Command::AddDestination {
                service: key?,
                destination: self.server.finish(key?, self.verb_span, problems)?,
            },
            Verb::EditServer => Command::EditDestination {
                service: key?,
                destination: self.server.finish(key?, self.verb_span, problems)?,
            },
            Verb::DeleteServer => {
                Command::RemoveDestination { service: key?, destination: self.server.endpoint(key?)? }
            }
            Verb::Clear => Command::Clear,
            Verb::List => Command::List(self.list.finish(key, self.find(Opt::Tcp), problems)?),
            Verb::Zero => Command::Zero(key),
            Verb::Save => Command::Save(self.list.naming()),
            Verb::Restore => Command::Restore,
            Verb::Set => Command::SetTimeouts(timeouts?),
            Verb::StartDaemon => Command::StartDaemon(self.daemon.finish(self.role?, self.verb_span, problems)?),
            Verb::StopDaemon => Command::StopDaemon { role: self.role?, sync_id: self.daemon.sync_id() },
            Verb::Help | Verb::Version => return None,
        })
    }

    /// The three numbers of `--set`.
    fn timeouts(&self, extra: &[&Word<'_>], problems: &mut Problems<'_>) -> Option<TimeoutsUpdate> {
        /// One month, the limit of the tool.
        const LONGEST: u32 = 31 * 24 * 60 * 60;
        let mut seconds = [None; 3];
        for (place, word) in seconds.iter_mut().zip(extra) {
            match number::within(&word.text, 0, LONGEST) {
                Some(0) => {}
                Some(number) => *place = ProtocolTimeout::new(number).ok(),
                None => problems.error(
                    Outcome::Refused,
                    Diagnostic::error("bad-number", word.span(), format!("`{}` is no timeout", shown(&word.text)))
                        .with_label("expected seconds from 0 to 2678400; 0 keeps the timeout"),
                ),
            }
        }
        if extra.len() < 3 {
            problems.error(
                Outcome::Refused,
                Diagnostic::error("missing-argument", self.verb_span, "`--set` needs three numbers")
                    .with_label("expected the timeouts of TCP, TCP after FIN, and UDP in seconds"),
            );
        }
        let [tcp, tcp_fin, udp] = seconds;
        Some(TimeoutsUpdate { tcp, tcp_fin, udp })
    }
}

/// A word that is no option and no argument.
fn unexpected_word(word: &Word<'_>) -> Diagnostic {
    let text = String::from_utf8_lossy(&word.text);
    let problem = Diagnostic::error("unexpected-word", word.span(), format!("unexpected word `{}`", shown(&word.text)));
    if let Some(ascii) = scan::with_ascii_dashes(&word.text) {
        let problem = problem.with_label("this starts with a dash that is not `-`");
        return match word.is_literal() {
            true => problem.with_fix(crate::Fix::replace(format!("write `{ascii}`"), word.span(), ascii)),
            false => problem,
        };
    }
    let problem = problem.with_label("expected an option");
    if text.starts_with('#') {
        problem.with_help("the format knows no comments behind a command")
    } else if text.ends_with("ipvsadm") {
        problem.with_help("only the bare word `ipvsadm` is dropped, a path is not")
    } else if *text == *"\\" {
        problem.with_help("a command cannot go on in the next line")
    } else if let Some(near) = suggest::nearest(&text, SchedulerName::KNOWN.iter().map(SchedulerName::as_str)) {
        problem.with_help(format!("a scheduler is given as `-s {near}`"))
    } else {
        problem
    }
}

/// The endpoint of a service, if it has one.
pub(super) const fn service_port(key: &ServiceKey) -> Option<u16> {
    match key {
        ServiceKey::Socket { endpoint: Endpoint { port, .. }, .. } => Some(*port),
        ServiceKey::Fwmark { .. } => None,
    }
}
