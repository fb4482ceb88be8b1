//! A load balancer that does what a keepalived.conf or ipvsadm rules say, in user space or through the kernel's IPVS.
//!
//! It is the program that uses all four crates of the family at once: `lvs-config` reads the configuration, `lvs-model`
//! holds it, `lvs-sched` picks the real servers as the kernel would, `lvs-netlink` programs the kernel.
//! `director --help` tells how to run it; without arguments it is its own demonstration.

// They panic when nothing can be written (a full disk, a closed pipe). The screen does not.
#![warn(clippy::print_stdout, clippy::print_stderr)]

mod availability;
mod balance;
mod check;
mod cli;
mod demo;
mod failure;
mod kernel;
mod persistence;
mod pools;
mod proxy;
mod read;
mod run;
mod screen;
mod setup;
mod supervise;
mod view;
mod warnings;
mod watch;

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use tracing_subscriber::EnvFilter;

use crate::cli::Arguments;
use crate::failure::Failure;
use crate::screen::Screen;

/// How long the end waits for somebody to read the last lines.
const LAST_WORDS: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let screen = match Screen::new() {
        Ok(screen) => screen,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        .with_ansi(screen.is_terminal())
        .with_writer(screen.clone())
        .init();
    let result = start(&arguments, &screen);
    let begun = !arguments.check && !matches!(&result, Err(failure) if failure.is_of_input());
    let status = match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            screen.complain(format!("{failure}\n"));
            ExitCode::from(failure.status)
        }
    };
    // As long as nothing was begun, Ctrl-C ends the program while it waits for a reader.
    screen.wait(if begun { LAST_WORDS } else { Duration::MAX });
    status
}

fn start(arguments: &Arguments, screen: &Screen) -> Result<(), Failure> {
    let services = read::services(arguments, screen)?;
    if arguments.check {
        return Ok(());
    }
    let runtime = tokio::runtime::Runtime::new().map_err(|e| Failure::run(format!("cannot start: {e}")))?;
    let result = runtime.block_on(async {
        if arguments.kernel {
            run::in_the_kernel(arguments, services, screen).await
        } else {
            run::in_user_space(arguments, services, screen).await
        }
    });
    // Connections that outlive the grace period are not waited for.
    runtime.shutdown_background();
    result
}
