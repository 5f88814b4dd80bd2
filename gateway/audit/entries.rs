//! The entries of a log, wherever they are, page by page and in constant memory.

use std::fs::File;
use std::io::BufReader;
use std::ops::Range;
use std::path::{Path, PathBuf};

use doelpoort_core::audit::leaf::{Leaf, Micros};
use doelpoort_verify::{ReadError, Reader, TileEntry};
use tokio::sync::mpsc;

use super::AuditError;
use crate::log::SHARD;
use crate::store::{Store, log as rows};

/// How many entries are read by one statement.
const ENTRIES_PER_READ: i64 = 2_000;
/// Pages of a bundle that are read ahead.
const PAGES_AHEAD_MAX: usize = 8;

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
    /// Its sealed private part, where it was asked for and is there.
    pub sealed: Option<Vec<u8>>,
}

/// Entries in order, some at a time.
#[derive(Debug)]
pub struct Pages(Source);

#[derive(Debug)]
enum Source {
    Database {
        store: Store,
        left: Range<u64>,
        sealed: bool,
    },
    Bundle(mpsc::Receiver<Result<Vec<Entry>, AuditError>>),
}

impl Entry {
    fn read(index: u64, bytes: Vec<u8>) -> Result<Self, AuditError> {
        let leaf = Leaf::decode(&bytes).map_err(|error| AuditError::Leaf { index, error })?;
        Ok(Self {
            index,
            bytes,
            leaf,
            sealed: None,
        })
    }
}

impl Entries {
    /// The entries of `range`. Those that do not exist, or that a bundle has no leaf of, are passed over.
    pub fn pages(&self, range: Range<u64>) -> Pages {
        Pages(match self {
            Self::Database(store) => Source::Database {
                store: store.clone(),
                left: range,
                sealed: false,
            },
            Self::Bundle(file) => {
                let (pages, receiver) = mpsc::channel(PAGES_AHEAD_MAX);
                let file = file.clone();
                // Ends with the file, or when nobody reads on.
                tokio::task::spawn_blocking(move || {
                    if let Err(error) = read_bundle(&file, &range, &pages) {
                        let _ = pages.blocking_send(Err(error));
                    }
                });
                Source::Bundle(receiver)
            }
        })
    }

    /// The same with the sealed private parts; a bundle has none.
    pub fn pages_with_sealed(&self, range: Range<u64>) -> Pages {
        let mut pages = self.pages(range);
        if let Source::Database { sealed, .. } = &mut pages.0 {
            *sealed = true;
        }
        pages
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

    /// Closes the database.
    pub async fn close(&self) {
        if let Self::Database(store) = self {
            store.close().await;
        }
    }

    /// The log's name.
    pub async fn origin(&self) -> Result<String, AuditError> {
        match self {
            Self::Database(store) => {
                let shard = rows::shard(store, SHARD).await?.ok_or(AuditError::NoLog)?;
                Ok(shard.0)
            }
            Self::Bundle(file) => {
                let mut archive = doelpoort_verify::archive(BufReader::new(open(file)?));
                Ok(Reader::new(&mut archive)?.manifest.origin)
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

impl Pages {
    /// The next entries; `None` after the last.
    pub async fn next(&mut self) -> Result<Option<Vec<Entry>>, AuditError> {
        let (store, left, sealed) = match &mut self.0 {
            Source::Bundle(pages) => return pages.recv().await.transpose(),
            Source::Database { store, left, sealed } => (store, left, *sealed),
        };
        if left.is_empty() {
            return Ok(None);
        }
        let found = rows::entries(store, SHARD, left.start, ENTRIES_PER_READ).await?;
        let Some(last) = found.last() else { return Ok(None) };
        let (from, end) = (left.start, left.end);
        left.start = last.index + 1;
        let within = found.into_iter().take_while(|entry| entry.index < end);
        let mut page: Vec<Entry> = within
            .map(|entry| Entry::read(entry.index, entry.leaf))
            .collect::<Result<_, _>>()?;
        if sealed {
            let parts = rows::private_parts(store, SHARD, (from, left.start)).await?;
            let mut parts = parts.into_iter().peekable();
            for entry in &mut page {
                let part = parts.next_if(|(index, _)| *index == entry.index);
                entry.sealed = part.map(|(_, sealed)| sealed);
            }
        }
        Ok(Some(page))
    }
}

fn read_bundle(
    file: &Path,
    range: &Range<u64>,
    pages: &mpsc::Sender<Result<Vec<Entry>, AuditError>>,
) -> Result<(), AuditError> {
    let mut archive = doelpoort_verify::archive(BufReader::new(open(file)?));
    let mut reader = Reader::new(&mut archive)?;
    while let Some(tile) = reader.tile()? {
        let entries = tile.entries().map_err(ReadError::from)?;
        let wanted = entries.into_iter().filter_map(|entry| leaf(entry, range));
        let page: Vec<Entry> = wanted
            .map(|(index, leaf)| Entry::read(index, leaf.to_vec()))
            .collect::<Result<_, _>>()?;
        if !page.is_empty() && pages.blocking_send(Ok(page)).is_err() {
            return Ok(());
        }
    }
    Ok(())
}

fn leaf<'t>((index, _, leaf): TileEntry<'t>, range: &Range<u64>) -> Option<(u64, &'t [u8])> {
    range.contains(&index).then_some(leaf?).map(|leaf| (index, leaf))
}

fn open(file: &Path) -> Result<File, AuditError> {
    File::open(file).map_err(|error| AuditError::File {
        file: file.display().to_string(),
        error,
    })
}
