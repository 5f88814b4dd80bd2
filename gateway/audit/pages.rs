//! Reading entries in order, a page at a time, and ahead of whoever looks at them.

use std::fs::File;
use std::io::{BufReader, Read as _};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use doelpoort_core::audit::leaf::Leaf;
use doelpoort_verify::{Bundle, ReadError, TileEntry, on_all_cores};
use futures_util::{StreamExt as _, stream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::AuditError;
use super::entries::{Entries, Entry, open};
use crate::fg::fetch::private_file;
use crate::log::{Numbered, Numbers};
use crate::store::{Store, log as rows, private};

/// How many entries are read by one statement.
const ENTRIES_PER_READ: usize = 1_000;
/// Statements under way: a database reads on while the last page is taken apart.
const READS_AT_ONCE: usize = 2;
/// Bytes of a sealed private part.
const PART_BYTES_MAX: u64 = 16 * 1_024 * 1_024;
/// Pages that are read ahead.
const PAGES_AHEAD_MAX: usize = 4;

/// Entries in order, some at a time.
#[derive(Debug)]
pub struct Pages(RawPages);

/// The same as they are stored.
#[derive(Debug)]
pub struct RawPages {
    pages: mpsc::Receiver<Result<Vec<RawEntry>, AuditError>>,
    /// Who reads them; taken at the end.
    reading: Option<JoinHandle<()>>,
}

/// An entry as it is stored.
#[derive(Clone, Debug)]
pub struct RawEntry {
    /// Its number in the whole log, from 0.
    pub index: u64,
    /// The name of its shard.
    pub origin: Arc<str>,
    /// Its exact bytes.
    pub bytes: Vec<u8>,
    /// Its sealed private part, where it was asked for and is there.
    pub sealed: Option<Vec<u8>>,
}

impl RawEntry {
    /// What it says.
    ///
    /// # Errors
    /// When its bytes are no leaf.
    pub fn leaf(&self) -> Result<Leaf, AuditError> {
        Leaf::decode(&self.bytes).map_err(|error| AuditError::Leaf {
            index: self.index,
            error,
        })
    }

    /// The entry with what it says.
    ///
    /// # Errors
    /// When its bytes are no leaf.
    pub fn read(self) -> Result<Entry, AuditError> {
        let leaf = self.leaf();
        leaf.map(|leaf| self.with(leaf))
    }

    fn with(self, leaf: Leaf) -> Entry {
        Entry {
            index: self.index,
            origin: self.origin,
            bytes: self.bytes,
            leaf,
            sealed: self.sealed,
        }
    }
}

impl Pages {
    pub(super) fn new(raw: RawPages) -> Self {
        Self(raw)
    }

    /// The next entries; `None` after the last.
    ///
    /// # Errors
    /// When they cannot be read, or one is no leaf.
    pub async fn next(&mut self) -> Result<Option<Vec<Entry>>, AuditError> {
        let Some(page) = self.0.next().await? else {
            return Ok(None);
        };
        let leaves = on_all_cores(&page, RawEntry::leaf);
        let entries = page.into_iter().zip(leaves);
        entries
            .map(|(raw, leaf)| Ok(raw.with(leaf?)))
            .collect::<Result<_, _>>()
            .map(Some)
    }
}

impl RawPages {
    pub(super) fn new(entries: &Entries, range: Range<u64>, sealed: bool) -> Self {
        let (pages, receiver) = mpsc::channel(PAGES_AHEAD_MAX);
        // Each ends with the log, or when nobody reads on.
        let reading = match entries {
            Entries::Database(store) => {
                let store = store.clone();
                tokio::spawn(async move {
                    if let Err(error) = read_database(&store, range, sealed, &pages).await {
                        let _ = pages.send(Err(error)).await;
                    }
                })
            }
            Entries::Bundle(file) => {
                let file = file.clone();
                tokio::task::spawn_blocking(move || {
                    if let Err(error) = read_bundle(&file, &range, sealed, &pages) {
                        let _ = pages.blocking_send(Err(error));
                    }
                })
            }
        };
        Self {
            pages: receiver,
            reading: Some(reading),
        }
    }

    /// The next entries; `None` after the last.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn next(&mut self) -> Result<Option<Vec<RawEntry>>, AuditError> {
        if let Some(page) = self.pages.recv().await {
            return page.map(Some);
        }
        // At the end of the log, unless the reading broke off: then this is not its end.
        if let Some(reading) = self.reading.take() {
            reading.await?;
        }
        Ok(None)
    }
}

