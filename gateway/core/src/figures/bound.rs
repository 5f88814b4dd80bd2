//! How much the figures tell of one bit of one pupil, at most: computed from policies alone.
//!
//! An attacker who knows everything but one bit is right with a probability of about `Φ(½·√Σ 1/V)`, where the sum is
//! over the cells that are another with the bit, all assumed to be visible: `Φ(½·√(C/V))` where they have one class.
//! Where figures are given by an attribute, these are two for each shape: the one that the pupil would be in falls by
//! one, and another rises. What is shown is shown to everybody, so cells count for all recipients together, once.
//!
//! Over three years every epoch adds its own: those to come under these policies, and those that are released, under
//! whatever policies that was ([`Former`]).

mod years;

pub use years::{Coming, Former, Past};

use std::collections::{BTreeMap, BTreeSet};

use crate::catalogue::{Catalogue, Dimension, FieldName, MonthDay, Name, Population, ProtectionClass};
use crate::purpose::{Grant, Purpose};

use super::release::{Part, lattice_of, parts};

/// The years of the second bound.
const YEARS: usize = 3;

/// What one attribute's cells tell.
#[derive(Clone, Debug, PartialEq)]
pub struct AttributeBound {
    /// A field, or `<dataset>.present`.
    pub attribute: FieldName,
    /// The attribute's class: which limit holds.
    pub class: ProtectionClass,
    /// C: cells of one epoch that are another with one bit of one pupil.
    pub cells: usize,
    /// The most epochs in three years under these policies.
    pub epochs: usize,
    /// How many released epochs are among the three years that tell most, and the purposes that they were released for.
    pub former: (usize, BTreeSet<Name>),
    /// The probability in one epoch, in thousandths.
    pub in_one: u16,
    /// The probability over three years, in thousandths.
    pub in_three_years: u16,
    /// The limits of both, in thousandths.
    pub limits: (u16, u16),
    /// Which purposes share it, and how many of the cells each shows.
    pub purposes: Vec<(Name, usize)>,
}

impl AttributeBound {
    /// Whether it is within its limits.
    pub fn holds(&self) -> bool {
        self.in_one <= self.limits.0 && self.in_three_years <= self.limits.1
    }
}

/// The shape of a cell: which dimensions at which levels, and what is counted. A pupil is in one cell of each.
type Shape = (BTreeSet<String>, String);

/// What is known of one shape.
#[derive(Default)]
struct Told {
    /// In which purposes.
    purposes: BTreeSet<Name>,
    /// The days of the year on which it is counted.
    days: BTreeSet<MonthDay>,
    fields: Changed,
}

/// The fields that a shape tells of, each with how many of its cells are another when one pupil's value is.
type Changed = BTreeMap<FieldName, u8>;

/// A pupil is counted, or not.
const COUNTED: u8 = 1;
/// A pupil is counted in one cell, or in another.
const MOVED: u8 = 2;

/// The bound of every attribute of a population: of each dataset besides those that make up the population, and of each
/// field that is a dimension or a measure, but for the place where somebody lives. With `past`, what is released counts
/// within the three years.
pub fn bounds<'p>(
    catalogue: &Catalogue,
    population: &Population,
    purposes: impl Iterator<Item = &'p Purpose>,
    past: Option<Past<'_>>,
) -> Vec<AttributeBound> {
    let shapes = shapes(catalogue, population, purposes);
    let mut attributes: BTreeSet<&FieldName> = BTreeSet::new();
    for told in shapes.values() {
        attributes.extend(
            told.fields
                .keys()
                .filter(|field| is_attribute(catalogue, population, field)),
        );
    }
    attributes
        .into_iter()
        .map(|attribute| bound(catalogue, population, attribute, &shapes, past))
        .collect()
}

/// Where somebody lives or goes to school is what an attacker starts from; that somebody is in the population too.
fn is_attribute(catalogue: &Catalogue, population: &Population, field: &FieldName) -> bool {
    if field.field == Name::present() {
        return !population.datasets.contains(&field.dataset);
    }
    // A population's own fields say where somebody is; what else a child is or needs comes from other datasets.
    let own = population.datasets.contains(&field.dataset);
    !own || catalogue.class_of([field].into_iter()) == ProtectionClass::Sensitive
}

