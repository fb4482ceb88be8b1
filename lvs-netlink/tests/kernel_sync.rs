//! Snapshots, plans and their application on the real kernel: random tables, live connections, kills, rivals, losses, reloads.
//!
//! Each test has network namespaces of its own and needs root: run them in the lab, with one thread.

#[path = "lab/inside.rs"]
mod inside;
mod lab;
#[path = "sync/lan.rs"]
mod lan;
#[path = "sync/tables.rs"]
mod tables;

use lab::Namespace;
use lan::Lan;
use lvs_model::{
    Change, Destination, Forwarding, ProtocolTimeout, SchedulerFlags, SchedulerName, ServiceKey, Table, TimeoutsUpdate,
    VirtualServer,
};
use lvs_netlink::sync::{Deadline, Drain, OnFailure, Outcome, Plan, Reconciler, Scope, Snapshot, SyncError};
use lvs_netlink::wire::{MessageFlags, Request};
use lvs_netlink::{Client, Connector, Kernel, SocketRole, Transport};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use std::cell::RefCell;
use std::io::{self, BufRead as _, BufReader};
use std::ops::ControlFlow;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant, SystemTime};
use tables::{Owner, farm, ours, sorted, table, tables, union};

fn cases(number: u32) -> TestRunner {
    TestRunner::new(Config { cases: number, failure_persistence: None, max_shrink_iters: 40, ..Config::default() })
}

fn replace(client: &mut Client, new: &Table) {
    client.flush().unwrap();
    client.apply(&Table::new().difference(new)).unwrap();
}

fn reconcile(client: &mut Client, new: &Table) -> lvs_netlink::sync::Reconciled {
    Reconciler::new(ours()).reconcile(client, new, SystemTime::now()).unwrap()
}

fn random(count: usize) -> Vec<(Table, Table, Table)> {
    let mut runner = TestRunner::new(Config::default());
    (0..count).map(|_| tables().new_tree(&mut runner).unwrap().current()).collect()
}

#[test]
#[ignore = "runs inside the kernel lab"]
fn after_a_plan_the_kernel_holds_the_second_table_and_what_is_not_ours() {
    let namespace = Namespace::new();
    let client = RefCell::new(namespace.client());
    cases(200)
        .run(&tables(), |(old, new, theirs)| {
            let mut client = client.borrow_mut();
            replace(&mut client, &union(&old, &theirs));
            let snapshot = Snapshot::read(&mut client).unwrap();
            prop_assert!(snapshot.is_verified());
            let plan = Plan::new(&snapshot, &new, &ours()).unwrap();
            let report = plan.apply(&mut client).unwrap();
            prop_assert!(report.outcomes().iter().all(|outcome| *outcome == Outcome::Done));
            prop_assert_eq!(sorted(&client.table().unwrap()), sorted(&union(&new, &theirs)));
            let again = Snapshot::read(&mut client).unwrap();
            prop_assert!(Plan::new(&again, &new, &ours()).unwrap().is_empty());
            Ok(())
        })
        .unwrap();
}

#[test]
#[ignore = "runs inside the kernel lab"]
fn the_printed_plan_does_the_same_through_the_real_ipvsadm() {
    let namespace = Namespace::new();
    let mut client = namespace.client();
    // What ipvsadm has words for: it knows no local delivery and no odd flags, and gives a tunnel the service's port.
    let speakable = |table: &Table| {
        let servers = table.iter().filter(|server| {
            let persistence = server.service().persistence();
            persistence.is_none_or(|kept| kept.timeout.seconds() <= 31 * 86_400) && !server.service().one_packet()
        });
        let plain = servers.map(|server| {
            let service = server.service();
            let flags = SchedulerFlags::from_bits(service.flags().bits() & 0x38);
            let mut plain = VirtualServer::new(service.clone().with_flags(flags));
            let same_family = |d: &&Destination| d.endpoint.family() == service.key().family();
            for destination in server.destinations().iter().filter(same_family) {
                plain.insert(destination.with_forwarding(Forwarding::Masquerade)).unwrap();
            }
            plain
        });
        plain.collect::<Table>()
    };
    let mut compared = 0;
    for (old, new, theirs) in random(60) {
        let (old, new, theirs) = (speakable(&old), speakable(&new), speakable(&theirs));
        replace(&mut client, &union(&old, &theirs));
        let plan = Plan::new(&Snapshot::read(&mut client).unwrap(), &new, &ours()).unwrap();
        namespace.ipvsadm_restore(&plan.to_string());
        assert_eq!(sorted(&client.table().unwrap()), sorted(&union(&new, &theirs)), "{plan}");
        compared += plan.len();
    }
    assert!(compared > 100, "only {compared} lines were tried");
}

