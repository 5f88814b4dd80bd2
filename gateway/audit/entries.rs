//! The entries of a log, wherever they are, page by page and in constant memory: those of all its shards, in their order
//! and under their numbers ([`Numbers`]).

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufReader, Read as _};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use doelpoort_core::audit::leaf::{Leaf, Micros};
use doelpoort_verify::{Bundle, ReadError, TileEntry, on_all_cores};
use tokio::sync::mpsc;

use super::AuditError;
use crate::fg::fetch::private_file;
use crate::log::Numbers;
use crate::store::{Store, log as rows, private};

/// How many entries are read by one statement.
const ENTRIES_PER_READ: i64 = 2_000;
/// Bytes of a sealed private part.
const PART_BYTES_MAX: u64 = 16 * 1_024 * 1_024;
/// Pages of a bundle that are read ahead.
const PAGES_AHEAD_MAX: usize = 8;

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

/// Entries in order, some at a time.
#[derive(Debug)]
pub struct Pages(Source);

#[derive(Debug)]
enum Source {
    Database {
        store: Store,
        left: Range<u64>,
        sealed: bool,
        /// Read with the first page.
        numbers: Option<Numbers>,
    },
    Bundle(mpsc::Receiver<Result<Vec<Entry>, AuditError>>),
}

impl Entry {
    fn read(index: u64, origin: Arc<str>, bytes: Vec<u8>) -> Result<Self, AuditError> {
        let leaf = Leaf::decode(&bytes).map_err(|error| AuditError::Leaf { index, error })?;
        Ok(Self {
            index,
            origin,
            bytes,
            leaf,
            sealed: None,
        })
    }
}

impl Entries {
    /// The entries of `range`. Those that do not exist, or that a bundle has no leaf of, are passed over.
    pub fn pages(&self, range: Range<u64>) -> Pages {
        self.pages_of(range, false)
    }

    /// The same with the sealed private parts.
    pub fn pages_with_sealed(&self, range: Range<u64>) -> Pages {
        self.pages_of(range, true)
    }

