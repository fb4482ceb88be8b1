//! What the kernel holds, and whether that can be believed.

use hashbrown::{HashMap, HashSet};
use lvs_model::{Endpoint, ServiceKey, ServiceStatus, Table, VirtualServer};
use std::fmt;

/// This is what the kernel held: services with destinations and counters, and a verdict on whether it ever held just that.
///
/// The kernel lists by counting: when somebody removes a service that has been passed already, one that lives is left out, and no flag says so.
/// So a snapshot is read so that this shows, again when it does, and tells its [`Consistency`]. A plan removes nothing on the word of a doubtful one.
///
/// ```
/// use lvs_netlink::sync::Snapshot;
///
/// let nothing = Snapshot::new(Vec::new());
/// assert!(nothing.is_verified());
/// assert!(nothing.table().is_empty());
/// ```
#[derive(Clone, Debug)]
pub struct Snapshot {
    services: Vec<ServiceStatus>,
    places: HashMap<ServiceKey, usize>,
    consistency: Consistency,
}

/// This is the verdict on a [`Snapshot`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Consistency {
    /// Two listings agreed, and nothing came twice.
    Verified,
    /// The kernel was changed while it was read, every time it was tried.
    Doubtful(Doubt),
}

/// This is what gave away that a listing was not what the kernel held at any one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Doubt {
    /// A service came twice in one listing.
    DuplicateService(ServiceKey),
    /// A destination came twice in one listing.
    DuplicateDestination {
        /// The service that was listed.
        service: ServiceKey,
        /// The destination that came twice.
        destination: Endpoint,
    },
    /// The services before and after reading the destinations were not the same.
    ServicesChanged,
    /// Two listings of one service's destinations were not the same.
    DestinationsChanged(ServiceKey),
    /// The kernel itself said that a listing was interrupted.
    Interrupted,
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DuplicateService(key) => write!(f, "service {key} was listed twice"),
            Self::DuplicateDestination { service, destination } => {
                write!(f, "destination {destination} of service {service} was listed twice")
            }
            Self::ServicesChanged => f.write_str("services were added, changed or removed while they were read"),
            Self::DestinationsChanged(key) => write!(f, "destinations of service {key} changed while they were read"),
            Self::Interrupted => f.write_str("the kernel said that a listing was interrupted"),
        }
    }
}

impl Snapshot {
    /// A snapshot of services that were read elsewhere and are known to be complete; doubtful if something comes twice.
    ///
    /// Destinations stand in the kernel's order, the one added last first.
    #[must_use]
    pub fn new(services: Vec<ServiceStatus>) -> Self {
        let mut places = HashMap::with_capacity(services.len());
        let mut consistency = Consistency::Verified;
        for (place, status) in services.iter().enumerate() {
            if places.insert(*status.service.key(), place).is_some() {
                consistency = Consistency::Doubtful(Doubt::DuplicateService(*status.service.key()));
            }
            if let Some(destination) = duplicate(status) {
                let service = *status.service.key();
                consistency = Consistency::Doubtful(Doubt::DuplicateDestination { service, destination });
            }
        }
        Self { services, places, consistency }
    }

    /// The same with a doubt, which an earlier one outweighs.
    #[must_use]
    pub fn doubted(mut self, doubt: Doubt) -> Self {
        if self.consistency == Consistency::Verified {
            self.consistency = Consistency::Doubtful(doubt);
        }
        self
    }

    /// The services in the order in which the kernel listed them, which means nothing.
    #[must_use]
    pub fn services(&self) -> &[ServiceStatus] {
        &self.services
    }

    /// The service with this key.
    #[must_use]
    pub fn service(&self, key: &ServiceKey) -> Option<&ServiceStatus> {
        self.services.get(*self.places.get(key)?)
    }

    /// The verdict.
    #[must_use]
    pub fn consistency(&self) -> Consistency {
        self.consistency
    }

    /// Whether the verdict is [`Consistency::Verified`].
    #[must_use]
    pub fn is_verified(&self) -> bool {
        self.consistency == Consistency::Verified
    }

    /// The configuration without the counters: services sorted by key, destinations in the order in which they were added.
    ///
    /// A destination that [`VirtualServer::insert`] refuses is left out. (The kernel takes any address that is
    /// local, also a multicast one.) `Table::from_iter` of what [`Client::list`](crate::Client::list) gave takes everything as it is instead.
    #[must_use]
    pub fn table(&self) -> Table {
        let mut table: Table = self.services.iter().map(server).collect();
        table.sort();
        table
    }
}

fn server(status: &ServiceStatus) -> VirtualServer {
    let mut server = VirtualServer::new(status.service.clone());
    for status in status.destinations.iter().rev() {
        // What cannot be in a table is left out, as documented.
        let _ = server.insert(status.destination);
    }
    server
}

/// A destination that comes twice. Short lists are walked, which is faster than to hash them.
fn duplicate(status: &ServiceStatus) -> Option<Endpoint> {
    let endpoints = status.destinations.iter().map(|status| status.destination.endpoint);
    if status.destinations.len() <= 16 {
        let twice =
            |&(place, endpoint): &(usize, Endpoint)| endpoints.clone().take(place).any(|other| other == endpoint);
        return endpoints.clone().enumerate().find(twice).map(|(_, endpoint)| endpoint);
    }
    let mut seen = HashSet::with_capacity(status.destinations.len());
    endpoints.clone().find(|endpoint| !seen.insert(*endpoint))
}
