//! Rules as text.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use lvs_model::{
    Destination, Endpoint, Forwarding, Protocol, SchedulerFlags, SchedulerName, Service, ServiceKey, SyncDaemon, Table,
    Tunnel, TunnelFlags,
};

use super::order::{Order, merge_sort};
use super::resolver::Resolver;
use super::word::DROPPED_WORD;

/// This is the canonical text of a table: one rule on a line, services and destinations by number.
///
/// It is what `ipvsadm -S -n` prints, repaired: thresholds are printed, marks are unsigned, flags are never left out,
/// and the order is a real order. `ipvsadm -R` reads it. [`Printer`] offers the other orders and the tool's own text.
///
/// ```
/// use lvs_config::ipvsadm;
///
/// let reading = ipvsadm::read("-A -t 10.0.0.1:80\n-a -t 10.0.0.1:80 -r 10.1.0.1 -m -x 100\n");
/// assert_eq!(
///     ipvsadm::canonical(&reading.table),
///     "-A -t 10.0.0.1:80 -s wlc\n-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 1 -x 100\n",
/// );
/// ```
#[must_use]
pub fn canonical(table: &Table) -> String {
    Printer::canonical().print(table)
}

/// This prints tables as rules.
///
/// What no option of `ipvsadm` can say is left out: scheduler flags above 0x20, tunnel types above 2, and the forwarding
/// methods `bypass` and 5 to 7, which are printed as `-m`, as the tool lists them. A destination that the kernel marks
/// as local is printed as `-g`.
#[derive(Clone, Copy)]
pub struct Printer<'r> {
    style: Style,
    order: Order,
    names: Option<&'r dyn Resolver>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Canonical,
    Tool,
}

impl fmt::Debug for Printer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { style, order, names } = self;
        let names = names.map(|_| "a resolver");
        f.debug_struct("Printer").field("style", style).field("order", order).field("names", &names).finish()
    }
}

impl<'r> Printer<'r> {
    /// This prints text that says everything and that every `ipvsadm -R` reads, in numeric order.
    #[must_use]
    pub const fn canonical() -> Self {
        Self { style: Style::Canonical, order: Order::Numeric, names: None }
    }

    /// This prints what `ipvsadm -S -n` prints, with its losses: no thresholds, marks from 2^31 on as negative numbers,
    /// no `flag-3` for sh and mh, in the tool's order.
    #[must_use]
    pub const fn tool() -> Self {
        Self { style: Style::Tool, order: Order::Tool, names: None }
    }

    /// This sets the order.
    #[must_use]
    pub const fn with_order(mut self, order: Order) -> Self {
        self.order = order;
        self
    }

    /// This prints names instead of numbers where the resolver knows one, as `ipvsadm -S` without `-n`.
    ///
    /// In canonical text IPv6 addresses stay numbers, because `ipvsadm -R` does not read their names.
    #[must_use]
    pub const fn with_names(mut self, names: &'r dyn Resolver) -> Self {
        self.names = Some(names);
        self
    }

    /// This is the text of a table; every line ends with a newline.
    #[must_use]
    pub fn print(&self, table: &Table) -> String {
        let mut out = String::new();
        // Writing to a string cannot fail.
        let _ = self.write(&mut out, table);
        out
    }

    /// This writes the text of a table.
    ///
    /// # Errors
    ///
    /// What `out` fails with.
    pub fn write(&self, out: &mut impl fmt::Write, table: &Table) -> fmt::Result {
        let mut servers: Vec<_> = table.iter().collect();
        merge_sort(&mut servers, &|a, b| self.order.services(a.key(), b.key()));
        for server in servers {
            let key = self.key(server.key());
            writeln!(out, "-A {key} {}", self.service_options(server.service()))?;
            let mut destinations: Vec<&Destination> = server.destinations().iter().collect();
            merge_sort(&mut destinations, &|a, b| self.order.endpoints(&a.endpoint, &b.endpoint));
            let key = key.to_string();
            for destination in destinations {
                let real = self.endpoint(destination.endpoint, server.key().protocol(), is_mark(server.key()));
                writeln!(out, "-a {key} -r {real} {}", self.destination_options(destination))?;
            }
        }
        Ok(())
    }

