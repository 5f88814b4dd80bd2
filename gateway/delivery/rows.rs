//! Rows from a stream of bytes, one at a time: a row has a greatest length, a delivery a greatest size.

use doelpoort_core::catalogue::Raw;
use futures_util::StreamExt as _;
use serde_json::{Map, Value};
use tokio::io::AsyncRead;
use tokio_util::codec::{FramedRead, LinesCodec, LinesCodecError};
use zeroize::Zeroize;

use super::RowFormat;
use crate::keys::Digesting;

/// The most of each that one delivery may have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) bytes: u64,
    pub(super) row_bytes: usize,
    pub(super) rows: u64,
}

/// Why no more rows can be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    /// The connection broke off, or what was packed cannot be unpacked.
    #[error("the body broke off")]
    Broken,
    /// The header row is missing or names a column twice.
    #[error("the header row is not usable")]
    Header,
    /// More bytes or rows than a delivery may have.
    #[error("the delivery is too large")]
    TooLarge,
}

/// What was sent of a row, each with its name.
pub(super) type Cells<'r> = Vec<(&'r str, Raw<'r>)>;

/// One row as it was sent.
pub(super) enum SentRow {
    /// A JSON object.
    Json(Map<String, Value>),
    /// CSV fields, in the order of the header.
    Fields(Vec<String>),
    /// Not a row: not JSON, not an object, longer than a row may be, or with another number of fields.
    Malformed(&'static str),
}

/// Reads rows.
pub(super) struct Rows<R> {
    lines: FramedRead<R, LinesCodec>,
    format: RowFormat,
    bounds: Bounds,
    bytes: u64,
    number: u64,
    header: Vec<String>,
    digest: Digesting,
}

impl<R: AsyncRead + Unpin> Rows<R> {
    /// Rows of this body; for CSV the header is read.
    pub(super) async fn new(
        body: R,
        format: RowFormat,
        bounds: Bounds,
        digest: Digesting,
    ) -> Result<Self, ReadError> {
        let lines = FramedRead::new(body, LinesCodec::new_with_max_length(bounds.row_bytes));
        let mut rows = Self {
            lines,
            format,
            bounds,
            bytes: 0,
            number: 0,
            header: Vec::new(),
            digest,
        };
        if format == RowFormat::Csv {
            rows.header = match rows.record().await? {
                Some(Ok(line)) => fields(line.trim_start_matches('\u{feff}')).ok_or(ReadError::Header)?,
                Some(Err(_)) | None => return Err(ReadError::Header),
            };
            let mut sorted = rows.header.clone();
            sorted.sort();
            if sorted.windows(2).any(|pair| pair.first() == pair.last()) {
                return Err(ReadError::Header);
            }
        }
        Ok(rows)
    }

    /// The columns of a CSV.
    pub(super) fn header(&self) -> &[String] {
        &self.header
    }

    /// The next row with its number, from 1; empty lines are passed over.
    pub(super) async fn next(&mut self) -> Result<Option<(u64, SentRow)>, ReadError> {
        loop {
            let Some(record) = self.record().await? else {
                return Ok(None);
            };
            if record.as_ref().is_ok_and(|line| line.trim().is_empty()) {
                continue;
            }
            self.number += 1;
            if self.number > self.bounds.rows {
                return Err(ReadError::TooLarge);
            }
            let row = match record {
                Err(code) => SentRow::Malformed(code),
                Ok(mut line) => {
                    let row = self.parse(&line);
                    line.zeroize();
                    row
                }
            };
            return Ok(Some((self.number, row)));
        }
    }

    /// The keyed digest of all that was read.
    pub(super) fn digest(self) -> [u8; 32] {
        self.digest.finish()
    }

    fn parse(&self, line: &str) -> SentRow {
        match self.format {
            RowFormat::Ndjson => match serde_json::from_str::<Value>(line) {
                Ok(Value::Object(object)) => SentRow::Json(object),
                Ok(_) => SentRow::Malformed("not-an-object"),
                Err(_) => SentRow::Malformed("malformed-json"),
            },
            RowFormat::Csv => match fields(line) {
                Some(fields) if fields.len() == self.header.len() => SentRow::Fields(fields),
                Some(_) => SentRow::Malformed("wrong-number-of-fields"),
                None => SentRow::Malformed("malformed-csv"),
            },
        }
    }

