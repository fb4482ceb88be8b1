//! From the kernel's number to a reason: the same errno means different things to different commands.

use std::net::IpAddr;

use lvs_model::{Destination, Family, Forwarding, ServiceKey, SyncDaemon};

use super::error::{Error, ErrorKind, Object, Operation};
use crate::Errno;
use crate::wire::Request;

/// This puts operation, object and reason together.
pub(super) fn error(request: &Request<'_>, kind: ErrorKind) -> Error {
    let (operation, object) = subject(request);
    Error::new(operation, object, kind)
}

/// This says what the kernel means when it refuses a request with a number.
pub(super) fn reason(request: &Request<'_>, errno: Errno) -> ErrorKind {
    let (operation, object) = subject(request);
    match (errno, object) {
        (Errno::ESRCH, Object::Daemon(_)) => ErrorKind::DaemonMissing,
        (Errno::ESRCH, Object::Service(_) | Object::Destination(..)) => ErrorKind::ServiceMissing,
        (Errno::ENOENT, Object::Destination(..)) => ErrorKind::DestinationMissing,
        (Errno::ENOENT, Object::Service(_)) if matches!(operation, Operation::AddService | Operation::EditService) => {
            ErrorKind::SchedulerOrEngineMissing
        }
        (Errno::ENOENT, _) => ErrorKind::IpvsMissing,
        (Errno::EEXIST, Object::Daemon(_)) => ErrorKind::DaemonExists,
        (Errno::EEXIST, Object::Destination(..)) => ErrorKind::DestinationExists,
        (Errno::EEXIST, Object::Service(_)) => ErrorKind::ServiceExists,
        (Errno::ENODEV, Object::Daemon(_)) => ErrorKind::InterfaceMissing,
        (Errno::EINVAL, _) => ErrorKind::Invalid(suspect(request)),
        (Errno::ERANGE, _) => ErrorKind::OutOfRange,
        (Errno::EPERM | Errno::EACCES, _) => ErrorKind::NoPermission,
        (Errno::EAFNOSUPPORT, _) => ErrorKind::FamilyUnsupported,
        (Errno::EOPNOTSUPP, _) => ErrorKind::Unsupported,
        (Errno::EBUSY, _) => ErrorKind::Busy,
        (Errno::ENOMEM, _) => ErrorKind::OutOfMemory,
        (Errno::ENOBUFS, _) => ErrorKind::AnswersLost,
        (errno, _) => ErrorKind::Refused(errno),
    }
}

fn subject(request: &Request<'_>) -> (Operation, Object) {
    match *request {
        Request::AddService(service) => (Operation::AddService, Object::Service(*service.key())),
        Request::EditService(service) | Request::EditServiceFlags(service, _) => {
            (Operation::EditService, Object::Service(*service.key()))
        }
        Request::RemoveService(key) => (Operation::RemoveService, Object::Service(key)),
        Request::Service(key) => (Operation::ReadService, Object::Service(key)),
        Request::Services => (Operation::ListServices, Object::None),
        Request::AddDestination(key, destination) => {
            (Operation::AddDestination, Object::Destination(key, destination.endpoint))
        }
        Request::EditDestination(key, destination) => {
            (Operation::EditDestination, Object::Destination(key, destination.endpoint))
        }
        Request::RemoveDestination(key, endpoint) => (Operation::RemoveDestination, Object::Destination(key, endpoint)),
        Request::Destinations(key) => (Operation::ListDestinations, Object::Service(key)),
        Request::StartDaemon(daemon) => (Operation::StartDaemon, Object::Daemon(daemon.role)),
        Request::StopDaemon(role) => (Operation::StopDaemon, Object::Daemon(role)),
        Request::Daemons => (Operation::ListDaemons, Object::None),
        Request::SetTimeouts(_) => (Operation::SetTimeouts, Object::None),
        Request::Timeouts => (Operation::ReadTimeouts, Object::None),
        Request::Info => (Operation::ReadInfo, Object::None),
        Request::Zero => (Operation::Zero, Object::None),
        Request::ZeroService(key) => (Operation::Zero, Object::Service(key)),
        Request::Flush => (Operation::Flush, Object::None),
    }
}

/// The kernel answers `EINVAL` without a word, so this looks for what it is known to dislike.
fn suspect(request: &Request<'_>) -> &'static str {
    match request {
        Request::AddDestination(key, destination) | Request::EditDestination(key, destination) => {
            suspect_destination(key, destination)
        }
        Request::StartDaemon(daemon) => suspect_daemon(daemon),
        Request::SetTimeouts(_) => "a timeout is longer than 2147483647 clock ticks of this kernel",
        Request::AddService(_) | Request::EditService(_) | Request::EditServiceFlags(..) => {
            "an IPv6 netmask must be a prefix length from 1 to 128"
        }
        _ => "this should not happen with what this crate sends",
    }
}

fn suspect_destination(key: &ServiceKey, destination: &Destination) -> &'static str {
    let tunnel = matches!(destination.forwarding, Forwarding::Tunnel(_));
    let address = destination.endpoint.addr;
    if destination.endpoint.family() != key.family() {
        return if tunnel {
            "while a sync daemon runs, service and destination must be of one address family"
        } else {
            "only tunnels lead to a destination of the other address family"
        };
    }
    if address.is_unspecified() || address.is_multicast() {
        return "a destination must be a unicast address";
    }
    match address {
        IpAddr::V4(address) if address.is_broadcast() => "a destination must be a unicast address",
        IpAddr::V6(address) if address.is_unicast_link_local() => "a link-local address cannot be a destination",
        _ if destination.thresholds.upper() > i32::MAX as u32 => "this kernel limits thresholds to 2147483647",
        _ if key.family() == Family::Inet => {
            "is lo up in this network namespace? without it (ip link set lo up) every IPv4 destination is invalid"
        }
        _ => "is the address local, or unicast, in this network namespace?",
    }
}

fn suspect_daemon(daemon: &SyncDaemon) -> &'static str {
    if daemon.group.is_some() {
        "the group's address family may not be set up on the interface, or a tunnel leads to the other address family"
    } else {
        "a sync daemon cannot run while a destination is of another address family than its service"
    }
}
