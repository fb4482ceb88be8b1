//! This changes services and destinations, as `ipvsadm` does in the kernel.

use alloc::vec::Vec;

use hashbrown::HashMap;
use lvs_model::{Change, Destination, Difference, Endpoint, InsertError, Service, ServiceKey, Table, VirtualServer};

use super::counters::Counters;
use super::entry::NIL;
use super::error::ConfigError;
use super::servers::{Home, Identity, Server};
use super::sysctls::ExpireNodest;
use super::{Director, Virtual};
use crate::algo::{AnyScheduler, Draws, Generation, Scheduled, Slot};

impl<D: Draws> Director<D> {
    /// This adds a service without destinations (`ipvsadm -A`).
    ///
    /// # Errors
    /// The service exists, or its scheduler or persistence engine is unknown.
    pub fn add_service(&mut self, service: Service) -> Result<(), ConfigError> {
        let scheduler = scheduler_of(&service)?;
        self.add_service_with(service, scheduler)
    }

    /// This adds a service with a scheduler of your own, whatever scheduler the service names.
    ///
    /// # Errors
    /// The service exists, or its persistence engine is unknown.
    pub fn add_service_with(&mut self, service: Service, scheduler: AnyScheduler) -> Result<(), ConfigError> {
        let key = *service.key();
        if self.index.contains_key(&key) {
            return Err(ConfigError::ServiceExists(key));
        }
        check_engine(&service)?;
        let mut scheduled = Scheduled::new(scheduler, key.family(), self.kernel);
        scheduled.set_flags(service.flags());
        scheduled.elapsed(self.now);
        let added = Virtual {
            service,
            scheduled,
            servers: Vec::new(),
            by_endpoint: HashMap::new(),
            counters: Counters::default(),
            minute: self.tick.after_seconds(60),
        };
        let minute = added.minute;
        let id = self.free_services.pop().unwrap_or_else(|| {
            self.services.push(None);
            (self.services.len() - 1) as u32
        });
        self.services[id as usize] = Some(added);
        self.index.insert(key, id);
        self.families[key.family() as usize] += 1;
        self.minutes.insert((minute, id));
        Ok(())
    }

    /// This changes scheduler, flags and persistence of a service (`ipvsadm -E`).
    ///
    /// A scheduler of the same name goes on where it was; another one starts afresh. Connections and templates keep their times.
    ///
    /// # Errors
    /// There is no such service, or the new scheduler or persistence engine is unknown.
    pub fn edit_service(&mut self, service: Service) -> Result<(), ConfigError> {
        let id = self.service_id(service.key())?;
        check_engine(&service)?;
        let Some(edited) = &mut self.services[id as usize] else { return Ok(()) };
        if edited.service.scheduler() != service.scheduler() {
            edited.scheduled.replace_scheduler(scheduler_of(&service)?);
            edited.scheduled.elapsed(self.now);
            self.minutes.remove(&(edited.minute, id));
            edited.minute = self.tick.after_seconds(60);
            self.minutes.insert((edited.minute, id));
        }
        edited.scheduled.set_flags(service.flags());
        edited.service = service;
        Ok(())
    }

    /// This removes a service with its destinations (`ipvsadm -D`). Their connections stay, but get no packets through until the
    /// destinations are added again. Without any service of an address family all packets of that family pass.
    ///
    /// # Errors
    /// There is no such service.
    pub fn remove_service(&mut self, key: &ServiceKey) -> Result<(), ConfigError> {
        let id = self.service_id(key)?;
        self.index.remove(key);
        self.families[key.family() as usize] -= 1;
        let Some(removed) = self.services[id as usize].take() else { return Ok(()) };
        self.free_services.push(id);
        self.minutes.remove(&(removed.minute, id));
        let list = removed.scheduled.list();
        for slot in list.iter() {
            self.servers.discard(removed.servers[list.id(slot).index()], self.tick);
        }
        // Those that were removed earlier lose their counters' place, too.
        for &number in &removed.servers {
            if let Some(server) = self.servers.at_mut(number)
                && let Home::Service(home, destination) = server.home
                && home == id
            {
                server.home = Home::Orphan(list.load_of(destination).copied().unwrap_or_default());
            }
        }
        if !list.is_empty() {
            self.schedule_flush();
        }
        Ok(())
    }

