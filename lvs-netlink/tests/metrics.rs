//! The exposition: exact text, one series a service unless asked, nothing twice.

#![cfg(feature = "test-util")]

use lvs_model::{
    ConnectionCounts, Destination, Rates, SchedulerName, Service, ServiceStatus, Statistics, Table, VirtualServer,
    Weight,
};
use lvs_netlink::Client;
use lvs_netlink::fake::Kernel;
use lvs_netlink::metrics::{Detail, Exposition};
use std::collections::{HashMap, HashSet};

fn services() -> Vec<ServiceStatus> {
    let kernel = Kernel::new();
    let mut web = VirtualServer::new(Service::new("tcp 10.0.0.1:80".parse().unwrap(), SchedulerName::Wlc));
    for (number, weight) in [(1, 1), (2, 0), (3, 5)] {
        let endpoint = format!("10.1.0.{number}:8080").parse().unwrap();
        web.insert(Destination::new(endpoint).with_weight(Weight::new(weight).unwrap())).unwrap();
    }
    let marked = VirtualServer::new(Service::new("fwmark 7 inet6".parse().unwrap(), "a\"b\\c".parse().unwrap()));
    let key = *web.key();
    let table =
        Table::from_iter([web.clone(), VirtualServer::new(marked.service().clone().with_scheduler(SchedulerName::Rr))]);
    kernel.load(&table).unwrap();
    for (destination, active) in web.destinations().iter().zip([10, 20, 30]) {
        let counts = ConnectionCounts { active, inactive: 1, persistent: 2 };
        kernel.set_counts(&key, destination.endpoint, counts).unwrap();
    }
    let statistics = Statistics { connections: 1, packets_in: 2, packets_out: 3, bytes_in: u64::MAX, bytes_out: 5 };
    kernel.set_statistics(&key, statistics, Rates::default()).unwrap();
    let mut listed = Client::with_connector(kernel).unwrap().list().unwrap();
    let odd = listed.iter_mut().find(|status| status.service.key() == marked.key()).unwrap();
    odd.service = marked.service().clone();
    listed
}

/// Samples by name and labels; checks the form of every line, and that no series comes twice.
fn parse(text: &str) -> HashMap<String, String> {
    let (mut current, mut samples) = (String::new(), HashMap::new());
    let mut seen = HashSet::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(seen.insert(name.to_owned()), "{name} is not in one piece");
            assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
            current = name.into();
        } else if !line.starts_with("# HELP ") {
            let (series, value) = line.rsplit_once(' ').unwrap();
            assert_eq!(series.split('{').next().unwrap(), current, "{line}");
            assert!(value.parse::<u64>().is_ok(), "{line}");
            assert!(samples.insert(series.into(), value.into()).is_none(), "{line} comes twice");
        }
    }
    samples
}

#[test]
fn one_series_for_each_service_and_metric() {
    let text = Exposition::new(&services()).to_string();
    let samples = parse(&text);
    assert_eq!(samples.len(), 2 * 11);
    let web = r#"protocol="tcp",address="10.0.0.1",port="80""#;
    for (name, value) in [
        ("destinations", "3"),
        ("quiesced_destinations", "1"),
        ("active_connections", "60"),
        ("inactive_connections", "3"),
        ("persistent_connections", "6"),
        ("connections_total", "1"),
        ("incoming_packets_total", "2"),
        ("outgoing_packets_total", "3"),
        ("incoming_bytes_total", "18446744073709551615"),
        ("outgoing_bytes_total", "5"),
    ] {
        assert_eq!(samples[&format!("lvs_service_{name}{{{web}}}")], value, "{name}");
    }
    assert_eq!(samples[&format!("lvs_service_info{{{web},scheduler=\"wlc\"}}")], "1");
    assert!(text.contains(r#"lvs_service_info{fwmark="7",family="inet6",scheduler="a\"b\\c"} 1"#));
    assert!(!text.contains("lvs_destination"));
}

#[test]
fn destinations_and_totals_when_asked() {
    let listed = services();
    let totals = "a\nb\n       E        F        2              2A2               50\n\nc\n 1 1 1 1 1".parse().unwrap();
    let text = Exposition::new(&listed).with_detail(Detail::Destinations).with_totals(totals).to_string();
    let samples = parse(&text);
    assert_eq!(samples.len(), 2 * 11 + 3 * 9 + 5);
    assert_eq!(samples["lvs_incoming_bytes_total"], "674");
    let quiesced = r#"lvs_destination_weight{protocol="tcp",address="10.0.0.1",port="80",destination_address="10.1.0.2",destination_port="8080"}"#;
    assert_eq!(samples[quiesced], "0");
}

#[test]
fn what_a_disturbed_listing_has_twice_is_printed_once() {
    let listed = services();
    let mut twice = listed.clone();
    twice.extend(listed.clone());
    let copy = twice[0].destinations.clone();
    twice[0].destinations.extend(copy);
    let once = Exposition::new(&listed).with_detail(Detail::Destinations).to_string();
    assert_eq!(Exposition::new(&twice).with_detail(Detail::Destinations).to_string(), once);
}
