//! Fields that repeat each other in a snapshot without the catalogue saying so.
//!
//! Where the code of one dimension decides that of another, a cell has a second name, and with it a second draw of
//! noise: two figures of the same pupils, whose mean is better than either. What the catalogue declares drops out of a
//! cell's name; what it does not declare is looked for here, and the second names are not released.
//!
//! Only whole dimensions are held against each other. One node whose pupils happen to share a code is what figures are
//! about, and to refuse it would tell exactly that.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalogue::{Catalogue, Coordinate, Dimension, FieldName};
use crate::figures::cell_id::CellId;
use crate::figures::snapshot::Snapshot;

use super::part::{Part, levels};

/// How many pupils each of two codes needs before a pattern counts: among fewer it may be chance, and to tell of it
/// would tell of them.
const EVIDENCE_PUPILS_MIN: i64 = 50;
/// How many pupils a pair of codes needs to be evidence: fewer are hidden, so they have no second figure.
const PAIR_PUPILS_MIN: i64 = 10;

/// A dimension that another decides. It names no code and no number: those would name a cell.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Undeclared {
    /// What is decided, and refused.
    pub repeated: Dimension,
    /// What decides it.
    pub by: Dimension,
    /// Whether each decides the other: then the repeated one is refused in every cell, not only beside the other.
    pub mutual: bool,
}

/// The names that are not released.
#[derive(Debug, Default)]
pub(super) struct Refused {
    /// Refused in every cell.
    alone: BTreeSet<String>,
    /// Refused beside one of these.
    beside: BTreeMap<String, BTreeSet<String>>,
}

impl Refused {
    pub(super) fn new(catalogue: &Catalogue, found: &BTreeSet<Undeclared>) -> Self {
        let mut refused = Self::default();
        for Undeclared { repeated, by, mutual } in found {
            if *mutual {
                refused.alone.insert(repeated.to_string());
            } else {
                // What a node decides, its children decide.
                let finer = catalogue.depth(by).unwrap_or_default();
                let all = catalogue.hierarchy_of(&by.field).map(|one| one.levels.as_slice());
                let deciding = all.unwrap_or_default().iter().take(finer + 1).map(|level| {
                    let field = by.field.clone();
                    let level = level.clone();
                    Dimension { field, level }.to_string()
                });
                refused
                    .beside
                    .entry(repeated.to_string())
                    .or_default()
                    .extend(deciding);
            }
        }
        refused
    }

    /// Whether the cell is a second name of pupils who have another.
    pub(super) fn has(&self, cell: &CellId) -> bool {
        let named = || cell.dimensions().iter().map(|(dimension, _)| dimension);
        named().any(|dimension| {
            self.alone.contains(dimension)
                || self
                    .beside
                    .get(dimension)
                    .is_some_and(|deciding| named().any(|other| deciding.contains(other)))
        })
    }
}

/// Every dimension of these parts that another one decides in the snapshot, and the catalogue does not say so.
pub(super) fn undeclared(
    catalogue: &Catalogue,
    parts: &BTreeSet<Part>,
    snapshot: &Snapshot,
) -> BTreeSet<Undeclared> {
    let dimensions = dimensions(catalogue, parts);
    let mut found = BTreeSet::new();
    let fields: BTreeSet<_> = dimensions.iter().map(|dimension| &dimension.field).collect();
    for (position, first) in fields.iter().enumerate() {
        for second in fields.iter().skip(position + 1) {
            let pairs = finest_pairs(snapshot, first, second);
            let of = |field: &'_ FieldName| {
                let field = field.clone();
                dimensions.iter().filter(move |one| one.field == field)
            };
            for one in of(first) {
                for other in of(second) {
                    found.extend(Compared::new(catalogue, one, other, &pairs).verdict());
                }
            }
        }
    }
    found
}

/// All dimensions that a cell of the parts may name.
fn dimensions(catalogue: &Catalogue, parts: &BTreeSet<Part>) -> BTreeSet<Dimension> {
    let mut dimensions = BTreeSet::new();
    for part in parts {
        dimensions.insert(Dimension::present(&part.base));
        dimensions.extend(part.only.iter().map(|(dimension, _)| dimension.clone()));
        for granted in &part.free {
            let levels = levels(catalogue, part.sensitive, granted).into_iter();
            dimensions.extend(levels.map(|level| Dimension {
                field: granted.field.clone(),
                level,
            }));
        }
    }
    dimensions
}

/// A code of each of two fields, and how many pupils have both.
type Pair<'s> = (Option<&'s str>, Option<&'s str>, i64);

