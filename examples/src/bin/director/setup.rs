//! What the program has to do, as read from either format: services, their real servers, and what watches over them.

use std::net::SocketAddr;
use std::time::Duration;

use lvs_model::{Destination, Endpoint, Service, Weight};

use crate::check::Timing;

/// How long a real server may take to accept a connection when nothing else is said.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// One virtual server: one service, or one for each address of a group, with the real servers that they share.
#[derive(Debug, Clone)]
pub(crate) struct VirtualService {
    pub(crate) members: Vec<Member>,
    pub(crate) real_servers: Vec<RealServer>,
    pub(crate) sorry_server: Option<SorryServer>,
    /// The weights of the servers that are up must sum up to this.
    pub(crate) quorum: u32,
    /// The quorum is lost below `quorum - hysteresis` and regained from `quorum + hysteresis` on.
    pub(crate) hysteresis: u32,
}

/// One service, with the real servers as they are in it: in a group, ports may follow that of the service.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) service: Service,
    /// One for each real server, in their order.
    pub(crate) destinations: Vec<Destination>,
    pub(crate) sorry_destination: Option<Destination>,
}

/// One real server.
#[derive(Debug, Clone)]
pub(crate) struct RealServer {
    pub(crate) endpoint: Endpoint,
    pub(crate) weight: Weight,
    pub(crate) on_failure: OnFailure,
    /// It is up while all of them say so; without any it is always up.
    pub(crate) checks: Vec<TcpCheck>,
    /// How long it may take to accept a client's connection.
    pub(crate) connect_timeout: Duration,
}

/// The server that answers when the quorum is lost.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SorryServer {
    /// What it is while the quorum is held.
    pub(crate) otherwise: OnFailure,
}

/// What happens to a real server that is down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnFailure {
    /// It is removed from the service.
    Remove,
    /// It stays with weight 0, keepalived's `inhibit_on_failure`.
    Quiesce,
}

/// A check that is passed when the address accepts a connection in time.
#[derive(Debug, Clone)]
pub(crate) struct TcpCheck {
    pub(crate) target: SocketAddr,
    /// The address to connect from.
    pub(crate) source: Option<SocketAddr>,
    /// The interface to connect through.
    pub(crate) interface: Option<String>,
    pub(crate) connect_timeout: Duration,
    pub(crate) timing: Timing,
}
