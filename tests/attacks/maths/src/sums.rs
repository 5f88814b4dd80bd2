//! Attacks on sums: of a block and the block without one pupil.

use crate::cell::{Cell, Dimension, NO, Table, block};
use crate::mechanism::Mechanism;
use crate::ptable::PTable;
use crate::world::{BLOCKS, EPOCHS, World};

/// An amount worth knowing: of less, a fifth is little.
const MUCH: i64 = 20;

/// What the difference of two sums tells.
#[derive(Clone, Copy, Debug)]
pub struct Told {
    /// How often the pupil's amount is met within a fifth, among those who have much.
    pub near: f64,
    /// How much more often the sums are equal for who has none than for who has some, in points.
    pub equal: f64,
    /// How many pupils.
    pub pupils: usize,
}

/// Takes the sum of each block without its one pupil from that with them.
pub fn differencing(world: &World, published: &[Table; EPOCHS]) -> Told {
    let (mut near, mut much, mut some, mut none) = (0, 0, 0, 0);
    let mut equal = [0, 0];
    for number in 0..BLOCKS {
        let Some((pupil, table)) = world.lone(number).zip(published.get(number % EPOCHS)) else {
            continue;
        };
        let all = Cell::all().with(Dimension::Place, block(number));
        let (Some(with), Some(without)) = (table.get(&all), table.get(&all.with(Dimension::Lone, NO))) else {
            continue;
        };
        let is_equal = usize::from(with == without);
        if pupil.hours == 0 {
            none += 1;
            equal[0] += is_equal;
        } else {
            some += 1;
            equal[1] += is_equal;
        }
        if pupil.hours >= MUCH {
            much += 1;
            near += usize::from(5 * ((with - without) - pupil.hours).abs() <= pupil.hours);
        }
    }
    let share = |count: usize, of: usize| count as f64 / of.max(1) as f64;
    let [equal_none, equal_some] = equal;
    Told {
        near: share(near, much),
        equal: 100.0 * (share(equal_none, none) - share(equal_some, some)),
        pupils: some + none,
    }
}

/// What a comparison publishes of the blocks' sums.
pub fn publish(world: &World, epoch: usize, mechanism: Mechanism) -> Table {
    let mut sums: std::collections::HashMap<Cell, (Vec<i64>, u32)> = std::collections::HashMap::new();
    for (number, pupil) in world.pupils.iter().enumerate() {
        if !pupil.is_counted(epoch) || pupil.hours == 0 {
            continue;
        }
        let key = world.record_key(number);
        let all = Cell::all().with(Dimension::Place, block(pupil.block));
        let cells = [Some(all), (!pupil.lone).then(|| all.with(Dimension::Lone, NO))];
        for cell in cells.into_iter().flatten() {
            let sum = sums.entry(cell).or_default();
            sum.0.push(pupil.hours);
            sum.1 = sum.1.wrapping_add(key);
        }
    }
    let noise = PTable::d9_v4();
    let shown = sums.into_iter().filter(|(_, (amounts, _))| amounts.len() >= 5);
    let shown = shown.map(|(cell, (amounts, key))| {
        let sum: i64 = amounts.iter().sum();
        let largest = amounts.iter().copied().max().unwrap_or(0);
        let figure = match mechanism {
            Mechanism::SuppressionRounded => super::mechanism::round(sum, 5),
            // As the textbook has it: noise in the size of the largest amount, by the pupils alone.
            Mechanism::OneLayer => sum + largest * noise.look(100, key) / 4,
            Mechanism::Suppression | Mechanism::TwoLayers => sum,
        };
        (cell, figure)
    });
    shown.collect()
}