/// At the fields' finest levels.
fn finest_pairs<'s>(snapshot: &'s Snapshot, first: &FieldName, second: &FieldName) -> Vec<Pair<'s>> {
    let text = |codes: &'s [String], number: Option<u32>| {
        let number = usize::try_from(number?).ok()?;
        codes.get(number).map(String::as_str)
    };
    let groups = snapshot.group(&[first.clone(), second.clone()], &[], &[]);
    let pairs = groups.groups.iter().map(|group| {
        let number = |place: usize| group.codes.get(place).copied().flatten();
        let first = text(snapshot.codes(first), number(0));
        (first, text(snapshot.codes(second), number(1)), group.pupils)
    });
    pairs.collect()
}

/// Two dimensions, and how many pupils each pair of their codes has.
struct Compared<'c> {
    catalogue: &'c Catalogue,
    one: &'c Dimension,
    other: &'c Dimension,
    pupils: BTreeMap<(Option<&'c str>, Option<&'c str>), i64>,
}

impl<'c> Compared<'c> {
    fn new(catalogue: &'c Catalogue, one: &'c Dimension, other: &'c Dimension, pairs: &[Pair<'c>]) -> Self {
        let mut pupils = BTreeMap::new();
        for (first, second, number) in pairs {
            let raised = |dimension: &'c Dimension, code: Option<&'c str>| {
                catalogue.ancestor_of_finest(&dimension.field, code?, &dimension.level)
            };
            *pupils
                .entry((raised(one, *first), raised(other, *second)))
                .or_default() += *number;
        }
        Self {
            catalogue,
            one,
            other,
            pupils,
        }
    }

    fn verdict(&self) -> Option<Undeclared> {
        let forward: Vec<Pair<'_>> = self
            .pupils
            .iter()
            .map(|((one, other), n)| (*one, *other, *n))
            .collect();
        let backward: Vec<Pair<'_>> = forward.iter().map(|(one, other, n)| (*other, *one, *n)).collect();
        let found = |repeated: &Dimension, by: &Dimension, mutual| {
            Some(Undeclared {
                repeated: repeated.clone(),
                by: by.clone(),
                mutual,
            })
        };
        match (decides(&forward), decides(&backward)) {
            (true, true) if self.has_two_names(&forward, |one, other| (vec![one], vec![other])) => {
                found(self.other, self.one, true)
            }
            (true, _) if self.has_two_names(&forward, |one, other| (vec![one.clone()], vec![one, other])) => {
                found(self.other, self.one, false)
            }
            (_, true)
                if self.has_two_names(&forward, |one, other| (vec![other.clone()], vec![one, other])) =>
            {
                found(self.one, self.other, false)
            }
            _ => None,
        }
    }

    /// Whether the catalogue gives two groups of coordinates, of the same pupils, different names.
    fn has_two_names(
        &self,
        pairs: &[Pair<'_>],
        names: impl Fn(Coordinate, Coordinate) -> (Vec<Coordinate>, Vec<Coordinate>),
    ) -> bool {
        pairs.iter().any(|(one, other, pupils)| {
            let (Some(one), Some(other), true) = (one, other, *pupils >= PAIR_PUPILS_MIN) else {
                return false;
            };
            let one = (self.one.clone(), (*one).to_owned());
            let other = (self.other.clone(), (*other).to_owned());
            let (first, second) = names(one, other);
            self.catalogue.cell(&first) != self.catalogue.cell(&second)
        })
    }
}

