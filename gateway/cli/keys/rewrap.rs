//! `keys rewrap`: the same keys under another KEK.

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use ring::rand::SystemRandom;

use super::usage;
use crate::cli::ConfigArgs;
use crate::cli::output::print;
use crate::cli::serve::start;
use crate::clock::SystemClock;
use crate::config::{Config, Environment};
use crate::gateway::{KeyChange, key_files};
use crate::keys::file::{OpenKeys, make_held_kek};
use crate::telemetry::Metrics;

#[derive(Debug, Args)]
pub(super) struct Rewrap {
    #[command(flatten)]
    config: ConfigArgs,
    /// A configuration whose `[keys]` name the new KEK; what it names and is not there is made
    #[arg(long, value_name = "FILE")]
    into: PathBuf,
    /// Why, as the log will say it
    #[arg(long, value_name = "TEXT")]
    ground: String,
    /// Accept the keys of the demo and of tests
    #[arg(long, hide = true)]
    danger_example_keys: bool,
}

impl Rewrap {
    pub(super) async fn run(self) -> Result<(), Box<dyn Error>> {
        let (config, usage) = (self.config.load()?, usage(self.danger_example_keys));
        let (files, new) = (
            key_files(&config),
            key_files(&Config::load(&self.into, &Environment::of_process())?),
        );
        if files.keys != new.keys {
            return Err("the two configurations name different key files".into());
        }
        let keys = tokio::task::spawn_blocking(move || {
            let mut keys = OpenKeys::open(&files, usage)?;
            make_held_kek(&new.kek, &SystemRandom::new())?;
            keys.rewrap(&new.kek, &SystemRandom::new())?;
            Ok::<_, crate::keys::file::ChangeError>(keys)
        })
        .await??;
        let gateway = start(config, usage, Arc::new(SystemClock), Arc::new(Metrics::new())).await?;
        let told = gateway
            .record_key_change(KeyChange::Rewrapped, None, &self.ground)
            .await?;
        let kek = keys.kek();
        tokio::task::spawn_blocking(move || keys.save()).await??;
        gateway.close().await;
        print(&format!(
            "all keys are wrapped under another KEK: {kek}; log entry {}",
            told.index
        ))?;
        Ok(print(&format!(
            "start each gateway with {}; then destroy the old KEK: it opens older copies of the key file",
            self.into.display()
        ))?)
    }
}
