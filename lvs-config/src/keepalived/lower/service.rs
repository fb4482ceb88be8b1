//! `virtual_server`, statement by statement: some depend on those before them.

use lvs_model::{
    Endpoint, Family, Forwarding, Fwmark, Netmask, OnePacket, Persistence, PersistenceEngine, PersistenceTimeout,
    PrefixLength, Protocol, SchedulerFlags, SchedulerName,
};

use super::{Lowering, duration, endpoint, integer, script, string, switch, text};
use crate::diagnostic::{Diagnostic, Fix};
use crate::keepalived::config::{Inherited, RealServer, VirtualAddress, VirtualServer};
use crate::keepalived::tree::Statement;
use crate::keepalived::values;
use crate::span::Span;

/// A service while its block is read.
pub(super) struct Draft<'a> {
    pub(super) head: Statement<'a>,
    pub(super) address: VirtualAddress,
    pub(super) family: Option<Family>,
    pub(super) protocol: Option<(Protocol, Span)>,
    pub(super) scheduler: Option<SchedulerName>,
    pub(super) flags: SchedulerFlags,
    pub(super) one_packet: Option<Span>,
    pub(super) forwarding: Option<Forwarding>,
    pub(super) timeout: Option<PersistenceTimeout>,
    pub(super) granularity: Option<(Netmask, Span)>,
    pub(super) engine: Option<PersistenceEngine>,
    pub(super) quorum: Option<(u32, Span)>,
    pub(super) hysteresis: Option<(u32, Span)>,
    pub(super) weight: Option<lvs_model::Weight>,
    pub(super) inherited: Inherited,
    pub(super) inhibit: bool,
    pub(super) sorry: Option<SorryDraft>,
    pub(super) servers: Vec<ServerDraft>,
    /// A server was dropped, and this was said.
    pub(super) lost_servers: bool,
    pub(super) server: VirtualServer,
}

pub(super) struct SorryDraft {
    pub(super) span: Span,
    pub(super) endpoint: Endpoint,
    pub(super) forwarding: Option<Forwarding>,
    pub(super) inhibit: bool,
}

pub(super) struct ServerDraft {
    pub(super) server: RealServer,
    pub(super) forwarding: Option<Forwarding>,
    pub(super) has_weight: bool,
    /// The port as it was written, and the same with the blank before it; `None` when it was not written.
    pub(super) port_span: Option<(Span, Span)>,
    pub(super) inhibit: Option<bool>,
    /// The port that checkers connect to when they say nothing, by their number.
    pub(super) default_ports: Vec<usize>,
}

