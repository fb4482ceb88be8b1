//! Every scenario that was recorded from a real kernel is played against [`Director`]: each pick, each counter after each step, each
//! state and timeout has to be the kernel's.
//!
//! `LVS_FIXTURES` names other folders with scenarios, separated by `:`; their format is described in `tests/fixtures/README.md`.

use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::time::Duration;

use lvs_model::{
    ConnectionCounts, Destination, Endpoint, Family, Forwarding, Fwmark, Netmask, OnePacket, Persistence,
    PersistenceTimeout, PrefixLength, ProtocolTimeout, SchedulerFlags, Service, ServiceKey, Thresholds, Tunnel, Weight,
};
use lvs_sched::algo::{Draws, Generation, Settings};
use lvs_sched::director::{
    Director, ExpireNodest, Packet, QuiescentTemplates, ReuseMode, SctpChunks, SecureTcp, Segment, TcpFlags, Verdict,
};
use serde_json::Value;

/// A scenario's packets came a few milliseconds apart; timers that it expects to have ended say so with a `sleep`.
const STEP: Duration = Duration::from_millis(20);

#[test]
fn every_recorded_scenario_is_replayed_exactly() {
    let folders = folders();
    let mut failures = Vec::new();
    let mut played = HashMap::<String, usize>::new();
    for folder in &folders {
        let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
            .unwrap_or_else(|error| panic!("cannot read the folder {}: {error}", folder.display()))
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
            .collect();
        files.sort();
        assert!(!files.is_empty(), "no scenario (*.json) in {}", folder.display());
        for file in files {
            let scenario = read(&file);
            let kind = scenario["kind"].as_str().unwrap_or("none").to_owned();
            for generation in generations(&scenario) {
                let result = match kind.as_str() {
                    "schedule" => Schedule::new(&scenario, generation).play(&scenario),
                    "fsm" => state_machine(&scenario, generation),
                    "lookup" => lookup(&scenario, generation),
                    other => panic!("{}: unknown kind of scenario {other:?}", file.display()),
                };
                if let Err(why) = result {
                    failures.push(format!("{} ({generation:?}): {why}", file.display()));
                }
            }
            *played.entry(kind).or_default() += 1;
        }
    }
    println!("played {played:?} from {folders:?}");
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}

/// The folders to play. The project's own copy is not part of the published package: there `LVS_FIXTURES` has to be set.
fn folders() -> Vec<PathBuf> {
    match std::env::var_os("LVS_FIXTURES") {
        Some(folders) => std::env::split_paths(&folders).collect(),
        None => {
            let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/kernel");
            assert!(
                own.is_dir(),
                "the recorded scenarios are not part of the package: set LVS_FIXTURES to a checkout's lvs-sched/tests/fixtures/kernel",
            );
            vec![own]
        }
    }
}

