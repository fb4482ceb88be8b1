//! The checks of a real server.

use super::addresses::Local;
use super::finding::{Finding, Problem};
use super::system::{System, flags, hardware, interfaces, is_up, sysctl};
use lvs_model::{Family, Forwarding, Tunnel};
use std::net::IpAddr;

/// Finds what keeps this machine from being a real server behind a director that forwards in this way. An empty list is good news.
///
/// With direct routing and tunnels, packets arrive with the virtual address still in them: the real server must have it, too, and must not show it
/// to the network by ARP. (IPv6 neighbour discovery has no such switches: put the address on `lo`.) Behind masquerading a real server has nothing
/// of this, only its way back must lead through the director.
///
/// Which interfaces take no part in ARP, and which are tunnels under names of their own, is looked up under `/sys/class/net`. That shows the network
/// namespace in which `/sys` was mounted (`ip netns exec` mounts it anew). What is not found there is judged by its name.
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
        let six = virtual_addresses.iter().any(IpAddr::is_ipv6);
        let four = virtual_addresses.iter().any(IpAddr::is_ipv4) || !six;
        for (inner, wanted) in [(Family::Inet, four), (Family::Inet6, six)] {
            let found = if wanted { decapsulation(system, tunnel, inner) } else { Vec::new() };
            let new: Vec<Finding> = found.into_iter().filter(|finding| !findings.contains(finding)).collect();
            findings.extend(new);
        }
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
    for interface in interfaces(system).into_iter().filter(|name| name != "lo" && speaks_arp(system, name)) {
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

/// `IFF_NOARP`.
const NO_ARP: u32 = 0x80;

fn speaks_arp(system: &impl System, interface: &str) -> bool {
    let tunnel = Kind::ALL.iter().any(|kind| kind.is(system, interface)) || named(interface, &["gretap", "erspan"]);
    !tunnel && flags(system, interface).is_none_or(|flags| flags & NO_ARP == 0)
}

/// Whether an interface is called like one of these with a number, or none, behind.
fn named(interface: &str, kinds: &[&str]) -> bool {
    kinds.iter().any(|kind| {
        interface.strip_prefix(kind).is_some_and(|number| number.bytes().all(|digit| digit.is_ascii_digit()))
    })
}

/// A kind of interface that takes packets out of a tunnel.
struct Kind {
    /// What such interfaces are usually called, followed by a number.
    name: &'static str,
    /// The number of the kind in `/sys/class/net/X/type`.
    hardware: u32,
}

impl Kind {
    /// IPv4 in IPv4.
    const IPIP: Self = Self { name: "tunl", hardware: 768 };
    /// IPv6 in IPv4.
    const SIT: Self = Self { name: "sit", hardware: 776 };
    /// Both in IPv6.
    const IP6TNL: Self = Self { name: "ip6tnl", hardware: 769 };
    /// Both in GRE in IPv4.
    const GRE: Self = Self { name: "gre", hardware: 778 };
    /// Both in GRE in IPv6.
    const IP6GRE: Self = Self { name: "ip6gre", hardware: 823 };
    const ALL: [Self; 5] = [Self::IPIP, Self::SIT, Self::IP6TNL, Self::GRE, Self::IP6GRE];

    fn is(&self, system: &impl System, interface: &str) -> bool {
        named(interface, &[self.name]) || hardware(system, interface) == Some(self.hardware)
    }
}

/// The family is that of the packets in the tunnel. Of which family the tunnel itself is, this side need not know.
fn decapsulation(system: &impl System, tunnel: Tunnel, inner: Family) -> Vec<Finding> {
    let (kinds, interface, command) = match (tunnel, inner) {
        (Tunnel::Ipip, Family::Inet) => ([Kind::IPIP, Kind::IP6TNL], "tunl0", "modprobe ipip && ip link set tunl0 up"),
        (Tunnel::Ipip, Family::Inet6) => ([Kind::SIT, Kind::IP6TNL], "sit0", "modprobe sit && ip link set sit0 up"),
        (Tunnel::Gue { .. }, Family::Inet) => (
            [Kind::IPIP, Kind::IP6TNL],
            "tunl0",
            "modprobe fou && ip fou add port PORT gue && modprobe ipip && ip link set tunl0 up",
        ),
        (Tunnel::Gue { .. }, Family::Inet6) => (
            [Kind::SIT, Kind::IP6TNL],
            "sit0",
            "modprobe fou && ip fou add port PORT gue && modprobe sit && ip link set sit0 up",
        ),
        (Tunnel::Gre { .. }, _) => ([Kind::GRE, Kind::IP6GRE], "gre0", "modprobe ip_gre && ip link set gre0 up"),
        _ => return Vec::new(),
    };
    let mut ends = interfaces(system);
    ends.retain(|name| kinds.iter().any(|kind| kind.is(system, name)));
    let Some(first) = ends.first().cloned() else {
        return vec![Problem::TunnelAbsent { interface: interface.into(), command }.error()];
    };
    let mut findings = Vec::new();
    ends.retain(|name| is_up(system, name) != Some(false));
    if ends.is_empty() {
        findings.push(Problem::TunnelDown { interface: first.clone() }.error());
        ends.push(first);
    }
    if inner == Family::Inet {
        ends.retain(|name| effective(system, name, "rp_filter") == Some(1));
        findings.extend(ends.into_iter().map(|interface| Problem::ReversePathFilter { interface }.error()));
    }
    findings
}
