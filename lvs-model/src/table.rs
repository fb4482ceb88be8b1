//! Services with their destinations.

use alloc::vec::Vec;
use core::{
    fmt,
    hash::{BuildHasher, Hash, Hasher},
    net::IpAddr,
};

use hashbrown::{DefaultHashBuilder, HashTable, hash_table::Entry};

use crate::{
    destination::Destination, endpoint::Endpoint, forwarding::Forwarding, service::Service, service_key::ServiceKey,
    status::ServiceStatus,
};

/// This finds the place of a key in a list: positions in a hash table beside the list.
#[derive(Clone, Default)]
struct Index {
    places: HashTable<Place>,
    hasher: DefaultHashBuilder,
}

/// A place in the list, with the hash of the key there: a table that grows, or meets a key of another hash, need not
/// look into the list.
#[derive(Clone, Copy)]
struct Place {
    hash: u32,
    at: u32,
}

impl Place {
    fn new(hasher: &DefaultHashBuilder, key: &impl Hash, at: usize) -> Self {
        let hash = hasher.hash_one(key);
        Self { hash: (hash ^ hash >> 32) as u32, at: at as u32 }
    }

    /// The table looks at both ends of the number.
    const fn spread(&self) -> u64 {
        (self.hash as u64) << 32 | self.hash as u64
    }
}

impl Index {
    fn find<K: Hash + Eq, T>(&self, list: &[T], key: &K, key_of: impl Fn(&T) -> &K) -> Option<usize> {
        let wanted = Place::new(&self.hasher, key, 0);
        let is_key = |place: &Place| place.hash == wanted.hash && key_of(&list[place.at as usize]) == key;
        self.places.find(wanted.spread(), is_key).map(|place| place.at as usize)
    }

    /// Enters an element that is about to be put behind the list; says no if the list has its key.
    fn enter<K: Hash + Eq, T>(&mut self, list: &[T], key: &K, key_of: impl Fn(&T) -> &K) -> bool {
        let new = Place::new(&self.hasher, key, list.len());
        let is_key = |place: &Place| place.hash == new.hash && key_of(&list[place.at as usize]) == key;
        match self.places.entry(new.spread(), is_key, Place::spread) {
            Entry::Occupied(_) => false,
            Entry::Vacant(vacant) => {
                vacant.insert(new);
                true
            }
        }
    }

    fn rebuild<K: Hash, T>(&mut self, list: &[T], key_of: impl Fn(&T) -> &K) {
        self.places.clear();
        for (at, element) in list.iter().enumerate() {
            let place = Place::new(&self.hasher, key_of(element), at);
            self.places.insert_unique(place.spread(), place, Place::spread);
        }
    }
}

/// Below this many destinations a walk is as fast as the index, which is then left empty.
const INDEXED_FROM: usize = 16;

/// This is a service with its destinations, in the order in which they are added.
///
/// The kernel puts each added destination at the head of its list, so its list is the reverse of this order; see
/// [`Table`].
///
/// Cost: finding and adding a destination O(1), removing one O(n).
///
/// ```
/// use lvs_model::{Destination, SchedulerName, Service, VirtualServer};
///
/// let mut server = VirtualServer::new(Service::new("tcp 10.0.0.1:80".parse()?, SchedulerName::Rr));
/// server.insert(Destination::new("10.1.0.1:80".parse()?))?;
/// assert!(server.insert(Destination::new("10.1.0.1:80".parse()?)).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct VirtualServer {
    service: Service,
    destinations: Vec<Destination>,
    /// Empty below [`INDEXED_FROM`] destinations, otherwise the place of every one.
    index: Index,
}

/// This error says why a destination cannot be in a service; the kernel refuses each of these too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum InsertError {
    /// The service has a destination with this address and port (`EEXIST`).
    #[error("the service already has the destination {0}")]
    Duplicate(Endpoint),
    /// The families differ and the method is not a tunnel (`EINVAL`).
    #[error(
        "the destination {0} is of the other address family than its service, which only a tunnel (`-i`) can bridge"
    )]
    FamilyMismatch(Endpoint),
    /// The address is unspecified, multicast or broadcast (`EINVAL`).
    ///
    /// An IPv6 link-local or IPv4-mapped address is taken, since the kernel takes one that is its own (and answers
    /// `EINVAL` to others).
    #[error("the destination {0} is not a unicast address")]
    NotUnicast(Endpoint),
}

/// This error says that a table already has a service of this key (`EEXIST`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error("the service {0} already exists")]
#[non_exhaustive]
pub struct DuplicateService(pub ServiceKey);