#[test]
#[ignore = "runs inside the kernel lab"]
fn a_connection_of_an_unchanged_destination_lives_through_every_apply() {
    let mut lan = Lan::new(1);
    lan.carries_data(1);
    let mut client = lan.director.client();
    let mut runner = TestRunner::new(Config::default());
    for turn in 0..40_u8 {
        // Everything around it changes: the service's scheduler and flags, its other destinations, all other services.
        let mut desired = table(Owner::Us).new_tree(&mut runner).unwrap().current();
        let scheduler = SchedulerName::KNOWN[usize::from(turn) % 13];
        let mut web = farm("tcp 10.9.0.1:80", scheduler, u32::from(turn % 3) * 10);
        web.insert(Destination::new(lan.endpoint)).unwrap();
        desired.upsert(web);
        reconcile(&mut client, &desired);
        assert_eq!(sorted(&client.table().unwrap()), sorted(&desired));
        lan.carries_data(turn);
        let status = client.service(&lan.key).unwrap();
        let ours = status.destinations.iter().find(|status| status.destination.endpoint == lan.endpoint).unwrap();
        assert_eq!((ours.counts.active, ours.statistics.connections.min(1)), (1, ours.statistics.connections));
    }
}

#[test]
#[ignore = "runs inside the kernel lab"]
fn a_drain_waits_for_the_live_connection_and_then_removes() {
    let mut lan = Lan::new(2);
    lan.carries_data(7);
    let mut client = lan.director.client();
    let second = ProtocolTimeout::new(1).unwrap();
    let quick = TimeoutsUpdate { tcp_fin: Some(second), ..TimeoutsUpdate::default() };
    client.set_timeouts(&quick).unwrap();
    let mut web = farm("tcp 10.9.0.1:80", SchedulerName::Rr, 1);
    let desired = Table::from_iter([web.clone()]);
    let drain = Drain::graceful(Deadline::After(Duration::from_secs(3600)));
    let reconciler = Reconciler::new(ours()).with_drain(drain);

    let first = reconciler.reconcile(&mut client, &desired, SystemTime::now()).unwrap();
    assert_eq!(first.waiting.len(), 1);
    assert_eq!((first.waiting[0].destination, first.waiting[0].counts.active), (lan.endpoint, 1));
    let left = first.waiting[0].until.unwrap().duration_since(SystemTime::now()).unwrap();
    assert!((3590..=3600).contains(&left.as_secs()), "{left:?}");
    lan.carries_data(8);
    // Another process, which knows nothing of the first call.
    let mut stranger = lan.director.client();
    let second = reconciler.reconcile(&mut stranger, &desired, SystemTime::now()).unwrap();
    assert_eq!((second.steps, second.waiting), (0, first.waiting.clone()));
    lan.carries_data(9);

    // Wanted again, it takes connections as before.
    web.insert(Destination::new(lan.endpoint)).unwrap();
    let wanted = Table::from_iter([web]);
    assert_eq!(reconciler.reconcile(&mut stranger, &wanted, SystemTime::now()).unwrap().steps, 1);
    assert_eq!(sorted(&client.table().unwrap()), sorted(&wanted));
    lan.carries_data(10);

    reconciler.reconcile(&mut client, &desired, SystemTime::now()).unwrap();
    // A reset: what is closed in peace stays in the table for two minutes, in TIME_WAIT.
    rustix::net::sockopt::set_socket_linger(&lan.connection, Some(Duration::ZERO)).unwrap();
    drop(lan.connection);
    lab::wait_for("the end of the connection", || {
        let reconciled = reconciler.reconcile(&mut client, &desired, SystemTime::now()).unwrap();
        reconciled.waiting.is_empty().then_some(())
    });
    assert_eq!(client.table().unwrap(), desired);
}

