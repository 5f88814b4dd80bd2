//! `doelpoort audit shard`: the shards of the log, usually one a year; and going on after a restore. Runs where the
//! gateway's keys are, since the log must say so.

use std::error::Error;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Subcommand, ValueHint};
use doelpoort_core::audit::receipt;

use super::{DatabaseArgs, read};
use crate::clock::{Clock as _, SystemClock};
use crate::config::{Config, Environment};
use crate::gateway::offline;
use crate::keys::KeyUse;
use crate::log::{Known, Numbers, Offline, Opened};
use crate::store::{Store, log as rows};

#[derive(Debug, clap::Args)]
pub(super) struct Shard {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Tell which shards there are, and from which number on each goes
    List(DatabaseArgs),
    /// Print the public key of the shard that would be opened now, for witnesses
    Next(Operator),
    /// Open the next shard after one that was closed, or whose year is over; a running gateway does the latter by itself
    Open(Operator),
    /// Close the last shard and open no other: nothing is logged any more, so nothing is answered
    Close(Operator),
}

/// The gateway's configuration and keys.
#[derive(Debug, clap::Args)]
struct Operator {
    /// The gateway's configuration
    #[arg(long, value_name = "FILE", default_value = "gateway.toml", value_hint = ValueHint::FilePath)]
    config: PathBuf,
    /// Accept the published example keys: for tests only
    #[arg(long, hide = true)]
    danger_example_keys: bool,
}

/// Go on with a log that was restored from a backup
#[derive(Debug, clap::Args)]
pub(super) struct Restore {
    #[command(flatten)]
    operator: Operator,
    #[command(flatten)]
    kept: Kept,
}

/// What was kept elsewhere of the log.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Kept {
    /// The newest checkpoint that a witness or anybody else kept
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    checkpoint: Option<PathBuf>,
    /// Where nobody kept one: the newest receipt that anybody has
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    receipt: Option<PathBuf>,
}

impl Operator {
    async fn open(&self) -> Result<(Store, Offline), Box<dyn Error>> {
        let config = Config::load(&self.config, &Environment::of_process())?;
        let key_use = if self.danger_example_keys {
            KeyUse::DemoOrTest
        } else {
            KeyUse::Production
        };
        Ok(offline(&config, key_use, Arc::new(SystemClock)).await?)
    }
}

impl Shard {
    pub(super) async fn run(self) -> Result<ExitCode, Box<dyn Error>> {
        let mut out = std::io::stdout().lock();
        match self.command {
            Command::List(database) => {
                let store = database.open().await?;
                let lines = list(&store).await?;
                store.close().await;
                out.write_all(lines.as_bytes())?;
            }
            Command::Next(operator) => {
                let (store, log) = operator.open().await?;
                let key = log.next_key(SystemClock.now().as_microsecond())?;
                store.close().await;
                writeln!(out, "{}", key.to_text())?;
            }
            Command::Open(operator) => {
                let (store, log) = operator.open().await?;
                let opened = log.open_next().await;
                store.close().await;
                tell(&opened?, &mut out)?;
            }
            Command::Close(operator) => {
                let (store, log) = operator.open().await?;
                let closed = log.close().await;
                store.close().await;
                let (origin, size) = closed?;
                writeln!(
                    out,
                    "{origin} is closed with {size} entries; nothing is answered until the next is open"
                )?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Restore {
    pub(super) async fn run(self) -> Result<ExitCode, Box<dyn Error>> {
        let (store, log) = self.operator.open().await?;
        let restored = self.restore(&log).await;
        store.close().await;
        let (opened, known) = restored?;
        let mut out = std::io::stdout().lock();
        tell(&opened, &mut out)?;
        writeln!(
            out,
            "lost      {} was signed with {} entries and is here with {}\n\
             asleep    every purpose, until everybody who approved it approves again: what was withdrawn in the lost \
             part is not known\n\
             next      docs/operations.md, \"After a restore\"",
            known.origin, known.size, opened.entries
        )?;
        Ok(ExitCode::SUCCESS)
    }

    async fn restore(&self, log: &Offline) -> Result<(Opened, Known), Box<dyn Error>> {
        let known = match (&self.kept.checkpoint, &self.kept.receipt) {
            (Some(file), _) => Known::of_checkpoint(&read(file)?, log.key())
                .map_err(|error| format!("`{}`: {error}", file.display()))?,
            (None, Some(file)) => {
                let proven = receipt::verify_file(&read(file)?, log.key());
                Known::of_receipt(&proven.map_err(|error| format!("`{}`: {error}", file.display()))?)
            }
            (None, None) => return Err("give --checkpoint or --receipt".into()),
        };
        Ok((log.restore(&known).await?, known))
    }
}

fn tell(opened: &Opened, out: &mut impl std::io::Write) -> std::io::Result<()> {
    writeln!(
        out,
        "closed    {} with {} entries and the one that closed it\nopened    {}",
        opened.before,
        opened.entries,
        opened.key.to_text()
    )
}

async fn list(store: &Store) -> Result<String, Box<dyn Error>> {
    let mut lines = String::new();
    for shard in Numbers::read(store).await?.shards() {
        let last = rows::last_checkpoint(store, shard.shard.number).await?;
        let signed = last.map_or(0, |last| last.size);
        let opened = jiff::Timestamp::from_microsecond(shard.shard.opened_us)?;
        let state = if shard.closed { "closed" } else { "open" };
        // Writing to a `String` cannot fail.
        let _ = writeln!(
            lines,
            "{:<8} {state:<6} {} entries from number {}, signed to {signed}, opened {opened}, {}",
            shard.label(),
            shard.size,
            shard.first,
            shard.shard.origin
        );
    }
    Ok(lines)
}