/// This error says that the configuration of one service was given for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error("the configuration is for {found}, not for {expected}: a service cannot change its key")]
#[non_exhaustive]
pub struct KeyMismatch {
    /// The key of the service.
    pub expected: ServiceKey,
    /// The key of the configuration.
    pub found: ServiceKey,
}

impl VirtualServer {
    /// A service without destinations.
    #[must_use]
    pub fn new(service: Service) -> Self {
        Self { service, destinations: Vec::new(), index: Index::default() }
    }

    /// The service.
    #[must_use]
    pub const fn service(&self) -> &Service {
        &self.service
    }

    /// The key of the service.
    #[must_use]
    pub const fn key(&self) -> &ServiceKey {
        self.service.key()
    }

    /// Replaces the configuration of the service and returns the old one.
    ///
    /// # Errors
    /// Another key.
    pub fn set_service(&mut self, service: Service) -> Result<Service, KeyMismatch> {
        let (expected, found) = (*self.key(), *service.key());
        if expected != found {
            return Err(KeyMismatch { expected, found });
        }
        Ok(core::mem::replace(&mut self.service, service))
    }

    /// The destinations in the order of adding.
    #[must_use]
    pub fn destinations(&self) -> &[Destination] {
        &self.destinations
    }

    /// The destination with this address and port.
    #[must_use]
    pub fn destination(&self, endpoint: Endpoint) -> Option<&Destination> {
        self.position(endpoint).map(|at| &self.destinations[at])
    }

    /// Adds a destination behind the others.
    ///
    /// Which addresses are local to the machine is not known here. So an IPv6 link-local (`fe80::/10`) or IPv4-mapped
    /// (`::ffff:0:0/96`) address, which the kernel takes only while it is local, is taken; an unspecified or multicast one, which no real server has, is not,
    /// although a kernel that was told to call it local takes it.
    ///
    /// # Errors
    /// A destination that the kernel would refuse beside this service and its destinations.
    pub fn insert(&mut self, destination: Destination) -> Result<(), InsertError> {
        check(self.key(), &destination)?;
        if self.add(destination) { Ok(()) } else { Err(InsertError::Duplicate(destination.endpoint)) }
    }

    /// Replaces the destination of the same address and port where it stands, or adds it behind the others; returns the
    /// replaced one.
    ///
    /// # Errors
    /// A destination that the kernel would refuse in this service.
    pub fn upsert(&mut self, destination: Destination) -> Result<Option<Destination>, InsertError> {
        check(self.key(), &destination)?;
        if let Some(at) = self.position(destination.endpoint) {
            return Ok(Some(core::mem::replace(&mut self.destinations[at], destination)));
        }
        self.add(destination);
        Ok(None)
    }

    /// Removes the destination with this address and port. Cost: O(n); [`retain`](Self::retain) removes many at once.
    pub fn remove(&mut self, endpoint: Endpoint) -> Option<Destination> {
        let at = self.position(endpoint)?;
        let removed = self.destinations.remove(at);
        self.reindex();
        Some(removed)
    }

    /// Keeps the destinations that `keep` says yes to.
    pub fn retain(&mut self, keep: impl FnMut(&Destination) -> bool) {
        self.destinations.retain(keep);
        self.reindex();
    }

    fn position(&self, endpoint: Endpoint) -> Option<usize> {
        if self.destinations.len() < INDEXED_FROM {
            self.destinations.iter().position(|destination| destination.endpoint == endpoint)
        } else {
            self.index.find(&self.destinations, &endpoint, |destination| &destination.endpoint)
        }
    }

    /// Puts a destination behind the others, unless there is one of this address and port.
    fn add(&mut self, destination: Destination) -> bool {
        let list = &mut self.destinations;
        let is_new = if list.len() < INDEXED_FROM {
            !list.iter().any(|other| other.endpoint == destination.endpoint)
        } else {
            self.index.enter(list, &destination.endpoint, |destination| &destination.endpoint)
        };
        if is_new {
            list.push(destination);
            if list.len() == INDEXED_FROM {
                // A list that has come so far goes on.
                self.index.places.reserve(2 * INDEXED_FROM, Place::spread);
                self.reindex();
            }
        }
        is_new
    }

    fn reindex(&mut self) {
        if self.destinations.len() < INDEXED_FROM {
            self.index.places.clear();
        } else {
            self.index.rebuild(&self.destinations, |destination| &destination.endpoint);
        }
    }
}

