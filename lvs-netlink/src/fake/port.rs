//! One netlink socket of the in-memory kernel: its receive queue and the dump that it may be in the middle of.

use super::commands::{self, Listing};
use super::errno::ENOBUFS;
use super::message::{self, Request};
use super::state::State;
use std::collections::VecDeque;

/// The datagrams that a default receive buffer of 212,992 bytes holds, as counted on a real kernel.
const QUEUE: usize = 277;
/// What a datagram of a dump holds unless the reader has shown a larger buffer.
const SMALLEST_PART: usize = 3_776;
/// The most that a datagram of a dump holds.
const LARGEST_PART: usize = 32 * 1024;

/// A dump that is being read.
#[derive(Debug)]
struct Dump {
    /// The request, kept for the headers of the parts.
    request: Vec<u8>,
    family: u16,
    listing: Listing,
    passed: usize,
    interrupted: bool,
}

#[derive(Debug)]
pub(super) struct Port {
    /// Sockets are numbered in the order in which they were opened.
    pub(super) number: u64,
    queue: VecDeque<Vec<u8>>,
    dump: Option<Dump>,
    overrun: bool,
    largest_buffer: usize,
}

impl Port {
    pub(super) fn new(number: u64) -> Self {
        Self { number, queue: VecDeque::new(), dump: None, overrun: false, largest_buffer: 0 }
    }

    pub(super) fn queue(&mut self, datagram: Vec<u8>) {
        if self.queue.len() < QUEUE {
            self.queue.push_back(datagram);
        } else {
            self.overrun();
        }
    }

    /// The queue was full: the next receive says so once, and what came is lost.
    pub(super) fn overrun(&mut self) {
        self.overrun = true;
    }

    pub(super) fn dumps(&self) -> bool {
        self.dump.is_some()
    }

    pub(super) fn start_dump(
        &mut self,
        state: &State,
        request: &Request<'_>,
        family: u16,
        listing: Listing,
        interrupted: bool,
    ) {
        self.dump = Some(Dump { request: request.bytes.to_vec(), family, listing, passed: 0, interrupted });
        self.continue_dump(state);
    }

    /// Puts the next part of a running dump into the queue.
    pub(super) fn continue_dump(&mut self, state: &State) {
        let Some(mut dump) = self.dump.take() else { return };
        let Some(request) = message::requests(&dump.request).next() else { return };
        let size = self.largest_buffer.clamp(SMALLEST_PART, LARGEST_PART);
        let mut datagram = Vec::new();
        let limits = (dump.passed, size, dump.interrupted);
        let passed = commands::fill(&mut datagram, state, &request, dump.family, &dump.listing, limits);
        if datagram.is_empty() {
            self.queue(message::done(&request));
        } else {
            self.queue(datagram);
            dump.passed = passed;
            self.dump = Some(dump);
        }
    }

    /// The next datagram, or `None` when nothing is there to read.
    pub(super) fn receive(&mut self, buffer: usize) -> Result<Option<Vec<u8>>, i32> {
        self.largest_buffer = self.largest_buffer.max(buffer);
        if std::mem::take(&mut self.overrun) {
            return Err(ENOBUFS);
        }
        Ok(self.queue.pop_front())
    }
}
