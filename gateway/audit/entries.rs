//! The entries of a log, wherever they are, one by one and in constant memory.

use std::fs::File;
use std::io::BufReader;
use std::ops::Range;
use std::path::PathBuf;

use doelpoort_core::audit::leaf::{Leaf, Micros};
use doelpoort_verify::Reader;

use super::AuditError;
use crate::log::SHARD;
use crate::store::{Store, log as rows};

/// How many entries are read by one statement.
const ENTRIES_PER_READ: i64 = 2_000;

/// Where the entries are.
#[derive(Debug)]
pub enum Entries {
    /// In a gateway's database.
    Database(Store),
    /// In a bundle.
    Bundle(PathBuf),
}

/// One entry.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its number, from 0.
    pub index: u64,
    /// Its exact bytes.
    pub bytes: Vec<u8>,
    /// What they say.
    pub leaf: Leaf,
}

impl Entry {
    fn read(index: u64, bytes: Vec<u8>) -> Result<Self, AuditError> {
        let leaf = Leaf::decode(&bytes).map_err(|error| AuditError::Leaf { index, error })?;
        Ok(Self { index, bytes, leaf })
    }
}

impl Entries {
    /// Gives each entry of `range` to `each`, in order. Those that do not exist, or that a bundle has no leaf of, are
    /// passed over.
    pub async fn each(
        &self,
        range: Range<u64>,
        mut each: impl FnMut(Entry) -> Result<(), AuditError>,
    ) -> Result<(), AuditError> {
        match self {
            Self::Bundle(file) => each_of_bundle(file, &range, each),
            Self::Database(store) => {
                let mut next = range.start;
                loop {
                    let entries = rows::entries(store, SHARD, next, ENTRIES_PER_READ).await?;
                    let Some(last) = entries.last() else { return Ok(()) };
                    next = last.index + 1;
                    for entry in entries {
                        if entry.index >= range.end {
                            return Ok(());
                        }
                        each(Entry::read(entry.index, entry.leaf)?)?;
                    }
                }
            }
        }
    }

    /// The index of the first entry that is not older than `time`. Times never decrease, so halving finds it; a bundle
    /// is read from its beginning.
    pub async fn first_at(&self, time: Micros) -> Result<u64, AuditError> {
        let Self::Database(store) = self else { return Ok(0) };
        let head = rows::head(store, SHARD).await?.ok_or(AuditError::NoLog)?;
        let (mut low, mut high) = (0, head.size);
        while low < high {
            let middle = low.midpoint(high);
            let found = rows::entries(store, SHARD, middle, 1).await?;
            let found = found.into_iter().next().ok_or(AuditError::Missing(middle))?;
            if Entry::read(found.index, found.leaf)?.leaf.time < time {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }
}

fn each_of_bundle(
    file: &PathBuf,
    range: &Range<u64>,
    mut each: impl FnMut(Entry) -> Result<(), AuditError>,
) -> Result<(), AuditError> {
    let mut archive = doelpoort_verify::archive(BufReader::new(File::open(file)?));
    let mut reader = Reader::new(&mut archive)?;
    while let Some(tile) = reader.tile()? {
        let entries = tile.entries().map_err(doelpoort_verify::ReadError::from)?;
        for (index, _, leaf) in entries {
            if let Some(leaf) = leaf.filter(|_| range.contains(&index)) {
                each(Entry::read(index, leaf.to_vec())?)?;
            }
        }
    }
    Ok(())
}
