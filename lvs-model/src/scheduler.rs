//! Schedulers by name, and their flags.

use alloc::string::ToString;
use core::{fmt, str::FromStr};

use crate::{error::ParseError, serde_impl::serde_text};

/// This is the name of a kernel module, inline: 1 to 15 visible ASCII characters without blank or comma.
///
/// It is made only by parsing a name that this crate does not know, so that [`SchedulerName::Other`] can never hold the
/// name of a known scheduler.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModuleName {
    bytes: [u8; 15],
    length: u8,
}

impl ModuleName {
    pub(crate) fn new(text: &str, expected: &'static str) -> Result<Self, ParseError> {
        if text.is_empty() || text.len() > 15 || !text.bytes().all(|b| b.is_ascii_graphic() && b != b',') {
            return Err(ParseError::new(expected, text));
        }
        let mut bytes = [0; 15];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        Ok(Self { bytes, length: text.len() as u8 })
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Only ASCII gets in, so the fallback is never taken.
        core::str::from_utf8(&self.bytes[..usize::from(self.length)]).unwrap_or_default()
    }
}

impl fmt::Debug for ModuleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl fmt::Display for ModuleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// This names the scheduler of a service (`ipvsadm -s`, keepalived `lvs_sched`, `IPVS_SVC_ATTR_SCHED_NAME`).
///
/// ```
/// use lvs_model::SchedulerName;
///
/// assert_eq!("wlc".parse::<SchedulerName>()?, SchedulerName::Wlc);
/// let newer: SchedulerName = "ewma".parse()?;
/// assert_eq!(newer.to_string(), "ewma");
/// assert!("a-name-that-is-too-long".parse::<SchedulerName>().is_err());
/// # Ok::<(), lvs_model::ParseError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[non_exhaustive]
pub enum SchedulerName {
    /// Round robin.
    Rr,
    /// Weighted round robin.
    Wrr,
    /// Least connections.
    Lc,
    /// Weighted least connections; what `ipvsadm` takes when no scheduler is given.
    #[default]
    Wlc,
    /// Locality-based least connections.
    Lblc,
    /// Locality-based least connections with replication.
    Lblcr,
    /// Destination hashing.
    Dh,
    /// Source hashing.
    Sh,
    /// Shortest expected delay.
    Sed,
    /// Never queue.
    Nq,
    /// Weighted failover.
    Fo,
    /// Weighted overflow.
    Ovf,
    /// Maglev hashing.
    Mh,
    /// The better of two random choices.
    Twos,
    /// No scheduler bound: the kernel finds no destination for new connections.
    None,
    /// A scheduler that this crate has no name for.
    Other(ModuleName),
}

impl SchedulerName {
    /// The fourteen schedulers of the kernel, without `none`.
    pub const KNOWN: [Self; 14] = [
        Self::Rr,
        Self::Wrr,
        Self::Lc,
        Self::Wlc,
        Self::Lblc,
        Self::Lblcr,
        Self::Dh,
        Self::Sh,
        Self::Sed,
        Self::Nq,
        Self::Fo,
        Self::Ovf,
        Self::Mh,
        Self::Twos,
    ];

    /// The name as the kernel spells it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Rr => "rr",
            Self::Wrr => "wrr",
            Self::Lc => "lc",
            Self::Wlc => "wlc",
            Self::Lblc => "lblc",
            Self::Lblcr => "lblcr",
            Self::Dh => "dh",
            Self::Sh => "sh",
            Self::Sed => "sed",
            Self::Nq => "nq",
            Self::Fo => "fo",
            Self::Ovf => "ovf",
            Self::Mh => "mh",
            Self::Twos => "twos",
            Self::None => "none",
            Self::Other(name) => name.as_str(),
        }
    }
}

impl fmt::Display for SchedulerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for SchedulerName {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let known = Self::KNOWN.into_iter().chain([Self::None]).find(|name| name.as_str() == text);
        match known {
            Some(name) => Ok(name),
            None => ModuleName::new(text, "a scheduler name of 1 to 15 visible ASCII characters").map(Self::Other),
        }
    }
}

serde_text!(SchedulerName);

/// This is the set of scheduler flags of a service (`ipvsadm -b`, the bits of `IPVS_SVC_ATTR_FLAGS` that are not
/// persistence or one-packet).
///
/// | bit | constant | with sh | with mh | with others |
/// |---|---|---|---|---|
/// | 0x08 | [`FALLBACK`](Self::FALLBACK) | `sh-fallback` | `mh-fallback` | `flag-1` |
/// | 0x10 | [`PORT`](Self::PORT) | `sh-port` | `mh-port` | `flag-2` |
/// | 0x20 | [`THIRD`](Self::THIRD) | `flag-3` | `flag-3` | `flag-3` |
///
/// The kernel stores bits that it does not know and shows them again, so they survive here too, printed in
/// hexadecimal. Its own bits 0x1 (persistent), 0x2 (hashed) and 0x4 (one-packet) can never be in the set.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct SchedulerFlags(u32);

