//! Real servers that refuse, hang, die and come back; quorum and sorry server; both formats.

mod support;

use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use support::{Director, WebServer, file, get, own_address};

const QUICK: [&str; 2] = ["--table-interval", "0.05"];

fn start(config: &tempfile::NamedTempFile, more: &[&str]) -> io::Result<Director> {
    let path = config.path().to_str().ok_or(io::ErrorKind::InvalidFilename)?;
    let arguments: Vec<&str> = [path].into_iter().chain(QUICK).chain(more.iter().copied()).collect();
    Director::start(&[], &arguments)
}

/// A virtual server at port 80 of the address; `servers` are blocks, `more` are lines of the virtual server.
fn virtual_server(address: IpAddr, scheduler: &str, more: &str, servers: &[(SocketAddr, &str)]) -> String {
    let servers: String = servers
        .iter()
        .map(|(server, lines)| format!("    real_server {} {} {{\n{lines}\n    }}\n", server.ip(), server.port()))
        .collect();
    format!(
        "virtual_server {address} 8000 {{\n    protocol TCP\n    lb_algo {scheduler}\n    lb_kind NAT\n{more}\n{servers}}}\n"
    )
}

const CHECKED: &str = "    delay_loop 0.1\n    warmup 0\n    connect_timeout 5";
const TCP_CHECK: &str = "        TCP_CHECK {\n            retry 0\n        }";

#[test]
fn a_client_of_a_server_that_refuses_is_served_by_another_one() -> io::Result<()> {
    let address = own_address();
    let at = |port| SocketAddr::new(address, port);
    let _server = WebServer::start(at(8001), "good")?;
    // Without checks a server counts as up, whatever happens.
    let config = file(&virtual_server(address, "rr", "", &[(at(8001), ""), (at(8002), ""), (at(8003), "")]))?;
    let director = start(&config, &[])?;
    director.wait_for_line(&format!("-> {} Masq 1 0 0", at(8001)));
    for _ in 0..6 {
        assert_eq!(get(at(8000), "/")?, "good");
    }
    director.wait_for_line(&format!("-> {} Masq 1 0 6", at(8001)));
    director.wait_for_line(&format!("-> {} Masq 1 0 0", at(8002)));
    director.wait_for_error("connection refused");
    Ok(())
}

#[test]
fn a_server_that_hangs_is_given_up_after_the_configured_time() -> io::Result<()> {
    let address = own_address();
    let at = |port| SocketAddr::new(address, port);
    let _good = WebServer::start(at(8001), "good")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let _entered = runtime.enter();
    // Nobody accepts here: when the queue is full, the kernel does not answer any more.
    let socket = tokio::net::TcpSocket::new_v4()?;
    socket.bind(at(8002))?;
    let _hanging = socket.listen(1)?;
    let patience = Duration::from_millis(300);
    let waiting: Vec<TcpStream> =
        std::iter::from_fn(|| TcpStream::connect_timeout(&at(8002), patience).ok()).take(64).collect();
    assert!(waiting.len() < 64, "the queue is never full");

    let config = file(&virtual_server(address, "rr", "    connect_timeout 0.5", &[(at(8001), ""), (at(8002), "")]))?;
    let director = start(&config, &[])?;
    director.wait_for_line(&format!("-> {} Masq 1 0 0", at(8002)));
    let begin = Instant::now();
    for _ in 0..4 {
        assert_eq!(get(at(8000), "/")?, "good");
    }
    assert!(begin.elapsed() >= Duration::from_millis(500), "somebody must have waited for the hanging one");
    director.wait_for_error("no answer within 500ms");
    director.wait_for_line(&format!("-> {} Masq 1 0 4", at(8001)));
    Ok(())
}

#[test]
fn a_client_that_nobody_serves_is_reset() -> io::Result<()> {
    let address = own_address();
    let at = |port| SocketAddr::new(address, port);
    let config = file(&virtual_server(address, "rr", "", &[(at(8001), "")]))?;
    let director = start(&config, &[])?;
    director.wait_for_line(&format!("-> {} Masq 1 0 0", at(8001)));
    let error = get(at(8000), "/").expect_err("nobody can have answered");
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    director.wait_for_error("no real server of");
    Ok(())
}

