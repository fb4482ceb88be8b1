//! Random tables over a small world, so that two of them share services and destinations.

use lvs_model::{
    Destination, Endpoint, Family, Forwarding, Fwmark, Netmask, OnePacket, Persistence, PersistenceTimeout,
    PrefixLength, SchedulerFlags, SchedulerName, Service, ServiceKey, Table, Thresholds, Tunnel, TunnelFlags,
    VirtualServer, Weight,
};
use lvs_netlink::sync::Scope;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU16;

/// Whose services these are: ours have even ports and marks, other people's odd ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    Us,
    Others,
}

pub(crate) fn ours() -> Scope {
    Scope::matching(|key| match key {
        ServiceKey::Socket { endpoint, .. } => endpoint.port.is_multiple_of(2),
        ServiceKey::Fwmark { mark, .. } => mark.get().is_multiple_of(2),
    })
}

fn v4(last: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(10, 9, 0, last))
}

fn v6(last: u8) -> IpAddr {
    IpAddr::V6(Ipv6Addr::new(0xfd00, 9, 0, 0, 0, 0, 0, last.into()))
}

fn key(owner: Owner) -> impl Strategy<Value = ServiceKey> {
    let odd = u16::from(owner == Owner::Others);
    let endpoint = (any::<bool>(), 1_u8..4, 0_u16..3)
        .prop_map(move |(wide, host, port)| Endpoint::new(if wide { v6(host) } else { v4(host) }, 80 + 2 * port + odd));
    prop_oneof![
        3 => endpoint.clone().prop_map(ServiceKey::tcp),
        1 => endpoint.clone().prop_map(ServiceKey::udp),
        1 => endpoint.prop_map(ServiceKey::sctp),
        1 => (any::<bool>(), 1_u16..3).prop_map(move |(wide, mark)| {
            let family = if wide { Family::Inet6 } else { Family::Inet };
            ServiceKey::fwmark(family, Fwmark::new(u32::from(2 * mark + odd)).unwrap())
        }),
    ]
}

fn netmask(family: Family) -> BoxedStrategy<Netmask> {
    match family {
        Family::Inet => any::<u32>().prop_map(|mask| Netmask::Inet(mask.into())).boxed(),
        Family::Inet6 => (1_u8..=128).prop_map(|length| Netmask::Inet6(PrefixLength::new(length).unwrap())).boxed(),
    }
}

fn scheduler() -> impl Strategy<Value = SchedulerName> {
    use SchedulerName::{Dh, Fo, Lblc, Lblcr, Lc, Mh, None, Nq, Ovf, Rr, Sed, Sh, Wlc, Wrr};
    prop::sample::select(vec![Rr, Wrr, Lc, Wlc, Lblc, Lblcr, Dh, Sh, Sed, Nq, Fo, Ovf, Mh, Mh, Wrr, None])
}

fn service(key: ServiceKey) -> impl Strategy<Value = Service> {
    let family = key.family();
    let flags = prop_oneof![4 => Just(0_u32), 1 => (0_u32..8).prop_map(|bits| bits << 3), 1 => any::<u32>()];
    // 4,294,967 s is what a kernel with 1000 ticks a second can hold.
    let persistence = option::weighted(0.3, (1_u32..4_294_967, netmask(family)));
    (scheduler(), flags, persistence, prop::bool::weighted(0.2)).prop_map(move |(scheduler, flags, persistent, ops)| {
        let mut service = Service::new(key, scheduler).with_flags(SchedulerFlags::from_bits(flags));
        if let Some((timeout, netmask)) = persistent {
            let mut persistence = Persistence::new(PersistenceTimeout::new(timeout).unwrap(), family);
            persistence.netmask = netmask;
            service = service.with_persistence(persistence).unwrap();
        }
        if ops { service.with_one_packet(OnePacket::On) } else { service }
    })
}

fn tunnel() -> impl Strategy<Value = Tunnel> {
    let flags = (0_u16..4).prop_map(TunnelFlags::from_bits);
    prop_oneof![
        Just(Tunnel::Ipip),
        (1_u16.., flags.clone()).prop_map(|(port, flags)| Tunnel::Gue { port: NonZeroU16::new(port).unwrap(), flags }),
        flags.prop_map(|flags| Tunnel::Gre { flags }),
    ]
}

