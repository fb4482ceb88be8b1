//! The in-memory kernel beside the real one: both get the same requests, whole ones and damaged ones, and must answer the same.
//!
//! Needs root: run it in the lab, with one thread.

#![cfg(feature = "test-util")]

mod lab;
mod recorded;

use lab::Namespace;
use lvs_model::{Destination, Family, Persistence, PersistenceTimeout, SchedulerName, Service, Thresholds};
use lvs_netlink::fake;
use lvs_netlink::wire::{CONTROLLER, FAMILY_NAME, FamilyRecord, GET_FAMILY, Header, MessageFlags};
use lvs_netlink::{Connector, Kernel, SocketRole, Transport};
use recorded::{Sent, exchange, open, record, unhex};
use std::time::{Duration, Instant};

/// Numbers that only look random, the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % limit
    }

    /// Numbers at which something changes are likelier than others.
    fn byte(&mut self) -> u8 {
        const EDGES: [u8; 14] = [0, 1, 2, 3, 4, 5, 6, 10, 16, 17, 127, 128, 224, 255];
        match self.below(2) {
            0 => EDGES[self.below(EDGES.len())],
            _ => u8::try_from(self.below(256)).unwrap(),
        }
    }
}

fn family(socket: &mut dyn Transport) -> u16 {
    let mut request = Vec::new();
    FamilyRecord::named(FAMILY_NAME).encode(
        &mut request,
        Header::new(CONTROLLER, MessageFlags::REQUEST, 1),
        GET_FAMILY,
    );
    let deadline = Instant::now() + Duration::from_secs(5);
    socket.send(&request, deadline).unwrap();
    let mut buffer = vec![0; 8192];
    let length = socket.receive(&mut buffer, deadline).unwrap();
    let message = lvs_netlink::wire::Messages::new(&buffer[..length]).next().unwrap().unwrap();
    match message.body().unwrap() {
        lvs_netlink::wire::Body::Generic(generic) => FamilyRecord::decode(generic.attributes).unwrap().id.unwrap(),
        other => panic!("{other:?}"),
    }
}

/// Bytes of a request that was recorded, with up to three of them changed, and sometimes cut or with another command.
fn damaged(numbers: &mut Numbers, cases: &[recorded::Case]) -> Sent {
    let case = &cases[numbers.below(cases.len())];
    let mut payload = unhex(&case.payload);
    for _ in 0..numbers.below(4) {
        if !payload.is_empty() {
            let at = numbers.below(payload.len());
            payload[at] = numbers.byte();
        }
    }
    if numbers.below(12) == 0 {
        payload.truncate(numbers.below(payload.len() + 1) & !3);
    }
    let command = if numbers.below(8) == 0 { u8::try_from(numbers.below(20)).unwrap() } else { case.cmd };
    Sent { command, version: case.version, flags: case.flags, payload }
}

/// An in-memory kernel of the make of the running one, as far as makes differ.
fn like(namespace: &Namespace) -> fake::Kernel {
    let mut client = namespace.client();
    let mut builder = fake::Kernel::builder();
    let key = "tcp 10.0.0.1:1".parse().unwrap();
    if client.add_service(&Service::new(key, SchedulerName::Twos)).is_err() {
        builder = builder.without_scheduler(SchedulerName::Twos);
    }
    // What is left of a timeout that is too long tells by what it was multiplied.
    let persistence = Persistence::new(PersistenceTimeout::MAX, Family::Inet);
    let service = Service::new(key, SchedulerName::Rr).with_persistence(persistence).unwrap();
    client.upsert_service(&service).unwrap();
    let kept = client.service(&key).unwrap().service.persistence().unwrap().timeout.seconds();
    let rate = |rate: &u32| PersistenceTimeout::MAX.seconds().wrapping_mul(*rate) / rate == kept;
    builder = builder.ticks_per_second([100, 250, 300, 1000].into_iter().find(rate).unwrap());
    let limits = Thresholds::new(0x8000_0000, 0).unwrap();
    let limited = Destination::new("10.0.0.2:1".parse().unwrap()).with_thresholds(limits);
    if client.add_destination(&key, &limited).is_err() {
        builder = builder.generation(fake::Generation::TotalConns);
    }
    client.flush().unwrap();
    builder.build()
}

/// The two kernels side by side.
struct Pair {
    real: Box<dyn Transport>,
    number: u16,
    fake: fake::Kernel,
    memory: fake::Socket,
    wrong: Vec<String>,
    done: u32,
    refused: u32,
}

impl Pair {
    fn new(namespace: &Namespace) -> Self {
        let mut real = Kernel::namespace(namespace.path()).unwrap().open(SocketRole::Commands).unwrap();
        let number = family(real.as_mut());
        let fake = like(namespace);
        let memory = fake.socket();
        Self { real, number, fake, memory, wrong: Vec::new(), done: 0, refused: 0 }
    }

