//! Laws of the ipvsadm half, on made-up input.

mod ipvsadm_common;

use std::collections::HashMap;

use ipvsadm_common::{corpus, folder};
use lvs_config::ipvsadm::{Command, Mode, NoNames, Order, Printer, Reader, Rules, TokenKind, canonical, read};
use lvs_model::{
    Destination, Endpoint, Forwarding, Fwmark, Netmask, OnePacket, Persistence, PersistenceEngine, PersistenceTimeout,
    PrefixLength, Protocol, SchedulerFlags, SchedulerName, Service, ServiceKey, Table, Thresholds, TunnelFlags,
    VirtualServer, Weight,
};
use proptest::collection::vec;
use proptest::prelude::*;

const MODES: [Mode; 3] = [Mode::Strict, Mode::Restore, Mode::Script];

/// Pieces of rules, so that made-up text gets past the first word.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let words: Vec<&'static [u8]> = vec![
        b"-A",
        b"-a",
        b"-E",
        b"-e",
        b"-D",
        b"-d",
        b"-C",
        b"-Z",
        b"-L",
        b"-S",
        b"-R",
        b"-h",
        b"--set",
        b"--start-daemon",
        b"--stop-daemon",
        b"master",
        b"-At",
        b"-at",
        b"-t",
        b"-u",
        b"--sctp-service",
        b"-f",
        b"-6",
        b"-s",
        b"-p",
        b"-M",
        b"-o",
        b"--pe",
        b"-b",
        b"-r",
        b"-g",
        b"-i",
        b"-m",
        b"-w",
        b"-x",
        b"-y",
        b"--tun-type",
        b"--tun-port",
        b"--tun-csum",
        b"-n",
        b"10.0.0.1:80",
        b"10.0.0.2",
        b"[fd00::1]:80",
        b"fd00::2",
        b"1",
        b"7",
        b"rr",
        b"sh",
        b"sh-port",
        b"gue",
        b"sip",
        b"0",
        b"4294967295",
        b"-1",
        b"ipvsadm",
        b"/sbin/ipvsadm",
        b"sudo",
        b"#",
        b"# c",
        b"\\\n",
        b"\\",
        b"'",
        b"\"",
        b"$X",
        b";",
        b"&&",
        b"|",
        b">",
        b"2>&1",
        b"\0",
        b"\xff",
        b"\xef\xbb\xbf",
        b"\xe2\x80\x93A",
        b"-Q",
        b"--foo=bar",
        b"--",
        b"-",
        b"=",
        b"lo",
        b"\r",
        b"\r\n",
        b"--mcast-interface",
        b"--syncid",
        b"--weight=3",
        b"-w=3",
        b"-mw3",
        b",",
        b"%lo",
        b"[",
        b"]",
        b":",
    ];
    // Whole commands, so that there is often something to be changed.
    let commands: Vec<&'static [u8]> = vec![
        b"\n-A -t 10.0.0.1:80\n",
        b"\n-At 10.0.0.1:80 -s rr -p 5\r\n",
        b"\nipvsadm -A -f 7 -6 -s sh -b sh-port\n",
        b"\n-A -f 1 -o\n",
        b"\n-a -t 10.0.0.1:80 -r 10.0.0.2 -m\n",
        b"\n  -a -t=10.0.0.1:80 -gw 5 -r10.0.0.3\n",
        b"\n-a -f 1 -r 10.0.0.2 -i --tun-type gre\n",
        b"\n/sbin/ipvsadm -a -f 7 -6 -r fd00::2 -g -w 3 # c\n",
        b"\n-e -t 10.0.0.1:80 -r 10.0.0.2 -m --weight=9 -x 5\n",
        b"\n-E -t 10.0.0.1:80\n",
        b"\n-d -t 10.0.0.1:80 -r 10.0.0.2\n",
        b"\n-D -f 1\n",
        b"\n-C\n",
        b"\nipvsadm -A -f 1; ipvsadm -a -f 1 -r 10.0.0.9 -m -w 2\n",
    ];
    prop_oneof![
        4 => proptest::sample::select(commands).prop_map(<[u8]>::to_vec),
        8 => proptest::sample::select(words).prop_map(<[u8]>::to_vec),
        1 => vec(any::<u8>(), 0..6),
    ]
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    let glue = proptest::sample::select(vec![&b" "[..], b" ", b" ", b"\n", b"\n", b"", b"\t"]);
    vec((piece(), glue), 0..40)
        .prop_map(|parts| parts.into_iter().flat_map(|(a, b)| [a, b.to_vec()].concat()).collect())
}

