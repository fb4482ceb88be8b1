//! For every type with a text: what it prints, it reads; and serde agrees.

use std::{
    fmt::{Debug, Display},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    num::NonZeroU16,
    str::FromStr,
};

use lvs_model::{
    ApplyError, Change, ConnectionCounts, Destination, DestinationStatus, Difference, Endpoint, Family, Forwarding,
    Fwmark, Info, InterfaceName, MulticastGroup, Netmask, OnePacket, Persistence, PersistenceEngine,
    PersistenceTimeout, PrefixLength, Protocol, ProtocolTimeout, Rates, SchedulerFlags, SchedulerName, Service,
    ServiceKey, ServiceStatus, Statistics, SyncDaemon, SyncId, SyncRole, Table, Thresholds, Timeouts, TimeoutsUpdate,
    Tunnel, TunnelFlags, Version, VirtualServer, Weight,
};
use proptest::{option, prelude::*};

fn family() -> impl Strategy<Value = Family> {
    prop_oneof![Just(Family::Inet), Just(Family::Inet6)]
}

fn protocol() -> impl Strategy<Value = Protocol> {
    prop_oneof![Just(Protocol::TCP), Just(Protocol::UDP), Just(Protocol::SCTP), any::<u16>().prop_map(Protocol::new)]
}

fn endpoint() -> impl Strategy<Value = Endpoint> {
    any::<(IpAddr, u16)>().prop_map(Endpoint::from)
}

fn unicast(family: Family) -> BoxedStrategy<IpAddr> {
    match family {
        Family::Inet => (0x0a00_0000u32..0x0a00_00ff).prop_map(|bits| Ipv4Addr::from_bits(bits).into()).boxed(),
        Family::Inet6 => (0u128..0xff).prop_map(|bits| Ipv6Addr::from_bits(0xfd << 120 | bits).into()).boxed(),
    }
}

fn fwmark() -> impl Strategy<Value = Fwmark> {
    (1u32..).prop_map(|mark| Fwmark::new(mark).unwrap())
}

fn key() -> impl Strategy<Value = ServiceKey> {
    prop_oneof![
        3 => (protocol(), endpoint()).prop_map(|(protocol, endpoint)| ServiceKey::Socket { protocol, endpoint }),
        1 => (family(), fwmark()).prop_map(|(family, mark)| ServiceKey::fwmark(family, mark)),
    ]
}

fn scheduler() -> impl Strategy<Value = SchedulerName> {
    prop_oneof![
        3 => (0..14usize).prop_map(|at| SchedulerName::KNOWN[at]),
        1 => Just(SchedulerName::None),
        1 => "[!-+\\--~]{1,15}".prop_map(|name| name.parse().unwrap()),
    ]
}

fn flags() -> impl Strategy<Value = SchedulerFlags> {
    prop_oneof![Just(SchedulerFlags::EMPTY), any::<u32>().prop_map(SchedulerFlags::from_bits)]
}

fn engine() -> impl Strategy<Value = PersistenceEngine> {
    prop_oneof![Just(PersistenceEngine::Sip), "[a-z]{1,15}".prop_map(|name| name.parse().unwrap())]
}

fn timeout() -> impl Strategy<Value = PersistenceTimeout> {
    (0..=PersistenceTimeout::MAX.seconds()).prop_map(|seconds| PersistenceTimeout::new(seconds).unwrap())
}

fn netmask(family: Family) -> BoxedStrategy<Netmask> {
    match family {
        Family::Inet => any::<Ipv4Addr>().prop_map(Netmask::Inet).boxed(),
        Family::Inet6 => (1u8..=128).prop_map(|bits| Netmask::Inet6(PrefixLength::new(bits).unwrap())).boxed(),
    }
}

