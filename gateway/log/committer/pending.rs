//! An entry on its way: checked before it queues, with whom to tell what became of it.

use std::sync::Arc;

use doelpoort_core::audit::Hash;
use doelpoort_core::audit::day::Day;
use doelpoort_core::audit::leaf::{Event, Kind, Leaf, Value, extra};
use doelpoort_core::audit::merkle::Inclusion;
use doelpoort_core::audit::private::Private;
use doelpoort_core::audit::receipt::{Receipt, SignedHead};
use doelpoort_core::audit::tag::{TAG_LEN, padded};
use tokio::sync::oneshot;

use crate::log::entry::random;
use crate::log::privacy::{Privacy, Stamp};
use crate::log::{Effect, Entry, LogError};

/// An entry on its way, with whom to tell.
pub(in crate::log) struct Pending {
    pub(super) event: Event,
    /// What is sealed beside the leaf, if there is anything.
    pub(super) private: Option<Private>,
    /// With which key its tags were made; none where it has none, or none was there yet.
    pub(super) stamp: Option<Stamp>,
    pub(super) effects: Vec<Effect>,
    pub(super) decided_under: Option<i64>,
    /// Appended only if it would be the first of the log.
    pub(super) only_first: bool,
    /// The length of its leaf at most.
    pub(super) bytes: usize,
    pub(super) answer: oneshot::Sender<Result<Committed, LogError>>,
}

/// What binds an entry to its answer: the answer's digest and the salt.
type Binding = Option<(Hash, [u8; 32])>;

/// Where the committer tells what became of an entry.
pub(super) type Waiting = oneshot::Receiver<Result<Committed, LogError>>;

impl Pending {
    /// Checks the entry as far as that can be done before it has a time and a number, commits to its private part and
    /// makes its tags, for today.
    pub(in crate::log) fn new(
        entry: Entry,
        privacy: &Privacy,
        today: Day,
    ) -> Result<(Self, Binding, Waiting), LogError> {
        let Entry {
            mut event,
            mut private,
            effects,
            decided_under,
            answer: binding,
        } = entry;
        private.salt(random::<32>)?;
        let mut stamp = None;
        if !private.is_empty() {
            event.commitments = private.commitments();
        }
        if let Some((made_with, tags)) = privacy.tags(today, &event.entry_id, &private)? {
            (stamp, event.tags) = (Some(made_with), tags);
        } else {
            // The committer begins the month's chain and makes them; here only their number counts.
            let count = padded(private.persons()).ok_or(LogError::Unavailable)?;
            event.tags = vec![[0; TAG_LEN]; count];
        }
        // The longest time and number: what fits now, fits then.
        let leaf = Leaf {
            time: i64::MAX,
            replica: [0; 16],
            sequence: u64::MAX,
            event,
        };
        let bytes = leaf.encode()?.len();
        let (answer, waiting) = oneshot::channel();
        let pending = Self {
            event: leaf.event,
            private: (!private.is_empty()).then_some(private),
            stamp,
            effects,
            decided_under,
            only_first: false,
            bytes,
            answer,
        };
        Ok((pending, binding, waiting))
    }
}

/// An entry that is durable, and what its receipt is made of.
#[derive(Debug)]
pub(in crate::log) struct Committed {
    pub(super) head: Arc<SignedHead>,
    pub(super) inclusion: Inclusion,
    pub(super) leaf: Vec<u8>,
    pub(super) entry_id: [u8; 16],
}

impl Committed {
    pub(in crate::log) fn receipt(&self, answer: Option<(&Hash, &[u8; 32])>) -> Receipt {
        self.head.receipt(
            self.inclusion.index,
            &self.inclusion.proof,
            &self.leaf,
            self.entry_id,
            answer,
        )
    }
}

/// An entry of the log about itself.
pub(super) fn opening(kind: Kind, privacy: &Privacy) -> Result<(Pending, Waiting), LogError> {
    let mut entry = Entry::new(kind)?;
    software(&mut entry);
    // It is about nobody, so the day does not matter.
    let (pending, _, waiting) = Pending::new(entry, privacy, Day::of(0))?;
    Ok((pending, waiting))
}

/// Says which program wrote an entry.
pub(super) fn software(entry: &mut Entry) {
    let software = concat!("doelpoort ", env!("CARGO_PKG_VERSION")).to_owned();
    entry.event.extra.insert(extra::SOFTWARE, Value::Text(software));
}