    pub(super) fn key(&self, key: &'r ServiceKey) -> impl fmt::Display + 'r {
        let printer = *self;
        display(move |f| match *key {
            ServiceKey::Socket { protocol, endpoint } => {
                let option = match protocol {
                    Protocol::UDP => "-u",
                    Protocol::SCTP => "--sctp-service",
                    _ => "-t",
                };
                write!(f, "{option} {}", printer.endpoint(endpoint, protocol, false))
            }
            ServiceKey::Fwmark { mark, .. } if printer.style == Style::Tool => {
                write!(f, "-f {}", mark.get().cast_signed())?;
                family_option(key, f)
            }
            ServiceKey::Fwmark { mark, .. } => {
                write!(f, "-f {mark}")?;
                family_option(key, f)
            }
        })
    }

    fn endpoint(&self, endpoint: Endpoint, protocol: Protocol, numeric_port: bool) -> impl fmt::Display + use<'r> {
        let tool = self.style == Style::Tool;
        let names = self.names.filter(|_| tool || endpoint.addr.is_ipv4());
        let named = Named { endpoint, protocol, names, numeric_port };
        display(move |f| match names {
            Some(_) if tool => f.write_str(&cut(named.to_string(), LONGEST_NAME)),
            _ => write!(f, "{named}"),
        })
    }

    fn service_options(&self, service: &'r Service) -> impl fmt::Display + 'r {
        let style = self.style;
        display(move |f| {
            write!(f, "{}", named_option("-s", service.scheduler().as_str(), style))?;
            if let Some(mut persistence) = service.persistence().copied() {
                let engine = persistence.engine.take();
                write!(f, " {persistence}")?;
                if let Some(engine) = engine {
                    write!(f, " {}", named_option("--pe", engine.as_str(), style))?;
                }
            }
            if service.one_packet() {
                f.write_str(" -o")?;
            }
            match style {
                Style::Canonical => {
                    let known = SchedulerFlags::from_bits(service.flags().bits() & 0x38);
                    if !known.is_empty() {
                        write!(f, " -b {}", known.names(service.scheduler()))?;
                    }
                    Ok(())
                }
                Style::Tool if !has_tool_flags(service) => Ok(()),
                Style::Tool => write!(f, " -b {}", tool_flags(service)),
            }
        })
    }

    fn destination_options(&self, destination: &'r Destination) -> impl fmt::Display + 'r {
        let style = self.style;
        display(move |f| {
            let (method, tunnel) = match destination.forwarding {
                Forwarding::DirectRouting | Forwarding::Local => ("-g", None),
                Forwarding::Tunnel(tunnel) => ("-i", Some(tunnel)),
                Forwarding::Masquerade => ("-m", None),
                // What `ipvsadm -S` prints here nobody can read.
                _ if style == Style::Tool => ("(null)", None),
                _ => ("-m", None),
            };
            write!(f, "{method} -w {}", destination.weight)?;
            match tunnel {
                None => {}
                Some(Tunnel::Gue { port, flags }) => {
                    write!(f, " --tun-type gue --tun-port {port} {}", checksum(flags))?;
                }
                Some(Tunnel::Gre { flags }) => write!(f, " --tun-type gre {}", checksum(flags))?,
                Some(tunnel) if tunnel.kind() > 2 && style == Style::Tool => {}
                Some(_) => f.write_str(" --tun-type ipip")?,
            }
            let thresholds = destination.thresholds;
            if style == Style::Canonical && thresholds.upper() != 0 {
                write!(f, " -x {}", thresholds.upper())?;
            }
            if style == Style::Canonical && thresholds.lower() != 0 {
                write!(f, " -y {}", thresholds.lower())?;
            }
            Ok(())
        })
    }
}

/// An option with a name behind it. `ipvsadm -R` drops the word `ipvsadm` wherever it stands, so this name is no word alone.
fn named_option<'n>(option: &'n str, name: &'n str, style: Style) -> impl fmt::Display + 'n {
    let between = if style == Style::Canonical && name.as_bytes() == DROPPED_WORD { "=" } else { " " };
    display(move |f| write!(f, "{option}{between}{name}"))
}

/// A sync daemon with its options, canonical.
pub(super) fn daemon(daemon: &SyncDaemon) -> impl fmt::Display + '_ {
    let blank = daemon.interface.as_str().as_bytes() != DROPPED_WORD;
    display(move |f| match blank {
        true => write!(f, "{daemon}"),
        false => f.write_str(&daemon.to_string().replace("--mcast-interface ", "--mcast-interface=")),
    })
}

/// A service with its options, canonical.
pub(super) fn service(service: &Service) -> impl fmt::Display + '_ {
    display(move |f| {
        let printer = Printer::canonical();
        write!(f, "{} {}", printer.key(service.key()), printer.service_options(service))
    })
}

