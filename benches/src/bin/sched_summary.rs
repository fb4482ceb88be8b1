//! Prints what each operation of lvs-sched costs, as a ratio to an atomic addition, beside its goal.
//!
//! `cargo run --release -p lvs-benches --bin sched_summary [-- FILTER]`. It exits with 1 if a goal is missed.

use std::{hint::black_box, process::ExitCode};

use lvs_benches::{
    contest::{Contest, Contestant},
    paired::{f_nanoseconds, ratio_to_c, ratio_to_f},
    pools::{Weights, core, flows, pool, pool_of},
};
use lvs_model::{SchedulerName, Weight};
use lvs_sched::{
    Picker, Pool,
    algo::{AnyScheduler, Lc, Nq, Random, Scheduler, Sed, Wlc},
};

const SIZES: [usize; 3] = [8, 1_000, 100_000];

struct Summary {
    filter: Option<String>,
    missed: u32,
    unmeasured: u32,
}

impl Summary {
    fn wants(&self, what: &str) -> bool {
        self.filter.as_ref().is_none_or(|filter| what.contains(filter.as_str()))
    }

    fn row(&mut self, what: &str, n: usize, measured: Option<f64>, unit: char, goal: f64) {
        let verdict = match measured {
            None => {
                self.unmeasured += 1;
                "not measured: the machine was busy".to_owned()
            }
            Some(ratio) if ratio <= goal => "ok".to_owned(),
            Some(ratio) => {
                self.missed += 1;
                format!("MISSED by {:.0} %", (ratio / goal - 1.0) * 100.0)
            }
        };
        let measured = measured.map_or("-".to_owned(), |ratio| format!("{ratio:.2}"));
        println!("{what:<44} {n:>7} {measured:>8} {unit}   goal {goal:>5.2} {unit}   {verdict}");
    }
}

fn main() -> ExitCode {
    let mut summary = Summary { filter: std::env::args().nth(1), missed: 0, unmeasured: 0 };
    println!("F = {:.2} ns\n", f_nanoseconds());
    picks(&mut summary);
    exclusive(&mut summary);
    connects(&mut summary);
    edits(&mut summary);
    contests(&mut summary);
    println!("\n{} missed, {} not measured", summary.missed, summary.unmeasured);
    if summary.missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn pick_loop(mut picker: Picker<u64, AnyScheduler>) -> impl FnMut(u64) + Send {
    let flows = flows();
    move |operations| {
        for at in 0..operations {
            black_box(picker.pick(&flows[at as usize % 256]));
        }
    }
}

fn connect_loop<S: Scheduler + Send + 'static>(pool: &Pool<u64, S>, most: usize) -> impl FnMut(u64) + Send + use<S> {
    let (mut picker, flow) = (pool.picker(), flows()[0]);
    let mut guards: Vec<_> = (0..most).filter_map(|_| picker.connect(&flow)).collect();
    guards.clear();
    move |operations| {
        for _ in 0..operations {
            guards.extend(picker.connect(&flow));
        }
    }
}

fn picks(summary: &mut Summary) {
    use SchedulerName::{Dh, Fo, Lblc, Lblcr, Lc, Mh, Nq, Ovf, Rr, Sed, Sh, Twos, Wlc, Wrr};
    let mixed = Weights::Mixed;
    let rows: [(SchedulerName, Weights, [f64; 3], [f64; 3]); 15] = [
        (Rr, mixed, [1.25; 3], [1.6; 3]),
        (Wrr, mixed, [1.25; 3], [1.6; 3]),
        (Wrr, Weights::Skewed, [3.5; 3], [4.0; 3]),
        (Lc, mixed, [0.4; 3], [1.0; 3]),
        (Wlc, mixed, [0.4; 3], [1.0; 3]),
        (Sed, mixed, [0.4; 3], [1.0; 3]),
        (Nq, mixed, [0.4; 3], [1.0; 3]),
        (Fo, mixed, [0.4; 3], [1.0; 3]),
        (Ovf, mixed, [0.4; 3], [1.0; 3]),
        (Dh, mixed, [0.4; 3], [0.2; 3]),
        (Sh, mixed, [0.4; 3], [0.2; 3]),
        (Mh, mixed, [1.1; 3], [0.4; 3]),
        (Twos, mixed, [2.3, 2.5, 3.5], [1.5; 3]),
        (Lblc, mixed, [2.0; 3], [3.0; 3]),
        (Lblcr, mixed, [2.0; 3], [3.0; 3]),
    ];
    for (name, weights, alone, together) in rows {
        let skew = if weights == Weights::Skewed { ", 1000:1" } else { "" };
        let what = format!("{name} pick{skew}");
        if !summary.wants(&what) {
            continue;
        }
        for (at, n) in SIZES.into_iter().enumerate() {
            // The table of mh has 4093 slots.
            if name == Mh && n > 4093 {
                continue;
            }
            let pool = pool(name, n, weights);
            // Enough picks for the tables to be there, and for lblc to know the addresses.
            pick_loop(pool.picker())(200_000);
            let ratio = ratio_to_f(9, 50_000, pick_loop(pool.picker()));
            summary.row(&what, n, Some(ratio), 'F', alone[at]);
            let ratio = ratio_to_c(21, 50_000, || pick_loop(pool.picker()));
            summary.row(&format!("{what}, two threads"), n, ratio, 'C', together[at]);
        }
    }
}