/// Names the namespace that a killed process works in.
const VICTIM: &str = "LVS_NETLINK_TEST_VICTIM";

fn large(weight: u16) -> Table {
    let mut servers = Vec::new();
    for port in 0..40 {
        let scheduler = if port % 2 == 0 { SchedulerName::Mh } else { SchedulerName::Wlc };
        let mut server = farm(&format!("tcp 10.9.0.{weight}:{}", 1000 + 2 * port), scheduler, 20);
        let heavier = server.destinations().iter().map(|d| d.with_weight(weight.into())).collect::<Vec<_>>();
        for destination in heavier {
            server.upsert(destination).unwrap();
        }
        servers.push(server);
        let mut shared = farm(&format!("tcp 10.9.1.1:{}", 1000 + 2 * port), scheduler, 5);
        let first = shared.destinations()[0].with_weight(weight.into());
        shared.upsert(first).unwrap();
        servers.push(shared);
    }
    servers.into_iter().collect()
}

#[test]
#[ignore = "runs inside the kernel lab"]
fn a_process_that_is_killed_at_a_hundred_points_is_completed_by_the_next() {
    if let Ok(namespace) = std::env::var(VICTIM) {
        // One command a send, so that there are many moments to be killed in.
        let mut client = Client::connect_to_namespace(format!("/run/netns/{namespace}")).unwrap().with_window(1);
        let snapshot = Snapshot::read(&mut client).unwrap();
        let plan = Plan::new(&snapshot, &large(2), &ours()).unwrap();
        println!("ready");
        plan.apply(&mut client).unwrap();
        println!("done");
        return;
    }
    let namespace = Namespace::named("victim");
    let mut client = namespace.client();
    let theirs = Table::from_iter([farm("tcp 10.9.0.1:1001", SchedulerName::Wrr, 20)]);
    let (before, after) = (union(&large(1), &theirs), union(&large(2), &theirs));
    let (mut in_the_middle, mut longest) = (0, Duration::from_millis(200));
    let steps_left =
        |client: &mut Client| Plan::new(&Snapshot::read(client).unwrap(), &large(2), &ours()).unwrap().len();
    for point in 0..100_u32 {
        replace(&mut client, &before);
        let whole = steps_left(&mut client);
        let mut victim = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "--nocapture"])
            .arg("a_process_that_is_killed_at_a_hundred_points_is_completed_by_the_next")
            .env(VICTIM, namespace.name())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(victim.stdout.take().unwrap()).lines();
        let ready = said.by_ref().any(|line| line.unwrap().ends_with("ready"));
        assert!(ready, "the process did not come to apply");
        let begun = Instant::now();
        // Spread by the golden ratio over the time that a whole run takes.
        thread::sleep(longest.mul_f64(f64::from(point) * 0.618_034 % 1.0));
        victim.kill().unwrap();
        victim.wait().unwrap();
        if said.map_while(Result::ok).any(|line| line.contains("done")) {
            longest = begun.elapsed().min(longest);
        }
        let left = steps_left(&mut client);
        in_the_middle += u32::from(left > 0 && left < whole);
        reconcile(&mut client, &large(2));
        assert_eq!(sorted(&client.table().unwrap()), sorted(&after), "killed at point {point}, {left} steps were left");
    }
    println!("{in_the_middle} of 100 were killed in the middle");
    assert!(in_the_middle >= 50, "only {in_the_middle} of 100 were killed in the middle of a plan");
}

