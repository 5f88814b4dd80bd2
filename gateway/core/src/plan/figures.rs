//! Which released cells answer a question: the full cross product from metadata, found or not.

use crate::catalogue::{Catalogue, Dimension, Name};
use crate::figures::cell_id::CellId;
use crate::figures::release::cells_digest;
use crate::policy::decide::FiguresQuestion;
use crate::policy::decide::Permit;
use crate::purpose::{FiguresGrant, Measure};
use crate::request::EpochChoice;
use crate::text::Text;

use super::PlanError;

/// The most cells in one answer.
pub const CELLS_MAX: usize = 50_000;

/// Cells to read from what was released.
#[derive(Debug)]
pub struct FiguresPlan {
    population: Name,
    purpose: Name,
    manifest: [u8; 32],
    cells: [u8; 32],
    epoch: EpochChoice,
    dimensions: Vec<String>,
    rows: Vec<PlannedRow>,
    measures: Vec<Measure>,
    round: u32,
    show_from: i64,
}

/// A node's code and label.
pub type Code = (String, Text);

/// One row of the answer: a node for each dimension, and the cell that holds its figure.
#[derive(Debug)]
pub struct PlannedRow {
    /// Code and label of each dimension's node.
    pub nodes: Vec<Code>,
    /// The canonical cell; none where nobody can be in it.
    pub cell: Option<CellId>,
}

impl FiguresPlan {
    pub(super) fn minimal(
        permit: &Permit<'_>,
        grant: &FiguresGrant,
        question: &FiguresQuestion,
    ) -> Result<Self, PlanError> {
        let catalogue = &permit.policies().catalogue;
        let fixed = fixed(grant, question);
        let axes: Vec<_> = question
            .group_by
            .iter()
            .map(|axis| nodes(catalogue, axis, &fixed))
            .collect();
        let size = axes
            .iter()
            .try_fold(1_usize, |size, axis| size.checked_mul(axis.len()));
        if size.is_none_or(|size| size > CELLS_MAX) {
            return Err(PlanError::TooManyCells);
        }
        let constant: Vec<_> = fixed
            .iter()
            .filter(|(dimension, _)| !question.group_by.iter().any(|axis| axis.field == dimension.field))
            .cloned()
            .collect();
        let rows = cross(&axes)
            .into_iter()
            .map(|nodes| {
                let mut dimensions = constant.clone();
                dimensions.extend(
                    question
                        .group_by
                        .iter()
                        .cloned()
                        .zip(nodes.iter().map(|(code, _)| code.clone())),
                );
                PlannedRow {
                    nodes,
                    cell: CellId::new(catalogue, &grant.dataset, &dimensions),
                }
            })
            .collect();
        Ok(Self {
            population: grant.population.clone(),
            manifest: permit.standing().manifest_digest,
            cells: cells_digest(catalogue, &grant.population, &permit.standing().purpose),
            purpose: permit.purpose().clone(),
            epoch: question.epoch,
            dimensions: question
                .group_by
                .iter()
                .map(|axis| catalogue.display(axis))
                .collect(),
            rows,
            measures: question.measures.clone(),
            round: permit.terms().round(),
            show_from: i64::from(permit.terms().show_from()),
        })
    }

    /// The population.
    pub fn population(&self) -> &Name {
        &self.population
    }

    /// The purpose, which must have been active when the epoch closed.
    pub fn purpose(&self) -> &Name {
        &self.purpose
    }

    /// The digest of the purpose's manifest.
    pub fn manifest(&self) -> &[u8; 32] {
        &self.manifest
    }

    /// The digest of which cells the purpose shows.
    pub fn cells(&self) -> &[u8; 32] {
        &self.cells
    }

    /// The epoch asked.
    pub fn epoch(&self) -> EpochChoice {
        self.epoch
    }

    /// The dimensions as the answer names them.
    pub fn dimensions(&self) -> &[String] {
        &self.dimensions
    }

    /// The rows of the answer.
    pub fn rows(&self) -> &[PlannedRow] {
        &self.rows
    }

    /// The measures.
    pub fn measures(&self) -> &[Measure] {
        &self.measures
    }

    /// The base to which figures are rounded; 1 is none.
    pub fn round(&self) -> u32 {
        self.round
    }

    /// Released figures below this are hidden, as small ones are.
    pub fn show_from(&self) -> i64 {
        self.show_from
    }
}

/// The grant's own filters and the question's, each once.
fn fixed(grant: &FiguresGrant, question: &FiguresQuestion) -> Vec<(Dimension, String)> {
    let mut fixed = grant.only.clone();
    for pair in &question.only {
        if !fixed.contains(pair) {
            fixed.push(pair.clone());
        }
    }
    fixed
}

/// The nodes of one axis, narrowed to those under the filter on the same field.
fn nodes(catalogue: &Catalogue, axis: &Dimension, fixed: &[(Dimension, String)]) -> Vec<Code> {
    let under = fixed.iter().find(|(dimension, _)| dimension.field == axis.field);
    catalogue
        .codes(axis)
        .into_iter()
        .filter(|node| {
            under.is_none_or(|(dimension, code)| {
                catalogue
                    .ancestor(axis, &node.code, &dimension.level)
                    .is_some_and(|above| above == code)
            })
        })
        .map(|node| (node.code.clone(), node.label.clone()))
        .collect()
}

fn cross(axes: &[Vec<Code>]) -> Vec<Vec<Code>> {
    axes.iter().fold(vec![Vec::new()], |rows, axis| {
        rows.iter()
            .flat_map(|row| {
                axis.iter().map(move |node| {
                    let mut row = row.clone();
                    row.push(node.clone());
                    row
                })
            })
            .collect()
    })
}
