//! Who knows everything of everybody but one bit of one pupil, and every table of noise.

use std::collections::HashMap;

use crate::cell::{Cell, Dimension, NO, Table, YES, block};
use crate::mechanism::Mechanism;
use crate::ptable::PTable;
use crate::score::phi;
use crate::world::{Counts, EPOCHS, Pupil, Shape, World};

/// How a figure came about, as the attacker knows it.
pub struct Law {
    layers: (PTable, PTable),
    shows: Box<dyn Fn(i64, i64) -> Option<i64>>,
    alone: HashMap<i64, HashMap<Option<i64>, f64>>,
    twice: HashMap<i64, HashMap<[Option<i64>; 2], f64>>,
}

/// One in so many of those who are not alone is a target.
const EVERY: usize = 11;
/// Never nothing: an attacker is never surer than this.
const LEAST: f64 = 1e-9;

impl Law {
    /// The law of a mechanism for figures of the class `normal`.
    pub fn of(mechanism: Mechanism) -> Self {
        Self::new(mechanism.layers(), move |count, noisy| {
            mechanism.shows(count, noisy)
        })
    }

    /// The law of ours for figures of the class `sensitive`.
    pub fn sensitive() -> Self {
        Self::new((PTable::d9_v4(), PTable::d16_v12()), |count, noisy| {
            (count >= 5 && noisy >= 15).then_some(noisy)
        })
    }

    fn new(layers: (PTable, PTable), shows: impl Fn(i64, i64) -> Option<i64> + 'static) -> Self {
        Self {
            layers,
            shows: Box::new(shows),
            alone: HashMap::new(),
            twice: HashMap::new(),
        }
    }

    /// How likely a figure is for a cell of so many.
    fn likelihood(&mut self, count: i64, seen: Option<i64>) -> f64 {
        let (layers, shows) = (&self.layers, &self.shows);
        let law = self.alone.entry(count).or_insert_with(|| {
            let mut law = HashMap::new();
            for (v1, p1) in layers.0.law(count) {
                for (v2, p2) in layers.1.law(count + v1) {
                    *law.entry(shows(count, count + v1 + v2)).or_default() += p1 * p2;
                }
            }
            law
        });
        law.get(&seen).copied().unwrap_or(0.0).max(LEAST)
    }

    /// How likely two figures of the very same pupils under two names are: they share the first layer.
    fn shared(&mut self, count: i64, seen: [Option<i64>; 2]) -> f64 {
        let (layers, shows) = (&self.layers, &self.shows);
        let law = self.twice.entry(count).or_insert_with(|| {
            let mut law = HashMap::new();
            for (v1, p1) in layers.0.law(count) {
                let second = layers.1.law(count + v1);
                for (one, p2) in &second {
                    for (other, p3) in &second {
                        let shown = [one, other].map(|v2| shows(count, count + v1 + v2));
                        *law.entry(shown).or_default() += p1 * p2 * p3;
                    }
                }
            }
            law
        });
        law.get(&seen).copied().unwrap_or(0.0).max(LEAST)
    }
}

/// What is asked of each pupil who is alone in a split of a block.
pub struct Question<'a> {
    /// The bit.
    pub attribute: Dimension,
    /// Whether the pupil has it.
    pub has: fn(&Pupil) -> bool,
    /// Every table in which the attribute is crossed or fixed.
    pub shapes: &'a [Shape],
    /// Whether the tables show those without the attribute too.
    pub both_sides: bool,
}

impl Question<'_> {
    /// Cells that depend on one pupil's bit: on one side, or on both.
    pub fn cells(&self) -> usize {
        self.shapes.len() * (1 + usize::from(self.both_sides))
    }

    /// Φ(½·√(C/V)).
    pub fn bound(&self, variance: f64) -> f64 {
        phi(0.5 * (self.cells() as f64 / variance).sqrt())
    }

    /// The balanced accuracy of the likelihood ratio over all cells, shown and hidden, with the noise that the same
    /// pupils share under two names.
    pub fn attack(
        &self,
        world: &World,
        counts: &[Counts; EPOCHS],
        published: &[Table; EPOCHS],
        law: &mut Law,
    ) -> (f64, usize) {
        let mut right = [[0.0, 0.0]; 2];
        for (epoch, (counts, table)) in counts.iter().zip(published).enumerate() {
            // Everybody is a target; a part of them is enough.
            let targets =
                world.pupils.iter().enumerate().filter(|(place, pupil)| {
                    pupil.is_counted(epoch) && (pupil.lone || place % EVERY == epoch)
                });
            for (_, pupil) in targets {
                let truth = (self.has)(pupil);
                let ratio: f64 = self
                    .shapes
                    .iter()
                    .map(|shape| self.ratio(shape, pupil, counts, table, law))
                    .sum();
                if let Some([hits, all]) = right.get_mut(usize::from(truth)) {
                    *all += 1.0;
                    *hits += if ratio == 0.0 {
                        0.5
                    } else {
                        f64::from(u8::from((ratio > 0.0) == truth))
                    };
                }
            }
        }
        let [no, yes] = right.map(|[hits, all]| hits / all);
        let cases = right.iter().map(|[_, all]| *all as usize).sum();
        (f64::midpoint(no, yes), cases)
    }

    fn ratio(&self, shape: &Shape, pupil: &Pupil, counts: &Counts, table: &Table, law: &mut Law) -> f64 {
        let truth = (self.has)(pupil);
        let mut known = pupil.clone();
        // The cell of the pupil, whatever the bit is: the code of the attribute is set below.
        known.care = true;
        let Some(cell) = shape.cell_of(&known) else {
            return 0.0;
        };
        let sides: &[u16] = if self.both_sides { &[YES, NO] } else { &[YES] };
        let mut ratio = 0.0;
        for side in sides {
            let cell = cell.with(self.attribute, *side);
            let here = truth == (*side == YES);
            let others = counts.get(&cell).map_or(0, |(n, _)| *n) - i64::from(here);
            let seen = table.get(&cell).copied();
            let is_plain = shape.crossed.iter().all(|crossed| *crossed == self.attribute);
            let (with, without) = Self::pair(&cell, pupil, others, seen, is_plain, table, law);
            ratio += if *side == YES {
                (with / without).ln()
            } else {
                (without / with).ln()
            };
        }
        ratio
    }

    /// How likely it is that the pupil is in the cell, and that not.
    fn pair(
        cell: &Cell,
        pupil: &Pupil,
        others: i64,
        seen: Option<i64>,
        is_plain: bool,
        table: &Table,
        law: &mut Law,
    ) -> (f64, f64) {
        let is_block = cell.code(Dimension::Place) == block(pupil.block);
        if pupil.lone && is_block && is_plain {
            let beside = table.get(&cell.with(Dimension::Lone, NO)).copied();
            let with = law.likelihood(others + 1, seen) * law.likelihood(others, beside);
            return (with, law.shared(others, [seen, beside]));
        }
        (law.likelihood(others + 1, seen), law.likelihood(others, seen))
    }
}
