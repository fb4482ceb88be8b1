//! The kernel's IPVS as what balances: the own services in it, and nothing else of it.

use std::collections::HashSet;

use lvs_model::{Change, ServiceKey, ServiceStatus, Table};
use lvs_netlink::{Client, ErrorKind};

use crate::failure::Failure;
use crate::setup::VirtualService;
use crate::supervise::Target;

/// The own services in the kernel.
#[derive(Debug)]
pub(crate) struct Kernel {
    client: Client,
    own: HashSet<ServiceKey>,
    /// What the kernel held of them at the beginning.
    before: Table,
}

/// What to do with services of the configuration that the kernel already has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// They belong to somebody else: refuse to start.
    Refuse,
    /// They were left behind: change them into what they should be.
    TakeOver,
}

impl Kernel {
    /// Connects, and looks at what is there. Nothing is changed yet.
    pub(crate) fn open(services: &[VirtualService], found: Found) -> Result<Self, Failure> {
        let mut client = Client::connect().map_err(|e| {
            let instead = if matches!(e.kind(), ErrorKind::IpvsMissing) { ", or run without --kernel" } else { "" };
            Failure::run(format!("{e}{instead}"))
        })?;
        let members = services.iter().flat_map(|s| &s.members);
        let own: HashSet<ServiceKey> = members.map(|member| *member.service.key()).collect();
        let mut before = client.table().map_err(|e| Failure::run(e.to_string()))?;
        before.retain(|server| own.contains(server.key()));
        match (found, before.iter().next()) {
            (Found::Refuse, Some(server)) => Err(Failure::run(format!(
                "the kernel already has the service {}: remove it with `ipvsadm -D {}`, or take it over with --take-over",
                server.key(),
                server.key().ipvsadm()
            ))),
            _ => Ok(Self { client, own, before }),
        }
    }

    /// Puts the own services back to what they were at the beginning.
    pub(crate) fn undo(mut self) -> Result<(), Failure> {
        let mut now = self.client.table().map_err(|e| Failure::run(e.to_string()))?;
        now.retain(|server| self.own.contains(server.key()));
        self.client.apply(&now.difference(&self.before)).map_err(|e| Failure::run(e.to_string()))
    }

    /// Removes the own services.
    pub(crate) fn close(mut self) -> Result<(), Failure> {
        let mut result = Ok(());
        for service in &self.own {
            match self.client.remove_service(service) {
                Ok(()) => {}
                Err(error) if matches!(error.kind(), ErrorKind::ServiceMissing) => {}
                // The others can still be removed.
                Err(error) => result = Err(Failure::run(error.to_string())),
            }
        }
        result
    }
}

impl Target for Kernel {
    fn apply(&mut self, change: &Change) -> Result<(), String> {
        self.client.apply_change(change).map_err(|e| e.to_string())
    }

    fn status(&mut self) -> Result<Vec<ServiceStatus>, String> {
        let mut services = self.client.list().map_err(|e| e.to_string())?;
        services.retain(|status| self.own.contains(status.service.key()));
        Ok(services)
    }
}
