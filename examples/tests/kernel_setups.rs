//! The classic set-ups of Linux Virtual Server, built of network namespaces, configured through `lvs-netlink`, with
//! real HTTP, and the answers in the order that `lvs-sched` predicts.

#[path = "../../lvs-netlink/tests/lab/mod.rs"]
mod lab;

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use lab::{Namespace, Process};
use lvs_model::{
    Destination, Endpoint, Forwarding, SchedulerName, Service, ServiceKey, SyncDaemon, SyncId, SyncRole, Tunnel,
    VirtualServer, Weight,
};
use lvs_netlink::Client;
use lvs_sched::{Pool, algo::Flow};

const VIRTUAL: &str = "10.50.0.100";

/// The cables: bridges in a namespace of their own.
struct Switch(Namespace);

impl Switch {
    fn new(bridges: &[&str]) -> Self {
        let switch = Namespace::new();
        for bridge in bridges {
            switch.ip(&format!("link add {bridge} type bridge"));
            switch.ip(&format!("link set {bridge} up"));
        }
        Self(switch)
    }

    fn plug(&self, bridge: &str, host: &Namespace, interface: &str, address: &str) {
        let port = format!("p{}{interface}", host.name().split('-').next_back().unwrap());
        self.0.ip(&format!("link add {port} type veth peer name {interface} netns {}", host.name()));
        self.0.ip(&format!("link set {port} master {bridge} up"));
        host.ip(&format!("addr add {address}/24 dev {interface}"));
        host.ip(&format!("link set {interface} up"));
    }
}

/// A real server that answers HTTP with its name.
struct Server {
    host: Namespace,
    _httpd: Process,
}

impl Server {
    fn new(name: &str, set_up: impl FnOnce(&Namespace)) -> Self {
        let host = Namespace::new();
        set_up(&host);
        let folder = format!("/tmp/{}", host.name());
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(format!("{folder}/index.html"), name).unwrap();
        let httpd = host.spawn(&format!("busybox httpd -f -p 80 -h {folder}"));
        let server = Self { host, _httpd: httpd };
        until("httpd answers", || get(&server.host, "127.0.0.1").is_some());
        server
    }
}

/// What HTTP answers, if it does.
fn get(host: &Namespace, address: &str) -> Option<String> {
    let words = format!("netns exec {} busybox timeout 5 busybox nc -w 3 {address} 80", host.name());
    let mut nc = Command::new("ip");
    let mut nc =
        nc.args(words.split(' ')).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let _ = nc.stdin.as_mut().unwrap().write_all(b"GET / HTTP/1.0\r\n\r\n");
    let answer = String::from_utf8(nc.wait_with_output().unwrap().stdout).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n")?;
    head.contains(" 200 OK").then(|| body.into())
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < Duration::from_secs(20), "{what}: not within 20 seconds");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn key(port: u16) -> ServiceKey {
    ServiceKey::tcp(Endpoint::new(VIRTUAL.parse().unwrap(), port))
}

/// Both servers behind the virtual address, the second with double weight.
fn virtual_server(scheduler: SchedulerName, servers: [&str; 2], forwarding: Forwarding) -> VirtualServer {
    let mut server = VirtualServer::new(Service::new(key(80), scheduler));
    for (address, weight) in servers.into_iter().zip([1_u16, 2]) {
        let destination = Destination::new(Endpoint::new(address.parse().unwrap(), 80));
        server.insert(destination.with_weight(Weight::from(weight)).with_forwarding(forwarding)).unwrap();
    }
    server
}

/// Who should answer, says the same scheduler in user space.
fn predicted(server: &VirtualServer, requests: usize) -> Vec<String> {
    let pool = Pool::named(server.service().scheduler()).unwrap();
    for (number, destination) in server.destinations().iter().enumerate() {
        pool.add(*destination, format!("server{}", number + 1)).unwrap();
    }
    let mut picker = pool.picker();
    (0..requests).map(|_| picker.pick(&Flow::default()).unwrap().data().clone()).collect()
}

