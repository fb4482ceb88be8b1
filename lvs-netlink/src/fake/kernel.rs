//! The handle that tests hold: it opens sockets, looks into the tables and makes trouble.

use super::builder::KernelBuilder;
use super::convert;
use super::fault::{Fault, Faults};
use super::port::Port;
use super::state::State;
use super::world::World;
use crate::{Connector, Errno, SocketRole, Transport};
use lvs_model::{
    Change, ConnectionCounts, Endpoint, Rates, ServiceKey, ServiceStatus, Statistics, Table, VirtualServer,
};
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// This is an IPVS kernel in memory. Clones are handles to the same one.
///
/// A handle is a [`Connector`]: give a clone of it to a client, and keep one to look at what the client did.
///
/// ```
/// use lvs_model::{Change, SchedulerName, Service};
/// use lvs_netlink::fake::Kernel;
///
/// let kernel = Kernel::new();
/// let web = Service::new("tcp 10.0.0.1:80".parse()?, SchedulerName::Wlc);
/// kernel.change(&Change::AddService(web))?;
/// assert_eq!(kernel.table().to_string(), "-A -t 10.0.0.1:80 -s wlc\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Kernel(Arc<Mutex<World>>);

impl Kernel {
    pub(super) fn of(world: World) -> Self {
        Self(Arc::new(Mutex::new(world)))
    }

    /// A kernel like the one that most of the records were taken from: no services, every known scheduler, one interface `lo`.
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// A kernel of another make.
    pub fn builder() -> KernelBuilder {
        KernelBuilder::default()
    }

    fn world(&self) -> MutexGuard<'_, World> {
        // A panic in a rival's closure must not hide the tables from the test that failed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// This opens a netlink socket, as a client does through [`Connector::open`].
    #[must_use]
    pub fn socket(&self) -> Socket {
        let port = self.world().open();
        Socket { kernel: self.clone(), port }
    }

    /// The number of the generic netlink family, which changes when the module is reloaded.
    #[must_use]
    pub fn family(&self) -> u16 {
        self.world().family()
    }

    /// This does one change behind the back of every client, as another program would.
    ///
    /// # Errors
    /// What the kernel would answer.
    pub fn change(&self, change: &Change) -> Result<(), Refusal> {
        convert::change(&mut self.world().state, change).map_err(Refusal::new)
    }

    /// This does what a table says: its services and destinations are added in order.
    ///
    /// # Errors
    /// The first answer that is no success; what came before it stays.
    pub fn load(&self, table: &Table) -> Result<(), Refusal> {
        for server in table {
            self.change(&Change::AddService(server.service().clone()))?;
            for destination in server.destinations() {
                self.change(&Change::AddDestination { service: *server.key(), destination: *destination })?;
            }
        }
        Ok(())
    }

    /// The services with what a dump tells about them, sorted by key. What the vocabulary has no words for is left out.
    #[must_use]
    pub fn services(&self) -> Vec<ServiceStatus> {
        let world = self.world();
        let state = &world.state;
        let mut all: Vec<_> = state.services().filter_map(|service| convert::service_status(state, service)).collect();
        all.sort_by(|a, b| a.service.key().cmp(b.service.key()));
        all
    }

    /// The configuration that is in force: services sorted by key, destinations in the order in which they were added.
    #[must_use]
    pub fn table(&self) -> Table {
        let servers = self.services().into_iter().map(|status| {
            let mut server = VirtualServer::new(status.service);
            for status in status.destinations.iter().rev() {
                // What cannot be inserted is left out.
                let _ = server.insert(status.destination);
            }
            server
        });
        servers.collect()
    }

    /// This sets the connection counts of a destination, which the kernel would get from its packets.
    ///
    /// # Errors
    /// `ESRCH` without the service, `ENOENT` without the destination.
    pub fn set_counts(&self, key: &ServiceKey, endpoint: Endpoint, counts: ConnectionCounts) -> Result<(), Refusal> {
        let mut world = self.world();
        let service = convert::service_id(key);
        world.state.service(&service).ok_or(Refusal(Errno::ESRCH))?;
        let found = world.state.destination_mut(&service, &convert::destination_id(endpoint));
        found.ok_or(Refusal(Errno::ENOENT))?.counts = [counts.active, counts.inactive, counts.persistent];
        Ok(())
    }

