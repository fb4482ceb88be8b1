//! The commands and options of `ipvsadm`, as tables.

/// What a command line does: its first option.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Verb {
    AddService,
    EditService,
    DeleteService,
    AddServer,
    EditServer,
    DeleteServer,
    Clear,
    List,
    Zero,
    Save,
    Restore,
    Set,
    StartDaemon,
    StopDaemon,
    Help,
    Version,
}

/// Every other option. The three service options are one kind, and so are the three forwarding methods, because a
/// command takes one of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Opt {
    Tcp,
    Udp,
    Sctp,
    Fwmark,
    Ipv6,
    Scheduler,
    Persistent,
    Netmask,
    Ops,
    Pe,
    SchedFlags,
    RealServer,
    Gatewaying,
    Ipip,
    Masquerading,
    Weight,
    UpperThreshold,
    LowerThreshold,
    TunType,
    TunPort,
    TunNocsum,
    TunCsum,
    TunRemcsum,
    Numeric,
    Connection,
    Timeout,
    Daemon,
    Stats,
    Rate,
    Thresholds,
    PersistentConn,
    TunInfo,
    Nosort,
    Sort,
    Exact,
    McastInterface,
    SyncId,
    SyncMaxlen,
    McastGroup,
    McastPort,
    McastTtl,
}

/// Whether an option takes a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value {
    None,
    /// The next word, whatever it is.
    Needed,
    /// The next word unless it starts with `-`.
    Optional,
}

/// One row of a table: what an option is called.
#[derive(Debug)]
pub(super) struct Name<T> {
    pub(super) what: T,
    pub(super) short: Option<u8>,
    pub(super) long: &'static str,
    pub(super) value: Value,
}

const fn name<T: Copy>(what: T, short: u8, long: &'static str, value: Value) -> Name<T> {
    Name { what, short: if short == 0 { None } else { Some(short) }, long, value }
}

use Value::{Needed, None as Flag, Optional};

/// The commands. `--list` has two short names.
pub(super) const VERBS: [Name<Verb>; 17] = [
    name(Verb::AddService, b'A', "--add-service", Flag),
    name(Verb::EditService, b'E', "--edit-service", Flag),
    name(Verb::DeleteService, b'D', "--delete-service", Flag),
    name(Verb::AddServer, b'a', "--add-server", Flag),
    name(Verb::EditServer, b'e', "--edit-server", Flag),
    name(Verb::DeleteServer, b'd', "--delete-server", Flag),
    name(Verb::Clear, b'C', "--clear", Flag),
    name(Verb::List, b'L', "--list", Flag),
    name(Verb::List, b'l', "--list", Flag),
    name(Verb::Zero, b'Z', "--zero", Flag),
    name(Verb::Save, b'S', "--save", Flag),
    name(Verb::Restore, b'R', "--restore", Flag),
    name(Verb::Set, 0, "--set", Flag),
    name(Verb::StartDaemon, 0, "--start-daemon", Needed),
    name(Verb::StopDaemon, 0, "--stop-daemon", Needed),
    name(Verb::Help, b'h', "--help", Flag),
    name(Verb::Version, b'v', "--version", Flag),
];

/// The options.
pub(super) const OPTIONS: [Name<Opt>; 41] = [
    name(Opt::Tcp, b't', "--tcp-service", Needed),
    name(Opt::Udp, b'u', "--udp-service", Needed),
    name(Opt::Sctp, 0, "--sctp-service", Needed),
    name(Opt::Fwmark, b'f', "--fwmark-service", Needed),
    name(Opt::Ipv6, b'6', "--ipv6", Flag),
    name(Opt::Scheduler, b's', "--scheduler", Needed),
    name(Opt::Persistent, b'p', "--persistent", Optional),
    name(Opt::Netmask, b'M', "--netmask", Needed),
    name(Opt::Ops, b'o', "--ops", Flag),
    name(Opt::Pe, 0, "--pe", Needed),
    name(Opt::SchedFlags, b'b', "--sched-flags", Needed),
    name(Opt::RealServer, b'r', "--real-server", Needed),
    name(Opt::Gatewaying, b'g', "--gatewaying", Flag),
    name(Opt::Ipip, b'i', "--ipip", Flag),
    name(Opt::Masquerading, b'm', "--masquerading", Flag),
    name(Opt::Weight, b'w', "--weight", Needed),
    name(Opt::UpperThreshold, b'x', "--u-threshold", Needed),
    name(Opt::LowerThreshold, b'y', "--l-threshold", Needed),
    name(Opt::TunType, 0, "--tun-type", Needed),
    name(Opt::TunPort, 0, "--tun-port", Needed),
    name(Opt::TunNocsum, 0, "--tun-nocsum", Flag),
    name(Opt::TunCsum, 0, "--tun-csum", Flag),
    name(Opt::TunRemcsum, 0, "--tun-remcsum", Flag),
    name(Opt::Numeric, b'n', "--numeric", Flag),
    name(Opt::Connection, b'c', "--connection", Flag),
    name(Opt::Timeout, 0, "--timeout", Flag),
    name(Opt::Daemon, 0, "--daemon", Flag),
    name(Opt::Stats, 0, "--stats", Flag),
    name(Opt::Rate, 0, "--rate", Flag),
    name(Opt::Thresholds, 0, "--thresholds", Flag),
    name(Opt::PersistentConn, 0, "--persistent-conn", Flag),
    name(Opt::TunInfo, 0, "--tun-info", Flag),
    name(Opt::Nosort, 0, "--nosort", Flag),
    name(Opt::Sort, 0, "--sort", Flag),
    name(Opt::Exact, 0, "--exact", Flag),
    name(Opt::McastInterface, 0, "--mcast-interface", Needed),
    name(Opt::SyncId, 0, "--syncid", Needed),
    name(Opt::SyncMaxlen, 0, "--sync-maxlen", Needed),
    name(Opt::McastGroup, 0, "--mcast-group", Needed),
    name(Opt::McastPort, 0, "--mcast-port", Needed),
    name(Opt::McastTtl, 0, "--mcast-ttl", Needed),
];

