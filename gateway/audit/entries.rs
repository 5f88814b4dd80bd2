//! The entries of a log, wherever they are, page by page and in constant memory: those of all its shards, in their order
//! and under their numbers ([`Numbers`]).

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::BufReader;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use doelpoort_core::audit::leaf::{Leaf, Micros};
use doelpoort_verify::Bundle;

use super::AuditError;
use super::pages::{Pages, PrivateParts, RawPages};
use crate::log::Numbers;
use crate::store::{Store, log as rows, private};

/// Where the entries are.
#[derive(Debug)]
pub enum Entries {
    /// In a gateway's database.
    Database(Store),
    /// In a bundle. The sealed private parts are in a file beside it, where the FG fetched them.
    Bundle(PathBuf),
}

/// One entry.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its number in the whole log, from 0.
    pub index: u64,
    /// The name of its shard.
    pub origin: Arc<str>,
    /// Its exact bytes.
    pub bytes: Vec<u8>,
    /// What they say.
    pub leaf: Leaf,
    /// Its sealed private part, where it was asked for and is there.
    pub sealed: Option<Vec<u8>>,
}

/// A shard with its last checkpoint.
#[derive(Clone, Debug)]
pub struct PublishedShard {
    /// The number of its first entry in the whole log.
    pub first: u64,
    /// The checkpoint, a signed note.
    pub note: String,
}

impl Entries {
    /// The entries of `range`. Those that do not exist, or that a bundle has no leaf of, are passed over.
    pub fn pages(&self, range: Range<u64>) -> Pages {
        Pages::new(RawPages::new(self, range, false))
    }

    /// The same with the sealed private parts.
    pub fn pages_with_sealed(&self, range: Range<u64>) -> Pages {
        Pages::new(RawPages::new(self, range, true))
    }

    /// The same entries as they are stored, without either.
    pub fn raw_pages(&self, range: Range<u64>) -> RawPages {
        RawPages::new(self, range, false)
    }

    /// Gives each entry of `range` to `each`, in order.
    pub async fn each(
        &self,
        range: Range<u64>,
        mut each: impl FnMut(Entry) -> Result<(), AuditError>,
    ) -> Result<(), AuditError> {
        let mut pages = self.pages(range);
        while let Some(page) = pages.next().await? {
            page.into_iter().try_for_each(&mut each)?;
        }
        Ok(())
    }

    /// The sealed private parts of these entries, by their index; those that have none are left out.
    pub async fn sealed_of(&self, indices: &BTreeSet<u64>) -> Result<BTreeMap<u64, Vec<u8>>, AuditError> {
        let mut found = BTreeMap::new();
        match self {
            Self::Database(store) => {
                let numbers = Numbers::read(store).await?;
                for number in indices {
                    let Some((place, index)) = numbers.place(*number) else {
                        continue;
                    };
                    let parts = private::parts(store, place.shard.number, (index, index + 1)).await?;
                    found.extend(parts.into_iter().map(|(_, sealed)| (*number, sealed)));
                }
            }
            Self::Bundle(file) => {
                let Some(mut parts) = PrivateParts::beside(file)? else {
                    return Ok(found);
                };
                while let Some((index, sealed)) = parts.next()? {
                    if indices.contains(&index) {
                        found.insert(index, sealed);
                    }
                }
            }
        }
        Ok(found)
    }

    /// Closes the database.
    pub async fn close(&self) {
        if let Self::Database(store) = self {
            store.close().await;
        }
    }

    /// The log's name: that of its first shard.
    pub async fn origin(&self) -> Result<String, AuditError> {
        match self {
            Self::Database(store) => {
                let shards = rows::shards(store).await?;
                let first = shards.into_iter().next().ok_or(AuditError::NoLog)?;
                Ok(first.origin)
            }
            Self::Bundle(file) => {
                let mut archive = doelpoort_verify::archive(BufReader::new(open(file)?));
                let mut bundle = Bundle::open(&mut archive)?;
                let first = bundle.shard()?.ok_or(AuditError::NoLog)?;
                Ok(first.manifest.origin)
            }
        }
    }

