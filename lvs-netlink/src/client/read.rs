//! Reading what the kernel has.

use std::collections::HashSet;

use lvs_model::{DestinationStatus, Endpoint, Info, Service, ServiceKey, ServiceStatus, SyncDaemon, Table, Timeouts};

use super::Client;
use super::error::{Error, ErrorKind, Object, Operation};
use super::exchange::DUMP_ATTEMPTS;
use super::refusal::error;
use crate::wire::{InfoRecord, Payload, Request};

/// Up to so many, comparing each with each is faster than hashing.
const FEW: usize = 10;

impl Client {
    /// This reads the version of IPVS and the size of its connection table.
    ///
    /// # Errors
    /// [`ErrorKind::NoPermission`] without `CAP_NET_ADMIN` in the initial user namespace: reading needs it too.
    pub fn info(&mut self) -> Result<Info, Error> {
        self.ask_one(&Request::Info, |message| InfoRecord::decode(message.attributes)?.info())
    }

    /// This lists all services without their destinations, in the kernel's order, which means nothing.
    ///
    /// # Errors
    /// [`ErrorKind::Inconsistent`] when the kernel said each time that the list was disturbed. Kernels of today
    /// never say so: a list may lack services while another program removes some.
    pub fn services(&mut self) -> Result<Vec<ServiceStatus>, Error> {
        self.ask(&Request::Services, |message| Payload::decode(message.attributes)?.service()?.status())
    }

    /// This lists the destinations of a service in the kernel's order: the one added last comes first.
    ///
    /// For a service that does not exist the kernel answers with an empty list, and so does this;
    /// [`service`](Self::service) tells the difference.
    ///
    /// # Errors
    /// As [`services`](Self::services).
    pub fn destinations(&mut self, service: &ServiceKey) -> Result<Vec<DestinationStatus>, Error> {
        let family = service.family();
        self.ask(&Request::Destinations(*service), |message| {
            Payload::decode(message.attributes)?.destination()?.status(family)
        })
    }

    /// This reads one service with its destinations.
    ///
    /// # Errors
    /// [`ErrorKind::ServiceMissing`] when there is no such service.
    pub fn service(&mut self, service: &ServiceKey) -> Result<ServiceStatus, Error> {
        let request = Request::Service(*service);
        let mut status = self.ask_one(&request, |message| Payload::decode(message.attributes)?.service()?.status())?;
        status.destinations = self.destinations(service)?;
        Ok(status)
    }

    /// This reads everything: all services, each with its destinations, in the kernel's order.
    ///
    /// The kernel gives no picture of one instant. A list in which something appears twice was disturbed, and is
    /// read again.
    ///
    /// # Errors
    /// [`ErrorKind::Inconsistent`] when it was disturbed each time.
    pub fn list(&mut self) -> Result<Vec<ServiceStatus>, Error> {
        for _ in 0..DUMP_ATTEMPTS {
            let mut services = self.services()?;
            let mut keys = HashSet::with_capacity(services.len());
            let mut consistent = services.iter().all(|status| keys.insert(*status.service.key()));
            for status in &mut services {
                status.destinations = self.destinations(status.service.key())?;
                consistent &= each_once(&status.destinations);
            }
            if consistent {
                return Ok(services);
            }
        }
        Err(error(&Request::Services, ErrorKind::Inconsistent))
    }

    /// This reads everything as configuration: services sorted by their key, destinations in the order in which
    /// they were added.
    ///
    /// # Errors
    /// As [`list`](Self::list).
    pub fn table(&mut self) -> Result<Table, Error> {
        Ok(self.list()?.iter().collect())
    }

    /// This reads the TCP and UDP timeouts of the network namespace.
    ///
    /// # Errors
    /// As [`info`](Self::info).
    pub fn timeouts(&mut self) -> Result<Timeouts, Error> {
        self.ask_one(&Request::Timeouts, |message| Payload::decode(message.attributes)?.timeouts.timeouts())
    }

    /// This lists the sync daemons that run: none, the master, the backup, or both.
    ///
    /// What was left open when one was started is filled in by the kernel.
    ///
    /// # Errors
    /// As [`info`](Self::info).
    pub fn daemons(&mut self) -> Result<Vec<SyncDaemon>, Error> {
        self.ask(&Request::Daemons, |message| Payload::decode(message.attributes)?.daemon()?.daemon())
    }

    /// This finds one destination for a partial edit.
    pub(super) fn destination(&mut self, service: &ServiceKey, endpoint: Endpoint) -> Result<DestinationStatus, Error> {
        let found = self.destinations(service)?.into_iter().find(|status| status.destination.endpoint == endpoint);
        found.ok_or_else(|| {
            let object = Object::Destination(*service, endpoint);
            Error::new(Operation::EditDestination, object, ErrorKind::DestinationMissing)
        })
    }

    /// This reads one service's configuration for a partial edit.
    pub(super) fn service_only(&mut self, service: &ServiceKey) -> Result<Service, Error> {
        let request = Request::Service(*service);
        self.ask_one(&request, |message| Payload::decode(message.attributes)?.service()?.service())
    }
}

/// Whether no destination appears twice. The kernel looks for more behind every part that it has sent, so also a short list can be disturbed.
fn each_once(destinations: &[DestinationStatus]) -> bool {
    let mut endpoints = destinations.iter().map(|status| status.destination.endpoint);
    if destinations.len() <= FEW {
        let twice = |(at, endpoint)| destinations[..at].iter().any(|other| other.destination.endpoint == endpoint);
        return !endpoints.enumerate().any(twice);
    }
    let mut seen = HashSet::with_capacity(destinations.len());
    endpoints.all(|endpoint| seen.insert(endpoint))
}
