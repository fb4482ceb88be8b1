//! A small network in the lab, and a connection through it.

use crate::inside::inside;
use crate::lab::{self, Namespace};
use lvs_model::{Destination, Endpoint, SchedulerName, Service, ServiceKey};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

/// A client, a director and a real server, each in a namespace, and an open connection through them.
pub(crate) struct Lan {
    pub(crate) director: Namespace,
    _client: Namespace,
    _server: Namespace,
    pub(crate) connection: TcpStream,
    pub(crate) key: ServiceKey,
    pub(crate) endpoint: Endpoint,
}

impl Lan {
    pub(crate) fn new(number: u8) -> Self {
        let [client, director, server] = ["c", "d", "s"].map(|role| Namespace::named(&format!("{role}{number}")));
        let (c, d, s) = (client.name(), director.name(), server.name());
        lab::run("ip", &words(&format!("link add c0 netns {c} type veth peer name dc netns {d}")));
        lab::run("ip", &words(&format!("link add s0 netns {s} type veth peer name ds netns {d}")));
        for (namespace, interface, address) in [
            (&client, "c0", "10.1.0.2/24"),
            (&director, "dc", "10.1.0.1/24"),
            (&director, "ds", "10.2.0.1/24"),
            (&server, "s0", "10.2.0.2/24"),
        ] {
            namespace.ip(&format!("addr add {address} dev {interface}"));
            namespace.ip(&format!("link set {interface} up"));
        }
        client.ip("route add default via 10.1.0.1");
        server.ip("route add default via 10.2.0.1");
        director.sysctl("net.ipv4.ip_forward", "1");
        director.ip("addr add 10.9.0.1/32 dev lo");

        let key: ServiceKey = "tcp 10.9.0.1:80".parse().unwrap();
        let endpoint: Endpoint = "10.2.0.2:8080".parse().unwrap();
        let mut ipvs = director.client();
        ipvs.add_service(&Service::new(key, SchedulerName::Rr)).unwrap();
        ipvs.add_destination(&key, &Destination::new(endpoint)).unwrap();
        let (accepting, path) = (server.path(), client.path());
        let listener = inside(&accepting, || TcpListener::bind("10.2.0.2:8080").unwrap());
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                thread::spawn(move || {
                    let mut byte = [0];
                    while stream.read_exact(&mut byte).is_ok() {
                        stream.write_all(&[byte[0] ^ 0xff]).unwrap();
                    }
                });
            }
        });
        let connection = inside(&path, || TcpStream::connect("10.9.0.1:80").unwrap());
        connection.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        Self { director, _client: client, _server: server, connection, key, endpoint }
    }

    pub(crate) fn carries_data(&mut self, byte: u8) {
        self.connection.write_all(&[byte]).unwrap();
        let mut answer = [0];
        self.connection.read_exact(&mut answer).expect("the connection is alive");
        assert_eq!(answer[0], byte ^ 0xff);
    }
}

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}