impl Lowering<'_> {
    pub(super) fn service(&mut self, block: Statement<'_>) {
        if !block.is_valid() {
            return;
        }
        let Some(address) = self.virtual_address(block) else { return };
        let family = if let VirtualAddress::Endpoint(endpoint) = address { Some(endpoint.family()) } else { None };
        let server = VirtualServer {
            span: block.span(),
            address: address.clone(),
            family: family.unwrap_or(Family::Inet),
            protocol: None,
            scheduler: SchedulerName::Wlc,
            flags: SchedulerFlags::EMPTY,
            one_packet: OnePacket::Off,
            forwarding: Forwarding::Masquerade,
            persistence: None,
            quorum: 1,
            hysteresis: 0,
            quorum_up: None,
            quorum_down: None,
            alpha: false,
            omega: false,
            ha_suspend: false,
            virtualhost: None,
            snmp_name: None,
            smtp_alert: None,
            sorry_server: None,
            real_servers: Vec::new(),
        };
        let mut draft = Draft {
            head: block,
            address,
            family,
            protocol: None,
            scheduler: None,
            flags: SchedulerFlags::EMPTY,
            one_packet: None,
            forwarding: None,
            timeout: None,
            granularity: None,
            engine: None,
            quorum: None,
            hysteresis: None,
            weight: None,
            inherited: Inherited::default(),
            inhibit: false,
            sorry: None,
            servers: Vec::new(),
            lost_servers: false,
            server,
        };
        for statement in block.children() {
            if statement.name() == "real_server" {
                self.server(statement, &mut draft);
            } else if statement.is_valid() || is_tunnel(statement) {
                self.setting(statement, &mut draft);
            }
        }
        self.finish(draft);
    }

    fn virtual_address(&mut self, block: Statement<'_>) -> Option<VirtualAddress> {
        let words = block.arguments();
        match (block.argument(0)?, words.get(1)) {
            (b"fwmark", Some(word)) => {
                let mark = values::number(&word.text, 0, u32::MAX.into()).ok().and_then(|n| u32::try_from(n).ok());
                if let Some(mark) = mark.and_then(|m| Fwmark::new(m).ok()) {
                    return Some(VirtualAddress::Fwmark(mark));
                }
                self.report(
                    Diagnostic::error(
                        "invalid-number",
                        word.span,
                        format!("`{}` is no firewall mark, the service is dropped", word.lossy()),
                    )
                    .with_label("expected a number from 1 to 4294967295"),
                );
                None
            }
            (b"group", Some(word)) => Some(VirtualAddress::Group(word.lossy().into_owned())),
            _ => endpoint(block, "virtual server", self.diagnostics).map(VirtualAddress::Endpoint),
        }
    }

    fn setting(&mut self, statement: Statement<'_>, draft: &mut Draft<'_>) {
        let span = statement.span();
        match statement.name() {
            "ip_family" => self.family(statement, draft),
            "protocol" => {
                let protocol = match &*statement.argument(0).unwrap_or_default().to_ascii_uppercase() {
                    b"UDP" => Protocol::UDP,
                    b"SCTP" => Protocol::SCTP,
                    _ => Protocol::TCP,
                };
                draft.protocol = Some((protocol, span));
            }
            "lb_algo" | "lvs_sched" => draft.scheduler = string(statement).and_then(|s| s.parse().ok()),
            "lb_kind" | "lvs_method" => draft.forwarding = forwarding(statement),
            "flag-1" => draft.flags = draft.flags.union(SchedulerFlags::FALLBACK),
            "flag-2" => draft.flags = draft.flags.union(SchedulerFlags::PORT),
            "flag-3" => draft.flags = draft.flags.union(SchedulerFlags::THIRD),
            name @ ("sh-port" | "sh-fallback" | "mh-port" | "mh-fallback") => {
                self.scheduler_flag(name, statement, draft);
            }
            "ops" => draft.one_packet = Some(span),
            "persistence_engine" => self.engine(statement, draft),
            "persistence_timeout" => {
                draft.timeout = integer(statement).or(Some(360)).and_then(|n| PersistenceTimeout::new(n).ok());
            }
            "persistence_granularity" => self.granularity(statement, draft),
            "quorum" => draft.quorum = integer(statement).map(|n| (n, span)),
            "hysteresis" => draft.hysteresis = integer(statement).map(|n| (n, span)),
            "weight" => draft.weight = integer(statement).and_then(|n| lvs_model::Weight::new(n).ok()),
            "quorum_up" => draft.server.quorum_up = script(statement),
            "quorum_down" => draft.server.quorum_down = script(statement),
            "alpha" => {
                draft.server.alpha = true;
                draft.inherited.alpha = Some(true);
            }
            "omega" => draft.server.omega = true,
            "ha_suspend" => draft.server.ha_suspend = true,
            "inhibit_on_failure" => draft.inhibit = true,
            "virtualhost" => draft.server.virtualhost = string(statement),
            "snmp_name" => draft.server.snmp_name = string(statement),
            "smtp_alert" => draft.server.smtp_alert = Some(switch(statement)),
            "delay_loop" => draft.inherited.delay_loop = duration(statement),
            "connect_timeout" => draft.inherited.connect_timeout = duration(statement),
            "retry" => draft.inherited.retry = integer(statement),
            "delay_before_retry" => draft.inherited.delay_before_retry = duration(statement),
            "warmup" => draft.inherited.warmup = duration(statement),
            "sorry_server" => self.sorry_server(statement, draft),
            "sorry_server_inhibit" | "sorry_server_lvs_method" => self.sorry_setting(statement, draft),
            _ => {}
        }
    }

    fn family(&mut self, statement: Statement<'_>, draft: &mut Draft<'_>) {
        let family = if statement.argument(0) == Some(b"inet6") { Family::Inet6 } else { Family::Inet };
        if let VirtualAddress::Endpoint(endpoint) = draft.address {
            if endpoint.family() != family {
                let message = "`ip_family` is not the family of the address";
                self.report(
                    Diagnostic::error("family-mismatch", statement.span(), message)
                        .with_related(draft.server.span, "the address"),
                );
            }
            return;
        }
        draft.family = Some(family);
    }

    fn scheduler_flag(&mut self, name: &'static str, statement: Statement<'_>, draft: &mut Draft<'_>) {
        let wanted = if name.starts_with("sh") { SchedulerName::Sh } else { SchedulerName::Mh };
        if draft.scheduler == Some(wanted) {
            let flag = if name.ends_with("port") { SchedulerFlags::PORT } else { SchedulerFlags::FALLBACK };
            draft.flags = draft.flags.union(flag);
            return;
        }
        let is_name = |name: &str| matches!(name, "lb_algo" | "lvs_sched");
        let refused = |s: Statement<'_>| !s.is_valid() && (is_name(s.name()) || s.meant().is_some_and(is_name));
        if draft.scheduler.is_none() && draft.head.children().any(refused) {
            return;
        }
        let mut diagnostic = Diagnostic::error(
            "flag-of-other-scheduler",
            statement.span(),
            format!("`{name}` is only for the scheduler {wanted}, it is ignored"),
        );
        let later = draft.head.children().find(|s| {
            is_name(s.name()) && s.span() > statement.span() && s.argument(0) == Some(wanted.as_str().as_bytes())
        });
        if let Some(later) = later {
            diagnostic = diagnostic
                .with_related(later.span(), "the scheduler is set only here")
                .with_help(format!("move `{name}` below `{}`", later.name()));
        }
        self.report(diagnostic);
    }

    fn engine(&mut self, statement: Statement<'_>, draft: &mut Draft<'_>) {
        let name = string(statement).unwrap_or_default();
        match name.parse() {
            Ok(engine) => draft.engine = Some(engine),
            Err(_) => self.report(
                Diagnostic::error(
                    "invalid-name",
                    statement.span(),
                    format!("`{name}` is no name of a persistence engine"),
                )
                .with_label("expected 1 to 15 characters, such as `sip`"),
            ),
        }
    }

    fn granularity(&mut self, statement: Statement<'_>, draft: &mut Draft<'_>) {
        let Some(word) = statement.arguments().first() else { return };
        let family = draft.family.unwrap_or(Family::Inet);
        let shown = word.lossy().into_owned();
        let prefix = values::integer(&word.text).and_then(|n| u8::try_from(n).ok());
        let mask = match family {
            Family::Inet6 => prefix.and_then(|n| PrefixLength::new(n).ok()).map(Netmask::Inet6),
            Family::Inet => word.as_str().and_then(mask_v4).map(Netmask::Inet),
        };
        let Some(mask) = mask else {
            let expected = if family == Family::Inet {
                "a mask such as 255.255.255.0"
            } else {
                "the length of a prefix, 1 to 128"
            };
            self.report(
                Diagnostic::error(
                    "invalid-mask",
                    word.span,
                    format!("`{shown}` is no mask of the family of this service"),
                )
                .with_label(format!("expected {expected}")),
            );
            return;
        };
        if let (Family::Inet, Some(length @ 1..=32)) = (family, prefix) {
            let meant = std::net::Ipv4Addr::from_bits(u32::MAX << (32 - u32::from(length)));
            let diagnostic = Diagnostic::warning(
                "mask-looks-like-prefix",
                word.span,
                format!("`{shown}` is read as the mask 0.0.0.{shown}"),
            )
            .with_help(format!("write `{meant}` for the network of {length} bits"));
            self.report(if word.origin.is_none() {
                diagnostic.with_fix(Fix::replace(format!("write `{meant}`"), word.span, meant.to_string()))
            } else {
                diagnostic
            });
        }
        draft.granularity = Some((mask, statement.span()));
    }

    fn sorry_server(&mut self, statement: Statement<'_>, draft: &mut Draft<'_>) {
        let Some(endpoint) = endpoint(statement, "sorry server", self.diagnostics) else { return };
        let inhibit = false;
        draft.sorry = Some(SorryDraft { span: statement.span(), endpoint, forwarding: draft.forwarding, inhibit });
    }

    fn sorry_setting(&mut self, statement: Statement<'_>, draft: &mut Draft<'_>) {
        let Some(sorry) = &mut draft.sorry else {
            let name = statement.name();
            self.report(
                Diagnostic::error(
                    "order",
                    statement.span(),
                    format!("`{name}` is ignored: no `sorry_server` stands before it"),
                )
                .with_help(format!("move `{name}` below `sorry_server`")),
            );
            return;
        };
        if statement.name() == "sorry_server_inhibit" {
            sorry.inhibit = true;
        } else {
            sorry.forwarding = forwarding(statement);
        }
    }
}

