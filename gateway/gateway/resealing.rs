//! Holders' own references are sealed anew, in the background, when the key that seals them was rotated.
//!
//! A pass reads every reference once and seals those anew that are under another version. Who still sealed under an
//! older version meanwhile left some behind, so it begins again until a pass finds none.

use doelpoort_core::catalogue::Name;
use zeroize::Zeroizing;

use super::Gateway;
use crate::delivery::reference_context;
use crate::keys::{Keyring, SealError};
use crate::store::StoreError;
use crate::store::dataset::{DatasetTable, ROWS_PER_DELIVERY_MAX};
use crate::store::resealing::{Progress, SealedReference};

/// References read at a time.
const BATCH_ROWS: i64 = 500;
/// Batches a turn, so that what else is due is done.
const BATCHES_MAX: usize = 100;

/// Why references were not sealed anew.
#[derive(Debug, thiserror::Error)]
pub enum ResealError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A reference could not be opened or sealed.
    #[error("a reference of dataset `{dataset}` {error}")]
    Seal {
        /// The dataset.
        dataset: Name,
        /// Why.
        error: SealError,
    },
}

impl Gateway {
    /// Seals references anew, as many as one turn has time for. Nothing to do while there is one version only.
    ///
    /// # Errors
    /// [`ResealError`]; the next turn goes on where this one was.
    pub async fn reseal(&self) -> Result<(), ResealError> {
        self.reseal_some(BATCHES_MAX).await
    }

    /// The same, with no more than so many batches.
    ///
    /// # Errors
    /// As [`Gateway::reseal`].
    pub async fn reseal_some(&self, batches_max: usize) -> Result<(), ResealError> {
        let keyring = self.keyring();
        if keyring.seal.versions().count() < 2 {
            return Ok(());
        }
        let version = keyring.seal.active_version();
        let tables = std::sync::Arc::clone(&self.policies.current().tables);
        let mut batches = 0;
        for table in tables.iter() {
            let mut progress = self.store.resealing_progress(table, version).await?;
            while progress.finished_us.is_none() {
                if batches == batches_max {
                    return Ok(());
                }
                let from_row = progress.from_row;
                progress = self.reseal_batch(table, &keyring, progress).await?;
                // A table without rows is none of them.
                batches += usize::from(progress.from_row > from_row);
                self.store
                    .set_resealing_progress(table, version, progress)
                    .await?;
            }
        }
        Ok(())
    }

    /// How many references and items of inboxes are still under another version than the active one. Reads the tables.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn references_left(&self) -> Result<i64, StoreError> {
        let version = self.keyring().seal.active_version();
        let tables = std::sync::Arc::clone(&self.policies.current().tables);
        let mut left = self.store.inboxes_left(version).await?;
        for table in tables.iter() {
            left += self.store.references_left(table, version).await?;
        }
        Ok(left)
    }

    /// The holders' own names for the pupils of a dataset, opened, in the order of the rows. For an auditor's tests of the
    /// sealing; no route gives them.
    ///
    /// # Errors
    /// [`ResealError`].
    pub async fn references(&self, table: &DatasetTable) -> Result<Vec<Zeroizing<String>>, ResealError> {
        let keyring = self.keyring();
        let mut names = Vec::new();
        for reference in self.store.sealed_references(table, 0, i64::MAX).await? {
            let opened = opened(table.dataset(), &keyring, &reference)?;
            names.push(Zeroizing::new(String::from_utf8_lossy(&opened).into_owned()));
        }
        Ok(names)
    }

    async fn reseal_batch(
        &self,
        table: &DatasetTable,
        keyring: &Keyring,
        progress: Progress,
    ) -> Result<Progress, ResealError> {
        let read = self
            .store
            .sealed_references(table, progress.from_row, BATCH_ROWS)
            .await?;
        let Some(last) = read.last().map(|reference| reference.row) else {
            let finished = (progress.found == 0).then(|| self.clock.now().as_microsecond());
            return Ok(Progress {
                from_row: 0,
                found: 0,
                finished_us: finished,
                ..progress
            });
        };
        let mut anew = Vec::new();
        for reference in read {
            if let Some(sealed) = self.sealed_anew(table.dataset(), keyring, &reference)? {
                anew.push((reference, sealed));
            }
        }
        let found = i64::try_from(anew.len()).unwrap_or(i64::MAX);
        let replaced = self.store.replace_references(table, anew).await?;
        Ok(Progress {
            from_row: last,
            found: progress.found + found,
            resealed: progress.resealed + i64::try_from(replaced).unwrap_or(i64::MAX),
            finished_us: None,
        })
    }

    /// The same under the active version. None: it is already.
    fn sealed_anew(
        &self,
        dataset: &Name,
        keyring: &Keyring,
        reference: &SealedReference,
    ) -> Result<Option<Vec<u8>>, ResealError> {
        let key = &keyring.seal;
        if key.sealed_under(&reference.sealed) == Some(key.active_version()) {
            return Ok(None);
        }
        let plain = opened(dataset, keyring, reference)?;
        let sealed = context(dataset, reference)
            .and_then(|aad| key.seal(&aad, &plain, &self.random))
            .map_err(|error| failed(dataset, error))?;
        Ok(Some(sealed))
    }
}

fn opened(
    dataset: &Name,
    keyring: &Keyring,
    reference: &SealedReference,
) -> Result<Zeroizing<Vec<u8>>, ResealError> {
    context(dataset, reference)
        .and_then(|aad| keyring.seal.open(&aad, &reference.sealed))
        .map_err(|error| failed(dataset, error))
}

fn context(dataset: &Name, reference: &SealedReference) -> Result<Vec<u8>, SealError> {
    let (delivery, number) = (
        reference.row / ROWS_PER_DELIVERY_MAX,
        reference.row % ROWS_PER_DELIVERY_MAX,
    );
    reference_context(dataset, delivery, number).ok_or(SealError::Seal)
}

fn failed(dataset: &Name, error: SealError) -> ResealError {
    ResealError::Seal {
        dataset: dataset.clone(),
        error,
    }
}
