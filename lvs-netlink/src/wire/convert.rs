//! Between records and the model: what a service or destination of `lvs-model` looks like in attributes, and back.
//!
//! ```
//! use lvs_model::{Endpoint, SchedulerName, Service, ServiceKey};
//! use lvs_netlink::wire::ServiceRecord;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let service = Service::new(ServiceKey::tcp("192.0.2.1:80".parse::<Endpoint>()?), SchedulerName::Wrr);
//! let record = ServiceRecord::from(&service);
//! assert_eq!(record.port, Some(80));
//! assert_eq!(record.service()?, service);
//! # Ok(())
//! # }
//! ```

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::{NonZeroU8, NonZeroU16};
use std::str::FromStr;

use lvs_model::{
    ConnectionCounts, Destination, DestinationStatus, Endpoint, Family, Forwarding, Fwmark, Info, MulticastGroup,
    Netmask, OnePacket, Persistence, PersistenceTimeout, PrefixLength, Protocol, ProtocolTimeout, Rates,
    SchedulerFlags, Service, ServiceKey, ServiceStatus, Statistics, SyncDaemon, SyncId, SyncRole, Thresholds, Timeouts,
    TimeoutsUpdate, Version, Weight,
};

use super::{
    DaemonRecord, DestinationRecord, FlagWord, InfoRecord, Name, ServiceRecord, StatisticsRecord, TimeoutsRecord,
    WireError,
};

const SERVICE: &str = "a service";
const DESTINATION: &str = "a destination";
const DAEMON: &str = "a sync daemon";
const CONFIG: &str = "the timeouts";

impl From<&ServiceKey> for ServiceRecord<'_> {
    /// This is what names a service: enough to read, remove or zero it and to speak of its destinations.
    fn from(key: &ServiceKey) -> Self {
        let mut record = ServiceRecord { family: Some(key.family().number()), ..Self::default() };
        match key {
            ServiceKey::Fwmark { mark, .. } => record.fwmark = Some(mark.get()),
            ServiceKey::Socket { protocol, endpoint } => {
                record.protocol = Some(protocol.number());
                record.address = Some(address_bytes(endpoint.addr));
                record.port = Some(endpoint.port);
            }
        }
        record
    }
}

impl From<&Service> for ServiceRecord<'_> {
    /// This is a whole service, with a mask that sets every flag.
    fn from(service: &Service) -> Self {
        let persistence = service.persistence();
        Self {
            scheduler: Name::new(service.scheduler().as_str()),
            engine: persistence
                .and_then(|persistence| persistence.engine)
                .and_then(|engine| Name::new(engine.as_str())),
            flags: Some(FlagWord::all(service.flag_bits())),
            timeout: Some(persistence.map_or(0, |persistence| persistence.timeout.seconds())),
            netmask: Some(netmask_bytes(service)),
            ..Self::from(service.key())
        }
    }
}

impl ServiceRecord<'_> {
    /// This reads which service it is.
    ///
    /// A mark takes precedence, as in the kernel; a mark of 0 names no service but the one at 0.0.0.0:0.
    ///
    /// # Errors
    /// [`WireError::Missing`] or [`WireError::Value`] when that cannot be said.
    pub fn key(&self) -> Result<ServiceKey, WireError> {
        let family = family(SERVICE, self.family)?;
        if let Some(mark) = self.fwmark.and_then(|mark| Fwmark::new(mark).ok()) {
            return Ok(ServiceKey::Fwmark { family, mark });
        }
        let protocol = Protocol::new(present(SERVICE, "protocol", self.protocol)?);
        let address = present(SERVICE, "address", self.address)?;
        let port = present(SERVICE, "port", self.port)?;
        Ok(ServiceKey::Socket { protocol, endpoint: Endpoint::new(address_of(family, address), port) })
    }

    /// This reads the service's configuration; `HASHED`, which the kernel adds, is dropped.
    ///
    /// A service that is not persistent has no timeout, netmask or engine, whatever the record says of them.
    ///
    /// # Errors
    /// [`WireError`] when something is missing or impossible.
    pub fn service(&self) -> Result<Service, WireError> {
        let key = self.key()?;
        let scheduler = parsed(SERVICE, "scheduler", &present(SERVICE, "scheduler", self.scheduler)?)?;
        let flags = self.flags.map_or(0, |word| word.flags);
        let one_packet = if flags & FlagWord::ONE_PACKET == 0 { OnePacket::Off } else { OnePacket::On };
        let service =
            Service::new(key, scheduler).with_flags(SchedulerFlags::from_bits(flags)).with_one_packet(one_packet);
        if flags & FlagWord::PERSISTENT == 0 {
            return Ok(service);
        }
        let seconds = present(SERVICE, "timeout", self.timeout)?;
        let timeout = PersistenceTimeout::new(seconds).map_err(|_| impossible(SERVICE, "timeout", seconds.into()))?;
        let mut persistence = Persistence::new(timeout, key.family());
        persistence.netmask = netmask(key.family(), present(SERVICE, "netmask", self.netmask)?)?;
        if let Some(engine) = self.engine.filter(|engine| !engine.as_bytes().is_empty()) {
            persistence.engine = Some(parsed(SERVICE, "persistence engine", &engine)?);
        }
        service.with_persistence(persistence).map_err(|_| impossible(SERVICE, "netmask", 0))
    }

    /// This reads configuration and counters; the list of destinations is empty, they come in other messages.
    ///
    /// # Errors
    /// [`WireError`] when something is missing or impossible.
    pub fn status(&self) -> Result<ServiceStatus, WireError> {
        let numbers = self.numbers()?;
        let mut status = ServiceStatus::from(self.service()?);
        (status.statistics, status.rates) = (numbers.statistics(), numbers.rates());
        Ok(status)
    }
}

