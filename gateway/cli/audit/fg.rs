//! What every command needs that opens private parts: it runs on the FG's machine, with the FG's key.

use std::error::Error;
use std::path::PathBuf;

use clap::ValueHint;

use super::DatabaseArgs;
use crate::fg::FgPrivateKeys;
use crate::store::Store;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct FgArgs {
    #[command(flatten)]
    database: DatabaseArgs,
    /// The log's public key: a file with one line `origin+id+key`
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    key: PathBuf,
    /// The FG's private keys, made by `doelpoort fg new`
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    fg_key: PathBuf,
}

/// The log as the FG reads it.
pub(in crate::cli) struct FgLog {
    pub(in crate::cli) store: Store,
    pub(in crate::cli) origin: String,
    pub(in crate::cli) keys: FgPrivateKeys,
}

impl FgArgs {
    pub(in crate::cli) async fn open(&self) -> Result<FgLog, Box<dyn Error>> {
        let keys = FgPrivateKeys::read(&self.fg_key)?;
        let origin = super::verify::key(&self.key)?.name().to_owned();
        let store = self.database.open().await?;
        Ok(FgLog { store, origin, keys })
    }
}
