//! What reading a configuration depends on besides the text.

/// This is what the text of a configuration does not say: who reads it, and how much work it may cause.
///
/// ```
/// use lvs_config::keepalived::Options;
///
/// let options = Options::new().with_id("lvs1");
/// assert_eq!(options.id(), "lvs1");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    id: String,
    environment: Vec<(String, String)>,
    random: u32,
    limits: Limits,
    version: Option<String>,
}

impl Options {
    /// This makes options without an id, so that no `@id` line holds and every `@^id` line does.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// This sets the configuration id: option `-i` of keepalived, else the host name up to the first dot.
    #[must_use]
    pub fn with_id(mut self, id: impl Into<String>) -> Self {
        self.id = id.into();
        self
    }

    /// This sets what `${_ENV NAME}` stands for.
    #[must_use]
    pub fn with_variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// This sets what `${_RANDOM}` stands for, 0 to 32767; the default is 0, so that reading twice gives the same.
    #[must_use]
    pub const fn with_random(mut self, random: u32) -> Self {
        self.random = random;
        self
    }

    /// This sets how much work a text may cause.
    #[must_use]
    pub const fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// This sets the release of keepalived that will read the file, such as `2.2.7`: newer keywords are then unknown.
    #[must_use]
    pub fn with_version(mut self, version: impl Into<String>) -> Self {
        self.version = Some(version.into());
        self
    }

    /// This is the release of keepalived that will read the file, when it was said.
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// This is the configuration id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// This is what a variable of the environment stands for.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.environment.iter().rev().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// This is what `${_RANDOM}` stands for.
    #[must_use]
    pub const fn random(&self) -> u32 {
        self.random
    }

    /// This is how much work a text may cause.
    #[must_use]
    pub const fn limits(&self) -> Limits {
        self.limits
    }
}

/// This bounds the work that a text may cause; beyond a bound there is a diagnostic, and reading goes on without the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// This is the greatest number of lines that definitions and sequences may produce, 1,000,000.
    pub lines: usize,
    /// This is the greatest number of bytes that they may produce, 64 MiB.
    pub bytes: usize,
    /// This is how deep definitions may use each other, 64.
    pub nesting: usize,
    /// This is how deep files may include each other, 32.
    pub include_depth: usize,
    /// This is the greatest number of files, 4096.
    pub files: usize,
    /// This is the greatest number of services that one entry of a group may stand for, 65,536.
    pub group_entry: u64,
    /// This is the greatest number of diagnostics, 1000: the gravest are kept, and one says how many there are.
    pub diagnostics: usize,
    /// This is the greatest number of destinations, over all services, that groups may give, 4,000,000.
    pub destinations: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            lines: 1_000_000,
            bytes: 64 << 20,
            nesting: 64,
            include_depth: 32,
            files: 4096,
            group_entry: 65_536,
            diagnostics: crate::diagnostic::MOST_DIAGNOSTICS,
            destinations: 4_000_000,
        }
    }
}
