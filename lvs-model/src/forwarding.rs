//! How packets reach a destination.

use core::{fmt, num::NonZeroU16, str::FromStr};

use crate::{
    error::{ParseError, decimal, once},
    serde_impl::serde_text,
};

/// This is how the director passes packets on to a destination (`IPVS_DEST_ATTR_FWD_METHOD`).
///
/// | value | number | ipvsadm | keepalived | `/proc` |
/// |---|---|---|---|---|
/// | `Masquerade` | 0 | `-m` | `NAT` | `Masq` |
/// | `Local` | 1 | – | – | `Local` |
/// | `Tunnel` | 2 | `-i` | `TUN` | `Tunnel` |
/// | `DirectRouting` | 3 | `-g` | `DR` | `Route` |
/// | `Bypass` | 4 | – | – | `Masq` |
///
/// Only masquerading can change the port; with the others the real server listens on the port of the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[non_exhaustive]
pub enum Forwarding {
    /// Network address translation: addresses and ports are rewritten, answers come back through the director.
    #[default]
    Masquerade,
    /// Delivery to the director itself.
    Local,
    /// Encapsulation; the only method that lets service and destination be of different families.
    Tunnel(Tunnel),
    /// A new link-layer address only: the real server shares the network and holds the virtual address.
    DirectRouting,
    /// The packet's own destination, which the kernel uses for `cache_bypass`.
    Bypass,
    /// One of the numbers 5 to 7, which the kernel stores without having a meaning for them.
    Other(OtherForwarding),
}

/// This is a forwarding number from 5 to 7; see [`Forwarding::Other`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OtherForwarding(u8);

impl Forwarding {
    /// The forwarding of the kernel's number, of which only the low 3 bits count, and of the tunnel's attributes, which
    /// only the tunnel method reads.
    ///
    /// # Errors
    /// See [`Tunnel::from_raw`].
    pub fn from_raw(method: u32, tunnel_kind: u8, tunnel_port: u16, tunnel_flags: u16) -> Result<Self, InvalidTunnel> {
        Ok(match (method & 7) as u8 {
            0 => Self::Masquerade,
            1 => Self::Local,
            2 => Self::Tunnel(Tunnel::from_raw(tunnel_kind, tunnel_port, TunnelFlags::from_bits(tunnel_flags))?),
            3 => Self::DirectRouting,
            4 => Self::Bypass,
            other => Self::Other(OtherForwarding(other)),
        })
    }

    /// The kernel's number, 0 to 7.
    #[must_use]
    pub const fn number(self) -> u32 {
        match self {
            Self::Masquerade => 0,
            Self::Local => 1,
            Self::Tunnel(_) => 2,
            Self::DirectRouting => 3,
            Self::Bypass => 4,
            Self::Other(OtherForwarding(number)) => number as u32,
        }
    }

    /// The tunnel, when the method is one.
    #[must_use]
    pub const fn tunnel(self) -> Option<Tunnel> {
        match self {
            Self::Tunnel(tunnel) => Some(tunnel),
            _ => None,
        }
    }

    /// The word of `ipvsadm -L` and `/proc/net/ip_vs`: `Masq`, `Local`, `Tunnel` or `Route`.
    #[must_use]
    pub const fn kernel_name(self) -> &'static str {
        match self {
            Self::Local => "Local",
            Self::Tunnel(_) => "Tunnel",
            Self::DirectRouting => "Route",
            Self::Masquerade | Self::Bypass | Self::Other(_) => "Masq",
        }
    }
}

impl fmt::Display for Forwarding {
    /// As `ipvsadm` options, `-m`, `-g`, `-i --tun-type gue --tun-port 6080`; what `ipvsadm` cannot say prints as
    /// `--forward local`, `--forward bypass` or `--forward 5`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Masquerade => f.write_str("-m"),
            Self::Local => f.write_str("--forward local"),
            Self::Tunnel(Tunnel::Ipip) => f.write_str("-i"),
            Self::Tunnel(tunnel) => write!(f, "-i {tunnel}"),
            Self::DirectRouting => f.write_str("-g"),
            Self::Bypass => f.write_str("--forward bypass"),
            Self::Other(OtherForwarding(number)) => write!(f, "--forward {number}"),
        }
    }
}

