//! Records: the columns that were asked, each as coarse as granted, under the pseudonym.

use serde::{Serialize, Serializer};

use jiff::civil::Date;

use crate::catalogue::{Catalogue, Value};
use crate::plan::RecordsPlan;
use crate::policy::decide::Permit;
use crate::pseudonym::Pseudonym;
use crate::pseudonymise::PseudonymRow;

use super::coarsen::coarsen;
use super::meta::{PurposeMeta, SourceMeta, TermsMeta, asleep};
use super::{Format, RenderError, Rendered, csv, rows_json};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    purpose: PurposeMeta,
    #[serde(flatten)]
    terms: TermsMeta,
    at: String,
    /// Where rows were released at the close of an epoch: how many are alike at least.
    #[serde(skip_serializing_if = "Option::is_none")]
    k_anonymity: Option<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sources: Vec<SourceMeta>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

pub(super) fn render(
    permit: &Permit<'_>,
    plan: &RecordsPlan,
    rows: &[PseudonymRow],
    epoch: Option<Date>,
    (next_cursor, format): (Option<String>, Format),
) -> Result<Rendered, RenderError> {
    let catalogue = &permit.policies().catalogue;
    let data = match format {
        Format::Csv => table(catalogue, plan, rows),
        Format::Json | Format::Ndjson => {
            let header = header(plan);
            let object = |row| Object {
                catalogue,
                plan,
                header: &header,
                row,
            };
            let objects: Vec<_> = rows.iter().map(object).collect();
            rows_json(&objects, format)?
        }
    };
    let meta = serde_json::to_vec(&Meta {
        purpose: PurposeMeta::of(permit),
        terms: TermsMeta::of(permit),
        at: epoch.unwrap_or(plan.at()).to_string(),
        k_anonymity: plan.k(),
        sources: asleep(permit, plan.parts().iter()),
        next_cursor,
    })?;
    Ok(Rendered {
        data,
        meta,
        rows: u64::try_from(rows.len()).unwrap_or(u64::MAX),
    })
}

/// The names of the columns, in the order of the answer.
fn header(plan: &RecordsPlan) -> Vec<String> {
    let pseudonym = plan.pseudonym().then(|| "pseudonym".to_owned());
    let previous = has_previous(plan).then(|| "previousPseudonyms".to_owned());
    let columns = plan.columns().iter().map(|column| column.field.to_string());
    pseudonym.into_iter().chain(previous).chain(columns).collect()
}

/// Whether rows also tell what their pupils were called before. Every answer of a grant is of one form, whether there is
/// anything to tell or not.
fn has_previous(plan: &RecordsPlan) -> bool {
    plan.pseudonym() && plan.overlap_days() > 0
}

/// What stands in one place of the answer. Text that is given as it is stays where it is: there is one for each place
/// of each row.
enum Cell<'a> {
    Text(&'a str),
    Previous(&'a [Pseudonym]),
    Json(serde_json::Value),
}

impl Serialize for Cell<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Previous(previous) => serializer.collect_seq(previous.iter().map(Pseudonym::as_str)),
            Self::Json(value) => value.serialize(serializer),
        }
    }
}

/// The values of a row, in the order of the header.
fn values<'a>(
    catalogue: &'a Catalogue,
    plan: &'a RecordsPlan,
    row: &'a PseudonymRow,
) -> impl Iterator<Item = Cell<'a>> + 'a {
    let pseudonym = plan.pseudonym().then(|| Cell::Text(row.pseudonym.as_str()));
    let columns =
        plan.columns()
            .iter()
            .zip(&row.raw.values)
            .map(|(column, value)| match (&column.generalise, value) {
                (None, Some(Value::Text(text))) => Cell::Text(text),
                // It was made so coarse when it was released.
                (Some(_), Some(Value::Text(text))) if plan.released().is_some() => Cell::Text(text),
                (_, None) => Cell::Json(serde_json::Value::Null),
                (generalise, Some(value)) => {
                    let coarse = coarsen(catalogue, &column.field, generalise.as_ref(), value);
                    Cell::Json(coarse.unwrap_or(serde_json::Value::Null))
                }
            });
    let previous = has_previous(plan).then_some(Cell::Previous(&row.previous));
    pseudonym.into_iter().chain(previous).chain(columns)
}

/// A row as a JSON object, written straight to the answer's bytes.
struct Object<'a> {
    catalogue: &'a Catalogue,
    plan: &'a RecordsPlan,
    header: &'a [String],
    row: &'a PseudonymRow,
}

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let values = values(self.catalogue, self.plan, self.row);
        serializer.collect_map(self.header.iter().zip(values))
    }
}

fn table(catalogue: &Catalogue, plan: &RecordsPlan, rows: &[PseudonymRow]) -> Vec<u8> {
    let field = |cell| match cell {
        Cell::Text(text) => text.to_owned(),
        // A pseudonym has no space.
        Cell::Previous(previous) => previous
            .iter()
            .map(Pseudonym::as_str)
            .collect::<Vec<_>>()
            .join(" "),
        Cell::Json(value) => text(&value),
    };
    csv(
        &header(plan),
        rows.iter()
            .map(|row| values(catalogue, plan, row).map(field).collect()),
    )
}

/// A scalar as a CSV field.
pub(super) fn text(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Null => String::new(),
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
