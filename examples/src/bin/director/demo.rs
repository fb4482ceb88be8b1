//! What the demonstration needs beside the balancer: real servers in this very program, and a control to stop and start them.
//!
//! `GET /` of real server 2 answers `server 2`; `GET /slow` does so after ten seconds, to see an active connection in the
//! table. The control's `GET /stop/2` closes the port of server 2, as if its machine had died, and `GET /start/2` opens it again.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use lvs_model::{Endpoint, Service, ServiceKey};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tracing::{info, warn};

use crate::failure::Failure;
use crate::setup::VirtualService;

/// The configuration of the demonstration: the file that is shipped with the program.
pub(crate) const CONFIG: &[u8] = include_bytes!("../../../demo/keepalived.conf");

/// The ports that stand in [`CONFIG`] are moved so that this one becomes the one of the command line.
const PORT: u16 = 8080;

/// The control listens so far above the virtual server.
const CONTROL: u16 = 10;

const SLOW: Duration = Duration::from_secs(10);
/// How long the control waits for a real server to start or to stop.
const PATIENCE: Duration = Duration::from_secs(2);
/// When no connection can be accepted, others must end first.
const AFTER_AN_ERROR: Duration = Duration::from_millis(100);
const LONGEST_REQUEST: usize = 8 * 1024;

/// The services of the demonstration at another address and from another port on.
pub(crate) fn moved(mut services: Vec<VirtualService>, address: IpAddr, port: u16) -> Vec<VirtualService> {
    let target = |old: Endpoint| Endpoint::new(address, port + (old.port - PORT));
    for setup in &mut services {
        for member in &mut setup.members {
            if let Some(endpoint) = member.service.key().endpoint() {
                member.service = Service::new(ServiceKey::tcp(target(endpoint)), member.service.scheduler());
            }
            member.destinations.iter_mut().for_each(|d| d.endpoint = target(d.endpoint));
        }
        for server in &mut setup.real_servers {
            server.endpoint = target(server.endpoint);
            server.checks.iter_mut().for_each(|check| check.target = server.endpoint.socket_addr());
        }
    }
    services
}

/// The three real servers and their control.
#[derive(Debug)]
pub(crate) struct Demo {
    control: TcpListener,
    servers: Arc<Vec<RealServer>>,
}

#[derive(Debug)]
struct RealServer {
    number: usize,
    address: SocketAddr,
    /// What it is told to be.
    running: watch::Sender<bool>,
    /// Whether its port is open.
    listening: watch::Receiver<bool>,
}

impl Demo {
    /// Opens all ports, so that a port in use is told before anything runs. The first server runs as soon as this returns.
    pub(crate) async fn open(
        real_servers: impl IntoIterator<Item = SocketAddr>,
        address: IpAddr,
        port: u16,
    ) -> Result<Self, Failure> {
        let control = SocketAddr::new(address, port + CONTROL);
        let control = TcpListener::bind(control).await.map_err(|e| Failure::listen(control, e))?;
        let mut servers = Vec::new();
        for (index, address) in real_servers.into_iter().enumerate() {
            let listener = TcpListener::bind(address).await.map_err(|e| Failure::listen(address, e))?;
            let ((running, changes), (state, listening)) = (watch::channel(true), watch::channel(true));
            tokio::spawn(run(index + 1, listener, changes, state));
            servers.push(RealServer { number: index + 1, address, running, listening });
        }
        Ok(Self { control, servers: Arc::new(servers) })
    }

    /// What a person can type now.
    pub(crate) fn introduction(&self, virtual_server: SocketAddr) -> String {
        let control = self.control.local_addr().map_or_else(|_| String::from("?"), |a| a.to_string());
        let line = |url: String, what: &str| format!("  {:<38} {what}\n", format!("curl http://{url}"));
        [
            line(format!("{virtual_server}/"), "asks the virtual server: one of the real servers answers"),
            line(format!("{virtual_server}/slow"), "the same, ten seconds long: an active connection in the table"),
            line(format!("{control}/stop/1"), "stops real server 1: watch its weight and the traffic"),
            line(format!("{control}/start/1"), "brings it back"),
            format!("  {:<38} ends\n", "Ctrl-C"),
        ]
        .concat()
    }

