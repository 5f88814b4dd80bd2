//! Rows: a delivered row is read against its dataset, completed with what follows from it, and checked
//! for plausibility; all its mistakes at once.

use std::collections::HashMap;

use super::dataset::{Dataset, Derive, Field, Implication, Rule};
use super::hierarchy::Hierarchy;
use super::mapping::Mapping;
use super::name::{FieldName, Name};
use super::value::{Raw, Value, ValueErrorCode};
use super::{Catalogue, derived};

/// Reads rows of one dataset. Made once a delivery.
#[derive(Debug)]
pub struct RowReader<'c> {
    dataset: &'c Dataset,
    columns: Vec<Column<'c>>,
    places: HashMap<&'c str, usize>,
    implications: Vec<Implied<'c>>,
}

/// A correct row: a value or none for each field of the dataset, in its order. Computed fields have none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    values: Vec<Option<Value>>,
}

/// One mistake in a row. Neither the value nor a field that does not exist is repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct RowError {
    /// The field, where it is one of the dataset.
    pub field: Option<Name>,
    /// What kind of mistake it is.
    pub code: RowErrorCode,
    /// What was expected.
    pub detail: String,
}

/// Kinds of mistakes in a row, stable and kebab-case in answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RowErrorCode {
    /// A mistake in one value.
    Value(ValueErrorCode),
    /// A field that the dataset does not have.
    UnknownField,
    /// A field that occurs twice.
    FieldTwice,
    /// A field that follows from others and is not delivered.
    DerivedField,
    /// A required field without a value.
    Missing,
    /// Two dates in the wrong order.
    WrongOrder,
    /// Two codes that by the dataset's definition do not go together.
    Contradiction,
}

impl RowErrorCode {
    /// The code in answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Value(code) => code.as_str(),
            Self::UnknownField => "unknown-field",
            Self::FieldTwice => "field-twice",
            Self::DerivedField => "derived-field",
            Self::Missing => "missing",
            Self::WrongOrder => "wrong-order",
            Self::Contradiction => "contradiction",
        }
    }
}

#[derive(Debug)]
struct Column<'c> {
    field: &'c Field,
    codes: Option<&'c Hierarchy>,
    /// What a membership or map looks things up in.
    lookup: Option<Lookup<'c>>,
}

