//! The nests that almost every request has, written at offsets that the compiler knows.
//!
//! Services at an address and destinations without a tunnel make up nearly all that a load of a large table sends.
//! Put together here they take a fraction of the instructions that the general records take, and are the same bytes,
//! which a test with random ones says.

use std::net::IpAddr;

use lvs_model::{Destination, Endpoint, Protocol, Service};

use super::attribute::put_string;
use super::convert::netmask_bytes;
use super::{destination, payload, service};

/// A nest of a known length, filled from front to back.
struct Block<const N: usize> {
    bytes: [u8; N],
    at: usize,
}

impl<const N: usize> Block<N> {
    #[inline(always)]
    fn nest(kind: u16) -> Self {
        let mut block = Self { bytes: [0; N], at: 0 };
        block.put((N as u16).to_ne_bytes());
        block.put(kind.to_ne_bytes());
        block
    }

    #[inline(always)]
    fn put<const M: usize>(&mut self, value: [u8; M]) {
        if let Some(place) = self.bytes.get_mut(self.at..self.at + M) {
            place.copy_from_slice(&value);
        }
        self.at += M;
    }

    #[inline(always)]
    fn half(&mut self, kind: u16, value: [u8; 2]) {
        self.put(6_u16.to_ne_bytes());
        self.put(kind.to_ne_bytes());
        self.put(value);
        self.put([0; 2]);
    }

    #[inline(always)]
    fn word(&mut self, kind: u16, value: u32) {
        self.put(8_u16.to_ne_bytes());
        self.put(kind.to_ne_bytes());
        self.put(value.to_ne_bytes());
    }

    #[inline(always)]
    fn address(&mut self, kind: u16, address: IpAddr) {
        self.put(20_u16.to_ne_bytes());
        self.put(kind.to_ne_bytes());
        match address {
            IpAddr::V6(address) => self.put(address.octets()),
            IpAddr::V4(address) => {
                self.put(address.octets());
                self.put([0; 12]);
            }
        }
    }
}

/// Appends the nest that names a service by protocol, address and port.
pub(super) fn put_socket(buffer: &mut Vec<u8>, protocol: Protocol, endpoint: Endpoint) {
    let mut nest = Block::<48>::nest(payload::SERVICE);
    nest.half(service::FAMILY, endpoint.family().number().to_ne_bytes());
    nest.half(service::PROTOCOL, protocol.number().to_ne_bytes());
    nest.address(service::ADDRESS, endpoint.addr);
    nest.half(service::PORT, endpoint.port.to_be_bytes());
    buffer.extend_from_slice(&nest.bytes);
}

/// Appends the nest that describes a service at an address, with all of its flags.
pub(super) fn put_service(buffer: &mut Vec<u8>, protocol: Protocol, endpoint: Endpoint, service: &Service) {
    let start = buffer.len();
    put_socket(buffer, protocol, endpoint);
    put_string(buffer, service::SCHEDULER, service.scheduler().as_str().as_bytes());
    let persistence = service.persistence();
    if let Some(engine) = persistence.and_then(|persistence| persistence.engine) {
        put_string(buffer, service::ENGINE, engine.as_str().as_bytes());
    }
    let mut rest = Block::<28> { bytes: [0; 28], at: 0 };
    rest.put(12_u16.to_ne_bytes());
    rest.put(service::FLAGS.to_ne_bytes());
    rest.put(service.flag_bits().to_ne_bytes());
    rest.put(u32::MAX.to_ne_bytes());
    rest.word(service::TIMEOUT, persistence.map_or(0, |persistence| persistence.timeout.seconds()));
    rest.word(service::NETMASK, u32::from_ne_bytes(netmask_bytes(service)));
    buffer.extend_from_slice(&rest.bytes);
    let length = (buffer.len() - start) as u16;
    if let Some(place) = buffer.get_mut(start..start + 2) {
        place.copy_from_slice(&length.to_ne_bytes());
    }
}

