//! Writing a bundle of the log in the database (`doelpoort_core::audit::bundle`).

use std::io::Write;
use std::ops::Range;

use doelpoort_core::audit::Hash;
use doelpoort_core::audit::bundle::{FORMAT, Manifest, whole_bundles};
use doelpoort_verify::{Begin, ShardsWriter, Writer};

use super::AuditError;
use crate::log::{Numbered, Numbers, embedded_size};
use crate::store::{Store, log as rows};

/// How many leaf hashes are read by one statement.
const HASHES_PER_READ: u64 = 65_536;
/// How many entries are read by one statement.
const ENTRIES_PER_READ: i64 = 2_000;
/// Earlier checkpoints in a bundle; where there are more, they are taken evenly from all.
const CHECKPOINTS_MAX: usize = 4_096;

/// What a bundle holds.
#[derive(Clone, Debug)]
pub struct Bundled {
    /// Of each shard.
    pub shards: Vec<Manifest>,
}

/// Which entries a bundle is to have the leaves of, by their numbers in the whole log.
type Wanted = Option<Range<u64>>;

/// Writes all leaf hashes up to the last signed checkpoint, and the leaves of `range` and of what shares a file with
/// it; a log of several shards as a bundle each. `only` names one of them by its label. Tells what the bundle holds.
pub async fn write_bundle(
    store: &Store,
    out: impl Write,
    range: Wanted,
    only: Option<&str>,
) -> Result<Bundled, AuditError> {
    let numbers = Numbers::read(store).await?;
    let labels: Vec<String> = numbers.shards().iter().map(Numbered::label).collect();
    let wanted: Vec<(&Numbered, &String)> = numbers
        .shards()
        .iter()
        .zip(&labels)
        .filter(|(_, label)| only.is_none_or(|only| only == *label))
        .collect();
    let mut shards = Vec::new();
    match wanted.as_slice() {
        [] => return Err(only.map_or(AuditError::NoLog, |label| AuditError::NoShard(label.to_owned()))),
        [(shard, _)] => {
            let content = Content::read(store, shard, range).await?;
            let head = content.begin();
            let writer = Writer::new(out, head.manifest, head.key, head.checkpoint, head.earlier)?;
            content.write(store, writer).await?.finish()?.flush()?;
            shards.push(content.manifest);
        }
        several => {
            let folders = several.iter().map(|(_, label)| (*label).clone()).collect();
            let mut archive = ShardsWriter::new(out, folders)?;
            for (shard, label) in several {
                let content = Content::read(store, shard, range.clone()).await?;
                let writer = archive.shard(label, content.begin())?;
                archive = content.write(store, writer).await?.end()?;
                shards.push(content.manifest);
            }
            archive.finish()?.flush()?;
        }
    }
    Ok(Bundled { shards })
}

/// What a bundle has of one shard.
struct Content<'s> {
    shard: &'s Numbered,
    manifest: Manifest,
    checkpoint: String,
    earlier: Vec<String>,
}

impl<'s> Content<'s> {
    async fn read(store: &Store, shard: &'s Numbered, range: Wanted) -> Result<Self, AuditError> {
        let number = shard.shard.number;
        let mut checkpoints = rows::checkpoints(store, number).await?;
        let last = checkpoints.pop().ok_or(AuditError::NoCheckpoint)?;
        let embedded = embedded_size(store, number + 1).await?;
        let every = checkpoints.len().div_ceil(CHECKPOINTS_MAX).max(1);
        let is_kept = |(place, one): &(usize, rows::StoredCheckpoint)| {
            // The next shard embeds one: it must be there to be compared.
            place.is_multiple_of(every) || Some(one.size) == embedded
        };
        let earlier = checkpoints.into_iter().enumerate().filter(is_kept);
        let earlier = earlier.map(|(_, earlier)| earlier.note).collect();
        // A closed shard is whole; where its end was not signed, the next one tells it.
        let size = if shard.closed { shard.size } else { last.size };
        let local = |at: u64| at.saturating_sub(shard.first).min(size);
        let range = range.map_or(0..size, |range| local(range.start)..local(range.end));
        let (from, until) = whole_bundles(range.start, range.end, size);
        let manifest = Manifest {
            format: FORMAT.to_owned(),
            origin: shard.shard.origin.clone(),
            size,
            from,
            until,
            software: concat!("doelpoort ", env!("CARGO_PKG_VERSION")).to_owned(),
        };
        Ok(Self {
            shard,
            manifest,
            checkpoint: last.note,
            earlier,
        })
    }

    fn begin(&self) -> Begin<'_> {
        Begin {
            manifest: self.manifest.clone(),
            key: &self.shard.shard.verifier,
            checkpoint: &self.checkpoint,
            earlier: &self.earlier,
        }
    }

    async fn write<W: Write>(&self, store: &Store, mut writer: Writer<W>) -> Result<Writer<W>, AuditError> {
        let Manifest {
            from, until, size, ..
        } = self.manifest;
        let number = self.shard.shard.number;
        hashes(store, number, 0..from, &mut writer).await?;
        leaves(store, number, from..until, &mut writer).await?;
        hashes(store, number, until..size, &mut writer).await?;
        Ok(writer)
    }
}

async fn hashes(
    store: &Store,
    shard: i64,
    range: Range<u64>,
    writer: &mut Writer<impl Write>,
) -> Result<(), AuditError> {
    let mut next = range.start;
    while next < range.end {
        let until = range.end.min(next + HASHES_PER_READ);
        let mut hashes = Vec::new();
        rows::leaf_hashes(store, shard, next, until, |hash| hashes.push(hash)).await?;
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

async fn leaves(
    store: &Store,
    shard: i64,
    range: Range<u64>,
    writer: &mut Writer<impl Write>,
) -> Result<(), AuditError> {
    let mut next = range.start;
    while next < range.end {
        for entry in rows::entries(store, shard, next, ENTRIES_PER_READ).await? {
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
        if next < range.end && rows::entries(store, shard, next, 1).await?.is_empty() {
            return Err(AuditError::Missing(next));
        }
    }
    Ok(())
}
