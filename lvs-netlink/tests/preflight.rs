//! The checks, on machines that are described by files as a kernel writes them.

use lvs_model::{Destination, Family, Forwarding, SchedulerName, Service, Table, Tunnel, TunnelFlags, VirtualServer};
use lvs_netlink::preflight::{Finding, Problem, Severity, System, ThisSystem, director, real_server};
use std::collections::HashMap;
use std::io;
use std::net::IpAddr;

#[derive(Clone, Default)]
struct Described(HashMap<String, String>);

impl Described {
    /// A machine with 192.0.2.10 and 2001:db8::10 on lo, 10.1.0.1 on d0, and the local prefixes 198.51.100.0/24 and 2001:db8:1::/64.
    fn good() -> Self {
        let mut machine = Self::default();
        for name in ["fib_trie", "ipv6_route", "dev"] {
            let path = format!("{}/tests/samples/preflight/{name}", env!("CARGO_MANIFEST_DIR"));
            machine.set(&format!("/proc/thread-self/net/{name}"), &std::fs::read_to_string(path).unwrap());
        }
        machine.set("/proc/thread-self/status", "Name:\tx\nCapEff:\t000001ffffffffff\n");
        machine.set("/proc/thread-self/ns/user", "user:[4026531837]");
        machine.set("/proc/sys/kernel/osrelease", "6.1.176\n");
        machine.set(
            "/lib/modules/6.1.176/modules.dep",
            "kernel/net/netfilter/ipvs/ip_vs.ko.xz: kernel/net/netfilter/nf_conntrack.ko.xz\nkernel/net/netfilter/ipvs/ip_vs_rr.ko.xz: kernel/net/netfilter/ipvs/ip_vs.ko.xz\n",
        );
        machine.set("/lib/modules/6.1.176/modules.builtin", "kernel/net/netfilter/ipvs/ip_vs_wrr.ko\n");
        machine.set("/proc/sys/net/ipv4/ip_forward", "1\n");
        machine.set("/proc/sys/net/ipv6/conf/all/forwarding", "1\n");
        for (interface, name, value) in [
            ("all", "send_redirects", "0"),
            ("d0", "send_redirects", "0"),
            ("all", "arp_ignore", "1"),
            ("d0", "arp_ignore", "0"),
            ("all", "arp_announce", "0"),
            ("d0", "arp_announce", "2"),
            ("all", "rp_filter", "0"),
            ("tunl0", "rp_filter", "0"),
        ] {
            machine.set(&format!("/proc/sys/net/ipv4/conf/{interface}/{name}"), value);
        }
        machine
    }

    fn set(&mut self, path: &str, text: &str) {
        self.0.insert(path.into(), text.into());
    }

    fn with(mut self, path: &str, text: &str) -> Self {
        self.set(path, text);
        self
    }

    fn with_interface(mut self, name: &str) -> Self {
        self.0.get_mut("/proc/thread-self/net/dev").unwrap().push_str(&format!("  {name}: 0 0 0\n"));
        self
    }
}

