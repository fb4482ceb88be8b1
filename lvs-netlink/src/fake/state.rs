//! The tables of the in-memory kernel: services, destinations, trash, daemons and timeouts, with the kernel's refusals.

use super::errno::{EEXIST, EINVAL, ENODEV, ENOENT, ERANGE, ESRCH};
use super::request::{
    AF_INET, AF_INET6, DaemonSettings, DestinationId, DestinationSettings, ServiceId, ServiceSettings,
};
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

/// Set by the kernel on every service that exists.
const HASHED: u32 = 0x2;
const TUNNEL: u32 = 2;
const GUE: u8 = 1;

/// The kernel releases that answer differently.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Generation {
    /// Up to 6.1.182: an upper threshold may have any 32 bits.
    #[default]
    Classic,
    /// 6.1.183, 6.12 and later: an upper threshold above 2^31 - 1 is refused.
    TotalConns,
}

/// Counters as the kernel shows them, the rates after the totals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counters {
    /// Connections, packets in, packets out, bytes in, bytes out.
    pub(super) totals: [u64; 5],
    /// The same per second.
    pub(super) rates: [u64; 5],
}

#[derive(Clone, Debug)]
pub(super) struct Destination {
    pub(super) id: DestinationId,
    pub(super) settings: DestinationSettings,
    /// Active, inactive, persistent.
    pub(super) counts: [u32; 3],
    pub(super) counters: Counters,
}

#[derive(Clone, Debug)]
pub(super) struct Service {
    serial: u64,
    pub(super) id: ServiceId,
    pub(super) scheduler: Vec<u8>,
    pub(super) flags: u32,
    /// In clock ticks, as the kernel keeps it.
    ticks: u32,
    pub(super) netmask: [u8; 4],
    pub(super) engine: Vec<u8>,
    pub(super) counters: Counters,
    /// The newest first: the kernel adds at the head of its list.
    destinations: BTreeMap<Reverse<u64>, Destination>,
    index: HashMap<DestinationId, u64>,
}

impl Service {
    pub(super) fn destinations(&self) -> impl Iterator<Item = &Destination> {
        self.destinations.values()
    }
}

/// A deleted destination, which comes back with its counters when it is added again.
#[derive(Clone, Debug)]
struct Trashed {
    /// The serial number of the service that it was deleted from, which may have been deleted itself since.
    owner: u64,
    destination: Destination,
}

#[derive(Clone, Debug)]
pub(super) struct Daemon {
    pub(super) settings: DaemonSettings,
    pub(super) max_length: u16,
}

/// What does not change while the kernel runs.
#[derive(Clone, Debug)]
pub(super) struct Build {
    pub(super) generation: Generation,
    /// Clock ticks a second, which a persistence timeout is multiplied with.
    pub(super) ticks_per_second: u32,
    pub(super) schedulers: Vec<Vec<u8>>,
    pub(super) engines: Vec<Vec<u8>>,
    pub(super) interfaces: Vec<(Vec<u8>, u32)>,
    pub(super) loopback_up: bool,
    pub(super) connection_table_size: u32,
    /// Whether 64-bit values are preceded by an empty attribute, as on architectures that want them aligned.
    pub(super) pads_wide_values: bool,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) build: Build,
    serial: u64,
    /// In the order of a dump: a bucket at a time, the newest first.
    services: BTreeMap<(u16, Reverse<u64>), Service>,
    index: HashMap<ServiceId, (u16, u64)>,
    trash: HashMap<(ServiceId, DestinationId), Trashed>,
    daemons: Vec<Daemon>,
    pub(super) timeouts: [u32; 3],
    pub(super) scheduler_changes: u64,
}

impl State {
    pub(super) fn new(build: Build) -> Self {
        Self {
            build,
            serial: 0,
            services: BTreeMap::new(),
            index: HashMap::new(),
            trash: HashMap::new(),
            daemons: Vec::new(),
            timeouts: [900, 120, 300],
            scheduler_changes: 0,
        }
    }

    pub(super) fn services(&self) -> impl Iterator<Item = &Service> {
        self.services.values()
    }

    pub(super) fn service(&self, id: &ServiceId) -> Option<&Service> {
        let (bucket, serial) = *self.index.get(id)?;
        self.services.get(&(bucket, Reverse(serial)))
    }

    pub(super) fn service_mut(&mut self, id: &ServiceId) -> Option<&mut Service> {
        let (bucket, serial) = *self.index.get(id)?;
        self.services.get_mut(&(bucket, Reverse(serial)))
    }

    pub(super) fn destination_mut(&mut self, service: &ServiceId, id: &DestinationId) -> Option<&mut Destination> {
        let service = self.service_mut(service)?;
        let serial = *service.index.get(id)?;
        service.destinations.get_mut(&Reverse(serial))
    }

