//! Named questions, each within its grant; and what lies within a figures grant.

use std::cell::RefCell;

use super::indicator::indicator;
use super::names::{Names, measure, or_default, text};
use super::{FiguresGrant, Grant, Measure, Question};
use crate::catalogue::{Catalogue, Dimension, Name, ProtectionClass};
use crate::document::{Table, Value};
use crate::figures::release::levels;

impl FiguresGrant {
    /// Whether it names anything sensitive.
    pub fn is_sensitive(&self, catalogue: &Catalogue) -> bool {
        Grant::Figures(self.clone()).class(catalogue) == ProtectionClass::Sensitive
    }

    /// Whether a dimension may be grouped by: granted, at its level or a coarser one; where anything is sensitive, the
    /// place at its own level only.
    pub fn may_group(&self, catalogue: &Catalogue, dimension: &Dimension) -> bool {
        self.covered(catalogue, &self.group_by, dimension)
    }

    fn covered(&self, catalogue: &Catalogue, granted: &[Dimension], asked: &Dimension) -> bool {
        let sensitive = self.is_sensitive(catalogue);
        let mut same = granted.iter().filter(|granted| granted.field == asked.field);
        same.any(|granted| levels(catalogue, sensitive, granted).contains(&asked.level))
    }

    /// Whether a dimension may be filtered on: as for grouping, or granted as a filter.
    pub fn may_filter(&self, catalogue: &Catalogue, dimension: &Dimension) -> bool {
        self.may_group(catalogue, dimension) || self.covered(catalogue, &self.filter_by, dimension)
    }

    /// How many dimensions a question crosses: each field once, those that the grant itself fixes and one of
    /// geography left out.
    pub fn crossed<'d>(
        &self,
        catalogue: &Catalogue,
        dimensions: impl Iterator<Item = &'d Dimension>,
    ) -> usize {
        let mut crossed: Vec<_> = dimensions
            .filter(|dimension| !self.only.iter().any(|(fixed, _)| fixed.field == dimension.field))
            .collect();
        crossed.sort();
        crossed.dedup_by(|a, b| a.field == b.field);
        let places = crossed
            .iter()
            .filter(|dimension| catalogue.is_geography(dimension))
            .count();
        crossed.len() - places.min(1)
    }
}

/// All `[[question]]`s of a purpose.
pub(super) fn questions(list: Value<'_, '_>, grants: &[Grant], names: &Names<'_>) -> Option<Vec<Question>> {
    let seen = RefCell::new(Vec::new());
    list.each(|item| {
        let table = item.table()?;
        let name = table.required("name").and_then(|value| {
            let name: Name = value.parse()?;
            if seen.borrow().contains(&name) {
                value.error(format!("question `{name}` is named twice"));
                return None;
            }
            seen.borrow_mut().push(name.clone());
            Some(name)
        });
        question(&table, name, grants, names)
    })
}

fn question(
    table: &Table<'_, '_>,
    name: Option<Name>,
    grants: &[Grant],
    names: &Names<'_>,
) -> Option<Question> {
    let title = table.required("title").and_then(text);
    let asked = table.required("grant").and_then(|value| figures(value, grants));
    let grant = asked.map(|(_, grant)| grant);
    let group_by = table.required("group_by").and_then(|list| {
        list.each(|value| {
            let dimension = names.dimension(value)?;
            within(
                value,
                &dimension,
                grant.is_none_or(|grant| grant.may_group(names.catalogue, &dimension)),
                names,
            )?;
            Some(dimension)
        })
    });
    let only = or_default(table, "only", Vec::new(), |value| filters(value, grant, names));
    let indicator = table.if_there("indicator", |value| {
        indicator(
            value,
            grant,
            group_by.as_deref().unwrap_or_default(),
            grants,
            names,
        )
    });
    let is_ratio = !matches!(indicator, Ok(None));
    let measures = table.required("measures").and_then(|list| {
        let measures = if is_ratio {
            list.each(|value| granted(value, grant))
        } else {
            list.some(|value| granted(value, grant))
        }?;
        if is_ratio && !measures.is_empty() {
            list.error("an indicator is what its question gives, so `measures` is empty");
        }
        Some(measures)
    });
    table.finish();
    let (index, grant) = asked?;
    let indicator = indicator.ok()?;
    if indicator
        .as_ref()
        .is_some_and(|one| one.numerator.first().is_none_or(|term| term.grant != index))
    {
        table.error("`grant` is the grant of the indicator's first numerator");
    }
    let question = Question {
        name: name?,
        title: title?,
        grant: index,
        group_by: group_by?,
        only: only?,
        measures: measures?,
        indicator,
    };
    within_limit(table, grant, &question.group_by, &question.only, names);
    Some(question)
}

/// Notes where more dimensions are crossed than the grant allows.
pub(super) fn within_limit(
    table: &Table<'_, '_>,
    grant: &FiguresGrant,
    group_by: &[Dimension],
    only: &[(Dimension, String)],
    names: &Names<'_>,
) {
    let dimensions = group_by.iter().chain(only.iter().map(|(dimension, _)| dimension));
    let crossed = grant.crossed(names.catalogue, dimensions);
    if crossed > usize::from(grant.max_dimensions) {
        table.error(format!(
            "crosses {crossed} dimensions besides geography; the grant allows {}",
            grant.max_dimensions
        ));
    }
}

fn figures<'g>(value: Value<'_, '_>, grants: &'g [Grant]) -> Option<(usize, &'g FiguresGrant)> {
    let index = usize::try_from(value.integer(0..=u32::MAX)?).ok()?;
    match grants.get(index) {
        Some(Grant::Figures(grant)) => Some((index, grant)),
        Some(_) => {
            value.error(format!("grant {index} is not of form `figures`"));
            None
        }
        None => {
            value.error(format!("there is no grant {index}; the first is 0"));
            None
        }
    }
}

pub(super) fn filters(
    value: Value<'_, '_>,
    grant: Option<&FiguresGrant>,
    names: &Names<'_>,
) -> Option<Vec<(Dimension, String)>> {
    let filters = names.filters(value)?;
    let table = value.table()?;
    for (key, _) in table.entries() {
        let dimension = key
            .as_text()
            .and_then(|text| names.catalogue.dimension(text).ok());
        if let (Some(dimension), Some(grant)) = (dimension, grant) {
            within(
                key,
                &dimension,
                grant.may_filter(names.catalogue, &dimension),
                names,
            );
        }
    }
    Some(filters)
}

fn within(value: Value<'_, '_>, dimension: &Dimension, granted: bool, names: &Names<'_>) -> Option<()> {
    if granted {
        return Some(());
    }
    value.error(format!(
        "`{}` is not within the grant",
        names.catalogue.display(dimension)
    ));
    None
}

fn granted(value: Value<'_, '_>, grant: Option<&FiguresGrant>) -> Option<Measure> {
    let measure = measure(value)?;
    if grant.is_some_and(|grant| !grant.measures.contains(&measure)) {
        value.error(format!("measure `{}` is not within the grant", measure.name()));
        return None;
    }
    Some(measure)
}
