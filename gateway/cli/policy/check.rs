//! `doelpoort policy check`.

use std::error::Error;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;

use clap::Parser;
use doelpoort_core::catalogue::Name;
use doelpoort_core::figures::bound::Former;
use doelpoort_core::party::Slug;
use doelpoort_core::policy::decide::civil_day;
use doelpoort_core::policy::tools::check::{self, Finding, Settings, Severity};
use doelpoort_core::policy::{Dormant, Policies, PolicyError, Standing, StandingState};
use doelpoort_core::source_text::SourceError;
use doelpoort_core::text::Language;
use jiff::Timestamp;
use serde_json::json;

use super::{Lang, Told};
use crate::config::{Config, Environment};
use crate::epoch::former::former;
use crate::policies::{self, Mistake, PoliciesError};
use crate::store::{Store, StoreOptions};

/// Says every mistake and warning, and for each purpose whether it acts and until when.
#[derive(Debug, Parser)]
pub(super) struct Check {
    /// The policies folder.
    policies: PathBuf,
    /// Name of the gateway's deployment, as in its configuration; without it approvals are not looked at.
    #[arg(long)]
    deployment: Option<String>,
    /// A warning that no purpose explains is a failure too.
    #[arg(long)]
    strict: bool,
    /// How many pupils there are, for the bound of who is unique on shared fields.
    #[arg(long, default_value_t = 35_000)]
    pupils: u64,
    /// A holder that keeps its rows of a dataset at home: `board-41676/enrolment`. May be given several times.
    #[arg(long, value_name = "ORGANISATION/DATASET")]
    live: Vec<Live>,
    /// The gateway's configuration: what its database has released already counts in the bound of figures.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// How it is told.
    #[arg(long, value_enum, default_value_t = Told::Text)]
    format: Told,
    /// The language of warnings.
    #[arg(long, value_enum, default_value_t = Lang::En)]
    lang: Lang,
}

/// A holder and a dataset that it is asked for live.
#[derive(Clone, Debug)]
struct Live(Slug, Name);

impl FromStr for Live {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (slug, dataset) = text
            .split_once('/')
            .ok_or("written as `organisation/dataset`, such as `board-41676/enrolment`")?;
        let slug = slug.parse().map_err(|error| format!("{error}"))?;
        Ok(Self(slug, dataset.parse().map_err(|error| format!("{error}"))?))
    }
}

/// Exits with 1 on errors; with `--strict` also on warnings that nothing explains.
pub(super) fn check(args: &Check, now: Timestamp, out: &mut impl Write) -> Result<ExitCode, Box<dyn Error>> {
    let former = released(args, now)?;
    let (policies, findings, bounds) = match found(args, former, now) {
        Ok(found) => found,
        Err(error) => {
            match args.format {
                Told::Text => writeln!(out, "{error}")?,
                Told::Json => writeln!(out, "{:#}", json!({ "errors": error.json() }))?,
            }
            return Ok(ExitCode::FAILURE);
        }
    };
    match args.format {
        Told::Json => {
            let purposes: Vec<_> = policies
                .iter()
                .flat_map(|policies| states(policies, now))
                .collect();
            writeln!(
                out,
                "{:#}",
                json!({ "errors": [], "findings": findings, "bounds": bounds, "purposes": purposes })
            )?;
        }
        Told::Text => {
            findings
                .iter()
                .try_for_each(|one| finding(one, args.lang.into(), out))?;
            bounds.iter().try_for_each(|line| writeln!(out, "{line}"))?;
            let count = |severity| findings.iter().filter(|one| one.severity == severity).count();
            writeln!(
                out,
                "{} errors, {} warnings, {} explained",
                count(Severity::Error),
                count(Severity::Warning),
                count(Severity::Explained)
            )?;
            if let Some(policies) = &policies {
                tell(policies, now, out)?;
            }
        }
    }
    let worst = findings.iter().map(|one| one.severity).min();
    let failed = worst == Some(Severity::Error) || args.strict && worst == Some(Severity::Warning);
    Ok(if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// Why nothing can be said about the folder but what is wrong with it.
enum Broken {
    Policies(PoliciesError),
    Tables(Vec<SourceError>),
}

type Found = (Option<Policies>, Vec<Finding>, Vec<String>);

/// What is released already, as the database says; none without a configuration.
fn released(args: &Check, now: Timestamp) -> Result<Option<Vec<Former>>, Box<dyn Error>> {
    let Some(file) = &args.config else { return Ok(None) };
    let config = Config::load(file, &Environment::of_process())?;
    let read = async {
        let store = Store::open(config.database.url.expose(), StoreOptions::default()).await?;
        former(&store, &config.deployment.name, civil_day(now)).await
    };
    Ok(Some(tokio::runtime::Handle::current().block_on(read)?))
}

fn found(args: &Check, former: Option<Vec<Former>>, now: Timestamp) -> Result<Found, Broken> {
    let files = policies::read(&args.policies).map_err(Broken::Policies)?;
    let draft = policies::draft_of(&files).map_err(Broken::Policies)?;
    let policies = match &args.deployment {
        Some(deployment) => Some(policies::load(&args.policies, deployment, now).map_err(Broken::Policies)?),
        None => None,
    };
    let settings = Settings {
        now,
        pupils: args.pupils,
        live: args
            .live
            .iter()
            .map(|Live(slug, name)| (slug.clone(), name.clone()))
            .collect(),
        former,
    };
    let findings = check::check(&files, &draft, policies.as_ref(), &settings).map_err(Broken::Tables)?;
    Ok((policies, findings, check::bound::lines(&draft, settings.past())))
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Policies(error) => write!(f, "{error}"),
            Self::Tables(errors) => {
                f.write_str("mistakes in the decision tables")?;
                errors.iter().try_for_each(|error| write!(f, "\n{error}"))
            }
        }
    }
}

