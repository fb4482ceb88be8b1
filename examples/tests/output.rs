//! Where the output goes must not matter for the balancing: a full disk, a reader that stops reading.

mod support;

use std::fs::File;
use std::io::{self, Read};
use std::net::SocketAddr;

use support::{Director, WebServer, file, get, own_address, wait_for};

/// A file on a disk that is always full.
fn full() -> io::Result<File> {
    File::options().write(true).open("/dev/full")
}

#[test]
fn a_full_disk_does_not_stop_it() -> io::Result<()> {
    let address = own_address();
    let arguments = ["--address", &address.to_string()];
    let director = Director::start_onto(&[], &arguments, full()?, full()?)?;
    let answer = wait_for("an answer", || get(SocketAddr::new(address, 8080), "/").ok());
    assert!(answer.starts_with("server "), "{answer}");
    let (status, ..) = director.interrupt()?;
    assert_eq!(status.code(), Some(0));
    Ok(())
}

#[test]
fn the_exit_status_says_what_cannot_be_written() -> io::Result<()> {
    let wrong = file("virtual_server\n")?;
    let warned = file(
        "virtual_server 192.0.2.1 80 {\n protocol TCP\n lb_algo rr\n lb_kind NAT\n quorum_up true\n \
         real_server 192.0.2.2 80 {\n weight 1\n }\n}\n",
    )?;
    for (config, expected) in [(wrong, 2), (warned, 0)] {
        let path = config.path().to_str().ok_or(io::ErrorKind::InvalidFilename)?;
        let (_, _, said) = Director::start(&[], &["--check", path])?.wait()?;
        assert_ne!(said, "", "there must be something to write");
        let (status, ..) = Director::start_onto(&[], &["--check", path], full()?, full()?)?.wait()?;
        assert_eq!(status.code(), Some(expected), "{said}");
    }
    Ok(())
}

#[test]
fn a_reader_who_stops_reading_stops_neither_the_balancing_nor_the_end() -> io::Result<()> {
    let address = own_address();
    let at = |port| SocketAddr::new(address, port);
    let (refusing, healthy) = (at(8000), at(8100));
    let _server = WebServer::start(at(8101), "good")?;
    let config = file(&format!(
        "-A -t {refusing} -s rr\n-a -t {refusing} -r {} -m\n-A -t {healthy} -s rr\n-a -t {healthy} -r {} -m\n",
        at(8001),
        at(8101)
    ))?;
    let path = config.path().to_str().ok_or(io::ErrorKind::InvalidFilename)?;
    let (mut unread, log) = io::pipe()?;
    // Each connection is told, so that a pipe is soon full.
    let director = Director::start_onto(&["env", "RUST_LOG=debug"], &[path], log.try_clone()?, log)?;
    assert_eq!(wait_for("an answer", || get(healthy, "/").ok()), "good");
    for _ in 0..1_000 {
        let error = get(refusing, "/").expect_err("nobody can have answered");
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset, "{error}");
    }
    assert_eq!(get(healthy, "/")?, "good");
    let (status, ..) = director.interrupt()?;
    assert_eq!(status.code(), Some(0));
    let mut said = Vec::new();
    unread.read_to_end(&mut said)?;
    assert!(said.len() > 60_000, "the pipe had room for more than {} bytes", said.len());
    Ok(())
}

#[test]
fn the_same_failure_of_many_clients_is_told_with_their_number() -> io::Result<()> {
    const CLIENTS: usize = 300;
    let address = own_address();
    let (service, server) = (SocketAddr::new(address, 8000), SocketAddr::new(address, 8001));
    let config = file(&format!("-A -t {service} -s rr\n-a -t {service} -r {server} -m\n"))?;
    let director = Director::start(&[], &[config.path().to_str().ok_or(io::ErrorKind::InvalidFilename)?])?;
    director.wait_for_line(&format!("-> {server} Masq 1 0 0"));
    for _ in 0..CLIENTS {
        get(service, "/").expect_err("nobody can have answered");
    }
    for what in [
        format!("could not be served by {server} (connection refused); trying another real server"),
        format!("could not be served: no real server of {service} is left"),
    ] {
        let told = wait_for("all clients to be told", || {
            let errors = director.errors();
            let lines: Vec<_> = errors.lines().filter_map(|line| line.strip_suffix(&what)).collect();
            let clients = |line: &&str| match line.rsplit_once(" more client") {
                Some((line, _)) => line.split(' ').next_back().and_then(|number| number.parse().ok()).unwrap_or(0),
                None => 1,
            };
            (lines.iter().map(clients).sum::<usize>() == CLIENTS).then_some(lines.len())
        });
        assert!(told < CLIENTS / 2, "{told} lines");
    }
    Ok(())
}
