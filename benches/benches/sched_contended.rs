//! Two threads on one pool: `cargo bench -p lvs-benches --features rivals --bench sched_contended`. Time per operation and thread.

use std::{sync::Barrier, thread, time::Instant};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use lvs_benches::contest::Contest;

fn contended(criterion: &mut Criterion) {
    for contest in Contest::ALL {
        let mut group = criterion.benchmark_group(format!("{}, two threads", contest.name()));
        for n in [8, 1_000, 100_000] {
            for contestant in contest.ours(n).into_iter().chain(contest.others(n)) {
                let mut runs = [(contestant.worker)(), (contestant.worker)()];
                group.bench_function(BenchmarkId::new(contestant.name, n), |bencher| {
                    bencher.iter_custom(|operations| {
                        let barrier = Barrier::new(2);
                        let [first, second] = &mut runs;
                        let one = |run: &mut (dyn FnMut(u64) + Send)| {
                            barrier.wait();
                            let start = Instant::now();
                            run(operations);
                            start.elapsed()
                        };
                        thread::scope(|scope| {
                            let other = scope.spawn(|| one(second));
                            let ours = one(first);
                            ours.max(other.join().expect("a worker panicked"))
                        })
                    });
                });
            }
        }
    }
}

criterion_group!(benches, contended);
criterion_main!(benches);
