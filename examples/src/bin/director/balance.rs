//! Clients' connections: accepted on the virtual address, given to a real server that the scheduler picks, copied both ways.
//!
//! A real server that refuses or does not answer in time costs the client a moment, not its connection: the scheduler is
//! asked again for one that was not tried yet.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{mpsc, watch};
use tracing::{debug, warn};

use crate::cli::Arguments;
use crate::failure::Failure;
use crate::pools::{Counted, ServicePool};
use crate::proxy::{self, End, Silence};
use crate::warnings::Warnings;
use crate::watch::reason;

/// The kernel forgets a connection that was reset after so long (its state CLOSE).
const AFTER_RESET: Duration = Duration::from_secs(10);

/// The kernel waits so long for the second side to close (its state FIN_WAIT).
const HALF_CLOSED: Duration = Duration::from_secs(120);

/// When no connection can be accepted, because the process has no file descriptor left, others must end first.
const OUT_OF_DESCRIPTORS: Duration = Duration::from_millis(100);

const BETWEEN_WARNINGS: Duration = Duration::from_secs(1);

/// Linux: the process, or the machine, has no file descriptor left.
const EMFILE: i32 = 24;
const ENFILE: i32 = 23;

/// An open virtual address.
#[derive(Debug)]
pub(crate) struct Front {
    listener: TcpListener,
    service: Arc<ServicePool>,
    times: Times,
    warnings: Warnings,
}

/// How long connections last.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    silence: Silence,
    /// How long a closed one counts as inactive.
    wait: Duration,
}

impl Times {
    pub(crate) fn new(arguments: &Arguments) -> Self {
        let open = arguments.idle_timeout;
        Self { silence: Silence { open, half_closed: open.min(HALF_CLOSED) }, wait: arguments.time_wait }
    }
}

impl Front {
    /// Opens the virtual address of the service.
    pub(crate) async fn open(service: Arc<ServicePool>, times: Times, warnings: Warnings) -> Result<Self, Failure> {
        let address = service.address();
        let listener = TcpListener::bind(address).await.map_err(|e| Failure::listen(address, e))?;
        Ok(Self { listener, service, times, warnings })
    }

    /// Accepts connections until `stop` says so or is dropped. Each of them holds a clone of `open` until it is closed.
    pub(crate) async fn accept(self, mut stop: watch::Receiver<bool>, open: mpsc::Sender<()>) {
        let mut picker = self.service.picker();
        let mut told: Option<Instant> = None;
        loop {
            let accepted = tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                accepted = self.accept_with_room() => accepted,
            };
            match accepted {
                Ok((client, from, room)) => {
                    // Picked here and not in the task: connections are scheduled in the order in which they come.
                    let picked = picker.pick(from);
                    let (service, times, open) = (Arc::clone(&self.service), self.times, open.clone());
                    let warnings = self.warnings.clone();
                    tokio::spawn(async move {
                        if let Some((end, counted)) =
                            serve((client, room), from, &service, picked, times.silence, &warnings).await
                        {
                            drop(open);
                            // The kernel remembers a closed connection for a while, and counts it as inactive.
                            counted.deactivate();
                            let wait = if end == End::Reset { times.wait.min(AFTER_RESET) } else { times.wait };
                            tokio::time::sleep(wait).await;
                        }
                    });
                }
                Err(error) => {
                    if told.is_none_or(|told| told.elapsed() >= BETWEEN_WARNINGS) {
                        warn!("cannot accept a connection on {}: {}", self.service.address(), reason(&error));
                        told = Some(Instant::now());
                    }
                    tokio::time::sleep(OUT_OF_DESCRIPTORS).await;
                }
            }
        }
    }

    /// A client, and the descriptor for its way to a real server: whoever is accepted can be served.
    async fn accept_with_room(&self) -> io::Result<(TcpStream, SocketAddr, TcpSocket)> {
        let room = if self.service.address().is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        let (client, from) = self.listener.accept().await?;
        Ok((client, from, room))
    }
}

/// Connects. Another service may have taken the descriptor that was kept: it gives it back when it has none for a client.
async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    loop {
        match TcpStream::connect(address).await {
            Err(error) if matches!(error.raw_os_error(), Some(EMFILE | ENFILE)) => {
                tokio::time::sleep(OUT_OF_DESCRIPTORS / 10).await;
            }
            result => return result,
        }
    }
}

/// Finds a real server that answers and copies until the end.
async fn serve(
    (client, room): (TcpStream, TcpSocket),
    from: SocketAddr,
    service: &ServicePool,
    mut picked: Option<Counted>,
    silence: Silence,
    warnings: &Warnings,
) -> Option<(End, Counted)> {
    let mut tried = Vec::new();
    drop(room);
    while let Some(counted) = picked {
        let endpoint = counted.address();
        let connecting = connect(endpoint);
        let reason = match tokio::time::timeout(counted.connect_timeout(), connecting).await {
            Ok(Ok(server)) => {
                debug!("{from} -> {} -> {endpoint}", service.address());
                let end = proxy::copy(client, server, silence, || counted.deactivate()).await;
                return Some((end, counted));
            }
            Ok(Err(error)) => reason(&error),
            Err(_) => format!("no answer within {:?}", counted.connect_timeout()),
        };
        warnings.client(from, format!("could not be served by {endpoint} ({reason}); trying another real server"));
        tried.push(counted.id());
        drop(counted);
        picked = service.picker().retry(from, &tried);
    }
    warnings.client(from, format!("could not be served: no real server of {} is left", service.address()));
    // The kernel would not accept the connection at all; a reset is the nearest thing to that.
    let _ = client.set_zero_linger();
    None
}
