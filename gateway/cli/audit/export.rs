//! `doelpoort audit export`: the log in another form, to take home.

use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::ValueHint;

use super::DatabaseArgs;
use crate::audit::{AuditError, write_bundle};
use crate::store::Store;

#[derive(Debug, clap::Args)]
pub(super) struct Export {
    #[command(flatten)]
    database: DatabaseArgs,
    /// The first entry whose leaf is in the bundle; of the others it has the hashes
    #[arg(long, value_name = "INDEX")]
    from: Option<u64>,
    /// The first entry after the last whose leaf is in the bundle
    #[arg(long, value_name = "INDEX")]
    until: Option<u64>,
    /// The file to write
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    output: PathBuf,
}

impl Export {
    pub(super) async fn run(self) -> Result<ExitCode, Box<dyn Error>> {
        let store = self.database.open().await?;
        let manifest = bundle(&store, &self.output, self.from, self.until).await?;
        store.close().await;
        writeln!(
            std::io::stdout().lock(),
            "{} entries of {}, the leaves of {}..{}: {}",
            manifest.size,
            manifest.origin,
            manifest.from,
            manifest.until,
            self.output.display()
        )?;
        Ok(ExitCode::SUCCESS)
    }
}

/// A bundle that breaks off is no bundle: it gets its name once it is whole.
async fn bundle(
    store: &Store,
    output: &Path,
    from: Option<u64>,
    until: Option<u64>,
) -> Result<doelpoort_core::audit::bundle::Manifest, AuditError> {
    let part = output.with_added_extension("part");
    let out = BufWriter::new(File::create(&part)?);
    let written = write_bundle(store, out, Some(from.unwrap_or(0)..until.unwrap_or(u64::MAX))).await;
    let renamed = match &written {
        Ok(_) => std::fs::rename(&part, output),
        Err(_) => std::fs::remove_file(&part),
    };
    let manifest = written?;
    renamed?;
    Ok(manifest)
}
