//! Random scenarios, new ones on every run, are played against the real kernel and against [`Director`](lvs_sched::director::Director), which must
//! agree about every packet, every counter and every connection.
//!
//! ```text
//! ./lab tests -p lvs-sched                                 # User Mode Linux, counts as kernels always did
//! ./lab -q -f /usr/sbin/tc tests -p lvs-sched              # a newer kernel, counts in total
//! LVS_LONG=50 ./lab -i -f /usr/sbin/tc tests -p lvs-sched  # with sleeps of minutes, which cost no time there
//! ```
//!
//! A failure prints its seed and the number of its scenario: `LVS_SEED=… LVS_ONLY=…` repeat it. `LVS_SCENARIOS` says how many there are (500).
#![cfg(target_os = "linux")]

mod netlink;
mod play;
mod scenario;
mod wire;
mod world;

use std::time::{SystemTime, UNIX_EPOCH};

use play::Play;
use scenario::{Pace, Scenario};
use world::World;

fn from_env(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is {text:?}, expected a number")))
}

fn seed() -> u64 {
    from_env("LVS_SEED")
        .unwrap_or_else(|| SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64 % 1_000_000_000)
}

#[test]
#[ignore = "runs inside the kernel lab"]
fn director_and_kernel_agree_on_random_scenarios() {
    let seed = seed();
    let count = from_env("LVS_SCENARIOS").unwrap_or(500);
    let numbers = match from_env("LVS_ONLY") {
        Some(only) => only..only + 1,
        None => 0..count,
    };
    println!("LVS_SEED={seed}");
    let mut world = World::new();
    let mut tally = play::Tally::default();
    for number in numbers {
        let mut scenario = Scenario::new(seed, number, Pace::Quick);
        let mut play = Play::new(&mut world, &scenario);
        while let Some(step) = scenario.next(&play) {
            play.step(step);
        }
        play.finish();
        tally.add(&play);
    }
    println!("{tally}");
    assert!(tally.is_telling(), "the scenarios exercised too little: {tally}");
}

#[test]
#[ignore = "runs inside the kernel lab"]
fn timers_and_statistics_agree() {
    let seed = seed();
    println!("LVS_SEED={seed}");
    let mut world = World::new();
    let mut tally = play::Tally::default();
    let (pace, count) = match from_env("LVS_LONG") {
        Some(count) => (Pace::Long, count),
        None => (Pace::Timed, 6),
    };
    for number in (10_000..).take(count as usize) {
        let mut scenario = Scenario::new(seed, number, pace);
        let mut play = Play::new(&mut world, &scenario);
        while let Some(step) = scenario.next(&play) {
            play.step(step);
        }
        play.compare_statistics();
        tally.add(&play);
    }
    println!("{tally}");
}
