//! Runs one operation so many times, for an instruction counter to count.
//!
//! `sched_gate CASE ITERATIONS`; without arguments it lists the cases. `benches/sched-gate.sh` counts them all under callgrind and compares
//! with what is committed.

use std::{env, hint::black_box, process::ExitCode};

use lvs_benches::pools::{Weights, core, flows, pool};
use lvs_model::{SchedulerName, Weight};
use lvs_sched::algo::Random;

const SIZES: [usize; 3] = [8, 1_000, 100_000];

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    match (arguments.next(), arguments.next().map(|iterations| iterations.parse::<u64>())) {
        (None, _) => {
            cases().into_iter().for_each(|case| println!("{case}"));
            ExitCode::SUCCESS
        }
        (Some(case), Some(Ok(iterations))) if cases().contains(&case) => {
            run(&case, iterations);
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!("usage: sched_gate [CASE ITERATIONS]");
            ExitCode::FAILURE
        }
    }
}

fn cases() -> Vec<String> {
    let pick = SchedulerName::KNOWN.into_iter().map(|name| format!("pick {name} 1000"));
    let sized = |what: &'static str| SIZES.into_iter().map(move |n| format!("{what} wlc {n}"));
    pick.chain(sized("connect")).chain(sized("edit")).chain(["edit wrr 1000".to_owned()]).collect()
}

fn run(case: &str, iterations: u64) {
    let words: Vec<&str> = case.split(' ').collect();
    let name: SchedulerName = words[1].parse().expect("a scheduler");
    let n: usize = words[2].parse().expect("a number");
    match words[0] {
        "pick" => pick(name, n, iterations),
        "connect" => connect(name, n, iterations),
        _ => edit(name, n, iterations),
    }
}

/// What is counted: callgrind collects between entering and leaving this.
#[inline(never)]
fn counted(iterations: u64, mut run: impl FnMut(usize)) {
    for at in 0..iterations as usize {
        run(at);
    }
}

fn pick(name: SchedulerName, n: usize, iterations: u64) {
    let (pool, flows) = (pool(name, n, Weights::Mixed), flows());
    let mut picker = pool.picker().seeded(1);
    // Tables are written before the count begins.
    for at in 0..2_048 {
        black_box(picker.pick(&flows[at % 256]).map(|pick| *pick.data()));
    }
    counted(iterations, |at| {
        black_box(picker.pick(&flows[at % 256]));
    });
}

/// Connections come, and others that have been there for a while end.
fn connect(name: SchedulerName, n: usize, iterations: u64) {
    let (pool, flow, mut random) = (pool(name, n, Weights::Mixed), flows()[0], Random::seeded(9));
    let mut picker = pool.picker();
    let mut open: Vec<_> = (0..1024).filter_map(|_| picker.connect(&flow)).collect();
    counted(iterations, |_| {
        if let Some(connection) = picker.connect(&flow) {
            open[(random.bits() >> 54) as usize] = connection;
        }
    });
}

fn edit(name: SchedulerName, n: usize, iterations: u64) {
    let (mut core, ids) = core(name, n, Weights::Mixed);
    counted(iterations, |at| {
        let destination = Weights::Mixed.destination(at % n).with_weight(Weight::from((1 + at % 7) as u16));
        core.edit(ids[at % n], &destination);
    });
}
