//! Changing what the kernel has.

use std::ops::ControlFlow;

use lvs_model::{
    Change, Destination, Difference, Endpoint, SchedulerFlags, Service, ServiceKey, SyncDaemon, SyncRole,
    TimeoutsUpdate, Weight,
};

use super::Client;
use super::error::{Error, ErrorKind};
use super::refusal::error;
use crate::wire::Request;

/// This says what an upsert turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the word has two parts")]
pub enum Upserted {
    /// It was not there and has been added.
    Added,
    /// It was there and has been edited.
    Edited,
}

impl Client {
    /// This adds a service (`ipvsadm -A`).
    ///
    /// # Errors
    /// [`ErrorKind::ServiceExists`], [`ErrorKind::SchedulerOrEngineMissing`].
    pub fn add_service(&mut self, service: &Service) -> Result<(), Error> {
        self.command(&Request::AddService(service))
    }

    /// This replaces all settings of a service (`ipvsadm -E`).
    ///
    /// With another scheduler it waits for the kernel's readers, which takes 10 to 20 milliseconds during which
    /// every other IPVS command on the machine waits too. With the same one the scheduler's state survives.
    ///
    /// # Errors
    /// [`ErrorKind::ServiceMissing`], [`ErrorKind::SchedulerOrEngineMissing`].
    pub fn edit_service(&mut self, service: &Service) -> Result<(), Error> {
        self.command(&Request::EditService(service))
    }

    /// This adds a service, or edits it when it is there.
    ///
    /// # Errors
    /// As [`add_service`](Self::add_service) and [`edit_service`](Self::edit_service), but for being there or not.
    pub fn upsert_service(&mut self, service: &Service) -> Result<Upserted, Error> {
        self.upsert(&Request::AddService(service), &Request::EditService(service))
    }

    /// This sets some flags of a service's scheduler and clears others, and leaves the rest to the kernel.
    ///
    /// The kernel wants the other settings repeated, so this reads them first; of the flags nothing is read: two
    /// programs that each care for one flag do not undo each other.
    ///
    /// # Errors
    /// [`ErrorKind::ServiceMissing`].
    pub fn edit_service_flags(
        &mut self,
        service: &ServiceKey,
        set: SchedulerFlags,
        clear: SchedulerFlags,
    ) -> Result<(), Error> {
        let found = self.service_only(service)?.with_flags(set.difference(clear));
        self.command(&Request::EditServiceFlags(&found, set.union(clear)))
    }

    /// This removes a service with its destinations (`ipvsadm -D`).
    ///
    /// # Errors
    /// [`ErrorKind::ServiceMissing`].
    pub fn remove_service(&mut self, service: &ServiceKey) -> Result<(), Error> {
        self.command(&Request::RemoveService(*service))
    }

    /// This adds a destination (`ipvsadm -a`), at the head of the kernel's list.
    ///
    /// One that was removed a short while ago comes back with its connections and their counts.
    ///
    /// # Errors
    /// [`ErrorKind::ServiceMissing`], [`ErrorKind::DestinationExists`], [`ErrorKind::Invalid`] for an address that
    /// cannot be a destination, which all are while `lo` is down.
    pub fn add_destination(&mut self, service: &ServiceKey, destination: &Destination) -> Result<(), Error> {
        self.command(&Request::AddDestination(*service, destination))
    }

    /// This replaces all settings of a destination (`ipvsadm -e`); its connections and its place stay.
    ///
    /// # Errors
    /// [`ErrorKind::ServiceMissing`], [`ErrorKind::DestinationMissing`].
    pub fn edit_destination(&mut self, service: &ServiceKey, destination: &Destination) -> Result<(), Error> {
        self.command(&Request::EditDestination(*service, destination))
    }

    /// This adds a destination, or edits it when it is there.
    ///
    /// # Errors
    /// As [`add_destination`](Self::add_destination), but for being there or not.
    pub fn upsert_destination(&mut self, service: &ServiceKey, destination: &Destination) -> Result<Upserted, Error> {
        let add = Request::AddDestination(*service, destination);
        self.upsert(&add, &Request::EditDestination(*service, destination))
    }

    /// This changes only the weight of a destination; weight 0 lets its connections end and takes no new ones.
    ///
    /// The kernel replaces all settings at once, so this lists the service's destinations, changes the one, and
    /// writes it back: what another program changes between is lost. Gives the destination as it was.
    ///
    /// # Errors
    /// [`ErrorKind::DestinationMissing`], also when there is no such service.
    pub fn set_weight(
        &mut self,
        service: &ServiceKey,
        endpoint: Endpoint,
        weight: Weight,
    ) -> Result<Destination, Error> {
        self.modify_destination(service, endpoint, |destination| destination.weight = weight)
    }

