//! Two boards that share the pupils of some blocks. Each knows its own exactly: what it may not do is subtract them from
//! what is published and read the other's.

use std::collections::HashMap;

use doelpoort_attacks::cell::{Cell, Dimension};
use doelpoort_attacks::random::Random;
use doelpoort_attacks::world::{Pupil, Shape, World as City};
use serde_json::Value;

use super::laboratory::{DATES, Laboratory, table};
use super::report::{Limit, NONE, Report};
use crate::support::world::pupils::{SITE, enrolment_in};

/// The first board.
pub(super) const BOARD: &str = "00000099000000041676";
/// The first so many go to its school, which enters their objections.
pub(super) const OBJECTING: usize = 20;
/// A school of the second.
const OTHER_SITE: &str = "32GE00";
/// Blocks whose pupils go to school.
const BLOCKS: usize = 160;
/// Which part of a block goes to the second board: every fourth block the same.
const SHARES: [f64; 4] = [0.03, 0.1, 0.25, 0.5];
/// What is few: as many as a cell may never show.
const FEW: i64 = 4;
/// The error that the noise of two layers leaves, less what chance takes of it.
const ERROR: f64 = 0.85 * 2.0;

fn goes_to_school(pupil: &Pupil) -> bool {
    pupil.block < BLOCKS && !pupil.lone
}

fn is_at_the_second(seed: u64, number: usize, pupil: &Pupil) -> bool {
    let share = SHARES[pupil.block % SHARES.len()];
    number >= OBJECTING && Random::new(!seed ^ u64::try_from(number).unwrap()).chance(share)
}

/// The enrolments of both boards.
pub(super) fn enrolments(city: &City) -> (Vec<Value>, Vec<Value>) {
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for (number, pupil) in city.pupils.iter().enumerate() {
        if number >= OBJECTING && !goes_to_school(pupil) {
            continue;
        }
        if is_at_the_second(city.seed, number, pupil) {
            second.push(enrolment_in(number, OTHER_SITE, "VO", "WK003403"));
        } else {
            first.push(enrolment_in(number, SITE, "BO", "WK003403"));
        }
    }
    (first, second)
}

/// How many of each board are in each cell.
fn parts(city: &City, shapes: &[Shape]) -> HashMap<Cell, [i64; 2]> {
    let mut parts: HashMap<Cell, [i64; 2]> = HashMap::new();
    for (number, pupil) in city.pupils.iter().enumerate() {
        if !goes_to_school(pupil) {
            continue;
        }
        let board = usize::from(is_at_the_second(city.seed, number, pupil));
        for cell in shapes.iter().filter_map(|shape| shape.cell_of(pupil)) {
            parts.entry(cell).or_default()[board] += 1;
        }
    }
    parts
}

/// A board takes its own exact rows from each figure.
pub(super) async fn subtract(laboratory: &Laboratory, report: &mut Report) {
    let client = laboratory.attacker();
    let shapes = Shape::all(&[Dimension::Kind], 2, &[]);
    let parts = parts(&laboratory.city, &shapes);
    let (mut cases, mut told, mut naive) = (0, 0, 0);
    let mut errors = Vec::new();
    for shape in &shapes {
        let (asked, shown) = table(&client, "lab-boards", shape, DATES[1]).await;
        for cell in asked {
            let Some(parts) = parts.get(&cell) else { continue };
            for (own, other) in [(parts[0], parts[1]), (parts[1], parts[0])] {
                if own == 0 {
                    continue;
                }
                let figure = shown.get(&cell);
                if other <= FEW {
                    cases += 1;
                    told += usize::from(figure.is_some());
                    naive += usize::from(own + other > FEW);
                }
                errors.extend(figure.map(|figure| (figure - own - other) as f64));
            }
        }
    }
    assert!(cases > 500, "only {cases} cells with few of another board");
    report.way(
        "a board takes off its own: few of another that are told",
        cases,
        NONE,
        told as f64,
        naive as f64,
    );
    let squares: f64 = errors.iter().map(|error| error * error).sum();
    report.way(
        "a board takes off its own: error left in the other's",
        errors.len(),
        Limit::AtLeast(ERROR),
        (squares / errors.len() as f64).sqrt(),
        0.0,
    );
}
