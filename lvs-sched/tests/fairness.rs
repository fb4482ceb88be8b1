//! What each scheduler promises: shares, turns, and who moves when somebody leaves.

use std::collections::HashMap;

use lvs_model::{Destination, Endpoint, Family, SchedulerFlags, SchedulerName, Weight};
use lvs_sched::algo::{AnyScheduler, DestinationId, Flow, Random, Scheduled, Settings};
use proptest::prelude::*;

fn service(name: SchedulerName, weights: &[u32]) -> (Scheduled<AnyScheduler>, Vec<DestinationId>) {
    let mut service =
        Scheduled::new(AnyScheduler::named(SchedulerName::None).unwrap(), Family::Inet, Settings::default());
    let ids = weights.iter().enumerate().map(|(at, &weight)| service.add(&destination(at, weight))).collect();
    // Bound last, so that wrr begins with the highest weight.
    service.replace_scheduler(AnyScheduler::named(name).unwrap());
    (service, ids)
}

fn destination(at: usize, weight: u32) -> Destination {
    let endpoint = Endpoint::new([10, 8, (at >> 8) as u8, at as u8].into(), 8080);
    Destination::new(endpoint).with_weight(Weight::new(weight).unwrap())
}

fn client(at: u32) -> Flow {
    let client = Endpoint::new(std::net::Ipv4Addr::from_bits(0x0a00_0000 + at * 7).into(), 1024);
    Flow { client, ..Flow::default() }
}

fn shares(service: &mut Scheduled<AnyScheduler>, picks: u32) -> HashMap<DestinationId, u32> {
    let mut shares = HashMap::new();
    for _ in 0..picks {
        if let Some(id) = service.pick(&Flow::default(), &mut Random::seeded(0)) {
            *shares.entry(id).or_default() += 1;
        }
    }
    shares
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

proptest! {
    #[test]
    fn wrr_gives_exact_shares_in_every_period(weights in proptest::collection::vec(0..25u32, 1..30), periods in 1..20u32) {
        let (mut service, ids) = service(SchedulerName::Wrr, &weights);
        let divisor = weights.iter().copied().fold(0, gcd).max(1);
        for _ in 0..periods {
            let shares = shares(&mut service, weights.iter().sum::<u32>() / divisor);
            for (id, weight) in ids.iter().zip(&weights) {
                prop_assert_eq!(shares.get(id).copied().unwrap_or(0), weight / divisor);
            }
        }
    }

    #[test]
    fn rr_is_even(weights in proptest::collection::vec(0..3u32, 1..300), rounds in 1..5u32) {
        let (mut service, ids) = service(SchedulerName::Rr, &weights);
        let usable = weights.iter().filter(|weight| **weight > 0).count() as u32;
        let shares = shares(&mut service, usable * rounds);
        for (id, weight) in ids.iter().zip(&weights) {
            prop_assert_eq!(shares.get(id).copied().unwrap_or(0), if *weight > 0 { rounds } else { 0 });
        }
    }

    #[test]
    fn least_connections_stay_level(n in 1..60usize, connections in 0..600u32) {
        let (mut service, ids) = service(SchedulerName::Lc, &vec![1; n]);
        for _ in 0..connections {
            let id = service.pick(&Flow::default(), &mut Random::seeded(0)).unwrap();
            service.bind_active(id);
        }
        let active: Vec<u32> = ids.iter().map(|&id| service.list().load_of(id).unwrap().active()).collect();
        prop_assert!(active.iter().max().unwrap() - active.iter().min().unwrap() <= 1);
        prop_assert_eq!(active.iter().sum::<u32>(), connections);
    }

    #[test]
    fn quiescing_moves_nobody_else_under_mh(weights in proptest::collection::vec(1..9u32, 2..30), leaves: proptest::sample::Index) {
        let (mut service, ids) = service(SchedulerName::Mh, &weights);
        service.set_flags(SchedulerFlags::FALLBACK);
        let before: Vec<_> = (0..500).map(|at| service.pick(&client(at), &mut Random::seeded(0))).collect();
        let gone = leaves.index(ids.len());
        service.edit(ids[gone], &destination(gone, 0));
        for (at, before) in before.into_iter().enumerate() {
            let now = service.pick(&client(at as u32), &mut Random::seeded(0));
            prop_assert!(now.is_some());
            prop_assert_eq!(now == before, before != Some(ids[gone]));
        }
    }
}

/// Removing one of n moves its own clients, and few others: under mh less than a tenth, under sh nearly all.
#[test]
fn removing_moves_few_clients_under_mh_and_most_under_sh() {
    for (name, at_most, at_least) in [(SchedulerName::Mh, 0.1, 0.0), (SchedulerName::Sh, 1.0, 0.8)] {
        let (mut service, ids) = service(name, &[1; 20]);
        let before: Vec<_> = (0..5000).map(|at| service.pick(&client(at), &mut Random::seeded(0))).collect();
        service.remove(ids[7]);
        let others = before.iter().enumerate().filter(|(_, id)| **id != Some(ids[7]));
        let (moved, all) = others.fold((0, 0), |(moved, all), (at, before)| {
            let now = service.pick(&client(at as u32), &mut Random::seeded(0));
            (moved + u32::from(now != *before), all + 1)
        });
        let part = f64::from(moved) / f64::from(all);
        assert!((at_least..at_most).contains(&part), "{name}: {part} of the others moved");
    }
}