impl From<Endpoint> for DestinationRecord<'_> {
    /// This is what names a destination, with its family, which may differ from the service's.
    fn from(endpoint: Endpoint) -> Self {
        Self {
            address: Some(address_bytes(endpoint.addr)),
            port: Some(endpoint.port),
            family: Some(endpoint.family().number()),
            ..Self::default()
        }
    }
}

impl From<&Destination> for DestinationRecord<'_> {
    /// This is a whole destination; all tunnel attributes are written for a tunnel and for nothing else.
    fn from(destination: &Destination) -> Self {
        let tunnel = destination.forwarding.tunnel();
        Self {
            forwarding: Some(destination.forwarding.number()),
            weight: Some(destination.weight.get()),
            tunnel_kind: tunnel.map(lvs_model::Tunnel::kind),
            tunnel_port: tunnel.map(lvs_model::Tunnel::port),
            tunnel_flags: tunnel.map(|tunnel| tunnel.flags().bits()),
            upper_threshold: Some(destination.thresholds.upper()),
            lower_threshold: Some(destination.thresholds.lower()),
            ..Self::from(destination.endpoint)
        }
    }
}

impl From<&DestinationStatus> for DestinationRecord<'_> {
    /// This is what the kernel answers of a destination, but for its counters.
    fn from(status: &DestinationStatus) -> Self {
        let destination = Self::from(&status.destination);
        Self {
            tunnel_kind: destination.tunnel_kind.or(Some(0)),
            tunnel_port: destination.tunnel_port.or(Some(0)),
            tunnel_flags: destination.tunnel_flags.or(Some(0)),
            active: Some(status.counts.active),
            inactive: Some(status.counts.inactive),
            persistent: Some(status.counts.persistent),
            ..destination
        }
    }
}