/// Appends the nest that describes a destination which no tunnel leads to.
pub(super) fn put_plain_destination(buffer: &mut Vec<u8>, destination: &Destination) {
    let endpoint = destination.endpoint;
    let mut nest = Block::<72>::nest(payload::DESTINATION);
    nest.address(destination::ADDRESS, endpoint.addr);
    nest.half(destination::PORT, endpoint.port.to_be_bytes());
    nest.word(destination::FORWARDING, destination.forwarding.number());
    nest.word(destination::WEIGHT, destination.weight.get());
    nest.word(destination::UPPER_THRESHOLD, destination.thresholds.upper());
    nest.word(destination::LOWER_THRESHOLD, destination.thresholds.lower());
    nest.half(destination::FAMILY, endpoint.family().number().to_ne_bytes());
    buffer.extend_from_slice(&nest.bytes);
}

#[cfg(test)]
mod tests {
    use lvs_model::{
        Family, Forwarding, Netmask, OnePacket, Persistence, PersistenceEngine, PersistenceTimeout, PrefixLength,
        SchedulerFlags, SchedulerName, ServiceKey, Thresholds, Weight,
    };
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;
    use crate::wire::{DestinationRecord, ServiceRecord};

    fn persistence(family: Family, seconds: u32, mask: u32, sip: bool) -> Persistence {
        let mut persistence = Persistence::new(PersistenceTimeout::new(seconds).unwrap(), family);
        persistence.engine = sip.then_some(PersistenceEngine::Sip);
        persistence.netmask = match family {
            Family::Inet => Netmask::Inet(mask.into()),
            Family::Inet6 => Netmask::Inet6(PrefixLength::new(1 + (mask % 128) as u8).unwrap()),
        };
        persistence
    }

    proptest! {
        #[test]
        fn a_service_block_is_what_the_record_would_be(
            (addr, port, protocol) in (any::<IpAddr>(), any::<u16>(), any::<u16>()),
            scheduler in select(SchedulerName::KNOWN.to_vec()),
            (flags, one_packet) in (any::<u32>(), any::<bool>()),
            sticky in proptest::option::of((0..42_949_672_u32, any::<u32>(), any::<bool>())),
        ) {
            let (endpoint, protocol) = (Endpoint::new(addr, port), Protocol::new(protocol));
            let key = ServiceKey::Socket { protocol, endpoint };
            let (mut block, mut record) = (Vec::new(), Vec::new());
            put_socket(&mut block, protocol, endpoint);
            ServiceRecord::from(&key).encode(&mut record);
            prop_assert_eq!(&block, &record);

            let mut service = Service::new(key, scheduler)
                .with_flags(SchedulerFlags::from_bits(flags))
                .with_one_packet(if one_packet { OnePacket::On } else { OnePacket::Off });
            if let Some((seconds, mask, sip)) = sticky {
                service = service.with_persistence(persistence(key.family(), seconds, mask, sip)).unwrap();
            }
            (block, record) = (Vec::new(), Vec::new());
            put_service(&mut block, protocol, endpoint, &service);
            ServiceRecord::from(&service).encode(&mut record);
            prop_assert_eq!(block, record);
        }

        #[test]
        fn a_destination_block_is_what_the_record_would_be(
            (addr, port) in (any::<IpAddr>(), any::<u16>()),
            (weight, upper, lower) in (0..=0x7fff_ffff_u32, 1000_u32.., 0..1000_u32),
            method in select(vec![0_u32, 1, 3, 4, 5, 6, 7]),
        ) {
            let destination = Destination::new(Endpoint::new(addr, port))
                .with_weight(Weight::new(weight).unwrap())
                .with_thresholds(Thresholds::new(upper, lower).unwrap())
                .with_forwarding(Forwarding::from_raw(method, 0, 0, 0).unwrap());
            let (mut block, mut record) = (Vec::new(), Vec::new());
            put_plain_destination(&mut block, &destination);
            DestinationRecord::from(&destination).encode(&mut record);
            prop_assert_eq!(block, record);
        }
    }
}
