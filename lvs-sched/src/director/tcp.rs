//! This is the TCP state machine of IPVS: which packet moves a connection to which state, and
//! how long a state lasts.
//!
//! The balancer sees only what passes through it. For masquerading it sees both directions; for
//! direct routing and tunnels it sees the client's half and has to guess the rest: the
//! *input-only* tables. The *secure* tables replace the normal ones while `secure_tcp` is on.
//! All of them were compared cell by cell with running kernels.

use core::fmt;

use super::packet::TcpFlags;
use super::state::View;
use super::sysctls::SecureTcp;

/// This is the state of a TCP connection as `/proc/net/ip_vs_conn` and `ipvsadm -Lc` name it.
///
/// | state | default timeout | counted as |
/// |---|---|---|
/// | `NONE` | 2 s | inactive |
/// | `ESTABLISHED` | 900 s ([`Timeouts::tcp`](lvs_model::Timeouts)) | active |
/// | `SYN_SENT` | 120 s | active |
/// | `SYN_RECV` | 60 s | active |
/// | `FIN_WAIT` | 120 s ([`Timeouts::tcp_fin`](lvs_model::Timeouts)) | inactive |
/// | `TIME_WAIT` | 120 s | inactive |
/// | `CLOSE` | 10 s | inactive |
/// | `CLOSE_WAIT` | 60 s | inactive |
/// | `LAST_ACK` | 30 s | inactive |
/// | `LISTEN` | 120 s | inactive |
/// | `SYNACK` | 120 s | active |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
#[non_exhaustive]
#[repr(u8)]
pub enum TcpState {
    /// `NONE`: no packet was seen yet.
    #[default]
    None,
    /// `ESTABLISHED`: data flows.
    Established,
    /// `SYN_SENT`: the real server opens towards the client.
    SynSent,
    /// `SYN_RECV`: the client's SYN was seen.
    SynRecv,
    /// `FIN_WAIT`: the real server closes, or the client of a connection of which only one half
    /// is seen.
    FinWait,
    /// `TIME_WAIT`: both sides have closed.
    TimeWait,
    /// `CLOSE`: reset, or out of order.
    Close,
    /// `CLOSE_WAIT`: the client has closed.
    CloseWait,
    /// `LAST_ACK`: in the tables but never entered.
    LastAck,
    /// `LISTEN`: expected by a helper, never entered without one.
    Listen,
    /// `SYNACK`: the client's SYN under the secure tables, before it proved its address.
    SynAck,
}

impl TcpState {
    const ALL: [Self; 11] = [NO, ES, SS, SR, FW, TW, CL, CW, LA, LI, SA];

    /// This tells whether a connection in this state counts as active.
    ///
    /// The SYN alone makes a connection active; the first FIN or RST that is believed ends that.
    #[must_use]
    pub const fn is_active(self) -> bool {
        matches!(self, ES | SS | SR | SA)
    }

    /// This is the timeout of the state in seconds, before [`Timeouts`](lvs_model::Timeouts)
    /// replaces those of `ESTABLISHED` and `FIN_WAIT`.
    #[must_use]
    pub const fn default_timeout(self) -> u32 {
        match self {
            NO => 2,
            ES => 900,
            SR | CW => 60,
            CL => 10,
            LA => 30,
            SS | FW | TW | LI | SA => 120,
        }
    }

    /// This is the kernel's spelling, such as `SYN_RECV`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            NO => "NONE",
            ES => "ESTABLISHED",
            SS => "SYN_SENT",
            SR => "SYN_RECV",
            FW => "FIN_WAIT",
            TW => "TIME_WAIT",
            CL => "CLOSE",
            CW => "CLOSE_WAIT",
            LA => "LAST_ACK",
            LI => "LISTEN",
            SA => "SYNACK",
        }
    }

    /// Reads back what `as u8` stored.
    pub(super) const fn from_index(index: u8) -> Self {
        Self::ALL[(index as usize) % Self::ALL.len()]
    }

    /// The state after a packet with `flags` was seen from `view`.
    pub(super) fn next(self, tables: SecureTcp, view: View, flags: TcpFlags) -> Self {
        let event = if flags.contains(TcpFlags::RST) {
            3
        } else if flags.contains(TcpFlags::SYN) {
            0
        } else if flags.contains(TcpFlags::FIN) {
            1
        } else if flags.contains(TcpFlags::ACK) {
            2
        } else {
            return CL;
        };
        let tables = match tables {
            SecureTcp::Off => &NORMAL,
            SecureTcp::On => &SECURE,
        };
        tables[view as usize][event][self as usize]
    }
}