#[derive(Debug)]
enum Lookup<'c> {
    Membership(&'c Hierarchy),
    Map(&'c Mapping),
}

#[derive(Debug)]
struct Implied<'c> {
    implication: &'c Implication,
    pairs: HashMap<&'c str, &'c str>,
    when: (usize, &'c Hierarchy),
    then: (usize, &'c Hierarchy),
}

impl Row {
    /// The value at the place of a field in [`Dataset::fields`].
    pub fn at(&self, place: usize) -> Option<&Value> {
        self.values.get(place)?.as_ref()
    }

    /// The value of a field of the dataset that the row was read for.
    pub fn value(&self, dataset: &Dataset, field: &Name) -> Option<&Value> {
        self.at(dataset.fields.iter().position(|known| known.name == *field)?)
    }

    /// The stored fields with their values, in the order of [`Dataset::stored_fields`].
    pub fn stored<'r>(
        &'r self,
        dataset: &'r Dataset,
    ) -> impl Iterator<Item = (&'r Field, Option<&'r Value>)> {
        dataset
            .fields
            .iter()
            .zip(&self.values)
            .filter(|(field, _)| field.is_stored())
            .map(|(f, v)| (f, v.as_ref()))
    }
}

impl<'c> RowReader<'c> {
    /// A reader for rows of a dataset of this catalogue; none if there is no such dataset.
    pub fn new(catalogue: &'c Catalogue, dataset: &Name) -> Option<Self> {
        let dataset = catalogue.dataset(dataset)?;
        let columns: Vec<_> = dataset
            .fields
            .iter()
            .map(|field| Column::new(catalogue, dataset, field))
            .collect();
        let places = dataset
            .fields
            .iter()
            .enumerate()
            .map(|(place, field)| (field.name.as_str(), place))
            .collect();
        let implications = dataset
            .implications
            .iter()
            .filter_map(|one| Implied::new(one, &columns))
            .collect();
        Some(Self {
            dataset,
            columns,
            places,
            implications,
        })
    }

    /// The dataset.
    pub fn dataset(&self) -> &'c Dataset {
        self.dataset
    }

    /// Whether a deliverer may send a column of this name (besides the pupil's identifiers).
    pub fn takes(&self, column: &str) -> bool {
        self.places
            .get(column)
            .and_then(|place| self.columns.get(*place))
            .is_some_and(|c| c.field.is_delivered())
    }

    /// Reads the fields of a row, without the pupil's identifiers. On mistakes, all of them.
    pub fn read<'r>(
        &self,
        cells: impl IntoIterator<Item = (&'r str, Raw<'r>)>,
    ) -> Result<Row, Vec<RowError>> {
        let mut errors = Vec::new();
        let mut values = vec![None; self.columns.len()];
        let mut seen = vec![false; self.columns.len()];
        for (name, raw) in cells {
            let place = self.places.get(name).copied();
            match place.and_then(|place| {
                Some((
                    self.columns.get(place)?,
                    values.get_mut(place)?,
                    seen.get_mut(place)?,
                ))
            }) {
                None => errors.push(self.unknown_field(name)),
                Some((column, value, seen)) => {
                    if std::mem::replace(seen, true) {
                        errors.push(column.error(RowErrorCode::FieldTwice, "occurs twice"));
                    }
                    *value = column.read(raw, &mut errors);
                }
            }
        }
        for (column, (value, _)) in self.columns.iter().zip(values.iter().zip(&seen)) {
            let reported = || {
                errors
                    .iter()
                    .any(|error| error.field.as_ref() == Some(&column.field.name))
            };
            if column.field.required && value.is_none() && !reported() {
                errors.push(column.error(RowErrorCode::Missing, "is required"));
            }
        }
        let mut row = Row { values };
        self.complete(&mut row);
        self.check_rules(&row, &mut errors);
        self.check_implications(&row, &mut errors);
        if errors.is_empty() { Ok(row) } else { Err(errors) }
    }

    /// Fills in what follows from other fields.
    fn complete(&self, row: &mut Row) {
        for (place, column) in self.columns.iter().enumerate() {
            let (Some(derive), Some(lookup)) = (&column.field.derive, &column.lookup) else {
                continue;
            };
            if row.at(place).is_some() {
                continue;
            }
            let of = |name: &Name| row.at(*self.places.get(name.as_str())?)?.as_code();
            let code = match (derive, lookup) {
                (
                    Derive::Membership {
                        of: field,
                        member,
                        other,
                        empty,
                        ..
                    },
                    Lookup::Membership(hierarchy),
                ) => Some(derived::membership(of(field), hierarchy, member, other, empty)),
                (Derive::Mapped { of: field, .. }, Lookup::Map(map)) => of(field).map(|value| map.of(value)),
                _ => None,
            };
            let value = code.map(|code| Value::Text(code.to_owned()));
            if let Some(slot) = row.values.get_mut(place) {
                *slot = value;
            }
        }
    }

    fn check_rules(&self, row: &Row, errors: &mut Vec<RowError>) {
        for rule in &self.dataset.rules {
            let (Rule::Before(first, second) | Rule::NotAfter(first, second)) = rule;
            let date = |name: &Name| row.value(self.dataset, name)?.as_date();
            let (Some(earlier), Some(later)) = (date(first), date(second)) else {
                continue;
            };
            let (kept, words) = match rule {
                Rule::Before(..) => (earlier < later, "after"),
                Rule::NotAfter(..) => (earlier <= later, "on or after"),
            };
            if !kept {
                let detail = format!("`{second}` lies {words} `{first}`");
                errors.push(RowError {
                    field: Some(second.clone()),
                    code: RowErrorCode::WrongOrder,
                    detail,
                });
            }
        }
    }

    fn check_implications(&self, row: &Row, errors: &mut Vec<RowError>) {
        for implied in &self.implications {
            let Some(when) = ancestor(row, implied.when, &implied.implication.when.level) else {
                continue;
            };
            let Some(expected) = implied.pairs.get(when) else {
                continue;
            };
            let then = implied.implication.then.field.field.clone();
            let reported = || errors.iter().any(|error| error.field.as_ref() == Some(&then));
            if ancestor(row, implied.then, &implied.implication.then.level) != Some(expected) && !reported() {
                let detail = format!(
                    "`{then}` does not go with `{}`",
                    implied.implication.when.field.field
                );
                errors.push(RowError {
                    field: Some(then),
                    code: RowErrorCode::Contradiction,
                    detail,
                });
            }
        }
    }

    fn unknown_field(&self, name: &str) -> RowError {
        let known = self.columns.iter().map(|column| column.field.name.as_str());
        let hint = crate::source_text::closest(name, known).map(|field| format!("; did you mean `{field}`?"));
        let detail = format!(
            "no such field in `{}`{}",
            self.dataset.name,
            hint.unwrap_or_default()
        );
        RowError {
            field: None,
            code: RowErrorCode::UnknownField,
            detail,
        }
    }
}