#[test]
#[ignore = "runs inside the kernel lab"]
fn a_rival_writer_costs_rounds_but_nothing_of_others() {
    let namespace = Namespace::new();
    let mut client = namespace.client();
    for (old, new, theirs) in random(20) {
        replace(&mut client, &union(&old, &theirs));
        let stop = Arc::new(AtomicBool::new(false));
        let rival = thread::spawn({
            let (stop, mut client) = (Arc::clone(&stop), namespace.client());
            let forth: Vec<Change> = new.difference(&old).into_iter().collect();
            let back: Vec<Change> = old.difference(&new).into_iter().collect();
            move || {
                let mut done = 0_u32;
                while !stop.load(Ordering::Relaxed) {
                    for change in forth.iter().chain(&back) {
                        done += u32::from(client.apply_change(change).is_ok());
                        thread::yield_now();
                    }
                    thread::yield_now();
                }
                done
            }
        });
        for _ in 0..10 {
            match Reconciler::new(ours()).reconcile(&mut client, &new, SystemTime::now()) {
                Ok(_) | Err(SyncError::Unsettled { .. } | SyncError::Doubtful { .. } | SyncError::Apply(_)) => {}
                Err(other) => panic!("{other:?}"),
            }
            thread::sleep(Duration::from_millis(2));
        }
        stop.store(true, Ordering::Relaxed);
        rival.join().unwrap();
        reconcile(&mut client, &new);
        assert_eq!(sorted(&client.table().unwrap()), sorted(&union(&new, &theirs)));
    }
}

/// What happens before a datagram is received.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Comes,
    GetsLost,
    /// The socket never answers again.
    Hangs,
}

type Meddle = Arc<Mutex<dyn FnMut(&mut dyn Transport) -> Fate + Send>>;

/// A real connection whose datagrams are meddled with: before each receive a closure may act, or lose the next datagram.
struct Meddled {
    kernel: Kernel,
    meddle: Meddle,
}

struct MeddledSocket {
    socket: Box<dyn Transport>,
    meddle: Meddle,
    hangs: bool,
}

impl Connector for Meddled {
    fn open(&mut self, role: SocketRole) -> io::Result<Box<dyn Transport>> {
        Ok(Box::new(MeddledSocket { socket: self.kernel.open(role)?, meddle: Arc::clone(&self.meddle), hangs: false }))
    }
}

impl Transport for MeddledSocket {
    fn send(&mut self, datagram: &[u8], deadline: Instant) -> io::Result<()> {
        self.socket.send(datagram, deadline)
    }

    fn receive(&mut self, buffer: &mut [u8], deadline: Instant) -> io::Result<usize> {
        let fate = (self.meddle.lock().unwrap())(self.socket.as_mut());
        self.hangs |= fate == Fate::Hangs;
        if self.hangs {
            return Err(io::ErrorKind::TimedOut.into());
        }
        if fate == Fate::GetsLost {
            self.socket.receive(buffer, deadline)?;
        }
        self.socket.receive(buffer, deadline)
    }
}

/// Something happens at the fourth receive: the first answer is the family's, so this is the third acknowledgement.
fn at_the_fourth(fate: Fate) -> (Arc<AtomicUsize>, Meddle) {
    let receives = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&receives);
    let meddle = move |_: &mut dyn Transport| {
        if count.fetch_add(1, Ordering::Relaxed) == 3 { fate } else { Fate::Comes }
    };
    (receives, Arc::new(Mutex::new(meddle)))
}

fn meddled(namespace: &Namespace, meddle: Meddle) -> Client {
    let kernel = Kernel::namespace(namespace.path()).unwrap();
    Client::with_connector(Meddled { kernel, meddle }).unwrap().with_timeout(Duration::from_millis(300))
}

#[test]
#[ignore = "runs inside the kernel lab"]
fn lost_acknowledgements_are_got_over() {
    applied_all_the_same(Fate::GetsLost, OnFailure::Continue);
}

