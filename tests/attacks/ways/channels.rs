//! Side channels: does a hidden cell differ from an empty one in anything but its name?

use std::time::Instant;

use doelpoort::client::Client;
use doelpoort_attacks::cell::{Cell, Dimension, block};
use doelpoort_attacks::random::Random;
use doelpoort_attacks::score::same_distribution;
use doelpoort_attacks::world::{BLOCKS, Shape};

use super::super::laboratory::{DATES, Laboratory, code, filters, question};
use super::super::report::{Limit, NONE, Report};
use super::query;
use crate::support::world::ask::Response;

/// Calls of each kind in a sample.
const CALLS: usize = 200;
/// Samples: chance alone gives a difference in one of a hundred, and never in three.
const SAMPLES: usize = 3;
/// Pairs of cells that are compared byte by byte.
const PAIRS: usize = 40;
/// Headers that are another in every answer; the length is compared without the receipt, whose proof grows and shrinks
/// with the log.
const FRESH: [&str; 4] = ["date", "doelpoort-receipt", "content-length", "traceparent"];

pub(super) async fn run(laboratory: &Laboratory, report: &mut Report) {
    let (hidden, absent) = cells(laboratory);
    let client = laboratory.attacker();
    let mut differ = 0;
    for (one, other) in hidden.iter().zip(&absent).take(PAIRS) {
        let answers = [ask(&client, one).await, ask(&client, other).await];
        differ += i32::from(trace(&answers[0], one) != trace(&answers[1], other));
    }
    report.way(
        "side channel: bytes and headers of hidden and absent, pairs that differ",
        PAIRS,
        NONE,
        f64::from(differ),
        naive_bytes(laboratory, &hidden, &absent) as f64,
    );
    time(&client, &hidden, &absent, report).await;
}

/// Cells of few pupils, and cells of none.
fn cells(laboratory: &Laboratory) -> (Vec<Cell>, Vec<Cell>) {
    let shape = Shape::all(&[Dimension::Kind, Dimension::Band], 3, &[]);
    let counts = laboratory.city.count(1, &shape);
    let mut random = Random::new(2);
    let (mut hidden, mut absent) = (Vec::new(), Vec::new());
    while hidden.len() < CALLS || absent.len() < CALLS {
        let number = usize::try_from(random.below(u32::try_from(BLOCKS).unwrap())).unwrap();
        let mut one_of = |count: u32| 1 + u16::try_from(random.below(count)).unwrap();
        let cell = Cell::all()
            .with(Dimension::Place, block(number))
            .with(Dimension::Kind, one_of(6))
            .with(Dimension::Band, one_of(8));
        match counts.get(&cell) {
            None => absent.push(cell),
            Some((1..=4, _)) => hidden.push(cell),
            Some(_) => {}
        }
    }
    (hidden, absent)
}

async fn ask(client: &Client, cell: &Cell) -> Response {
    let asked = question("lab-small", DATES[1], &[], filters(cell));
    query(client, &asked, "application/json").await
}

/// All that comes back, without what is another in every answer.
fn trace(answer: &Response, cell: &Cell) -> String {
    let headers: Vec<String> = answer
        .headers
        .iter()
        .filter(|(name, _)| !FRESH.contains(&name.as_str()))
        .map(|(name, value)| format!("{name}: {value:?}"))
        .collect();
    let document = answer.json();
    let meta = &document["meta"];
    let length = answer.text.len() - document["receipt"].to_string().len();
    let named = [Dimension::Place, Dimension::Kind, Dimension::Band]
        .map(|dimension| code(dimension, cell.code(dimension)));
    let data = document["data"].to_string();
    let data = named
        .iter()
        .fold(data, |data, name| data.replace(&format!("\"{name}\""), "-"));
    format!(
        "{} {length}\n{}\n{data}\n{meta}",
        answer.status,
        headers.join("\n")
    )
}

/// Pairs that differ where an empty cell is left out and a small one is `<5`.
fn naive_bytes(laboratory: &Laboratory, hidden: &[Cell], absent: &[Cell]) -> usize {
    let shape = Shape::all(&[Dimension::Kind, Dimension::Band], 3, &[]);
    let counts = laboratory.city.count(1, &shape);
    let answer = |cell: &Cell| counts.get(cell).map(|_| "<5");
    let pairs = hidden.iter().zip(absent).take(PAIRS);
    pairs.filter(|(one, other)| answer(one) != answer(other)).count()
}

/// The time from the first byte sent to the last one read, in seconds, of calls that take turns.
async fn time(client: &Client, hidden: &[Cell], absent: &[Cell], report: &mut Report) {
    let mut best = 0.0_f64;
    let mut slowed = 1.0_f64;
    for _ in 0..SAMPLES {
        let (mut one, mut other) = (Vec::new(), Vec::new());
        for (hidden, absent) in hidden.iter().zip(absent).take(CALLS) {
            for (cell, times) in [(hidden, &mut one), (absent, &mut other)] {
                let from = Instant::now();
                ask(client, cell).await;
                times.push(from.elapsed().as_secs_f64());
            }
        }
        best = best.max(same_distribution(&one, &other));
        // A gateway that computes a hidden cell and not an empty one: half as long again.
        let longer: Vec<f64> = one.iter().map(|time| time * 1.5).collect();
        slowed = slowed.min(same_distribution(&longer, &other));
        if best > 0.01 {
            break;
        }
    }
    report.way(
        "side channel: time of hidden and absent, p of the same law",
        2 * CALLS,
        Limit::AtLeast(0.01),
        best,
        slowed,
    );
}
