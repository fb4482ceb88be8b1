//! A real server of a service.

use core::{fmt, str::FromStr};

use crate::{
    endpoint::Endpoint,
    error::{ParseError, decimal, once},
    forwarding::{Forwarding, TunnelOptions},
    thresholds::Thresholds,
    weight::Weight,
};

/// This is the configuration of a destination, a real server of a service; its [`endpoint`](Self::endpoint) is its
/// identity inside the service.
///
/// ```
/// use lvs_model::{Destination, Forwarding, Weight};
///
/// let server = Destination::new("10.1.0.1:8080".parse()?).with_weight(Weight::new(3)?);
/// assert_eq!(server.forwarding, Forwarding::Masquerade);
/// assert_eq!(server.to_string(), "-r 10.1.0.1:8080 -m -w 3");
/// assert_eq!(server.to_string().parse::<Destination>()?, server);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
#[non_exhaustive]
pub struct Destination {
    /// The address and port of the real server. Its family may differ from the service's only with a tunnel.
    pub endpoint: Endpoint,
    /// The share of new connections; 0 quiesces.
    #[cfg_attr(feature = "serde", serde(default))]
    pub weight: Weight,
    /// How packets reach it.
    #[cfg_attr(feature = "serde", serde(default))]
    pub forwarding: Forwarding,
    /// Its connection limits.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "is_default"))]
    pub thresholds: Thresholds,
}

#[cfg(feature = "serde")]
fn is_default(thresholds: &Thresholds) -> bool {
    *thresholds == Thresholds::NONE
}

impl Destination {
    /// A destination of weight 1, masqueraded, without thresholds.
    ///
    /// `ipvsadm` forwards by direct routing when no method is given; this crate's default is the method that needs
    /// nothing from the real server.
    #[must_use]
    pub const fn new(endpoint: Endpoint) -> Self {
        Self { endpoint, weight: Weight::ONE, forwarding: Forwarding::Masquerade, thresholds: Thresholds::NONE }
    }

    /// The same with this weight.
    #[must_use]
    pub const fn with_weight(mut self, weight: Weight) -> Self {
        self.weight = weight;
        self
    }

    /// The same with this forwarding method.
    #[must_use]
    pub const fn with_forwarding(mut self, forwarding: Forwarding) -> Self {
        self.forwarding = forwarding;
        self
    }

    /// The same with these thresholds.
    #[must_use]
    pub const fn with_thresholds(mut self, thresholds: Thresholds) -> Self {
        self.thresholds = thresholds;
        self
    }
}

impl fmt::Display for Destination {
    /// As `ipvsadm` options: `-r 10.1.0.1:80 -m -w 1 -x 100 -y 80`, thresholds only when they are not 0.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "-r {} {} -w {}", self.endpoint, self.forwarding, self.weight)?;
        if self.thresholds.upper() != 0 {
            write!(f, " -x {}", self.thresholds.upper())?;
        }
        if self.thresholds.lower() != 0 {
            write!(f, " -y {}", self.thresholds.lower())?;
        }
        Ok(())
    }
}

impl FromStr for Destination {
    type Err = ParseError;

    /// Takes the options that `Display` prints, short or long, in any order and each once; the endpoint is needed.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let mut words = text.split_ascii_whitespace();
        let (mut endpoint, mut weight, mut forwarding) = (None, None, None);
        let (mut upper, mut lower, mut tunnel) = (None, None, TunnelOptions::default());
        while let Some(word) = words.next() {
            if tunnel.take(word, &mut words)? {
                continue;
            }
            let mut value = || words.next().unwrap_or_default();
            match word {
                "-r" | "--real-server" => once(&mut endpoint, value().parse()?, word)?,
                "-w" | "--weight" => once(&mut weight, value().parse()?, word)?,
                "-x" | "--u-threshold" => {
                    once(&mut upper, decimal(value(), "an upper threshold from 0 to 4294967295")?, word)?;
                }
                "-y" | "--l-threshold" => {
                    once(&mut lower, decimal(value(), "a lower threshold from 0 to 4294967295")?, word)?;
                }
                "-m" | "--masquerading" => once(&mut forwarding, Forwarding::Masquerade, word)?,
                "-g" | "--gatewaying" => once(&mut forwarding, Forwarding::DirectRouting, word)?,
                "-i" | "--ipip" => once(&mut forwarding, Forwarding::Tunnel(Default::default()), word)?,
                "--forward" => {
                    let name = value();
                    let method = Forwarding::named(name);
                    let method = method.ok_or_else(|| ParseError::new("`local`, `bypass`, `5`, `6` or `7`", name))?;
                    once(&mut forwarding, method, word)?;
                }
                _ => {
                    return Err(ParseError::new(
                        "an option of a real server: -r, -m, -g, -i, -w, -x, -y or a tunnel's",
                        word,
                    ));
                }
            }
        }
        let endpoint =
            endpoint.ok_or_else(|| ParseError::new("`-r` with the address and port of a real server", text))?;
        let forwarding = match forwarding {
            Some(Forwarding::Tunnel(_)) => Forwarding::Tunnel(
                tunnel.tunnel().map_err(|_| ParseError::new("`--tun-port` with the port of the gue tunnel", text))?,
            ),
            _ if tunnel.given => return Err(ParseError::new("`-i` before the options of a tunnel", text)),
            method => method.unwrap_or_default(),
        };
        let thresholds = Thresholds::new(upper.unwrap_or(0), lower.unwrap_or(0))
            .map_err(|_| ParseError::new("a lower threshold that is not above the upper one", text))?;
        Ok(Self { endpoint, weight: weight.unwrap_or_default(), forwarding, thresholds })
    }
}
