//! Unpicking with the public tables: does what was added to the truth look like the noise that was promised?

use crate::cell::{Cell, Table};
use crate::world::{Counts, EPOCHS};

/// Cells below this are left out: there a threshold chooses among the noises.
const FROM: i64 = 40;

/// The noise as its author knows it.
#[derive(Clone, Copy, Debug)]
pub struct Noise {
    /// Its mean.
    pub mean: f64,
    /// Its variance.
    pub variance: f64,
    /// How that of the two count dates goes together, where the pupils are the same.
    pub same: f64,
    /// The same, where one pupil came or left.
    pub changed: f64,
    /// How many cells.
    pub cells: usize,
}

/// The noise of all cells large enough.
pub fn unpick(counts: &[Counts; EPOCHS], published: &[Table; EPOCHS], asked: &[Cell]) -> Noise {
    let noise = |epoch: usize, cell: &Cell| {
        let (count, key) = *counts.get(epoch)?.get(cell)?;
        let shown = *published.get(epoch)?.get(cell)?;
        (count >= FROM).then_some(((shown - count) as f64, key))
    };
    let all: Vec<f64> = asked
        .iter()
        .flat_map(|cell| (0..EPOCHS).filter_map(|epoch| Some(noise(epoch, cell)?.0)))
        .collect();
    let pairs: Vec<(f64, f64, bool)> = asked
        .iter()
        .filter_map(|cell| {
            let ((one, before), (other, after)) = (noise(0, cell)?, noise(1, cell)?);
            Some((one, other, before == after))
        })
        .collect();
    let of = |same: bool| -> Vec<(f64, f64)> {
        let such = pairs.iter().filter(|(_, _, equal)| *equal == same);
        such.map(|(one, other, _)| (*one, *other)).collect()
    };
    let mean = mean(all.iter().copied());
    Noise {
        mean,
        variance: self::mean(all.iter().map(|x| (x - mean).powi(2))),
        same: correlation(&of(true)),
        changed: correlation(&of(false)),
        cells: all.len(),
    }
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    sum / f64::max(count, 1.0)
}

fn correlation(pairs: &[(f64, f64)]) -> f64 {
    let (x, y) = (
        mean(pairs.iter().map(|pair| pair.0)),
        mean(pairs.iter().map(|pair| pair.1)),
    );
    let of = |product: fn(f64, f64) -> f64| mean(pairs.iter().map(|pair| product(pair.0 - x, pair.1 - y)));
    let (both, one, other) = (of(|a, b| a * b), of(|a, _| a * a), of(|_, b| b * b));
    if one * other == 0.0 {
        0.0
    } else {
        both / (one * other).sqrt()
    }
}
