//! Which released cells answer a question: the full cross product from metadata, found or not.

use jiff::civil::Date;

use crate::catalogue::{Calendar, Catalogue, Dimension, Name};
use crate::figures::release::cells_digest;
use crate::policy::decide::FiguresQuestion;
use crate::policy::decide::Permit;
use crate::purpose::{FiguresGrant, Mechanism};
use crate::request::{Earlier, EpochChoice};
use crate::text::Text;

mod live;
mod planned;

use planned::Planner;

pub use live::LiveCount;
pub use planned::{FigureColumn, PlannedFigure};

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
    earlier: Option<Earlier>,
    calendar: Option<Calendar>,
    dimensions: Vec<String>,
    rows: Vec<PlannedRow>,
    keys: Vec<String>,
    columns: Vec<FigureColumn>,
    mechanism: Mechanism,
    live: Option<LiveCount>,
    round: u32,
    show_from: i64,
}

/// A node's code and label.
pub type Code = (String, Text);

/// One row of the answer: a node for each dimension, and what its figures are made of.
#[derive(Debug)]
pub struct PlannedRow {
    /// Code and label of each dimension's node.
    pub nodes: Vec<Code>,
    /// A figure for each column.
    pub figures: Vec<PlannedFigure>,
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
        let columns = FigureColumn::of(catalogue, question);
        let mut planner = Planner::new(permit, grant, question);
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
                let figures = columns.iter().map(|column| planner.figure(column, &dimensions));
                let figures = figures.collect();
                PlannedRow { nodes, figures }
            })
            .collect();
        Ok(Self {
            population: grant.population.clone(),
            manifest: permit.standing().manifest_digest,
            cells: cells_digest(catalogue, &grant.population, &permit.standing().purpose),
            purpose: permit.purpose().clone(),
            epoch: question.epoch,
            earlier: question.earlier,
            calendar: catalogue
                .population(&grant.population)
                .and_then(|population| population.calendar(&grant.epochs))
                .cloned(),
            dimensions: question
                .group_by
                .iter()
                .map(|axis| catalogue.display(axis))
                .collect(),
            rows,
            keys: planner.into_keys(),
            columns,
            mechanism: grant.mechanism.clone(),
            live: LiveCount::of(permit, grant, question),
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

    /// The earlier epoch beside it, if any.
    pub fn earlier(&self) -> Option<Earlier> {
        self.earlier
    }

    /// Whether the grant has figures of this date.
    pub fn has_epoch(&self, date: Date) -> bool {
        self.calendar
            .as_ref()
            .is_some_and(|calendar| calendar.is_epoch(date))
    }

    /// The dimensions as the answer names them.
    pub fn dimensions(&self) -> &[String] {
        &self.dimensions
    }

    /// The rows of the answer.
    pub fn rows(&self) -> &[PlannedRow] {
        &self.rows
    }

    /// The released cells that the answer is made of, by the names they are stored under.
    pub fn keys(&self) -> &[String] {
        &self.keys
    }

    /// What the answer says of each row.
    pub fn columns(&self) -> &[FigureColumn] {
        &self.columns
    }

    /// How the figures were protected.
    pub fn mechanism(&self) -> &Mechanism {
        &self.mechanism
    }

    /// What is counted now; none where released cells are read.
    pub fn live(&self) -> Option<&LiveCount> {
        self.live.as_ref()
    }

    /// The latest date of the grant's calendar before a date.
    pub fn epoch_before(&self, date: Date) -> Option<Date> {
        let calendar = self.calendar.as_ref()?;
        let mut before = calendar.epochs_on_or_before(date);
        before.find(|epoch| *epoch < date)
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
