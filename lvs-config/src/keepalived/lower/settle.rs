//! What keepalived does at the end of a block and at the end of the file: defaults, ports, families, duplicates, quorum.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use lvs_model::{Endpoint, Family, Forwarding, OnePacket, Persistence, PersistenceTimeout, Protocol, ServiceKey};

use super::service::{Draft, persistence, show};
use super::{Lowering, mentions};
use crate::diagnostic::{Diagnostic, Fix};
use crate::keepalived::config::{GroupEntry, SorryServer, VirtualAddress, VirtualServer};
use crate::span::Span;

impl Lowering<'_> {
    /// The end of a block `virtual_server`.
    pub(super) fn finish(&mut self, mut draft: Draft<'_>) {
        let head = draft.server.span;
        let name = show(&draft);
        self.family_of(&mut draft);
        let family = draft.server.family;
        if draft.servers.is_empty() && !draft.lost_servers && !mentions(draft.head, &["real_server"]) {
            let message = format!("virtual server {name} has no real server, it is dropped");
            self.report(
                Diagnostic::error("no-real-servers", head, message).with_help("a `sorry_server` alone does not count"),
            );
        }
        self.protocol(&mut draft, &name);
        match draft.scheduler {
            Some(scheduler) => draft.server.scheduler = scheduler,
            None if !mentions(draft.head, &["lb_algo", "lvs_sched"]) => self.report(
                Diagnostic::error(
                    "no-scheduler",
                    head,
                    format!("virtual server {name} names no scheduler, wlc is used"),
                )
                .with_help("add `lvs_sched wlc`, or another one"),
            ),
            None => {}
        }
        draft.server.flags = draft.flags;
        match draft.forwarding {
            Some(forwarding) => draft.server.forwarding = forwarding,
            None if !mentions(draft.head, &["lb_kind", "lvs_method"]) => self.report(
                Diagnostic::error(
                    "no-forwarding",
                    head,
                    format!("virtual server {name} names no forwarding method, NAT is used"),
                )
                .with_help("add `lvs_method NAT`, `DR` or `TUN`"),
            ),
            None => {}
        }
        if let Some(span) = draft.one_packet {
            let is_udp = matches!(draft.server.protocol, None | Some(Protocol::UDP));
            if is_udp {
                draft.server.one_packet = OnePacket::On;
            } else {
                self.report(Diagnostic::error(
                    "ops-needs-udp",
                    span,
                    "`ops` is for UDP and firewall marks only, it is ignored",
                ));
            }
        }
        draft.server.persistence = persistence(&draft, family);
        if draft.engine.is_some() && draft.server.persistence.is_none() {
            self.report(Diagnostic::warning(
                "engine-without-persistence",
                head,
                "`persistence_engine` has no effect without `persistence_timeout`",
            ));
        }
        let port = match &draft.address {
            VirtualAddress::Endpoint(endpoint) => Some(endpoint.port),
            _ => None,
        };
        if port == Some(0) && draft.server.persistence.is_none() {
            self.report(
                Diagnostic::error(
                    "zero-port",
                    head,
                    format!(
                        "virtual server {name} serves all ports but is not persistent, it is made persistent for 360 s"
                    ),
                )
                .with_help("add `persistence_timeout`, or a port"),
            );
            draft.server.persistence = PersistenceTimeout::new(360).ok().map(|t| Persistence::new(t, family));
        }
        self.servers(&mut draft, port);
        self.sorry(&mut draft, port);
        if !draft.server.real_servers.is_empty() {
            self.quorum(&mut draft, &name);
        }
        self.config.virtual_servers.push(draft.server);
    }

    /// The family of a service with a mark is that of its word, else that of its first server.
    fn family_of(&mut self, draft: &mut Draft<'_>) {
        let first = draft.servers.iter().find(|s| !matches!(s.forwarding, Some(Forwarding::Tunnel(_))));
        let first = first.or(draft.servers.first()).map(|s| s.server.endpoint.family());
        draft.server.family = draft.family.or(first).unwrap_or(Family::Inet);
    }

    fn protocol(&mut self, draft: &mut Draft<'_>, name: &str) {
        let only_marks = match &draft.address {
            VirtualAddress::Fwmark(_) => true,
            VirtualAddress::Group(group) => self.only_marks(group),
            VirtualAddress::Endpoint(_) => false,
        };
        match (only_marks, draft.protocol) {
            (true, Some((_, span))) => {
                self.report(Diagnostic::error(
                    "protocol-ignored",
                    span,
                    "a service with a firewall mark has no protocol, this line is ignored",
                ));
            }
            (true, None) => {}
            (false, Some((protocol, _))) => draft.server.protocol = Some(protocol),
            (false, None) => {
                if !mentions(draft.head, &["protocol"]) {
                    let diagnostic = Diagnostic::error(
                        "no-protocol",
                        draft.server.span,
                        format!("virtual server {name} names no protocol, UDP is used"),
                    );
                    self.report(diagnostic.with_help("add `protocol TCP`, `UDP` or `SCTP`"));
                }
                draft.server.protocol = Some(Protocol::UDP);
            }
        }
    }

    fn only_marks(&self, group: &str) -> bool {
        let group = self.config.groups.iter().find(|g| g.name == *group);
        group.is_some_and(|g| !g.entries.is_empty() && g.entries.iter().all(|e| matches!(e, GroupEntry::Mark { .. })))
    }

    /// Ports, families and duplicates of the real servers.
    fn servers(&mut self, draft: &mut Draft<'_>, service_port: Option<u16>) {
        let family = draft.server.family;
        let is_mark = matches!(draft.address, VirtualAddress::Fwmark(_));
        let mut seen: HashMap<Endpoint, Span> = HashMap::new();
        for mut item in std::mem::take(&mut draft.servers) {
            let forwarding = item.forwarding.unwrap_or(draft.server.forwarding);
            let server = &mut item.server;
            server.forwarding = forwarding;
            if !item.has_weight
                && let Some(weight) = draft.weight
            {
                server.weight = weight;
            }
            server.inhibit_on_failure = item.inhibit.unwrap_or(draft.inhibit);
            if server.endpoint.family() != family && !matches!(forwarding, Forwarding::Tunnel(_)) {
                self.report(
                    Diagnostic::error(
                        "family-mismatch",
                        server.span,
                        "the address is of another family than that of the service, the server is dropped",
                    )
                    .with_related(draft.server.span, "the service")
                    .with_help("only `TUN` may lead from one family to the other"),
                );
                continue;
            }
            let is_nat = matches!(forwarding, Forwarding::Masquerade);
            match (service_port, is_nat) {
                (Some(port), true) if server.endpoint.port == 0 => server.endpoint.port = port,
                (Some(port), false) if server.endpoint.port != port => {
                    if let Some(span) = item.port_span {
                        self.report(
                            port_ignored(
                                span,
                                format!(
                                    "port is ignored: with direct routing and tunnels it is that of the service, {port}"
                                ),
                            )
                            .with_related(draft.server.span, "the service"),
                        );
                    }
                    server.endpoint.port = port;
                }
                (None, false) if is_mark && server.endpoint.port != 0 => {
                    if let Some(span) = item.port_span {
                        self.report(port_ignored(
                            span,
                            "port is ignored: a service with a firewall mark keeps the port of the packet".to_owned(),
                        ));
                    }
                    server.endpoint.port = 0;
                }
                _ => {}
            }
            match seen.entry(server.endpoint) {
                Entry::Occupied(first) => {
                    self.report(
                        Diagnostic::error(
                            "duplicate-real-server",
                            server.span,
                            format!("real server {} stands here twice, the second one is dropped", server.endpoint),
                        )
                        .with_related(*first.get(), "first here"),
                    );
                    continue;
                }
                Entry::Vacant(slot) => slot.insert(server.span),
            };
            for n in &item.default_ports {
                if let Some(checker) = server.checkers.get_mut(*n) {
                    settle_port(&mut checker.kind, server.endpoint.port);
                }
            }
            draft.server.real_servers.push(item.server);
        }
    }

    fn sorry(&mut self, draft: &mut Draft<'_>, service_port: Option<u16>) {
        let Some(sorry) = draft.sorry.take() else { return };
        let forwarding = sorry.forwarding.unwrap_or(draft.server.forwarding);
        let mut endpoint = sorry.endpoint;
        if endpoint.family() != draft.server.family && !matches!(forwarding, Forwarding::Tunnel(_)) {
            self.report(
                Diagnostic::error(
                    "family-mismatch",
                    sorry.span,
                    "the address is of another family than that of the service, the sorry server is dropped",
                )
                .with_related(draft.server.span, "the service"),
            );
            return;
        }
        if let (Some(port), false) = (service_port, matches!(forwarding, Forwarding::Masquerade)) {
            endpoint.port = port;
        }
        draft.server.sorry_server =
            Some(SorryServer { span: sorry.span, endpoint, forwarding, inhibit: sorry.inhibit });
    }

    fn quorum(&mut self, draft: &mut Draft<'_>, name: &str) {
        let total: u64 = draft.server.real_servers.iter().map(|s| u64::from(s.weight.get())).sum();
        let total = u32::try_from(total).unwrap_or(u32::MAX);
        let quorum = draft.quorum.map_or(1, |(q, _)| q);
        draft.server.quorum = quorum.min(total);
        if total == 0 {
            self.report(
                Diagnostic::error(
                    "all-weights-zero",
                    draft.server.span,
                    format!("all real servers of {name} have weight 0, no connection is ever served"),
                )
                .with_help("keepalived lowers the quorum to 0 and sets the hysteresis to 4294967295 here"),
            );
        } else if let Some((_, span)) = draft.quorum.filter(|(q, _)| *q > total) {
            self.report(
                Diagnostic::error(
                    "quorum-too-high",
                    span,
                    format!("quorum {quorum} is above the sum of the weights, it is lowered to {total}"),
                )
                .with_related(draft.server.span, format!("the weights of this service sum up to {total}")),
            );
        }
        let Some((hysteresis, span)) = draft.hysteresis else { return };
        draft.server.hysteresis = hysteresis.min(draft.server.quorum.saturating_sub(1));
        if draft.server.hysteresis < hysteresis && quorum <= total {
            let lowered = draft.server.hysteresis;
            self.report(Diagnostic::error(
                "hysteresis-too-high",
                span,
                format!("hysteresis {hysteresis} is not below the quorum {quorum}, it is lowered to {lowered}"),
            ));
        }
    }

    /// The end of the file: groups that do not exist, services that stand twice.
    pub(super) fn settle(&mut self) {
        let servers = std::mem::take(&mut self.config.virtual_servers);
        let names: HashMap<String, usize> =
            self.config.groups.iter().enumerate().map(|(i, g)| (g.name.clone(), i)).collect();
        let mut keys: HashMap<ServiceKey, Span> = HashMap::new();
        for mut server in servers {
            if let VirtualAddress::Group(name) = &server.address {
                match names.get(name) {
                    None if self.is_refused("virtual_server_group", name) => {}
                    None => {
                        self.report(Diagnostic::error(
                            "undefined-name",
                            server.span,
                            format!("group `{name}` is not defined, the service has no address"),
                        ));
                    }
                    Some(&group) => self.settle_group(&mut server, group),
                }
            }
            if let Some(key) = key(&server) {
                match keys.entry(key) {
                    Entry::Occupied(first) => self.diagnostics.push(
                        Diagnostic::error(
                            "duplicate-service",
                            server.span,
                            format!("service `{key}` stands in the file twice, the kernel can have it once"),
                        )
                        .with_related(*first.get(), "first here"),
                    ),
                    Entry::Vacant(slot) => {
                        slot.insert(server.span);
                    }
                }
            }
            self.config.virtual_servers.push(server);
        }
    }

    fn settle_group(&mut self, server: &mut VirtualServer, group: usize) {
        let group = &self.config.groups[group];
        let family = group.entries.iter().find_map(|e| match e {
            GroupEntry::Addresses { first, .. } => Some(first.family()),
            GroupEntry::Mark { family, .. } => *family,
        });
        server.family = family.unwrap_or(server.family);
        for real in
            server.real_servers.iter().filter(|r| r.endpoint.port != 0 && r.forwarding != Forwarding::Masquerade)
        {
            let differs = |entry: &GroupEntry| match entry {
                GroupEntry::Addresses { first, .. } => first.port != real.endpoint.port,
                GroupEntry::Mark { .. } => true,
            };
            if group.entries.iter().any(differs) {
                let message = "port is ignored: with direct routing and tunnels it is that of each entry of the group";
                self.diagnostics
                    .push(port_ignored_by(real.span, message.to_owned()).with_related(group.span, "the group"));
            }
        }
    }
}

