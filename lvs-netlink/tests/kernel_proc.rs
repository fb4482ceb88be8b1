//! The texts, switches and checks on the real kernel, beside what netlink tells.
//!
//! Each test has network namespaces of its own and needs root: run them in the lab, with one thread.

#[path = "lab/inside.rs"]
mod inside;
mod lab;
#[path = "sync/lan.rs"]
mod lan;
#[path = "sync/tables.rs"]
mod tables;

use inside::inside;
use lab::Namespace;
use lan::Lan;
use lvs_model::{Destination, Family, Forwarding, SchedulerName, Service, Table, Tunnel, VirtualServer};
use lvs_netlink::metrics::Exposition;
use lvs_netlink::preflight::{Finding, Problem, ThisSystem, director, real_server};
use lvs_netlink::proc::{Connection, ListedForwarding, ListedKey, Proc};
use lvs_netlink::sysctl::{ConnectionReuse, Defense, Switch, SyncThreshold, Sysctl, SysctlError, Sysctls};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, TestRunner};
use std::cell::RefCell;
use tables::{Owner, farm, ours, sorted, table, tables, union};

#[test]
#[ignore = "runs inside the kernel lab"]
fn the_text_of_services_says_the_same_as_netlink() {
    let namespace = Namespace::new();
    let client = RefCell::new(namespace.client());
    let ticks_per_second = RefCell::new(None);
    let mut runner = TestRunner::new(Config { cases: 100, failure_persistence: None, ..Config::default() });
    let compare = |(ours, theirs): (Table, Table)| {
        let mut client = client.borrow_mut();
        client.flush().unwrap();
        client.apply(&Table::new().difference(&union(&ours, &theirs))).unwrap();
        let mut listed = inside(&namespace.path(), || Proc::current().services().unwrap()).services;
        let statuses = client.list().unwrap();
        prop_assert_eq!(listed.len(), statuses.len());
        for status in &statuses {
            let service = &status.service;
            let family = service.key().family();
            let same = |listed: &lvs_netlink::proc::ListedService| match (listed.key, service.key()) {
                (ListedKey::Socket { protocol, endpoint }, key) => {
                    Some(endpoint) == key.endpoint() && protocol == key.protocol()
                }
                (ListedKey::Fwmark(_), key) => {
                    // The text does not say of which family a mark is: what else it says must tell.
                    listed.key.to_string()
                        == format!("fwmark {}", key.to_string().split(' ').nth(1).unwrap_or_default())
                        && key.endpoint().is_none()
                        && listed.scheduler == service.scheduler()
                        && listed.destinations.len() == status.destinations.len()
                        && listed.persistence.is_some() == service.persistence().is_some()
                        && listed.one_packet == service.one_packet()
                        && listed
                            .destinations
                            .iter()
                            .zip(&status.destinations)
                            .all(|(a, b)| a.endpoint == b.destination.endpoint)
                }
                _ => false,
            };
            let found = listed.iter().position(same);
            prop_assert!(found.is_some(), "{}", service);
            let listed = listed.remove(found.unwrap_or_default());
            prop_assert_eq!(listed.scheduler, service.scheduler());
            let told = family == Family::Inet || matches!(listed.key, ListedKey::Fwmark(_));
            prop_assert_eq!(listed.one_packet, service.one_packet() && told);
            if let (Some(listed), Some(persistence), true) =
                (listed.persistence, service.persistence(), service.key().endpoint().is_some())
            {
                prop_assert_eq!(listed.netmask(family), Some(persistence.netmask));
                let rate = listed.ticks / persistence.timeout.seconds();
                let known = *ticks_per_second.borrow_mut().get_or_insert(rate);
                prop_assert_eq!((known, listed.ticks), (rate, rate * persistence.timeout.seconds()));
            }
            prop_assert_eq!(listed.destinations.len(), status.destinations.len());
            for (listed, status) in listed.destinations.iter().zip(&status.destinations) {
                let Destination { endpoint, weight, forwarding, .. } = status.destination;
                prop_assert_eq!((listed.endpoint, listed.weight), (endpoint, weight));
                prop_assert_eq!((listed.active, listed.inactive), (status.counts.active, status.counts.inactive));
                let method = match forwarding {
                    Forwarding::Local => ListedForwarding::Local,
                    Forwarding::Tunnel(_) => ListedForwarding::Tunnel,
                    Forwarding::DirectRouting => ListedForwarding::DirectRouting,
                    _ => ListedForwarding::Masquerade,
                };
                prop_assert_eq!(listed.forwarding, method);
            }
        }
        Ok(())
    };
    runner.run(&(table(Owner::Us), table(Owner::Others)), compare).unwrap();
}