/// Whether the first code of each pair decides the second, for at least two second codes with enough pupils each. Where
/// all have the same code, nothing is decided by anything.
fn decides(pairs: &[Pair<'_>]) -> bool {
    let mut decided: BTreeMap<&str, Option<&str>> = BTreeMap::new();
    let mut evidence: BTreeMap<&str, i64> = BTreeMap::new();
    for (first, second, pupils) in pairs {
        let Some(first) = first else { continue };
        if *decided.entry(first).or_insert(*second) != *second {
            return false;
        }
        if let Some(second) = second
            && *pupils >= PAIR_PUPILS_MIN
        {
            *evidence.entry(second).or_default() += pupils;
        }
    }
    let enough = evidence.values().filter(|pupils| **pupils >= EVIDENCE_PUPILS_MIN);
    enough.count() >= 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::snapshot::{Layout, PupilKeys};
    use crate::fixture::{dimension, field, name, policies};

    const CROSSED: [&str; 2] = ["enrolment.neighbourhood", "resident.neighbourhood"];

    fn part(free: &[&str]) -> Part {
        Part {
            base: name("enrolment"),
            only: Vec::new(),
            free: free.iter().map(|text| dimension(text)).collect(),
            dimensions_max: 2,
            sensitive: false,
            pupils: true,
            amounts: Vec::new(),
            bins: Vec::new(),
        }
    }

    /// As many pupils with these codes.
    fn snapshot(pupils: &[(&str, &str, usize)]) -> Snapshot {
        let mut snapshot = Snapshot::new(Layout {
            fields: CROSSED.iter().map(|text| field(text)).collect(),
            amounts: Vec::new(),
        });
        for (first, second, number) in pupils {
            let code = |code: &'static str| (!code.is_empty()).then_some(code);
            for _ in 0..*number {
                let codes = [*first, *second].map(|text| text.to_owned().leak() as &'static str);
                snapshot.push(PupilKeys::default(), codes.map(code), []);
            }
        }
        snapshot
    }

    fn found(pupils: &[(&str, &str, usize)]) -> Vec<(String, bool)> {
        let catalogue = &policies().catalogue;
        let parts = BTreeSet::from([part(&CROSSED)]);
        let found = undeclared(catalogue, &parts, &snapshot(pupils));
        let finest = |one: &&Undeclared| {
            one.by.level.as_str() == "neighbourhood" && one.repeated.level == one.by.level
        };
        found
            .iter()
            .filter(finest)
            .map(|one| (one.repeated.field.to_string(), one.mutual))
            .collect()
    }

    #[test]
    fn a_field_that_repeats_another_is_found() {
        let repeated = [("WK003401", "WK003411", 60), ("WK003402", "WK003402", 60)];
        assert_eq!(found(&repeated), [("resident.neighbourhood".to_owned(), true)]);
    }

    #[test]
    fn what_one_field_decides_is_found_in_either_direction() {
        let decided = [
            ("WK003401", "WK003411", 60),
            ("WK003402", "WK003402", 60),
            ("WK003404", "WK003402", 60),
        ];
        assert_eq!(found(&decided), [("resident.neighbourhood".to_owned(), false)]);
        let other_way = decided.map(|(one, other, pupils)| (other, one, pupils));
        assert_eq!(found(&other_way), [("enrolment.neighbourhood".to_owned(), false)]);
    }

    #[test]
    fn a_pattern_of_few_or_with_one_exception_is_none() {
        let few = [("WK003401", "WK003411", 49), ("WK003402", "WK003402", 60)];
        assert_eq!(found(&few), []);
        let repeated = [("WK003401", "WK003411", 60), ("WK003402", "WK003402", 60)];
        let exceptions = [("WK003401", "WK003402", 1), ("WK003402", "WK003411", 1)];
        assert_eq!(found(&[repeated, exceptions].concat()), []);
        let without = [("WK003401", "", 1), ("WK003402", "", 1)];
        assert_eq!(
            found(&[repeated, without].concat()),
            [("enrolment.neighbourhood".to_owned(), false)]
        );
    }

    #[test]
    fn one_code_for_everybody_is_none() {
        assert_eq!(
            found(&[("WK003401", "WK003411", 60), ("WK003402", "WK003411", 60)]),
            []
        );
    }

    #[test]
    fn second_names_are_refused_and_first_ones_are_not() {
        let catalogue = &policies().catalogue;
        let cell = |dimensions: &[(&str, &str)]| {
            let of = |(text, code): &(&str, &str)| (dimension(text), (*code).to_owned());
            CellId::new(
                catalogue,
                &name("enrolment"),
                &dimensions.iter().map(of).collect::<Vec<_>>(),
            )
            .unwrap()
        };
        let one = |mutual| {
            BTreeSet::from([Undeclared {
                repeated: dimension("resident.neighbourhood"),
                by: dimension("enrolment.neighbourhood"),
                mutual,
            }])
        };
        let first = cell(&[("enrolment.neighbourhood", "WK003401")]);
        let second = cell(&[("resident.neighbourhood", "WK003402")]);
        let both = cell(&[
            ("enrolment.neighbourhood", "WK003401"),
            ("resident.neighbourhood", "WK003402"),
        ]);
        let refused = |mutual| {
            let refused = Refused::new(catalogue, &one(mutual));
            [&first, &second, &both].map(|cell| refused.has(cell))
        };
        assert_eq!(refused(true), [false, true, true]);
        assert_eq!(refused(false), [false, false, true]);
    }
}