#[test]
#[ignore = "runs inside the kernel lab"]
fn a_socket_that_hangs_is_given_up_for_another() {
    applied_all_the_same(Fate::Hangs, OnFailure::Stop);
}

/// Plans are carried out although the fourth receive of each meets this fate: no step is lost, and what went unanswered is asked again.
fn applied_all_the_same(fate: Fate, on_failure: OnFailure) {
    let namespace = Namespace::new();
    let mut plain = namespace.client();
    for (old, new, theirs) in random(12) {
        replace(&mut plain, &union(&old, &theirs));
        let plan = Plan::new(&Snapshot::read(&mut plain).unwrap(), &new, &ours()).unwrap();
        let (receives, meddle) = at_the_fourth(fate);
        let mut disturbed = meddled(&namespace, meddle);
        let report = plan.apply_with(&mut disturbed, on_failure, |_| ControlFlow::Continue(())).unwrap();
        assert!(report.is_complete());
        let received = receives.load(Ordering::Relaxed);
        assert!(plan.len() < 3 || received >= plan.len() + 2, "{received} receives for {} steps", plan.len());
        assert_eq!(sorted(&plain.table().unwrap()), sorted(&union(&new, &theirs)));
    }
}

#[test]
#[ignore = "runs inside the kernel lab"]
fn a_full_receive_queue_is_got_over() {
    let namespace = Namespace::new();
    let mut plain = namespace.client();
    for (old, new, theirs) in random(12) {
        replace(&mut plain, &union(&old, &theirs));
        let plan = Plan::new(&Snapshot::read(&mut plain).unwrap(), &new, &ours()).unwrap();
        let family = Arc::new(Mutex::new(None));
        let mut receives = 0;
        let meddle = Arc::new(Mutex::new({
            let family = Arc::clone(&family);
            move |socket: &mut dyn Transport| {
                receives += 1;
                if receives == 3
                    && let Some(family) = *family.lock().unwrap()
                {
                    // More answers than the queue holds, none of which is read.
                    let mut flood = Vec::new();
                    for sequence in 0..3000 {
                        Request::RemoveService("tcp 10.99.0.1:1".parse().unwrap()).encode(
                            &mut flood,
                            family,
                            1 << 30 | sequence,
                            MessageFlags::ACK,
                        );
                        if flood.len() > 60_000 {
                            socket.send(&std::mem::take(&mut flood), Instant::now() + Duration::from_secs(1)).unwrap();
                        }
                    }
                }
                Fate::Comes
            }
        }));
        let mut flooded = meddled(&namespace, meddle);
        *family.lock().unwrap() = family_number(&namespace);
        let reconciled = Reconciler::new(ours()).reconcile(&mut flooded, &new, SystemTime::now()).unwrap();
        assert!(plan.is_empty() == (reconciled.steps == 0));
        assert_eq!(sorted(&plain.table().unwrap()), sorted(&union(&new, &theirs)));
    }
}

/// The number of the family, read off a request that a client sends.
fn family_number(namespace: &Namespace) -> Option<u16> {
    struct Spy {
        kernel: Kernel,
        seen: Arc<Mutex<Option<u16>>>,
    }
    struct SpySocket {
        socket: Box<dyn Transport>,
        seen: Arc<Mutex<Option<u16>>>,
    }
    impl Connector for Spy {
        fn open(&mut self, role: SocketRole) -> io::Result<Box<dyn Transport>> {
            Ok(Box::new(SpySocket { socket: self.kernel.open(role)?, seen: Arc::clone(&self.seen) }))
        }
    }
    impl Transport for SpySocket {
        fn send(&mut self, datagram: &[u8], deadline: Instant) -> io::Result<()> {
            *self.seen.lock().unwrap() = datagram.get(4..6).map(|kind| u16::from_ne_bytes([kind[0], kind[1]]));
            self.socket.send(datagram, deadline)
        }
        fn receive(&mut self, buffer: &mut [u8], deadline: Instant) -> io::Result<usize> {
            self.socket.receive(buffer, deadline)
        }
    }
    let seen = Arc::new(Mutex::new(None));
    let kernel = Kernel::namespace(namespace.path()).unwrap();
    let mut client = Client::with_connector(Spy { kernel, seen: Arc::clone(&seen) }).unwrap();
    client.info().unwrap();
    *seen.lock().unwrap()
}

