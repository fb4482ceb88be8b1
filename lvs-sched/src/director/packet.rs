//! This is what the [`Director`](super::Director) is told about a packet: where it comes from and
//! goes to, what it does to its connection, how long it is, how the firewall marked it.
//!
//! Nothing here parses bytes: the caller has a packet, a proxy's event or a line of a trace, and
//! says what it means.

use lvs_model::{Endpoint, Fwmark, Protocol};

/// This is one packet, as far as IPVS looks at it.
///
/// For [`Director::inbound`](super::Director::inbound) the source is the client and the destination
/// the virtual address; for [`Director::outbound`](super::Director::outbound) the source is the real
/// server (masquerading) or the virtual address (the other methods) and the destination the client.
///
/// ```
/// use lvs_sched::director::{Packet, Segment, TcpFlags};
///
/// let client = "192.0.2.7:40000".parse()?;
/// let service = "198.51.100.1:80".parse()?;
/// let syn = Packet::new(client, service, Segment::Tcp(TcpFlags::SYN)).with_length(60);
/// assert_eq!(syn.length, 60);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Packet {
    /// The sender's address and port.
    pub source: Endpoint,
    /// The receiver's address and port.
    pub destination: Endpoint,
    /// The protocol, and what the packet does to its connection.
    pub segment: Segment,
    /// The length of the IP packet in bytes, IP header included; only statistics use it.
    pub length: u32,
    /// The firewall mark (`SO_MARK`, `meta mark`), if it is not zero.
    pub fwmark: Option<Fwmark>,
}

impl Packet {
    /// This makes a packet without length and mark.
    #[must_use]
    pub const fn new(source: Endpoint, destination: Endpoint, segment: Segment) -> Self {
        Self { source, destination, segment, length: 0, fwmark: None }
    }

    /// This sets the length of the IP packet in bytes.
    #[must_use]
    pub const fn with_length(mut self, length: u32) -> Self {
        self.length = length;
        self
    }

    /// This sets the firewall mark.
    #[must_use]
    pub const fn with_fwmark(mut self, mark: Fwmark) -> Self {
        self.fwmark = Some(mark);
        self
    }
}

/// This is the transport protocol of a packet with what its header says about the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Segment {
    /// A TCP segment with these flags.
    Tcp(TcpFlags),
    /// A UDP datagram.
    Udp,
    /// An SCTP packet with these leading chunks.
    Sctp(SctpChunks),
    /// An IPsec packet (AH 51 or ESP 50). It has no ports: those of the endpoints are ignored, and
    /// it follows the ISAKMP connection (UDP 500 to 500) between the same addresses if there is one.
    Ipsec,
    /// Anything else; it is never balanced.
    Other(Protocol),
}

impl Segment {
    /// Opens a connection, and is what port reuse and the expiry of dead connections wait for.
    pub(super) fn is_opening(self) -> bool {
        match self {
            Self::Tcp(flags) => flags.contains(TcpFlags::SYN),
            Self::Sctp(chunks) => chunks.first() == SctpChunks::INIT.first(),
            Self::Udp | Self::Ipsec | Self::Other(_) => false,
        }
    }
}

/// This is the set of TCP header flags that IPVS looks at: FIN, SYN, RST, ACK.
///
/// RST wins over SYN, SYN over FIN, FIN over ACK; a segment with none of them closes the
/// connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct TcpFlags(u8);

impl TcpFlags {
    /// No flag.
    pub const EMPTY: Self = Self(0);
    /// FIN, bit 0 of the header's flag byte.
    pub const FIN: Self = Self(0x01);
    /// SYN, bit 1.
    pub const SYN: Self = Self(0x02);
    /// RST, bit 2.
    pub const RST: Self = Self(0x04);
    /// ACK, bit 4.
    pub const ACK: Self = Self(0x10);

    /// This takes the flag byte of a TCP header (offset 13); other flags are dropped.
    #[must_use]
    pub const fn from_header(byte: u8) -> Self {
        Self(byte & 0x17)
    }

    /// This tells whether all flags of `other` are set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// This is both sets together.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl core::ops::BitOr for TcpFlags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.union(other)
    }
}

/// This is the type of the first chunk of an SCTP packet, and of the second if there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SctpChunks {
    first: u8,
    second: Option<u8>,
}

impl SctpChunks {
    /// DATA, type 0.
    pub const DATA: Self = Self::new(0);
    /// INIT, type 1: opens an association.
    pub const INIT: Self = Self::new(1);
    /// INIT-ACK, type 2.
    pub const INIT_ACK: Self = Self::new(2);
    /// SACK, type 3.
    pub const SACK: Self = Self::new(3);
    /// HEARTBEAT, type 4.
    pub const HEARTBEAT: Self = Self::new(4);
    /// HEARTBEAT-ACK, type 5.
    pub const HEARTBEAT_ACK: Self = Self::new(5);
    /// ABORT, type 6.
    pub const ABORT: Self = Self::new(6);
    /// SHUTDOWN, type 7.
    pub const SHUTDOWN: Self = Self::new(7);
    /// SHUTDOWN-ACK, type 8.
    pub const SHUTDOWN_ACK: Self = Self::new(8);
    /// ERROR, type 9.
    pub const ERROR: Self = Self::new(9);
    /// COOKIE-ECHO, type 10.
    pub const COOKIE_ECHO: Self = Self::new(10);
    /// COOKIE-ACK, type 11.
    pub const COOKIE_ACK: Self = Self::new(11);
    /// SHUTDOWN-COMPLETE, type 14.
    pub const SHUTDOWN_COMPLETE: Self = Self::new(14);

    /// This is a packet whose first chunk has type `first`.
    #[must_use]
    pub const fn new(first: u8) -> Self {
        Self { first, second: None }
    }

    /// This adds the type of the second chunk.
    #[must_use]
    pub const fn followed_by(mut self, second: u8) -> Self {
        self.second = Some(second);
        self
    }

    /// This is the type of the first chunk.
    #[must_use]
    pub const fn first(self) -> u8 {
        self.first
    }

    /// This is the type of the second chunk.
    #[must_use]
    pub const fn second(self) -> Option<u8> {
        self.second
    }
}
