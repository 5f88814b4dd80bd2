//! `doelpoort audit retain`: destroys private parts of the log, after their term or on request. Runs where the gateway's
//! keys are, since the log must say so.

use std::error::Error;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::ValueHint;
use doelpoort_core::audit::day::Month;

use super::super::serve::start;
use crate::clock::{Clock as _, SystemClock};
use crate::config::{Config, Environment};
use crate::gateway::Gateway;
use crate::keys::KeyUse;
use crate::log::Retained;
use crate::telemetry::Metrics;

#[derive(Debug, clap::Args)]
pub(super) struct Retain {
    /// The gateway's configuration
    #[arg(long, value_name = "FILE", default_value = "gateway.toml", value_hint = ValueHint::FilePath)]
    config: PathBuf,
    #[command(flatten)]
    what: What,
    /// Why, as the log will say it: a ground or a decision's reference, never a person
    #[arg(long, value_name = "TEXT", value_parser = ground)]
    ground: String,
    /// Accept the published example keys: for tests only
    #[arg(long, hide = true)]
    danger_example_keys: bool,
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct What {
    /// All private parts of a month whose term is over
    #[arg(long, value_name = "YYYY-MM")]
    month: Option<Month>,
    /// The private part of one entry
    #[arg(long, value_name = "INDEX")]
    entry: Option<u64>,
}

impl Retain {
    pub(super) async fn run(self) -> Result<ExitCode, Box<dyn Error>> {
        let config = Config::load(&self.config, &Environment::of_process())?;
        if let Some(month) = self.what.month {
            refuse_early(month, config.audit.retention_months_min)?;
        }
        let key_use = if self.danger_example_keys {
            KeyUse::DemoOrTest
        } else {
            KeyUse::Production
        };
        let gateway = start(config, key_use, Arc::new(SystemClock), Arc::new(Metrics::new())).await?;
        let done = self.destroy(&gateway).await;
        gateway.close().await;
        let mut out = std::io::stdout().lock();
        match done? {
            Some(retained) => writeln!(
                out,
                "{} private parts destroyed; log entry {}",
                retained.count, retained.receipt.index
            )?,
            None => writeln!(out, "there was nothing to destroy")?,
        }
        if let Some(month) = self.what.month {
            writeln!(
                out,
                "backups still hold them until the FG destroys the key: doelpoort fg destroy --month {month}"
            )?;
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn destroy(&self, gateway: &Gateway) -> Result<Option<Retained>, Box<dyn Error>> {
        Ok(match (self.what.month, self.what.entry) {
            (Some(month), _) => gateway.log().drop_month(month, &self.ground).await?,
            (None, Some(index)) => gateway.log().erase(index, &self.ground).await?,
            (None, None) => return Err("give --month or --entry".into()),
        })
    }
}

/// A month is kept for its term: what parents may ask about is not destroyed by a typing mistake.
fn refuse_early(month: Month, months_min: u32) -> Result<(), String> {
    let now = Month::of(SystemClock.now().as_microsecond());
    let mut over = month;
    for _ in 0..months_min {
        over = over.next();
    }
    if now < over {
        return Err(format!(
            "the term of {month} ends in {over}: `audit.retention_months_min` is {months_min}"
        ));
    }
    Ok(())
}

fn ground(text: &str) -> Result<String, String> {
    let fits = !text.trim().is_empty() && text.len() <= 256 && !text.chars().any(char::is_control);
    if fits {
        Ok(text.to_owned())
    } else {
        Err("must be 1 to 256 bytes on one line".to_owned())
    }
}
