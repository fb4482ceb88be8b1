//! What `ipvsadm -L` printed, reproduced byte for byte and read back.
//!
//! `generated-ipvs/*.list` and the like are the views of 21 tables on a real kernel. `generated-ipvs/views.json` are views
//! of one table whose counters, methods, tunnels, thresholds and flags were replaced between the kernel and the real
//! ipvsadm 1.31, so that numbers occur that no test machine counts up to; and views of a made-up `ip_vs_conn`.

mod ipvsadm_common;

use ipvsadm_common::{TABLES, commands, folder, names, recorded};
use lvs_config::ipvsadm::{
    Columns, Connection, ConnectionView, Counters, NameTable, NoNames, Order, Printer, View, daemons, read, read_list,
    read_statistics, timeouts,
};
use lvs_model::{
    ConnectionCounts, DestinationStatus, Forwarding, Info, OnePacket, Persistence, PersistenceTimeout, Rates,
    SchedulerFlags, Service, ServiceStatus, Statistics, SyncDaemon, Table, Thresholds, Timeouts, Version, Weight,
};
use serde_json::Value;

const INFO: Info = Info { version: Version::from_number(0x0001_0201), connection_table_size: 4096 };

/// A table without traffic, as the kernel would show it.
fn idle(table: &Table) -> Vec<ServiceStatus> {
    let status = |server: &lvs_model::VirtualServer| ServiceStatus {
        destinations: server.destinations().iter().rev().map(|d| DestinationStatus::from(*d)).collect(),
        ..server.service().clone().into()
    };
    table.iter().map(status).collect()
}

/// The services of a recording in the order in which the tool showed them.
fn shown(name: &str) -> Vec<ServiceStatus> {
    let mut services = idle(&commands(name).table);
    if matches!(name, "sort-order" | "fwmark-big") {
        // The tool's comparison goes in circles here, so that its order was that of the kernel's hash table.
        let order = read_list(&recorded(name, "list-n"), &NoNames).expect("a recorded view");
        services.sort_by_key(|s| order.iter().position(|o| o.service.key() == s.service.key()));
        for service in &mut services {
            let like = order.iter().find(|o| o.service.key() == service.service.key()).expect("it was shown");
            let place = |d: &DestinationStatus| {
                like.destinations.iter().position(|o| o.destination.endpoint == d.destination.endpoint)
            };
            service.destinations.sort_by_key(place);
        }
    } else {
        Order::Tool.sort(&mut services);
    }
    services
}

#[test]
fn recorded_views_are_reproduced() {
    let names = names();
    let views = [
        ("list-n", View::new(Columns::Default)),
        ("list", View::new(Columns::Default).with_names(&names)),
        ("stats-n", View::new(Columns::Statistics)),
        ("stats-exact-n", View::new(Columns::Statistics).with_counters(Counters::Exact)),
        ("rate-n", View::new(Columns::Rates)),
        ("thresholds-n", View::new(Columns::Thresholds)),
        ("persistent-n", View::new(Columns::PersistentConnections)),
        ("tuninfo-n", View::new(Columns::TunnelInfo)),
    ];
    for name in TABLES {
        let services = shown(name);
        for (view, printer) in &views {
            assert_eq!(printer.print(&INFO, &services), recorded(name, view), "{name}.{view}");
        }
    }
}

#[test]
fn recorded_views_are_read_back() {
    let names = names();
    for name in TABLES {
        for (view, resolver) in [("list-n", &NoNames as &dyn lvs_config::ipvsadm::Resolver), ("list", &names)] {
            let text = recorded(name, view);
            if text.contains("6.example.com]") || text.contains("[localhost6]") {
                // The tool itself does not read names of IPv6 addresses.
                assert!(read_list(&text, resolver).is_err());
                continue;
            }
            let mut services = read_list(&text, resolver).unwrap_or_else(|e| panic!("{name}: {e}"));
            let mut expected = shown(name);
            for (read, expected) in services.iter_mut().zip(&mut expected) {
                // What the view does not show, or shows of any method as a tunnel.
                for destination in &mut expected.destinations {
                    destination.destination.thresholds = Thresholds::NONE;
                    if matches!(destination.destination.forwarding, Forwarding::Tunnel(_)) {
                        destination.destination.forwarding = Forwarding::Tunnel(lvs_model::Tunnel::Ipip);
                    }
                }
                assert_eq!(read, expected, "{name}.{view}");
            }
            assert_eq!(services.len(), expected.len(), "{name}.{view}");
        }
        let statistics = read_statistics(&recorded(name, "stats-n"), &NoNames).expect("a recorded view");
        assert_eq!(statistics.len(), shown(name).len());
        for (read, expected) in statistics.iter().zip(shown(name)) {
            assert_eq!(read.key, *expected.service.key(), "{name}");
            let endpoints: Vec<_> = expected.destinations.iter().map(|d| d.destination.endpoint).collect();
            assert_eq!(read.destinations.iter().map(|d| d.0).collect::<Vec<_>>(), endpoints, "{name}");
        }
    }
}

