//! The checks of a director.

use super::addresses::Local;
use super::finding::{Finding, Problem};
use super::system::{System, interfaces, module, sysctl};
use lvs_model::{Family, Forwarding, SchedulerName, Table, VirtualServer};
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

/// The inode of the initial user namespace, the same on every machine.
const INITIAL_USER_NAMESPACE: &str = "user:[4026531837]";
/// The bit of `CAP_NET_ADMIN` in a set of capabilities.
const NET_ADMIN: u64 = 1 << 12;

/// Finds what keeps this machine from being the director of a table. An empty list is good news.
///
/// IPv4 addresses are looked for in the tables `main` and `local`: one that is made local by a routing table of its own is reported wrongly.
#[must_use]
pub fn director(system: &impl System, table: &Table) -> Vec<Finding> {
    let mut findings = Vec::new();
    let listed = system.exists("/proc/thread-self/net/ip_vs");
    if !listed && module(system, "ip_vs") == Some(false) {
        findings.push(Problem::IpvsAbsent.error());
    }
    findings.extend(schedulers(system, table));
    findings.extend(privileges(system));
    let local = Local::of(system);
    if local.contains(IpAddr::V4(Ipv4Addr::LOCALHOST)) == Some(false) {
        findings.push(Problem::LoopbackDown.error());
    }
    findings.extend(virtual_addresses(&local, table));
    findings.extend(masquerading(system, &local, table));
    findings.extend(ports(&local, table));
    findings
}

fn schedulers(system: &impl System, table: &Table) -> Vec<Finding> {
    let names: BTreeSet<SchedulerName> = table.iter().map(|server| server.service().scheduler()).collect();
    let absent =
        |name: &SchedulerName| *name != SchedulerName::None && module(system, &format!("ip_vs_{name}")) == Some(false);
    names.into_iter().filter(absent).map(|name| Problem::SchedulerAbsent(name).error()).collect()
}

fn privileges(system: &impl System) -> Option<Finding> {
    let status = system.read("/proc/thread-self/status").ok()?;
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"))?;
    if u64::from_str_radix(effective.trim(), 16).ok()? & NET_ADMIN == 0 {
        return Some(Problem::NoNetAdmin.error());
    }
    let namespace = system.link("/proc/thread-self/ns/user").ok()?;
    (namespace != INITIAL_USER_NAMESPACE).then(|| Problem::UserNamespace.error())
}

fn virtual_addresses(local: &Local, table: &Table) -> Vec<Finding> {
    let addresses: BTreeSet<IpAddr> =
        table.iter().filter_map(|server| server.key().endpoint()).map(|endpoint| endpoint.addr).collect();
    let missing = |addr: &IpAddr| !addr.is_unspecified() && local.contains(*addr) == Some(false);
    addresses.into_iter().filter(missing).map(|addr| Problem::AddressNotLocal(addr).error()).collect()
}

fn masquerading(system: &impl System, local: &Local, table: &Table) -> Vec<Finding> {
    let masqueraded = |family: Family| {
        let all = table.iter().flat_map(VirtualServer::destinations);
        all.filter(|destination| destination.forwarding == Forwarding::Masquerade)
            .any(|d| d.endpoint.family() == family && local.contains(d.endpoint.addr) != Some(true))
    };
    let mut findings = Vec::new();
    if masqueraded(Family::Inet6) && sysctl(system, "ipv6/conf/all/forwarding") == Some(0) {
        findings.push(Problem::ForwardingOff(Family::Inet6).error());
    }
    if !masqueraded(Family::Inet) {
        return findings;
    }
    if sysctl(system, "ipv4/ip_forward") == Some(0) {
        findings.push(Problem::ForwardingOff(Family::Inet).error());
    }
    // Of `all` and the interface's own, one that is on is enough.
    let redirects = |name: &str| sysctl(system, &format!("ipv4/conf/{name}/send_redirects")) == Some(1);
    let all = redirects("all");
    let sending = interfaces(system).into_iter().filter(|name| name != "lo" && (all || redirects(name)));
    findings.extend(sending.map(|interface| Problem::SendRedirects { interface }.warning()));
    findings
}

fn ports(local: &Local, table: &Table) -> Vec<Finding> {
    let mut findings = Vec::new();
    for server in table {
        let Some(port) = server.key().endpoint().map(|endpoint| endpoint.port).filter(|port| *port != 0) else {
            continue;
        };
        for destination in server.destinations() {
            let endpoint = destination.endpoint;
            let translated = matches!(destination.forwarding, Forwarding::Masquerade);
            // Port 0 of a destination is the port that the client asked for.
            let other = endpoint.port != port && endpoint.port != 0;
            if !translated && other && local.contains(endpoint.addr) != Some(true) {
                let problem = Problem::PortNotTranslated { service: *server.key(), destination: endpoint };
                findings.push(problem.warning());
            }
        }
    }
    findings
}
