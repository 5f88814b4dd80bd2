//! Attacks by the difference of two figures: of a block and the block without one pupil, of two count dates.

use crate::cell::{Cell, Dimension, NO, Table, YES, block};
use crate::score::{Case, balanced_accuracy};
use crate::world::{BLOCKS, EPOCHS, Pupil, World};

/// The attributes that are asked after, each half of the pupils'.
pub const ATTRIBUTES: [Dimension; 3] = [Dimension::First, Dimension::Second, Dimension::Third];

/// Whether a pupil has one of [`ATTRIBUTES`].
pub fn has(pupil: &Pupil, attribute: Dimension) -> bool {
    let [first, second, third, ..] = pupil.attributes;
    match attribute {
        Dimension::First => first,
        Dimension::Second => second,
        _ => third,
    }
}

/// All pupils who are alone in a split of their block, with an attribute that an attacker wants to know.
pub fn targets(world: &World) -> impl Iterator<Item = (usize, &Pupil, Dimension)> {
    (0..BLOCKS)
        .filter_map(|number| Some((number, world.lone(number)?)))
        .flat_map(|(number, pupil)| ATTRIBUTES.map(|attribute| (number, pupil, attribute)))
}

fn difference(one: Option<&i64>, other: Option<&i64>) -> Option<i64> {
    Some(one? - other?)
}

/// The block with the attribute, less the same without the one pupil: is it one more?
pub fn differencing(world: &World, published: &[Table; EPOCHS]) -> (f64, usize) {
    let cases = targets(world).filter_map(|(number, pupil, attribute)| {
        let table = published.get(number % EPOCHS)?;
        let with = Cell::all()
            .with(Dimension::Place, block(number))
            .with(attribute, YES);
        let without = with.with(Dimension::Lone, NO);
        let seen = vec![difference(table.get(&with), table.get(&without))];
        Some(Case {
            seen,
            truth: has(pupil, attribute),
        })
    });
    balanced_accuracy(&cases.collect::<Vec<_>>())
}

/// The same by Denning's tracker: what is asked is padded, and taken off again on two ways.
pub fn tracker(world: &World, published: &[Table; EPOCHS]) -> (f64, usize) {
    let cases = targets(world).filter_map(|(number, pupil, attribute)| {
        let table = published.get(number % EPOCHS)?;
        let all = Cell::all().with(Dimension::Place, block(number));
        let but_one = |cell: Cell| cell.with(Dimension::Lone, NO);
        let yes = |cell: Cell| table.get(&cell.with(attribute, YES));
        let rest = |cell: Cell| difference(table.get(&cell), table.get(&cell.with(attribute, NO)));
        let padded = difference(rest(all).as_ref(), rest(but_one(all)).as_ref());
        let seen = vec![difference(yes(all), yes(but_one(all))), padded];
        Some(Case {
            seen,
            truth: has(pupil, attribute),
        })
    });
    balanced_accuracy(&cases.collect::<Vec<_>>())
}

/// One pupil comes or leaves between two count dates, all others stay: had they the attribute?
pub fn arrival(world: &World, published: &[Table; EPOCHS]) -> (f64, usize) {
    let [before, after] = published;
    let cases = targets(world).map(|(number, pupil, attribute)| {
        let cell = Cell::all()
            .with(Dimension::Place, block(number))
            .with(attribute, YES);
        let (with, without) = if number % EPOCHS == 0 {
            (before, after)
        } else {
            (after, before)
        };
        let seen = vec![difference(with.get(&cell), without.get(&cell))];
        Case {
            seen,
            truth: has(pupil, attribute),
        }
    });
    balanced_accuracy(&cases.collect::<Vec<_>>())
}