    /// This adds a destination at the head of its service's list (`ipvsadm -a`), with the counters and connections that it had if
    /// it was removed lately.
    ///
    /// # Errors
    /// There is no such service, it has the destination, or the destination does not fit.
    pub fn add_destination(&mut self, service: &ServiceKey, destination: Destination) -> Result<(), ConfigError> {
        let id = self.service_id(service)?;
        self.check(id, &destination)?;
        if self.listed(id, destination.endpoint).is_some() {
            let source = InsertError::Duplicate(destination.endpoint);
            return Err(ConfigError::Unfit { service: *service, source });
        }
        let identity = Identity::new(service, destination.endpoint);
        let number = self.servers.revive(&identity);
        if let Some(number) = number {
            self.uproot(number, id);
        }
        let Some(target) = &mut self.services[id as usize] else { return Ok(()) };
        let placed = match number.and_then(|number| self.servers.at_mut(number)) {
            None => target.scheduled.add(&destination),
            Some(server) => {
                let before = core::mem::replace(&mut server.destination, destination);
                server.available = true;
                match server.home {
                    Home::Service(_, departed) => {
                        target.scheduled.restore(departed, &destination);
                        departed
                    }
                    Home::Orphan(load) => {
                        server.counters = Counters::default();
                        target.scheduled.adopt(&destination, load, before.thresholds)
                    }
                }
            }
        };
        let home = Home::Service(id, placed);
        let number = match number {
            Some(number) => {
                if let Some(server) = self.servers.at_mut(number) {
                    server.home = home;
                }
                number
            }
            None => self.servers.insert(Server::new(destination, identity, home)),
        };
        if target.servers.len() <= placed.index() {
            target.servers.resize(placed.index() + 1, NIL);
        }
        target.servers[placed.index()] = number;
        target.by_endpoint.insert(destination.endpoint, number);
        Ok(())
    }

    /// This replaces weight, thresholds and forwarding of a destination where it stands (`ipvsadm -e`).
    ///
    /// # Errors
    /// There is no such service or destination, or the new configuration does not fit.
    pub fn edit_destination(&mut self, service: &ServiceKey, destination: Destination) -> Result<(), ConfigError> {
        let id = self.service_id(service)?;
        self.check(id, &destination)?;
        let number = self
            .listed(id, destination.endpoint)
            .ok_or(ConfigError::NoDestination { service: *service, destination: destination.endpoint })?;
        if let (Some(target), Some(server)) = (&mut self.services[id as usize], self.servers.at_mut(number))
            && let Home::Service(_, placed) = server.home
        {
            target.scheduled.edit(placed, &destination);
            server.destination = destination;
        }
        Ok(())
    }

    /// This takes a destination out of its service (`ipvsadm -d`). It waits in the trash, with its connections, for a few
    /// minutes or as long as it has any.
    ///
    /// # Errors
    /// There is no such service or destination.
    pub fn remove_destination(&mut self, service: &ServiceKey, destination: Endpoint) -> Result<(), ConfigError> {
        let id = self.service_id(service)?;
        let number =
            self.listed(id, destination).ok_or(ConfigError::NoDestination { service: *service, destination })?;
        if let (Some(target), Some(server)) = (&mut self.services[id as usize], self.servers.at(number))
            && let Home::Service(_, placed) = server.home
        {
            target.scheduled.remove(placed);
            target.by_endpoint.remove(&destination);
        }
        self.servers.discard(number, self.tick);
        self.schedule_flush();
        Ok(())
    }