#[test]
#[ignore = "runs inside the kernel lab"]
fn a_live_connection_is_in_the_table_and_in_the_statistics() {
    let mut lan = Lan::new(3);
    lan.carries_data(1);
    let path = lan.director.path();
    let statistics = lab::wait_for("the sums that are refreshed every two seconds", || {
        let statistics = inside(&path, || Proc::current().statistics().unwrap()).statistics;
        (statistics.connections == 1 && statistics.packets_out >= 2).then_some(statistics)
    });
    assert!(statistics.packets_in >= 3 && statistics.bytes_in >= 3 * 40);
    let cpus = inside(&path, || Proc::current().cpu_statistics().unwrap());
    assert_eq!(cpus.cpus.iter().map(|(_, cpu)| cpu.connections).sum::<u64>(), 1);
    // Each packet sets the timer anew.
    lan.carries_data(2);
    let connections = inside(&path, || Proc::current().connections().unwrap());
    let all: Vec<Connection<'_>> = connections.iter().map(Result::unwrap).collect();
    assert_eq!(all.len(), 1);
    assert_eq!((all[0].state, all[0].destination), ("ESTABLISHED", lan.endpoint));
    assert_eq!(Some(all[0].virtual_service), lan.key.endpoint());
    assert_eq!(all[0].client, lan.connection.local_addr().unwrap().into());
    assert!((890..=900).contains(&all[0].expires.as_secs()));
    let text = Exposition::new(&lan.director.client().list().unwrap()).to_string();
    let web = r#"{protocol="tcp",address="10.9.0.1",port="80"}"#;
    assert!(text.contains(&format!("lvs_service_connections_total{web} 1\n")), "{text}");
    assert!(text.contains(&format!("lvs_service_active_connections{web} 1\n")), "{text}");
    let origins = inside(&path, || Proc::current().connections_with_origin().unwrap());
    assert_eq!(origins.iter().next().unwrap().unwrap().origin, Some(lvs_netlink::proc::Origin::Local));
}

#[test]
#[ignore = "runs inside the kernel lab"]
fn what_is_unusual_in_one_line_does_not_hide_the_others() {
    let namespace = Namespace::new();
    let mut client = namespace.client();
    let phone = "-u 127.0.0.1:5060 -s rr -p 300 -o --pe sip";
    client.add_service(&phone.parse().unwrap()).unwrap();
    for ticks_per_second in [100, 250, 300, 1000] {
        let seconds = (1_u32 << 31) / ticks_per_second + 1;
        let long = format!("-t 127.0.0.1:{ticks_per_second} -s rr -p {seconds}");
        client.add_service(&long.parse().unwrap()).unwrap();
    }
    client.add_destination(&"udp 127.0.0.1:5060".parse().unwrap(), &"-r 127.0.0.1:5061 -m".parse().unwrap()).unwrap();
    inside(&namespace.path(), || {
        let listed = Proc::current().services().unwrap().services;
        let ticks = listed.iter().filter_map(|service| service.persistence).map(|found| found.ticks);
        assert!(ticks.max().unwrap() > i32::MAX.unsigned_abs(), "{listed:?}");

        let caller = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        caller.send_to(b"INVITE sip:b@c SIP/2.0\r\nCall-ID: a\xffb@host\r\n\r\n", "127.0.0.1:5060").unwrap();
        // On a machine that is busy, what goes over lo may be taken in a little later.
        let connections = lab::wait_for("the call's entry", || {
            let connections = Proc::current().connections().unwrap();
            connections.iter().next().is_some().then_some(connections)
        });
        let engines: Vec<_> = connections.iter().filter_map(|connection| connection.unwrap().engine).collect();
        assert_eq!(engines, [("sip", "a\u{fffd}b@host")]);
    });
}

