//! Facts: for each named pupil its fields, or one answer for not-yours, unknown and none.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::extract::FactRow;
use crate::plan::FactsPlan;
use crate::policy::decide::Permit;

use super::records::{coarsen, text};
use super::{Format, PurposeMeta, RenderError, Rendered, csv, purpose_meta, rows_json};

/// The result where a row in scope was found.
const FOUND: &str = "found";
/// The one result for not-yours, unknown and none.
const NONE: &str = "none-or-not-yours";

#[derive(Serialize)]
struct Meta {
    purpose: PurposeMeta,
    at: String,
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
        purpose: purpose_meta(permit),
        at: plan.at().to_string(),
    })?;
    Ok(Rendered {
        data,
        meta,
        rows: u64::try_from(rows.len()).unwrap_or(u64::MAX),
    })
}

fn fields(permit: &Permit<'_>, plan: &FactsPlan, row: &FactRow) -> Map<String, Value> {
    let catalogue = &permit.policies().catalogue;
    let mut fields = Map::new();
    for (position, (field, generalise)) in plan.fields().iter().enumerate() {
        let value = row
            .values
            .as_ref()
            .and_then(|values| values.get(position))
            .and_then(Option::as_ref);
        let value = value.and_then(|value| coarsen(catalogue, field, generalise.as_ref(), value));
        fields.insert(field.to_string(), value.unwrap_or(Value::Null));
    }
    fields
}

fn object(permit: &Permit<'_>, plan: &FactsPlan, row: &FactRow) -> Map<String, Value> {
    let mut object = Map::new();
    object.insert("ref".to_owned(), row.reference.as_str().into());
    object.insert(
        "result".to_owned(),
        if row.values.is_some() { FOUND } else { NONE }.into(),
    );
    if !plan.exists() {
        object.insert("fields".to_owned(), Value::Object(fields(permit, plan, row)));
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
                .chain(fields(permit, plan, row).values().map(text))
                .collect()
        }),
    )
}