    /// This makes one change of a difference between two tables.
    ///
    /// # Errors
    /// Those of the method for the kind of change.
    pub fn apply(&mut self, change: &Change) -> Result<(), ConfigError> {
        match change {
            Change::AddService(service) => self.add_service(service.clone()),
            Change::EditService { to, .. } => self.edit_service(to.clone()),
            Change::RemoveService(key) => self.remove_service(key),
            Change::AddDestination { service, destination } => self.add_destination(service, *destination),
            Change::EditDestination { service, to, .. } => self.edit_destination(service, *to),
            Change::RemoveDestination { service, destination } => self.remove_destination(service, *destination),
        }
    }

    /// This makes all changes of a difference, in order.
    ///
    /// ```
    /// use lvs_model::{Destination, SchedulerName, Service, Table, VirtualServer};
    /// use lvs_sched::director::Director;
    ///
    /// let mut web = VirtualServer::new(Service::new("tcp 198.51.100.1:80".parse()?, SchedulerName::Rr));
    /// web.insert(Destination::new("10.0.0.1:8080".parse()?))?;
    /// let wanted = Table::from_iter([web]);
    ///
    /// let mut director = Director::default();
    /// director.apply_all(&director.table().difference(&wanted))?;
    /// assert_eq!(director.table(), wanted);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The first change that cannot be made; those before it stay made.
    pub fn apply_all(&mut self, difference: &Difference) -> Result<(), ConfigError> {
        difference.iter().try_for_each(|change| self.apply(change))
    }

    /// This is the configuration, in an order in which adding it again gives the same lists. Services are sorted by key.
    #[must_use]
    pub fn table(&self) -> Table {
        let mut table = Table::new();
        for service in self.services.iter().flatten() {
            let mut server = VirtualServer::new(service.service.clone());
            let list = service.scheduled.list();
            let in_order: Vec<Slot> = list.iter().collect();
            for slot in in_order.into_iter().rev() {
                if let Some(added) = self.servers.at(service.servers[list.id(slot).index()]) {
                    // What a director holds was fit when it was added.
                    let _ = server.insert(added.destination);
                }
            }
            table.upsert(server);
        }
        table.sort();
        table
    }

    /// Takes a removed destination out of another service than this one, with its counters: the IPv4 and the IPv6 service of one
    /// firewall mark take over each other's.
    fn uproot(&mut self, number: u32, id: u32) {
        if let Some(server) = self.servers.at_mut(number)
            && let Home::Service(home, departed) = server.home
            && home != id
            && let Some(other) = &mut self.services[home as usize]
        {
            server.home = Home::Orphan(other.scheduled.forget(departed).unwrap_or_default());
        }
    }

    pub(super) fn service_id(&self, key: &ServiceKey) -> Result<u32, ConfigError> {
        self.index.get(key).copied().ok_or(ConfigError::NoService(*key))
    }

    /// The number of a destination in the list of a service.
    pub(super) fn listed(&self, id: u32, endpoint: Endpoint) -> Option<u32> {
        self.services[id as usize].as_ref()?.by_endpoint.get(&endpoint).copied()
    }

    fn check(&self, id: u32, destination: &Destination) -> Result<(), ConfigError> {
        let upper = destination.thresholds.upper();
        if self.kernel.generation == Generation::TotalConns && upper > i32::MAX.cast_unsigned() {
            return Err(ConfigError::ThresholdTooLarge(upper));
        }
        let Some(target) = &self.services[id as usize] else { return Ok(()) };
        let fits = VirtualServer::new(target.service.clone()).insert(*destination);
        fits.map_err(|source| ConfigError::Unfit { service: *target.service.key(), source })
    }

    fn schedule_flush(&mut self) {
        if self.sysctls.expire_nodest_conn == ExpireNodest::On {
            self.flush.get_or_insert(self.tick.next());
        }
    }
}

fn check_engine(service: &Service) -> Result<(), ConfigError> {
    match service.persistence().and_then(|persistence| persistence.engine) {
        Some(engine) => Err(ConfigError::UnknownEngine(engine)),
        None => Ok(()),
    }
}

fn scheduler_of(service: &Service) -> Result<AnyScheduler, ConfigError> {
    AnyScheduler::named(service.scheduler()).map_err(|unknown| ConfigError::UnknownScheduler(unknown.name))
}