    fn compare(&mut self, sent: &Sent) {
        let (their_errno, theirs) = exchange(self.real.as_mut(), self.number, sent);
        let (our_errno, ours) = exchange(&mut self.memory, self.fake.family(), sent);
        *(if their_errno == 0 { &mut self.done } else { &mut self.refused }) += 1;
        let opened = |replies: &[(u8, u8, Vec<u8>)]| {
            let mut all: Vec<_> = replies.iter().map(|(c, v, bytes)| (*c, *v, open(bytes, 0, 0))).collect();
            if sent.command == 4 {
                all.sort();
            }
            all
        };
        let (ours, theirs) = (opened(&ours), opened(&theirs));
        if their_errno != our_errno {
            self.wrong.push(format!("errno {our_errno}, the kernel's is {their_errno}: {}", hex(sent)));
        } else if theirs != ours {
            let differ = ours.iter().zip(&theirs).find(|(ours, theirs)| ours != theirs);
            self.wrong.push(format!("{} and {} replies, {differ:?}: {}", ours.len(), theirs.len(), hex(sent)));
        }
        assert!(self.wrong.len() < 12, "{} differences:\n{}", self.wrong.len(), self.wrong.join("\n"));
    }

    fn finish(self) {
        println!("{} requests were refused, {} done", self.refused, self.done);
        assert!(self.refused > 300 && self.done > 300, "{} {}", self.refused, self.done);
        assert!(self.wrong.is_empty(), "{} differences:\n{}", self.wrong.len(), self.wrong.join("\n"));
    }
}

#[test]
#[ignore = "runs inside the kernel lab"]
fn both_answer_the_same_to_whole_and_damaged_requests() {
    let namespace = Namespace::new();
    let mut pair = Pair::new(&namespace);
    // Sync daemons are left out: to start and stop their threads by the thousand is another matter.
    let cases = record("errno-6.1.176.json").cases;
    let cases: Vec<_> = cases.into_iter().filter(|case| !(9..=11).contains(&case.cmd)).collect();
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let flush = Sent { command: 17, version: 1, flags: 4, payload: Vec::new() };
    for turn in 0..30_000 {
        let sent = if turn % 400 == 399 { flush.clone() } else { damaged(&mut numbers, &cases) };
        if !(9..=11).contains(&sent.command) {
            pair.compare(&sent);
        }
    }
    pair.finish();
}

#[test]
#[ignore = "runs inside the kernel lab"]
fn both_want_the_same_length_of_every_attribute() {
    let namespace = Namespace::new();
    let mut pair = Pair::new(&namespace);
    let cases = record("errno-6.1.176.json").cases;
    let find = |name: &str| cases.iter().find(|case| case.name == name).unwrap();
    let request =
        |case: &recorded::Case| Sent { command: case.cmd, version: 1, flags: 4, payload: unhex(&case.payload) };
    let (new_service, new_destination) = (request(find("new_service: ok")), request(find("new_dest: ok")));
    let set_service = Sent { command: 2, ..new_service.clone() };
    let set_destination = Sent { command: 6, ..new_destination.clone() };
    let set_timeouts = Sent { command: 12, version: 1, flags: 4, payload: Vec::new() };
    pair.compare(&new_service);
    pair.compare(&new_destination);
    let read = Sent { command: 4, ..new_service.clone() };
    let list = Sent { command: 8, flags: 0x300, ..new_service.clone() };
    for kind in 0..20_u16 {
        for length in 0..24_u16 {
            for fill in [0, 1, b'r', 0xff] {
                let mut attribute = (4 + length).to_ne_bytes().to_vec();
                attribute.extend(kind.to_ne_bytes());
                attribute.resize(4 + usize::from(length), fill);
                if fill == b'r' && length > 2 {
                    attribute.truncate(6);
                    attribute.resize(4 + usize::from(length), 0);
                }
                attribute.resize(attribute.len().next_multiple_of(4), 0);
                // At the end of the last nest of each request, and of the message.
                for whole in [&set_service, &set_destination] {
                    pair.compare(&appended(whole, &attribute));
                }
                let mut top = set_timeouts.clone();
                top.payload.extend(&attribute);
                pair.compare(&top);
            }
            pair.compare(&read);
            pair.compare(&list);
        }
    }
    pair.finish();
}

/// The request with one more attribute at the end of its last nest.
fn appended(whole: &Sent, attribute: &[u8]) -> Sent {
    let mut sent = whole.clone();
    let mut last = 0;
    let length = |payload: &[u8], at: usize| usize::from(u16::from_ne_bytes([payload[at], payload[at + 1]]));
    while last + length(&sent.payload, last).next_multiple_of(4) < sent.payload.len() {
        last += length(&sent.payload, last).next_multiple_of(4);
    }
    // The nest grows over the padding of its last attribute.
    let grown = u16::try_from(sent.payload.len() - last + attribute.len()).unwrap();
    sent.payload[last..last + 2].copy_from_slice(&grown.to_ne_bytes());
    sent.payload.extend(attribute);
    sent
}

fn hex(sent: &Sent) -> String {
    let payload: String = sent.payload.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("command {} flags {:#x} {payload}", sent.command, sent.flags)
}
