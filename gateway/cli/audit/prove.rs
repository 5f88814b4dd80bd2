//! `doelpoort audit prove`: one entry, proven to be in the log.

use std::error::Error;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::ValueHint;

use super::DatabaseArgs;
use crate::audit::{Wanted, prove};
use crate::log::Numbers;
use crate::store::Store;

#[derive(Debug, clap::Args)]
pub(super) struct Prove {
    #[command(flatten)]
    database: DatabaseArgs,
    /// The entry's number, from 0; or its index behind its shard, as a receipt tells them: `2027:5`
    #[arg(required_unless_present = "entry_id")]
    index: Option<String>,
    /// The entry's id, instead of its number: 32 hex digits
    #[arg(long, value_name = "HEX", conflicts_with = "index")]
    entry_id: Option<String>,
    /// Where to write the proof; on standard output without it
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    output: Option<PathBuf>,
}

impl Prove {
    pub(super) async fn run(self) -> Result<ExitCode, Box<dyn Error>> {
        let store = self.database.open().await?;
        let wanted = match (&self.index, &self.entry_id) {
            (Some(text), _) => Wanted::Index(number(&store, text).await?),
            (None, Some(id)) => Wanted::EntryId(entry_id(id)?),
            (None, None) => return Err("give the entry's number, or --entry-id".into()),
        };
        let proof = prove(&store, wanted).await?;
        store.close().await;
        match &self.output {
            Some(file) => std::fs::write(file, proof.to_text())
                .map_err(|error| format!("cannot write `{}`: {error}", file.display()))?,
            None => std::io::stdout().lock().write_all(proof.to_text().as_bytes())?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn number(store: &Store, text: &str) -> Result<u64, Box<dyn Error>> {
    let numbers = Numbers::read(store).await?;
    numbers.parse(text).ok_or_else(|| {
        format!("`{text}` is no entry: give a number, or an index behind its shard as in `2027:5`").into()
    })
}

fn entry_id(text: &str) -> Result<[u8; 16], String> {
    let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok();
    bytes
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(|| "an entry's id has 32 hex digits".to_owned())
}
