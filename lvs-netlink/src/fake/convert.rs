//! Between the vocabulary of `lvs-model` and what the kernel keeps, for those who set the table up or look at it from outside.

use super::request::{AF_INET, AF_INET6, DestinationId, DestinationSettings, ServiceId, ServiceSettings};
use super::state::{Counters, Destination, Service, State};
use lvs_model::{
    Change, ConnectionCounts, DestinationStatus, Endpoint, Family, Forwarding, Fwmark, Netmask, OnePacket, Persistence,
    PersistenceTimeout, PrefixLength, Protocol, Rates, SchedulerFlags, ServiceKey, ServiceStatus, Statistics,
    Thresholds, Weight,
};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const PERSISTENT: u32 = 0x1;
const ONE_PACKET: u32 = 0x4;

fn address(addr: IpAddr) -> (u16, [u8; 16]) {
    match addr {
        IpAddr::V4(addr) => (AF_INET, super::attributes::padded(&addr.octets())),
        IpAddr::V6(addr) => (AF_INET6, addr.octets()),
    }
}

fn ip(family: u16, address: [u8; 16]) -> IpAddr {
    if family == AF_INET6 {
        return IpAddr::V6(Ipv6Addr::from(address));
    }
    let [a, b, c, d, ..] = address;
    IpAddr::V4(Ipv4Addr::new(a, b, c, d))
}

pub(super) fn service_id(key: &ServiceKey) -> ServiceId {
    match key {
        ServiceKey::Socket { protocol, endpoint } => {
            let (family, address) = address(endpoint.addr);
            ServiceId { family, protocol: protocol.number(), address, port: endpoint.port, mark: 0 }
        }
        ServiceKey::Fwmark { family, mark } => {
            ServiceId { family: family.number(), protocol: 6, address: [0; 16], port: 0, mark: mark.get() }
        }
    }
}

pub(super) fn destination_id(endpoint: Endpoint) -> DestinationId {
    let (family, address) = address(endpoint.addr);
    DestinationId { family, address, port: endpoint.port }
}

fn service_settings(service: &lvs_model::Service) -> ServiceSettings {
    let netmask = service.persistence().map_or(Netmask::host(service.key().family()), |p| p.netmask);
    ServiceSettings {
        scheduler: service.scheduler().as_str().into(),
        flags: service.flag_bits(),
        mask: u32::MAX,
        timeout: service.persistence().map_or(0, |persistence| persistence.timeout.seconds()),
        netmask: match netmask {
            Netmask::Inet(mask) => mask.octets(),
            Netmask::Inet6(length) => u32::from(length.get()).to_ne_bytes(),
        },
        engine: service.persistence().and_then(|p| p.engine).map_or(Vec::new(), |engine| engine.as_str().into()),
    }
}

fn destination_settings(destination: &lvs_model::Destination) -> DestinationSettings {
    let tunnel = destination.forwarding.tunnel().unwrap_or_default();
    DestinationSettings {
        method: destination.forwarding.number(),
        weight: destination.weight.get(),
        upper: destination.thresholds.upper(),
        lower: destination.thresholds.lower(),
        tunnel: tunnel.kind(),
        tunnel_port: tunnel.port(),
        tunnel_flags: tunnel.flags().bits(),
    }
}

/// Does one change as a command would.
pub(super) fn change(state: &mut State, change: &Change) -> Result<(), i32> {
    match change {
        Change::AddService(service) => state.add_service(service_id(service.key()), service_settings(service)),
        Change::EditService { to, .. } => state.set_service(&service_id(to.key()), service_settings(to)),
        Change::RemoveService(key) => state.delete_service(&service_id(key)),
        Change::AddDestination { service, destination } => {
            let id = destination_id(destination.endpoint);
            state.add_destination(&service_id(service), id, destination_settings(destination))
        }
        Change::EditDestination { service, to, .. } => {
            state.set_destination(&service_id(service), &destination_id(to.endpoint), destination_settings(to))
        }
        Change::RemoveDestination { service, destination } => {
            state.delete_destination(&service_id(service), &destination_id(*destination))
        }
    }
}

/// A service as the vocabulary says it; `None` when the kernel holds something that it has no words for.
pub(super) fn service_status(state: &State, service: &Service) -> Option<ServiceStatus> {
    let id = &service.id;
    let family = Family::from_number(id.family)?;
    let key = match Fwmark::new(id.mark) {
        Ok(mark) => ServiceKey::Fwmark { family, mark },
        Err(_) => ServiceKey::Socket {
            protocol: Protocol::new(id.protocol),
            endpoint: Endpoint::new(ip(id.family, id.address), id.port),
        },
    };
    let scheduler = std::str::from_utf8(&service.scheduler).ok()?.parse().ok()?;
    let mut model = lvs_model::Service::new(key, scheduler).with_flags(SchedulerFlags::from_bits(service.flags));
    if service.flags & ONE_PACKET != 0 {
        model = model.with_one_packet(OnePacket::On);
    }
    if service.flags & PERSISTENT != 0 {
        let mut persistence = Persistence::new(PersistenceTimeout::new(state.timeout(service)).ok()?, family);
        persistence.netmask = match family {
            Family::Inet => Netmask::Inet(Ipv4Addr::from(service.netmask)),
            Family::Inet6 => {
                let length = u8::try_from(u32::from_ne_bytes(service.netmask)).ok()?;
                Netmask::Inet6(PrefixLength::new(length).ok()?)
            }
        };
        persistence.engine = match service.engine.as_slice() {
            [] => None,
            name => Some(std::str::from_utf8(name).ok()?.parse().ok()?),
        };
        model = model.with_persistence(persistence).ok()?;
    }
    let mut status = ServiceStatus::from(model);
    (status.statistics, status.rates) = counters(&service.counters);
    status.destinations = service.destinations().map(destination_status).collect::<Option<_>>()?;
    Some(status)
}

fn destination_status(destination: &Destination) -> Option<DestinationStatus> {
    let Destination { id, settings, counts: [active, inactive, persistent], .. } = destination;
    let forwarding =
        Forwarding::from_raw(settings.method, settings.tunnel, settings.tunnel_port, settings.tunnel_flags).ok()?;
    let model = lvs_model::Destination::new(Endpoint::new(ip(id.family, id.address), id.port))
        .with_weight(Weight::new(settings.weight).ok()?)
        .with_forwarding(forwarding)
        .with_thresholds(Thresholds::new(settings.upper, settings.lower).ok()?);
    let mut status = DestinationStatus::from(model);
    status.counts = ConnectionCounts { active: *active, inactive: *inactive, persistent: *persistent };
    (status.statistics, status.rates) = counters(&destination.counters);
    Some(status)
}

fn counters(counters: &Counters) -> (Statistics, Rates) {
    let [connections, packets_in, packets_out, bytes_in, bytes_out] = counters.totals;
    let statistics = Statistics { connections, packets_in, packets_out, bytes_in, bytes_out };
    let [connections, packets_in, packets_out, bytes_in, bytes_out] = counters.rates;
    (statistics, Rates { connections, packets_in, packets_out, bytes_in, bytes_out })
}

/// The kernel's shape of totals and rates.
pub(super) fn raw_counters(statistics: Statistics, rates: Rates) -> Counters {
    let Statistics { connections, packets_in, packets_out, bytes_in, bytes_out } = statistics;
    let totals = [connections, packets_in, packets_out, bytes_in, bytes_out];
    let Rates { connections, packets_in, packets_out, bytes_in, bytes_out } = rates;
    Counters { totals, rates: [connections, packets_in, packets_out, bytes_in, bytes_out] }
}
