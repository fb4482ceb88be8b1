//! Netlink messages around the attributes: headers, acknowledgements, errors and the end of a dump.

use super::attributes::word;

/// The length of a netlink header.
pub(super) const HEADER: usize = 16;
/// The length of a netlink header with the generic one behind it.
pub(super) const GENERIC: usize = 20;

/// Below this, message types belong to netlink itself.
pub(super) const FIRST_FAMILY: u16 = 16;
/// The family that tells about families.
pub(super) const CONTROLLER: u16 = 16;

const ERROR: u16 = 2;
const DONE: u16 = 3;

pub(super) const REQUEST: u16 = 0x1;
const MULTI: u16 = 0x2;
pub(super) const ACK: u16 = 0x4;
const DUMP_INTERRUPTED: u16 = 0x10;
pub(super) const DUMP: u16 = 0x300;

/// One request as it stands in a datagram.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request<'a> {
    /// The whole message, which an error echoes.
    pub(super) bytes: &'a [u8],
    pub(super) family: u16,
    pub(super) flags: u16,
    pub(super) sequence: u32,
    pub(super) port: u32,
}

impl Request<'_> {
    pub(super) fn command(&self) -> u8 {
        self.bytes.get(HEADER).copied().unwrap_or_default()
    }

    pub(super) fn attributes(&self) -> &[u8] {
        self.bytes.get(GENERIC..).unwrap_or_default()
    }

    pub(super) fn wants_dump(&self) -> bool {
        self.flags & DUMP == DUMP
    }
}

/// Splits a datagram into requests; what follows a broken length is ignored.
pub(super) fn requests(mut bytes: &[u8]) -> impl Iterator<Item = Request<'_>> {
    std::iter::from_fn(move || {
        let header = bytes.first_chunk::<HEADER>()?;
        let length = usize::try_from(word(header)).ok().filter(|&length| length >= HEADER)?;
        let message = bytes.get(..length)?;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(Request {
            bytes: message,
            family: u16::from_ne_bytes([header[4], header[5]]),
            flags: u16::from_ne_bytes([header[6], header[7]]),
            sequence: u32::from_ne_bytes([header[8], header[9], header[10], header[11]]),
            port: u32::from_ne_bytes([header[12], header[13], header[14], header[15]]),
        })
    })
}

fn header(out: &mut Vec<u8>, kind: u16, flags: u16, request: &Request<'_>) -> usize {
    let start = out.len();
    out.extend_from_slice(&0_u32.to_ne_bytes());
    out.extend_from_slice(&kind.to_ne_bytes());
    out.extend_from_slice(&flags.to_ne_bytes());
    out.extend_from_slice(&request.sequence.to_ne_bytes());
    out.extend_from_slice(&request.port.to_ne_bytes());
    start
}

fn finish(out: &mut [u8], start: usize) {
    let length = u32::try_from(out.len() - start).unwrap_or(u32::MAX);
    for (to, from) in out.iter_mut().skip(start).zip(length.to_ne_bytes()) {
        *to = from;
    }
}

/// An acknowledgement (errno 0, the request's header echoed) or an error (the whole request echoed).
pub(super) fn outcome(request: &Request<'_>, errno: i32) -> Vec<u8> {
    let mut out = Vec::new();
    let start = header(&mut out, ERROR, 0, request);
    out.extend_from_slice(&(-errno).to_ne_bytes());
    let echoed = if errno == 0 { request.bytes.get(..HEADER) } else { Some(request.bytes) };
    out.extend_from_slice(echoed.unwrap_or_default());
    finish(&mut out, start);
    out.resize(out.len().next_multiple_of(4), 0);
    out
}

/// A reply to a request for one thing.
pub(super) fn reply(request: &Request<'_>, family: u16, command: u8, fill: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    let start = header(&mut out, family, 0, request);
    out.extend_from_slice(&[command, 1, 0, 0]);
    fill(&mut out);
    finish(&mut out, start);
    out
}

/// Appends one part of a dump to a datagram.
pub(super) fn part(
    out: &mut Vec<u8>,
    request: &Request<'_>,
    family: u16,
    command: u8,
    interrupted: bool,
    fill: impl FnOnce(&mut Vec<u8>),
) {
    let start = header(out, family, MULTI | if interrupted { DUMP_INTERRUPTED } else { 0 }, request);
    out.extend_from_slice(&[command, 1, 0, 0]);
    fill(out);
    finish(out, start);
}

/// The message that ends a dump.
pub(super) fn done(request: &Request<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    let start = header(&mut out, DONE, MULTI, request);
    out.extend_from_slice(&0_i32.to_ne_bytes());
    finish(&mut out, start);
    out
}