/// Configures the director anew and compares nine answers with the prediction.
fn answers_come_as_predicted(client: &Namespace, director: &mut Client, servers: [&str; 2], forwarding: Forwarding) {
    for scheduler in [SchedulerName::Wrr, SchedulerName::Rr] {
        let server = virtual_server(scheduler, servers, forwarding);
        director.upsert_service(server.service()).unwrap();
        for destination in server.destinations() {
            let _ = director.remove_destination(server.key(), destination.endpoint);
        }
        for destination in server.destinations() {
            director.add_destination(server.key(), destination).unwrap();
        }
        let expected = predicted(&server, 9);
        let answers: Vec<_> = (0..9).map(|_| get(client, VIRTUAL).expect("an answer")).collect();
        assert_eq!(answers, expected, "{scheduler}");
        if scheduler == SchedulerName::Wrr {
            assert_eq!(answers[..3], ["server2", "server1", "server2"]);
        }
    }
    // With weight 0 a server gets no new connections.
    let second = Endpoint::new(servers[1].parse().unwrap(), 80);
    director.set_weight(&key(80), second, Weight::ZERO).unwrap();
    for _ in 0..3 {
        assert_eq!(get(client, VIRTUAL).as_deref(), Some("server1"));
    }
}

#[test]
#[ignore = "runs inside the kernel lab"]
fn nat_the_director_is_the_gateway_of_the_servers() {
    let switch = Switch::new(&["outside", "inside"]);
    let (client, director) = (Namespace::new(), Namespace::new());
    switch.plug("outside", &client, "eth0", "10.50.0.2");
    switch.plug("outside", &director, "eth0", "10.50.0.1");
    switch.plug("inside", &director, "eth1", "10.60.0.1");
    director.ip(&format!("addr add {VIRTUAL}/32 dev eth0"));
    director.sysctl("net.ipv4.ip_forward", "1");
    let servers = ["10.60.0.11", "10.60.0.12"];
    let _servers = ["server1", "server2"].map(|name| {
        Server::new(name, |host| {
            switch.plug("inside", host, "eth0", servers[usize::from(name == "server2")]);
            host.ip("route add default via 10.60.0.1");
        })
    });
    answers_come_as_predicted(&client, &mut director.client(), servers, Forwarding::Masquerade);
}

/// Client, director and two servers on one network; the servers also have the virtual address, and do not say so.
fn one_network(client: &Namespace, director: &Namespace, switch: &Switch, interface: &str) -> [Server; 2] {
    switch.plug("net", client, "eth0", "10.50.0.2");
    switch.plug("net", director, "eth0", "10.50.0.1");
    director.ip(&format!("addr add {VIRTUAL}/32 dev eth0"));
    ["server1", "server2"].map(|name| {
        Server::new(name, |host| {
            switch.plug("net", host, "eth0", if name == "server1" { "10.50.0.11" } else { "10.50.0.12" });
            for which in ["all", "eth0", interface] {
                host.sysctl(&format!("net.ipv4.conf.{which}.arp_ignore"), "1");
                host.sysctl(&format!("net.ipv4.conf.{which}.arp_announce"), "2");
                host.sysctl(&format!("net.ipv4.conf.{which}.rp_filter"), "0");
            }
            host.ip(&format!("addr add {VIRTUAL}/32 dev {interface}"));
            host.ip(&format!("link set {interface} up"));
        })
    })
}

#[test]
#[ignore = "runs inside the kernel lab"]
fn direct_routing_the_servers_answer_the_client_themselves() {
    let switch = Switch::new(&["net"]);
    let (client, director) = (Namespace::new(), Namespace::new());
    let _servers = one_network(&client, &director, &switch, "lo");
    let servers = ["10.50.0.11", "10.50.0.12"];
    answers_come_as_predicted(&client, &mut director.client(), servers, Forwarding::DirectRouting);
}