fn forwarding(same_family: bool) -> BoxedStrategy<Forwarding> {
    let tunnel = tunnel().prop_map(Forwarding::Tunnel);
    if !same_family {
        return tunnel.boxed();
    }
    prop_oneof![
        3 => Just(Forwarding::Masquerade),
        1 => Just(Forwarding::DirectRouting),
        1 => Just(Forwarding::Local),
        2 => tunnel,
    ]
    .boxed()
}

fn thresholds() -> impl Strategy<Value = Thresholds> {
    let some = (0_u32..=0x7fff_ffff).prop_flat_map(|upper| (Just(upper), 0..=upper));
    prop_oneof![3 => Just(Thresholds::NONE), 1 => some.prop_map(|(upper, lower)| Thresholds::new(upper, lower).unwrap())]
}

fn destination(service: Family, mixed: bool, hosts: u8) -> impl Strategy<Value = Destination> {
    let other = prop::bool::weighted(if mixed { 0.2 } else { 0.0 });
    (other, 1..=hosts, 0_u16..2).prop_flat_map(move |(other, host, port)| {
        let wide = (service == Family::Inet6) != other;
        let endpoint = Endpoint::new(if wide { v6(100 + host) } else { v4(100 + host) }, 8080 + port);
        let weight = prop_oneof![1 => Just(0_u32), 6 => 1_u32..5, 1 => 0_u32..=0x7fff_ffff];
        (Just(endpoint), weight, forwarding(!other), thresholds()).prop_map(|(endpoint, weight, forwarding, limits)| {
            Destination::new(endpoint)
                .with_weight(Weight::new(weight).unwrap())
                .with_forwarding(forwarding)
                .with_thresholds(limits)
        })
    })
}

fn server(owner: Owner) -> impl Strategy<Value = VirtualServer> {
    key(owner).prop_flat_map(|key| {
        let few = vec(destination(key.family(), true, 5), 0..6).boxed();
        let many = vec(destination(key.family(), true, 40), 17..40).boxed();
        (service(key), prop_oneof![6 => few, 1 => many]).prop_map(|(service, destinations)| {
            let mut server = VirtualServer::new(service);
            for destination in destinations {
                server.upsert(destination).unwrap();
            }
            server
        })
    })
}

/// A table of up to a dozen services of one owner.
pub(crate) fn table(owner: Owner) -> impl Strategy<Value = Table> {
    vec(server(owner), 0..12).prop_map(Table::from_iter)
}

/// Two tables of ours, and one of other people's.
pub(crate) fn tables() -> impl Strategy<Value = (Table, Table, Table)> {
    (table(Owner::Us), table(Owner::Us), table(Owner::Others))
}

/// The same tables whatever the order of services and destinations, for the kernel cannot move what is there.
pub(crate) fn sorted(table: &Table) -> Table {
    let mut all: Vec<VirtualServer> = table
        .iter()
        .map(|server| {
            let mut destinations = server.destinations().to_vec();
            destinations.sort();
            let mut sorted = VirtualServer::new(server.service().clone());
            for destination in destinations {
                sorted.insert(destination).unwrap();
            }
            sorted
        })
        .collect();
    all.sort_by(|a, b| a.key().cmp(b.key()));
    all.into_iter().collect()
}

/// Both tables in one.
pub(crate) fn union(one: &Table, other: &Table) -> Table {
    one.iter().chain(other).cloned().collect()
}

/// A service with so many destinations, in order, of weight 1.
pub(crate) fn farm(key: &str, scheduler: SchedulerName, destinations: u32) -> VirtualServer {
    let mut server = VirtualServer::new(Service::new(key.parse().unwrap(), scheduler));
    for number in 0..destinations {
        let addr = Ipv4Addr::from(0x0a10_0000 + number);
        server.insert(Destination::new(Endpoint::from((addr, 8080)))).unwrap();
    }
    server
}
