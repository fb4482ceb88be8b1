//! The project's recorded kernel scenarios, replayed without a connection table: picks and counters of each scheduler by itself.
//!
//! Scenarios that need timers or persistence, and those of other folders, are left to the conformance test of the `Director`.

use std::{collections::HashMap, fs, path::Path};

use lvs_model::{Destination, Endpoint, Family, Protocol, SchedulerFlags, Thresholds, Weight};
use lvs_sched::algo::{AnyScheduler, DestinationId, Draws, Flow, Generation, Scheduled, Settings};
use serde_json::Value;

#[test]
fn every_scheduler_picks_as_recorded() {
    let (mut replayed, mut picks) = (HashMap::<String, u32>::new(), 0);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/kernel");
    let files = fs::read_dir(&folder).unwrap_or_else(|error| {
        panic!("{}: {error}; the recorded scenarios are in a checkout, not in the package", folder.display())
    });
    for file in files.map(|file| file.unwrap().path()).filter(|path| path.extension().is_some_and(|e| e == "json")) {
        let scenario: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        if is_simple(&scenario) {
            let name = file.display().to_string();
            for generation in generations(&scenario) {
                picks += Replay::new(&scenario, generation).run(&scenario, &name);
            }
            *replayed.entry(text(&scenario, "scheduler").to_owned()).or_default() += 1;
        }
    }
    assert_eq!(replayed.len(), 14, "schedulers with scenarios: {replayed:?}");
    assert!(picks > 5_000, "only {picks} picks were compared");
}

/// Whether pick, count and state moves are all there is to it.
fn is_simple(scenario: &Value) -> bool {
    let service = &scenario["service"];
    text(scenario, "kind") == "schedule"
        && service["persistent"] == false
        && !text(scenario, "name").starts_with("conn-")
        && scenario["steps"].as_array().unwrap().iter().all(|step| text(step, "op") != "sleep")
}

fn generations(scenario: &Value) -> Vec<Generation> {
    match text(scenario, "era") {
        "any" => vec![Generation::Classic, Generation::TotalConns],
        "classic" => vec![Generation::Classic],
        "totalconns" => vec![Generation::TotalConns],
        era => panic!("unknown era {era}"),
    }
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("no text {key} in {value}"))
}

fn number(value: &Value, key: &str) -> u32 {
    value[key].as_u64().unwrap_or(0).try_into().unwrap()
}

struct Replay {
    service: Scheduled<AnyScheduler>,
    one_packet: bool,
    ids: HashMap<Endpoint, DestinationId>,
    connections: HashMap<String, (DestinationId, bool)>,
}

impl Replay {
    fn new(scenario: &Value, generation: Generation) -> Self {
        let service = &scenario["service"];
        let family = text(service, "af").parse::<Family>().unwrap();
        let settings = Settings::default().with_generation(generation);
        let mut replay = Self {
            service: Scheduled::new(scheduler(text(service, "scheduler")), family, settings),
            one_packet: false,
            ids: HashMap::new(),
            connections: HashMap::new(),
        };
        replay.configure(service);
        replay
    }

    fn configure(&mut self, service: &Value) {
        self.one_packet = service["ops"] == true;
        self.service.set_flags(SchedulerFlags::from_bits(number(service, "flags_value")));
        let name = text(service, "scheduler");
        if self.service.scheduler().name().to_string() != name {
            self.service.replace_scheduler(scheduler(name));
        }
    }

