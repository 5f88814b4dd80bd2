//! `config show`: every setting with the value that holds.

use super::{CliError, ConfigArgs, print};
use crate::config::Show::{All, Own};
use crate::config::shown;

/// `doelpoort config`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Show the configuration
    Show(Show),
}

/// `doelpoort config show`.
#[derive(Debug, clap::Args)]
struct Show {
    #[command(flatten)]
    config: ConfigArgs,
    /// Every setting as it holds, the defaults too; otherwise what the file and the environment set. Without secrets
    #[arg(long)]
    effective: bool,
}

pub(super) fn run(args: &Args) -> Result<(), CliError> {
    let Command::Show(show) = &args.command;
    let config = show.config.load()?;
    print(&shown(&config, if show.effective { All } else { Own }))?;
    Ok(())
}
