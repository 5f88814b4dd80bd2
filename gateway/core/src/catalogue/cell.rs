//! One name for one group of pupils: what a cell's coordinates imply about each other, from metadata alone.
//!
//! The same group under two names would get two figures, and their difference would tell something. So before
//! a cell is named, an only child becomes its parent and what is implied by another coordinate drops out.

use std::collections::{BTreeMap, BTreeSet};

use super::Catalogue;
use super::dataset::{About, Dataset, Implication};
use super::hierarchy::{Hierarchy, Node};
use super::name::{Dimension, FieldName, Name};

/// A dimension and a code of it.
pub type Coordinate = (Dimension, String);

/// What a set of coordinates names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// A group, by its canonical coordinates in order.
    Named(Vec<Coordinate>),
    /// Nobody, by the catalogue's own definitions: a structural zero.
    Impossible,
}

/// A coordinate whose code is not one of its dimension.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{dimension}` has no such code")]
pub struct UnknownCode {
    /// The dimension.
    pub dimension: Dimension,
}

/// What each coordinate implies about other fields, with all ancestors; closed under implication.
pub(super) type Facts = BTreeMap<Coordinate, BTreeSet<Coordinate>>;

impl Catalogue {
    /// The canonical name of the group with these coordinates: an only child becomes its parent, implied
    /// coordinates drop out, the rest is sorted. The order and repetition of `coordinates` do not matter.
    pub fn cell(&self, coordinates: &[Coordinate]) -> Result<Cell, UnknownCode> {
        let canonical = coordinates
            .iter()
            .map(|one| self.canonical(one))
            .collect::<Result<BTreeSet<_>, _>>()?;
        let facts: Vec<(Coordinate, BTreeSet<Coordinate>)> = canonical
            .into_iter()
            .map(|one| (one.clone(), self.implied_by(&one)))
            .collect();
        let mut known: BTreeMap<&Dimension, &str> = BTreeMap::new();
        for (one, implied) in &facts {
            for (dimension, code) in implied.iter().chain([one]) {
                if *known.entry(dimension).or_insert(code) != code {
                    return Ok(Cell::Impossible);
                }
            }
        }
        let mut kept: Vec<&(Coordinate, BTreeSet<Coordinate>)> = facts.iter().collect();
        for (one, _) in &facts {
            let dropped = kept
                .iter()
                .any(|(other, implied)| other != one && implied.contains(one));
            if dropped {
                kept.retain(|(other, _)| other != one);
            }
        }
        Ok(Cell::Named(
            kept.into_iter().map(|(one, _)| one.clone()).collect(),
        ))
    }

    fn canonical(&self, (dimension, code): &Coordinate) -> Result<Coordinate, UnknownCode> {
        let hierarchy = self.hierarchy_of(&dimension.field);
        let found = hierarchy.and_then(|hierarchy| hierarchy.canonical(&dimension.level, code));
        let (level, node) = found.ok_or_else(|| UnknownCode {
            dimension: dimension.clone(),
        })?;
        Ok((
            Dimension {
                field: dimension.field.clone(),
                level: level.clone(),
            },
            node.code.clone(),
        ))
    }

    /// All that follows from one coordinate: its ancestors, what its dataset declares, and being present.
    fn implied_by(&self, one: &Coordinate) -> BTreeSet<Coordinate> {
        let (dimension, code) = one;
        let mut implied = self.facts.get(one).cloned().unwrap_or_default();
        if let Some(hierarchy) = self.hierarchy_of(&dimension.field) {
            implied.extend(ancestors(hierarchy, dimension, code));
        }
        let dataset = &dimension.field.dataset;
        let about_pupils = self
            .dataset(dataset)
            .is_some_and(|dataset| dataset.about == About::Pupil);
        if about_pupils && dimension.field.field != Name::present() {
            let field = FieldName::new(dataset.clone(), Name::present());
            implied.insert((
                Dimension {
                    field,
                    level: Name::code(),
                },
                "true".to_owned(),
            ));
        }
        implied
    }

