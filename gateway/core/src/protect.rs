//! The last step before the log: values are made as coarse as granted and rendered to their final bytes.
//!
//! What [`protect`] makes is what leaves, to the byte; the log records its digest.

mod coarsen;
mod facts;
mod figures;
mod meant;
mod meta;
mod records;
mod restrict;

use serde::Serialize;

use crate::audit::Hash;
use crate::audit::receipt::answer_digest;
use crate::plan::Plan;
use crate::policy::decide::Permit;
use crate::pseudonymise::{Content, Pseudonymised};
use crate::request::Form;

pub(crate) use coarsen::coarsen;

/// The longest answer that is sent as a whole, in bytes of its `data` and `meta`.
pub const WHOLE_BYTES_MAX: u64 = 64 * 1024;

/// How an answer is written.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Format {
    /// Comma-separated values with a header row (RFC 4180).
    Csv,
    /// One JSON document.
    #[default]
    Json,
    /// One JSON object a line; `meta` comes before the receipt.
    Ndjson,
}

/// The final bytes of an answer, readable only as a digest until a receipt lets them out.
///
/// The bytes of a release cannot be read or serialised; only an `Answer` lets them out.
///
/// ```compile_fail,E0616
/// fn leak(release: doelpoort_core::protect::Release) -> Vec<u8> {
///     release.data
/// }
/// ```
///
/// ```compile_fail,E0277
/// fn leak(release: &doelpoort_core::protect::Release) -> String {
///     serde_json::to_string(release).unwrap_or_default()
/// }
/// ```
///
/// ```
/// fn digest(release: &doelpoort_core::protect::Release) -> [u8; 32] {
///     release.digest()
/// }
/// ```
pub struct Release {
    pub(crate) data: Vec<u8>,
    pub(crate) meta: Vec<u8>,
    pub(crate) format: Format,
    digest: Hash,
    form: Form,
    rows: u64,
}

impl Release {
    /// SHA-256 of the exact `data` and `meta` bytes.
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// The form of the answer.
    pub fn form(&self) -> Form {
        self.form
    }

    /// How many bytes its `data` and `meta` have.
    pub fn bytes(&self) -> u64 {
        u64::try_from(self.data.len() + self.meta.len()).unwrap_or(u64::MAX)
    }

    /// Whether it is so long that it leaves in pieces, and an entry of its own tells how far it came. What is shorter is with
    /// the system as soon as it is begun.
    pub fn is_sent_in_pieces(&self) -> bool {
        self.bytes() > WHOLE_BYTES_MAX
    }

    /// How many rows the answer lists, hidden ones included.
    pub fn rows(&self) -> u64 {
        self.rows
    }
}

impl std::fmt::Debug for Release {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Release({} rows)", self.rows)
    }
}

/// What the shell adds to `meta`.
#[derive(Clone, Debug, Default)]
pub struct Envelope {
    /// The sealed cursor of the next page.
    pub next_cursor: Option<String>,
    /// How the answer is written.
    pub format: Format,
    /// By which its state can be asked later, of what takes its time.
    pub reference: Option<String>,
}

/// Renders an answer to its final bytes.
///
/// # Errors
/// When a value cannot be rendered, which no value of the catalogue is.
pub fn protect(
    permit: &Permit<'_>,
    plan: &Plan,
    pseudonymised: Pseudonymised,
    envelope: Envelope,
) -> Result<Release, RenderError> {
    let form = permit.form();
    let format = envelope.format;
    let rendered = match (pseudonymised.0, plan) {
        (Content::Cells(cells), Plan::Figures(plan)) => figures::render(permit, plan, &cells, format)?,
        (Content::Facts(rows), Plan::Facts(plan)) => facts::render(permit, plan, &rows, format)?,
        (Content::Records { rows, epoch, .. }, Plan::Records(plan)) => {
            records::render(permit, plan, &rows, epoch, (envelope.next_cursor, format))?
        }
        (Content::Meant(_), Plan::Meant(plan)) => {
            meant::render(permit, plan, &envelope.reference.unwrap_or_default(), format)?
        }
        (Content::Facts(rows), Plan::Restrict(plan)) => restrict::render(permit, plan, &rows, format)?,
        _ => return Err(RenderError::OtherForm),
    };
    Ok(Release {
        digest: answer_digest(&rendered.data, &rendered.meta),
        data: rendered.data,
        meta: rendered.meta,
        format,
        form,
        rows: rendered.rows,
    })
}

/// Why an answer could not be rendered.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The rows are of another form than the plan.
    #[error("the rows are of another form than the plan")]
    OtherForm,
    /// There are more or fewer cells than were planned.
    #[error("the cells are not those of the plan")]
    OtherPlan,
    /// A value has no JSON.
    #[error("a value cannot be written as JSON")]
    Json(#[from] serde_json::Error),
}

struct Rendered {
    data: Vec<u8>,
    meta: Vec<u8>,
    rows: u64,
}

/// How long a row is about, so that the answer seldom moves while it grows.
const ROW_BYTES: usize = 160;

/// Writes rows that serialise as JSON objects in the format asked; CSV takes the columns in this order.
fn rows_json(rows: &[impl Serialize], format: Format) -> Result<Vec<u8>, RenderError> {
    match format {
        Format::Json => {
            let mut bytes = Vec::with_capacity(rows.len().saturating_mul(ROW_BYTES));
            serde_json::to_writer(&mut bytes, rows)?;
            Ok(bytes)
        }
        Format::Ndjson => {
            let mut bytes = Vec::new();
            for row in rows {
                serde_json::to_writer(&mut bytes, row)?;
                bytes.push(b'\n');
            }
            Ok(bytes)
        }
        Format::Csv => Ok(Vec::new()),
    }
}

/// A CSV document: a header and rows, each field quoted where RFC 4180 needs it.
///
/// A field that a spreadsheet would run as a formula is quoted with a leading apostrophe.
fn csv(header: &[String], rows: impl Iterator<Item = Vec<String>>) -> Vec<u8> {
    let mut bytes = Vec::new();
    line(&mut bytes, header.iter().map(String::as_str));
    for row in rows {
        line(&mut bytes, row.iter().map(String::as_str));
    }
    bytes
}

/// Whether a spreadsheet would run a field. A negative number is none.
fn is_formula(field: &str) -> bool {
    let negative = || field.bytes().skip(1).all(|byte| byte.is_ascii_digit());
    field.starts_with(['=', '+', '@', '\t', '\r', '\n']) || field.starts_with('-') && !negative()
}

fn line<'a>(bytes: &mut Vec<u8>, fields: impl Iterator<Item = &'a str>) {
    for (position, field) in fields.enumerate() {
        if position > 0 {
            bytes.push(b',');
        }
        let text = if is_formula(field) {
            format!("'{field}")
        } else {
            field.to_owned()
        };
        if text.contains([',', '"', '\n', '\r']) {
            bytes.extend_from_slice(format!("\"{}\"", text.replace('"', "\"\"")).as_bytes());
        } else {
            bytes.extend_from_slice(text.as_bytes());
        }
    }
    bytes.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests;
