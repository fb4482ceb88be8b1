//! Other crates that balance load, as their documentation says to use them.
//!
//! Those that need `&mut` stand behind a `Mutex` of the standard library when two threads share them. Run them with a limit on memory
//! (`ulimit -v`): some grow with the square of the number of destinations, and are left out where that hurts.

use std::{
    future::Ready,
    hint::black_box,
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    task::{Context, Poll, Waker},
};

use loadwise::{
    LoadMetric, Node, SelectionContext, Strategy, Weighted,
    strategy::{LeastLoad, PowerOfTwoChoices, RoundRobin, WeightedRoundRobin},
};
use maglev::{ConsistentHasher, Maglev};
use tower::{
    Service,
    balance::p2c::Balance,
    discover::ServiceList,
    load::{CompleteOnResponse, PendingRequests},
};
use weighted_rs::{RoundrobinWeight, Weight};
#[cfg(feature = "rivals-pingora")]
use {
    crate::pools::endpoint,
    pingora_load_balancing::{LoadBalancer, selection},
};

use crate::{
    contest::{Contest, Contestant, Runner},
    pools::flows,
};

/// The rivals in a contest at a size.
pub fn contestants(contest: Contest, n: usize) -> Vec<Contestant> {
    match contest {
        Contest::RoundRobin => [loadwise_rr(n)].into_iter().chain(pingora_in_turn(n)).collect(),
        Contest::WeightedRoundRobin => vec![weighted_rs(n), loadwise_wrr(n)],
        Contest::LeastConnection => vec![loadwise_counted("loadwise LeastLoad", n, LeastLoad::new)],
        Contest::ClientHash => maglev(n).into_iter().chain(pingora_hashed(n)).collect(),
        Contest::TwoChoices => {
            vec![loadwise_counted("loadwise PowerOfTwoChoices", n, PowerOfTwoChoices::new), tower(n)]
        }
    }
}

struct Candidate {
    name: u32,
    weight: u32,
    connections: AtomicU32,
}

impl Node for Candidate {
    type Id = u32;

    fn id(&self) -> &u32 {
        &self.name
    }
}

impl Weighted for Candidate {
    fn weight(&self) -> u32 {
        self.weight
    }
}

impl LoadMetric for Candidate {
    fn load_score(&self) -> f64 {
        f64::from(self.connections.load(Ordering::Relaxed)) / f64::from(self.weight)
    }
}

fn candidates(n: usize) -> Arc<Vec<Candidate>> {
    let candidate = |at| Candidate { name: at, weight: 1 + at % 10, connections: AtomicU32::new(0) };
    Arc::new((0..n as u32).map(candidate).collect())
}

fn loadwise_rr(n: usize) -> Contestant {
    let (candidates, strategy) = (candidates(n), Arc::new(RoundRobin::new()));
    Contestant::new("loadwise RoundRobin", move || {
        let (candidates, strategy, context) =
            (Arc::clone(&candidates), Arc::clone(&strategy), SelectionContext::default());
        Box::new(move |operations| {
            for _ in 0..operations {
                black_box(strategy.select(&candidates, &context));
            }
        })
    })
}

fn loadwise_wrr(n: usize) -> Contestant {
    let (candidates, strategy) = (candidates(n), Arc::new(WeightedRoundRobin::new()));
    Contestant::new("loadwise WeightedRoundRobin", move || {
        let (candidates, strategy, context) =
            (Arc::clone(&candidates), Arc::clone(&strategy), SelectionContext::default());
        Box::new(move |operations| {
            for _ in 0..operations {
                black_box(strategy.select(&candidates, &context));
            }
        })
    })
}

