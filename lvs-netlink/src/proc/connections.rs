//! `/proc/net/ip_vs_conn` and `/proc/net/ip_vs_conn_sync`: the connection table.

use super::field::{ParseError, address, decimal, port, protocol};
use lvs_model::{Endpoint, Fwmark, Protocol};
use std::net::IpAddr;
use std::time::Duration;

/// This is one entry of the connection table: a connection, or a persistence template that remembers a client.
///
/// One-packet connections never appear.
///
/// ```
/// use lvs_netlink::proc::Connection;
///
/// let template = Connection::parse("IP  0A000006 0000 00000007 0000 0A080001 0000 NONE            357")?;
/// assert!(template.is_template());
/// assert_eq!(template.fwmark().map(|mark| mark.get()), Some(7));
/// assert_eq!(template.virtual_service.port, 0);
/// # Ok::<(), lvs_netlink::proc::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Connection<'a> {
    /// The protocol; number 0 (`IP`) for the templates of services with a mark.
    pub protocol: Protocol,
    /// The client, as the director sees it. The port of a template is 0, and its address the client's network.
    pub client: Endpoint,
    /// The virtual address and port.
    pub virtual_service: Endpoint,
    /// The real server. Its family may differ from the client's in a tunnel.
    pub destination: Endpoint,
    /// The state as the kernel names it: `ESTABLISHED`, `SYN_RECV`, `UDP`, `NONE`, …
    pub state: &'a str,
    /// How long until it is forgotten if no packet comes, to the second.
    pub expires: Duration,
    /// Where it came from; only told by `ip_vs_conn_sync`.
    pub origin: Option<Origin>,
    /// The persistence engine and what it found, such as a SIP Call-ID as the client sent it; only told by `ip_vs_conn`.
    pub engine: Option<(&'a str, &'a str)>,
}

/// This says which director a connection was made on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Origin {
    /// On this one.
    Local,
    /// On another one, which told this one by connection sync.
    Sync,
}

impl<'a> Connection<'a> {
    /// Reads one line after the header, of either file.
    ///
    /// # Errors
    /// The word that is not what the kernel writes.
    pub fn parse(line: &'a str) -> Result<Self, ParseError> {
        let mut rest = line;
        let mut word = || {
            let trimmed = rest.trim_start_matches(' ');
            let (word, after) = trimmed.split_once(' ').unwrap_or((trimmed, ""));
            rest = after;
            word
        };
        let protocol = protocol(word())?;
        let client = Endpoint::new(address(word())?, port(word())?);
        let virtual_service = Endpoint::new(address(word())?, port(word())?);
        let destination = Endpoint::new(address(word())?, port(word())?);
        let state = word();
        let origin = match word() {
            "LOCAL" => Ok(Origin::Local),
            "SYNC" => Ok(Origin::Sync),
            seconds => Err(seconds),
        };
        const EXPECTED: &str = "the seconds until expiry";
        let seconds = match origin {
            Ok(_) => decimal(word(), EXPECTED)?,
            Err("") => return Err(ParseError::new(EXPECTED, line)),
            Err(seconds) => decimal(seconds, EXPECTED)?,
        };
        let engine = Some(word()).filter(|name| !name.is_empty()).map(|name| (name, rest));
        let (origin, expires) = (origin.ok(), Duration::from_secs(seconds.into()));
        Ok(Self { protocol, client, virtual_service, destination, state, expires, origin, engine })
    }

    /// Whether this remembers a client for a persistent service instead of being a connection.
    ///
    /// A template has no client port and is `NONE` or `ASSURED`.
    #[must_use]
    pub fn is_template(&self) -> bool {
        self.client.port == 0 && matches!(self.state, "NONE" | "ASSURED")
    }

    /// The mark of the service, for templates of services with a mark; it stands where others have the virtual address.
    #[must_use]
    pub fn fwmark(&self) -> Option<Fwmark> {
        if self.protocol.number() != 0 {
            return None;
        }
        let number = match self.virtual_service.addr {
            IpAddr::V4(addr) => u32::from(addr),
            IpAddr::V6(addr) => {
                let [high, low, ..] = addr.segments();
                u32::from(high) << 16 | u32::from(low)
            }
        };
        Fwmark::new(number).ok()
    }
}

/// This goes through the lines of a connection table without copying.
#[derive(Clone, Debug)]
#[must_use]
pub struct Connections<'a>(std::str::Lines<'a>);

impl<'a> Connections<'a> {
    /// Over the whole text of either file, whose first line is a header.
    pub fn new(text: &'a str) -> Self {
        let mut lines = text.lines();
        lines.next();
        Self(lines)
    }
}

impl<'a> Iterator for Connections<'a> {
    type Item = Result<Connection<'a>, ParseError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(Connection::parse)
    }
}
