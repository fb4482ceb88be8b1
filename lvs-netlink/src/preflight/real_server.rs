//! The checks of a real server.

use super::addresses::Local;
use super::finding::{Finding, Problem};
use super::system::{System, interfaces, sysctl};
use lvs_model::{Forwarding, Tunnel};
use std::net::IpAddr;

/// Finds what keeps this machine from being a real server behind a director that forwards in this way. An empty list is good news.
///
/// With direct routing and tunnels, packets arrive with the virtual address still in them: the real server must have it, too, and must not show it
/// to the network by ARP. (IPv6 neighbour discovery has no such switches: put the address on `lo`.) Behind masquerading a real server has nothing
/// of this, only its way back must lead through the director.
#[must_use]
pub fn real_server(system: &impl System, forwarding: Forwarding, virtual_addresses: &[IpAddr]) -> Vec<Finding> {
    let tunnel = match forwarding {
        Forwarding::Tunnel(tunnel) => Some(tunnel),
        Forwarding::DirectRouting => None,
        _ => return Vec::new(),
    };
    let mut findings = Vec::new();
    let local = Local::of(system);
    let missing = virtual_addresses.iter().filter(|addr| local.contains(**addr) == Some(false));
    findings.extend(missing.map(|addr| Problem::AddressNotLocal(*addr).error()));
    if virtual_addresses.iter().any(IpAddr::is_ipv4) {
        findings.extend(arp(system, tunnel));
    }
    if let Some(tunnel) = tunnel {
        findings.extend(decapsulation(system, tunnel));
    }
    findings
}

/// The larger of the interface's own value and that of `all` counts.
fn effective(system: &impl System, interface: &str, name: &str) -> Option<u32> {
    let of = |interface: &str| sysctl(system, &format!("ipv4/conf/{interface}/{name}"));
    Some(of(interface)?.max(of("all").unwrap_or(0)))
}

fn arp(system: &impl System, tunnel: Option<Tunnel>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for interface in interfaces(system).into_iter().filter(|name| name != "lo" && !is_tunnel(name)) {
        let told = |problem: Problem| match tunnel {
            // A tunnel may lead to another network, where nobody hears the ARP.
            Some(_) => problem.warning(),
            None => problem.error(),
        };
        if effective(system, &interface, "arp_ignore") == Some(0) {
            findings.push(told(Problem::ArpIgnore { interface: interface.clone() }));
        }
        if effective(system, &interface, "arp_announce").is_some_and(|value| value < 2) {
            findings.push(told(Problem::ArpAnnounce { interface }));
        }
    }
    findings
}

fn is_tunnel(interface: &str) -> bool {
    ["tunl", "ip6tnl", "sit", "gre", "gretap", "erspan"].iter().any(|kind| {
        interface.strip_prefix(kind).is_some_and(|number| number.bytes().all(|digit| digit.is_ascii_digit()))
    })
}

fn decapsulation(system: &impl System, tunnel: Tunnel) -> Vec<Finding> {
    let (interface, command) = match tunnel {
        Tunnel::Ipip => ("tunl0", "modprobe ipip && ip link set tunl0 up"),
        Tunnel::Gre { .. } => ("gre0", "modprobe ip_gre && ip link set gre0 up"),
        Tunnel::Gue { .. } => {
            ("tunl0", "modprobe fou && ip fou add port PORT gue && modprobe ipip && ip link set tunl0 up")
        }
        _ => return Vec::new(),
    };
    let all = interfaces(system);
    let candidates: Vec<String> = all.into_iter().filter(|name| is_tunnel(name)).collect();
    if candidates.is_empty() {
        return vec![Problem::TunnelAbsent { interface: interface.into(), command }.error()];
    }
    let strict = candidates.into_iter().filter(|name| effective(system, name, "rp_filter") == Some(1));
    strict.map(|interface| Problem::ReversePathFilter { interface }.error()).collect()
}
