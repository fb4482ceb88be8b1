//! Where included files come from: the caller says.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::glob;

/// This reads the files that a configuration names, so that reading a configuration does no input of its own.
pub trait Loader {
    /// These are the files that match a pattern with `*`, `?`, `[…]` and `{a,b}`, in order.
    ///
    /// A pattern without such signs gives itself when the file exists.
    fn list(&mut self, pattern: &Path) -> Vec<PathBuf>;

    /// This is the content of a file.
    ///
    /// # Errors
    ///
    /// Whatever the reading says; keepalived skips such a file.
    fn read(&mut self, path: &Path) -> io::Result<Vec<u8>>;
}

impl<L: Loader + ?Sized> Loader for &mut L {
    fn list(&mut self, pattern: &Path) -> Vec<PathBuf> {
        (**self).list(pattern)
    }

    fn read(&mut self, path: &Path) -> io::Result<Vec<u8>> {
        (**self).read(path)
    }
}

/// This is a loader that has no files: every include is missing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct NoFiles;

impl Loader for NoFiles {
    fn list(&mut self, _: &Path) -> Vec<PathBuf> {
        Vec::new()
    }

    fn read(&mut self, path: &Path) -> io::Result<Vec<u8>> {
        Err(io::Error::new(io::ErrorKind::NotFound, format!("no file {}, this loader has none", path.display())))
    }
}

/// This is a loader over files in memory.
///
/// ```
/// use lvs_config::keepalived::{Loader, MemoryFiles};
///
/// let mut files = MemoryFiles::new().with("/etc/keepalived/a.conf", "global_defs {\n}\n");
/// assert_eq!(files.list("/etc/keepalived/*.conf".as_ref()).len(), 1);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemoryFiles {
    files: BTreeMap<PathBuf, Vec<u8>>,
}

impl MemoryFiles {
    /// This makes a loader without files.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// This adds a file.
    #[must_use]
    pub fn with(mut self, path: impl Into<PathBuf>, bytes: impl Into<Vec<u8>>) -> Self {
        self.files.insert(path.into(), bytes.into());
        self
    }
}

impl Loader for MemoryFiles {
    fn list(&mut self, pattern: &Path) -> Vec<PathBuf> {
        let pattern = glob::Pattern::new(&pattern.to_string_lossy());
        self.files.keys().filter(|path| pattern.matches(&path.to_string_lossy())).cloned().collect()
    }

    fn read(&mut self, path: &Path) -> io::Result<Vec<u8>> {
        self.files.get(path).cloned().ok_or_else(|| {
            io::Error::new(io::ErrorKind::NotFound, format!("no file {} among those in memory", path.display()))
        })
    }
}

/// This is a loader over the file system.
///
/// As in keepalived, folders and devices are not read, and neither are files that may be executed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileSystem;

impl FileSystem {
    /// This makes the loader.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

impl Loader for FileSystem {
    fn list(&mut self, pattern: &Path) -> Vec<PathBuf> {
        let text = pattern.to_string_lossy();
        let mut found = Vec::new();
        for alternative in glob::braces(&text) {
            if glob::is_plain(&alternative) {
                let path = PathBuf::from(&alternative);
                if path.exists() {
                    found.push(path);
                }
            } else {
                walk(&alternative, &mut found);
            }
        }
        found
    }

    fn read(&mut self, path: &Path) -> io::Result<Vec<u8>> {
        let metadata = std::fs::metadata(path)?;
        if !metadata.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            if metadata.permissions().mode() & 0o111 != 0 {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidInput,
                    "file is executable, keepalived does not read it",
                ));
            }
        }
        std::fs::read(path)
    }
}

/// Follows a pattern folder by folder; only folders that match are opened.
fn walk(pattern: &str, found: &mut Vec<PathBuf>) {
    let (mut places, rest) = match pattern.strip_prefix('/') {
        Some(rest) => (vec![PathBuf::from("/")], rest),
        None => (vec![PathBuf::new()], pattern),
    };
    let parts: Vec<&str> = rest.split('/').filter(|p| !p.is_empty()).collect();
    for part in parts {
        let mut next = Vec::new();
        for place in places {
            if glob::is_plain(part) {
                let path = place.join(part);
                if path.exists() {
                    next.push(path);
                }
                continue;
            }
            let matcher = glob::Pattern::new(part);
            let folder = if place.as_os_str().is_empty() { Path::new(".") } else { &place };
            let Ok(entries) = std::fs::read_dir(folder) else { continue };
            let mut names: Vec<String> = entries.flatten().filter_map(|e| e.file_name().into_string().ok()).collect();
            names.sort_unstable();
            // As in a shell, a leading dot has to be named.
            names.retain(|n| matcher.matches(n) && (!n.starts_with('.') || part.starts_with('.')));
            next.extend(names.into_iter().map(|n| place.join(n)));
        }
        places = next;
    }
    found.append(&mut places);
}