fn persistence(family: Family) -> impl Strategy<Value = Persistence> {
    (timeout(), option::of(netmask(family)), option::of(engine())).prop_map(move |(timeout, netmask, engine)| {
        let mut persistence = Persistence::new(timeout, family);
        persistence.netmask = netmask.unwrap_or(persistence.netmask);
        persistence.engine = engine;
        persistence
    })
}

fn service_of(key: ServiceKey) -> impl Strategy<Value = Service> {
    (scheduler(), flags(), option::of(persistence(key.family())), any::<bool>()).prop_map(
        move |(scheduler, flags, persistence, ops)| {
            let one_packet = if ops { OnePacket::On } else { OnePacket::Off };
            let service = Service::new(key, scheduler).with_flags(flags).with_one_packet(one_packet);
            match persistence {
                Some(persistence) => service.with_persistence(persistence).unwrap(),
                None => service,
            }
        },
    )
}

fn service() -> impl Strategy<Value = Service> {
    key().prop_flat_map(service_of)
}

fn weight() -> impl Strategy<Value = Weight> {
    prop_oneof![0u32..4, 0..=Weight::MAX.get()].prop_map(|weight| Weight::new(weight).unwrap())
}

fn thresholds() -> impl Strategy<Value = Thresholds> {
    any::<(u32, u32)>().prop_map(|(a, b)| Thresholds::new(a.max(b), a.min(b)).unwrap())
}

fn tunnel() -> impl Strategy<Value = Tunnel> {
    (0u8..5, any::<u16>(), 0u16..5).prop_filter_map("a gue tunnel needs a port", |(kind, port, flags)| {
        Tunnel::from_raw(kind, if port < 0x8000 { 0 } else { port }, TunnelFlags::from_bits(flags)).ok()
    })
}

fn forwarding() -> impl Strategy<Value = Forwarding> {
    prop_oneof![
        (0u32..8).prop_map(|number| Forwarding::from_raw(number, 0, 0, 0).unwrap()),
        tunnel().prop_map(Forwarding::Tunnel),
    ]
}

fn destination_at(endpoint: Endpoint) -> impl Strategy<Value = Destination> {
    (weight(), forwarding(), option::of(thresholds())).prop_map(move |(weight, forwarding, thresholds)| {
        Destination::new(endpoint)
            .with_weight(weight)
            .with_forwarding(forwarding)
            .with_thresholds(thresholds.unwrap_or_default())
    })
}

fn destination() -> impl Strategy<Value = Destination> {
    endpoint().prop_flat_map(destination_at)
}

/// A service of few keys with destinations of few addresses, so that two tables have much in common.
fn virtual_server() -> impl Strategy<Value = VirtualServer> {
    let key = (family(), 0u16..4).prop_flat_map(|(family, port)| {
        unicast(family).prop_map(move |addr| {
            let addr = match addr {
                IpAddr::V4(_) => "10.9.0.1".parse::<IpAddr>().unwrap(),
                IpAddr::V6(_) => "fd00::9".parse().unwrap(),
            };
            ServiceKey::tcp((addr, port))
        })
    });
    key.prop_flat_map(|key| {
        let destination = unicast(key.family()).prop_flat_map(|addr| destination_at(Endpoint::new(addr, 80)));
        (service_of(key), prop::collection::vec(destination, 0..40))
    })
    .prop_map(|(service, destinations)| {
        let mut server = VirtualServer::new(service);
        for destination in destinations {
            server.upsert(destination).unwrap();
        }
        server
    })
}

fn table() -> impl Strategy<Value = Table> {
    prop::collection::vec(virtual_server(), 0..6).prop_map(Table::from_iter)
}

fn role() -> impl Strategy<Value = SyncRole> {
    prop_oneof![Just(SyncRole::Master), Just(SyncRole::Backup)]
}

fn interface() -> impl Strategy<Value = InterfaceName> {
    "[a-z]{1,4}[0-9]{0,3}(\\.[0-9]{1,4})?".prop_map(|name| name.parse().unwrap())
}

