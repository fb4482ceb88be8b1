//! Connections: `ipvsadm -L -c`.

use std::fmt::{self, Write as _};

use lvs_model::{Endpoint, Protocol};

use crate::ipvsadm::print::{LONGEST_NAME, Named, cut};
use crate::ipvsadm::resolver::Resolver;

/// This is one connection, as `/proc/net/ip_vs_conn` tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_structs, reason = "a record that readers of the kernel build")]
pub struct Connection<'a> {
    /// The protocol; templates of marks have protocol 0.
    pub protocol: Protocol,
    /// When it expires, in seconds from now.
    pub expires: u32,
    /// Its state, such as `ESTABLISHED`.
    pub state: &'a str,
    /// The client.
    pub source: Endpoint,
    /// The virtual address; in a template of a mark, the mark as an IPv4 address.
    pub virtual_endpoint: Endpoint,
    /// The real server.
    pub destination: Endpoint,
    /// The persistence engine and what it found in the packet.
    pub engine: Option<(&'a str, &'a str)>,
}

/// This prints connections as `ipvsadm -L -c` does, byte for byte, in the order in which they are given.
///
/// ```
/// use lvs_config::ipvsadm::{Connection, ConnectionView};
/// use lvs_model::Protocol;
///
/// let connection = Connection {
///     protocol: Protocol::TCP,
///     expires: 899,
///     state: "ESTABLISHED",
///     source: "10.0.0.6:5000".parse()?,
///     virtual_endpoint: "192.0.2.10:80".parse()?,
///     destination: "10.1.0.1:8080".parse()?,
///     engine: None,
/// };
/// assert_eq!(ConnectionView::new().print([connection]), "\
/// IPVS connection entries
/// pro expire state       source             virtual            destination
/// TCP 14:59  ESTABLISHED 10.0.0.6:5000      192.0.2.10:80      10.1.0.1:8080
/// ");
/// # Ok::<(), lvs_model::ParseError>(())
/// ```
#[derive(Clone, Copy, Default)]
pub struct ConnectionView<'r> {
    engines: bool,
    names: Option<&'r dyn Resolver>,
}

impl fmt::Debug for ConnectionView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.names.map(|_| "a resolver");
        f.debug_struct("ConnectionView").field("engines", &self.engines).field("names", &names).finish()
    }
}

impl<'r> ConnectionView<'r> {
    /// This makes a view with numbers only, `-n`.
    #[must_use]
    pub const fn new() -> Self {
        Self { engines: false, names: None }
    }

    /// This shows what persistence engines found, `--persistent-conn`.
    #[must_use]
    pub const fn with_engines(mut self) -> Self {
        self.engines = true;
        self
    }

    /// This shows names where the resolver knows one, as the tool does without `-n`; a name with its port is cut after
    /// 59 bytes.
    #[must_use]
    pub const fn with_names(mut self, names: &'r dyn Resolver) -> Self {
        self.names = Some(names);
        self
    }

    /// This is the list.
    #[must_use]
    pub fn print<'a>(&self, connections: impl IntoIterator<Item = Connection<'a>>) -> String {
        let mut out = "IPVS connection entries\n".to_owned();
        out.push_str("pro expire state       source             virtual            destination");
        out.push_str(if self.engines { "        pe name          pe_data\n" } else { "\n" });
        for connection in connections {
            self.row(&mut out, &connection);
        }
        out
    }

    fn row(&self, out: &mut String, connection: &Connection<'_>) {
        let Connection { protocol, expires, state, source, virtual_endpoint, destination, engine } = *connection;
        let expires = format!("{:02}:{:02}", expires / 60, expires % 60);
        let [source, virtual_endpoint, destination] =
            [source, virtual_endpoint, destination].map(|endpoint| self.endpoint(endpoint, protocol));
        let protocol = match protocol.number() {
            0 => "IP".to_owned(),
            1 => "ICMP".to_owned(),
            58 => "ICMPv6".to_owned(),
            _ => protocol.to_string().to_uppercase(),
        };
        // Writing to a string cannot fail.
        let _ = write!(out, "{protocol:<3} {expires:<6} {state:<11} {source:<18} {virtual_endpoint:<18} ");
        let _ = match engine.filter(|_| self.engines) {
            // These columns do not stand under their titles.
            Some((name, data)) => writeln!(out, "{destination:<16} {name:<18} {data}"),
            None => writeln!(out, "{destination}"),
        };
    }

    fn endpoint(&self, endpoint: Endpoint, protocol: Protocol) -> String {
        cut(Named { endpoint, protocol, names: self.names, numeric_port: false }.to_string(), LONGEST_NAME)
    }
}