/// Every byte is kept, and every byte is in exactly one token.
fn check_tiling(bytes: &[u8], mode: Mode) {
    let rules = Rules::parse(bytes, mode);
    assert_eq!(rules.as_bytes(), bytes);
    let mut at = 0;
    for line in rules.lines() {
        assert_eq!(line.span().start, at);
        for token in line.tokens() {
            assert_eq!(token.span.start, at, "{bytes:?}");
            assert!(!token.span.is_empty());
            at = token.span.end;
        }
        assert_eq!(line.span().end, at, "{bytes:?}");
        let ends = line.tokens().iter().filter(|token| token.kind == TokenKind::Newline).count();
        assert!(ends <= 1);
        for command in line.commands(&NoNames) {
            assert!(command.span.start >= line.span().start && command.span.end <= line.span().end);
        }
    }
    assert_eq!(at, bytes.len());
    assert_eq!(rules.into_bytes(), bytes);
}

proptest! {
    #[test]
    fn any_bytes_survive(bytes in vec(any::<u8>(), 0..200)) {
        for mode in MODES {
            check_tiling(&bytes, mode);
            let _ = Reader::new(mode).read(&bytes);
        }
    }

    #[test]
    fn any_words_survive_and_what_they_mean_can_be_printed(bytes in text()) {
        for mode in MODES {
            check_tiling(&bytes, mode);
            let reading = Reader::new(mode).read(&bytes);
            for d in &reading.diagnostics {
                prop_assert!(d.span.end <= bytes.len());
                prop_assert!(d.message.chars().next().is_some_and(|c| !c.is_uppercase()) && !d.message.ends_with('.'));
            }
            let text = canonical(&reading.table);
            let again = Reader::new(Mode::Strict).read(&text);
            prop_assert!(!again.has_errors(), "{text}{:?}", again.diagnostics);
            prop_assert_eq!(canonical(&again.table), text);
            let in_order = Printer::canonical().with_order(Order::Table).print(&reading.table);
            prop_assert_eq!(read(in_order).table, reading.table);
        }
    }

    #[test]
    fn commands_print_as_they_are_read(bytes in text()) {
        for found in Reader::new(Mode::Restore).commands(&bytes) {
            if let Some(command) = found.command {
                let text = command.to_string();
                let again: Command = text.parse().map_err(|e| TestCaseError::fail(format!("{text}: {e}")))?;
                prop_assert_eq!(again, command);
            }
        }
    }

    #[test]
    fn both_ways_of_reading_agree(table in table(), order in proptest::bool::ANY) {
        let order = if order { Order::Table } else { Order::Numeric };
        let text = Printer::canonical().with_order(order).print(&table);
        // A blank at the end of a line sends it the thorough way.
        let thorough = text.replace('\n', " \n");
        let (fast, thorough) = (read(&text), read(thorough));
        prop_assert_eq!(&fast.table, &thorough.table);
        prop_assert_eq!(fast.exit_status, 0);
        let codes = |reading: &lvs_config::ipvsadm::Reading| {
            reading.diagnostics.iter().map(|d| d.code.clone()).collect::<Vec<_>>()
        };
        prop_assert_eq!(codes(&fast), codes(&thorough));
        let streamed: Vec<Command> = Reader::new(Mode::Strict).commands(&text).filter_map(|f| f.command).collect();
        prop_assert_eq!(streamed.len(), text.lines().count());
    }

    #[test]
    fn tables_round_trip(table in table()) {
        let text = Printer::canonical().with_order(Order::Table).print(&table);
        let reading = Reader::new(Mode::Strict).read(&text);
        prop_assert!(!reading.has_errors(), "{:?}", reading.diagnostics);
        prop_assert_eq!(&reading.table, &table);
        // The canonical text is the same for every order of adding.
        let mut turned: Vec<VirtualServer> = table.clone().into_iter().collect();
        turned.reverse();
        prop_assert_eq!(canonical(&Table::from_iter(turned)), canonical(&table));
    }

    #[test]
    fn a_table_can_be_applied_to_any_rules(from in table(), to in table(), comments in vec(0_usize..20, 0..5)) {
        let text = Printer::canonical().with_order(Order::Table).print(&from);
        let mut lines: Vec<String> = text.lines().map(|line| format!("{line}\r\n")).collect();
        for at in comments {
            lines.insert(at.min(lines.len()), "# a comment\n".into());
        }
        let before = lines.concat();
        let mut rules = Rules::parse(before.clone(), Mode::Restore);
        let changes = rules.edit(&NoNames).apply(&to).map_err(|e| TestCaseError::fail(e.to_string()))?;
        let reading = rules.read();
        prop_assert!(!reading.has_errors(), "{}\n{:?}", rules.to_text(), reading.diagnostics);
        prop_assert_eq!(canonical(&reading.table), canonical(&to));
        prop_assert_eq!(changes, from.difference(&to).len());
        prop_assert_eq!(rules.to_text().matches("# a comment\n").count(), before.matches("# a comment\n").count());
    }

    #[test]
    fn edits_of_any_text_leave_the_rest_alone(bytes in text()) {
        for mode in MODES {
            let mut rules = Rules::parse(bytes.clone(), mode);
            let table = rules.read().table;
            let Some(server) = table.iter().find(|server| !server.destinations().is_empty()) else { continue };
            let (key, old) = (*server.key(), server.destinations()[0]);
            let new = Weight::new(4711).map_err(|e| TestCaseError::fail(e.to_string()))?;
            rules.edit(&NoNames).set_weight(&key, old.endpoint, new).map_err(|e| TestCaseError::fail(e.to_string()))?;
            let after = rules.read().table;
            let found = after.get(&key).and_then(|server| server.destination(old.endpoint)).copied();
            prop_assert_eq!(found, Some(old.with_weight(new)), "{}", rules.to_text());
            prop_assert_eq!(after.len(), table.len());
        }
    }
}

