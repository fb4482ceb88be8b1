//! What this program cannot do, however right the configuration is.

use std::collections::HashMap;

use lvs_config::{Diagnostic, Span};
use lvs_model::{Protocol, SchedulerName, ServiceKey};

use super::Placed;

const HELP: &str = "the kernel can do it: run with --kernel";

/// What only the kernel can do.
pub(super) fn for_user_space(placed: &Placed) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    for service in placed.setup.members.iter().map(|member| &member.service) {
        let key = service.key();
        let mut refuse = |label: &str, help: &str| {
            let message = format!("`{key}` cannot be balanced in user space");
            let diagnostic = Diagnostic::error("kernel-only", placed.span, message);
            diagnostics.push(diagnostic.with_label(label).with_help(help));
        };
        match key {
            ServiceKey::Socket { protocol, .. } if *protocol != Protocol::TCP => refuse("expected a TCP service", HELP),
            ServiceKey::Socket { endpoint, .. } if endpoint.port == 0 => refuse("expected one port", HELP),
            ServiceKey::Socket { .. } => {}
            ServiceKey::Fwmark { .. } => refuse("expected an address and a port to listen on", HELP),
        }
        if matches!(service.scheduler(), SchedulerName::None | SchedulerName::Other(_)) {
            let label = format!("`{}` is none of the fourteen schedulers known here", service.scheduler());
            refuse(&label, "a kernel that has a module of this name can do it: run with --kernel");
        }
    }
    diagnostics
}

/// Services that are configured twice: the kernel would take the first and refuse the second.
pub(super) fn twice(services: &[Placed]) -> Vec<Diagnostic> {
    let mut seen: HashMap<ServiceKey, Span> = HashMap::new();
    let mut diagnostics = Vec::new();
    for placed in services {
        for key in placed.setup.members.iter().map(|member| member.service.key()) {
            if let Some(first) = seen.insert(*key, placed.span) {
                let message = format!("the service `{key}` is configured twice");
                diagnostics.push(
                    Diagnostic::error("duplicate-service", placed.span, message)
                        .with_label("expected each address once")
                        .with_related(first, "first here"),
                );
            }
        }
    }
    diagnostics
}
