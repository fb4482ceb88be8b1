//! Made-up rules and tables.

use std::collections::HashMap;

use lvs_model::{
    Destination, Endpoint, Forwarding, Fwmark, Netmask, OnePacket, Persistence, PersistenceEngine, PersistenceTimeout,
    PrefixLength, Protocol, SchedulerFlags, SchedulerName, Service, ServiceKey, Table, Thresholds, TunnelFlags,
    VirtualServer, Weight,
};
use proptest::collection::vec;
use proptest::prelude::*;

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
        b"-s=ipvsadm",
        b"--pe=ipvsadm",
        b"--mcast-interface=ipvsadm",
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
        b"\nipvsadm -a -f 1 -r 10.0.0.4 -m'w'\"3\"\n",
        b"\nipvsadm -a -f 1 -r 10.0.0.5 --weight='3' -\"x\" 5\n",
        b"\nipvsadm -a -f '1' -m\"\"w1\\\n3 -r\"10.0.0.6\" >x \\\n 2>&1 -y 1\n",
        b"\n-a -f 1 -r 10.0.0.7 -w3\0x\n",
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

/// Text that looks like rules here and there.
pub(crate) fn text() -> impl Strategy<Value = Vec<u8>> {
    let glue = proptest::sample::select(vec![&b" "[..], b" ", b" ", b"\n", b"\n", b"", b"\t"]);
    vec((piece(), glue), 0..40)
        .prop_map(|parts| parts.into_iter().flat_map(|(a, b)| [a, b.to_vec()].concat()).collect())
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

/// A table that `ipvsadm` can express.
pub(crate) fn table() -> impl Strategy<Value = Table> {
    vec(virtual_server(), 0..5).prop_map(|servers| {
        let mut seen = HashMap::new();
        servers.into_iter().filter(|server| seen.insert(*server.key(), ()).is_none()).collect()
    })
}