fn exclusive(summary: &mut Summary) {
    for (name, goal) in [(SchedulerName::Rr, 0.7), (SchedulerName::Wrr, 0.3)] {
        let what = format!("{name} pick, exclusive");
        if !summary.wants(&what) {
            continue;
        }
        for n in [8, 1_000] {
            // The scheduler itself, as one who needs no run-time choice has it.
            let ratio = match name {
                SchedulerName::Rr => exclusive_ratio(lvs_sched::algo::Rr::default(), n),
                _ => exclusive_ratio(lvs_sched::algo::Wrr::default(), n),
            };
            summary.row(&what, n, Some(ratio), 'F', goal);
        }
    }
}

fn exclusive_ratio(scheduler: impl lvs_sched::algo::Scheduler, n: usize) -> f64 {
    let settings = lvs_sched::algo::Settings::default();
    let mut core = lvs_sched::algo::Scheduled::new(scheduler, lvs_model::Family::Inet, settings);
    for at in 0..n {
        core.add(&Weights::Mixed.destination(at));
    }
    let (flow, mut random) = (flows()[0], Random::seeded(1));
    let mut run = |operations| {
        for _ in 0..operations {
            black_box(core.pick(&flow, &mut random));
        }
    };
    run(100_000);
    ratio_to_f(9, 100_000, run)
}

fn connects(summary: &mut Summary) {
    connects_of::<Lc>(summary, "lc");
    connects_of::<Wlc>(summary, "wlc");
    connects_of::<Sed>(summary, "sed");
    connects_of::<Nq>(summary, "nq");
}

/// With a scheduler that is known when the program is compiled, as one who counts nanoseconds has it.
fn connects_of<S: Scheduler + Default + Send + 'static>(summary: &mut Summary, name: &str) {
    for (at, n) in SIZES.into_iter().enumerate() {
        let what = format!("{name} connect");
        if summary.wants(&what) {
            let pool = pool_of(S::default(), n, Weights::Mixed);
            summary.row(&what, n, Some(held(&pool)), 'F', [4.0, 5.0, 8.0][at]);
            let ratio = ratio_to_c(21, 20_000, || connect_loop(&pool, 4 * 21 * 20_000));
            summary.row(&format!("{what}, two threads"), n, ratio, 'C', [2.5, 4.0, 5.5][at]);
        }
        ends(summary, &format!("{name} connect and drop"), at, drop_loop::<S>);
        ends(summary, &format!("{name} connect, another ends"), at, churn_loop::<S>);
    }
}

/// Connections that come and end, by one thread and by two on the same pool.
fn ends<S, W>(summary: &mut Summary, what: &str, at: usize, worker: impl Fn(&Pool<u64, S>) -> W)
where
    S: Scheduler + Default + Send + 'static,
    W: FnMut(u64) + Send,
{
    if !summary.wants(what) {
        return;
    }
    let n = SIZES[at];
    let pool = pool_of(S::default(), n, Weights::Mixed);
    summary.row(what, n, Some(ratio_to_f(9, 20_000, worker(&pool))), 'F', [6.0, 10.0, 15.0][at]);
    let ratio = ratio_to_c(21, 20_000, || worker(&pool));
    summary.row(&format!("{what}, two threads"), n, ratio, 'C', [4.0, 7.0, 10.0][at]);
}

/// A connection comes and ends, while others stay.
fn drop_loop<S: Scheduler + Send + 'static>(pool: &Pool<u64, S>) -> impl FnMut(u64) + Send + use<S> {
    let (mut picker, flow) = (pool.picker(), flows()[0]);
    let others: Vec<_> = (0..1024).filter_map(|_| picker.connect(&flow)).collect();
    move |operations| {
        for _ in 0..operations {
            black_box(picker.connect(&flow));
        }
        black_box(others.len());
    }
}

/// Connections that stay: their guards are dropped between the samples.
fn held<S: Scheduler + Send + 'static>(pool: &Pool<u64, S>) -> f64 {
    let (mut picker, flow) = (pool.picker(), flows()[0]);
    // Where the guards go is written once before, for the system to find the memory.
    let mut guards: Vec<_> = (0..10 * 4 * 20_000).filter_map(|_| picker.connect(&flow)).collect();
    guards.clear();
    ratio_to_f(9, 20_000, |operations| {
        for _ in 0..operations {
            guards.extend(picker.connect(&flow));
        }
    })
}