fn read(file: &Path) -> Value {
    let text = std::fs::read_to_string(file).unwrap();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// The kernels for which a scenario holds.
fn generations(scenario: &Value) -> Vec<Generation> {
    match scenario["era"].as_str() {
        Some("any") => vec![Generation::Classic, Generation::TotalConns],
        Some("classic") => vec![Generation::Classic],
        Some("totalconns") => vec![Generation::TotalConns],
        other => panic!("unknown era {other:?}"),
    }
}

/// The draws that a kernel was seen to make.
#[derive(Default)]
struct Recorded {
    draws: VecDeque<u32>,
    bounds: Vec<u32>,
}

impl Draws for Recorded {
    fn draw(&mut self, bound: u32) -> u32 {
        self.bounds.push(bound);
        self.draws.pop_front().expect("a pick drew more numbers than the kernel")
    }
}

type Played = Result<(), String>;

struct Schedule {
    director: Director<Recorded>,
    service: Service,
    now: Duration,
    connections: HashMap<String, Connection>,
}

#[derive(Clone, Copy)]
struct Connection {
    client: Endpoint,
    target: Endpoint,
    server: Option<Endpoint>,
}

impl Schedule {
    fn new(scenario: &Value, generation: Generation) -> Self {
        let mut director = Director::with_draws(Settings::default().with_generation(generation), Recorded::default());
        for (name, value) in scenario["sysctl"].as_object().unwrap() {
            set_sysctl(&mut director, name, value.as_u64().unwrap());
        }
        let timeouts = &scenario["timeouts"];
        director.sysctls_mut().timeouts.tcp = seconds(&timeouts["tcp"]);
        director.sysctls_mut().timeouts.tcp_fin = seconds(&timeouts["tcp_fin"]);
        director.sysctls_mut().timeouts.udp = seconds(&timeouts["udp"]);
        let service = service(&scenario["service"]);
        director.add_service(service.clone()).unwrap();
        Self { director, service, now: Duration::from_secs(1000), connections: HashMap::new() }
    }

    fn play(mut self, scenario: &Value) -> Played {
        for (index, step) in scenario["steps"].as_array().unwrap().iter().enumerate() {
            self.now += STEP;
            self.step(step).map_err(|why| format!("step {index} {step}: {why}"))?;
        }
        Ok(())
    }

    fn step(&mut self, step: &Value) -> Played {
        let key = *self.service.key();
        match step["op"].as_str().unwrap() {
            "add_dest" => self.director.add_destination(&key, destination(step)).unwrap(),
            "set_dest" => self.director.edit_destination(&key, destination(step)).unwrap(),
            "del_dest" => self.director.remove_destination(&key, endpoint(step, "addr", "port")).unwrap(),
            "set_service" => self.director.edit_service(service(&step["service"])).unwrap(),
            "sysctl" => set_sysctl(&mut self.director, step["key"].as_str().unwrap(), step["value"].as_u64().unwrap()),
            "sleep" => self.now += Duration::from_secs_f64(step["seconds"].as_f64().unwrap()),
            "snapshot" => {}
            "new" => self.first_packet(step)?,
            "packet" => self.packet(step)?,
            other => panic!("unknown step {other:?}"),
        }
        self.director.advance(self.now);
        match step.get("after") {
            Some(after) => same("after", self.rows(), after),
            None => Ok(()),
        }
    }

    fn first_packet(&mut self, step: &Value) -> Played {
        let client = endpoint(step, "client", "cport");
        let target = endpoint(step, "vaddr", "vport");
        let segment = match step["protocol"].as_str().unwrap() {
            "tcp" => Segment::Tcp(TcpFlags::SYN),
            "udp" => Segment::Udp,
            "sctp" => Segment::Sctp(SctpChunks::INIT),
            other => panic!("unknown protocol {other:?}"),
        };
        let draws = step["draws"].as_array().into_iter().flatten();
        *self.director.draws_mut() = Recorded::default();
        self.director.draws_mut().draws = draws.map(|draw| draw.as_u64().unwrap() as u32).collect();
        let verdict = self.inbound(client, target, segment);
        let recorded = self.director.draws_mut();
        if !recorded.draws.is_empty() {
            return Err("the pick drew fewer numbers than the kernel".into());
        }
        if let Some(bound) = step["draw_bound"].as_u64() {
            let bound = bound as u32;
            if recorded.bounds.iter().any(|&drawn| drawn != bound) {
                return Err(format!("drawn below {:?}, the kernel below {bound}", recorded.bounds));
            }
        }
        self.connections.insert(
            step["conn"].as_str().unwrap().to_owned(),
            Connection { client, target, server: verdict.destination() },
        );
        same("expect", verdict.destination().map(|to| to.to_string()), &step["expect"])?;
        let result = match verdict {
            Verdict::Forward(forward) if forward.forwarding.tunnel().is_some() => "tunneled",
            Verdict::Forward(_) => "forwarded",
            Verdict::Refuse => "icmp_port_unreachable",
            _ => "none",
        };
        same("result", result, &step["result"])
    }

    fn packet(&mut self, step: &Value) -> Played {
        let name = step["conn"].as_str().unwrap();
        let connection = self.connections[name];
        let segment = segment(step["what"].as_str().unwrap(), self.service.key());
        match step["dir"].as_str().unwrap() {
            "in" => {
                let verdict = self.inbound(connection.client, connection.target, segment);
                let to = match verdict {
                    Verdict::Forward(forward) if forward.forwarding.tunnel().is_some() => {
                        Some(forward.destination.addr.to_string())
                    }
                    other => other.destination().map(|to| to.to_string()),
                };
                same("forwarded_to", to, &step["forwarded_to"])?;
                if verdict.destination().is_some() {
                    self.connections.get_mut(name).unwrap().server = verdict.destination();
                }
            }
            "out" => {
                let server = connection.server.expect("an answer of a connection that goes nowhere");
                let packet = Packet::new(server, connection.client, segment);
                let verdict = self.director.outbound(&packet, self.now);
                if verdict != (Verdict::Reply { source: connection.target }) {
                    return Err(format!("an answer got {verdict:?}"));
                }
            }
            other => panic!("unknown direction {other:?}"),
        }
        // While an expired predecessor has not gone yet, either may have been seen.
        let found: Vec<Option<&str>> = self
            .director
            .connections()
            .filter(|entry| entry.client == connection.client && entry.target.port == connection.target.port)
            .map(|entry| Some(entry.state.name()))
            .collect();
        let found = if found.is_empty() { vec![None] } else { found };
        if found.contains(&step["state"].as_str()) {
            Ok(())
        } else {
            Err(format!("state {found:?}, the kernel says {}", step["state"]))
        }
    }

    fn inbound(&mut self, client: Endpoint, target: Endpoint, segment: Segment) -> Verdict {
        let mut packet = Packet::new(client, target, segment);
        if let ServiceKey::Fwmark { mark, .. } = *self.service.key() {
            packet = packet.with_fwmark(mark);
        }
        self.director.inbound(&packet, self.now)
    }

    fn rows(&self) -> Value {
        let status = self.director.service(self.service.key()).unwrap();
        let rows = status.destinations.iter().map(|row| {
            let ConnectionCounts { active, inactive, persistent } = row.counts;
            let destination = row.destination;
            serde_json::json!([
                destination.endpoint.to_string(),
                destination.weight.get(),
                active,
                inactive,
                persistent
            ])
        });
        rows.collect()
    }
}

/// Plays each row of a table of transitions on a connection of its own.
fn state_machine(scenario: &Value, generation: Generation) -> Played {
    let protocol = scenario["protocol"].as_str().unwrap();
    let key: ServiceKey = format!("{protocol} 10.9.0.1:80").parse().unwrap();
    let port = if scenario["fwd"] == "masq" { 8080 } else { 80 };
    let server = Endpoint::new("10.8.0.1".parse().unwrap(), port);
    for row in scenario["rows"].as_array().unwrap() {
        let mut director = Director::new(Settings::default().with_generation(generation));
        for (name, value) in scenario["sysctl"].as_object().unwrap() {
            set_sysctl(&mut director, name, value.as_u64().unwrap());
        }
        director.add_service(Service::new(key, "rr".parse().unwrap())).unwrap();
        director.add_destination(&key, Destination::new(server).with_forwarding(forwarding(&scenario["fwd"]))).unwrap();
        let client = Endpoint::new("10.0.0.1".parse().unwrap(), 1024);
        let target = key.endpoint().unwrap();
        let mut now = Duration::from_secs(1);
        let mut send = |director: &mut Director, event: &Value| {
            let (direction, what) = event.as_str().unwrap().split_once(':').unwrap();
            let segment = segment(what, &key);
            now += STEP;
            let verdict = match direction {
                "in" => director.inbound(&Packet::new(client, target, segment), now),
                _ => {
                    let source = if scenario["fwd"] == "masq" { server } else { target };
                    director.outbound(&Packet::new(source, client, segment), now)
                }
            };
            let _ = verdict;
        };
        for event in row["path"].as_array().unwrap() {
            send(&mut director, event);
        }
        let before = seen(&director, &key);
        same("state", before.0, &row["state"]).map_err(|why| format!("{row}: {why}"))?;
        send(&mut director, &row["event"]);
        let after = seen(&director, &key);
        same("next", after.0, &row["next"]).map_err(|why| format!("{row}: {why}"))?;
        same("d_active", after.2 - before.2, &row["d_active"]).map_err(|why| format!("{row}: {why}"))?;
        same("d_inactive", after.3 - before.3, &row["d_inactive"]).map_err(|why| format!("{row}: {why}"))?;
        // A second may have begun between the packet and the reading.
        let expires = row["expires"].as_u64();
        if after.1 != expires && after.1.map(|seconds| seconds - 1) != expires {
            return Err(format!("{row}: expires in {:?} s", after.1));
        }
    }
    Ok(())
}

/// State and remaining seconds of the only connection, and the counters of the only destination.
fn seen(director: &Director, key: &ServiceKey) -> (Option<String>, Option<u64>, i64, i64) {
    let connection = director.connections().next();
    let counts = director.service(key).unwrap().destinations[0].counts;
    (
        connection.map(|entry| entry.state.to_string()),
        connection.map(|entry| entry.remaining.as_secs()),
        counts.active.into(),
        counts.inactive.into(),
    )
}

fn lookup(scenario: &Value, generation: Generation) -> Played {
    let mut director = Director::new(Settings::default().with_generation(generation));
    let mut keys = HashMap::new();
    let mut now = Duration::ZERO;
    for step in scenario["steps"].as_array().unwrap() {
        now += STEP;
        match step["op"].as_str().unwrap() {
            "add_service" => {
                let service = service(&step["service"]);
                let key = *service.key();
                director.add_service(service).unwrap();
                director.add_destination(&key, Destination::new(endpoint(step, "dest", "dest_port"))).unwrap();
                keys.insert(step["name"].as_str().unwrap(), key);
            }
            "del_service" => director.remove_service(&keys[step["name"].as_str().unwrap()]).unwrap(),
            "probe" => {
                let client = Endpoint::new(step["client"].as_str().unwrap().parse().unwrap(), 1024);
                let target = Endpoint::new("10.9.0.1".parse().unwrap(), step["port"].as_u64().unwrap() as u16);
                let segment = match step["protocol"].as_str().unwrap() {
                    "tcp" => Segment::Tcp(TcpFlags::SYN),
                    _ => Segment::Udp,
                };
                let mut packet = Packet::new(client, target, segment);
                if let Ok(mark) = Fwmark::new(step["mark"].as_u64().unwrap() as u32) {
                    packet = packet.with_fwmark(mark);
                }
                let verdict = director.inbound(&packet, now);
                same("expect", verdict.destination().map(|to| to.to_string()), &step["expect"])
                    .map_err(|why| format!("{step}: {why}"))?;
            }
            other => panic!("unknown step {other:?}"),
        }
    }
    Ok(())
}

fn same(what: &str, ours: impl Into<Value>, kernel: &Value) -> Played {
    let ours = ours.into();
    if ours == *kernel { Ok(()) } else { Err(format!("{what}: {ours}, the kernel says {kernel}")) }
}

fn set_sysctl<D: Draws>(director: &mut Director<D>, name: &str, value: u64) {
    let on = value != 0;
    let sysctls = director.sysctls_mut();
    match name {
        "conn_reuse_mode" => {
            sysctls.conn_reuse_mode = match value {
                0 => ReuseMode::Keep,
                1 => ReuseMode::Reschedule,
                _ => ReuseMode::RescheduleHalfSeen,
            }
        }
        "expire_nodest_conn" => sysctls.expire_nodest_conn = if on { ExpireNodest::On } else { ExpireNodest::Off },
        "expire_quiescent_template" => {
            sysctls.expire_quiescent_template = if on { QuiescentTemplates::Expire } else { QuiescentTemplates::Keep }
        }
        "secure_tcp" => sysctls.secure_tcp = if value >= 2 { SecureTcp::On } else { SecureTcp::Off },
        "lblc_expiration" | "lblcr_expiration" => director.set_cache_expiration(Duration::from_secs(value)),
        other => panic!("unknown sysctl {other:?}"),
    }
}

fn seconds(value: &Value) -> ProtocolTimeout {
    ProtocolTimeout::new(value.as_u64().unwrap() as u32).unwrap()
}

fn service(value: &Value) -> Service {
    let family = match value["af"].as_str().unwrap() {
        "inet" => Family::Inet,
        "inet6" => Family::Inet6,
        other => panic!("unknown family {other:?}"),
    };
    let key = match Fwmark::new(value["fwmark"].as_u64().unwrap() as u32) {
        Ok(mark) => ServiceKey::fwmark(family, mark),
        Err(_) => {
            let endpoint = endpoint(value, "addr", "port");
            format!("{} {endpoint}", value["protocol"].as_str().unwrap()).parse().unwrap()
        }
    };
    let flags = value["flags_value"].as_u64().unwrap() as u32;
    let mut service = Service::new(key, value["scheduler"].as_str().unwrap().parse().unwrap())
        .with_flags(SchedulerFlags::from_bits(flags))
        .with_one_packet(if flags & 4 != 0 { OnePacket::On } else { OnePacket::Off });
    if flags & 1 != 0 {
        let timeout = PersistenceTimeout::new(value["timeout"].as_u64().unwrap() as u32).unwrap();
        let mut persistence = Persistence::new(timeout, family);
        if let Some(netmask) = value["netmask"].as_str() {
            persistence.netmask = match family {
                Family::Inet => Netmask::Inet(netmask.parse().unwrap()),
                Family::Inet6 => Netmask::Inet6(PrefixLength::new(netmask.parse().unwrap()).unwrap()),
            };
        }
        service = service.with_persistence(persistence).unwrap();
    }
    assert!(value["pe"].is_null(), "persistence engines are not played");
    service
}

fn destination(step: &Value) -> Destination {
    let threshold = |name: &str| step[name].as_u64().unwrap_or(0) as u32;
    Destination::new(endpoint(step, "addr", "port"))
        .with_weight(Weight::new(step["weight"].as_u64().unwrap() as u32).unwrap())
        .with_forwarding(forwarding(&step["fwd"]))
        .with_thresholds(Thresholds::new(threshold("u_threshold"), threshold("l_threshold")).unwrap())
}

fn forwarding(value: &Value) -> Forwarding {
    match value.as_str().unwrap() {
        "masq" => Forwarding::Masquerade,
        "tunnel" => Forwarding::Tunnel(Tunnel::Ipip),
        "route" => Forwarding::DirectRouting,
        "local" => Forwarding::Local,
        other => panic!("unknown forwarding method {other:?}"),
    }
}

fn endpoint(value: &Value, addr: &str, port: &str) -> Endpoint {
    let addr = value[addr].as_str().unwrap().parse().unwrap();
    Endpoint::new(addr, value[port].as_u64().unwrap() as u16)
}

/// TCP flag letters, "udp", or the name of an SCTP chunk.
fn segment(what: &str, key: &ServiceKey) -> Segment {
    let chunk = match what {
        "udp" | "x" => return Segment::Udp,
        "DATA" => SctpChunks::DATA,
        "INIT" => SctpChunks::INIT,
        "INIT_ACK" => SctpChunks::INIT_ACK,
        "SACK" => SctpChunks::SACK,
        "HEARTBEAT" => SctpChunks::HEARTBEAT,
        "HEARTBEAT_ACK" => SctpChunks::HEARTBEAT_ACK,
        "ABORT" => SctpChunks::ABORT,
        "SHUTDOWN" => SctpChunks::SHUTDOWN,
        "SHUTDOWN_ACK" => SctpChunks::SHUTDOWN_ACK,
        "ERROR" => SctpChunks::ERROR,
        "COOKIE_ECHO" => SctpChunks::COOKIE_ECHO,
        "COOKIE_ACK" => SctpChunks::COOKIE_ACK,
        "SHUTDOWN_COMPLETE" => SctpChunks::SHUTDOWN_COMPLETE,
        letters => {
            let flags = letters.chars().fold(TcpFlags::EMPTY, |flags, letter| {
                flags
                    | match letter {
                        'F' => TcpFlags::FIN,
                        'S' => TcpFlags::SYN,
                        'R' => TcpFlags::RST,
                        'A' => TcpFlags::ACK,
                        'P' => TcpFlags::EMPTY,
                        other => panic!("{key}: unknown packet {letters:?} with {other:?}"),
                    }
            });
            return Segment::Tcp(flags);
        }
    };
    Segment::Sctp(chunk)
}
