//! `keys check` and `keys status`: looks, and changes nothing.

use std::error::Error;

use clap::Args;

use super::usage;
use crate::cli::ConfigArgs;
use crate::cli::output::print;
use crate::clock::{Clock as _, SystemClock};
use crate::config::Config;
use crate::gateway::key_files;
use crate::keys::file::OpenKeys;
use crate::store::{Store, StoreOptions};

#[derive(Debug, Args)]
pub(super) struct Check {
    #[command(flatten)]
    config: ConfigArgs,
    /// Accept the keys of the demo and of tests
    #[arg(long, hide = true)]
    danger_example_keys: bool,
}

#[derive(Debug, Args)]
pub(super) struct Status {
    #[command(flatten)]
    check: Check,
}

impl Check {
    async fn open(&self) -> Result<(Config, OpenKeys), Box<dyn Error>> {
        let (config, usage) = (self.config.load()?, usage(self.danger_example_keys));
        let files = key_files(&config);
        let keys = tokio::task::spawn_blocking(move || OpenKeys::open(&files, usage)).await??;
        Ok((config, keys))
    }

    pub(super) async fn run(&self) -> Result<(), Box<dyn Error>> {
        let (_, keys) = self.open().await?;
        let count = keys.status().len();
        Ok(print(&format!(
            "{count} versions open and have their check values; KEK: {}",
            keys.kek()
        ))?)
    }
}

impl Status {
    pub(super) async fn run(&self) -> Result<(), Box<dyn Error>> {
        let (config, keys) = self.check.open().await?;
        print(&format!("KEK: {}", keys.kek()))?;
        for key in keys.status() {
            let since = key
                .since
                .map(|since| format!("since {since}"))
                .unwrap_or_default();
            let line = format!(
                "{:<8} {:>3}  {:<9}  {:<18}  {}  {since}",
                key.id,
                key.version,
                key.state.name(),
                key.algorithm,
                key.check
            );
            print(line.trim_end())?;
        }
        let store = Store::open(config.database.url.expose(), StoreOptions::default()).await?;
        let told = in_database(&store, &keys).await;
        store.close().await;
        told
    }
}

async fn in_database(store: &Store, keys: &OpenKeys) -> Result<(), Box<dyn Error>> {
    let running = store
        .told_key_versions(SystemClock.now().as_microsecond())
        .await?;
    for versions in &running {
        print(&format!("gateway reads {versions}"))?;
    }
    if running.is_empty() {
        print("no gateway runs")?;
    }
    let active = keys
        .status()
        .into_iter()
        .find(|key| key.id == "index" && key.state == crate::keys::file::State::Active);
    if let Some(active) = active {
        let unseen = store.subjects_unseen_under(active.version).await?;
        print(&format!(
            "identifiers not delivered since `index` version `{}`: {unseen}",
            active.version
        ))?;
    }
    for (dataset, version, progress) in store.all_resealing_progress().await? {
        let state = match progress.finished_us {
            Some(_) => "done".to_owned(),
            None => format!("at row {}", progress.from_row),
        };
        print(&format!(
            "references of {dataset} under `seal` version `{version}`: {} sealed anew, {state}",
            progress.resealed
        ))?;
    }
    Ok(())
}
