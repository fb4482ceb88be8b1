//! Services and destinations: `ipvsadm -L` and its columns.

use std::fmt::{self, Write as _};

use lvs_model::{
    Destination, DestinationStatus, Endpoint, Forwarding, Info, Protocol, Rates, Service, ServiceKey, ServiceStatus,
    Statistics, TunnelFlags,
};

use super::number::counter;
use crate::ipvsadm::command::{Columns, Counters};
use crate::ipvsadm::print::{self, Named, display};
use crate::ipvsadm::resolver::Resolver;

/// The tool keeps so many bytes of an IPv4 name with its port in these views.
const COLUMN: usize = 28;

/// This prints services and destinations as `ipvsadm -L` does, byte for byte.
///
/// Services and destinations are printed in the order in which they are given; [`Order::Tool`](crate::ipvsadm::Order::Tool)
/// sorts them as the tool does.
///
/// ```
/// use lvs_config::ipvsadm::{Columns, View};
/// use lvs_model::{DestinationStatus, Info, ServiceStatus, Version};
///
/// let mut web = ServiceStatus::from("-t 192.0.2.10:80 -s wrr".parse::<lvs_model::Service>()?);
/// web.destinations.push("-r 10.0.0.1:80 -m -w 3".parse::<lvs_model::Destination>()?.into());
/// let info = Info { version: Version::from_number(0x010201), connection_table_size: 4096 };
/// assert_eq!(View::new(Columns::Default).print(&info, &[web]), "\
/// IP Virtual Server version 1.2.1 (size=4096)
/// Prot LocalAddress:Port Scheduler Flags
///   -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
/// TCP  192.0.2.10:80 wrr
///   -> 10.0.0.1:80                  Masq    3      0          0         \n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy)]
pub struct View<'r> {
    columns: Columns,
    counters: Counters,
    names: Option<&'r dyn Resolver>,
}

impl fmt::Debug for View<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { columns, counters, names } = self;
        let names = names.map(|_| "a resolver");
        f.debug_struct("View").field("columns", columns).field("counters", counters).field("names", &names).finish()
    }
}

impl<'r> View<'r> {
    /// This makes a view with numbers only, `-n`.
    #[must_use]
    pub const fn new(columns: Columns) -> Self {
        Self { columns, counters: Counters::Scaled, names: None }
    }

    /// This sets how large counters are written.
    #[must_use]
    pub const fn with_counters(mut self, counters: Counters) -> Self {
        self.counters = counters;
        self
    }

    /// This shows names where the resolver knows one, as the tool does without `-n`.
    ///
    /// As in the tool, an IPv4 name with its port is cut after 28 bytes and an IPv6 one after 59.
    #[must_use]
    pub const fn with_names(mut self, names: &'r dyn Resolver) -> Self {
        self.names = Some(names);
        self
    }

    /// This is the whole list.
    #[must_use]
    pub fn print(&self, info: &Info, services: &[ServiceStatus]) -> String {
        let Info { version, connection_table_size } = info;
        let mut out = format!("IP Virtual Server version {version} (size={connection_table_size})\n");
        out.push_str(self.title());
        for service in services {
            self.service(&mut out, service);
        }
        out
    }

    /// This is what the tool shows when it is asked for one service (`-L -t 10.0.0.1:80`): without the first line.
    #[must_use]
    pub fn print_service(&self, service: &ServiceStatus) -> String {
        let mut out = self.title().to_owned();
        self.service(&mut out, service);
        out
    }