/// The code at a level, of the value in a place.
fn ancestor<'r>(row: &'r Row, (place, hierarchy): (usize, &'r Hierarchy), level: &Name) -> Option<&'r str> {
    let code = row.at(place)?.as_code()?;
    Some(&hierarchy.ancestor(code, hierarchy.finest()?, level)?.code)
}

impl<'c> Column<'c> {
    fn new(catalogue: &'c Catalogue, dataset: &Dataset, field: &'c Field) -> Self {
        let codes = catalogue.hierarchy_of(&FieldName::new(dataset.name.clone(), field.name.clone()));
        let lookup = match &field.derive {
            Some(Derive::Membership { hierarchy, .. }) => {
                catalogue.hierarchy(hierarchy).map(Lookup::Membership)
            }
            Some(Derive::Mapped { table, .. }) => catalogue.map(table).map(Lookup::Map),
            _ => None,
        };
        Self { field, codes, lookup }
    }

    fn read(&self, raw: Raw<'_>, errors: &mut Vec<RowError>) -> Option<Value> {
        if !self.field.is_delivered() {
            errors.push(self.error(
                RowErrorCode::DerivedField,
                "follows from other fields and is not delivered",
            ));
            return None;
        }
        if raw.is_empty() {
            return None;
        }
        match self.field.parse_value(raw, self.codes) {
            Ok(value) => Some(value),
            Err(error) => {
                let code = RowErrorCode::Value(error.code);
                errors.push(RowError {
                    field: Some(self.field.name.clone()),
                    code,
                    detail: error.detail,
                });
                None
            }
        }
    }

    fn error(&self, code: RowErrorCode, says: &str) -> RowError {
        let detail = format!("`{}` {says}", self.field.name);
        RowError {
            field: Some(self.field.name.clone()),
            code,
            detail,
        }
    }
}

impl<'c> Implied<'c> {
    fn new(implication: &'c Implication, columns: &[Column<'c>]) -> Option<Self> {
        let column = |name: &Name| {
            let place = columns.iter().position(|column| column.field.name == *name)?;
            Some((place, columns.get(place)?.codes?))
        };
        let pairs = implication
            .pairs
            .iter()
            .map(|(when, then)| (when.as_str(), then.as_str()))
            .collect();
        let (when, then) = (
            column(&implication.when.field.field)?,
            column(&implication.then.field.field)?,
        );
        Some(Self {
            implication,
            pairs,
            when,
            then,
        })
    }
}

#[cfg(test)]
mod tests;
