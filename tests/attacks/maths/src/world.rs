//! The truth that the attacks are scored against: a city of our own making.

use std::collections::HashMap;

use crate::cell::{ALL, Cell, Dimension, NO, YES, block, quarter};
use crate::random::{Random, mix};

/// Blocks: the finest places.
pub const BLOCKS: usize = 640;
/// Blocks in a quarter.
pub const BLOCKS_PER_QUARTER: usize = 32;
/// Count dates that close.
pub const EPOCHS: usize = 2;
/// How many have each kind.
const KINDS: [f64; 6] = [0.45, 0.25, 0.15, 0.08, 0.05, 0.02];
/// Bands, all as frequent.
const BANDS: u32 = 8;
const CARE: f64 = 0.4;

/// One pupil.
#[derive(Clone, Debug)]
pub struct Pupil {
    /// The block where the pupil lives.
    pub block: usize,
    /// Whether the pupil is alone in a binary split of the block, and moves between the epochs.
    pub lone: bool,
    /// First to sixth.
    pub attributes: [bool; 6],
    /// 1 to 6.
    pub kind: u16,
    /// 1 to 8.
    pub band: u16,
    /// Sensitive.
    pub care: bool,
    /// An amount: half have none, a few have much.
    pub hours: i64,
}

impl Pupil {
    /// Whether the pupil is counted at an epoch: who is alone leaves after the first in even blocks, and comes for
    /// the second in odd ones.
    pub fn is_counted(&self, epoch: usize) -> bool {
        !self.lone || self.block % EPOCHS == epoch
    }

    fn code(&self, dimension: Dimension) -> u16 {
        let of = |yes: bool| if yes { YES } else { NO };
        let [first, second, third, fourth, fifth, sixth] = self.attributes;
        match dimension {
            Dimension::Place => block(self.block),
            Dimension::Lone => of(self.lone),
            Dimension::First => of(first),
            Dimension::Second => of(second),
            Dimension::Third => of(third),
            Dimension::Fourth => of(fourth),
            Dimension::Fifth => of(fifth),
            Dimension::Sixth => of(sixth),
            Dimension::Kind => self.kind,
            Dimension::Band => self.band,
            Dimension::Care => of(self.care),
        }
    }
}

/// The shape of a table: how places are grouped, and which other dimensions are crossed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Shape {
    /// The level of places.
    pub places: Places,
    /// The other dimensions.
    pub crossed: Vec<Dimension>,
    /// Nodes that hold for every cell.
    pub fixed: Vec<(Dimension, u16)>,
}

/// A level of places.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Places {
    /// Not crossed.
    All,
    /// 20 of them.
    Quarters,
    /// 640 of them.
    Blocks,
}

impl Shape {
    /// Every shape over these dimensions with at most `most` of them crossed, places counting as one.
    pub fn all(others: &[Dimension], most: usize, fixed: &[(Dimension, u16)]) -> Vec<Self> {
        let mut subsets: Vec<Vec<Dimension>> = vec![Vec::new()];
        for dimension in others {
            let wider: Vec<_> = subsets
                .iter()
                .map(|subset| subset.iter().copied().chain([*dimension]).collect())
                .collect();
            subsets.extend(wider);
        }
        let mut shapes = Vec::new();
        for places in [Places::All, Places::Quarters, Places::Blocks] {
            let room = most - usize::from(places != Places::All);
            let fitting = subsets.iter().filter(|subset| subset.len() <= room);
            shapes.extend(fitting.map(|subset| Self {
                places,
                crossed: subset.clone(),
                fixed: fixed.to_vec(),
            }));
        }
        shapes
    }

    /// The cell of this shape that a pupil is in; none where the pupil is outside what is fixed.
    pub fn cell_of(&self, pupil: &Pupil) -> Option<Cell> {
        if self
            .fixed
            .iter()
            .any(|(dimension, code)| pupil.code(*dimension) != *code)
        {
            return None;
        }
        let place = match self.places {
            Places::All => ALL,
            Places::Quarters => quarter(pupil.block / BLOCKS_PER_QUARTER),
            Places::Blocks => block(pupil.block),
        };
        let cell = self.fixed.iter().fold(
            Cell::all().with(Dimension::Place, place),
            |cell, (dimension, code)| cell.with(*dimension, *code),
        );
        let crossed = self.crossed.iter();
        Some(crossed.fold(cell, |cell, dimension| {
            cell.with(*dimension, pupil.code(*dimension))
        }))
    }
}

