//! The texts that were recorded on two real kernels, read, and texts that no kernel writes, refused.

use lvs_model::{Family, Netmask, Protocol, Rates, SchedulerName, Statistics};
use lvs_netlink::proc::{
    Connection, Connections, CpuStatistics, ListedForwarding, ListedKey, Origin, Proc, ProcError, ServiceList,
    TotalStatistics,
};
use proptest::prelude::*;
use std::time::Duration;

const KERNELS: [(&str, u32); 2] = [("6.1.176", 100), ("6.1.192", 250)];

fn sample(name: &str, kernel: &str) -> String {
    std::fs::read_to_string(format!("{}/tests/samples/{name}-{kernel}.txt", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

#[test]
fn reads_the_recorded_services() {
    for (kernel, ticks_per_second) in KERNELS {
        let list: ServiceList = sample("ip_vs", kernel).parse().unwrap();
        assert_eq!((list.version.as_str(), list.connection_table_size, list.services.len()), ("1.2.1", 4096, 10));
        let find = |key: &str| list.services.iter().find(|service| service.key.to_string() == key).unwrap();

        let mixed = find("tcp 10.9.0.1:80");
        assert_eq!((mixed.scheduler, mixed.one_packet, mixed.persistence), (SchedulerName::Wlc, false, None));
        let listed: Vec<_> = mixed.destinations.iter().map(|d| (d.endpoint.to_string(), d.forwarding)).collect();
        let expected = [
            ("[fd00:8::1]:80", ListedForwarding::Tunnel),
            ("127.0.0.1:80", ListedForwarding::Local),
            ("10.8.0.3:80", ListedForwarding::DirectRouting),
            ("10.8.0.2:80", ListedForwarding::Tunnel),
            ("10.8.0.1:8080", ListedForwarding::Masquerade),
        ];
        assert_eq!(listed, expected.map(|(endpoint, method)| (endpoint.to_string(), method)));
        let first = &mixed.destinations[0];
        assert_eq!((first.weight.get(), first.active, first.inactive), (i32::MAX.unsigned_abs(), 2, 0));

        let v6 = find("sctp [fd00:9::1]:5060").persistence.unwrap();
        assert_eq!(v6.ticks / ticks_per_second, 50);
        assert_eq!(v6.netmask(Family::Inet6), Some("64".parse().unwrap()));
        let v4 = find("tcp 10.9.0.1:443").persistence.unwrap();
        assert_eq!(v4.ticks / ticks_per_second, 300);
        assert_eq!(v4.netmask(Family::Inet), Some(Netmask::Inet("255.255.255.0".parse().unwrap())));
        assert!(find("udp 10.9.0.1:53").one_packet);

        let mark = find("fwmark 7");
        assert_eq!((mark.scheduler, mark.one_packet, mark.destinations.len()), (SchedulerName::Dh, true, 1));
        assert!(mark.persistence.is_some());
        let bare = find("fwmark 3735928559");
        assert_eq!((bare.scheduler, bare.destinations.len()), (SchedulerName::None, 0));
        assert!(matches!(bare.key, ListedKey::Fwmark(_)));
    }
}

#[test]
fn reads_the_recorded_connections() {
    for (kernel, _) in KERNELS {
        let text = sample("ip_vs_conn", kernel);
        let all: Vec<Connection<'_>> = Connections::new(&text).collect::<Result<_, _>>().unwrap();
        assert_eq!(all.len(), 17);
        assert_eq!(all.iter().filter(|connection| connection.is_template()).count(), 6);
        let marked: Vec<_> = all.iter().filter_map(Connection::fwmark).map(lvs_model::Fwmark::get).collect();
        assert_eq!(marked, [7, 7]);
        let sip = all.iter().find(|connection| connection.engine.is_some()).unwrap();
        assert_eq!(sip.engine, Some(("sip", "abc-123@host")));
        assert_eq!((sip.protocol, sip.expires), (Protocol::UDP, Duration::from_secs(97)));
        let tunneled = all.iter().find(|c| c.client.family() != c.destination.family()).unwrap();
        assert_eq!((tunneled.virtual_service.to_string(), tunneled.state), ("10.9.0.1:80".into(), "SYN_RECV"));
        assert!(all.iter().all(|connection| connection.origin.is_none()));

        let synced = sample("ip_vs_conn_sync", kernel);
        let same: Vec<Connection<'_>> = Connections::new(&synced).collect::<Result<_, _>>().unwrap();
        assert_eq!(same.len(), 17);
        assert!(same.iter().all(|connection| connection.origin == Some(Origin::Local) && connection.engine.is_none()));
    }
}

#[test]
fn an_ipv6_template_has_its_mark_where_others_have_the_beginning_of_the_address() {
    let text = sample("ip_vs_conn-mark6", "6.1.176");
    let all: Vec<Connection<'_>> = Connections::new(&text).collect::<Result<_, _>>().unwrap();
    assert_eq!((all[0].is_template(), all[0].fwmark()), (false, None));
    assert!(all[1].is_template());
    assert_eq!(all[1].fwmark().map(lvs_model::Fwmark::get), Some(0xdead_beef));
}

#[test]
fn reads_the_recorded_statistics() {
    let statistics = Statistics { connections: 0xe, packets_in: 0xf, packets_out: 2, bytes_in: 0x2a2, bytes_out: 0x50 };
    let rates = Rates { connections: 2, packets_in: 2, packets_out: 0, bytes_in: 0x54, bytes_out: 0xa };
    for (kernel, _) in KERNELS {
        let total: TotalStatistics = sample("ip_vs_stats", kernel).parse().unwrap();
        assert_eq!((total.statistics, total.rates), (statistics, rates));
        let cpus: CpuStatistics = sample("ip_vs_stats_percpu", kernel).parse().unwrap();
        assert_eq!((cpus.cpus, cpus.total), (vec![(0, statistics)], total));
    }
}

#[test]
fn reads_the_files_of_a_directory_and_says_which_is_missing() {
    let directory = tempfile::tempdir().unwrap();
    let proc = Proc::at(directory.path());
    assert!(matches!(proc.services(), Err(ProcError::Read { path, .. }) if path.ends_with("ip_vs")));
    for name in ["ip_vs", "ip_vs_conn", "ip_vs_conn_sync", "ip_vs_stats", "ip_vs_stats_percpu"] {
        std::fs::write(directory.path().join(name), sample(name, "6.1.192")).unwrap();
    }
    assert_eq!(proc.services().unwrap().services.len(), 10);
    assert_eq!(proc.connections().unwrap().iter().count(), 17);
    assert_eq!(proc.connections_with_origin().unwrap().iter().count(), 17);
    assert_eq!(proc.statistics().unwrap(), proc.cpu_statistics().unwrap().total);
    std::fs::write(directory.path().join("ip_vs"), "something else").unwrap();
    assert!(matches!(proc.services(), Err(ProcError::Parse { .. })));
}

#[test]
fn what_a_client_sent_is_read_though_it_is_not_utf8() {
    let directory = tempfile::tempdir().unwrap();
    let proc = Proc::at(directory.path());
    let mut text = sample("ip_vs_conn", "6.1.176").into_bytes();
    let at = text.windows(12).position(|word| word == b"abc-123@host").unwrap();
    text[at] = 0xff;
    std::fs::write(directory.path().join("ip_vs_conn"), text).unwrap();
    let connections = proc.connections().unwrap();
    let all: Vec<Connection<'_>> = connections.iter().collect::<Result<_, _>>().unwrap();
    assert_eq!(all.len(), 17);
    assert_eq!(all.iter().find_map(|connection| connection.engine), Some(("sip", "\u{fffd}bc-123@host")));
}

#[test]
fn only_a_missing_file_is_explained_by_a_missing_module() {
    let directory = tempfile::tempdir().unwrap();
    let proc = Proc::at(directory.path());
    assert!(proc.connections().unwrap_err().to_string().ends_with("(it exists while the module ip_vs is loaded)"));
    std::fs::create_dir(directory.path().join("ip_vs_conn")).unwrap();
    assert!(proc.connections().unwrap_err().to_string().ends_with("ip_vs_conn"));
}

#[test]
fn long_timeouts_look_negative() {
    let head = "IP Virtual Server version 1.2.1 (size=4096)\n\n\n";
    for (printed, ticks) in
        [("0", 0), ("2147483647", (1 << 31) - 1), ("-2147483648", 1 << 31), ("-96", u32::MAX - 95), ("-1", u32::MAX)]
    {
        let text = format!("{head}TCP  0A090001:0050 rr persistent {printed} FFFFFFFF\n");
        let list: ServiceList = text.parse().unwrap();
        assert_eq!(list.services[0].persistence.unwrap().ticks, ticks);
    }
}

#[test]
fn sctp_destinations_belong_to_their_own_service() {
    // A widely used parser knows only TCP, UDP and FWM lines and gives them to the service before.
    let text = "IP Virtual Server version 1.2.1 (size=4096)\n\n\nTCP  0A000001:0050 rr  \nSCTP  0A000001:0051 rr  \n  -> 0A000002:0051      Masq    1      0          0         \n";
    let list: ServiceList = text.parse().unwrap();
    assert_eq!(list.services.iter().map(|service| service.destinations.len()).collect::<Vec<_>>(), [0, 1]);
}

#[test]
fn refuses_what_no_kernel_writes() {
    let head = "IP Virtual Server version 1.2.1 (size=4096)\n\n\n";
    for wrong in [
        "",
        "IP Virtual Server version 1.2.1",
        &format!("{head}TCP  0A09:0050 rr"),
        &format!("{head}TCP  0A090001 rr"),
        &format!("{head}XXX  0A090001:0050 rr"),
        &format!("{head}IP_70000  0A090001:0050 rr"),
        &format!("{head}FWM  00000000 rr"),
        &format!("{head}TCP  0A090001:0050 rr persistent"),
        &format!("{head}TCP  0A090001:0050 rr persistent -2147483649 FFFFFFFF"),
        &format!("{head}TCP  0A090001:0050 rr persistent - FFFFFFFF"),
        &format!("{head}TCP  0A090001:0050 rr persistent --1 FFFFFFFF"),
        &format!("{head}TCP  0A090001:0050 rr other"),
        &format!("{head}TCP  0A090001:0050"),
        &format!("{head}  -> 0A090001:0050 Masq 1 0 0"),
        &format!("{head}TCP  0A090001:0050 rr\n  -> 0A090001:0050 Masq 2147483648 0 0"),
        &format!("{head}TCP  0A090001:0050 rr\n  -> 0A090001:0050 Fast 1 0 0"),
        &format!("{head}TCP  0A090001:0050 rr\n  -> 0A090001:0050 Masq 1 0"),
    ] {
        assert!(wrong.parse::<ServiceList>().is_err(), "{wrong}");
    }
    for wrong in [
        "",
        "TCP 0A000103 0413 0A090001 0050 0A080001 1F90 SYN_RECV",
        "TCP 0A000103 10413 0A090001 0050 0A080001 1F90 SYN_RECV 5",
    ] {
        assert!(Connection::parse(wrong).is_err(), "{wrong}");
    }
    for wrong in ["", "a\nb\n1 2 3 4\n\nc\n1 2 3 4 5", "a\nb\n1 2 3 4 5 6\n\nc\n1 2 3 4 5"] {
        assert!(wrong.parse::<TotalStatistics>().is_err(), "{wrong}");
        assert!(wrong.parse::<CpuStatistics>().is_err(), "{wrong}");
    }
}

proptest! {
    #[test]
    fn no_text_panics(at in any::<prop::sample::Index>(), noise in "\\PC{0,12}") {
        for (name, which) in ["ip_vs", "ip_vs_conn", "ip_vs_conn_sync", "ip_vs_stats", "ip_vs_stats_percpu"].into_iter().zip(0..) {
            let mut text = sample(name, "6.1.176");
            let from = at.index(text.len());
            let to = (from + noise.len()).min(text.len());
            text.replace_range(from..to, &noise);
            match which {
                0 => { let _ = text.parse::<ServiceList>(); }
                1 | 2 => prop_assert!(Connections::new(&text).count() >= 1),
                3 => { let _ = text.parse::<TotalStatistics>(); }
                _ => { let _ = text.parse::<CpuStatistics>(); }
            }
        }
    }
}
