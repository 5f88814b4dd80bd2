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
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;
    use crate::catalogue::tests::shipped;

    fn coordinates(catalogue: &Catalogue, text: &str) -> Vec<Coordinate> {
        let one = |pair: &str| {
            let (dimension, code) = pair.split_once('=').unwrap();
            (catalogue.dimension(dimension).unwrap(), code.to_owned())
        };
        text.split_whitespace().map(one).collect()
    }

    fn named(catalogue: &Catalogue, cell: &Cell) -> String {
        match cell {
            Cell::Impossible => "impossible".to_owned(),
            Cell::Named(coordinates) => {
                let shown = coordinates
                    .iter()
                    .map(|(d, code)| format!("{}={code}", catalogue.display(d)));
                shown.collect::<Vec<_>>().join(" ")
            }
        }
    }

    #[test]
    fn a_group_has_one_name() {
        let catalogue = shipped();
        for (asked, expected) in [
            ("", ""),
            (
                "enrolment.sector=BO enrolment.neighbourhood=WK003401",
                "enrolment.neighbourhood@neighbourhood=WK003401 enrolment.sector@sector=BO",
            ),
            // an ancestor, and a dataset's presence, say nothing more
            (
                "enrolment.neighbourhood@district=ALM-HAVEN enrolment.neighbourhood=WK003401",
                "enrolment.neighbourhood@neighbourhood=WK003401",
            ),
            (
                "enrolment.present=true enrolment.sector=BO",
                "enrolment.sector@sector=BO",
            ),
            (
                "enrolment.present=true resident.present=true",
                "enrolment.present=true resident.present=true",
            ),
            (
                "enrolment.sector=BO enrolment.sector=BO",
                "enrolment.sector@sector=BO",
            ),
            // only children
            (
                "enrolment.neighbourhood=WK003496",
                "enrolment.neighbourhood@district=ALM-PAMPUS",
            ),
            (
                "enrolment.neighbourhood=ELSEWHERE",
                "enrolment.neighbourhood@city=ELSEWHERE",
            ),
            ("enrolment.site=32GE00", "enrolment.site@board=20041"),
            // a site of one sector; a board of which all sites are; an only child by either name
            (
                "enrolment.site=06RM00 enrolment.sector=BO",
                "enrolment.site@site=06RM00",
            ),
            (
                "enrolment.site=06RM00 enrolment.sector@phase=PO",
                "enrolment.site@site=06RM00",
            ),
            (
                "enrolment.site@board=40950 enrolment.sector=BO",
                "enrolment.site@board=40950",
            ),
            (
                "enrolment.site@board=41676 enrolment.sector=BO",
                "enrolment.sector@sector=BO enrolment.site@board=41676",
            ),
            (
                "enrolment.site@board=20041 enrolment.sector=VO",
                "enrolment.site@board=20041",
            ),
            (
                "enrolment.site=30EF00 enrolment.sector=SO",
                "enrolment.sector@sector=SO enrolment.site@site=30EF00",
            ),
            (
                "enrolment.year-group=3 enrolment.sector@phase=PO",
                "enrolment.year-group@year-group=3",
            ),
            (
                "enrolment.year-group=V enrolment.sector=VSO enrolment.sector@phase=VO",
                "enrolment.year-group@phase=SPECIAL-VO",
            ),
            (
                "absence.stay-at-home=true absence.kind=unauthorised absence.present=true",
                "absence.stay-at-home=true",
            ),
            (
                "absence.stay-at-home=false absence.kind=unauthorised",
                "absence.kind=unauthorised absence.stay-at-home=false",
            ),
            // nobody, by definition
            ("enrolment.sector=BO enrolment.sector=VO", "impossible"),
            ("enrolment.sector=BO enrolment.sector@phase=VO", "impossible"),
            ("enrolment.site=06RM00 enrolment.sector=VO", "impossible"),
            ("enrolment.site=06RM00 enrolment.year-group=12", "impossible"),
            ("enrolment.present=false enrolment.sector=BO", "impossible"),
            ("absence.stay-at-home=true absence.kind=authorised", "impossible"),
        ] {
            let cell = catalogue.cell(&coordinates(catalogue, asked)).unwrap();
            assert_eq!(named(catalogue, &cell), expected, "{asked}");
        }
    }

    #[test]
    fn a_code_that_does_not_exist_names_no_cell() {
        let catalogue = shipped();
        let dimension = catalogue.dimension("enrolment.sector").unwrap();
        assert_eq!(
            catalogue.cell(&[(dimension.clone(), "XX".to_owned())]),
            Err(UnknownCode { dimension })
        );
    }

    proptest! {
        #[test]
        fn naming_is_stable_and_ignores_order_and_repetition(
            picks in proptest::collection::vec((select(DIMENSIONS), any::<proptest::sample::Index>()), 1..4)
        ) {
            let catalogue = shipped();
            let mut asked: Vec<Coordinate> = picks.iter().map(|(text, pick)| {
                let dimension = catalogue.dimension(text).unwrap();
                let code = pick.get(&catalogue.codes(&dimension)).code.clone();
                (dimension, code)
            }).collect();
            let cell = catalogue.cell(&asked).unwrap();
            asked.reverse();
            asked.extend(asked.clone());
            prop_assert_eq!(&catalogue.cell(&asked).unwrap(), &cell);
            if let Cell::Named(coordinates) = &cell {
                prop_assert_eq!(&catalogue.cell(coordinates).unwrap(), &cell);
            }
        }
    }

    const DIMENSIONS: &[&str] = &[
        "enrolment.neighbourhood@neighbourhood",
        "enrolment.neighbourhood@district",
        "enrolment.neighbourhood@city",
        "enrolment.site@site",
        "enrolment.site@board",
        "enrolment.sector@sector",
        "enrolment.sector@phase",
        "enrolment.year-group@year-group",
        "enrolment.year-group@phase",
        "enrolment.present",
        "absence.kind",
        "absence.stay-at-home",
        "resident.attends",
    ];
}
