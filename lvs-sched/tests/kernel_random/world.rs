//! The kernel's side: a TUN device whose packets are balanced, sysctls, counters, connections.

use std::collections::BTreeMap;
use std::io;
use std::process::Command;
use std::time::Duration;

use lvs_model::{Change, Destination, SchedulerName, Service, Thresholds};
use lvs_sched::algo::Generation;
use lvs_sched::director::Packet;
use tappers::{Interface, Tun};

use crate::netlink::Netlink;
use crate::wire::{self, Sent};

/// How many marks there are: packets for the virtual addresses of mark *m* carry it.
pub(crate) const MARKS: u32 = 16;

pub(crate) struct World {
    tun: Tun,
    pub(crate) netlink: Netlink,
    pub(crate) generation: Generation,
}

impl World {
    pub(crate) fn new() -> Self {
        for module in ["tun", "sch_ingress", "cls_flower", "act_skbedit", "ip_vs"] {
            run(&format!("modprobe {module}"));
        }
        let mut tun = Tun::new_named(Interface::new("tun0").unwrap()).expect("cannot open /dev/net/tun");
        tun.set_nonblocking(true).unwrap();
        for (name, value) in [
            ("net/ipv6/conf/default/accept_dad", 0),
            ("net/ipv6/conf/all/accept_dad", 0),
            ("net/ipv6/conf/tun0/addr_gen_mode", 1),
            ("net/ipv6/conf/tun0/accept_ra", 0),
            ("net/ipv6/conf/all/forwarding", 1),
            ("net/ipv4/ip_forward", 1),
            ("net/ipv4/conf/all/rp_filter", 0),
            ("net/ipv4/conf/tun0/rp_filter", 0),
            ("net/ipv4/conf/all/accept_local", 1),
            ("net/ipv4/conf/all/send_redirects", 0),
            ("net/ipv4/conf/tun0/send_redirects", 0),
            ("net/ipv4/icmp_ratelimit", 0),
            ("net/ipv6/icmp/ratelimit", 0),
            ("net/ipv4/icmp_msgs_per_sec", 100_000),
            ("net/ipv4/icmp_msgs_burst", 100_000),
        ] {
            set_sysctl(name, value);
        }
        run("ip link set tun0 up");
        run("ip addr replace 172.31.0.1/32 dev tun0");
        run("ip route replace default dev tun0");
        run("ip route replace local 10.9.0.0/16 dev lo");
        run("ip -6 addr replace fd00:31::1/128 dev tun0 nodad");
        run("ip -6 route replace default dev tun0");
        run("ip -6 route replace local fd00:9::/32 dev lo");
        // What a transparent cache takes: packets for addresses that are not ours come in all the same.
        for (ip, net, all) in [("ip", "10.10.0.0/16", "0.0.0.0/0"), ("ip -6", "fd00:a::/32", "::/0")] {
            run(&format!("{ip} rule add to {net} iif tun0 lookup 100"));
            run(&format!("{ip} route replace local {all} dev lo table 100"));
        }
        run("tc qdisc replace dev tun0 ingress");
        for mark in 1..=MARKS {
            let third = 100 + mark;
            let filter = "tc filter add dev tun0 parent ffff: protocol";
            for net in [9, 10] {
                run(&format!("{filter} ip flower dst_ip 10.{net}.{third}.0/24 action skbedit mark {mark}"));
                run(&format!("{filter} ipv6 flower dst_ip fd00:{net:x}:{mark:x}::/48 action skbedit mark {mark}"));
            }
        }
        let mut netlink = Netlink::open().expect("no generic netlink family IPVS");
        let generation = generation(&mut netlink);
        println!("the kernel is {generation:?}");
        Self { tun, netlink, generation }
    }

    /// Puts a packet into the device and reads what the kernel sent for it. When `expected`, waits for it.
    pub(crate) fn exchange(&mut self, packet: &Packet, expected: bool) -> Vec<Sent> {
        let leftover = self.drain();
        assert!(leftover.is_empty(), "the kernel sent {leftover:?} unasked");
        self.tun.send(&wire::encode(packet)).unwrap();
        let mut sent = self.drain();
        if sent.is_empty() {
            // On a busy machine the kernel may have left the packet to a thread of its own.
            std::thread::yield_now();
            sent = self.drain();
        }
        for _ in 0..if expected { 50 } else { 0 } {
            if !sent.is_empty() {
                break;
            }
            std::thread::sleep(Duration::from_millis(2));
            sent = self.drain();
        }
        sent
    }

    fn drain(&mut self) -> Vec<Sent> {
        let mut sent = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            match self.tun.recv(&mut buffer) {
                Ok(length) => sent.extend(wire::decode(&buffer[..length])),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return sent,
                Err(error) => panic!("cannot read from the tun device: {error}"),
            }
        }
    }

    pub(crate) fn set_ipvs(&self, name: &str, value: u32) {
        set_sysctl(&format!("net/ipv4/vs/{name}"), value);
    }

    /// The lines of `/proc/net/ip_vs_conn` that `keep` wants, without the time, with how often they occur; and the times.
    pub(crate) fn connections(&self, keep: impl Fn(&str) -> bool) -> BTreeMap<String, Vec<u64>> {
        let text = std::fs::read_to_string("/proc/net/ip_vs_conn").unwrap();
        let mut found = BTreeMap::<String, Vec<u64>>::new();
        for line in text.lines().skip(1).map(str::trim_end).filter(|line| keep(line)) {
            let (identity, expires) = line.rsplit_once(' ').unwrap();
            found.entry(identity.trim_end().to_owned()).or_default().push(expires.parse().unwrap());
        }
        for expires in found.values_mut() {
            expires.sort_unstable();
        }
        found
    }
}

/// Only kernels that count in total refuse thresholds above 2^31 - 1.
fn generation(netlink: &mut Netlink) -> Generation {
    netlink.flush().unwrap();
    let key = "tcp 10.9.255.255:1".parse().unwrap();
    netlink.apply(&Change::AddService(Service::new(key, SchedulerName::Rr))).unwrap();
    let thresholds = Thresholds::new(1 << 31, 0).unwrap();
    let destination = Destination::new("10.8.0.1:1".parse().unwrap()).with_thresholds(thresholds);
    match netlink.apply(&Change::AddDestination { service: key, destination }) {
        Ok(()) => Generation::Classic,
        Err(_) => Generation::TotalConns,
    }
}

fn set_sysctl(name: &str, value: u32) {
    let path = format!("/proc/sys/{name}");
    std::fs::write(&path, value.to_string()).unwrap_or_else(|error| panic!("cannot write {value} to {path}: {error}"));
}

fn run(command: &str) {
    let mut words = command.split(' ');
    let output = Command::new(words.next().unwrap()).args(words).output().unwrap();
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
}
