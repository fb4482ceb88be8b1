//! Reading a snapshot so that a disturbed one shows.

use super::{Doubt, Scope, Snapshot};
use crate::{Client, Error, ErrorKind};
use lvs_model::{Destination, DestinationStatus, Service, ServiceKey, ServiceStatus};

/// How often reading is begun again before a doubtful snapshot is given.
const ATTEMPTS: usize = 4;
/// A list of destinations up to this long comes in one part, which the kernel writes in one go: one destination takes up to 400 bytes,
/// and a part is a little less than a page before the socket has shown a larger buffer. The kernel looks for more behind it, so something may
/// appear twice, which is noticed; but nothing is missing that was there all the time.
const ONE_PART: usize = 9;

impl Snapshot {
    /// Reads everything that the kernel holds, at most four times over until nothing has changed meanwhile.
    ///
    /// All services are listed, then the destinations of each, then all services again, which must be the same. Lists of destinations that came in
    /// several parts (of more than 9) are read twice, too. What else happens between two lists does no harm: each is what the kernel held at one moment.
    ///
    /// # Errors
    /// Those of the connection. Being disturbed is no error but a [`Doubt`].
    pub fn read(client: &mut Client) -> Result<Self, Error> {
        Self::read_within(client, &Scope::everything())
    }

    /// Reads as [`read`](Self::read) does, but only the services within a scope: those of others cost nothing but their place in the list,
    /// and what happens to them raises no doubt. Plan with the same scope, or a narrower one.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_within(client: &mut Client, scope: &Scope) -> Result<Self, Error> {
        let mut snapshot = Self::read_once(client, scope)?;
        for _ in 1..ATTEMPTS {
            if snapshot.is_verified() {
                break;
            }
            snapshot = Self::read_once(client, scope)?;
        }
        Ok(snapshot)
    }

    fn read_once(client: &mut Client, scope: &Scope) -> Result<Self, Error> {
        let mut doubt = None;
        let Some(mut services) = services(client, scope)? else { return Ok(doubtful(Vec::new())) };
        for status in &mut services {
            let key = *status.service.key();
            let Some(destinations) = destinations(client, &key, &mut doubt)? else { return Ok(doubtful(services)) };
            status.destinations = destinations;
        }
        let Some(again) = self::services(client, scope)? else { return Ok(doubtful(services)) };
        if sorted(&services) != sorted(&again) {
            doubt.get_or_insert(Doubt::ServicesChanged);
        }
        let snapshot = Self::new(services);
        Ok(match doubt {
            Some(doubt) => snapshot.doubted(doubt),
            None => snapshot,
        })
    }
}

fn services(client: &mut Client, scope: &Scope) -> Result<Option<Vec<ServiceStatus>>, Error> {
    let mut listed = uninterrupted(client.services())?;
    if let Some(services) = &mut listed {
        services.retain(|status| scope.contains(status.service.key()));
    }
    Ok(listed)
}

fn doubtful(services: Vec<ServiceStatus>) -> Snapshot {
    Snapshot::new(services).doubted(Doubt::Interrupted)
}

/// A listing that was interrupted every time is no error here.
fn uninterrupted<T>(listed: Result<T, Error>) -> Result<Option<T>, Error> {
    match listed {
        Ok(listed) => Ok(Some(listed)),
        Err(error) if matches!(error.kind(), ErrorKind::Inconsistent) => Ok(None),
        Err(error) => Err(error),
    }
}

fn destinations(
    client: &mut Client,
    key: &ServiceKey,
    doubt: &mut Option<Doubt>,
) -> Result<Option<Vec<DestinationStatus>>, Error> {
    let Some(listed) = uninterrupted(client.destinations(key))? else { return Ok(None) };
    if listed.len() <= ONE_PART {
        return Ok(Some(listed));
    }
    let Some(again) = uninterrupted(client.destinations(key))? else { return Ok(None) };
    let configured =
        |list: &[DestinationStatus]| list.iter().map(|status| status.destination).collect::<Vec<Destination>>();
    if configured(&listed) != configured(&again) {
        doubt.get_or_insert(Doubt::DestinationsChanged(*key));
    }
    Ok(Some(again))
}

/// The services without counters and order.
fn sorted(services: &[ServiceStatus]) -> Vec<&Service> {
    let mut sorted: Vec<&Service> = services.iter().map(|status| &status.service).collect();
    sorted.sort();
    sorted
}
