//! A scheduler of one's own: smooth weighted round robin, as in nginx, beside the kernel's wrr.
//!
//! `cargo run -p lvs-examples --example smooth_wrr [WEIGHT..]` prints what both pick, for weights 5, 1, 1 if none are given.
//!
//! Smooth weighted round robin gives every destination a credit. At each pick everybody earns their weight, the richest is picked and pays
//! the sum of all weights. So picks of the heaviest destination are spread over the cycle, where the kernel's wrr puts them in its beginning.

use lvs_model::{Destination, Endpoint, SchedulerName, Weight};
use lvs_sched::{
    Pool,
    algo::{AnyScheduler, Destinations, Draws, Flow, Renumbering, Scheduler, Slot},
};
use std::process::ExitCode;

/// Credits by slot.
#[derive(Debug, Default)]
struct SmoothWrr {
    credits: Vec<i64>,
}

impl Scheduler for SmoothWrr {
    fn bind(&mut self, list: &Destinations) {
        self.credits = vec![0; list.slots()];
    }

    fn added(&mut self, list: &Destinations, _: Slot) {
        self.credits.resize(list.slots(), 0);
    }

    fn renumbered(&mut self, _: &Destinations, renumbering: &Renumbering) {
        renumbering.apply(&mut self.credits);
    }

    fn pick(&mut self, list: &Destinations, _: &Flow, _: &mut dyn Draws) -> Option<Slot> {
        let mut sum = 0;
        let mut richest: Option<Slot> = None;
        for slot in list.iter().filter(|&slot| list.is_usable(slot)) {
            let credit = &mut self.credits[slot.index()];
            *credit += i64::from(list.weight(slot));
            sum += i64::from(list.weight(slot));
            if richest.is_none_or(|richest| self.credits[slot.index()] > self.credits[richest.index()]) {
                richest = Some(slot);
            }
        }
        self.credits[richest?.index()] -= sum;
        richest
    }
}

fn main() -> ExitCode {
    let weights = std::env::args().skip(1).map(|weight| weight.parse()).collect::<Result<Vec<Weight>, _>>();
    match weights.map_err(Into::into).and_then(|weights| run(&weights)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(weights: &[Weight]) -> Result<(), Box<dyn std::error::Error>> {
    let default = [Weight::from(5), Weight::ONE, Weight::ONE];
    let weights = if weights.is_empty() { &default } else { weights };
    if weights.len() > 26 {
        return Err(format!("expected at most 26 weights, one for each letter, not {}", weights.len()).into());
    }
    // One that is chosen by name stands beside the built-in ones.
    let schedulers =
        [AnyScheduler::named(SchedulerName::Wrr)?, AnyScheduler::custom("smooth".parse()?, SmoothWrr::default())];
    for scheduler in schedulers {
        let name = scheduler.name();
        let pool = Pool::with_scheduler(scheduler);
        let mut edit = pool.edit();
        for ((letter, host), weight) in ('A'..).zip(1..).zip(weights) {
            let endpoint = Endpoint::new([10, 0, 0, host].into(), 80);
            edit = edit.add(Destination::new(endpoint).with_weight(*weight), letter);
        }
        edit.publish()?;
        let mut picker = pool.picker();
        let picks: String = (0..28).filter_map(|_| picker.pick(&Flow::default()).map(|pick| *pick)).collect();
        println!("{name:>8} {picks}");
    }
    Ok(())
}