fn loadwise_counted<S>(name: &'static str, n: usize, strategy: impl Fn() -> S) -> Contestant
where
    S: Strategy<Candidate> + Send + Sync + 'static,
{
    let (candidates, strategy) = (candidates(n), Arc::new(strategy()));
    Contestant::new(name, move || {
        let (candidates, strategy, context) =
            (Arc::clone(&candidates), Arc::clone(&strategy), SelectionContext::default());
        Box::new(move |operations| {
            for _ in 0..operations {
                if let Some(at) = strategy.select(&candidates, &context) {
                    candidates[at].connections.fetch_add(1, Ordering::Relaxed);
                    candidates[at].connections.fetch_sub(1, Ordering::Relaxed);
                }
            }
        })
    })
}

#[cfg(feature = "rivals-pingora")]
fn pingora_in_turn(n: usize) -> Option<Contestant> {
    pingora::<selection::RoundRobin>(n, 10_000)
}

#[cfg(feature = "rivals-pingora")]
fn pingora_hashed(n: usize) -> Option<Contestant> {
    pingora::<selection::Consistent>(n, 1_000)
}

#[cfg(not(feature = "rivals-pingora"))]
fn pingora_in_turn(_: usize) -> Option<Contestant> {
    None
}

#[cfg(not(feature = "rivals-pingora"))]
fn pingora_hashed(_: usize) -> Option<Contestant> {
    None
}

#[cfg(feature = "rivals-pingora")]
fn pingora<S>(n: usize, most: usize) -> Option<Contestant>
where
    S: selection::BackendSelection + Send + Sync + 'static,
    S::Iter: selection::BackendIter,
{
    if n > most {
        return None;
    }
    let balancer = LoadBalancer::<S>::try_from_iter((0..n).map(|at| endpoint(at).to_string())).ok()?;
    let balancer = Arc::new(balancer);
    Some(Contestant::new("pingora LoadBalancer", move || {
        let (balancer, keys): (_, Vec<_>) =
            (Arc::clone(&balancer), flows().iter().map(|flow| flow.client.to_string().into_bytes()).collect());
        Box::new(move |operations| {
            for at in 0..operations as usize {
                black_box(balancer.select(&keys[at % 256], 1));
            }
        })
    }))
}

fn weighted_rs(n: usize) -> Contestant {
    let mut balancer = RoundrobinWeight::new();
    (0..n).for_each(|at| balancer.add(at, 1 + (at % 10) as isize));
    let balancer = Arc::new(Mutex::new(balancer));
    Contestant::new("weighted-rs RoundrobinWeight", move || {
        let balancer = Arc::clone(&balancer);
        Box::new(move |operations| {
            for _ in 0..operations {
                black_box(balancer.lock().expect("not poisoned").next());
            }
        })
    })
    .exact()
}

fn maglev(n: usize) -> Option<Contestant> {
    // It keeps a permutation of a hundred entries for each destination and each of them.
    if n > 1_000 {
        return None;
    }
    let table = Arc::new(Maglev::new(0..n));
    Some(Contestant::new("maglev", move || {
        let (table, flows) = (Arc::clone(&table), flows());
        Box::new(move |operations| {
            for at in 0..operations as usize {
                black_box(table.get(&flows[at % 256].client.addr));
            }
        })
    }))
}

struct Answer;

impl Service<()> for Answer {
    type Response = ();
    type Error = std::convert::Infallible;
    type Future = Ready<Result<(), Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, (): ()) -> Self::Future {
        std::future::ready(Ok(()))
    }
}

fn tower(n: usize) -> Contestant {
    let services = (0..n).map(|_| PendingRequests::new(Answer, CompleteOnResponse::default()));
    let balance = Arc::new(Mutex::new(Balance::new(ServiceList::new(services.collect::<Vec<_>>()))));
    Contestant::new("tower p2c PendingRequests", move || -> Runner {
        let balance = Arc::clone(&balance);
        Box::new(move |operations| {
            let mut context = Context::from_waker(Waker::noop());
            for _ in 0..operations {
                let mut balance = balance.lock().expect("not poisoned");
                while Service::<()>::poll_ready(&mut *balance, &mut context).is_pending() {}
                let answer = pin!(balance.call(()));
                let _ = black_box(std::future::Future::poll(answer, &mut context));
            }
        })
    })
}