type Sender = mpsc::Sender<Result<Vec<RawEntry>, AuditError>>;

/// Reads what the log holds now; what is appended meanwhile is left out.
async fn read_database(
    store: &Store,
    range: Range<u64>,
    sealed: bool,
    pages: &Sender,
) -> Result<(), AuditError> {
    let numbers = Numbers::read(store).await?;
    let shards = numbers.shards().iter();
    let places: Vec<Place> = shards.flat_map(|shard| places(shard, &range)).collect();
    let reads = stream::iter(places).map(|place| read_page(store.clone(), place, sealed));
    let mut reads = reads.buffered(READS_AT_ONCE);
    while let Some(page) = reads.next().await {
        let page = page?;
        if !page.is_empty() && pages.send(Ok(page)).await.is_err() {
            return Ok(());
        }
    }
    Ok(())
}

/// Consecutive entries of one shard.
struct Place {
    shard: i64,
    /// The number of the shard's first entry.
    first: u64,
    origin: Arc<str>,
    from: u64,
    until: u64,
}

/// The pages of a shard, as far as they are in the range.
fn places(shard: &Numbered, range: &Range<u64>) -> impl Iterator<Item = Place> + use<> {
    let (number, first) = (shard.shard.number, shard.first);
    let origin: Arc<str> = Arc::from(shard.shard.origin.as_str());
    let from = range.start.saturating_sub(first);
    let end = range.end.saturating_sub(first).min(shard.size);
    let starts = (from..end).step_by(ENTRIES_PER_READ);
    starts.map(move |from| Place {
        shard: number,
        first,
        origin: Arc::clone(&origin),
        from,
        until: end.min(from + ENTRIES_PER_READ as u64),
    })
}

async fn read_page(store: Store, place: Place, sealed: bool) -> Result<Vec<RawEntry>, AuditError> {
    let (shard, first, range) = (place.shard, place.first, (place.from, place.until));
    let found = rows::leaf_list(&store, shard, range).await?;
    let leaves = found.leaves();
    let mut page: Vec<_> = leaves
        .map(|(index, leaf)| raw(first + index, &place.origin, leaf.to_vec()))
        .collect();
    if sealed {
        let parts = private::parts(&store, shard, range).await?;
        let mut parts = parts.into_iter().peekable();
        for entry in &mut page {
            // One of an entry that is not there belongs to nobody.
            while parts.next_if(|(index, _)| first + *index < entry.index).is_some() {}
            let part = parts.next_if(|(index, _)| first + *index == entry.index);
            entry.sealed = part.map(|(_, sealed)| sealed);
        }
    }
    Ok(page)
}

fn raw(index: u64, origin: &Arc<str>, bytes: Vec<u8>) -> RawEntry {
    RawEntry {
        index,
        origin: Arc::clone(origin),
        bytes,
        sealed: None,
    }
}

fn read_bundle(file: &Path, range: &Range<u64>, sealed: bool, pages: &Sender) -> Result<(), AuditError> {
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
            let mut page: Vec<_> = wanted
                .map(|(index, leaf)| raw(index, &origin, leaf.to_vec()))
                .collect();
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
pub(super) struct PrivateParts {
    file: BufReader<File>,
    ahead: Option<(u64, Vec<u8>)>,
}

impl PrivateParts {
    pub(super) fn beside(bundle: &Path) -> Result<Option<Self>, AuditError> {
        let path = private_file(bundle);
        if !path.is_file() {
            return Ok(None);
        }
        let file = BufReader::new(open(&path)?);
        Ok(Some(Self { file, ahead: None }))
    }

    /// The next part with the index of its entry.
    pub(super) fn next(&mut self) -> Result<Option<(u64, Vec<u8>)>, AuditError> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_reading_that_breaks_off_is_not_the_end_of_the_log() {
        for is_well in [true, false] {
            let (sender, pages) = mpsc::channel(1);
            let reading = tokio::spawn(async move {
                sender.send(Ok(Vec::new())).await.unwrap();
                assert!(is_well, "a defect");
            });
            let mut pages = RawPages {
                pages,
                reading: Some(reading),
            };
            assert!(pages.next().await.unwrap().is_some());
            assert_eq!(matches!(pages.next().await, Ok(None)), is_well);
        }
    }
}
