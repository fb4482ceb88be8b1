//! This lists what the director knows: connections and templates as `/proc/net/ip_vs_conn` shows them, services with
//! their counters as `ipvsadm -Ln` does.

use core::fmt;
use core::net::IpAddr;
use core::time::Duration;

use lvs_model::{DestinationStatus, Endpoint, Protocol, Rates, Service, ServiceKey, ServiceStatus, Statistics};

use super::entry::{self, NIL};
use super::error::ConfigError;
use super::state::State;
use super::{Counters, Director};
use crate::algo::Draws;

/// This is a line of the connection list: a connection or a persistence template.
///
/// `Display` gives the line of `/proc/net/ip_vs_conn`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ConnectionEntry {
    /// The protocol; 0 (shown `IP`) for the template of a firewall mark.
    pub protocol: Protocol,
    /// The client; for a template its network, with port 0.
    pub client: Endpoint,
    /// The virtual address and port; for the template of a firewall mark the mark, written as an address. Port 65535 marks a template that
    /// is not valid any more.
    pub target: Endpoint,
    /// The real server; its port is 0 for a template of several ports. A bypassed connection has none:
    /// address and port are zero.
    pub destination: Endpoint,
    /// The state.
    pub state: State,
    /// How long it lasts if no packet comes.
    pub remaining: Duration,
    /// Whether a template controls it.
    pub controlled: Controlled,
}

/// This says whether a connection was placed by a persistence template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a connection has a template or none")]
pub enum Controlled {
    /// It stands alone, or is a template itself.
    No,
    /// It was placed by a template, which it keeps alive.
    ByTemplate,
}

impl<D: Draws> Director<D> {
    /// This lists connections and templates, in no particular order, at the time of the latest call.
    pub fn connections(&self) -> impl Iterator<Item = ConnectionEntry> {
        self.table.iter().map(|(id, entry)| {
            let destination = self.server_of(id).map_or_else(
                || entry::endpoint(entry.family(), [0; 16], 0),
                |server| Endpoint::new(server.destination.endpoint.addr, entry.destination_port),
            );
            ConnectionEntry {
                protocol: Protocol::new(entry.protocol.into()),
                client: entry.client(),
                target: entry.service(),
                destination,
                state: entry.state(),
                remaining: entry.deadline.since(self.tick),
                controlled: if entry.control == NIL { Controlled::No } else { Controlled::ByTemplate },
            }
        })
    }

    /// This is the number of connections and templates.
    #[must_use]
    pub const fn connection_count(&self) -> usize {
        self.table.len()
    }

    /// This is the services, in no particular order.
    pub fn services(&self) -> impl Iterator<Item = &Service> {
        self.services.iter().flatten().map(|service| &service.service)
    }

    /// This is a service with its destinations in list order (the one added last comes first), counters included.
    ///
    /// # Errors
    /// There is no such service.
    pub fn service(&self, key: &ServiceKey) -> Result<ServiceStatus, ConfigError> {
        let id = self.service_id(key)?;
        let Some(service) = &self.services[id as usize] else { return Err(ConfigError::NoService(*key)) };
        let list = service.scheduled.list();
        let destinations = list.iter().filter_map(|slot| {
            let server = self.servers.at(service.servers[list.id(slot).index()])?;
            Some(DestinationStatus {
                destination: server.destination,
                counts: list.load(slot).counts(list.generation()),
                statistics: server.counters.statistics(),
                rates: server.counters.rates(),
            })
        });
        Ok(ServiceStatus {
            service: service.service.clone(),
            statistics: service.counters.statistics(),
            rates: service.counters.rates(),
            destinations: destinations.collect(),
        })
    }

    /// This is the sum over all services, deleted ones included (`/proc/net/ip_vs_stats`).
    #[must_use]
    pub const fn statistics(&self) -> Statistics {
        self.total.statistics()
    }

    /// This is the rates over all services; see [`estimate`](Self::estimate).
    #[must_use]
    pub const fn rates(&self) -> Rates {
        self.total.rates()
    }

    /// This takes one step of the kernel's rate estimator. Rates are right if it is called every two seconds, and zero if never.
    pub fn estimate(&mut self) {
        self.every_counter(Counters::estimate);
    }

    /// This sets all statistics and rates to zero (`ipvsadm -Z`); connections stay counted.
    ///
    /// The kernel's zero point is its last estimate, so that what came in the two seconds before shows up afterwards; here it is now.
    pub fn zero(&mut self) {
        self.every_counter(Counters::zero);
    }

    fn every_counter(&mut self, mut change: impl FnMut(&mut Counters)) {
        change(&mut self.total);
        self.services.iter_mut().flatten().for_each(|service| change(&mut service.counters));
        self.servers.iter_mut().for_each(|server| change(&mut server.counters));
    }
}

impl fmt::Display for ConnectionEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let protocol = match self.protocol.number() {
            0 => "IP",
            6 => "TCP",
            17 => "UDP",
            _ => "SCTP",
        };
        write!(f, "{protocol:<3} ")?;
        for endpoint in [self.client, self.target, self.destination] {
            match endpoint.addr {
                IpAddr::V4(addr) => write!(f, "{:08X}", addr.to_bits())?,
                IpAddr::V6(addr) => {
                    for (index, word) in addr.segments().into_iter().enumerate() {
                        write!(f, "{}{word:04x}", if index == 0 { "" } else { ":" })?;
                    }
                }
            }
            write!(f, " {:04X} ", endpoint.port)?;
        }
        write!(f, "{:<11} {:>7}", self.state, self.remaining.as_secs())
    }
}
