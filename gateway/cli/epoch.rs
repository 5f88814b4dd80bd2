//! `epoch close`: releases the figures of a count date, once.

use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Subcommand};
use doelpoort_core::figures::release::{ContradictedHolder, Undeclared};
use jiff::civil::Date;

use super::serve::start;
use super::{CliError, ConfigArgs, print};
use crate::clock::SystemClock;
use crate::keys::KeyUse;
use crate::telemetry::Metrics;

/// `doelpoort epoch`.
#[derive(Debug, Args)]
pub(super) struct Epoch {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Freeze the population, release every cell that may be shown, drop the snapshot
    Close(Close),
}

#[derive(Debug, Args)]
struct Close {
    #[command(flatten)]
    config: ConfigArgs,
    /// The population
    #[arg(long, value_name = "NAME", default_value = "children")]
    population: String,
    /// The count date; the latest that has come where left out
    #[arg(long, value_name = "DATE")]
    date: Option<Date>,
    /// Accept the published example keys: for tests only
    #[arg(long, hide = true)]
    danger_example_keys: bool,
}

impl Epoch {
    pub(super) async fn run(self) -> Result<ExitCode, CliError> {
        let Command::Close(close) = self.command;
        let usage = if close.danger_example_keys {
            KeyUse::DemoOrTest
        } else {
            KeyUse::Production
        };
        let gateway = start(
            close.config.load()?,
            usage,
            Arc::new(SystemClock),
            Arc::new(Metrics::new()),
        )
        .await?;
        let closed = gateway.close_epoch(&close.population, close.date).await;
        gateway.close().await;
        let closed = closed.map_err(|why| CliError::Told(why.to_string()))?;
        let purposes: Vec<String> = closed.purposes.iter().map(ToString::to_string).collect();
        print(&format!(
            "the epoch of {} is closed: {} cells released for {}; log entry {}",
            closed.date,
            closed.cells,
            purposes.join(", "),
            closed.index
        ))?;
        if let Some(k) = closed.k_anonymity {
            print(&format!(
                "records are released too: at least {k} pupils are alike in what is not sensitive"
            ))?;
        }
        for Undeclared { repeated, by, .. } in &closed.undeclared {
            print(&format!(
                "`{repeated}` follows from `{by}` in these rows, and the catalogue does not say so: cells that would have \
                 two names are not shown; declare an `[[implication]]` in the dataset"
            ))?;
        }
        for ContradictedHolder { dimension, dataset } in &closed.contradicted {
            print(&format!(
                "rows of `{dataset}` contradict the `[[sole_holder]]` by `{dimension}`: it was not relied on where they \
                 count, so fewer cells are shown"
            ))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
