//! Averaging over partitions: a total is also the sum of its parts, and each way to split it is another figure of it.

use crate::cell::{Cell, Dimension, NO, Table, YES, block};
use crate::world::{BLOCKS, Counts, EPOCHS};

/// What averaging came to.
#[derive(Clone, Copy, Debug)]
pub struct Averaged {
    /// The root of the mean square of the error.
    pub error: f64,
    /// By how much independent noise would have been averaged down, as a variance.
    pub gain: f64,
    /// How many totals.
    pub totals: usize,
}

/// Each block's total from all its partitions by two attributes, each weighed by how few parts it has.
pub fn partition(counts: &[Counts; EPOCHS], published: &[Table; EPOCHS]) -> Averaged {
    let [fifth, sixth] = [Dimension::Fifth, Dimension::Sixth];
    let ways = [vec![], vec![fifth], vec![sixth], vec![fifth, sixth]];
    let parts = |way: &[Dimension]| f64::from(1_u32 << way.len());
    let gain: f64 = ways.iter().map(|way| 1.0 / parts(way)).sum();
    let (mut squares, mut totals) = (0.0, 0);
    for (counts, table) in counts.iter().zip(published) {
        for number in 0..BLOCKS {
            let total = Cell::all().with(Dimension::Place, block(number));
            let sums: Option<Vec<f64>> = ways
                .iter()
                .map(|way| sum(total, way, table).map(|sum| sum as f64 / parts(way)))
                .collect();
            let (Some(sums), Some((truth, _))) = (sums, counts.get(&total)) else {
                continue;
            };
            squares += (sums.iter().sum::<f64>() / gain - *truth as f64).powi(2);
            totals += 1;
        }
    }
    Averaged {
        error: (squares / f64::from(totals.max(1))).sqrt(),
        gain,
        totals: usize::try_from(totals).unwrap_or(0),
    }
}

/// The sum of the parts, where all are shown.
fn sum(cell: Cell, way: &[Dimension], table: &Table) -> Option<i64> {
    match way {
        [] => table.get(&cell).copied(),
        [first, rest @ ..] => {
            Some(sum(cell.with(*first, YES), rest, table)? + sum(cell.with(*first, NO), rest, table)?)
        }
    }
}
