//! This keeps the destinations with everything that outlives their place in a service: their counters, the connections
//! that refer to them, and the trash from which a removed one comes back.

use alloc::vec::Vec;

use hashbrown::HashMap;
use lvs_model::{Destination, Endpoint, Forwarding, Fwmark, Protocol, ServiceKey, Tunnel};

use super::clock::Tick;
use super::counters::Counters;
use crate::algo::{DestinationId, Load};

/// How often the trash is looked through.
const ROUND: u32 = 60;
/// How long a removed destination is kept after a round first found it without connections.
const IDLE: u32 = 120;

/// One destination, in a service or in the trash.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) destination: Destination,
    pub(super) counters: Counters,
    pub(super) identity: Identity,
    /// In the list of its service. Connections of others are dropped or expire.
    pub(super) available: bool,
    pub(super) home: Home,
    /// Connections and templates that are bound to it.
    pub(super) references: u32,
    idle_since: Option<Tick>,
}

/// Where the counters of a destination are.
#[derive(Debug, Clone, Copy)]
pub(super) enum Home {
    /// In the list of this service, or among those that departed from it.
    Service(u32, DestinationId),
    /// Here, because the service is gone.
    Orphan(Load),
}

/// What makes a removed destination the same as one that is added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Identity {
    service: ServiceIdentity,
    endpoint: Endpoint,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum ServiceIdentity {
    Socket(Protocol, Endpoint),
    /// The family is not part of it: an IPv4 and an IPv6 service of one mark can take over each other's tunnels.
    Fwmark(Fwmark),
}

impl Identity {
    pub(super) fn new(service: &ServiceKey, endpoint: Endpoint) -> Self {
        let service = match *service {
            ServiceKey::Socket { protocol, endpoint } => ServiceIdentity::Socket(protocol, endpoint),
            ServiceKey::Fwmark { mark, .. } => ServiceIdentity::Fwmark(mark),
        };
        Self { service, endpoint }
    }
}

impl Server {
    pub(super) fn new(destination: Destination, identity: Identity, home: Home) -> Self {
        Self {
            destination,
            counters: Counters::default(),
            identity,
            available: true,
            home,
            references: 0,
            idle_since: None,
        }
    }

    /// The forwarding of a connection that was made with `method`: a later edit changes the tunnel's data for it, but not
    /// the method.
    pub(super) fn forwarding(&self, method: u16) -> Forwarding {
        let current = self.destination.forwarding;
        if current.number() == u32::from(method) {
            return current;
        }
        Forwarding::from_raw(method.into(), 0, 0, 0).unwrap_or(Forwarding::Tunnel(Tunnel::Ipip))
    }
}

/// All destinations. A number below names one until it is freed.
#[derive(Debug, Default)]
pub(super) struct Servers {
    all: Vec<Option<Server>>,
    free: Vec<u32>,
    /// Removed destinations by what they were; of several the newest is last.
    trash: HashMap<Identity, Vec<u32>>,
    trash_round: Option<Tick>,
}

impl Servers {
    pub(super) fn at(&self, id: u32) -> Option<&Server> {
        self.all.get(id as usize)?.as_ref()
    }

    pub(super) fn at_mut(&mut self, id: u32) -> Option<&mut Server> {
        self.all.get_mut(id as usize)?.as_mut()
    }

    pub(super) fn insert(&mut self, server: Server) -> u32 {
        if let Some(id) = self.free.pop() {
            self.all[id as usize] = Some(server);
            return id;
        }
        self.all.push(Some(server));
        (self.all.len() - 1) as u32
    }

    /// Moves a destination out of its service into the trash.
    pub(super) fn discard(&mut self, id: u32, now: Tick) {
        let Some(server) = self.at_mut(id) else { return };
        server.available = false;
        server.idle_since = None;
        let identity = server.identity;
        if self.trash.is_empty() {
            // Also when a round is due because of one that has come back since.
            self.trash_round = Some(now.after_seconds(ROUND));
        }
        self.trash.entry(identity).or_default().push(id);
    }

    /// Takes a destination out of the trash, if it is there.
    pub(super) fn revive(&mut self, identity: &Identity) -> Option<u32> {
        let removed = self.trash.get_mut(identity)?;
        let id = removed.pop();
        if removed.is_empty() {
            self.trash.remove(identity);
        }
        id
    }

    /// When the trash is to be looked through next.
    pub(super) fn next_round(&self) -> Option<Tick> {
        self.trash_round
    }

    /// Looks through the trash: frees what nothing refers to any more, neither connections nor a scheduler that remembers it.
    pub(super) fn round(&mut self, now: Tick, mut remembered: impl FnMut(&Server) -> bool) -> Vec<Server> {
        let mut freed = Vec::new();
        let (all, free) = (&mut self.all, &mut self.free);
        self.trash.retain(|_, removed| {
            removed.retain(|&id| {
                let slot = &mut all[id as usize];
                let Some(server) = slot else { return false };
                if server.references > 0 || remembered(server) {
                    return true;
                }
                let since = *server.idle_since.get_or_insert(now);
                if now < since.after_seconds(IDLE) {
                    return true;
                }
                freed.extend(slot.take());
                free.push(id);
                false
            });
            !removed.is_empty()
        });
        self.trash_round = (!self.trash.is_empty()).then(|| now.after_seconds(ROUND));
        freed
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Server> {
        self.all.iter_mut().flatten()
    }

    /// Bytes taken from the allocator, without the scheduler's own.
    pub(super) fn memory(&self) -> usize {
        self.all.capacity() * size_of::<Option<Server>>()
            + self.free.capacity() * size_of::<u32>()
            + self.trash.capacity() * size_of::<(Identity, Vec<u32>)>()
    }
}
