//! `doelpoort audit report`: the report on a month, as data.

use std::error::Error;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{ValueEnum, ValueHint};
use doelpoort_core::audit::day::Month;
use doelpoort_core::audit::month::{Making, Others, ReviewedSample};
use doelpoort_core::audit::record::time;
use doelpoort_core::request::LookCommand;

use super::look::Sought;
use super::{EntriesArgs, FOUND, read};
use crate::audit::{OpenPrivate, Sample, alerts, opening};
use crate::clock::{Clock as _, SystemClock};
use crate::fg::{FgPrivateKeys, Reader};
use crate::log::Vouched;

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
    #[command(flatten)]
    others: super::verify::Others,
    /// As the FG: also the alerts about persons, which need the private parts (`doelpoort fg new`)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    fg_key: Option<PathBuf>,
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
        let keys = self.fg_key.as_deref().map(FgPrivateKeys::read).transpose()?;
        let sought = Sought {
            command: LookCommand::Report,
            what: format!("the report on {}", self.month),
            log: Some(&key),
            keys: keys.as_ref(),
        };
        let log = self.entries.look(sought).await?;
        let entries = &log.entries;
        let verified = super::verify::whole(entries, &key, against.as_deref()).await?;
        let now = SystemClock.now().as_microsecond();
        let mut open = keys.as_ref().map(|keys| opening(Reader::new(key.name(), keys)));
        let open = open.as_mut().map(|open| open as &mut OpenPrivate<'_>);
        let mut found = alerts(entries, limits, None, now, open).await?;
        found.retain(|alert| Month::of(alert.time) == self.month);
        let mut making = Making::new(self.month);
        entries
            .each(0..verified.size, |entry| {
                making.entry(entry.index, &entry.leaf);
                Ok(())
            })
            .await?;
        let others = if self.others.is_asked() {
            self.others.verify(entries, &key).await?
        } else {
            None
        };
        entries.close().await;
        let software = concat!("doelpoort ", env!("CARGO_PKG_VERSION"));
        let mut report = making.finish(&verified, found, samples, software);
        let fits = others.as_ref().is_none_or(|(_, fits)| *fits);
        report.others = others.map(|(vouched, _)| told(vouched));
        let mut out = std::io::stdout().lock();
        match self.format {
            Format::Json => writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?,
            Format::Text => write!(out, "{report}")?,
        }
        if report.integrity.intact && fits {
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

fn told(vouched: Vouched) -> Others {
    Others {
        witnesses: vouched.witnesses.into_iter().collect(),
        cosignatures: vouched.cosignatures,
        witnessed: vouched.witnessed,
        stamps: vouched.stamps,
        last_stamp: vouched.last_stamp.map(|(_, at)| time(at)),
        findings: vouched.findings,
    }
}
