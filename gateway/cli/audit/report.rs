//! `doelpoort audit report`: the report on a month, as data.

use std::error::Error;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{ValueEnum, ValueHint};
use doelpoort_core::audit::day::Month;
use doelpoort_core::audit::month::{Making, ReviewedSample};

use super::{EntriesArgs, FOUND, read};
use crate::audit::{Sample, alerts};
use crate::clock::{Clock as _, SystemClock};

#[derive(Debug, clap::Args)]
pub(super) struct Report {
    #[command(flatten)]
    entries: EntriesArgs,
    /// The month, such as `2026-11`
    #[arg(long)]
    month: Month,
    /// The log's public key
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    key: PathBuf,
    /// A checkpoint that was kept elsewhere
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    against: Option<PathBuf>,
    /// The FG's limits for alerts, TOML
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    limits: Option<PathBuf>,
    /// A sample that was reviewed; more than once for several
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    sample: Vec<PathBuf>,
    /// How it looks
    #[arg(long, value_enum, default_value_t = Format::Json)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// All of it, as data
    Json,
    /// For people
    Text,
}

impl Report {
    pub(super) async fn run(self) -> Result<ExitCode, Box<dyn Error>> {
        let key = super::verify::key(&self.key)?;
        let against = self.against.as_deref().map(read).transpose()?;
        let limits = super::alerts::limits(self.limits.as_deref())?;
        let samples = self.samples()?;
        let entries = self.entries.open().await?;
        let verified = super::verify::whole(&entries, &key, against.as_deref()).await?;
        let now = SystemClock.now().as_microsecond();
        let mut found = alerts(&entries, limits, None, now, None).await?;
        found.retain(|alert| Month::of(alert.time) == self.month);
        let mut making = Making::new(self.month);
        entries
            .each(0..verified.size, |entry| {
                making.entry(entry.index, &entry.leaf);
                Ok(())
            })
            .await?;
        entries.close().await;
        let software = concat!("doelpoort ", env!("CARGO_PKG_VERSION"));
        let report = making.finish(&verified, found, samples, software);
        let mut out = std::io::stdout().lock();
        match self.format {
            Format::Json => writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?,
            Format::Text => write!(out, "{report}")?,
        }
        if report.integrity.intact {
            return Ok(ExitCode::SUCCESS);
        }
        Ok(ExitCode::from(FOUND))
    }

    fn samples(&self) -> Result<Vec<ReviewedSample>, Box<dyn Error>> {
        let read = |file: &PathBuf| -> Result<ReviewedSample, Box<dyn Error>> {
            let sample: Sample = serde_json::from_str(&read(file)?)
                .map_err(|error| format!("`{}` is no sample: {error}", file.display()))?;
            Ok(sample.reviewed()?)
        };
        self.sample.iter().map(read).collect()
    }
}