    /// One line; of a CSV as many lines as its open quotes reach over. A line that is too long is a mistake in one
    /// row: the codec passes over the rest of it.
    async fn record(&mut self) -> Result<Option<Result<String, &'static str>>, ReadError> {
        let mut record = String::new();
        loop {
            match self.lines.next().await {
                None if record.is_empty() => return Ok(None),
                None => return Ok(Some(Err("malformed-csv"))),
                Some(Err(LinesCodecError::MaxLineLengthExceeded)) => return Ok(Some(Err("row-too-long"))),
                Some(Err(LinesCodecError::Io(error))) if error.kind() == std::io::ErrorKind::InvalidData => {
                    return Ok(Some(Err("not-utf-8")));
                }
                Some(Err(LinesCodecError::Io(_))) => return Err(ReadError::Broken),
                Some(Ok(mut line)) => {
                    self.count(&line)?;
                    record.push_str(&line);
                    line.zeroize();
                    let open = self.format == RowFormat::Csv && record.matches('"').count() % 2 == 1;
                    if !open {
                        return Ok(Some(Ok(record)));
                    }
                    record.push('\n');
                    if record.len() > self.bounds.row_bytes {
                        return Ok(Some(Err("row-too-long")));
                    }
                }
            }
        }
    }

    fn count(&mut self, line: &str) -> Result<(), ReadError> {
        self.digest.update(line.as_bytes());
        self.digest.update(b"\n");
        self.bytes += u64::try_from(line.len()).unwrap_or(u64::MAX) + 1;
        if self.bytes > self.bounds.bytes {
            Err(ReadError::TooLarge)
        } else {
            Ok(())
        }
    }
}

/// The fields of one CSV record.
fn fields(record: &str) -> Option<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(record.as_bytes());
    let mut records = reader.records();
    let fields = records.next()?.ok()?.iter().map(str::to_owned).collect();
    records.next().is_none().then_some(fields)
}

impl SentRow {
    /// Its cells by column, without those of the pupil; and those of the pupil by kind of identifier.
    pub(super) fn split<'r>(&'r self, header: &'r [String]) -> (Cells<'r>, Cells<'r>) {
        const PUPIL: &str = "pupil";
        match self {
            Self::Malformed(_) => (Vec::new(), Vec::new()),
            Self::Fields(fields) => {
                let cells = header
                    .iter()
                    .zip(fields)
                    .map(|(name, text)| (name.as_str(), Raw::Text(text)));
                let (pupil, others): (Vec<_>, Vec<_>) =
                    cells.partition(|(name, _)| name.starts_with("pupil."));
                let pupil = pupil
                    .into_iter()
                    .map(|(name, raw)| (name.split_at(PUPIL.len() + 1).1, raw))
                    .collect();
                (others, pupil)
            }
            Self::Json(object) => {
                let mut others = Vec::with_capacity(object.len());
                let mut pupil = Vec::new();
                for (name, value) in object {
                    match value {
                        Value::Object(kinds) if name == PUPIL => {
                            pupil.extend(
                                kinds
                                    .iter()
                                    .map(|(kind, value)| (kind.as_str(), Raw::Json(value))),
                            );
                        }
                        _ => others.push((name.as_str(), Raw::Json(value))),
                    }
                }
                (others, pupil)
            }
        }
    }
}

/// What was sent is wiped once it has been read: it names pupils.
impl Drop for SentRow {
    fn drop(&mut self) {
        match self {
            Self::Malformed(_) => {}
            Self::Fields(fields) => fields.iter_mut().for_each(Zeroize::zeroize),
            Self::Json(object) => object.values_mut().for_each(wipe),
        }
    }
}

fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(wipe),
        Value::Object(members) => members.values_mut().for_each(wipe),
        Value::Bool(_) | Value::Null | Value::Number(_) => {}
    }
}
