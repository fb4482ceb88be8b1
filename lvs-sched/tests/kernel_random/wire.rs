//! Raw packets: what is put into the TUN device, and what is read back from it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use lvs_model::Endpoint;
use lvs_sched::director::{Packet, Segment, TcpFlags};

/// The bytes of a packet, with valid checksums.
pub(crate) fn encode(packet: &Packet) -> Vec<u8> {
    let (source, destination) = (packet.source, packet.destination);
    match packet.segment {
        Segment::Tcp(flags) => {
            let mut header = ports(source, destination);
            header.extend(1000u32.to_be_bytes());
            header.extend(2000u32.to_be_bytes());
            header.extend([0x50, header_flags(flags)]);
            header.extend(8192u16.to_be_bytes());
            header.extend([0; 4]);
            checksummed(source.addr, destination.addr, 6, header, 16)
        }
        Segment::Udp => {
            let mut header = ports(source, destination);
            header.extend(9u16.to_be_bytes());
            header.extend([0, 0, b'x']);
            checksummed(source.addr, destination.addr, 17, header, 6)
        }
        Segment::Sctp(chunks) => {
            let mut header = ports(source, destination);
            header.extend([0; 8]);
            header.extend([chunks.first(), 0, 0, 20]);
            header.extend([0; 16]);
            let sum = crc32c(&header).to_le_bytes();
            header[8..12].copy_from_slice(&sum);
            internet(source.addr, destination.addr, 132, &header)
        }
        Segment::Ipsec => {
            // Security parameters, a sequence number, and what looks like ciphertext.
            let bytes: Vec<u8> = (1..=32).collect();
            internet(source.addr, destination.addr, 50, &bytes)
        }
        other => panic!("cannot encode {other:?}"),
    }
}

fn header_flags(flags: TcpFlags) -> u8 {
    [(TcpFlags::FIN, 1), (TcpFlags::SYN, 2), (TcpFlags::RST, 4), (TcpFlags::ACK, 16)]
        .into_iter()
        .filter(|&(flag, _)| flags.contains(flag))
        .map(|(_, bit)| bit)
        .sum()
}

fn ports(source: Endpoint, destination: Endpoint) -> Vec<u8> {
    let mut header = source.port.to_be_bytes().to_vec();
    header.extend(destination.port.to_be_bytes());
    header
}

fn checksummed(source: IpAddr, destination: IpAddr, protocol: u8, mut header: Vec<u8>, at: usize) -> Vec<u8> {
    let mut pseudo = Vec::new();
    for addr in [source, destination] {
        match addr {
            IpAddr::V4(addr) => pseudo.extend(addr.octets()),
            IpAddr::V6(addr) => pseudo.extend(addr.octets()),
        }
    }
    pseudo.extend((header.len() as u32).to_be_bytes());
    pseudo.extend([0, 0, 0, protocol]);
    pseudo.extend(&header);
    let sum = match checksum(&pseudo) {
        0 => u16::MAX,
        sum => sum,
    };
    header[at..at + 2].copy_from_slice(&sum.to_be_bytes());
    internet(source, destination, protocol, &header)
}

fn internet(source: IpAddr, destination: IpAddr, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            bytes.extend([0x45, 0]);
            bytes.extend((20 + payload.len() as u16).to_be_bytes());
            bytes.extend([0, 1, 0, 0, 64, protocol, 0, 0]);
            bytes.extend(source.octets());
            bytes.extend(destination.octets());
            let sum = checksum(&bytes).to_be_bytes();
            bytes[10..12].copy_from_slice(&sum);
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            bytes.extend([0x60, 0, 0, 0]);
            bytes.extend((payload.len() as u16).to_be_bytes());
            bytes.extend([protocol, 64]);
            bytes.extend(source.octets());
            bytes.extend(destination.octets());
        }
        mixed => panic!("mixed families {mixed:?}"),
    }
    bytes.extend(payload);
    bytes
}

fn checksum(bytes: &[u8]) -> u16 {
    let mut sum: u32 =
        bytes.chunks(2).map(|pair| u32::from(pair[0]) << 8 | pair.get(1).map_or(0, |&low| u32::from(low))).sum();
    while sum >> 16 != 0 {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

fn crc32c(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for &byte in bytes {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ if crc & 1 == 1 { 0x82f6_3b78 } else { 0 };
        }
    }
    !crc
}

/// A packet that the kernel sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    /// A TCP, UDP or SCTP packet.
    Transport { source: Endpoint, destination: Endpoint, length: usize },
    /// An encrypted packet (ESP).
    Ipsec { source: IpAddr, destination: IpAddr },
    /// A tunnelled packet for this real server.
    Tunnel { destination: IpAddr },
    /// Destination unreachable, port unreachable.
    Refused,
    /// Anything else, with its IP protocol.
    Other(u8),
}

/// Reads a packet; `None` is the kernel's own chatter (neighbour discovery, redirects, multicast).
pub(crate) fn decode(bytes: &[u8]) -> Option<Sent> {
    let (source, destination, protocol, payload): (IpAddr, IpAddr, u8, &[u8]) = if bytes[0] >> 4 == 4 {
        let v4 = |at: usize| Ipv4Addr::new(bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]);
        let header = usize::from(bytes[0] & 15) * 4;
        (v4(12).into(), v4(16).into(), bytes[9], &bytes[header..])
    } else {
        let v6 = |at: usize| {
            let octets: [u8; 16] = bytes[at..at + 16].try_into().unwrap();
            Ipv6Addr::from(octets)
        };
        (v6(8).into(), v6(24).into(), bytes[6], &bytes[40..])
    };
    if destination.is_multicast() {
        return None;
    }
    let port = |at: usize| u16::from_be_bytes([payload[at], payload[at + 1]]);
    match (protocol, payload) {
        (6 | 17 | 132, _) => Some(Sent::Transport {
            source: Endpoint::new(source, port(0)),
            destination: Endpoint::new(destination, port(2)),
            length: bytes.len(),
        }),
        (50, _) => Some(Sent::Ipsec { source, destination }),
        (4 | 41 | 47, _) => Some(Sent::Tunnel { destination }),
        (1, [3, 3, ..]) | (58, [1, 4, ..]) => Some(Sent::Refused),
        (58, [133..=137 | 143, ..]) => None,
        (protocol, _) => Some(Sent::Other(protocol)),
    }
}
