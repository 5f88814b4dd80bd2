//! `doelpoort audit replay`: a recorded request decided again, under the policies of its time.

use std::error::Error;
use std::io::Write as _;
use std::process::ExitCode;

use doelpoort_core::policy::History;
use doelpoort_core::request::LookCommand;

use super::FOUND;
use super::fg::FgArgs;
use crate::fg::Reader;
use crate::fg::follow::{FollowError, Parts, follow};
use crate::fg::replay::{Archive, ReplayFailure, Replayed, again, is_decision};

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
        let what = match self.index {
            Some(index) => format!("entry {index}"),
            None => "every decision".to_owned(),
        };
        let log = self.fg.open(LookCommand::Replay, what).await?;
        let mut asked = Vec::new();
        let mut history = History::default();
        let mut reader = Reader::new(&log.origin, &log.keys);
        follow(&log.log.entries, Parts::Sealed, &mut reader, |reader, entry| {
            // A gap in the policies is the verifier's finding, not ours.
            let _ = history.apply(&entry.leaf);
            let wanted = self.index.is_none_or(|index| index == entry.index);
            if wanted && is_decision(&entry.leaf.event) {
                let opened = reader.open_entry(&entry);
                asked.push((entry, opened, history.clone()));
            }
            Ok::<(), FollowError>(())
        })
        .await?;
        let mut archive = Archive::new(log.log.archived(), &self.deployment);
        let mut other = 0;
        let mut out = std::io::stdout().lock();
        for (entry, opened, history) in &asked {
            let replayed = async {
                let opened = match opened {
                    Ok(opened) => opened.as_ref().ok_or(ReplayFailure::NoRequest)?,
                    Err(error) => return Err(ReplayFailure::Unreadable(error.to_string())),
                };
                again(&mut archive, &entry.leaf, opened.held()?, history).await
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
        log.log.entries.close().await;
        Ok(if other == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::from(FOUND)
        })
    }
}
