//! What each scheduler does in a few situations, as a table for people to review: `tests/outcomes.txt`.
//!
//! `UPDATE_OUTCOMES=1 cargo test -p lvs-sched --test outcomes` writes it anew; without it the test compares.

use std::{collections::HashMap, env, fmt::Write, fs, net::Ipv4Addr, path::Path};

use lvs_model::{Destination, Endpoint, Family, Protocol, SchedulerFlags, SchedulerName, Weight};
use lvs_sched::algo::{AnyScheduler, DestinationId, Flow, Random, Scheduled, Settings};

const HEAD: &str = "\
What each scheduler does, simulated. Destinations A, B, C, D are added in this order, so that the list is D, C, B, A.
Written by `UPDATE_OUTCOMES=1 cargo test -p lvs-sched --test outcomes`; a change here is a change that users see.

steady     900 connections from as many clients to 16 virtual addresses, of which 64 are open at any time: shares of A/B/C/D in percent, and
           the longest run of connections to the same destination.
dead       the same with C quiesced.
burst      64 connections at once, all stay open: how many A/B/C/D have then.
affinity   97 clients with 8 connections each (other ports): how many clients stay with one destination.
leave      200 clients; C is removed: how many of those that were not on C go elsewhere, in percent.
join       200 clients; E joins with weight 1: how many go elsewhere than before, in percent (E itself counts).
";

struct Case {
    service: Scheduled<AnyScheduler>,
    ids: Vec<DestinationId>,
    random: Random,
}

impl Case {
    fn new(name: SchedulerName, flags: SchedulerFlags, weights: &[u32]) -> Self {
        let scheduler = AnyScheduler::named(name).unwrap();
        let mut service = Scheduled::new(scheduler, Family::Inet, Settings::default());
        service.set_flags(flags);
        let mut case = Self { service, ids: Vec::new(), random: Random::seeded(7) };
        weights.iter().for_each(|&weight| case.add(weight));
        case
    }

    fn add(&mut self, weight: u32) {
        let destination = destination(self.ids.len(), weight);
        self.ids.push(self.service.add(&destination));
    }

    fn open(&mut self, client: u32, port: u16) -> Option<usize> {
        let vip = Endpoint::new(Ipv4Addr::from_bits(0x0a09_0000 + client % 16).into(), 80);
        let source = Endpoint::new(Ipv4Addr::from_bits(0x0a00_0001 + client * 31).into(), port);
        let id = self.service.pick(&Flow::new(Protocol::TCP, source, vip), &mut self.random)?;
        self.service.bind_active(id);
        self.ids.iter().position(|known| *known == id)
    }

    /// Connections of which so many are open at any time: shares in percent and the longest run.
    fn steady(&mut self) -> String {
        let (mut open, mut shares, mut run, mut longest, mut last) = (Vec::new(), [0u32; 4], 0, 0, None);
        for client in 0..900 {
            let Some(at) = self.open(client, 1024) else { continue };
            shares[at] += 1;
            run = if last == Some(at) { run + 1 } else { 1 };
            (last, longest) = (Some(at), longest.max(run));
            open.push(at);
            if open.len() > 64 {
                let gone = open.swap_remove(self.random.bits() as usize % open.len());
                self.service.unbind_active(self.ids[gone]);
            }
        }
        let sum: u32 = shares.iter().sum();
        let percent = shares.map(|share| (f64::from(share) * 100.0 / f64::from(sum.max(1))).round().to_string());
        format!("{} run {longest}", percent.join("/"))
    }

    fn burst(&mut self) -> String {
        let mut counts = [0u32; 4];
        (0..64).filter_map(|client| self.open(client, 1024)).for_each(|at| counts[at] += 1);
        counts.map(|count| count.to_string()).join("/")
    }

    fn affinity(&mut self) -> String {
        let mut homes: HashMap<u32, Vec<usize>> = HashMap::new();
        for round in 0..8 {
            for client in 0..97 {
                if let Some(at) = self.open(client, 1024 + round) {
                    homes.entry(client).or_default().push(at);
                    self.service.unbind_active(self.ids[at]);
                }
            }
        }
        homes.values().filter(|homes| homes.iter().all(|home| *home == homes[0])).count().to_string()
    }

    fn places(&mut self) -> Vec<Option<usize>> {
        (0..200)
            .map(|client| {
                let at = self.open(client, 1024);
                if let Some(at) = at {
                    self.service.unbind_active(self.ids[at]);
                }
                at
            })
            .collect()
    }

    fn moved(before: &[Option<usize>], after: &[Option<usize>], without: Option<usize>) -> String {
        let stayed = || before.iter().zip(after).filter(|(before, _)| without.is_none() || **before != without);
        let moved = stayed().filter(|(before, after)| before != after).count();
        (moved * 100 / stayed().count().max(1)).to_string()
    }

    fn leave(&mut self) -> String {
        let before = self.places();
        self.service.remove(self.ids[2]);
        Self::moved(&before, &self.places(), Some(2))
    }

    fn join(&mut self) -> String {
        let before = self.places();
        self.add(1);
        Self::moved(&before, &self.places(), None)
    }
}

fn destination(at: usize, weight: u32) -> Destination {
    let endpoint = Endpoint::new([10, 8, 0, at as u8 + 1].into(), 8080);
    Destination::new(endpoint).with_weight(Weight::new(weight).unwrap())
}

fn table() -> String {
    let mut table = HEAD.to_owned();
    let fallback = SchedulerFlags::FALLBACK;
    let flagged =
        [(SchedulerName::Sh, fallback), (SchedulerName::Mh, fallback), (SchedulerName::Mh, SchedulerFlags::PORT)];
    let rows: Vec<_> =
        SchedulerName::KNOWN.into_iter().map(|name| (name, SchedulerFlags::EMPTY)).chain(flagged).collect();
    for weights in [[1, 1, 1, 1], [4, 3, 2, 1], [100, 1, 1, 1]] {
        let title = weights.map(|weight| weight.to_string()).join(":");
        writeln!(
            table,
            "\nweights {title}\n{:<16} {:<22} {:<22} {:<13} {:>8} {:>5} {:>5}",
            "", "steady", "dead", "burst", "affinity", "leave", "join"
        )
        .unwrap();
        for &(name, flags) in &rows {
            let case = || Case::new(name, flags, &weights);
            let label = if flags.is_empty() { name.to_string() } else { flags.names(name).to_string() };
            let mut dead = case();
            let id = dead.ids[2];
            dead.service.edit(id, &destination(2, 0));
            let cells =
                [case().steady(), dead.steady(), case().burst(), case().affinity(), case().leave(), case().join()];
            let [steady, dead, burst, affinity, leave, join] = cells;
            writeln!(table, "{label:<16} {steady:<22} {dead:<22} {burst:<13} {affinity:>8} {leave:>5} {join:>5}")
                .unwrap();
        }
    }
    table
}

#[test]
fn outcomes_are_as_reviewed() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/outcomes.txt");
    let now = table();
    if env::var_os("UPDATE_OUTCOMES").is_some() {
        fs::write(&path, &now).unwrap();
    }
    let reviewed = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    for (at, (now, reviewed)) in now.lines().zip(reviewed.lines()).enumerate() {
        assert_eq!(now, reviewed, "line {} of tests/outcomes.txt; UPDATE_OUTCOMES=1 writes it anew", at + 1);
    }
    assert_eq!(now.lines().count(), reviewed.lines().count());
}
