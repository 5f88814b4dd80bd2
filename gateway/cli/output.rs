//! What a person or a program reads of an answer: a table, the exact JSON, or CSV.

use std::fmt::Display;
use std::io::{self, Write as _};

use clap::ValueEnum;
use comfy_table::{Table, presets};
use serde_json::Value;

use super::CliError;
use crate::client::{Answer, Row};

/// How an answer looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people: labels, aligned
    Table,
    /// The exact text of the answer, with its receipt
    Json,
    /// The rows, with codes
    Csv,
}

/// One line (or more) on standard output.
pub(super) fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    if !text.ends_with('\n') {
        out.write_all(b"\n")?;
    }
    out.flush()
}

/// One error on standard error.
pub(super) fn print_error(error: &impl Display) {
    let _ = writeln!(io::stderr().lock(), "error: {error}");
}

/// The answer in the asked form.
pub(super) fn answer(answer: &Answer, format: Format) -> Result<String, CliError> {
    match format {
        Format::Json => Ok(answer.text().to_owned()),
        Format::Csv => csv(&flattened(&answer.rows(), Cell::Code)),
        Format::Table => {
            let rows = flattened(&answer.rows(), Cell::Label);
            let mut text = if rows.is_empty() {
                "no rows".to_owned()
            } else {
                table(&rows)
            };
            for line in footer(answer) {
                text.push('\n');
                text.push_str(&line);
            }
            Ok(text)
        }
    }
}

/// What a coded value shows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Cell {
    Code,
    Label,
}

/// Rows as text: nested objects become columns of their own, coded values their code or label.
pub(super) fn flattened(rows: &[Row], cell: Cell) -> Vec<Vec<(String, String)>> {
    rows.iter()
        .map(|Row(members)| {
            let hidden = members.iter().any(|(name, _)| name == "hidden");
            members
                .iter()
                .flat_map(|(name, value)| columns(name, value, cell, hidden))
                .collect()
        })
        .collect()
}

fn columns(name: &str, value: &Value, cell: Cell, hidden: bool) -> Vec<(String, String)> {
    match value {
        Value::Object(members) => match (members.get("code"), members.get("label")) {
            (Some(_), Some(Value::String(label))) if cell == Cell::Label => {
                vec![(name.to_owned(), label.clone())]
            }
            (Some(code), _) => vec![(name.to_owned(), scalar(code))],
            (None, _) => members
                .iter()
                .flat_map(|(name, value)| columns(name, value, cell, hidden))
                .collect(),
        },
        Value::Null if cell == Cell::Label && hidden => vec![(name.to_owned(), "·".to_owned())],
        value => vec![(name.to_owned(), scalar(value))],
    }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// All column names, in the order in which they first appear.
fn names(rows: &[Vec<(String, String)>]) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in rows.iter().flatten() {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    names
}

fn cells<'r>(names: &[&str], row: &'r [(String, String)]) -> Vec<&'r str> {
    let value = |name: &&str| {
        row.iter()
            .find(|(column, _)| column == name)
            .map_or("", |(_, value)| value)
    };
    names.iter().map(value).collect()
}

/// Rows as an aligned table.
pub(super) fn table(rows: &[Vec<(String, String)>]) -> String {
    let names = names(rows);
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_header(&names);
    for row in rows {
        table.add_row(cells(&names, row));
    }
    table.to_string()
}

fn csv(rows: &[Vec<(String, String)>]) -> Result<String, CliError> {
    let names = names(rows);
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    let written = (|| {
        writer.write_record(&names)?;
        for row in rows {
            writer.write_record(cells(&names, row))?;
        }
        writer.flush()?;
        Ok::<_, ::csv::Error>(())
    })();
    written.map_err(|why| CliError::Told(format!("cannot write CSV: {why}")))?;
    let bytes = writer.into_inner().unwrap_or_default();
    Ok(String::from_utf8(bytes).unwrap_or_default())
}

/// Where the answer comes from and where it is in the log.
pub(super) fn footer(answer: &Answer) -> Vec<String> {
    let text = |pointer: &str| {
        answer
            .json()
            .pointer(pointer)
            .map(scalar)
            .filter(|text| !text.is_empty())
    };
    let mut lines = Vec::new();
    if let (Some(purpose), Some(version)) = (text("/meta/purpose/id"), text("/meta/purpose/version")) {
        let epoch = text("/meta/epoch")
            .map(|epoch| format!(", epoch {epoch}"))
            .unwrap_or_default();
        let holders = match (text("/meta/completeness/holders"), text("/meta/completeness/of")) {
            (Some(holders), Some(of)) => format!(", {holders} of {of} holders"),
            _ => String::new(),
        };
        lines.push(format!("purpose {purpose} version {version}{epoch}{holders}"));
    }
    if let (Some(index), Some(origin)) = (text("/receipt/index"), text("/receipt/origin")) {
        lines.push(format!("receipt: entry {index} of {origin}"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rows() -> Vec<Row> {
        let row = |members: &[(&str, Value)]| {
            Row(members
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.clone()))
                .collect())
        };
        vec![
            row(&[
                ("district", json!({ "code": "H", "label": "Haven" })),
                ("sector", json!({ "code": "VO" })),
                ("pupils", json!(34)),
            ]),
            row(&[
                ("district", json!({ "code": "B", "label": "Buiten" })),
                ("sector", json!({ "code": "PO" })),
                ("pupils", json!(null)),
                ("hidden", json!("small")),
            ]),
        ]
    }

    #[test]
    fn people_read_labels_and_programs_codes() {
        insta::assert_snapshot!(table(&flattened(&rows(), Cell::Label)), @"
        ┌──────────┬────────┬────────┬────────┐
        │ district ┆ sector ┆ pupils ┆ hidden │
        ╞══════════╪════════╪════════╪════════╡
        │ Haven    ┆ VO     ┆ 34     ┆        │
        │ Buiten   ┆ PO     ┆ ·      ┆ small  │
        └──────────┴────────┴────────┴────────┘
        ");
        let csv = csv(&flattened(&rows(), Cell::Code)).unwrap();
        assert_eq!(csv, "district,sector,pupils,hidden\nH,VO,34,\nB,PO,,small\n");
    }

    #[test]
    fn members_of_an_object_become_columns() {
        let row = Row(vec![
            ("ref".to_owned(), json!("1")),
            ("fields".to_owned(), json!({ "a.b": true })),
        ]);
        assert_eq!(csv(&flattened(&[row], Cell::Code)).unwrap(), "ref,a.b\n1,true\n");
    }
}
