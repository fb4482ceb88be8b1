//! A network namespace of its own for each test, and the real tools inside it.

#![allow(dead_code, reason = "each test program uses its part")]

use std::io::Write as _;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use lvs_model::{Destination, Endpoint, Service, Table, VirtualServer};
use lvs_netlink::Client;

/// Numbers the namespaces of one test program.
static NUMBER: AtomicU32 = AtomicU32::new(0);

/// A network namespace with `lo` up, removed when dropped.
pub(crate) struct Namespace {
    name: String,
}

impl Namespace {
    pub(crate) fn new() -> Self {
        Self::named(&format!("t{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed)))
    }

    pub(crate) fn named(name: &str) -> Self {
        let namespace = Self::without_lo(name);
        namespace.ip("link set lo up");
        namespace
    }

    pub(crate) fn without_lo(name: &str) -> Self {
        run("ip", &["netns", "add", name]);
        Self { name: name.into() }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn path(&self) -> String {
        format!("/run/netns/{}", self.name)
    }

    pub(crate) fn client(&self) -> Client {
        Client::connect_to_namespace(self.path()).unwrap()
    }

    /// Runs `ip` inside; the arguments are split at blanks.
    pub(crate) fn ip(&self, arguments: &str) -> String {
        let mut all = vec!["-n", &self.name];
        all.extend(arguments.split_whitespace());
        run("ip", &all)
    }

    /// Runs a command inside; the arguments are split at blanks.
    pub(crate) fn exec(&self, command: &str) -> String {
        let mut all = vec!["netns", "exec", &self.name];
        all.extend(command.split_whitespace());
        run("ip", &all)
    }

    pub(crate) fn sysctl(&self, name: &str, value: &str) {
        run("ip", &["netns", "exec", &self.name, "sysctl", "-q", "-w", &format!("{name}={value}")]);
    }

    /// Starts a command inside that runs on.
    pub(crate) fn spawn(&self, command: &str) -> Process {
        let mut child = Command::new("ip");
        child.args(["netns", "exec", &self.name]).args(command.split_whitespace());
        child.stdin(Stdio::null()).stdout(Stdio::null());
        Process(child.spawn().unwrap())
    }

    /// Feeds rules to the real `ipvsadm -R`.
    pub(crate) fn ipvsadm_restore(&self, rules: &str) {
        let mut child = Command::new("ip")
            .args(["netns", "exec", &self.name, "ipvsadm", "-R"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(rules.as_bytes()).unwrap();
        succeeded(&child.wait_with_output().unwrap(), "ipvsadm -R");
    }

    /// What the real `ipvsadm -Sn` says of the table. It prints no thresholds and sorts the destinations.
    pub(crate) fn ipvsadm_save(&self) -> Table {
        parse_rules(&self.exec("ipvsadm -Sn"))
    }

    /// Thresholds and order of each service's destinations, which only `ipvsadm -Ln` tells; services sorted.
    pub(crate) fn ipvsadm_thresholds(&self) -> Vec<Vec<(Endpoint, u32, u32)>> {
        let mut services = Vec::new();
        for line in self.exec("ipvsadm -Ln --thresholds --nosort --exact").lines().skip(3) {
            let words: Vec<_> = line.split_whitespace().collect();
            match (words.as_slice(), services.last_mut()) {
                (["->", endpoint, upper, lower, ..], Some(destinations)) => {
                    let destinations: &mut Vec<_> = destinations;
                    destinations.push((endpoint.parse().unwrap(), upper.parse().unwrap(), lower.parse().unwrap()));
                }
                _ => services.push(Vec::new()),
            }
        }
        services.sort();
        services
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", &self.name]).status();
    }
}

/// A program that runs beside the test and is ended with it.
pub(crate) struct Process(std::process::Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(crate) fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output().unwrap();
    succeeded(&output, &format!("{program} {arguments:?}"))
}

fn succeeded(output: &Output, what: &str) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{what}: {}\n{text}{}", output.status, String::from_utf8_lossy(&output.stderr));
    text
}

/// Tries until something comes, and says after a minute what it waited for: how long the kernel takes depends on what else the machine does.
pub(crate) fn wait_for<T>(what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(found) = attempt() {
            return found;
        }
        assert!(Instant::now() < end, "{what} did not come about within a minute");
        thread::sleep(Duration::from_millis(100));
    }
}

/// Removes `ip_vs` with its schedulers. Namespaces of earlier tests, which the kernel frees in the background, take a moment to let go of it.
pub(crate) fn unload() {
    wait_for("the end of ip_vs", || {
        let modules = std::fs::read_to_string("/proc/modules").unwrap();
        let loaded = |line: &&str| line.starts_with("ip_vs");
        let names: Vec<&str> = modules.lines().filter(loaded).filter_map(|line| line.split(' ').next()).collect();
        // The schedulers first: ip_vs is used by them.
        for name in names.iter().rev() {
            let _ = Command::new("rmmod").arg(name).stderr(Stdio::null()).status();
        }
        names.is_empty().then_some(())
    });
}

/// Reads what `ipvsadm -Sn` prints into a table, services sorted.
pub(crate) fn parse_rules(rules: &str) -> Table {
    let mut table = Table::new();
    for line in rules.lines() {
        if let Some(service) = line.strip_prefix("-A ") {
            table.insert(service.parse::<Service>().unwrap_or_else(|error| panic!("{line}: {error}"))).unwrap();
        } else if let Some(rest) = line.strip_prefix("-a ") {
            let at = rest.find(" -r ").unwrap();
            let key = *rest[..at].parse::<Service>().unwrap().key();
            let destination = rest[at + 1..].parse().unwrap_or_else(|error| panic!("{line}: {error}"));
            table.get_mut(&key).unwrap().insert(destination).unwrap();
        } else {
            panic!("not a rule: {line}");
        }
    }
    table.sort();
    table
}

/// The same table with the destinations of each service changed and sorted.
pub(crate) fn sorted(table: &Table, change: impl Fn(Destination) -> Destination) -> Table {
    table
        .iter()
        .map(|server| {
            let mut destinations: Vec<_> = server.destinations().iter().map(|&one| change(one)).collect();
            destinations.sort();
            let mut other = VirtualServer::new(server.service().clone());
            for destination in destinations {
                other.insert(destination).unwrap();
            }
            other
        })
        .collect()
}