/// The rules of the table of `views.json`.
const RULES: &str = "\
-A -t 192.0.2.10:80 -s wrr -p 300 -M 255.255.255.0
-a -t 192.0.2.10:80 -r 10.1.0.1:8080 -m -w 5
-a -t 192.0.2.10:80 -r [2001:db8::77]:80 -i --tun-type gue --tun-port 6080
-A -t [2001:db8:1111:2222:3333:4444:5555:6666]:65535 -s sh -b sh-port,sh-fallback
-a -t [2001:db8:1111:2222:3333:4444:5555:6666]:65535 -r [2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff]:65535 -g
-A -f 7 -6 -s rr -o
";

/// The table of `views.json` with what was replaced for one view.
fn altered(case: &Value) -> Vec<ServiceStatus> {
    let mut services = idle(&read(RULES).table);
    Order::Tool.sort(&mut services);
    let number = |value: &Value| value.as_u64().expect("a number");
    for status in &mut services {
        if let Some(counter) = case["counters"].as_str() {
            let n: u64 = counter.parse().expect("a number");
            status.statistics = Statistics { connections: n, packets_in: n, packets_out: n, bytes_in: n, bytes_out: n };
            status.rates = Rates { connections: n, packets_in: n, packets_out: n, bytes_in: n, bytes_out: n };
        }
        if let Some(bits) = case["flags"].as_u64().map(|bits| u32::try_from(bits).expect("32 bits")) {
            status.service = with_flags(&status.service, bits);
        }
        let (statistics, rates) = (status.statistics, status.rates);
        for destination in &mut status.destinations {
            (destination.statistics, destination.rates) = (statistics, rates);
            if case["counters"].is_string() {
                // The shell that made the recording computes with signed numbers.
                let n = statistics.connections.cast_signed();
                let [active, inactive, persistent] = [n, n / 3, n / 7].map(|n| n as u32);
                destination.counts = ConnectionCounts { active, inactive, persistent };
            }
            let configuration = &mut destination.destination;
            if let Some(method) = case["forwarding"].as_u64() {
                let old = configuration.forwarding.tunnel().unwrap_or_default();
                let (kind, port, flags) = match case["tunnel"].as_array() {
                    Some(t) => (number(&t[0]) as u8, number(&t[1]) as u16, number(&t[2]) as u16),
                    None => (old.kind(), old.port(), old.flags().bits()),
                };
                configuration.forwarding = Forwarding::from_raw(method as u32, kind, port, flags).expect("a tunnel");
            }
            if let Some(weight) = case["weight"].as_u64() {
                configuration.weight = Weight::new(weight as u32).expect("a weight");
            }
            if let Some(t) = case["thresholds"].as_array() {
                configuration.thresholds =
                    Thresholds::new(number(&t[0]) as u32, number(&t[1]) as u32).expect("in order");
            }
        }
    }
    services
}

fn with_flags(service: &Service, bits: u32) -> Service {
    let old = service.persistence().copied();
    let service = service.clone().with_flags(SchedulerFlags::from_bits(bits));
    let service = service.with_one_packet(if bits & 4 == 0 { OnePacket::Off } else { OnePacket::On });
    if bits & 1 == 0 {
        return service.without_persistence();
    }
    let none = PersistenceTimeout::new(0).expect("in range");
    let persistence = old.unwrap_or(Persistence::new(none, service.key().family()));
    service.with_persistence(persistence).expect("of its own family")
}

