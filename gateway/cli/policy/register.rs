//! `doelpoort policy register`.

use std::error::Error;
use std::io::Write;
use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use doelpoort_core::policy::Policies;
use doelpoort_core::policy::tools::register;
use jiff::Timestamp;

use super::Lang;
use crate::policies;

/// Writes the register of processing activities (AVG art. 30), made from the purposes.
#[derive(Debug, Parser)]
pub(super) struct Register {
    /// The policies folder.
    policies: PathBuf,
    /// Name of the gateway's deployment: without it purposes count as signed.
    #[arg(long)]
    deployment: Option<String>,
    /// How it looks.
    #[arg(long, value_enum, default_value_t = Form::Json)]
    format: Form,
    /// The language of the page.
    #[arg(long, value_enum, default_value_t)]
    lang: Lang,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// The shape of the Dutch draft register API.
    Json,
    /// One line an activity.
    Csv,
    /// A page.
    Html,
}

pub(super) fn register(args: &Register, now: Timestamp, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let policies = match &args.deployment {
        Some(deployment) => policies::load(&args.policies, deployment, now)?,
        None => Policies::as_if_signed(&policies::draft(&args.policies)?),
    };
    let register = register::register(&policies, now);
    match args.format {
        Form::Json => writeln!(out, "{}", serde_json::to_string_pretty(&register)?)?,
        Form::Csv => write!(out, "{}", register::csv(&register))?,
        Form::Html => write!(out, "{}", register::html(&register, args.lang.into()))?,
    }
    Ok(())
}
