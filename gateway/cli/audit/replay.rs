//! `doelpoort audit replay`: a recorded request decided again, under the policies of its time.

use std::error::Error;
use std::io::Write as _;
use std::process::ExitCode;

use doelpoort_core::policy::History;

use super::FOUND;
use super::fg::FgArgs;
use crate::fg::Reader;
use crate::fg::follow::{FollowError, follow};
use crate::fg::replay::{Archive, ReplayFailure, Replayed, decide, decided, is_decision};
use crate::log::SHARD;

#[derive(Debug, clap::Args)]
pub(super) struct Replay {
    #[command(flatten)]
    fg: FgArgs,
    /// The entry's number; all of them without it
    index: Option<u64>,
    /// The deployment's name, as in `deployment.name` of gateway.toml
    #[arg(long)]
    deployment: String,
}

impl Replay {
    pub(super) async fn run(self) -> Result<ExitCode, Box<dyn Error>> {
        let log = self.fg.open().await?;
        let mut asked = Vec::new();
        let mut history = History::default();
        let mut reader = Reader::new(&log.origin, &log.keys);
        follow(&log.store, SHARD, &mut reader, |reader, entry| {
            // A gap in the policies is the verifier's finding, not ours.
            let _ = history.apply(&entry.leaf);
            let wanted = self.index.is_none_or(|index| index == entry.index);
            if wanted && is_decision(&entry.leaf.event) {
                let opened = entry.open(reader);
                asked.push((entry, opened, history.clone()));
            }
            Ok::<(), FollowError>(())
        })
        .await?;
        let mut archive = Archive::new(&log.store, &self.deployment);
        let mut other = 0;
        let mut out = std::io::stdout().lock();
        for (entry, opened, history) in &asked {
            let replayed = async {
                let opened = match opened {
                    Ok(opened) => opened.as_ref().ok_or(ReplayFailure::NoRequest)?,
                    Err(error) => return Err(ReplayFailure::Unreadable(error.to_string())),
                };
                let private = &opened.private;
                let (at, digest) = decided(&entry.leaf, private, history)?;
                let digest = digest.ok_or(ReplayFailure::NoRequest)?;
                let policies = archive.policies(digest, history, at).await?;
                decide(&policies, &entry.leaf, private)
            };
            let told = match replayed.await {
                Ok(Replayed::Decided { logged, now }) if logged == now => format!("same: {logged}"),
                Ok(Replayed::Decided { logged, now }) => {
                    other += 1;
                    format!("OTHER: the log says {logged}, now {now}")
                }
                Ok(Replayed::NotADecision(what)) => format!("not a decision of the policies: {what}"),
                Err(why) => {
                    other += 1;
                    format!("CANNOT BE DECIDED AGAIN: {why}")
                }
            };
            writeln!(out, "{} {told}", entry.index)?;
        }
        writeln!(out, "{} decisions, {other} not the same", asked.len())?;
        log.store.close().await;
        Ok(if other == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::from(FOUND)
        })
    }
}
