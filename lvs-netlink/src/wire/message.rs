//! Netlink messages: the sixteen-byte header, acknowledgements, the end of a dump, and generic netlink's four bytes.
//!
//! One datagram holds one or more messages. [`Messages`] walks over them, [`MessageWriter`] appends them.

use super::attribute::aligned;
use super::{Attributes, WireError};
use crate::Errno;

const HEADER: usize = 16;
const GENERIC_HEADER: usize = 4;

/// Room for any request, made in one go.
const TYPICAL: usize = 256;

const KIND_NOOP: u16 = 1;
const KIND_ERROR: u16 = 2;
const KIND_DONE: u16 = 3;
const KIND_OVERRUN: u16 = 4;

const EXPLANATION_TEXT: u16 = 1;
const EXPLANATION_OFFSET: u16 = 2;

/// This is the flag word of a netlink message (`NLM_F_*`); bits without a name are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct MessageFlags(u16);

impl MessageFlags {
    /// No flag.
    pub const NONE: Self = Self(0);
    /// `NLM_F_REQUEST`: every request has it.
    pub const REQUEST: Self = Self(0x1);
    /// `NLM_F_MULTI`: one of several parts, ended by a DONE message.
    pub const MULTI: Self = Self(0x2);
    /// `NLM_F_ACK`: answer even when all went well.
    pub const ACK: Self = Self(0x4);
    /// `NLM_F_DUMP_INTR`: the dump saw the table change under it. IPVS of 6.1 never sets it.
    pub const DUMP_INTERRUPTED: Self = Self(0x10);
    /// `NLM_F_CAPPED` in an acknowledgement: of the request there is only the header.
    pub const CAPPED: Self = Self(0x100);
    /// `NLM_F_ACK_TLVS` in an acknowledgement: attributes follow; see [`Message::explanation`].
    pub const ACK_ATTRIBUTES: Self = Self(0x200);
    /// `NLM_F_DUMP` (root and match): list everything.
    pub const DUMP: Self = Self(0x300);

    /// This takes a flag word as it stands in a header.
    #[must_use]
    pub const fn from_bits(bits: u16) -> Self {
        Self(bits)
    }

    /// This is the flag word as it stands in a header.
    #[must_use]
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// This tells whether every bit of `other` is set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// This has the bits of both.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// This is the header of a netlink message (`struct nlmsghdr`) without its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Header {
    /// The message's type: below 16 netlink's own, otherwise the id of a generic netlink family.
    pub kind: u16,
    /// What is asked for, or how the answer is split.
    pub flags: MessageFlags,
    /// The sequence number: an answer has that of its request.
    pub sequence: u32,
    /// The port of the socket that the message belongs to; 0 lets the kernel fill it in.
    pub port: u32,
}

impl Header {
    /// This is a header with port 0.
    #[must_use]
    pub const fn new(kind: u16, flags: MessageFlags, sequence: u32) -> Self {
        Self { kind, flags, sequence, port: 0 }
    }

    fn decode(bytes: &[u8]) -> Option<(u32, Self)> {
        let &[l0, l1, l2, l3, k0, k1, f0, f1, s0, s1, s2, s3, p0, p1, p2, p3] = bytes.first_chunk()?;
        let header = Self {
            kind: u16::from_ne_bytes([k0, k1]),
            flags: MessageFlags(u16::from_ne_bytes([f0, f1])),
            sequence: u32::from_ne_bytes([s0, s1, s2, s3]),
            port: u32::from_ne_bytes([p0, p1, p2, p3]),
        };
        Some((u32::from_ne_bytes([l0, l1, l2, l3]), header))
    }

    fn encode(&self, length: u32) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[..4].copy_from_slice(&length.to_ne_bytes());
        bytes[4..6].copy_from_slice(&self.kind.to_ne_bytes());
        bytes[6..8].copy_from_slice(&self.flags.0.to_ne_bytes());
        bytes[8..12].copy_from_slice(&self.sequence.to_ne_bytes());
        bytes[12..].copy_from_slice(&self.port.to_ne_bytes());
        bytes
    }
}

/// This is one message of a datagram, borrowed from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Message<'a> {
    /// Its header.
    pub header: Header,
    /// What follows the header.
    pub payload: &'a [u8],
}

