//! The words that threads share, under every order in which two threads can come to them.
//!
//! loom replaces the atomics of the whole program, so the models are compiled apart, with `--cfg loom`. An ordinary `cargo test` does that
//! by itself.

/// Compiles the models below and runs them.
#[cfg(not(loom))]
#[test]
fn every_order_of_the_shared_words() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("loom");
    let run = std::process::Command::new(env!("CARGO"))
        .args(["test", "--release", "--test", "loom", "--manifest-path"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
        .arg("--target-dir")
        .arg(folder)
        .env("RUSTFLAGS", "--cfg loom")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .output()
        .expect("cargo runs");
    let (out, err) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "{out}\n{err}");
    let passed =
        out.lines().any(|line| line.starts_with("test result: ok. ") && !line.starts_with("test result: ok. 0"));
    assert!(passed, "no model ran:\n{out}\n{err}");
}

#[cfg(loom)]
mod models {
    use loom::thread;
    use lvs_model::{Destination, Endpoint, Thresholds, Weight};
    use lvs_sched::{Pool, algo::Flow};

    fn endpoint(at: u8) -> Endpoint {
        Endpoint::new([10, 0, 0, at].into(), 80)
    }

    fn pool(scheduler: &str, n: u8) -> Pool<u8> {
        pool_with(scheduler, n, Thresholds::NONE)
    }

    fn pool_with(scheduler: &str, n: u8, thresholds: Thresholds) -> Pool<u8> {
        let pool = Pool::named(scheduler.parse().unwrap()).unwrap();
        let destination = |at| Destination::new(endpoint(at)).with_thresholds(thresholds);
        (0..n).fold(pool.edit(), |edit, at| edit.add(destination(at), at)).publish().unwrap();
        pool
    }

    fn model(bound: usize, run: impl Fn() + Sync + Send + 'static) {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(bound);
        builder.check(run);
    }

    /// Picks through the ticket counter: nobody gets the same turn twice, none is lost.
    #[test]
    fn turns_are_taken_once() {
        for scheduler in ["rr", "wrr"] {
            model(3, move || {
                let pool = pool(scheduler, 2);
                // The first picks open the table.
                let mut mine = pool.picker();
                for _ in 0..4 {
                    mine.pick(&Flow::default()).unwrap();
                }
                let mut theirs = pool.picker();
                let other = thread::spawn(move || [(); 2].map(|()| *theirs.pick(&Flow::default()).unwrap()));
                let ours = [(); 2].map(|()| *mine.pick(&Flow::default()).unwrap());
                let picks = [ours, other.join().unwrap()].concat();
                assert_eq!(picks.iter().filter(|pick| **pick == 0).count(), 2, "{picks:?}");
            });
        }
    }

    /// An edit that changes nothing closes the ticket counter: the walk goes on where the tickets had come to.
    #[test]
    fn closing_the_turns_loses_none() {
        model(2, || {
            let pool = pool("rr", 3);
            let mut mine = pool.picker();
            for _ in 0..3 {
                mine.pick(&Flow::default()).unwrap();
            }
            let mut theirs = pool.picker();
            let other = thread::spawn(move || [(); 2].map(|()| *theirs.pick(&Flow::default()).unwrap()));
            pool.set_weight(endpoint(1), Weight::from(2)).unwrap();
            let ours = *mine.pick(&Flow::default()).unwrap();
            let mut picks = other.join().unwrap().to_vec();
            picks.push(ours);
            picks.sort_unstable();
            assert_eq!(picks, [0, 1, 2]);
        });
    }

    /// Pick and count are one step: two connections at once go to two destinations.
    #[test]
    fn connections_see_each_other() {
        for scheduler in ["wlc", "nq"] {
            model(3, move || {
                let pool = pool(scheduler, 2);
                let (mut mine, mut theirs) = (pool.picker(), pool.picker());
                let other = thread::spawn(move || theirs.connect(&Flow::default()).unwrap());
                let ours = mine.connect(&Flow::default()).unwrap();
                let other = other.join().unwrap();
                assert_ne!(ours.endpoint(), other.endpoint());
                drop((ours, other));
                assert!(pool.destinations().iter().all(|member| member.counts().active == 0));
            });
        }
    }

