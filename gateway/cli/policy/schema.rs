//! `doelpoort policy schema`.

use std::error::Error;
use std::io::Write;
use std::path::PathBuf;

use clap::Parser;
use doelpoort_core::policy::tools::schema;

/// Writes JSON Schemas (2020-12) of the files of a policies folder, for editors.
#[derive(Debug, Parser)]
pub(super) struct Schema {
    /// Write `<kind>.schema.json` files into this folder; left out: say which there are.
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
}

pub(super) fn schema(args: &Schema, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    for schema in schema::schemas() {
        let name = format!("{}.schema.json", schema.name);
        if let Some(folder) = &args.to {
            std::fs::create_dir_all(folder)?;
            std::fs::write(folder.join(&name), schema.text())?;
        }
        writeln!(out, "{name}: {}", schema.files)?;
    }
    Ok(())
}
