//! The services as pools of `lvs-sched`: what balances in user space.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use lvs_model::{
    Change, Destination, DestinationStatus, Endpoint, Rates, Service, ServiceKey, ServiceStatus, Statistics,
    VirtualServer,
};
use lvs_sched::algo::{AnyScheduler, DestinationId, Flow};
use lvs_sched::{Connection, Pool};

use crate::failure::Failure;
use crate::persistence::{Binding, Templates};
use crate::setup::{CONNECT_TIMEOUT, VirtualService};
use crate::supervise::Target;

/// All services.
#[derive(Debug)]
pub(crate) struct Pools {
    services: Vec<Arc<ServicePool>>,
}

/// One service: where clients connect, and the pool of its real servers.
#[derive(Debug)]
pub(crate) struct ServicePool {
    service: Service,
    address: SocketAddr,
    pool: Pool<Upstream>,
    connect_timeouts: HashMap<Endpoint, Duration>,
    /// Of a persistent service.
    templates: Option<Mutex<Templates<Upstream>>>,
    /// The moment that the schedulers' time counts from.
    start: Instant,
}

/// What a connection needs to know of its destination; it rides on the destination in the pool.
#[derive(Debug, Clone, Copy)]
struct Upstream {
    address: SocketAddr,
    connect_timeout: Duration,
}

impl Pools {
    /// Makes a pool without destinations for each service.
    pub(crate) fn new(services: &[VirtualService]) -> Result<Self, Failure> {
        let mut pools = Vec::new();
        for setup in services {
            let connect_timeouts: HashMap<_, _> = setup
                .members
                .iter()
                .flat_map(|member| member.destinations.iter().zip(&setup.real_servers))
                .map(|(destination, server)| (destination.endpoint, server.connect_timeout))
                .collect();
            for member in &setup.members {
                pools.push(Arc::new(ServicePool::new(&member.service, connect_timeouts.clone())?));
            }
        }
        Ok(Self { services: pools })
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<ServicePool>> {
        self.services.iter()
    }

    fn find(&self, key: &ServiceKey) -> Result<&ServicePool, String> {
        let found = self.services.iter().find(|service| service.service.key() == key);
        found.map(AsRef::as_ref).ok_or_else(|| format!("there is no service {key}"))
    }
}

impl Target for Pools {
    fn apply(&mut self, change: &Change) -> Result<(), String> {
        let service = self.find(change.service())?;
        match change {
            Change::AddDestination { destination, .. } => {
                service.pool.add(*destination, service.upstream(destination)).map_err(|e| e.to_string())
            }
            Change::EditDestination { to, .. } => service.pool.update(*to).map_err(|e| e.to_string()),
            // Connections of a removed destination go on, so nobody waits for their end.
            Change::RemoveDestination { destination, .. } => {
                service.pool.remove(*destination).map(drop).map_err(|e| e.to_string())
            }
            Change::AddService(_) | Change::EditService { .. } | Change::RemoveService(_) => {
                Err(format!("the services of a running program do not change: {change}"))
            }
        }
    }

    fn status(&mut self) -> Result<Vec<ServiceStatus>, String> {
        Ok(self.services.iter().map(|service| service.status()).collect())
    }
}

impl ServicePool {
    fn new(service: &Service, connect_timeouts: HashMap<Endpoint, Duration>) -> Result<Self, Failure> {
        let key = service.key();
        let endpoint = key.endpoint().ok_or_else(|| Failure::run(format!("{key} has no address to listen on")))?;
        let address = endpoint.socket_addr();
        let none = |_: &Destination| Upstream { address, connect_timeout: CONNECT_TIMEOUT };
        let pool = Pool::like(&VirtualServer::new(service.clone()), none);
        let pool = pool.map_err(|e| Failure::run(format!("{key}: {e}")))?;
        let templates = service.persistence().map(|persistence| Mutex::new(Templates::new(persistence)));
        let service = service.clone();
        Ok(Self { service, address, pool, connect_timeouts, templates, start: Instant::now() })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// A way into the pool for one task.
    pub(crate) fn picker(&self) -> Picker<'_> {
        Picker { service: self, picker: self.pool.picker() }
    }

    fn upstream(&self, destination: &Destination) -> Upstream {
        let mut address = destination.endpoint.socket_addr();
        // As in the kernel: a destination without a port gets the one that the client asked for.
        if address.port() == 0 {
            address.set_port(self.address.port());
        }
        let connect_timeout = self.connect_timeouts.get(&destination.endpoint).copied().unwrap_or(CONNECT_TIMEOUT);
        Upstream { address, connect_timeout }
    }

    fn status(&self) -> ServiceStatus {
        let destinations = self.pool.destinations().into_iter().map(|member| DestinationStatus {
            destination: *member.destination(),
            counts: member.counts(),
            statistics: Statistics::default(),
            rates: Rates::default(),
        });
        let mut status = ServiceStatus::from(self.service.clone());
        status.destinations = destinations.collect();
        status
    }
}

/// A way into the pool of a service for one task.
#[derive(Debug)]
pub(crate) struct Picker<'a> {
    service: &'a ServicePool,
    picker: lvs_sched::Picker<Upstream, AnyScheduler>,
}

impl Picker<'_> {
    /// The real server that the client is bound to, else what the scheduler picks.
    pub(crate) fn pick(&mut self, client: SocketAddr) -> Option<Counted> {
        let flow = self.flow(client);
        let bound = self.service.templates.as_ref().and_then(|templates| lock(templates).connect(&flow));
        if let Some((connection, binding)) = bound {
            return Some(Counted::new(connection, Some(binding)));
        }
        let connection = self.picker.connect(&flow)?;
        Some(self.bind(&flow, connection))
    }

    /// What the scheduler picks when these could not serve the connection.
    pub(crate) fn retry(&mut self, client: SocketAddr, tried: &[DestinationId]) -> Option<Counted> {
        let flow = self.flow(client);
        let connection = self.picker.retry(&flow, tried)?;
        Some(self.bind(&flow, connection))
    }

    fn bind(&self, flow: &Flow, connection: Connection<Upstream>) -> Counted {
        let binding = self.service.templates.as_ref().and_then(|templates| lock(templates).bind(flow, &connection));
        Counted::new(connection, binding)
    }

    fn flow(&self, client: SocketAddr) -> Flow {
        Flow::tcp(client, self.service.address).at(self.service.start.elapsed())
    }
}

/// A connection that is counted for its real server, as active until it says otherwise, until it is dropped.
#[derive(Debug)]
pub(crate) struct Counted {
    id: DestinationId,
    upstream: Upstream,
    connection: Mutex<Connection<Upstream>>,
    _binding: Option<Binding>,
}

impl Counted {
    fn new(connection: Connection<Upstream>, binding: Option<Binding>) -> Self {
        let (id, upstream) = (connection.id(), *connection.data());
        Self { id, upstream, connection: Mutex::new(connection), _binding: binding }
    }

    pub(crate) fn id(&self) -> DestinationId {
        self.id
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.upstream.address
    }

    pub(crate) fn connect_timeout(&self) -> Duration {
        self.upstream.connect_timeout
    }

    /// Counts it as inactive from now on.
    pub(crate) fn deactivate(&self) {
        lock(&self.connection).deactivate();
    }
}

// Nothing that is done under these locks leaves a thing half done, so a panic elsewhere does not matter.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
