//! What holds for [`Director`] whatever packets come: counters are conserved, nothing panics, memory is what the docs say.

use std::collections::HashMap;
use std::time::Duration;

use lvs_model::{
    ConnectionCounts, Destination, Endpoint, Family, Forwarding, Fwmark, Netmask, OnePacket, Persistence,
    PersistenceTimeout, Protocol, SchedulerFlags, SchedulerName, Service, ServiceKey, Thresholds, Weight,
};
use lvs_sched::algo::{AnyScheduler, Destinations, Draws, Flow, Generation, Scheduler, Settings, Slot};
use lvs_sched::director::{
    CacheBypass, ConfigError, ConnectionEntry, Director, ExpireNodest, Packet, QuiescentTemplates, ReuseMode,
    SctpChunks, SecureTcp, Segment, Sloppy, State, TICK, TcpFlags, Verdict,
};
use proptest::prelude::*;

type TestResult = Result<(), Box<dyn std::error::Error>>;

fn endpoint(text: &str) -> Endpoint {
    text.parse().unwrap()
}

fn syn(client: &str, target: &str) -> Packet {
    tcp(client, target, TcpFlags::SYN)
}

fn tcp(from: &str, to: &str, flags: TcpFlags) -> Packet {
    Packet::new(endpoint(from), endpoint(to), Segment::Tcp(flags))
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn counts(director: &Director, key: &ServiceKey) -> Vec<(u32, u32, u32)> {
    let rows = director.service(key).unwrap().destinations;
    rows.iter().map(|row| (row.counts.active, row.counts.inactive, row.counts.persistent)).collect()
}

/// One service with as many destinations (10.0.0.1:80 ...) as there are weights.
fn director(service: Service, weights: &[u32]) -> Director {
    let mut director = Director::default();
    let key = *service.key();
    director.add_service(service).unwrap();
    for (host, &weight) in (1..).zip(weights) {
        let destination = Destination::new(endpoint(&format!("10.0.0.{host}:80")));
        director.add_destination(&key, destination.with_weight(Weight::new(weight).unwrap())).unwrap();
    }
    director
}

fn persistent(key: &str, timeout: u32) -> Service {
    let key: ServiceKey = key.parse().unwrap();
    let persistence = Persistence::new(PersistenceTimeout::new(timeout).unwrap(), key.family());
    Service::new(key, SchedulerName::Rr).with_persistence(persistence).unwrap()
}

// ---- properties

#[derive(Debug, Clone)]
enum Step {
    In { client: u8, port: u8, target: u8, segment: Segment, mark: bool },
    Out { server: u8, client: u8, port: u8, segment: Segment },
    Add { service: u8, server: u8, weight: u32, upper: u32, tunnel: bool },
    Edit { service: u8, server: u8, weight: u32, upper: u32 },
    Remove { service: u8, server: u8 },
    AddService { service: u8, scheduler: usize, persistent: bool, one_packet: bool },
    EditService { service: u8, scheduler: usize, persistent: bool, one_packet: bool },
    RemoveService { service: u8 },
    Switch(u8, bool),
    Wait(Duration),
}

fn segment() -> impl Strategy<Value = Segment> {
    prop_oneof![
        4 => any::<u8>().prop_map(|byte| Segment::Tcp(TcpFlags::from_header(byte))),
        4 => Just(Segment::Tcp(TcpFlags::SYN)),
        2 => Just(Segment::Udp),
        1 => any::<u8>().prop_map(|kind| Segment::Sctp(SctpChunks::new(kind % 16))),
        1 => any::<u8>().prop_map(|kind| Segment::Sctp(SctpChunks::COOKIE_ECHO.followed_by(kind % 16))),
        1 => Just(Segment::Sctp(SctpChunks::INIT)),
        1 => Just(Segment::Ipsec),
        1 => any::<u16>().prop_map(|number| Segment::Other(Protocol::new(number))),
    ]
}

fn wait() -> impl Strategy<Value = Duration> {
    prop_oneof![
        Just(TICK),
        (0u64..200).prop_map(Duration::from_millis),
        (0u64..1000).prop_map(Duration::from_secs),
        (0u64..100_000_000).prop_map(Duration::from_secs),
        Just(Duration::MAX),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let weight = || prop_oneof![Just(0u32), 1u32..5, Just(0x7fff_ffff)];
    let upper = || prop_oneof![3 => Just(0u32), 1 => 1u32..4, 1 => Just(u32::MAX)];
    prop_oneof![
        12 => (0u8..4, 0u8..4, 0u8..8, segment(), any::<bool>())
            .prop_map(|(client, port, target, segment, mark)| Step::In { client, port, target, segment, mark }),
        6 => (0u8..4, 0u8..4, 0u8..4, segment())
            .prop_map(|(server, client, port, segment)| Step::Out { server, client, port, segment }),
        4 => (0u8..6, 0u8..4, weight(), upper(), any::<bool>())
            .prop_map(|(service, server, weight, upper, tunnel)| Step::Add { service, server, weight, upper, tunnel }),
        2 => (0u8..6, 0u8..4, weight(), upper())
            .prop_map(|(service, server, weight, upper)| Step::Edit { service, server, weight, upper }),
        1 => (0u8..6, 0u8..4).prop_map(|(service, server)| Step::Remove { service, server }),
        2 => (0u8..6, 0usize..14, any::<bool>(), any::<bool>())
            .prop_map(|(service, scheduler, persistent, one_packet)| Step::AddService { service, scheduler, persistent, one_packet }),
        1 => (0u8..6, 0usize..14, any::<bool>(), any::<bool>())
            .prop_map(|(service, scheduler, persistent, one_packet)| Step::EditService { service, scheduler, persistent, one_packet }),
        1 => (0u8..6).prop_map(|service| Step::RemoveService { service }),
        1 => (0u8..8, any::<bool>()).prop_map(|(switch, on)| Step::Switch(switch, on)),
        3 => wait().prop_map(Step::Wait),
    ]
}

fn service_key(number: u8) -> ServiceKey {
    let text = match number {
        0 => "tcp 198.51.100.1:80",
        1 => "udp 198.51.100.1:0",
        2 => "tcp 198.51.100.1:21",
        3 => "fwmark 7",
        4 => "fwmark 7 inet6",
        _ => "sctp [2001:db8::1]:80",
    };
    text.parse().unwrap()
}

fn service_of(number: u8, scheduler: usize, persistent: bool, one_packet: bool) -> Service {
    let key = service_key(number);
    let mut service = Service::new(key, SchedulerName::KNOWN[scheduler]);
    if one_packet {
        service = service.with_one_packet(OnePacket::On);
    }
    if persistent {
        let mut persistence = Persistence::new(PersistenceTimeout::new(100).unwrap(), key.family());
        if key.family() == Family::Inet {
            persistence.netmask = Netmask::Inet("255.255.255.254".parse().unwrap());
        }
        service = service.with_persistence(persistence).unwrap();
    }
    service
}

fn target(number: u8) -> Endpoint {
    endpoint(
        [
            "198.51.100.1:80",
            "198.51.100.1:21",
            "198.51.100.1:2000",
            "203.0.113.9:80",
            "[2001:db8::1]:80",
            "[2001:db8::1]:500",
            "198.51.100.1:500",
            "0.0.0.0:0",
        ][usize::from(number)],
    )
}

fn client(number: u8, port: u8, family: Family) -> Endpoint {
    let port = [40_000, 40_001, 20, 500][usize::from(port)];
    match family {
        Family::Inet => endpoint(&format!("192.0.2.{number}:{port}")),
        Family::Inet6 => endpoint(&format!("[2001:db8:1::{number}]:{port}")),
    }
}

fn destination(number: u8, weight: u32, upper: u32, family: Family) -> Destination {
    let endpoint = match family {
        Family::Inet => endpoint(&format!("10.0.0.{}:80", number + 1)),
        Family::Inet6 => endpoint(&format!("[fd00::{}]:80", number + 1)),
    };
    Destination::new(endpoint)
        .with_weight(Weight::new(weight).unwrap())
        .with_thresholds(Thresholds::new(upper, upper / 2).unwrap())
}

fn play(director: &mut Director, step: &Step, now: &mut Duration) {
    match *step {
        Step::In { client: number, port, target: to, segment, mark } => {
            let to = target(to);
            let mut packet = Packet::new(client(number, port, to.family()), to, segment).with_length(100);
            if mark {
                packet = packet.with_fwmark(Fwmark::new(7).unwrap());
            }
            let _ = director.inbound(&packet, *now);
        }
        Step::Out { server, client: number, port, segment } => {
            for family in [Family::Inet, Family::Inet6] {
                let from = destination(server, 1, 0, family).endpoint;
                let _ = director.outbound(&Packet::new(from, client(number, port, family), segment), *now);
            }
        }
        Step::Add { service, server, weight, upper, tunnel } => {
            let key = service_key(service);
            let mut destination = destination(server, weight, upper, key.family());
            if tunnel {
                destination = destination.with_forwarding(Forwarding::Tunnel(Default::default()));
            }
            let _ = director.add_destination(&key, destination);
        }
        Step::Edit { service, server, weight, upper } => {
            let key = service_key(service);
            let _ = director.edit_destination(&key, destination(server, weight, upper, key.family()));
        }
        Step::Remove { service, server } => {
            let key = service_key(service);
            let _ = director.remove_destination(&key, destination(server, 1, 0, key.family()).endpoint);
        }
        Step::AddService { service, scheduler, persistent, one_packet } => {
            let _ = director.add_service(service_of(service, scheduler, persistent, one_packet));
        }
        Step::EditService { service, scheduler, persistent, one_packet } => {
            let _ = director.edit_service(service_of(service, scheduler, persistent, one_packet));
        }
        Step::RemoveService { service } => {
            let _ = director.remove_service(&service_key(service));
        }
        Step::Switch(switch, on) => {
            let sysctls = director.sysctls_mut();
            match switch {
                0 => sysctls.expire_nodest_conn = if on { ExpireNodest::On } else { ExpireNodest::Off },
                1 => sysctls.conn_reuse_mode = if on { ReuseMode::RescheduleHalfSeen } else { ReuseMode::Keep },
                2 => {
                    sysctls.expire_quiescent_template =
                        if on { QuiescentTemplates::Expire } else { QuiescentTemplates::Keep };
                }
                3 => sysctls.sloppy_tcp = if on { Sloppy::On } else { Sloppy::Off },
                4 => sysctls.sloppy_sctp = if on { Sloppy::On } else { Sloppy::Off },
                5 => sysctls.secure_tcp = if on { SecureTcp::On } else { SecureTcp::Off },
                6 => sysctls.cache_bypass = if on { CacheBypass::On } else { CacheBypass::Off },
                _ => director.estimate(),
            }
        }
        Step::Wait(time) => {
            *now = now.saturating_add(time);
            director.advance(*now);
        }
    }
}

/// Counters by address of the real server, as the connections say and as the destinations say.
fn balance(director: &Director) -> [HashMap<Endpoint, ConnectionCounts>; 2] {
    let mut by_connections = HashMap::<Endpoint, ConnectionCounts>::new();
    for entry in director.connections() {
        let ConnectionEntry { destination, state, .. } = entry;
        let counts = by_connections.entry(Endpoint::new(destination.addr, 0)).or_default();
        match state {
            State::Template(_) => counts.persistent += 1,
            state if state.is_active() => counts.active += 1,
            _ => counts.inactive += 1,
        }
    }
    let mut by_destinations = HashMap::<Endpoint, ConnectionCounts>::new();
    for service in director.services() {
        for row in director.service(service.key()).unwrap().destinations {
            let counts = by_destinations.entry(Endpoint::new(row.destination.endpoint.addr, 0)).or_default();
            counts.active += row.counts.active;
            counts.inactive += row.counts.inactive;
            counts.persistent += row.counts.persistent;
        }
    }
    [by_connections, by_destinations]
}

fn settings() -> impl Strategy<Value = Settings> {
    prop_oneof![Just(Generation::Classic), Just(Generation::TotalConns)]
        .prop_map(|generation| Settings::default().with_generation(generation))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Each destination counts exactly the connections and templates that are bound to it, and all end.
    #[test]
    fn counters_are_those_of_the_connections(settings in settings(), steps in prop::collection::vec(step(), 1..120)) {
        let mut director = Director::new(settings);
        let mut now = Duration::ZERO;
        for step in &steps {
            play(&mut director, step, &mut now);
            let [by_connections, by_destinations] = balance(&director);
            for (endpoint, counts) in by_destinations {
                let expected = by_connections.get(&endpoint).copied().unwrap_or_default();
                // Connections of removed destinations count for none of the list.
                prop_assert!(counts.active <= expected.active, "{endpoint}: {counts:?} of {expected:?} after {step:?}");
                prop_assert!(counts.inactive <= expected.inactive, "{endpoint}: {counts:?} of {expected:?} after {step:?}");
                prop_assert!(counts.persistent <= expected.persistent, "{endpoint}: {counts:?} of {expected:?} after {step:?}");
            }
        }
        // Whatever was removed comes back with its counters, and then every connection is counted somewhere.
        for service in 0..6 {
            for server in 0..4 {
                let _ = director.add_service(service_of(service, 0, false, false));
                let step = Step::Add { service, server, weight: 1, upper: 0, tunnel: false };
                play(&mut director, &step, &mut now);
            }
        }
        let [mut by_connections, mut by_destinations] = balance(&director);
        by_connections.retain(|endpoint, _| by_destinations.contains_key(endpoint));
        by_destinations.retain(|_, counts| *counts != ConnectionCounts::default());
        prop_assert_eq!(by_connections, by_destinations);

        if now < Duration::MAX {
            now = now.saturating_add(seconds(1_000_000_000));
            director.advance(now);
            prop_assert_eq!(director.connections().count(), 0);
            for service in director.services() {
                for row in director.service(service.key()).unwrap().destinations {
                    prop_assert_eq!(row.counts, ConnectionCounts::default());
                }
            }
        }
    }
}

// ---- corners

#[test]
fn a_director_may_move_to_another_thread() {
    fn movable<T: Send + Sync>() {}
    movable::<Director>();
}

#[test]
fn a_million_connections_take_what_the_docs_say() {
    let mut director = director(Service::new("udp 198.51.100.1:53".parse().unwrap(), SchedulerName::Rr), &[1, 1]);
    let before = director.memory();
    let target = endpoint("198.51.100.1:53");
    for number in 0..1_000_000u32 {
        let client = Endpoint::new(std::net::Ipv4Addr::from(0x0b00_0000 + number).into(), 5353);
        let verdict = director.inbound(&Packet::new(client, target, Segment::Udp), Duration::ZERO);
        assert!(matches!(verdict, Verdict::Forward(_)));
    }
    assert_eq!(director.connection_count(), 1_000_000);
    let each = (director.memory() - before) as f64 / 1e6;
    println!("{each} bytes per connection");
    assert!((80.0..=88.5).contains(&each), "{each} bytes per connection");

    director.advance(seconds(299));
    assert_eq!(director.connection_count(), 1_000_000);
    director.advance(seconds(300));
    assert_eq!(director.connection_count(), 0);
}

#[test]
fn a_template_that_outlives_its_time_falls_to_a_minute() -> TestResult {
    let service = persistent("udp 198.51.100.1:53", 10);
    let key = *service.key();
    let mut director = director(service, &[1]);
    let packet = Packet::new(endpoint("192.0.2.1:4000"), endpoint("198.51.100.1:53"), Segment::Udp);
    let _ = director.inbound(&packet, seconds(0));
    director.advance(seconds(11));
    let template = |director: &Director| director.connections().find(|entry| matches!(entry.state, State::Template(_)));
    assert_eq!(template(&director).map(|entry| entry.remaining), Some(seconds(59)));

    // The next connection of the client does not bring the ten seconds back.
    let next = Packet::new(endpoint("192.0.2.1:4001"), endpoint("198.51.100.1:53"), Segment::Udp);
    let _ = director.inbound(&next, seconds(20));
    assert_eq!(template(&director).map(|entry| entry.remaining), Some(seconds(60)));
    assert_eq!(counts(&director, &key), [(0, 2, 1)]);

    // Both connections end after five minutes, the template at the end of the minute in which the last did.
    director.advance(seconds(321));
    assert_eq!(counts(&director, &key), [(0, 0, 1)]);
    director.advance(seconds(380));
    assert_eq!(counts(&director, &key), [(0, 0, 0)]);
    Ok(())
}

#[test]
fn an_invalid_template_is_counted_until_its_time_is_over() -> TestResult {
    let service = persistent("tcp 198.51.100.1:80", 300);
    let key = *service.key();
    let mut director = director(service, &[1, 1]);
    director.sysctls_mut().expire_quiescent_template = QuiescentTemplates::Expire;
    let first = director.inbound(&syn("192.0.2.1:4000", "198.51.100.1:80"), seconds(0)).destination();
    assert_eq!(first, Some(endpoint("10.0.0.2:80")));
    director.edit_destination(&key, Destination::new(endpoint("10.0.0.2:80")).with_weight(Weight::ZERO))?;
    let second = director.inbound(&syn("192.0.2.1:4001", "198.51.100.1:80"), seconds(1)).destination();
    assert_eq!(second, Some(endpoint("10.0.0.1:80")));
    assert_eq!(counts(&director, &key), [(1, 0, 1), (1, 0, 1)]);
    assert!(director.connections().any(|entry| entry.target == endpoint("198.51.100.1:65535")));

    // A weight does not make it valid again.
    director.edit_destination(&key, Destination::new(endpoint("10.0.0.2:80")))?;
    let third = director.inbound(&syn("192.0.2.1:4002", "198.51.100.1:80"), seconds(2)).destination();
    assert_eq!(third, Some(endpoint("10.0.0.1:80")));
    Ok(())
}

#[test]
fn ftp_data_follow_the_control_connection_and_port_20_is_nobodys_client() {
    let service = persistent("tcp 198.51.100.1:21", 300);
    let mut director = director(service, &[1, 1, 1]);
    let control = director.inbound(&syn("192.0.2.1:4000", "198.51.100.1:21"), seconds(0)).destination().unwrap();
    let _ = director.inbound(&syn("192.0.2.9:4000", "198.51.100.1:21"), seconds(0));
    let data = director.inbound(&syn("192.0.2.1:4001", "198.51.100.1:2500"), seconds(0)).destination().unwrap();
    assert_eq!((control.addr, data.port), (data.addr, 2500));
    assert_eq!(director.inbound(&syn("192.0.2.1:20", "198.51.100.1:21"), seconds(0)), Verdict::Pass);
    assert_eq!(director.inbound(&syn("192.0.2.1:4002", "198.51.100.1:500"), seconds(0)), Verdict::Pass);
}

#[test]
fn a_service_of_any_port_without_persistence_refuses() {
    let mut director = director(Service::new("tcp 198.51.100.1:0".parse().unwrap(), SchedulerName::Rr), &[1]);
    assert_eq!(director.inbound(&syn("192.0.2.1:4000", "198.51.100.1:80"), seconds(0)), Verdict::Refuse);
}

#[test]
fn a_removed_destination_stays_in_the_trash_for_three_minutes() -> TestResult {
    let key = "udp 198.51.100.1:53".parse()?;
    let mut director = director(Service::new(key, SchedulerName::Rr).with_one_packet(OnePacket::On), &[1]);
    let server = Destination::new(endpoint("10.0.0.1:80"));
    let packet = Packet::new(endpoint("192.0.2.1:4000"), endpoint("198.51.100.1:53"), Segment::Udp);
    let _ = director.inbound(&packet, seconds(0));
    let seen = |director: &Director| director.service(&key).unwrap().destinations[0].statistics.connections;
    assert_eq!((seen(&director), director.connections().count()), (1, 0));

    director.remove_destination(&key, server.endpoint)?;
    director.advance(seconds(179));
    director.add_destination(&key, server)?;
    assert_eq!(seen(&director), 1);

    // The three minutes begin anew with the next removal, as seen on a kernel: removed, back after 10 s, removed after 40 s.
    director.remove_destination(&key, server.endpoint)?;
    director.advance(seconds(179 + 10));
    director.add_destination(&key, server)?;
    director.advance(seconds(179 + 50));
    director.remove_destination(&key, server.endpoint)?;
    director.advance(seconds(179 + 50 + 170));
    director.add_destination(&key, server)?;
    assert_eq!(seen(&director), 1);

    director.remove_destination(&key, server.endpoint)?;
    director.advance(seconds(179 + 50 + 170 + 181));
    director.add_destination(&key, server)?;
    assert_eq!(seen(&director), 0);
    Ok(())
}

#[test]
fn a_service_that_comes_back_finds_its_connections_but_not_its_statistics() -> TestResult {
    let service = Service::new("tcp 198.51.100.1:80".parse()?, SchedulerName::Rr);
    let key = *service.key();
    let mut director = director(service.clone(), &[1]);
    let packet = syn("192.0.2.1:4000", "198.51.100.1:80");
    let verdict = director.inbound(&packet, seconds(0));
    director.remove_service(&key)?;
    assert_eq!(director.inbound(&packet, seconds(1)), Verdict::Pass);
    director.add_service(Service::new("udp 198.51.100.9:53".parse()?, SchedulerName::Rr))?;
    assert_eq!(director.inbound(&packet, seconds(1)), Verdict::Drop);

    director.add_service(service)?;
    director.add_destination(&key, Destination::new(endpoint("10.0.0.1:80")))?;
    assert_eq!(counts(&director, &key), [(1, 0, 0)]);
    assert_eq!(director.inbound(&packet, seconds(2)), verdict);
    assert_eq!(director.service(&key)?.destinations[0].statistics.packets_in, 1);
    Ok(())
}

#[test]
fn the_services_of_one_mark_share_their_trash() -> TestResult {
    let tunnel = Destination::new(endpoint("10.0.0.1:80")).with_forwarding(Forwarding::Tunnel(Default::default()));
    let (inet, inet6) = ("fwmark 7".parse()?, "fwmark 7 inet6".parse()?);
    let mut director = director(Service::new(inet, SchedulerName::Rr), &[]);
    director.add_service(Service::new(inet6, SchedulerName::Rr))?;
    director.add_destination(&inet, tunnel)?;
    let packet = syn("192.0.2.1:4000", "198.51.100.1:80").with_fwmark(Fwmark::new(7)?);
    let _ = director.inbound(&packet, seconds(0));
    director.remove_destination(&inet, tunnel.endpoint)?;
    director.add_destination(&inet6, tunnel)?;
    assert_eq!(counts(&director, &inet6), [(1, 0, 0)]);
    Ok(())
}

#[test]
fn without_destinations_a_marked_cache_is_bypassed() -> TestResult {
    let mut director = director(Service::new("fwmark 7".parse()?, SchedulerName::Rr), &[0]);
    let packet = syn("192.0.2.1:4000", "198.51.100.1:80").with_fwmark(Fwmark::new(7)?);
    assert_eq!(director.inbound(&packet, seconds(0)), Verdict::Refuse);
    director.sysctls_mut().cache_bypass = CacheBypass::On;
    let Verdict::Forward(forward) = director.inbound(&packet, seconds(0)) else { panic!("not bypassed") };
    assert_eq!((forward.destination, forward.forwarding), (packet.destination, Forwarding::Bypass));
    assert_eq!(counts(&director, &"fwmark 7".parse()?), [(0, 0, 0)]);

    let other = syn("192.0.2.1:4001", "198.51.100.2:80").with_fwmark(Fwmark::new(7)?);
    director.sysctls_mut().local_addresses.insert(other.destination.addr);
    assert_eq!(director.inbound(&other, seconds(0)), Verdict::Refuse);
    Ok(())
}

#[test]
fn ipsec_follows_its_key_exchange() {
    let mut director = director(Service::new("udp 198.51.100.1:500".parse().unwrap(), SchedulerName::Rr), &[1, 1]);
    let isakmp = Packet::new(endpoint("192.0.2.1:500"), endpoint("198.51.100.1:500"), Segment::Udp);
    let esp = Packet::new(endpoint("192.0.2.1:0"), endpoint("198.51.100.1:0"), Segment::Ipsec);
    assert_eq!(director.inbound(&esp, seconds(0)), Verdict::Pass);
    let verdict = director.inbound(&isakmp, seconds(0));
    assert_eq!(director.inbound(&esp, seconds(0)), verdict);
}

#[test]
fn an_edit_of_the_method_is_for_new_connections() -> TestResult {
    let key: ServiceKey = "tcp 198.51.100.1:80".parse()?;
    let mut director = director(Service::new(key, SchedulerName::Rr), &[1]);
    let old = syn("192.0.2.1:4000", "198.51.100.1:80");
    let verdict = director.inbound(&old, seconds(0));
    let routed = Destination::new(endpoint("10.0.0.1:80")).with_forwarding(Forwarding::DirectRouting);
    director.edit_destination(&key, routed)?;
    assert_eq!(director.inbound(&old, seconds(1)), verdict);
    let Verdict::Forward(new) = director.inbound(&syn("192.0.2.1:4001", "198.51.100.1:80"), seconds(1)) else {
        panic!("not forwarded")
    };
    assert_eq!(new.forwarding, Forwarding::DirectRouting);
    Ok(())
}

#[test]
fn a_connection_that_ends_now_is_counted_until_the_next_tick() {
    let key: ServiceKey = "tcp 198.51.100.1:80".parse().unwrap();
    let mut director = director(Service::new(key, SchedulerName::Rr), &[1, 1]);
    let (client, target) = ("192.0.2.1:4000", "198.51.100.1:80");
    let _ = director.inbound(&syn(client, target), seconds(1));
    let _ = director.inbound(&tcp(client, target, TcpFlags::ACK), seconds(1));
    let _ = director.inbound(&tcp(client, target, TcpFlags::RST), seconds(1));
    let again = director.inbound(&syn(client, target), seconds(1)).destination();
    assert_eq!(again, Some(endpoint("10.0.0.1:80")));
    assert_eq!(counts(&director, &key), [(0, 1, 0), (1, 0, 0)]);
    assert_eq!(director.next_event(), Some(seconds(1) + TICK));
    director.advance(seconds(1) + TICK);
    assert_eq!(counts(&director, &key), [(0, 0, 0), (1, 0, 0)]);
}

#[test]
fn the_list_reads_as_in_proc() {
    let mut director = director(persistent("tcp 198.51.100.1:80", 300), &[1]);
    let _ = director.inbound(&syn("192.0.2.1:4000", "198.51.100.1:80"), seconds(0));
    let mut lines: Vec<String> = director.connections().map(|entry| entry.to_string()).collect();
    lines.sort();
    assert_eq!(
        lines,
        [
            "TCP C0000201 0000 C6336401 0050 0A000001 0050 NONE            300",
            "TCP C0000201 0FA0 C6336401 0050 0A000001 0050 SYN_RECV         60",
        ]
    );
}

#[test]
fn time_that_goes_back_stands_still() {
    let mut director = director(Service::new("tcp 198.51.100.1:80".parse().unwrap(), SchedulerName::Rr), &[1]);
    let packet = syn("192.0.2.1:4000", "198.51.100.1:80");
    let _ = director.inbound(&packet, seconds(1000));
    let _ = director.inbound(&packet, seconds(1));
    assert_eq!(director.now(), seconds(1000));
    assert_eq!(director.connections().next().map(|entry| entry.remaining), Some(seconds(60)));
}

#[test]
fn a_wrong_change_says_so_and_changes_nothing() {
    let key: ServiceKey = "tcp 198.51.100.1:80".parse().unwrap();
    let service = Service::new(key, SchedulerName::Rr);
    let mut director = director(service.clone(), &[1]);
    let table = director.table();
    let server = Destination::new(endpoint("10.0.0.1:80"));
    let other = Destination::new(endpoint("[fd00::1]:80"));
    let missing = "tcp 198.51.100.1:81".parse().unwrap();
    let named = Service::new(missing, "smooth".parse().unwrap());
    assert_eq!(director.add_service(service), Err(ConfigError::ServiceExists(key)));
    assert_eq!(director.add_service(named.clone()), Err(ConfigError::UnknownScheduler(named.scheduler())));
    assert_eq!(director.remove_service(&missing), Err(ConfigError::NoService(missing)));
    assert!(matches!(director.add_destination(&key, server), Err(ConfigError::Unfit { .. })));
    assert!(matches!(director.add_destination(&key, other), Err(ConfigError::Unfit { .. })));
    let error = director.edit_destination(&key, Destination::new(endpoint("10.0.0.9:80"))).unwrap_err();
    assert_eq!(error.to_string(), "there is no destination 10.0.0.9:80 in the service tcp 198.51.100.1:80");
    assert_eq!(director.table(), table);
}

#[test]
fn a_scheduler_of_your_own_serves_a_service() -> TestResult {
    #[derive(Debug)]
    struct Last;

    impl Scheduler for Last {
        fn pick(&mut self, list: &Destinations, _: &Flow, _: &mut dyn Draws) -> Option<Slot> {
            list.iter().filter(|&slot| list.is_usable(slot)).last()
        }
    }

    let name = "last".parse()?;
    let key = "tcp 198.51.100.1:80".parse()?;
    let mut director = Director::default();
    director.add_service_with(Service::new(key, name), AnyScheduler::custom(name, Last))?;
    for server in ["10.0.0.1:80", "10.0.0.2:80"] {
        director.add_destination(&key, Destination::new(endpoint(server)))?;
    }
    let picked = director.inbound(&syn("192.0.2.1:4000", "198.51.100.1:80"), seconds(0)).destination();
    assert_eq!(picked, Some(endpoint("10.0.0.1:80")));

    // An edit that keeps the name keeps the scheduler.
    director.edit_service(Service::new(key, name).with_flags(SchedulerFlags::PORT))?;
    let picked = director.inbound(&syn("192.0.2.1:4001", "198.51.100.1:80"), seconds(0)).destination();
    assert_eq!(picked, Some(endpoint("10.0.0.1:80")));
    Ok(())
}