impl System for Described {
    fn read(&self, path: &str) -> io::Result<String> {
        self.0.get(path).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn link(&self, path: &str) -> io::Result<String> {
        self.read(path)
    }

    fn exists(&self, path: &str) -> bool {
        self.0.contains_key(path)
    }
}

fn table(service: &str, scheduler: SchedulerName, destinations: &[&str]) -> Table {
    let mut server = VirtualServer::new(Service::new(service.parse().unwrap(), scheduler));
    for destination in destinations {
        server.insert(destination.parse::<Destination>().unwrap()).unwrap();
    }
    Table::from_iter([server])
}

fn problems(findings: Vec<Finding>) -> Vec<Problem> {
    findings.into_iter().map(|finding| finding.problem).collect()
}

fn masqueraded() -> Table {
    table("tcp 192.0.2.10:80", SchedulerName::Rr, &["-r 10.1.0.7:8080 -m"])
}

#[test]
fn a_good_director_is_found_good() {
    for (service, destination) in [
        ("tcp 192.0.2.10:80", "-r 10.1.0.7:8080 -m"),
        ("tcp 198.51.100.77:80", "-r 10.1.0.7:80 -g"),
        ("tcp [2001:db8::10]:80", "-r [fd00::7]:8080 -m"),
        ("tcp [2001:db8:1::77]:80", "-r [fd00::7]:80 -i"),
        ("fwmark 7", "-r 10.1.0.7:80 -g"),
    ] {
        for scheduler in [SchedulerName::Rr, SchedulerName::Wrr, SchedulerName::None] {
            let table = table(service, scheduler, &[destination]);
            assert_eq!(director(&Described::good(), &table), [], "{table}");
        }
    }
    // Nothing can be read: nothing is found fault with.
    assert_eq!(director(&Described::default(), &masqueraded()), []);
}

#[test]
fn each_fault_of_a_director_is_found_with_its_remedy() {
    let good = Described::good;
    let find = |machine: &Described, table: &Table| {
        let found = director(machine, table);
        assert_eq!(found.len(), 1, "{found:?}");
        (found[0].problem.clone(), found[0].severity, found[0].problem.remedy())
    };
    let no_modules =
        good().with("/lib/modules/6.1.176/modules.dep", "").with("/lib/modules/6.1.176/modules.builtin", "");
    assert_eq!(
        problems(director(&no_modules, &masqueraded())),
        [Problem::IpvsAbsent, Problem::SchedulerAbsent(SchedulerName::Rr)]
    );
    let loaded = no_modules.clone().with("/sys/module/ip_vs", "").with("/sys/module/ip_vs_rr", "");
    assert_eq!(director(&loaded, &masqueraded()), []);

    let mh = table("tcp 192.0.2.10:80", SchedulerName::Mh, &[]);
    assert_eq!(find(&good(), &mh).0, Problem::SchedulerAbsent(SchedulerName::Mh));

    let unprivileged = good().with("/proc/thread-self/status", "CapEff:\t0000000000000400\n");
    assert_eq!(find(&unprivileged, &masqueraded()).0, Problem::NoNetAdmin);
    let container = good().with("/proc/thread-self/ns/user", "user:[4026532084]");
    assert_eq!(find(&container, &masqueraded()).0, Problem::UserNamespace);

    let down = good().with(
        "/proc/thread-self/net/fib_trie",
        "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 192.0.2.10\n        /32 host LOCAL\n",
    );
    assert_eq!(find(&down, &masqueraded()).2, "ip link set lo up");

    let elsewhere = table("tcp 192.0.2.11:80", SchedulerName::Rr, &["-r 10.1.0.7:80 -g"]);
    let (problem, severity, remedy) = find(&good(), &elsewhere);
    assert_eq!(problem, Problem::AddressNotLocal("192.0.2.11".parse().unwrap()));
    assert_eq!((severity, remedy.as_str()), (Severity::Error, "ip addr add 192.0.2.11/32 dev lo"));
    let elsewhere = table("udp [2001:db8:2::1]:53", SchedulerName::Rr, &["-r [fd00::7]:53 -g"]);
    assert_eq!(find(&good(), &elsewhere).2, "ip addr add 2001:db8:2::1/128 dev lo");

    let stands = good().with("/proc/sys/net/ipv4/ip_forward", "0\n");
    assert_eq!(find(&stands, &masqueraded()).0, Problem::ForwardingOff(Family::Inet));
    assert_eq!(director(&stands, &table("tcp 192.0.2.10:80", SchedulerName::Rr, &["-r 10.1.0.1:8080 -m"])), []);
    let stands = good().with("/proc/sys/net/ipv6/conf/all/forwarding", "0\n");
    let inet6 = table("tcp [2001:db8::10]:80", SchedulerName::Rr, &["-r [fd00::7]:8080 -m"]);
    assert_eq!(find(&stands, &inet6).0, Problem::ForwardingOff(Family::Inet6));

    for name in ["all", "d0"] {
        let redirects = good().with(&format!("/proc/sys/net/ipv4/conf/{name}/send_redirects"), "1\n");
        let (problem, severity, _) = find(&redirects, &masqueraded());
        assert_eq!((problem, severity), (Problem::SendRedirects { interface: "d0".into() }, Severity::Warning));
    }

    let untranslated = table("tcp 192.0.2.10:80", SchedulerName::Rr, &["-r 10.1.0.7:8080 -g"]);
    let (problem, _, remedy) = find(&good(), &untranslated);
    assert!(matches!(problem, Problem::PortNotTranslated { .. }));
    assert_eq!(remedy, "let the real server listen on port 80 as well, or use -m");
}

#[test]
fn port_0_of_a_destination_is_the_port_that_the_client_asked_for() {
    let unchanged = table("tcp 192.0.2.10:80", SchedulerName::Rr, &["-r 10.1.0.7:0 -g", "-r 10.1.0.8:0 -i"]);
    assert_eq!(director(&Described::good(), &unchanged), []);
}

#[test]
fn a_dot_in_the_name_of_an_interface_is_a_slash_for_sysctl() {
    let interface = || "d0.100".to_owned();
    for (problem, remedy) in [
        (
            Problem::SendRedirects { interface: interface() },
            "sysctl -w net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.d0/100.send_redirects=0",
        ),
        (
            Problem::ReversePathFilter { interface: interface() },
            "sysctl -w net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.d0/100.rp_filter=0",
        ),
        (Problem::ArpIgnore { interface: interface() }, "sysctl -w net.ipv4.conf.d0/100.arp_ignore=1"),
        (Problem::ArpAnnounce { interface: interface() }, "sysctl -w net.ipv4.conf.d0/100.arp_announce=2"),
    ] {
        assert_eq!(problem.remedy(), remedy);
    }
}

fn addresses() -> [IpAddr; 1] {
    ["192.0.2.10".parse().unwrap()]
}

#[test]
fn direct_routing_wants_the_address_and_silence_about_it() {
    let good = Described::good();
    assert_eq!(real_server(&good, Forwarding::DirectRouting, &addresses()), []);
    assert_eq!(real_server(&Described::default(), Forwarding::DirectRouting, &addresses()), []);
    assert_eq!(real_server(&good, Forwarding::Masquerade, &["192.0.2.99".parse().unwrap()]), []);

    let missing = real_server(&good, Forwarding::DirectRouting, &["192.0.2.99".parse().unwrap()]);
    assert_eq!(problems(missing), [Problem::AddressNotLocal("192.0.2.99".parse().unwrap())]);

    let talkative = good
        .clone()
        .with("/proc/sys/net/ipv4/conf/all/arp_ignore", "0")
        .with("/proc/sys/net/ipv4/conf/d0/arp_announce", "1");
    let found = real_server(&talkative, Forwarding::DirectRouting, &addresses());
    let told: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "error: d0 answers ARP for the virtual address, so clients may go round the director; remedy: sysctl -w net.ipv4.conf.d0.arp_ignore=1",
            "error: d0 may announce the virtual address by ARP; remedy: sysctl -w net.ipv4.conf.d0.arp_announce=2",
        ]
    );
    let tunnelled = real_server(&talkative.with_interface("tunl0"), Forwarding::Tunnel(Tunnel::Ipip), &addresses());
    assert!(tunnelled.iter().all(|finding| finding.severity == Severity::Warning) && tunnelled.len() == 2);
    let six = real_server(
        &Described::good().with("/proc/sys/net/ipv4/conf/all/arp_ignore", "0"),
        Forwarding::DirectRouting,
        &["2001:db8::10".parse().unwrap()],
    );
    assert_eq!(six, []);
}