fn shapes<'p>(
    catalogue: &Catalogue,
    population: &Population,
    purposes: impl Iterator<Item = &'p Purpose>,
) -> BTreeMap<Shape, Told> {
    let mut shapes: BTreeMap<Shape, Told> = BTreeMap::new();
    for purpose in purposes {
        for grant in &purpose.grants {
            let Grant::Figures(grant) = grant else { continue };
            if grant.population != population.name || !grant.is_released() {
                continue;
            }
            let days = population
                .calendar(&grant.epochs)
                .map_or(&[][..], |one| one.days.as_slice());
            for part in parts(catalogue, grant) {
                for (shape, fields) in of_part(catalogue, &part) {
                    let told = shapes.entry(shape).or_default();
                    for (field, cells) in fields {
                        let most = told.fields.entry(field).or_default();
                        *most = cells.max(*most);
                    }
                    told.purposes.insert(purpose.id.clone());
                    told.days.extend(days);
                }
            }
        }
    }
    shapes
}

/// The shapes of a part's cells, each with every field that it tells of.
fn of_part(catalogue: &Catalogue, part: &Part) -> Vec<(Shape, Changed)> {
    let Ok(cuboids) = lattice_of(catalogue, part).and_then(|lattice| lattice.cuboids()) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for cuboid in cuboids {
        let crossed = cuboid.dimensions().iter().map(|(field, level)| Dimension {
            field: field.clone(),
            level: level.clone(),
        });
        // One value of these is shown, so a pupil with another one is in no cell.
        let fixed = part
            .only
            .iter()
            .map(|(dimension, _)| (dimension.clone(), COUNTED));
        let dimensions: BTreeMap<Dimension, u8> =
            fixed.chain(crossed.map(|dimension| (dimension, MOVED))).collect();
        let mut names: BTreeSet<String> = dimensions.keys().map(ToString::to_string).collect();
        let mut fields = Changed::new();
        for (dimension, cells) in &dimensions {
            let most = fields.entry(dimension.field.clone()).or_default();
            *most = (*cells).max(*most);
        }
        if !fields.keys().any(|field| field.dataset == part.base) {
            names.insert(Dimension::present(&part.base).to_string());
        }
        let datasets: BTreeSet<Name> = fields.keys().map(|field| field.dataset.clone()).collect();
        for dataset in datasets.iter().chain([&part.base]) {
            fields.insert(Dimension::present(dataset).field, COUNTED);
        }
        let mut add = |measure: String, field: Option<(&FieldName, u8)>| {
            let mut fields = fields.clone();
            if let Some((field, cells)) = field {
                fields.insert(field.clone(), cells);
                fields.insert(Dimension::present(&field.dataset).field, COUNTED);
            }
            fields.retain(|field, _| catalogue.field(field).is_some());
            found.push(((names.clone(), measure), fields));
        };
        if part.pupils {
            add("pupils".to_owned(), None);
        }
        for amount in &part.amounts {
            add(format!("contributors:{amount}"), Some((amount, COUNTED)));
            add(format!("sum:{amount}"), Some((amount, COUNTED)));
        }
        part.bins
            .iter()
            .for_each(|field| add(format!("bin:{field}"), Some((field, MOVED))));
    }
    found
}

fn bound(
    catalogue: &Catalogue,
    population: &Population,
    attribute: &FieldName,
    shapes: &BTreeMap<Shape, Told>,
    past: Option<Past<'_>>,
) -> AttributeBound {
    let mut purposes: BTreeMap<Name, usize> = BTreeMap::new();
    let (mut cells, mut epochs) = (0, 0);
    let mut once = 0.0;
    let mut of_day: BTreeMap<MonthDay, f64> = BTreeMap::new();
    let tells = |told: &'_ Told| told.fields.get(attribute).copied();
    for (told, changed) in shapes.values().filter_map(|told| Some((told, tells(told)?))) {
        cells += usize::from(changed);
        epochs = epochs.max(told.days.len() * YEARS);
        let told_of = f64::from(changed) / variance(catalogue.class_of(told.fields.keys()));
        once += told_of;
        for day in &told.days {
            *of_day.entry(*day).or_default() += told_of;
        }
        for purpose in &told.purposes {
            *purposes.entry(purpose.clone()).or_default() += usize::from(changed);
        }
    }
    let class = catalogue.class_of([attribute].into_iter());
    let in_one = match class {
        ProtectionClass::Normal => population.bound.normal,
        ProtectionClass::Sensitive => population.bound.sensitive,
    };
    let years = years::most(catalogue, population, attribute, &of_day, past);
    AttributeBound {
        attribute: attribute.clone(),
        class,
        cells,
        epochs,
        former: years.former,
        in_one: probability(once),
        in_three_years: probability(years.told),
        limits: (in_one, population.bound.total),
        purposes: purposes.into_iter().collect(),
    }
}

