//! What is said to who names pupils by pseudonyms: that it was taken in, and no word of what came of it.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::plan::{Aim, MeantPlan};
use crate::policy::decide::Permit;

use super::meta::PurposeMeta;
use super::{Format, RenderError, Rendered, csv, rows_json};

#[derive(Serialize)]
struct Meta {
    purpose: PurposeMeta,
}

/// The same for every pseudonym that there is or is not.
pub(super) fn render(
    permit: &Permit<'_>,
    plan: &MeantPlan,
    reference: &str,
    format: Format,
) -> Result<Rendered, RenderError> {
    let said = match plan.aim() {
        Aim::Resolve { closes, .. } => json!({
            "id": reference, "state": "pending", "until": format!("{closes}T00:00:00Z"),
        }),
        Aim::Translate { .. } => json!({ "state": "taken", "values": plan.pupils().len() }),
    };
    let object: Map<String, Value> = said.as_object().cloned().unwrap_or_default();
    let data = match format {
        Format::Csv => {
            let header: Vec<String> = object.keys().cloned().collect();
            let row = object.values().map(super::records::text).collect();
            csv(&header, std::iter::once(row))
        }
        Format::Json | Format::Ndjson => rows_json(&[object], format)?,
    };
    let meta = serde_json::to_vec(&Meta {
        purpose: PurposeMeta::of(permit),
    })?;
    Ok(Rendered { data, meta, rows: 1 })
}