#[test]
fn interfaces_without_arp_need_not_be_silent_about_addresses() {
    let with = |flags: &str| {
        Described::good()
            .with_interface("d1")
            .with("/proc/sys/net/ipv4/conf/d1/arp_announce", "0")
            .with("/sys/class/net/d1/flags", flags)
    };
    assert_eq!(real_server(&with("0x83\n"), Forwarding::DirectRouting, &addresses()), []);
    let found = problems(real_server(&with("0x1003\n"), Forwarding::DirectRouting, &addresses()));
    assert_eq!(found, [Problem::ArpAnnounce { interface: "d1".into() }]);
}

#[test]
fn a_tunnel_wants_an_end_of_its_own_kind_that_is_up() {
    let ipip = Forwarding::Tunnel(Tunnel::Ipip);
    let gre = Forwarding::Tunnel(Tunnel::Gre { flags: TunnelFlags::default() });
    let others = Described::good().with_interface("sit0").with_interface("gre0").with_interface("gretap0");
    let absent = problems(real_server(&others, ipip, &addresses()));
    assert!(matches!(&absent[..], [Problem::TunnelAbsent { interface, .. }] if interface == "tunl0"), "{absent:?}");
    assert_eq!(real_server(&others, gre, &addresses()), []);
    let six: [IpAddr; 1] = ["2001:db8::10".parse().unwrap()];
    assert_eq!(real_server(&others, ipip, &six), []);
    let four_only = Described::good().with_interface("tunl0");
    let absent = problems(real_server(&four_only, ipip, &six));
    assert!(matches!(&absent[..], [Problem::TunnelAbsent { interface, .. }] if interface == "sit0"), "{absent:?}");

    let both: [IpAddr; 2] = [addresses()[0], six[0]];
    assert_eq!(problems(real_server(&Described::good(), gre, &both)).len(), 1);
    let renamed = Described::good().with_interface("from-director").with("/sys/class/net/from-director/type", "768\n");
    assert_eq!(real_server(&renamed, ipip, &addresses()), []);

    let igmp = "Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n2\td0        :     1      V3\n\t\t\t\t010000E0     1 0:00000000\t\t0\n";
    let down = four_only.with("/proc/thread-self/net/igmp", igmp);
    let found = real_server(&down, ipip, &addresses());
    assert_eq!(found[0].problem.remedy(), "ip link set tunl0 up");
    assert_eq!(problems(found), [Problem::TunnelDown { interface: "tunl0".into() }]);
    let up = down.clone().with("/proc/thread-self/net/igmp", &format!("{igmp}3\ttunl0     :     1      V3\n"));
    assert_eq!(real_server(&up, ipip, &addresses()), []);
    // One end that is up is enough.
    assert_eq!(real_server(&up.with_interface("tunl1"), ipip, &addresses()), []);
}

#[test]
fn a_tunnel_wants_its_end_and_no_strict_reverse_path_filter() {
    let ipip = Forwarding::Tunnel(Tunnel::Ipip);
    let absent = real_server(&Described::good(), ipip, &addresses());
    assert_eq!(absent[0].problem.remedy(), "modprobe ipip && ip link set tunl0 up");
    let good = Described::good().with_interface("tunl0");
    assert_eq!(real_server(&good, ipip, &addresses()), []);
    for name in ["all", "tunl0"] {
        let strict = good.clone().with(&format!("/proc/sys/net/ipv4/conf/{name}/rp_filter"), "1\n");
        let found = problems(real_server(&strict, ipip, &addresses()));
        assert_eq!(found, [Problem::ReversePathFilter { interface: "tunl0".into() }]);
        let loose = good.clone().with(&format!("/proc/sys/net/ipv4/conf/{name}/rp_filter"), "2\n");
        assert_eq!(real_server(&loose, ipip, &addresses()), []);
    }
}

#[test]
fn this_machine_can_be_looked_at() {
    // What is found depends on the machine; that it is looked at without trouble does not.
    for finding in director(&ThisSystem, &masqueraded()) {
        assert!(finding.to_string().contains("; remedy: "));
    }
}