impl Opt {
    /// The kind that a command takes at most one of.
    pub(super) const fn kind(self) -> Self {
        match self {
            Self::Udp | Self::Sctp | Self::Fwmark => Self::Tcp,
            Self::Ipip | Self::Masquerading => Self::Gatewaying,
            other => other,
        }
    }

    /// What messages call the option.
    pub(super) fn title(self) -> &'static str {
        match self.kind() {
            Self::Tcp => "service (`-t`, `-u`, `--sctp-service` or `-f`)",
            Self::Gatewaying => "forwarding method (`-g`, `-i` or `-m`)",
            other => OPTIONS.iter().find(|name| name.what == other).map_or("", |name| name.long),
        }
    }

    /// Whether it may be given twice; `ipvsadm` does not look.
    pub(super) const fn is_repeatable(self) -> bool {
        matches!(self, Self::Ipv6 | Self::Sort)
    }
}

impl Verb {
    /// What messages call the command.
    pub(super) fn title(self) -> &'static str {
        VERBS.iter().find(|name| name.what == self).map_or("", |name| name.long)
    }

    /// Whether the command takes the option at all.
    pub(super) fn takes(self, opt: Opt) -> bool {
        use Opt as O;
        let kind = opt.kind();
        match self {
            Self::AddService | Self::EditService => matches!(
                kind,
                O::Tcp | O::Ipv6 | O::Scheduler | O::Persistent | O::Netmask | O::Ops | O::Pe | O::SchedFlags
            ),
            Self::DeleteService | Self::Zero => matches!(kind, O::Tcp | O::Ipv6),
            Self::AddServer | Self::EditServer => matches!(
                kind,
                O::Tcp
                    | O::Ipv6
                    | O::RealServer
                    | O::Gatewaying
                    | O::Weight
                    | O::UpperThreshold
                    | O::LowerThreshold
                    | O::TunType
                    | O::TunPort
                    | O::TunNocsum
                    | O::TunCsum
                    | O::TunRemcsum
            ),
            Self::DeleteServer => matches!(kind, O::Tcp | O::Ipv6 | O::RealServer),
            Self::List => matches!(
                kind,
                O::Tcp
                    | O::Ipv6
                    | O::Numeric
                    | O::Connection
                    | O::Timeout
                    | O::Daemon
                    | O::Stats
                    | O::Rate
                    | O::Thresholds
                    | O::PersistentConn
                    | O::TunInfo
                    | O::Nosort
                    | O::Sort
                    | O::Exact
            ),
            Self::Save => matches!(kind, O::Numeric),
            Self::StartDaemon => matches!(
                kind,
                O::McastInterface | O::SyncId | O::SyncMaxlen | O::McastGroup | O::McastPort | O::McastTtl
            ),
            Self::StopDaemon => matches!(kind, O::SyncId),
            Self::Clear | Self::Restore | Self::Set | Self::Help | Self::Version => false,
        }
    }

    /// The options that the command cannot do without.
    pub(super) const fn needs(self) -> &'static [Opt] {
        match self {
            Self::AddService | Self::EditService | Self::DeleteService => &[Opt::Tcp],
            Self::AddServer | Self::EditServer | Self::DeleteServer => &[Opt::Tcp, Opt::RealServer],
            _ => &[],
        }
    }
}

/// A row by its short name.
pub(super) fn short<T>(table: &'static [Name<T>], letter: u8) -> Option<&'static Name<T>> {
    table.iter().find(|name| name.short == Some(letter))
}

/// A row by its long name with the two dashes; abbreviations do not count.
pub(super) fn long<T>(table: &'static [Name<T>], text: &[u8]) -> Option<&'static Name<T>> {
    table.iter().find(|name| name.long.as_bytes() == text)
}
