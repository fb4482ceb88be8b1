//! The pool: picks through every lane, guards, edits, drains, threads.
#![cfg(not(loom))]

use std::{sync::Arc, thread, time::Duration};

use lvs_model::{
    Destination, Endpoint, SchedulerFlags, SchedulerName, Service, ServiceKey, Thresholds, VirtualServer, Weight,
};
use lvs_sched::{
    Connection, Picker, Pool,
    algo::{AnyScheduler, Destinations, Draws, Flow, Random, Scheduled, Scheduler, Settings, Shortcut, Slot},
    pool::EditError,
};

fn endpoint(at: usize) -> Endpoint {
    format!("10.{}.{}.{}:80", at >> 16 & 255, at >> 8 & 255, at & 255).parse().unwrap()
}

fn destination(at: usize, weight: u32) -> Destination {
    Destination::new(endpoint(at)).with_weight(Weight::new(weight).unwrap())
}

fn pool(scheduler: &str, weights: &[u32]) -> Pool<usize> {
    let pool = Pool::named(scheduler.parse().unwrap()).unwrap();
    for (at, &weight) in weights.iter().enumerate() {
        pool.add(destination(at, weight), at).unwrap();
    }
    pool
}

fn counts(pool: &Pool<usize>) -> Vec<(usize, u32, u32)> {
    pool.destinations()
        .iter()
        .map(|member| (*member.data(), member.counts().active, member.counts().inactive))
        .collect()
}

fn flow(at: usize) -> Flow {
    let client = endpoint(at * 7919).socket_addr();
    Flow::tcp(client, endpoint(at % 5 + 1000).socket_addr())
}

fn assert_send_sync<T: Send + Sync + 'static>() {}

#[test]
fn handles_go_everywhere() {
    assert_send_sync::<Pool<String>>();
    assert_send_sync::<Connection<String>>();
    assert_send_sync::<Picker<String, AnyScheduler>>();
    assert_send_sync::<lvs_sched::pool::Drain>();
}

/// A pool and the sequential core, given the same picks, edits and ends of connections.
#[test]
fn a_pool_picks_what_its_core_picks() {
    for name in SchedulerName::KNOWN {
        let pool = pool(&name.to_string(), &[]);
        let mut picker = pool.picker().seeded(5);
        let mut random = Random::seeded(5);
        let mut core = Scheduled::new(AnyScheduler::named(name).unwrap(), lvs_model::Family::Inet, Settings::default());
        let mut ids = Vec::new();
        let mut chance = Random::seeded(u64::from(name.to_string().len() as u32));
        let mut open: Vec<(Connection<usize>, usize)> = Vec::new();
        for step in 0..4000 {
            let at = (chance.bits() % 12) as usize;
            match chance.bits() % 100 {
                0..3 if ids.len() < 12 => {
                    let mut new = destination(ids.len(), (chance.bits() % 6) as u32);
                    if chance.bits().is_multiple_of(3) {
                        new = new.with_thresholds(Thresholds::new(4, 0).unwrap());
                    }
                    pool.add(new, ids.len()).unwrap();
                    ids.push(core.add(&new));
                }
                3..5 if at < ids.len() => {
                    let edited = destination(at, (chance.bits() % 6) as u32);
                    pool.update(edited).unwrap();
                    core.edit(ids[at], &edited);
                }
                5..40 if !open.is_empty() => {
                    let (connection, at) = open.swap_remove((chance.bits() % open.len() as u64) as usize);
                    assert!(connection.is_active());
                    drop(connection);
                    core.unbind_active(ids[at]);
                }
                40..70 => {
                    let pick = picker.pick(&flow(step)).map(|pick| *pick.data());
                    let expected = core.pick(&flow(step), &mut random).and_then(|id| ids.iter().position(|&i| i == id));
                    assert_eq!(pick, expected, "{name}, step {step}");
                }
                _ => {
                    let connection = picker.connect(&flow(step));
                    let expected = core.pick(&flow(step), &mut random).and_then(|id| ids.iter().position(|&i| i == id));
                    assert_eq!(
                        connection.as_ref().map(|connection| *connection.data()),
                        expected,
                        "{name}, step {step}"
                    );
                    if let Some(at) = expected {
                        core.bind_active(ids[at]);
                        open.extend(connection.map(|connection| (connection, at)));
                    }
                }
            }
        }
        assert!(ids.len() == 12, "{name}");
    }
}

