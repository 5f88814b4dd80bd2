//! `doelpoort audit verify`: is the log what it was? Needs read access to the database and the public key alone.

use std::error::Error;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Subcommand, ValueHint};
use doelpoort_core::audit::note::Verifier;
use doelpoort_core::audit::quorum::Policy;

use crate::log::{verify, vouched};
use crate::store::{Store, StoreOptions};
use crate::tls::certificates;

/// Exit code: something was found that is not as it should be.
const NOT_INTACT: u8 = 3;

/// Check the audit log
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Recompute the whole log; exit code 0 if it is intact, 3 if it is not, 1 if it cannot be checked
    Verify(Verify),
}

#[derive(Debug, clap::Args)]
struct Verify {
    /// The gateway's configuration, to find its database
    #[arg(long, value_name = "FILE", default_value = "gateway.toml", value_hint = ValueHint::FilePath)]
    config: PathBuf,
    /// The database, instead of that of the configuration: `sqlite:///path` or `postgres://…`
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// The log's public key: a file with one line `origin+id+key`
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    key: PathBuf,
    /// A checkpoint that was kept elsewhere: shows that the log only grew since
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    against: Option<PathBuf>,
    /// The trust policy (C2SP tlog-policy) that names the witnesses: verifies their cosignatures and wants a quorum
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    policy: Option<PathBuf>,
    /// Certificates of the time stamp authorities, PEM: verifies the time stamps
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    timestamp_authorities: Option<PathBuf>,
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> Result<ExitCode, Box<dyn Error>> {
    let Command::Verify(args) = args.command;
    let key = Verifier::parse(&read(&args.key)?)?;
    let against = args.against.as_deref().map(read).transpose()?;
    let policy = match &args.policy {
        Some(file) => {
            Policy::parse(&read(file)?).map_err(|error| format!("`{}`: {error}", file.display()))?
        }
        None => Policy::default(),
    };
    let authorities = match &args.timestamp_authorities {
        Some(file) => certificates("the time stamp authorities", file)?,
        None => Vec::new(),
    };
    let url = match args.database {
        Some(url) => url,
        None => database_of(&args.config)?,
    };
    refuse_missing_file(&url)?;
    let store = Store::open(&url, StoreOptions::default()).await?;
    let mut report = verify(&store, &key, against.as_deref()).await?;
    report.vouched = args.policy.is_some() && args.timestamp_authorities.is_some();
    let vouched = vouched(&store, &key, &policy, &authorities).await?;
    write!(std::io::stdout().lock(), "{vouched}{report}")?;
    store.close().await;
    Ok(if report.is_intact() && vouched.is_intact(&policy) {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(NOT_INTACT)
    })
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

/// A small text file; the error names it.
pub(super) fn read(file: &Path) -> Result<String, String> {
    std::fs::read_to_string(file).map_err(|error| format!("cannot read `{}`: {error}", file.display()))
}
