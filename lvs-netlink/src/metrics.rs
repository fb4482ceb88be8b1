//! What the kernel counts, in the text format that Prometheus reads.
//!
//! Each service gives one series for each metric, however many destinations it has; [`Detail::Destinations`] adds one for each of them.
//! Read the kernel when the text is asked for, not in between: its counters are refreshed every two seconds.
//!
//! ```
//! # #[cfg(feature = "test-util")] {
//! use lvs_model::{SchedulerName, Service, Table, VirtualServer};
//! use lvs_netlink::metrics::Exposition;
//! use lvs_netlink::{Client, fake};
//!
//! let kernel = fake::Kernel::new();
//! let web = Service::new("tcp 10.0.0.1:80".parse()?, SchedulerName::Wlc);
//! kernel.load(&Table::from_iter([VirtualServer::new(web)]))?;
//! let mut client = Client::with_connector(kernel)?;
//!
//! let text = Exposition::new(&client.list()?).to_string();
//! assert!(text.contains(r#"lvs_service_connections_total{protocol="tcp",address="10.0.0.1",port="80"} 0"#));
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use crate::proc::TotalStatistics;
use lvs_model::{ConnectionCounts, DestinationStatus, Endpoint, ServiceKey, ServiceStatus, Statistics};
use std::collections::HashSet;
use std::fmt;

/// This says how many series there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Detail {
    /// One for each service and metric.
    #[default]
    Services,
    /// One for each destination and metric, too. With thousands of destinations this is a burden for who stores it.
    Destinations,
}

/// This prints as metrics: `Content-Type: text/plain; version=0.0.4`.
///
/// | metric | type | meaning |
/// |---|---|---|
/// | `lvs_service_info` | gauge | always 1; the label `scheduler` tells the scheduler |
/// | `lvs_service_destinations` | gauge | destinations, of which |
/// | `lvs_service_quiesced_destinations` | gauge | so many have weight 0 |
/// | `lvs_service_active_connections`, `…_inactive_…`, `…_persistent_…` | gauge | sums over the destinations |
/// | `lvs_service_connections_total` | counter | connections scheduled |
/// | `lvs_service_incoming_packets_total`, `…_outgoing_…` | counter | packets from clients, and from real servers where they pass the director |
/// | `lvs_service_incoming_bytes_total`, `…_outgoing_…` | counter | their bytes |
/// | `lvs_destination_…` | | the same of one destination, and `lvs_destination_weight` |
/// | `lvs_…_total` | counter | the same of the whole network namespace |
///
/// What comes twice, as in a listing that was disturbed, is printed once.
#[derive(Clone, Debug)]
#[must_use]
pub struct Exposition<'a> {
    services: Vec<&'a ServiceStatus>,
    totals: Option<TotalStatistics>,
    detail: Detail,
}

impl<'a> Exposition<'a> {
    /// The metrics of services, which are printed in the order of their keys.
    pub fn new(services: &'a [ServiceStatus]) -> Self {
        let mut sorted: Vec<&ServiceStatus> = services.iter().collect();
        sorted.sort_by(|a, b| a.service.key().cmp(b.service.key()));
        sorted.dedup_by(|a, b| a.service.key() == b.service.key());
        Self { services: sorted, totals: None, detail: Detail::Services }
    }

    /// With the sums of the whole network namespace, which include services that are gone.
    pub const fn with_totals(mut self, totals: TotalStatistics) -> Self {
        self.totals = Some(totals);
        self
    }

    /// With more or fewer series.
    pub const fn with_detail(mut self, detail: Detail) -> Self {
        self.detail = detail;
        self
    }
}

impl fmt::Display for Exposition<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(totals) = &self.totals {
            for (name, help, value) in COUNTERS {
                head(f, "lvs_", name, "counter", help)?;
                writeln!(f, "lvs_{name} {}", value(&totals.statistics))?;
            }
        }
        self.services(f)?;
        match self.detail {
            Detail::Services => Ok(()),
            Detail::Destinations => self.destinations(f),
        }
    }
}

type Named<T, V> = (&'static str, &'static str, fn(&T) -> V);

const COUNTERS: [Named<Statistics, u64>; 5] = [
    ("connections_total", "Connections scheduled", |s| s.connections),
    ("incoming_packets_total", "Packets from clients", |s| s.packets_in),
    ("outgoing_packets_total", "Packets from real servers that passed the director", |s| s.packets_out),
    ("incoming_bytes_total", "Bytes of packets from clients", |s| s.bytes_in),
    ("outgoing_bytes_total", "Bytes of packets from real servers that passed the director", |s| s.bytes_out),
];

