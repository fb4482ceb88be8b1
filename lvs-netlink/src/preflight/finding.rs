//! What the checks find.

use lvs_model::{Endpoint, Family, SchedulerName, ServiceKey};
use std::fmt;
use std::net::IpAddr;

/// This is one reason why LVS does not work, or does not work well.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What it is.
    pub problem: Problem,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { severity, problem } = self;
        write!(f, "{severity}: {problem}; remedy: {}", problem.remedy())
    }
}

/// This says how bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Severity {
    /// It works in some networks and not in others.
    Warning,
    /// It does not work.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// This is what can be wrong.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Problem {
    /// The kernel has no module `ip_vs`.
    IpvsAbsent,
    /// The kernel has no module for a scheduler that is asked for.
    SchedulerAbsent(SchedulerName),
    /// The process lacks `CAP_NET_ADMIN`.
    NoNetAdmin,
    /// The process is in a user namespace of its own, whose capabilities do not count for IPVS.
    UserNamespace,
    /// The interface `lo` is down, so that no IPv4 address is local and every destination is refused.
    LoopbackDown,
    /// A virtual address is not local, so packets for it are not handed to IPVS.
    AddressNotLocal(IpAddr),
    /// There are masqueraded destinations and packets are not forwarded.
    ForwardingOff(Family),
    /// A destination has another port than its service, which only masquerading can translate.
    PortNotTranslated {
        /// The service.
        service: ServiceKey,
        /// The destination.
        destination: Endpoint,
    },
    /// Clients in the same network as the real servers are told to go round the director.
    SendRedirects {
        /// The interface.
        interface: String,
    },
    /// There is no interface that takes the tunnelled packets out of their tunnel.
    TunnelAbsent {
        /// The interface that is usual.
        interface: String,
        /// How it is made.
        command: &'static str,
    },
    /// Every interface that takes the tunnelled packets out of their tunnel is down.
    TunnelDown {
        /// One of them.
        interface: String,
    },
    /// Packets from a tunnel are dropped since answers to them leave by another interface.
    ReversePathFilter {
        /// The interface.
        interface: String,
    },
    /// A real server answers ARP requests for the virtual address, so clients reach it directly instead of the director.
    ArpIgnore {
        /// The interface.
        interface: String,
    },
    /// A real server announces the virtual address in its own ARP requests.
    ArpAnnounce {
        /// The interface.
        interface: String,
    },
}

impl Problem {
    pub(super) fn error(self) -> Finding {
        Finding { severity: Severity::Error, problem: self }
    }

    pub(super) fn warning(self) -> Finding {
        Finding { severity: Severity::Warning, problem: self }
    }

    /// The line that mends it: a command, or a sentence where no command can.
    #[must_use]
    pub fn remedy(&self) -> String {
        match self {
            Self::IpvsAbsent => "modprobe ip_vs, or install the package with the rest of the kernel's modules".into(),
            Self::SchedulerAbsent(name) => format!("modprobe ip_vs_{name}, or choose another scheduler"),
            Self::NoNetAdmin => "run as root, or setcap cap_net_admin+ep PROGRAM".into(),
            Self::UserNamespace => "run on the host, or in a container without a user namespace of its own".into(),
            Self::LoopbackDown => "ip link set lo up".into(),
            Self::AddressNotLocal(addr) => {
                format!("ip addr add {addr}/{} dev lo", if addr.is_ipv4() { 32 } else { 128 })
            }
            Self::ForwardingOff(Family::Inet) => "sysctl -w net.ipv4.ip_forward=1".into(),
            Self::ForwardingOff(Family::Inet6) => "sysctl -w net.ipv6.conf.all.forwarding=1".into(),
            Self::PortNotTranslated { service, .. } => match service.endpoint() {
                Some(endpoint) => format!("let the real server listen on port {} as well, or use -m", endpoint.port),
                None => "use -m".into(),
            },
            Self::SendRedirects { interface } => {
                format!("sysctl -w net.ipv4.conf.all.send_redirects=0 {}=0", own(interface, "send_redirects"))
            }
            Self::TunnelAbsent { command, .. } => (*command).into(),
            Self::TunnelDown { interface } => format!("ip link set {interface} up"),
            Self::ReversePathFilter { interface } => {
                format!("sysctl -w net.ipv4.conf.all.rp_filter=0 {}=0", own(interface, "rp_filter"))
            }
            Self::ArpIgnore { interface } => format!("sysctl -w {}=1", own(interface, "arp_ignore")),
            Self::ArpAnnounce { interface } => format!("sysctl -w {}=2", own(interface, "arp_announce")),
        }
    }
}

/// The name of an interface's own switch: sysctl takes a slash for a dot that belongs to the name, as in VLANs.
fn own(interface: &str, switch: &str) -> String {
    format!("net.ipv4.conf.{}.{switch}", interface.replace('.', "/"))
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::IpvsAbsent => f.write_str("this kernel has no ip_vs, neither loaded nor among its modules"),
            Self::SchedulerAbsent(name) => write!(f, "this kernel has no scheduler {name}"),
            Self::NoNetAdmin => f.write_str("this process lacks CAP_NET_ADMIN, without which IPVS tells nothing"),
            Self::UserNamespace => f.write_str(
                "this process is root in a user namespace only, and IPVS asks for CAP_NET_ADMIN in the initial one",
            ),
            Self::LoopbackDown => f.write_str("lo is down, so IPVS refuses every IPv4 destination as invalid"),
            Self::AddressNotLocal(addr) => {
                write!(f, "{addr} is not local to this machine, so packets for it never reach IPVS or the server")
            }
            Self::ForwardingOff(family) => {
                write!(f, "{family} packets are not forwarded, so masqueraded answers do not come back")
            }
            Self::PortNotTranslated { service, destination } => {
                write!(
                    f,
                    "{destination} of {service} gets packets for the service's port: only masquerading translates"
                )
            }
            Self::SendRedirects { interface } => {
                write!(f, "{interface} tells clients of its own network by ICMP redirect to go round this director")
            }
            Self::TunnelAbsent { interface, .. } => {
                write!(f, "there is no {interface} to take packets out of their tunnel")
            }
            Self::TunnelDown { interface } => {
                write!(f, "{interface} is down, so it takes no packets out of their tunnel")
            }
            Self::ReversePathFilter { interface } => {
                write!(f, "strict rp_filter on {interface} drops what comes out of the tunnel")
            }
            Self::ArpIgnore { interface } => {
                write!(f, "{interface} answers ARP for the virtual address, so clients may go round the director")
            }
            Self::ArpAnnounce { interface } => write!(f, "{interface} may announce the virtual address by ARP"),
        }
    }
}
