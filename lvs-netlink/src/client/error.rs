//! Errors that say what was tried, on what, why the kernel said no, and what to do about it.

use std::fmt;
use std::io;
use std::time::Duration;

use lvs_model::{Endpoint, ServiceKey, SyncRole};

use crate::Errno;
use crate::wire::WireError;

/// This says that an operation on the kernel's IPVS failed.
///
/// It displays as one sentence; [`kind`](Self::kind) is for programs.
///
/// ```
/// use lvs_netlink::{Error, ErrorKind};
///
/// fn already_there(error: &Error) -> bool {
///     matches!(error.kind(), ErrorKind::ServiceExists | ErrorKind::DestinationExists)
/// }
/// ```
#[derive(Debug)]
pub struct Error {
    operation: Operation,
    object: Object,
    kind: ErrorKind,
}

impl Error {
    pub(crate) const fn new(operation: Operation, object: Object, kind: ErrorKind) -> Self {
        Self { operation, object, kind }
    }

    /// This is what was tried.
    #[must_use]
    pub const fn operation(&self) -> Operation {
        self.operation
    }

    /// This is what it was tried on.
    #[must_use]
    pub const fn object(&self) -> Object {
        self.object
    }

    /// This is why it failed.
    #[must_use]
    pub const fn kind(&self) -> &ErrorKind {
        &self.kind
    }

    /// This is the kernel's number for it, if the kernel said no.
    #[must_use]
    pub const fn errno(&self) -> Option<Errno> {
        self.kind.errno()
    }

    /// This says what can be done about it, if anything is known.
    #[must_use]
    pub const fn advice(&self) -> Option<&'static str> {
        self.kind.advice(self.operation)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {}", self.operation)?;
        match self.object {
            Object::None => {}
            Object::Service(service) => write!(f, " {service}")?,
            Object::Destination(service, endpoint) => write!(f, " {endpoint} of {service}")?,
            Object::Daemon(role) => write!(f, " ({role})")?,
        }
        write!(f, ": {}", self.kind)?;
        match self.advice() {
            Some(advice) => write!(f, ": {advice}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.kind {
            ErrorKind::Io(error) => Some(error),
            ErrorKind::Malformed(error) => Some(error),
            _ => None,
        }
    }
}

/// This is what an operation was tried on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Object {
    /// The whole, or nothing in particular.
    None,
    /// A service.
    Service(ServiceKey),
    /// A destination of a service.
    Destination(ServiceKey, Endpoint),
    /// A sync daemon.
    Daemon(SyncRole),
}

/// This is what was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// Open the connection and find the family `IPVS`.
    Connect,
    /// Add a service.
    AddService,
    /// Edit a service.
    EditService,
    /// Remove a service.
    RemoveService,
    /// Read one service.
    ReadService,
    /// List all services.
    ListServices,
    /// Add a destination.
    AddDestination,
    /// Edit a destination.
    EditDestination,
    /// Remove a destination.
    RemoveDestination,
    /// List the destinations of a service.
    ListDestinations,
    /// Start a sync daemon.
    StartDaemon,
    /// Stop a sync daemon.
    StopDaemon,
    /// List the running sync daemons.
    ListDaemons,
    /// Set timeouts.
    SetTimeouts,
    /// Read the timeouts.
    ReadTimeouts,
    /// Read version and table size.
    ReadInfo,
    /// Set counters to zero.
    Zero,
    /// Remove everything.
    Flush,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "connect to IPVS",
            Self::AddService => "add service",
            Self::EditService => "edit service",
            Self::RemoveService => "remove service",
            Self::ReadService => "read service",
            Self::ListServices => "list services",
            Self::AddDestination => "add destination",
            Self::EditDestination => "edit destination",
            Self::RemoveDestination => "remove destination",
            Self::ListDestinations => "list destinations of",
            Self::StartDaemon => "start sync daemon",
            Self::StopDaemon => "stop sync daemon",
            Self::ListDaemons => "list sync daemons",
            Self::SetTimeouts => "set timeouts",
            Self::ReadTimeouts => "read timeouts",
            Self::ReadInfo => "read version and size",
            Self::Zero => "set counters to zero",
            Self::Flush => "remove everything",
        })
    }
}

/// This is why an operation failed, in terms of what a caller can do.
#[derive(Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The service is there already (`EEXIST`).
    ServiceExists,
    /// There is no such service (`ESRCH`).
    ServiceMissing,
    /// The destination is there already (`EEXIST`).
    DestinationExists,
    /// The service has no such destination (`ENOENT`).
    DestinationMissing,
    /// The sync daemon runs already (`EEXIST`).
    DaemonExists,
    /// The sync daemon does not run (`ESRCH`).
    DaemonMissing,
    /// The kernel has no such scheduler or persistence engine (`ENOENT`).
    SchedulerOrEngineMissing,
    /// There is no such interface (`ENODEV`).
    InterfaceMissing,
    /// Another program of this network namespace has the UDP port of the sync daemon (`EADDRINUSE`).
    PortTaken,
    /// The interface cannot send to the multicast group of the sync daemon: it is down (`ENETUNREACH`, `ENETDOWN`), or has no address of the
    /// group's family (`EADDRNOTAVAIL`).
    GroupUnreachable(Errno),
    /// The kernel found something malformed (`EINVAL`); the text says what is likely.
    Invalid(&'static str),
    /// A number is out of range (`ERANGE`).
    OutOfRange,
    /// The process may not do this (`EPERM`).
    NoPermission,
    /// The kernel has no generic netlink family `IPVS`.
    IpvsMissing,
    /// The kernel has no support for the address family (`EAFNOSUPPORT`).
    FamilyUnsupported,
    /// The kernel does not know the command (`EOPNOTSUPP`).
    Unsupported,
    /// Another dump is under way on the socket (`EBUSY`).
    Busy,
    /// The kernel is out of memory (`ENOMEM`).
    OutOfMemory,
    /// No answer came within the time given; the connection will be opened again.
    TimedOut(Duration),
    /// Answers were lost because the queue was full (`ENOBUFS`); the connection will be opened again.
    AnswersLost,
    /// The table kept changing while it was listed.
    Inconsistent,
    /// The answer is not what the protocol says.
    Malformed(WireError),
    /// The socket failed.
    Io(io::Error),
    /// The kernel said no for another reason.
    Refused(Errno),
}