fn long_names() -> NameTable {
    let label = "a-sixty-character-long-label-which-is-nearly-the-limit-of-dns";
    NameTable::new()
        .with_hosts(&format!(
            "10.1.0.1 a-very-long-host-name-that-needs-more-than-28-columns.example.com\n10.0.0.6 c\n\
             10.0.0.7 abcdefghijklmnop\n10.0.0.8 abcdefghijklmnopqrstuvwxyz\n\
             2001:db8::77 six.with.a.quite.long.name.example.org\n2001:db8::78 {label}.{label}.example.org\nfd00::1 v6\n"
        ))
        .with_services("http 80/tcp\nhttp-alt 8080/tcp\ndomain 53/udp\nsip 5060/tcp\nsip 5060/udp\n")
}

#[test]
fn altered_views_are_reproduced() {
    let cases = std::fs::read(folder().join("views.json")).expect("the file is part of the crate");
    let cases: Vec<Value> = serde_json::from_slice(&cases).expect("the file is JSON");
    assert!(cases.len() > 180);
    let hosts = long_names().with_hosts("192.0.2.10 vip-with-a-name-longer-than-thirty-three-columns.example.com\n");
    for case in cases.iter().filter(|case| case["view"] != "connections") {
        let services = altered(case);
        let with_names = case["names"] == true;
        let (columns, counters) = match case["view"].as_str().expect("a name") {
            "" => (Columns::Default, Counters::Scaled),
            "stats" => (Columns::Statistics, Counters::Scaled),
            "rate" => (Columns::Rates, Counters::Scaled),
            "statsexact" => (Columns::Statistics, Counters::Exact),
            "rateexact" => (Columns::Rates, Counters::Exact),
            "thresholds" => (Columns::Thresholds, Counters::Scaled),
            "persistentconn" => (Columns::PersistentConnections, Counters::Scaled),
            "tuninfo" => (Columns::TunnelInfo, Counters::Scaled),
            "save" | "save-n" => {
                let table: Table = services.iter().map(lvs_model::VirtualServer::from).collect();
                let printer = Printer::tool();
                let printer = if with_names { printer.with_names(&hosts) } else { printer };
                assert_eq!(Value::from(printer.print(&table)), case["text"], "{case}");
                continue;
            }
            other => panic!("{other}"),
        };
        let view = View::new(columns).with_counters(counters);
        let view = if with_names { view.with_names(&hosts) } else { view };
        assert_eq!(Value::from(view.print(&INFO, &services)), case["text"], "{case}");
    }
}

/// Protocol, expiry, state, client, virtual address, real server, engine.
type Row<'a> = (u16, u32, &'a str, &'a str, &'a str, &'a str, Option<(&'a str, &'a str)>);