    fn run(mut self, scenario: &Value, name: &str) -> u32 {
        let mut picks = 0;
        for (at, step) in scenario["steps"].as_array().unwrap().iter().enumerate() {
            let context = format!("{name}, step {at}: {step}");
            match text(step, "op") {
                "add_dest" => {
                    let destination = destination(step);
                    let known = self.ids.get(&destination.endpoint).copied();
                    match known.filter(|&id| self.service.restore(id, &destination)) {
                        Some(_) => {}
                        None => {
                            let id = self.service.add(&destination);
                            self.ids.insert(destination.endpoint, id);
                        }
                    }
                }
                "set_dest" => {
                    let destination = destination(step);
                    assert!(self.service.edit(self.ids[&destination.endpoint], &destination), "{context}");
                }
                "del_dest" => assert!(self.service.remove(self.ids[&destination(step).endpoint]), "{context}"),
                "set_service" => self.configure(if step["service"].is_object() { &step["service"] } else { step }),
                "new" if self.connections.contains_key(text(step, "conn")) => {}
                "new" => {
                    picks += 1;
                    self.open(step, &context);
                }
                "packet" => self.packet(step),
                "snapshot" | "sysctl" => {}
                op => panic!("unknown step {op}"),
            }
            self.compare(&step["after"], &context);
        }
        picks
    }

    fn open(&mut self, step: &Value, context: &str) {
        let endpoint = |addr, port| Endpoint::new(text(step, addr).parse().unwrap(), number(step, port) as u16);
        let protocol: Protocol = text(step, "protocol").parse().unwrap();
        let flow = Flow::new(protocol, endpoint("client", "cport"), endpoint("vaddr", "vport"));
        let mut recorded = Recorded { step, at: 0 };
        let pick = self.service.pick(&flow, &mut recorded);
        let picked = pick.and_then(|id| self.service.list().endpoint_of(id)).map(|endpoint| endpoint.to_string());
        assert_eq!(picked.as_deref(), step["expect"].as_str(), "{context}");
        assert_eq!(recorded.at, step["draws"].as_array().map_or(0, Vec::len), "{context}");
        let Some(id) = pick else { return };
        if !(self.one_packet && protocol == Protocol::UDP) {
            let active = protocol == Protocol::TCP;
            if active {
                self.service.bind_active(id)
            } else {
                self.service.bind(id)
            };
            self.connections.insert(text(step, "conn").to_owned(), (id, active));
        }
    }

    fn packet(&mut self, step: &Value) {
        let Some((id, active)) = self.connections.get_mut(text(step, "conn")) else { return };
        let state = step["state"].as_str().unwrap_or_default();
        let now = match step["protocol"].as_str().unwrap_or("tcp") {
            "tcp" => matches!(state, "ESTABLISHED" | "SYN_SENT" | "SYN_RECV" | "SYNACK"),
            "sctp" => state == "ESTABLISHED",
            _ => false,
        };
        if now != *active && !state.is_empty() {
            *active = now;
            if now {
                self.service.activate(*id)
            } else {
                self.service.deactivate(*id)
            };
        }
    }

    fn compare(&self, after: &Value, context: &str) {
        let Some(rows) = after.as_array() else { return };
        let list = self.service.list();
        let ours: Vec<Value> = list
            .iter()
            .map(|slot| {
                let counts = list.load(slot).counts(list.generation());
                let endpoint = list.endpoint(slot).to_string();
                serde_json::json!([endpoint, list.weight(slot), counts.active, counts.inactive, counts.persistent])
            })
            .collect();
        assert_eq!(&ours, rows, "{context}");
    }
}

/// The draws that the kernel made.
struct Recorded<'a> {
    step: &'a Value,
    at: usize,
}

impl Draws for Recorded<'_> {
    fn draw(&mut self, bound: u32) -> u32 {
        assert_eq!(bound, number(self.step, "draw_bound"));
        self.at += 1;
        self.step["draws"][self.at - 1].as_u64().unwrap() as u32
    }
}

fn scheduler(name: &str) -> AnyScheduler {
    AnyScheduler::named(name.parse().unwrap()).unwrap()
}

fn destination(step: &Value) -> Destination {
    let endpoint = Endpoint::new(text(step, "addr").parse().unwrap(), number(step, "port") as u16);
    Destination::new(endpoint)
        .with_weight(Weight::new(number(step, "weight")).unwrap())
        .with_thresholds(Thresholds::new(number(step, "u_threshold"), number(step, "l_threshold")).unwrap())
}
