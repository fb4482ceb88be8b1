//! Applying plans through a client: random tables, another writer, refusals, lost answers.

use crate::tables::{farm, ours, sorted, tables, union};
use lvs_model::{
    Change, Destination, Family, Persistence, PersistenceTimeout, SchedulerName, Service, ServiceKey, Table,
    VirtualServer,
};
use lvs_netlink::fake::{Fault, Kernel};
use lvs_netlink::sync::{Consistency, Doubt, OnFailure, Outcome, Plan, Reconciler, Scope, Snapshot, SyncError};
use lvs_netlink::{Acknowledgement, Client, ErrorKind};
use proptest::prelude::*;
use std::ops::ControlFlow;
use std::time::SystemTime;

pub(crate) fn client(kernel: &Kernel) -> Client {
    Client::with_connector(kernel.clone()).unwrap()
}

fn plan(client: &mut Client, desired: &Table, scope: &Scope) -> Plan {
    let snapshot = Snapshot::read(client).unwrap();
    assert_eq!(snapshot.consistency(), Consistency::Verified);
    Plan::new(&snapshot, desired, scope).unwrap()
}

fn web(weights: usize) -> Table {
    Table::from_iter([farm("tcp 10.0.0.1:80", SchedulerName::Wlc, u32::try_from(weights).unwrap())])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_second_apply_has_nothing_to_do((old, new, theirs) in tables()) {
        let kernel = Kernel::new();
        kernel.load(&union(&old, &theirs)).unwrap();
        let mut client = client(&kernel);
        let first = plan(&mut client, &new, &ours());
        let report = first.apply(&mut client).unwrap();
        prop_assert!(report.outcomes().iter().all(|outcome| *outcome == Outcome::Done));
        prop_assert_eq!(sorted(&kernel.table()), sorted(&union(&new, &theirs)));
        prop_assert!(plan(&mut client, &new, &ours()).is_empty());
    }

    #[test]
    fn a_run_that_is_killed_anywhere_is_completed_by_the_next((old, new, theirs) in tables(), at in any::<prop::sample::Index>()) {
        let kernel = Kernel::new();
        kernel.load(&union(&old, &theirs)).unwrap();
        let mut first = client(&kernel);
        let steps = plan(&mut first, &new, &ours());
        let killed_at = at.index(steps.len() + 1);
        kernel.inject_after(killed_at as u64, Fault::Unreachable);
        prop_assert_eq!(steps.apply(&mut first).is_ok(), killed_at == steps.len());
        drop(first);
        kernel.clear_faults();
        Reconciler::new(ours()).reconcile(&mut client(&kernel), &new, SystemTime::UNIX_EPOCH).unwrap();
        prop_assert_eq!(sorted(&kernel.table()), sorted(&union(&new, &theirs)));
    }

    #[test]
    fn lost_acknowledgements_are_got_over(
        (old, new, theirs) in tables(),
        (at, lost) in (0_u64..40, 1_u32..4),
        each in any::<bool>(),
    ) {
        let kernel = Kernel::new();
        kernel.load(&union(&old, &theirs)).unwrap();
        let acknowledgement = if each { Acknowledgement::Each } else { Acknowledgement::Last };
        let mut client = client(&kernel).with_acknowledgement(acknowledgement);
        let steps = plan(&mut client, &new, &ours());
        kernel.inject_after(at, Fault::LoseAcknowledgements(lost));
        let _ = steps.apply_with(&mut client, OnFailure::Continue, |_| ControlFlow::Continue(()));
        Reconciler::new(ours()).reconcile(&mut client, &new, SystemTime::UNIX_EPOCH).unwrap();
        prop_assert_eq!(sorted(&kernel.table()), sorted(&union(&new, &theirs)));
    }

    #[test]
    fn an_overrun_is_got_over((old, new, theirs) in tables(), at in 0_u64..40) {
        let kernel = Kernel::new();
        kernel.load(&union(&old, &theirs)).unwrap();
        let mut client = client(&kernel);
        kernel.inject_after(at, Fault::Overrun);
        Reconciler::new(ours()).reconcile(&mut client, &new, SystemTime::UNIX_EPOCH).unwrap();
        prop_assert_eq!(sorted(&kernel.table()), sorted(&union(&new, &theirs)));
    }

    #[test]
    fn a_reload_of_the_module_in_the_middle_is_got_over((old, new, _) in tables(), at in 0_u64..60) {
        let kernel = Kernel::new();
        kernel.load(&old).unwrap();
        let mut client = client(&kernel);
        kernel.inject_after(at, Fault::Reload);
        Reconciler::new(ours()).reconcile(&mut client, &new, SystemTime::UNIX_EPOCH).unwrap();
        // It may come after the last look.
        kernel.clear_faults();
        Reconciler::new(ours()).reconcile(&mut client, &new, SystemTime::UNIX_EPOCH).unwrap();
        prop_assert_eq!(sorted(&kernel.table()), sorted(&new));
    }

    #[test]
    fn a_rival_that_stops_some_time_does_not_keep_the_table_from_being_reached(
        (old, new, theirs) in tables(),
        (rival_from, rival_to, stop) in (tables(), 1_u64..60).prop_map(|((from, to, _), stop)| (from, to, stop)),
    ) {
        let kernel = Kernel::new();
        kernel.load(&union(&old, &theirs)).unwrap();
        let mut mischief: Vec<Change> = rival_from.difference(&rival_to).into_iter().collect();
        mischief.extend(rival_to.difference(&old));
        kernel.set_rival(move |rival| {
            if rival.executed() < stop && let Some(change) = mischief.pop() {
                // A rival gets refusals as well.
                let _ = rival.change(&change);
            }
        });
        let reconciler = Reconciler::new(ours()).with_rounds(40);
        reconciler.reconcile(&mut client(&kernel), &new, SystemTime::UNIX_EPOCH).unwrap();
        // It may do something after the last look.
        kernel.clear_rival();
        reconciler.reconcile(&mut client(&kernel), &new, SystemTime::UNIX_EPOCH).unwrap();
        prop_assert_eq!(sorted(&kernel.table()), sorted(&union(&new, &theirs)));
    }

    #[test]
    fn a_rival_never_makes_us_touch_what_is_outside_the_scope(
        (old, new, theirs) in tables(),
        stop in 1_u64..60,
    ) {
        let kernel = Kernel::new();
        kernel.load(&union(&old, &theirs)).unwrap();
        // It keeps taking away and bringing back ours, in the middle of listings, so that those of others move in them.
        let ours_before: Vec<Service> = old.iter().map(|server| server.service().clone()).collect();
        let mut turn = 0;
        kernel.set_rival(move |rival| {
            if rival.executed() < stop
                && let Some(service) = ours_before.get(turn % ours_before.len().max(1))
                && rival.change(&Change::RemoveService(*service.key())).is_err()
            {
                rival.change(&Change::AddService(service.clone())).unwrap();
                turn += 1;
            }
        });
        let reconciler = Reconciler::new(ours()).with_rounds(60);
        reconciler.reconcile(&mut client(&kernel), &new, SystemTime::UNIX_EPOCH).unwrap();
        kernel.clear_rival();
        reconciler.reconcile(&mut client(&kernel), &new, SystemTime::UNIX_EPOCH).unwrap();
        prop_assert_eq!(sorted(&kernel.table()), sorted(&union(&new, &theirs)));
    }
}

