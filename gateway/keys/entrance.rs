//! The entrance: identifiers become keyed indexes, here or inside the hardware module, and are forgotten.

use std::sync::Arc;
use std::time::Duration;

use doelpoort_core::identifier::{Identifier, Index, IndexKey, IndexOrigin};
use tokio::task::JoinSet;
use zeroize::Zeroizing;

use super::{KeyStore, KeyStoreError, Secret, Versions};
use crate::store::subjects::{Sighting, VersionedIndex};

/// Identifiers that the hardware module gets in one session at a time; more are spread over several.
const KEPT_BATCH: usize = 512;
/// How long the hardware module may take for one such batch.
const KEPT_WAIT_MAX: Duration = Duration::from_secs(10);

/// `K_idx` in its versions.
#[derive(Debug)]
pub struct Entrance(Versions<EntranceKey>);

/// One version of `K_idx`.
#[derive(Clone, Debug)]
pub enum EntranceKey {
    /// Here.
    Held(Arc<IndexKey>),
    /// In the store that keeps it, under this name.
    Kept(Arc<dyn KeyStore>, Arc<Secret>),
}

impl Entrance {
    pub(crate) fn new(versions: Versions<EntranceKey>) -> Self {
        Self(versions)
    }

    /// The version that new indexes are made under.
    pub fn active_version(&self) -> u32 {
        self.0.active_version()
    }

    /// The versions that are read, oldest first.
    pub fn versions(&self) -> impl Iterator<Item = u32> {
        self.0.iter().map(|(version, _)| version)
    }

    /// What the store looks the identifiers up by, in their order.
    ///
    /// # Errors
    /// [`KeyStoreError`] when a key is in a hardware module that does not answer: then nothing may be looked up, for an
    /// identifier that is not found would be taken for a new one.
    pub async fn sightings(&self, identifiers: &[&Identifier]) -> Result<Vec<Sighting>, KeyStoreError> {
        let active = self.active_version();
        let current = indexes(active, self.0.active(), identifiers).await?;
        let mut sightings: Vec<_> = identifiers
            .iter()
            .zip(current)
            .map(|(identifier, current)| Sighting {
                kind: identifier.type_byte(),
                origin: IndexOrigin::Gateway,
                current,
                previous: Vec::new(),
            })
            .collect();
        for (version, key) in self.0.iter().filter(|(version, _)| *version != active) {
            for (sighting, index) in sightings
                .iter_mut()
                .zip(indexes(version, key, identifiers).await?)
            {
                sighting.previous.push(index);
            }
        }
        Ok(sightings)
    }
}

async fn indexes(
    version: u32,
    key: &EntranceKey,
    identifiers: &[&Identifier],
) -> Result<Vec<VersionedIndex>, KeyStoreError> {
    let versioned = |index| VersionedIndex { version, index };
    match key {
        EntranceKey::Held(key) => Ok(identifiers
            .iter()
            .map(|identifier| versioned(identifier.index(key)))
            .collect()),
        EntranceKey::Kept(store, kept) => {
            let macs = kept_macs(store, kept, identifiers).await?;
            Ok(macs
                .into_iter()
                .map(|mac| versioned(Index::from_bytes(mac)))
                .collect())
        }
    }
}

/// In several sessions at once, on threads that may wait.
async fn kept_macs(
    store: &Arc<dyn KeyStore>,
    kept: &Arc<Secret>,
    identifiers: &[&Identifier],
) -> Result<Vec<[u8; 32]>, KeyStoreError> {
    let mut batches = JoinSet::new();
    for (number, batch) in identifiers.chunks(KEPT_BATCH).enumerate() {
        let messages: Vec<Zeroizing<Vec<u8>>> = batch.iter().map(|one| one.message()).collect();
        let (store, kept) = (Arc::clone(store), Arc::clone(kept));
        batches.spawn_blocking(move || (number, store.mac(&kept, &messages)));
    }
    let mut done = Vec::with_capacity(batches.len());
    let late = || KeyStoreError::Unavailable("it takes too long".to_owned());
    while let Some(batch) = tokio::time::timeout(KEPT_WAIT_MAX, batches.join_next())
        .await
        .map_err(|_| late())?
    {
        let (number, macs) = batch.map_err(|_| late())?;
        done.push((number, macs?));
    }
    done.sort_unstable_by_key(|(number, _)| *number);
    Ok(done.into_iter().flat_map(|(_, macs)| macs).collect())
}
