//! The short way for rules as `ipvsadm -S -n` prints them.
//!
//! It takes a line only when nothing about it needs to be said; every other line goes the thorough way, so that both
//! ways give the same table. Most of the time is memory, not parsing: the text of the service is compared with that of
//! the line before instead of being read again.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use lvs_model::{
    Destination, Endpoint, Forwarding, Fwmark, Persistence, PersistenceTimeout, SchedulerName, Service, ServiceKey,
    Table, Thresholds, Tunnel, Weight,
};
use lvs_model::{Family, Protocol};

use super::effect::Effect;

/// Applies lines from `start` on and returns where the first one starts that has to go the thorough way.
pub(super) fn lines(text: &[u8], start: usize, effect: &mut Effect<'_>) -> usize {
    let Some(table) = effect.fast_table() else { return start };
    let mut at = start;
    // The text and the key of the service of the line before.
    let mut last: Option<(&[u8], ServiceKey)> = None;
    while at < text.len() {
        let mut cursor = Cursor { text, at };
        let Some(key) = line(&mut cursor, table, last) else { break };
        last = Some(key);
        at = cursor.at;
    }
    if at > start {
        effect.succeeded();
    }
    at
}

/// Applies one line; what it returns is the service for the next one. Nothing is changed when it returns `None`.
fn line<'t>(
    cursor: &mut Cursor<'t>,
    table: &mut Table,
    last: Option<(&'t [u8], ServiceKey)>,
) -> Option<(&'t [u8], ServiceKey)> {
    match cursor.rest() {
        [b'-', b'a', b' ', ..] => {
            cursor.at += 3;
            let start = cursor.at;
            let (key, server) = match last {
                Some((text, key)) if cursor.rest().starts_with(text) => {
                    cursor.at += text.len();
                    // Most services are filled right after they were added.
                    match table.last_mut() {
                        Some(server) if *server.key() == key => (key, table.last_mut()?),
                        _ => (key, table.get_mut(&key)?),
                    }
                }
                _ => {
                    let key = cursor.key()?;
                    (key, table.get_mut(&key)?)
                }
            };
            // With the blank, so that a longer port does not match a shorter one.
            cursor.expect(b" ")?;
            let text = &cursor.text[start..cursor.at];
            let destination = cursor.destination(&key)?;
            cursor.newline()?;
            server.insert(destination).ok()?;
            Some((text.strip_suffix(b" ")?, key))
        }
        [b'-', b'A', b' ', ..] => {
            cursor.at += 3;
            let start = cursor.at;
            let key = cursor.key()?;
            let text = &cursor.text[start..cursor.at];
            let service = cursor.service(key)?;
            cursor.newline()?;
            table.insert(service).ok()?;
            Some((text, key))
        }
        _ => None,
    }
}

#[derive(Clone, Copy)]
struct Cursor<'t> {
    text: &'t [u8],
    at: usize,
}