fn group() -> impl Strategy<Value = MulticastGroup> {
    prop_oneof![
        (0xe000_0000u32..0xf000_0000).prop_map(|bits| MulticastGroup::try_from(Ipv4Addr::from_bits(bits)).unwrap()),
        any::<u128>().prop_map(|bits| MulticastGroup::try_from(Ipv6Addr::from_bits(0xff << 120 | bits)).unwrap()),
    ]
}

fn daemon() -> impl Strategy<Value = SyncDaemon> {
    (role(), interface(), any::<u8>(), any::<(u16, u16, u8)>(), option::of(group())).prop_map(
        |(role, interface, id, (length, port, ttl), group)| {
            let mut daemon = SyncDaemon::new(role, interface);
            daemon.sync_id = SyncId::from(id);
            daemon.max_length = NonZeroU16::new(length);
            daemon.group = group;
            daemon.port = NonZeroU16::new(port);
            daemon.ttl = ttl.try_into().ok();
            daemon
        },
    )
}

fn protocol_timeout() -> impl Strategy<Value = ProtocolTimeout> {
    (1..=ProtocolTimeout::MAX.seconds()).prop_map(|seconds| ProtocolTimeout::new(seconds).unwrap())
}

fn timeouts() -> impl Strategy<Value = Timeouts> {
    [protocol_timeout(), protocol_timeout(), protocol_timeout()].prop_map(|[tcp, tcp_fin, udp]| Timeouts {
        tcp,
        tcp_fin,
        udp,
    })
}

fn counts() -> impl Strategy<Value = ConnectionCounts> {
    any::<(u32, u32, u32)>().prop_map(|(active, inactive, persistent)| ConnectionCounts {
        active,
        inactive,
        persistent,
    })
}

fn statistics() -> impl Strategy<Value = Statistics> {
    any::<[u64; 5]>().prop_map(|[connections, packets_in, packets_out, bytes_in, bytes_out]| Statistics {
        connections,
        packets_in,
        packets_out,
        bytes_in,
        bytes_out,
    })
}

fn rates() -> impl Strategy<Value = Rates> {
    any::<[u64; 5]>().prop_map(|[connections, packets_in, packets_out, bytes_in, bytes_out]| Rates {
        connections,
        packets_in,
        packets_out,
        bytes_in,
        bytes_out,
    })
}

fn destination_status() -> impl Strategy<Value = DestinationStatus> {
    (destination(), counts(), statistics(), rates()).prop_map(|(destination, counts, statistics, rates)| {
        DestinationStatus { destination, counts, statistics, rates }
    })
}

fn service_status() -> impl Strategy<Value = ServiceStatus> {
    (service(), statistics(), rates(), prop::collection::vec(destination_status(), 0..4)).prop_map(
        |(service, statistics, rates, destinations)| ServiceStatus { service, statistics, rates, destinations },
    )
}

fn info() -> impl Strategy<Value = Info> {
    any::<(u32, u32)>().prop_map(|(version, connection_table_size)| Info {
        version: Version::from_number(version),
        connection_table_size,
    })
}

/// What prints must read back as the same value.
fn text_round_trip<T>(value: &T)
where
    T: Display + FromStr<Err: Debug> + PartialEq + Debug,
{
    let text = value.to_string();
    assert_eq!(&text.parse::<T>().unwrap_or_else(|error| panic!("{text}: {error:?}")), value, "{text}");
}

#[cfg(feature = "serde")]
fn serde_round_trip<T>(value: &T)
where
    T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + Debug,
{
    let json = serde_json::to_string(value).unwrap();
    assert_eq!(&serde_json::from_str::<T>(&json).unwrap_or_else(|error| panic!("{json}: {error}")), value, "{json}");
}

#[cfg(not(feature = "serde"))]
fn serde_round_trip<T>(_: &T) {}

