//! Making the changes of a difference.

use alloc::vec::Vec;

use hashbrown::{HashMap, HashSet};

use crate::{
    destination::Destination,
    difference::{ApplyError, Change, Difference},
    endpoint::Endpoint,
    service::Service,
    service_key::ServiceKey,
    table::{InsertError, Table, VirtualServer, check},
};

impl Table {
    /// Makes the changes in order; afterwards the table equals the one that the difference was made for, but for the
    /// order of services and destinations.
    ///
    /// Cost: O(n) time and memory for n changes, in whatever order; the first removal of a service, and that of a
    /// destination, walks its list once.
    ///
    /// # Errors
    /// A change that does not fit. The table is then as it was.
    pub fn apply(&mut self, difference: &Difference) -> Result<(), ApplyError> {
        let mut outcome = Outcome::default();
        for change in difference {
            outcome.make(self, change)?;
        }
        outcome.settle(self);
        Ok(())
    }
}

/// What changes come to, before the table is touched: so nothing needs to be undone when one does not fit, and removals
/// of one list are made in one walk.
#[derive(Default)]
struct Outcome {
    /// The services of the table that go, whether or not they are added again.
    gone: HashSet<ServiceKey>,
    servers: Latest<ServiceKey, Server>,
}

/// What becomes of one service.
struct Server {
    /// Whether it is the table's, not one that is added.
    old: bool,
    service: Option<Service>,
    /// The destinations of the table's service that go.
    gone: HashSet<Endpoint>,
    destinations: Latest<Endpoint, Destination>,
}

impl Server {
    fn new(old: bool, service: Option<Service>) -> Self {
        Self { old, service, gone: HashSet::new(), destinations: Latest::default() }
    }
}

impl Outcome {
    fn make(&mut self, table: &Table, change: &Change) -> Result<(), ApplyError> {
        let key = *change.service();
        let no_destination = |destination| ApplyError::NoDestination { service: key, destination };
        match change {
            Change::AddService(service) => {
                if self.server(table, key).is_some() {
                    return Err(ApplyError::ServiceExists(key));
                }
                self.servers.set(key, Server::new(false, Some(service.clone())));
                return Ok(());
            }
            Change::RemoveService(_) => {
                if self.server(table, key).ok_or(ApplyError::NoService(key))?.old {
                    self.gone.insert(key);
                }
                self.servers.remove(&key);
                return Ok(());
            }
            _ => {}
        }
        let server = self.server(table, key).ok_or(ApplyError::NoService(key))?;
        let listed = if server.old { table.get(&key) } else { None };
        let is_listed = |server: &Server, endpoint: Endpoint| {
            listed.is_some_and(|listed| listed.destination(endpoint).is_some()) && !server.gone.contains(&endpoint)
        };
        let is_there = |server: &Server, endpoint: Endpoint| {
            server.destinations.contains(&endpoint) || is_listed(server, endpoint)
        };
        let cause = |cause| ApplyError::Destination { service: key, cause };
        match change {
            Change::EditService { to, .. } => server.service = Some(to.clone()),
            Change::AddDestination { destination, .. } => {
                check(&key, destination).map_err(cause)?;
                if is_there(server, destination.endpoint) {
                    return Err(cause(InsertError::Duplicate(destination.endpoint)));
                }
                server.destinations.set(destination.endpoint, *destination);
            }
            Change::EditDestination { to, .. } => {
                if !is_there(server, to.endpoint) {
                    return Err(no_destination(to.endpoint));
                }
                check(&key, to).map_err(cause)?;
                server.destinations.set(to.endpoint, *to);
            }
            Change::RemoveDestination { destination, .. } => {
                let listed = is_listed(server, *destination);
                if !server.destinations.remove(destination) && !listed {
                    return Err(no_destination(*destination));
                }
                if listed {
                    server.gone.insert(*destination);
                }
            }
            Change::AddService(_) | Change::RemoveService(_) => {}
        }
        Ok(())
    }

    /// The service as it is by now, if there is one.
    fn server(&mut self, table: &Table, key: ServiceKey) -> Option<&mut Server> {
        if !self.servers.contains(&key) {
            if self.gone.contains(&key) || table.get(&key).is_none() {
                return None;
            }
            self.servers.set(key, Server::new(true, None));
        }
        self.servers.get_mut(&key)
    }

    fn settle(self, table: &mut Table) {
        if !self.gone.is_empty() {
            table.retain(|server| !self.gone.contains(server.key()));
        }
        for (key, Server { old, service, gone, destinations }) in self.servers.in_order() {
            let mut added = service.clone().map(VirtualServer::new);
            let server = if old { table.get_mut(&key) } else { added.as_mut() };
            // Whatever could be refused was refused before.
            let Some(server) = server else { continue };
            if let (true, Some(service)) = (old, service) {
                let _ = server.set_service(service);
            }
            if !gone.is_empty() {
                server.retain(|destination| !gone.contains(&destination.endpoint));
            }
            for (_, destination) in destinations.in_order() {
                let _ = server.upsert(destination);
            }
            if let (false, Some(added)) = (old, added) {
                let _ = table.insert(added);
            }
        }
    }
}

/// A map that keeps the order in which keys came to it, the last time that they came.
struct Latest<K, V> {
    values: Vec<Option<(K, V)>>,
    places: HashMap<K, usize>,
}

impl<K, V> Default for Latest<K, V> {
    fn default() -> Self {
        Self { values: Vec::new(), places: HashMap::new() }
    }
}

impl<K: core::hash::Hash + Eq + Copy, V> Latest<K, V> {
    fn contains(&self, key: &K) -> bool {
        self.places.contains_key(key)
    }

    fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let (_, value) = self.values.get_mut(*self.places.get(key)?)?.as_mut()?;
        Some(value)
    }

    /// Replaces the value where it stands, or puts it behind the others.
    fn set(&mut self, key: K, value: V) {
        let at = *self.places.entry(key).or_insert(self.values.len());
        match self.values.get_mut(at) {
            Some(place) => *place = Some((key, value)),
            None => self.values.push(Some((key, value))),
        }
    }

    fn remove(&mut self, key: &K) -> bool {
        let place = self.places.remove(key).and_then(|at| self.values.get_mut(at));
        place.is_some_and(|place| place.take().is_some())
    }

    fn in_order(self) -> impl Iterator<Item = (K, V)> {
        self.values.into_iter().flatten()
    }
}
