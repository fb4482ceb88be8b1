//! Everything that is not IPVS, as far as keepalived itself complains: VRRP, BFD, trackers, static addresses and rules.

use std::collections::HashMap;

use super::{Lowering, mentions, text};
use crate::diagnostic::{Diagnostic, Fix, Severity};
use crate::keepalived::suggest;
use crate::keepalived::tree::Statement;
use crate::keepalived::values;
use crate::keepalived::word::Word;
use crate::span::Span;

/// What was defined so far in the file.
#[derive(Debug, Default)]
pub(super) struct Names {
    seen: HashMap<(&'static str, String), Span>,
    version_3: bool,
}

impl Lowering<'_> {
    pub(super) fn other(&mut self, block: Statement<'_>, names: &mut Names) {
        self.duplicate(block, names);
        match block.name() {
            "vrrp_instance" => self.instance(block, names),
            "vrrp_sync_group" => {
                self.sync_group(block);
                self.trackers(block, names);
            }
            "vrrp_script" => {
                self.required(block, "script", "no-script", "it is removed");
            }
            "vrrp_track_process" => self.required(block, "process", "no-process", "it is removed"),
            "track_file" | "vrrp_track_file" => self.required(block, "file", "no-file", "it is ignored"),
            "bfd_instance" if block.child("neighbour_ip").is_none() => {
                self.required(block, "neighbor_ip", "no-neighbor", "the instance is disabled");
            }
            "garp_group" if !mentions(block, &["garp_interval", "gna_interval"]) => {
                self.report(Diagnostic::error(
                    "no-delay",
                    block.span(),
                    "`garp_group` has neither `garp_interval` nor `gna_interval`, it is removed",
                ));
            }
            "static_ipaddress" => self.addresses(block),
            "static_rules" => self.ip_rules(block),
            "static_routes" => self.routes(block),
            "global_defs" => {
                names.version_3 = block.child("vrrp_version").is_some_and(|s| s.argument(0) == Some(b"3"));
                for list in block.children().filter(|s| s.name() == "notification_email") {
                    self.empty_block(list);
                }
            }
            _ => {}
        }
    }

    fn duplicate(&mut self, block: Statement<'_>, names: &mut Names) {
        let Some(name) = block.argument(0).map(text) else { return };
        if !matches!(
            block.name(),
            "vrrp_instance" | "vrrp_sync_group" | "vrrp_script" | "vrrp_track_process" | "track_file" | "bfd_instance"
        ) {
            return;
        }
        let earlier = names.seen.insert((block.name(), name.clone()), block.span());
        if let Some(earlier) = earlier {
            let message = format!("`{} {name}` is defined twice", block.name());
            let unique = matches!(block.name(), "vrrp_instance" | "vrrp_sync_group" | "bfd_instance");
            let severity = if unique { Severity::Error } else { Severity::Warning };
            let diagnostic = Diagnostic::new(severity, "duplicate-name", block.span(), message);
            self.report(diagnostic.with_related(earlier, "first here"));
        }
    }

