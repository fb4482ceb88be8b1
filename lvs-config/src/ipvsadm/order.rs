//! Orders in which services and destinations are printed.

use std::cmp::Ordering;
use std::net::IpAddr;

use lvs_model::{Endpoint, Family, ServiceKey, ServiceStatus};

/// This is an order of services and of the destinations in each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum Order {
    /// By number, so that two equal configurations print equally: services with addresses before marks, then IPv4
    /// before IPv6, protocol, address, port, mark; destinations by family, address, port.
    #[default]
    Numeric,
    /// As the table has them: the order of adding, which decides which of equal destinations a scheduler tries first.
    Table,
    /// As `ipvsadm -S` and `ipvsadm -L` sort.
    ///
    /// The tool compares 32-bit numbers by their signed difference, so that 192.168.0.1 comes before 1.0.0.1. That is
    /// not an order when numbers lie more than 2^31 apart: then the tool's own output depends on the kernel's hash
    /// table, and so this one may differ from it.
    Tool,
}

impl Order {
    /// This puts services, and the destinations in each, into this order, for the views of `-L`.
    ///
    /// [`Order::Table`] leaves them as they are.
    pub fn sort(self, services: &mut Vec<ServiceStatus>) {
        merge_sort(services, &|a, b| self.services(a.service.key(), b.service.key()));
        for service in services {
            merge_sort(&mut service.destinations, &|a, b| {
                self.endpoints(&a.destination.endpoint, &b.destination.endpoint)
            });
        }
    }

    pub(super) fn services(self, a: &ServiceKey, b: &ServiceKey) -> Ordering {
        match self {
            Self::Table => Ordering::Equal,
            Self::Numeric => numeric(a).cmp(&numeric(b)),
            Self::Tool => {
                let ((mark_a, family_a, protocol_a, endpoint_a), (mark_b, family_b, protocol_b, endpoint_b)) =
                    (tool_key(a), tool_key(b));
                signed(mark_a, mark_b)
                    .then(family_a.cmp(&family_b))
                    .then(protocol_a.cmp(&protocol_b))
                    .then_with(|| Self::Tool.endpoints(&endpoint_a, &endpoint_b))
            }
        }
    }

    pub(super) fn endpoints(self, a: &Endpoint, b: &Endpoint) -> Ordering {
        match self {
            Self::Table => Ordering::Equal,
            Self::Numeric => a.cmp(b),
            Self::Tool => {
                let pairs = words(a.addr).into_iter().zip(words(b.addr)).map(|(a, b)| signed(a, b));
                let addresses = pairs.fold(Ordering::Equal, Ordering::then);
                addresses.then(a.port.cmp(&b.port))
            }
        }
    }
}

fn numeric(key: &ServiceKey) -> (bool, Family, u16, Option<Endpoint>, u32) {
    match *key {
        ServiceKey::Socket { protocol, endpoint } => (false, endpoint.family(), protocol.number(), Some(endpoint), 0),
        ServiceKey::Fwmark { family, mark } => (true, family, 0, None, mark.get()),
    }
}

/// The fields of the tool's record: a mark has no address, an address no mark.
fn tool_key(key: &ServiceKey) -> (u32, Family, u16, Endpoint) {
    match *key {
        ServiceKey::Socket { protocol, endpoint } => (0, endpoint.family(), protocol.number(), endpoint),
        ServiceKey::Fwmark { family, mark } => {
            (mark.get(), family, 0, Endpoint::new(std::net::Ipv4Addr::UNSPECIFIED.into(), 0))
        }
    }
}

/// The tool compares without a look at the family: an IPv4 address is an IPv6 one that starts with it.
fn words(addr: IpAddr) -> [u32; 4] {
    match addr {
        IpAddr::V4(addr) => [addr.to_bits(), 0, 0, 0],
        IpAddr::V6(addr) => [96, 64, 32, 0].map(|shift| (addr.to_bits() >> shift) as u32),
    }
}

fn signed(a: u32, b: u32) -> Ordering {
    (a.wrapping_sub(b) as i32).cmp(&0)
}

/// Sorts by merging halves, keeping equal elements in order. Unlike the standard library's sort it accepts a comparison
/// that is no order, and then does what the C library of the tool does.
pub(super) fn merge_sort<T>(list: &mut Vec<T>, compare: &impl Fn(&T, &T) -> Ordering) {
    if list.len() < 2 {
        return;
    }
    let mut right = list.split_off(list.len() / 2);
    merge_sort(list, compare);
    merge_sort(&mut right, compare);
    let mut merged = Vec::with_capacity(list.len() + right.len());
    let (mut left, mut right) = (std::mem::take(list).into_iter().peekable(), right.into_iter().peekable());
    while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
        merged.extend(if compare(a, b).is_le() { left.next() } else { right.next() });
    }
    merged.extend(left);
    merged.extend(right);
    *list = merged;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_compared_by_their_signed_difference() {
        let order = |a: &str, b: &str| Order::Tool.endpoints(&a.parse().unwrap(), &b.parse().unwrap());
        assert_eq!(order("192.168.0.1:80", "1.0.0.1:80"), Ordering::Less);
        assert_eq!(order("1.0.0.1:80", "223.0.0.1:80"), Ordering::Greater);
        assert_eq!(order("[fe80::1]:80", "[::1]:80"), Ordering::Less);
        assert_eq!(order("[::1]:80", "[2001:db8::1]:80"), Ordering::Less);
        assert_eq!(order("10.0.0.1:443", "10.0.0.1:80"), Ordering::Greater);
        // Destinations of both families, in the order in which the tool showed them.
        let mixed = ["[fd00::1]:0", "1.0.0.1:0", "[2001:db8::1]:0", "58.0.0.1:0"];
        assert!(mixed.windows(2).all(|pair| order(pair[0], pair[1]) == Ordering::Less));
        assert_eq!(order("32.1.13.184:0", "[2001:db8::1]:0"), Ordering::Less);
    }

    #[test]
    fn sorting_is_stable_and_survives_a_circle() {
        let mut list = vec![(2, 'a'), (1, 'b'), (2, 'c'), (1, 'd'), (0, 'e')];
        merge_sort(&mut list, &|a, b| a.0.cmp(&b.0));
        assert_eq!(list, [(0, 'e'), (1, 'b'), (1, 'd'), (2, 'a'), (2, 'c')]);
        // Rock, paper, scissors.
        let mut list: Vec<u8> = (0..100).map(|n| n % 3).collect();
        merge_sort(&mut list, &|a, b| if (a + 1) % 3 == *b { Ordering::Less } else { Ordering::Greater });
        assert_eq!(list.len(), 100);
    }
}
