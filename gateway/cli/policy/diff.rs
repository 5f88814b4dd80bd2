//! `doelpoort policy diff`.

use std::error::Error;
use std::io::Write;
use std::path::PathBuf;

use clap::Parser;
use doelpoort_core::policy::tools::diff::{self, Side};

use super::{Lang, Told};
use crate::policies;

/// Says what changes between two policies folders: who may newly see what, who no longer, under which other terms.
#[derive(Debug, Parser)]
pub(super) struct Diff {
    /// The folder as it was.
    before: PathBuf,
    /// The folder as it will be.
    after: PathBuf,
    /// The language of the sentences.
    #[arg(long, value_enum, default_value_t)]
    lang: Lang,
    /// How it is told.
    #[arg(long, value_enum, default_value_t = Told::Text)]
    format: Told,
}

pub(super) fn diff(args: &Diff, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let (old, new) = (policies::read(&args.before)?, policies::read(&args.after)?);
    let (before, after) = (policies::draft_of(&old)?, policies::draft_of(&new)?);
    let changes = diff::diff(
        Side {
            files: &old,
            draft: &before,
        },
        Side {
            files: &new,
            draft: &after,
        },
    );
    match args.format {
        Told::Json => writeln!(out, "{}", serde_json::to_string_pretty(&changes)?)?,
        Told::Text => {
            let mut about = "";
            for change in &changes {
                if change.about != about {
                    about = &change.about;
                    writeln!(out, "{about}")?;
                }
                writeln!(out, "  {}", change.text.in_language(args.lang.into()))?;
            }
            writeln!(out, "{} changes", changes.len())?;
        }
    }
    Ok(())
}
