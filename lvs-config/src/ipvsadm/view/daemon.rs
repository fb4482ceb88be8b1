//! Timeouts and synchronisation daemons: `ipvsadm -L --timeout` and `ipvsadm -L --daemon`.

use std::fmt::Write as _;

use lvs_model::{MulticastGroup, SyncDaemon, Timeouts};

/// This is what `ipvsadm -L --timeout` shows.
///
/// ```
/// let text = lvs_config::ipvsadm::timeouts(&lvs_model::Timeouts::default());
/// assert_eq!(text, "Timeout (tcp tcpfin udp): 900 120 300\n");
/// ```
#[must_use]
pub fn timeouts(timeouts: &Timeouts) -> String {
    format!("Timeout (tcp tcpfin udp): {timeouts}\n")
}

/// This is what `ipvsadm -L --daemon` shows: one line for each daemon, nothing when none runs.
///
/// What a daemon leaves open is shown as the kernel's default; only the kernel knows the default length of a datagram,
/// which is shown as 0.
#[must_use]
pub fn daemons(daemons: &[SyncDaemon]) -> String {
    let mut out = String::new();
    for daemon in daemons {
        let SyncDaemon { role, interface, sync_id, .. } = daemon;
        let length = daemon.max_length.map_or(0, std::num::NonZeroU16::get);
        let group = daemon.group.unwrap_or(MulticastGroup::DEFAULT);
        let port = daemon.port.map_or(8848, std::num::NonZeroU16::get);
        let ttl = daemon.ttl.map_or(1, std::num::NonZeroU8::get);
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "{role} sync daemon (mcast={interface}, syncid={sync_id}, maxlen={length}, group={group}, port={port}, ttl={ttl})"
        );
    }
    out
}
