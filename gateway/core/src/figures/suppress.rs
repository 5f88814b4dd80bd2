//! A static table, published once: small cells are hidden, others with them so that no hidden one can be computed, and
//! what is shown is rounded.
//!
//! Hiding small cells alone hides nothing: a margin less its other parts gives them back. So whoever computes from all
//! that is shown is played through: for each hidden cell a linear program looks for the least and the greatest count
//! that fits ([`audit`]). Where the two are closer than `k`, another cell is hidden with it; where none is left, there
//! is no table.

mod table;

use std::collections::BTreeSet;

use microlp::{ComparisonOp, OptimizationDirection, Problem, Variable};

use super::round;

pub use table::{Table, TableError};

/// The most cells of one table: each hidden one takes two linear programs over all.
pub const CELLS_MAX: usize = 1_000;
/// How far the solver's bounds may be off.
const TOLERANCE: f64 = 1e-6;

/// How a table is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Suppression {
    /// Cells of fewer pupils are hidden, and no hidden cell can be known more closely than this.
    pub k: u32,
    /// What is shown is rounded to a multiple of this; 1 rounds nothing.
    pub base: u32,
}

/// A cell that is the sum of others, and of a number that is no cell of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sum {
    /// The place of the whole.
    pub whole: usize,
    /// The places of its parts.
    pub parts: Vec<usize>,
    /// How many are in the whole and in none of the parts. Taken as known to everybody, which is the safe side.
    pub rest: i64,
}

/// A table cannot be published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SuppressError {
    /// More cells than [`CELLS_MAX`].
    #[error("the table has more than `{CELLS_MAX}` cells: cross fewer dimensions, or name coarser levels")]
    TooLarge,
    /// Every cell that could be hidden is, and one can still be computed.
    #[error("a hidden cell could be computed from the rest, whatever else is hidden: name coarser levels")]
    Unprotected,
    /// The linear program has no answer, so nothing is known.
    #[error("the linear program of the audit has no answer")]
    Unsolved,
}

/// Protects a table of true counts: none where a cell is hidden, else the count as it is shown.
///
/// # Errors
/// [`SuppressError`], where nothing may be published.
pub fn suppress(counts: &[i64], sums: &[Sum], rule: Suppression) -> Result<Vec<Option<i64>>, SuppressError> {
    if counts.len() > CELLS_MAX {
        return Err(SuppressError::TooLarge);
    }
    let k = i64::from(rule.k);
    let small = counts.iter().enumerate().filter(|(_, count)| **count < k);
    let mut hidden: BTreeSet<usize> = small.map(|(place, _)| place).collect();
    // To hide more only widens what is possible: a cell that is safe stays so.
    let mut safe: BTreeSet<usize> = BTreeSet::new();
    loop {
        let shown = shown(counts, &hidden, rule);
        let Some(open) = exposed(&shown, sums, rule, &mut safe)? else {
            return if audit(&shown, sums, rule)? {
                Ok(shown)
            } else {
                Err(SuppressError::Unprotected)
            };
        };
        hidden.extend(beside(open, counts, sums, &hidden, rule)?);
    }
}

/// Whether every hidden cell of a table could be any of at least `k` numbers for all that anybody can compute.
///
/// # Errors
/// [`SuppressError::Unsolved`] where the program has no answer.
pub fn audit(shown: &[Option<i64>], sums: &[Sum], rule: Suppression) -> Result<bool, SuppressError> {
    exposed(shown, sums, rule, &mut BTreeSet::new()).map(|found| found.is_none())
}

fn shown(counts: &[i64], hidden: &BTreeSet<usize>, rule: Suppression) -> Vec<Option<i64>> {
    let cells = counts.iter().enumerate();
    cells
        .map(|(place, count)| (!hidden.contains(&place)).then(|| round(*count, rule.base)))
        .collect()
}

/// The first hidden cell that is known more closely than `k`, besides those that are known to be safe.
fn exposed(
    shown: &[Option<i64>],
    sums: &[Sum],
    rule: Suppression,
    safe: &mut BTreeSet<usize>,
) -> Result<Option<usize>, SuppressError> {
    let hidden = shown.iter().enumerate().filter(|(_, cell)| cell.is_none());
    for (place, _) in hidden {
        if safe.contains(&place) {
            continue;
        }
        let least = bound(place, shown, sums, rule, OptimizationDirection::Minimize)?;
        let most = bound(place, shown, sums, rule, OptimizationDirection::Maximize)?;
        if most - least < f64::from(rule.k) - TOLERANCE {
            return Ok(Some(place));
        }
        safe.insert(place);
    }
    Ok(None)
}

