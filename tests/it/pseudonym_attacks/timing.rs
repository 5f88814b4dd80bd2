//! A clock beside the answers: whether a number is a pupil's must not show in how long the answer takes.
//!
//! Two samples are compared by the greatest distance between their distributions (Kolmogorov and Smirnov). Hits and
//! misses come in an order of chance, so whatever else the machine does meets both alike.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use doelpoort::client::Client;
use rstest::rstest;
use serde_json::json;

use super::BOARD;
use crate::support::database::Backend;
use crate::support::world::World;
use crate::support::world::ask::fact;
use crate::support::world::pupils::{admissibility, eck_id};

/// Calls of each kind in a sample.
const CALLS: usize = 500;
/// One in so many misses is answered late, for the control: after twice the time that it took, whatever the machine does
/// besides.
const LATE_EVERY: usize = 5;
/// How often chance alone may say that two samples differ. Then a second pair of samples is taken, and must say so too.
const ALPHA: f64 = 0.001;
/// Clients at a time: most of a call is waiting for the log.
const CLIENTS: usize = 3;
/// Declarations of other boards' pupils.
const DECLARED: usize = 50;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Hit,
    Miss,
    /// A miss, with the error that the test must find.
    Late,
}

/// How long the answers of one kind took.
#[derive(Default)]
struct Sample(Vec<Duration>);

impl Sample {
    fn share_until(&self, time: Duration) -> f64 {
        count(self.0.iter().filter(|one| **one <= time).count()) / count(self.0.len())
    }

    fn distance(&self, other: &Self) -> f64 {
        let times = self.0.iter().chain(&other.0);
        times
            .map(|time| (self.share_until(*time) - other.share_until(*time)).abs())
            .fold(0.0, f64::max)
    }

    /// The distance that chance exceeds with the probability [`ALPHA`].
    fn critical_distance(&self, other: &Self) -> f64 {
        let (one, other) = (count(self.0.len()), count(other.0.len()));
        ((2.0 / ALPHA).ln() / 2.0).sqrt() * ((one + other) / (one * other)).sqrt()
    }

    fn differs_from(&self, other: &Self) -> bool {
        self.distance(other) > self.critical_distance(other)
    }
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap())
}

/// The kinds in an order of chance that repeats.
fn order(round: usize) -> Vec<(Kind, usize)> {
    let mut calls: Vec<_> = (0..CALLS)
        .flat_map(|call| [(Kind::Hit, call), (Kind::Miss, call), (Kind::Late, call)])
        .filter(|(kind, call)| *kind != Kind::Late || call % LATE_EVERY == 0)
        .collect();
    calls.sort_by_cached_key(|(kind, call)| eck_id(round * 3 * CALLS + call * 3 + *kind as usize));
    calls
}

#[derive(Default)]
struct Samples {
    hits: Sample,
    misses: Sample,
    late: Sample,
    forms: BTreeSet<(String, String)>,
}

impl Samples {
    async fn ask(mut self, client: Client, round: usize, calls: Vec<(Kind, usize)>) -> Self {
        for (kind, call) in calls {
            let number = match kind {
                Kind::Hit => call % DECLARED,
                Kind::Miss | Kind::Late => 50_000 + (round * CALLS + call) * 3 + kind as usize,
            };
            let asked = fact(BOARD, &[json!({ "ref": "1", "eckId": eck_id(number) })]);
            let began = Instant::now();
            let answer = client.facts(asked).await.unwrap();
            if kind == Kind::Late {
                tokio::time::sleep(began.elapsed()).await;
            }
            let took = began.elapsed();
            let sample = match kind {
                Kind::Hit => &mut self.hits,
                Kind::Miss => &mut self.misses,
                Kind::Late => &mut self.late,
            };
            sample.0.push(took);
            let (data, meta) = (answer.data().unwrap(), answer.meta().unwrap());
            self.forms.insert((data.to_string(), meta.to_string()));
        }
        self
    }

    /// The calls of several clients at a time, each with its part of the order.
    async fn measure(world: &World, round: usize) -> Self {
        let order = order(round);
        let parts = order.chunks(order.len().div_ceil(CLIENTS));
        let tasks: Vec<_> = parts
            .map(|calls| {
                let client = world.client("vendor-alpha-school");
                tokio::spawn(Self::default().ask(client, round, calls.to_vec()))
            })
            .collect();
        let mut all = Self::default();
        for task in tasks {
            let part = task.await.unwrap();
            all.hits.0.extend(part.hits.0);
            all.misses.0.extend(part.misses.0);
            all.late.0.extend(part.late.0);
            all.forms.extend(part.forms);
        }
        all
    }
}

fn often(policies: &Path) {
    let file = policies.join("purposes/admissibility-status.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("600/h"));
    std::fs::write(file, text.replace("600/h", "60000/h")).unwrap();
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_hit_and_a_miss_are_alike_in_form_and_time(#[case] backend: Backend) {
    let world = World::prepared(backend, often, |config| {
        config.limits.client_requests_per_min_max = 1_000_000;
    });
    let Some(world) = world.await else {
        return;
    };
    let declared: Vec<_> = (0..DECLARED).map(admissibility).collect();
    world.deliver("swv-po-delivery", "admissibility", &declared).await;
    let mut differed = 0;
    for round in 0..2 {
        let samples = Samples::measure(&world, round).await;
        assert_eq!(samples.forms.len(), 1, "alike in form");
        let (far, late) = (
            samples.hits.distance(&samples.misses),
            samples.hits.distance(&samples.late),
        );
        println!("hit and miss: {far:.3}; hit and late miss: {late:.3}");
        assert!(
            samples.hits.differs_from(&samples.late),
            "the control was not found"
        );
        if !samples.hits.differs_from(&samples.misses) {
            break;
        }
        differed += 1;
    }
    assert!(differed < 2, "hits and misses differ in time");
}
