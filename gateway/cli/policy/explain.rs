//! `doelpoort policy explain`.

use std::error::Error;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;

use clap::{Parser, ValueEnum};
use doelpoort_core::catalogue::Name;
use doelpoort_core::party::Slug;
use doelpoort_core::policy::Policies;
use doelpoort_core::policy::tools::explain;
use doelpoort_core::policy::tools::tables::{GRANTED, TestCaller};
use jiff::Timestamp;
use jiff::civil::Date;

use super::{Lang, Told};
use crate::{http, policies};

/// Says why a request is granted or denied, clause by clause, as if everything were signed.
#[derive(Debug, Parser)]
pub(super) struct Explain {
    /// The body of a request: JSON as it is sent, or as a case of a decision table.
    request: PathBuf,
    /// The policies folder.
    #[arg(long)]
    policies: PathBuf,
    /// Who asks: short name and role.
    #[arg(long = "as", value_name = "ORGANISATION/ROLE")]
    caller: Asking,
    /// How the person who asks is known; left out: nobody is named.
    #[arg(long, value_enum)]
    staff: Option<Staff>,
    /// The board that it acts for, under a mandate for every dataset of `--mandate`.
    #[arg(long = "for", value_name = "ORGANISATION", requires = "mandate")]
    board: Option<Slug>,
    /// A dataset of the mandate; may be given several times.
    #[arg(long = "mandate", value_name = "DATASET")]
    mandate: Vec<Name>,
    /// The day; today if left out.
    #[arg(long)]
    day: Option<Date>,
    /// The language of the sentences.
    #[arg(long, value_enum, default_value_t)]
    lang: Lang,
    /// How it is told.
    #[arg(long, value_enum, default_value_t = Told::Text)]
    format: Told,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Staff {
    Proved,
    Stated,
}

/// An organisation and a role.
#[derive(Clone, Debug)]
struct Asking(Slug, String);

impl FromStr for Asking {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (slug, role) = text
            .split_once('/')
            .ok_or("written as `organisation/role`, such as `municipality/dashboard`")?;
        let slug = slug.parse().map_err(|error| format!("{error}"))?;
        let role: Slug = role.parse().map_err(|error| format!("{error}"))?;
        Ok(Self(slug, role.to_string()))
    }
}

/// Exits with 1 where the request is not granted.
pub(super) fn explain(
    args: &Explain,
    now: Timestamp,
    out: &mut impl Write,
) -> Result<ExitCode, Box<dyn Error>> {
    let policies = Policies::as_if_signed(&policies::draft(&args.policies)?);
    let party = |slug: &Slug| {
        let found = policies.organisations.by_slug(slug);
        found.ok_or_else(|| format!("no organisation is called `{slug}`"))
    };
    let Asking(slug, role) = &args.caller;
    let staff = args.staff.map(|staff| staff == Staff::Proved);
    let caller = TestCaller::new(party(slug)?, role.clone(), staff).ok_or("no client can have this name")?;
    let caller = match &args.board {
        Some(board) => caller.acting_for(party(board)?, args.mandate.iter().cloned()),
        None => caller,
    };
    let body =
        std::fs::read_to_string(&args.request).map_err(|why| format!("{}: {why}", args.request.display()))?;
    let now = args.day.map_or(now, explain::noon);
    let explained = explain::explain(&policies, &caller, &body, now, &http::problem_title)?;
    match args.format {
        Told::Json => writeln!(out, "{}", serde_json::to_string_pretty(&explained)?)?,
        Told::Text => explained
            .sentences
            .iter()
            .try_for_each(|sentence| writeln!(out, "{}", sentence.in_language(args.lang.into())))?,
    }
    Ok(if explained.outcome == GRANTED {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