#[test]
#[ignore = "runs inside the kernel lab"]
fn switches_are_read_and_written() {
    let namespace = Namespace::new();
    let _client = namespace.client();
    inside(&namespace.path(), || {
        let sysctls = Sysctls::current();
        for switch in
            [Sysctl::EXPIRE_NODEST_CONN, Sysctl::EXPIRE_QUIESCENT_TEMPLATE, Sysctl::CONNTRACK, Sysctl::SLOPPY_TCP]
        {
            assert_eq!(sysctls.read(switch).unwrap(), Switch::Off, "{}", switch.name());
            sysctls.write(switch, Switch::On).unwrap();
            assert_eq!(sysctls.read(switch).unwrap(), Switch::On, "{}", switch.name());
        }
        for defense in [Sysctl::DROP_ENTRY, Sysctl::DROP_PACKET, Sysctl::SECURE_TCP] {
            sysctls.write(defense, Defense::Always).unwrap();
            assert_eq!(sysctls.read(defense).unwrap(), Defense::Always);
            sysctls.write(defense, Defense::Off).unwrap();
        }
        sysctls.write(Sysctl::CONN_REUSE_MODE, ConnectionReuse::Same).unwrap();
        assert_eq!(sysctls.read(Sysctl::CONN_REUSE_MODE).unwrap(), ConnectionReuse::Same);
        let threshold = SyncThreshold { threshold: 5, period: 10 };
        sysctls.write(Sysctl::SYNC_THRESHOLD, threshold).unwrap();
        assert_eq!(sysctls.read(Sysctl::SYNC_THRESHOLD).unwrap(), threshold);
        let refused = sysctls.write(Sysctl::SYNC_THRESHOLD, SyncThreshold { threshold: 10, period: 5 }).unwrap_err();
        assert!(matches!(refused, SysctlError::Refused { name: "sync_threshold", .. }), "{refused:?}");
        assert_eq!(sysctls.read(Sysctl::SYNC_THRESHOLD).unwrap(), threshold);
        sysctls.write(Sysctl::SYNC_PORTS, 4).unwrap();
        assert_eq!(sysctls.read(Sysctl::SYNC_PORTS).unwrap(), 4);
    });
}

/// Does what each finding says mends it, until nothing is found; gives what was found first.
fn mend(namespace: &Namespace, find: impl Fn() -> Vec<Finding> + Sync) -> Vec<Problem> {
    let found = || inside(&namespace.path(), &find);
    let first = found();
    for finding in &first {
        lab::run("ip", &["netns", "exec", namespace.name(), "sh", "-c", &finding.problem.remedy()]);
    }
    assert_eq!(found(), [], "after the remedies of {first:?}");
    first.into_iter().map(|finding| finding.problem).collect()
}

#[test]
#[ignore = "runs inside the kernel lab"]
fn the_remedies_mend_a_director() {
    let namespace = Namespace::without_lo("bare-director");
    let _client = namespace.client();
    namespace.ip("link add d0 type dummy");
    let mut web = VirtualServer::new(Service::new("tcp 192.0.2.10:80".parse().unwrap(), SchedulerName::Wrr));
    web.insert("-r 10.1.0.7:8080 -m".parse().unwrap()).unwrap();
    let mut six = VirtualServer::new(Service::new("tcp [2001:db8::10]:80".parse().unwrap(), SchedulerName::Sh));
    six.insert("-r [fd00::7]:8080 -m".parse().unwrap()).unwrap();
    let table = Table::from_iter([web, six]);
    let found = mend(&namespace, || director(&ThisSystem, &table));
    for expected in [
        Problem::LoopbackDown,
        Problem::AddressNotLocal("192.0.2.10".parse().unwrap()),
        Problem::AddressNotLocal("2001:db8::10".parse().unwrap()),
        Problem::ForwardingOff(Family::Inet),
        Problem::ForwardingOff(Family::Inet6),
        Problem::SendRedirects { interface: "d0".into() },
    ] {
        assert!(found.contains(&expected), "{expected:?} is not in {found:?}");
    }
    let twos =
        Table::from_iter([VirtualServer::new(Service::new("fwmark 1".parse().unwrap(), "absent".parse().unwrap()))]);
    let absent = inside(&namespace.path(), || director(&ThisSystem, &twos));
    assert_eq!(absent.len(), 1);
    assert!(absent[0].to_string().contains("no scheduler absent"));
}

