//! Writing a bundle of the log in the database (`doelpoort_core::audit::bundle`).

use std::io::Write;
use std::ops::Range;

use doelpoort_core::audit::Hash;
use doelpoort_core::audit::bundle::{FORMAT, Manifest, whole_bundles};
use doelpoort_verify::Writer;

use super::AuditError;
use crate::log::SHARD;
use crate::store::{Store, log as rows};

/// How many leaf hashes are read by one statement.
const HASHES_PER_READ: u64 = 65_536;
/// How many entries are read by one statement.
const ENTRIES_PER_READ: i64 = 2_000;
/// Earlier checkpoints in a bundle; where there are more, they are taken evenly from all.
const CHECKPOINTS_MAX: usize = 4_096;

/// Writes all leaf hashes up to the last signed checkpoint, and the leaves of `range` and of what shares a file with
/// it. Tells what the bundle holds.
pub async fn write_bundle(
    store: &Store,
    out: impl Write,
    range: Option<Range<u64>>,
) -> Result<Manifest, AuditError> {
    let (origin, key) = rows::shard(store, SHARD).await?.ok_or(AuditError::NoLog)?;
    let mut checkpoints = rows::checkpoints(store, SHARD).await?;
    let last = checkpoints.pop().ok_or(AuditError::NoCheckpoint)?;
    let every = checkpoints.len().div_ceil(CHECKPOINTS_MAX).max(1);
    let earlier: Vec<String> = checkpoints
        .into_iter()
        .step_by(every)
        .map(|earlier| earlier.note)
        .collect();
    let range = range.unwrap_or(0..last.size);
    let (from, until) = whole_bundles(range.start, range.end, last.size);
    let manifest = Manifest {
        format: FORMAT.to_owned(),
        origin,
        size: last.size,
        from,
        until,
        software: concat!("doelpoort ", env!("CARGO_PKG_VERSION")).to_owned(),
    };
    let mut writer = Writer::new(out, manifest.clone(), &key, &last.note, &earlier)?;
    hashes(store, 0..from, &mut writer).await?;
    leaves(store, from..until, &mut writer).await?;
    hashes(store, until..last.size, &mut writer).await?;
    writer.finish()?.flush()?;
    Ok(manifest)
}

async fn hashes(store: &Store, range: Range<u64>, writer: &mut Writer<impl Write>) -> Result<(), AuditError> {
    let mut next = range.start;
    while next < range.end {
        let until = range.end.min(next + HASHES_PER_READ);
        let mut hashes = Vec::new();
        rows::leaf_hashes(store, SHARD, next, until, |hash| hashes.push(hash)).await?;
        if hashes.len() as u64 != until - next {
            return Err(AuditError::Missing(next));
        }
        for hash in hashes {
            writer.entry(hash, None)?;
        }
        next = until;
    }
    Ok(())
}

async fn leaves(store: &Store, range: Range<u64>, writer: &mut Writer<impl Write>) -> Result<(), AuditError> {
    let mut next = range.start;
    while next < range.end {
        for entry in rows::entries(store, SHARD, next, ENTRIES_PER_READ).await? {
            if next == range.end {
                break;
            }
            if entry.index != next {
                return Err(AuditError::Missing(next));
            }
            let hash: Hash = entry
                .leaf_hash
                .try_into()
                .map_err(|_| AuditError::Missing(next))?;
            writer.entry(hash, Some(&entry.leaf))?;
            next += 1;
        }
        if next < range.end && rows::entries(store, SHARD, next, 1).await?.is_empty() {
            return Err(AuditError::Missing(next));
        }
    }
    Ok(())
}
