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
        (Errno::EADDRINUSE, Object::Daemon(_)) => ErrorKind::PortTaken,
        (Errno::ENETUNREACH | Errno::ENETDOWN | Errno::EADDRNOTAVAIL, Object::Daemon(_)) => {
            ErrorKind::GroupUnreachable(errno)
        }
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

#[cfg(test)]
mod tests {
    use lvs_model::{Destination, Endpoint, SchedulerName, Service, ServiceKey, SyncRole, TimeoutsUpdate};

    use super::*;
    use crate::wire::Command;

    #[derive(serde::Deserialize)]
    struct Case {
        name: String,
        cmd: u8,
        errno: String,
    }

    #[derive(serde::Deserialize)]
    struct Recording {
        cases: Vec<Case>,
    }

    fn errno(name: &str) -> Errno {
        (1..200).map(Errno::new).find(|errno| errno.name() == Some(name)).unwrap_or_else(|| panic!("{name}"))
    }

    #[test]
    fn every_refusal_recorded_from_two_kernels_has_a_kind_and_advice() {
        let key = ServiceKey::tcp("192.0.2.1:80".parse::<Endpoint>().unwrap());
        let service = Service::new(key, SchedulerName::Wlc);
        let destination = Destination::new("10.0.0.1:80".parse().unwrap());
        let daemon = SyncDaemon::new(SyncRole::Master, "eth0".parse().unwrap());
        let mut refused = 0;
        for kernel in ["6.1.176", "6.1.192"] {
            let path = format!("{}/tests/samples/errno-{kernel}.json", env!("CARGO_MANIFEST_DIR"));
            let recording: Recording = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
            for case in recording.cases.iter().filter(|case| case.errno != "OK") {
                let request = match Command::from_number(case.cmd) {
                    Some(Command::NewService) => Request::AddService(&service),
                    Some(Command::SetService) => Request::EditService(&service),
                    Some(Command::DelService) => Request::RemoveService(key),
                    Some(Command::GetService) => Request::Service(key),
                    Some(Command::NewDest) => Request::AddDestination(key, &destination),
                    Some(Command::SetDest) => Request::EditDestination(key, &destination),
                    Some(Command::DelDest) => Request::RemoveDestination(key, destination.endpoint),
                    Some(Command::GetDest) => Request::Destinations(key),
                    Some(Command::NewDaemon) => Request::StartDaemon(&daemon),
                    Some(Command::DelDaemon) => Request::StopDaemon(SyncRole::Master),
                    Some(Command::GetDaemon) => Request::Daemons,
                    Some(Command::SetConfig) => Request::SetTimeouts(TimeoutsUpdate::default()),
                    Some(Command::GetConfig) => Request::Timeouts,
                    Some(Command::GetInfo) => Request::Info,
                    Some(Command::Zero) => Request::ZeroService(key),
                    _ => Request::Flush,
                };
                let error = error(&request, reason(&request, errno(&case.errno)));
                assert!(!matches!(error.kind(), ErrorKind::Refused(_)), "{}: {error}", case.name);
                assert!(error.advice().is_some() || case.name.contains("del_daemon"), "{}: {error}", case.name);
                assert_eq!(error.errno().map(|errno| errno.to_string()), Some(case.errno.clone()), "{}", case.name);
                refused += 1;
            }
        }
        assert_eq!(refused, 215);
    }
}
