//! Each scheduler against a naive model, over random edits, picks, activity, ends of connections, and time.

mod naive;

use std::{net::IpAddr, time::Duration};

use lvs_model::{Destination, Endpoint, Family, Protocol, SchedulerFlags, SchedulerName, Thresholds, Weight};
use lvs_sched::algo::{AnyScheduler, DestinationId, Draws, Flow, Generation, Random, Scheduled, Settings};
use naive::{Dest, Naive};
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Step {
    Add { name: usize, weight: u32, upper: u32, lower: u32 },
    Edit { name: usize, weight: u32, upper: u32, lower: u32 },
    Remove { name: usize },
    Pick { client: u16, target: u8, tcp: bool, keep: bool },
    End { which: usize },
    Toggle { which: usize },
    Flags { bits: u32 },
    Wait { seconds: u16 },
    Switch { scheduler: usize },
}

fn weight() -> impl Strategy<Value = u32> {
    // Beyond 2^21 quotients are not exact any more; beyond 2^30 sums overflow.
    prop_oneof![20 => 0..5u32, 5 => 0..100u32, 2 => (0..40u32).prop_map(|w| w * 12), 1 => 2_097_150..2_097_155u32, 1 => 0x7fff_fff0..=0x7fff_ffffu32]
}

fn thresholds() -> impl Strategy<Value = (u32, u32)> {
    prop_oneof![3 => Just((0, 0)), 2 => (1..8u32).prop_flat_map(|upper| (Just(upper), 0..=upper))]
}

fn step(scheduler: SchedulerName) -> impl Strategy<Value = Step> {
    // wrr's model counts levels down one by one: huge weights would take it for ever.
    let weight = move || {
        if scheduler == SchedulerName::Wrr {
            prop_oneof![4 => 0..6u32, 1 => 0..200u32].boxed()
        } else {
            weight().boxed()
        }
    };
    let configured = move || (0..9usize, weight(), thresholds());
    prop_oneof![
        3 => configured().prop_map(|(name, weight, (upper, lower))| Step::Add { name, weight, upper, lower }),
        2 => configured().prop_map(|(name, weight, (upper, lower))| Step::Edit { name, weight, upper, lower }),
        1 => (0..9usize).prop_map(|name| Step::Remove { name }),
        20 => (any::<u16>(), 0..4u8, any::<bool>(), any::<bool>())
            .prop_map(|(client, target, tcp, keep)| Step::Pick { client, target, tcp, keep }),
        6 => any::<usize>().prop_map(|which| Step::End { which }),
        3 => any::<usize>().prop_map(|which| Step::Toggle { which }),
        1 => (0..4u32).prop_map(|bits| Step::Flags { bits: bits << 3 }),
        1 => (0..3000u16).prop_map(|seconds| Step::Wait { seconds }),
        1 => prop_oneof![9 => Just(usize::MAX), 1 => 0..14usize].prop_map(|scheduler| Step::Switch { scheduler }),
    ]
}

struct Both {
    core: Scheduled<AnyScheduler>,
    naive: Naive,
    ids: [Option<DestinationId>; 9],
    connections: Vec<(usize, bool)>,
    draws: (Random, Random),
    now: Duration,
    family: Family,
    wrr_only: bool,
}

const EXPIRATION: Duration = Duration::from_secs(4000);

impl Both {
    fn new(scheduler: SchedulerName, family: Family, generation: Generation) -> Self {
        let settings = Settings::default().with_generation(generation).with_cache_expiration(EXPIRATION);
        Self {
            core: Scheduled::new(AnyScheduler::named(scheduler).unwrap(), family, settings),
            naive: Naive::new(scheduler, family, generation, EXPIRATION),
            ids: [None; 9],
            connections: Vec::new(),
            draws: (Random::seeded(1), Random::seeded(1)),
            now: Duration::ZERO,
            family,
            wrr_only: scheduler == SchedulerName::Wrr,
        }
    }

    fn endpoint(&self, name: usize) -> Endpoint {
        // Every third one is a tunnel of the other family, which mh hashes in its own way.
        let addr: IpAddr = match (self.family, name % 3 == 2) {
            (Family::Inet, false) | (Family::Inet6, true) => format!("10.8.0.{}", name + 1).parse().unwrap(),
            _ => format!("fd00:8:{name}::{}", name + 1).parse().unwrap(),
        };
        Endpoint::new(addr, 8000 + name as u16)
    }

    fn is_listed(&self, name: usize) -> bool {
        self.naive.list.iter().any(|dest| dest.name == name)
    }

