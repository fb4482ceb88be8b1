//! What a scheduler is told about the connection that it places: the flow, the time, and random draws.
//!
//! ```
//! use std::{net::SocketAddr, time::Duration};
//! use lvs_sched::algo::{Draws, Flow, Random};
//!
//! # fn main() -> Result<(), std::net::AddrParseError> {
//! let client: SocketAddr = "192.0.2.7:40000".parse()?;
//! let flow = Flow::tcp(client, "198.51.100.1:443".parse()?).at(Duration::from_secs(12));
//! assert_eq!(flow.client.port, 40000);
//!
//! let mut random = Random::seeded(7);
//! assert!(random.draw(10) < 10);
//! # Ok(())
//! # }
//! ```

use core::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use lvs_model::{Endpoint, Protocol};

/// This is a new connection as its first packet shows it.
///
/// rr, wrr, lc, wlc, sed, nq, fo, ovf and twos look at nothing in it: give them [`Flow::default`]. sh and mh hash the client, dh the
/// virtual address; lblc and lblcr remember by virtual address, and read the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_structs, reason = "the five things that kernel schedulers read")]
pub struct Flow {
    /// Where the connection comes from.
    pub client: Endpoint,
    /// Where it was sent to (VADDR and VPORT).
    pub target: Endpoint,
    /// Its transport protocol: sh and mh hash ports of TCP, UDP and SCTP only.
    pub protocol: Protocol,
    /// Now, as the time since any fixed moment of the caller's choice. It should never go back.
    pub now: Duration,
}

impl Flow {
    /// Describes a TCP connection at time zero.
    #[must_use]
    pub fn tcp(client: SocketAddr, target: SocketAddr) -> Self {
        Self::new(Protocol::TCP, client.into(), target.into())
    }

    /// Describes the first datagram of a UDP connection at time zero.
    #[must_use]
    pub fn udp(client: SocketAddr, target: SocketAddr) -> Self {
        Self::new(Protocol::UDP, client.into(), target.into())
    }

    /// Describes a connection of any protocol at time zero.
    #[must_use]
    pub const fn new(protocol: Protocol, client: Endpoint, target: Endpoint) -> Self {
        Self { client, target, protocol, now: Duration::ZERO }
    }

    /// The same connection at another time.
    #[must_use]
    pub const fn at(mut self, now: Duration) -> Self {
        self.now = now;
        self
    }
}

impl Default for Flow {
    /// A TCP connection of which nothing is known: addresses and ports are zero.
    fn default() -> Self {
        let unknown = Endpoint::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);
        Self::new(Protocol::TCP, unknown, unknown)
    }
}

/// This gives random numbers to twos (and to a user's own schedulers).
///
/// Any `FnMut(u32) -> u32` is a source. [`Random`] is a fast one; recorded draws make picks repeatable.
pub trait Draws {
    /// Draws an integer uniformly from `0..bound`. A `bound` of zero stands for 2^32: every number may come.
    fn draw(&mut self, bound: u32) -> u32;
}

impl<F: FnMut(u32) -> u32> Draws for F {
    fn draw(&mut self, bound: u32) -> u32 {
        self(bound)
    }
}

/// This is a small, fast generator (SplitMix64): good enough to spread load, not for secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Random(u64);

impl Random {
    /// Starts a sequence that the seed determines completely.
    #[must_use]
    pub const fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 random bits.
    pub const fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

impl Draws for Random {
    fn draw(&mut self, bound: u32) -> u32 {
        let bits = self.bits() >> 32;
        // A number is at most one part in 2^32 / bound more likely than another: no rejection loop is worth that.
        let bound = if bound == 0 { 1 << 32 } else { u64::from(bound) };
        ((bits * bound) >> 32) as u32
    }
}
