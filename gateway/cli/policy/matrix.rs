//! `doelpoort policy matrix`.

use std::error::Error;
use std::io::Write;
use std::path::PathBuf;

use clap::Parser;
use doelpoort_core::policy::Policies;
use doelpoort_core::policy::tools::matrix::{self, COLUMNS};
use jiff::Timestamp;

use crate::cli::output::{Format, table};
use crate::policies;

/// Lists everything that anyone can get while all purposes act.
#[derive(Debug, Parser)]
pub(super) struct Matrix {
    /// The policies folder.
    policies: PathBuf,
    /// Name of the gateway's deployment: what vendors get under their mandates is listed too.
    #[arg(long)]
    deployment: Option<String>,
    /// How it looks.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

pub(super) fn matrix(args: &Matrix, now: Timestamp, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let policies = match &args.deployment {
        Some(deployment) => policies::load(&args.policies, deployment, now)?,
        None => Policies::as_if_signed(&policies::draft(&args.policies)?),
    };
    let rows = matrix::matrix(&policies);
    match args.format {
        Format::Json => writeln!(out, "{}", serde_json::to_string_pretty(&rows)?)?,
        Format::Csv => {
            let mut csv = ::csv::Writer::from_writer(&mut *out);
            csv.write_record(COLUMNS)?;
            rows.iter().try_for_each(|row| csv.write_record(row.cells()))?;
            csv.flush()?;
        }
        Format::Table => {
            let named = |row: &matrix::Row| {
                let names = COLUMNS.map(str::to_owned).into_iter();
                names.zip(row.cells()).collect()
            };
            let rows: Vec<Vec<(String, String)>> = rows.iter().map(named).collect();
            writeln!(out, "{}", table(&rows))?;
        }
    }
    Ok(())
}