    fn destination(&self, name: usize, weight: u32, upper: u32, lower: u32) -> Destination {
        Destination::new(self.endpoint(name))
            .with_weight(Weight::new(weight).unwrap())
            .with_thresholds(Thresholds::new(upper, lower).unwrap())
    }

    fn run(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match *step {
            Step::Add { name, weight, upper, lower } if !self.is_listed(name) => {
                let destination = self.destination(name, weight, upper, lower);
                match self.ids[name] {
                    Some(id) => prop_assert!(self.core.restore(id, &destination)),
                    None => self.ids[name] = Some(self.core.add(&destination)),
                }
                let Endpoint { addr, port } = destination.endpoint;
                let (weight, last_weight) = (weight as i32, 0);
                let (active, rest, overload) = (0, 0, false);
                self.naive.add(Dest { name, addr, port, weight, last_weight, upper, lower, active, rest, overload });
            }
            Step::Edit { name, weight, upper, lower } if self.is_listed(name) => {
                let destination = self.destination(name, weight, upper, lower);
                prop_assert!(self.core.edit(self.ids[name].unwrap(), &destination));
                self.naive.edit(name, weight as i32, upper, lower);
            }
            Step::Remove { name } if self.is_listed(name) => {
                prop_assert!(self.core.remove(self.ids[name].unwrap()));
                self.naive.remove(name);
            }
            Step::Pick { client, target, tcp, keep } => self.pick(client, target, tcp, keep)?,
            Step::End { which } if !self.connections.is_empty() => {
                let which = which % self.connections.len();
                let (name, active) = self.connections.swap_remove(which);
                let id = self.ids[name].unwrap();
                let known = if active { self.core.unbind_active(id) } else { self.core.unbind(id) };
                prop_assert!(known);
                self.naive.unbind(name, active);
            }
            Step::Toggle { which } if !self.connections.is_empty() => {
                let which = which % self.connections.len();
                let (name, active) = &mut self.connections[which];
                *active = !*active;
                let id = self.ids[*name].unwrap();
                let known = if *active { self.core.activate(id) } else { self.core.deactivate(id) };
                prop_assert!(known);
                self.naive.set_active(*name, *active);
            }
            Step::Flags { bits } => {
                self.core.set_flags(SchedulerFlags::from_bits(bits));
                self.naive.flags = SchedulerFlags::from_bits(bits);
            }
            Step::Wait { seconds } => self.now += Duration::from_secs(seconds.into()),
            Step::Switch { scheduler } => {
                if let Some(name) = SchedulerName::KNOWN.get(scheduler).filter(|_| self.wrr_only) {
                    self.core.replace_scheduler(AnyScheduler::named(*name).unwrap());
                    self.naive.switch(*name);
                }
            }
            _ => {}
        }
        self.compare()
    }

    fn pick(&mut self, client: u16, target: u8, tcp: bool, keep: bool) -> Result<(), TestCaseError> {
        let addr = |text: String| Endpoint::new(text.parse().unwrap(), 1024 + client % 5);
        let (client, target) = match self.family {
            Family::Inet => (addr(format!("10.0.{}.{}", client >> 8, client & 255)), addr(format!("10.9.0.{target}"))),
            Family::Inet6 => (addr(format!("fd00:1::{client:x}")), addr(format!("fd00:9::{target:x}"))),
        };
        let flow = Flow::new(if tcp { Protocol::TCP } else { Protocol::UDP }, client, target).at(self.now);
        let expected = self.naive.pick(&flow, &mut self.draws.0);
        let picked = self.core.pick(&flow, &mut self.draws.1);
        let picked = picked.and_then(|id| self.ids.iter().position(|known| *known == Some(id)));
        prop_assert_eq!(picked, expected);
        if let Some(name) = picked.filter(|_| keep) {
            let id = self.ids[name].unwrap();
            prop_assert!(self.core.bind(id));
            self.naive.bind(name);
            if tcp {
                prop_assert!(self.core.activate(id));
                self.naive.set_active(name, true);
            }
            self.connections.push((name, tcp));
        }
        Ok(())
    }

    fn compare(&self) -> Result<(), TestCaseError> {
        let list = self.core.list();
        let ours: Vec<_> = list
            .iter()
            .map(|slot| (list.id(slot), list.weight(slot), list.load(slot).active(), list.load(slot).is_overloaded()))
            .collect();
        let theirs: Vec<_> = self
            .naive
            .list
            .iter()
            .map(|dest| (self.ids[dest.name].unwrap(), dest.weight as u32, dest.active as u32, dest.overload))
            .collect();
        prop_assert_eq!(ours, theirs);
        // No connection is lost or counted twice, wherever its destination is.
        let counted: u32 = self
            .ids
            .iter()
            .flatten()
            .filter_map(|&id| list.load_of(id))
            .map(|load| load.connections(list.generation()))
            .sum();
        prop_assert_eq!(counted as usize, self.connections.len());
        Ok(())
    }
}

