//! Any three years in a row: what is released in them, and what is to come.

use std::collections::{BTreeMap, BTreeSet};

use jiff::ToSpan;
use jiff::civil::Date;

use super::{Changed, YEARS, shapes, variance};
use crate::catalogue::{Catalogue, FieldName, MonthDay, Name, Population};
use crate::purpose::Purpose;

/// What a released epoch tells, under the policies that it was released under.
#[derive(Clone, Debug, PartialEq)]
pub struct Former {
    population: Name,
    date: Date,
    told: BTreeMap<FieldName, Told>,
}

/// Of one attribute: the sum of `1/V` over its cells, and the purposes that showed them.
#[derive(Clone, Debug, Default, PartialEq)]
struct Told {
    sum: f64,
    purposes: BTreeSet<Name>,
}

impl Former {
    /// What the epoch of `date` tells that was released for `purposes`, with the catalogue of then; none where that has
    /// no such population.
    pub fn of<'p>(
        catalogue: &Catalogue,
        population: &Name,
        date: Date,
        purposes: impl Iterator<Item = &'p Purpose>,
    ) -> Option<Self> {
        let population = catalogue.population(population)?;
        let mut former = Self {
            population: population.name.clone(),
            date,
            told: BTreeMap::new(),
        };
        let is_counted = |day: &MonthDay| (day.month, day.day) == (date.month(), date.day());
        for shape in shapes(catalogue, population, purposes).into_values() {
            if shape.days.iter().any(is_counted) {
                former.add(catalogue, &shape.fields, &shape.purposes);
            }
        }
        Some(former)
    }

    fn add(&mut self, catalogue: &Catalogue, fields: &Changed, purposes: &BTreeSet<Name>) {
        let variance = variance(catalogue.class_of(fields.keys()));
        for (field, cells) in fields {
            let told = self.told.entry(field.clone()).or_default();
            told.sum += f64::from(*cells) / variance;
            told.purposes.extend(purposes.iter().cloned());
        }
    }
}

/// What counts besides the policies themselves.
#[derive(Clone, Copy, Debug)]
pub struct Past<'a> {
    /// The released epochs, of all populations.
    pub former: &'a [Former],
    /// The epochs that these policies will release.
    pub coming: Coming,
}

/// Which epochs policies will release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coming {
    /// Those after this day, and those of the year before it that are not released.
    After(Date),
    /// The one of this date, which is about to be closed.
    Only(Date),
}

/// What the three years that tell most tell.
pub(super) struct Most {
    pub(super) told: f64,
    /// How many released epochs are among them, and what these were released for.
    pub(super) former: (usize, BTreeSet<Name>),
}

/// The most that any three years tell in which these policies release anything. `of_day`: what they tell on each day of
/// the year that they count on.
pub(super) fn most(
    catalogue: &Catalogue,
    population: &Population,
    attribute: &FieldName,
    of_day: &BTreeMap<MonthDay, f64>,
    past: Option<Past<'_>>,
) -> Most {
    let mut most = Most {
        told: 0.0,
        former: (0, BTreeSet::new()),
    };
    if !matches!(past.map(|past| past.coming), Some(Coming::Only(_))) {
        // Three years that are all to come.
        most.told = of_day
            .values()
            .map(|told| std::iter::repeat_n(*told, YEARS).sum::<f64>())
            .sum();
    }
    let Some(past) = past else { return most };
    // A population that is no more counts with each that is: a new name is no new pupil.
    let counts = |name: &Name| *name == population.name || catalogue.population(name).is_none();
    let former: Vec<&Former> = past
        .former
        .iter()
        .filter(|former| counts(&former.population))
        .collect();
    let coming = coming(population, of_day, &former, past.coming);
    let firsts: BTreeSet<Date> = former
        .iter()
        .map(|former| former.date)
        .chain(coming.keys().copied())
        .collect();
    for first in firsts {
        let years = i32::try_from(YEARS).unwrap_or(i32::MAX).years();
        // At the end of all dates nothing comes after.
        let end = first.checked_add(years).unwrap_or(Date::MAX);
        let within = |date: Date| first <= date && date < end;
        let own = coming
            .iter()
            .filter(|(date, _)| within(**date))
            .map(|(_, told)| told);
        let own: Vec<f64> = own.copied().collect();
        if own.is_empty() {
            continue;
        }
        let before = former.iter().filter(|former| within(former.date));
        let before: Vec<&Told> = before.filter_map(|former| former.told.get(attribute)).collect();
        let sum = own.iter().sum::<f64>() + before.iter().map(|told| told.sum).sum::<f64>();
        if sum > most.told {
            let purposes = before.iter().flat_map(|told| told.purposes.iter().cloned());
            most = Most {
                told: sum,
                former: (before.len(), purposes.collect()),
            };
        }
    }
    most
}