    /// This sets the totals and rates of a service.
    ///
    /// # Errors
    /// `ESRCH` without the service.
    pub fn set_statistics(&self, key: &ServiceKey, statistics: Statistics, rates: Rates) -> Result<(), Refusal> {
        let mut world = self.world();
        let service = world.state.service_mut(&convert::service_id(key)).ok_or(Refusal(Errno::ESRCH))?;
        service.counters = convert::raw_counters(statistics, rates);
        Ok(())
    }

    /// This makes trouble at the next command.
    pub fn inject(&self, fault: Fault) {
        self.inject_after(0, fault);
    }

    /// This makes trouble when so many commands more have been executed; each datagram of a dump after the first counts as one.
    pub fn inject_after(&self, commands: u64, fault: Fault) {
        self.world().faults.wait(commands, fault);
    }

    /// This ends all trouble, and forgets what was to come. Sockets that are stuck stay so.
    pub fn clear_faults(&self) {
        self.world().faults = Faults::default();
    }

    /// This gives the kernel another user, who is called before every command and before every further part of a dump.
    pub fn set_rival(&self, rival: impl FnMut(&mut Rival<'_>) + Send + 'static) {
        self.world().rival(Some(Box::new(rival)));
    }

    /// This sends the other user away.
    pub fn clear_rival(&self) {
        self.world().rival(None);
    }

    /// How many commands of the family have been executed or refused so far.
    #[must_use]
    pub fn executed(&self) -> u64 {
        self.world().executed
    }

    /// How often a running scheduler was exchanged, for each of which a real kernel holds everybody up for a grace period of 12 to 20 ms.
    #[must_use]
    pub fn scheduler_changes(&self) -> u64 {
        self.world().state.scheduler_changes
    }

    /// This lets the time pass after which deleted destinations are forgotten. Before, adding one again brings its counters back.
    pub fn empty_trash(&self) {
        self.world().state.empty_trash();
    }
}

impl Default for Kernel {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let world = self.world();
        let services = world.state.services().count();
        f.debug_struct("Kernel").field("family", &world.family()).field("services", &services).finish_non_exhaustive()
    }
}

impl Connector for Kernel {
    fn open(&mut self, _role: SocketRole) -> io::Result<Box<dyn Transport>> {
        Ok(Box::new(self.socket()))
    }
}

/// This is one netlink socket of the in-memory kernel.
#[derive(Debug)]
pub struct Socket {
    kernel: Kernel,
    port: Port,
}

impl Transport for Socket {
    fn send(&mut self, datagram: &[u8], _deadline: Instant) -> io::Result<()> {
        self.kernel.world().send(&mut self.port, datagram).map_err(io::Error::from_raw_os_error)
    }

    fn receive(&mut self, buffer: &mut [u8], _deadline: Instant) -> io::Result<usize> {
        let datagram = self.kernel.world().receive(&mut self.port, buffer.len());
        let datagram = datagram.map_err(io::Error::from_raw_os_error)?.ok_or(io::ErrorKind::TimedOut)?;
        for (to, from) in buffer.iter_mut().zip(&datagram) {
            *to = *from;
        }
        Ok(datagram.len())
    }
}

/// This is what the in-memory kernel answers to a change that it does not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("the in-memory kernel refuses this with {0}")]
#[non_exhaustive]
pub struct Refusal(pub Errno);

impl Refusal {
    fn new(errno: i32) -> Self {
        Self(Errno::new(errno))
    }
}

/// This is the other user of the kernel, at the moment before one of our commands.
#[derive(Debug)]
pub struct Rival<'a> {
    state: &'a mut State,
    executed: u64,
}

impl<'a> Rival<'a> {
    pub(super) fn new(state: &'a mut State, executed: u64) -> Self {
        Self { state, executed }
    }

    /// How many commands have been executed before this moment.
    #[must_use]
    pub fn executed(&self) -> u64 {
        self.executed
    }

    /// This does one change.
    ///
    /// # Errors
    /// What the kernel would answer.
    pub fn change(&mut self, change: &Change) -> Result<(), Refusal> {
        convert::change(self.state, change).map_err(Refusal::new)
    }

    /// This removes everything, as `ipvsadm -C` does.
    pub fn flush(&mut self) {
        self.state.flush();
    }
}
