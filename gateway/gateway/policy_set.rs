//! The policies in force, swapped whole, and when this replica last heard that they still are.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use doelpoort_core::catalogue::Name;
use doelpoort_core::policy::Policies;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::exchange::Refusal;
use crate::store::dataset::DatasetTables;

/// How old the last word of the log may be while a body is written; a withdrawal elsewhere is known within this.
pub(crate) const WORD_AGE_MAX: Duration = Duration::from_secs(1);

/// The policies of this replica and the generation under which the log knows them.
#[derive(Debug)]
pub struct Current {
    /// The policies, without what was withdrawn.
    pub policies: Policies,
    /// Their generation: an answer decided under another one is refused when it is recorded.
    pub generation: i64,
    /// Whether the log has these in force. If not, another replica has other files, and this one answers nothing.
    pub in_force: bool,
    /// Where the rows of the datasets are.
    pub(crate) tables: Arc<DatasetTables>,
}

/// The policies in force, swapped whole.
#[derive(Debug)]
pub struct PolicySet {
    current: ArcSwap<Current>,
    /// Those before them: what was just decided under them may be on its way.
    former: ArcSwap<Current>,
    heard: watch::Sender<Instant>,
}

impl Current {
    /// Where the rows of the datasets are.
    pub fn tables(&self) -> &Arc<DatasetTables> {
        &self.tables
    }

    /// Refuses where other policies are in force than this replica has.
    ///
    /// # Errors
    /// [`Refusal::NotInForce`].
    pub fn check_in_force(&self) -> Result<(), Refusal> {
        if self.in_force {
            Ok(())
        } else {
            Err(Refusal::NotInForce)
        }
    }
}

impl PolicySet {
    /// These policies, in force as of now.
    pub(super) fn new(current: Current) -> Self {
        let current = Arc::new(current);
        Self {
            former: ArcSwap::new(Arc::clone(&current)),
            current: ArcSwap::new(current),
            heard: watch::Sender::new(Instant::now()),
        }
    }

    /// The policies as they are now; a request keeps what it began with.
    pub fn current(&self) -> Arc<Current> {
        self.current.load_full()
    }

    pub(super) fn swap(&self, current: Current) {
        self.former.store(self.current.swap(Arc::new(current)));
    }

    /// The policies under which this purpose has this manifest: those of now, or those before them.
    pub(crate) fn with_manifest(&self, purpose: &Name, digest: &[u8; 32]) -> Option<Arc<Current>> {
        [self.current(), self.former.load_full()].into_iter().find(|one| {
            let standing = one.policies.purposes.get(purpose);
            standing.is_some_and(|standing| standing.manifest_digest == *digest)
        })
    }

    /// The log was asked at this moment, and what is here is what it said.
    pub(super) fn heard(&self, at: Instant) {
        self.heard.send_replace(at);
    }

    /// The moments at which the log was asked.
    pub(crate) fn words(&self) -> watch::Receiver<Instant> {
        self.heard.subscribe()
    }
}
