//! How a destination leaves that is not wanted any more.

use super::deadline::Deadline;
use lvs_model::{ConnectionCounts, DestinationStatus, Protocol, ServiceKey};
use std::time::SystemTime;

/// This says how destinations leave: at once, or with weight 0 until their connections have ended.
///
/// There is no list of draining destinations anywhere, so none can be lost in a restart. Everything follows from what the kernel holds and what is wanted:
///
/// | in the kernel | wanted | then |
/// |---|---|---|
/// | weight above 0 | no | weight is set to 0 |
/// | weight 0, connections, deadline ahead | no | nothing: it [waits](super::Plan::waiting) |
/// | weight 0, no connections or deadline passed | no | it is removed |
/// | weight 0 | yes, weight above 0 | its weight is restored |
/// | weight 0 | yes, weight 0 | nothing: it stays |
///
/// A destination has connections while its active, inactive or persistent count is above 0. The last counts remembered clients: they keep coming to a
/// destination of weight 0 unless the sysctl `expire_quiescent_template` is 1, and each time are remembered anew.
/// A service that is not wanted at all is removed at once, with its destinations: waiting for them would keep it serving.
///
/// ```
/// use lvs_netlink::sync::{Deadline, Drain, Leave};
/// use lvs_model::Protocol;
/// use std::time::Duration;
///
/// let drain = Drain::graceful(Deadline::After(Duration::from_secs(600)));
/// assert_eq!(drain.leave(Protocol::UDP), Leave::AtOnce);          // a client that never stops would hold it for ever
/// let patient = drain.with(Protocol::SCTP, Leave::WhenIdle(Deadline::Never));
/// assert_eq!(patient.leave(Protocol::SCTP), Leave::WhenIdle(Deadline::Never));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Drain {
    tcp: Leave,
    sctp: Leave,
    udp: Leave,
    marked: Leave,
    others: Leave,
}

/// This is how the destinations of one protocol leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum Leave {
    /// Removed without waiting. The kernel then drops the packets of its connections.
    AtOnce,
    /// Set to weight 0, and removed when the last connection has ended or the deadline has passed.
    WhenIdle(Deadline),
}

impl Drain {
    /// Everything leaves at once.
    #[must_use]
    pub const fn at_once() -> Self {
        let now = Leave::AtOnce;
        Self { tcp: now, sctp: now, udp: now, marked: now, others: now }
    }

    /// Destinations of TCP services and of firewall marks leave when idle, at the latest at the deadline; UDP, SCTP and other ones at once.
    ///
    /// A UDP client that sends steadily keeps its connection for ever, and an SCTP association can live for months.
    #[must_use]
    pub const fn graceful(deadline: Deadline) -> Self {
        let idle = Leave::WhenIdle(deadline);
        Self { tcp: idle, marked: idle, ..Self::at_once() }
    }

    /// Another way to leave for the services of one protocol. Protocols besides TCP, SCTP and UDP share one way.
    #[must_use]
    pub fn with(mut self, protocol: Protocol, leave: Leave) -> Self {
        match protocol {
            Protocol::TCP => self.tcp = leave,
            Protocol::SCTP => self.sctp = leave,
            Protocol::UDP => self.udp = leave,
            _ => self.others = leave,
        }
        self
    }

    /// Another way to leave for the services of firewall marks, which may be of any protocol.
    #[must_use]
    pub fn with_marked(mut self, leave: Leave) -> Self {
        self.marked = leave;
        self
    }

    /// How destinations leave the services of a protocol.
    #[must_use]
    pub const fn leave(&self, protocol: Protocol) -> Leave {
        match protocol {
            Protocol::TCP => self.tcp,
            Protocol::SCTP => self.sctp,
            Protocol::UDP => self.udp,
            _ => self.others,
        }
    }

    /// How destinations leave one service.
    #[must_use]
    pub const fn leave_service(&self, key: &ServiceKey) -> Leave {
        match key {
            ServiceKey::Socket { protocol, .. } => self.leave(*protocol),
            ServiceKey::Fwmark { .. } => self.marked,
        }
    }

    /// What to do now with a destination that is not wanted.
    pub(super) fn decide(&self, key: &ServiceKey, status: &DestinationStatus, now: SystemTime) -> Decision {
        let Leave::WhenIdle(deadline) = self.leave_service(key) else { return Decision::Remove };
        let destination = &status.destination;
        if !destination.weight.is_quiesced() {
            return Decision::Quiesce(deadline.begin(now));
        }
        if status.counts == ConnectionCounts::default() {
            return Decision::Remove;
        }
        match deadline.state(destination.thresholds, now) {
            super::deadline::State::Passed => Decision::Remove,
            super::deadline::State::Ahead(until) => Decision::Wait(until),
            super::deadline::State::Unknown => Decision::Quiesce(deadline.begin(now)),
        }
    }
}

/// What becomes of a destination that is not wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    Remove,
    /// Weight 0, and thresholds that keep the deadline where the deadline asks for it.
    Quiesce(Option<lvs_model::Thresholds>),
    Wait(Option<SystemTime>),
}
