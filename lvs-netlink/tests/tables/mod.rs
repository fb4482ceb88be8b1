//! Random tables: everything that the kernel can hold and `lvs-model` can say.

#![allow(dead_code, reason = "each test program uses its part")]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU16;

use lvs_model::{
    Destination, Endpoint, Family, Forwarding, Fwmark, Netmask, OnePacket, Persistence, PersistenceEngine,
    PersistenceTimeout, PrefixLength, Protocol, SchedulerFlags, SchedulerName, Service, ServiceKey, Table, Thresholds,
    Tunnel, TunnelFlags, VirtualServer, Weight,
};
use proptest::prelude::*;
use proptest::sample::select;

/// The schedulers that are modules of every lab kernel.
pub(crate) const SCHEDULERS: [SchedulerName; 14] = [
    SchedulerName::Rr,
    SchedulerName::Wrr,
    SchedulerName::Lc,
    SchedulerName::Wlc,
    SchedulerName::Lblc,
    SchedulerName::Lblcr,
    SchedulerName::Dh,
    SchedulerName::Sh,
    SchedulerName::Sed,
    SchedulerName::Nq,
    SchedulerName::Fo,
    SchedulerName::Ovf,
    SchedulerName::Mh,
    SchedulerName::None,
];

/// How much of what the model can say the reader on the other side understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// What `ipvsadm` prints and reads back.
    Ipvsadm,
    /// All that the kernel keeps.
    Kernel,
}

fn inet() -> impl Strategy<Value = IpAddr> {
    (0_u8..4, 1_u8..5).prop_map(|(c, d)| Ipv4Addr::new(10, 9, c, d).into())
}

fn inet6() -> impl Strategy<Value = IpAddr> {
    (1_u16..4, any::<u16>()).prop_map(|(g, h)| Ipv6Addr::new(0xfd00, 9, 0, 0, 0, 0, g, h | 1).into())
}

fn address(family: Family) -> BoxedStrategy<IpAddr> {
    match family {
        Family::Inet => inet().boxed(),
        Family::Inet6 => inet6().boxed(),
    }
}

fn key(extent: Extent) -> impl Strategy<Value = ServiceKey> {
    let family = select(vec![Family::Inet, Family::Inet6]);
    family.prop_flat_map(move |family| {
        let protocols = match extent {
            Extent::Ipvsadm => vec![Protocol::TCP, Protocol::UDP, Protocol::SCTP],
            Extent::Kernel => vec![Protocol::TCP, Protocol::UDP, Protocol::SCTP, Protocol::new(47)],
        };
        let port = prop_oneof![Just(80_u16), Just(443), 1_u16..];
        let socket = (select(protocols), address(family), port)
            .prop_map(|(protocol, addr, port)| ServiceKey::Socket { protocol, endpoint: Endpoint::new(addr, port) });
        // ipvsadm prints marks from 2^31 on as negative numbers.
        let highest = if extent == Extent::Ipvsadm { i32::MAX as u32 } else { u32::MAX };
        let mark = (1_u32..=highest).prop_map(move |mark| ServiceKey::fwmark(family, Fwmark::new(mark).unwrap()));
        prop_oneof![4 => socket, 1 => mark]
    })
}

fn persistence(family: Family, protocol: Protocol, extent: Extent) -> impl Strategy<Value = Persistence> {
    let netmask = match family {
        Family::Inet => any::<u32>().prop_map(|mask| Netmask::Inet(Ipv4Addr::from_bits(mask | 0x8000_0000))).boxed(),
        Family::Inet6 => (1_u8..=128).prop_map(|bits| Netmask::Inet6(PrefixLength::new(bits).unwrap())).boxed(),
    };
    // ipvsadm takes 31 days at most, and the kernel wraps longer ones at 250 ticks a second.
    let longest = if extent == Extent::Ipvsadm { 2_678_400 } else { 17_179_869 };
    let timeout = (1_u32..=longest).prop_map(|seconds| PersistenceTimeout::new(seconds).unwrap());
    let engine = if protocol == Protocol::UDP { any::<bool>().boxed() } else { Just(false).boxed() };
    (timeout, prop_oneof![Just(None), netmask.prop_map(Some)], engine).prop_map(move |(timeout, netmask, sip)| {
        let mut persistence = Persistence::new(timeout, family);
        persistence.netmask = netmask.unwrap_or(persistence.netmask);
        persistence.engine = sip.then_some(PersistenceEngine::Sip);
        persistence
    })
}