/// Whether a service can have this destination, as far as the others in it do not matter.
pub(crate) fn check(service: &ServiceKey, destination: &Destination) -> Result<(), InsertError> {
    let endpoint = destination.endpoint;
    let tunnel = matches!(destination.forwarding, Forwarding::Tunnel(_));
    if endpoint.family() != service.family() && !tunnel {
        return Err(InsertError::FamilyMismatch(endpoint));
    }
    let unicast = match endpoint.addr {
        IpAddr::V4(addr) => !addr.is_unspecified() && !addr.is_multicast() && !addr.is_broadcast(),
        IpAddr::V6(addr) => !addr.is_unspecified() && !addr.is_multicast(),
    };
    if unicast { Ok(()) } else { Err(InsertError::NotUnicast(endpoint)) }
}

impl PartialEq for VirtualServer {
    fn eq(&self, other: &Self) -> bool {
        self.service == other.service && self.destinations == other.destinations
    }
}

impl Eq for VirtualServer {}

impl Hash for VirtualServer {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.service.hash(state);
        self.destinations.hash(state);
    }
}

impl fmt::Debug for VirtualServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { service, destinations, .. } = self;
        f.debug_struct("VirtualServer").field("service", service).field("destinations", destinations).finish()
    }
}

impl fmt::Display for VirtualServer {
    /// As `ipvsadm` rules, one to a line: `-A …`, then `-a …` for each destination.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "-A {}", self.service)?;
        self.destinations.iter().try_for_each(|destination| writeln!(f, "-a {} {destination}", self.key().ipvsadm()))
    }
}

impl From<Service> for VirtualServer {
    fn from(service: Service) -> Self {
        Self::new(service)
    }
}

/// This is a whole IPVS configuration: services in order, each with its destinations.
///
/// **Order.** A table is in the order in which things are added. The kernel adds a destination at the head of its list,
/// so `ipvsadm -L` shows the reverse. A table that is read from the kernel is turned round, so that adding it again
/// gives the same list. The kernel's order of services means nothing; readers sort them by key.
///
/// Cost: finding and adding a service O(1), removing one O(n); about 14 bytes a service beside the service itself.
///
/// ```
/// use lvs_model::{Destination, SchedulerName, Service, Table, VirtualServer};
///
/// let mut web = VirtualServer::new(Service::new("tcp 10.0.0.1:80".parse()?, SchedulerName::Wrr));
/// web.insert(Destination::new("10.1.0.1:80".parse()?))?;
/// let table = Table::from_iter([web]);
/// assert_eq!(table.to_string(), "-A -t 10.0.0.1:80 -s wrr\n-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 1\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
pub struct Table {
    services: Vec<VirtualServer>,
    index: Index,
}

impl Table {
    /// A table without services.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The number of services.
    #[must_use]
    pub fn len(&self) -> usize {
        self.services.len()
    }

    /// Whether there is no service.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.services.is_empty()
    }

    /// The services in the order of adding.
    pub fn iter(&self) -> core::slice::Iter<'_, VirtualServer> {
        self.services.iter()
    }

    /// The service of this key.
    #[must_use]
    pub fn get(&self, key: &ServiceKey) -> Option<&VirtualServer> {
        self.position(key).map(|at| &self.services[at])
    }

    /// The service of this key, to change it. Its key stays as it is.
    #[must_use]
    pub fn get_mut(&mut self, key: &ServiceKey) -> Option<&mut VirtualServer> {
        self.position(key).map(|at| &mut self.services[at])
    }

    /// The service that was added last, to change it.
    #[must_use]
    pub fn last_mut(&mut self) -> Option<&mut VirtualServer> {
        self.services.last_mut()
    }

    /// Adds a service behind the others.
    ///
    /// # Errors
    /// The table has a service of this key.
    pub fn insert(&mut self, server: impl Into<VirtualServer>) -> Result<(), DuplicateService> {
        let server = server.into();
        let key = *server.key();
        if self.add(server) { Ok(()) } else { Err(DuplicateService(key)) }
    }

    /// Replaces the service of the same key where it stands, or adds it behind the others; returns the replaced one.
    pub fn upsert(&mut self, server: impl Into<VirtualServer>) -> Option<VirtualServer> {
        let server = server.into();
        if let Some(at) = self.position(server.key()) {
            return Some(core::mem::replace(&mut self.services[at], server));
        }
        self.add(server);
        None
    }

    /// Removes the service of this key with its destinations. Cost: O(n); [`retain`](Self::retain) removes many at once.
    pub fn remove(&mut self, key: &ServiceKey) -> Option<VirtualServer> {
        let at = self.position(key)?;
        let removed = self.services.remove(at);
        self.reindex();
        Some(removed)
    }

    /// Keeps the services that `keep` says yes to.
    pub fn retain(&mut self, keep: impl FnMut(&VirtualServer) -> bool) {
        self.services.retain(keep);
        self.reindex();
    }

    /// Sorts the services by key; destinations keep their order.
    pub fn sort(&mut self) {
        self.services.sort_by(|a, b| a.key().cmp(b.key()));
        self.reindex();
    }

    fn position(&self, key: &ServiceKey) -> Option<usize> {
        self.index.find(&self.services, key, VirtualServer::key)
    }

    /// Puts a service behind the others, unless there is one of this key.
    fn add(&mut self, server: VirtualServer) -> bool {
        let is_new = self.index.enter(&self.services, server.key(), VirtualServer::key);
        if is_new {
            self.services.push(server);
        }
        is_new
    }

    fn reindex(&mut self) {
        self.index.rebuild(&self.services, VirtualServer::key);
    }
}

