//! What every command needs that opens private parts: it runs on the FG's machine, with the FG's key.

use std::error::Error;
use std::path::PathBuf;

use clap::ValueHint;
use doelpoort_core::audit::note::Verifier;
use doelpoort_core::request::LookCommand;

use super::EntriesArgs;
use super::look::{Looking, Sought};
use crate::fg::FgPrivateKeys;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct FgArgs {
    #[command(flatten)]
    pub(in crate::cli) entries: EntriesArgs,
    /// The log's public key: a file with one line `origin+id+key`
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    key: PathBuf,
    /// The FG's private keys, made by `doelpoort fg new`
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    fg_key: PathBuf,
}

/// The log as the FG reads it.
pub(in crate::cli) struct FgLog {
    pub(in crate::cli) log: Looking,
    pub(in crate::cli) origin: String,
    pub(in crate::cli) key: Verifier,
    pub(in crate::cli) keys: FgPrivateKeys,
}

impl FgArgs {
    /// The FG's keys and the log's.
    pub(in crate::cli) fn keys(&self) -> Result<(FgPrivateKeys, Verifier), Box<dyn Error>> {
        Ok((FgPrivateKeys::read(&self.fg_key)?, super::verify::key(&self.key)?))
    }

    /// Logs the look and opens the log.
    pub(in crate::cli) async fn open(
        &self,
        command: LookCommand,
        what: String,
    ) -> Result<FgLog, Box<dyn Error>> {
        let (keys, key) = self.keys()?;
        let sought = Sought {
            command,
            what,
            log: Some(&key),
            keys: Some(&keys),
        };
        let log = self.entries.look(sought).await?;
        let origin = key.name().to_owned();
        Ok(FgLog {
            log,
            origin,
            key,
            keys,
        })
    }
}
