//! The command line: one file a command.

mod audit;
mod backup;
mod call;
mod check;
mod config;
mod console;
mod deliver;
mod demo;
mod epoch;
mod example_keys;
mod fg;
mod keys;
mod merges;
mod openapi;
mod output;
pub mod policy;
mod receipt;
mod serve;
mod witness;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::client::{Client, ClientError};
use crate::config::{Config, ConfigErrors, Environment};

use output::{Format, print, print_error};

/// Purpose or nothing, logged or not answered.
#[derive(Debug, Parser)]
#[command(name = "doelpoort", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// What can be asked of the program. The operator's commands first, then those of a client.
#[derive(Debug, Subcommand)]
enum Command {
    /// Show the whole product on this machine, on real input
    Demo(demo::Demo),
    /// Serve the exchange
    Serve(serve::Serve),
    /// Say what is wrong with the configuration, one line a check
    Check(check::Check),
    /// Show the configuration that holds
    Config(config::Args),
    /// Check, approve and mandate
    Policy(policy::Args),
    /// Make, rotate, retire and destroy the gateway's own keys
    Keys(keys::Args),
    /// Undo merges of pupils' numbers
    Merges(merges::Args),
    /// Release the figures of a count date
    Epoch(epoch::Epoch),
    /// Copy database, policies and settings of a gateway, while it runs
    Backup(backup::Backup),
    /// Bring the database of a backup back, and verify its log
    Restore(backup::Restore),
    /// The keys of the data protection officer
    Fg(fg::Args),
    /// Check the audit log
    Audit(audit::Args),
    /// The pages of the data protection officer (FG), on the FG's own machine
    Console(console::Args),
    /// Cosign the logs of others
    Witness(witness::Args),
    /// Check a receipt
    Receipt(receipt::Args),
    /// Print an access token of a client
    Token(call::Token),
    /// Ask a named question
    Ask(call::Ask),
    /// Ask a composed question from a JSON file
    Query(call::Query),
    /// Ask facts about named pupils
    Facts(call::Facts),
    /// Deliver rows from an NDJSON or CSV file
    Deliver(deliver::Deliver),
    /// Print the description of the API
    Openapi,
    /// Make the published keys of the tests anew
    #[command(hide = true)]
    ExampleKeys(example_keys::ExampleKeys),
}

/// Why a command failed; the text is all that a person sees.
#[derive(Debug, thiserror::Error)]
enum CliError {
    #[error(transparent)]
    Config(#[from] ConfigErrors),
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("{0}")]
    Told(String),
    #[error("cannot read `{file}`: {why}")]
    Unreadable { file: String, why: String },
    #[error("cannot write: {0}")]
    Write(#[from] std::io::Error),
}

/// Which configuration.
#[derive(Debug, Args)]
struct ConfigArgs {
    /// The configuration file
    #[arg(long, value_name = "FILE", default_value = "gateway.toml")]
    config: PathBuf,
}

impl ConfigArgs {
    fn load(&self) -> Result<Config, ConfigErrors> {
        Config::load(&self.config, &Environment::of_process())
    }
}

/// Which client, and how its answer looks.
#[derive(Debug, Args)]
struct ClientArgs {
    /// The client's folder: certificate, keys, client.toml
    #[arg(long = "client", value_name = "DIR")]
    folder: PathBuf,
    /// How the answer looks
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

impl ClientArgs {
    fn open(&self) -> Result<Client, ClientError> {
        Client::open(&self.folder)
    }
}

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    if let Err(why) = crate::process::harden() {
        print_error(&why);
        return ExitCode::FAILURE;
    }
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let done = runtime
        .map_err(CliError::Write)
        .and_then(|runtime| runtime.block_on(run(cli.command)));
    done.unwrap_or_else(|why| {
        print_error(&why);
        ExitCode::FAILURE
    })
}

async fn run(command: Command) -> Result<ExitCode, CliError> {
    match command {
        Command::Policy(args) => return policy::run(args).await.map_err(told),
        Command::Fg(args) => return fg::run(args).await.map_err(told),
        Command::Audit(args) => return audit::run(args).await.map_err(told),
        Command::Console(args) => return args.run().await.map_err(told),
        Command::Witness(args) => return witness::run(args).await.map_err(told),
        Command::Receipt(args) => return receipt::run(args).await.map_err(told),
        Command::Keys(args) => return keys::run(args).await.map_err(told),
        Command::Merges(args) => return merges::run(args).await,
        Command::Epoch(epoch) => return epoch.run().await,
        Command::Restore(restore) => return restore.run().await,
        Command::Backup(backup) => backup.run().await,
        Command::Demo(demo) => demo.run().await,
        Command::Serve(serve) => Box::pin(serve.run()).await,
        Command::Openapi => openapi::run(),
        Command::Check(check) => Box::pin(check.run()).await,
        Command::Config(args) => config::run(&args),
        Command::Token(token) => token.run().await,
        Command::Ask(ask) => ask.run().await,
        Command::Query(query) => query.run().await,
        Command::Facts(facts) => facts.run().await,
        Command::Deliver(deliver) => deliver.run().await,
        Command::ExampleKeys(keys) => keys.run(),
    }?;
    Ok(ExitCode::SUCCESS)
}

/// An error whose own text is for people.
#[expect(clippy::needless_pass_by_value, reason = "it is the argument of `map_err`")]
fn told(error: Box<dyn std::error::Error>) -> CliError {
    CliError::Told(error.to_string())
}

#[cfg(test)]
mod tests;