impl PartialEq for Table {
    fn eq(&self, other: &Self) -> bool {
        self.services == other.services
    }
}

impl Eq for Table {}

impl Hash for Table {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.services.hash(state);
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Table").field(&self.services).finish()
    }
}

impl fmt::Display for Table {
    /// As `ipvsadm` rules, one to a line, each service followed by its destinations.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.services.iter().try_for_each(|server| server.fmt(f))
    }
}

impl FromIterator<VirtualServer> for Table {
    /// Collects services; of two with the same key the later one replaces the earlier.
    fn from_iter<I: IntoIterator<Item = VirtualServer>>(servers: I) -> Self {
        let mut table = Self::new();
        table.extend(servers);
        table
    }
}

impl Extend<VirtualServer> for Table {
    fn extend<I: IntoIterator<Item = VirtualServer>>(&mut self, servers: I) {
        for server in servers {
            self.upsert(server);
        }
    }
}

impl IntoIterator for Table {
    type Item = VirtualServer;
    type IntoIter = alloc::vec::IntoIter<VirtualServer>;

    fn into_iter(self) -> Self::IntoIter {
        self.services.into_iter()
    }
}

impl<'a> IntoIterator for &'a Table {
    type Item = &'a VirtualServer;
    type IntoIter = core::slice::Iter<'a, VirtualServer>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl From<&ServiceStatus> for VirtualServer {
    /// The configuration of what the kernel showed, in the order of adding, so the reverse of the kernel's list.
    ///
    /// What the kernel holds is taken as it is, also what [`insert`](Self::insert) refuses, such as a multicast address
    /// that is local; serialized, that is not read back. Of two destinations with one address and port, which no kernel shows,
    /// the first in its list stays.
    fn from(status: &ServiceStatus) -> Self {
        let mut server = Self::new(status.service.clone());
        for destination in status.destinations.iter().rev().map(|status| status.destination) {
            match server.position(destination.endpoint) {
                Some(at) => server.destinations[at] = destination,
                None => {
                    server.add(destination);
                }
            }
        }
        server
    }
}

impl<'a> FromIterator<&'a ServiceStatus> for Table {
    /// The configuration of what the kernel showed, services sorted by key.
    fn from_iter<I: IntoIterator<Item = &'a ServiceStatus>>(statuses: I) -> Self {
        let mut table: Self = statuses.into_iter().map(VirtualServer::from).collect();
        table.sort();
        table
    }
}

#[cfg(feature = "serde")]
mod serde_impl {
    use super::{Destination, Service, Table, Vec, VirtualServer};
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    #[derive(Serialize)]
    struct Borrowed<'a> {
        service: &'a Service,
        destinations: &'a [Destination],
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Owned {
        service: Service,
        #[serde(default)]
        destinations: Vec<Destination>,
    }

    impl Serialize for VirtualServer {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            Borrowed { service: &self.service, destinations: &self.destinations }.serialize(serializer)
        }
    }

    impl<'de> Deserialize<'de> for VirtualServer {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let Owned { service, destinations } = Owned::deserialize(deserializer)?;
            let mut server = Self::new(service);
            for destination in destinations {
                server.insert(destination).map_err(D::Error::custom)?;
            }
            Ok(server)
        }
    }

    impl Serialize for Table {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_seq(&self.services)
        }
    }

    impl<'de> Deserialize<'de> for Table {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let mut table = Self::new();
            for server in Vec::<VirtualServer>::deserialize(deserializer)? {
                table.insert(server).map_err(D::Error::custom)?;
            }
            Ok(table)
        }
    }
}
