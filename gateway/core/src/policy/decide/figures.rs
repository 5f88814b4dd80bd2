//! Whether a figures grant allows a question, and what the question then exactly is.

use crate::catalogue::{Catalogue, Dimension};
use crate::policy::Policies;
use crate::purpose::{FiguresGrant, Measure, Purpose};
use crate::request::{EpochChoice, FiguresRequest, Selection};

use super::denial::{Denial, DenialCode};

/// A question within a grant, with the purpose's names resolved.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FiguresQuestion {
    /// The epoch asked.
    pub epoch: EpochChoice,
    /// Grouped by these.
    pub group_by: Vec<Dimension>,
    /// The caller's and the question's filters; those of the grant come on top.
    pub only: Vec<(Dimension, String)>,
    /// Measures.
    pub measures: Vec<Measure>,
}

pub(super) fn check(
    policies: &Policies,
    purpose: &Purpose,
    position: usize,
    grant: &FiguresGrant,
    request: &FiguresRequest,
) -> Result<FiguresQuestion, Denial> {
    let question = resolve(purpose, position, request)?;
    let catalogue = &policies.catalogue;
    for dimension in &question.group_by {
        if !grant
            .group_by
            .iter()
            .any(|granted| reaches(catalogue, granted, dimension))
        {
            return Err(Denial::new(DenialCode::DimensionNotGranted).about(dimension));
        }
    }
    for (dimension, code) in &question.only {
        let fixed = grant
            .only
            .iter()
            .find(|(fixed, _)| fixed.field == dimension.field);
        match fixed {
            Some((fixed, value)) if fixed == dimension && value == code => {}
            Some(_) => return Err(Denial::new(DenialCode::FilterNotGranted).about(dimension)),
            None if filterable(catalogue, grant, dimension) => {}
            None => return Err(Denial::new(DenialCode::FilterNotGranted).about(dimension)),
        }
    }
    for measure in &question.measures {
        if !grant.measures.contains(measure) {
            return Err(Denial::new(DenialCode::MeasureNotGranted).about(measure.name()));
        }
    }
    if crossed(catalogue, grant, &question) > usize::from(grant.max_dimensions) {
        return Err(Denial::new(DenialCode::TooManyDimensions));
    }
    Ok(question)
}

/// The question itself: what the purpose names under this name, or what the caller composed.
fn resolve(purpose: &Purpose, position: usize, request: &FiguresRequest) -> Result<FiguresQuestion, Denial> {
    match &request.selection {
        Selection::Composed { group_by, measures } => Ok(FiguresQuestion {
            epoch: request.epoch,
            group_by: group_by.clone(),
            only: request.only.clone(),
            measures: measures.clone(),
        }),
        Selection::Named(name) => {
            let named = purpose
                .questions
                .iter()
                .find(|question| question.name == *name && question.grant == position);
            let named = named.ok_or_else(|| Denial::new(DenialCode::NoSuchQuestion))?;
            let mut only = named.only.clone();
            for (dimension, code) in &request.only {
                match only.iter().find(|(other, _)| other.field == dimension.field) {
                    Some((other, value)) if other == dimension && value == code => {}
                    Some(_) => return Err(Denial::new(DenialCode::FilterNotGranted).about(dimension)),
                    None => only.push((dimension.clone(), code.clone())),
                }
            }
            Ok(FiguresQuestion {
                epoch: request.epoch,
                group_by: named.group_by.clone(),
                only,
                measures: named.measures.clone(),
            })
        }
    }
}

/// Whether `asked` is the granted dimension, at its level or a coarser one.
fn reaches(catalogue: &Catalogue, granted: &Dimension, asked: &Dimension) -> bool {
    granted.field == asked.field && catalogue.depth(asked) >= catalogue.depth(granted)
}

fn filterable(catalogue: &Catalogue, grant: &FiguresGrant, asked: &Dimension) -> bool {
    grant
        .group_by
        .iter()
        .chain(&grant.filter_by)
        .any(|granted| reaches(catalogue, granted, asked))
}

/// How many dimensions the question crosses, besides one of geography and those that the grant itself fixes.
fn crossed(catalogue: &Catalogue, grant: &FiguresGrant, question: &FiguresQuestion) -> usize {
    let mut fields: Vec<_> = question
        .group_by
        .iter()
        .chain(question.only.iter().map(|(dimension, _)| dimension))
        .filter(|dimension| !grant.only.iter().any(|(fixed, _)| fixed.field == dimension.field))
        .collect();
    fields.sort();
    fields.dedup_by(|a, b| a.field == b.field);
    let geography = fields
        .iter()
        .filter(|dimension| catalogue.is_geography(dimension))
        .count();
    fields.len() - geography.min(1)
}
