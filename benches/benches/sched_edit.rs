//! Edits of lvs-sched's sequential core: a weight changes, a destination comes and goes. `cargo bench -p lvs-benches --bench sched_edit`.

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use lvs_benches::pools::{Weights, core};
use lvs_model::{SchedulerName, Weight};

fn edits(criterion: &mut Criterion) {
    for name in [SchedulerName::Rr, SchedulerName::Wrr, SchedulerName::Wlc] {
        let mut group = criterion.benchmark_group(format!("{name} edit"));
        for n in [8, 100, 1_000, 10_000, 100_000] {
            let (mut service, ids) = core(name, n, Weights::Mixed);
            let mut at = 0;
            group.bench_function(BenchmarkId::new("weight change", n), |bencher| {
                bencher.iter(|| {
                    at = (at + 1) % n;
                    let weight = Weight::from((1 + at % 7) as u16);
                    service.edit(ids[at], &Weights::Mixed.destination(at).with_weight(weight))
                });
            });
            group.bench_function(BenchmarkId::new("add and remove", n), |bencher| {
                bencher.iter(|| {
                    let id = service.add(&Weights::Mixed.destination(n));
                    service.remove(id);
                    service.forget(id)
                });
            });
        }
    }
}

criterion_group!(benches, edits);
criterion_main!(benches);