impl<'t> Cursor<'t> {
    fn rest(&self) -> &'t [u8] {
        &self.text[self.at..]
    }

    fn expect(&mut self, literal: &[u8]) -> Option<()> {
        self.take(literal).then_some(())
    }

    fn take(&mut self, literal: &[u8]) -> bool {
        let found = self.rest().starts_with(literal);
        if found {
            self.at += literal.len();
        }
        found
    }

    fn newline(&mut self) -> Option<()> {
        self.expect(b"\n")
    }

    /// One to seven digits without a sign or a leading zero, eight bytes at a time: how many there are decides no
    /// branch, because it changes from line to line. Near the end of the text there is no number.
    #[inline]
    fn number(&mut self) -> Option<u32> {
        let bytes: [u8; 8] = self.text.get(self.at..self.at + 8)?.try_into().ok()?;
        let digits = u64::from_le_bytes(bytes) ^ 0x3030_3030_3030_3030;
        // The high bit of the first byte that is no digit; what is above it may be wrong and is not looked at.
        let others = (digits.wrapping_add(0x7676_7676_7676_7676) | digits) & 0x8080_8080_8080_8080;
        let bits = others.trailing_zeros() & !7;
        let leading_zero = bits > 8 && digits & 0xff == 0;
        if bits == 0 || bits == 64 || leading_zero {
            return None;
        }
        self.at += bits as usize / 8;
        // The last digit goes to the last byte, then pairs, fours and eight are summed up.
        let pairs = (digits << (64 - bits)).wrapping_mul(10 * 256 + 1) >> 8;
        let fours = (pairs & 0x00ff_00ff_00ff_00ff).wrapping_mul(100 * 65536 + 1) >> 16;
        Some(((fours & 0x0000_ffff_0000_ffff).wrapping_mul((10000 << 32) + 1) >> 32) as u32)
    }

    /// The same for up to three digits.
    #[inline]
    fn octet(&mut self) -> Option<u8> {
        let bytes: [u8; 4] = self.text.get(self.at..self.at + 4)?.try_into().ok()?;
        let digits = u32::from_le_bytes(bytes) ^ 0x3030_3030;
        let others = (digits.wrapping_add(0x7676_7676) | digits) & 0x8080_8080;
        let bits = others.trailing_zeros() & !7;
        let leading_zero = bits > 8 && digits & 0xff == 0;
        if bits == 0 || bits == 32 || leading_zero {
            return None;
        }
        self.at += bits as usize / 8;
        let [_, hundreds, tens, ones] = (digits << (32 - bits)).to_le_bytes().map(u32::from);
        u8::try_from(hundreds * 100 + tens * 10 + ones).ok()
    }

    #[inline]
    fn port(&mut self) -> Option<u16> {
        u16::try_from(self.number()?).ok()
    }

    #[inline]
    fn endpoint(&mut self) -> Option<Endpoint> {
        if self.take(b"[") {
            let length = self.rest().iter().take(46).position(|b| *b == b']')?;
            let addr: Ipv6Addr = std::str::from_utf8(&self.rest()[..length]).ok()?.parse().ok()?;
            self.at += length + 1;
            self.expect(b":")?;
            return Some(Endpoint::new(IpAddr::V6(addr), self.port()?));
        }
        let a = self.octet()?;
        self.expect(b".")?;
        let b = self.octet()?;
        self.expect(b".")?;
        let c = self.octet()?;
        self.expect(b".")?;
        let d = self.octet()?;
        self.expect(b":")?;
        Some(Endpoint::new(IpAddr::V4(Ipv4Addr::new(a, b, c, d)), self.port()?))
    }

    fn key(&mut self) -> Option<ServiceKey> {
        let protocol = if self.take(b"-t ") {
            Protocol::TCP
        } else if self.take(b"-u ") {
            Protocol::UDP
        } else if self.take(b"-f ") {
            let mark = Fwmark::new(self.number()?).ok()?;
            let family = if self.take(b" -6") { Family::Inet6 } else { Family::Inet };
            return Some(ServiceKey::fwmark(family, mark));
        } else if self.take(b"--sctp-service ") {
            Protocol::SCTP
        } else {
            return None;
        };
        let endpoint = self.endpoint()?;
        Some(ServiceKey::Socket { protocol, endpoint })
    }

    /// ` -s NAME[ -p SECONDS]` behind a key.
    fn service(&mut self, key: ServiceKey) -> Option<Service> {
        self.expect(b" -s ")?;
        let length = self.rest().iter().take(16).position(|b| matches!(b, b' ' | b'\n'))?;
        let name = &self.rest()[..length];
        let scheduler = SchedulerName::KNOWN.into_iter().find(|known| known.as_str().as_bytes() == name)?;
        self.at += length;
        let service = Service::new(key, scheduler);
        let is_any_port = matches!(key, ServiceKey::Socket { endpoint: Endpoint { port: 0, .. }, .. });
        if !self.take(b" -p ") {
            return if is_any_port { None } else { Some(service) };
        }
        let seconds = self.number().filter(|n| (1..=2_678_400).contains(n))?;
        service.with_persistence(Persistence::new(PersistenceTimeout::new(seconds).ok()?, key.family())).ok()
    }

    /// `-r ADDRESS:PORT -m|-g|-i -w NUMBER[ --tun-type ipip][ -x NUMBER][ -y NUMBER]` behind a key and a blank.
    fn destination(&mut self, key: &ServiceKey) -> Option<Destination> {
        self.expect(b"-r ")?;
        let endpoint = self.endpoint()?;
        if !super::address::is_usable_destination(endpoint.addr) {
            return None;
        }
        let rest = self.rest();
        let forwarding = match rest.get(..6)? {
            b" -m -w" => Forwarding::Masquerade,
            b" -g -w" => Forwarding::DirectRouting,
            b" -i -w" => Forwarding::Tunnel(Tunnel::Ipip),
            _ => return None,
        };
        self.at += 6;
        self.expect(b" ")?;
        if let (ServiceKey::Socket { endpoint: virtual_endpoint, .. }, false) =
            (key, forwarding == Forwarding::Masquerade)
        {
            // Another port would be changed, which has to be said.
            if endpoint.port != virtual_endpoint.port {
                return None;
            }
        }
        let weight = self.number()?;
        if matches!(forwarding, Forwarding::Tunnel(_)) {
            let _ = self.take(b" --tun-type ipip");
        }
        let upper = if self.take(b" -x ") { self.number()? } else { 0 };
        let lower = if self.take(b" -y ") { self.number()? } else { 0 };
        let destination = Destination::new(endpoint).with_weight(Weight::new(weight).ok()?).with_forwarding(forwarding);
        Some(destination.with_thresholds(Thresholds::new(upper, lower).ok()?))
    }
}