impl fmt::Display for TcpState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// View, event (syn, fin, ack, rst), state before: the state after.
type Tables = [[[TcpState; 11]; 4]; 3];

const NO: TcpState = TcpState::None;
const ES: TcpState = TcpState::Established;
const SS: TcpState = TcpState::SynSent;
const SR: TcpState = TcpState::SynRecv;
const FW: TcpState = TcpState::FinWait;
const TW: TcpState = TcpState::TimeWait;
const CL: TcpState = TcpState::Close;
const CW: TcpState = TcpState::CloseWait;
const LA: TcpState = TcpState::LastAck;
const LI: TcpState = TcpState::Listen;
const SA: TcpState = TcpState::SynAck;

/// The tables while `secure_tcp` is off.
#[rustfmt::skip]
const NORMAL: Tables = [
    [ // input      NO  ES  SS  SR  FW  TW  CL  CW  LA  LI  SA
        /* syn */ [SR, ES, ES, SR, SR, SR, SR, SR, SR, SR, SR],
        /* fin */ [CL, CW, SS, TW, TW, TW, CL, CW, LA, LI, TW],
        /* ack */ [ES, ES, SS, ES, FW, TW, CL, CW, CL, LI, ES],
        /* rst */ [CL, CL, CL, SR, CL, CL, CL, CL, LA, LI, SR],
    ],
    [ // output     NO  ES  SS  SR  FW  TW  CL  CW  LA  LI  SA
        /* syn */ [SS, ES, SS, SR, SS, SS, SS, SS, SS, LI, SR],
        /* fin */ [TW, FW, SS, TW, FW, TW, CL, TW, LA, LI, TW],
        /* ack */ [ES, ES, SS, ES, FW, TW, CL, CW, LA, ES, ES],
        /* rst */ [CL, CL, SS, CL, CL, TW, CL, CL, CL, CL, CL],
    ],
    [ // input-only NO  ES  SS  SR  FW  TW  CL  CW  LA  LI  SA
        /* syn */ [SR, ES, ES, SR, SR, SR, SR, SR, SR, SR, SR],
        /* fin */ [CL, FW, SS, TW, FW, TW, CL, CW, LA, LI, TW],
        /* ack */ [ES, ES, SS, ES, FW, TW, CL, CW, CL, LI, ES],
        /* rst */ [CL, CL, CL, SR, CL, CL, CL, CL, LA, LI, CL],
    ],
];

/// The tables while `secure_tcp` is on: a client is believed only after the server answered.
#[rustfmt::skip]
const SECURE: Tables = [
    [ // input      NO  ES  SS  SR  FW  TW  CL  CW  LA  LI  SA
        /* syn */ [SR, ES, ES, SR, SR, SR, SR, SR, SR, SR, SA],
        /* fin */ [CL, CW, SS, TW, TW, TW, CL, CW, LA, LI, SA],
        /* ack */ [ES, ES, SS, SR, FW, TW, CL, CW, CL, LI, SA],
        /* rst */ [CL, CL, CL, SR, CL, CL, CL, CL, LA, LI, CL],
    ],
    [ // output     NO  ES  SS  SR  FW  TW  CL  CW  LA  LI  SA
        /* syn */ [SS, ES, SS, SA, SS, SS, SS, SS, SS, LI, SA],
        /* fin */ [TW, FW, SS, TW, FW, TW, CL, TW, LA, LI, TW],
        /* ack */ [ES, ES, SS, ES, FW, TW, CL, CW, LA, ES, ES],
        /* rst */ [CL, CL, SS, CL, CL, TW, CL, CL, CL, CL, CL],
    ],
    [ // input-only NO  ES  SS  SR  FW  TW  CL  CW  LA  LI  SA
        /* syn */ [SA, ES, ES, SR, SA, SA, SA, SA, SA, SA, SA],
        /* fin */ [CL, FW, SS, TW, FW, TW, CL, CW, LA, LI, TW],
        /* ack */ [ES, ES, SS, ES, FW, TW, CL, CW, CL, LI, ES],
        /* rst */ [CL, CL, CL, SR, CL, CL, CL, CL, LA, LI, CL],
    ],
];
