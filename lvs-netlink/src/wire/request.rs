//! What a client asks of the kernel, in the words of the model.
//!
//! ```
//! use lvs_model::{Destination, Endpoint, ServiceKey, Weight};
//! use lvs_netlink::wire::{MessageFlags, Request};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let service = ServiceKey::tcp("192.0.2.1:80".parse::<Endpoint>()?);
//! let destination = Destination::new("10.0.0.1:8080".parse()?).with_weight(Weight::new(3)?);
//!
//! let mut datagram = Vec::new();
//! Request::AddDestination(service, &destination).encode(&mut datagram, 28, 1, MessageFlags::ACK);
//! Request::Info.encode(&mut datagram, 28, 2, MessageFlags::NONE);
//! assert_eq!(datagram.len(), 140 + 20);
//! # Ok(())
//! # }
//! ```

use lvs_model::{
    Change, Destination, Endpoint, Forwarding, SchedulerFlags, Service, ServiceKey, SyncDaemon, SyncRole,
    TimeoutsUpdate,
};

use super::block::{put_plain_destination, put_service, put_socket};
use super::{
    Command, DaemonRecord, DestinationRecord, FlagWord, Header, MessageFlags, MessageWriter, ServiceRecord,
    TimeoutsRecord,
};

/// This is one request of the family `IPVS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Request<'a> {
    /// Add a service (`ipvsadm -A`).
    AddService(&'a Service),
    /// Replace all settings of a service (`ipvsadm -E`).
    EditService(&'a Service),
    /// Replace the settings of a service, but of its scheduler's flags only those given; the kernel keeps the others.
    EditServiceFlags(&'a Service, SchedulerFlags),
    /// Remove a service with its destinations (`ipvsadm -D`).
    RemoveService(ServiceKey),
    /// Read one service.
    Service(ServiceKey),
    /// Read all services, without their destinations.
    Services,
    /// Add a destination (`ipvsadm -a`).
    AddDestination(ServiceKey, &'a Destination),
    /// Replace all settings of a destination (`ipvsadm -e`).
    EditDestination(ServiceKey, &'a Destination),
    /// Remove a destination (`ipvsadm -d`).
    RemoveDestination(ServiceKey, Endpoint),
    /// Read the destinations of a service.
    Destinations(ServiceKey),
    /// Start a sync daemon (`ipvsadm --start-daemon`).
    StartDaemon(&'a SyncDaemon),
    /// Stop a sync daemon (`ipvsadm --stop-daemon`).
    StopDaemon(SyncRole),
    /// Read the running sync daemons.
    Daemons,
    /// Set timeouts (`ipvsadm --set`).
    SetTimeouts(TimeoutsUpdate),
    /// Read the timeouts.
    Timeouts,
    /// Read version and connection table size.
    Info,
    /// Set the counters of everything to zero (`ipvsadm -Z`).
    Zero,
    /// Set the counters of one service and its destinations to zero.
    ZeroService(ServiceKey),
    /// Remove everything (`ipvsadm -C`).
    Flush,
}

impl Request<'_> {
    /// This is the command that the request uses.
    #[must_use]
    pub const fn command(&self) -> Command {
        match self {
            Self::AddService(_) => Command::NewService,
            Self::EditService(_) | Self::EditServiceFlags(..) => Command::SetService,
            Self::RemoveService(_) => Command::DelService,
            Self::Service(_) | Self::Services => Command::GetService,
            Self::AddDestination(..) => Command::NewDest,
            Self::EditDestination(..) => Command::SetDest,
            Self::RemoveDestination(..) => Command::DelDest,
            Self::Destinations(_) => Command::GetDest,
            Self::StartDaemon(_) => Command::NewDaemon,
            Self::StopDaemon(_) => Command::DelDaemon,
            Self::Daemons => Command::GetDaemon,
            Self::SetTimeouts(_) => Command::SetConfig,
            Self::Timeouts => Command::GetConfig,
            Self::Info => Command::GetInfo,
            Self::Zero | Self::ZeroService(_) => Command::Zero,
            Self::Flush => Command::Flush,
        }
    }

    /// This tells whether the answer is a dump: any number of messages and a DONE.
    #[must_use]
    pub const fn is_dump(&self) -> bool {
        matches!(self, Self::Services | Self::Destinations(_) | Self::Daemons)
    }

    /// This tells whether the answer carries data, be it a dump or a single message.
    #[must_use]
    pub const fn is_query(&self) -> bool {
        self.is_dump() || matches!(self, Self::Service(_) | Self::Timeouts | Self::Info)
    }

    /// This appends the request as one message, to the family with the given id.
    ///
    /// `NLM_F_REQUEST`, and `NLM_F_DUMP` where it is needed, are set besides the given flags.
    pub fn encode(&self, buffer: &mut Vec<u8>, family: u16, sequence: u32, flags: MessageFlags) {
        let dump = if self.is_dump() { MessageFlags::DUMP } else { MessageFlags::NONE };
        let flags = flags.union(MessageFlags::REQUEST).union(dump);
        let mut writer = MessageWriter::generic(buffer, Header::new(family, flags, sequence), self.command().number());
        self.encode_attributes(writer.buffer());
        writer.finish();
    }

    fn encode_attributes(&self, buffer: &mut Vec<u8>) {
        match self {
            Self::AddService(service) | Self::EditService(service) => match *service.key() {
                ServiceKey::Socket { protocol, endpoint } => put_service(buffer, protocol, endpoint, service),
                ServiceKey::Fwmark { .. } => ServiceRecord::from(*service).encode(buffer),
            },
            Self::EditServiceFlags(service, mask) => {
                let own = FlagWord::PERSISTENT | FlagWord::ONE_PACKET;
                let mut record = ServiceRecord::from(*service);
                record.flags = Some(FlagWord::masked(service.flag_bits(), mask.bits() | own));
                record.encode(buffer);
            }
            Self::RemoveService(key) | Self::Service(key) | Self::Destinations(key) | Self::ZeroService(key) => {
                put_key(buffer, key);
            }
            Self::AddDestination(key, destination) | Self::EditDestination(key, destination) => {
                put_key(buffer, key);
                match destination.forwarding {
                    Forwarding::Tunnel(_) => DestinationRecord::from(*destination).encode(buffer),
                    _ => put_plain_destination(buffer, destination),
                }
            }
            Self::RemoveDestination(key, endpoint) => {
                put_key(buffer, key);
                DestinationRecord::from(*endpoint).encode(buffer);
            }
            Self::StartDaemon(daemon) => DaemonRecord::from(*daemon).encode(buffer),
            Self::StopDaemon(role) => DaemonRecord::from(*role).encode(buffer),
            Self::SetTimeouts(update) => TimeoutsRecord::from(update).encode(buffer),
            Self::Services | Self::Daemons | Self::Timeouts | Self::Info | Self::Zero | Self::Flush => {}
        }
    }
}

fn put_key(buffer: &mut Vec<u8>, key: &ServiceKey) {
    match *key {
        ServiceKey::Socket { protocol, endpoint } => put_socket(buffer, protocol, endpoint),
        ServiceKey::Fwmark { .. } => ServiceRecord::from(key).encode(buffer),
    }
}

impl<'a> From<&'a Change> for Request<'a> {
    /// This is the request that carries a change out.
    fn from(change: &'a Change) -> Self {
        match change {
            Change::AddService(service) => Self::AddService(service),
            Change::EditService { to, .. } => Self::EditService(to),
            Change::RemoveService(key) => Self::RemoveService(*key),
            Change::AddDestination { service, destination } => Self::AddDestination(*service, destination),
            Change::EditDestination { service, to, .. } => Self::EditDestination(*service, to),
            Change::RemoveDestination { service, destination } => Self::RemoveDestination(*service, *destination),
        }
    }
}
