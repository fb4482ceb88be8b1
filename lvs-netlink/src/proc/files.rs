//! Where the texts are read from.

use super::connections::Connections;
use super::field::ParseError;
use super::services::ServiceList;
use super::statistics::{CpuStatistics, TotalStatistics};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// This reads the texts of one network namespace.
///
/// What a client sent, such as a SIP Call-ID, stands in them as it came: bytes that are not UTF-8 are read as `\u{FFFD}`.
///
/// ```no_run
/// use lvs_netlink::proc::Proc;
///
/// let proc = Proc::current();
/// println!("{} services", proc.services()?.services.len());
/// for connection in proc.connections()?.iter() {
///     println!("{}", connection?.client);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proc {
    directory: PathBuf,
}

/// This says why a text could not be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProcError {
    /// It could not be read. Not found: the module `ip_vs` is not loaded, or no service was ever made.
    #[error("cannot read {path}{}", advice(source))]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is not in the kernel's layout.
    #[error("{path} is not as the kernel writes it")]
    Parse {
        /// The file.
        path: PathBuf,
        /// The word that is wrong.
        source: ParseError,
    },
}

fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => " (it exists while the module ip_vs is loaded)",
        io::ErrorKind::PermissionDenied => " (only root may, for the network of another user's process)",
        _ => "",
    }
}

impl Proc {
    /// The network namespace of the calling thread.
    #[must_use]
    pub fn current() -> Self {
        Self::at("/proc/thread-self/net")
    }

    /// The network namespace of a process.
    #[must_use]
    pub fn of_process(id: u32) -> Self {
        Self::at(format!("/proc/{id}/net"))
    }

    /// Another directory with files of the same names, such as a collection of recorded ones.
    #[must_use]
    pub fn at(directory: impl AsRef<Path>) -> Self {
        Self { directory: directory.as_ref().into() }
    }

    fn text(&self, name: &str) -> Result<(PathBuf, String), ProcError> {
        let path = self.directory.join(name);
        match fs::read(&path) {
            Ok(bytes) => Ok((path, lossy(bytes))),
            Err(source) => Err(ProcError::Read { path, source }),
        }
    }

    fn read<T: FromStr<Err = ParseError>>(&self, name: &str) -> Result<T, ProcError> {
        let (path, text) = self.text(name)?;
        text.parse().map_err(|source| ProcError::Parse { path, source })
    }

    /// The services and destinations (`ip_vs`).
    ///
    /// # Errors
    /// The file is missing or otherwise than expected.
    pub fn services(&self) -> Result<ServiceList, ProcError> {
        self.read("ip_vs")
    }

    /// The connection table with what persistence engines found (`ip_vs_conn`).
    ///
    /// # Errors
    /// The file is missing.
    pub fn connections(&self) -> Result<ConnectionTable, ProcError> {
        self.text("ip_vs_conn").map(|(_, text)| ConnectionTable(text))
    }

    /// The connection table with the origin of each connection (`ip_vs_conn_sync`).
    ///
    /// # Errors
    /// The file is missing.
    pub fn connections_with_origin(&self) -> Result<ConnectionTable, ProcError> {
        self.text("ip_vs_conn_sync").map(|(_, text)| ConnectionTable(text))
    }

    /// The statistics of the whole namespace (`ip_vs_stats`).
    ///
    /// # Errors
    /// The file is missing or otherwise than expected.
    pub fn statistics(&self) -> Result<TotalStatistics, ProcError> {
        self.read("ip_vs_stats")
    }

    /// The statistics of each CPU (`ip_vs_stats_percpu`).
    ///
    /// # Errors
    /// The file is missing or otherwise than expected.
    pub fn cpu_statistics(&self) -> Result<CpuStatistics, ProcError> {
        self.read("ip_vs_stats_percpu")
    }
}

/// Copies only what is not UTF-8.
fn lossy(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// This is the text of a connection table, about 80 bytes a connection, to be gone through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionTable(String);

impl ConnectionTable {
    /// The connections in the kernel's order, which means nothing.
    pub fn iter(&self) -> Connections<'_> {
        Connections::new(&self.0)
    }
}

impl<'a> IntoIterator for &'a ConnectionTable {
    type Item = Result<super::Connection<'a>, ParseError>;
    type IntoIter = Connections<'a>;

    fn into_iter(self) -> Connections<'a> {
        self.iter()
    }
}
