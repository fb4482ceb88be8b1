//! From the rules of the kernel to a configuration of keepalived.

use lvs_model::{
    Destination, Endpoint, Forwarding, Netmask, Protocol, SchedulerFlags, SchedulerName, Service, ServiceKey, Table,
    Tunnel, TunnelFlags, VirtualServer,
};

use super::statement::NewStatement;

/// This writes rules as a configuration, in the order in which keepalived has to read them.
///
/// Everything that has a default is written out: the defaults of keepalived and ipvsadm differ.
///
/// ```
/// use lvs_config::keepalived::{self, Printer};
///
/// let text = "\
/// virtual_server 10.0.0.1 80 {
///     protocol TCP
///     lvs_sched sh
///     sh-port
///     lvs_method DR
///     real_server 10.1.0.1 80 {
///         weight 2
///     }
/// }
/// ";
/// let table = keepalived::lower(text).table();
/// assert_eq!(Printer::new().print(&table).text, text);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Printer {
    checkers: Vec<NewStatement>,
}

/// This is a configuration made from rules.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Printed {
    /// This is the file.
    pub text: String,
    /// This is what keepalived cannot express.
    pub losses: Vec<Loss>,
}

/// This is something that keepalived cannot express.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Loss {
    /// This is the service that is concerned.
    pub service: ServiceKey,
    /// This is the destination, when only one is concerned.
    pub destination: Option<Endpoint>,
    /// This says what is lost.
    pub what: String,
}

impl std::fmt::Display for Loss {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "service {}", self.service)?;
        if let Some(destination) = self.destination {
            write!(f, ", destination {destination}")?;
        }
        write!(f, ": {}", self.what)
    }
}

impl Printer {
    /// This makes a printer that writes no checkers: servers are then always up.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// This adds a checker, or any other statement, to every `real_server`.
    ///
    /// ```
    /// use lvs_config::keepalived::{NewStatement, Printer};
    ///
    /// let checker = NewStatement::new(["TCP_CHECK"]).with(NewStatement::new(["connect_timeout", "3"]));
    /// let printer = Printer::new().with_checker(checker);
    /// ```
    #[must_use]
    pub fn with_checker(mut self, checker: NewStatement) -> Self {
        self.checkers.push(checker);
        self
    }

    /// This writes all rules.
    #[must_use]
    pub fn print(&self, table: &Table) -> Printed {
        let mut out = Printed::default();
        for server in table {
            if !out.text.is_empty() {
                out.text.push('\n');
            }
            let statement = self.virtual_server(server, &mut out.losses);
            out.text.push_str(&statement.to_string());
        }
        out
    }

    /// This is the block of one service; what it cannot say is added to `losses`.
    pub fn virtual_server(&self, server: &VirtualServer, losses: &mut Vec<Loss>) -> NewStatement {
        let service = server.service();
        let mut lose = |what: String| losses.push(Loss { service: *service.key(), destination: None, what });
        let mut block = head(service, &mut lose);
        let common = common_forwarding(server.destinations());
        for (name, words) in settings(service, common, &mut lose) {
            block = block.with(statement(name, &words));
        }
        if server.destinations().is_empty() {
            lose("keepalived drops a service without real servers".to_owned());
        }
        for destination in server.destinations() {
            block = block.with(self.real_server(service, destination, common, losses));
        }
        block
    }

    /// This is the block of one destination; what it cannot say is added to `losses`.
    ///
    /// `common` is the method of the service: it is not repeated.
    pub fn real_server(
        &self,
        service: &Service,
        destination: &Destination,
        common: Forwarding,
        losses: &mut Vec<Loss>,
    ) -> NewStatement {
        let key = *service.key();
        let endpoint = destination.endpoint;
        let mut lose = |what: String| losses.push(Loss { service: key, destination: Some(endpoint), what });
        let masquerades = destination.forwarding == Forwarding::Masquerade;
        let expected = key.endpoint().map_or(0, |e| e.port);
        if !masquerades && endpoint.port != expected {
            lose(format!("keepalived sets the port to {expected} with this forwarding method"));
        }
        let mut words = vec!["real_server".to_owned(), endpoint.addr.to_string()];
        if endpoint.port != 0 {
            words.push(endpoint.port.to_string());
        } else if masquerades && expected != 0 {
            lose("keepalived replaces port 0 by that of the service".to_owned());
        }
        let mut block = NewStatement::new(words).with(statement("weight", &destination.weight.to_string()));
        if destination.forwarding != common {
            block = block.with(statement("lvs_method", &method(destination.forwarding, &mut lose)));
        }
        for (name, value) in
            [("uthreshold", destination.thresholds.upper()), ("lthreshold", destination.thresholds.lower())]
        {
            if value != 0 {
                block = block.with(statement(name, &value.to_string()));
            }
        }
        block.with_all(self.checkers.iter().cloned())
    }
}

/// The method that most destinations have; the first one decides between equals.
pub(super) fn common_forwarding(destinations: &[Destination]) -> Forwarding {
    let mut counts: Vec<(Forwarding, usize)> = Vec::new();
    for destination in destinations {
        match counts.iter_mut().find(|(f, _)| *f == destination.forwarding) {
            Some((_, n)) => *n += 1,
            None => counts.push((destination.forwarding, 1)),
        }
    }
    let most = counts.iter().map(|(_, n)| *n).max().unwrap_or(0);
    counts.iter().find(|(_, n)| *n == most).map_or(Forwarding::Masquerade, |(f, _)| *f)
}

