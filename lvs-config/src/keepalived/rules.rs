//! From a configuration to the rules that keepalived gives to the kernel at one moment.

use lvs_model::{
    Destination, Endpoint, Forwarding, Fwmark, InsertError, Service, ServiceKey, Table, VirtualServer as Rules, Weight,
};

use super::config::{Config, Group, GroupEntry, RealServer, VirtualAddress, VirtualServer};
use super::lower::nth;
use super::options::Limits;
use crate::diagnostic::Diagnostic;
use crate::span::Span;

/// This says which real servers are up at the moment for which rules are made.
#[derive(Default)]
#[non_exhaustive]
pub enum State<'a> {
    /// Every server is up, with its configured weight; no sorry server is in use. A configuration without checkers
    /// stays so.
    #[default]
    AllUp,
    /// As [`State::AllUp`], and services without real servers are there too, which keepalived drops: this is what the
    /// file says, and what rules made from a table come back as.
    AsWritten,
    /// The very start: servers with `alpha` are not there yet (or have weight 0 with `inhibit_on_failure`), and a
    /// sorry server is there when the others do not reach the quorum.
    Start,
    /// The caller says for each service and server whether it is up.
    Map(&'a dyn Fn(&VirtualServer, &RealServer) -> bool),
}

impl std::fmt::Debug for State<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::AllUp => "AllUp",
            Self::AsWritten => "AsWritten",
            Self::Start => "Start",
            Self::Map(_) => "Map",
        })
    }
}

/// These are the rules for the kernel, and what could not become a rule.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Projection {
    /// These are the rules, services and destinations in the order of the file.
    pub table: Table,
    /// This says what the kernel would refuse, and what the rules do not show.
    pub diagnostics: Vec<Diagnostic>,
}

/// Makes the rules for one moment.
pub(super) fn project(config: &Config, state: &State<'_>, limits: Limits) -> Projection {
    let mut out = Projection::default();
    let mut left = limits.destinations;
    let mut next_mark = config.global.nftables_first_mark.map_or(1000, Fwmark::get);
    for server in &config.virtual_servers {
        if server.real_servers.is_empty() && !matches!(state, State::AsWritten) {
            continue;
        }
        let destinations = destinations(server, state);
        match &server.address {
            VirtualAddress::Group(name) => {
                let Some(group) = config.groups.iter().find(|g| g.name == *name) else { continue };
                let is_first = next_mark;
                let marks = |entry: &GroupEntry| matches!(entry, GroupEntry::Mark { .. });
                if config.global.nftables && !group.entries.iter().all(marks) {
                    let Ok(mark) = Fwmark::new(is_first) else { continue };
                    next_mark += 1;
                    out.diagnostics.push(
                        Diagnostic::info(
                            "internal-mark",
                            server.span,
                            format!("group `{name}` becomes one service with mark {is_first}"),
                        )
                        .with_help("nftables rules made by keepalived set the mark; the number is internal"),
                    );
                    add(&mut out, server, ServiceKey::fwmark(server.family, mark), &destinations, None);
                    continue;
                }
                expand(&mut out, server, group, &destinations, &mut left);
            }
            _ => {
                if let Some(key) = super::lower::key(server) {
                    add(&mut out, server, key, &destinations, None);
                }
            }
        }
    }
    out
}

fn expand(
    out: &mut Projection,
    server: &VirtualServer,
    group: &Group,
    destinations: &[(Destination, Span)],
    left: &mut usize,
) {
    for entry in &group.entries {
        match *entry {
            GroupEntry::Mark { mark, family, .. } => {
                let key = ServiceKey::fwmark(family.unwrap_or(server.family), mark);
                add(out, server, key, destinations, Some(0));
            }
            GroupEntry::Addresses { first, more, span } => {
                let protocol = server.protocol.unwrap_or(lvs_model::Protocol::UDP);
                for n in 0..=more {
                    let Some(rest) = left.checked_sub(destinations.len() + 1) else {
                        out.diagnostics.push(Diagnostic::error(
                            "too-many-rules",
                            span,
                            "groups give too many rules, the rest is left out",
                        ));
                        return;
                    };
                    *left = rest;
                    let endpoint = Endpoint::new(nth(first.addr, n), first.port);
                    add(out, server, ServiceKey::Socket { protocol, endpoint }, destinations, Some(first.port));
                }
            }
        }
    }
}

fn add(
    out: &mut Projection,
    server: &VirtualServer,
    key: ServiceKey,
    destinations: &[(Destination, Span)],
    port: Option<u16>,
) {
    let mut service = Service::new(key, server.scheduler).with_flags(server.flags).with_one_packet(server.one_packet);
    if let Some(mut persistence) = server.persistence {
        if persistence.netmask.family() != key.family() {
            persistence.netmask = lvs_model::Netmask::host(key.family());
        }
        // The families are equal now, so this cannot be refused.
        service = service.clone().with_persistence(persistence).unwrap_or(service);
    }
    let mut rules = Rules::new(service);
    for (destination, span) in destinations {
        let mut destination = *destination;
        if let Some(port) = port
            && (destination.endpoint.port == 0 || destination.forwarding != Forwarding::Masquerade)
        {
            destination.endpoint.port = port;
        }
        match rules.insert(destination) {
            Ok(()) => {}
            Err(InsertError::NotUnicast(endpoint)) => out.diagnostics.push(Diagnostic::error(
                "not-unicast",
                *span,
                format!("{endpoint} is no address of a single host, the kernel refuses it"),
            )),
            Err(error) => out.diagnostics.push(Diagnostic::error("refused-by-kernel", *span, error.to_string())),
        }
    }
    if let Err(error) = out.table.insert(rules) {
        out.diagnostics.push(Diagnostic::error("duplicate-service", server.span, error.to_string()));
    }
}

/// The destinations of a service at one moment.
fn destinations(server: &VirtualServer, state: &State<'_>) -> Vec<(Destination, Span)> {
    let is_up = |real: &RealServer| match state {
        State::AllUp | State::AsWritten => true,
        State::Start => !real.checkers.iter().any(|c| c.alpha),
        State::Map(up) => up(server, real),
    };
    let alive: u64 = server.real_servers.iter().filter(|r| is_up(r)).map(|r| u64::from(r.weight.get())).sum();
    let quorum = u64::from(server.quorum);
    let lost = alive == 0 || alive < quorum.saturating_sub(server.hysteresis.into());
    let sorry = server.sorry_server.filter(|_| lost && !matches!(state, State::AllUp | State::AsWritten));
    let mut out = Vec::new();
    for real in server.real_servers.iter().filter(|r| !r.refused) {
        let up = is_up(real) && sorry.is_none();
        if !up && !real.inhibit_on_failure {
            continue;
        }
        let weight = if up { real.weight } else { Weight::ZERO };
        out.push((rule(real.endpoint, real.forwarding, weight).with_thresholds(real.thresholds), real.span));
    }
    match (sorry, server.sorry_server) {
        (Some(sorry), _) => out.push((rule(sorry.endpoint, sorry.forwarding, Weight::ONE), sorry.span)),
        (None, Some(sorry)) if sorry.inhibit => {
            out.push((rule(sorry.endpoint, sorry.forwarding, Weight::ZERO), sorry.span));
        }
        _ => {}
    }
    out
}

fn rule(endpoint: Endpoint, forwarding: Forwarding, weight: Weight) -> Destination {
    Destination::new(endpoint).with_forwarding(forwarding).with_weight(weight)
}