    /// The number of the first entry of the shard of this name.
    pub async fn first_of(&self, origin: &str) -> Result<u64, AuditError> {
        let missing = || AuditError::NoShard(origin.to_owned());
        let file = match self {
            Self::Database(store) => {
                let numbers = Numbers::read(store).await?;
                return numbers.number(origin, 0).ok_or_else(missing);
            }
            Self::Bundle(file) => file,
        };
        let mut archive = doelpoort_verify::archive(BufReader::new(open(file)?));
        let mut bundle = Bundle::open(&mut archive)?;
        let mut first = 0;
        while let Some(mut shard) = bundle.shard()? {
            if shard.manifest.origin == origin {
                return Ok(first);
            }
            first += shard.manifest.size;
            while shard.tile()?.is_some() {}
            shard.upper()?;
        }
        Err(missing())
    }

    /// The shards that have a checkpoint, each with its last.
    pub async fn shards(&self) -> Result<Vec<PublishedShard>, AuditError> {
        match self {
            Self::Database(store) => {
                let numbers = Numbers::read(store).await?;
                let mut shards = Vec::new();
                for shard in numbers.shards() {
                    let last = rows::last_checkpoint(store, shard.shard.number).await?;
                    shards.extend(last.map(|last| PublishedShard {
                        first: shard.first,
                        note: last.note,
                    }));
                }
                Ok(shards)
            }
            Self::Bundle(file) => {
                let mut archive = doelpoort_verify::archive(BufReader::new(open(file)?));
                let mut bundle = Bundle::open(&mut archive)?;
                let (mut shards, mut first) = (Vec::new(), 0);
                while let Some(mut shard) = bundle.shard()? {
                    shards.push(PublishedShard {
                        first,
                        note: shard.checkpoint.clone(),
                    });
                    first += shard.manifest.size;
                    while shard.tile()?.is_some() {}
                    shard.upper()?;
                }
                Ok(shards)
            }
        }
    }

    /// The newest signed checkpoint of the last shard, and its size.
    pub async fn checkpoint(&self) -> Result<(String, u64), AuditError> {
        let file = match self {
            Self::Database(store) => {
                let numbers = Numbers::read(store).await?;
                let shard = numbers.shards().last().ok_or(AuditError::NoLog)?;
                let last = rows::last_checkpoint(store, shard.shard.number).await?;
                let last = last.ok_or(AuditError::NoCheckpoint)?;
                return Ok((last.note, last.size));
            }
            Self::Bundle(file) => file,
        };
        let mut archive = doelpoort_verify::archive(BufReader::new(open(file)?));
        let mut bundle = Bundle::open(&mut archive)?;
        let mut last = None;
        while let Some(mut shard) = bundle.shard()? {
            last = Some((shard.checkpoint.clone(), shard.manifest.size));
            while shard.tile()?.is_some() {}
            shard.upper()?;
        }
        last.ok_or(AuditError::NoLog)
    }

    /// The number of the first entry that is not older than `time`. Times never decrease, so halving finds it; a bundle
    /// is read from its beginning.
    pub async fn first_at(&self, time: Micros) -> Result<u64, AuditError> {
        let Self::Database(store) = self else { return Ok(0) };
        let numbers = Numbers::read(store).await?;
        let (mut low, mut high) = (0, numbers.end());
        while low < high {
            let middle = low.midpoint(high);
            let missing = AuditError::Missing(middle);
            let Some((place, index)) = numbers.place(middle) else {
                return Err(missing);
            };
            let found = rows::entries(store, place.shard.number, index, 1).await?;
            let found = found.into_iter().next().ok_or(missing)?;
            let leaf = Leaf::decode(&found.leaf);
            let leaf = leaf.map_err(|error| AuditError::Leaf { index: middle, error })?;
            if leaf.time < time {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }
}

pub(super) fn open(file: &Path) -> Result<File, AuditError> {
    File::open(file).map_err(|error| AuditError::File {
        file: file.display().to_string(),
        error,
    })
}
