//! `doelpoort policy test`.

use std::error::Error;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use doelpoort_core::catalogue::Name;
use doelpoort_core::policy::tools::tables::{self, Outcome};

use super::Told;
use crate::policies;

/// Runs the decision tables beside the purposes: whoever is expected to be granted or denied something, is.
#[derive(Debug, Parser)]
pub(super) struct Test {
    /// The policies folder.
    policies: PathBuf,
    /// Only the tables of these purposes.
    purposes: Vec<Name>,
    /// How the outcome is told.
    #[arg(long, value_enum, default_value_t = Told::Text)]
    format: Told,
}

/// Exits with 1 if a case fails or a purpose that was asked for has no table.
pub(super) fn test(args: &Test, out: &mut impl Write) -> Result<ExitCode, Box<dyn Error>> {
    let files = policies::read(&args.policies)?;
    let draft = policies::draft_of(&files)?;
    let wanted = |file: &str| {
        let stem = file
            .rsplit('/')
            .next()
            .and_then(|name| name.strip_suffix(".test.toml"));
        args.purposes.is_empty() || args.purposes.iter().any(|purpose| stem == Some(purpose.as_str()))
    };
    let mut tables = files.tables;
    tables.retain(|(file, _)| wanted(file));
    let outcomes = match tables::run(&draft, &tables) {
        Ok(outcomes) => outcomes,
        Err(errors) => {
            errors.iter().try_for_each(|error| writeln!(out, "{error}"))?;
            return Ok(ExitCode::FAILURE);
        }
    };
    let untested: Vec<&Name> = draft
        .purposes
        .keys()
        .filter(|id| wanted(&format!("{id}.test.toml")))
        .filter(|id| !outcomes.iter().any(|outcome| outcome.purpose == **id))
        .collect();
    match args.format {
        Told::Json => writeln!(out, "{}", serde_json::to_string_pretty(&outcomes)?)?,
        Told::Text => tell(&outcomes, &untested, out)?,
    }
    let asked_in_vain = !args.purposes.is_empty() && !untested.is_empty();
    if asked_in_vain || outcomes.is_empty() || !outcomes.iter().all(Outcome::passed) {
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

fn tell(outcomes: &[Outcome], untested: &[&Name], out: &mut impl Write) -> std::io::Result<()> {
    let failed: Vec<_> = outcomes.iter().filter(|outcome| !outcome.passed()).collect();
    failed.iter().try_for_each(|outcome| writeln!(out, "{outcome}"))?;
    untested
        .iter()
        .try_for_each(|id| writeln!(out, "{id}: no table; write purposes/{id}.test.toml"))?;
    let passed = outcomes.len() - failed.len();
    writeln!(out, "{passed} cases passed, {} failed", failed.len())
}
