//! A resolver made of the text of `/etc/hosts` and `/etc/services`.

use std::borrow::Cow;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};

use lvs_model::Protocol;

use super::resolver::Resolver;

/// This is a [`Resolver`] that answers from the text of `/etc/hosts` and `/etc/services`, which the caller reads.
///
/// ```
/// use lvs_config::ipvsadm::{NameTable, Resolver};
/// use lvs_model::Protocol;
///
/// let names = NameTable::new()
///     .with_hosts("192.0.2.10 vip.example.com vip  # the front\n")
///     .with_services("http 80/tcp www\ndomain 53/udp\n");
/// assert_eq!(names.address("vip"), Some([192, 0, 2, 10].into()));
/// assert_eq!(names.port("www", Protocol::TCP), Some(80));
/// assert_eq!(names.service_name(53, Protocol::TCP), None);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NameTable {
    addresses: HashMap<String, Ipv4Addr>,
    hosts: HashMap<IpAddr, String>,
    ports: HashMap<(String, u16), u16>,
    services: HashMap<(u16, u16), String>,
}

impl NameTable {
    /// This makes a table without names.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// This adds the lines of a `hosts` file; the first line that names a host or an address wins, and lines that do
    /// not start with an address are skipped, as in the C library.
    #[must_use]
    pub fn with_hosts(mut self, text: &str) -> Self {
        for line in text.lines() {
            let mut words = without_comment(line).split_ascii_whitespace();
            let Some(Ok(addr)) = words.next().map(str::parse::<IpAddr>) else { continue };
            for (i, name) in words.enumerate() {
                if i == 0 {
                    self.hosts.entry(addr).or_insert_with(|| name.to_owned());
                }
                if let IpAddr::V4(addr) = addr {
                    // Host names are looked up without regard to case.
                    self.addresses.entry(name.to_ascii_lowercase()).or_insert(addr);
                }
            }
        }
        self
    }

    /// This adds the lines of a `services` file (`http 80/tcp www`); the first line wins.
    #[must_use]
    pub fn with_services(mut self, text: &str) -> Self {
        for line in text.lines() {
            let mut words = without_comment(line).split_ascii_whitespace();
            let (Some(name), Some(port)) = (words.next(), words.next()) else { continue };
            let Some((port, protocol)) = port.split_once('/') else { continue };
            let (Ok(port), Ok(protocol)) = (port.parse::<u16>(), protocol.parse::<Protocol>()) else { continue };
            let protocol = protocol.number();
            self.services.entry((port, protocol)).or_insert_with(|| name.to_owned());
            for name in std::iter::once(name).chain(words) {
                self.ports.entry((name.to_owned(), protocol)).or_insert(port);
            }
        }
        self
    }
}

fn without_comment(line: &str) -> &str {
    line.split('#').next().unwrap_or_default()
}

impl Resolver for NameTable {
    fn address(&self, host: &str) -> Option<Ipv4Addr> {
        self.addresses.get(&host.to_ascii_lowercase()).copied()
    }

    fn port(&self, service: &str, protocol: Protocol) -> Option<u16> {
        self.ports.get(&(service.to_owned(), protocol.number())).copied()
    }

    fn host_name(&self, addr: IpAddr) -> Option<Cow<'_, str>> {
        self.hosts.get(&addr).map(|name| name.as_str().into())
    }

    fn service_name(&self, port: u16, protocol: Protocol) -> Option<Cow<'_, str>> {
        self.services.get(&(port, protocol.number())).map(|name| name.as_str().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_wins_and_nonsense_is_skipped() {
        let names = NameTable::new()
            .with_hosts("10.0.0.1 a B\n10.0.0.2 a\n10.0.0.1 c\nnonsense x\n::1 six\n\n#10.0.0.9 d\n")
            .with_services("http 80/tcp\nother 80/tcp\nbad 99999/tcp\nbad\nudp-only 80/udp\n");
        assert_eq!(names.address("A"), Some([10, 0, 0, 1].into()));
        assert_eq!(names.address("b"), Some([10, 0, 0, 1].into()));
        assert_eq!(names.address("six"), None);
        assert_eq!(names.address("d"), None);
        assert_eq!(names.host_name("10.0.0.1".parse().unwrap()).as_deref(), Some("a"));
        assert_eq!(names.host_name("::1".parse().unwrap()).as_deref(), Some("six"));
        assert_eq!(names.service_name(80, Protocol::TCP).as_deref(), Some("http"));
        assert_eq!(names.port("udp-only", Protocol::UDP), Some(80));
        assert_eq!(names.port("bad", Protocol::TCP), None);
    }
}
