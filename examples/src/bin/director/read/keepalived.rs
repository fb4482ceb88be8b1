//! keepalived.conf: virtual servers with their real servers, TCP checks, quorum and sorry server.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use lvs_config::keepalived::checker::{Checker, CheckerKind, Connection};
use lvs_config::keepalived::{self, FileSystem, Lowered, Options, RealServer, State, Statement, VirtualServer};
use lvs_config::{Diagnostic, Source, Span};

use super::{Placed, Reading};
use crate::check::{Health, Timing};
use crate::setup::{self, CONNECT_TIMEOUT, Member, OnFailure, SorryServer, TcpCheck, VirtualService};

pub(super) fn read(name: &str, bytes: Vec<u8>) -> Reading {
    let lowered = keepalived::lower_with(Source::new(name, bytes), &mut FileSystem::new(), &Options::new());
    let mut diagnostics = lowered.diagnostics.clone();
    diagnostics.extend(not_done(&lowered));
    let written = connect_timeouts(&lowered);
    // The rules of one virtual server are those of a configuration that has no other.
    let mut alone = lowered.clone();
    let mut services = Vec::new();
    for server in &lowered.config.virtual_servers {
        diagnostics.extend(not_done_for(&lowered, server));
        let members = members(&mut alone, server, &mut diagnostics);
        let timeout = |real_server: &RealServer| {
            let checked = real_server.checkers.iter().find_map(|checker| checker.kind.connection());
            let of_server = || written.get(&real_server.span).or_else(|| written.get(&server.span)).copied();
            checked.map(|connection| connection.timeout).or_else(of_server).unwrap_or(CONNECT_TIMEOUT)
        };
        let real_servers = server
            .real_servers
            .iter()
            .map(|real_server| setup::RealServer {
                endpoint: real_server.endpoint,
                weight: real_server.weight,
                on_failure: on_failure(real_server.inhibit_on_failure),
                checks: checks(real_server, &mut diagnostics),
                connect_timeout: timeout(real_server),
            })
            .collect();
        let sorry_server = server.sorry_server.map(|sorry| SorryServer { otherwise: on_failure(sorry.inhibit) });
        let (quorum, hysteresis) = (server.quorum, server.hysteresis);
        let setup = VirtualService { members, real_servers, sorry_server, quorum, hysteresis };
        services.push(Placed { setup, span: server.span });
    }
    Reading { services, sources: lowered.sources, diagnostics }
}

const fn on_failure(inhibit: bool) -> OnFailure {
    if inhibit { OnFailure::Quiesce } else { OnFailure::Remove }
}

/// The services of a virtual server: one, or those of its group.
fn members(alone: &mut Lowered, server: &VirtualServer, diagnostics: &mut Vec<Diagnostic>) -> Vec<Member> {
    let sorry_endpoint = server.sorry_server.map(|sorry| sorry.endpoint);
    // With the sorry server inhibited, the rules hold it behind the real servers, with its port settled too.
    let mut shown = server.clone();
    if let Some(sorry) = &mut shown.sorry_server {
        sorry.inhibit = true;
    }
    alone.config.virtual_servers = vec![shown];
    let projection = alone.project(&State::AllUp);
    diagnostics.extend(projection.diagnostics);
    let member = |rules: &lvs_model::VirtualServer| {
        let mut destinations = rules.destinations().to_vec();
        let sorry_destination = match sorry_endpoint {
            Some(_) if destinations.len() > server.real_servers.len() => destinations.pop(),
            // The sorry server is one of the real servers.
            Some(endpoint) => destinations.iter().find(|d| d.endpoint.addr == endpoint.addr).copied(),
            None => None,
        };
        Member { service: rules.service().clone(), destinations, sorry_destination }
    };
    projection.table.iter().map(member).collect()
}

