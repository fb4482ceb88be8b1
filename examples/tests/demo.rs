//! `director` without arguments: its demonstration, as a person would try it.

mod support;

use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream};

use support::{Director, get, own_address};

/// The demonstration on an address of its own.
struct Demo {
    director: Director,
    address: IpAddr,
}

impl Demo {
    fn start() -> io::Result<Self> {
        Self::start_by(&[])
    }

    /// The same, run by a command such as `nohup`.
    fn start_by(prefix: &[&str]) -> io::Result<Self> {
        let address = own_address();
        let director = Director::start(prefix, &["--address", &address.to_string(), "--table-interval", "0.05"])?;
        let demo = Self { director, address };
        demo.wait_for(1, 3, 0, 0);
        Ok(demo)
    }

    fn at(&self, port: u16) -> SocketAddr {
        SocketAddr::new(self.address, port)
    }

    /// What the virtual server answers to so many requests.
    fn ask(&self, times: usize) -> io::Result<Vec<String>> {
        (0..times).map(|_| get(self.at(8080), "/")).collect()
    }

    fn control(&self, command: &str) -> io::Result<String> {
        get(self.at(8090), command)
    }

    /// Waits until the table shows a real server so.
    fn wait_for(&self, number: u16, weight: u32, active: u32, inactive: u32) {
        let endpoint = self.at(8080 + number);
        self.director.wait_for_line(&format!("-> {endpoint} Masq {weight} {active} {inactive}"));
    }
}

#[test]
fn three_servers_answer_in_the_order_of_the_scheduler() -> io::Result<()> {
    let demo = Demo::start()?;
    let expected = support::predict_wrr(&[("server 1", 3), ("server 2", 2), ("server 3", 1)], 12);
    let seen = demo.ask(12)?;
    assert_eq!(seen, expected);
    // Three times as many for a weight three times as high: twice the six of one period.
    for (number, times) in [(1, 6), (2, 4), (3, 2)] {
        assert_eq!(seen.iter().filter(|s| **s == format!("server {number}")).count(), times);
        demo.wait_for(number, u32::from(4 - number), 0, times as u32);
    }
    Ok(())
}

#[test]
fn a_stopped_server_loses_its_traffic_and_gets_it_back_with_its_counters() -> io::Result<()> {
    let demo = Demo::start()?;
    demo.ask(6)?;
    demo.wait_for(1, 3, 0, 3);
    assert!(demo.control("/stop/1")?.contains("is stopped"));
    // Before the health check has noticed, a client is served by another server.
    let seen = demo.ask(6)?;
    assert!(seen.iter().all(|s| s.starts_with("server ")), "{seen:?}");
    demo.wait_for(1, 0, 0, 3);
    let seen = demo.ask(6)?;
    assert!(seen.iter().all(|s| s == "server 2" || s == "server 3"), "{seen:?}");
    assert!(demo.control("/start/1")?.contains("is started"));
    demo.wait_for(1, 3, 0, 3);
    let seen = demo.ask(6)?;
    assert_eq!(seen.iter().filter(|s| *s == "server 1").count(), 3, "{seen:?}");
    demo.wait_for(1, 3, 0, 6);
    Ok(())
}

#[test]
fn an_open_connection_is_active_until_it_is_closed() -> io::Result<()> {
    let demo = Demo::start()?;
    let first = support::predict_wrr(&[("1", 3), ("2", 2), ("3", 1)], 1)[0].parse().expect("a number");
    let weight = 4 - u32::from(first);
    let client = TcpStream::connect(demo.at(8080))?;
    demo.wait_for(first, weight, 1, 0);
    drop(client);
    demo.wait_for(first, weight, 0, 1);
    Ok(())
}

#[test]
fn the_control_says_what_it_expects() -> io::Result<()> {
    let demo = Demo::start()?;
    assert!(demo.control("/")?.contains("expected /stop/NUMBER or /start/NUMBER"));
    assert!(demo.control("/stop/4")?.contains("numbered from 1 to 3"));
    Ok(())
}

#[test]
fn ctrl_c_ends_with_a_last_table() -> io::Result<()> {
    for signal in ["INT", "TERM", "HUP"] {
        let demo = Demo::start_by(&["env", "--default-signal=HUP"])?;
        demo.ask(6)?;
        let (service, third) = (demo.at(8080), demo.at(8083));
        demo.director.signal(signal);
        let (status, output, errors) = demo.director.wait()?;
        assert_eq!(status.code(), Some(0), "{errors}");
        let last = output.rfind("Prot LocalAddress").expect("a table");
        let last: String = output[last..].split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(last.contains(&format!("TCP {service} wrr")), "{last}");
        assert!(last.contains(&format!("-> {third} Masq 1 0 1")), "{last}");
    }
    Ok(())
}

#[test]
fn it_outlives_its_terminal_under_nohup() -> io::Result<()> {
    let demo = Demo::start_by(&["env", "--ignore-signal=HUP"])?;
    demo.director.signal("HUP");
    demo.director.signal("HUP");
    assert_eq!(demo.ask(6)?.len(), 6);
    assert_eq!(demo.director.interrupt()?.0.code(), Some(0));
    Ok(())
}

#[test]
fn a_port_in_use_is_one_sentence_with_what_to_do() -> io::Result<()> {
    for port in [8080, 8082, 8090] {
        let address = own_address();
        let taken = SocketAddr::new(address, port);
        let _other = std::net::TcpListener::bind(taken)?;
        let (status, output, errors) = Director::start(&[], &["--address", &address.to_string()])?.wait()?;
        assert_eq!(status.code(), Some(1), "{errors}");
        assert!(
            errors.contains(&format!("cannot listen on {taken}: another program uses this port; stop it")),
            "{errors}"
        );
        assert!(errors.contains("--port"), "{errors}");
        assert_eq!(output, "", "nothing was begun");
    }
    Ok(())
}
