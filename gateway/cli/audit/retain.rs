//! `doelpoort audit retain`: destroys private parts of the log, after their term or on request, by the signed order of the
//! FG. Runs where the gateway's keys are, since the log must say so. Without an order it drafts what the FG would sign.

use std::error::Error;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::ValueHint;
use doelpoort_core::audit::day::Month;
use doelpoort_core::audit::retention::SignedOrder;

use super::super::serve::start;
use super::read;
use crate::clock::{Clock as _, SystemClock};
use crate::config::{Config, Environment};
use crate::gateway::Gateway;
use crate::keys::KeyUse;
use crate::telemetry::Metrics;

#[derive(Debug, clap::Args)]
pub(super) struct Retain {
    /// The gateway's configuration
    #[arg(long, value_name = "FILE", default_value = "gateway.toml", value_hint = ValueHint::FilePath)]
    config: PathBuf,
    #[command(flatten)]
    what: What,
    /// Why, as the log will say it: a ground or a decision's reference, never a person
    #[arg(long, value_name = "TEXT", value_parser = ground, required_unless_present = "order", conflicts_with = "order")]
    ground: Option<String>,
    /// Where the drafted orders go, for the FG to sign (`doelpoort fg order`)
    #[arg(long, value_name = "FILE", required_unless_present = "order", conflicts_with = "order", value_hint = ValueHint::FilePath)]
    output: Option<PathBuf>,
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
    /// The orders that the FG signed: what they say is destroyed
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    order: Option<PathBuf>,
}

impl Retain {
    pub(super) async fn run(self) -> Result<ExitCode, Box<dyn Error>> {
        let config = Config::load(&self.config, &Environment::of_process())?;
        let months_min = config.audit.retention_months_min;
        let key_use = if self.danger_example_keys {
            KeyUse::DemoOrTest
        } else {
            KeyUse::Production
        };
        let gateway = start(config, key_use, Arc::new(SystemClock), Arc::new(Metrics::new())).await?;
        let done = match &self.what.order {
            Some(file) => destroy(&gateway, file, months_min).await,
            None => self.draft(&gateway, months_min).await,
        };
        gateway.close().await;
        done.map(|()| ExitCode::SUCCESS)
    }

    /// Writes what the FG would have to sign, an order a line.
    async fn draft(&self, gateway: &Gateway, months_min: u32) -> Result<(), Box<dyn Error>> {
        let (Some(ground), Some(output)) = (&self.ground, &self.output) else {
            return Err("give --ground and --output".into());
        };
        let log = gateway.log();
        let orders = match (self.what.month, self.what.entry) {
            (Some(month), _) => log.month_orders(month, months_min, ground).await?,
            (None, Some(index)) => log.entry_order(index, ground).await?.into_iter().collect(),
            (None, None) => return Err("give --month or --entry".into()),
        };
        let mut out = std::io::stdout().lock();
        if orders.is_empty() {
            writeln!(out, "there is nothing to destroy")?;
            return Ok(());
        }
        let now = Month::of(SystemClock.now().as_microsecond());
        let mut text = String::new();
        for order in &orders {
            order.check(now)?;
            text.push_str(&serde_json::to_string(order)?);
            text.push('\n');
        }
        std::fs::write(output, text)
            .map_err(|error| format!("cannot write `{}`: {error}", output.display()))?;
        let file = output.display();
        writeln!(
            out,
            "drafted {file}: have the FG sign it with `doelpoort fg order`, then give it with --order"
        )?;
        Ok(())
    }
}

/// Destroys what signed orders say, an order a line.
async fn destroy(gateway: &Gateway, file: &Path, months_min: u32) -> Result<(), Box<dyn Error>> {
    let current = gateway.policies().current();
    let approvers = &current.policies.evidence.keys;
    let orders: Vec<SignedOrder> = read(file)?
        .lines()
        .map(|line| SignedOrder::verify(line, approvers))
        .collect::<Result<_, _>>()?;
    for signed in &orders {
        if signed.order().term_months.is_some_and(|term| term < months_min) {
            return Err(format!(
                "the order's term is shorter than `audit.retention_months_min`, which is {months_min}"
            )
            .into());
        }
    }
    let mut out = std::io::stdout().lock();
    for signed in &orders {
        let retained = gateway.log().destroy(signed).await?;
        writeln!(
            out,
            "{} private parts destroyed; log entry {}",
            retained.count, retained.receipt.index
        )?;
        if let Some(month) = signed.order().month {
            writeln!(
                out,
                "backups still hold them until the FG destroys the key: doelpoort fg destroy --month {month}"
            )?;
        }
    }
    Ok(())
}

pub(in crate::cli) fn ground(text: &str) -> Result<String, String> {
    let fits = !text.trim().is_empty() && text.len() <= 256 && !text.chars().any(char::is_control);
    if fits {
        Ok(text.to_owned())
    } else {
        Err("must be 1 to 256 bytes on one line".to_owned())
    }
}
