//! Released cells, kept in memory: they never change, so they are read once an epoch in place of once a question.
//!
//! An epoch is read whole. Then no time tells which of its cells somebody asked about before.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use crate::store::{Store, StoreError};

/// The most epochs that are kept; the one that closed first is dropped for another.
const EPOCHS_MAX: usize = 8;
/// The most cells of one epoch that are kept, about 100 bytes each; of a larger one each question reads its own.
const CELLS_MAX: usize = 200_000;

/// The cells of an epoch; none where they are too many.
type Cells = Option<Arc<HashMap<String, i64>>>;

/// The cells of closed epochs that were asked about.
#[derive(Clone, Debug, Default)]
pub(super) struct Kept {
    epochs: Arc<Mutex<BTreeMap<i64, Cells>>>,
}

impl Kept {
    /// The figures of a closed epoch's cells, in the order of their names; none where they are not shown.
    pub(super) async fn cells(
        &self,
        store: &Store,
        epoch: i64,
        names: &[String],
    ) -> Result<Vec<Option<i64>>, StoreError> {
        let known = self.lock().get(&epoch).cloned();
        let cells = match known {
            Some(cells) => cells,
            None => self.keep(epoch, store.all_released_cells(epoch, CELLS_MAX).await?),
        };
        let figures =
            |cells: &HashMap<String, i64>| names.iter().map(|name| cells.get(name).copied()).collect();
        match cells {
            Some(cells) => Ok(figures(&cells)),
            None => Ok(figures(&store.released_cells(epoch, names).await?)),
        }
    }

    fn keep(&self, epoch: i64, cells: Option<HashMap<String, i64>>) -> Cells {
        let cells = cells.map(Arc::new);
        let mut epochs = self.lock();
        epochs.insert(epoch, cells.clone());
        while epochs.len() > EPOCHS_MAX {
            epochs.pop_first();
        }
        cells
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<i64, Cells>> {
        self.epochs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