/// A key, canonical.
pub(super) fn key(key: &ServiceKey) -> impl fmt::Display + '_ {
    display(move |f| write!(f, "{}", Printer::canonical().key(key)))
}

/// An address and port, canonical.
pub(super) fn endpoint(endpoint: Endpoint) -> impl fmt::Display {
    Printer::canonical().endpoint(endpoint, Protocol::TCP, false)
}

/// The options of a service behind its key, canonical.
pub(super) fn service_options(service: &Service) -> impl fmt::Display + '_ {
    display(move |f| write!(f, "{}", Printer::canonical().service_options(service)))
}

/// The options of a destination behind its address, canonical.
pub(super) fn destination_options(destination: &Destination) -> impl fmt::Display + '_ {
    display(move |f| write!(f, "{}", Printer::canonical().destination_options(destination)))
}

/// A destination with its options, canonical.
pub(super) fn destination(destination: &Destination) -> impl fmt::Display + '_ {
    display(move |f| {
        let printer = Printer::canonical();
        let real = printer.endpoint(destination.endpoint, Protocol::TCP, false);
        write!(f, "-r {real} {}", printer.destination_options(destination))
    })
}

pub(super) const fn is_mark(key: &ServiceKey) -> bool {
    matches!(key, ServiceKey::Fwmark { .. })
}

fn family_option(key: &ServiceKey, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str(if key.family() == lvs_model::Family::Inet6 { " -6" } else { "" })
}

const fn checksum(flags: TunnelFlags) -> &'static str {
    match flags.bits() & 0x3 {
        0 => "--tun-nocsum",
        0x1 => "--tun-csum",
        _ => "--tun-remcsum",
    }
}

/// Whether the tool shows flags at all; with sh and mh there may be nothing that it can show.
pub(super) const fn has_tool_flags(service: &Service) -> bool {
    service.flags().bits() & 0x38 != 0
}

/// The flags as the tool names them: it has no third name for sh and mh.
pub(super) fn tool_flags(service: &Service) -> impl fmt::Display + use<> {
    let scheduler = service.scheduler();
    let mask = if matches!(scheduler, SchedulerName::Sh | SchedulerName::Mh) { 0x18 } else { 0x38 };
    SchedulerFlags::from_bits(service.flags().bits() & mask).names(scheduler)
}

/// The tool keeps so many bytes of a name with its port.
pub(super) const LONGEST_NAME: usize = 59;

/// Cuts a text after so many bytes, as a buffer of the tool does.
pub(super) fn cut(mut text: String, length: usize) -> String {
    if text.len() > length {
        let end = (0..=length).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
    }
    text
}

/// An endpoint with names where there are some.
#[derive(Clone, Copy)]
pub(super) struct Named<'r> {
    pub(super) endpoint: Endpoint,
    pub(super) protocol: Protocol,
    pub(super) names: Option<&'r dyn Resolver>,
    pub(super) numeric_port: bool,
}

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Endpoint { addr, port } = self.endpoint;
        let host = self.names.and_then(|names| names.host_name(addr));
        match (host, addr) {
            (Some(name), IpAddr::V4(_)) => write!(f, "{name}:")?,
            (Some(name), IpAddr::V6(_)) => write!(f, "[{name}]:")?,
            (None, IpAddr::V4(addr)) => write!(f, "{addr}:")?,
            (None, IpAddr::V6(addr)) => write!(f, "[{}]:", inet6(addr))?,
        }
        let names = self.names.filter(|_| !self.numeric_port);
        match names.and_then(|names| names.service_name(port, self.protocol)) {
            Some(name) => f.write_str(&name),
            None => write!(f, "{port}"),
        }
    }
}

/// An IPv6 address as the C library writes it: like Rust, but addresses of the form `::1.2.3.4` stay dotted.
fn inet6(addr: Ipv6Addr) -> impl fmt::Display {
    display(move |f| match addr.segments() {
        // `::1` is not one of them: the run of zeros must end before the last two groups.
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 => {
            write!(f, "::{}", Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
        }
        _ => write!(f, "{addr}"),
    })
}

/// A `Display` made of a closure.
pub(super) fn display<F: Fn(&mut fmt::Formatter<'_>) -> fmt::Result>(write: F) -> impl fmt::Display {
    struct FromFn<F>(F);
    impl<F: Fn(&mut fmt::Formatter<'_>) -> fmt::Result> fmt::Display for FromFn<F> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0(f)
        }
    }
    FromFn(write)
}

impl Default for Printer<'_> {
    /// The canonical one.
    fn default() -> Self {
        Self::canonical()
    }
}