#[test]
#[ignore = "runs inside the kernel lab"]
fn a_listing_that_others_disturb_is_noticed_and_read_again() {
    let namespace = Namespace::new();
    let mut plain = namespace.client();
    let many = (0..300).map(|port| farm(&format!("tcp 10.9.0.1:{}", 1000 + 2 * port), SchedulerName::Rr, 1));
    replace(&mut plain, &many.collect());
    let victims: Vec<ServiceKey> = plain.services().unwrap().iter().take(5).map(|s| *s.service.key()).collect();
    let rival = Arc::new(Mutex::new(namespace.client()));
    let mut receives = 0;
    let meddle = Arc::new(Mutex::new(move |_: &mut dyn Transport| {
        receives += 1;
        if receives == 3 {
            // The first part of the listing of services is out.
            victims.iter().for_each(|victim| rival.lock().unwrap().remove_service(victim).unwrap());
        }
        Fate::Comes
    }));
    let mut disturbed = meddled(&namespace, meddle);
    let listed = disturbed.services().unwrap();
    let living = plain.table().unwrap();
    let missed =
        living.iter().filter(|server| !listed.iter().any(|status| status.service.key() == server.key())).count();
    assert_eq!((listed.len(), missed), (295, 5), "the kernel says nothing of the five that it passed over");
    let snapshot = Snapshot::read(&mut disturbed).unwrap();
    assert_eq!((snapshot.is_verified(), snapshot.services().len()), (true, 295));
}

#[test]
#[ignore = "runs inside the kernel lab"]
fn a_reloaded_module_is_found_again() {
    let namespace = Namespace::new();
    let mut client = namespace.client();
    let (_, new, _) = random(30).into_iter().max_by_key(|(_, new, _)| new.len()).unwrap();
    reconcile(&mut client, &new);
    let before = family_number(&namespace);
    client.flush().unwrap();
    lab::unload();
    lab::run("modprobe", &["ip_vs"]);
    assert_ne!(family_number(&namespace), before, "the number has changed");
    // The client that was connected before.
    reconcile(&mut client, &new);
    assert_eq!(sorted(&client.table().unwrap()), sorted(&new));
    client.flush().unwrap();
}

#[test]
#[ignore = "runs inside the kernel lab"]
fn a_thousand_maglev_destinations_are_loaded_without_a_rebuild_for_each() {
    let desired = Table::from_iter([farm("tcp 10.9.0.1:80", SchedulerName::Mh, 1000)]);
    // Each in a namespace of its own: what was removed from one before would be looked through with every addition.
    let fresh = |load: &dyn Fn(&mut Client)| {
        let namespace = Namespace::new();
        let mut client = namespace.client();
        let begun = Instant::now();
        load(&mut client);
        let spent = begun.elapsed();
        assert_eq!(client.table().unwrap(), desired);
        spent
    };
    let planned = |client: &mut Client| {
        let plan = Plan::new(&Snapshot::read(client).unwrap(), &desired, &Scope::everything()).unwrap();
        plan.apply(client).unwrap();
    };
    let one_by_one = |client: &mut Client| client.apply(&Table::new().difference(&desired)).unwrap();
    // The best of several: the machine has other things to do, and the first load after boot makes memory for the counters.
    let best = |load: &dyn Fn(&mut Client)| (0..5).map(|_| fresh(load)).min().unwrap();
    let (late, early) = (best(&planned), best(&one_by_one));
    let ratio = early.as_secs_f64() / late.as_secs_f64();
    println!("1000 mh destinations: {late:?} with the scheduler last, {early:?} with it first: {ratio:.1} times");
    assert!(ratio > 2.0, "only {ratio:.1} times faster");
}
