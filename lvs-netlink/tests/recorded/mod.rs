//! The recorded requests, how one is sent, and how a reply is compared.

#![allow(dead_code, reason = "each test program uses its part")]

use lvs_netlink::Transport;
use serde::Deserialize;
use std::time::{Duration, Instant};

#[derive(Deserialize)]
pub(crate) struct Record {
    pub(crate) cases: Vec<Case>,
}

#[derive(Deserialize)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) cmd: u8,
    pub(crate) payload: String,
    pub(crate) flags: u16,
    pub(crate) version: u8,
    pub(crate) errno: String,
    pub(crate) replies: Vec<(u8, u8, String)>,
}

/// A reply's attributes, with nests opened and without the empty ones that only align.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Value {
    Bytes(Vec<u8>),
    Nest(Vec<(u16, Value)>),
}

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    assert!(text.len().is_multiple_of(2));
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

pub(crate) fn open(mut bytes: &[u8], depth: usize, path: u16) -> Vec<(u16, Value)> {
    let mut all = Vec::new();
    while bytes.len() >= 4 {
        let length = usize::from(u16::from_ne_bytes([bytes[0], bytes[1]]));
        let kind = u16::from_ne_bytes([bytes[2], bytes[3]]);
        let payload = &bytes[4..length];
        bytes = &bytes[length.next_multiple_of(4).min(bytes.len())..];
        let nest = match depth {
            // GET_INFO and GET_CONFIG have numbers at the top, of four bytes.
            0 => payload.len() > 4,
            1 => path != 3 && (kind == 10 || kind == 12),
            _ => false,
        };
        if nest {
            all.push((kind, Value::Nest(open(payload, depth + 1, kind))));
        } else if !(depth == 2 && kind == 11) {
            all.push((kind, Value::Bytes(payload.to_vec())));
        }
    }
    all
}

/// The recorded requests of one kernel.
pub(crate) fn record(file: &str) -> Record {
    let path = format!("{}/tests/samples/{file}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// A request to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) command: u8,
    pub(crate) version: u8,
    pub(crate) flags: u16,
    pub(crate) payload: Vec<u8>,
}

/// Errno and replies of one request.
pub(crate) fn exchange(socket: &mut dyn Transport, family: u16, sent: &Sent) -> (i32, Vec<(u8, u8, Vec<u8>)>) {
    let mut request = Vec::new();
    request.extend(u32::try_from(20 + sent.payload.len()).unwrap().to_ne_bytes());
    request.extend(family.to_ne_bytes());
    request.extend((1 | sent.flags).to_ne_bytes());
    request.extend(7_u32.to_ne_bytes());
    request.extend(0_u32.to_ne_bytes());
    request.extend([sent.command, sent.version, 0, 0]);
    request.extend(&sent.payload);
    let deadline = Instant::now() + Duration::from_secs(5);
    socket.send(&request, deadline).unwrap();
    let mut replies = Vec::new();
    let mut buffer = vec![0; 32 * 1024];
    loop {
        let length = socket.receive(&mut buffer, deadline).unwrap();
        let mut datagram = &buffer[..length];
        while !datagram.is_empty() {
            let size = usize::try_from(u32::from_ne_bytes(datagram[..4].try_into().unwrap())).unwrap();
            let message = &datagram[..size];
            datagram = &datagram[size.next_multiple_of(4).min(datagram.len())..];
            assert_eq!(message[8..12], 7_u32.to_ne_bytes(), "{sent:?}");
            match u16::from_ne_bytes([message[4], message[5]]) {
                2 => {
                    let errno = -i32::from_ne_bytes(message[16..20].try_into().unwrap());
                    // The kernel fills in its own number for the port.
                    let echoed = if errno == 0 { &request[..12] } else { &request[..] };
                    assert_eq!(message[20..32], echoed[..12], "{sent:?}");
                    assert_eq!(message.get(36..).unwrap_or_default(), echoed.get(16..).unwrap_or_default(), "{sent:?}");
                    return (errno, replies);
                }
                3 => return (0, replies),
                kind => {
                    assert_eq!(kind, family);
                    replies.push((message[16], message[17], message[20..].to_vec()));
                }
            }
        }
    }
}
