//! Which addresses are local, by the routing tables.

use super::system::System;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The networks whose packets are delivered to this machine: its addresses, and prefixes routed to it (`ip route add local`).
pub(super) struct Local {
    inet: Option<Vec<(Ipv4Addr, u32)>>,
    inet6: Option<Vec<(Ipv6Addr, u32)>>,
}

/// The mark of a local route in `/proc/net/ipv6_route`.
const RTF_LOCAL: u32 = 0x8000_0000;

impl Local {
    pub(super) fn of(system: &impl System) -> Self {
        Self {
            inet: system.read("/proc/thread-self/net/fib_trie").ok().map(|text| fib_trie(&text)),
            inet6: system.read("/proc/thread-self/net/ipv6_route").ok().map(|text| ipv6_route(&text)),
        }
    }

    /// Whether an address is local; `None` when that cannot be told.
    pub(super) fn contains(&self, addr: IpAddr) -> Option<bool> {
        match addr {
            IpAddr::V4(addr) => {
                let within = |&(net, length): &(Ipv4Addr, u32)| {
                    let host_bits = 32_u32.saturating_sub(length);
                    (u32::from(net) ^ u32::from(addr)).checked_shr(host_bits).unwrap_or(0) == 0
                };
                Some(self.inet.as_ref()?.iter().any(within))
            }
            IpAddr::V6(addr) => {
                let within = |&(net, length): &(Ipv6Addr, u32)| {
                    let host_bits = 128_u32.saturating_sub(length);
                    (u128::from(net) ^ u128::from(addr)).checked_shr(host_bits).unwrap_or(0) == 0
                };
                Some(self.inet6.as_ref()?.iter().any(within))
            }
        }
    }
}

/// Pairs of lines such as `|-- 192.0.2.10` and `/32 host LOCAL`.
fn fib_trie(text: &str) -> Vec<(Ipv4Addr, u32)> {
    let mut leaf = None;
    let mut local = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some(address) = line.strip_prefix("|-- ") {
            leaf = address.parse().ok();
        } else if let (Some(leaf), Some(length)) = (leaf, line.strip_suffix(" host LOCAL")) {
            local.extend(length.strip_prefix('/').and_then(|length| length.parse().ok()).map(|length| (leaf, length)));
        }
    }
    local
}

/// Lines of ten columns: the first is the network, the second its length, the ninth the flags, all hexadecimal.
fn ipv6_route(text: &str) -> Vec<(Ipv6Addr, u32)> {
    let route = |line: &str| {
        let columns: Vec<&str> = line.split_ascii_whitespace().collect();
        let flags = u32::from_str_radix(columns.get(8)?, 16).ok()?;
        let network = u128::from_str_radix(columns.first()?, 16).ok()?;
        let length = u32::from_str_radix(columns.get(1)?, 16).ok()?;
        (flags & RTF_LOCAL != 0).then_some((Ipv6Addr::from(network), length))
    };
    text.lines().filter_map(route).collect()
}
