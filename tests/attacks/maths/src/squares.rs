//! Least squares over the lattice: every figure that a pupil's block is in, weighed together.

use crate::cell::{Cell, Dimension, NO, Table, YES, block};
use crate::differencing::{has, targets};
use crate::score::area_under_curve;
use crate::world::{EPOCHS, World};

/// The others of a block, and the one pupil.
const UNKNOWN: usize = 2;
const TARGET: usize = 1;

/// The area under the curve of what least squares makes of each pupil's attribute, where the attacker knows all else of
/// everybody: who lives where, and who is alone.
pub fn lattice(world: &World, published: &[Table; EPOCHS], variance: f64) -> (f64, usize) {
    let mut sizes = vec![[0.0, 1.0]; crate::world::BLOCKS];
    for pupil in world.pupils.iter().filter(|pupil| !pupil.lone) {
        if let Some([others, _]) = sizes.get_mut(pupil.block) {
            *others += 1.0;
        }
    }
    let scores: Vec<(f64, bool)> = targets(world)
        .filter_map(|(number, pupil, attribute)| {
            let table = published.get(number % EPOCHS)?;
            let score = posterior(table, number, attribute, sizes.get(number)?, variance)?;
            Some((score, has(pupil, attribute)))
        })
        .collect();
    (area_under_curve(&scores), scores.len())
}

/// The mean of the target's attribute, given all figures of the block, under the normal law.
fn posterior(
    table: &Table,
    number: usize,
    attribute: Dimension,
    sizes: &[f64; UNKNOWN],
    variance: f64,
) -> Option<f64> {
    let mut matrix = [[0.0; UNKNOWN]; UNKNOWN];
    let mut right = [0.0; UNKNOWN];
    for (place, size) in sizes.iter().enumerate() {
        let prior = 4.0 / size;
        *matrix.get_mut(place)?.get_mut(place)? += prior;
        *right.get_mut(place)? += prior * size / 2.0;
    }
    let base = Cell::all().with(Dimension::Place, block(number));
    // Who is in a cell, besides the attribute.
    let cells = [(base, [1.0, 1.0]), (base.with(Dimension::Lone, NO), [1.0, 0.0])];
    for (cell, holds) in cells {
        let size: f64 = sizes.iter().zip(holds).map(|(size, held)| size * held).sum();
        let yes = table.get(&cell.with(attribute, YES)).map(|y| *y as f64);
        let no = table.get(&cell.with(attribute, NO)).map(|y| size - *y as f64);
        for seen in [yes, no].into_iter().flatten() {
            for (row, held) in holds.iter().enumerate() {
                *right.get_mut(row)? += held * seen / variance;
                for (column, beside) in holds.iter().enumerate() {
                    *matrix.get_mut(row)?.get_mut(column)? += held * beside / variance;
                }
            }
        }
    }
    solve(matrix, right)?.get(TARGET).copied()
}

/// Gauss and Jordan, on a matrix that is positive definite.
fn solve(mut matrix: [[f64; UNKNOWN]; UNKNOWN], mut right: [f64; UNKNOWN]) -> Option<[f64; UNKNOWN]> {
    for pivot in 0..UNKNOWN {
        let row = *matrix.get(pivot)?;
        let scale = 1.0 / row.get(pivot)?;
        let value = right.get(pivot)? * scale;
        for other in (0..UNKNOWN).filter(|other| *other != pivot) {
            let factor = *matrix.get(other)?.get(pivot)?;
            for (cell, of_pivot) in matrix.get_mut(other)?.iter_mut().zip(row) {
                *cell -= factor * of_pivot * scale;
            }
            *right.get_mut(other)? -= factor * value;
        }
        for (cell, of_pivot) in matrix.get_mut(pivot)?.iter_mut().zip(row) {
            *cell = of_pivot * scale;
        }
        *right.get_mut(pivot)? = value;
    }
    Some(right)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mechanism::Mechanism;
    use crate::world::Shape;

    #[test]
    fn exact_figures_give_everybody_away() {
        let world = World::generate(5);
        let shapes = Shape::all(
            &[
                Dimension::Lone,
                Dimension::First,
                Dimension::Second,
                Dimension::Third,
            ],
            3,
            &[],
        );
        let published = [0, 1].map(|epoch| {
            let counts = world.count(epoch, &shapes);
            let asked: Vec<Cell> = counts.keys().copied().collect();
            Mechanism::Suppression.publish(&counts, &asked)
        });
        assert!(lattice(&world, &published, 1e-6).0 > 0.99);
    }
}