#[test]
fn connections_are_reproduced() {
    let cases = std::fs::read(folder().join("views.json")).expect("the file is part of the crate");
    let cases: Vec<Value> = serde_json::from_slice(&cases).expect("the file is JSON");
    let hosts = long_names().with_hosts("192.0.2.10 vip.example.com\n");
    let broadcast = "255.255.255.255:65535";
    let (vip, real) = ("192.0.2.10:80", "10.1.0.1:8080");
    let six = |last: &str| format!("[2001:db8:1111:2222:3333:4444:5555:{last}]:65535");
    let (six_a, six_b, six_c) = (six("6666"), six("6667"), six("6668"));
    let rows: [Row<'_>; 16] = [
        (6, 899, "ESTABLISHED", "10.0.0.6:5000", vip, real, None),
        (6, 899, "ESTABLISHED", broadcast, broadcast, broadcast, None),
        (17, 59, "UDP", "10.0.0.7:5000", "192.0.2.10:53", "10.1.0.1:53", None),
        (17, 60, "UDP", "10.0.0.8:5000", "192.0.2.10:53", "10.0.0.8:53", None),
        (6, 7, "NONE", "10.0.0.6:0", vip, real, None),
        (6, 3661, "ASSURED", "10.0.0.6:0", vip, real, None),
        (0, 360_000, "NONE", "10.0.0.6:0", "0.0.0.7:0", "10.8.0.1:0", None),
        (132, 6000, "ESTABLISHED", "10.0.0.6:5000", "192.0.2.10:3868", "10.1.0.1:3868", None),
        (6, 3, "SYN_RECV", "[fd00::1]:5000", "[2001:db8::77]:80", "[2001:db8::78]:80", None),
        (6, 119, "FIN_WAIT", &six_a, &six_b, &six_c, None),
        (6, 4_294_967, "TIME_WAIT", "10.0.0.6:5000", vip, "[2001:db8::78]:80", None),
        (17, 299, "UDP", "10.0.0.6:5060", "192.0.2.10:5060", "10.1.0.1:5060", Some(("sip", "2848392820@10.0.0.6"))),
        (
            17,
            49,
            "NONE",
            "10.0.0.6:0",
            "192.0.2.10:5060",
            "10.1.0.1:5060",
            Some(("sip", "2848392820-1234567890@a.very.long.example.com")),
        ),
        (17, 49, "NONE", "10.0.0.6:0", "192.0.2.10:5060", "10.1.0.1:5060", Some(("averylongpename", "x"))),
        (1, 49, "NONE", "10.0.0.6:0", "192.0.2.10:5060", "10.1.0.1:5060", None),
        (47, 49, "NONE", "10.0.0.6:0", "192.0.2.10:5060", "10.1.0.1:5060", None),
    ];
    let connections = rows.each_ref().map(|(protocol, expires, state, source, to, destination, engine)| Connection {
        protocol: lvs_model::Protocol::new(*protocol),
        expires: *expires,
        state,
        source: source.parse().expect("an endpoint"),
        virtual_endpoint: to.parse().expect("an endpoint"),
        destination: destination.parse().expect("an endpoint"),
        engine: *engine,
    });
    let cases: Vec<_> = cases.iter().filter(|case| case["view"] == "connections").collect();
    assert_eq!(cases.len(), 4);
    for case in cases {
        let view = ConnectionView::new();
        let view = if case["engines"] == true { view.with_engines() } else { view };
        let view = if case["names"] == true { view.with_names(&hosts) } else { view };
        assert_eq!(view.print(connections), case["text"].as_str().expect("a text"), "{case}");
    }
}

#[test]
fn timeouts_and_daemons_are_those_of_the_tool() {
    assert_eq!(timeouts(&Timeouts::default()), "Timeout (tcp tcpfin udp): 900 120 300\n");
    let read = |text: &str| text.parse::<SyncDaemon>().expect("a daemon");
    let running = [
        read(
            "master --mcast-interface lo --syncid 255 --sync-maxlen 1000 --mcast-group 224.0.0.82 --mcast-port 9000 --mcast-ttl 3",
        ),
        read("backup --mcast-interface lo --sync-maxlen 65487 --mcast-group ff02::1"),
    ];
    assert_eq!(
        daemons(&running),
        "master sync daemon (mcast=lo, syncid=255, maxlen=1000, group=224.0.0.82, port=9000, ttl=3)\n\
         backup sync daemon (mcast=lo, syncid=0, maxlen=65487, group=ff02::1, port=8848, ttl=1)\n",
    );
    assert_eq!(daemons(&[]), "");
}

#[test]
fn one_service_is_shown_without_the_first_line() {
    let services = shown("fwmark");
    let text = View::new(Columns::Default).print_service(&services[0]);
    assert_eq!(text.lines().next(), Some("Prot LocalAddress:Port Scheduler Flags"));
    assert_eq!(text.lines().count(), 5);
}

#[test]
fn what_is_no_view_is_refused_with_its_place() {
    for (text, line) in [
        ("TCP  10.0.0.1:80 rr\n  -> 10.0.0.2:80 Masq 1 0\n", 2),
        ("  -> 10.0.0.2:80 Masq 1 0 0\n", 1),
        ("\nhello\n", 2),
        ("TCP 10.0.0.1:80 rr unknown 5\n", 1),
        ("FWM 0 rr\n", 1),
    ] {
        assert_eq!(read_list(text, &NoNames).map_err(|e| e.line), Err(line), "{text:?}");
    }
    let error = read_statistics("TCP 10.0.0.1:80 1 2 3 4\n", &NoNames).unwrap_err();
    assert_eq!(
        error.to_string(),
        "line 1: expected a service or `-> ADDRESS:PORT`, and five counters, found `TCP 10.0.0.1:80 1 2 3 4`"
    );
}
