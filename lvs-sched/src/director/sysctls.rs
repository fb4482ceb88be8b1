//! This holds the switches of IPVS: `net.ipv4.vs.*` and the protocol timeouts.

use alloc::collections::BTreeSet;
use core::net::IpAddr;

use lvs_model::Timeouts;

/// This is every switch that the [`Director`](super::Director) obeys, with the kernel's defaults.
///
/// They may be changed at any time ([`Director::sysctls_mut`](super::Director::sysctls_mut)); as in
/// the kernel a change holds for the packets after it, and running timers keep their value.
///
/// ```
/// use lvs_sched::director::{ReuseMode, Sysctls};
///
/// let sysctls = Sysctls::default();
/// assert_eq!(sysctls.conn_reuse_mode, ReuseMode::Reschedule);
/// assert_eq!(sysctls.timeouts.tcp.seconds(), 900);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Sysctls {
    /// `ipvsadm --set`: the timeouts of established TCP, closing TCP and UDP.
    pub timeouts: Timeouts,
    /// `conn_reuse_mode`: what a SYN does to a finished connection with the same ports.
    pub conn_reuse_mode: ReuseMode,
    /// `expire_nodest_conn`: what happens to the connections of removed destinations.
    pub expire_nodest_conn: ExpireNodest,
    /// `expire_quiescent_template`: whether clients stay with a destination of weight 0.
    pub expire_quiescent_template: QuiescentTemplates,
    /// `sloppy_tcp`: which TCP packets open a connection.
    pub sloppy_tcp: Sloppy,
    /// `sloppy_sctp`: which SCTP packets open an association.
    pub sloppy_sctp: Sloppy,
    /// `secure_tcp`: which state tables TCP uses.
    pub secure_tcp: SecureTcp,
    /// `cache_bypass`: what a transparent cache without servers does.
    pub cache_bypass: CacheBypass,
    /// Addresses of the balancer itself; `cache_bypass` never sends packets for them on. (For IPv6 the kernel makes a bypassed
    /// connection all the same and loses its packets.)
    pub local_addresses: BTreeSet<IpAddr>,
    /// `net.ipv4.ip_unprivileged_port_start`: ports from here on may be FTP data ports.
    pub unprivileged_ports: UnprivilegedPorts,
}

/// This is `conn_reuse_mode`: when an opening packet finds an old connection with the same client
/// port, is it scheduled anew?
///
/// In no mode a connection with a persistence template is scheduled anew, nor one that is still
/// open: its SYN goes to the same destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum ReuseMode {
    /// 0: the old connection's destination gets the packet.
    Keep,
    /// 1, the default: scheduled anew in TCP `TIME_WAIT` and `CLOSE` and SCTP `CLOSED`.
    #[default]
    Reschedule,
    /// 2 and 3: also in `FIN_WAIT`, if the real server's packets are not seen (direct routing and
    /// tunnels).
    RescheduleHalfSeen,
}

/// This is `expire_nodest_conn`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum ExpireNodest {
    /// 0, the default: packets for a removed destination are dropped silently and the connection
    /// waits, so that it goes on when the destination comes back.
    #[default]
    Off,
    /// 1: connections of a removed destination end at once, and an opening packet on a connection
    /// whose destination has weight 0 is scheduled anew.
    On,
}

/// This is `expire_quiescent_template`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum QuiescentTemplates {
    /// 0, the default: a client stays with its destination although that has weight 0.
    #[default]
    Keep,
    /// 1: the next connection of the client is scheduled anew.
    Expire,
}

/// This is `sloppy_tcp` or `sloppy_sctp`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Sloppy {
    /// 0, the default: only SYN or INIT open a connection.
    #[default]
    Off,
    /// 1: any packet but RST or ABORT does, for balancers that take over from another.
    On,
}

/// This is `secure_tcp` as it is in force now. The kernel's automatic modes (1 and 2) watch the free
/// memory and switch between these two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum SecureTcp {
    /// 0 or 1: the normal state tables.
    #[default]
    Off,
    /// 2 or 3: the tables against floods of SYNs. All TCP connections follow them at once.
    On,
}

/// This is `cache_bypass`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum CacheBypass {
    /// 0, the default: without an available destination the client is refused.
    #[default]
    Off,
    /// 1: a firewall-mark service without an available destination lets packets for non-local unicast
    /// addresses go where they were sent to.
    On,
}

/// This is the first port that is not privileged, 1024 by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct UnprivilegedPorts {
    start: u16,
}

impl UnprivilegedPorts {
    /// This says that ports from `start` on are not privileged; 0 makes all of them so.
    #[must_use]
    pub const fn from(start: u16) -> Self {
        Self { start }
    }

    /// This tells whether `port` is not privileged.
    #[must_use]
    pub const fn contains(self, port: u16) -> bool {
        port >= self.start
    }
}

impl Default for UnprivilegedPorts {
    fn default() -> Self {
        Self::from(1024)
    }
}
