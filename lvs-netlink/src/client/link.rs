//! One open socket with its receive buffer: datagrams in, messages out.

use std::io;
use std::ops::ControlFlow;
use std::time::Instant;

use super::error::ErrorKind;
use crate::wire::{Message, Messages};
use crate::{Errno, Transport};

/// This is an open transport. It is taken out of the client while it is used and put back only when the
/// exchange ended as it should, so one that has an unread answer is never used again.
pub(super) struct Link {
    transport: Box<dyn Transport>,
    buffer: Vec<u8>,
}

/// This is why an exchange ended early.
#[derive(Debug)]
pub(super) enum Failure {
    /// The deadline passed.
    TimedOut,
    /// The kernel dropped answers.
    Lost,
    /// A datagram of this length did not fit into the buffer.
    Cut { length: usize, room: usize },
    /// The link is done for.
    Broken(ErrorKind),
}

impl Link {
    pub(super) fn new(transport: Box<dyn Transport>, buffer_size: usize) -> Self {
        Self { transport, buffer: vec![0; buffer_size] }
    }

    pub(super) fn send(&mut self, datagram: &[u8], deadline: Instant) -> Result<(), Failure> {
        self.transport.send(datagram, deadline).map_err(failure)
    }

    /// This hands over one message after the other, of as many datagrams as it takes, until `each` breaks.
    pub(super) fn receive<T>(
        &mut self,
        deadline: Instant,
        mut each: impl FnMut(Message<'_>) -> Result<ControlFlow<T>, ErrorKind>,
    ) -> Result<T, Failure> {
        loop {
            let length = self.transport.receive(&mut self.buffer, deadline).map_err(failure)?;
            let datagram = self.buffer.get(..length).ok_or(Failure::Cut { length, room: self.buffer.len() })?;
            for message in Messages::new(datagram) {
                let message = message.map_err(|error| Failure::Broken(ErrorKind::Malformed(error)))?;
                if let ControlFlow::Break(value) = each(message).map_err(Failure::Broken)? {
                    return Ok(value);
                }
            }
        }
    }
}

fn failure(error: io::Error) -> Failure {
    match error.raw_os_error().map(Errno::new) {
        Some(Errno::ENOBUFS) => Failure::Lost,
        Some(Errno::EPERM) => Failure::Broken(ErrorKind::NoPermission),
        _ if error.kind() == io::ErrorKind::TimedOut => Failure::TimedOut,
        _ => Failure::Broken(ErrorKind::Io(error)),
    }
}
