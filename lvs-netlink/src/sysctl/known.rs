//! The names, with their types and their meaning.

use super::value::{ConnectionReuse, Defense, Switch, SyncThreshold};
use std::marker::PhantomData;

/// This names a sysctl and knows the type of its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sysctl<T> {
    name: &'static str,
    value: PhantomData<T>,
}

impl<T> Sysctl<T> {
    const fn named(name: &'static str) -> Self {
        Self { name, value: PhantomData }
    }

    /// The name of the file, which is also the last part of `net.ipv4.vs.NAME`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

macro_rules! sysctls {
    ($($type:ty { $($(#[$doc:meta])* $constant:ident = $name:literal;)* })*) => {
        $(impl Sysctl<$type> {
            $($(#[$doc])* pub const $constant: Self = Self::named($name);)*
        })*

        /// The names of all sysctls that this crate knows.
        pub const SYSCTL_NAMES: &[&str] = &[$($($name,)*)*];
    };
}

sysctls! {
    Switch {
        /// Whether a director with a backup sync daemon schedules nothing and only receives connections. Default off.
        BACKUP_ONLY = "backup_only";
        /// Whether services with a mark pass packets on to their own destination when no real server is there. Default off.
        CACHE_BYPASS = "cache_bypass";
        /// Whether connections are kept in netfilter's connection tracking, too. Default off; needed for iptables rules on NAT-ed traffic.
        CONNTRACK = "conntrack";
        /// Whether packets of a removed destination end their connection at once. Default off: they are dropped in silence until it times out,
        /// and go on if the destination comes back. Turn it on where clients of a removed UDP destination must find another.
        EXPIRE_NODEST_CONN = "expire_nodest_conn";
        /// Whether remembered clients are forgotten when their destination has weight 0. Default off: they keep coming to it.
        /// Turn it on when destinations of persistent services are drained.
        EXPIRE_QUIESCENT_TEMPLATE = "expire_quiescent_template";
        /// Whether tunnelled packets that reach the director are left alone. Default off.
        IGNORE_TUNNELED = "ignore_tunneled";
        /// Whether clients are told by ICMP that no real server is there, with masquerading. Default off.
        NAT_ICMP_SEND = "nat_icmp_send";
        /// Whether path MTU discovery is done for tunnels. Default on.
        PMTU_DISC = "pmtu_disc";
        /// Whether rates are estimated every two seconds. Default on. Off also freezes the shown totals.
        RUN_ESTIMATION = "run_estimation";
        /// Whether ICMP errors can open a connection. Default off.
        SCHEDULE_ICMP = "schedule_icmp";
        /// Whether SCTP packets other than INIT can open a connection. Default off.
        SLOPPY_SCTP = "sloppy_sctp";
        /// Whether TCP packets other than SYN can open a connection. Default off. For directors that take over connections without sync.
        SLOPPY_TCP = "sloppy_tcp";
        /// Whether NAT-ed answers are routed by their new source. Default on.
        SNAT_REROUTE = "snat_reroute";
    }
    Defense {
        /// Whether connections are dropped at random when memory runs out. Default off.
        DROP_ENTRY = "drop_entry";
        /// Whether one of so many new connections is refused when memory runs out. Default off.
        DROP_PACKET = "drop_packet";
        /// Whether shorter TCP timeouts and stricter states are used when memory runs out. Default off.
        SECURE_TCP = "secure_tcp";
    }
    ConnectionReuse {
        /// What happens when a client reuses a port. Default [`ConnectionReuse::Reschedule`].
        CONN_REUSE_MODE = "conn_reuse_mode";
    }
    SyncThreshold {
        /// Which packets are told to the backup. Default 3 of every 50.
        SYNC_THRESHOLD = "sync_threshold";
    }
    u32 {
        /// One of so many packets is dropped while `drop_packet` is always at work. Default 10.
        AM_DROPRATE = "am_droprate";
        /// Free memory in pages below which the automatic defenses begin. Default 1024.
        AMEMTHRESH = "amemthresh";
        /// How much is written to the kernel's log; only in kernels that were built for it. Default 0.
        DEBUG_LEVEL = "debug_level";
        /// Seconds after which `lblc` forgets an address. Default 86,400. Only while that scheduler is loaded.
        LBLC_EXPIRATION = "lblc_expiration";
        /// Seconds after which `lblcr` forgets an address. Default 86,400. Only while that scheduler is loaded.
        LBLCR_EXPIRATION = "lblcr_expiration";
        /// Whether the connections of remembered clients are left out of sync (1) or not (0). Default 0.
        SYNC_PERSIST_MODE = "sync_persist_mode";
        /// How many threads and UDP ports a sync daemon uses, a power of two up to 64. Default 1. Takes effect when one is started.
        SYNC_PORTS = "sync_ports";
        /// How many sync messages may wait. Default: 1/32 of the pages for buffers.
        SYNC_QLEN_MAX = "sync_qlen_max";
        /// Seconds between two messages about a connection whose state stays; 0 leaves it to `sync_threshold`. Default 0.
        SYNC_REFRESH_PERIOD = "sync_refresh_period";
        /// How often a message is repeated at once, 0 to 3. Default 0.
        SYNC_RETRIES = "sync_retries";
        /// The size of the sync sockets' buffers in bytes; 0 is the system's default. Default 0.
        SYNC_SOCK_SIZE = "sync_sock_size";
        /// The version of the sync protocol, 0 or 1. Default 1.
        SYNC_VERSION = "sync_version";
    }
    i32 {
        /// How nice the threads are that estimate rates. From Linux 6.2 on.
        EST_NICE = "est_nice";
    }
    String {
        /// The processors on which rates are estimated, as a list such as `0-3,8`. From Linux 6.2 on.
        EST_CPULIST = "est_cpulist";
    }
}