impl DestinationRecord<'_> {
    /// This reads which destination it is, of a service of the given family.
    ///
    /// # Errors
    /// [`WireError`] when address or port is missing or the family is unknown.
    pub fn endpoint(&self, service: Family) -> Result<Endpoint, WireError> {
        let family = match self.family {
            None | Some(0) => service,
            other => family(DESTINATION, other)?,
        };
        let address = present(DESTINATION, "address", self.address)?;
        Ok(Endpoint::new(address_of(family, address), present(DESTINATION, "port", self.port)?))
    }

    /// This reads the destination's configuration, of a service of the given family.
    ///
    /// # Errors
    /// [`WireError`] when something is missing or impossible.
    pub fn destination(&self, service: Family) -> Result<Destination, WireError> {
        let weight = present(DESTINATION, "weight", self.weight)?;
        let weight = Weight::new(weight).map_err(|_| impossible(DESTINATION, "weight", weight.into()))?;
        let method = present(DESTINATION, "forwarding method", self.forwarding)?;
        let (kind, port) = (self.tunnel_kind.unwrap_or(0), self.tunnel_port.unwrap_or(0));
        let forwarding = Forwarding::from_raw(method, kind, port, self.tunnel_flags.unwrap_or(0))
            .map_err(|_| impossible(DESTINATION, "tunnel port", 0))?;
        let (upper, lower) = (self.upper_threshold.unwrap_or(0), self.lower_threshold.unwrap_or(0));
        let thresholds =
            Thresholds::new(upper, lower).map_err(|_| impossible(DESTINATION, "lower threshold", lower.into()))?;
        Ok(Destination::new(self.endpoint(service)?)
            .with_weight(weight)
            .with_forwarding(forwarding)
            .with_thresholds(thresholds))
    }

    /// This reads configuration, connections and counters, of a service of the given family.
    ///
    /// # Errors
    /// [`WireError`] when something is missing or impossible.
    pub fn status(&self, service: Family) -> Result<DestinationStatus, WireError> {
        let numbers = self.numbers()?;
        Ok(DestinationStatus {
            destination: self.destination(service)?,
            counts: ConnectionCounts {
                active: self.active.unwrap_or(0),
                inactive: self.inactive.unwrap_or(0),
                persistent: self.persistent.unwrap_or(0),
            },
            statistics: numbers.statistics(),
            rates: numbers.rates(),
        })
    }
}

impl StatisticsRecord {
    /// This puts counters and rates side by side, as they travel.
    #[must_use]
    pub const fn new(statistics: &Statistics, rates: &Rates) -> Self {
        Self {
            connections: statistics.connections,
            packets_in: statistics.packets_in,
            packets_out: statistics.packets_out,
            bytes_in: statistics.bytes_in,
            bytes_out: statistics.bytes_out,
            connection_rate: rates.connections,
            packet_rate_in: rates.packets_in,
            packet_rate_out: rates.packets_out,
            byte_rate_in: rates.bytes_in,
            byte_rate_out: rates.bytes_out,
        }
    }

    /// This is the counters.
    #[must_use]
    pub const fn statistics(&self) -> Statistics {
        Statistics {
            connections: self.connections,
            packets_in: self.packets_in,
            packets_out: self.packets_out,
            bytes_in: self.bytes_in,
            bytes_out: self.bytes_out,
        }
    }

    /// This is the rates.
    #[must_use]
    pub const fn rates(&self) -> Rates {
        Rates {
            connections: self.connection_rate,
            packets_in: self.packet_rate_in,
            packets_out: self.packet_rate_out,
            bytes_in: self.byte_rate_in,
            bytes_out: self.byte_rate_out,
        }
    }
}

impl From<SyncRole> for DaemonRecord<'_> {
    /// This is what names a sync daemon: enough to stop it.
    fn from(role: SyncRole) -> Self {
        Self { state: Some(role.number()), ..Self::default() }
    }
}

impl From<&SyncDaemon> for DaemonRecord<'_> {
    fn from(daemon: &SyncDaemon) -> Self {
        let group = daemon.group.map(MulticastGroup::addr);
        Self {
            interface: Name::new(daemon.interface.as_str()),
            sync_id: Some(daemon.sync_id.get()),
            max_length: daemon.max_length.map(NonZeroU16::get),
            port: daemon.port.map(NonZeroU16::get),
            ttl: daemon.ttl.map(NonZeroU8::get),
            group: group.and_then(|group| if let IpAddr::V4(group) = group { Some(group.octets()) } else { None }),
            group6: group.and_then(|group| if let IpAddr::V6(group) = group { Some(group.octets()) } else { None }),
            ..Self::from(daemon.role)
        }
    }
}

impl DaemonRecord<'_> {
    /// This reads which of the two daemons it is.
    ///
    /// # Errors
    /// [`WireError`] when the state is missing or neither 1 nor 2.
    pub fn role(&self) -> Result<SyncRole, WireError> {
        match present(DAEMON, "state", self.state)? {
            1 => Ok(SyncRole::Master),
            2 => Ok(SyncRole::Backup),
            other => Err(impossible(DAEMON, "state", other.into())),
        }
    }

    /// This reads the daemon's configuration.
    ///
    /// # Errors
    /// [`WireError`] when something is missing or impossible.
    pub fn daemon(&self) -> Result<SyncDaemon, WireError> {
        let interface = parsed(DAEMON, "interface", &present(DAEMON, "interface", self.interface)?)?;
        let mut daemon = SyncDaemon::new(self.role()?, interface);
        daemon.sync_id = SyncId::from_raw(present(DAEMON, "sync id", self.sync_id)?);
        daemon.max_length = self.max_length.and_then(NonZeroU16::new);
        daemon.port = self.port.and_then(NonZeroU16::new);
        daemon.ttl = self.ttl.and_then(NonZeroU8::new);
        let group = self.group.map(|group| IpAddr::from(Ipv4Addr::from(group)));
        let group = group.or(self.group6.map(|group| Ipv6Addr::from(group).into()));
        daemon.group = group.and_then(|group| MulticastGroup::new(group).ok());
        Ok(daemon)
    }
}

