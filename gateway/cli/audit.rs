//! `doelpoort audit`: what an auditor or the data protection officer (FG) does with the log. Needs read access to the
//! database, or a bundle, and the log's public key.

mod alerts;
mod export;
pub(super) mod fg;
mod filter;
mod look;
mod monitor;
mod prove;
mod replay;
mod report;
mod retain;
mod sample;
mod search;
mod shard;
pub(super) mod verify;

pub(super) use retain::ground;
pub(super) use verify::key;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Subcommand, ValueHint};
use doelpoort_core::policy::KeyList;

use crate::audit::Entries;
use crate::store::{Store, StoreOptions};

/// Exit code: something was found that is not as it should be.
pub(super) const FOUND: u8 = 3;

/// Check the audit log and use it
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Recompute the whole log, a bundle or a proof; exit code 0 if it is intact, 3 if it is not, 1 if it cannot be checked
    Verify(verify::Verify),
    /// Write the log in another form: a bundle to take home, rows, or records of a Dutch standard
    Export(Box<export::Export>),
    /// Prove that one entry is in the log
    Prove(prove::Prove),
    /// Tell what the data protection officer should look at; exit code 3 if there is anything
    Alerts(alerts::Alerts),
    /// Draw entries to review that nobody can choose
    Sample(sample::Sample),
    /// As the FG: hold every private part against its leaf; exit code 3 if one does not fit
    Monitor(monitor::Monitor),
    /// As the FG: every entry about a member of staff, or about the pupil of an entry
    Search(search::Search),
    /// As the FG: decide recorded requests again; exit code 3 if one comes out otherwise
    Replay(replay::Replay),
    /// Destroy private parts after their term, or one on request; the log says so
    Retain(retain::Retain),
    /// The shards of the log, usually one a year: list them, open the next, close the last
    Shard(shard::Shard),
    /// After a restore from a backup: close what is here, go on in a new shard, and say what is lost
    Restore(shard::Restore),
    /// Report on a month; exit code 3 if the log is not intact
    Report(report::Report),
}

/// Which database.
#[derive(Debug, clap::Args)]
struct DatabaseArgs {
    /// The gateway's configuration, to find its database; `gateway.toml` where nothing else is given
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    config: Option<PathBuf>,
    /// The database, instead of that of the configuration: `sqlite:///path` or `postgres://…`
    #[arg(long, value_name = "URL")]
    database: Option<String>,
}

/// Where the entries are.
#[derive(Debug, clap::Args)]
pub(super) struct EntriesArgs {
    #[command(flatten)]
    database: DatabaseArgs,
    /// A bundle, instead of a database
    #[arg(long, value_name = "FILE", conflicts_with_all = ["config", "database"], value_hint = ValueHint::FilePath)]
    bundle: Option<PathBuf>,
    #[command(flatten)]
    look: look::LookArgs,
}

impl DatabaseArgs {
    /// Whether one is named, rather than left to be found.
    fn is_given(&self) -> bool {
        self.config.is_some() || self.database.is_some()
    }

    async fn open(&self) -> Result<Store, Box<dyn Error>> {
        let url = match &self.database {
            Some(url) => url.clone(),
            None => database_of(self.config.as_deref().unwrap_or(Path::new("gateway.toml")))?,
        };
        refuse_missing_file(&url)?;
        Ok(Store::open(&url, StoreOptions::default()).await?)
    }
}

impl EntriesArgs {
    async fn open(&self) -> Result<Entries, Box<dyn Error>> {
        Ok(match &self.bundle {
            Some(bundle) => Entries::Bundle(bundle.clone()),
            None => Entries::Database(self.database.open().await?),
        })
    }
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> Result<ExitCode, Box<dyn Error>> {
    match args.command {
        Command::Verify(verify) => verify.run().await,
        Command::Export(export) => export.run().await,
        Command::Prove(prove) => prove.run().await,
        Command::Alerts(alerts) => alerts.run().await,
        Command::Sample(sample) => sample.run().await,
        Command::Monitor(monitor) => monitor.run().await,
        Command::Search(search) => search.run().await,
        Command::Replay(replay) => replay.run().await,
        Command::Retain(retain) => retain.run().await,
        Command::Shard(shard) => shard.run().await,
        Command::Restore(restore) => restore.run().await,
        Command::Report(report) => report.run().await,
    }
}

/// The database's URL in a configuration.
fn database_of(config: &Path) -> Result<String, Box<dyn Error>> {
    let config = crate::config::Config::load(config, &crate::config::Environment::of_process())?;
    Ok(config.database.url.expose().to_owned())
}

/// Opening would make the file; but an auditor's typing mistake is not an empty log.
fn refuse_missing_file(url: &str) -> Result<(), String> {
    let path = url
        .strip_prefix("sqlite:")
        .map(|rest| rest.trim_start_matches("//"));
    match path.and_then(|path| path.split('?').next()) {
        Some(path) if !Path::new(path).is_file() => Err(format!("there is no database file `{path}`")),
        _ => Ok(()),
    }
}

/// The approvers' list in a policies folder.
fn approvers(folder: &Path) -> Result<KeyList, Box<dyn Error>> {
    let files = crate::policies::read(folder)?;
    Ok(KeyList::follow(&files.approvers).map_err(|(file, error)| format!("{file}: {error}"))?)
}

/// A small text file; the error names it.
pub(super) fn read(file: &Path) -> Result<String, String> {
    std::fs::read_to_string(file).map_err(|error| format!("cannot read `{}`: {error}", file.display()))
}
