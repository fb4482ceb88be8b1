//! The connection synchronisation daemon.

use alloc::string::String;
use core::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    num::{NonZeroU8, NonZeroU16},
    str::FromStr,
};

use crate::{
    error::{OutOfRange, ParseError, decimal, in_range, once},
    serde_impl::{serde_number, serde_text},
};

/// This is the role of a sync daemon (`IPVS_DAEMON_ATTR_STATE`). A director can run one of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the protocol has two ends")]
pub enum SyncRole {
    /// Sends connections; number 1.
    Master,
    /// Receives connections; number 2.
    Backup,
}

impl SyncRole {
    /// The kernel's number.
    #[must_use]
    pub const fn number(self) -> u32 {
        match self {
            Self::Master => 1,
            Self::Backup => 2,
        }
    }
}

impl fmt::Display for SyncRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Master => "master",
            Self::Backup => "backup",
        })
    }
}

impl FromStr for SyncRole {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        match text {
            "master" => Ok(Self::Master),
            "backup" => Ok(Self::Backup),
            _ => Err(ParseError::new("a role, `master` or `backup`", text)),
        }
    }
}

serde_text!(SyncRole);

/// This names a network interface: 1 to 15 bytes without `/`, blank or control character.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InterfaceName(String);

impl InterfaceName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for InterfaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for InterfaceName {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let good = (1..=15).contains(&text.len())
            && !text.chars().any(|c| c == '/' || c.is_whitespace() || c.is_control())
            && text != "."
            && text != "..";
        if good { Ok(Self(text.into())) } else { Err(ParseError::new("an interface name of 1 to 15 bytes", text)) }
    }
}

serde_text!(InterfaceName);

/// This tells the groups of directors on one network apart (`ipvsadm --syncid`, `IPVS_DAEMON_ATTR_SYNC_ID`).
///
/// One byte travels: 0 to 255, where a backup with 0 takes the connections of every master. The kernel stores 32 bits
/// as they were given, so a larger number, set by another program, can be shown with [`from_raw`](Self::from_raw);
/// texts and serialized forms with such a number are refused, as `ipvsadm` does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct SyncId(u32);

impl SyncId {
    /// The id of the number that the kernel shows.
    #[must_use]
    pub const fn from_raw(number: u32) -> Self {
        Self(number)
    }

    /// The number that the kernel shows.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    fn travelling(number: u32) -> Result<Self, OutOfRange> {
        in_range("sync id", number, 0, 255).map(Self)
    }

    /// The byte that travels.
    #[must_use]
    pub const fn on_the_wire(self) -> u8 {
        self.0 as u8
    }
}

impl From<u8> for SyncId {
    fn from(id: u8) -> Self {
        Self(id.into())
    }
}

impl fmt::Display for SyncId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for SyncId {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        const EXPECTED: &str = "a sync id from 0 to 255";
        Self::travelling(decimal(text, EXPECTED)?).map_err(|_| ParseError::new(EXPECTED, text))
    }
}

serde_number!(SyncId, u32, get, SyncId::travelling);

/// This is a multicast address that sync daemons talk on (`IPVS_DAEMON_ATTR_MCAST_GROUP`, `…_MCAST_GROUP6`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MulticastGroup(IpAddr);

impl MulticastGroup {
    /// The group that the kernel uses when none is given, 224.0.0.81.
    pub const DEFAULT: Self = Self(IpAddr::V4(Ipv4Addr::new(224, 0, 0, 81)));

    /// The group of this address.
    ///
    /// # Errors
    /// An address that is not multicast (`224.0.0.0/4`, `ff00::/8`).
    pub fn new(addr: IpAddr) -> Result<Self, NotMulticast> {
        if addr.is_multicast() { Ok(Self(addr)) } else { Err(NotMulticast { addr }) }
    }

    /// The address.
    #[must_use]
    pub const fn addr(self) -> IpAddr {
        self.0
    }
}

/// This error says that an address is not a multicast address, which the kernel refuses with `EINVAL`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{addr} is not a multicast address (224.0.0.0/4 or ff00::/8)")]
#[non_exhaustive]
pub struct NotMulticast {
    /// The address that was given.
    pub addr: IpAddr,
}

impl TryFrom<Ipv4Addr> for MulticastGroup {
    type Error = NotMulticast;

    fn try_from(addr: Ipv4Addr) -> Result<Self, NotMulticast> {
        Self::new(addr.into())
    }
}

impl TryFrom<Ipv6Addr> for MulticastGroup {
    type Error = NotMulticast;

    fn try_from(addr: Ipv6Addr) -> Result<Self, NotMulticast> {
        Self::new(addr.into())
    }
}