#[test]
fn what_another_program_did_first_is_adjusted_or_counts_as_done() {
    let kernel = Kernel::new();
    let mut held = farm("tcp 10.0.0.1:80", SchedulerName::Rr, 3);
    kernel.load(&Table::from_iter([held.clone()])).unwrap();
    let gone = held.destinations()[0].endpoint;
    held.remove(gone);
    let edited = held.destinations()[0].with_weight(7_u16.into());
    held.upsert(edited).unwrap();
    let new_one = Destination::new("10.20.0.1:80".parse().unwrap()).with_weight(9_u16.into());
    held.insert(new_one).unwrap();
    let added = farm("udp 10.0.0.1:53", SchedulerName::Wrr, 1);
    let desired = Table::from_iter([held.clone(), added.clone()]);

    let mut client = client(&kernel);
    let plan = plan(&mut client, &desired, &Scope::everything());
    // Between plan and apply somebody adds and removes the same things, with other settings.
    let key = *held.key();
    for change in [
        Change::AddService(Service::new(*added.key(), SchedulerName::Lc)),
        Change::AddDestination { service: key, destination: Destination::new(new_one.endpoint) },
        Change::RemoveDestination { service: key, destination: edited.endpoint },
        Change::RemoveDestination { service: key, destination: gone },
    ] {
        kernel.change(&change).unwrap();
    }
    let report = plan.apply(&mut client).unwrap();
    let told: Vec<_> = plan.steps().iter().map(ToString::to_string).zip(report.outcomes().iter().copied()).collect();
    let expected = [
        ("-A -u 10.0.0.1:53 -s wrr", Outcome::Adjusted),
        ("-a -u 10.0.0.1:53 -r 10.16.0.0:8080 -m -w 1", Outcome::Done),
        ("-a -t 10.0.0.1:80 -r 10.20.0.1:80 -m -w 9", Outcome::Adjusted),
        ("-e -t 10.0.0.1:80 -r 10.16.0.1:8080 -m -w 7", Outcome::Adjusted),
        ("-d -t 10.0.0.1:80 -r 10.16.0.0:8080", Outcome::Gone),
    ];
    assert_eq!(told, expected.map(|(line, outcome)| (line.to_string(), outcome)));
    assert_eq!(sorted(&kernel.table()), sorted(&desired));
}

