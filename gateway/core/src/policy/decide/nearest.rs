//! The question that a grant does allow and that comes nearest to the one that was refused.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::catalogue::{Catalogue, Dimension};
use crate::purpose::FiguresGrant;
use crate::request::{EpochChoice, finer_filter};

use super::figures::FiguresQuestion;

/// The epoch that a question is of where it names none.
pub(super) const LATEST: &str = "latest";

/// A question for figures as a client writes it in `POST /v1/queries`. It holds names and codes of the catalogue alone.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NearestQuestion {
    /// The count date, or `latest`.
    pub epoch: String,
    /// Grouped by these.
    pub group_by: Vec<String>,
    /// Within these.
    pub only: BTreeMap<String, String>,
    /// These measures.
    pub measures: Vec<String>,
}

impl NearestQuestion {
    /// The question itself.
    pub(super) fn of(catalogue: &Catalogue, question: &FiguresQuestion) -> Self {
        let only = question.only.iter();
        Self {
            epoch: match question.epoch {
                EpochChoice::Latest => LATEST.to_owned(),
                EpochChoice::On(date) => date.to_string(),
            },
            group_by: question
                .group_by
                .iter()
                .map(|one| catalogue.display(one))
                .collect(),
            only: only
                .map(|(dimension, code)| (catalogue.display(dimension), code.clone()))
                .collect(),
            measures: question
                .measures
                .iter()
                .map(crate::purpose::Measure::name)
                .collect(),
        }
    }
}

/// Keeps what is granted, takes what is too fine at the granted level, and leaves out the rest, from the end.
pub(super) fn nearest(
    catalogue: &Catalogue,
    grant: &FiguresGrant,
    question: &FiguresQuestion,
) -> NearestQuestion {
    let mut near = FiguresQuestion {
        epoch: question.epoch,
        earlier: question.earlier,
        group_by: Vec::new(),
        only: Vec::new(),
        measures: question.measures.clone(),
        indicator: None,
    };
    for asked in &question.group_by {
        let granted = || grant.group_by.iter().find(|granted| granted.field == asked.field);
        let fitting = if grant.may_group(catalogue, asked) {
            Some(asked)
        } else {
            granted()
        };
        let is_new = |one: &&Dimension| near.group_by.iter().all(|other| other.field != one.field);
        let fitting = fitting.filter(is_new).cloned();
        near.group_by.extend(fitting);
    }
    for asked in &question.only {
        let fitting = filter(catalogue, grant, asked)
            .filter(|(one, _)| near.only.iter().all(|(other, _)| other.field != one.field));
        near.only.extend(fitting);
    }
    while let Some((finer, axis)) = finer_filter(catalogue, &near.group_by, &near.only) {
        let (finer, axis) = (finer.clone(), axis.clone());
        near.only = near
            .only
            .into_iter()
            .filter_map(|(one, code)| {
                if one != finer {
                    return Some((one, code));
                }
                let above = catalogue.ancestor(&one, &code, &axis.level).map(str::to_owned);
                above.map(|above| (axis.clone(), above))
            })
            .collect();
    }
    near.measures.retain(|measure| grant.measures.contains(measure));
    if near.measures.is_empty() {
        near.measures.extend(grant.measures.first().cloned());
    }
    let crossed = |near: &FiguresQuestion| {
        let filters = near.only.iter().map(|(dimension, _)| dimension);
        grant.crossed(catalogue, near.group_by.iter().chain(filters))
    };
    while crossed(&near) > usize::from(grant.max_dimensions) {
        if near.group_by.pop().is_none() && near.only.pop().is_none() {
            break;
        }
    }
    NearestQuestion::of(catalogue, &near)
}

/// The filter itself, or the granted node above it.
fn filter(
    catalogue: &Catalogue,
    grant: &FiguresGrant,
    (asked, code): &(Dimension, String),
) -> Option<(Dimension, String)> {
    if let Some((fixed, value)) = grant.only.iter().find(|(fixed, _)| fixed.field == asked.field) {
        return (fixed == asked && value == code).then(|| (asked.clone(), code.clone()));
    }
    if grant.may_filter(catalogue, asked) {
        return Some((asked.clone(), code.clone()));
    }
    let mut granted = grant.group_by.iter().chain(&grant.filter_by);
    let granted = granted.find(|granted| granted.field == asked.field)?;
    let above = catalogue.ancestor(asked, code, &granted.level)?;
    Some((granted.clone(), above.to_owned()))
}
