//! kind = "schedule": one service, edits, packets, and what the kernel did with each.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use lvs_model::{ConnectionCounts, Endpoint, Forwarding, Service, ServiceKey, Tunnel};
use lvs_sched::algo::{Draws, Generation, Settings};
use lvs_sched::director::{Director, Packet, Segment, TcpFlags, Verdict};
use serde_json::Value;

use crate::recorded::{destination, endpoint, opening, segment, service, set_sysctl, set_sysctls, text};
use crate::{Played, STEP, recorded, same};

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

pub(crate) fn play(scenario: &Value, generation: Generation) -> Played {
    let mut director = Director::with_draws(Settings::default().with_generation(generation), Recorded::default());
    set_sysctls(&mut director, scenario);
    recorded::set_timeouts(&mut director, scenario);
    let service = service(&scenario["service"]);
    director.add_service(service.clone()).unwrap();
    let mut schedule = Schedule { director, service, now: Duration::from_secs(1000), connections: HashMap::new() };
    let steps = scenario["steps"].as_array().ok_or("no steps")?;
    for (index, step) in steps.iter().enumerate() {
        schedule.now += STEP;
        schedule.step(step).map_err(|why| format!("step {index} {step}: {why}"))?;
    }
    Ok(())
}

impl Schedule {
    fn step(&mut self, step: &Value) -> Played {
        let key = *self.service.key();
        match text(step, "op") {
            "add_dest" => self.change(step, |director, step| {
                director.add_destination(&key, destination(step)?).map_err(|error| error.to_string())
            })?,
            "set_dest" => self.change(step, |director, step| {
                director.edit_destination(&key, destination(step)?).map_err(|error| error.to_string())
            })?,
            "del_dest" => self.change(step, |director, step| {
                let removed = director.remove_destination(&key, endpoint(step, "addr", "port"));
                removed.map_err(|error| error.to_string())
            })?,
            "set_service" => self.change(step, |director, step| {
                director.edit_service(service(&step["service"])).map_err(|error| error.to_string())
            })?,
            "sysctl" => set_sysctl(&mut self.director, text(step, "key"), &step["value"]),
            "sleep" => self.now += Duration::from_secs_f64(step["seconds"].as_f64().unwrap()),
            "snapshot" => {}
            "new" => self.first_packet(step)?,
            "packet" => self.packet(step)?,
            other => return Err(format!("unknown step {other:?}")),
        }
        self.director.advance(self.now);
        let Some(after) = step.get("after") else { return Ok(()) };
        same("after", self.rows(), after)
    }

    /// Makes a change, which the kernel refused if an error was recorded.
    fn change(
        &mut self,
        step: &Value,
        change: impl Fn(&mut Director<Recorded>, &Value) -> Result<(), String>,
    ) -> Played {
        let refused = step["errno"].as_str().filter(|&errno| errno != "OK");
        match (change(&mut self.director, step), refused) {
            (Ok(()), Some(errno)) => Err(format!("made, the kernel said {errno}")),
            (Err(why), None) => Err(format!("refused ({why}), the kernel did it")),
            _ => Ok(()),
        }
    }

    fn first_packet(&mut self, step: &Value) -> Played {
        let client = endpoint(step, "client", "cport");
        let target = endpoint(step, "vaddr", "vport");
        let draws = step["draws"].as_array().into_iter().flatten();
        *self.director.draws_mut() = Recorded::default();
        self.director.draws_mut().draws = draws.map(|draw| draw.as_u64().unwrap() as u32).collect();
        let packet = self.packet_from(client, target, opening(text(step, "protocol")));
        let verdict = self.inbound(&packet);
        let recorded = self.director.draws_mut();
        if !recorded.draws.is_empty() {
            return Err("the pick drew fewer numbers than the kernel".into());
        }
        if let Some(bound) = step["draw_bound"].as_u64()
            && recorded.bounds.iter().any(|&drawn| u64::from(drawn) != bound)
        {
            return Err(format!("drawn below {:?}, the kernel below {bound}", recorded.bounds));
        }
        let connection = Connection { client, target, server: verdict.destination() };
        self.connections.insert(text(step, "conn").to_owned(), connection);
        let unseen = step["expect"].is_null();
        let (to, result) = match verdict {
            Verdict::Forward(forward) => match forward.forwarding {
                // A tunnel does not show the port: that of the destination was recorded.
                Forwarding::Tunnel(Tunnel::Gue { .. }) if unseen => (None, "none"),
                Forwarding::Tunnel(_) => (self.listed(forward.destination), "tunneled"),
                Forwarding::Local if unseen => (None, local_answer(packet.segment)),
                Forwarding::Masquerade => (Some(forward.destination), "forwarded"),
                // Which real server got a packet that was not changed is not to be seen.
                _ if unseen => (None, "none"),
                _ => (Some(forward.destination), "forwarded"),
            },
            Verdict::Refuse => (None, "icmp_port_unreachable"),
            Verdict::Pass => (None, local_answer(packet.segment)),
            _ => (None, "none"),
        };
        same("expect", to.map(|to| to.to_string()), &step["expect"])?;
        same("result", result, &step["result"])
    }

