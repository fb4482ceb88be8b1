//! Keeps what balances (pools here, or the kernel) in step with the health of the real servers, and shows the table.

use std::time::Duration;

use lvs_model::{Change, ServiceStatus, Table, VirtualServer};
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;
use tracing::{error, info, warn};

use crate::availability::Availability;
use crate::check::Health;
use crate::failure::Failure;
use crate::screen::Screen;
use crate::setup::VirtualService;
use crate::view;
use crate::watch::Report;

/// What balances.
pub(crate) trait Target {
    /// Makes one change.
    fn apply(&mut self, change: &Change) -> Result<(), String>;

    /// The services of this program, with what was counted for them.
    fn status(&mut self) -> Result<Vec<ServiceStatus>, String>;
}

/// The health of all real servers, and what they are part of.
#[derive(Debug)]
pub(crate) struct Supervisor<T> {
    target: T,
    services: Vec<Availability>,
}

impl<T: Target> Supervisor<T> {
    /// Takes a target, and changes it into what it should be now.
    pub(crate) fn start(target: T, services: Vec<VirtualService>) -> Result<Self, (T, Failure)> {
        let mut supervisor = Self { target, services: services.into_iter().map(Availability::new).collect() };
        match supervisor.reconcile() {
            Ok(_) => Ok(supervisor),
            Err(message) => Err((supervisor.target, Failure::run(message))),
        }
    }

    /// Works until `stop` is ready, and gives the target back.
    pub(crate) async fn run(
        mut self,
        mut reports: mpsc::Receiver<Report>,
        screen: &Screen,
        interval: Duration,
        stop: impl Future<Output = ()>,
    ) -> T {
        let mut ticks = tokio::time::interval(interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        tokio::pin!(stop);
        loop {
            tokio::select! {
                biased;
                () = &mut stop => return self.target,
                Some(report) = reports.recv() => self.report(&report),
                _ = ticks.tick() => {}
            }
            while let Ok(report) = reports.try_recv() {
                self.report(&report);
            }
            // What could not be done the last time, or was undone by another program, is done at the next tick.
            match self.reconcile() {
                Ok(services) => screen.show(view::table(services)),
                Err(message) => error!("{message}"),
            }
        }
    }

    fn report(&mut self, report: &Report) {
        let Some(availability) = self.services.get_mut(report.service) else { return };
        let changed = availability.report(report.real_server, report.health);
        let setup = availability.setup();
        let Some(server) = setup.real_servers.get(report.real_server) else { return };
        let endpoint = server.endpoint;
        match changed {
            Some(Health::Up) => info!("real server {endpoint} is up"),
            Some(Health::Down) => warn!("real server {endpoint} is down: {}", report.reason),
            None => {}
        }
    }

    /// Makes the changes that lead from what the target holds to what it should hold, and gives what it holds then.
    fn reconcile(&mut self) -> Result<Vec<ServiceStatus>, String> {
        let services = self.target.status()?;
        let difference = services.iter().collect::<Table>().difference(&self.desired()?);
        if difference.is_empty() {
            return Ok(services);
        }
        for change in &difference {
            self.target.apply(change)?;
            info!("{change}");
        }
        self.target.status()
    }

    fn desired(&self) -> Result<Table, String> {
        let mut table = Table::new();
        for (service, destinations) in self.services.iter().flat_map(Availability::services) {
            let mut server = VirtualServer::new(service.clone());
            for destination in destinations {
                server.insert(destination).map_err(|e| format!("in {}: {e}", service.key()))?;
            }
            table.insert(server).map_err(|e| e.to_string())?;
        }
        Ok(table)
    }
}
