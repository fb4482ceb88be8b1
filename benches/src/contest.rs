//! Who is measured beside whom.

use std::{
    fmt,
    hint::black_box,
    sync::{
        Arc,
        atomic::{AtomicI32, Ordering},
    },
};

use lvs_model::SchedulerName;

use crate::pools::{Weights, flows, pool};

/// Does an operation so many times.
pub type Runner = Box<dyn FnMut(u64) + Send>;

/// One way to do an operation, with destinations of weights 1 to 10.
pub struct Contestant {
    /// Whose it is, and what.
    pub name: &'static str,
    /// Whether it picks what the kernel picks, so that the comparison is fair.
    pub same_answer: bool,
    /// How many times as fast we have to be.
    pub goal: f64,
    /// Makes a runner for one thread; all runners share the same destinations.
    pub worker: Box<dyn Fn() -> Runner>,
}

impl fmt::Debug for Contestant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contestant").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Contestant {
    /// Names a way to make runners.
    pub fn new(name: &'static str, worker: impl Fn() -> Runner + 'static) -> Self {
        Self { name, same_answer: false, goal: 0.0, worker: Box::new(worker) }
    }

    /// Says that it picks what the kernel picks, so that we have to be faster.
    #[must_use]
    pub fn exact(self) -> Self {
        Self { same_answer: true, goal: 1.0, ..self }
    }

    /// Says how many times as fast we have to be.
    #[must_use]
    pub fn with_goal(self, goal: f64) -> Self {
        Self { goal, ..self }
    }
}

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contest {
    /// A pick in turn.
    RoundRobin,
    /// A pick in turn by weight.
    WeightedRoundRobin,
    /// A pick by load, counted; the connection ends before the next.
    LeastConnection,
    /// A pick by the client's address.
    ClientHash,
    /// The better of two by load, counted; the connection ends before the next.
    TwoChoices,
}

impl Contest {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::RoundRobin, Self::WeightedRoundRobin, Self::LeastConnection, Self::ClientHash, Self::TwoChoices];

    /// The name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RoundRobin => "rr pick",
            Self::WeightedRoundRobin => "wrr pick",
            Self::LeastConnection => "wlc connect and drop",
            Self::ClientHash => "mh pick",
            Self::TwoChoices => "twos connect and drop",
        }
    }

    const fn scheduler(self) -> SchedulerName {
        match self {
            Self::RoundRobin => SchedulerName::Rr,
            Self::WeightedRoundRobin => SchedulerName::Wrr,
            Self::LeastConnection => SchedulerName::Wlc,
            Self::ClientHash => SchedulerName::Mh,
            Self::TwoChoices => SchedulerName::Twos,
        }
    }

    /// Ours.
    pub fn ours(self, n: usize) -> Option<Contestant> {
        // The kernel refuses more destinations than mh has slots, and so do we.
        if self == Self::ClientHash && n > 4093 {
            return None;
        }
        let pool = pool(self.scheduler(), n, Weights::Mixed);
        let counts = matches!(self, Self::LeastConnection | Self::TwoChoices);
        // Tables are written after some picks.
        let mut picker = pool.picker();
        for flow in flows().iter().cycle().take(200_000) {
            black_box(picker.pick(flow));
        }
        Some(Contestant::new("lvs-sched", move || {
            let (mut picker, flows) = (pool.picker(), flows());
            Box::new(move |operations| {
                for at in 0..operations as usize {
                    if counts {
                        black_box(picker.connect(&flows[at % 256]));
                    } else {
                        black_box(picker.pick(&flows[at % 256]));
                    }
                }
            })
        }))
    }

    /// All others: the kernel's way, and with the feature `rivals` other crates.
    pub fn others(self, n: usize) -> Vec<Contestant> {
        let mut others = Vec::new();
        if self == Self::LeastConnection {
            others.push(kernel_walk(n));
        }
        #[cfg(feature = "rivals")]
        others.extend(crate::rivals::contestants(self, n));
        others
    }
}

/// The kernel's way of wlc: a linked list of destinations of 512 bytes, walked for each pick; four atomic operations to count.
fn kernel_walk(n: usize) -> Contestant {
    #[repr(align(512))]
    struct Destination {
        weight: i32,
        active: AtomicI32,
        inactive: AtomicI32,
        references: AtomicI32,
        next: Option<usize>,
    }
    let list: Vec<Box<Destination>> = (0..n)
        .map(|at| {
            Box::new(Destination {
                weight: 1 + (at % 10) as i32,
                active: AtomicI32::new(0),
                inactive: AtomicI32::new(0),
                references: AtomicI32::new(0),
                next: at.checked_sub(1),
            })
        })
        .collect();
    let list = Arc::new(list);
    Contestant::new("a walk like the kernel's", move || {
        let list = Arc::clone(&list);
        Box::new(move |operations| {
            for _ in 0..operations {
                let overhead = |at: usize| {
                    let destination = &list[at];
                    (destination.active.load(Ordering::Relaxed) << 8) + destination.inactive.load(Ordering::Relaxed)
                };
                let mut best = list.len() - 1;
                let mut next = list[best].next;
                while let Some(at) = next {
                    let product = |cost: i32, weight: i32| i64::from(cost) * i64::from(weight);
                    if product(overhead(best), list[at].weight) > product(overhead(at), list[best].weight) {
                        best = at;
                    }
                    next = list[at].next;
                }
                let picked = black_box(&list[best]);
                picked.references.fetch_add(1, Ordering::Relaxed);
                picked.active.fetch_add(1, Ordering::Relaxed);
                picked.active.fetch_sub(1, Ordering::Relaxed);
                picked.references.fetch_sub(1, Ordering::Relaxed);
            }
        })
    })
    .exact()
    .with_goal(match n {
        0..1_000 => 1.0,
        1_000..100_000 => 50.0,
        _ => 10_000.0,
    })
}