fn port_ignored_by(span: Span, message: String) -> Diagnostic {
    Diagnostic::error("port-ignored", span, message)
}

fn port_ignored((span, with_blank): (Span, Span), message: String) -> Diagnostic {
    port_ignored_by(span, message).with_fix(Fix::replace("remove the port", with_blank, ""))
}

/// The port of a checker that names none is that of its server.
fn settle_port(kind: &mut crate::keepalived::checker::CheckerKind, port: u16) {
    use crate::keepalived::checker::CheckerKind as Kind;
    let connection = match kind {
        Kind::Tcp(c) | Kind::Ping(c) => c,
        Kind::Http(c) | Kind::Ssl(c) => &mut c.connection,
        Kind::Dns(c) => &mut c.connection,
        Kind::Udp(c) => &mut c.connection,
        Kind::Smtp(c) => {
            for host in c.hosts.iter_mut().filter(|h| h.target.port == 0) {
                host.target.port = port;
            }
            return;
        }
        Kind::Misc(_) | Kind::File(_) | Kind::Bfd(_) => return,
    };
    connection.target.port = port;
}

/// The key of a service that is no group.
pub(in crate::keepalived) fn key(server: &VirtualServer) -> Option<ServiceKey> {
    let protocol = server.protocol.unwrap_or(Protocol::UDP);
    Some(match &server.address {
        VirtualAddress::Endpoint(endpoint) => ServiceKey::Socket { protocol, endpoint: *endpoint },
        VirtualAddress::Fwmark(mark) => ServiceKey::fwmark(server.family, *mark),
        VirtualAddress::Group(_) => return None,
    })
}
