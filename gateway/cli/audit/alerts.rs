//! `doelpoort audit alerts`: what the data protection officer (FG) should look at.

use std::error::Error;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{ValueEnum, ValueHint};
use doelpoort_core::audit::alert::{Alert, Thresholds, verifier_failure};
use doelpoort_core::audit::leaf::Micros;
use doelpoort_core::audit::record::time;
use doelpoort_core::request::LookCommand;
use doelpoort_core::text::Language;

use super::filter::moment;
use super::look::Sought;
use super::{EntriesArgs, FOUND, read};
use crate::audit::{OpenPrivate, alerts, opening};
use crate::clock::{Clock as _, SystemClock};
use crate::fg::{FgPrivateKeys, Reader};

#[derive(Debug, clap::Args)]
pub(super) struct Alerts {
    #[command(flatten)]
    entries: EntriesArgs,
    /// Only those from this day or moment on: `2026-11-01` (in UTC) or `2026-11-01T08:00:00Z`
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    since: Option<Micros>,
    /// The FG's limits, TOML; the defaults without it
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    limits: Option<PathBuf>,
    /// The log's public key: also verify the whole log, and tell if it is not intact
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    key: Option<PathBuf>,
    /// As the FG: also the rules about persons, which need the private parts (`doelpoort fg new`)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    fg_key: Option<PathBuf>,
    /// How they look
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// In which language they are explained
    #[arg(long, value_enum, default_value_t = Tongue::Nl)]
    language: Tongue,
    /// Print the rules with their limits, as a file for `--limits`, and look at no log
    #[arg(long)]
    explain: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// A JSON object a line
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Tongue {
    /// Nederlands
    Nl,
    /// English
    En,
}

impl Alerts {
    pub(super) async fn run(self) -> Result<ExitCode, Box<dyn Error>> {
        let limits = limits(self.limits.as_deref())?;
        let mut out = std::io::stdout().lock();
        if self.explain {
            out.write_all(limits.explained().as_bytes())?;
            return Ok(ExitCode::SUCCESS);
        }
        let now = SystemClock.now().as_microsecond();
        let keys = self.fg_key.as_deref().map(FgPrivateKeys::read).transpose()?;
        let key = self.key.as_deref().map(super::verify::key).transpose()?;
        let sought = Sought {
            command: LookCommand::Alerts,
            what: "what should be looked at".to_owned(),
            log: key.as_ref(),
            keys: keys.as_ref(),
        };
        let log = self.entries.look(sought).await?;
        let entries = &log.entries;
        let origin = entries.origin().await?;
        let mut open = keys.as_ref().map(|keys| opening(Reader::new(&origin, keys)));
        let open = open.as_mut().map(|open| open as &mut OpenPrivate<'_>);
        let mut found = alerts(entries, limits, self.since, now, open).await?;
        if let Some(key) = &key {
            let report = super::verify::whole(entries, key, None).await?;
            found.extend(verifier_failure(&report, now));
        }
        entries.close().await;
        for alert in &found {
            match self.format {
                Format::Json => writeln!(out, "{}", serde_json::to_string(alert)?)?,
                Format::Text => writeln!(out, "{}", told(alert, self.language))?,
            }
        }
        if found.is_empty() {
            return Ok(ExitCode::SUCCESS);
        }
        Ok(ExitCode::from(FOUND))
    }
}

/// The limits of a file; the defaults without one.
pub(super) fn limits(file: Option<&Path>) -> Result<Thresholds, Box<dyn Error>> {
    let Some(file) = file else {
        return Ok(Thresholds::default());
    };
    Thresholds::parse(&read(file)?).map_err(|error| format!("`{}`: {error}", file.display()).into())
}

fn told(alert: &Alert, language: Tongue) -> String {
    let language = match language {
        Tongue::Nl => Language::Dutch,
        Tongue::En => Language::English,
    };
    let mut facts = Vec::new();
    let mut say = |name: &str, value: Option<String>| {
        facts.extend(value.map(|value| format!("{name} {value}")));
    };
    say("entry", alert.index.map(|index| index.to_string()));
    say("organisation", alert.organisation.clone());
    say("purpose", alert.purpose.clone());
    say("dataset", alert.dataset.clone());
    say("person", alert.person.as_ref().map(|person| person.0.clone()));
    if alert.limit > 0 {
        say("found", Some(format!("{} (limit {})", alert.found, alert.limit)));
    }
    format!(
        "{} {}: {}\n  {}",
        time(alert.time),
        alert.code.name(),
        alert.meaning.in_language(language),
        facts.join(", ")
    )
}
