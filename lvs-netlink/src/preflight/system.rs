//! What the checks look at.

use std::fs;
use std::io;
use std::path::Path;

/// This is a machine, as far as the checks look at it.
pub trait System {
    /// The text of a file, by its full path.
    ///
    /// # Errors
    /// As [`fs::read_to_string`].
    fn read(&self, path: &str) -> io::Result<String>;

    /// The target of a symbolic link, by its full path.
    ///
    /// # Errors
    /// As [`fs::read_link`].
    fn link(&self, path: &str) -> io::Result<String>;

    /// Whether something is there, by its full path.
    fn exists(&self, path: &str) -> bool;
}

/// This is the machine that the program runs on, in the network namespace of the calling thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_structs, reason = "it has no properties")]
pub struct ThisSystem;

impl System for ThisSystem {
    fn read(&self, path: &str) -> io::Result<String> {
        fs::read_to_string(path)
    }

    fn link(&self, path: &str) -> io::Result<String> {
        fs::read_link(path).map(|target| target.to_string_lossy().into_owned())
    }

    fn exists(&self, path: &str) -> bool {
        Path::new(path).exists()
    }
}

/// The names of the network interfaces.
pub(super) fn interfaces(system: &impl System) -> Vec<String> {
    let text = system.read("/proc/thread-self/net/dev").unwrap_or_default();
    text.lines().skip(2).filter_map(|line| line.split_once(':')).map(|(name, _)| name.trim().to_owned()).collect()
}

/// Whether an interface is up; `None` when that cannot be told.
///
/// Interfaces that are up, and no others, listen to the group of all hosts. The flags under `/sys` would say it, too, but not of the network
/// namespace of a thread.
pub(super) fn is_up(system: &impl System, interface: &str) -> Option<bool> {
    let text = system.read("/proc/thread-self/net/igmp").ok()?;
    // `2\td0        :     1      V3`, and lines of groups, which begin with a tabulator.
    let listed = |line: &str| {
        let (name, _) = line.split_once('\t')?.1.rsplit_once(':')?;
        Some(name.trim_end() == interface && !line.starts_with('\t'))
    };
    Some(text.lines().filter_map(listed).any(|found| found))
}

/// The flags (`IFF_…`) of an interface in the network namespace of `/sys`; `None` when they cannot be read.
pub(super) fn flags(system: &impl System, interface: &str) -> Option<u32> {
    let text = system.read(&format!("/sys/class/net/{interface}/flags")).ok()?;
    u32::from_str_radix(text.trim().strip_prefix("0x")?, 16).ok()
}

/// The kind of hardware (`ARPHRD_…`) of an interface in the network namespace of `/sys`; `None` when it cannot be read.
pub(super) fn hardware(system: &impl System, interface: &str) -> Option<u32> {
    system.read(&format!("/sys/class/net/{interface}/type")).ok()?.trim().parse().ok()
}

/// A numeric sysctl; `None` when it cannot be read.
pub(super) fn sysctl(system: &impl System, path: &str) -> Option<u32> {
    system.read(&format!("/proc/sys/net/{path}")).ok()?.trim().parse().ok()
}

/// Whether a kernel module is loaded, built in, or there to be loaded; `None` when that cannot be told.
pub(super) fn module(system: &impl System, name: &str) -> Option<bool> {
    if system.exists(&format!("/sys/module/{name}")) {
        return Some(true);
    }
    let release = system.read("/proc/sys/kernel/osrelease").ok()?;
    let folder = format!("/lib/modules/{}", release.trim());
    let file = format!("/{name}.ko");
    let listed = |list: &str| {
        let text = system.read(&format!("{folder}/{list}")).ok()?;
        // `ip_vs.ko:`, or with the suffix of a compression, or at the end of a line of modules.builtin.
        let modules = text.lines().map(|line| line.split_once(':').map_or(line, |(module, _)| module));
        Some(
            modules
                .filter_map(|module| module.rfind(&file).map(|at| &module[at + file.len()..]))
                .any(|suffix| suffix.is_empty() || suffix.starts_with('.')),
        )
    };
    match (listed("modules.dep"), listed("modules.builtin")) {
        (None, None) => None,
        (loadable, builtin) => Some(loadable == Some(true) || builtin == Some(true)),
    }
}