fn agree(
    scheduler: SchedulerName,
    family: Family,
    generation: Generation,
    steps: &[Step],
) -> Result<(), TestCaseError> {
    let mut both = Both::new(scheduler, family, generation);
    for (at, step) in steps.iter().enumerate() {
        both.run(step).map_err(|error| {
            TestCaseError::fail(format!("{scheduler} {family} {generation:?}, step {at}, {step:?}: {error}"))
        })?;
    }
    Ok(())
}

macro_rules! agreement {
    ($($test:ident $scheduler:ident)*) => {
        proptest! {
            #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]
            $(
                #[test]
                fn $test(
                    steps in proptest::collection::vec(step(SchedulerName::$scheduler), 1..250),
                    inet6: bool,
                    total: bool,
                ) {
                    let family = if inet6 { Family::Inet6 } else { Family::Inet };
                    let generation = if total { Generation::TotalConns } else { Generation::Classic };
                    agree(SchedulerName::$scheduler, family, generation, &steps)?;
                }
            )*
        }
    };
}

agreement! {
    rr Rr
    wrr Wrr
    lc Lc
    wlc Wlc
    lblc Lblc
    lblcr Lblcr
    dh Dh
    sh Sh
    sed Sed
    nq Nq
    fo Fo
    ovf Ovf
    mh Mh
    twos Twos
}

/// Costs that have wrapped below zero: eight million active connections on one destination.
#[test]
fn wrapped_costs_are_walked_as_in_the_kernel() {
    use lvs_model::ConnectionCounts;
    use lvs_sched::algo::Load;
    for name in [SchedulerName::Lc, SchedulerName::Wlc, SchedulerName::Sed, SchedulerName::Nq, SchedulerName::Twos] {
        let mut both = Both::new(name, Family::Inet, Generation::Classic);
        for (at, (weight, active)) in [(3, 5), (0, 1 << 23), (2, (1 << 23) + 9), (1, 7)].into_iter().enumerate() {
            let destination = both.destination(at, weight, 0, 0);
            let counts = ConnectionCounts { active, inactive: 0, persistent: 0 };
            let load = Load::new(Generation::Classic, counts);
            both.ids[at] = Some(both.core.adopt(&destination, load, Thresholds::NONE));
            let Endpoint { addr, port } = destination.endpoint;
            let dest = Dest {
                name: at,
                addr,
                port,
                weight: weight as i32,
                last_weight: 0,
                upper: 0,
                lower: 0,
                active: active as i32,
                rest: 0,
                overload: false,
            };
            both.naive.add(dest);
        }
        for _ in 0..50 {
            let expected = both.naive.pick(&Flow::default(), &mut both.draws.0).map(|name| both.ids[name].unwrap());
            assert_eq!(both.core.pick(&Flow::default(), &mut both.draws.1), expected, "{name}");
        }
    }
}

/// Every wrr position can be left by an edit and is kept by it; long runs reach the table.
#[test]
fn wrr_tables_agree_with_the_walk() {
    for seed in 0..40 {
        let mut random = Random::seeded(seed);
        let mut both = Both::new(SchedulerName::Wrr, Family::Inet, Generation::Classic);
        for name in 0..(2 + random.draw(7) as usize) {
            let weight = random.draw(9) * (1 + random.draw(3));
            both.run(&Step::Add { name, weight, upper: 0, lower: 0 }).unwrap();
        }
        for _ in 0..40 {
            for _ in 0..random.draw(120) {
                both.run(&Step::Pick { client: 0, target: 0, tcp: true, keep: false }).unwrap();
            }
            let edited = Step::Edit { name: random.draw(9) as usize, weight: random.draw(7), upper: 3, lower: 1 };
            match random.draw(3) {
                0 => both.run(&edited).unwrap(),
                1 => {
                    for _ in 0..random.draw(12) {
                        both.run(&Step::Pick { client: 0, target: 0, tcp: true, keep: true }).unwrap();
                    }
                }
                _ => {
                    for which in 0..random.draw(20) {
                        both.run(&Step::End { which: which as usize }).unwrap();
                    }
                }
            }
        }
    }
}