/// Makes a property test of a strategy: text and serde for `both`, serde alone for `serde`.
macro_rules! round_trips {
    (both: $($both:ident)*; serde: $($serde:ident)*;) => {
        mod round_trip {
            use super::*;

            proptest! {
                $(#[test] fn $both(value in super::$both()) {
                    text_round_trip(&value);
                    serde_round_trip(&value);
                })*
                $(#[test] fn $serde(value in super::$serde()) {
                    serde_round_trip(&value);
                })*
            }
        }
    };
}

round_trips! {
    both: family protocol endpoint fwmark key scheduler flags engine timeout service weight thresholds tunnel forwarding
        destination role interface group daemon protocol_timeout timeouts;
    serde: counts statistics rates destination_status service_status info virtual_server table;
}

proptest! {
    #[test]
    fn netmask_round_trip(mask in family().prop_flat_map(netmask)) {
        text_round_trip(&mask);
        serde_round_trip(&mask);
    }

    #[test]
    fn persistence_round_trip(persistence in family().prop_flat_map(persistence)) {
        serde_round_trip(&persistence);
    }

    #[test]
    fn timeouts_update_round_trip(all in timeouts(), keep in any::<[bool; 3]>(), old in timeouts()) {
        let mut update = TimeoutsUpdate::from(all);
        let fields = [&mut update.tcp, &mut update.tcp_fin, &mut update.udp];
        for (field, keep) in fields.into_iter().zip(keep) {
            if keep { *field = None; }
        }
        text_round_trip(&update);
        serde_round_trip(&update);
        let new = update.apply(old);
        prop_assert_eq!(new.udp, if keep[2] { old.udp } else { all.udp });
    }

    #[test]
    fn names_of_flags_read_back(flags in flags(), scheduler in scheduler()) {
        let names = flags.names(scheduler).to_string();
        if !flags.is_empty() {
            prop_assert_eq!(SchedulerFlags::parse(scheduler, &names).unwrap(), flags);
        }
        prop_assert_eq!(flags.bits() & 7, 0);
    }

    #[test]
    fn no_text_makes_a_parser_panic(text in "\\PC{0,40}") {
        let _ = text.parse::<Service>();
        let _ = text.parse::<Destination>();
        let _ = text.parse::<ServiceKey>();
        let _ = text.parse::<SyncDaemon>();
        let _ = text.parse::<Tunnel>();
        let _ = text.parse::<Timeouts>();
        let _ = text.parse::<SchedulerFlags>();
    }

    #[test]
    fn numbers_out_of_range_are_refused(number in any::<u32>()) {
        prop_assert_eq!(Weight::new(number).is_ok(), number <= 0x7fff_ffff);
        prop_assert_eq!(PersistenceTimeout::new(number).is_ok(), number <= 42_949_672);
        prop_assert_eq!(ProtocolTimeout::new(number).is_ok(), (1..=21_474_836).contains(&number));
        prop_assert_eq!(Fwmark::new(number).is_ok(), number != 0);
    }

    #[test]
    fn a_network_is_stable_and_kept_by_its_mask(client in any::<IpAddr>(), mask in family().prop_flat_map(netmask)) {
        let network = mask.network(client);
        prop_assert_eq!(mask.network(network), network);
        if mask.is_host() || mask.family() != Family::of(client) {
            prop_assert_eq!(network, client);
        }
    }

    #[test]
    fn a_difference_turns_one_table_into_the_other(old in table(), new in table()) {
        let difference = old.difference(&new);
        let mut table = old.clone();
        table.apply(&difference).unwrap();
        prop_assert!(table.difference(&new).is_empty(), "{}", table.difference(&new));
        prop_assert_eq!(sorted(&table), sorted(&new));
        prop_assert_eq!(difference.is_empty(), sorted(&old) == sorted(&new));
        serde_round_trip(&difference);
        prop_assert_eq!(difference.iter().map(Change::to_string).count(), difference.to_string().lines().count());

        // Nothing is removed before everything is added.
        let removal = |change: &Change| matches!(change, Change::RemoveService(_) | Change::RemoveDestination { .. });
        prop_assert!(difference.iter().skip_while(|change| !removal(change)).all(removal));
    }

    #[test]
    fn a_change_that_does_not_fit_changes_nothing(old in table(), server in virtual_server()) {
        let key = *server.key();
        let mut table = old.clone();
        let add = Change::AddService(server.service().clone());
        let twice = Difference::from_iter([add.clone(), add]);
        prop_assert!(table.apply(&twice).is_err());
        prop_assert_eq!(&table, &old);
        let remove_twice = Difference::from_iter([Change::RemoveService(key), Change::RemoveService(key)]);
        prop_assert!(table.apply(&remove_twice).is_err());
        prop_assert_eq!(&table, &old);
    }

    #[test]
    fn a_difference_of_any_order_is_its_changes_one_by_one(
        old in prop::collection::vec(change(), 0..30),
        changes in prop::collection::vec(change(), 0..60),
    ) {
        let mut table = Table::new();
        for change in &old {
            let _ = one_by_one(&mut table, change);
        }
        // What does not fit is left out, so that long differences fit, too; it is tried on its own.
        let (mut expected, mut fitting) = (table.clone(), Vec::new());
        for change in changes {
            let before = expected.clone();
            let told = one_by_one(&mut expected, &change);
            prop_assert_eq!(before.clone().apply(&Difference::from_iter([change.clone()])), told);
            if told.is_ok() {
                fitting.push(change);
                continue;
            }
            let whole = fitting.iter().cloned().chain([change]).collect::<Difference>();
            let mut unchanged = table.clone();
            prop_assert_eq!(unchanged.apply(&whole), told);
            prop_assert_eq!(&unchanged, &table);
        }
        table.apply(&Difference::from_iter(fitting)).unwrap();
        prop_assert_eq!(&table, &expected);
        for server in &expected {
            prop_assert!(server.destinations().iter().all(|found| server.destination(found.endpoint) == Some(found)));
        }
    }

    #[test]
    fn the_index_finds_what_a_walk_finds(server in virtual_server(), gone in prop::collection::vec(0usize..40, 0..20)) {
        let mut server = server;
        let mut walk = server.destinations().to_vec();
        for at in gone {
            if let Some(&destination) = walk.get(at) {
                walk.remove(at);
                prop_assert_eq!(server.remove(destination.endpoint), Some(destination));
                prop_assert_eq!(server.remove(destination.endpoint), None);
            }
        }
        prop_assert_eq!(server.destinations(), &walk);
        for destination in &walk {
            prop_assert_eq!(server.destination(destination.endpoint), Some(destination));
            prop_assert!(server.insert(*destination).is_err());
        }
    }

    #[test]
    fn a_table_of_what_the_kernel_shows_is_turned_round(server in virtual_server()) {
        let mut status = ServiceStatus::from(server.service().clone());
        status.destinations = server.destinations().iter().rev().map(|&destination| destination.into()).collect();
        prop_assert_eq!(VirtualServer::from(&status), server);
    }
}

