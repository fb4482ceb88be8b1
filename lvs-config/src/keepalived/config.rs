//! What a configuration says about IPVS, with defaults filled in: services, real servers, groups, global settings.

use std::time::Duration;

use lvs_model::{
    Endpoint, Family, Forwarding, Fwmark, OnePacket, Persistence, Protocol, SchedulerFlags, SchedulerName, Thresholds,
    TimeoutsUpdate, Weight,
};

use super::checker::Checker;
use crate::span::Span;

/// This is what a configuration says about IPVS.
///
/// The fields follow the words of the file; what keepalived drops or changes is dropped or changed here too, and a
/// diagnostic says so. To get the rules of the kernel see [`Lowered::table`](super::Lowered::table).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// These are the settings of `global_defs` that concern IPVS.
    pub global: Global,
    /// These are the blocks `virtual_server_group`.
    pub groups: Vec<Group>,
    /// These are the blocks `virtual_server`, in order.
    pub virtual_servers: Vec<VirtualServer>,
}

/// These are the settings of `global_defs` that concern IPVS.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Global {
    /// This is `lvs_timeouts`: what `ipvsadm --set` would set.
    pub timeouts: TimeoutsUpdate,
    /// This is `lvs_flush`: the table of the kernel is emptied at the start.
    pub flush: bool,
    /// This is `lvs_flush_on_stop`: the table is emptied at the end.
    pub flush_on_stop: bool,
    /// This is `nftables_ipvs`: groups become services with a firewall mark that nftables sets.
    pub nftables: bool,
    /// This is `nftables_ipvs_start_fwmark`, 1000 by default: the first such mark.
    pub nftables_first_mark: Option<Fwmark>,
    /// These are the words of `lvs_sync_daemon`.
    pub sync_daemon: Option<SyncDaemonWords>,
    /// This is `router_id`.
    pub router_id: Option<String>,
}

/// These are the words of `lvs_sync_daemon IFNAME [[inst] VRRP] [id N] [maxlen N] [port N] [ttl N] [group ADDRESS]`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SyncDaemonWords {
    /// This is the interface.
    pub interface: String,
    /// This is the VRRP instance whose state decides between master and backup.
    pub instance: Option<String>,
    /// These are the words that follow, in pairs of name and value.
    pub options: Vec<(String, String)>,
}

/// This is a `virtual_server_group`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Group {
    /// This is where it starts.
    pub span: Span,
    /// This is its name.
    pub name: String,
    /// These are its entries.
    pub entries: Vec<GroupEntry>,
}

/// This is one line of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum GroupEntry {
    /// All addresses from the first to the last one, with one port (0 for all ports).
    Addresses {
        /// The first address with the port.
        first: Endpoint,
        /// How many addresses follow it.
        more: u64,
        /// Where the line stands.
        span: Span,
    },
    /// A firewall mark, perhaps with its family.
    Mark {
        /// The mark.
        mark: Fwmark,
        /// The word `inet` or `inet6` after it.
        family: Option<Family>,
        /// Where the line stands.
        span: Span,
    },
}

/// This says what a `virtual_server` serves.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum VirtualAddress {
    /// An address and a port; 0 for all ports.
    Endpoint(Endpoint),
    /// A firewall mark.
    Fwmark(Fwmark),
    /// A group by its name.
    Group(String),
}

impl std::fmt::Display for VirtualAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Endpoint(endpoint) => write!(f, "{} {}", endpoint.addr, endpoint.port),
            Self::Fwmark(mark) => write!(f, "fwmark {}", mark.get()),
            Self::Group(name) => write!(f, "group {name}"),
        }
    }
}

