//! Restrictions: which of the named pupils they were entered or lifted for.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::extract::FactRow;
use crate::plan::RestrictPlan;
use crate::policy::decide::Permit;
use crate::request::RestrictAction;

use super::facts::NONE;
use super::meta::PurposeMeta;
use super::{Format, RenderError, Rendered, csv, rows_json};

#[derive(Serialize)]
struct Meta {
    purpose: PurposeMeta,
    kind: &'static str,
    against: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
}

pub(super) fn render(
    permit: &Permit<'_>,
    plan: &RestrictPlan,
    rows: &[FactRow],
    format: Format,
) -> Result<Rendered, RenderError> {
    let done = match plan.action() {
        RestrictAction::Enter => "entered",
        RestrictAction::Lift => "lifted",
    };
    let result = |row: &FactRow| if row.values.is_some() { done } else { NONE };
    let data = match format {
        Format::Csv => {
            let header = ["ref".to_owned(), "result".to_owned()];
            let rows = rows
                .iter()
                .map(|row| vec![row.reference.clone(), result(row).to_owned()]);
            csv(&header, rows)
        }
        Format::Json | Format::Ndjson => {
            let objects: Vec<Map<String, Value>> = rows
                .iter()
                .map(|row| {
                    let pairs = [("ref", row.reference.as_str()), ("result", result(row))];
                    pairs
                        .map(|(key, text)| (key.to_owned(), text.into()))
                        .into_iter()
                        .collect()
                })
                .collect();
            rows_json(&objects, format)?
        }
    };
    let entered = plan.action() == RestrictAction::Enter;
    let meta = serde_json::to_vec(&Meta {
        purpose: PurposeMeta::of(permit),
        kind: plan.kind().as_str(),
        against: plan
            .against()
            .map_or_else(|| "all".to_owned(), ToString::to_string),
        from: entered.then(|| plan.from().to_string()),
        until: plan.until().filter(|_| entered).map(|until| until.to_string()),
    })?;
    Ok(Rendered {
        data,
        meta,
        rows: u64::try_from(rows.len()).unwrap_or(u64::MAX),
    })
}
