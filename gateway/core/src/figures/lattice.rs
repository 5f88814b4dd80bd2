//! The closed lattice: every way in which a grant's dimensions may be crossed, and no other.
//!
//! A *cuboid* is a set of dimensions, each at one level: the shape of a table. Its cells are the combinations of
//! nodes at those levels. A dimension at *all* is not in the set; the empty cuboid is the grand total. Grouping
//! by a dimension and filtering on it reach cells of the same cuboid.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use thiserror::Error;

/// The most cuboids of one grant. Each is a pass over the snapshot when an epoch closes.
pub const CUBOIDS_MAX: usize = 10_000;

/// One dimension of a grant. `F` names the field, `L` a level: text, or the catalogue's names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LatticeDimension<F, L> {
    /// The field.
    pub field: F,
    /// The levels that may be asked, finest first, without *all* (which always may).
    pub levels: Vec<L>,
    /// Whether it says where: one such dimension does not count towards the limit.
    pub geography: bool,
}

/// Dimensions, each at one level, sorted by field. The shape of one table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cuboid<F, L> {
    dimensions: Vec<(F, L)>,
}

impl<F, L> Cuboid<F, L> {
    /// The crossed dimensions; those that the grant fixes are not among them.
    pub fn dimensions(&self) -> &[(F, L)] {
        &self.dimensions
    }
}

/// What one figures grant may be asked.
#[derive(Clone, Debug)]
pub struct Lattice<F, L> {
    free: BTreeMap<F, (Vec<L>, bool)>,
    fixed: BTreeMap<F, (L, String)>,
    dimensions_max: usize,
}

impl<F: Ord + Clone, L: Ord + Clone> Lattice<F, L> {
    /// The lattice of `free` dimensions, of which at most `dimensions_max` are crossed (not counting one
    /// geography), all within `fixed`: the nodes that every cell of the grant has (its base, its `only`).
    /// Errors when a field occurs twice.
    pub fn new(
        free: impl IntoIterator<Item = LatticeDimension<F, L>>,
        fixed: impl IntoIterator<Item = (F, L, String)>,
        dimensions_max: u8,
    ) -> Result<Self, LatticeError<F>> {
        let mut lattice = Self {
            free: BTreeMap::new(),
            fixed: BTreeMap::new(),
            dimensions_max: dimensions_max.into(),
        };
        for (field, level, code) in fixed {
            match lattice.fixed.entry(field) {
                Entry::Vacant(entry) => _ = entry.insert((level, code)),
                Entry::Occupied(entry) => return Err(LatticeError::FieldTwice(entry.key().clone())),
            }
        }
        for LatticeDimension {
            field,
            levels,
            geography,
        } in free
        {
            if lattice.free.contains_key(&field) || lattice.fixed.contains_key(&field) {
                return Err(LatticeError::FieldTwice(field));
            }
            lattice.free.insert(field, (levels, geography));
        }
        Ok(lattice)
    }

    /// The nodes that every cell has: field, level, code; sorted by field.
    pub fn fixed(&self) -> impl Iterator<Item = (&F, &L, &str)> {
        self.fixed
            .iter()
            .map(|(field, (level, code))| (field, level, code.as_str()))
    }

    /// Every cuboid, each once: fewest dimensions first, then by field and level. Errors when there are more
    /// than [`CUBOIDS_MAX`].
    pub fn cuboids(&self) -> Result<Vec<Cuboid<F, L>>, LatticeError<F>> {
        let mut crossed: Vec<Vec<(F, L)>> = vec![Vec::new()];
        for (field, (levels, _)) in &self.free {
            let mut wider = Vec::new();
            for dimensions in crossed
                .iter()
                .filter(|dimensions| self.has_room(dimensions, field))
            {
                wider.extend(levels.iter().map(|level| with(dimensions, field, level)));
            }
            crossed.append(&mut wider);
            if crossed.len() > CUBOIDS_MAX {
                return Err(LatticeError::TooManyCuboids);
            }
        }
        crossed.sort_by(|a, b| a.len().cmp(&b.len()).then_with(|| a.cmp(b)));
        crossed.dedup();
        Ok(crossed
            .into_iter()
            .map(|dimensions| Cuboid { dimensions })
            .collect())
    }

