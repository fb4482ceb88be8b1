//! What turns one table into another.

use alloc::vec::Vec;
use core::fmt;

use crate::{
    destination::Destination,
    endpoint::Endpoint,
    service::Service,
    service_key::ServiceKey,
    table::{InsertError, Table, VirtualServer},
};

/// This is one change of a table: what one `ipvsadm` command, or one netlink request, does.
///
/// Both sides of an edit have one key, or one address and port; a serialized one of two is refused.
///
/// ```
/// use lvs_model::{Change, Service, SchedulerName};
///
/// let change = Change::AddService(Service::new("udp 10.0.0.1:53".parse()?, SchedulerName::Rr));
/// assert_eq!(change.to_string(), "-A -u 10.0.0.1:53 -s rr");
/// # Ok::<(), lvs_model::ParseError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "kebab-case", try_from = "serde_impl::Unchecked")
)]
#[expect(clippy::exhaustive_enums, reason = "two kinds of object, three things to do with each")]
pub enum Change {
    /// Adds a service without destinations.
    AddService(Service),
    /// Changes a service. The scheduler keeps its state unless its name changes.
    EditService {
        /// The configuration before.
        from: Service,
        /// The configuration after.
        to: Service,
    },
    /// Removes a service with its destinations.
    RemoveService(ServiceKey),
    /// Adds a destination.
    AddDestination {
        /// The service that it is added to.
        service: ServiceKey,
        /// The destination.
        destination: Destination,
    },
    /// Changes a destination; its place in the list, its counters and its connections stay.
    EditDestination {
        /// The service that it belongs to.
        service: ServiceKey,
        /// The configuration before.
        from: Destination,
        /// The configuration after.
        to: Destination,
    },
    /// Removes a destination.
    RemoveDestination {
        /// The service that it belongs to.
        service: ServiceKey,
        /// The address and port of the destination.
        destination: Endpoint,
    },
}

impl Change {
    /// The service that the change is about.
    #[must_use]
    pub const fn service(&self) -> &ServiceKey {
        match self {
            Self::AddService(service) | Self::EditService { to: service, .. } => service.key(),
            Self::RemoveService(key)
            | Self::AddDestination { service: key, .. }
            | Self::EditDestination { service: key, .. }
            | Self::RemoveDestination { service: key, .. } => key,
        }
    }
}

impl fmt::Display for Change {
    /// As an `ipvsadm` rule without the program's name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AddService(service) => write!(f, "-A {service}"),
            Self::EditService { to, .. } => write!(f, "-E {to}"),
            Self::RemoveService(key) => write!(f, "-D {}", key.ipvsadm()),
            Self::AddDestination { service, destination } => write!(f, "-a {} {destination}", service.ipvsadm()),
            Self::EditDestination { service, to, .. } => write!(f, "-e {} {to}", service.ipvsadm()),
            Self::RemoveDestination { service, destination } => write!(f, "-d {} -r {destination}", service.ipvsadm()),
        }
    }
}

/// This is the list of changes that turns one table into another, in an order that serves clients best: new services,
/// each complete before the next; then what changes in services that stay; removals last.
///
/// The order of destinations inside a service is not compared: the kernel cannot move one.
///
/// ```
/// use lvs_model::{Destination, SchedulerName, Service, Table, VirtualServer};
///
/// let service = Service::new("tcp 10.0.0.1:80".parse()?, SchedulerName::Rr);
/// let (mut old, mut new) = (VirtualServer::new(service.clone()), VirtualServer::new(service));
/// old.insert(Destination::new("10.1.0.1:80".parse()?))?;
/// new.insert(Destination::new("10.1.0.2:80".parse()?))?;
///
/// let (mut old, new) = (Table::from_iter([old]), Table::from_iter([new]));
/// let difference = old.difference(&new);
/// assert_eq!(difference.to_string(), "-a -t 10.0.0.1:80 -r 10.1.0.2:80 -m -w 1\n-d -t 10.0.0.1:80 -r 10.1.0.1:80\n");
///
/// old.apply(&difference)?;
/// assert_eq!(old, new);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Cost: O(n) time and memory, n being the number of services and destinations of both tables.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct Difference(Vec<Change>);

impl Difference {
    /// The changes in order.
    #[must_use]
    pub fn changes(&self) -> &[Change] {
        &self.0
    }

    /// The changes in order.
    pub fn iter(&self) -> core::slice::Iter<'_, Change> {
        self.0.iter()
    }

    /// The number of changes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the tables are the same.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Difference {
    /// One `ipvsadm` rule to a line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|change| writeln!(f, "{change}"))
    }
}

impl FromIterator<Change> for Difference {
    fn from_iter<I: IntoIterator<Item = Change>>(changes: I) -> Self {
        Self(changes.into_iter().collect())
    }
}

