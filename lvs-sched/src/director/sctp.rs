//! This is the SCTP state machine of IPVS: which chunk moves an association to which state, and
//! how long a state lasts.
//!
//! Only the first chunk of a packet is looked at (and the second where the first is a cookie and
//! the second an ABORT). As for TCP there are three tables: client packets, server packets,
//! and client packets of an association whose replies are not seen.

use core::fmt;

use super::packet::SctpChunks;
use super::state::View;

/// This is the state of an SCTP association as `/proc/net/ip_vs_conn` names it.
///
/// Only `ESTABLISHED` counts as active. Timeouts: `NONE` 2 s, `INIT1` and `REJECTED` 4 s,
/// `ESTABLISHED` 900 s, all others 61 s; none of them can be configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
#[non_exhaustive]
#[repr(u8)]
pub enum SctpState {
    /// `NONE`: no packet was seen yet.
    #[default]
    None,
    /// `INIT1`: the first INIT of the client.
    Init1,
    /// `INIT`: a repeated INIT of the client.
    Init,
    /// `C-SENT`: the server answered with INIT-ACK.
    CookieSent,
    /// `C-REPLIED`: the client sent COOKIE-ECHO.
    CookieReplied,
    /// `C-WAIT`: the server opens towards the client.
    CookieWait,
    /// `COOKIE`: the client answered the server's INIT.
    Cookie,
    /// `C-ECHOED`: a cookie was echoed, its acknowledgement is awaited.
    CookieEchoed,
    /// `ESTABLISHED`: data flows; the only active state.
    Established,
    /// `S-SENT`: the server shuts down.
    ShutdownSent,
    /// `S-RECEIVED`: the client shuts down.
    ShutdownReceived,
    /// `S-ACK-SENT`: the server acknowledged a shutdown.
    ShutdownAckSent,
    /// `REJECTED`: aborted while opening.
    Rejected,
    /// `CLOSED`: over.
    Closed,
}

impl SctpState {
    const ALL: [Self; 14] = [NO, I1, IN, CS, CR, CW, CO, CE, ES, SS, SR, SA, RJ, CL];

    /// This tells whether an association in this state counts as active.
    #[must_use]
    pub const fn is_active(self) -> bool {
        matches!(self, ES)
    }

    /// This is the timeout of the state in seconds.
    #[must_use]
    pub const fn default_timeout(self) -> u32 {
        match self {
            NO => 2,
            I1 | RJ => 4,
            ES => 900,
            IN | CS | CR | CW | CO | CE | SS | SR | SA | CL => 61,
        }
    }

    /// This is the kernel's spelling, such as `C-ECHOED`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            NO => "NONE",
            I1 => "INIT1",
            IN => "INIT",
            CS => "C-SENT",
            CR => "C-REPLIED",
            CW => "C-WAIT",
            CO => "COOKIE",
            CE => "C-ECHOED",
            ES => "ESTABLISHED",
            SS => "S-SENT",
            SR => "S-RECEIVED",
            SA => "S-ACK-SENT",
            RJ => "REJECTED",
            CL => "CLOSED",
        }
    }

    /// Reads back what `as u8` stored.
    pub(super) const fn from_index(index: u8) -> Self {
        Self::ALL[(index as usize) % Self::ALL.len()]
    }

    /// The state after a packet with `chunks` was seen from `view`.
    pub(super) fn next(self, view: View, chunks: SctpChunks) -> Self {
        TABLES[view as usize][event(chunks)][self as usize]
    }
}

impl fmt::Display for SctpState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The row of the tables for a packet.
fn event(chunks: SctpChunks) -> usize {
    const fn is(chunk: SctpChunks) -> u8 {
        chunk.first()
    }
    const INIT: u8 = is(SctpChunks::INIT);
    const INIT_ACK: u8 = is(SctpChunks::INIT_ACK);
    const COOKIE_ECHO: u8 = is(SctpChunks::COOKIE_ECHO);
    const COOKIE_ACK: u8 = is(SctpChunks::COOKIE_ACK);
    const SHUTDOWN: u8 = is(SctpChunks::SHUTDOWN);
    const SHUTDOWN_ACK: u8 = is(SctpChunks::SHUTDOWN_ACK);
    const SHUTDOWN_COMPLETE: u8 = is(SctpChunks::SHUTDOWN_COMPLETE);
    const ERROR: u8 = is(SctpChunks::ERROR);
    const ABORT: u8 = is(SctpChunks::ABORT);
    match (chunks.first(), chunks.second()) {
        (COOKIE_ECHO | COOKIE_ACK, Some(ABORT)) | (ABORT, _) => 9,
        (INIT, _) => 1,
        (INIT_ACK, _) => 2,
        (COOKIE_ECHO, _) => 3,
        (COOKIE_ACK, _) => 4,
        (SHUTDOWN, _) => 5,
        (SHUTDOWN_ACK, _) => 6,
        (SHUTDOWN_COMPLETE, _) => 7,
        (ERROR, _) => 8,
        _ => 0,
    }
}