impl Broken {
    fn json(&self) -> Vec<serde_json::Value> {
        let placed = |error: &SourceError| json!({ "file": error.file, "line": error.line, "column": error.column, "message": error.message });
        match self {
            Self::Tables(errors) => errors.iter().map(placed).collect(),
            Self::Policies(error) => error
                .mistakes()
                .iter()
                .map(|mistake| match mistake {
                    Mistake::Policy(PolicyError::Source(error)) => placed(error),
                    other => json!({ "message": other.to_string() }),
                })
                .collect(),
        }
    }
}

fn finding(finding: &Finding, language: Language, out: &mut impl Write) -> std::io::Result<()> {
    let Finding {
        file,
        line,
        severity,
        warning,
        message,
        because,
        ..
    } = finding;
    let severity = match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Explained => "explained",
    };
    let message = message.in_language(language);
    writeln!(out, "{severity}: {file}:{line}: {message} [{}]", warning.name())?;
    because
        .iter()
        .try_for_each(|because| writeln!(out, "  {}", because.in_language(language).trim()))
}

fn tell(policies: &Policies, now: Timestamp, out: &mut impl Write) -> std::io::Result<()> {
    for standing in policies.purposes.values() {
        purpose(standing, now, out)?;
    }
    writeln!(
        out,
        "{} purposes, {} mandates",
        policies.purposes.len(),
        policies.mandates.len()
    )
}

fn states(policies: &Policies, now: Timestamp) -> Vec<serde_json::Value> {
    let state = |standing: &Standing| {
        let missing: Vec<_> = match &standing.state {
            StandingState::Active { .. } => Vec::new(),
            StandingState::Asleep { missing } => missing
                .iter()
                .map(|one| json!({ "organisation": one.organisation, "role": one.role, "reason": one.reason.to_string() }))
                .collect(),
        };
        json!({
            "purpose": standing.purpose.id,
            "version": standing.purpose.version,
            "acts": standing.acts(now).is_ok(),
            "missing": missing,
        })
    };
    policies.purposes.values().map(state).collect()
}

fn purpose(standing: &Standing, now: Timestamp, out: &mut impl Write) -> std::io::Result<()> {
    let purpose = &standing.purpose;
    write!(out, "{} {}: ", purpose.id, purpose.version)?;
    match (standing.acts(now), &standing.state) {
        (Ok(()), StandingState::Active { until }) => {
            writeln!(
                out,
                "active; valid until {}, approved until {until}",
                purpose.valid.until
            )
        }
        (Err(Dormant::NotYetValid), _) => writeln!(out, "asleep; valid from {}", purpose.valid.from),
        (Err(Dormant::Expired), _) => writeln!(out, "asleep; was valid until {}", purpose.valid.until),
        (_, StandingState::Active { until }) => writeln!(out, "asleep; approved until {until}"),
        (_, StandingState::Asleep { missing }) => {
            writeln!(
                out,
                "asleep; valid until {}, not approved by:",
                purpose.valid.until
            )?;
            missing
                .iter()
                .try_for_each(|one| writeln!(out, "  {} as {}: {}", one.organisation, one.role, one.reason))
        }
    }
}