#[test]
fn guards_are_released_on_any_thread_and_after_the_pool_is_gone() {
    let pool = pool("wlc", &[1, 1]);
    let mut picker = pool.picker();
    let connections: Vec<_> = (0..6).map(|at| picker.connect(&flow(at)).unwrap()).collect();
    assert_eq!(counts(&pool), [(1, 3, 0), (0, 3, 0)]);
    thread::spawn(move || drop(connections)).join().unwrap();
    assert_eq!(counts(&pool), [(1, 0, 0), (0, 0, 0)]);
    let mut last = picker.connect(&flow(0)).unwrap();
    drop((pool, picker));
    last.deactivate();
    assert_eq!(*last, 1);
}

#[test]
fn activating_twice_is_activating_once() {
    let pool = pool("lc", &[1]);
    let mut connection = pool.picker().connect(&flow(0)).unwrap();
    connection.activate();
    assert_eq!(counts(&pool), [(0, 1, 0)]);
    connection.deactivate();
    connection.deactivate();
    assert_eq!(counts(&pool), [(0, 0, 1)]);
    connection.activate();
    connection.activate();
    assert_eq!(counts(&pool), [(0, 1, 0)]);
    connection.deactivate();
    drop(connection);
    assert_eq!(counts(&pool), [(0, 0, 0)]);
    assert!(pool.picker().pick(&flow(0)).unwrap().connect().unwrap().is_active());
}

#[test]
fn a_destination_that_comes_back_has_its_connections() {
    let pool = pool("lc", &[1, 1]);
    let mut picker = pool.picker();
    let connections: Vec<_> = (0..4).map(|at| picker.connect(&flow(at)).unwrap()).collect();
    let gone = pool.remove(endpoint(0)).unwrap();
    assert!(!gone.is_done());
    assert_eq!(counts(&pool), [(1, 2, 0)]);
    pool.add(destination(0, 1), 7).unwrap();
    assert_eq!(counts(&pool), [(7, 2, 0), (1, 2, 0)], "first in the list, with its counters and new data");
    drop(connections);
    assert_eq!(counts(&pool), [(7, 0, 0), (1, 0, 0)]);
    assert!(gone.is_done());
    pool.remove(endpoint(0)).unwrap().wait();
    pool.add(destination(0, 1), 8).unwrap();
    assert_eq!(counts(&pool), [(8, 0, 0), (1, 0, 0)]);
}

#[test]
fn the_data_of_a_removed_destination_is_dropped() {
    let pool: Pool<Arc<()>> = Pool::named(SchedulerName::Rr).unwrap();
    let data = Arc::new(());
    pool.add(destination(0, 1), Arc::clone(&data)).unwrap();
    pool.add(destination(1, 1), Arc::new(())).unwrap();
    let mut picker = pool.picker();
    let connection = (0..2).find_map(|at| picker.connect(&flow(at)).filter(|c| c.endpoint() == endpoint(0))).unwrap();
    pool.remove(endpoint(0)).unwrap();
    drop(connection);
    picker.pick(&flow(0)).unwrap();
    assert_eq!(Arc::strong_count(&data), 1);
}

#[test]
fn drains_can_be_waited_for_in_three_ways() {
    let pool = pool("sh", &[1]);
    let mut picker = pool.picker();
    let (first, second) = (picker.connect(&flow(0)).unwrap(), picker.connect(&flow(1)).unwrap());
    let drain = pool.drain(endpoint(0)).unwrap();
    assert!(picker.connect(&flow(2)).is_none());
    assert!(!drain.wait_timeout(Duration::from_millis(1)));
    let waiter = {
        let drain = drain.clone();
        thread::spawn(move || drain.wait())
    };
    let awaited = {
        let (drain, watch) = (drain.clone(), first.watch());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        thread::spawn(move || runtime.block_on(async { (drain.await, watch.await) }))
    };
    drop(first);
    assert!(!drain.is_done());
    drop(second);
    waiter.join().unwrap();
    awaited.join().unwrap();
    assert!(drain.is_done());
}