    const fn title(&self) -> &'static str {
        // Two of the titles end with a blank.
        match self.columns {
            Columns::Default => {
                "Prot LocalAddress:Port Scheduler Flags\n  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn\n"
            }
            Columns::Statistics => {
                "Prot LocalAddress:Port               Conns   InPkts  OutPkts  InBytes OutBytes\n  -> RemoteAddress:Port\n"
            }
            Columns::Rates => {
                "Prot LocalAddress:Port                 CPS    InPPS   OutPPS    InBPS   OutBPS\n  -> RemoteAddress:Port\n"
            }
            Columns::Thresholds => {
                "Prot LocalAddress:Port            Uthreshold Lthreshold ActiveConn InActConn \n  -> RemoteAddress:Port\n"
            }
            Columns::PersistentConnections => {
                "Prot LocalAddress:Port            Weight    PersistConn ActiveConn InActConn \n  -> RemoteAddress:Port\n"
            }
            Columns::TunnelInfo => {
                "Prot LocalAddress:Port Scheduler Flags\n  -> RemoteAddress:Port           Forward TunnelInfo    Weight ActiveConn InActConn\n"
            }
        }
    }

    fn service(&self, out: &mut String, status: &ServiceStatus) {
        let key = self.key(status.service.key());
        let counters = match self.columns {
            Columns::Statistics => Some(five_totals(&status.statistics)),
            Columns::Rates => Some(five_rates(&status.rates)),
            _ => None,
        };
        // Writing to a string cannot fail.
        let _ = match counters {
            Some(five) => writeln!(out, "{key:<33}{}", self.five(five)),
            None => writeln!(out, "{key} {}", options(&status.service)),
        };
        for destination in &status.destinations {
            let endpoint = destination.destination.endpoint;
            let protocol = status.service.key().protocol();
            let endpoint = self.endpoint(endpoint, protocol, print::is_mark(status.service.key()));
            let _ = writeln!(out, "  -> {endpoint:<28}{}", self.destination(destination));
        }
    }

    fn key(&self, key: &ServiceKey) -> String {
        match *key {
            ServiceKey::Socket { protocol, endpoint } => {
                let tag = match protocol {
                    Protocol::UDP => "UDP  ",
                    Protocol::SCTP => "SCTP ",
                    _ => "TCP  ",
                };
                format!("{tag}{}", self.endpoint(endpoint, protocol, false))
            }
            ServiceKey::Fwmark { family, mark } => {
                let family = if family == lvs_model::Family::Inet6 { " IPv6" } else { "" };
                format!("FWM  {}{family}", mark.get().cast_signed())
            }
        }
    }

    fn endpoint(&self, endpoint: Endpoint, protocol: Protocol, numeric_port: bool) -> String {
        let named = Named { endpoint, protocol, names: self.names, numeric_port };
        print::cut(named.to_string(), if endpoint.addr.is_ipv4() { COLUMN } else { print::LONGEST_NAME })
    }

    fn destination(&self, status: &DestinationStatus) -> impl fmt::Display {
        let DestinationStatus { destination, counts, statistics, rates } = *status;
        let view = *self;
        display(move |f| {
            let Destination { weight, forwarding, thresholds, .. } = destination;
            let method = method(forwarding);
            match view.columns {
                Columns::Statistics => {
                    // The tool takes all but the bytes from the old record, which has 32 bits for each.
                    let mut five = five_totals(&statistics);
                    five[..3].iter_mut().for_each(low_half);
                    write!(f, "{}", view.five(five))
                }
                Columns::Rates => {
                    let mut five = five_rates(&rates);
                    five.iter_mut().for_each(low_half);
                    let [connections, packets_in, packets_out, ..] = five;
                    // These three are never scaled.
                    write!(f, " {connections:>8} {packets_in:>8} {packets_out:>8}")?;
                    five[3..].iter().try_for_each(|number| write!(f, "{}", counter(*number, view.counters)))
                }
                Columns::Thresholds => {
                    write!(f, " {:<10} {:<10} {}", thresholds.upper(), thresholds.lower(), Connections(counts))
                }
                Columns::PersistentConnections => {
                    write!(f, " {weight:<9} {:<11} {}", counts.persistent, Connections(counts))
                }
                Columns::TunnelInfo => {
                    write!(f, " {method:<7} {:<13} {weight:<6} {}", tunnel(forwarding), Connections(counts))
                }
                Columns::Default => write!(f, " {method:<7} {weight:<6} {}", Connections(counts)),
            }
        })
    }

    fn five(&self, numbers: [u64; 5]) -> impl fmt::Display {
        let counters = self.counters;
        display(move |f| numbers.iter().try_for_each(|number| write!(f, "{}", counter(*number, counters))))
    }
}

/// Active and inactive connections, the last two columns of most views.
struct Connections(lvs_model::ConnectionCounts);

impl fmt::Display for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<10} {:<10}", self.0.active, self.0.inactive)
    }
}

fn low_half(number: &mut u64) {
    *number &= u64::from(u32::MAX);
}

const fn five_totals(s: &Statistics) -> [u64; 5] {
    [s.connections, s.packets_in, s.packets_out, s.bytes_in, s.bytes_out]
}

const fn five_rates(r: &Rates) -> [u64; 5] {
    [r.connections, r.packets_in, r.packets_out, r.bytes_in, r.bytes_out]
}

/// `wrr (flag-1) persistent 300 mask 255.255.255.0 pe sip ops`.
fn options(service: &Service) -> impl fmt::Display + '_ {
    display(move |f| {
        write!(f, "{}", service.scheduler())?;
        if print::has_tool_flags(service) {
            write!(f, " ({})", print::tool_flags(service))?;
        }
        if let Some(persistence) = service.persistence() {
            write!(f, " persistent {}", persistence.timeout)?;
            if !persistence.netmask.is_host() {
                write!(f, " mask {}", persistence.netmask)?;
            }
            if let Some(engine) = persistence.engine {
                write!(f, " pe {engine}")?;
            }
        }
        f.write_str(if service.one_packet() { " ops" } else { "" })
    })
}

/// The forwarding method as the tool calls it; it has no name for those that no option sets.
const fn method(forwarding: Forwarding) -> &'static str {
    match forwarding {
        Forwarding::Masquerade => "Masq",
        Forwarding::Local => "Local",
        Forwarding::Tunnel(_) => "Tunnel",
        Forwarding::DirectRouting => "Route",
        _ => "(null)",
    }
}

fn tunnel(forwarding: Forwarding) -> String {
    let checksum = |flags: TunnelFlags| match flags.bits() {
        0 => "-c",
        1 => "+c",
        2 => "r+c",
        _ => "(null)",
    };
    let Some(tunnel) = forwarding.tunnel() else { return "n/a".into() };
    match tunnel.kind() {
        0 => "ipip".into(),
        1 => format!("gue:{}:{}", tunnel.port(), checksum(tunnel.flags())),
        2 => format!("gre:{}", checksum(tunnel.flags())),
        _ => "n/a".into(),
    }
}