const NO: SctpState = SctpState::None;
const I1: SctpState = SctpState::Init1;
const IN: SctpState = SctpState::Init;
const CS: SctpState = SctpState::CookieSent;
const CR: SctpState = SctpState::CookieReplied;
const CW: SctpState = SctpState::CookieWait;
const CO: SctpState = SctpState::Cookie;
const CE: SctpState = SctpState::CookieEchoed;
const ES: SctpState = SctpState::Established;
const SS: SctpState = SctpState::ShutdownSent;
const SR: SctpState = SctpState::ShutdownReceived;
const SA: SctpState = SctpState::ShutdownAckSent;
const RJ: SctpState = SctpState::Rejected;
const CL: SctpState = SctpState::Closed;

/// View; event (d data and others, i INIT, ia INIT-ACK, ce COOKIE-ECHO, ca COOKIE-ACK, s SHUTDOWN,
/// sa SHUTDOWN-ACK, sc SHUTDOWN-COMPLETE, er ERROR, ab ABORT); state before: the state after.
#[rustfmt::skip]
const TABLES: [[[SctpState; 14]; 10]; 3] = [
    [ // input      NO  I1  IN  CS  CR  CW  CO  CE  ES  SS  SR  SA  RJ  CL
        /* d   */ [ES, I1, IN, CS, CR, CW, CO, CE, ES, SS, SR, SA, RJ, CL],
        /* i   */ [I1, IN, IN, CS, CR, CW, CO, CE, ES, SS, SR, SA, IN, IN],
        /* ia  */ [CW, CW, CW, CS, CR, CO, CO, CE, ES, SS, SR, SA, RJ, CL],
        /* ce  */ [CR, IN, IN, CR, CR, CW, CO, CE, ES, SS, SR, SA, RJ, CL],
        /* ca  */ [ES, I1, IN, CS, CR, CW, CO, ES, ES, SS, SR, SA, RJ, CL],
        /* s   */ [SR, I1, IN, CS, CR, CW, CO, CE, SR, SS, SR, SA, RJ, CL],
        /* sa  */ [CL, IN, IN, CS, CR, CW, CO, CE, ES, CL, SR, CL, RJ, CL],
        /* sc  */ [CL, CL, CL, CS, CR, CW, CO, CE, ES, SS, SR, CL, RJ, CL],
        /* er  */ [CL, I1, IN, CS, CR, CW, CO, CL, ES, SS, SR, SA, RJ, CL],
        /* ab  */ [CL, CL, CL, CL, CL, RJ, CL, CL, CL, CL, CL, CL, CL, CL],
    ],
    [ // output     NO  I1  IN  CS  CR  CW  CO  CE  ES  SS  SR  SA  RJ  CL
        /* d   */ [ES, I1, IN, CS, CR, CW, CO, CE, ES, SS, SR, SA, RJ, CL],
        /* i   */ [CW, CW, CW, CW, CW, CW, CW, CW, ES, CW, CW, CW, CW, CW],
        /* ia  */ [CS, CS, CS, CS, CR, CW, CO, CE, ES, SS, SR, SA, RJ, CL],
        /* ce  */ [CE, CE, CE, CE, CE, CE, CE, CE, ES, SS, SR, SA, RJ, CL],
        /* ca  */ [ES, ES, ES, ES, ES, ES, ES, ES, ES, SS, SR, SA, RJ, CL],
        /* s   */ [SS, SS, SS, SS, SS, SS, SS, SS, SS, SS, SR, SA, RJ, CL],
        /* sa  */ [SA, SA, SA, SA, SA, CW, CO, CE, ES, SA, SA, SA, RJ, CL],
        /* sc  */ [CL, I1, IN, CS, CR, CW, CO, CE, ES, SS, SR, SA, RJ, CL],
        /* er  */ [CL, CL, CL, CL, CL, CW, CO, CE, ES, SS, SR, SA, RJ, CL],
        /* ab  */ [CL, RJ, CL, CL, CL, CL, CL, CL, CL, CL, CL, CL, CL, CL],
    ],
    [ // input-only NO  I1  IN  CS  CR  CW  CO  CE  ES  SS  SR  SA  RJ  CL
        /* d   */ [ES, I1, IN, CS, CR, ES, CO, CE, ES, SS, SR, SA, RJ, CL],
        /* i   */ [I1, IN, IN, IN, IN, IN, CO, CE, ES, SS, SR, SA, IN, IN],
        /* ia  */ [CE, CE, CE, CE, CE, CE, CO, CE, ES, SS, SR, SA, RJ, CL],
        /* ce  */ [ES, ES, ES, ES, ES, ES, CO, CE, ES, SS, SR, SA, RJ, CL],
        /* ca  */ [ES, I1, IN, ES, ES, CW, ES, ES, ES, SS, SR, SA, RJ, CL],
        /* s   */ [SR, I1, IN, CS, CR, CW, CO, CE, SR, SS, SR, SA, RJ, CL],
        /* sa  */ [CL, IN, IN, CS, CR, CW, CO, CE, CL, CL, SR, CL, RJ, CL],
        /* sc  */ [CL, CL, CL, CL, CL, CW, CO, CE, ES, SS, CL, CL, RJ, CL],
        /* er  */ [CL, I1, IN, CS, CR, CW, CO, CE, ES, SS, SR, SA, RJ, CL],
        /* ab  */ [CL, CL, CL, CL, CL, RJ, CL, CL, CL, CL, CL, CL, CL, CL],
    ],
];
