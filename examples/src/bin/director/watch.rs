//! The health checks at work: connects, asks [`Check`] what it means, reports changes.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpSocket;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tracing::{debug, warn};

use crate::check::{Check, Health};
use crate::setup::{TcpCheck, VirtualService};

/// One check of a real server changed its mind.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) service: usize,
    pub(crate) real_server: usize,
    pub(crate) health: Health,
    /// Why, when it is down.
    pub(crate) reason: String,
}

/// Starts all checks. They end when the set is dropped.
pub(crate) fn start(services: &[VirtualService], reports: &mpsc::Sender<Report>) -> JoinSet<()> {
    let mut checks = JoinSet::new();
    for (service, setup) in services.iter().enumerate() {
        for (real_server, server) in setup.real_servers.iter().enumerate() {
            for check in &server.checks {
                checks.spawn(run(service, real_server, check.clone(), reports.clone()));
            }
        }
    }
    checks
}

async fn run(service: usize, real_server: usize, check: TcpCheck, reports: mpsc::Sender<Report>) {
    let mut state = Check::new(check.timing.clone());
    tokio::time::sleep(state.first(random())).await;
    loop {
        let (health, reason) = match probe(&check).await {
            Ok(()) => (Health::Up, String::new()),
            Err(Trouble::Here(error)) => {
                // This says nothing about the real server, so it is no result.
                warn!("cannot check {}: {error}; trying again in {:?}", check.target, check.timing.delay_loop);
                tokio::time::sleep(check.timing.delay_loop).await;
                continue;
            }
            Err(Trouble::There(reason)) => (Health::Down, reason),
        };
        if health == Health::Down {
            debug!("check of {} failed: {reason}", check.target);
        }
        let verdict = state.result(health);
        if let Some(health) = verdict.change {
            // Nobody listens any more: the program ends.
            if reports.send(Report { service, real_server, health, reason }).await.is_err() {
                return;
            }
        }
        tokio::time::sleep(verdict.next).await;
    }
}

/// Whose fault it is that a check did not succeed.
enum Trouble {
    Here(io::Error),
    There(String),
}

async fn probe(check: &TcpCheck) -> Result<(), Trouble> {
    let socket = match check.target {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    };
    let socket = socket.map_err(Trouble::Here)?;
    if let Some(interface) = &check.interface {
        socket.bind_device(Some(interface.as_bytes())).map_err(Trouble::Here)?;
    }
    if let Some(source) = check.source {
        socket.set_reuseaddr(true).map_err(Trouble::Here)?;
        socket.bind(source).map_err(Trouble::Here)?;
    }
    match tokio::time::timeout(check.connect_timeout, socket.connect(check.target)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(Trouble::There(reason(&error))),
        Err(_) => Err(Trouble::There(format!("no answer within {:?}", check.connect_timeout))),
    }
}

/// An error without the number that the standard library puts behind it.
pub(crate) fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(end) => text[..end].to_lowercase(),
        None => text,
    }
}

/// A number from 0 to 1, to spread the first checks.
fn random() -> f64 {
    // The standard library's hash keys are random; for this purpose that is enough, and spares a dependency.
    let bits = RandomState::new().build_hasher().finish();
    Duration::from_nanos(bits % 1_000_000_000).as_secs_f64()
}
