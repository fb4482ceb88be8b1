//! Every request that was recorded on two real kernels, sent to the in-memory one in the same order.

#![cfg(feature = "test-util")]

mod recorded;

use lvs_netlink::Transport;
use lvs_netlink::fake::{Generation, Kernel};
use proptest::collection::vec;
use proptest::prelude::*;
use recorded::{Sent, exchange, open, record, unhex};
use std::time::Instant;

fn number(name: &str) -> i32 {
    match name {
        "OK" => 0,
        "ENOENT" => 2,
        "ESRCH" => 3,
        "EEXIST" => 17,
        "ENODEV" => 19,
        "EINVAL" => 22,
        "ERANGE" => 34,
        "EOPNOTSUPP" => 95,
        "EAFNOSUPPORT" => 97,
        other => panic!("{other} is new"),
    }
}

fn replay(file: &str, kernel: &Kernel) {
    let record = record(file);
    assert_eq!(record.cases.len(), 170);
    let mut socket = kernel.socket();
    let mut wrong = Vec::new();
    for case in &record.cases {
        let payload = unhex(&case.payload);
        let sent = Sent { command: case.cmd, version: case.version, flags: case.flags, payload };
        let (errno, replies) = exchange(&mut socket, kernel.family(), &sent);
        if errno != number(&case.errno) {
            wrong.push(format!("{}: errno {errno}, recorded {}", case.name, case.errno));
        }
        let mut got: Vec<_> = replies.iter().map(|(c, v, bytes)| (*c, *v, open(bytes, 0, 0))).collect();
        let mut want: Vec<_> = case.replies.iter().map(|(c, v, hex)| (*c, *v, open(&unhex(hex), 0, 0))).collect();
        if case.cmd == 4 {
            // The order in which services are listed depends on an address in the kernel's memory.
            got.sort();
            want.sort();
        }
        if got != want {
            wrong.push(format!("{}:\n  got      {got:?}\n  recorded {want:?}", case.name));
        }
        let single = case.flags & 0x300 == 0;
        if let (true, [(.., got)], [(.., want)]) = (single, &replies[..], &case.replies[..]) {
            assert_eq!(
                *got,
                unhex(want),
                "{}: the bytes of a single reply are the kernel's, padding and all",
                case.name
            );
        }
    }
    assert!(wrong.is_empty(), "{} of 170 differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn answers_as_user_mode_linux_6_1_176_did() {
    replay("errno-6.1.176.json", &Kernel::builder().interface("tun0", 1500).padded().build());
}

#[test]
fn answers_as_debian_6_1_192_did() {
    let builder = Kernel::builder().generation(Generation::TotalConns).ticks_per_second(250);
    replay("errno-6.1.192.json", &builder.interface("tun0", 1500).build());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_it_panic(
        datagrams in vec((any::<prop::sample::Index>(), vec(any::<u8>(), 0..40), any::<prop::sample::Index>()), 1..6),
    ) {
        let kernel = Kernel::new();
        let mut socket = kernel.socket();
        let cases = record("errno-6.1.176.json").cases;
        for (which, noise, at) in datagrams {
            let mut datagram = Vec::new();
            let payload = unhex(&which.get(&cases).payload);
            datagram.extend(u32::try_from(20 + payload.len()).unwrap().to_ne_bytes());
            datagram.extend(kernel.family().to_ne_bytes());
            datagram.extend([5, 0, 1, 0, 0, 0, 0, 0, 0, 0, which.get(&cases).cmd, 1, 0, 0]);
            datagram.extend(payload);
            let at = at.index(datagram.len());
            for (to, from) in datagram.iter_mut().skip(at).zip(noise) {
                *to = from;
            }
            socket.send(&datagram, Instant::now()).unwrap();
            let mut buffer = [0; 8192];
            while socket.receive(&mut buffer, Instant::now()).is_ok() {}
        }
        let _ = kernel.table();
    }
}

#[test]
fn a_destination_comes_back_from_the_trash_with_its_connections() {
    use lvs_model::{Change, ConnectionCounts, Destination, Rates, SchedulerName, Service, ServiceKey, Statistics};
    let kernel = Kernel::new();
    let key: ServiceKey = "tcp 10.0.0.1:80".parse().unwrap();
    let service = Change::AddService(Service::new(key, SchedulerName::Rr));
    let destination = Destination::new("10.0.0.2:80".parse().unwrap());
    let add = Change::AddDestination { service: key, destination };
    let counts = ConnectionCounts { active: 3, inactive: 2, persistent: 1 };
    kernel.change(&service).unwrap();
    kernel.change(&add).unwrap();
    kernel.set_counts(&key, destination.endpoint, counts).unwrap();
    kernel.set_statistics(&key, Statistics { connections: 5, ..Statistics::default() }, Rates::default()).unwrap();

    kernel.change(&Change::RemoveDestination { service: key, destination: destination.endpoint }).unwrap();
    kernel.change(&add).unwrap();
    assert_eq!(kernel.services()[0].destinations[0].counts, counts);
    kernel.change(&Change::RemoveService(key)).unwrap();
    kernel.change(&service).unwrap();
    kernel.change(&add).unwrap();
    assert_eq!(kernel.services()[0].destinations[0].counts, counts, "also when the service was made anew");
    assert_eq!(kernel.services()[0].statistics, Statistics::default());

    kernel.change(&Change::RemoveDestination { service: key, destination: destination.endpoint }).unwrap();
    kernel.empty_trash();
    kernel.change(&add).unwrap();
    assert_eq!(kernel.services()[0].destinations[0].counts, ConnectionCounts::default());
}
