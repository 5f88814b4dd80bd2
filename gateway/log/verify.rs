//! Verifying a whole log from its tables, with the public key alone; it writes nothing. The checks are
//! [`doelpoort_core::audit::verify`], the same as for a bundle.

use std::collections::BTreeMap;

use doelpoort_core::audit::checkpoint::{Checkpoint, CheckpointError};
use doelpoort_core::audit::note::Verifier;
use doelpoort_core::audit::receipt::Proven;
use doelpoort_core::audit::released::released_digest;
use doelpoort_core::audit::verify::{Chain, Check, Examined, Given, Head, Release, Report, Source};
use doelpoort_core::policy::KeyList;
use doelpoort_verify::{examine_all, open_all};
use tokio::task::{JoinError, JoinHandle};

use super::SHARD;
use crate::store::{Store, StoreError, log as rows};

/// How many entries are read by one statement.
const ENTRIES_PER_READ: i64 = 2_000;

/// Why a log could not be verified at all.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no log in the database.
    #[error("there is no audit log in this database")]
    NoLog,
    /// The checkpoint to compare with is not one of this key.
    #[error("the checkpoint to compare with: {0}")]
    Against(#[source] CheckpointError),
    /// A thread ended badly: a defect of ours.
    #[error("the check broke off")]
    Thread(#[from] JoinError),
}

/// Verifies all shards of the log in `store` against the public key of any of them and, if given, a checkpoint that was
/// kept elsewhere. Entries that are appended meanwhile are left out.
pub async fn verify(store: &Store, log: &Verifier, against: Option<&str>) -> Result<Report, VerifyError> {
    let given = Evidence {
        against: against.map(|note| Checkpoint::open_of_log(note, log)).transpose(),
        receipts: Vec::new(),
        approvers: None,
    };
    verify_with(store, log, given).await
}

/// What was kept elsewhere, which the log must fit.
pub struct Evidence {
    /// A checkpoint.
    pub against: Result<Option<Checkpoint>, CheckpointError>,
    /// Receipts.
    pub receipts: Vec<Proven>,
    /// The approvers' list: orders to destroy are verified by it.
    pub approvers: Option<KeyList>,
}

/// The same, with all that was kept elsewhere.
pub async fn verify_with(store: &Store, log: &Verifier, given: Evidence) -> Result<Report, VerifyError> {
    let against = given.against.map_err(VerifyError::Against)?;
    // Before the entries: what is closed by now has its entry by then.
    let closed = store.all_closed_epochs().await?;
    let known = rows::shards(store).await?;
    if known.is_empty() {
        return Err(VerifyError::NoLog);
    }
    let mut chain = Chain::default();
    for (number, shard) in (SHARD..).zip(&known) {
        let key = log.of_shard(&shard.origin);
        let mut check = Check::new(key.as_ref().unwrap_or(log), Source::Database);
        check.go_on_from(&chain);
        if let Some(approvers) = &given.approvers {
            check.approvers(approvers);
        }
        for kept in against.iter().filter(|kept| kept.origin == shard.origin) {
            check.against(kept);
        }
        for receipt in given.receipts.iter().filter(|one| one.origin == shard.origin) {
            check.receipt(receipt);
        }
        if shard.number != number {
            check.find(Some(0), &format!("shard `{number}` is missing before it"));
        }
        one(store, shard, key.as_ref(), check, &mut chain).await?;
    }
    let is_here = |origin: &str| known.iter().any(|shard| shard.origin == origin);
    let kept = against.iter().map(|kept| kept.origin.as_str());
    for origin in kept.chain(given.receipts.iter().map(|one| one.origin.as_str())) {
        if !is_here(origin) {
            chain.find(
                origin,
                Some(0),
                "what was kept of this shard is signed, and the shard is missing".to_owned(),
            );
        }
    }
    let mut report = chain.finish();
    released(store, &closed, &mut report).await?;
    Ok(report)
}

/// Every closed epoch has one entry, and its figures are those that the entry has the digest of.
async fn released(
    store: &Store,
    closed: &[(String, String, i64)],
    report: &mut Report,
) -> Result<(), VerifyError> {
    let mut releases: BTreeMap<(String, String), Release> = BTreeMap::new();
    for release in report.releases.clone() {
        let key = (release.population.clone(), release.epoch.clone());
        if let Some(first) = releases.get(&key) {
            let what = format!(
                "the figures of this epoch were released before, by entry `{}`",
                first.index
            );
            report.find(&release.origin, Some(release.index), what);
        } else {
            releases.insert(key, release);
        }
    }
    let origin = report.origin.clone();
    for (population, epoch, id) in closed {
        let Some(release) = releases.get(&(population.clone(), epoch.clone())) else {
            let what =
                format!("the figures of `{population}` at `{epoch}` are released, and no entry says so");
            report.find(&origin, None, what);
            continue;
        };
        let digest = released_digest(&mut store.all_cells(*id).await?);
        if release.digest != Some(digest) {
            let what = "the figures in the database are not those that were released".to_owned();
            report.find(&release.origin, Some(release.index), what);
        }
    }
    Ok(())
}

/// One shard.
async fn one(
    store: &Store,
    shard: &rows::ShardRow,
    key: Option<&Verifier>,
    mut check: Check,
    chain: &mut Chain,
) -> Result<(), VerifyError> {
    if key.is_none_or(|key| key.to_text() != shard.verifier) {
        check.find(
            None,
            "the name and key in the database are not those of the given key",
        );
    }
    // The checkpoints first, then the head: what is read later is never shorter.
    signatures(store, shard.number, key, &mut check).await?;
    let head = rows::head(store, shard.number).await?.ok_or(VerifyError::NoLog)?;
    entries(store, shard.number, &head, &mut check).await?;
    let kept = Head {
        size: head.size,
        frontier: &head.frontier,
        root: head.root,
        last_us: head.last_us,
        policy_generation: head.policy_generation,
        policy_digest: &head.policy_digest,
        closed: head.closed,
    };
    chain.take(check, Some(&kept));
    Ok(())
}

/// Every stored note must be signed, and say what stands beside it.
async fn signatures(
    store: &Store,
    shard: i64,
    key: Option<&Verifier>,
    check: &mut Check,
) -> Result<(), VerifyError> {
    let Some(key) = key.cloned() else { return Ok(()) };
    let stored = rows::checkpoints(store, shard).await?;
    let opened = tokio::task::spawn_blocking(move || {
        let notes: Vec<&str> = stored.iter().map(|stored| stored.note.as_str()).collect();
        let opened = open_all(&notes, &key);
        stored.into_iter().zip(opened).collect::<Vec<_>>()
    });
    for (stored, opened) in opened.await? {
        check.checkpoint(stored.size, &stored.root, opened);
    }
    Ok(())
}

async fn entries(store: &Store, shard: i64, head: &rows::Head, check: &mut Check) -> Result<(), VerifyError> {
    let mut ahead = read_ahead(store, shard, 0);
    loop {
        let mut entries = ahead.await??;
        let Some(last) = entries.last() else { return Ok(()) };
        ahead = read_ahead(store, shard, last.index + 1);
        // What is beyond the head we read: is it new, or does the head lag behind for good?
        let beyond = entries.iter().position(|entry| entry.index >= head.size);
        let new = match beyond.and_then(|at| Some((at, entries.get(at)?.index))) {
            Some((at, index)) if appended_meanwhile(store, shard, index).await? => Some(at),
            _ => None,
        };
        entries.truncate(new.unwrap_or(entries.len()));
        for entry in examined(entries).await? {
            check.entry(&entry);
        }
        if new.is_some() {
            return Ok(());
        }
    }
}

/// The next entries are read while these are examined.
fn read_ahead(
    store: &Store,
    shard: i64,
    from: u64,
) -> JoinHandle<Result<Vec<rows::StoredEntry>, StoreError>> {
    let store = store.clone();
    tokio::spawn(async move { rows::entries(&store, shard, from, ENTRIES_PER_READ).await })
}

async fn appended_meanwhile(store: &Store, shard: i64, index: u64) -> Result<bool, StoreError> {
    let now = rows::head(store, shard).await?;
    Ok(now.is_some_and(|head| index < head.size))
}

async fn examined(entries: Vec<rows::StoredEntry>) -> Result<Vec<Examined>, JoinError> {
    tokio::task::spawn_blocking(move || {
        let given: Vec<_> = entries.iter().map(given).collect();
        examine_all(&given)
    })
    .await
}

fn given(entry: &rows::StoredEntry) -> Given<'_> {
    Given {
        index: entry.index,
        leaf: &entry.leaf,
        leaf_hash: &entry.leaf_hash,
        place: Some((&entry.replica, entry.sequence)),
    }
}