#[test]
fn a_rival_that_is_always_in_between_is_outlasted() {
    let key = "tcp 10.0.0.1:80".parse().unwrap();
    let held = Service::new(key, SchedulerName::Rr);
    for stop in 1..60 {
        let kernel = Kernel::new();
        kernel.load(&Table::from_iter([farm("tcp 10.0.0.1:80", SchedulerName::Rr, 0)])).unwrap();
        let theirs = held.clone();
        // Every request of ours meets the opposite of what the one before saw.
        kernel.set_rival(move |rival| {
            if rival.executed() < stop && rival.change(&Change::RemoveService(key)).is_err() {
                rival.change(&Change::AddService(theirs.clone())).unwrap();
            }
        });
        let desired = Table::from_iter([farm("tcp 10.0.0.1:80", SchedulerName::Wlc, 1)]);
        let reconciler = Reconciler::new(ours()).with_rounds(60);
        reconciler.reconcile(&mut client(&kernel), &desired, SystemTime::UNIX_EPOCH).unwrap();
        kernel.clear_rival();
        reconciler.reconcile(&mut client(&kernel), &desired, SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(kernel.table(), desired);
    }
}

#[test]
fn a_rival_that_made_the_same_maglev_service_does_not_stop_its_scheduler() {
    let kernel = Kernel::new();
    let desired = Table::from_iter([farm("tcp 10.0.0.1:80", SchedulerName::Mh, 20)]);
    let mut client = client(&kernel);
    let plan = plan(&mut client, &desired, &Scope::everything());
    kernel.change(&Change::AddService(Service::new("tcp 10.0.0.1:80".parse().unwrap(), SchedulerName::Rr))).unwrap();
    let report = plan.apply(&mut client).unwrap();
    assert_eq!(report.outcomes()[0], Outcome::Adjusted);
    assert_eq!(kernel.table(), desired);
}

#[test]
fn a_refusal_stops_after_its_window_or_is_passed_over() {
    let refused: ServiceKey = "tcp 10.0.0.1:80".parse().unwrap();
    let desired = || {
        let broken = VirtualServer::new(Service::new(refused, SchedulerName::Twos));
        let mut servers = vec![broken];
        servers.extend((2..=250).map(|host| farm(&format!("tcp 10.0.0.{host}:80"), SchedulerName::Rr, 1)));
        Table::from_iter(servers)
    };
    for (policy, done) in [(OnFailure::Stop, 127), (OnFailure::Continue, 498)] {
        let kernel = Kernel::builder().without_scheduler(SchedulerName::Twos).build();
        let mut client = client(&kernel);
        let plan = plan(&mut client, &desired(), &Scope::everything());
        assert_eq!(plan.len(), 499);
        let mut seen = 0;
        let incomplete = plan
            .apply_with(&mut client, policy, |progress| {
                assert_eq!((progress.place, progress.total), (seen, 499));
                seen += 1;
                ControlFlow::Continue(())
            })
            .unwrap_err();
        let report = incomplete.report();
        assert_eq!((report.count(Outcome::Failed), report.count(Outcome::Done)), (1, done));
        assert_eq!((report.count(Outcome::Skipped), seen), (498 - done, done + 1));
        let failure = &report.failures()[0];
        assert_eq!(failure.place, 0);
        assert!(matches!(failure.error.kind(), ErrorKind::SchedulerOrEngineMissing));
        assert!(std::error::Error::source(&incomplete).unwrap().to_string().contains("tcp 10.0.0.1:80"));
        let mut client = self::client(&kernel);
        let before = kernel.executed();
        let patient = Reconciler::new(Scope::everything()).with_rounds(50);
        let again = patient.reconcile(&mut client, &desired(), SystemTime::UNIX_EPOCH);
        assert!(matches!(again, Err(SyncError::Apply(left)) if left.report().count(Outcome::Failed) == 1));
        // Reading takes about 250 commands: it was not tried fifty times what the kernel had refused twice.
        assert!(kernel.executed() - before < 1500);
        assert_eq!(kernel.table().len(), 249);
    }
}

#[test]
fn a_callback_can_stop_before_the_next_window() {
    let kernel = Kernel::new();
    let mut client = client(&kernel);
    let plan = plan(&mut client, &web(300), &Scope::everything());
    let stop_at_ten = |progress: lvs_netlink::sync::Progress<'_>| {
        if progress.place == 10 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let incomplete = plan.apply_with(&mut client, OnFailure::Stop, stop_at_ten).unwrap_err();
    assert_eq!(incomplete.report().count(Outcome::Done), 128);
    assert_eq!(incomplete.to_string(), "128 of 301 steps succeeded, 173 were not tried");
}

#[test]
fn a_connection_that_is_lost_twice_leaves_the_window_unknown() {
    let kernel = Kernel::new();
    let mut client = client(&kernel);
    let plan = plan(&mut client, &web(300), &Scope::everything());
    kernel.inject_after(200, Fault::LoseAcknowledgements(1000));
    let incomplete = plan.apply(&mut client).unwrap_err();
    let report = incomplete.report();
    assert!(matches!(report.connection_error().map(lvs_netlink::Error::kind), Some(ErrorKind::TimedOut(_))));
    assert!(report.count(Outcome::Unknown) > 0);
    assert_eq!(report.count(Outcome::Done) + report.count(Outcome::Unknown) + report.count(Outcome::Skipped), 301);
}

#[test]
fn a_socket_that_hangs_is_given_up_for_another() {
    for at in [0, 1, 127, 128, 200, 300] {
        let kernel = Kernel::new();
        let mut client = client(&kernel);
        let plan = plan(&mut client, &web(300), &Scope::everything());
        kernel.inject_after(at, Fault::Stuck);
        let report = plan.apply(&mut client).unwrap();
        // What had been done before it hung is found done when the window is sent again on a new socket.
        let again = usize::try_from(at % 128).unwrap();
        assert_eq!((report.count(Outcome::Adjusted), report.count(Outcome::Done)), (again, 301 - again), "at {at}");
        assert_eq!(kernel.table(), web(300));
    }
}

#[test]
fn what_the_kernel_cannot_hold_is_an_error_and_not_an_endless_round() {
    let kernel = Kernel::builder().ticks_per_second(1000).build();
    let key: ServiceKey = "tcp 10.0.0.1:80".parse().unwrap();
    // Times 1000 this is more than 32 bits, and the kernel keeps the lower ones.
    let persistence = Persistence::new(PersistenceTimeout::MAX, Family::Inet);
    let service = Service::new(key, SchedulerName::Rr).with_persistence(persistence).unwrap();
    let desired = Table::from_iter([VirtualServer::new(service)]);
    let mut client = client(&kernel);
    let result = Reconciler::new(Scope::everything()).reconcile(&mut client, &desired, SystemTime::UNIX_EPOCH);
    let Err(SyncError::Unsettled { rounds: 5, left }) = result else { panic!("{result:?}") };
    assert_eq!(left.to_string(), "-E -t 10.0.0.1:80 -s rr -p 42949672\n");
}

#[test]
fn without_privileges_the_error_says_what_is_needed() {
    let kernel = Kernel::builder().unprivileged().build();
    let mut client = client(&kernel);
    let error =
        Reconciler::new(Scope::everything()).reconcile(&mut client, &web(1), SystemTime::UNIX_EPOCH).unwrap_err();
    assert!(matches!(&error, SyncError::Read(cause) if matches!(cause.kind(), ErrorKind::NoPermission)));
    let absent = Client::with_connector(Kernel::builder().without_module().build()).unwrap_err();
    assert!(matches!(absent.kind(), ErrorKind::IpvsMissing));
}

#[test]
fn a_listing_that_others_disturb_is_noticed_and_read_again() {
    let kernel = Kernel::new();
    let many: Vec<VirtualServer> =
        (0..200).map(|port| farm(&format!("tcp 10.0.0.1:{}", 1000 + port), SchedulerName::Rr, 1)).collect();
    kernel.load(&many.iter().cloned().collect()).unwrap();
    // The first services of the listing go away once its first part is out, so that as many others are passed over.
    let mut client = client(&kernel);
    let order = client.services().unwrap();
    let victims: Vec<ServiceKey> = order.iter().take(5).map(|status| *status.service.key()).collect();
    let start = kernel.executed();
    kernel.set_rival(move |rival| {
        if rival.executed() == start + 1 {
            for victim in &victims {
                let _ = rival.change(&Change::RemoveService(*victim));
            }
        }
    });
    let listed = client.services().unwrap();
    kernel.clear_rival();
    let seen: Vec<&ServiceKey> = listed.iter().map(|status| status.service.key()).collect();
    let living = kernel.table();
    let missed = living.iter().filter(|server| !seen.contains(&server.key())).count();
    assert_eq!((listed.len(), missed), (195, 5), "five that live are not listed, five that are listed do not live");
    let snapshot = Snapshot::read(&mut client).unwrap();
    assert_eq!((snapshot.services().len(), snapshot.is_verified()), (195, true));
}

#[test]
fn removals_are_withheld_while_ours_change_all_the_time() {
    let kernel = Kernel::new();
    kernel.load(&Table::from_iter([farm("tcp 10.0.0.1:80", SchedulerName::Rr, 3)])).unwrap();
    let restless = Service::new("tcp 10.0.0.9:99".parse().unwrap(), SchedulerName::Rr);
    let others = *restless.key();
    kernel.set_rival(move |rival| {
        if rival.change(&Change::AddService(restless.clone())).is_err() {
            let _ = rival.change(&Change::RemoveService(*restless.key()));
        }
    });
    let mut client = client(&kernel);
    let snapshot = Snapshot::read(&mut client).unwrap();
    assert_eq!(snapshot.consistency(), Consistency::Doubtful(Doubt::ServicesChanged));
    let ours: ServiceKey = "tcp 10.0.0.1:80".parse().unwrap();
    // While the service that comes and goes is ours, too, it is not known what else is.
    let both = Reconciler::new(Scope::keys([ours, others]));
    let desired = Table::from_iter([VirtualServer::new(Service::new(others, SchedulerName::Rr))]);
    let error = both.reconcile(&mut client, &desired, SystemTime::UNIX_EPOCH).unwrap_err();
    assert!(matches!(error, SyncError::Doubtful { .. }), "{error:?}");
    assert!(kernel.table().get(&ours).is_some());
    // What others do with theirs is no reason to wait.
    let scope = Scope::keys([ours]);
    assert!(Snapshot::read_within(&mut client, &scope).unwrap().is_verified());
    Reconciler::new(scope).reconcile(&mut client, &Table::new(), SystemTime::UNIX_EPOCH).unwrap();
    assert!(kernel.table().get(&ours).is_none());
}

#[test]
fn a_disturbed_snapshot_withholds_removals_until_it_is_not() {
    let kernel = Kernel::new();
    kernel.load(&Table::from_iter([farm("tcp 10.0.0.1:80", SchedulerName::Rr, 3)])).unwrap();
    let mut client = client(&kernel);
    for command in 0..4000 {
        kernel.inject_after(command, Fault::InterruptDump);
    }
    let reconciler = Reconciler::new(Scope::everything());
    let error = reconciler.reconcile(&mut client, &Table::new(), SystemTime::UNIX_EPOCH).unwrap_err();
    // Not even a list of services can be had, so nothing is known that could be removed.
    assert!(
        matches!(&error, SyncError::Doubtful { doubt: Doubt::Interrupted, plan } if plan.withheld().is_empty()),
        "{error:?}"
    );
    assert_eq!(kernel.table().len(), 1);
    kernel.clear_faults();
    reconciler.reconcile(&mut client, &Table::new(), SystemTime::UNIX_EPOCH).unwrap();
    assert!(kernel.table().is_empty());
}

#[test]
fn services_of_others_are_not_even_read() {
    let kernel = Kernel::new();
    let others = (0..100).map(|port| farm(&format!("tcp 10.0.0.1:{}", 1001 + 2 * port), SchedulerName::Rr, 1));
    kernel.load(&others.collect()).unwrap();
    let mut client = client(&kernel);
    let before = kernel.executed();
    let snapshot = Snapshot::read_within(&mut client, &ours()).unwrap();
    assert_eq!((snapshot.services().len(), kernel.executed() - before), (0, 2));
}

#[test]
fn long_lists_of_destinations_are_read_twice() {
    let kernel = Kernel::new();
    kernel.load(&web(50)).unwrap();
    let mut client = client(&kernel);
    let victim = Change::RemoveDestination {
        service: "tcp 10.0.0.1:80".parse().unwrap(),
        destination: "10.16.0.49:8080".parse().unwrap(),
    };
    // It goes, once, when its service's list is half read.
    let mut calls = 0;
    kernel.set_rival(move |rival| {
        calls += 1;
        if calls == 5 {
            rival.change(&victim).unwrap();
        }
    });
    let before = kernel.executed();
    let snapshot = Snapshot::read(&mut client).unwrap();
    assert!(snapshot.is_verified());
    assert_eq!(snapshot.services()[0].destinations.len(), 49);
    assert!(kernel.executed() - before > 4, "it was read again");
}

#[test]
fn an_interrupted_listing_is_doubtful() {
    let kernel = Kernel::new();
    kernel.load(&web(3)).unwrap();
    let mut client = client(&kernel);
    kernel.inject(Fault::InterruptDump);
    assert!(Snapshot::read(&mut client).unwrap().is_verified(), "once is got over");
    for command in 0..400 {
        kernel.inject_after(command, Fault::InterruptDump);
    }
    let snapshot = Snapshot::read(&mut client).unwrap();
    assert_eq!(snapshot.consistency(), Consistency::Doubtful(Doubt::Interrupted));
}

const NEW_SERVICE: u8 = 1;
const NEW_DEST: u8 = 5;

fn refuse(command: u8, times: u32) -> Fault {
    Fault::Refuse { command, errno: 22, times }
}

#[test]
fn nothing_is_taken_away_whose_replacement_was_refused() {
    for on_failure in [OnFailure::Stop, OnFailure::Continue] {
        let kernel = Kernel::new();
        let held = farm("tcp 10.0.0.1:80", SchedulerName::Rr, 2);
        kernel.load(&Table::from_iter([held.clone(), farm("tcp 10.0.0.2:80", SchedulerName::Rr, 1)])).unwrap();
        let mut client = client(&kernel);
        // Both destinations of the first service are exchanged; the second service goes, without anything new.
        let mut desired = VirtualServer::new(held.service().clone());
        desired.insert(Destination::new("10.77.0.1:80".parse().unwrap())).unwrap();
        let plan = plan(&mut client, &Table::from_iter([desired.clone()]), &Scope::everything());
        kernel.inject(refuse(NEW_DEST, 1));
        let before = kernel.table();
        let report = plan.apply_with(&mut client, on_failure, |_| ControlFlow::Continue(())).unwrap_err().into_report();
        use Outcome::{Failed, Skipped};
        assert_eq!(report.outcomes(), [Failed, Skipped, Skipped, Skipped], "{plan}");
        assert_eq!(kernel.table(), before);
        // The next time the kernel takes it.
        Reconciler::new(Scope::everything())
            .reconcile(&mut client, &Table::from_iter([desired.clone()]), SystemTime::UNIX_EPOCH)
            .unwrap();
        assert_eq!(kernel.table(), Table::from_iter([desired]));
    }
}

#[test]
fn a_service_stays_when_the_one_that_replaces_it_was_refused() {
    let kernel = Kernel::new();
    let held = Table::from_iter([farm("tcp 10.0.0.1:80", SchedulerName::Rr, 2)]);
    kernel.load(&held).unwrap();
    let mut client = client(&kernel);
    let desired = Table::from_iter([farm("fwmark 7", SchedulerName::Rr, 2)]);
    kernel.inject(refuse(NEW_SERVICE, 100));
    let reconciler = Reconciler::new(Scope::everything());
    let error = reconciler.reconcile(&mut client, &desired, SystemTime::UNIX_EPOCH).unwrap_err();
    assert!(matches!(error, SyncError::Apply(_)), "{error}");
    assert_eq!(kernel.table(), held);
    // Another service that keeps what it has does not suffer.
    kernel.clear_faults();
    reconciler.reconcile(&mut client, &desired, SystemTime::UNIX_EPOCH).unwrap();
    assert_eq!(kernel.table(), desired);
}

#[test]
fn what_was_sent_and_not_answered_is_unknown_also_when_the_run_ends_for_another_reason() {
    let services: Table = (1..=6).map(|last| farm(&format!("tcp 10.0.0.{last}:80"), SchedulerName::Rr, 0)).collect();
    for stops_by_callback in [false, true] {
        let kernel = Kernel::new();
        let mut client = client(&kernel).with_timeout(std::time::Duration::from_millis(20));
        let plan = plan(&mut client, &services, &Scope::everything());
        if !stops_by_callback {
            kernel.inject(refuse(NEW_SERVICE, 1));
        }
        kernel.inject_after(2, Fault::LoseAcknowledgements(1));
        let flow = if stops_by_callback { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
        let incomplete = plan.apply_with(&mut client, OnFailure::Stop, |_| flow).unwrap_err();
        let report = incomplete.report();
        let first = if stops_by_callback { Outcome::Done } else { Outcome::Failed };
        assert_eq!(report.outcomes()[..2], [first, Outcome::Done]);
        assert_eq!(report.outcomes()[2..], [Outcome::Unknown; 4]);
        assert!(matches!(report.connection_error().unwrap().kind(), ErrorKind::TimedOut(_)));
    }
}

#[test]
fn a_repair_whose_answer_is_lost_is_done_again() {
    for (lost, expected) in [(1, Outcome::Adjusted), (9, Outcome::Unknown)] {
        let kernel = Kernel::new();
        let mut client = client(&kernel).with_timeout(std::time::Duration::from_millis(20));
        let desired = web(1);
        kernel.load(&Table::from_iter([farm("tcp 10.0.0.1:80", SchedulerName::Wlc, 0)])).unwrap();
        let plan = plan(&mut client, &desired, &Scope::everything());
        let added = desired.iter().next().unwrap().destinations()[0];
        let service = "tcp 10.0.0.1:80".parse().unwrap();
        kernel.change(&Change::AddDestination { service, destination: added.with_weight(99_u16.into()) }).unwrap();
        // The addition is answered, the edit that it becomes is not.
        kernel.inject_after(1, Fault::LoseAcknowledgements(lost));
        let report = plan.apply(&mut client).unwrap_or_else(lvs_netlink::sync::Incomplete::into_report);
        assert_eq!(report.outcomes(), [expected]);
        assert_eq!(report.connection_error().is_some(), expected == Outcome::Unknown);
        assert_eq!(kernel.table(), desired);
    }
}

#[test]
fn a_destination_whose_service_is_gone_need_not_drain() {
    let kernel = Kernel::new();
    kernel.load(&web(1)).unwrap();
    let service: ServiceKey = "tcp 10.0.0.1:80".parse().unwrap();
    let endpoint = web(1).iter().next().unwrap().destinations()[0].endpoint;
    let counts = lvs_model::ConnectionCounts { active: 1, ..Default::default() };
    kernel.set_counts(&service, endpoint, counts).unwrap();
    let mut client = client(&kernel);
    let snapshot = Snapshot::read(&mut client).unwrap();
    let drain = lvs_netlink::sync::Drain::graceful(lvs_netlink::sync::Deadline::Never);
    let plan = Plan::with_drain(&snapshot, &web(0), &Scope::everything(), &drain, SystemTime::UNIX_EPOCH).unwrap();
    assert_eq!(plan.steps().len(), 1, "{plan}");
    kernel.change(&Change::RemoveService(service)).unwrap();
    assert_eq!(plan.apply(&mut client).unwrap().outcomes(), [Outcome::Gone]);
}