#[test]
#[ignore = "runs inside the kernel lab"]
fn the_remedies_mend_a_real_server() {
    let namespace = Namespace::named("bare-server");
    namespace.ip("link add d0 type veth peer name d1");
    namespace.ip("link add link d0 name d0.100 type vlan id 100");
    let vip = ["192.0.2.10".parse().unwrap()];
    let found = mend(&namespace, || real_server(&ThisSystem, Forwarding::DirectRouting, &vip));
    let expected = [
        Problem::AddressNotLocal(vip[0]),
        Problem::ArpIgnore { interface: "d0".into() },
        Problem::ArpAnnounce { interface: "d0".into() },
        Problem::ArpIgnore { interface: "d0.100".into() },
        Problem::ArpAnnounce { interface: "d0.100".into() },
    ];
    assert!(expected.iter().all(|problem| found.contains(problem)), "{found:?}");

    let tunnel = Forwarding::Tunnel(Tunnel::Ipip);
    let before = inside(&namespace.path(), || real_server(&ThisSystem, tunnel, &vip));
    if !before.is_empty() {
        // The fallback device appears with the module, in namespaces that are made after it, too.
        assert!(matches!(before[0].problem, Problem::TunnelAbsent { .. }), "{before:?}");
        lab::run("modprobe", &["ipip"]);
    }
    lab::run("modprobe", &["sit"]);
    namespace.sysctl("net.ipv4.conf.tunl0.rp_filter", "1");
    let found = mend(&namespace, || real_server(&ThisSystem, tunnel, &vip));
    let interface = || "tunl0".to_owned();
    let expected =
        [Problem::TunnelDown { interface: interface() }, Problem::ReversePathFilter { interface: interface() }];
    assert_eq!(found, expected);
    // Flags are seen where /sys was mounted.
    lab::run("ip", &["link", "add", "dummy7", "type", "dummy"]);
    lab::run("ip", &["link", "add", "veth7", "type", "veth", "peer", "name", "veth8"]);
    let found = real_server(&ThisSystem, Forwarding::DirectRouting, &vip);
    lab::run("ip", &["link", "del", "dummy7"]);
    lab::run("ip", &["link", "del", "veth7"]);
    let about = |name: &str| found.iter().any(|finding| finding.to_string().contains(name));
    assert_eq!((about("veth7"), about("dummy7")), (true, false), "{found:?}");
}

#[test]
#[ignore = "runs inside the kernel lab"]
fn a_farm_reads_the_same_through_both_ways() {
    let namespace = Namespace::new();
    let mut client = namespace.client();
    let (mut runner, strategy) = (TestRunner::new(Config::default()), tables());
    let (mine, _, _) = strategy.new_tree(&mut runner).unwrap().current();
    let mut all = Table::from_iter([farm("tcp 10.9.0.1:80", SchedulerName::Wlc, 300)]);
    all.extend(mine);
    client.apply(&Table::new().difference(&all)).unwrap();
    assert_eq!(sorted(&client.table().unwrap()), sorted(&all));
    assert!(all.iter().all(|server| ours().contains(server.key())));
    let listed = inside(&namespace.path(), || Proc::current().services().unwrap());
    let destinations =
        |list: &lvs_netlink::proc::ServiceList| list.services.iter().map(|s| s.destinations.len()).sum::<usize>();
    assert_eq!(destinations(&listed), all.iter().map(|server| server.destinations().len()).sum::<usize>());
}
