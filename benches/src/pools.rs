//! Pools to measure.

use lvs_model::{Destination, Endpoint, Family, SchedulerName, Weight};
use lvs_sched::{
    Pool,
    algo::{AnyScheduler, DestinationId, Flow, Scheduled, Scheduler, Settings},
};

/// The endpoint of the destination with a number.
pub fn endpoint(at: usize) -> Endpoint {
    let [_, a, b, c] = (at as u32).to_be_bytes();
    Endpoint::from((std::net::Ipv4Addr::new(10, a, b, c), 80))
}

/// How weights are spread over a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weights {
    /// From 1 to 10.
    Mixed,
    /// One of 1000, all others 1.
    Skewed,
}

impl Weights {
    /// The destination with a number.
    pub fn destination(self, at: usize) -> Destination {
        let weight = match self {
            Self::Mixed => 1 + (at % 10) as u16,
            Self::Skewed if at == 0 => 1000,
            Self::Skewed => 1,
        };
        Destination::new(endpoint(at)).with_weight(Weight::from(weight))
    }
}

/// A pool of so many destinations, filled in one batch.
pub fn pool(name: SchedulerName, n: usize, weights: Weights) -> Pool<u64> {
    pool_of(AnyScheduler::named(name).expect("one of the fourteen"), n, weights)
}

/// A pool with a scheduler that is known when the program is compiled.
pub fn pool_of<S: Scheduler + Send + 'static>(scheduler: S, n: usize, weights: Weights) -> Pool<u64, S> {
    let pool = Pool::with_scheduler(scheduler);
    let edit = (0..n).fold(pool.edit(), |edit, at| edit.add(weights.destination(at), at as u64));
    edit.publish().expect("all endpoints differ");
    pool
}

/// The sequential core of so many destinations.
pub fn core(name: SchedulerName, n: usize, weights: Weights) -> (Scheduled<AnyScheduler>, Vec<DestinationId>) {
    let scheduler = AnyScheduler::named(name).expect("one of the fourteen");
    let mut core = Scheduled::new(scheduler, Family::Inet, Settings::default());
    let ids = (0..n).map(|at| core.add(&weights.destination(at))).collect();
    (core, ids)
}

/// Flows from many clients to a few virtual addresses; few enough to stay in the first cache, as the packet at hand would.
pub fn flows() -> Vec<Flow> {
    (0..256usize)
        .map(|at| Flow::tcp(endpoint(at * 7919).socket_addr(), endpoint(0xff_0000 + at % 64).socket_addr()))
        .collect()
}