#[test]
fn nobody_is_picked_from_nothing() {
    for name in SchedulerName::KNOWN {
        let pool = pool(&name.to_string(), &[]);
        let mut picker = pool.picker();
        assert!(picker.pick(&flow(0)).is_none() && picker.connect(&flow(0)).is_none(), "{name}: empty");
        for at in 0..3 {
            pool.add(destination(at, 0), at).unwrap();
        }
        assert!(picker.pick(&flow(0)).is_none() && picker.connect(&flow(0)).is_none(), "{name}: all quiesced");
        pool.set_flags(SchedulerFlags::FALLBACK);
        assert!(picker.pick(&flow(0)).is_none() && picker.retry(&flow(0), &[]).is_none(), "{name}: with fallback");
        pool.edit().weight(endpoint(1), Weight::MAX).weight(endpoint(2), Weight::MAX).publish().unwrap();
        for at in 0..50 {
            assert_ne!(picker.connect(&flow(at)).map_or(1, |connection| *connection), 0, "{name}");
        }
    }
}

#[test]
fn edits_say_what_is_wrong_and_do_nothing_then() {
    let pool = pool("rr", &[1]);
    assert_eq!(pool.add(destination(0, 1), 1), Err(EditError::Exists(endpoint(0))));
    assert_eq!(pool.set_weight(endpoint(9), Weight::ONE), Err(EditError::NotFound(endpoint(9))));
    assert_eq!(pool.remove(endpoint(9)).err(), Some(EditError::NotFound(endpoint(9))));
    let mixed = pool.edit().remove(endpoint(0)).remove(endpoint(0)).publish();
    assert_eq!(mixed, Err(EditError::NotFound(endpoint(0))));
    assert_eq!(pool.len(), 1);
    pool.edit().remove(endpoint(0)).add(destination(0, 2), 5).remove(endpoint(0)).publish().unwrap();
    assert!(pool.is_empty());
}

#[test]
fn a_reload_touches_what_differs_only() {
    let table = |weights: &[(usize, u32)], scheduler| {
        let mut server = VirtualServer::new(Service::new(ServiceKey::tcp(endpoint(99)), scheduler));
        for &(at, weight) in weights {
            server.insert(destination(at, weight)).unwrap();
        }
        server
    };
    let mut made = Vec::new();
    let before = table(&[(0, 1), (1, 1), (2, 1)], SchedulerName::Rr);
    let pool = Pool::like(&before, |new| {
        made.push(new.endpoint);
        made.len()
    })
    .unwrap();
    let mut picker = pool.picker();
    let picks: Vec<usize> = (0..4).map(|at| *picker.pick(&flow(at)).unwrap()).collect();
    assert_eq!(picks, [3, 2, 1, 3]);
    let connection = picker.connect(&flow(0)).unwrap();
    assert_eq!(*connection, 2);
    // Another weight, one more, one less: the walk goes on after the second, whose connection is still counted.
    let after = table(&[(0, 5), (1, 1), (3, 1)], SchedulerName::Rr);
    pool.reload(&after, |_| 4).unwrap();
    let picks: Vec<usize> = (0..4).map(|at| *picker.pick(&flow(at)).unwrap()).collect();
    assert_eq!(picks, [1, 4, 2, 1]);
    assert_eq!(counts(&pool), [(4, 0, 0), (2, 1, 0), (1, 0, 0)]);
    assert_eq!(pool.destinations()[2].destination().weight.get(), 5);
    pool.reload(&table(&[(0, 5)], SchedulerName::Wlc), |_| 9).unwrap();
    assert_eq!(counts(&pool), [(1, 0, 0)]);
    drop(connection);
}