/// The least or the greatest count of a cell that fits all that is shown; no greatest where nothing limits it.
fn bound(
    place: usize,
    shown: &[Option<i64>],
    sums: &[Sum],
    rule: Suppression,
    direction: OptimizationDirection,
) -> Result<f64, SuppressError> {
    let mut problem = Problem::new(direction);
    let cells: Vec<Variable> = shown
        .iter()
        .enumerate()
        .map(|(other, cell)| problem.add_var(f64::from(u8::from(other == place)), limits(*cell, rule)))
        .collect();
    for sum in sums {
        let variable = |place: &usize| cells.get(*place).copied();
        let mut terms: Vec<(Variable, f64)> = sum
            .parts
            .iter()
            .filter_map(variable)
            .map(|part| (part, 1.0))
            .collect();
        terms.extend(variable(&sum.whole).map(|whole| (whole, -1.0)));
        problem.add_constraint(terms.as_slice(), ComparisonOp::Eq, -count(sum.rest));
    }
    match problem.solve() {
        Ok(outcome) => {
            let solution = outcome.into_solution().map_err(|_| SuppressError::Unsolved)?;
            let cell = cells.get(place).ok_or(SuppressError::Unsolved)?;
            Ok(solution.var_value(*cell))
        }
        Err(microlp::Error::Unbounded) => Ok(f64::INFINITY),
        Err(_) => Err(SuppressError::Unsolved),
    }
}

/// What everybody knows of a cell by itself: a shown one rounds to what is shown and is no small one; a hidden one is
/// no less than nobody.
fn limits(cell: Option<i64>, rule: Suppression) -> (f64, f64) {
    let Some(shown) = cell else {
        return (0.0, f64::INFINITY);
    };
    let base = i64::from(rule.base.max(1));
    let least = (shown - base / 2).max(i64::from(rule.k));
    (count(least), count(shown + (base - 1) / 2))
}

/// Counts are far below 2^52.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts of pupils are exact in a double"
)]
fn count(count: i64) -> f64 {
    count as f64
}

/// Which cells to hide with one that is exposed: those that differ in another table with the same sums, in which the
/// exposed cell has `k` more. Among all such tables the one that changes least of what is shown, by linear programming.
fn beside(
    open: usize,
    counts: &[i64],
    sums: &[Sum],
    hidden: &BTreeSet<usize>,
    rule: Suppression,
) -> Result<Vec<usize>, SuppressError> {
    let mut problem = Problem::new(OptimizationDirection::Minimize);
    let changes: Vec<[Variable; 2]> = counts
        .iter()
        .enumerate()
        .map(|(place, pupils)| {
            let pupils = count(*pupils);
            let cost = if hidden.contains(&place) {
                HIDDEN_COST
            } else {
                1.0 + pupils
            };
            let more = problem.add_var(cost, (0.0, f64::INFINITY));
            [more, problem.add_var(cost, (0.0, pupils))]
        })
        .collect();
    let change = |place: &usize, sign: f64| {
        let of = changes.get(*place).copied();
        of.into_iter()
            .flat_map(move |[more, less]| [(more, sign), (less, -sign)])
    };
    for sum in sums {
        let parts = sum.parts.iter().flat_map(|part| change(part, 1.0));
        let terms: Vec<(Variable, f64)> = parts.chain(change(&sum.whole, -1.0)).collect();
        problem.add_constraint(terms.as_slice(), ComparisonOp::Eq, 0.0);
    }
    let terms: Vec<(Variable, f64)> = change(&open, 1.0).collect();
    problem.add_constraint(terms.as_slice(), ComparisonOp::Eq, f64::from(rule.k));
    let solved = match problem.solve() {
        Ok(outcome) => outcome.into_solution().map_err(|_| SuppressError::Unsolved)?,
        Err(microlp::Error::Infeasible) => return Err(SuppressError::Unprotected),
        Err(_) => return Err(SuppressError::Unsolved),
    };
    let moved = changes.iter().enumerate().filter(|(place, [more, less])| {
        let by = solved.var_value(*more) - solved.var_value(*less);
        by.abs() > TOLERANCE && !hidden.contains(place)
    });
    let moved: Vec<usize> = moved.map(|(place, _)| place).collect();
    // Where nothing shown need change, the cell was not exposed.
    if moved.is_empty() {
        Err(SuppressError::Unprotected)
    } else {
        Ok(moved)
    }
}

