//! Attacks on what is small: cells of a few, zeros, and groups of whom all have something.

use crate::cell::{Cell, Dimension, Table, YES, block};
use crate::world::{BLOCKS, Counts, EPOCHS, planted};

/// How many of the cells with true counts from `least` to `most` are shown, and how many there are.
pub fn shown(
    counts: &[Counts; EPOCHS],
    published: &[Table; EPOCHS],
    asked: &[Cell],
    least: i64,
    most: i64,
) -> (usize, usize) {
    let (mut shown, mut all) = (0, 0);
    for (counts, table) in counts.iter().zip(published) {
        let such = asked.iter().filter(|cell| {
            let count = counts.get(cell).map_or(0, |(n, _)| *n);
            (least..=most).contains(&count)
        });
        for cell in such {
            all += 1;
            shown += usize::from(table.contains_key(cell));
        }
    }
    (shown, all)
}

/// Cells that are shown as 0: each tells of everybody that they are not in it.
pub fn zeros(published: &[Table; EPOCHS]) -> usize {
    published
        .iter()
        .flat_map(Table::values)
        .filter(|figure| **figure == 0)
        .count()
}

/// In blocks where nearly all have an attribute: how often "all of them have it" is right, where the attacker claims it
/// by the best rule there is, among those that claim at least one in ten blocks; and how often it is true at all.
pub fn whole_group(published: &[Table; EPOCHS]) -> (f64, f64) {
    let mut cases: Vec<(i64, bool)> = Vec::new();
    for table in published {
        for number in 0..BLOCKS {
            let Some(exceptions) = planted(number) else {
                continue;
            };
            let all = Cell::all().with(Dimension::Place, block(number));
            if let (Some(total), Some(have)) = (table.get(&all), table.get(&all.with(Dimension::Fourth, YES)))
            {
                cases.push((total - have, exceptions == 0));
            }
        }
    }
    let base = precision(&cases, |_| true).unwrap_or(0.0);
    let rules = (-20..20).flat_map(|value| {
        [
            precision(&cases, |gap| gap <= value),
            precision(&cases, |gap| gap == value),
        ]
    });
    (rules.flatten().fold(0.0, f64::max), base)
}

fn precision(cases: &[(i64, bool)], claims: impl Fn(i64) -> bool) -> Option<f64> {
    let claimed: Vec<bool> = cases
        .iter()
        .filter(|(gap, _)| claims(*gap))
        .map(|(_, truth)| *truth)
        .collect();
    let right = claimed.iter().filter(|truth| **truth).count();
    (claimed.len() * 10 >= cases.len() && !claimed.is_empty()).then(|| right as f64 / claimed.len() as f64)
}