/// This is what a message says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Body<'a> {
    /// Nothing (`NLMSG_NOOP`).
    Noop,
    /// The request with this sequence number went well (`NLMSG_ERROR` with 0).
    Acknowledged,
    /// The request with this sequence number was refused (`NLMSG_ERROR`).
    Refused(Errno),
    /// The dump is complete (`NLMSG_DONE`), or ended early with an error.
    Done(Option<Errno>),
    /// Data were lost (`NLMSG_OVERRUN`).
    Overrun,
    /// A message of a generic netlink family.
    Generic(GenericMessage<'a>),
}

/// This is a message of a generic netlink family: a command and attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct GenericMessage<'a> {
    /// The command; see [`Command`](super::Command) for those of IPVS.
    pub command: u8,
    /// The version, which the kernel ignores in requests.
    pub version: u8,
    /// The attributes.
    pub attributes: Attributes<'a>,
}

impl<'a> Message<'a> {
    /// This reads what the message says.
    ///
    /// # Errors
    /// [`WireError::Truncated`] when its fixed part is not complete.
    pub fn body(&self) -> Result<Body<'a>, WireError> {
        let number = |what| {
            let bytes = self.payload.first_chunk().copied();
            bytes.map(i32::from_ne_bytes).ok_or(WireError::Truncated { what, needed: 4, available: self.payload.len() })
        };
        Ok(match self.header.kind {
            KIND_NOOP => Body::Noop,
            KIND_ERROR => match number("an acknowledgement")? {
                0 => Body::Acknowledged,
                errno => Body::Refused(Errno::new(errno)),
            },
            KIND_DONE if self.payload.is_empty() => Body::Done(None),
            KIND_DONE => Body::Done(Some(number("the end of a dump")?).filter(|&errno| errno < 0).map(Errno::new)),
            KIND_OVERRUN => Body::Overrun,
            _ => {
                let Some((&[command, version, ..], attributes)) = self.payload.split_first_chunk::<GENERIC_HEADER>()
                else {
                    return Err(WireError::Truncated {
                        what: "a generic netlink header",
                        needed: GENERIC_HEADER,
                        available: self.payload.len(),
                    });
                };
                Body::Generic(GenericMessage { command, version, attributes: Attributes::new(attributes) })
            }
        })
    }
}

/// This is what the kernel says about a refusal beside its number.
///
/// IPVS up to 6.12 says nothing itself; what comes is of netlink, about attributes of a wrong type or length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Explanation<'a> {
    /// A sentence, such as `Attribute failed policy validation`.
    pub text: Option<&'a str>,
    /// Where in the request the attribute in question begins, in bytes.
    pub offset: Option<u32>,
}

impl<'a> Message<'a> {
    /// This is the explanation in an acknowledgement or at the end of a dump, if there is one.
    ///
    /// The kernel sends it to sockets with the option `NETLINK_EXT_ACK`. Those of [`Client`](crate::Client) do not have it, because for IPVS the
    /// [advice](crate::Error::advice) of this crate says more.
    #[must_use]
    pub fn explanation(&self) -> Option<Explanation<'a>> {
        let Header { kind, flags, .. } = self.header;
        if !matches!(kind, KIND_ERROR | KIND_DONE) || !flags.contains(MessageFlags::ACK_ATTRIBUTES) {
            return None;
        }
        let (errno, behind) = self.payload.split_first_chunk::<4>()?;
        let request = match kind {
            KIND_DONE => 0,
            // The request comes back whole, unless it went well.
            _ if flags.contains(MessageFlags::CAPPED) || *errno == [0; 4] => HEADER,
            _ => aligned(usize::try_from(Header::decode(behind)?.0).ok()?),
        };
        let mut explanation = Explanation { text: None, offset: None };
        for attribute in Attributes::new(behind.get(request..)?).map_while(Result::ok) {
            match attribute.kind() {
                EXPLANATION_TEXT => {
                    let text = attribute.bytes().split(|&byte| byte == 0).next().unwrap_or_default();
                    explanation.text = core::str::from_utf8(text).ok();
                }
                EXPLANATION_OFFSET => explanation.offset = attribute.u32().ok(),
                _ => {}
            }
        }
        Some(explanation)
    }
}

