//! A blocking client of the kernel's IPVS, with one persistent connection and a deadline on every exchange.

mod error;
mod exchange;
mod link;
mod read;
mod refusal;
mod write;

use std::fmt;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

pub use error::{Error, ErrorKind, Object, Operation};
pub use exchange::Acknowledgement;
pub use write::Upserted;

use crate::{Connector, GivenDescriptor, Kernel};
use link::Link;

/// As large as the kernel ever makes a part of a dump.
const COMMANDS_BUFFER: usize = 32 * 1024;
/// The smallest into which every part of a dump fits, where memory pages have 4 KiB. Where they are larger the first
/// part is cut, and the buffer grows. See [`SocketRole`](crate::SocketRole).
const DESTINATIONS_BUFFER: usize = 4 * 1024;

/// This talks to the IPVS of one network namespace.
///
/// ```no_run
/// use lvs_model::{Destination, Endpoint, SchedulerName, Service, ServiceKey};
/// use lvs_netlink::Client;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut client = Client::connect()?;
/// let key = ServiceKey::tcp("192.0.2.1:80".parse::<Endpoint>()?);
/// client.upsert_service(&Service::new(key, SchedulerName::Wrr))?;
/// client.upsert_destination(&key, &Destination::new("10.0.0.1:8080".parse()?))?;
/// print!("{}", client.table()?);
/// # Ok(())
/// # }
/// ```
///
/// # Time
/// Every exchange has a deadline ([`with_timeout`](Self::with_timeout), 10 seconds unless changed). When it passes,
/// the operation fails with [`ErrorKind::TimedOut`], the socket is closed, and the next operation opens a new one:
/// an answer that comes too late is never taken for another's. The kernel does its work inside `send(2)`, where
/// another program that holds IPVS's lock can keep it; no deadline reaches in there.
///
/// # What it does not do
/// It does not load modules (the kernel does when the family or a scheduler is asked for), does not log, starts no
/// thread but a short-lived one to enter a named namespace, and has no global state.
pub struct Client {
    connector: Box<dyn Connector>,
    commands: Option<Link>,
    destinations: Option<Link>,
    buffer_sizes: (usize, usize),
    family: Option<u16>,
    sequence: u32,
    outgoing: Vec<u8>,
    timeout: Duration,
    window: usize,
    acknowledgement: Acknowledgement,
}

impl Client {
    /// This connects to the network namespace of the calling thread and finds the family `IPVS`.
    ///
    /// The kernel loads the module `ip_vs` when it is not there yet.
    ///
    /// # Errors
    /// [`ErrorKind::IpvsMissing`] when the kernel has no IPVS, [`ErrorKind::Io`] when the socket cannot be opened.
    /// Missing permissions show at the first operation.
    pub fn connect() -> Result<Self, Error> {
        Self::with_connector(Kernel::current())
    }

    /// This connects to the network namespace at a path: `/run/netns/NAME` or `/proc/PID/ns/net`.
    ///
    /// The caller's thread stays where it is. Entering takes `CAP_SYS_ADMIN`.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub fn connect_to_namespace(path: impl AsRef<Path>) -> Result<Self, Error> {
        let kernel = Kernel::namespace(path);
        Self::with_connector(
            kernel.map_err(|error| Error::new(Operation::Connect, Object::None, ErrorKind::Io(error)))?,
        )
    }

    /// This talks over a generic netlink socket that was opened elsewhere.
    ///
    /// It cannot be opened again: after a timeout every operation fails.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub fn from_descriptor(descriptor: OwnedFd) -> Result<Self, Error> {
        // A socket that serves both purposes gets dump parts of full size for both.
        Self::open(GivenDescriptor::new(descriptor), (COMMANDS_BUFFER, COMMANDS_BUFFER))
    }

    /// This talks over transports of the caller's making: the in-memory kernel, or one that records.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub fn with_connector(connector: impl Connector + 'static) -> Result<Self, Error> {
        Self::open(connector, (COMMANDS_BUFFER, DESTINATIONS_BUFFER))
    }

    fn open(connector: impl Connector + 'static, buffer_sizes: (usize, usize)) -> Result<Self, Error> {
        let mut client = Self {
            connector: Box::new(connector),
            commands: None,
            destinations: None,
            buffer_sizes,
            family: None,
            sequence: 1,
            outgoing: Vec::new(),
            timeout: Duration::from_secs(10),
            window: 128,
            acknowledgement: Acknowledgement::Each,
        };
        client.family()?;
        Ok(client)
    }

    /// This sets how long one exchange may take: a window of commands, or one dump. 10 seconds unless changed; ten years at most.
    #[must_use]
    pub const fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// This sets how many requests are sent at once, from 1 to 1024; 128 unless changed.
    ///
    /// A given descriptor has the queues that it was given: with the kernel's defaults 277 answers fit into one, and
    /// what does not fit is lost. Sockets that are opened here have larger ones.
    #[must_use]
    pub fn with_window(mut self, requests: usize) -> Self {
        self.window = requests.clamp(1, 1024);
        self
    }

    /// This sets whether each request of a window is acknowledged, or only its last one.
    #[must_use]
    pub const fn with_acknowledgement(mut self, acknowledgement: Acknowledgement) -> Self {
        self.acknowledgement = acknowledgement;
        self
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("family", &self.family)
            .field("timeout", &self.timeout)
            .field("window", &self.window)
            .field("acknowledgement", &self.acknowledgement)
            .finish_non_exhaustive()
    }
}
