//! `doelpoort audit monitor`: does the log say what was done? The FG's daily check.

use std::error::Error;
use std::io::Write as _;
use std::process::ExitCode;

use super::FOUND;
use super::fg::FgArgs;
use crate::fg::monitor::{Monitored, monitor};
use crate::log::SHARD;

#[derive(Debug, clap::Args)]
pub(super) struct Monitor {
    #[command(flatten)]
    fg: FgArgs,
    /// Only entries from this number on
    #[arg(long, value_name = "INDEX", default_value_t = 0)]
    from: u64,
}

impl Monitor {
    pub(super) async fn run(self) -> Result<ExitCode, Box<dyn Error>> {
        let log = self.fg.open().await?;
        let monitored = monitor(&log.store, SHARD, &log.origin, &log.keys, self.from).await?;
        log.store.close().await;
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
    if !monitored.missing.is_empty() {
        let missing: Vec<String> = monitored.missing.iter().map(u64::to_string).collect();
        writeln!(
            out,
            "erased         {} (see their entries of retention)",
            missing.join(", ")
        )?;
    }
    for (index, what) in &monitored.findings {
        writeln!(out, "  index {index}: {what}")?;
    }
    let result = if monitored.is_honest() {
        "honest: every commitment and every tag is that of its private part"
    } else {
        "NOT HONEST: the log does not say what was done"
    };
    writeln!(out, "result         {result}")
}
