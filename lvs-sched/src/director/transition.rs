//! This moves a connection to its next state, and from the active ones of its destination to the inactive ones and back.

use super::Director;
use super::entry::{INACTIVE, NIL, NOOUTPUT};
use super::packet::Segment;
use super::sctp::SctpState;
use super::state::{State, View};
use super::tcp::TcpState;
use crate::algo::{Draws, Scheduled};

impl<D: Draws> Director<D> {
    /// Runs the state machine of the connection's protocol. Its timeout becomes that of the state it is in then, also when that is
    /// the state that it was in.
    pub(super) fn transition(&mut self, id: u32, segment: Segment, view: View) {
        let timeouts = &self.sysctls.timeouts;
        let entry = self.table.at_mut(id);
        if view == View::Output {
            entry.flags &= !NOOUTPUT;
        }
        let (next, timeout, assures) = match (segment, entry.state()) {
            (Segment::Tcp(flags), State::Tcp(state)) => {
                let next = state.next(self.sysctls.secure_tcp, view, flags);
                let timeout = match next {
                    TcpState::Established => timeouts.tcp.seconds(),
                    TcpState::FinWait => timeouts.tcp_fin.seconds(),
                    other => other.default_timeout(),
                };
                (State::Tcp(next), timeout, next == TcpState::Established)
            }
            (Segment::Sctp(chunks), State::Sctp(state)) => {
                let next = state.next(view, chunks);
                (State::Sctp(next), next.default_timeout(), next == SctpState::Established)
            }
            (Segment::Udp, State::Udp) => (State::Udp, timeouts.udp.seconds(), view == View::Output),
            _ => return,
        };
        entry.timeout = timeout;
        entry.state = match next {
            State::Tcp(state) => state as u8,
            State::Sctp(state) => state as u8,
            State::Udp | State::Template(_) => 0,
        };
        let (number, control, was_active) = (entry.destination, entry.control, !entry.has(INACTIVE));
        if was_active != next.is_active() && number != NIL {
            entry.flags ^= INACTIVE;
            if was_active {
                self.load(number, 0, Scheduled::deactivate, |load, generation, _| load.deactivate(generation));
            } else {
                self.load(number, 0, Scheduled::activate, |load, generation, _| load.activate(generation));
            }
        }
        if assures && control != NIL {
            self.table.at_mut(control).state = 1;
        }
    }
}