const GAUGES: [Named<ConnectionCounts, u32>; 3] = [
    ("active_connections", "Established connections", |c| c.active),
    ("inactive_connections", "Connections in other states", |c| c.inactive),
    ("persistent_connections", "Clients that are remembered", |c| c.persistent),
];

fn head(f: &mut fmt::Formatter<'_>, prefix: &str, name: &str, kind: &str, help: &str) -> fmt::Result {
    writeln!(f, "# HELP {prefix}{name} {help}.\n# TYPE {prefix}{name} {kind}")
}

impl Exposition<'_> {
    fn services(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const PREFIX: &str = "lvs_service_";
        head(f, PREFIX, "info", "gauge", "The scheduler of a service; always 1")?;
        for status in &self.services {
            let (labels, scheduler) = (Labels(status.service.key()), status.service.scheduler());
            writeln!(f, "{PREFIX}info{{{labels},scheduler=\"{}\"}} 1", Escaped(scheduler.as_str()))?;
        }
        let quiesced = |status: &&DestinationStatus| status.destination.weight.is_quiesced();
        head(f, PREFIX, "destinations", "gauge", "Destinations of a service")?;
        for status in &self.services {
            let count = unique(&status.destinations).count();
            writeln!(f, "{PREFIX}destinations{{{}}} {count}", Labels(status.service.key()))?;
        }
        head(f, PREFIX, "quiesced_destinations", "gauge", "Destinations with weight 0")?;
        for status in &self.services {
            let count = unique(&status.destinations).filter(quiesced).count();
            writeln!(f, "{PREFIX}quiesced_destinations{{{}}} {count}", Labels(status.service.key()))?;
        }
        for (name, help, value) in GAUGES {
            head(f, PREFIX, name, "gauge", help)?;
            for status in &self.services {
                let sum: u64 = unique(&status.destinations).map(|status| u64::from(value(&status.counts))).sum();
                writeln!(f, "{PREFIX}{name}{{{}}} {sum}", Labels(status.service.key()))?;
            }
        }
        for (name, help, value) in COUNTERS {
            head(f, PREFIX, name, "counter", help)?;
            for status in &self.services {
                writeln!(f, "{PREFIX}{name}{{{}}} {}", Labels(status.service.key()), value(&status.statistics))?;
            }
        }
        Ok(())
    }

    fn destinations(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.each(f, "weight", "gauge", "The weight", |status| status.destination.weight.get().into())?;
        for (name, help, value) in GAUGES {
            self.each(f, name, "gauge", help, |status| value(&status.counts).into())?;
        }
        for (name, help, value) in COUNTERS {
            self.each(f, name, "counter", help, |status| value(&status.statistics))?;
        }
        Ok(())
    }

    fn each(
        &self,
        f: &mut fmt::Formatter<'_>,
        name: &str,
        kind: &str,
        help: &str,
        value: impl Fn(&DestinationStatus) -> u64,
    ) -> fmt::Result {
        const PREFIX: &str = "lvs_destination_";
        head(f, PREFIX, name, kind, help)?;
        for service in &self.services {
            for status in unique(&service.destinations) {
                let Endpoint { addr, port } = status.destination.endpoint;
                let labels = Labels(service.service.key());
                write!(f, "{PREFIX}{name}{{{labels},destination_address=\"{addr}\",destination_port=\"{port}\"}} ")?;
                writeln!(f, "{}", value(status))?;
            }
        }
        Ok(())
    }
}

/// Each endpoint once.
fn unique(destinations: &[DestinationStatus]) -> impl Iterator<Item = &DestinationStatus> {
    let mut seen = HashSet::with_capacity(destinations.len());
    destinations.iter().filter(move |status| seen.insert(status.destination.endpoint))
}

/// The labels that say which service.
struct Labels<'a>(&'a ServiceKey);

impl fmt::Display for Labels<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            ServiceKey::Socket { protocol, endpoint: Endpoint { addr, port } } => {
                write!(f, "protocol=\"{protocol}\",address=\"{addr}\",port=\"{port}\"")
            }
            ServiceKey::Fwmark { family, mark } => write!(f, "fwmark=\"{mark}\",family=\"{family}\""),
        }
    }
}

/// The value of a label, in which three characters mean something.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '\\' => f.write_str("\\\\")?,
                '"' => f.write_str("\\\"")?,
                '\n' => f.write_str("\\n")?,
                other => write!(f, "{other}")?,
            }
        }
        Ok(())
    }
}
