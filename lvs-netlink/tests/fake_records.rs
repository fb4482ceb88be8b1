//! Every request that was recorded on two real kernels, sent to the in-memory one in the same order.

#![cfg(feature = "test-util")]

use lvs_netlink::Transport;
use lvs_netlink::fake::{Generation, Kernel, Socket};
use serde::Deserialize;
use std::time::Instant;

#[derive(Deserialize)]
struct Record {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    cmd: u8,
    payload: String,
    flags: u16,
    version: u8,
    errno: String,
    replies: Vec<(u8, u8, String)>,
}

/// A reply's attributes, with nests opened and without the empty ones that only align.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Value {
    Bytes(Vec<u8>),
    Nest(Vec<(u16, Value)>),
}

fn unhex(text: &str) -> Vec<u8> {
    assert!(text.len().is_multiple_of(2));
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn open(mut bytes: &[u8], depth: usize, path: u16) -> Vec<(u16, Value)> {
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

/// Errno and replies of one request.
fn exchange(socket: &mut Socket, family: u16, case: &Case) -> (i32, Vec<(u8, u8, Vec<u8>)>) {
    let payload = unhex(&case.payload);
    let mut request = Vec::new();
    request.extend(u32::try_from(20 + payload.len()).unwrap().to_ne_bytes());
    request.extend(family.to_ne_bytes());
    request.extend((1 | case.flags).to_ne_bytes());
    request.extend(7_u32.to_ne_bytes());
    request.extend(0_u32.to_ne_bytes());
    request.extend([case.cmd, case.version, 0, 0]);
    request.extend(payload);
    let now = Instant::now();
    socket.send(&request, now).unwrap();
    let mut replies = Vec::new();
    let mut buffer = vec![0; 32 * 1024];
    loop {
        let length = socket.receive(&mut buffer, now).unwrap();
        let mut datagram = &buffer[..length];
        while !datagram.is_empty() {
            let size = usize::try_from(u32::from_ne_bytes(datagram[..4].try_into().unwrap())).unwrap();
            let message = &datagram[..size];
            datagram = &datagram[size.next_multiple_of(4)..];
            assert_eq!(message[8..12], 7_u32.to_ne_bytes(), "{}", case.name);
            match u16::from_ne_bytes([message[4], message[5]]) {
                2 => {
                    let errno = -i32::from_ne_bytes(message[16..20].try_into().unwrap());
                    let echoed = if errno == 0 { &request[..16] } else { &request[..] };
                    assert_eq!(&message[20..], echoed, "{}", case.name);
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
    let path = format!("{}/tests/samples/{file}", env!("CARGO_MANIFEST_DIR"));
    let record: Record = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(record.cases.len(), 170);
    let mut socket = kernel.socket();
    let mut wrong = Vec::new();
    for case in &record.cases {
        let (errno, replies) = exchange(&mut socket, kernel.family(), case);
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
