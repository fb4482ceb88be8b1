//! The command line.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};

/// A load balancer that does in user space, or has the kernel's IPVS do, what a keepalived.conf or ipvsadm rules say.
///
/// Without CONFIG it shows itself: one virtual server with three real servers of different weight, all on this machine.
#[derive(Debug, Parser)]
#[command(name = "director", version, after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// A keepalived.conf, or rules as `ipvsadm -S` prints them ("-" reads standard input)
    pub(crate) config: Option<PathBuf>,

    /// What CONFIG is; otherwise its content decides
    #[arg(long, value_enum, requires = "config")]
    pub(crate) format: Option<Format>,

    /// Only say what is wrong with CONFIG: the exit status is 0 or 2
    #[arg(long, requires = "config")]
    pub(crate) check: bool,

    /// Program the kernel's IPVS instead of balancing here, and take away the own services at the end (needs root)
    #[arg(long, requires = "config")]
    pub(crate) kernel: bool,

    /// With --kernel: take over services of CONFIG that the kernel already has, instead of refusing to start
    #[arg(long, requires = "kernel")]
    pub(crate) take_over: bool,

    /// How often the table is looked at, and shown when it changed
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = positive)]
    pub(crate) table_interval: Duration,

    /// How long a real server may take to accept a connection (default: connect_timeout of CONFIG, else 5)
    #[arg(long, value_name = "SECONDS", value_parser = positive)]
    pub(crate) connect_timeout: Option<Duration>,

    /// How long a closed connection counts as inactive, as in the kernel's TIME_WAIT
    #[arg(long, value_name = "SECONDS", default_value = "120", value_parser = seconds)]
    pub(crate) time_wait: Duration,

    /// How long a connection may be silent, as in the kernel's ESTABLISHED; 120 at most when a side has closed its half
    #[arg(long, value_name = "SECONDS", default_value = "900", value_parser = positive)]
    pub(crate) idle_timeout: Duration,

    /// How long open connections may go on after Ctrl-C (a second Ctrl-C ends them at once)
    #[arg(long, value_name = "SECONDS", default_value = "3", value_parser = seconds)]
    pub(crate) grace: Duration,

    /// The address of the demonstration
    #[arg(long, default_value = "127.0.0.1", conflicts_with = "config")]
    pub(crate) address: IpAddr,

    /// The port of the demonstration; the real servers and the control take ports above it
    #[arg(long, default_value_t = 8080, conflicts_with = "config", value_parser = clap::value_parser!(u16).range(1..=65_000))]
    pub(crate) port: u16,
}

const AFTER_HELP: &str = "\
Exit status: 0 after Ctrl-C, SIGTERM or SIGHUP (a closed terminal; not under nohup), 1 when something did not work, 2 when the command line or CONFIG is wrong.
RUST_LOG=debug shows each connection.";

/// The two formats of CONFIG.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// keepalived.conf
    Keepalived,
    /// Rules as `ipvsadm -S` prints and `ipvsadm -R` reads them, or a shell script with ipvsadm commands
    Ipvsadm,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "expected a number of seconds, such as 2 or 0.5".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|_| "expected a number of seconds from 0 on".to_owned())
}

fn positive(text: &str) -> Result<Duration, String> {
    let duration = seconds(text)?;
    if duration.is_zero() { Err("expected more than 0 seconds".to_owned()) } else { Ok(duration) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        <Arguments as clap::CommandFactory>::command().debug_assert();
    }

    #[test]
    fn seconds_are_checked() {
        assert_eq!(positive("0.5"), Ok(Duration::from_millis(500)));
        for wrong in ["0", "-1", "x", "", "inf", "nan", "1e300"] {
            assert!(positive(wrong).is_err(), "{wrong}");
        }
        assert_eq!(seconds("0"), Ok(Duration::ZERO));
    }
}