fn head(service: &Service, lose: &mut dyn FnMut(String)) -> NewStatement {
    match *service.key() {
        ServiceKey::Fwmark { mark, .. } => NewStatement::new(["virtual_server", "fwmark", &mark.to_string()]).block(),
        ServiceKey::Socket { endpoint, .. } => {
            if endpoint.port == 0 {
                if service.persistence().is_none() {
                    lose("keepalived makes a service for all ports persistent".to_owned());
                }
                return NewStatement::new(["virtual_server", &endpoint.addr.to_string()]).block();
            }
            NewStatement::new(["virtual_server", &endpoint.addr.to_string(), &endpoint.port.to_string()]).block()
        }
    }
}

/// The settings of a service in the order that keepalived needs.
pub(super) fn settings(
    service: &Service,
    common: Forwarding,
    lose: &mut dyn FnMut(String),
) -> Vec<(&'static str, String)> {
    let mut out = Vec::new();
    match *service.key() {
        ServiceKey::Fwmark { family, .. } => {
            let word = if family == lvs_model::Family::Inet6 { "inet6" } else { "inet" };
            out.push(("ip_family", word.to_owned()));
        }
        ServiceKey::Socket { protocol, .. } => {
            let word = match protocol {
                Protocol::UDP => "UDP",
                Protocol::SCTP => "SCTP",
                _ => "TCP",
            };
            if !matches!(protocol, Protocol::TCP | Protocol::UDP | Protocol::SCTP) {
                lose(format!("keepalived has no protocol {protocol}"));
            }
            out.push(("protocol", word.to_owned()));
        }
    }
    let scheduler = service.scheduler();
    if super::keywords::find("virtual_server", "lvs_sched").is_some_and(|k| !takes(k.argument, scheduler.as_str())) {
        lose(format!("keepalived refuses the scheduler {scheduler} and uses wlc"));
    }
    out.push(("lvs_sched", scheduler.to_string()));
    out.extend(flags(service).into_iter().map(|name| (name, String::new())));
    let named = SchedulerFlags::FALLBACK.union(SchedulerFlags::PORT).union(SchedulerFlags::THIRD);
    if !service.flags().difference(named).is_empty() {
        lose("keepalived has no name for some flags".to_owned());
    }
    if service.one_packet() {
        out.push(("ops", String::new()));
        if matches!(service.key(), ServiceKey::Socket { protocol, .. } if *protocol != Protocol::UDP) {
            lose("keepalived takes `ops` only for UDP and marks".to_owned());
        }
    }
    out.push(("lvs_method", method(common, lose)));
    if let Some(persistence) = service.persistence() {
        let seconds = persistence.timeout.seconds();
        if seconds == 0 || seconds > 2_678_400 {
            lose(format!("keepalived refuses a persistence of {seconds} s"));
        }
        out.push(("persistence_timeout", seconds.to_string()));
        if !persistence.netmask.is_host() {
            let mask = match persistence.netmask {
                Netmask::Inet(mask) => mask.to_string(),
                Netmask::Inet6(length) => length.get().to_string(),
            };
            out.push(("persistence_granularity", mask));
        }
        if let Some(engine) = persistence.engine {
            out.push(("persistence_engine", engine.to_string()));
        }
    }
    out
}

fn takes(argument: super::keywords::Argument, word: &str) -> bool {
    matches!(argument, super::keywords::Argument::Choice(choices) if choices.contains(&word))
}

fn flags(service: &Service) -> Vec<&'static str> {
    let names = match service.scheduler() {
        SchedulerName::Sh => ["sh-fallback", "sh-port", "flag-3"],
        SchedulerName::Mh => ["mh-fallback", "mh-port", "flag-3"],
        _ => ["flag-1", "flag-2", "flag-3"],
    };
    let bits = [SchedulerFlags::FALLBACK, SchedulerFlags::PORT, SchedulerFlags::THIRD];
    bits.into_iter().zip(names).filter(|(bit, _)| service.flags().contains(*bit)).map(|(_, name)| name).collect()
}

/// The words of `lvs_method`.
pub(super) fn method(forwarding: Forwarding, lose: &mut dyn FnMut(String)) -> String {
    let checksum = |flags: TunnelFlags| match flags.bits() {
        0 => "",
        1 => " csum",
        _ => " remcsum",
    };
    match forwarding {
        Forwarding::Masquerade => "NAT".to_owned(),
        Forwarding::DirectRouting => "DR".to_owned(),
        Forwarding::Tunnel(Tunnel::Ipip) => "TUN".to_owned(),
        Forwarding::Tunnel(Tunnel::Gue { port, flags }) => format!("TUN type gue port {port}{}", checksum(flags)),
        Forwarding::Tunnel(Tunnel::Gre { flags }) => format!("TUN type gre{}", checksum(flags)),
        Forwarding::Tunnel(_) => {
            lose("keepalived does not know this kind of tunnel".to_owned());
            "TUN".to_owned()
        }
        other => {
            lose(format!("keepalived has no forwarding method {}", other.kernel_name()));
            "DR".to_owned()
        }
    }
}

/// A keyword with the words of a text.
pub(super) fn statement(name: &str, words: &str) -> NewStatement {
    NewStatement::new(std::iter::once(name).chain(words.split_whitespace()))
}