fn service(key: ServiceKey, extent: Extent) -> impl Strategy<Value = Service> {
    let flags = match extent {
        Extent::Ipvsadm => 0..8_u32,
        Extent::Kernel => 0..0x2000_u32,
    };
    let one_packet = key.protocol() == Protocol::UDP || extent == Extent::Kernel;
    (
        select(SCHEDULERS.to_vec()),
        flags.prop_map(|bits| SchedulerFlags::from_bits(bits << 3)),
        proptest::option::of(persistence(key.family(), key.protocol(), extent)),
        any::<bool>().prop_map(move |on| if on && one_packet { OnePacket::On } else { OnePacket::Off }),
    )
        .prop_map(move |(scheduler, flags, persistence, one_packet)| {
            // ipvsadm prints nothing for the third flag of these two.
            let hash = matches!(scheduler, SchedulerName::Sh | SchedulerName::Mh) && extent == Extent::Ipvsadm;
            let flags = if hash { flags.difference(SchedulerFlags::THIRD) } else { flags };
            let service = Service::new(key, scheduler).with_flags(flags).with_one_packet(one_packet);
            match persistence {
                Some(persistence) => service.with_persistence(persistence).unwrap(),
                None => service,
            }
        })
}

fn forwarding(extent: Extent) -> impl Strategy<Value = Forwarding> {
    let flags = || select(vec![TunnelFlags::NONE, TunnelFlags::CSUM]);
    let gue_flags = select(vec![TunnelFlags::NONE, TunnelFlags::CSUM, TunnelFlags::REMCSUM]);
    let gue = ((1_u16..).prop_map(|port| NonZeroU16::new(port).unwrap()), gue_flags)
        .prop_map(|(port, flags)| Forwarding::Tunnel(Tunnel::Gue { port, flags }));
    let gre = flags().prop_map(|flags| Forwarding::Tunnel(Tunnel::Gre { flags }));
    let common = prop_oneof![
        Just(Forwarding::Masquerade),
        Just(Forwarding::DirectRouting),
        Just(Forwarding::Tunnel(Tunnel::Ipip)),
        gue,
        gre,
    ];
    let rare = (0_u32..8, 0_u8.., any::<u16>(), any::<u16>())
        .prop_filter_map("gue without port", |(m, k, p, f)| Forwarding::from_raw(m, k, p, f).ok());
    match extent {
        Extent::Ipvsadm => common.boxed(),
        Extent::Kernel => prop_oneof![4 => common, 1 => rare].boxed(),
    }
}

fn destination(key: ServiceKey, extent: Extent) -> impl Strategy<Value = Destination> {
    let other = match key.family() {
        Family::Inet => Family::Inet6,
        Family::Inet6 => Family::Inet,
    };
    (forwarding(extent), prop::bool::weighted(0.2), 0..=i32::MAX as u32, (0..1_000_000_u32, 0..1_000_000_u32))
        .prop_flat_map(move |(forwarding, crossing, weight, (a, b))| {
            let tunnel = matches!(forwarding, Forwarding::Tunnel(_));
            let family = if crossing && tunnel { other } else { key.family() };
            // ipvsadm forces the service's port on what it does not masquerade.
            let port = match (forwarding, extent, key.endpoint()) {
                (Forwarding::Masquerade, _, Some(_)) | (_, Extent::Kernel, _) => (1_u16..).boxed(),
                (_, Extent::Ipvsadm, Some(endpoint)) => Just(endpoint.port).boxed(),
                (_, Extent::Ipvsadm, None) => Just(0).boxed(),
            };
            (address(family), port).prop_map(move |(addr, port)| {
                Destination::new(Endpoint::new(addr, port))
                    .with_weight(Weight::new(weight).unwrap())
                    .with_forwarding(forwarding)
                    .with_thresholds(Thresholds::new(a.max(b), a.min(b)).unwrap())
            })
        })
}

fn server(extent: Extent) -> impl Strategy<Value = VirtualServer> {
    key(extent).prop_flat_map(move |key| {
        let destinations = proptest::collection::vec(destination(key, extent), 0..8);
        (service(key, extent), destinations).prop_map(|(service, destinations)| {
            let mut server = VirtualServer::new(service);
            for destination in destinations {
                server.upsert(destination).unwrap();
            }
            server
        })
    })
}

/// A table of up to this many services, sorted.
pub(crate) fn table(services: usize, extent: Extent) -> impl Strategy<Value = Table> {
    proptest::collection::vec(server(extent), 0..services).prop_map(|servers| {
        let mut table: Table = servers.into_iter().collect();
        table.sort();
        table
    })
}