#[test]
fn a_server_without_inhibit_leaves_the_table_and_returns_with_its_counters() -> io::Result<()> {
    let address = own_address();
    let at = |port| SocketAddr::new(address, port);
    let _first = WebServer::start(at(8001), "first")?;
    let second = WebServer::start(at(8002), "second")?;
    let config = file(&virtual_server(address, "rr", CHECKED, &[(at(8001), TCP_CHECK), (at(8002), TCP_CHECK)]))?;
    let director = start(&config, &[])?;
    let line = |port, active, inactive| format!("-> {} Masq 1 {active} {inactive}", at(port));
    director.wait_for_line(&line(8002, 0, 0));
    for _ in 0..4 {
        get(at(8000), "/")?;
    }
    director.wait_for_line(&line(8002, 0, 2));
    drop(second);
    support::wait_for("the removal", || (director.table().len() == 2).then_some(()));
    assert_eq!(director.table()[1], line(8001, 0, 2));
    let _second = WebServer::start(at(8002), "second")?;
    director.wait_for_line(&line(8002, 0, 2));
    assert_eq!(director.table().len(), 3);
    Ok(())
}

#[test]
fn the_sorry_server_answers_when_all_are_down() -> io::Result<()> {
    let address = own_address();
    let at = |port| SocketAddr::new(address, port);
    let _sorry = WebServer::start(at(8009), "sorry")?;
    let real = WebServer::start(at(8001), "real")?;
    let lines = format!("{CHECKED}\n    sorry_server {address} 8009");
    let config = file(&virtual_server(address, "wlc", &lines, &[(at(8001), TCP_CHECK)]))?;
    let director = start(&config, &[])?;
    director.wait_for_line(&format!("-> {} Masq 1 0 0", at(8001)));
    assert_eq!(get(at(8000), "/")?, "real");
    drop(real);
    director.wait_for_line(&format!("-> {} Masq 1 0 0", at(8009)));
    assert_eq!(get(at(8000), "/")?, "sorry");
    let _real = WebServer::start(at(8001), "real")?;
    director.wait_for_line(&format!("-> {} Masq 1 0 1", at(8001)));
    assert_eq!(get(at(8000), "/")?, "real");
    Ok(())
}

/// A persistent service of two checked servers, and a client that has asked it once.
struct Persistent {
    director: Director,
    service: SocketAddr,
    /// The server that answered: its name, its address, and what keeps it running.
    chosen: (String, SocketAddr, WebServer),
    _other: WebServer,
}

impl Persistent {
    fn start(check: &str) -> io::Result<Self> {
        let address = own_address();
        let [service, first, second] = [8000, 8001, 8002].map(|port| SocketAddr::new(address, port));
        let servers = [("first", first), ("second", second)];
        let lines = format!("{CHECKED}\n    persistence_timeout 300");
        let config = file(&virtual_server(address, "rr", &lines, &servers.map(|(_, server)| (server, check))))?;
        let [one, two] = servers.map(|(name, server)| WebServer::start(server, name));
        let director = start(&config, &[])?;
        director.wait_for_line(&format!("-> {second} Masq 1 0 0"));
        let name = get(service, "/")?;
        let (address, running, _other) = if name == "first" { (first, one?, two?) } else { (second, two?, one?) };
        Ok(Self { director, service, chosen: (name, address, running), _other })
    }
}

#[test]
fn a_client_of_a_persistent_service_stays_with_its_server_while_that_is_up() -> io::Result<()> {
    let Persistent { director, service, chosen: (chosen, address, running), _other } = Persistent::start(TCP_CHECK)?;
    for _ in 0..4 {
        assert_eq!(get(service, "/")?, chosen);
    }
    director.wait_for_line(&format!("-> {address} Masq 1 0 5"));
    drop(running);
    support::wait_for("the removal", || (director.table().len() == 2).then_some(()));
    let other = get(service, "/")?;
    assert_ne!(other, chosen);
    assert_eq!(get(service, "/")?, other);
    Ok(())
}

