//! The short way for rules as `ipvsadm -S -n` prints them.
//!
//! It takes a line only when nothing about it needs to be said; every other line goes the thorough way, so that both
//! ways give the same table. Most of the time is memory, not parsing: the text of the service is compared with that of
//! the line before instead of being read again.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use lvs_model::{
    Destination, Endpoint, Forwarding, Fwmark, Persistence, PersistenceTimeout, SchedulerName, Service, ServiceKey,
    Thresholds, Tunnel, Weight,
};
use lvs_model::{Family, Protocol};

use super::effect::Effect;

/// Applies lines from `start` on and returns where the first one starts that has to go the thorough way.
pub(super) fn lines(text: &[u8], start: usize, effect: &mut Effect<'_>) -> usize {
    let Some(table) = effect.fast_table() else { return start };
    let mut at = start;
    let mut last = None;
    loop {
        // A rule that cannot be done goes the thorough way again, to be complained about.
        if let Some((destination, end, service)) = destination(text, at, last) {
            // Most services are filled right after they were added.
            let is_last = table.last_mut().is_some_and(|server| *server.key() == service.1);
            let Some(server) = (if is_last { table.last_mut() } else { table.get_mut(&service.1) }) else { break };
            if server.insert(destination).is_err() {
                break;
            }
            (at, last) = (end, Some(service));
        } else if let Some((service, end, key)) = service(text, at) {
            if table.insert(service).is_err() {
                break;
            }
            (at, last) = (end, Some(key));
        } else {
            break;
        }
    }
    if at > start {
        effect.succeeded();
    }
    at
}

/// The text of a service and its key, for the line behind it.
pub(super) type Last<'t> = (&'t [u8], ServiceKey);

/// Reads the `-a` that starts at `at`; also gives where the next line starts.
#[inline(always)]
pub(super) fn destination<'t>(
    text: &'t [u8],
    at: usize,
    last: Option<Last<'t>>,
) -> Option<(Destination, usize, Last<'t>)> {
    if text.get(at..at + 3)? != b"-a " {
        return None;
    }
    let mut cursor = Cursor { text, at: at + 3 };
    let key = match last {
        // The blank is part of it, so that a longer port does not match a shorter one.
        Some((text, key)) if cursor.rest().starts_with(text) && cursor.rest().get(text.len()) == Some(&b' ') => {
            cursor.at += text.len();
            key
        }
        _ => cursor.key()?,
    };
    let service = (&text[at + 3..cursor.at], key);
    let destination = cursor.destination(&key)?;
    cursor.expect(b"\n")?;
    Some((destination, cursor.at, service))
}

/// Whether a service may have a destination, as far as the families go; a table says that by itself.
pub(super) fn bridges(destination: &Destination, service: &ServiceKey) -> bool {
    destination.endpoint.family() == service.family() || matches!(destination.forwarding, Forwarding::Tunnel(_))
}

/// Reads the `-A` that starts at `at`; also gives where the next line starts.
pub(super) fn service(text: &[u8], at: usize) -> Option<(Service, usize, Last<'_>)> {
    if text.get(at..at + 3)? != b"-A " {
        return None;
    }
    let mut cursor = Cursor { text, at: at + 3 };
    let key = cursor.key()?;
    let last = (&text[at + 3..cursor.at], key);
    let service = cursor.service(key)?;
    cursor.expect(b"\n")?;
    Some((service, cursor.at, last))
}

#[derive(Clone, Copy)]
struct Cursor<'t> {
    text: &'t [u8],
    at: usize,
}

impl<'t> Cursor<'t> {
    #[inline(always)]
    fn rest(&self) -> &'t [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// The length of the literal is a part of its type, so that it is compared as a number.
    #[inline(always)]
    fn expect<const N: usize>(&mut self, literal: &[u8; N]) -> Option<()> {
        self.take(literal).then_some(())
    }

    #[inline(always)]
    fn take<const N: usize>(&mut self, literal: &[u8; N]) -> bool {
        let found = self.rest().first_chunk() == Some(literal);
        if found {
            self.at += N;
        }
        found
    }

    /// One to seven digits without a sign or a leading zero, eight bytes at a time: how many there are decides no
    /// branch, because it changes from line to line. Near the end of the text there is no number.
    #[inline(always)]
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
    #[inline(always)]
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

    #[inline(always)]
    fn port(&mut self) -> Option<u16> {
        u16::try_from(self.number()?).ok()
    }

    #[inline(always)]
    fn endpoint(&mut self) -> Option<Endpoint> {
        if self.take(b"[") {
            return self.endpoint6();
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

    /// An IPv6 address behind its bracket.
    #[inline(never)]
    fn endpoint6(&mut self) -> Option<Endpoint> {
        let length = self.rest().iter().take(46).position(|b| *b == b']')?;
        let addr: Ipv6Addr = std::str::from_utf8(&self.rest()[..length]).ok()?.parse().ok()?;
        self.at += length + 1;
        self.expect(b":")?;
        Some(Endpoint::new(IpAddr::V6(addr), self.port()?))
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

    /// ` -r ADDRESS:PORT -m|-g|-i[ -w NUMBER][ --tun-type ipip][ -x NUMBER][ -y NUMBER]` behind a key.
    #[inline(always)]
    fn destination(&mut self, key: &ServiceKey) -> Option<Destination> {
        self.expect(b" -r ")?;
        let endpoint = self.endpoint()?;
        if !super::address::is_usable_destination(endpoint.addr) {
            return None;
        }
        let forwarding = match self.rest().get(..3)? {
            b" -m" => Forwarding::Masquerade,
            b" -g" => Forwarding::DirectRouting,
            b" -i" => Forwarding::Tunnel(Tunnel::Ipip),
            _ => return None,
        };
        self.at += 3;
        if let (ServiceKey::Socket { endpoint: virtual_endpoint, .. }, false) =
            (key, forwarding == Forwarding::Masquerade)
        {
            // Another port would be changed, which has to be said.
            if endpoint.port != virtual_endpoint.port {
                return None;
            }
        }
        let weight = if self.take(b" -w ") { self.number()? } else { 1 };
        if matches!(forwarding, Forwarding::Tunnel(_)) {
            let _ = self.take(b" --tun-type ipip");
        }
        let upper = if self.take(b" -x ") { self.number()? } else { 0 };
        let lower = if self.take(b" -y ") { self.number()? } else { 0 };
        let destination = Destination::new(endpoint).with_weight(Weight::new(weight).ok()?).with_forwarding(forwarding);
        Some(destination.with_thresholds(Thresholds::new(upper, lower).ok()?))
    }
}