/// A change of one of two services and four destinations, of which one has no place in either.
fn change() -> impl Strategy<Value = Change> {
    let parts = (0u16..2, 0u8..4, weight(), scheduler(), 0u8..10);
    parts.prop_map(|(port, host, weight, scheduler, kind)| {
        let key = ServiceKey::tcp((Ipv4Addr::new(10, 9, 0, 1), port));
        let service = Service::new(key, scheduler);
        let host = if host == 0 { Ipv4Addr::UNSPECIFIED } else { Ipv4Addr::new(10, 1, 0, host) };
        let destination = Destination::new((host, 80).into()).with_weight(weight);
        match kind {
            0 | 1 => Change::AddService(service),
            2 => Change::EditService { from: service.clone(), to: service },
            3 => Change::RemoveService(key),
            4..=6 => Change::AddDestination { service: key, destination },
            7 => Change::EditDestination { service: key, from: destination, to: destination },
            _ => Change::RemoveDestination { service: key, destination: destination.endpoint },
        }
    })
}

/// What a change does, said with the operations of tables.
fn one_by_one(table: &mut Table, change: &Change) -> Result<(), ApplyError> {
    let key = *change.service();
    let missing = |destination| ApplyError::NoDestination { service: key, destination };
    let cause = |cause| ApplyError::Destination { service: key, cause };
    match change {
        Change::AddService(service) => {
            return table.insert(service.clone()).map_err(|_| ApplyError::ServiceExists(key));
        }
        Change::RemoveService(_) => return table.remove(&key).map(drop).ok_or(ApplyError::NoService(key)),
        _ => {}
    }
    let server = table.get_mut(&key).ok_or(ApplyError::NoService(key))?;
    match change {
        Change::EditService { to, .. } => drop(server.set_service(to.clone())),
        Change::AddDestination { destination, .. } => server.insert(*destination).map_err(cause)?,
        Change::EditDestination { to, .. } => {
            server.destination(to.endpoint).ok_or(missing(to.endpoint))?;
            server.upsert(*to).map_err(cause)?;
        }
        Change::RemoveDestination { destination, .. } => {
            server.remove(*destination).ok_or(missing(*destination))?;
        }
        Change::AddService(_) | Change::RemoveService(_) => {}
    }
    Ok(())
}

