//! `doelpoort policy simulate`: what would other policies have decided on the requests that were made? Runs on the
//! machine of the data protection officer (FG): requests are in the log's private part.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::Write;
use std::path::PathBuf;

use clap::{Parser, ValueHint};
use doelpoort_core::policy::{Draft, Policies};
use doelpoort_core::request::LookCommand;

use super::super::audit::fg::FgArgs;
use crate::fg::Reader;
use crate::fg::follow::{FollowError, Parts, follow};
use crate::fg::replay::{Outcome, Replayed, is_decision, simulate as again};
use crate::policies;

/// Decides every request of the log again under other policies, as if everything in them were signed.
#[derive(Debug, Parser)]
pub(super) struct Simulate {
    /// The folder with the other policies.
    #[arg(value_hint = ValueHint::DirPath)]
    new: PathBuf,
    #[command(flatten)]
    fg: FgArgs,
    /// Name of the gateway's deployment, as in its configuration.
    #[arg(long)]
    deployment: String,
}

/// One request that would come out otherwise.
struct Change {
    index: u64,
    logged: Outcome,
    now: Outcome,
}

pub(super) async fn simulate(
    args: &Simulate,
    now: jiff::Timestamp,
    out: &mut impl Write,
) -> Result<(), Box<dyn Error>> {
    let policies = as_if_signed(args, now)?;
    let what = "other policies".to_owned();
    let log = args.fg.open(LookCommand::Simulate, what).await?;
    let (mut decided, mut unread) = (0_u64, 0_u64);
    let mut changes = Vec::new();
    let mut reader = Reader::new(&log.origin, &log.keys);
    follow(&log.log.entries, Parts::Sealed, &mut reader, |reader, entry| {
        if !is_decision(&entry.leaf.event) {
            return Ok(());
        }
        let Ok(Some(opened)) = reader.open_entry(&entry) else {
            unread += 1;
            return Ok(());
        };
        match again(&policies, &entry.leaf, &opened.private) {
            Ok(Replayed::Decided { logged, now }) => {
                decided += 1;
                if logged.decision != now.decision {
                    let index = entry.index;
                    changes.push(Change { index, logged, now });
                }
            }
            Ok(Replayed::NotADecision(_)) => {}
            Err(_) => unread += 1,
        }
        Ok::<(), FollowError>(())
    })
    .await?;
    log.log.entries.close().await;
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for Change { index, logged, now } in &changes {
        writeln!(out, "{index} {logged} -> {now}")?;
        *counts
            .entry(format!("{} -> {}", logged.decision, now.decision))
            .or_default() += 1;
    }
    for (change, count) in &counts {
        writeln!(out, "{count} {change}")?;
    }
    writeln!(
        out,
        "{decided} requests decided again, {} otherwise",
        changes.len()
    )?;
    if unread > 0 {
        writeln!(
            out,
            "{unread} could not be: erased, shredded, or not understood under these policies"
        )?;
    }
    Ok(())
}

/// The folder's policies as if everybody had signed, with the mandates that are.
fn as_if_signed(args: &Simulate, now: jiff::Timestamp) -> Result<Policies, Box<dyn Error>> {
    let files = policies::read(&args.new)?;
    let draft: Draft = policies::draft_of(&files)?;
    let mandates = policies::load(&args.new, &args.deployment, now)?.mandates;
    Ok(Policies {
        mandates,
        ..Policies::as_if_signed(&draft)
    })
}