impl FromStr for Forwarding {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        const EXPECTED: &str = "a forwarding method: `-m`, `-g`, or `-i` and the options of its tunnel";
        let text = text.trim_ascii();
        let (method, rest) = text.split_once(' ').unwrap_or((text, ""));
        match (method, rest.trim_ascii()) {
            ("-m", "") => Ok(Self::Masquerade),
            ("-g", "") => Ok(Self::DirectRouting),
            ("-i", "") => Ok(Self::Tunnel(Tunnel::Ipip)),
            ("-i", tunnel) => tunnel.parse().map(Self::Tunnel),
            ("--forward", name) => Self::named(name).ok_or_else(|| ParseError::new(EXPECTED, text)),
            _ => Err(ParseError::new(EXPECTED, text)),
        }
    }
}

impl Forwarding {
    /// What stands after `--forward`.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "local" => Some(Self::Local),
            "bypass" => Some(Self::Bypass),
            "5" | "6" | "7" => Some(Self::Other(OtherForwarding(name.as_bytes()[0] - b'0'))),
            _ => None,
        }
    }
}

serde_text!(Forwarding);

/// This is the encapsulation of a tunnel, with what belongs to it (`ipvsadm --tun-type`, `--tun-port`, `--tun-csum`,
/// keepalived `lvs_method TUN type …`, `IPVS_DEST_ATTR_TUN_TYPE`, `…_TUN_PORT`, `…_TUN_FLAGS`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[non_exhaustive]
pub enum Tunnel {
    /// IP in IP, number 0.
    #[default]
    Ipip,
    /// Generic UDP encapsulation, number 1.
    Gue {
        /// The UDP port of the tunnel's far end.
        port: NonZeroU16,
        /// Checksum flags.
        flags: TunnelFlags,
    },
    /// Generic routing encapsulation, number 2.
    Gre {
        /// Checksum flags.
        flags: TunnelFlags,
    },
    /// A combination that the kernel stores without having a use for it: a newer type, an IP-in-IP tunnel with a port
    /// or flags, a GRE tunnel with a port.
    Other(OtherTunnel),
}

/// This is a tunnel of unknown type or with unused attributes; see [`Tunnel::Other`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OtherTunnel {
    kind: u8,
    port: u16,
    flags: TunnelFlags,
}

/// This error says that a GUE tunnel has no port, which the kernel refuses with `EINVAL`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error("a gue tunnel needs a port from 1 to 65535")]
#[non_exhaustive]
pub struct InvalidTunnel;

impl Tunnel {
    /// The tunnel of the kernel's three attributes. Every combination has exactly one form.
    ///
    /// # Errors
    /// A GUE tunnel with port 0.
    pub fn from_raw(kind: u8, port: u16, flags: TunnelFlags) -> Result<Self, InvalidTunnel> {
        match (kind, NonZeroU16::new(port)) {
            (0, None) if flags == TunnelFlags::NONE => Ok(Self::Ipip),
            (1, Some(port)) => Ok(Self::Gue { port, flags }),
            (1, None) => Err(InvalidTunnel),
            (2, None) => Ok(Self::Gre { flags }),
            _ => Ok(Self::Other(OtherTunnel { kind, port, flags })),
        }
    }

    /// The kernel's number of the type.
    #[must_use]
    pub const fn kind(self) -> u8 {
        match self {
            Self::Ipip => 0,
            Self::Gue { .. } => 1,
            Self::Gre { .. } => 2,
            Self::Other(other) => other.kind,
        }
    }

    /// The port, 0 where there is none.
    #[must_use]
    pub const fn port(self) -> u16 {
        match self {
            Self::Gue { port, .. } => port.get(),
            Self::Other(other) => other.port,
            Self::Ipip | Self::Gre { .. } => 0,
        }
    }

    /// The checksum flags.
    #[must_use]
    pub const fn flags(self) -> TunnelFlags {
        match self {
            Self::Gue { flags, .. } | Self::Gre { flags } => flags,
            Self::Other(other) => other.flags,
            Self::Ipip => TunnelFlags::NONE,
        }
    }
}