/// This walks over the messages in a datagram, checking every length; after an error the walk is over.
#[derive(Debug, Clone, Copy)]
pub struct Messages<'a> {
    rest: &'a [u8],
}

impl<'a> Messages<'a> {
    /// This walks over one datagram.
    #[must_use]
    pub const fn new(datagram: &'a [u8]) -> Self {
        Self { rest: datagram }
    }
}

impl<'a> Iterator for Messages<'a> {
    type Item = Result<Message<'a>, WireError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let available = self.rest.len();
        let Some((length, header)) = Header::decode(self.rest) else {
            self.rest = &[];
            return Some(Err(WireError::Truncated { what: "a netlink header", needed: HEADER, available }));
        };
        let end = usize::try_from(length).unwrap_or(usize::MAX);
        let Some(payload) = self.rest.get(HEADER..end) else {
            self.rest = &[];
            return Some(Err(WireError::MessageLength { length, available }));
        };
        self.rest = self.rest.get(aligned(end)..).unwrap_or(&[]);
        Some(Ok(Message { header, payload }))
    }
}

/// This appends one message to a buffer and knows its length when [`finish`](Self::finish)ed.
///
/// ```
/// use lvs_netlink::wire::{Body, Header, MessageFlags, MessageWriter, Messages};
///
/// # fn main() -> Result<(), lvs_netlink::wire::WireError> {
/// let mut buffer = Vec::new();
/// MessageWriter::generic(&mut buffer, Header::new(28, MessageFlags::REQUEST, 1), 15).finish();
/// let message = Messages::new(&buffer).next().expect("one message")?;
/// assert!(matches!(message.body()?, Body::Generic(generic) if generic.command == 15));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a message is complete only when it is finished"]
pub struct MessageWriter<'b> {
    buffer: &'b mut Vec<u8>,
    start: usize,
}

impl<'b> MessageWriter<'b> {
    /// This begins a message of a generic netlink family (`header.kind` is its id), version 1.
    pub fn generic(buffer: &'b mut Vec<u8>, header: Header, command: u8) -> Self {
        let writer = Self::plain(buffer, header);
        writer.buffer.extend_from_slice(&[command, super::FAMILY_VERSION, 0, 0]);
        writer
    }

    /// This begins a message without a generic netlink header.
    pub fn plain(buffer: &'b mut Vec<u8>, header: Header) -> Self {
        let start = buffer.len();
        buffer.reserve(TYPICAL);
        buffer.extend_from_slice(&header.encode(0));
        Self { buffer, start }
    }

    /// This is where attributes are appended.
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        self.buffer
    }

    /// This writes the length, now that it is known.
    pub fn finish(self) {
        let length = (self.buffer.len() - self.start) as u32;
        if let Some(place) = self.buffer.get_mut(self.start..self.start + 4) {
            place.copy_from_slice(&length.to_ne_bytes());
        }
        self.buffer.resize(aligned(self.buffer.len()), 0);
    }
}

/// This appends the answer to a request: an acknowledgement, or a refusal (`NLMSG_ERROR`), with the request's header behind it.
pub fn put_acknowledgement(buffer: &mut Vec<u8>, request: &Message<'_>, refused: Option<Errno>) {
    let errno = refused.map_or(0, |errno| -(errno.number() as i32));
    let length = (HEADER + request.payload.len()) as u32;
    let mut writer =
        MessageWriter::plain(buffer, Header { kind: KIND_ERROR, flags: MessageFlags::NONE, ..request.header });
    writer.buffer().extend_from_slice(&errno.to_ne_bytes());
    writer.buffer().extend_from_slice(&request.header.encode(length));
    if refused.is_some() {
        writer.buffer().extend_from_slice(request.payload);
    }
    writer.finish();
}

/// This appends the end of a dump (`NLMSG_DONE`).
pub fn put_done(buffer: &mut Vec<u8>, request: &Header, refused: Option<Errno>) {
    let errno = refused.map_or(0, |errno| -(errno.number() as i32));
    let mut writer = MessageWriter::plain(buffer, Header { kind: KIND_DONE, flags: MessageFlags::MULTI, ..*request });
    writer.buffer().extend_from_slice(&errno.to_ne_bytes());
    writer.finish();
}
