//! Bytes that come out of a netlink socket.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use lvs_model::{Endpoint, Family, ServiceKey};
use lvs_netlink::wire::{Attributes, Body, FamilyRecord, Header, InfoRecord, MessageFlags, Messages, Payload};
use lvs_netlink::{Client, Connector, SocketRole, Transport};

/// No datagram makes the decoder panic, and what is decoded is decoded again from what it is encoded as.
pub fn datagram(bytes: &[u8]) {
    attributes(Attributes::new(bytes));
    for message in Messages::new(bytes) {
        let Ok(message) = message else { break };
        let _ = message.explanation();
        if let Ok(Body::Generic(generic)) = message.body() {
            attributes(generic.attributes);
        }
    }
}

fn attributes(attributes: Attributes<'_>) {
    let _ = FamilyRecord::decode(attributes);
    if let Ok(info) = InfoRecord::decode(attributes) {
        let mut buffer = Vec::new();
        info.encode(&mut buffer);
        let again = InfoRecord::decode(Attributes::new(&buffer)).expect("what was encoded");
        assert_eq!((again.version, again.connection_table_size), (info.version, info.connection_table_size));
    }
    let Ok(payload) = Payload::decode(attributes) else { return };
    if let Ok(service) = payload.service() {
        let _ = service.status();
        stable(|buffer| service.encode(buffer), |payload, buffer| payload.service().expect("a service").encode(buffer));
    }
    if let Ok(destination) = payload.destination() {
        let _ = destination.status(Family::Inet);
        let again = |payload: Payload<'_>, buffer: &mut _| payload.destination().expect("one").encode(buffer);
        stable(|buffer| destination.encode(buffer), again);
    }
    if let Ok(daemon) = payload.daemon() {
        let _ = daemon.daemon();
        stable(|buffer| daemon.encode(buffer), |payload, buffer| payload.daemon().expect("a daemon").encode(buffer));
    }
}

/// What is encoded, decoded and encoded again gives the same bytes.
fn stable(encode: impl Fn(&mut Vec<u8>), again: impl Fn(Payload<'_>, &mut Vec<u8>)) {
    let (mut once, mut twice) = (Vec::new(), Vec::new());
    encode(&mut once);
    again(Payload::decode(Attributes::new(&once)).expect("what was encoded"), &mut twice);
    assert_eq!(once, twice);
}

/// Whatever the kernel answers, the client neither panics nor hangs.
///
/// The bytes are cut into datagrams by a length in front of each; every other one gets the sequence number that the
/// client waits for.
pub fn client(bytes: &[u8]) {
    let Ok(mut client) = Client::with_connector(Scripted::new(bytes)) else { return };
    let key = ServiceKey::tcp(Endpoint::new([192, 0, 2, 1].into(), 80));
    let _ = client.list();
    let _ = client.service(&key);
    let _ = client.remove_service(&key);
    let _ = client.daemons();
    let _ = client.timeouts();
    let _ = client.info();
    let _ = client.stop_daemon(lvs_model::SyncRole::Master);
}

/// A peer that answers with a script and then with silence.
#[derive(Clone)]
struct Scripted(Arc<Mutex<Script>>);

struct Script {
    datagrams: VecDeque<Vec<u8>>,
    sequence: [u8; 4],
    fitting: bool,
    family_known: bool,
}

impl Scripted {
    fn new(mut bytes: &[u8]) -> Self {
        let mut datagrams = VecDeque::new();
        while let Some((&length, rest)) = bytes.split_first() {
            let (datagram, rest) = rest.split_at((usize::from(length) * 4).min(rest.len()));
            datagrams.push_back(datagram.to_vec());
            bytes = rest;
        }
        Self(Arc::new(Mutex::new(Script { datagrams, sequence: [0; 4], fitting: false, family_known: false })))
    }
}

impl Connector for Scripted {
    fn open(&mut self, _: SocketRole) -> io::Result<Box<dyn Transport>> {
        Ok(Box::new(self.clone()))
    }
}

impl Transport for Scripted {
    fn send(&mut self, datagram: &[u8], _: Instant) -> io::Result<()> {
        let mut script = self.0.lock().expect("one thread");
        // The client must send what its own decoder reads.
        assert!(Messages::new(datagram).all(|message| message.is_ok_and(|message| message.body().is_ok())));
        script.sequence.copy_from_slice(&datagram[8..12]);
        Ok(())
    }

    fn receive(&mut self, buffer: &mut [u8], _: Instant) -> io::Result<usize> {
        let mut script = self.0.lock().expect("one thread");
        let sequence = script.sequence;
        let mut datagram = if script.family_known {
            script.datagrams.pop_front().ok_or(io::ErrorKind::TimedOut)?
        } else {
            let mut answer = Vec::new();
            let header = Header::new(16, MessageFlags::NONE, u32::from_ne_bytes(sequence));
            FamilyRecord::new(28, "IPVS").encode(&mut answer, header, 1);
            script.family_known = true;
            answer
        };
        script.fitting = !script.fitting;
        if let (true, Some(place)) = (script.fitting, datagram.get_mut(8..12)) {
            place.copy_from_slice(&sequence);
        }
        let length = datagram.len().min(buffer.len());
        buffer[..length].copy_from_slice(&datagram[..length]);
        Ok(datagram.len())
    }
}