impl fmt::Display for Tunnel {
    /// As `ipvsadm` options: `--tun-type gue --tun-port 6080 --tun-csum`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind() {
            0 => f.write_str("--tun-type ipip")?,
            1 => f.write_str("--tun-type gue")?,
            2 => f.write_str("--tun-type gre")?,
            kind => write!(f, "--tun-type {kind}")?,
        }
        if self.port() != 0 {
            write!(f, " --tun-port {}", self.port())?;
        }
        match self.flags() {
            TunnelFlags::NONE => Ok(()),
            TunnelFlags::CSUM => f.write_str(" --tun-csum"),
            TunnelFlags::REMCSUM => f.write_str(" --tun-remcsum"),
            TunnelFlags(bits) => write!(f, " --tun-flags {bits:#x}"),
        }
    }
}

impl FromStr for Tunnel {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let mut options = TunnelOptions::default();
        let mut words = text.split_ascii_whitespace();
        while let Some(word) = words.next() {
            if !options.take(word, &mut words)? {
                return Err(ParseError::new(
                    "a tunnel option: `--tun-type`, `--tun-port`, `--tun-csum`, `--tun-nocsum`, `--tun-remcsum`",
                    word,
                ));
            }
        }
        options.tunnel().map_err(|_| ParseError::new("`--tun-port` with the port of the gue tunnel", text))
    }
}

serde_text!(Tunnel);

/// The tunnel options met so far, in any order.
#[derive(Default)]
pub(crate) struct TunnelOptions {
    kind: Option<u8>,
    port: Option<u16>,
    flags: Option<TunnelFlags>,
    pub(crate) given: bool,
}

impl TunnelOptions {
    /// Takes `word`, and its value from `words`, if it is a tunnel option.
    pub(crate) fn take<'a>(
        &mut self,
        word: &str,
        words: &mut impl Iterator<Item = &'a str>,
    ) -> Result<bool, ParseError> {
        const KIND: &str = "a tunnel type: `ipip`, `gue`, `gre` or a number from 3 to 255";
        const PORT: &str = "a tunnel port from 0 to 65535";
        match word {
            "--tun-type" => {
                let kind = match words.next().unwrap_or_default() {
                    "ipip" => 0,
                    "gue" => 1,
                    "gre" => 2,
                    other => u8::try_from(decimal(other, KIND)?).map_err(|_| ParseError::new(KIND, other))?,
                };
                once(&mut self.kind, kind, word)?;
            }
            "--tun-port" => {
                let port = words.next().unwrap_or_default();
                let number = u16::try_from(decimal(port, PORT)?).map_err(|_| ParseError::new(PORT, port))?;
                once(&mut self.port, number, word)?;
            }
            "--tun-nocsum" => once(&mut self.flags, TunnelFlags::NONE, word)?,
            "--tun-csum" => once(&mut self.flags, TunnelFlags::CSUM, word)?,
            "--tun-remcsum" => once(&mut self.flags, TunnelFlags::REMCSUM, word)?,
            "--tun-flags" => once(&mut self.flags, words.next().unwrap_or_default().parse()?, word)?,
            _ => return Ok(false),
        }
        self.given = true;
        Ok(true)
    }

    pub(crate) fn tunnel(&self) -> Result<Tunnel, InvalidTunnel> {
        Tunnel::from_raw(self.kind.unwrap_or(0), self.port.unwrap_or(0), self.flags.unwrap_or_default())
    }
}

/// This is the set of checksum flags of a tunnel (`IPVS_DEST_ATTR_TUN_FLAGS`, 16 bits); unknown bits survive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct TunnelFlags(u16);

impl TunnelFlags {
    /// No checksum: `--tun-nocsum`.
    pub const NONE: Self = Self(0);
    /// A checksum of the outer header: `--tun-csum`.
    pub const CSUM: Self = Self(1);
    /// Remote checksum offload, for GUE only: `--tun-remcsum`.
    pub const REMCSUM: Self = Self(2);

    /// The flags of the kernel's bits.
    #[must_use]
    pub const fn from_bits(bits: u16) -> Self {
        Self(bits)
    }

    /// The kernel's bits.
    #[must_use]
    pub const fn bits(self) -> u16 {
        self.0
    }
}

impl fmt::Display for TunnelFlags {
    /// In hexadecimal: `0x1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

impl FromStr for TunnelFlags {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        match text.strip_prefix("0x").map(|digits| u16::from_str_radix(digits, 16)) {
            Some(Ok(bits)) if !text.contains('+') => Ok(Self(bits)),
            _ => Err(ParseError::new("tunnel flags in hexadecimal, such as `0x1`", text)),
        }
    }
}

serde_text!(TunnelFlags);