    /// The cuboid of a question that names `asked`, by grouping or by filtering. Errors say what is not granted.
    pub fn cuboid(
        &self,
        asked: impl IntoIterator<Item = (F, L)>,
    ) -> Result<Cuboid<F, L>, NotInLattice<F, L>> {
        let mut dimensions: BTreeMap<F, L> = BTreeMap::new();
        for (field, level) in asked {
            let (levels, _) = self
                .free
                .get(&field)
                .ok_or_else(|| NotInLattice::UnknownField(field.clone()))?;
            if !levels.contains(&level) {
                return Err(NotInLattice::LevelNotGranted(field, level));
            }
            if dimensions.contains_key(&field) {
                return Err(NotInLattice::FieldTwice(field));
            }
            dimensions.insert(field, level);
        }
        let dimensions: Vec<(F, L)> = dimensions.into_iter().collect();
        if self.counted(dimensions.iter().map(|(field, _)| field)) > self.dimensions_max {
            return Err(NotInLattice::TooManyDimensions {
                max: self.dimensions_max,
            });
        }
        Ok(Cuboid { dimensions })
    }

    fn has_room(&self, dimensions: &[(F, L)], field: &F) -> bool {
        let fields = dimensions.iter().map(|(field, _)| field).chain([field]);
        self.counted(fields) <= self.dimensions_max
    }

    /// How many dimensions count towards the limit: all but one geography.
    fn counted<'a>(&'a self, fields: impl Iterator<Item = &'a F>) -> usize {
        let is_geography = |field: &F| self.free.get(field).is_some_and(|(_, geography)| *geography);
        let (geographies, others) = fields.partition::<Vec<&F>, _>(|field| is_geography(field));
        others.len() + geographies.len().saturating_sub(1)
    }
}

fn with<F: Clone, L: Clone>(dimensions: &[(F, L)], field: &F, level: &L) -> Vec<(F, L)> {
    let mut wider = dimensions.to_vec();
    wider.push((field.clone(), level.clone()));
    wider
}

/// A grant makes no lattice.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum LatticeError<F> {
    /// A field is granted twice, or both fixed and free.
    #[error("`{0}` occurs twice among the grant's dimensions")]
    FieldTwice(F),
    /// More cuboids than [`CUBOIDS_MAX`].
    #[error("the grant's dimensions can be crossed in more than `{CUBOIDS_MAX}` ways")]
    TooManyCuboids,
}

