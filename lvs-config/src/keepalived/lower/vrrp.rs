//! Everything that is not IPVS, as far as keepalived itself complains: which block is checked how.

use std::collections::HashMap;
use std::net::IpAddr;

use super::{Lowering, mentions, switch, text};
use crate::diagnostic::{Diagnostic, Severity};
use crate::keepalived::keywords::Argument;
use crate::keepalived::tree::Statement;
use crate::span::Span;

/// What was defined so far in the file.
#[derive(Debug, Default)]
pub(super) struct Names {
    seen: HashMap<(&'static str, String), Span>,
    members: HashMap<String, Span>,
    neighbors: HashMap<IpAddr, Span>,
    paced: HashMap<String, Span>,
    /// Interface, family and peers with the number of the router.
    pub(super) routers: HashMap<(String, bool, Vec<String>, i128), Span>,
    pub(super) sync_daemon: Option<Span>,
    pub(super) version_3: bool,
    pub(super) strict: bool,
}

impl Names {
    /// What `global_defs` says about all instances, wherever it stands in the file.
    pub(super) fn global(&mut self, block: Statement<'_>) {
        self.version_3 |= block.child("vrrp_version").is_some_and(|s| s.argument(0) == Some(b"3"));
        let is_flag = |s: Statement<'_>| s.keyword().is_some_and(|k| k.argument == Argument::Flag);
        self.strict |= block.child("vrrp_strict").is_some_and(|s| is_flag(s) || switch(s));
    }

    pub(super) fn is_seen(&self, kind: &'static str, name: &str) -> bool {
        self.seen.contains_key(&(kind, name.to_owned()))
    }

    /// An instance that is in a sync group, and where it was in one before.
    pub(super) fn join(&mut self, instance: String, span: Span) -> Option<Span> {
        self.members.insert(instance, span)
    }

    pub(super) fn meet(&mut self, neighbor: IpAddr, span: Span) -> Option<Span> {
        self.neighbors.insert(neighbor, span)
    }

    pub(super) fn pace(&mut self, interface: String, span: Span) -> Option<Span> {
        self.paced.insert(interface, span)
    }
}

impl Lowering<'_> {
    pub(super) fn other(&mut self, block: Statement<'_>, names: &mut Names) {
        let twice = self.duplicate(block, names);
        match block.name() {
            "vrrp_instance" => {
                self.instance(block, names);
                if !twice {
                    self.router_id(block, names);
                }
            }
            "vrrp_sync_group" => {
                self.sync_group(block, names);
                self.trackers(block, names);
            }
            "vrrp_script" => {
                self.required(block, "script", "no-script", "it is removed");
            }
            "vrrp_track_process" => self.process(block),
            "track_file" | "vrrp_track_file" => self.required(block, "file", "no-file", "it is ignored"),
            "track_group" => self.track_group(block),
            "bfd_instance" => self.session(block, names),
            "garp_group" => self.garp_group(block, names),
            "interface_up_down_delays" => self.delays(block),
            "linkbeat_interfaces" => self.linkbeat(block),
            "static_ipaddress" => self.addresses(block),
            "static_rules" => self.ip_rules(block),
            "static_routes" => self.routes(block),
            "global_defs" => {
                for list in block.children().filter(|s| s.name() == "notification_email") {
                    self.empty_block(list);
                }
            }
            _ => {}
        }
    }

    /// Whether the name was there before.
    fn duplicate(&mut self, block: Statement<'_>, names: &mut Names) -> bool {
        let Some(name) = block.argument(0).map(text) else { return false };
        if !matches!(
            block.name(),
            "vrrp_instance"
                | "vrrp_sync_group"
                | "vrrp_script"
                | "vrrp_track_process"
                | "track_file"
                | "bfd_instance"
                | "track_group"
        ) {
            return false;
        }
        let earlier = names.seen.insert((block.name(), name.clone()), block.span());
        if let Some(earlier) = earlier {
            let message = format!("`{} {name}` is defined twice", block.name());
            let unique = matches!(block.name(), "vrrp_instance" | "vrrp_sync_group" | "bfd_instance" | "track_group");
            let severity = if unique { Severity::Error } else { Severity::Warning };
            let diagnostic = Diagnostic::new(severity, "duplicate-name", block.span(), message);
            self.report(diagnostic.with_related(earlier, "first here"));
        }
        earlier.is_some()
    }

    /// A block that is useless without one of its settings.
    pub(super) fn required(&mut self, block: Statement<'_>, name: &'static str, code: &'static str, consequence: &str) {
        let empty = block.child(name).is_some_and(|s| s.argument(0) == Some(b""));
        if mentions(block, &[name]) && !empty {
            return;
        }
        let kind = block.name();
        let shown = block.argument(0).map(text).unwrap_or_default();
        self.report(Diagnostic::error(code, block.span(), format!("`{kind} {shown}` has no `{name}`, {consequence}")));
    }

    fn empty_block(&mut self, block: Statement<'_>) {
        if block.children().next().is_none() && block.open().is_some() {
            self.report(Diagnostic::warning("empty-block", block.span(), format!("block `{}` is empty", block.name())));
        }
    }
}
