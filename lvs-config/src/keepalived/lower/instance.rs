//! `vrrp_instance`: what its settings mean together.

use super::lines::split_prefix;
use super::vrrp::Names;
use super::{Lowering, switch, text};
use crate::diagnostic::Diagnostic;
use crate::keepalived::tree::Statement;
use crate::keepalived::values;
use crate::keepalived::word::Word;

impl Lowering<'_> {
    pub(super) fn instance(&mut self, block: Statement<'_>, names: &mut Names) {
        let mentions = |name: &str| block.children().any(|s| s.name() == name);
        let unknown = block.children().any(|s| s.keyword().is_none());
        let head = block.span();
        if !mentions("virtual_router_id") && !unknown && block.has_block() {
            self.report(Diagnostic::error(
                "no-router-id",
                head,
                "`vrrp_instance` has no `virtual_router_id`, it is removed",
            ));
        }
        let has_addresses = mentions("no_virtual_ipaddress")
            || block.children().any(|s| s.name() == "virtual_ipaddress" && s.children().next().is_some());
        if !has_addresses && !unknown {
            self.report(Diagnostic::warning(
                "no-virtual-address",
                head,
                "`vrrp_instance` has no `virtual_ipaddress`, it moves no address",
            ));
        }
        for list in block.children().filter(|s| matches!(s.name(), "virtual_ipaddress" | "virtual_ipaddress_excluded"))
        {
            self.addresses(list);
        }
        for list in block.children().filter(|s| s.name() == "virtual_routes") {
            self.routes(list);
        }
        for list in block.children().filter(|s| s.name() == "virtual_rules") {
            self.ip_rules(list);
        }
        if !mentions("interface") && !unknown && block.has_block() {
            self.report(Diagnostic::error(
                "no-interface",
                head,
                "`vrrp_instance` has no `interface`, it does not start",
            ));
        }
        let master = block.child("state").filter(|s| s.argument(0) == Some(b"MASTER"));
        if let (Some(master), Some(nopreempt)) = (master, block.child("nopreempt")) {
            self.report(
                Diagnostic::error(
                    "nopreempt-master",
                    nopreempt.span(),
                    "`nopreempt` has no effect with `state MASTER`, it is cleared",
                )
                .with_related(master.span(), "the state")
                .with_help("write `state BACKUP` on both routers"),
            );
        }
        for auth in block.children().filter(|s| s.name() == "authentication") {
            let complete = auth.children().any(|s| s.name() == "auth_pass" || s.keyword().is_none());
            if let (Some(kind), false) = (auth.child("auth_type"), complete) {
                let message = "authentication has no `auth_pass`, it is ignored";
                self.report(
                    Diagnostic::error("no-password", auth.span(), message).with_related(kind.span(), "the type"),
                );
            }
        }
        self.interface(block);
        self.families(block);
        self.unicast(block);
        self.advert_interval(block, names);
        self.combinations(block, names);
        self.sync_daemon(block, names);
        self.trackers(block, names);
    }

    fn interface(&mut self, block: Statement<'_>) {
        let Some(word) = block.child("interface").and_then(|s| s.arguments().first()) else { return };
        let own = block
            .children()
            .filter(|s| s.name() == "track_interface")
            .flat_map(Statement::children)
            .find(|line| line.words().first().is_some_and(|w| w.text == word.text));
        if let Some(line) = own {
            self.report(
                Diagnostic::error(
                    "tracks-own-interface",
                    line.span(),
                    format!("`{}` is the interface of the instance, it is tracked anyway", word.lossy()),
                )
                .with_related(word.span, "the interface"),
            );
        }
    }

    fn unicast(&mut self, block: Statement<'_>) {
        const WORDS: [&str; 6] = [
            "unicast_src_ip",
            "unicast_ttl",
            "check_unicast_src",
            "unicast_fault_no_peer",
            "old_unicast_checksum",
            "unicast_peer",
        ];
        let used = block.children().find(|s| WORDS.contains(&s.name()));
        for list in block.children().filter(|s| s.name() == "unicast_peer") {
            self.peers(list);
        }
        let peers = block.children().filter(|s| s.name() == "unicast_peer").flat_map(Statement::children).next();
        if let (Some(used), None) = (used, peers) {
            self.report(Diagnostic::warning(
                "unicast-without-peers",
                used.span(),
                format!("`{}` needs a block `unicast_peer` with an address, multicast is used", used.name()),
            ));
        }
        if let (Some(_), Some(vmac), None) = (peers, block.child("use_vmac"), block.child("vmac_xmit_base")) {
            self.report(Diagnostic::warning(
                "vmac-xmit-base",
                vmac.span(),
                "unicast with `use_vmac` needs `vmac_xmit_base`, it is switched on",
            ));
        }
    }

    fn advert_interval(&mut self, block: Statement<'_>, names: &Names) {
        let Some(statement) = block.child("advert_int") else { return };
        let value = statement.argument(0).and_then(|t| values::decimal(t, 0, u64::MAX, 6).ok());
        if is_version_3(block, names) {
            let message = match value {
                Some(v) if v >= 40_960_000 => "VRRP version 3 allows less than 40.96 s, 40.95 s is used",
                Some(v) if v % 10_000 != 0 => "VRRP version 3 has hundredths of a second, the interval is rounded",
                _ => return,
            };
            self.report(Diagnostic::error("advert-int-rounded", statement.span(), message));
        } else if value.is_some_and(|v| v % 1_000_000 != 0) {
            self.report(
                Diagnostic::error(
                    "advert-int-rounded",
                    statement.span(),
                    "VRRP version 2 has whole seconds, the interval is rounded",
                )
                .with_help("`version 3` allows hundredths of a second"),
            );
        }
    }

    /// All addresses of an instance but the excluded ones are of the family of the first one.
    fn families(&mut self, block: Statement<'_>) {
        let mut family = None;
        for statement in block.children() {
            let words: Vec<&Word> = match statement.name() {
                "native_ipv6" if family == Some(true) => {
                    let message = "`native_ipv6` stands in an instance with addresses of IPv4";
                    self.report(Diagnostic::error("family-mismatch", statement.span(), message));
                    continue;
                }
                "native_ipv6" => {
                    family = Some(false);
                    continue;
                }
                "mcast_src_ip" | "unicast_src_ip" | "mcast_dst_ip" => statement.arguments().iter().take(1).collect(),
                "unicast_peer" | "virtual_ipaddress" => {
                    statement.children().filter_map(|l| l.words().first()).collect()
                }
                _ => continue,
            };
            for word in words {
                let Some(address) = values::address(split_prefix(&word.text).0) else { continue };
                if *family.get_or_insert(address.is_ipv4()) != address.is_ipv4() {
                    let message =
                        format!("`{}` is of another family than the addresses before, it is skipped", word.lossy());
                    let diagnostic = Diagnostic::error("family-mismatch", word.span, message);
                    self.report(diagnostic.with_help("`virtual_ipaddress_excluded` may have both"));
                    if statement.name() == "virtual_ipaddress" {
                        break;
                    }
                }
            }
        }
    }

    /// Settings that exclude each other: keepalived clears one of them.
    fn combinations(&mut self, block: Statement<'_>, names: &Names) {
        let has = |name: &str| block.child(name).is_some();
        let strict = block.child("strict_mode").map_or(names.strict, switch);
        let version_3 = is_version_3(block, names);
        let master = block.child("state").filter(|s| s.argument(0) == Some(b"MASTER"));
        // Who starts as MASTER without a priority has that of the owner.
        let priority = block.children().filter(|s| s.name() == "priority").last();
        let owner = match priority {
            Some(priority) => priority.argument(0).and_then(values::integer) == Some(255),
            None => master.is_some(),
        };
        let delay = block
            .child("preempt_delay")
            .filter(|s| s.argument(0).and_then(|t| values::decimal(t, 0, u64::MAX, 6).ok()).is_some_and(|t| t > 0));
        let auth = block.children().find(|s| s.name() == "authentication" && s.child("auth_type").is_some());
        let is_vmac = has("use_vmac") || has("use_ipvlan");
        let mut clash = |code, place: Statement<'_>, message: &str| {
            self.report(Diagnostic::error(code, place.span(), message));
        };
        match auth {
            Some(auth) if version_3 => {
                clash("authentication-ignored", auth, "VRRP version 3 has no authentication, it is ignored");
            }
            Some(auth) if strict => {
                clash("authentication-ignored", auth, "`vrrp_strict` allows no authentication, it is ignored");
            }
            _ => {}
        }
        match master {
            None if strict && owner && has("state") => {
                let message = "`vrrp_strict` allows `priority 255` only with `state MASTER`";
                clash("state-not-owner", priority.unwrap_or(block), message);
            }
            Some(master) if strict && !owner => {
                let message = "`vrrp_strict` allows `state MASTER` only with `priority 255`, it is cleared";
                clash("state-not-owner", master, message);
            }
            Some(master) if auth.and_then(|a| a.child("auth_type")).is_some_and(|a| a.argument(0) == Some(b"AH")) => {
                clash("state-with-ah", master, "`state MASTER` is cleared: it cannot be used with `auth_type AH`");
            }
            _ => {}
        }
        if let Some(delay) = delay {
            if strict {
                clash("preempt-delay", delay, "`vrrp_strict` allows no `preempt_delay`, it is cleared");
            } else if master.is_some() || owner {
                clash(
                    "preempt-delay",
                    delay,
                    "`preempt_delay` has no effect when the state starts as MASTER, it is cleared",
                );
            } else if has("nopreempt") {
                clash("preempt-delay", delay, "`preempt_delay` has no effect with `nopreempt`, it is cleared");
            }
        }
        if let Some(nopreempt) = block.child("nopreempt").filter(|_| owner && master.is_none()) {
            clash("nopreempt-owner", nopreempt, "`nopreempt` has no effect with `priority 255`, it is cleared");
        }
        if let Some(accept) = block.child("accept").filter(|_| strict && !version_3) {
            clash("accept-ignored", accept, "strict VRRP version 2 does not allow `accept`, it is cleared");
        }
        if let Some(statement) = block.child("vmac_xmit_base").filter(|_| !is_vmac) {
            clash("only-with-vmac", statement, "`vmac_xmit_base` has an effect only with `use_vmac` or `use_ipvlan`");
        }
        let has_address =
            |s: &Statement<'_>| s.arguments().iter().any(|w| values::address(split_prefix(&w.text).0).is_some());
        if let Some(statement) = block.child("use_ipvlan").filter(|s| !is_ipv6(block) && !has_address(s)) {
            let message = "`use_ipvlan` with IPv4 needs an address of its own, the instance does not start";
            clash("ipvlan-without-address", statement, message);
        }
        if let Some(statement) = block.child("promote_secondaries").filter(|_| is_vmac) {
            clash("implied-by-vmac", statement, "`promote_secondaries` is on with `use_vmac` anyway, it is ignored");
        }
    }

    /// The old way to name the interface of the sync daemon is for one instance.
    fn sync_daemon(&mut self, block: Statement<'_>, names: &mut Names) {
        let Some(statement) = block.child("lvs_sync_daemon_interface") else { return };
        if let Some(first) = names.sync_daemon.replace(statement.span()) {
            let message = "`lvs_sync_daemon_interface` stands in another instance already, this one is ignored";
            let diagnostic = Diagnostic::error("already-set", statement.span(), message);
            self.report(diagnostic.with_related(first, "first here"));
        }
    }

    /// Two instances with the same number on the same link disturb each other.
    pub(super) fn router_id(&mut self, block: Statement<'_>, names: &mut Names) {
        let (Some(id), Some(interface)) = (block.child("virtual_router_id"), block.child("interface")) else { return };
        let Some(number) = id.argument(0).and_then(values::integer) else { return };
        let mut peers: Vec<String> = block
            .children()
            .filter(|s| s.name() == "unicast_peer")
            .flat_map(Statement::children)
            .filter_map(|l| l.words().first().map(|w| text(&w.text)))
            .collect();
        peers.sort_unstable();
        let key = (text(interface.argument(0).unwrap_or_default()), is_ipv6(block), peers, number);
        if let Some(first) = names.routers.insert(key, id.span()) {
            let message = format!("another instance on this interface has the `virtual_router_id` {number} already");
            self.report(Diagnostic::error("duplicate-router-id", id.span(), message).with_related(first, "first here"));
        }
    }
}

fn is_ipv6(block: Statement<'_>) -> bool {
    let lines = block.children().filter(|s| s.name() == "virtual_ipaddress").flat_map(Statement::children);
    lines.filter_map(|l| l.words().first()).next().is_some_and(|w| w.text.contains(&b':'))
}

/// IPv6 needs version 3.
fn is_version_3(block: Statement<'_>, names: &Names) -> bool {
    match block.child("version").and_then(|s| s.argument(0)) {
        Some(version) => version == b"3",
        None => names.version_3 || is_ipv6(block),
    }
}
