//! A virtual service.

use core::{fmt, str::FromStr};

use crate::{
    endpoint::Endpoint,
    error::{ParseError, once},
    family::Family,
    persistence::{Netmask, Persistence, PersistenceEngine, PersistenceTimeout},
    protocol::Protocol,
    scheduler::{SchedulerFlags, SchedulerName},
    service_key::ServiceKey,
};

/// This is the configuration of a virtual service, without its destinations.
///
/// ```
/// use lvs_model::{Persistence, PersistenceTimeout, SchedulerName, Service, ServiceKey};
///
/// let key: ServiceKey = "tcp 10.0.0.1:80".parse()?;
/// let service = Service::new(key, SchedulerName::Wrr)
///     .with_persistence(Persistence::new(PersistenceTimeout::new(300)?, key.family()))?;
/// assert_eq!(service.to_string(), "-t 10.0.0.1:80 -s wrr -p 300");
/// assert_eq!(service.to_string().parse::<Service>()?, service);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// The kernel keeps a timeout, a mask and an engine for services without persistence too; they have no effect and are not
/// part of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(try_from = "Raw", into = "Raw"))]
pub struct Service {
    key: ServiceKey,
    scheduler: SchedulerName,
    flags: SchedulerFlags,
    persistence: Option<Persistence>,
    one_packet: OnePacket,
}

/// This says how UDP datagrams are scheduled (`ipvsadm -o`, keepalived `ops`, flag 0x4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[expect(clippy::exhaustive_enums, reason = "a flag is set or not")]
pub enum OnePacket {
    /// Datagrams of one client and port form a connection.
    #[default]
    Off,
    /// Every datagram is scheduled on its own. The kernel ignores this for TCP and SCTP.
    On,
}

/// This error says that a mask of one family was given to a service of the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error("the persistence netmask is of family {found}, the service of {expected}")]
#[non_exhaustive]
pub struct FamilyMismatch {
    /// The family of the service.
    pub expected: Family,
    /// The family of the mask.
    pub found: Family,
}

impl Service {
    /// A service without persistence or flags.
    #[must_use]
    pub const fn new(key: ServiceKey, scheduler: SchedulerName) -> Self {
        Self { key, scheduler, flags: SchedulerFlags::EMPTY, persistence: None, one_packet: OnePacket::Off }
    }

    /// The same with another scheduler.
    #[must_use]
    pub const fn with_scheduler(mut self, scheduler: SchedulerName) -> Self {
        self.scheduler = scheduler;
        self
    }

    /// The same with these scheduler flags.
    #[must_use]
    pub const fn with_flags(mut self, flags: SchedulerFlags) -> Self {
        self.flags = flags;
        self
    }

    /// The same, persistent.
    ///
    /// # Errors
    /// A netmask of the other family.
    pub fn with_persistence(mut self, persistence: Persistence) -> Result<Self, FamilyMismatch> {
        let (expected, found) = (self.key.family(), persistence.netmask.family());
        if expected != found {
            return Err(FamilyMismatch { expected, found });
        }
        self.persistence = Some(persistence);
        Ok(self)
    }

    /// The same, not persistent.
    #[must_use]
    pub const fn without_persistence(mut self) -> Self {
        self.persistence = None;
        self
    }

    /// The same with one-packet scheduling on or off.
    #[must_use]
    pub const fn with_one_packet(mut self, one_packet: OnePacket) -> Self {
        self.one_packet = one_packet;
        self
    }

    /// What identifies the service.
    #[must_use]
    pub const fn key(&self) -> &ServiceKey {
        &self.key
    }

    /// The name of its scheduler.
    #[must_use]
    pub const fn scheduler(&self) -> SchedulerName {
        self.scheduler
    }

    /// The flags for its scheduler.
    #[must_use]
    pub const fn flags(&self) -> SchedulerFlags {
        self.flags
    }

    /// Its persistence, if it is persistent.
    #[must_use]
    pub const fn persistence(&self) -> Option<&Persistence> {
        self.persistence.as_ref()
    }

    /// Whether every UDP datagram is scheduled on its own.
    #[must_use]
    pub const fn one_packet(&self) -> bool {
        matches!(self.one_packet, OnePacket::On)
    }

    /// The service's flags as the kernel keeps them (`IPVS_SVC_ATTR_FLAGS`): scheduler flags, 0x1 persistent, 0x4
    /// one-packet; without 0x2, which the kernel sets by itself.
    #[must_use]
    pub const fn flag_bits(&self) -> u32 {
        let persistent = if self.persistence.is_some() { 0x1 } else { 0 };
        let one_packet = if self.one_packet() { 0x4 } else { 0 };
        self.flags.bits() | persistent | one_packet
    }
}

impl fmt::Display for Service {
    /// As `ipvsadm` options: `-t 10.0.0.1:80 -s sh -p 300 -M 255.255.255.0 --pe sip -b sh-port -o`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -s {}", self.key.ipvsadm(), self.scheduler)?;
        if let Some(persistence) = &self.persistence {
            write!(f, " {persistence}")?;
        }
        if !self.flags.is_empty() {
            write!(f, " -b {}", self.flags.names(self.scheduler))?;
        }
        if self.one_packet() { f.write_str(" -o") } else { Ok(()) }
    }
}