impl fmt::Display for MulticastGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for MulticastGroup {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let group = text.parse().ok().and_then(|addr| Self::new(addr).ok());
        group.ok_or_else(|| ParseError::new("a multicast address, such as `224.0.0.81`", text))
    }
}

serde_text!(MulticastGroup);

/// This is the configuration of a sync daemon (`ipvsadm --start-daemon`, keepalived `lvs_sync_daemon`).
///
/// What is [`None`] is left to the kernel, which fills it in: read back, every field is set.
///
/// ```
/// use lvs_model::{SyncDaemon, SyncRole};
///
/// let mut daemon = SyncDaemon::new(SyncRole::Master, "eth0".parse()?);
/// daemon.sync_id = 7.into();
/// assert_eq!(daemon.to_string(), "master --mcast-interface eth0 --syncid 7");
/// # Ok::<(), lvs_model::ParseError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
#[non_exhaustive]
pub struct SyncDaemon {
    /// Whether it sends or receives.
    pub role: SyncRole,
    /// The interface that it talks on.
    pub interface: InterfaceName,
    /// The group of directors that it belongs to.
    #[cfg_attr(feature = "serde", serde(default))]
    pub sync_id: SyncId,
    /// The longest payload in bytes (`--sync-maxlen`, which ends at 65507). The kernel brings it within what it can do:
    /// it lowers it to 65507, or to 65487 with an IPv6 group, and raises that of a backup to 1024.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub max_length: Option<NonZeroU16>,
    /// The multicast address (`--mcast-group`); 224.0.0.81 by default.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub group: Option<MulticastGroup>,
    /// The first UDP port (`--mcast-port`); 8848 by default. In the host's order in netlink, unlike every other port.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub port: Option<NonZeroU16>,
    /// The time to live of its packets (`--mcast-ttl`); 1 by default.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "Option::is_none"))]
    pub ttl: Option<NonZeroU8>,
}

impl SyncDaemon {
    /// A daemon with sync id 0 that leaves the rest to the kernel.
    #[must_use]
    pub const fn new(role: SyncRole, interface: InterfaceName) -> Self {
        Self { role, interface, sync_id: SyncId(0), max_length: None, group: None, port: None, ttl: None }
    }
}

impl fmt::Display for SyncDaemon {
    /// As `ipvsadm --start-daemon` takes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} --mcast-interface {} --syncid {}", self.role, self.interface, self.sync_id)?;
        if let Some(length) = self.max_length {
            write!(f, " --sync-maxlen {length}")?;
        }
        if let Some(group) = self.group {
            write!(f, " --mcast-group {group}")?;
        }
        if let Some(port) = self.port {
            write!(f, " --mcast-port {port}")?;
        }
        if let Some(ttl) = self.ttl {
            write!(f, " --mcast-ttl {ttl}")?;
        }
        Ok(())
    }
}

impl FromStr for SyncDaemon {
    type Err = ParseError;

    /// Takes what `Display` prints, options in any order and each once; the role and the interface are needed.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let mut words = text.split_ascii_whitespace();
        let role: SyncRole = words.next().unwrap_or_default().parse()?;
        let (mut interface, mut sync_id) = (None, None);
        let (mut max_length, mut group, mut port, mut ttl) = (None, None, None, None);
        while let Some(word) = words.next() {
            let value = words.next().unwrap_or_default();
            match word {
                "--mcast-interface" => once(&mut interface, value.parse()?, word)?,
                "--syncid" => once(&mut sync_id, value.parse()?, word)?,
                "--sync-maxlen" => once(&mut max_length, number(value)?, word)?,
                "--mcast-group" => once(&mut group, value.parse()?, word)?,
                "--mcast-port" => once(&mut port, number(value)?, word)?,
                "--mcast-ttl" => once(&mut ttl, time_to_live(value)?, word)?,
                _ => return Err(ParseError::new("an option of a sync daemon, such as `--mcast-interface`", word)),
            }
        }
        let interface = interface.ok_or_else(|| ParseError::new("`--mcast-interface` with an interface", text))?;
        Ok(Self { role, interface, sync_id: sync_id.unwrap_or_default(), max_length, group, port, ttl })
    }
}

fn number(text: &str) -> Result<NonZeroU16, ParseError> {
    const EXPECTED: &str = "a number from 1 to 65535";
    let number = decimal(text, EXPECTED)?.try_into().ok().and_then(NonZeroU16::new);
    number.ok_or_else(|| ParseError::new(EXPECTED, text))
}

fn time_to_live(text: &str) -> Result<NonZeroU8, ParseError> {
    const EXPECTED: &str = "a time to live from 1 to 255";
    let number = decimal(text, EXPECTED)?.try_into().ok().and_then(NonZeroU8::new);
    number.ok_or_else(|| ParseError::new(EXPECTED, text))
}