    /// This reads a destination, lets `change` edit it, and writes it back when it changed.
    ///
    /// What another program changes between is lost; a changed address or port is put right. Gives the destination
    /// as it was.
    ///
    /// # Errors
    /// [`ErrorKind::DestinationMissing`], also when there is no such service.
    pub fn modify_destination(
        &mut self,
        service: &ServiceKey,
        endpoint: Endpoint,
        change: impl FnOnce(&mut Destination),
    ) -> Result<Destination, Error> {
        let found = self.destination(service, endpoint)?.destination;
        let mut changed = found;
        change(&mut changed);
        changed.endpoint = endpoint;
        if changed != found {
            self.edit_destination(service, &changed)?;
        }
        Ok(found)
    }

    /// This removes a destination (`ipvsadm -d`).
    ///
    /// Packets of its connections are dropped in silence until they time out, unless the sysctl
    /// `net.ipv4.vs.expire_nodest_conn` is 1. Setting the weight to 0 first and waiting spares them.
    ///
    /// # Errors
    /// [`ErrorKind::ServiceMissing`], [`ErrorKind::DestinationMissing`].
    pub fn remove_destination(&mut self, service: &ServiceKey, destination: Endpoint) -> Result<(), Error> {
        self.command(&Request::RemoveDestination(*service, destination))
    }

    /// This removes everything (`ipvsadm -C`), other programs' services included.
    ///
    /// # Errors
    /// Those of the connection.
    pub fn flush(&mut self) -> Result<(), Error> {
        self.command(&Request::Flush)
    }

    /// This sets the counters of everything to zero (`ipvsadm -Z`).
    ///
    /// # Errors
    /// Those of the connection.
    pub fn zero(&mut self) -> Result<(), Error> {
        self.command(&Request::Zero)
    }

    /// This sets the counters of one service and its destinations to zero.
    ///
    /// # Errors
    /// [`ErrorKind::ServiceMissing`].
    pub fn zero_service(&mut self, service: &ServiceKey) -> Result<(), Error> {
        self.command(&Request::ZeroService(*service))
    }

    /// This sets those timeouts that are given (`ipvsadm --set`); running connections keep theirs.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] when one is too long for the kernel's clock; then none is changed.
    pub fn set_timeouts(&mut self, timeouts: &TimeoutsUpdate) -> Result<(), Error> {
        self.command(&Request::SetTimeouts(*timeouts))
    }

    /// This starts a sync daemon (`ipvsadm --start-daemon`).
    ///
    /// # Errors
    /// [`ErrorKind::DaemonExists`], [`ErrorKind::InterfaceMissing`], [`ErrorKind::Invalid`] while a destination is
    /// of another address family than its service.
    pub fn start_daemon(&mut self, daemon: &SyncDaemon) -> Result<(), Error> {
        self.command(&Request::StartDaemon(daemon))
    }

    /// This stops a sync daemon (`ipvsadm --stop-daemon`).
    ///
    /// The kernel does not acknowledge the stop of a daemon that never came to run. So another request goes along
    /// behind: when its answer comes and that of the stop did not, the list of daemons tells.
    ///
    /// # Errors
    /// [`ErrorKind::DaemonMissing`].
    pub fn stop_daemon(&mut self, role: SyncRole) -> Result<(), Error> {
        let stop = Request::StopDaemon(role);
        if self.command_with_barrier(&stop, &Request::Timeouts)? {
            return Ok(());
        }
        match self.daemons()?.iter().any(|daemon| daemon.role == role) {
            true => Err(error(&stop, ErrorKind::AnswersLost)),
            false => Ok(()),
        }
    }

    /// This carries out one change.
    ///
    /// # Errors
    /// As the operation that it stands for.
    pub fn apply_change(&mut self, change: &Change) -> Result<(), Error> {
        self.command(&Request::from(change))
    }

    /// This carries out a difference, in its order and in windows, and stops after the window with a refusal.
    ///
    /// # Errors
    /// The first refusal, or that of the connection.
    pub fn apply(&mut self, difference: &Difference) -> Result<(), Error> {
        let requests: Vec<_> = difference.iter().map(Request::from).collect();
        let mut first = Ok(());
        self.submit(&requests, |_, result| match result {
            Ok(()) => ControlFlow::Continue(()),
            refused => {
                if first.is_ok() {
                    first = refused;
                }
                ControlFlow::Break(())
            }
        })?;
        first
    }

    /// Another program may add or remove the thing between the two, so this asks once more before it gives up.
    fn upsert(&mut self, add: &Request<'_>, edit: &Request<'_>) -> Result<Upserted, Error> {
        let mut last_try = false;
        loop {
            match self.command(add) {
                Ok(()) => return Ok(Upserted::Added),
                Err(error) if !exists(&error) => return Err(error),
                Err(_) => {}
            }
            match self.command(edit) {
                Ok(()) => return Ok(Upserted::Edited),
                Err(error) if last_try || !is_missing(&error) => return Err(error),
                Err(_) => last_try = true,
            }
        }
    }
}

const fn exists(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::ServiceExists | ErrorKind::DestinationExists)
}

const fn is_missing(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::ServiceMissing | ErrorKind::DestinationMissing)
}