    fn pages_of(&self, range: Range<u64>, sealed: bool) -> Pages {
        Pages(match self {
            Self::Database(store) => Source::Database {
                store: store.clone(),
                left: range,
                sealed,
                numbers: None,
            },
            Self::Bundle(file) => {
                let (pages, receiver) = mpsc::channel(PAGES_AHEAD_MAX);
                let file = file.clone();
                // Ends with the file, or when nobody reads on.
                tokio::task::spawn_blocking(move || {
                    if let Err(error) = read_bundle(&file, &range, sealed, &pages) {
                        let _ = pages.blocking_send(Err(error));
                    }
                });
                Source::Bundle(receiver)
            }
        })
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
            let origin = Arc::from(place.shard.origin.as_str());
            if Entry::read(middle, origin, found.leaf)?.leaf.time < time {
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
        let (store, left, sealed, numbers) = match &mut self.0 {
            Source::Bundle(pages) => return pages.recv().await.transpose(),
            Source::Database {
                store,
                left,
                sealed,
                numbers,
            } => (store, left, *sealed, numbers),
        };
        let numbers = match numbers {
            Some(numbers) => numbers,
            None => numbers.insert(Numbers::read(store).await?),
        };
        while !left.is_empty() {
            let Some((place, index)) = numbers.place(left.start) else {
                return Ok(None);
            };
            let shard = place.shard.number;
            let found = rows::entries(store, shard, index, ENTRIES_PER_READ).await?;
            let Some(last) = found.last() else {
                // An empty range at the end of a shard: the next one follows, if there is one.
                let next = numbers.shards().iter().find(|one| one.first > left.start);
                let Some(next) = next else { return Ok(None) };
                left.start = next.first;
                continue;
            };
            let (first, from, end) = (place.first, index, left.end);
            let until = last.index + 1;
            left.start = first + until;
            let origin: Arc<str> = Arc::from(place.shard.origin.as_str());
            let within = found.into_iter().take_while(|entry| first + entry.index < end);
            let within: Vec<_> = within.map(|entry| (first + entry.index, entry.leaf)).collect();
            let mut page = read_all(&origin, &within)?;
            if sealed {
                let parts = private::parts(store, shard, (from, until)).await?;
                let mut parts = parts.into_iter().peekable();
                for entry in &mut page {
                    // One of an entry that is not there belongs to nobody.
                    while parts.next_if(|(index, _)| first + *index < entry.index).is_some() {}
                    let part = parts.next_if(|(index, _)| first + *index == entry.index);
                    entry.sealed = part.map(|(_, sealed)| sealed);
                }
            }
            return Ok(Some(page));
        }
        Ok(None)
    }
}

/// Reads the leaves of a page.
fn read_all(origin: &Arc<str>, page: &[(u64, Vec<u8>)]) -> Result<Vec<Entry>, AuditError> {
    let read = on_all_cores(page, |(index, bytes)| {
        Entry::read(*index, Arc::clone(origin), bytes.clone())
    });
    read.into_iter().collect()
}

fn read_bundle(
    file: &Path,
    range: &Range<u64>,
    sealed: bool,
    pages: &mpsc::Sender<Result<Vec<Entry>, AuditError>>,
) -> Result<(), AuditError> {
    let mut archive = doelpoort_verify::archive(BufReader::new(open(file)?));
    let mut bundle = Bundle::open(&mut archive)?;
    let mut parts = if sealed { PrivateParts::beside(file)? } else { None };
    let mut first = 0;
    while let Some(mut shard) = bundle.shard()? {
        let (origin, size): (Arc<str>, u64) =
            (Arc::from(shard.manifest.origin.as_str()), shard.manifest.size);
        while let Some(tile) = shard.tile()? {
            let entries = tile.entries().map_err(ReadError::from)?;
            let numbered = entries
                .into_iter()
                .map(|(index, hash, leaf)| (first + index, hash, leaf));
            let wanted = numbered.filter_map(|entry| leaf(entry, range));
            let wanted: Vec<_> = wanted.map(|(index, leaf)| (index, leaf.to_vec())).collect();
            let mut page = read_all(&origin, &wanted)?;
            if let Some(parts) = &mut parts {
                for entry in &mut page {
                    entry.sealed = parts.of(entry.index)?;
                }
            }
            if !page.is_empty() && pages.blocking_send(Ok(page)).is_err() {
                return Ok(());
            }
        }
        shard.upper()?;
        first += size;
    }
    Ok(())
}

/// The file with sealed private parts beside a bundle, read in order.
struct PrivateParts {
    file: BufReader<File>,
    ahead: Option<(u64, Vec<u8>)>,
}

impl PrivateParts {
    fn beside(bundle: &Path) -> Result<Option<Self>, AuditError> {
        let path = private_file(bundle);
        if !path.is_file() {
            return Ok(None);
        }
        let file = BufReader::new(open(&path)?);
        Ok(Some(Self { file, ahead: None }))
    }

    /// The next part with the index of its entry.
    fn next(&mut self) -> Result<Option<(u64, Vec<u8>)>, AuditError> {
        if let Some(ahead) = self.ahead.take() {
            return Ok(Some(ahead));
        }
        let mut index = [0; 8];
        if self.file.read(&mut index[..1])? == 0 {
            return Ok(None);
        }
        self.file.read_exact(&mut index[1..])?;
        let mut length = [0; 4];
        self.file.read_exact(&mut length)?;
        let length = u64::from(u32::from_be_bytes(length)).min(PART_BYTES_MAX);
        let mut sealed = Vec::new();
        self.file.by_ref().take(length).read_to_end(&mut sealed)?;
        Ok(Some((u64::from_be_bytes(index), sealed)))
    }

    /// That of an entry; those before it are passed over.
    fn of(&mut self, index: u64) -> Result<Option<Vec<u8>>, AuditError> {
        while let Some((at, sealed)) = self.next()? {
            if at == index {
                return Ok(Some(sealed));
            }
            if at > index {
                self.ahead = Some((at, sealed));
                return Ok(None);
            }
        }
        Ok(None)
    }
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
