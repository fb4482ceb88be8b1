//! `global_defs`, as far as IPVS is concerned.

use lvs_model::{Fwmark, ProtocolTimeout};

use super::{integer, string, text};
use crate::keepalived::config::{Global, SyncDaemonWords};
use crate::keepalived::tree::Statement;
use crate::keepalived::values;

pub(super) fn lower(block: Statement<'_>, global: &mut Global) {
    for statement in block.children().filter(|s| s.is_valid()) {
        match statement.name() {
            "lvs_flush" => global.flush = true,
            "lvs_flush_on_stop" | "lvs_flush_onstop" => global.flush_on_stop = true,
            "lvs_timeouts" => timeouts(statement, global),
            "nftables_ipvs" => global.nftables = true,
            "nftables_ipvs_start_fwmark" => {
                global.nftables_first_mark = integer(statement).and_then(|n| Fwmark::new(n).ok());
            }
            "lvs_sync_daemon" => global.sync_daemon = sync_daemon(statement),
            "router_id" => global.router_id = string(statement),
            _ => {}
        }
    }
}

fn timeouts(statement: Statement<'_>, global: &mut Global) {
    for pair in statement.arguments().chunks(2) {
        let [name, value] = pair else { continue };
        let seconds = values::number(&value.text, 1, 2_678_400).ok().and_then(|n| u32::try_from(n).ok());
        let Some(seconds) = seconds.and_then(|s| ProtocolTimeout::new(s).ok()) else { continue };
        match &*name.text {
            b"tcp" => global.timeouts.tcp = Some(seconds),
            b"tcpfin" => global.timeouts.tcp_fin = Some(seconds),
            b"udp" => global.timeouts.udp = Some(seconds),
            _ => {}
        }
    }
}

fn sync_daemon(statement: Statement<'_>) -> Option<SyncDaemonWords> {
    const NAMES: [&[u8]; 6] = [b"id", b"maxlen", b"port", b"ttl", b"group", b"inst"];
    let mut words = statement.arguments().iter().map(|w| &*w.text);
    let interface = text(words.next()?);
    let mut daemon = SyncDaemonWords { interface, instance: None, options: Vec::new() };
    while let Some(word) = words.next() {
        if word == b"inst" {
            daemon.instance = words.next().map(text);
        } else if NAMES.contains(&word) {
            daemon.options.push((text(word), words.next().map(text).unwrap_or_default()));
        } else {
            daemon.instance = Some(text(word));
        }
    }
    Some(daemon)
}
