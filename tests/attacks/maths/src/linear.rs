//! Reconstruction from margins: by the complement of a parent, and by linear programming over a whole table.

use std::collections::BTreeMap;

use microlp::{ComparisonOp, OptimizationDirection, Problem, Variable};

use crate::cell::{ALL, Cell, Dimension, Table, quarter};
use crate::mechanism::Mechanism;
use crate::world::{BLOCKS, BLOCKS_PER_QUARTER, Counts, EPOCHS};

const KINDS: u16 = 6;
const BANDS: u16 = 8;

/// How often hidden cells of 1 to 4 pupils were recovered exactly.
#[derive(Clone, Copy, Debug)]
pub struct Recovered {
    /// By the attack.
    pub share: f64,
    /// By the best guess that is the same for all.
    pub constant: f64,
    /// How many were tried.
    pub cells: usize,
}

impl Recovered {
    fn of(guesses: &[(i64, i64)]) -> Self {
        let share = |right: usize| right as f64 / guesses.len().max(1) as f64;
        let constant = (1..5).map(|guess| guesses.iter().filter(|(truth, _)| *truth == guess).count());
        Self {
            share: share(guesses.iter().filter(|(truth, guess)| truth == guess).count()),
            constant: share(constant.max().unwrap_or(0)),
            cells: guesses.len(),
        }
    }
}

/// How far a shown figure may be from the truth, and how many a hidden cell may hold at most.
fn reach(mechanism: Mechanism) -> (f64, f64, f64) {
    match mechanism {
        Mechanism::Suppression => (0.0, 1.0, 4.0),
        Mechanism::SuppressionRounded => (2.0, 1.0, 4.0),
        Mechanism::OneLayer => (8.0, 0.0, 17.0),
        Mechanism::TwoLayers => (13.0, 0.0, 22.0),
    }
}

fn cell(number: usize, kind: u16, band: u16) -> Cell {
    Cell::all()
        .with(Dimension::Place, quarter(number))
        .with(Dimension::Kind, kind)
        .with(Dimension::Band, band)
}

fn tables<'a>(
    counts: &'a [Counts; EPOCHS],
    published: &'a [Table; EPOCHS],
) -> impl Iterator<Item = (usize, &'a Counts, &'a Table)> {
    let both = counts.iter().zip(published);
    both.flat_map(|(counts, table)| {
        (0..BLOCKS / BLOCKS_PER_QUARTER).map(move |number| (number, counts, table))
    })
}

fn few(counts: &Counts, cell: &Cell) -> Option<i64> {
    counts.get(cell).map(|(n, _)| *n).filter(|n| (1..5).contains(n))
}

/// The parent less all siblings, where these are shown.
pub fn complement(counts: &[Counts; EPOCHS], published: &[Table; EPOCHS]) -> Recovered {
    let mut guesses = Vec::new();
    for (number, counts, table) in tables(counts, published) {
        for (kind, band) in (1..=KINDS).flat_map(|kind| (1..=BANDS).map(move |band| (kind, band))) {
            let hidden = cell(number, kind, band);
            let Some(truth) = few(counts, &hidden).filter(|_| !table.contains_key(&hidden)) else {
                continue;
            };
            let siblings = (1..=KINDS).filter(|other| *other != kind);
            let siblings: Option<i64> = siblings.map(|kind| table.get(&cell(number, kind, band))).sum();
            if let (Some(parent), Some(siblings)) = (table.get(&cell(number, ALL, band)), siblings) {
                guesses.push((truth, (parent - siblings).clamp(1, 4)));
            }
        }
    }
    Recovered::of(&guesses)
}

/// The table of each quarter that is closest to all that is shown of it, among those that are possible.
pub fn program(counts: &[Counts; EPOCHS], published: &[Table; EPOCHS], mechanism: Mechanism) -> Recovered {
    let mut guesses = Vec::new();
    for (number, counts, table) in tables(counts, published) {
        let Some(found) = fit(number, table, mechanism) else {
            continue;
        };
        for ((kind, band), value) in found {
            let hidden = cell(number, kind, band);
            if let Some(truth) = few(counts, &hidden).filter(|_| !table.contains_key(&hidden)) {
                guesses.push((truth, (value.round() as i64).clamp(1, 4)));
            }
        }
    }
    Recovered::of(&guesses)
}

fn fit(number: usize, table: &Table, mechanism: Mechanism) -> Option<BTreeMap<(u16, u16), f64>> {
    let (reach, least, most) = reach(mechanism);
    let mut problem = Problem::new(OptimizationDirection::Minimize);
    let mut inner: BTreeMap<(u16, u16), Variable> = BTreeMap::new();
    for kind in 1..=KINDS {
        for band in 1..=BANDS {
            let bounds = match table.get(&cell(number, kind, band)) {
                Some(shown) => ((*shown as f64 - reach).max(0.0), *shown as f64 + reach),
                None => (least, most),
            };
            inner.insert((kind, band), problem.add_var(0.0, bounds));
        }
    }
    for kind in 0..=KINDS {
        for band in 0..=BANDS {
            let Some(shown) = table.get(&cell(number, kind, band)) else {
                continue;
            };
            let held = inner
                .iter()
                .filter(|((k, b), _)| (kind == ALL || *k == kind) && (band == ALL || *b == band));
            let mut terms: Vec<(Variable, f64)> = held.map(|(_, variable)| (*variable, 1.0)).collect();
            terms.push((problem.add_var(1.0, (0.0, f64::INFINITY)), 1.0));
            terms.push((problem.add_var(1.0, (0.0, f64::INFINITY)), -1.0));
            problem.add_constraint(terms.as_slice(), ComparisonOp::Eq, *shown as f64);
        }
    }
    let solved = problem.solve().ok()?.into_solution().ok()?;
    Some(
        inner
            .into_iter()
            .map(|(key, variable)| (key, solved.var_value(variable)))
            .collect(),
    )
}