    /// The facts of all datasets.
    pub(super) fn facts(&self) -> Facts {
        let mut facts = Facts::new();
        for implication in self
            .datasets()
            .flat_map(|dataset: &Dataset| &dataset.implications)
        {
            self.add(implication, &mut facts);
        }
        close(&mut facts);
        facts
    }

    fn add(&self, implication: &Implication, facts: &mut Facts) {
        let (Some(when), Some(then)) = (
            self.hierarchy_of(&implication.when.field),
            self.hierarchy_of(&implication.then.field),
        ) else {
            return;
        };
        let mut found: BTreeMap<(Name, String), BTreeSet<Coordinate>> = BTreeMap::new();
        for level in &when.levels {
            for node in when.nodes_at(level) {
                let mut implied = shared_by_children(when, level, node, &found);
                if *level == implication.when.level {
                    let pair = implication.pairs.iter().find(|(code, _)| *code == node.code);
                    if let Some((_, code)) = pair {
                        implied.insert((implication.then.clone(), code.clone()));
                        implied.extend(ancestors(then, &implication.then, code));
                    }
                }
                found.insert((level.clone(), node.code.clone()), implied);
            }
        }
        for level in when.levels.iter().rev() {
            for node in when.nodes_at(level) {
                inherit(when, level, node, &mut found);
            }
        }
        for ((level, code), implied) in found.into_iter().filter(|(_, implied)| !implied.is_empty()) {
            let dimension = Dimension {
                field: implication.when.field.clone(),
                level,
            };
            facts.entry((dimension, code)).or_default().extend(implied);
        }
    }
}

/// What all children of a node imply, the node implies.
fn shared_by_children(
    hierarchy: &Hierarchy,
    level: &Name,
    node: &Node,
    found: &BTreeMap<(Name, String), BTreeSet<Coordinate>>,
) -> BTreeSet<Coordinate> {
    let Some(finer) = hierarchy.finer(level) else {
        return BTreeSet::new();
    };
    let mut children = hierarchy.children(level, &node.code).into_iter();
    let implied = |child: &Node| {
        found
            .get(&(finer.clone(), child.code.clone()))
            .cloned()
            .unwrap_or_default()
    };
    let first = children.next().map(implied).unwrap_or_default();
    children.fold(first, |shared, child| &shared & &implied(child))
}

/// What a node implies, its children imply.
fn inherit(
    hierarchy: &Hierarchy,
    level: &Name,
    node: &Node,
    found: &mut BTreeMap<(Name, String), BTreeSet<Coordinate>>,
) {
    let Some(finer) = hierarchy.finer(level) else {
        return;
    };
    let implied = found
        .get(&(level.clone(), node.code.clone()))
        .cloned()
        .unwrap_or_default();
    for child in hierarchy.children(level, &node.code) {
        found
            .entry((finer.clone(), child.code.clone()))
            .or_default()
            .extend(implied.iter().cloned());
    }
}

/// What is implied by something implied is implied.
fn close(facts: &mut Facts) {
    loop {
        let before = facts.clone();
        for implied in facts.values_mut() {
            let further: Vec<_> = implied
                .iter()
                .filter_map(|one| before.get(one))
                .flatten()
                .cloned()
                .collect();
            implied.extend(further);
        }
        if *facts == before {
            return;
        }
    }
}

/// The coarser coordinates that contain a coordinate.
fn ancestors<'h>(
    hierarchy: &'h Hierarchy,
    dimension: &'h Dimension,
    code: &'h str,
) -> impl Iterator<Item = Coordinate> + 'h {
    let coarser = hierarchy
        .levels
        .iter()
        .skip(hierarchy.depth(&dimension.level).map_or(0, |depth| depth + 1));
    coarser.filter_map(|level| {
        let node = hierarchy.ancestor(code, &dimension.level, level)?;
        Some((
            Dimension {
                field: dimension.field.clone(),
                level: level.clone(),
            },
            node.code.clone(),
        ))
    })
}

#[cfg(test)]
mod tests;
