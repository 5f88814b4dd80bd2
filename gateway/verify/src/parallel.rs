//! The costly parts of a check, on all cores. The results come in the order of what was given.

use std::num::NonZeroUsize;
use std::thread;

use doelpoort_core::audit::checkpoint::{Checkpoint, CheckpointError};
use doelpoort_core::audit::note::Verifier;
use doelpoort_core::audit::verify::{Examined, Given, examine};

/// Hashes and decodes each entry.
pub fn examine_all(entries: &[Given<'_>]) -> Vec<Examined> {
    on_all_cores(entries, examine)
}

/// Opens each note that `log` should have signed.
pub fn open_all<N: AsRef<str> + Sync>(
    notes: &[N],
    log: &Verifier,
) -> Vec<Result<Checkpoint, CheckpointError>> {
    on_all_cores(notes, |note| Checkpoint::open(note.as_ref(), log))
}

/// `each` of all `items`, a share of them on each core.
pub fn on_all_cores<'i, I: Sync, O: Send>(items: &'i [I], each: impl Fn(&'i I) -> O + Sync) -> Vec<O> {
    let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let share = items.len().div_ceil(cores).max(1);
    thread::scope(|scope| {
        let threads: Vec<_> = items
            .chunks(share)
            .map(|share| scope.spawn(|| share.iter().map(&each).collect::<Vec<O>>()))
            .collect();
        threads
            .into_iter()
            .flat_map(|thread| match thread.join() {
                Ok(done) => done,
                Err(panic) => std::panic::resume_unwind(panic),
            })
            .collect()
    })
}
