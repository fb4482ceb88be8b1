//! This joins the states of all protocols: what a line of the connection list shows.

use core::fmt;

use super::sctp::SctpState;
use super::tcp::TcpState;

/// This is the state of a connection or of a persistence template.
///
/// `Display` gives the kernel's spelling (`/proc/net/ip_vs_conn`, `ipvsadm -Lnc`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum State {
    /// A TCP connection.
    Tcp(TcpState),
    /// A UDP flow, shown `UDP`: it has one state, never counts as active, and lasts 300 s
    /// ([`Timeouts::udp`](lvs_model::Timeouts)) after its last packet in either direction.
    Udp,
    /// An SCTP association.
    Sctp(SctpState),
    /// A persistence template.
    Template(TemplateState),
}

impl State {
    /// This tells whether a connection in this state counts as active for its destination.
    #[must_use]
    pub const fn is_active(self) -> bool {
        match self {
            Self::Tcp(state) => state.is_active(),
            Self::Sctp(state) => state.is_active(),
            Self::Udp | Self::Template(_) => false,
        }
    }

    /// This is the kernel's spelling.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp(state) => state.name(),
            Self::Udp => "UDP",
            Self::Sctp(state) => state.name(),
            Self::Template(TemplateState::None) => "NONE",
            Self::Template(TemplateState::Assured) => "ASSURED",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// This is the state of a persistence template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
#[non_exhaustive]
#[repr(u8)]
pub enum TemplateState {
    /// `NONE`: no connection under it was answered yet.
    #[default]
    None,
    /// `ASSURED`: a connection under it was established (TCP, SCTP) or answered (UDP).
    Assured,
}

/// Which of the three state tables applies to a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum View {
    /// From the client, of a connection whose replies are seen too.
    Input,
    /// From the real server.
    Output,
    /// From the client, of a connection whose replies have not been seen.
    InputOnly,
}
