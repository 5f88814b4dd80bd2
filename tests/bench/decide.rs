//! How long a decision takes at 10, 100, 1,000 and 10,000 purposes, beside Cedar with the same policies, in one run:
//! `cargo run --release --manifest-path tests/cedar/Cargo.toml --example decide`.
//!
//! Each caller's token names ten purposes, as a dashboard's does; which ten changes with each request. Requests are
//! parsed before, for both. Fails where ours is not flat or not fast.

use std::hint::black_box;
use std::time::{Duration, Instant};

use doelpoort_cedar::{
    Numbers, allowed, at, caller, case, cedar, cedar_allowed, cedar_request, ours, purposes, request,
};

const SIZES: [usize; 4] = [10, 100, 1_000, 10_000];
const CASES: usize = 1_000;
/// Rounds over the cases; the fastest counts, since what else runs can only slow one down.
const ROUNDS: usize = 15;
const CEDAR_ROUNDS: usize = 2;
const CEDAR_CASES: usize = 100;
const FLAT_AT_MOST: f64 = 2.0;
const MICROSECONDS_MAX: f64 = 5.0;
const TOKEN_PURPOSES: usize = 10;

fn main() {
    let mut first = 0.0;
    let mut failed = false;
    println!("purposes   ours [µs]   Cedar [µs]   Cedar/ours   ours/ours at 10");
    for size in SIZES {
        let mut numbers = Numbers(7);
        let purposes = purposes(size, &mut numbers);
        let (policies, set) = (ours(&purposes), cedar(&purposes));
        let cases: Vec<_> = (0..CASES).map(|_| case(&purposes, &mut numbers)).collect();
        let asked: Vec<_> = cases
            .iter()
            .map(|case| {
                let named = (0..TOKEN_PURPOSES).map(|step| &purposes[(case.purpose + step) % size]);
                let caller = caller(&policies, case.party, named.map(|one| one.id.as_str()));
                let request = request(&policies, &purposes[case.purpose], case, &caller);
                (caller, request, at(case.day))
            })
            .collect();
        let theirs: Vec<_> = cases
            .iter()
            .take(CEDAR_CASES)
            .map(|case| cedar_request(&purposes[case.purpose], case))
            .collect();
        let we = fastest(ROUNDS, CASES, || {
            for (caller, request, now) in &asked {
                black_box(allowed(&policies, caller, request, *now));
            }
        });
        let they = fastest(CEDAR_ROUNDS, theirs.len(), || {
            for request in &theirs {
                black_box(cedar_allowed(&set, request));
            }
        });
        if size == SIZES[0] {
            first = we;
        }
        println!(
            "{size:>8}   {we:>9.2}   {they:>10.2}   {:>10.1}   {:>15.2}",
            they / we,
            we / first
        );
        failed |= we / first > FLAT_AT_MOST || we >= MICROSECONDS_MAX;
    }
    if failed {
        println!("not flat (at most {FLAT_AT_MOST} times) or not under {MICROSECONDS_MAX} µs");
        std::process::exit(1);
    }
}

/// Microseconds of one of `count`, in the fastest round.
fn fastest(rounds: usize, count: usize, mut run: impl FnMut()) -> f64 {
    let mut fastest = Duration::MAX;
    for _ in 0..rounds {
        let began = Instant::now();
        run();
        fastest = fastest.min(began.elapsed());
    }
    #[expect(clippy::cast_precision_loss, reason = "a thousand")]
    let count = count as f64;
    fastest.as_secs_f64() * 1e6 / count
}