    /// Seconds, after the wrap-around that multiplying with the clock rate may have caused.
    pub(super) fn timeout(&self, service: &Service) -> u32 {
        service.ticks / self.build.ticks_per_second
    }

    fn next_serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    fn modules(&self, settings: &ServiceSettings) -> Result<(), i32> {
        let known = settings.scheduler == b"none" || self.build.schedulers.contains(&settings.scheduler);
        let engine = settings.engine.is_empty() || self.build.engines.contains(&settings.engine);
        if known && engine { Ok(()) } else { Err(ENOENT) }
    }

    fn netmask(id: &ServiceId, settings: &ServiceSettings) -> Result<(), i32> {
        let length = u32::from_ne_bytes(settings.netmask);
        if id.family == AF_INET6 && !(1..=128).contains(&length) { Err(EINVAL) } else { Ok(()) }
    }

    pub(super) fn add_service(&mut self, id: ServiceId, settings: ServiceSettings) -> Result<(), i32> {
        if self.index.contains_key(&id) {
            return Err(EEXIST);
        }
        self.modules(&settings)?;
        Self::netmask(&id, &settings)?;
        let serial = self.next_serial();
        let service = Service {
            serial,
            id,
            scheduler: settings.scheduler,
            flags: settings.flags & settings.mask | HASHED,
            ticks: settings.timeout.wrapping_mul(self.build.ticks_per_second),
            netmask: settings.netmask,
            engine: settings.engine,
            counters: Counters::default(),
            destinations: BTreeMap::new(),
            index: HashMap::new(),
        };
        let bucket = bucket(&id);
        self.index.insert(id, (bucket, serial));
        self.services.insert((bucket, Reverse(serial)), service);
        Ok(())
    }

    pub(super) fn set_service(&mut self, id: &ServiceId, settings: ServiceSettings) -> Result<(), i32> {
        if !self.index.contains_key(id) {
            return Err(ESRCH);
        }
        self.modules(&settings)?;
        Self::netmask(id, &settings)?;
        let ticks = settings.timeout.wrapping_mul(self.build.ticks_per_second);
        let service = self.service_mut(id).ok_or(ESRCH)?;
        let waits = service.scheduler != settings.scheduler && service.scheduler != b"none";
        service.scheduler = settings.scheduler;
        service.flags = service.flags & !settings.mask | settings.flags & settings.mask | HASHED;
        service.ticks = ticks;
        service.netmask = settings.netmask;
        service.engine = settings.engine;
        self.scheduler_changes += u64::from(waits);
        Ok(())
    }

    pub(super) fn delete_service(&mut self, id: &ServiceId) -> Result<(), i32> {
        let (bucket, serial) = self.index.remove(id).ok_or(ESRCH)?;
        if let Some(service) = self.services.remove(&(bucket, Reverse(serial))) {
            let trashed = service.destinations.into_values();
            self.trash.extend(trashed.map(|old| ((*id, old.id), Trashed { owner: serial, destination: old })));
        }
        Ok(())
    }

    pub(super) fn flush(&mut self) {
        let all: Vec<ServiceId> = self.services().map(|service| service.id).collect();
        for id in all {
            // Every id comes from the table itself.
            let _ = self.delete_service(&id);
        }
    }

    fn check(&self, id: &ServiceId, destination: &DestinationId, settings: &DestinationSettings) -> Result<(), i32> {
        if destination.family != id.family && (settings.method != TUNNEL || !self.daemons.is_empty()) {
            return Err(EINVAL);
        }
        if i32::try_from(settings.weight).is_err() || settings.lower > settings.upper {
            return Err(ERANGE);
        }
        if self.build.generation == Generation::TotalConns && i32::try_from(settings.upper).is_err() {
            return Err(EINVAL);
        }
        if settings.tunnel == GUE && settings.tunnel_port == 0 { Err(EINVAL) } else { Ok(()) }
    }

    pub(super) fn add_destination(
        &mut self,
        service: &ServiceId,
        id: DestinationId,
        settings: DestinationSettings,
    ) -> Result<(), i32> {
        self.check(service, &id, &settings)?;
        let existing = self.service(service).ok_or(ESRCH)?;
        if existing.index.contains_key(&id) {
            return Err(EEXIST);
        }
        let owner = existing.serial;
        let destination = match self.trash.remove(&(*service, id)) {
            Some(old) => {
                let counters = if old.owner == owner { old.destination.counters } else { Counters::default() };
                Destination { id, settings, counts: old.destination.counts, counters }
            }
            None => {
                self.address(&id)?;
                Destination { id, settings, counts: [0; 3], counters: Counters::default() }
            }
        };
        let serial = self.next_serial();
        let service = self.service_mut(service).ok_or(ESRCH)?;
        service.index.insert(id, serial);
        service.destinations.insert(Reverse(serial), destination);
        Ok(())
    }

