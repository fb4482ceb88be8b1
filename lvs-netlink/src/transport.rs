//! The seam between client and socket, behind which a kernel, a test double or a recording may stand.

use std::io;
use std::time::Instant;

/// This is what a socket of the client is used for, which decides how large its receive buffer is.
///
/// The kernel builds a dump's parts as large as the largest buffer that the socket ever received with, and
/// on many systems it clears that memory each time. Listing the destinations of thousands of services is
/// twice as fast when the socket that does it only ever shows a small buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum SocketRole {
    /// Commands, their acknowledgements, and the one long dump of all services.
    Commands,
    /// The many short dumps of destinations.
    Destinations,
}

/// This is one netlink socket, as the client sees it: datagrams go out and come in, each before a deadline.
///
/// The deadline is a point on the clock of [`Instant`]. A transport without a clock (the in-memory kernel)
/// answers [`io::ErrorKind::TimedOut`] at once when there is nothing to receive.
pub trait Transport: Send {
    /// This sends one datagram, which holds one or more complete messages.
    ///
    /// The kernel carries the commands out before this returns.
    ///
    /// # Errors
    /// Those of `send(2)`, with their [`raw_os_error`](io::Error::raw_os_error).
    fn send(&mut self, datagram: &[u8], deadline: Instant) -> io::Result<()>;

    /// This receives one datagram and gives its real length, which is more than `buffer.len()` when it was cut.
    ///
    /// # Errors
    /// [`io::ErrorKind::TimedOut`] when the deadline passes, otherwise those of `recv(2)`; `ENOBUFS` means that
    /// the kernel dropped answers because the socket's queue was full.
    fn receive(&mut self, buffer: &mut [u8], deadline: Instant) -> io::Result<usize>;
}

/// This opens transports: when a client begins, and again when one of them must not be used any more.
pub trait Connector: Send {
    /// This opens a transport to the IPVS of one network namespace, the same one every time.
    ///
    /// # Errors
    /// Those of `socket(2)`, or why the peer cannot be reached again.
    fn open(&mut self, role: SocketRole) -> io::Result<Box<dyn Transport>>;
}