impl SchedulerFlags {
    /// No flag.
    pub const EMPTY: Self = Self(0);
    /// The first flag: sh and mh look for another destination when the hashed one is not usable.
    pub const FALLBACK: Self = Self(0x08);
    /// The second flag: sh and mh hash the client's port too.
    pub const PORT: Self = Self(0x10);
    /// The third flag, which no scheduler of the kernel reads.
    pub const THIRD: Self = Self(0x20);

    /// The flags of the kernel's 32 bits, without 0x1, 0x2 and 0x4, which are not scheduler flags.
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits & !0x7)
    }

    /// The bits as the kernel keeps them.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Whether there is no flag.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether all of `other` are in the set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The flags of either set.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The flags of this set that are not in the other.
    #[must_use]
    pub const fn difference(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The flags as `ipvsadm -b` names them for this scheduler: `sh-fallback,sh-port`, `flag-1`, `0x40`; nothing for
    /// the empty set.
    #[must_use]
    pub fn names(self, scheduler: SchedulerName) -> impl fmt::Display + use<> {
        FlagNames { flags: self, scheduler }
    }

    /// The flags of a comma-separated list of names, as `ipvsadm -b` takes it for this scheduler.
    ///
    /// # Errors
    /// A name that is neither one of this scheduler's nor `flag-1`, `flag-2`, `flag-3` nor a hexadecimal number.
    pub fn parse(scheduler: SchedulerName, text: &str) -> Result<Self, ParseError> {
        let expected = match scheduler {
            SchedulerName::Sh => "flags of sh: `sh-fallback`, `sh-port`, `flag-3`",
            SchedulerName::Mh => "flags of mh: `mh-fallback`, `mh-port`, `flag-3`",
            _ => "scheduler flags: `flag-1`, `flag-2`, `flag-3`, or a hexadecimal number such as `0x40`",
        };
        let mut flags = Self::EMPTY;
        for name in text.split(',') {
            let flag = match (name, scheduler) {
                ("flag-1", _) | ("sh-fallback", SchedulerName::Sh) | ("mh-fallback", SchedulerName::Mh) => {
                    Self::FALLBACK
                }
                ("flag-2", _) | ("sh-port", SchedulerName::Sh) | ("mh-port", SchedulerName::Mh) => Self::PORT,
                ("flag-3", _) => Self::THIRD,
                _ => match name.strip_prefix("0x").map(|digits| u32::from_str_radix(digits, 16)) {
                    Some(Ok(bits)) if bits & 0x7 == 0 && !name.contains('+') => Self(bits),
                    _ => return Err(ParseError::new(expected, name)),
                },
            };
            flags = flags.union(flag);
        }
        Ok(flags)
    }
}

/// Flags printed with the names that a scheduler gives them.
struct FlagNames {
    flags: SchedulerFlags,
    scheduler: SchedulerName,
}

impl fmt::Display for FlagNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, second) = match self.scheduler {
            SchedulerName::Sh => ("sh-fallback", "sh-port"),
            SchedulerName::Mh => ("mh-fallback", "mh-port"),
            _ => ("flag-1", "flag-2"),
        };
        let named =
            [(SchedulerFlags::FALLBACK, first), (SchedulerFlags::PORT, second), (SchedulerFlags::THIRD, "flag-3")];
        let mut separator = "";
        for (_, name) in named.iter().filter(|(flag, _)| self.flags.contains(*flag)) {
            write!(f, "{separator}{name}")?;
            separator = ",";
        }
        let unknown = self.flags.bits() & !0x3f;
        if unknown != 0 {
            write!(f, "{separator}{unknown:#x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for SchedulerFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SchedulerFlags({:#x})", self.0)
    }
}

impl fmt::Display for SchedulerFlags {
    /// Prints names that fit every scheduler: `flag-1,flag-2`; the empty set prints as nothing.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.names(SchedulerName::None).to_string())
    }
}

impl FromStr for SchedulerFlags {
    type Err = ParseError;

    /// Takes what `Display` prints, so the names that fit every scheduler; [`SchedulerFlags::parse`] takes the others.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        if text.is_empty() { Ok(Self::EMPTY) } else { Self::parse(SchedulerName::None, text) }
    }
}

serde_text!(SchedulerFlags);
