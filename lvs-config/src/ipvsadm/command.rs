//! One command of `ipvsadm`, understood.

use std::fmt;

use lvs_model::{Destination, Endpoint, Service, ServiceKey, SyncDaemon, SyncId, SyncRole, TimeoutsUpdate};

use super::print;

/// This is one command of `ipvsadm`: what a line of rules does.
///
/// It prints as the canonical line, which [`Reader`](super::Reader) and the tool itself read back.
///
/// ```
/// use lvs_config::ipvsadm::Command;
///
/// let command: Command = "-at 10.0.0.1:80 -r 10.1.0.1 -w=3".parse()?;
/// assert_eq!(command.to_string(), "-a -t 10.0.0.1:80 -r 10.1.0.1:80 -g -w 3");
/// # Ok::<(), lvs_config::ipvsadm::CommandError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Command {
    /// `-A`: adds a service.
    AddService(Service),
    /// `-E`: replaces the whole configuration of a service; what is not given becomes the default.
    EditService(Service),
    /// `-D`: removes a service with its destinations.
    RemoveService(ServiceKey),
    /// `-a`: adds a destination.
    AddDestination {
        /// The service.
        service: ServiceKey,
        /// The destination.
        destination: Destination,
    },
    /// `-e`: replaces the whole configuration of a destination; what is not given becomes the default.
    EditDestination {
        /// The service.
        service: ServiceKey,
        /// The destination.
        destination: Destination,
    },
    /// `-d`: removes a destination.
    RemoveDestination {
        /// The service.
        service: ServiceKey,
        /// The destination's address and port.
        destination: Endpoint,
    },
    /// `-C`: removes everything.
    Clear,
    /// `-L`: shows something.
    List(Listing),
    /// `-S`: prints the rules.
    Save(Naming),
    /// `-R`: reads rules from standard input.
    Restore,
    /// `-Z`: sets the counters of one service, or of all, to zero.
    Zero(Option<ServiceKey>),
    /// `--set`: changes the timeouts of connections.
    SetTimeouts(TimeoutsUpdate),
    /// `--start-daemon`: starts the synchronisation daemon.
    StartDaemon(SyncDaemon),
    /// `--stop-daemon`: stops the synchronisation daemon.
    StopDaemon {
        /// Which of the two.
        role: SyncRole,
        /// Its number.
        sync_id: SyncId,
    },
    /// `-h`: prints a summary of options.
    Help,
    /// `-v`: prints the version of the tool.
    Version,
}

/// This says whether addresses and ports are shown as numbers (`-n`) or as names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[expect(clippy::exhaustive_enums, reason = "an option is given or not")]
pub enum Naming {
    /// Names where there are some.
    #[default]
    Names,
    /// Numbers only, `-n`.
    Numbers,
}

/// This is what `-L` shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Listing {
    /// Services with their destinations.
    Services {
        /// Only this service.
        only: Option<ServiceKey>,
        /// Which columns.
        view: Columns,
        /// How large counters are written.
        counters: Counters,
        /// Whether numbers become names.
        naming: Naming,
    },
    /// Connections, `-c`.
    Connections(Naming),
    /// Timeouts of connections, `--timeout`.
    Timeouts,
    /// Synchronisation daemons, `--daemon`.
    Daemons,
}

/// This says which columns `-L` shows for services and destinations.
///
/// When several options are given, `ipvsadm` takes the first in this order: `--stats`, `--rate`, `--thresholds`,
/// `--persistent-conn`, `--tun-info`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum Columns {
    /// Forwarding, weight, active and inactive connections.
    #[default]
    Default,
    /// `--stats`: connections, packets and bytes since the start.
    Statistics,
    /// `--rate`: the same per second.
    Rates,
    /// `--thresholds`: upper and lower threshold, active and inactive connections.
    Thresholds,
    /// `--persistent-conn`: weight, persistent, active and inactive connections.
    PersistentConnections,
    /// `--tun-info`: the default with the tunnel of each destination.
    TunnelInfo,
}

/// This says how large counters of `--stats` and `--rate` are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[expect(clippy::exhaustive_enums, reason = "an option is given or not")]
pub enum Counters {
    /// With `K`, `M`, `G` and `T` for powers of 1000.
    #[default]
    Scaled,
    /// All digits, `--exact`.
    Exact,
}

/// This error says why a text is not one command of `ipvsadm`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
#[error("{message} at byte {at}, {expected}")]
pub struct CommandError {
    /// What is wrong.
    pub message: String,
    /// What was expected there, or what to do.
    pub expected: String,
    /// Where in the text, in bytes from 0.
    pub at: usize,
}

impl std::str::FromStr for Command {
    type Err = CommandError;

    /// Reads one line as `ipvsadm -R` does; names of hosts and services are not known here.
    fn from_str(text: &str) -> Result<Self, CommandError> {
        super::scan::command_of(text.as_bytes())
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AddService(service) => write!(f, "-A {}", print::service(service)),
            Self::EditService(service) => write!(f, "-E {}", print::service(service)),
            Self::RemoveService(key) => write!(f, "-D {}", print::key(key)),
            Self::AddDestination { service, destination } => {
                write!(f, "-a {} {}", print::key(service), print::destination(destination))
            }
            Self::EditDestination { service, destination } => {
                write!(f, "-e {} {}", print::key(service), print::destination(destination))
            }
            Self::RemoveDestination { service, destination } => {
                write!(f, "-d {} -r {}", print::key(service), print::endpoint(*destination))
            }
            Self::Clear => f.write_str("-C"),
            Self::List(listing) => listing.fmt(f),
            Self::Save(naming) => write!(f, "-S{naming}"),
            Self::Restore => f.write_str("-R"),
            Self::Zero(None) => f.write_str("-Z"),
            Self::Zero(Some(key)) => write!(f, "-Z {}", print::key(key)),
            Self::SetTimeouts(timeouts) => write!(f, "--set {timeouts}"),
            Self::StartDaemon(daemon) => write!(f, "--start-daemon {}", print::daemon(daemon)),
            Self::StopDaemon { role, sync_id } => write!(f, "--stop-daemon {role} --syncid {sync_id}"),
            Self::Help => f.write_str("-h"),
            Self::Version => f.write_str("-v"),
        }
    }
}

impl fmt::Display for Naming {
    /// As it follows a command: ` -n` or nothing.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Names => "",
            Self::Numbers => " -n",
        })
    }
}

impl fmt::Display for Counters {
    /// As it follows a command: ` --exact` or nothing.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scaled => "",
            Self::Exact => " --exact",
        })
    }
}

impl fmt::Display for Columns {
    /// As it follows a command: ` --stats`, or nothing for the default.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Default => "",
            Self::Statistics => " --stats",
            Self::Rates => " --rate",
            Self::Thresholds => " --thresholds",
            Self::PersistentConnections => " --persistent-conn",
            Self::TunnelInfo => " --tun-info",
        })
    }
}

impl fmt::Display for Listing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Services { only: None, view, counters, naming } => write!(f, "-L{naming}{view}{counters}"),
            Self::Services { only: Some(key), view, counters, naming } => {
                write!(f, "-L {}{naming}{view}{counters}", print::key(key))
            }
            Self::Connections(naming) => write!(f, "-L{naming} -c"),
            Self::Timeouts => f.write_str("-L --timeout"),
            Self::Daemons => f.write_str("-L --daemon"),
        }
    }
}
