//! This is what the [`Director`](super::Director) says about a packet.

use lvs_model::{Endpoint, Forwarding};

/// This is what is to be done with a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[must_use]
pub enum Verdict {
    /// Send it to a real server.
    Forward(Forward),
    /// Send an answer on to the client, from this address: the virtual one, which masquerading puts in place of the real
    /// server's.
    Reply {
        /// The virtual address and port of the connection.
        source: Endpoint,
    },
    /// It is none of ours: the local stack may have it.
    Pass,
    /// Throw it away silently: its destination was removed and may come back.
    Drop,
    /// Throw it away and tell the client *port unreachable* (ICMP type 3 code 3, ICMPv6 type 1 code 4): no destination is
    /// available. IPVS never answers with a TCP reset.
    Refuse,
}

/// This says where a packet goes, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Forward {
    /// The real server's address, and the port that its packets get if the method can change it (only masquerading can).
    /// With [`Forwarding::Bypass`] it is the packet's own destination.
    pub destination: Endpoint,
    /// The method with which the connection was made.
    pub forwarding: Forwarding,
}

impl Verdict {
    /// This is the real server that the packet goes to, if it goes to one.
    #[must_use]
    pub const fn destination(&self) -> Option<Endpoint> {
        match self {
            Self::Forward(forward) => Some(forward.destination),
            _ => None,
        }
    }
}