/// This is a `virtual_server`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct VirtualServer {
    /// This is where its head stands.
    pub span: Span,
    /// This says what it serves.
    pub address: VirtualAddress,
    /// This is the family: that of the address, of `ip_family`, or of the real servers.
    pub family: Family,
    /// This is `protocol`; a service with a mark has none.
    pub protocol: Option<Protocol>,
    /// This is `lvs_sched` (`lb_algo`).
    pub scheduler: SchedulerName,
    /// These are `flag-1` (`sh-fallback`, `mh-fallback`), `flag-2` (`sh-port`, `mh-port`), `flag-3`.
    pub flags: SchedulerFlags,
    /// This is `ops`.
    pub one_packet: OnePacket,
    /// This is `lvs_method` (`lb_kind`).
    pub forwarding: Forwarding,
    /// These are `persistence_timeout`, `persistence_granularity`, `persistence_engine`.
    pub persistence: Option<Persistence>,
    /// This is `quorum`, lowered to the sum of the weights.
    pub quorum: u32,
    /// This is `hysteresis`, below the quorum.
    pub hysteresis: u32,
    /// This is `quorum_up`.
    pub quorum_up: Option<Script>,
    /// This is `quorum_down`.
    pub quorum_down: Option<Script>,
    /// This is `alpha`: servers are down until their checkers say otherwise.
    pub alpha: bool,
    /// This is `omega`: the down scripts run at the end.
    pub omega: bool,
    /// This is `ha_suspend`: checkers run only while this host has the address.
    pub ha_suspend: bool,
    /// This is `virtualhost`.
    pub virtualhost: Option<String>,
    /// This is `snmp_name`.
    pub snmp_name: Option<String>,
    /// This is `smtp_alert`.
    pub smtp_alert: Option<bool>,
    /// This is `sorry_server`.
    pub sorry_server: Option<SorryServer>,
    /// These are the blocks `real_server`, in order; keepalived drops a service that has none.
    pub real_servers: Vec<RealServer>,
}

/// This is a `sorry_server`, used while the quorum is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SorryServer {
    /// This is where it stands.
    pub span: Span,
    /// This is its address; the port follows the rules of real servers.
    pub endpoint: Endpoint,
    /// This is `sorry_server_lvs_method`, else the method of the service.
    pub forwarding: Forwarding,
    /// This is `sorry_server_inhibit`: it is in the table from the start, with weight 0.
    pub inhibit: bool,
}

/// This is a `real_server`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RealServer {
    /// This is where its head stands.
    pub span: Span,
    /// This is its address, with the port that IPVS gets; 0 for a service with all ports or a mark.
    pub endpoint: Endpoint,
    /// This is `weight`.
    pub weight: Weight,
    /// This is `lvs_method`, else that of the service.
    pub forwarding: Forwarding,
    /// These are `uthreshold` and `lthreshold`.
    pub thresholds: Thresholds,
    /// This is `inhibit_on_failure`: a failed server gets weight 0 and is not removed.
    pub inhibit_on_failure: bool,
    /// This is `alpha`, else that of the service.
    pub alpha: bool,
    /// This is `notify_up`.
    pub notify_up: Option<Script>,
    /// This is `notify_down`.
    pub notify_down: Option<Script>,
    /// This is `smtp_alert`.
    pub smtp_alert: Option<bool>,
    /// This is `virtualhost`, else that of the service.
    pub virtualhost: Option<String>,
    /// This is `snmp_name`.
    pub snmp_name: Option<String>,
    /// These are the checkers; a server without any is always up.
    pub checkers: Vec<Checker>,
    /// The kernel refuses the server, so it is in no rules.
    pub(super) refused: bool,
}

/// This is a command with the user that runs it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Script {
    /// This is the command line; blanks separate, quotes group.
    pub command: String,
    /// This is the user; `script_user` when absent.
    pub user: Option<String>,
    /// This is the group.
    pub group: Option<String>,
}

/// These are the settings that a checker takes from its server or its service when it has none of its own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Inherited {
    pub(super) delay_loop: Option<Duration>,
    pub(super) connect_timeout: Option<Duration>,
    pub(super) retry: Option<u32>,
    pub(super) delay_before_retry: Option<Duration>,
    pub(super) warmup: Option<Duration>,
    pub(super) alpha: Option<bool>,
}

impl Inherited {
    /// What holds with these settings, else with the outer ones.
    pub(super) fn or(self, outer: Self) -> Self {
        Self {
            delay_loop: self.delay_loop.or(outer.delay_loop),
            connect_timeout: self.connect_timeout.or(outer.connect_timeout),
            retry: self.retry.or(outer.retry),
            delay_before_retry: self.delay_before_retry.or(outer.delay_before_retry),
            warmup: self.warmup.or(outer.warmup),
            alpha: self.alpha.or(outer.alpha),
        }
    }
}
