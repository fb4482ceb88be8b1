//! Reading and writing the files.

use super::known::Sysctl;
use super::value::SysctlValue;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// This reads and writes the sysctls of IPVS in one network namespace; see the [module](super).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sysctls {
    directory: PathBuf,
}

/// This says why a sysctl could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SysctlError {
    /// This kernel has none of this name: it is of another version, or the module that has it is not loaded.
    #[error(
        "net.ipv4.vs.{name} does not exist: load its module (ip_vs, or the scheduler), or this kernel has no such switch"
    )]
    Unknown {
        /// The name.
        name: &'static str,
    },
    /// The kernel does not take the value.
    #[error("net.ipv4.vs.{name} does not take `{value}`")]
    Refused {
        /// The name.
        name: &'static str,
        /// What was written.
        value: String,
    },
    /// The file could not be read or written, usually for want of privileges.
    #[error("cannot access net.ipv4.vs.{name}, which takes root in the namespace")]
    Io {
        /// The name.
        name: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The file holds something else than its type.
    #[error("net.ipv4.vs.{name} is `{found}`, expected {expected}")]
    Parse {
        /// The name.
        name: &'static str,
        /// What it should hold.
        expected: &'static str,
        /// What it holds.
        found: String,
    },
}

impl Sysctls {
    /// Those of the calling thread's network namespace.
    #[must_use]
    pub fn current() -> Self {
        Self::at("/proc/sys/net/ipv4/vs")
    }

    /// Those in another directory, such as one of a test.
    #[must_use]
    pub fn at(directory: impl AsRef<Path>) -> Self {
        Self { directory: directory.as_ref().into() }
    }

    /// Reads one.
    ///
    /// # Errors
    /// It does not exist, may not be read, or holds something else.
    pub fn read<T: SysctlValue>(&self, sysctl: Sysctl<T>) -> Result<T, SysctlError> {
        let name = sysctl.name();
        let text = fs::read_to_string(self.directory.join(name)).map_err(|source| failure(name, "", source))?;
        let found = text.trim();
        let parsed = T::from_text(found);
        parsed.ok_or_else(|| SysctlError::Parse { name, expected: T::EXPECTED, found: found.into() })
    }

    /// Writes one.
    ///
    /// # Errors
    /// It does not exist, may not be written, or the kernel does not take the value.
    pub fn write<T: SysctlValue>(&self, sysctl: Sysctl<T>, value: T) -> Result<(), SysctlError> {
        let name = sysctl.name();
        let text = value.to_text();
        let path = self.directory.join(name);
        // Writing must not make a file: what is not there is not known to the kernel.
        let file = fs::OpenOptions::new().write(true).truncate(true).open(path);
        let written = file.and_then(|mut file| io::Write::write_all(&mut file, text.as_bytes()));
        written.map_err(|source| failure(name, &text, source))
    }
}

fn failure(name: &'static str, value: &str, source: io::Error) -> SysctlError {
    match source.kind() {
        io::ErrorKind::NotFound => SysctlError::Unknown { name },
        io::ErrorKind::InvalidInput => SysctlError::Refused { name, value: value.into() },
        _ => SysctlError::Io { name, source },
    }
}