/// All pupils.
#[derive(Clone, Debug)]
pub struct World {
    /// What it was made from.
    pub seed: u64,
    /// In the order in which they are delivered.
    pub pupils: Vec<Pupil>,
}

/// How many are in each cell, and the sum of their record keys.
pub type Counts = HashMap<Cell, (i64, u32)>;

impl World {
    /// The world of a seed.
    pub fn generate(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let mut pupils = Vec::new();
        for block in 0..BLOCKS {
            let others = 49 + random.below(12);
            let exceptions = planted(block);
            for number in 0..=others {
                let mut coin = || random.chance(0.5);
                let mut attributes = [coin(), coin(), coin(), coin(), coin(), coin()];
                if let Some(exceptions) = exceptions {
                    // The lone pupil, who comes last, is never an exception.
                    attributes[3] = number >= exceptions;
                }
                pupils.push(Pupil {
                    block,
                    lone: number == others,
                    attributes,
                    kind: 1 + random.weighted(&KINDS),
                    band: 1 + u16::try_from(random.below(BANDS)).unwrap_or(0),
                    care: random.chance(CARE),
                    hours: amount(&mut random),
                });
            }
        }
        Self { seed, pupils }
    }

    /// True counts of every cell of these shapes that somebody is in.
    pub fn count(&self, epoch: usize, shapes: &[Shape]) -> Counts {
        let mut counts = Counts::new();
        for (number, pupil) in self.pupils.iter().enumerate() {
            if !pupil.is_counted(epoch) {
                continue;
            }
            let key = self.record_key(number);
            for cell in shapes.iter().filter_map(|shape| shape.cell_of(pupil)) {
                let count = counts.entry(cell).or_default();
                count.0 += 1;
                count.1 = count.1.wrapping_add(key);
            }
        }
        counts
    }

    /// A comparison's own record key: the same pupil has the same in every epoch.
    pub(crate) fn record_key(&self, pupil: usize) -> u32 {
        u32::try_from(mix(self.seed ^ mix(pupil as u64)) >> 32).unwrap_or(0)
    }

    /// The pupil who is alone in a block, with the place in the list.
    pub fn lone(&self, block: usize) -> Option<&Pupil> {
        self.pupils
            .iter()
            .find(|pupil| pupil.lone && pupil.block == block)
    }
}

/// None for half; for the others 1 to 40, and for one in twenty five times that.
fn amount(random: &mut Random) -> i64 {
    if random.chance(0.5) {
        return 0;
    }
    let times = if random.chance(0.05) { 5 } else { 1 };
    i64::from(times * (1 + random.below(40)))
}

/// In some blocks nearly all have the fourth attribute: how many have not, 0 to 3.
pub fn planted(block: usize) -> Option<u32> {
    (block % 8 < 3).then(|| u32::try_from(block / 8 % 4).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_world_has_what_the_attacks_need() {
        let world = World::generate(1);
        assert!(
            (34_000..37_000).contains(&world.pupils.len()),
            "{}",
            world.pupils.len()
        );
        let small = Shape::all(&[Dimension::Kind, Dimension::Band], 3, &[]);
        let counts = world.count(0, &small);
        let few = counts.values().filter(|(n, _)| (1..5).contains(n)).count();
        assert!(few >= 10_000, "{few}");
        let five = counts.values().filter(|(n, _)| *n == 5).count();
        assert!(five > 1_000, "{five}");
        let total: i64 = counts
            .iter()
            .filter(|(cell, _)| cell.code(Dimension::Kind) == ALL && cell.code(Dimension::Place) >= block(0))
            .filter(|(cell, _)| cell.code(Dimension::Band) == ALL)
            .map(|(_, (n, _))| n)
            .sum();
        assert_eq!(total, counts[&Cell::all()].0);
    }
}