fn addr4() -> impl Strategy<Value = std::net::IpAddr> {
    (1_u8..224, 0_u8..3, 0_u8..3, 0_u8..4).prop_map(|(a, b, c, d)| std::net::Ipv4Addr::new(a, b, c, d).into())
}

fn addr6() -> impl Strategy<Value = std::net::IpAddr> {
    prop_oneof![
        (0_u16..4, any::<u16>()).prop_map(|(a, b)| std::net::Ipv6Addr::new(0xfd00, a, 0, 0, 0, 0, 0, b).into()),
        (1_u16..9, any::<u16>()).prop_map(|(a, b)| std::net::Ipv6Addr::new(0, 0, 0, 0, 0, 0, a, b).into()),
        any::<u64>().prop_map(|n| std::net::Ipv6Addr::from_bits((0x2001_0db8 << 96) | u128::from(n)).into()),
    ]
}

fn key() -> impl Strategy<Value = ServiceKey> {
    let protocol = proptest::sample::select(vec![Protocol::TCP, Protocol::UDP, Protocol::SCTP]);
    prop_oneof![
        4 => (protocol, prop_oneof![addr4(), addr6()], 1_u16..)
            .prop_map(|(protocol, addr, port)| ServiceKey::Socket { protocol, endpoint: Endpoint::new(addr, port) }),
        1 => (1_u32.., proptest::bool::ANY).prop_map(|(mark, six)| {
            let family = if six { lvs_model::Family::Inet6 } else { lvs_model::Family::Inet };
            ServiceKey::fwmark(family, Fwmark::new(mark).expect("not 0"))
        }),
    ]
}