#[test]
fn a_client_of_a_server_that_is_quiesced_and_dead_goes_to_another_and_stays_there() -> io::Result<()> {
    let check = format!("{TCP_CHECK}\n        inhibit_on_failure");
    let Persistent { director, service, chosen: (chosen, address, running), _other } = Persistent::start(&check)?;
    drop(running);
    director.wait_for_line(&format!("-> {address} Masq 0 0 1"));
    let other = get(service, "/")?;
    assert_ne!(other, chosen);
    // Its old server is back, and the client does not leave the new one.
    let _back = WebServer::start(address, &chosen)?;
    director.wait_for_line(&format!("-> {address} Masq 1 0 1"));
    for _ in 0..3 {
        assert_eq!(get(service, "/")?, other);
    }
    Ok(())
}

#[test]
fn more_clients_than_descriptors_wait_and_all_are_served() -> io::Result<()> {
    const CLIENTS: usize = 100;
    let address = own_address();
    let at = |port| SocketAddr::new(address, port);
    let _server = WebServer::start(at(8001), "good")?;
    let config = file(&virtual_server(address, "rr", "", &[(at(8001), "")]))?;
    let path = config.path().to_str().ok_or(io::ErrorKind::InvalidFilename)?;
    let few = ["sh", "-c", "ulimit -n 40; exec \"$0\" \"$@\""];
    let director = Director::start(&few, &[path])?;
    director.wait_for_line(&format!("-> {} Masq 1 0 0", at(8001)));
    // All are connected before the first one asks.
    let waiting = (0..CLIENTS).map(|_| TcpStream::connect_timeout(&at(8000), support::PATIENCE));
    let waiting = waiting.collect::<io::Result<Vec<_>>>()?;
    director.wait_for_error("too many open files");
    for client in waiting {
        assert_eq!(support::ask(client, "/")?, "good");
    }
    // Nobody was turned away for it.
    assert_eq!(director.errors().matches("could not be served").count(), 0, "{}", director.errors());
    Ok(())
}

#[test]
fn ipvsadm_rules_are_a_configuration_too() -> io::Result<()> {
    let address = own_address();
    let at = |port| SocketAddr::new(address, port);
    let _servers = [WebServer::start(at(8001), "one")?, WebServer::start(at(8002), "two")?];
    let (service, one, two) = (at(8000), at(8001), at(8002));
    let config =
        file(&format!("-A -t {service} -s wrr\n-a -t {service} -r {one} -m -w 1\n-a -t {service} -r {two} -m -w 3\n"))?;
    let director = start(&config, &[])?;
    director.wait_for_line(&format!("-> {two} Masq 3 0 0"));
    let seen = (0..8).map(|_| get(service, "/")).collect::<io::Result<Vec<_>>>()?;
    assert_eq!(seen, support::predict_wrr(&[("one", 1), ("two", 3)], 8));
    let (status, ..) = director.interrupt()?;
    assert_eq!(status.code(), Some(0));
    Ok(())
}

#[test]
fn closed_connections_are_forgotten_after_the_time_wait() -> io::Result<()> {
    let address = own_address();
    let at = |port| SocketAddr::new(address, port);
    let _server = WebServer::start(at(8001), "one")?;
    let config = file(&virtual_server(address, "lc", "", &[(at(8001), "")]))?;
    let director = start(&config, &["--time-wait", "1.5"])?;
    get(at(8000), "/").or_else(|_| {
        director.wait_for_line(&format!("-> {} Masq 1 0 0", at(8001)));
        get(at(8000), "/")
    })?;
    director.wait_for_line(&format!("-> {} Masq 1 0 1", at(8001)));
    director.wait_for_line(&format!("-> {} Masq 1 0 0", at(8001)));
    Ok(())
}