    /// Answers the control until the program ends.
    pub(crate) async fn control(self) {
        loop {
            let Ok((stream, _)) = self.control.accept().await else {
                tokio::time::sleep(AFTER_AN_ERROR).await;
                continue;
            };
            let servers = Arc::clone(&self.servers);
            tokio::spawn(async move {
                // A client that goes away in the middle is its own affair.
                let _ = answer(stream, |path| async move { command(&servers, &path).await }).await;
            });
        }
    }
}

/// Serves while it may run; the port is closed in between.
async fn run(number: usize, listener: TcpListener, mut changes: watch::Receiver<bool>, listening: watch::Sender<bool>) {
    let Ok(address) = listener.local_addr() else { return };
    let mut listener = Some(listener);
    loop {
        let running = *changes.borrow_and_update();
        if !running {
            listener = None;
        } else if listener.is_none() {
            match TcpListener::bind(address).await {
                Ok(bound) => listener = Some(bound),
                Err(error) => warn!("real server {number} cannot listen on {address} again: {error}"),
            }
        }
        listening.send_replace(listener.is_some());
        let accepted = async {
            match &listener {
                Some(listener) => listener.accept().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { return },
            stream = accepted => {
                let Ok((stream, _)) = stream else {
                    tokio::time::sleep(AFTER_AN_ERROR).await;
                    continue;
                };
                let mut stopped = changes.clone();
                tokio::spawn(async move {
                    let serving = answer(stream, |path| async move {
                        if path == "/slow" {
                            tokio::time::sleep(SLOW).await;
                        }
                        (200, format!("server {number}\n"))
                    });
                    // A server that dies takes its connections with it.
                    tokio::select! {
                        _ = serving => {}
                        _ = stopped.wait_for(|running| !running) => {}
                    }
                });
            }
        }
    }
}

/// What the control does for a path. It answers when it is done.
async fn command(servers: &[RealServer], path: &str) -> (u16, String) {
    let mut words = path.trim_start_matches('/').splitn(2, '/');
    let running = match words.next() {
        Some("start") => true,
        Some("stop") => false,
        _ => return (404, String::from("expected /stop/NUMBER or /start/NUMBER, such as /stop/1\n")),
    };
    let number = words.next().unwrap_or_default();
    let Some(server) = servers.iter().find(|s| s.number.to_string() == number) else {
        return (404, format!("there is no real server {number:?}; they are numbered from 1 to {}\n", servers.len()));
    };
    let changed = server.running.send_if_modified(|now| std::mem::replace(now, running) != running);
    let mut listening = server.listening.clone();
    let done = tokio::time::timeout(PATIENCE, listening.wait_for(|listening| *listening == running)).await;
    let state = if running { "started" } else { "stopped" };
    if !matches!(done, Ok(Ok(_))) {
        return (500, format!("real server {number} at {} could not be {state}\n", server.address));
    }
    if changed {
        info!("real server {number} at {} was {state} by the control", server.address);
    }
    (200, format!("real server {number} at {} is {state}\n", server.address))
}

/// Reads the head of one HTTP request and answers it.
async fn answer<Handler, Answer>(mut stream: TcpStream, handler: Handler) -> io::Result<()>
where
    Handler: FnOnce(String) -> Answer,
    Answer: Future<Output = (u16, String)>,
{
    let mut head = Vec::new();
    let mut chunk = [0; 1024];
    while !head.windows(4).any(|w| w == b"\r\n\r\n") {
        let length = stream.read(&mut chunk).await?;
        // A health check connects and says nothing.
        if length == 0 || head.len() > LONGEST_REQUEST {
            return Ok(());
        }
        head.extend_from_slice(&chunk[..length]);
    }
    let head = String::from_utf8_lossy(&head);
    let mut words = head.split_ascii_whitespace();
    let (status, body) = match (words.next(), words.next()) {
        (Some("GET"), Some(path)) => handler(path.to_owned()).await,
        _ => (405, String::from("only GET is answered here\n")),
    };
    let reason = if status == 200 { "OK" } else { "Not OK" };
    let length = body.len();
    let answer = format!(
        "HTTP/1.1 {status} {reason}\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}