/// A method; what is wrong about the kind of a tunnel leaves a plain one.
pub(super) fn forwarding(statement: Statement<'_>) -> Option<Forwarding> {
    let words: Vec<&[u8]> = statement.arguments().iter().map(|w| &*w.text).collect();
    let plain = is_tunnel(statement).then_some(Forwarding::Tunnel(lvs_model::Tunnel::Ipip));
    values::forwarding(&words).ok().or(plain)
}

/// `TUN` counts even when the words after it are wrong.
pub(super) fn is_tunnel(statement: Statement<'_>) -> bool {
    let is_method = matches!(statement.name(), "lb_kind" | "lvs_method" | "sorry_server_lvs_method");
    is_method && statement.argument(0) == Some(b"TUN")
}

/// A mask as inet_aton reads it: four numbers, or fewer with a wide last one.
fn mask_v4(text: &str) -> Option<std::net::Ipv4Addr> {
    let parts: Vec<u32> = text
        .split('.')
        .map(|p| match (p.strip_prefix("0x"), p.strip_prefix('0')) {
            (Some(hex), _) => u32::from_str_radix(hex, 16).ok(),
            (None, Some(octal)) if !octal.is_empty() => u32::from_str_radix(octal, 8).ok(),
            _ if p.bytes().all(|b| b.is_ascii_digit()) => p.parse().ok(),
            _ => None,
        })
        .collect::<Option<_>>()?;
    let (last, front) = parts.split_last()?;
    if front.len() > 3 || front.iter().any(|p| *p > 255) {
        return None;
    }
    let bits_left = 32 - 8 * u32::try_from(front.len()).ok()?;
    if bits_left < 32 && *last >= 1 << bits_left {
        return None;
    }
    let high = front.iter().enumerate().fold(0u32, |acc, (i, p)| acc | p << (24 - 8 * i));
    Some(std::net::Ipv4Addr::from_bits(high | last))
}

/// The persistence that the settings make together.
pub(super) fn persistence(draft: &Draft<'_>, family: Family) -> Option<Persistence> {
    let default = || PersistenceTimeout::new(360).unwrap_or(PersistenceTimeout::DEFAULT);
    let timeout = match (draft.timeout, draft.granularity) {
        (Some(timeout), _) => timeout,
        (None, Some(_)) => default(),
        (None, None) => return None,
    };
    let mut persistence = Persistence::new(timeout, family);
    if let Some((mask, _)) = draft.granularity.filter(|(m, _)| m.family() == family) {
        persistence.netmask = mask;
    }
    persistence.engine = draft.engine;
    Some(persistence)
}

/// Used in messages.
pub(super) fn show(draft: &Draft<'_>) -> String {
    draft.head.arguments().iter().map(|w| text(&w.text)).collect::<Vec<_>>().join(" ")
}
