//! `doelpoort policy activate`: a person's word that other policies come into force.

use std::error::Error;
use std::io::Write;
use std::sync::Arc;

use clap::Parser;

use crate::cli::ConfigArgs;
use crate::cli::serve::start;
use crate::clock::SystemClock;
use crate::keys::KeyUse;
use crate::telemetry::Metrics;

/// Puts the policies of the configuration's folder in force, beside the replicas that run. Those with the same folder take
/// them up; the others answer nothing until they have it too.
#[derive(Debug, Parser)]
pub(super) struct Activate {
    #[command(flatten)]
    config: ConfigArgs,
    /// Accept the published example keys: for tests only
    #[arg(long, hide = true)]
    danger_example_keys: bool,
}

pub(super) async fn activate(args: &Activate, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let usage = if args.danger_example_keys {
        KeyUse::DemoOrTest
    } else {
        KeyUse::Production
    };
    let config = args.config.load()?;
    let gateway = start(config, usage, Arc::new(SystemClock), Arc::new(Metrics::new())).await?;
    let activated = gateway.activate_policies().await;
    let generation = gateway.policies().current().generation;
    gateway.close().await;
    activated?;
    writeln!(out, "in force since policy generation {generation}")?;
    Ok(())
}
