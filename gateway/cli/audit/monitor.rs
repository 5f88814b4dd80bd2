//! `doelpoort audit monitor`: does the log say what was done? The FG's daily check.

use std::error::Error;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::ValueHint;
use doelpoort_core::request::LookCommand;

use super::fg::FgArgs;
use super::{FOUND, approvers};
use crate::fg::monitor::{Monitored, monitor};

#[derive(Debug, clap::Args)]
pub(super) struct Monitor {
    #[command(flatten)]
    fg: FgArgs,
    /// The policies folder: verifies that you signed for what was destroyed
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    approvers: Option<PathBuf>,
    /// Only entries from this number on
    #[arg(long, value_name = "INDEX", default_value_t = 0)]
    from: u64,
}

impl Monitor {
    pub(super) async fn run(self) -> Result<ExitCode, Box<dyn Error>> {
        let approvers = self.approvers.as_deref().map(approvers).transpose()?;
        let what = "every private part".to_owned();
        let log = self.fg.open(LookCommand::Monitor, what).await?;
        let monitored = monitor(
            &log.log.entries,
            &log.key,
            &log.keys,
            approvers.as_ref(),
            self.from,
        )
        .await?;
        log.log.entries.close().await;
        tell(&monitored)?;
        Ok(if monitored.is_honest() {
            ExitCode::SUCCESS
        } else {
            ExitCode::from(FOUND)
        })
    }
}

fn tell(monitored: &Monitored) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "entries        {}", monitored.entries)?;
    writeln!(
        out,
        "private parts  {} opened and held against their leaf",
        monitored.opened
    )?;
    if monitored.shredded > 0 {
        writeln!(
            out,
            "shredded       {}, of months whose key is gone",
            monitored.shredded
        )?;
    }
    if !monitored.destroyed.is_empty() {
        let destroyed: Vec<String> = monitored.destroyed.iter().map(u64::to_string).collect();
        writeln!(
            out,
            "destroyed      {}, as entries of retention say",
            destroyed.join(", ")
        )?;
    }
    for (index, what) in &monitored.findings {
        writeln!(out, "  index {index}: {what}")?;
    }
    let result = if monitored.is_honest() {
        "honest: every commitment and every tag is that of its private part, and the log that of its checkpoint"
    } else {
        "NOT HONEST: the log does not say what was done"
    };
    writeln!(out, "result         {result}")
}