impl IntoIterator for Difference {
    type Item = Change;
    type IntoIter = alloc::vec::IntoIter<Change>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Difference {
    type Item = &'a Change;
    type IntoIter = core::slice::Iter<'a, Change>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// This error says why a change does not fit a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum ApplyError {
    /// A service to add is there already (`EEXIST`).
    #[error("the service {0} already exists")]
    ServiceExists(ServiceKey),
    /// A service to change, to remove or to add a destination to is not there (`ESRCH`).
    #[error("there is no service {0}")]
    NoService(ServiceKey),
    /// A destination to change or to remove is not there (`ENOENT`).
    #[error("the service {service} has no destination {destination}")]
    NoDestination {
        /// The service.
        service: ServiceKey,
        /// The missing destination.
        destination: Endpoint,
    },
    /// A destination cannot be in the service.
    #[error("in the service {service}: {cause}")]
    Destination {
        /// The service.
        service: ServiceKey,
        /// What is wrong with the destination; part of the message, so not its source.
        cause: InsertError,
    },
}

impl Table {
    /// The changes that turn this table into `desired`.
    #[must_use]
    pub fn difference(&self, desired: &Self) -> Difference {
        let mut changes = Vec::new();
        for server in desired.iter().filter(|server| self.get(server.key()).is_none()) {
            changes.push(Change::AddService(server.service().clone()));
            let add = |&destination| Change::AddDestination { service: *server.key(), destination };
            changes.extend(server.destinations().iter().map(add));
        }
        for server in desired {
            if let Some(old) = self.get(server.key()) {
                keep_in_step(old, server, &mut changes);
            }
        }
        for old in self {
            let Some(server) = desired.get(old.key()) else { continue };
            let gone = old.destinations().iter().filter(|old| server.destination(old.endpoint).is_none());
            changes.extend(
                gone.map(|old| Change::RemoveDestination { service: *server.key(), destination: old.endpoint }),
            );
        }
        let gone = self.iter().filter(|old| desired.get(old.key()).is_none());
        changes.extend(gone.map(|old| Change::RemoveService(*old.key())));
        Difference(changes)
    }
}

/// What changes inside a service that both tables have, but for removals.
fn keep_in_step(old: &VirtualServer, new: &VirtualServer, changes: &mut Vec<Change>) {
    if old.service() != new.service() {
        changes.push(Change::EditService { from: old.service().clone(), to: new.service().clone() });
    }
    let service = *new.key();
    for &destination in new.destinations() {
        match old.destination(destination.endpoint) {
            None => changes.push(Change::AddDestination { service, destination }),
            Some(&from) if from != destination => {
                changes.push(Change::EditDestination { service, from, to: destination });
            }
            Some(_) => {}
        }
    }
}

#[cfg(feature = "serde")]
mod serde_impl {
    use super::{Change, Destination, Endpoint, Service, ServiceKey};

    /// A change as it is written, before it is known to make sense.
    #[derive(serde::Deserialize)]
    #[serde(rename = "Change", rename_all = "kebab-case")]
    pub(super) enum Unchecked {
        AddService(Service),
        EditService { from: Service, to: Service },
        RemoveService(ServiceKey),
        AddDestination { service: ServiceKey, destination: Destination },
        EditDestination { service: ServiceKey, from: Destination, to: Destination },
        RemoveDestination { service: ServiceKey, destination: Endpoint },
    }

    #[derive(Debug, thiserror::Error)]
    pub(super) enum Moved {
        #[error("an edit cannot make the service {0} the service {1}")]
        Service(ServiceKey, ServiceKey),
        #[error("an edit cannot make the destination {0} the destination {1}")]
        Destination(Endpoint, Endpoint),
    }

    impl TryFrom<Unchecked> for Change {
        type Error = Moved;

        fn try_from(change: Unchecked) -> Result<Self, Moved> {
            Ok(match change {
                Unchecked::AddService(service) => Self::AddService(service),
                Unchecked::EditService { from, to } if from.key() != to.key() => {
                    return Err(Moved::Service(*from.key(), *to.key()));
                }
                Unchecked::EditService { from, to } => Self::EditService { from, to },
                Unchecked::RemoveService(key) => Self::RemoveService(key),
                Unchecked::AddDestination { service, destination } => Self::AddDestination { service, destination },
                Unchecked::EditDestination { from, to, .. } if from.endpoint != to.endpoint => {
                    return Err(Moved::Destination(from.endpoint, to.endpoint));
                }
                Unchecked::EditDestination { service, from, to } => Self::EditDestination { service, from, to },
                Unchecked::RemoveDestination { service, destination } => {
                    Self::RemoveDestination { service, destination }
                }
            })
        }
    }
}
