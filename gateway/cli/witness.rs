//! `witness`: cosigns the logs of others, on a machine of its own.

use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Subcommand, ValueHint};
use doelpoort_core::audit::note::Verifier;
use ring::rand::SystemRandom;

use super::audit::read;
use super::print;
use crate::clock::SystemClock;
use crate::config::{Limits, Log as LogLines};
use crate::http;
use crate::serve::{self, Shutdown};
use crate::witness::Witness;

/// Cosign the logs of others (C2SP tlog-witness)
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a witness: its key and its empty memory, which is never restored from a backup
    New(New),
    /// Serve `add-checkpoint` over plain HTTP; what is signed needs no secrecy
    Serve(Serve),
}

#[derive(Debug, clap::Args)]
struct New {
    /// The folder to make
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    dir: PathBuf,
    /// The witness's name, such as `school.example/witness`
    #[arg(long, value_name = "NAME")]
    name: String,
}

#[derive(Debug, clap::Args)]
struct Serve {
    /// The witness's folder
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    dir: PathBuf,
    /// The public key of a log to cosign, a file with one line `origin+id+key`; may be given more than once
    #[arg(long = "log", value_name = "FILE", required = true, value_hint = ValueHint::FilePath)]
    logs: Vec<PathBuf>,
    /// Where to listen
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7380")]
    listen: SocketAddr,
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> Result<ExitCode, Box<dyn Error>> {
    match args.command {
        Command::New(new) => new.run()?,
        Command::Serve(serve) => serve.run().await?,
    }
    Ok(ExitCode::SUCCESS)
}

impl New {
    fn run(&self) -> Result<(), Box<dyn Error>> {
        let key = Witness::create(&self.dir, &self.name, &SystemRandom::new())?;
        print(&format!(
            "made {}; never restore it from a backup",
            self.dir.display()
        ))?;
        print(&format!(
            "a line for the witness policy of the log, with your address:\nwitness NAME {} URL",
            key.to_text()
        ))?;
        Ok(())
    }
}

impl Serve {
    async fn run(self) -> Result<(), Box<dyn Error>> {
        crate::telemetry::start(&LogLines::default())?;
        let mut logs = Vec::new();
        for file in &self.logs {
            let key =
                Verifier::parse(&read(file)?).map_err(|error| format!("`{}`: {error}", file.display()))?;
            logs.push(key);
        }
        let witness = Arc::new(Witness::open(&self.dir, logs, Arc::new(SystemClock))?);
        let shutdown = Shutdown::on_signals()?;
        let name = witness.key().name().to_owned();
        let (address, mut tasks) =
            serve::run_plain(http::witness(witness), self.listen, Limits::default(), shutdown).await?;
        tracing::info!(witness = name, %address, "listening");
        while tasks.join_next().await.is_some() {}
        Ok(())
    }
}