#[test]
fn many_destinations_come_and_go() {
    for name in ["rr", "wrr", "wlc", "twos", "lblc"] {
        let pool = pool(name, &[]);
        let mut picker = pool.picker();
        let mut connections = Vec::new();
        for round in 0..3000 {
            pool.add(destination(round, 1 + (round % 3) as u32), round).unwrap();
            if round >= 40 {
                pool.remove(endpoint(round - 40)).unwrap();
            }
            let connection = picker.connect(&flow(round)).unwrap();
            assert!(*connection + 40 > round, "{name}: {} is gone in round {round}", *connection);
            connections.push(connection);
            if round % 2 == 0 {
                drop(connections.swap_remove(round / 4));
            }
        }
        let live: u32 = counts(&pool).iter().map(|(_, active, _)| active).sum();
        let held = connections.iter().filter(|connection| ***connection + 40 >= 3000).count();
        assert_eq!(live as usize, held, "{name}");
    }
}

#[derive(Debug)]
struct Last;

impl Scheduler for Last {
    fn pick(&mut self, list: &Destinations, _: &Flow, _: &mut dyn Draws) -> Option<Slot> {
        list.iter().filter(|&slot| list.is_usable(slot)).last()
    }
}

#[test]
fn schedulers_of_ones_own_stand_beside_the_built_in_ones() {
    let own = Pool::with_scheduler(Last);
    let any = Pool::with_scheduler(AnyScheduler::custom("last".parse().unwrap(), Last));
    for at in 0..3 {
        own.add(destination(at, 1), at).unwrap();
        any.add(destination(at, 1), at).unwrap();
    }
    assert_eq!(*own.picker().pick(&flow(0)).unwrap(), 0);
    assert_eq!(*any.picker().connect(&flow(0)).unwrap(), 0);
    any.set_scheduler(AnyScheduler::named(SchedulerName::Rr).unwrap());
    assert_eq!(*any.picker().pick(&flow(0)).unwrap(), 2);
}

/// Says that picks take turns, but names only one who is quiesced.
#[derive(Debug)]
struct Stubborn;

impl Scheduler for Stubborn {
    fn pick(&mut self, list: &Destinations, _: &Flow, _: &mut dyn Draws) -> Option<Slot> {
        list.first()
    }

    fn shortcut(&mut self, list: &Destinations) -> Shortcut {
        Shortcut::turns(list.iter().filter(|&slot| list.weight(slot) == 0).collect())
    }
}

#[test]
fn a_table_of_nobody_does_not_hang() {
    let pool = Pool::with_scheduler(Stubborn);
    pool.add(destination(0, 0), 0).unwrap();
    pool.add(destination(1, 1), 1).unwrap();
    let mut picker = pool.picker();
    assert!((0..9).all(|at| *picker.pick(&flow(at)).unwrap() == 1));
    assert_eq!(*picker.connect(&flow(0)).unwrap(), 1);
}

/// Threads pick, connect, edit and release at once; nothing is lost.
#[test]
fn connections_are_conserved_under_threads() {
    for name in SchedulerName::KNOWN {
        let pool = pool(&name.to_string(), &[3, 2, 2, 1, 1, 1]);
        thread::scope(|scope| {
            for worker in 0..3 {
                let mut picker = pool.picker();
                scope.spawn(move || {
                    let mut open = Vec::new();
                    for at in 0..2000 {
                        if let Some(pick) = picker.pick(&flow(at)) {
                            assert!(*pick < 8);
                        }
                        open.extend(picker.connect(&flow(at * 3 + worker)));
                        if at % 3 == 0 {
                            open.clear();
                        }
                    }
                    open
                });
            }
            for round in 0..200 {
                pool.add(destination(6, 2), 6).unwrap();
                pool.set_weight(endpoint(round % 6), Weight::new(round as u32 % 4).unwrap()).unwrap();
                pool.remove(endpoint(6)).unwrap();
            }
        });
        for (at, active, inactive) in counts(&pool) {
            assert_eq!((active, inactive), (0, 0), "{name}: destination {at}");
        }
        pool.add(destination(6, 2), 6).unwrap();
        assert_eq!(counts(&pool)[0], (6, 0, 0), "{name}");
    }
}