fn service() -> impl Strategy<Value = Service> {
    let scheduler = proptest::sample::select(SchedulerName::KNOWN.to_vec());
    let persistence = proptest::option::of((1_u32..=2_678_400, any::<u32>(), 1_u8..=128, proptest::bool::ANY));
    (key(), scheduler, 0_u32..8, persistence, proptest::bool::ANY).prop_map(
        |(key, scheduler, flags, persistence, ops)| {
            let mut service = Service::new(key, scheduler).with_flags(SchedulerFlags::from_bits(flags << 3));
            if let Some((seconds, mask, prefix, engine)) = persistence {
                let mut persistence =
                    Persistence::new(PersistenceTimeout::new(seconds).expect("in range"), key.family());
                persistence.netmask = match key.family() {
                    lvs_model::Family::Inet => Netmask::Inet(mask.into()),
                    lvs_model::Family::Inet6 => Netmask::Inet6(PrefixLength::new(prefix).expect("in range")),
                };
                persistence.engine = engine.then_some(PersistenceEngine::Sip);
                service = service.with_persistence(persistence).expect("of its own family");
            }
            let is_udp = matches!(key, ServiceKey::Fwmark { .. } | ServiceKey::Socket { protocol: Protocol::UDP, .. });
            service.with_one_packet(if ops && is_udp { OnePacket::On } else { OnePacket::Off })
        },
    )
}

fn forwarding() -> impl Strategy<Value = Forwarding> {
    let flags = (0_u16..3).prop_map(TunnelFlags::from_bits);
    prop_oneof![
        2 => Just(Forwarding::Masquerade),
        1 => Just(Forwarding::DirectRouting),
        1 => Just(Forwarding::from_raw(2, 0, 0, 0).expect("ipip")),
        1 => (1_u16.., flags).prop_map(|(port, f)| Forwarding::from_raw(2, 1, port, f.bits()).expect("gue")),
        1 => (0_u16..2).prop_map(|flags| Forwarding::from_raw(2, 2, 0, flags).expect("gre")),
    ]
}

fn virtual_server() -> impl Strategy<Value = VirtualServer> {
    let threshold = (any::<u32>(), any::<u32>()).prop_map(|(a, b)| {
        let (a, b) = (a >> 1, b >> 1);
        if a % 3 == 0 { Thresholds::NONE } else { Thresholds::new(a.max(b), a.min(b)).expect("in order") }
    });
    let real = (prop_oneof![addr4(), addr6()], any::<u16>(), 0_u32..=0x7fff_ffff, forwarding(), threshold);
    (service(), vec(real, 0..5)).prop_map(|(service, reals)| {
        let key = *service.key();
        let mut server = VirtualServer::new(service);
        for (addr, port, weight, forwarding, thresholds) in reals {
            let mut endpoint = Endpoint::new(addr, port);
            // What `ipvsadm` can express: the port of the service, except with masquerading and with marks.
            if let (Some(to), false) = (key.endpoint(), forwarding == Forwarding::Masquerade) {
                endpoint.port = to.port;
            }
            let destination = Destination::new(endpoint)
                .with_weight(Weight::new(weight).expect("in range"))
                .with_forwarding(forwarding)
                .with_thresholds(thresholds);
            // Doubles and strangers are left out.
            let _ = server.insert(destination);
        }
        server
    })
}

fn table() -> impl Strategy<Value = Table> {
    vec(virtual_server(), 0..5).prop_map(|servers| {
        let mut seen = HashMap::new();
        servers.into_iter().filter(|server| seen.insert(*server.key(), ()).is_none()).collect()
    })
}

#[test]
fn every_recorded_and_collected_file_survives() {
    let mut folders = vec![folder()];
    folders.extend(corpus().map(|corpus| corpus.join("files")));
    let mut count = 0;
    for folder in folders {
        for entry in std::fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let bytes = std::fs::read(&path).expect("a file");
            // Views and databases are as good as anything.
            for mode in MODES {
                check_tiling(&bytes, mode);
                let _ = Reader::new(mode).read(&bytes);
            }
            count += 1;
        }
    }
    assert!(count > 200);
}