impl ErrorKind {
    /// This is the kernel's number for it, if the kernel said no.
    #[must_use]
    pub const fn errno(&self) -> Option<Errno> {
        Some(match self {
            Self::ServiceExists | Self::DestinationExists | Self::DaemonExists => Errno::EEXIST,
            Self::ServiceMissing | Self::DaemonMissing => Errno::ESRCH,
            Self::DestinationMissing | Self::SchedulerOrEngineMissing | Self::IpvsMissing => Errno::ENOENT,
            Self::InterfaceMissing => Errno::ENODEV,
            Self::PortTaken => Errno::EADDRINUSE,
            Self::Invalid(_) => Errno::EINVAL,
            Self::OutOfRange => Errno::ERANGE,
            Self::NoPermission => Errno::EPERM,
            Self::FamilyUnsupported => Errno::EAFNOSUPPORT,
            Self::Unsupported => Errno::EOPNOTSUPP,
            Self::Busy => Errno::EBUSY,
            Self::OutOfMemory => Errno::ENOMEM,
            Self::AnswersLost => Errno::ENOBUFS,
            Self::GroupUnreachable(errno) | Self::Refused(errno) => *errno,
            Self::TimedOut(_) | Self::Inconsistent | Self::Malformed(_) | Self::Io(_) => return None,
        })
    }

    const fn advice(&self, operation: Operation) -> Option<&'static str> {
        Some(match self {
            Self::ServiceExists => "edit or upsert it",
            Self::ServiceMissing => match operation {
                Operation::AddDestination => "add the service first",
                _ => "list the services to see what is there",
            },
            Self::DestinationExists => "edit or upsert it",
            Self::DestinationMissing => "add or upsert it",
            Self::DaemonExists => "stop it before starting it with other options",
            Self::SchedulerOrEngineMissing => "modprobe ip_vs_NAME, or ip_vs_pe_NAME for an engine",
            Self::InterfaceMissing => "name an interface of this network namespace",
            Self::PortTaken => "choose another port with --mcast-port, the same on every director, or end that program",
            Self::GroupUnreachable(_) => {
                "bring the interface up, and give it an address of the group's family and a route to the group"
            }
            Self::Invalid(likely) => likely,
            Self::OutOfRange => "weights go up to 2147483647, a lower threshold up to the upper one",
            Self::NoPermission => "run as root with CAP_NET_ADMIN in the initial user namespace",
            Self::IpvsMissing => "modprobe ip_vs",
            Self::FamilyUnsupported => "the kernel may have been built or booted without IPv6",
            Self::Unsupported => "the kernel's IPVS is older than this command",
            Self::Busy => "do not share the socket with another program",
            Self::TimedOut(_) => "what was asked for may still be carried out: list before going on",
            Self::AnswersLost => "some of it may have been carried out: list before going on, and use smaller windows",
            Self::Inconsistent => "try again when no other program is changing it",
            Self::DaemonMissing | Self::OutOfMemory | Self::Malformed(_) | Self::Io(_) | Self::Refused(_) => {
                return None;
            }
        })
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ServiceExists | Self::DestinationExists => f.write_str("it exists already")?,
            Self::ServiceMissing => f.write_str("there is no such service")?,
            Self::DestinationMissing => f.write_str("the service has no such destination")?,
            Self::DaemonExists => f.write_str("it runs already")?,
            Self::DaemonMissing => f.write_str("it does not run")?,
            Self::SchedulerOrEngineMissing => f.write_str("the kernel has no such scheduler or persistence engine")?,
            Self::InterfaceMissing => f.write_str("there is no such interface")?,
            Self::PortTaken => f.write_str("another program has the port")?,
            Self::GroupUnreachable(_) => f.write_str("the interface does not reach the multicast group")?,
            Self::Invalid(_) => f.write_str("the kernel calls it invalid")?,
            Self::OutOfRange => f.write_str("a number is out of range")?,
            Self::NoPermission => f.write_str("no permission")?,
            Self::IpvsMissing => f.write_str("ip_vs is not in this kernel")?,
            Self::FamilyUnsupported => f.write_str("the address family is not supported")?,
            Self::Unsupported => f.write_str("the kernel does not know the command")?,
            Self::Busy => f.write_str("another dump is under way on the socket")?,
            Self::OutOfMemory => f.write_str("the kernel is out of memory")?,
            Self::TimedOut(limit) => return write!(f, "no answer within {limit:?}"),
            Self::AnswersLost => f.write_str("answers were lost")?,
            Self::Inconsistent => return f.write_str("the table kept changing while it was listed"),
            Self::Malformed(_) => return f.write_str("the answer is malformed"),
            Self::Io(_) => return f.write_str("the socket failed"),
            Self::Refused(_) => f.write_str("the kernel said no")?,
        }
        match self.errno() {
            Some(errno) => write!(f, " ({errno})"),
            None => Ok(()),
        }
    }
}
