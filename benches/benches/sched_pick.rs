//! `pick` and `connect` of lvs-sched beside others: `cargo bench -p lvs-benches --features rivals --bench sched_pick`.

use std::time::Instant;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use lvs_benches::contest::Contest;

fn contests(criterion: &mut Criterion) {
    for contest in Contest::ALL {
        let mut group = criterion.benchmark_group(contest.name());
        for n in [8, 100, 1_000, 10_000, 100_000] {
            for contestant in contest.ours(n).into_iter().chain(contest.others(n)) {
                let mut run = (contestant.worker)();
                group.bench_function(BenchmarkId::new(contestant.name, n), |bencher| {
                    bencher.iter_custom(|operations| {
                        let start = Instant::now();
                        run(operations);
                        start.elapsed()
                    });
                });
            }
        }
    }
}

criterion_group!(benches, contests);
criterion_main!(benches);
