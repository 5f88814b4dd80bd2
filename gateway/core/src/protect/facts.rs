//! Facts: for each named pupil its fields, or one answer for not-yours, unknown and none.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::extract::FactRow;
use crate::plan::FactsPlan;
use crate::policy::decide::Permit;

use super::coarsen::coarsen;
use super::meta::{PurposeMeta, SourceMeta, TermsMeta, asleep};
use super::records::text;
use super::{Format, RenderError, Rendered, csv, rows_json};

/// The result where a row in scope was found.
const FOUND: &str = "found";
/// The one result for not-yours, unknown and none.
pub(super) const NONE: &str = "none-or-not-yours";

#[derive(Serialize)]
struct Meta {
    purpose: PurposeMeta,
    #[serde(flatten)]
    terms: TermsMeta,
    at: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sources: Vec<SourceMeta>,
}

pub(super) fn render(
    permit: &Permit<'_>,
    plan: &FactsPlan,
    rows: &[FactRow],
    format: Format,
) -> Result<Rendered, RenderError> {
    let data = match format {
        Format::Csv => table(permit, plan, rows),
        Format::Json | Format::Ndjson => {
            let objects: Vec<_> = rows.iter().map(|row| object(permit, plan, row)).collect();
            rows_json(&objects, format)?
        }
    };
    let meta = serde_json::to_vec(&Meta {
        purpose: PurposeMeta::of(permit),
        terms: TermsMeta::of(permit),
        at: plan.at().to_string(),
        sources: asleep(permit, std::iter::once(plan.part())),
    })?;
    Ok(Rendered {
        data,
        meta,
        rows: u64::try_from(rows.len()).unwrap_or(u64::MAX),
    })
}

/// The fields of one pupil, in the order of the question; all of them empty where there is nothing to tell.
fn fields(permit: &Permit<'_>, plan: &FactsPlan, row: &FactRow) -> Vec<(String, Value)> {
    let catalogue = &permit.policies().catalogue;
    let value = |position: usize| row.values.as_ref()?.get(position)?.as_ref();
    plan.fields()
        .iter()
        .enumerate()
        .map(|(position, (field, generalise))| {
            let coarse = value(position).and_then(|v| coarsen(catalogue, field, generalise.as_ref(), v));
            (field.to_string(), coarse.unwrap_or(Value::Null))
        })
        .collect()
}

fn object(permit: &Permit<'_>, plan: &FactsPlan, row: &FactRow) -> Map<String, Value> {
    let mut object = Map::new();
    object.insert("ref".to_owned(), row.reference.as_str().into());
    object.insert(
        "result".to_owned(),
        if row.values.is_some() { FOUND } else { NONE }.into(),
    );
    if !plan.exists() {
        object.insert(
            "fields".to_owned(),
            Value::Object(fields(permit, plan, row).into_iter().collect()),
        );
    }
    object
}

fn table(permit: &Permit<'_>, plan: &FactsPlan, rows: &[FactRow]) -> Vec<u8> {
    let header: Vec<String> = ["ref".to_owned(), "result".to_owned()]
        .into_iter()
        .chain(plan.fields().iter().map(|(field, _)| field.to_string()))
        .collect();
    csv(
        &header,
        rows.iter().map(|row| {
            let result = if row.values.is_some() { FOUND } else { NONE };
            [row.reference.clone(), result.to_owned()]
                .into_iter()
                .chain(fields(permit, plan, row).iter().map(|(_, value)| text(value)))
                .collect()
        }),
    )
}