/// A table without its order, to compare.
fn sorted(table: &Table) -> Vec<(Service, Vec<Destination>)> {
    let mut all: Vec<_> = table
        .iter()
        .map(|server| {
            let mut destinations = server.destinations().to_vec();
            destinations.sort();
            (server.service().clone(), destinations)
        })
        .collect();
    all.sort();
    all
}

#[test]
fn everything_is_send_and_sync() {
    fn check<T: Send + Sync + Unpin + 'static>() {}
    check::<Table>();
    check::<Difference>();
    check::<ServiceStatus>();
    check::<SyncDaemon>();
}

#[test]
fn a_hundred_thousand_destinations_are_compared_in_linear_time() {
    let table = |weight: u16| {
        let mut server = VirtualServer::new("-t 10.0.0.1:80 -s rr".parse().unwrap());
        for number in 0..100_000u32 {
            let addr = Ipv4Addr::from_bits(0x0b00_0000 + number);
            server.insert(Destination::new((addr, 80).into()).with_weight(weight.into())).unwrap();
        }
        Table::from_iter([server])
    };
    let (mut old, new) = (table(1), table(2));
    let difference = old.difference(&new);
    assert_eq!(difference.len(), 100_000);
    old.apply(&difference).unwrap();
    assert_eq!(old, new);

    // Removing all of them one by one would be quadratic; applied as a difference it is not.
    let empty = Table::from_iter([VirtualServer::new("-t 10.0.0.1:80 -s rr".parse().unwrap())]);
    old.apply(&new.difference(&empty)).unwrap();
    assert_eq!(old, empty);

    // Nor is it where additions stand between them.
    let key: ServiceKey = "tcp 10.0.0.1:80".parse().unwrap();
    let endpoint = |number: u32| Endpoint::from((Ipv4Addr::from_bits(0x0c00_0000 + number), 80));
    let exchange = |number: u32| {
        let add = |number| Change::AddDestination { service: key, destination: Destination::new(endpoint(number)) };
        let remove = |number| Change::RemoveDestination { service: key, destination: endpoint(number) };
        [add(2 * number), add(2 * number + 1), remove(2 * number), add(2 * number), remove(2 * number + 1)]
    };
    old.apply(&(0..100_000).flat_map(exchange).collect()).unwrap();
    assert_eq!(old.iter().map(|server| server.destinations().len()).sum::<usize>(), 100_000);
}
