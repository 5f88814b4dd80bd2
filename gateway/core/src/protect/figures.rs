//! Figures: every planned cell, shown or hidden, alike in form.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::extract::EpochCells;
use crate::plan::FiguresPlan;
use crate::policy::decide::Permit;
use crate::purpose::Mechanism;

mod shown;

use shown::Shown;

use super::meta::{HolderMeta, PurposeMeta, SourceMeta, TermsMeta};
use super::{Format, RenderError, Rendered, csv, rows_json};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    purpose: PurposeMeta,
    #[serde(flatten)]
    terms: TermsMeta,
    epoch: String,
    figures: Figures,
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
    if cells.values.len() != plan.keys().len() {
        return Err(RenderError::OtherPlan);
    }
    let shown = Shown::new(plan, &cells.values);
    let data = match format {
        Format::Csv => table(plan, &shown),
        Format::Json | Format::Ndjson => rows_json(&objects(plan, &shown), format)?,
    };
    let meta = serde_json::to_vec(&Meta {
        purpose: PurposeMeta::of(permit),
        terms: TermsMeta::of(permit),
        epoch: cells.epoch.to_string(),
        figures: Figures {
            mechanism: plan.mechanism().name(),
            additive: false,
            rounding: rounding(plan),
        },
        sources: sources(permit, cells),
        completeness: Counted {
            holders: cells
                .completeness
                .sources
                .iter()
                .filter(|source| source.as_of_us.is_some())
                .count(),
            of: cells.completeness.sources.len(),
        },
    })?;
    Ok(Rendered {
        data,
        meta,
        rows: u64::try_from(plan.rows().len()).unwrap_or(u64::MAX),
    })
}

/// The base of what is shown: a table was rounded when it was published, and a holder may ask for more.
fn rounding(plan: &FiguresPlan) -> u32 {
    match plan.mechanism() {
        Mechanism::CellKey => plan.round(),
        Mechanism::SuppressRound(rule) => plan.round().max(rule.base),
    }
}

fn objects(plan: &FiguresPlan, shown: &Shown<'_>) -> Vec<Map<String, Value>> {
    plan.rows()
        .iter()
        .map(|row| {
            let mut object = Map::new();
            for (dimension, (code, label)) in plan.dimensions().iter().zip(&row.nodes) {
                object.insert(dimension.clone(), json!({ "code": code, "label": label.nl }));
            }
            let mut hidden = false;
            for (column, figure) in plan.columns().iter().zip(&row.figures) {
                let value = shown.figure(column, figure);
                hidden |= value.is_hidden();
                object.insert(column.name(), value.to_json());
            }
            if hidden {
                object.insert("hidden".to_owned(), "small".into());
            }
            object
        })
        .collect()
}

fn table(plan: &FiguresPlan, shown: &Shown<'_>) -> Vec<u8> {
    let mut header = Vec::new();
    for dimension in plan.dimensions() {
        header.push(dimension.clone());
        header.push(format!("{dimension} label"));
    }
    header.extend(plan.columns().iter().flat_map(shown::header));
    header.push("hidden".to_owned());
    let rows = plan.rows().iter().map(|row| {
        let mut fields = Vec::new();
        for (code, label) in &row.nodes {
            fields.push(code.clone());
            fields.push(label.nl.clone());
        }
        let mut hidden = false;
        for (column, figure) in plan.columns().iter().zip(&row.figures) {
            let value = shown.figure(column, figure);
            hidden |= value.is_hidden();
            fields.extend(value.cells());
        }
        fields.push(if hidden { "small".to_owned() } else { String::new() });
        fields
    });
    csv(&header, rows)
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