/// The checks of a real server. Those that this program cannot do are told, and done as far as connecting where there is something to
/// connect to.
fn checks(real_server: &RealServer, diagnostics: &mut Vec<Diagnostic>) -> Vec<TcpCheck> {
    let mut checks = Vec::new();
    for checker in &real_server.checkers {
        let keyword = checker.kind.keyword();
        let connects = match &checker.kind {
            CheckerKind::Tcp(_) => true,
            CheckerKind::Http(_) | CheckerKind::Ssl(_) | CheckerKind::Smtp(_) => {
                let message = format!("of `{keyword}` only the connection is checked here");
                diagnostics.push(
                    Diagnostic::warning("checker-not-done", checker.span, message).with_label("done as a `TCP_CHECK`"),
                );
                true
            }
            _ => {
                let message = format!("`{keyword}` is not done here, the server counts as up for it");
                diagnostics.push(
                    Diagnostic::warning("checker-not-done", checker.span, message).with_label("expected `TCP_CHECK`"),
                );
                false
            }
        };
        let connection = checker.kind.connection().filter(|_| connects);
        checks.extend(connection.map(|connection| check(checker, connection)));
    }
    checks
}

fn check(checker: &Checker, connection: &Connection) -> TcpCheck {
    let target = connection.target.socket_addr();
    let any = || if target.is_ipv4() { [0; 4].into() } else { [0; 16].into() };
    let source = match (connection.source, connection.source_port) {
        (None, None) => None,
        (address, port) => Some(SocketAddr::new(address.unwrap_or_else(any), port.unwrap_or(0))),
    };
    TcpCheck {
        target,
        source,
        interface: connection.interface.clone(),
        connect_timeout: connection.timeout,
        timing: Timing {
            delay_loop: checker.delay_loop,
            retry: checker.retry,
            delay_before_retry: checker.delay_before_retry,
            warmup: checker.warmup,
            start: if checker.alpha { Health::Down } else { Health::Up },
        },
    }
}

/// What is written as `connect_timeout` of virtual and real servers, by the place of their heads: a client waits as long as a check.
fn connect_timeouts(lowered: &Lowered) -> HashMap<Span, Duration> {
    let timeout = |statement: Statement<'_>| {
        let seconds = statement.child("connect_timeout")?.arguments().first()?.as_str()?.parse().ok()?;
        Duration::try_from_secs_f64(seconds).ok()
    };
    let servers = lowered.tree.all().filter(|s| matches!(s.name(), "virtual_server" | "real_server"));
    servers.filter_map(|server| Some((server.span(), timeout(server)?))).collect()
}

/// A warning for the first block and the first setting of each kind that keepalived would do and this program does not.
fn not_done(lowered: &Lowered) -> Vec<Diagnostic> {
    let first = |name: &&str| lowered.tree.all().find(|statement| statement.name() == *name);
    let warning = |statement: Statement<'_>| {
        let message = format!("`{}` is not done by this program", statement.name());
        Diagnostic::warning("not-done", statement.span(), message)
    };
    const NAMES: [&str; 8] = [
        "vrrp_instance",
        "bfd_instance",
        "static_ipaddress",
        "static_routes",
        "lvs_flush",
        "lvs_flush_on_stop",
        "lvs_sync_daemon",
        "lvs_timeouts",
    ];
    NAMES.iter().filter_map(first).map(warning).collect()
}

/// Warnings about what keepalived would do for a virtual server and this program does not.
fn not_done_for(lowered: &Lowered, server: &VirtualServer) -> Vec<Diagnostic> {
    let scripts = server.real_servers.iter().any(|s| s.notify_up.is_some() || s.notify_down.is_some());
    let marked = |real_server: &RealServer| {
        real_server.checkers.iter().filter_map(|c| c.kind.connection()).any(|connection| connection.mark != 0)
    };
    let found = [
        ("`notify_up` and `notify_down` are", scripts),
        ("`quorum_up` and `quorum_down` are", server.quorum_up.is_some() || server.quorum_down.is_some()),
        ("`ha_suspend` is", server.ha_suspend),
        ("`smtp_alert` is", server.smtp_alert == Some(true)),
        ("`nftables_ipvs` is", lowered.config.global.nftables),
        ("`fwmark` of checkers is", server.real_servers.iter().any(marked)),
    ];
    let warning = |(what, _): (&str, bool)| {
        Diagnostic::warning("not-done", server.span, format!("{what} not done by this program"))
    };
    found.into_iter().filter(|(_, found)| *found).map(warning).collect()
}