    /// A block that is useless without one of its settings.
    fn required(&mut self, block: Statement<'_>, name: &'static str, code: &'static str, consequence: &str) {
        if mentions(block, &[name]) {
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

    fn instance(&mut self, block: Statement<'_>, names: &Names) {
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
        let has_addresses =
            ["virtual_ipaddress", "virtual_ipaddress_excluded", "no_virtual_ipaddress"].iter().any(|n| mentions(n));
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
        let auth = block.children().find(|s| s.name() == "authentication").and_then(|a| a.child("auth_type"));
        if let (Some(master), Some(auth)) = (master, auth.filter(|a| a.argument(0) == Some(b"AH"))) {
            self.report(
                Diagnostic::error(
                    "state-with-ah",
                    master.span(),
                    "`state MASTER` is cleared: it cannot be used with `auth_type AH`",
                )
                .with_related(auth.span(), "the authentication"),
            );
        }
        self.interface(block);
        self.unicast(block);
        self.advert_interval(block, names);
        self.trackers(block, names);
    }

    fn interface(&mut self, block: Statement<'_>) {
        let Some(word) = block.child("interface").and_then(|s| s.arguments().first()) else { return };
        if word.text.len() > 15 {
            self.report(Diagnostic::error(
                "name-too-long",
                word.span,
                format!("`{}` is too long for an interface, 15 bytes are possible", word.lossy()),
            ));
        }
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
        let listed = block.children().filter(|s| s.name() == "unicast_peer").flat_map(Statement::children);
        for word in listed.filter_map(|line| line.words().first()) {
            if values::address(&word.text).is_none() {
                self.bad_address(word, "the peer is skipped");
            }
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
        let version = block.child("version").and_then(|s| s.argument(0));
        let ipv6 = block
            .children()
            .filter(|s| s.name() == "virtual_ipaddress")
            .flat_map(Statement::children)
            .any(|l| l.words().first().is_some_and(|w| w.text.contains(&b':')));
        let version_3 = version == Some(b"3") || (version.is_none() && (names.version_3 || ipv6));
        let value = statement.argument(0).and_then(|t| values::decimal(t, 0, u64::MAX, 6).ok());
        if !version_3 && value.is_some_and(|v| v % 1_000_000 != 0) {
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

    /// Scripts and files must be defined above the block that tracks them.
    fn trackers(&mut self, block: Statement<'_>, names: &Names) {
        for list in block.children() {
            let kind = match list.name() {
                "track_script" => "vrrp_script",
                "track_process" => "vrrp_track_process",
                _ => continue,
            };
            for line in list.children() {
                let Some(word) = line.words().first() else { continue };
                let name = word.lossy().into_owned();
                if names.seen.contains_key(&(kind, name.clone())) || self.is_refused(kind, &name) {
                    continue;
                }
                let mut diagnostic = Diagnostic::error(
                    "undefined-name",
                    word.span,
                    format!("no block `{kind} {name}` stands before this, it is ignored"),
                );
                if let Some(later) = self.later.get(&(kind, name)) {
                    diagnostic = diagnostic
                        .with_related(*later, "it is defined only here")
                        .with_help("move the definition above its use");
                }
                self.report(diagnostic);
            }
        }
    }

    fn sync_group(&mut self, block: Statement<'_>) {
        let mut lists = block.children().filter(|s| s.name() == "group").peekable();
        if lists.peek().is_none() {
            self.required(block, "group", "no-members", "it is removed");
            return;
        }
        let members: Vec<&Word> = lists.flat_map(Statement::children).flat_map(Statement::words).collect();
        for word in &members {
            let name = word.lossy().into_owned();
            let refused = self.is_refused("vrrp_instance", &name);
            if !refused && !self.later.contains_key(&("vrrp_instance", name.clone())) {
                let message = format!("no `vrrp_instance {name}` is in the file, the member is ignored");
                self.report(Diagnostic::error("undefined-name", word.span, message));
            }
        }
        if members.len() == 1 {
            self.report(Diagnostic::warning("lonely-group", block.span(), "a sync group with one member does nothing"));
        }
    }

    /// One address a line, with a prefix and options.
    fn addresses(&mut self, block: Statement<'_>) {
        for line in block.children() {
            let Some(word) = line.words().first() else { continue };
            let (address, length) = split_prefix(&word.text);
            let Some(address) = values::address(address) else {
                self.bad_address(word, "it is skipped");
                continue;
            };
            self.prefix(word, length, address.is_ipv4());
            self.address_options(line.words());
            if let Some(label) = line.words().iter().find(|w| &*w.text == b"label").filter(|_| address.is_ipv6()) {
                self.report(Diagnostic::error(
                    "label-with-ipv6",
                    label.span,
                    "IPv6 addresses have no label, it is ignored",
                ));
            }
        }
    }

    /// The words after an address, some with a value.
    fn address_options(&mut self, words: &[Word]) {
        const WITH_VALUE: [&str; 8] =
            ["dev", "scope", "label", "brd", "broadcast", "peer", "track_group", "preferred_lft"];
        const ALONE: [&str; 8] =
            ["home", "-nodad", "nodad", "mngtmpaddr", "noprefixroute", "autojoin", "no_track", "use_vmac"];
        let mut rest = words.iter().skip(1);
        while let Some(word) = rest.next() {
            let text = word.lossy();
            if WITH_VALUE.contains(&&*text) {
                if rest.next().is_none() {
                    self.report(Diagnostic::error("missing-argument", word.span, format!("`{text}` has no value")));
                }
                continue;
            }
            if ALONE.contains(&&*text) {
                continue;
            }
            let mut diagnostic = Diagnostic::error(
                "unknown-option",
                word.span,
                format!("`{text}` is no option of an address, it is ignored"),
            );
            if let Some(meant) = suggest::nearest(&text, WITH_VALUE.into_iter().chain(ALONE)) {
                diagnostic = diagnostic.with_label(format!("did you mean `{meant}`?"));
                if word.origin.is_none() {
                    diagnostic = diagnostic.with_fix(Fix::replace(format!("write `{meant}`"), word.span, meant));
                }
            }
            self.report(diagnostic);
            return;
        }
    }

    fn prefix(&mut self, word: &Word, length: Option<&[u8]>, is_v4: bool) {
        // `10.0.0.1/` is taken as if the sign were not there.
        let Some(length) = length.filter(|l| !l.is_empty()) else { return };
        let most = if is_v4 { 32 } else { 128 };
        if values::number(length, 0, most).is_err() {
            self.report(
                Diagnostic::error(
                    "invalid-prefix",
                    word.span,
                    format!("`{}` has a wrong prefix length, {most} is used", word.lossy()),
                )
                .with_label(format!("expected 0 to {most} after the `/`")),
            );
        }
    }

    fn bad_address(&mut self, word: &Word, consequence: &str) {
        let shown = word.lossy();
        let mut diagnostic =
            Diagnostic::error("invalid-address", word.span, format!("`{shown}` is no address, {consequence}"));
        if shown.contains(['<', '>', '$'])
            || shown.contains("x.x")
            || shown.bytes().all(|b| b.is_ascii_uppercase() || matches!(b, b'_' | b'/' | b'-'))
        {
            diagnostic = diagnostic.with_label("this looks like a placeholder that was not replaced");
        } else if shown.starts_with('[') {
            diagnostic = diagnostic.with_label("no brackets here");
        }
        self.report(diagnostic);
    }

    /// Routes are kept as words; only what is out of use is told.
    fn routes(&mut self, block: Statement<'_>) {
        for word in block.children().flat_map(Statement::words) {
            let instead = match &*word.text {
                b"gw" => "via",
                b"or" => "nexthop",
                _ => continue,
            };
            let diagnostic =
                Diagnostic::info("deprecated", word.span, format!("`{}` of a route is deprecated", word.lossy()));
            self.report(if word.origin.is_none() {
                diagnostic.with_fix(Fix::replace(format!("write `{instead}`"), word.span, instead))
            } else {
                diagnostic.with_help(format!("instead: {instead}"))
            });
        }
    }

    /// Rules of policy routing.
    fn ip_rules(&mut self, block: Statement<'_>) {
        for line in block.children() {
            let words = line.words();
            let preference = |w: &Word| matches!(&*w.text, b"preference" | b"pref" | b"priority" | b"prio" | b"order");
            if !words.is_empty() && !words.iter().any(preference) {
                self.report(Diagnostic::warning(
                    "rule-without-preference",
                    line.span(),
                    "rule has no `preference`, keepalived invents one",
                ));
            }
            for pair in words.windows(2) {
                let [name, word] = pair else { continue };
                if !matches!(&*name.text, b"from" | b"to") || matches!(&*word.text, b"all" | b"any" | b"default") {
                    continue;
                }
                let (address, length) = split_prefix(&word.text);
                match values::address(address) {
                    Some(address) => self.prefix(word, length, address.is_ipv4()),
                    None => self.bad_address(word, "the rule is skipped"),
                }
            }
        }
    }
}

fn split_prefix(text: &[u8]) -> (&[u8], Option<&[u8]>) {
    match text.iter().position(|&b| b == b'/') {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    }
}