#[test]
#[ignore = "runs inside the kernel lab"]
fn tunnels_carry_the_packets_to_the_servers() {
    lab::run("modprobe", &["ipip"]);
    let switch = Switch::new(&["net"]);
    let (client, director) = (Namespace::new(), Namespace::new());
    let _servers = one_network(&client, &director, &switch, "tunl0");
    let servers = ["10.50.0.11", "10.50.0.12"];
    answers_come_as_predicted(&client, &mut director.client(), servers, Forwarding::Tunnel(Tunnel::Ipip));
}

/// A TCP connection that stays open, by way of `nc`: what is said comes back.
struct Echo {
    nc: Child,
    answers: std::sync::mpsc::Receiver<String>,
}

impl Echo {
    fn connect(host: &Namespace, port: u16) -> Self {
        let words = format!("netns exec {} busybox nc {VIRTUAL} {port}", host.name());
        let mut nc = Command::new("ip");
        let mut nc = nc.args(words.split(' ')).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (tell, answers) = std::sync::mpsc::channel();
        let output = BufReader::new(nc.stdout.take().unwrap());
        std::thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| tell.send(line)));
        Self { nc, answers }
    }

    fn says(&mut self, line: &str) {
        let input = self.nc.stdin.as_mut().unwrap();
        writeln!(input, "{line}").unwrap();
        let answer = self.answers.recv_timeout(Duration::from_secs(20));
        assert_eq!(answer.as_deref(), Ok(line), "the connection carries data");
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        let _ = self.nc.kill();
        let _ = self.nc.wait();
    }
}

#[test]
#[ignore = "runs inside the kernel lab"]
fn a_connection_goes_on_through_the_second_director() {
    let switch = Switch::new(&["net"]);
    let (client, first, second) = (Namespace::new(), Namespace::new(), Namespace::new());
    let servers = one_network(&client, &first, &switch, "lo");
    switch.plug("net", &second, "eth0", "10.50.0.3");
    let _echoes = servers.each_ref().map(|server| server.host.spawn("busybox nc -ll -p 7 -e busybox cat"));

    let mut directors = [first.client(), second.client()];
    for (director, role) in directors.iter_mut().zip([SyncRole::Master, SyncRole::Backup]) {
        director.add_service(&Service::new(key(7), SchedulerName::Rr)).unwrap();
        for address in ["10.50.0.11", "10.50.0.12"] {
            let destination = Destination::new(Endpoint::new(address.parse().unwrap(), 7));
            director.add_destination(&key(7), &destination.with_forwarding(Forwarding::DirectRouting)).unwrap();
        }
        let mut daemon = SyncDaemon::new(role, "eth0".parse().unwrap());
        daemon.sync_id = SyncId::from(51);
        director.start_daemon(&daemon).unwrap();
        assert_eq!(director.daemons().unwrap()[0].role, role);
    }
    // Established connections are told about at every second packet instead of every fiftieth.
    first.sysctl("net.ipv4.vs.sync_threshold", "1 2");
    std::thread::sleep(Duration::from_millis(300));

    let mut connection = Echo::connect(&client, 7);
    for line in ["one", "two", "three", "four"] {
        connection.says(line);
    }
    let synced = || second.exec("cat /proc/net/ip_vs_conn_sync");
    until("the second director has heard of the connection", || synced().contains("ESTABLISHED SYNC"));
    assert_eq!(directors[1].service(&key(7)).unwrap().statistics.packets_in, 0);

    first.ip(&format!("addr del {VIRTUAL}/32 dev eth0"));
    second.ip(&format!("addr add {VIRTUAL}/32 dev eth0"));
    client.ip("neigh flush all");
    for line in ["five", "six"] {
        connection.says(line);
    }
    // The kernel copies its counters every two seconds.
    let packets =
        || Client::connect_to_namespace(second.path()).unwrap().service(&key(7)).unwrap().statistics.packets_in;
    until("the packets went through the second director", || packets() >= 2);
    directors[0].stop_daemon(SyncRole::Master).unwrap();
    directors[1].stop_daemon(SyncRole::Backup).unwrap();
    assert_eq!(directors[1].daemons().unwrap(), []);
}
