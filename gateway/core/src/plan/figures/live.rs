//! What is counted when it is asked, for who has a right to true counts: of rows as they are now, never released.

use std::collections::BTreeSet;

use jiff::civil::Date;

use crate::catalogue::{FieldName, Name};
use crate::figures::release::{Part, parts};
use crate::party::Oin;
use crate::plan::LeftOut;
use crate::policy::decide::{FiguresQuestion, Permit};
use crate::purpose::{FiguresGrant, Grant, Measure};

/// Which cells are counted, and of whose rows.
#[derive(Debug)]
pub struct LiveCount {
    parts: Vec<Part>,
    sources: Vec<(Name, Vec<Oin>)>,
    left_out: LeftOut,
    today: Date,
}

impl LiveCount {
    /// None where figures are released.
    pub(super) fn of(permit: &Permit<'_>, grant: &FiguresGrant, question: &FiguresQuestion) -> Option<Self> {
        if grant.is_released() {
            return None;
        }
        let parts = asked_parts(permit, grant, question);
        let datasets: BTreeSet<&Name> = parts.iter().flat_map(Part::datasets).collect();
        let sources = datasets.into_iter().map(|dataset| {
            let holders = holders(permit, grant, dataset);
            (dataset.clone(), holders)
        });
        Some(Self {
            sources: sources.collect(),
            parts,
            left_out: LeftOut::by(permit),
            today: permit.day(),
        })
    }

    /// What is counted, crossed by the dimensions that the question uses and no others.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Whose rows of each dataset.
    pub fn sources(&self) -> &[(Name, Vec<Oin>)] {
        &self.sources
    }

    /// Whose rows are left out.
    pub fn left_out(&self) -> &LeftOut {
        &self.left_out
    }

    /// The day of the decision: the latest date that can be asked.
    pub fn today(&self) -> Date {
        self.today
    }
}

/// The parts of the grant and of those that an indicator adds up.
fn asked_parts(permit: &Permit<'_>, grant: &FiguresGrant, question: &FiguresQuestion) -> Vec<Part> {
    let catalogue = &permit.policies().catalogue;
    let grants = &permit.standing().purpose.grants;
    let terms = question
        .indicator
        .iter()
        .flat_map(|(_, indicator)| indicator.terms());
    let terms: Vec<_> = terms.collect();
    let added = terms.iter().filter_map(|term| match grants.get(term.grant) {
        Some(Grant::Figures(grant)) => Some(grant),
        _ => None,
    });
    let filters = terms.iter().flat_map(|term| &term.only).chain(&question.only);
    let grouped = question.group_by.iter().map(|dimension| &dimension.field);
    let used: BTreeSet<&FieldName> = filters
        .map(|(dimension, _)| &dimension.field)
        .chain(grouped)
        .collect();
    let mut found: Vec<Part> = Vec::new();
    for grant in std::iter::once(grant).chain(added) {
        let mut asked = grant.clone();
        asked.measures.clone_from(&question.measures);
        if question.indicator.is_some() {
            asked.measures = vec![Measure::Pupils];
        }
        asked.group_by.retain(|dimension| used.contains(&dimension.field));
        asked
            .filter_by
            .retain(|dimension| used.contains(&dimension.field));
        for part in parts(catalogue, &asked) {
            if !found.contains(&part) {
                found.push(part);
            }
        }
    }
    found
}

/// The organisations whose rows of a dataset are counted: of its kind, without those who sleep.
fn holders(permit: &Permit<'_>, grant: &FiguresGrant, dataset: &Name) -> Vec<Oin> {
    let policies = permit.policies();
    let Some(dataset) = policies.catalogue.dataset(dataset) else {
        return Vec::new();
    };
    let all = policies
        .organisations
        .of_kind(dataset.holder_kind)
        .map(|holder| &holder.oin);
    let counted = all.filter(|oin| !grant.counts_own_rows() || *oin == permit.principal());
    counted
        .filter(|oin| !permit.asleep().contains(oin))
        .cloned()
        .collect()
}
