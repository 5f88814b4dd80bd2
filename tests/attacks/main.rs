//! The attack suite: as a black box over HTTPS with only a client's rights, scored against a truth of its own making.
//!
//! Laboratories on both engines, each of another seed: some 35,000 pupils, two count dates, about 200,000 figures. What
//! the gateway published stands beside what naive suppression, suppression with rounding and the textbook's cell key of
//! one layer publish of the same truth. Each attack must fail on ours, over all laboratories together, and must succeed
//! on one of those or on a weakened way of answering: a check that cannot fail is none. `tests/run attacks` prints the
//! table.

mod boards;
mod laboratory;
mod policies;
mod report;
mod statistics;
mod ways;

use laboratory::Laboratory;
use report::Report;

use crate::support::database::Backend;

/// Where the laboratories stand, and from which seeds.
const LABORATORIES: [(Backend, u64); 3] = [
    (Backend::Sqlite, 20_261_122),
    (Backend::Postgres, 20_261_123),
    (Backend::Sqlite, 20_261_124),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_attack_fails_and_would_succeed_elsewhere() {
    let mut report = Report::default();
    for (backend, seed) in LABORATORIES {
        // None where there is no such engine.
        let Some(mut laboratory) = Laboratory::open(backend, seed).await else {
            continue;
        };
        println!("{backend:?}, seed {seed}");
        statistics::run(&laboratory, &mut report).await;
        ways::run(&mut laboratory, &mut report).await;
    }
    report.finish();
}
