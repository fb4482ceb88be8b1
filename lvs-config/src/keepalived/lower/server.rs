//! `real_server`.

use lvs_model::{Forwarding, Thresholds, Weight};

use super::service::{Draft, ServerDraft, forwarding, is_tunnel};
use super::{Lowering, duration, endpoint, integer, script, string, switch};
use crate::diagnostic::Diagnostic;
use crate::keepalived::config::{Inherited, RealServer};
use crate::keepalived::tree::Statement;

impl Lowering<'_> {
    pub(super) fn server(&mut self, block: Statement<'_>, draft: &mut Draft<'_>) {
        if !block.is_valid() {
            draft.lost_servers = true;
            return;
        }
        let Some(endpoint) = endpoint(block, "real server", self.diagnostics) else {
            draft.lost_servers = true;
            return;
        };
        let mut inherited = Inherited::default();
        let mut method = None;
        let mut weight = None;
        let (mut upper, mut lower) = (None, None);
        let mut inhibit = None;
        let mut server = RealServer {
            span: block.span(),
            endpoint,
            weight: Weight::ONE,
            forwarding: Forwarding::Masquerade,
            thresholds: Thresholds::NONE,
            inhibit_on_failure: false,
            alpha: false,
            notify_up: None,
            notify_down: None,
            smtp_alert: None,
            virtualhost: draft.server.virtualhost.clone(),
            snmp_name: None,
            checkers: Vec::new(),
            refused: false,
        };
        // Settings first: a checker takes them also when they stand below it.
        for statement in block.children().filter(|s| s.is_valid() || is_tunnel(*s)) {
            match statement.name() {
                "weight" => weight = integer(statement).and_then(|n| Weight::new(n).ok()),
                "lvs_method" => method = forwarding(statement),
                "uthreshold" => upper = integer(statement).map(|n| (n, statement.span())),
                "lthreshold" => lower = integer(statement).map(|n| (n, statement.span())),
                "inhibit_on_failure" => inhibit = Some(switch(statement)),
                "notify_up" => server.notify_up = script(statement),
                "notify_down" => server.notify_down = script(statement),
                "alpha" => inherited.alpha = Some(switch(statement)),
                "retry" => inherited.retry = integer(statement),
                "delay_before_retry" => inherited.delay_before_retry = duration(statement),
                "warmup" => inherited.warmup = duration(statement),
                "connect_timeout" => inherited.connect_timeout = duration(statement),
                "delay_loop" => inherited.delay_loop = duration(statement),
                "smtp_alert" => server.smtp_alert = Some(switch(statement)),
                "virtualhost" => server.virtualhost = string(statement),
                "snmp_name" => server.snmp_name = string(statement),
                _ => {}
            }
        }
        match Thresholds::new(upper.map_or(0, |u| u.0), lower.map_or(0, |l| l.0)) {
            Ok(thresholds) => server.thresholds = thresholds,
            Err(_) => {
                let place = lower.map_or(server.span, |l| l.1);
                let mut diagnostic = Diagnostic::error(
                    "thresholds-crossed",
                    place,
                    "`lthreshold` is above `uthreshold`, the kernel refuses the server",
                );
                if let Some((_, upper)) = upper {
                    diagnostic = diagnostic.with_related(upper, "the upper one");
                }
                self.report(diagnostic);
                server.refused = true;
            }
        }
        server.weight = weight.or(draft.weight).unwrap_or(Weight::ONE);
        let inherited = inherited.or(draft.inherited);
        server.alpha = inherited.alpha.unwrap_or(false);
        let mut default_ports = Vec::new();
        for statement in block.children().filter(|s| s.is_valid() && s.block().is_some()) {
            self.checker(statement, inherited, draft.inherited, &mut server, &mut default_ports);
        }
        let port_span = match block.arguments() {
            [address, port, ..] if endpoint.port != 0 => Some((port.span, address.span.after().to(port.span))),
            _ => None,
        };
        draft.servers.push(ServerDraft {
            server,
            forwarding: method.or(draft.forwarding),
            has_weight: weight.is_some(),
            port_span,
            inhibit,
            default_ports,
        });
    }
}