    /// The first destination in the list with the address of this one.
    fn listed(&self, sent: Endpoint) -> Option<Endpoint> {
        let status = self.director.service(self.service.key()).unwrap();
        let endpoints = status.destinations.iter().map(|row| row.destination.endpoint);
        endpoints.into_iter().find(|endpoint| endpoint.addr == sent.addr)
    }

    fn packet(&mut self, step: &Value) -> Played {
        let name = text(step, "conn");
        let connection = *self.connections.get(name).ok_or("a packet of a connection that was never new")?;
        let segment = segment(text(step, "what"));
        let state = step["state"].as_str();
        match text(step, "dir") {
            "in" => {
                let packet = self.packet_from(connection.client, connection.target, segment);
                let verdict = self.inbound(&packet);
                let to = match verdict {
                    Verdict::Forward(forward) => match forward.forwarding {
                        Forwarding::Masquerade => Some(forward.destination.to_string()),
                        Forwarding::Tunnel(Tunnel::Gue { .. }) if step["forwarded_to"].is_null() => None,
                        Forwarding::Tunnel(_) => Some(forward.destination.addr.to_string()),
                        _ if step["forwarded_to"].is_null() => None,
                        _ => Some(forward.destination.to_string()),
                    },
                    _ => None,
                };
                same("forwarded_to", to, &step["forwarded_to"])?;
                if let Some(server) = verdict.destination() {
                    self.connections.get_mut(name).unwrap().server = Some(server);
                }
            }
            "out" => {
                let server = connection.server.ok_or("an answer of a connection that goes nowhere")?;
                // A connection that is gone, or goes elsewhere since it was scheduled anew, has no answers from there.
                let is_open = self.director.connections().any(|entry| {
                    (entry.client, entry.target, entry.destination) == (connection.client, connection.target, server)
                });
                let packet = Packet::new(server, connection.client, segment);
                let verdict = self.director.outbound(&packet, self.now);
                let expected = match is_open {
                    true => Verdict::Reply { source: connection.target },
                    false => Verdict::Pass,
                };
                if verdict != expected {
                    return Err(format!("an answer got {verdict:?}"));
                }
            }
            other => return Err(format!("unknown direction {other:?}")),
        }
        // While an expired predecessor has not gone yet, either may have been seen.
        let found: Vec<Option<&str>> = self
            .director
            .connections()
            .filter(|entry| entry.client == connection.client && entry.target.port == connection.target.port)
            .map(|entry| Some(entry.state.name()))
            .collect();
        let found = if found.is_empty() { vec![None] } else { found };
        if found.contains(&state) { Ok(()) } else { Err(format!("state {found:?}, the kernel says {}", step["state"])) }
    }

    fn packet_from(&self, client: Endpoint, target: Endpoint, segment: Segment) -> Packet {
        let packet = Packet::new(client, target, segment);
        match *self.service.key() {
            ServiceKey::Fwmark { mark, .. } => packet.with_fwmark(mark),
            ServiceKey::Socket { .. } => packet,
        }
    }

    fn inbound(&mut self, packet: &Packet) -> Verdict {
        // The lab's kernel has all virtual addresses itself.
        self.director.sysctls_mut().local_addresses.insert(packet.destination.addr);
        let verdict = self.director.inbound(packet, self.now);
        let is_local = match verdict {
            Verdict::Pass => true,
            Verdict::Forward(forward) => forward.forwarding == Forwarding::Local,
            _ => false,
        };
        if let Segment::Tcp(flags) = packet.segment
            && is_local
            && !flags.contains(TcpFlags::RST)
        {
            // Nobody listens there: a reset is sent, and goes through IPVS on its way out.
            let reset = Packet::new(packet.destination, packet.source, Segment::Tcp(TcpFlags::RST));
            let _ = self.director.outbound(&reset, self.now);
        }
        verdict
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

/// What the local stack says to the first packet of a connection for which nobody listens.
fn local_answer(segment: Segment) -> &'static str {
    match segment {
        Segment::Tcp(_) => "tcp_local_reply",
        Segment::Udp => "icmp_port_unreachable",
        _ => "none",
    }
}
