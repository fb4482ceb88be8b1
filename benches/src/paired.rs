//! Timing on a machine that does other things too: every sample stands beside a sample of a reference, taken a moment before.
//!
//! Two references: **F**, one uncontended relaxed `fetch_add`, and **C**, a `fetch_add` on one line by two threads, per operation and
//! thread. Ratios to them are the same on quiet and busy machines, and nearly the same on different ones.

use std::{
    hint::{self, black_box},
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use rustix::{
    thread::{CpuSet, sched_setaffinity},
    time::{ClockId, clock_gettime},
};

#[repr(align(128))]
struct Line(AtomicU64);

/// A sample in which a thread was on its processor for less than this part of the time is thrown away.
const UNDISTURBED: f64 = 0.95;

struct Sample {
    /// Nanoseconds on the processor.
    cpu: f64,
    undisturbed: bool,
}

fn sample(operations: u64, mut run: impl FnMut(u64)) -> Sample {
    let now = |clock| {
        let time = clock_gettime(clock);
        time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
    };
    let (wall, cpu) = (now(ClockId::Monotonic), now(ClockId::ThreadCPUTime));
    run(operations);
    let cpu = now(ClockId::ThreadCPUTime) - cpu;
    let wall = now(ClockId::Monotonic) - wall;
    Sample { cpu: cpu / operations as f64, undisturbed: cpu > UNDISTURBED * wall }
}

fn median(mut ratios: Vec<f64>) -> Option<f64> {
    ratios.sort_by(f64::total_cmp);
    ratios.get(ratios.len() / 2).copied()
}

fn add(line: &Line, operations: u64) {
    for _ in 0..operations {
        black_box(line.0.fetch_add(1, Ordering::Relaxed));
    }
}

/// The time of one operation in F, as the median of `samples` of so many operations each. `run` does as many operations as it is told.
pub fn ratio_to_f(samples: usize, operations: u64, mut run: impl FnMut(u64)) -> f64 {
    let line = Line(AtomicU64::new(0));
    run(operations);
    let mut ratios = Vec::with_capacity(samples);
    let mut tries = 0;
    // A thread that lost its processor in every sample still has its processor time.
    while ratios.len() < samples {
        let reference = sample(operations.max(20_000), |operations| add(&line, operations));
        let measured = sample(operations, &mut run);
        tries += 1;
        if reference.undisturbed && measured.undisturbed || tries > 4 * samples {
            ratios.push(measured.cpu / reference.cpu);
        }
    }
    median(ratios).unwrap_or(f64::NAN)
}

/// The time of one operation in C when two threads do it at once; `None` if the machine left no room to measure it.
pub fn ratio_to_c<R: FnMut(u64) + Send>(samples: usize, operations: u64, mut worker: impl FnMut() -> R) -> Option<f64> {
    let line = Line(AtomicU64::new(0));
    let meeting = Line(AtomicU64::new(0));
    let (mut first, mut second) = (worker(), worker());
    let rounds = 4 * samples as u64;
    let one = |cpu: usize, run: &mut R| {
        let mut cpus = CpuSet::new();
        cpus.set(cpu);
        // Where it is not allowed, the threads may share a processor, which the samples show.
        let _ = sched_setaffinity(None, &cpus);
        let mut meet = {
            let mut met = 0;
            let meeting = &meeting;
            move || {
                met += 2;
                meeting.0.fetch_add(1, Ordering::AcqRel);
                // Both begin within some nanoseconds of each other, if both have a processor.
                let mut patience = 0;
                while meeting.0.load(Ordering::Acquire) < met {
                    hint::spin_loop();
                    patience += 1;
                    if patience > 10_000 {
                        thread::yield_now();
                    }
                }
            }
        };
        let mut round = || {
            meet();
            let reference = sample(operations, |operations| add(&line, operations));
            meet();
            (reference, sample(operations, &mut *run))
        };
        (0..rounds).map(|_| round()).collect::<Vec<_>>()
    };
    let (ours, theirs) = thread::scope(|scope| {
        let other = scope.spawn(|| one(1, &mut second));
        let ours = scope.spawn(|| one(0, &mut first));
        (ours.join().expect("a worker panicked"), other.join().expect("a worker panicked"))
    });
    let contended = CONTENDED * f_nanoseconds();
    let undisturbed = ours.iter().zip(&theirs).filter(|((a, b), (c, d))| {
        [a, b, c, d].iter().all(|sample| sample.undisturbed) && a.cpu > contended && c.cpu > contended
    });
    let ratios: Vec<f64> = undisturbed
        .map(|((reference, run), (reference2, run2))| (run.cpu + run2.cpu) / (reference.cpu + reference2.cpu))
        .collect();
    (ratios.len() > samples / 4).then(|| median(ratios)).flatten()
}

/// Where two threads on one line cost less than this many F each, they did not run at once.
const CONTENDED: f64 = 1.8;

/// One uncontended relaxed `fetch_add` in nanoseconds.
pub fn f_nanoseconds() -> f64 {
    let line = Line(AtomicU64::new(0));
    let samples = (0..9).map(|_| sample(100_000, |operations| add(&line, operations)).cpu).collect();
    median(samples).unwrap_or(f64::NAN)
}