/// V of a class: both layers together.
fn variance(class: ProtectionClass) -> f64 {
    match class {
        ProtectionClass::Normal => 4.0,
        ProtectionClass::Sensitive => 16.0,
    }
}

/// `Φ(½·√told)` in thousandths, rounded up.
fn probability(told: f64) -> u16 {
    let thousandths = 1_000.0 * normal(0.5 * told.sqrt());
    // Between 500 and 1,000 by its definition.
    (501..=1_000)
        .find(|limit| f64::from(*limit) >= thousandths)
        .unwrap_or(1_000)
}

/// The standard normal distribution of `x ≥ 0`, within 10⁻⁷ (Abramowitz and Stegun 26.2.17).
fn normal(x: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.231_641_9 * x);
    let series = [
        1.330_274_429,
        -1.821_255_978,
        1.781_477_937,
        -0.356_563_782,
        0.319_381_530,
    ];
    let sum = series.iter().fold(0.0, |sum, one| (sum + one) * t);
    1.0 - (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt() * sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{field, policies};

    #[test]
    fn the_probability_is_that_of_the_normal_distribution() {
        // C = 17 of V = 16 is the last within 0.70; C = 17 of V = 4 the last within 0.85.
        assert_eq!(probability(17.0 / 16.0), 697);
        assert!(probability(18.0 / 16.0) > 700);
        assert!(probability(17.0 / 4.0) <= 850 && probability(18.0 / 4.0) > 850);
        assert_eq!(probability(0.0), 501);
    }

    /// Whose reason is another is counted in another cell of each shape; whose kind is another is not counted at all, for
    /// one kind is shown.
    #[test]
    fn a_value_that_figures_are_given_by_moves_two_cells() {
        let policies = policies();
        let population = policies.catalogue.population(&"children".parse().unwrap());
        let mut purpose = policies.purposes[&"neighbourhood-absence".parse::<Name>().unwrap()]
            .purpose
            .clone();
        purpose.grants.retain(|grant| {
            let Grant::Figures(grant) = grant else {
                return false;
            };
            grant
                .group_by
                .iter()
                .any(|dimension| dimension.field == field("absence.reason"))
        });
        assert_eq!(purpose.grants.len(), 1);
        let all = bounds(
            &policies.catalogue,
            population.unwrap(),
            [&purpose].into_iter(),
            None,
        );
        let cells = |name: &str| {
            let found = all.iter().find(|one| one.attribute == field(name));
            found.map(|one| (one.cells, one.in_one))
        };
        // For all and by district, each with the reason and without; of class `sensitive` with it.
        assert_eq!(cells("absence.reason"), Some((4, probability(4.0 / 16.0))));
        assert_eq!(
            cells("absence.kind"),
            Some((4, probability(2.0 / 16.0 + 2.0 / 4.0)))
        );
    }

    #[test]
    fn cells_that_two_purposes_show_count_once() {
        let policies = policies();
        let population = policies
            .catalogue
            .population(&"children".parse().unwrap())
            .unwrap();
        let purposes: Vec<&Purpose> = policies.purposes.values().map(|one| &one.purpose).collect();
        let all = bounds(&policies.catalogue, population, purposes.iter().copied(), None);
        let home = all
            .iter()
            .find(|one| one.attribute == field("absence.stay-at-home"))
            .unwrap();
        let alone: usize = home.purposes.iter().map(|(_, cells)| cells).sum();
        assert!(home.cells <= alone);
        let twice = bounds(
            &policies.catalogue,
            population,
            purposes.iter().chain(&purposes).copied(),
            None,
        );
        assert_eq!(all, twice);
    }
}
