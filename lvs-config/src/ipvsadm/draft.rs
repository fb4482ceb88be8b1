//! A table while rules change it.
//!
//! Most rules only add, and go straight into a [`Table`]. Removing from a table costs its length, so that the first
//! removal turns it into a list with gaps, where everything costs the same.

use std::collections::HashMap;

use lvs_model::{Destination, Endpoint, InsertError, Service, ServiceKey, Table, VirtualServer};

#[derive(Default)]
pub(super) struct Draft {
    table: Table,
    /// Instead of the table, once something was removed.
    gaps: Option<Gaps<ServiceKey, Server>>,
}

/// A list whose elements keep their places when others go.
pub(super) struct Gaps<K, T> {
    list: Vec<Option<T>>,
    places: HashMap<K, usize>,
}

pub(super) struct Server {
    service: Service,
    destinations: Gaps<Endpoint, Destination>,
}

/// Why a change cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    NoService,
    ServiceExists,
    NoDestination,
    DestinationExists,
    /// The kernel would not have it in this service.
    Unfit,
}

impl<K: std::hash::Hash + Eq, T> Gaps<K, T> {
    fn new() -> Self {
        Self { list: Vec::new(), places: HashMap::new() }
    }

    fn get(&mut self, key: &K) -> Option<&mut T> {
        self.list[*self.places.get(key)?].as_mut()
    }

    fn push(&mut self, key: K, element: T) {
        self.places.insert(key, self.list.len());
        self.list.push(Some(element));
    }

    fn remove(&mut self, key: &K) -> Option<T> {
        self.list[self.places.remove(key)?].take()
    }
}

impl Draft {
    pub(super) fn new(table: Table) -> Self {
        Self { table, gaps: None }
    }

    /// The table itself, as long as nothing was removed.
    pub(super) fn table(&mut self) -> Option<&mut Table> {
        self.gaps.is_none().then_some(&mut self.table)
    }

    pub(super) fn contains(&mut self, key: &ServiceKey) -> bool {
        match &mut self.gaps {
            None => self.table.get(key).is_some(),
            Some(gaps) => gaps.get(key).is_some(),
        }
    }

    pub(super) fn add_service(&mut self, service: Service) -> Result<(), Refusal> {
        let Some(gaps) = &mut self.gaps else {
            return self.table.insert(service).map_err(|_| Refusal::ServiceExists);
        };
        let key = *service.key();
        if gaps.get(&key).is_some() {
            return Err(Refusal::ServiceExists);
        }
        gaps.push(key, Server { service, destinations: Gaps::new() });
        Ok(())
    }

    pub(super) fn edit_service(&mut self, service: Service) -> Result<(), Refusal> {
        let key = *service.key();
        match &mut self.gaps {
            None => {
                let server = self.table.get_mut(&key).ok_or(Refusal::NoService)?;
                server.set_service(service).map_err(|_| Refusal::Unfit).map(drop)
            }
            Some(gaps) => {
                gaps.get(&key).ok_or(Refusal::NoService)?.service = service;
                Ok(())
            }
        }
    }

    pub(super) fn remove_service(&mut self, key: &ServiceKey) -> Result<(), Refusal> {
        self.gaps().remove(key).map(drop).ok_or(Refusal::NoService)
    }

    pub(super) fn add_destination(&mut self, key: &ServiceKey, destination: Destination) -> Result<(), Refusal> {
        let Some(gaps) = &mut self.gaps else {
            let server = self.table.get_mut(key).ok_or(Refusal::NoService)?;
            return server.insert(destination).map_err(|error| match error {
                InsertError::Duplicate(_) => Refusal::DestinationExists,
                _ => Refusal::Unfit,
            });
        };
        let server = gaps.get(key).ok_or(Refusal::NoService)?;
        if server.destinations.get(&destination.endpoint).is_some() {
            return Err(Refusal::DestinationExists);
        }
        server.destinations.push(destination.endpoint, destination);
        Ok(())
    }

    pub(super) fn edit_destination(&mut self, key: &ServiceKey, destination: Destination) -> Result<(), Refusal> {
        let Some(gaps) = &mut self.gaps else {
            let server = self.table.get_mut(key).ok_or(Refusal::NoService)?;
            if server.destination(destination.endpoint).is_none() {
                return Err(Refusal::NoDestination);
            }
            return server.upsert(destination).map_err(|_| Refusal::Unfit).map(drop);
        };
        let server = gaps.get(key).ok_or(Refusal::NoService)?;
        *server.destinations.get(&destination.endpoint).ok_or(Refusal::NoDestination)? = destination;
        Ok(())
    }

    pub(super) fn remove_destination(&mut self, key: &ServiceKey, endpoint: &Endpoint) -> Result<(), Refusal> {
        let server = self.gaps().get(key).ok_or(Refusal::NoService)?;
        server.destinations.remove(endpoint).map(drop).ok_or(Refusal::NoDestination)
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    fn gaps(&mut self) -> &mut Gaps<ServiceKey, Server> {
        let table = &mut self.table;
        self.gaps.get_or_insert_with(|| {
            let mut gaps = Gaps::new();
            for server in std::mem::take(table) {
                let mut destinations = Gaps::new();
                for destination in server.destinations() {
                    destinations.push(destination.endpoint, *destination);
                }
                gaps.push(*server.key(), Server { service: server.service().clone(), destinations });
            }
            gaps
        })
    }

    pub(super) fn into_table(self) -> Table {
        let Some(gaps) = self.gaps else { return self.table };
        let mut table = Table::new();
        for Server { service, destinations } in gaps.list.into_iter().flatten() {
            let mut server = VirtualServer::new(service);
            for destination in destinations.list.into_iter().flatten() {
                // Each was checked when it came.
                let _ = server.insert(destination);
            }
            let _ = table.insert(server);
        }
        table
    }
}
