//! `doelpoort backup` and `doelpoort restore`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueHint};

use super::audit::{FOUND, key};
use super::{CliError, ConfigArgs, print, told};
use crate::backup;
use crate::clock::{Clock as _, SystemClock};

/// `doelpoort backup`.
#[derive(Debug, Args)]
pub(super) struct Backup {
    #[command(flatten)]
    config: ConfigArgs,
    /// The folder to make: it must not be there yet
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    output: PathBuf,
}

/// `doelpoort restore`.
#[derive(Debug, Args)]
pub(super) struct Restore {
    /// The folder that `doelpoort backup` made
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    from: PathBuf,
    /// The database to restore into: a new one, of the same engine
    #[arg(long, value_name = "URL")]
    database: String,
    /// The log's public key, as it was kept elsewhere: shows that the backup's log was not made anew
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    key: Option<PathBuf>,
}

impl Backup {
    pub(super) async fn run(self) -> Result<(), CliError> {
        let config = self.config.load()?;
        let now = SystemClock.now();
        let list = backup::take(&config, &self.config.config, &self.output, now)
            .await
            .map_err(|error| CliError::Told(error.to_string()))?;
        print(&format!(
            "`{}` has the database, the policies and the settings, {} files; the log is there at least up to this \
             checkpoint:",
            self.output.display(),
            list.files.len()
        ))?;
        let last = list.shards.last();
        print(
            last.and_then(|shard| shard.checkpoint.as_deref())
                .unwrap_or("none was signed yet"),
        )?;
        print(
            "no key is in it: back up keys.toml elsewhere, and the key that wraps it somewhere else again",
        )?;
        Ok(())
    }
}

impl Restore {
    pub(super) async fn run(self) -> Result<ExitCode, CliError> {
        let given = self.key.as_deref().map(key).transpose().map_err(told)?;
        let is_given = given.is_some();
        let report = backup::restore(&self.from, &self.database, given)
            .await
            .map_err(|error| CliError::Told(error.to_string()))?;
        print(&report.to_string())?;
        if !is_given {
            print("the key is the one that the backup names; with --key FILE it is one that you kept")?;
        }
        if !report.is_intact() {
            return Ok(ExitCode::from(FOUND));
        }
        print(
            "before a gateway starts on it: `doelpoort audit restore`, see \"After a restore\" in docs/operations.md",
        )?;
        Ok(ExitCode::SUCCESS)
    }
}
