//! Loading and listing IPVS tables: lvs-netlink against `ipvsadm`, both in one boot of the kernel lab.
//!
//! ```sh
//! cargo build --release -p lvs-benches --bin netlink_lab
//! ./lab -i -f target/release/netlink_lab target/release/netlink_lab
//! ```
//!
//! With `-i` the lab's clock counts instructions, one for a nanosecond, so the ratios repeat. Every figure is the
//! least of five rounds in fresh network namespaces, and every goal that is missed is named at the end, with
//! status 1. `netlink_lab SERVICES DESTINATIONS` measures another size than the two that have goals.

use std::fs::File;
use std::io::{self, Write as _};
use std::net::Ipv4Addr;
use std::ops::ControlFlow;
use std::process::{Command, ExitCode, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use lvs_model::{Destination, Endpoint, SchedulerName, Service, ServiceKey, Table, VirtualServer};
use lvs_netlink::sync::{Plan, Scope, Snapshot};
use lvs_netlink::wire::Request;
use lvs_netlink::{Acknowledgement, Client, Connector, Kernel, SocketRole, Transport};

const ROUNDS: usize = 5;
/// How many requests are made before they are submitted, in several windows.
const AT_ONCE: usize = 2048;
const RULES: &str = "/tmp/netlink_lab.rules";

fn main() -> ExitCode {
    let arguments: Vec<usize> = std::env::args().skip(1).map(|word| word.parse().expect("a number")).collect();
    let sizes = match arguments[..] {
        [services, destinations] => vec![(services, destinations)],
        _ => vec![(1_000, 10), (10_000, 2)],
    };
    let mut missed = Vec::new();
    for (services, destinations) in sizes {
        measure(services, destinations, &mut missed);
    }
    maglev(1_000, &mut missed);
    for goal in &missed {
        println!("MISSED {goal}");
    }
    if missed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Loads and lists one table in every way.
fn measure(services: usize, destinations: usize, missed: &mut Vec<String>) {
    let table = table(services, destinations);
    let rules = services * (1 + destinations);
    println!("{services} services x {destinations} destinations = {rules} rules");
    File::create(RULES).and_then(|mut file| write!(file, "{table}")).expect("rules are written");
    // The first load in a boot pays for memory that the later ones find.
    Namespace::enter(rules, |client| load(client, &table));
    let ipvsadm = least(|| Namespace::enter(rules, |_| ipvsadm_restore()));
    let one = least(|| Namespace::enter(rules, |_| load(&mut client(1, Acknowledgement::Each), &table)));
    let each = least(|| Namespace::enter(rules, |_| load(&mut client(128, Acknowledgement::Each), &table)));
    let last = least(|| Namespace::enter(rules, |_| load(&mut client(1024, Acknowledgement::Last), &table)));
    let exchange = Exchange::record(rules, &table);
    let floor = least(|| Namespace::enter(rules, |_| exchange.repeat()));
    report("ipvsadm -R", ipvsadm, rules, ipvsadm, None, missed);
    report("the kernel alone, each acknowledged", floor, rules, ipvsadm, None, missed);
    report("one request at a time", one, rules, ipvsadm, None, missed);
    report("windows of 128, each acknowledged", each, rules, ipvsadm, Some(8.0), missed);
    report("windows of 1024, the last acknowledged", last, rules, ipvsadm, Some(10.0), missed);

    let (mut printed, mut listed) = (Duration::MAX, Duration::MAX);
    Namespace::enter(rules, |client| {
        load(client, &table);
        printed = least(ipvsadm_list);
        listed = least(|| list(client, services));
        Duration::ZERO
    });
    report("ipvsadm -Ln", printed, rules, printed, None, missed);
    report("list", listed, rules, printed, Some(3.0), missed);
}

/// Fills a Maglev service one by one, and with the plan of `lvs_netlink::sync`, which binds the scheduler last.
fn maglev(destinations: usize, missed: &mut Vec<String>) {
    let rules = destinations;
    let mut server = VirtualServer::new(service(0).with_scheduler(SchedulerName::Mh));
    for number in 0..destinations {
        server.insert(destination(number)).expect("each is another one");
    }
    let table: Table = [server].into_iter().collect();
    println!("{destinations} destinations of one mh service");
    let plain = least(|| Namespace::enter(rules, |client| load(client, &table)));
    let planned = least(|| Namespace::enter(rules, |client| plan(client, &table)));
    report("one after the other", plain, destinations, plain, None, missed);
    report("with a plan", planned, destinations, plain, Some(20.0), missed);
}

fn report(what: &str, time: Duration, rules: usize, peer: Duration, goal: Option<f64>, missed: &mut Vec<String>) {
    let ratio = peer.as_secs_f64() / time.as_secs_f64();
    let goal_text = goal.map(|goal| format!("(goal {goal}x)")).unwrap_or_default();
    println!("  {what:38} {time:>12.3?} {:>8} ns a rule {ratio:>6.1}x {goal_text}", time.as_nanos() / rules as u128);
    if let Some(goal) = goal.filter(|goal| ratio < *goal) {
        missed.push(format!("{what}: {ratio:.1}x instead of {goal}x"));
    }
}

fn least(mut round: impl FnMut() -> Duration) -> Duration {
    (0..ROUNDS).map(|_| round()).min().expect("at least one round")
}

fn service(number: usize) -> Service {
    let address = Ipv4Addr::from(0x0a09_0001 + number as u32);
    Service::new(ServiceKey::tcp(Endpoint::from((address, 80))), SchedulerName::Rr)
}

fn destination(number: usize) -> Destination {
    Destination::new(Endpoint::from((Ipv4Addr::from(0x0a80_0001 + number as u32), 80)))
}

fn table(services: usize, destinations: usize) -> Table {
    let server = |number| {
        let mut server = VirtualServer::new(service(number));
        for at in 0..destinations {
            server.insert(destination(number * destinations + at)).expect("each is another one");
        }
        server
    };
    (0..services).map(server).collect()
}

fn client(window: usize, acknowledgement: Acknowledgement) -> Client {
    Client::connect().expect("a client").with_window(window).with_acknowledgement(acknowledgement)
}

fn load(client: &mut Client, table: &Table) -> Duration {
    let begin = Instant::now();
    let mut requests = Vec::with_capacity(AT_ONCE);
    for server in table {
        requests.push(Request::AddService(server.service()));
        requests.extend(server.destinations().iter().map(|one| Request::AddDestination(*server.key(), one)));
        if requests.len() >= AT_ONCE - 16 {
            submit(client, &requests);
            requests.clear();
        }
    }
    submit(client, &requests);
    begin.elapsed()
}

fn submit(client: &mut Client, requests: &[Request<'_>]) {
    let mut done = 0;
    let outcome = client.submit(requests, |_, result| {
        result.expect("the kernel takes every rule");
        done += 1;
        ControlFlow::Continue(())
    });
    outcome.expect("every answer comes");
    assert_eq!(done, requests.len());
}

fn plan(client: &mut Client, table: &Table) -> Duration {
    let begin = Instant::now();
    let snapshot = Snapshot::read(client).expect("a snapshot");
    let plan = Plan::new(&snapshot, table, &Scope::everything()).expect("a plan");
    plan.apply(client).expect("the kernel takes every step");
    begin.elapsed()
}

fn list(client: &mut Client, services: usize) -> Duration {
    let begin = Instant::now();
    let list = client.list().expect("a list");
    let time = begin.elapsed();
    assert_eq!(list.len(), services);
    time
}

fn ipvsadm_restore() -> Duration {
    let begin = Instant::now();
    let rules = File::open(RULES).expect("the rules");
    let status = Command::new("ipvsadm").arg("-R").stdin(rules).status().expect("ipvsadm runs");
    assert!(status.success());
    begin.elapsed()
}

fn ipvsadm_list() -> Duration {
    let begin = Instant::now();
    let status = Command::new("ipvsadm").arg("-Ln").stdout(Stdio::null()).status().expect("ipvsadm runs");
    assert!(status.success());
    begin.elapsed()
}

/// What a load with each request acknowledged sends and receives, as bytes. Doing it again costs what the kernel takes
/// for it, and nothing else: no client that lets the kernel acknowledge each request can be faster.
#[derive(Default)]
struct Exchange {
    /// Each datagram, and how many answers were received behind it.
    datagrams: Vec<(Vec<u8>, usize)>,
}

impl Exchange {
    fn record(rules: usize, table: &Table) -> Self {
        let exchange = Arc::new(Mutex::new(Self::default()));
        let recorder = Recorder(Arc::clone(&exchange));
        Namespace::enter(rules, |_| {
            let client = Client::with_connector(recorder).expect("a client");
            // The question for the number of the IPVS family.
            exchange.lock().expect("one thread").datagrams.clear();
            load(&mut client.with_window(128).with_acknowledgement(Acknowledgement::Each), table)
        });
        std::mem::take(&mut *exchange.lock().expect("one thread"))
    }

    fn repeat(&self) -> Duration {
        let mut socket = Kernel::current().open(SocketRole::Commands).expect("a socket");
        let mut answer = [0; 4096];
        let begin = Instant::now();
        let deadline = begin + Duration::from_secs(10);
        for (datagram, answers) in &self.datagrams {
            socket.send(datagram, deadline).expect("it is sent");
            for _ in 0..*answers {
                socket.receive(&mut answer, deadline).expect("the same answers");
            }
        }
        begin.elapsed()
    }
}

/// Notes what a client sends.
struct Recorder(Arc<Mutex<Exchange>>);

struct Recording {
    socket: Box<dyn Transport>,
    exchange: Arc<Mutex<Exchange>>,
}

impl Connector for Recorder {
    fn open(&mut self, role: SocketRole) -> io::Result<Box<dyn Transport>> {
        Ok(Box::new(Recording { socket: Kernel::current().open(role)?, exchange: Arc::clone(&self.0) }))
    }
}

impl Transport for Recording {
    fn send(&mut self, datagram: &[u8], deadline: Instant) -> io::Result<()> {
        self.exchange.lock().expect("one thread").datagrams.push((datagram.to_vec(), 0));
        self.socket.send(datagram, deadline)
    }

    fn receive(&mut self, buffer: &mut [u8], deadline: Instant) -> io::Result<usize> {
        let length = self.socket.receive(buffer, deadline)?;
        if let Some((_, answers)) = self.exchange.lock().expect("one thread").datagrams.last_mut() {
            *answers += 1;
        }
        Ok(length)
    }
}

/// A fresh network namespace, which the measuring thread and the programs that it starts live in.
struct Namespace;

impl Namespace {
    fn enter(rules: usize, measure: impl FnOnce(&mut Client) -> Duration + Send) -> Duration {
        let run = |arguments: &str| {
            let status = Command::new("ip").args(arguments.split(' ')).status().expect("ip runs");
            assert!(status.success(), "ip {arguments}");
        };
        run("netns add lab");
        run("-n lab link set lo up");
        let time = std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
                let namespace = File::open("/run/netns/lab").expect("the namespace");
                let network = Some(LinkNameSpaceType::Network);
                move_into_link_name_space(std::os::fd::AsFd::as_fd(&namespace), network).expect("a way in");
                measure(&mut Client::connect().expect("a client"))
            });
            thread.join().expect("the measurement succeeds")
        });
        run("netns del lab");
        // The kernel frees the namespace in the background, on the only processor, and some time later the memory
        // for counters under it. Measuring in the first span measures the freeing too, and after the second the
        // kernel makes that memory anew, which costs the same for every program and so levels the ratios.
        std::thread::sleep(Duration::from_nanos(600 * rules as u64));
        time
    }
}
