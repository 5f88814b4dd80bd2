//! Whether a figures grant allows a question, and what the question then exactly is.

use crate::catalogue::{Dimension, Name};
use crate::policy::Policies;
use crate::purpose::{FiguresGrant, Grant, Indicator, Measure, Purpose};
use crate::request::{Earlier, EpochChoice, FiguresRequest, Selection, finer_filter};

use super::denial::{Denial, DenialCode};
use super::nearest::nearest;

/// A question within a grant, with the purpose's names resolved.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FiguresQuestion {
    /// The epoch asked.
    pub epoch: EpochChoice,
    /// The earlier epoch beside it, if any.
    pub earlier: Option<Earlier>,
    /// Grouped by these.
    pub group_by: Vec<Dimension>,
    /// The caller's and the question's filters; those of the grant come on top.
    pub only: Vec<(Dimension, String)>,
    /// Measures.
    pub measures: Vec<Measure>,
    /// The named ratio that is asked instead.
    pub indicator: Option<(Name, Indicator)>,
}

pub(super) fn check(
    policies: &Policies,
    purpose: &Purpose,
    position: usize,
    grant: &FiguresGrant,
    request: &FiguresRequest,
) -> Result<FiguresQuestion, Denial> {
    let question = resolve(purpose, position, request)?;
    match within(policies, purpose, grant, &question) {
        Ok(()) => Ok(question),
        Err(denial) => Err(denial.nearing(nearest(&policies.catalogue, grant, &question))),
    }
}

/// Whether the question is one of the grant's.
fn within(
    policies: &Policies,
    purpose: &Purpose,
    grant: &FiguresGrant,
    question: &FiguresQuestion,
) -> Result<(), Denial> {
    let catalogue = &policies.catalogue;
    for dimension in &question.group_by {
        if !grant.may_group(catalogue, dimension) {
            return Err(Denial::new(DenialCode::DimensionNotGranted).about(dimension));
        }
    }
    for (dimension, code) in &question.only {
        let fixed = grant
            .only
            .iter()
            .find(|(fixed, _)| fixed.field == dimension.field);
        let granted = match fixed {
            Some((fixed, value)) => fixed == dimension && value == code,
            None => grant.may_filter(catalogue, dimension),
        };
        if !granted {
            return Err(Denial::new(DenialCode::FilterNotGranted).about(dimension));
        }
    }
    for measure in &question.measures {
        if !grant.measures.contains(measure) {
            return Err(Denial::new(DenialCode::MeasureNotGranted).about(&measure.name()));
        }
    }
    if let Some((dimension, _)) = finer_filter(catalogue, &question.group_by, &question.only) {
        return Err(Denial::new(DenialCode::FilterFinerThanGrouped).about(dimension));
    }
    let filters = question.only.iter().map(|(dimension, _)| dimension);
    if let Some((_, indicator)) = &question.indicator {
        parts_granted(policies, purpose, indicator, question)?;
    }
    let crossed = grant.crossed(catalogue, question.group_by.iter().chain(filters));
    if crossed > usize::from(grant.max_dimensions) {
        return Err(Denial::new(DenialCode::TooManyDimensions));
    }
    Ok(())
}

/// The caller's filters narrow every part of an indicator, so each part's grant must allow them.
fn parts_granted(
    policies: &Policies,
    purpose: &Purpose,
    indicator: &Indicator,
    question: &FiguresQuestion,
) -> Result<(), Denial> {
    let catalogue = &policies.catalogue;
    for term in indicator.terms() {
        let Some(Grant::Figures(grant)) = purpose.grants.get(term.grant) else {
            return Err(Denial::new(DenialCode::NotEvaluable));
        };
        for (dimension, code) in &question.only {
            let fixed = term.only.iter().chain(&grant.only);
            let mut fixed = fixed
                .filter(|(fixed, _)| fixed.field == dimension.field)
                .peekable();
            let granted = match fixed.peek() {
                Some(_) => fixed.all(|(fixed, value)| fixed == dimension && value == code),
                None => grant.may_filter(catalogue, dimension),
            };
            if !granted {
                return Err(Denial::new(DenialCode::FilterNotGranted).about(dimension));
            }
        }
        let filters = term
            .only
            .iter()
            .chain(&question.only)
            .map(|(dimension, _)| dimension);
        if grant.crossed(catalogue, question.group_by.iter().chain(filters))
            > usize::from(grant.max_dimensions)
        {
            return Err(Denial::new(DenialCode::TooManyDimensions));
        }
    }
    Ok(())
}

/// The question itself: what the purpose names under this name, or what the caller composed.
fn resolve(purpose: &Purpose, position: usize, request: &FiguresRequest) -> Result<FiguresQuestion, Denial> {
    match &request.selection {
        Selection::Composed { group_by, measures } => Ok(FiguresQuestion {
            epoch: request.epoch,
            earlier: request.earlier,
            group_by: group_by.clone(),
            only: request.only.clone(),
            measures: measures.clone(),
            indicator: None,
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
                earlier: request.earlier,
                group_by: named.group_by.clone(),
                only,
                measures: named.measures.clone(),
                indicator: named.indicator.clone().map(|indicator| (name.clone(), indicator)),
            })
        }
    }
}