impl FromStr for Service {
    type Err = ParseError;

    /// Takes the options that `Display` prints, short or long, in any order and each once; the key is needed.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let mut words = text.split_ascii_whitespace().peekable();
        let (mut key, mut inet6, mut one_packet) = (None, None, None);
        let (mut scheduler, mut flags) = (None, None);
        let (mut timeout, mut netmask, mut engine) = (None, None, None);
        while let Some(word) = words.next() {
            if word == "-p" || word == "--persistent" {
                let number = words.next_if(|next| next.bytes().all(|b| b.is_ascii_digit()));
                let seconds = number.map_or(Ok(PersistenceTimeout::DEFAULT), str::parse)?;
                once(&mut timeout, seconds, word)?;
                continue;
            }
            let mut value = || words.next().unwrap_or_default();
            match word {
                "-t" | "--tcp-service" => once(&mut key, ServiceKey::tcp(value().parse::<Endpoint>()?), word)?,
                "-u" | "--udp-service" => once(&mut key, ServiceKey::udp(value().parse::<Endpoint>()?), word)?,
                "--sctp-service" => once(&mut key, ServiceKey::sctp(value().parse::<Endpoint>()?), word)?,
                "--protocol" => {
                    let protocol: Protocol = value().parse()?;
                    once(&mut key, ServiceKey::Socket { protocol, endpoint: value().parse()? }, word)?;
                }
                "-f" | "--fwmark-service" => {
                    once(&mut key, ServiceKey::fwmark(Family::Inet, value().parse()?), word)?;
                }
                "-6" | "--ipv6" => once(&mut inet6, (), word)?,
                "-s" | "--scheduler" => once(&mut scheduler, value().parse()?, word)?,
                "-M" | "--netmask" => once(&mut netmask, value().parse::<Netmask>()?, word)?,
                "--pe" => once(&mut engine, value().parse::<PersistenceEngine>()?, word)?,
                "-b" | "--sched-flags" => once(&mut flags, value(), word)?,
                "-o" | "--ops" => once(&mut one_packet, OnePacket::On, word)?,
                _ => {
                    return Err(ParseError::new(
                        "an option of a service: -t, -u, --sctp-service, -f, -6, -s, -p, -M, --pe, -b or -o",
                        word,
                    ));
                }
            }
        }
        let key = match (key, inet6.is_some()) {
            (Some(ServiceKey::Fwmark { mark, .. }), true) => ServiceKey::fwmark(Family::Inet6, mark),
            (Some(key), false) => key,
            (Some(_), true) => return Err(ParseError::new("`-6` only with `-f`", text)),
            (None, _) => return Err(ParseError::new("a service: `-t`, `-u`, `--sctp-service` or `-f`", text)),
        };
        // Flags are named after the scheduler, which may stand behind them.
        let scheduler = scheduler.unwrap_or_default();
        let flags = flags.map_or(Ok(SchedulerFlags::EMPTY), |names| SchedulerFlags::parse(scheduler, names))?;
        let service = Self::new(key, scheduler).with_flags(flags).with_one_packet(one_packet.unwrap_or_default());
        let Some(timeout) = timeout else {
            let alone = netmask.is_some() || engine.is_some();
            return if alone { Err(ParseError::new("`-p` before `-M` and `--pe`", text)) } else { Ok(service) };
        };
        let netmask = netmask.unwrap_or(Netmask::host(key.family()));
        service
            .with_persistence(Persistence { netmask, engine, ..Persistence::new(timeout, key.family()) })
            .map_err(|_| ParseError::new("a netmask of the service's family", text))
    }
}

#[cfg(feature = "serde")]
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    key: ServiceKey,
    scheduler: SchedulerName,
    #[serde(default, skip_serializing_if = "SchedulerFlags::is_empty_ref")]
    flags: SchedulerFlags,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    persistence: Option<Persistence>,
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    one_packet: bool,
}

#[cfg(feature = "serde")]
impl SchedulerFlags {
    fn is_empty_ref(&self) -> bool {
        self.is_empty()
    }
}

#[cfg(feature = "serde")]
impl From<Service> for Raw {
    fn from(service: Service) -> Self {
        let one_packet = service.one_packet();
        let Service { key, scheduler, flags, persistence, .. } = service;
        Self { key, scheduler, flags, persistence, one_packet }
    }
}

#[cfg(feature = "serde")]
impl TryFrom<Raw> for Service {
    type Error = FamilyMismatch;

    fn try_from(raw: Raw) -> Result<Self, FamilyMismatch> {
        let one_packet = if raw.one_packet { OnePacket::On } else { OnePacket::Off };
        let service = Self::new(raw.key, raw.scheduler).with_flags(raw.flags).with_one_packet(one_packet);
        match raw.persistence {
            Some(persistence) => service.with_persistence(persistence),
            None => Ok(service),
        }
    }
}
