//! The log for an operator's command, without the rest of the gateway: nothing is appended but what the command does.

use std::sync::Arc;

use doelpoort_core::audit::note::Signer;

use super::key_files::key_files;
use super::start::{StartError, fg_keys};
use crate::clock::Clock;
use crate::config::Config;
use crate::keys::KeyUse;
use crate::log::Offline;
use crate::store::{Store, StoreOptions};

/// Opens the log of a configuration, with the database it is in.
///
/// # Errors
/// The first part that is not right.
pub async fn offline(
    config: &Config,
    key_use: KeyUse,
    clock: Arc<dyn Clock>,
) -> Result<(Store, Offline), StartError> {
    let keyring = key_files(config).load(key_use)?;
    let store = Store::open(config.database.url.expose(), StoreOptions::default()).await?;
    store.migrate().await?;
    let signer = Signer::from_seed(&config.deployment.origin, keyring.log.active().expose())
        .map_err(|_| StartError::Key("log"))?;
    let fg_keys = fg_keys(config, clock.now())?;
    let log = Offline::open(store.clone(), signer, fg_keys, clock).await?;
    Ok((store, log))
}
