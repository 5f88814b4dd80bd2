//! Figures: every planned cell, shown or hidden, alike in form.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::extract::EpochCells;
use crate::plan::{FigureColumn, FiguresPlan, PlannedRow};
use crate::policy::decide::Permit;
use crate::purpose::Mechanism;

mod shown;

use shown::{Shown, Told, is_number};

use super::meta::{HolderMeta, PurposeMeta, SourceMeta, TermsMeta};
use super::{Format, RenderError, Rendered, csv, rows_json};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    purpose: PurposeMeta,
    #[serde(flatten)]
    terms: TermsMeta,
    #[serde(flatten)]
    epoch: Epoch,
    figures: Figures,
    #[serde(skip_serializing_if = "Option::is_none")]
    earlier: Option<Epoch>,
}

/// A count date, and whose rows its figures rest on.
#[derive(Serialize)]
struct Epoch {
    #[serde(rename = "epoch")]
    date: String,
    sources: Vec<SourceMeta>,
    completeness: Counted,
}

#[derive(Serialize)]
struct Figures {
    mechanism: &'static str,
    additive: bool,
    rounding: u32,
}

#[derive(Serialize)]
struct Counted {
    holders: usize,
    of: usize,
}

pub(super) fn render(
    permit: &Permit<'_>,
    plan: &FiguresPlan,
    cells: &EpochCells,
    format: Format,
) -> Result<Rendered, RenderError> {
    let of_plan = |cells: &EpochCells| cells.values.len() == plan.keys().len();
    if !of_plan(cells) || !cells.earlier.as_deref().is_none_or(of_plan) {
        return Err(RenderError::OtherPlan);
    }
    let earlier = cells.earlier.as_deref();
    let rows = Rows {
        plan,
        now: Shown::new(plan, &cells.values),
        earlier: earlier.map(|cells| Shown::new(plan, &cells.values)),
    };
    let data = match format {
        Format::Csv => rows.table(),
        Format::Json | Format::Ndjson => rows_json(&rows.objects(), format)?,
    };
    let meta = serde_json::to_vec(&Meta {
        purpose: PurposeMeta::of(permit),
        terms: TermsMeta::of(permit),
        epoch: Epoch::of(permit, cells),
        figures: Figures {
            mechanism: plan.mechanism().name(),
            additive: false,
            rounding: rounding(plan),
        },
        earlier: earlier.map(|cells| Epoch::of(permit, cells)),
    })?;
    Ok(Rendered {
        data,
        meta,
        rows: u64::try_from(plan.rows().len()).unwrap_or(u64::MAX),
    })
}

impl Epoch {
    fn of(permit: &Permit<'_>, cells: &EpochCells) -> Self {
        let sources = &cells.completeness.sources;
        Self {
            date: cells.epoch.to_string(),
            sources: self::sources(permit, cells),
            completeness: Counted {
                holders: sources.iter().filter(|source| source.as_of_us.is_some()).count(),
                of: sources.len(),
            },
        }
    }
}

/// The base of what is shown: a table was rounded when it was published, and a holder may ask for more.
fn rounding(plan: &FiguresPlan) -> u32 {
    match plan.mechanism() {
        Mechanism::CellKey | Mechanism::Exact(_) => plan.round(),
        Mechanism::SuppressRound(rule) => plan.round().max(rule.base),
    }
}

/// The rows of an answer: each figure, and where an earlier epoch is asked that figure then and the change.
struct Rows<'e> {
    plan: &'e FiguresPlan,
    now: Shown<'e>,
    earlier: Option<Shown<'e>>,
}

impl Rows<'_> {
    /// What is told of one row, by column.
    fn told(&self, row: &PlannedRow) -> Vec<Told> {
        let mut told = Vec::new();
        for (column, figure) in self.plan.columns().iter().zip(&row.figures) {
            let now = self.now.figure(column, figure);
            let before = self
                .compared(column)
                .map(|earlier| earlier.figure(column, figure));
            let compared = before.map(|before| {
                let change = now.since(&before);
                [before, change]
            });
            told.push(now);
            told.extend(compared.into_iter().flatten());
        }
        told
    }

    /// The earlier figures that a column is set beside.
    fn compared(&self, column: &FigureColumn) -> Option<&Shown<'_>> {
        self.earlier.as_ref().filter(|_| is_number(column))
    }

    /// What the columns are called, one for each that is told.
    fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        for column in self.plan.columns() {
            let name = column.name();
            let compared = self.compared(column);
            let compared = compared.map(|_| [format!("before({name})"), format!("change({name})")]);
            names.push(name);
            names.extend(compared.into_iter().flatten());
        }
        names
    }

    fn objects(&self) -> Vec<Map<String, Value>> {
        let names = self.names();
        let rows = self.plan.rows().iter().map(|row| {
            let mut object = Map::new();
            for (dimension, (code, label)) in self.plan.dimensions().iter().zip(&row.nodes) {
                object.insert(dimension.clone(), json!({ "code": code, "label": label.nl }));
            }
            let told = self.told(row);
            for (name, told) in names.iter().zip(&told) {
                object.insert(name.clone(), told.to_json());
            }
            if told.iter().any(Told::is_hidden) {
                object.insert("hidden".to_owned(), "small".into());
            }
            object
        });
        rows.collect()
    }

    fn table(&self) -> Vec<u8> {
        let mut header = Vec::new();
        for dimension in self.plan.dimensions() {
            header.push(dimension.clone());
            header.push(format!("{dimension} label"));
        }
        for column in self.plan.columns() {
            let name = column.name();
            header.extend(shown::header(column));
            if self.compared(column).is_some() {
                header.extend([format!("before({name})"), format!("change({name})")]);
            }
        }
        header.push("hidden".to_owned());
        let rows = self.plan.rows().iter().map(|row| {
            let mut fields = Vec::new();
            for (code, label) in &row.nodes {
                fields.push(code.clone());
                fields.push(label.nl.clone());
            }
            let told = self.told(row);
            fields.extend(told.iter().flat_map(Told::cells));
            let hidden = told.iter().any(Told::is_hidden);
            fields.push(if hidden { "small".to_owned() } else { String::new() });
            fields
        });
        csv(&header, rows)
    }
}

fn sources(permit: &Permit<'_>, cells: &EpochCells) -> Vec<SourceMeta> {
    let organisations = &permit.policies().organisations;
    cells
        .completeness
        .sources
        .iter()
        .map(|source| SourceMeta {
            dataset: source.dataset.clone(),
            holder: HolderMeta::new(
                source.holder.clone(),
                source
                    .holder
                    .parse()
                    .ok()
                    .and_then(|oin| organisations.by_oin(&oin))
                    .map(|holder| &holder.slug),
            ),
            status: if source.as_of_us.is_some() {
                "complete"
            } else {
                "missing"
            },
            as_of: source
                .as_of_us
                .and_then(|us| jiff::Timestamp::from_microsecond(us).ok())
                .map(|at| at.to_string()),
        })
        .collect()
}
