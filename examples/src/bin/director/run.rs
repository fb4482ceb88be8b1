//! From the command line to the end: what is opened first, what runs side by side, and how it stops.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch as flag};
use tracing::{info, warn};

use crate::balance::{Front, Times};
use crate::cli::Arguments;
use crate::demo::Demo;
use crate::failure::Failure;
use crate::kernel::{Found, Kernel};
use crate::pools::Pools;
use crate::screen::Screen;
use crate::setup::VirtualService;
use crate::supervise::{Supervisor, Target};
use crate::warnings::Warnings;
use crate::{view, watch};

/// How many reports of health checks may wait.
const REPORTS: usize = 64;

/// Balances in user space until a signal comes.
pub(crate) async fn in_user_space(
    arguments: &Arguments,
    mut services: Vec<VirtualService>,
    screen: &Screen,
) -> Result<(), Failure> {
    let mut signals = Signals::new()?;
    if let Some(timeout) = arguments.connect_timeout {
        let servers = services.iter_mut().flat_map(|s| &mut s.real_servers);
        servers.for_each(|server| server.connect_timeout = timeout);
    }
    let pools = Pools::new(&services)?;
    let (warnings, times) = (Warnings::default(), Times::new(arguments));
    let mut fronts = Vec::new();
    for service in pools.iter() {
        fronts.push(Front::open(Arc::clone(service), times, warnings.clone()).await?);
    }
    // From here on nothing can fail because of the machine: all ports are open.
    if arguments.config.is_none() {
        let real_servers = services.iter().flat_map(|s| &s.real_servers).map(|s| s.endpoint.socket_addr());
        let demo = Demo::open(real_servers, arguments.address, arguments.port).await?;
        let introduction = demo.introduction(SocketAddr::new(arguments.address, arguments.port));
        screen.say(format!("{introduction}\n"));
        tokio::spawn(demo.control());
    }
    let supervisor = Supervisor::start(pools, services.clone()).map_err(|(_, failure)| failure)?;
    let (reports, heard) = mpsc::channel(REPORTS);
    let checks = watch::start(&services, &reports);
    let (stop, stopped) = flag::channel(false);
    let (open, mut all_closed) = mpsc::channel(1);
    for front in fronts {
        tokio::spawn(front.accept(stopped.clone(), open.clone()));
    }
    drop(open);
    let mut pools = supervisor.run(heard, screen, arguments.table_interval, signals.next()).await;
    drop(checks);
    stop.send_replace(true);
    tokio::select! {
        // Every open connection holds a sender: when the last is gone, there is nothing to receive any more.
        _ = all_closed.recv() => {}
        () = tokio::time::sleep(arguments.grace) => warn!("connections that are still open end now"),
        () = signals.next() => {}
    }
    show_the_end(&mut pools, screen);
    Ok(())
}

/// Has the kernel balance until a signal comes.
pub(crate) async fn in_the_kernel(
    arguments: &Arguments,
    services: Vec<VirtualService>,
    screen: &Screen,
) -> Result<(), Failure> {
    let mut signals = Signals::new()?;
    let found = if arguments.take_over { Found::TakeOver } else { Found::Refuse };
    let kernel = Kernel::open(&services, found)?;
    let supervisor = match Supervisor::start(kernel, services.clone()) {
        Ok(supervisor) => supervisor,
        Err((kernel, failure)) => {
            kernel.undo()?;
            return Err(failure);
        }
    };
    let (reports, heard) = mpsc::channel(REPORTS);
    let checks = watch::start(&services, &reports);
    let mut kernel = supervisor.run(heard, screen, arguments.table_interval, signals.next()).await;
    drop(checks);
    show_the_end(&mut kernel, screen);
    kernel.close()?;
    info!("the services of this program are removed from the kernel");
    Ok(())
}

fn show_the_end(target: &mut impl Target, screen: &Screen) {
    match target.status() {
        Ok(services) => screen.finish(view::table(services)),
        Err(message) => warn!("{message}"),
    }
}

/// Ctrl-C, SIGTERM, and SIGHUP, which comes when the terminal is closed.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    /// `None` under `nohup`.
    hang_up: Option<Signal>,
}

impl Signals {
    fn new() -> Result<Self, Failure> {
        let listen = |kind| signal(kind).map_err(|e| Failure::run(format!("cannot listen to signals: {e}")));
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hang_up: if is_ignored(SignalKind::hangup()) { None } else { Some(listen(SignalKind::hangup())?) },
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            Some(_) = async { self.hang_up.as_mut()?.recv().await } => {}
        }
    }
}

/// Whether who started the program has the signal ignored. Listening to it would undo that.
fn is_ignored(signal: SignalKind) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal.as_raw_value() - 1) & 1 == 1)
}