/// What it costs to change a cell that is hidden anyway: little, but not nothing.
const HIDDEN_COST: f64 = 0.001;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const EXACT: Suppression = Suppression { k: 5, base: 1 };
    const ROUNDED: Suppression = Suppression { k: 5, base: 5 };

    /// A table of rows and columns with its margins: the inner cells, then the rows', the columns', and the total.
    fn table(inner: &[Vec<i64>]) -> (Vec<i64>, Vec<Sum>) {
        let (rows, columns) = (inner.len(), inner[0].len());
        let mut counts: Vec<i64> = inner.concat();
        let place = |row: usize, column: usize| row * columns + column;
        counts.extend(inner.iter().map(|row| row.iter().sum::<i64>()));
        counts.extend((0..columns).map(|column| inner.iter().map(|row| row[column]).sum::<i64>()));
        counts.push(inner.iter().flatten().sum());
        let (first_row, first_column, total) = (
            rows * columns,
            rows * columns + rows,
            rows * columns + rows + columns,
        );
        let sum = |whole, parts| Sum {
            whole,
            parts,
            rest: 0,
        };
        let mut sums: Vec<Sum> = (0..rows)
            .map(|row| {
                sum(
                    first_row + row,
                    (0..columns).map(|column| place(row, column)).collect(),
                )
            })
            .collect();
        sums.extend((0..columns).map(|column| {
            sum(
                first_column + column,
                (0..rows).map(|row| place(row, column)).collect(),
            )
        }));
        sums.push(sum(total, (first_row..first_column).collect()));
        sums.push(sum(total, (first_column..total).collect()));
        (counts, sums)
    }

    #[test]
    fn hiding_small_cells_alone_fails_the_audit() {
        let (counts, sums) = table(&[vec![20, 3, 30], vec![40, 50, 60]]);
        let naive: Vec<Option<i64>> = counts
            .iter()
            .map(|count| (*count >= 5).then_some(*count))
            .collect();
        assert_eq!(audit(&naive, &sums, EXACT), Ok(false));
        assert_eq!(
            bound(1, &naive, &sums, EXACT, OptimizationDirection::Minimize),
            Ok(3.0)
        );
        assert_eq!(
            bound(1, &naive, &sums, EXACT, OptimizationDirection::Maximize),
            Ok(3.0)
        );
    }

    #[test]
    fn others_are_hidden_with_it_until_nothing_can_be_computed() {
        let (counts, sums) = table(&[vec![20, 3, 30], vec![40, 50, 60]]);
        let shown = suppress(&counts, &sums, EXACT).unwrap();
        assert_eq!(audit(&shown, &sums, EXACT), Ok(true));
        assert_eq!(shown[1], None);
        let hidden = shown.iter().filter(|cell| cell.is_none()).count();
        assert_eq!(hidden, 4, "{shown:?}");
        assert!(
            counts
                .iter()
                .zip(&shown)
                .all(|(count, shown)| shown.is_none_or(|shown| shown == *count))
        );
    }

    #[test]
    fn a_table_that_cannot_be_protected_is_refused() {
        let lone = [Sum {
            whole: 0,
            parts: vec![1],
            rest: 0,
        }];
        assert_eq!(
            suppress(&[3, 3], &lone, EXACT),
            Ok(vec![None, None]),
            "nothing shown tells nothing"
        );
        let many = vec![9; CELLS_MAX + 1];
        assert_eq!(suppress(&many, &[], EXACT), Err(SuppressError::TooLarge));
        // A rest that everybody knows beside one small part.
        let known = [
            Sum {
                whole: 0,
                parts: vec![1],
                rest: 40,
            },
            Sum {
                whole: 0,
                parts: Vec::new(),
                rest: 43,
            },
        ];
        assert_eq!(suppress(&[43, 3], &known, EXACT), Err(SuppressError::Unprotected));
    }

    #[test]
    fn nobody_is_hidden_as_a_few_are() {
        let (counts, sums) = table(&[vec![0, 12], vec![3, 14]]);
        let shown = suppress(&counts, &sums, ROUNDED).unwrap();
        assert_eq!((shown[0], shown[2]), (None, None));
        assert!(shown.iter().flatten().all(|shown| shown % 5 == 0 && *shown > 0));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn what_is_published_passes_the_audit_and_hides_every_small_cell(
            inner in prop::collection::vec(prop::collection::vec(prop_oneof![0_i64..8, 5_i64..60], 3), 2..5),
            rounded in any::<bool>(),
        ) {
            let rule = if rounded { ROUNDED } else { EXACT };
            let (counts, sums) = table(&inner);
            if let Ok(shown) = suppress(&counts, &sums, rule) {
                prop_assert_eq!(audit(&shown, &sums, rule), Ok(true));
                for (count, shown) in counts.iter().zip(shown) {
                    prop_assert!(*count >= 5 || shown.is_none());
                    prop_assert!(shown.is_none_or(|shown| shown == round(*count, rule.base)));
                }
            }
        }
    }
}
