//! The codec against bytes recorded from two real kernels, and against bytes that nobody would send.

use lvs_model::{
    ConnectionCounts, Destination, DestinationStatus, Endpoint, Family, Forwarding, OnePacket, Persistence,
    PersistenceTimeout, SchedulerFlags, SchedulerName, Service, ServiceKey, ServiceStatus, Statistics, Thresholds,
    Tunnel, TunnelFlags, Weight,
};
use lvs_netlink::wire::{
    Attributes, Body, Command, DaemonRecord, DestinationRecord, FamilyRecord, FlagWord, Header, InfoRecord,
    MessageFlags, MessageWriter, Messages, Name, Payload, Request, ServiceRecord, StatisticsRecord, WireError,
    put_bytes, put_nest, put_u32,
};
use proptest::prelude::*;

/// One recorded request: what was sent, and what the kernel answered.
#[derive(serde::Deserialize)]
struct Case {
    name: String,
    cmd: u8,
    payload: String,
    errno: String,
    replies: Vec<(u8, u8, String)>,
}

#[derive(serde::Deserialize)]
struct Recording {
    cases: Vec<Case>,
}

fn recording(kernel: &str) -> Vec<Case> {
    let path = format!("{}/tests/samples/errno-{kernel}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    serde_json::from_str::<Recording>(&text).unwrap().cases
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

/// Decodes a payload and encodes it again.
fn again(command: u8, payload: &[u8]) -> Result<Vec<u8>, WireError> {
    let mut buffer = Vec::new();
    if command == Command::SetInfo.number() {
        InfoRecord::decode(Attributes::new(payload))?.encode(&mut buffer);
        return Ok(buffer);
    }
    let payload = Payload::decode(Attributes::new(payload))?;
    if payload.service.is_some() {
        payload.service()?.encode(&mut buffer);
    }
    if payload.destination.is_some() {
        payload.destination()?.encode(&mut buffer);
    }
    if payload.daemon.is_some() {
        payload.daemon()?.encode(&mut buffer);
    }
    payload.timeouts.encode(&mut buffer);
    Ok(buffer)
}

/// What an answer means.
fn decoded(command: u8, payload: &[u8]) -> String {
    if command == Command::SetInfo.number() {
        return format!("{:?}", InfoRecord::decode(Attributes::new(payload)).unwrap().info());
    }
    let payload = Payload::decode(Attributes::new(payload)).unwrap();
    match command {
        1 => format!("{:?}", payload.service().unwrap().status()),
        5 => format!("{:?}", payload.destination().unwrap().status(Family::Inet6)),
        9 => format!("{:?}", payload.daemon().unwrap().daemon()),
        12 => format!("{:?}", payload.timeouts.timeouts()),
        other => panic!("command {other} in an answer"),
    }
}

#[test]
fn recorded_answers_are_encoded_byte_by_byte_as_they_were_decoded() {
    let mut answers = 0;
    // User Mode Linux pads 64-bit values with empty attributes, which the other kernel does not.
    for case in recording("6.1.192").iter().chain(&recording("6.1.176")) {
        for (command, _, hex) in &case.replies {
            let payload = bytes(hex);
            assert_eq!(again(*command, &payload).unwrap(), payload, "{}", case.name);
            answers += 1;
        }
    }
    assert_eq!(answers, 54);
}

#[test]
fn every_recorded_answer_fits_the_model() {
    let mut models = Vec::new();
    for case in recording("6.1.192") {
        models.extend(case.replies.iter().map(|(command, _, hex)| decoded(*command, &bytes(hex))));
    }
    assert!(models.iter().all(|model| model.starts_with("Ok(")), "{models:#?}");
}

#[test]
fn recorded_requests_that_the_kernel_took_are_decoded() {
    let mut taken = 0;
    for case in recording("6.1.192").iter().filter(|case| case.errno == "OK") {
        let payload = bytes(&case.payload);
        let repeated = again(case.cmd, &payload).unwrap_or_else(|error| panic!("{}: {error}", case.name));
        // Encoding puts attributes in the kernel's order, completes addresses and drops repetitions: once is enough.
        assert_eq!(again(case.cmd, &repeated).unwrap(), repeated, "{}", case.name);
        taken += 1;
    }
    assert_eq!(taken, 62);
}

#[test]
fn recorded_requests_with_wrong_lengths_are_refused() {
    let wrong = [
        "new_service: AF as one byte",
        "new_service: ADDR 17 bytes",
        "new_service: SCHED_NAME without terminating NUL",
        "new_service: SCHED_NAME 16 chars",
        "new_dest: ADDR 17 bytes",
        "new_daemon: interface name 16 chars",
        "set_config: TIMEOUT_TCP 2 bytes",
    ];
    let cases = recording("6.1.192");
    for name in wrong {
        let case = cases.iter().find(|case| case.name == name).unwrap();
        assert!(again(case.cmd, &bytes(&case.payload)).is_err(), "{name}");
    }
}

fn golden(request: &Request<'_>) -> String {
    let mut buffer = Vec::new();
    request.encode(&mut buffer, 28, 1, MessageFlags::NONE);
    buffer[20..].iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn requests_are_what_the_kernel_was_seen_to_take() {
    let web = Service::new(ServiceKey::tcp("10.9.0.1:80".parse::<Endpoint>().unwrap()), SchedulerName::Wlc);
    let cases = recording("6.1.192");
    let recorded = |name: &str| cases.iter().find(|case| case.name == name).unwrap().payload.clone();
    assert_eq!(golden(&Request::AddService(&web)), recorded("new_service: ok"));
    let ok = cases.iter().find(|case| case.name == "get_service: ok").unwrap();
    assert_eq!(golden(&Request::Service(*web.key())), ok.payload);
    assert_eq!(golden(&Request::Services), recorded("get_service: dump"));
    assert_eq!(golden(&Request::Info), recorded("get_info"));
    assert_eq!(golden(&Request::Flush), recorded("flush"));
    assert_eq!(golden(&Request::StopDaemon(lvs_model::SyncRole::Master)), recorded("del_daemon: master"));
}

#[test]
fn flags_are_combined_as_the_kernel_does() {
    assert_eq!(FlagWord::all(0x8).applied_to(0x15), 0x8);
    assert_eq!(FlagWord::masked(0x8, 0x18).applied_to(0x15), 0xd);
}

#[test]
fn unknown_attributes_survive() {
    let mut payload = Vec::new();
    put_nest(&mut payload, 1, |nest| {
        put_bytes(nest, 60, b"from a newer kernel");
        put_u32(nest, 5, 7);
        put_bytes(nest, 61, &[]);
    });
    let record = Payload::decode(Attributes::new(&payload)).unwrap().service().unwrap();
    let unknown: Vec<_> = record.unknown.map(|attribute| (attribute.kind(), attribute.bytes())).collect();
    assert_eq!(unknown, [(60, b"from a newer kernel".as_slice()), (61, &[])]);
    let mut repeated = Vec::new();
    record.encode(&mut repeated);
    assert_eq!(Payload::decode(Attributes::new(&repeated)).unwrap().service().unwrap().unknown.count(), 2);
}

#[test]
fn a_mark_of_zero_names_no_fwmark_service() {
    let mut record = ServiceRecord::from(&ServiceKey::tcp("10.9.0.1:80".parse::<Endpoint>().unwrap()));
    record.fwmark = Some(0);
    assert_eq!(record.key().unwrap().to_string(), "tcp 10.9.0.1:80");
}

#[test]
fn names_that_the_model_refuses_are_errors() {
    let mut record = ServiceRecord::from(&Service::new(
        ServiceKey::tcp("10.9.0.1:80".parse::<Endpoint>().unwrap()),
        SchedulerName::Wlc,
    ));
    record.scheduler = Name::new("a b");
    assert_eq!(record.service(), Err(WireError::Name { record: "a service", attribute: "scheduler" }));
    record.scheduler = Name::new(b"\xff");
    assert!(record.service().is_err());
}

/// Answers of Linux 6.1.176 to a socket with `NETLINK_EXT_ACK`; the last two also with `NETLINK_CAP_ACK`.
#[test]
fn explanations_are_read_where_the_kernel_gives_them() {
    let attributes = "27000100417474726962757465206661696c656420706f6c6963792076616c69646174696f6e00000800020014000000";
    let more = "280004800c000400000000000000000004000b000c000500ffffffff000000000800010004000000";
    let request = "1c0000001c0005000a00000000000000";
    let answers = [
        // SET_CONFIG with a timeout of two bytes.
        (
            format!("88000000020000020a000000b3020000deffffff{request}0c01000006000400010000{}", "00")
                + attributes
                + more,
            true,
        ),
        // With one of four bytes, and NEW_DEST without attributes: nothing is said.
        ("24000000020000010b000000b3020000000000001c0000001c0005000b00000000000000".into(), false),
        ("28000000020000000c000000b3020000eaffffff140000001c0005000c0000000000000005010000".into(), false),
        (format!("80000000020000030a000000b3020000deffffff{request}{attributes}2c00048004000b00{}", &more[8..]), true),
        ("24000000020000010c000000b3020000eaffffff140000001c0005000c00000000000000".into(), false),
    ];
    for (answer, is_explained) in answers {
        let bytes = bytes(&answer);
        let message = Messages::new(&bytes).next().unwrap().unwrap();
        let explanation = message.explanation();
        assert_eq!(explanation.is_some(), is_explained, "{answer}");
        if let Some(explanation) = explanation {
            assert_eq!(explanation.text, Some("Attribute failed policy validation"));
            assert_eq!(explanation.offset, Some(20));
            assert_eq!(message.body(), Ok(Body::Refused(lvs_netlink::Errno::ERANGE)));
        }
    }
}

#[test]
fn a_family_is_found_by_its_name() {
    let mut datagram = Vec::new();
    let header = Header::new(16, MessageFlags::REQUEST, 9);
    FamilyRecord::new(28, "IPVS").encode(&mut datagram, header, 1);
    let message = Messages::new(&datagram).next().unwrap().unwrap();
    let Body::Generic(generic) = message.body().unwrap() else { panic!("{message:?}") };
    assert_eq!(FamilyRecord::decode(generic.attributes).unwrap(), FamilyRecord::new(28, "IPVS"));
}

fn service_status() -> impl Strategy<Value = ServiceStatus> {
    let key = (any::<u16>(), any::<[u8; 4]>(), any::<u16>()).prop_map(|(protocol, addr, port)| ServiceKey::Socket {
        protocol: lvs_model::Protocol::new(protocol),
        endpoint: Endpoint::from((std::net::Ipv4Addr::from(addr), port)),
    });
    (key, any::<u32>(), proptest::option::of(0..=42_949_672_u32), any::<[u64; 5]>()).prop_map(
        |(key, flags, timeout, [a, b, c, d, e])| {
            let one_packet = if flags & 4 == 0 { OnePacket::Off } else { OnePacket::On };
            let mut service = Service::new(key, SchedulerName::Mh)
                .with_flags(SchedulerFlags::from_bits(flags))
                .with_one_packet(one_packet);
            if let Some(seconds) = timeout {
                let persistence = Persistence::new(PersistenceTimeout::new(seconds).unwrap(), Family::Inet);
                service = service.with_persistence(persistence).unwrap();
            }
            let mut status = ServiceStatus::from(service);
            status.statistics = Statistics { connections: a, packets_in: b, packets_out: c, bytes_in: d, bytes_out: e };
            status.rates.bytes_out = a ^ e;
            status
        },
    )
}

fn destination_status() -> impl Strategy<Value = DestinationStatus> {
    let tunnel = (any::<u8>(), 1_u16.., any::<u16>()).prop_map(|(kind, port, flags)| {
        Forwarding::Tunnel(Tunnel::from_raw(kind, port, TunnelFlags::from_bits(flags)).unwrap())
    });
    let forwarding = prop_oneof![Just(Forwarding::Masquerade), Just(Forwarding::DirectRouting), tunnel];
    (any::<[u8; 16]>(), any::<u16>(), 0..=0x7fff_ffff_u32, forwarding, any::<(u32, u32)>(), any::<[u32; 3]>()).prop_map(
        |(addr, port, weight, forwarding, (a, b), [active, inactive, persistent])| {
            let destination = Destination::new((std::net::Ipv6Addr::from(addr), port).into())
                .with_weight(Weight::new(weight).unwrap())
                .with_forwarding(forwarding)
                .with_thresholds(Thresholds::new(a.max(b), a.min(b)).unwrap());
            let mut status = DestinationStatus::from(destination);
            status.counts = ConnectionCounts { active, inactive, persistent };
            status.rates.connections = u64::from(a) << 20;
            status
        },
    )
}

proptest! {
    #[test]
    fn a_service_status_survives(status in service_status()) {
        let mut buffer = Vec::new();
        let numbers = StatisticsRecord::new(&status.statistics, &status.rates);
        ServiceRecord::from(&status.service).encode_with_numbers(&numbers, &mut buffer);
        let record = Payload::decode(Attributes::new(&buffer)).unwrap().service().unwrap();
        prop_assert_eq!(record.status(), Ok(status));
    }

    #[test]
    fn a_destination_status_survives(status in destination_status()) {
        let mut buffer = Vec::new();
        let numbers = StatisticsRecord::new(&status.statistics, &status.rates);
        DestinationRecord::from(&status).encode_with_numbers(&numbers, &mut buffer);
        let record = Payload::decode(Attributes::new(&buffer)).unwrap().destination().unwrap();
        prop_assert_eq!(record.status(Family::Inet), Ok(status));
    }

    #[test]
    fn any_bytes_are_walked_over_without_harm(datagram in proptest::collection::vec(any::<u8>(), 0..400)) {
        for message in Messages::new(&datagram) {
            let Ok(message) = message else { break };
            let _ = message.body();
        }
        for command in 0..20 {
            if let Ok(repeated) = again(command, &datagram) {
                prop_assert_eq!(again(command, &repeated).unwrap(), repeated);
            }
        }
    }

    #[test]
    fn a_datagram_cut_anywhere_gives_its_whole_messages_and_one_error(cut in 0_usize..200) {
        let mut datagram = Vec::new();
        for sequence in 0..8 {
            MessageWriter::generic(&mut datagram, Header::new(28, MessageFlags::ACK, sequence), 15).finish();
        }
        let walked: Vec<_> = Messages::new(&datagram[..cut.min(datagram.len())]).collect();
        let whole = walked.iter().filter(|message| message.is_ok()).count();
        prop_assert_eq!(whole, cut.min(160) / 20);
        prop_assert_eq!(walked.len() - whole, usize::from(cut < 160 && cut % 20 != 0));
    }
}

#[test]
fn counters_of_32_bits_lose_their_upper_half_except_bytes() {
    let statistics = Statistics { connections: 1 << 40 | 5, bytes_in: 1 << 40 | 6, ..Statistics::default() };
    let record = StatisticsRecord::new(&statistics, &lvs_model::Rates::default());
    let mut buffer = Vec::new();
    record.encode32(&mut buffer, 10);
    let nest = Attributes::new(&buffer).next().unwrap().unwrap();
    let narrow = StatisticsRecord::decode32(nest.attributes()).unwrap();
    assert_eq!((narrow.connections, narrow.bytes_in), (5, 1 << 40 | 6));
}

#[test]
fn a_daemon_without_group_or_port_is_one() {
    let mut record = DaemonRecord::from(lvs_model::SyncRole::Backup);
    (record.interface, record.sync_id) = (Name::new("eth0"), Some(300));
    let daemon = record.daemon().unwrap();
    assert_eq!((daemon.sync_id.get(), daemon.group, daemon.port), (300, None, None));
}