    /// The published next pick is never a destination that was removed before, and its data is there.
    #[test]
    fn what_is_published_is_there() {
        model(3, || {
            let pool = pool("lc", 1);
            let mut theirs = pool.picker();
            theirs.pick(&Flow::default()).unwrap();
            let other = thread::spawn(move || {
                let first = theirs.pick(&Flow::default()).map(|pick| *pick);
                let second = theirs.pick(&Flow::default()).map(|pick| *pick);
                // One batch: the old one, then the new one, never none.
                assert!(matches!((first, second), (Some(0), Some(0 | 1)) | (Some(1), Some(1))), "{first:?} {second:?}");
            });
            pool.edit().add(Destination::new(endpoint(1)), 1).remove(endpoint(0)).publish().unwrap();
            assert_eq!(pool.picker().pick(&Flow::default()).map(|pick| *pick), Some(1));
            other.join().unwrap();
        });
    }

    /// A table is void as soon as the edit that made it so has returned.
    #[test]
    fn tables_are_void_after_an_edit() {
        model(3, || {
            let pool = pool("sh", 2);
            let (mut mine, mut theirs) = (pool.picker(), pool.picker());
            mine.pick(&Flow::default()).unwrap();
            let other = thread::spawn(move || theirs.pick(&Flow::default()).map(|pick| *pick));
            pool.remove(endpoint(0)).unwrap();
            assert_eq!(mine.pick(&Flow::default()).map(|pick| *pick), Some(1));
            assert!(other.join().unwrap().is_some());
        });
    }

    /// Who is full is marked so in every table when the connection that filled it is known to anybody else.
    #[test]
    fn full_destinations_take_nobody() {
        for scheduler in ["sh", "lc"] {
            model(2, move || {
                let pool = pool_with(scheduler, 1, Thresholds::new(1, 0).unwrap());
                let (mut mine, mut theirs) = (pool.picker(), pool.picker());
                mine.pick(&Flow::default()).unwrap();
                let other = thread::spawn(move || theirs.connect(&Flow::default()));
                let ours = mine.connect(&Flow::default());
                let both = [ours, other.join().unwrap()];
                assert_eq!(both.iter().flatten().count(), 1, "{both:?}");
                assert!(mine.pick(&Flow::default()).is_none());
                drop(both);
                assert!(mine.pick(&Flow::default()).is_some());
            });
        }
    }

    /// The loads that twos compares are those of all connections that are known: then it picks as if there was one thread.
    #[test]
    fn draws_see_the_loads() {
        model(2, || {
            let [alone, shared] = [(); 2].map(|()| pool("twos", 2));
            let picks = |pool: &Pool<u8>| {
                let mut picker = pool.picker().seeded(7);
                [(); 6].map(|()| *picker.pick(&Flow::default()).unwrap())
            };
            let mut picker = alone.picker().seeded(1);
            picker.pick(&Flow::default()).unwrap();
            let held = picker.connect(&Flow::default()).unwrap();
            let loaded = picks(&alone);

            let (mut mine, mut theirs) = (shared.picker(), shared.picker().seeded(1));
            theirs.pick(&Flow::default()).unwrap();
            let other = thread::spawn(move || theirs.connect(&Flow::default()).unwrap());
            mine.pick(&Flow::default()).unwrap();
            let other = other.join().unwrap();
            assert_eq!(*other, *held);
            assert_eq!(picks(&shared), loaded);
            drop((held, other));
            assert_ne!(picks(&shared), loaded);
        });
    }

    /// The last of two releases ends the drain, whichever it is.
    #[test]
    fn the_last_release_ends_a_drain() {
        model(3, || {
            let pool = pool("lc", 1);
            let mut picker = pool.picker();
            let (ours, theirs) = (picker.connect(&Flow::default()).unwrap(), picker.connect(&Flow::default()).unwrap());
            let drain = pool.drain(endpoint(0)).unwrap();
            let other = thread::spawn(move || drop(theirs));
            drop(ours);
            other.join().unwrap();
            assert!(drain.is_done());
            drop(pool.remove(endpoint(0)));
        });
    }
}