/// The epochs that these policies will release, and what each tells.
fn coming(
    population: &Population,
    of_day: &BTreeMap<MonthDay, f64>,
    former: &[&Former],
    coming: Coming,
) -> BTreeMap<Date, f64> {
    let released = |date: Date| {
        former
            .iter()
            .any(|former| former.population == population.name && former.date == date)
    };
    let (first, last) = match coming {
        Coming::Only(date) => (date, date),
        Coming::After(day) => (
            day.checked_sub(1.year()).unwrap_or(Date::MIN),
            day.checked_add(i32::try_from(YEARS).unwrap_or(i32::MAX).years())
                .unwrap_or(Date::MAX),
        ),
    };
    let mut epochs = BTreeMap::new();
    for year in first.year()..=last.year() {
        for (day, told) in of_day {
            let date = day.in_year(year).filter(|date| (first..=last).contains(date));
            if let Some(date) = date.filter(|date| !released(*date)) {
                epochs.insert(date, *told);
            }
        }
    }
    epochs
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::super::{AttributeBound, bounds};
    use super::*;
    use crate::fixture::{field, policies};

    /// Two purposes of the same cells, of which one takes the other's place.
    fn one() -> Purpose {
        policies().purposes[&"neighbourhood-absence".parse::<Name>().unwrap()]
            .purpose
            .clone()
    }

    fn other() -> Purpose {
        let mut other = one();
        other.id = "another".parse().unwrap();
        other
    }

    fn children() -> Name {
        "children".parse().unwrap()
    }

    fn of_kind(past: Option<Past<'_>>) -> AttributeBound {
        let policies = policies();
        let population = policies.catalogue.population(&children()).unwrap();
        let purpose = one();
        let all = bounds(&policies.catalogue, population, [&purpose].into_iter(), past);
        all.into_iter()
            .find(|bound| bound.attribute == field("absence.kind"))
            .unwrap()
    }

    fn released(days: &[Date], purposes: &[Purpose]) -> Vec<Former> {
        let policies = policies();
        let of = |day: &Date| Former::of(&policies.catalogue, &children(), *day, purposes.iter());
        days.iter().map(|day| of(day).unwrap()).collect()
    }

    fn days() -> Vec<Date> {
        let policies = policies();
        let population = policies.catalogue.population(&children()).unwrap();
        let calendar = population.calendar(&"october".parse().unwrap()).unwrap();
        let mut days: Vec<Date> = calendar
            .epochs_on_or_before(date(2026, 11, 22))
            .take_while(|day| *day > date(2023, 11, 22))
            .collect();
        days.sort();
        days
    }

    #[test]
    fn a_purpose_that_goes_on_tells_what_it_told() {
        let former = released(&days(), &[one()]);
        let past = Past {
            former: &former,
            coming: Coming::After(date(2026, 11, 22)),
        };
        assert_eq!(of_kind(Some(past)), of_kind(None));
    }

    #[test]
    fn what_stood_in_its_place_counts_until_three_years_are_over() {
        // Twice as much: another purpose, and one with a measure of its own.
        let mut wider = other();
        for grant in &mut wider.grants {
            let crate::purpose::Grant::Figures(grant) = grant else {
                continue;
            };
            grant
                .measures
                .push(crate::purpose::Measure::Rows("absence".parse().unwrap()));
        }
        let former = released(&days(), &[wider]);
        let after = |day| {
            of_kind(Some(Past {
                former: &former,
                coming: Coming::After(day),
            }))
        };
        let alone = of_kind(None);
        let now = after(date(2026, 11, 22));
        assert!(now.in_three_years > alone.in_three_years, "{now:?}");
        assert_eq!(now.in_one, alone.in_one);
        assert!(now.former.0 > 0 && now.former.1.contains(&"another".parse().unwrap()));
        assert_eq!(after(date(2030, 11, 22)), alone);
    }

    #[test]
    fn an_epoch_that_closes_counts_with_the_years_around_it() {
        let days = days();
        let former = released(&days, &[other()]);
        let only = |former, date| {
            of_kind(Some(Past {
                former,
                coming: Coming::Only(date),
            }))
        };
        let last = *days.last().unwrap();
        let alone = only(&[], last);
        assert_eq!(alone.in_one, alone.in_three_years);
        let (before, _) = former.split_at(former.len() - 1);
        let with = only(before, last);
        assert_eq!(
            (with.in_three_years, with.former.0),
            (of_kind(None).in_three_years, days.len() - 1)
        );
        // An old one that is closed late stands beside what came after it.
        let late = only(&former[1..], days[0]);
        assert_eq!(late.in_three_years, with.in_three_years);
    }

    #[test]
    fn a_population_under_another_name_is_the_same_pupils() {
        let mut former = released(&days(), &[other()]);
        let rest = former.split_off(1);
        let last = days()[0];
        let with = |former: &[Former]| {
            of_kind(Some(Past {
                former,
                coming: Coming::Only(last),
            }))
        };
        let renamed: Vec<Former> = rest
            .into_iter()
            .map(|mut one| {
                one.population = "pupils".parse().unwrap();
                one
            })
            .collect();
        assert!(with(&renamed).in_three_years > with(&[]).in_three_years);
    }
}
