//! Decoding a dump: lvs-netlink against the packet crates of rust-netlink with `netlink-packet-ipvs`.
//!
//! ```sh
//! cargo build --release -p lvs-benches --features rivals --bin netlink_decode
//! ./lab -i -f target/release/netlink_decode target/release/netlink_decode
//! ```
//!
//! With `-i` the lab's clock counts instructions, one for a nanosecond. Both decode the same bytes, a dump of 1,000
//! services and one of 1,000 destinations, into typed attributes with their counters; that is as far as the others go
//! (they leave the 32-bit counters alone, as we do when there are better ones). How long it takes to have services
//! and destinations of `lvs-model` is told besides. A missed goal is named, with status 1.

use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use lvs_model::{Destination, DestinationStatus, Endpoint, Family, SchedulerName, Service, ServiceKey};
use lvs_netlink::wire::{
    Body, Command, DestinationRecord, Header, MessageFlags, MessageWriter, Messages, Payload, ServiceRecord,
    StatisticsRecord, WireError,
};
use netlink_packet_core::{NetlinkMessage, NetlinkPayload};
use netlink_packet_generic::GenlMessage;
use netlink_packet_ipvs::ctrl::IpvsServiceCtrl;

const MESSAGES: usize = 1_000;
const ROUNDS: usize = 5;
const GOAL: f64 = 4.0;

fn main() -> ExitCode {
    let endpoint = |number: usize| Endpoint::new([10, 9, (number >> 8) as u8, number as u8].into(), 80);
    let services = dump(Command::NewService, |number, buffer| {
        let service = Service::new(ServiceKey::tcp(endpoint(number)), SchedulerName::Wlc);
        ServiceRecord::from(&service).encode_with_numbers(&StatisticsRecord::default(), buffer);
    });
    let destinations = dump(Command::NewDest, |number, buffer| {
        let status = DestinationStatus::from(Destination::new(endpoint(number)));
        DestinationRecord::from(&status).encode_with_numbers(&StatisticsRecord::default(), buffer);
    });
    let mut good = true;
    let attributes = |payload: Payload<'_>| {
        let record = black_box(payload.service()?);
        record.numbers()
    };
    let model = |payload: Payload<'_>| payload.service()?.status();
    good &= report("services", || ours(&services, attributes), || ours(&services, model), || theirs(&services));
    let attributes = |payload: Payload<'_>| {
        let record = black_box(payload.destination()?);
        record.numbers()
    };
    let model = |payload: Payload<'_>| payload.destination()?.status(Family::Inet);
    let bytes = &destinations;
    good &= report("destinations", || ours(bytes, attributes), || ours(bytes, model), || theirs(bytes));
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Dump parts as the kernel writes them, one message behind the other.
fn dump(command: Command, put: impl Fn(usize, &mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    for number in 0..MESSAGES {
        let mut writer = MessageWriter::generic(&mut bytes, Header::new(28, MessageFlags::MULTI, 1), command.number());
        put(number, writer.buffer());
        writer.finish();
    }
    bytes
}

fn report(what: &str, ours: impl Fn() -> usize, model: impl Fn() -> usize, theirs: impl Fn() -> usize) -> bool {
    let (ours, model, theirs) = (least(ours), least(model), least(theirs));
    let ratio = theirs.as_secs_f64() / ours.as_secs_f64();
    let each = |time: Duration| time.as_nanos() / MESSAGES as u128;
    let (ours, model, theirs) = (each(ours), each(model), each(theirs));
    println!("{what}: {ours} ns each, {model} ns as model, rust-netlink {theirs} ns: {ratio:.1}x (goal {GOAL}x)");
    if ratio < GOAL {
        println!("MISSED {what}: {ratio:.1}x instead of {GOAL}x");
    }
    ratio >= GOAL
}

fn least(decode: impl Fn() -> usize) -> Duration {
    let round = |_| {
        let begin = Instant::now();
        assert_eq!(black_box(decode()), MESSAGES);
        begin.elapsed()
    };
    (0..ROUNDS).map(round).min().expect("at least one round")
}

fn ours<T>(bytes: &[u8], decode: impl Fn(Payload<'_>) -> Result<T, WireError>) -> usize {
    let read = |message: Result<lvs_netlink::wire::Message<'_>, WireError>| match message?.body()? {
        Body::Generic(generic) => decode(Payload::decode(generic.attributes)?),
        other => panic!("{other:?}"),
    };
    let mut messages = 0;
    for message in Messages::new(bytes).map(read) {
        black_box(message.expect("what was encoded"));
        messages += 1;
    }
    messages
}

fn theirs(bytes: &[u8]) -> usize {
    let (mut messages, mut rest) = (0, bytes);
    while !rest.is_empty() {
        let message = NetlinkMessage::<GenlMessage<IpvsServiceCtrl>>::deserialize(rest).expect("what was encoded");
        rest = &rest[(message.header.length as usize).next_multiple_of(4)..];
        let NetlinkPayload::InnerMessage(message) = message.payload else { panic!("another payload") };
        assert!(!message.payload.nlas.is_empty());
        black_box(message.payload.nlas);
        messages += 1;
    }
    messages
}