/// A connection comes, another one that has been there for long ends.
fn churn_loop<S: Scheduler + Send + 'static>(pool: &Pool<u64, S>) -> impl FnMut(u64) + Send + use<S> {
    let (mut picker, flow, mut random) = (pool.picker(), flows()[0], Random::seeded(9));
    let mut open: Vec<_> = (0..1024).filter_map(|_| picker.connect(&flow)).collect();
    move |operations| {
        for _ in 0..operations {
            let at = (random.bits() >> 54) as usize;
            if let Some(connection) = picker.connect(&flow) {
                open[at] = connection;
            }
        }
    }
}

/// Ours beside others.
fn contests(summary: &mut Summary) {
    println!();
    for contest in Contest::ALL {
        if !summary.wants(&format!("{} rivals", contest.name())) {
            continue;
        }
        for n in [8, 1_000, 10_000, 100_000] {
            let Some(ours) = contest.ours(n) else { continue };
            let ratio = |contestant: &Contestant| {
                let mut run = (contestant.worker)();
                // As many operations as take about a millisecond.
                let operations = (2e5 / ratio_to_f(1, 10, &mut run)).clamp(3.0, 50_000.0) as u64;
                ratio_to_f(5, operations, run)
            };
            let own = ratio(&ours);
            let mut others: Vec<_> = contest.others(n).into_iter().map(|other| (ratio(&other), other)).collect();
            others.sort_by(|a, b| a.0.total_cmp(&b.0));
            for (rank, (theirs, other)) in others.into_iter().enumerate() {
                let times = theirs / own;
                let verdict = match (times >= other.goal, times >= 1.0) {
                    (false, _) => {
                        summary.missed += 1;
                        format!("MISSED, goal {}: {times:.1} times as fast as", other.goal)
                    }
                    (true, true) => format!("{times:.1} times as fast as"),
                    (true, false) => format!("{:.1} times slower than", 1.0 / times),
                };
                let rank = if rank == 0 { "the best rival, " } else { "" };
                let answer = if other.same_answer { "" } else { ", whose picks are not the kernel's" };
                println!(
                    "{:<22} {n:>7} {own:>7.2} F   {verdict} {rank}{} ({theirs:.2} F){answer}",
                    contest.name(),
                    other.name
                );
            }
        }
    }
}

fn edits(summary: &mut Summary) {
    use SchedulerName::{Fo, Lc, Mh, Sed, Wlc, Wrr};
    for name in [Lc, Wlc, Sed, Fo, Wrr] {
        let what = format!("{name} weight change");
        if !summary.wants(&what) {
            continue;
        }
        for n in SIZES {
            let (mut core, ids) = core(name, n, Weights::Mixed);
            let mut random = Random::seeded(3);
            let ratio = ratio_to_f(9, 5_000, |operations| {
                for at in 0..operations {
                    let which = (random.bits() % n as u64) as usize;
                    let weight = Weight::from((1 + at % 10) as u16);
                    core.edit(ids[which], &Weights::Mixed.destination(which).with_weight(weight));
                }
            });
            summary.row(&what, n, Some(ratio), 'F', 30.0);
            let what = format!("{name} add and remove");
            let ratio = ratio_to_f(9, 5_000, |operations| {
                for at in 0..operations {
                    let id = core.add(&Weights::Mixed.destination(at as usize));
                    core.remove(id);
                    core.forget(id);
                }
            });
            summary.row(&what, n, Some(ratio / 2.0), 'F', 30.0);
        }
    }
    for name in [Wrr, Mh] {
        let what = format!("{name} table after an edit, us");
        if !summary.wants(&what) {
            continue;
        }
        let n = 1_000;
        let (mut core, ids) = core(name, n, Weights::Mixed);
        let (mut random, flow) = (Random::seeded(3), flows()[0]);
        let needed = if name == Wrr { 1_200 } else { 1 };
        let mut run = |build: bool, operations: u64| {
            for at in 0..operations as usize {
                core.edit(ids[at % n], &Weights::Mixed.destination(at % n));
                // wrr writes its table after so many picks; the same picks without it are subtracted.
                for _ in 0..if build { needed } else { needed / 2 } {
                    black_box(core.pick(&flow, &mut random));
                }
            }
        };
        let with = ratio_to_f(9, 20, |operations| run(true, operations));
        let without = ratio_to_f(9, 20, |operations| run(false, operations));
        let picks = if name == Wrr { 2.0 * without } else { without };
        let microseconds = (with - picks).max(0.0) * f_nanoseconds() / 1000.0;
        summary.row(&what, n, Some(microseconds), 'u', 60.0);
    }
}
