//! kind = "fsm": each transition of a state machine. kind = "lookup": which of several services a packet belongs to.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use lvs_model::{Destination, Endpoint, Fwmark, Service, ServiceKey};
use lvs_sched::algo::{Generation, Settings};
use lvs_sched::director::{Director, Packet};
use serde_json::Value;

use crate::recorded::{endpoint, forwarding, number, opening, segment, service, set_sysctls, set_timeouts, text};
use crate::{Played, STEP, same};

/// Plays each row of a table of transitions on a connection of its own.
pub(crate) fn state_machine(scenario: &Value, generation: Generation) -> Played {
    let key: ServiceKey = format!("{} 10.9.0.1:80", text(scenario, "protocol")).parse().unwrap();
    let is_masqueraded = scenario["fwd"] == "masq";
    let server = Endpoint::new("10.8.0.1".parse().unwrap(), if is_masqueraded { 8080 } else { 80 });
    let rows = scenario["rows"].as_array().ok_or("no rows")?;
    for row in rows {
        let mut director = Director::new(Settings::default().with_generation(generation));
        set_sysctls(&mut director, scenario);
        set_timeouts(&mut director, scenario);
        director.add_service(Service::new(key, "rr".parse().unwrap())).unwrap();
        director.add_destination(&key, Destination::new(server).with_forwarding(forwarding(scenario))).unwrap();
        let client = Endpoint::new("10.0.0.1".parse().unwrap(), 1024);
        let target = key.endpoint().unwrap();
        let mut now = Duration::from_secs(1);
        let mut send = |director: &mut Director, event: &Value| {
            let (direction, what) = event.as_str().and_then(|event| event.split_once(':')).expect("no event");
            now += STEP;
            // Where the packet goes is not recorded here.
            let _ = match direction {
                "in" => director.inbound(&Packet::new(client, target, segment(what)), now),
                "out" => {
                    let source = if is_masqueraded { server } else { target };
                    director.outbound(&Packet::new(source, client, segment(what)), now)
                }
                other => panic!("unknown direction {other:?}"),
            };
        };
        for event in row["path"].as_array().ok_or("no path")? {
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

pub(crate) fn lookup(scenario: &Value, generation: Generation) -> Played {
    let mut director = Director::new(Settings::default().with_generation(generation));
    set_sysctls(&mut director, scenario);
    let mut keys = HashMap::new();
    let mut now = Duration::ZERO;
    for step in scenario["steps"].as_array().ok_or("no steps")? {
        now += STEP;
        match text(step, "op") {
            "add_service" => {
                let service = service(&step["service"]);
                let key = *service.key();
                director.add_service(service).unwrap();
                director.add_destination(&key, Destination::new(endpoint(step, "dest", "dest_port"))).unwrap();
                keys.insert(text(step, "name"), key);
            }
            "del_service" => director.remove_service(&keys[text(step, "name")]).unwrap(),
            "probe" => {
                let client = Endpoint::new(text(step, "client").parse().unwrap(), 1024);
                // The virtual address of all services in such a file.
                let addr: IpAddr = match (step["vaddr"].as_str(), client.addr) {
                    (Some(addr), _) => addr.parse().unwrap(),
                    (None, IpAddr::V4(_)) => "10.9.0.1".parse().unwrap(),
                    (None, IpAddr::V6(_)) => "fd00:9::1".parse().unwrap(),
                };
                let target = Endpoint::new(addr, number(step, "port") as u16);
                let mut packet = Packet::new(client, target, opening(text(step, "protocol")));
                if let Ok(mark) = Fwmark::new(number(step, "mark")) {
                    packet = packet.with_fwmark(mark);
                }
                let verdict = director.inbound(&packet, now);
                same("expect", verdict.destination().map(|to| to.to_string()), &step["expect"])
                    .map_err(|why| format!("{step}: {why}"))?;
            }
            other => return Err(format!("unknown step {other:?}")),
        }
    }
    Ok(())
}
