//! One row: checked against the catalogue, its pupil known by keyed indexes only.

use doelpoort_core::catalogue::{About, Dataset, Name, Raw, Row, RowReader, Value};
use doelpoort_core::identifier::{Identifier, IdentifierKind};
use doelpoort_core::lp::Part;
use doelpoort_core::party::Oin;
use doelpoort_core::policy::sha256;
use doelpoort_core::pseudonym::SubjectId;
use doelpoort_core::scope::OwnSites;
use jiff::civil::Date;
use zeroize::Zeroizing;

use super::rows::SentRow;
use crate::store::delivery::{FieldValue, RowError};
use crate::store::render::days;

/// The column that marks a row of a delivery of changes as removed.
const REMOVE: &str = "_remove";
/// The field that says at which site something is.
const SITE: &str = "site";
/// How a row names its pupil, in the row key of a dataset.
const PUPIL: &str = "pupil";

/// What a row is checked against.
pub(super) struct Checks<'a> {
    pub(super) reader: RowReader<'a>,
    pub(super) holder: &'a Oin,
    pub(super) sites: OwnSites,
    pub(super) kinds: &'a [IdentifierKind],
    pub(super) changes: bool,
    pub(super) period: Option<(Date, Date)>,
}

/// A row without mistakes.
pub(super) struct CheckedRow {
    pub(super) number: i64,
    pub(super) row: Row,
    pub(super) identifiers: Vec<Identifier>,
    pub(super) local: Option<Zeroizing<String>>,
    pub(super) remove: bool,
}

impl Checks<'_> {
    /// The row, or all its mistakes: row, field and code, never a value.
    pub(super) fn check(
        &self,
        number: u64,
        sent: &SentRow,
        header: &[String],
    ) -> Result<CheckedRow, Vec<RowError>> {
        let number = i64::try_from(number).unwrap_or(i64::MAX);
        let error = |field: &str, code: &str| RowError {
            row: number,
            field: field.to_owned(),
            code: code.to_owned(),
        };
        if let SentRow::Malformed(code) = sent {
            return Err(vec![error("", code)]);
        }
        let (cells, pupil) = sent.split(header);
        let mut errors = Vec::new();
        let (marks, cells): (Vec<_>, Vec<_>) = cells
            .into_iter()
            .partition(|(name, _)| *name == REMOVE && self.changes);
        let remove = marks
            .iter()
            .any(|(_, raw)| matches!(raw, Raw::Text("true") | Raw::Json(serde_json::Value::Bool(true))));
        let (identifiers, local) = self.identify(&pupil, &mut errors, &error);
        let row = match self.reader.read(cells) {
            Ok(row) => Some(row),
            Err(mistakes) => {
                errors.extend(mistakes.iter().map(|mistake| {
                    let field = mistake
                        .field
                        .as_ref()
                        .map(ToString::to_string)
                        .unwrap_or_default();
                    error(&field, mistake.code.as_str())
                }));
                None
            }
        };
        if row.as_ref().is_some_and(|row| !self.in_period(row)) {
            errors.push(error("", "outside-period"));
        }
        if row.as_ref().is_some_and(|row| !self.at_own_site(row)) {
            errors.push(error(SITE, "site-not-yours"));
        }
        match row {
            Some(row) if errors.is_empty() => Ok(CheckedRow {
                number,
                row,
                identifiers,
                local,
                remove,
            }),
            _ => Err(errors),
        }
    }

    /// The pupil's identifiers, of the kinds that this holder may send.
    fn identify(
        &self,
        pupil: &[(&str, Raw<'_>)],
        errors: &mut Vec<RowError>,
        error: &impl Fn(&str, &str) -> RowError,
    ) -> (Vec<Identifier>, Option<Zeroizing<String>>) {
        let mut identifiers = Vec::with_capacity(pupil.len());
        let mut local = None;
        if self.reader.dataset().about != About::Pupil {
            if !pupil.is_empty() {
                errors.push(error(PUPIL, "no-pupil-here"));
            }
            return (identifiers, local);
        }
        for (kind, raw) in pupil.iter().filter(|(_, raw)| !raw.is_empty()) {
            let Ok(kind) = kind.parse::<IdentifierKind>() else {
                errors.push(error(PUPIL, "unknown-identifier-kind"));
                continue;
            };
            let field = format!("{PUPIL}.{kind}");
            let text = match raw {
                Raw::Text(text) => Zeroizing::new((*text).to_owned()),
                Raw::Json(serde_json::Value::String(text)) => Zeroizing::new(text.clone()),
                Raw::Json(_) => {
                    errors.push(error(&field, "wrong-type"));
                    continue;
                }
            };
            if !self.kinds.contains(&kind) {
                errors.push(error(&field, "identifier-kind-not-allowed"));
                continue;
            }
            match Identifier::parse(kind, &text, self.holder) {
                Ok(identifier) => identifiers.push(identifier),
                Err(_) => errors.push(error(&field, "invalid-identifier")),
            }
            if kind == IdentifierKind::Local {
                local = Some(text);
            }
        }
        if identifiers.is_empty() && !errors.iter().any(|known| known.field.starts_with(PUPIL)) {
            errors.push(error(PUPIL, "missing"));
        }
        (identifiers, local)
    }

    /// A row about a site of another party would claim its pupils.
    fn at_own_site(&self, row: &Row) -> bool {
        let dataset = self.reader.dataset();
        let field = dataset.fields.iter().find(|field| field.name.as_str() == SITE);
        match field.and_then(|field| row.value(dataset, &field.name)) {
            Some(Value::Text(site)) => self.sites.include(site),
            _ => true,
        }
    }

    /// A row of a period begins in it.
    fn in_period(&self, row: &Row) -> bool {
        let Some((first, last)) = self.period else {
            return true;
        };
        let since = self.reader.dataset().since.as_ref();
        let since = since
            .and_then(|since| row.value(self.reader.dataset(), since))
            .and_then(Value::as_date);
        since.is_none_or(|since| first <= since && since <= last)
    }
}

/// What names a row within holder, dataset and period: a digest over the pupil and the fields of the dataset's key.
pub(super) fn row_key(dataset: &Dataset, row: &Row, subject: Option<&SubjectId>) -> [u8; 32] {
    let mut message = b"dsg-row\x01".to_vec();
    for part in &dataset.row_key {
        let text = match subject {
            Some(subject) if part.as_str() == PUPIL => subject.as_bytes().to_vec(),
            _ => key_text(dataset, row, part).into_bytes(),
        };
        // A value of the catalogue is far shorter than a part may be.
        if let Ok(part) = Part::new(&text) {
            part.append_to(&mut message);
        }
    }
    sha256(&message)
}

fn key_text(dataset: &Dataset, row: &Row, field: &Name) -> String {
    match row.value(dataset, field) {
        None => String::new(),
        Some(Value::Bool(flag)) => flag.to_string(),
        Some(Value::Date(date)) => date.to_string(),
        Some(Value::Integer(number)) => number.to_string(),
        Some(Value::Text(text)) => text.clone(),
    }
}

/// The stored fields in the order of the table.
pub(super) fn stored_values(dataset: &Dataset, row: &Row) -> Vec<Option<FieldValue>> {
    row.stored(dataset)
        .map(|(_, value)| {
            value.map(|value| match value {
                Value::Bool(flag) => FieldValue::Int(i64::from(*flag)),
                Value::Date(date) => FieldValue::Int(days(*date)),
                Value::Integer(number) => FieldValue::Int(*number),
                Value::Text(text) => FieldValue::Text(text.clone()),
            })
        })
        .collect()
}