#[test]
fn data_that_looks_at_its_pool_when_it_is_dropped_does_not_wait_for_itself() {
    #[derive(Clone, Default)]
    struct Nosy(Option<Pool<Nosy>>);
    impl Drop for Nosy {
        fn drop(&mut self) {
            if let Some(pool) = &self.0 {
                let _ = (pool.len(), pool.destinations().len());
            }
        }
    }
    let pool: Pool<Nosy> = Pool::named(SchedulerName::Rr).expect("one of the fourteen");
    for at in 0..64 {
        pool.add(destination(at, 1), Nosy(Some(pool.clone()))).expect("all differ");
    }
    for at in 0..64 {
        pool.remove(endpoint(at)).expect("it is there");
    }
    assert!(pool.is_empty());
}

#[test]
fn a_retry_finds_whoever_is_left() {
    // The heavy one takes all slots of sh, and hides others from the probes of mh.
    for scheduler in ["sh", "mh", "dh"] {
        let pool = pool(scheduler, &[1, 300]);
        let mut picker = pool.picker();
        for client in 0..200 {
            let first = picker.connect(&flow(client)).expect("two are there");
            let second = picker.retry(&flow(client), &[first.id()]).expect("one is left");
            assert_ne!(second.id(), first.id());
            assert!(picker.retry(&flow(client), &[first.id(), second.id()]).is_none());
        }
    }
}

#[test]
fn mh_moves_few_clients_of_ipv6_destinations() {
    let pool: Pool<usize> = Pool::named(SchedulerName::Mh).expect("one of the fourteen");
    let endpoint = |at: usize| -> Endpoint { format!("[2001:db8::{at:x}]:443").parse().expect("an endpoint") };
    for at in 1..=10 {
        pool.add(Destination::new(endpoint(at)), at).expect("all differ");
    }
    let client = |at: usize| {
        let client = format!("[2001:db8:1::{at:x}]:1000").parse().expect("an address");
        Flow::tcp(client, "[2001:db8:2::1]:443".parse().expect("an address"))
    };
    let picks = || -> Vec<Option<usize>> {
        let mut picker = pool.picker();
        (0..2000).map(|at| picker.pick(&client(at)).map(|pick| *pick.data())).collect()
    };
    let before = picks();
    pool.remove(endpoint(5)).expect("it is there");
    let moved = before.iter().zip(picks()).filter(|(before, after)| **before != Some(5) && **before != *after).count();
    assert!(moved < 100, "{moved} of 2000 moved");
}

#[test]
fn a_pool_that_was_large_picks_as_ever() {
    let pool = pool("wlc", &[1; 20_000]);
    let keep = endpoint(3);
    let gone = (0..20_000).filter(|&at| at != 3).fold(pool.edit(), |edit, at| edit.remove(endpoint(at)));
    gone.publish().expect("all were there");
    for _ in 0..100 {
        pool.add(destination(1, 1), 1).expect("it is not there");
        pool.remove(endpoint(1)).expect("it is there");
    }
    assert_eq!(pool.destinations().len(), 1);
    assert_eq!(pool.picker().pick(&flow(1)).map(|pick| pick.endpoint()), Some(keep));
}

#[test]
fn who_gives_up_waiting_leaves_nothing_behind() {
    use std::{future::Future as _, pin::pin, task::Context};

    let waker = Arc::new(Flag);
    let pool = pool("rr", &[1]);
    let connection = pool.picker().connect(&flow(0)).expect("one is there");
    for _ in 0..100 {
        let drain = pin!(connection.watch());
        let waker = std::task::Waker::from(Arc::clone(&waker));
        assert!(drain.poll(&mut Context::from_waker(&waker)).is_pending());
    }
    assert_eq!(Arc::strong_count(&waker), 1);
}

struct Flag;

impl std::task::Wake for Flag {
    fn wake(self: Arc<Self>) {}
}

#[test]
fn a_reload_keeps_a_scheduler_of_ones_own() {
    let name: SchedulerName = "last".parse().expect("a name");
    let pool: Pool<usize> = Pool::with_scheduler(AnyScheduler::custom(name, Last));
    let mut service = VirtualServer::new(Service::new("tcp 10.0.0.1:80".parse().expect("a key"), name));
    service.insert(destination(1, 1)).expect("it fits");
    pool.reload(&service, |_| 1).expect("the scheduler stays");
    assert_eq!(pool.len(), 1);
}
