//! The mechanisms that ours is compared with, over the same truth.

use crate::cell::{Cell, Table};
use crate::ptable::PTable;
use crate::random::mix;
use crate::world::Counts;

/// How a comparison protects its figures.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mechanism {
    /// Fewer than five are hidden, all else is exact.
    Suppression,
    /// The same, and what is shown is rounded to 5.
    SuppressionRounded,
    /// The textbook's cell key: one layer, keyed by the pupils; shown from ten.
    OneLayer,
    /// Ours, in the gateway.
    TwoLayers,
}

impl Mechanism {
    /// The comparisons, in the order of the table's columns.
    pub const COMPARED: [Self; 3] = [Self::Suppression, Self::SuppressionRounded, Self::OneLayer];

    /// What it publishes of these counts. Zeros that are exact are shown, as is the custom.
    pub fn publish(self, counts: &Counts, asked: &[Cell]) -> Table {
        let noise = PTable::d8_v3();
        asked
            .iter()
            .filter_map(|cell| {
                let (count, key) = counts.get(cell).copied().unwrap_or_default();
                let shown = match self {
                    Self::Suppression => (count == 0 || count >= 5).then_some(count),
                    Self::SuppressionRounded => (count == 0 || count >= 5).then(|| round(count, 5)),
                    Self::OneLayer => Some(count + noise.look(count, key)).filter(|shown| *shown >= 10),
                    Self::TwoLayers => None,
                };
                Some((*cell, shown?))
            })
            .collect()
    }

    /// What one layer publishes that hides by the noisy count alone, below this.
    pub fn noisy_threshold(counts: &Counts, asked: &[Cell], least: i64) -> Table {
        let noise = PTable::d8_v3();
        let noisy = asked.iter().filter_map(|cell| {
            let (count, key) = *counts.get(cell)?;
            Some((*cell, count + noise.look(count, key)))
        });
        noisy.filter(|(_, shown)| *shown >= least).collect()
    }

    /// The laws of its noise, as an attacker knows them: by the pupils, and by the name.
    pub fn layers(self) -> (PTable, PTable) {
        match self {
            Self::Suppression | Self::SuppressionRounded => (PTable::none(), PTable::none()),
            Self::OneLayer => (PTable::d8_v3(), PTable::none()),
            Self::TwoLayers => (PTable::d5_v1(), PTable::d8_v3()),
        }
    }

    /// What it shows of a noisy count, of a cell with so many pupils.
    pub fn shows(self, count: i64, noisy: i64) -> Option<i64> {
        match self {
            Self::Suppression => (count == 0 || count >= 5).then_some(noisy),
            Self::SuppressionRounded => (count == 0 || count >= 5).then(|| round(noisy, 5)),
            Self::OneLayer => (noisy >= 10).then_some(noisy),
            Self::TwoLayers => (count >= 5 && noisy >= 10).then_some(noisy),
        }
    }

    /// The variance of a figure, as an attacker weighs it.
    pub fn variance(self) -> f64 {
        match self {
            Self::Suppression => 1e-6,
            Self::SuppressionRounded => 25.0 / 12.0,
            Self::OneLayer => 3.0,
            Self::TwoLayers => 4.0,
        }
    }
}

/// Half up to a multiple of `base`.
pub fn round(figure: i64, base: i64) -> i64 {
    (2 * figure + base).div_euclid(2 * base) * base
}

/// Noise drawn by a cell's name alone, whoever is in it.
pub fn noise_of_name(count: i64, cell: &Cell) -> i64 {
    let key = u32::try_from(cell.hash() >> 32).unwrap_or(0);
    PTable::d8_v3().look(count, key)
}

/// Noise drawn by the text of a question, as a mechanism without canonical names would.
pub fn noise_of_text(figure: i64, text: &str) -> i64 {
    let hash = text.bytes().fold(7_u64, |hash, byte| mix(hash ^ u64::from(byte)));
    figure + PTable::d8_v3().look(figure, u32::try_from(hash >> 32).unwrap_or(0))
}