/// A question asks for something that its grant does not allow.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum NotInLattice<F, L> {
    /// The field is not among the grant's free dimensions.
    #[error("`{0}` is not granted as a dimension")]
    UnknownField(F),
    /// The field is granted, but not at this level.
    #[error("`{0}` is not granted at level `{1}`")]
    LevelNotGranted(F, L),
    /// Two levels of one field.
    #[error("`{0}` occurs twice")]
    FieldTwice(F),
    /// More dimensions crossed than the grant allows.
    #[error("more than `{max}` dimensions are crossed, not counting one of geography")]
    TooManyDimensions {
        /// The grant's limit.
        max: usize,
    },
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    type Text = Lattice<&'static str, &'static str>;

    fn dimension(
        field: &'static str,
        levels: &[&'static str],
        geography: bool,
    ) -> LatticeDimension<&'static str, &'static str> {
        LatticeDimension {
            field,
            levels: levels.to_vec(),
            geography,
        }
    }

    fn absence(dimensions_max: u8) -> Text {
        let free = [
            dimension("enrolment.neighbourhood", &["neighbourhood", "district"], true),
            dimension("enrolment.sector", &["code"], false),
            dimension("enrolment.year-group", &["year-group", "phase"], false),
        ];
        Lattice::new(
            free,
            [("absence.present", "code", "true".to_owned())],
            dimensions_max,
        )
        .unwrap()
    }

    fn shown(lattice: &Text) -> Vec<String> {
        let cuboids = lattice.cuboids().unwrap();
        let text = |(field, level): &(&str, &str)| format!("{field}@{level}");
        cuboids
            .iter()
            .map(|c| c.dimensions().iter().map(text).collect::<Vec<_>>().join(" × "))
            .collect()
    }

    #[test]
    fn one_dimension_is_crossed_with_geography() {
        let expected = [
            "",
            "enrolment.neighbourhood@district",
            "enrolment.neighbourhood@neighbourhood",
            "enrolment.sector@code",
            "enrolment.year-group@phase",
            "enrolment.year-group@year-group",
            "enrolment.neighbourhood@district × enrolment.sector@code",
            "enrolment.neighbourhood@district × enrolment.year-group@phase",
            "enrolment.neighbourhood@district × enrolment.year-group@year-group",
            "enrolment.neighbourhood@neighbourhood × enrolment.sector@code",
            "enrolment.neighbourhood@neighbourhood × enrolment.year-group@phase",
            "enrolment.neighbourhood@neighbourhood × enrolment.year-group@year-group",
        ];
        assert_eq!(shown(&absence(1)), expected);
    }

    #[test]
    fn no_dimension_leaves_geography_alone() {
        let totals = [
            "",
            "enrolment.neighbourhood@district",
            "enrolment.neighbourhood@neighbourhood",
        ];
        assert_eq!(shown(&absence(0)), totals);
    }

    #[test]
    fn a_second_geography_counts() {
        let two = || {
            [
                dimension("home", &["district"], true),
                dimension("school", &["site"], true),
            ]
        };
        assert_eq!(
            shown(&Lattice::new(two(), [], 0).unwrap()),
            ["", "home@district", "school@site"]
        );
        assert_eq!(Lattice::new(two(), [], 1).unwrap().cuboids().unwrap().len(), 4);
    }

    #[test]
    fn a_fixed_dimension_is_in_every_cell_and_in_no_cuboid() {
        let lattice = absence(2);
        assert_eq!(
            lattice.fixed().collect::<Vec<_>>(),
            [(&"absence.present", &"code", "true")]
        );
        assert!(
            !shown(&lattice)
                .iter()
                .any(|cuboid| cuboid.contains("absence.present"))
        );
        let free = [dimension("absence.present", &["code"], false)];
        let twice = Lattice::new(free, [("absence.present", "code", "true".to_owned())], 2);
        assert_eq!(twice.err(), Some(LatticeError::FieldTwice("absence.present")));
    }

    #[test]
    fn what_is_not_granted_is_refused_with_its_reason() {
        let lattice = absence(1);
        let refusal = |asked: &[(&'static str, &'static str)]| lattice.cuboid(asked.to_vec()).unwrap_err();
        assert_eq!(
            refusal(&[("enrolment.site", "site")]),
            NotInLattice::UnknownField("enrolment.site")
        );
        assert_eq!(
            refusal(&[("enrolment.neighbourhood", "city")]),
            NotInLattice::LevelNotGranted("enrolment.neighbourhood", "city")
        );
        assert_eq!(
            refusal(&[
                ("enrolment.year-group", "phase"),
                ("enrolment.year-group", "year-group")
            ]),
            NotInLattice::FieldTwice("enrolment.year-group")
        );
        assert_eq!(
            refusal(&[("enrolment.year-group", "phase"), ("enrolment.sector", "code")]),
            NotInLattice::TooManyDimensions { max: 1 }
        );
    }

    #[test]
    fn the_number_of_cuboids_is_limited() {
        let free: Vec<_> = (0..200)
            .map(|field| LatticeDimension {
                field,
                levels: vec![0, 1],
                geography: false,
            })
            .collect();
        let lattice = Lattice::new(free, [], 2).unwrap();
        assert_eq!(lattice.cuboids().err(), Some(LatticeError::TooManyCuboids));
    }

    fn lattices() -> impl Strategy<Value = (Lattice<usize, u8>, u8)> {
        let dimension = (0u8..4, any::<bool>());
        (prop::collection::vec(dimension, 0..6), 0u8..4).prop_map(|(dimensions, max)| {
            let free = dimensions
                .into_iter()
                .enumerate()
                .map(|(field, (levels, geography))| LatticeDimension {
                    field,
                    levels: (0..levels).collect(),
                    geography,
                });
            (Lattice::new(free, [], max).unwrap(), max)
        })
    }

    proptest! {
        #[test]
        fn cuboids_are_distinct_sorted_and_within_the_limit((lattice, max) in lattices()) {
            let cuboids = lattice.cuboids().unwrap();
            prop_assert!(cuboids.is_sorted_by_key(|c| (c.dimensions().len(), c.clone())));
            prop_assert_eq!(cuboids.iter().collect::<BTreeSet<_>>().len(), cuboids.len());
            for cuboid in &cuboids {
                let others = cuboid.dimensions().iter().filter(|(field, _)| !lattice.free[field].1).count();
                prop_assert!(others <= usize::from(max));
                prop_assert!(cuboid.dimensions().len() <= usize::from(max) + 1);
            }
        }

        #[test]
        fn a_question_is_answered_exactly_when_its_cuboid_is_in_the_lattice(
            (lattice, _) in lattices(),
            asked in prop::collection::btree_map(0usize..7, 0u8..4, 0..5),
        ) {
            let cuboids = lattice.cuboids().unwrap();
            let shape = Cuboid { dimensions: asked.clone().into_iter().collect() };
            // In whatever order it names them.
            let answer = lattice.cuboid(asked.into_iter().rev());
            prop_assert_eq!(answer.is_ok(), cuboids.contains(&shape));
            if let Ok(cuboid) = answer {
                prop_assert_eq!(cuboid, shape);
            }
        }
    }
}