    /// Refuses what the routing tables do not call unicast or local.
    fn address(&self, id: &DestinationId) -> Result<(), i32> {
        let [first, second, third, fourth, ..] = id.address;
        let fine = if id.family == AF_INET {
            let any = [first, second, third, fourth] == [0; 4];
            let broadcast = [first, second, third, fourth] == [255; 4];
            self.build.loopback_up && !any && !broadcast && first & 0xf0 != 0xe0
        } else {
            let link_local = first == 0xfe && second & 0xc0 == 0x80;
            id.address != [0; 16] && first != 0xff && !link_local
        };
        if fine { Ok(()) } else { Err(EINVAL) }
    }

    pub(super) fn set_destination(
        &mut self,
        service: &ServiceId,
        id: &DestinationId,
        settings: DestinationSettings,
    ) -> Result<(), i32> {
        self.check(service, id, &settings)?;
        self.destination_mut(service, id).ok_or(ENOENT)?.settings = settings;
        Ok(())
    }

    pub(super) fn delete_destination(&mut self, service: &ServiceId, id: &DestinationId) -> Result<(), i32> {
        let owner = self.service_mut(service).ok_or(ESRCH)?;
        let serial = owner.index.remove(id).ok_or(ENOENT)?;
        let owner_serial = owner.serial;
        if let Some(destination) = owner.destinations.remove(&Reverse(serial)) {
            self.trash.insert((*service, *id), Trashed { owner: owner_serial, destination });
        }
        Ok(())
    }

    pub(super) fn empty_trash(&mut self) {
        self.trash.clear();
    }

    pub(super) fn zero(&mut self, only: Option<&ServiceId>) -> Result<(), i32> {
        let clear = |service: &mut Service| {
            service.counters = Counters::default();
            for destination in service.destinations.values_mut() {
                destination.counters = Counters::default();
            }
        };
        match only {
            Some(id) => clear(self.service_mut(id).ok_or(ESRCH)?),
            None => self.services.values_mut().for_each(clear),
        }
        Ok(())
    }

    /// Sets the timeouts in seconds; zero keeps one, and one that is refused keeps them all.
    pub(super) fn set_timeouts(&mut self, seconds: [u32; 3]) -> Result<(), i32> {
        let most = i32::MAX.unsigned_abs() / self.build.ticks_per_second;
        if seconds.iter().any(|&timeout| timeout > most) {
            return Err(EINVAL);
        }
        for (kept, new) in self.timeouts.iter_mut().zip(seconds) {
            if new != 0 {
                *kept = new;
            }
        }
        Ok(())
    }

    /// The daemons in the order of a dump: the master, then the backup.
    pub(super) fn daemons(&self) -> impl Iterator<Item = &Daemon> {
        self.daemons.iter()
    }

    pub(super) fn start_daemon(&mut self, settings: DaemonSettings) -> Result<(), i32> {
        let mixed = |service: &Service| service.destinations().any(|d| d.id.family != service.id.family);
        if self.services().any(mixed) {
            return Err(EINVAL);
        }
        let mtu = self.build.interfaces.iter().find(|(name, _)| *name == settings.interface).ok_or(ENODEV)?.1;
        if self.daemons.iter().any(|daemon| daemon.settings.state == settings.state) {
            return Err(EEXIST);
        }
        let headers = if settings.group6.is_some() { 48 } else { 28 };
        let (least, usual) = match settings.state {
            1 => (1, 1500 - headers),
            2 => (1024, mtu.clamp(1500, 65_535) - headers),
            _ => return Err(EINVAL),
        };
        let wanted = if settings.max_length == 0 { usual } else { u32::from(settings.max_length) };
        let max_length = u16::try_from(wanted.clamp(least, 65_535 - headers)).unwrap_or(u16::MAX);
        self.daemons.push(Daemon { settings, max_length });
        self.daemons.sort_by_key(|daemon| daemon.settings.state);
        Ok(())
    }

    pub(super) fn stop_daemon(&mut self, state: u32) -> Result<(), i32> {
        if state != 1 && state != 2 {
            return Err(EINVAL);
        }
        let running = self.daemons.iter().position(|daemon| daemon.settings.state == state).ok_or(ESRCH)?;
        self.daemons.remove(running);
        Ok(())
    }
}

/// Services with an address come before those with a mark; within each, the order is nobody's business but must be stable.
fn bucket(id: &ServiceId) -> u16 {
    let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(id);
    let low = u16::from(hash.to_ne_bytes()[0]);
    if id.mark == 0 { low } else { 256 + low }
}
