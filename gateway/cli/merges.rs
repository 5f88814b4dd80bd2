//! `doelpoort merges`: undoes merges of pupils' numbers, by the entry of the log that told of them. By the operator, or by
//! the signed order of the data protection officer (FG), which is drafted here and signed with `doelpoort fg order`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Subcommand, ValueHint};
use doelpoort_core::audit::merge_undo::SignedMergeUndo;

use super::serve::start;
use super::{CliError, ConfigArgs, print};
use crate::clock::SystemClock;
use crate::gateway::{Gateway, UndoneBy};
use crate::keys::KeyUse;
use crate::telemetry::Metrics;

/// Merges of pupils' numbers
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// End merges with the day: the pupils are apart again, under their pseudonyms of before
    Undo(Undo),
}

#[derive(Debug, clap::Args)]
struct Undo {
    #[command(flatten)]
    config: ConfigArgs,
    /// The entry of the log that told of the merges, and which of its pairs from 1: `314/2`; or all of them: `314`
    #[arg(long, value_name = "INDEX[/N]", value_parser = entry, required_unless_present = "order", conflicts_with = "order")]
    entry: Option<(u64, Option<u32>)>,
    /// Why, as the log will say it: a decision's reference, never a person
    #[arg(long, value_name = "TEXT", value_parser = super::audit::ground, required_unless_present = "order", conflicts_with = "order")]
    ground: Option<String>,
    /// Undo nothing: write the order here, for the FG to sign with `doelpoort fg order`
    #[arg(long, value_name = "FILE", conflicts_with = "order", value_hint = ValueHint::FilePath)]
    draft: Option<PathBuf>,
    /// Orders that the FG signed, one a line: what they say is undone
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    order: Option<PathBuf>,
    /// Accept the published example keys: for tests only
    #[arg(long, hide = true)]
    danger_example_keys: bool,
}

/// Runs the command.
pub(super) async fn run(args: Args) -> Result<ExitCode, CliError> {
    let Command::Undo(undo) = args.command;
    let usage = if undo.danger_example_keys {
        KeyUse::DemoOrTest
    } else {
        KeyUse::Production
    };
    let config = undo.config.load()?;
    let gateway = start(config, usage, Arc::new(SystemClock), Arc::new(Metrics::new())).await?;
    let done = match &undo.order {
        Some(file) => by_fg(&gateway, file).await,
        None => undo.by_operator(&gateway).await,
    };
    gateway.close().await;
    done.map(|()| ExitCode::SUCCESS)
}

impl Undo {
    async fn by_operator(&self, gateway: &Gateway) -> Result<(), CliError> {
        let (Some((number, pair)), Some(ground)) = (self.entry, &self.ground) else {
            return Err(CliError::Told("give --entry and --ground".to_owned()));
        };
        let order = gateway.merge_undo(number, pair, ground).await.map_err(told)?;
        let Some(draft) = &self.draft else {
            return tell(gateway, UndoneBy::Operator(&order)).await;
        };
        let text = serde_json::to_string(&order).map_err(told)? + "\n";
        std::fs::write(draft, text)?;
        print(&format!(
            "drafted {}: have the FG sign it with `doelpoort fg order`, then give it with --order",
            draft.display()
        ))?;
        Ok(())
    }
}

/// Undoes what signed orders say; none where one of them does not count.
async fn by_fg(gateway: &Gateway, file: &Path) -> Result<(), CliError> {
    let current = gateway.policies().current();
    let approvers = &current.policies.evidence.keys;
    let text = super::audit::read(file).map_err(CliError::Told)?;
    let orders: Vec<SignedMergeUndo> = text
        .lines()
        .map(|line| SignedMergeUndo::verify(line, approvers))
        .collect::<Result<_, _>>()
        .map_err(told)?;
    for signed in &orders {
        tell(gateway, UndoneBy::Fg(signed)).await?;
    }
    Ok(())
}

async fn tell(gateway: &Gateway, by: UndoneBy<'_>) -> Result<(), CliError> {
    let (count, receipt) = gateway.undo_merges(by).await.map_err(told)?;
    print(&format!(
        "pairs that are apart from the next day on: {count}; log entry {}",
        receipt.index
    ))?;
    Ok(())
}

fn told(why: impl std::fmt::Display) -> CliError {
    CliError::Told(why.to_string())
}

fn entry(text: &str) -> Result<(u64, Option<u32>), String> {
    let (index, pair) = match text.split_once('/') {
        Some((index, pair)) => (index, Some(pair)),
        None => (text, None),
    };
    match (index.parse(), pair.map(str::parse).transpose()) {
        (Ok(index), Ok(pair)) if pair != Some(0) => Ok((index, pair)),
        _ => Err("must be an entry's number, or number and pair such as `314/2`".to_owned()),
    }
}