impl From<&TimeoutsUpdate> for TimeoutsRecord {
    fn from(update: &TimeoutsUpdate) -> Self {
        Self {
            tcp: update.tcp.map(ProtocolTimeout::seconds),
            tcp_fin: update.tcp_fin.map(ProtocolTimeout::seconds),
            udp: update.udp.map(ProtocolTimeout::seconds),
        }
    }
}

impl TimeoutsRecord {
    /// This reads the answer to `GET_CONFIG`, in which all three are there.
    ///
    /// # Errors
    /// [`WireError`] when one is missing or out of range.
    pub fn timeouts(&self) -> Result<Timeouts, WireError> {
        let read = |attribute, value: Option<u32>| {
            let seconds = present(CONFIG, attribute, value)?;
            ProtocolTimeout::new(seconds).map_err(|_| impossible(CONFIG, attribute, seconds.into()))
        };
        Ok(Timeouts {
            tcp: read("tcp", self.tcp)?,
            tcp_fin: read("tcp fin", self.tcp_fin)?,
            udp: read("udp", self.udp)?,
        })
    }
}

impl InfoRecord<'_> {
    /// This reads version and size of the connection table.
    ///
    /// # Errors
    /// [`WireError::Missing`] when one is absent.
    pub fn info(&self) -> Result<Info, WireError> {
        Ok(Info {
            version: Version::from_number(present("the info", "version", self.version)?),
            connection_table_size: present("the info", "connection table size", self.connection_table_size)?,
        })
    }
}

/// The kernel demands a netmask even without persistence; it is that of a single client then.
pub(super) fn netmask_bytes(service: &Service) -> [u8; 4] {
    let persistence = service.persistence();
    match persistence.map_or(Netmask::host(service.key().family()), |persistence| persistence.netmask) {
        Netmask::Inet(mask) => mask.octets(),
        Netmask::Inet6(prefix) => u32::from(prefix.get()).to_ne_bytes(),
    }
}

fn address_bytes(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V6(address) => address.octets(),
        IpAddr::V4(address) => {
            let mut bytes = [0; 16];
            bytes[..4].copy_from_slice(&address.octets());
            bytes
        }
    }
}

fn address_of(family: Family, bytes: [u8; 16]) -> IpAddr {
    let [a, b, c, d, ..] = bytes;
    match family {
        Family::Inet => Ipv4Addr::new(a, b, c, d).into(),
        Family::Inet6 => Ipv6Addr::from(bytes).into(),
    }
}

fn netmask(family: Family, bytes: [u8; 4]) -> Result<Netmask, WireError> {
    match family {
        Family::Inet => Ok(Netmask::Inet(bytes.into())),
        Family::Inet6 => {
            let bits = u32::from_ne_bytes(bytes);
            let prefix = u8::try_from(bits).ok().and_then(|bits| PrefixLength::new(bits).ok());
            prefix.map(Netmask::Inet6).ok_or(impossible(SERVICE, "prefix length", bits.into()))
        }
    }
}

fn family(record: &'static str, number: Option<u16>) -> Result<Family, WireError> {
    let number = present(record, "address family", number)?;
    Family::from_number(number).ok_or(impossible(record, "address family", number.into()))
}

fn parsed<T: FromStr>(record: &'static str, attribute: &'static str, name: &Name) -> Result<T, WireError> {
    let parsed = name.as_str().and_then(|name| name.parse().ok());
    parsed.ok_or(WireError::Name { record, attribute })
}

fn present<T>(record: &'static str, attribute: &'static str, value: Option<T>) -> Result<T, WireError> {
    value.ok_or(WireError::Missing { record, attribute })
}

const fn impossible(record: &'static str, attribute: &'static str, value: u64) -> WireError {
    WireError::Value { record, attribute, value }
}
