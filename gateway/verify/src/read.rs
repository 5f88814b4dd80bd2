//! Reading a bundle as a stream: nothing is unpacked, and no more is held than a few tiles.

use std::collections::VecDeque;
use std::io::{self, Read};

use doelpoort_core::audit::Hash;
use doelpoort_core::audit::bundle::{
    BundleError, CHECKPOINT, CHECKPOINTS, KEY, MANIFEST, Manifest, SHARDS, Shards, UpperTiles,
    decode_entries, decode_hashes, entries_name, tile_name,
};
use doelpoort_core::audit::checkpoint::{Checkpoint, CheckpointError};
use doelpoort_core::audit::note::Verifier;
use doelpoort_core::audit::receipt::Proven;
use doelpoort_core::audit::tile::{self, WIDTH};
use doelpoort_core::audit::verify::{Chain, Check, Given, Report, Source};
use tar::{Archive, Entries};

use crate::parallel::{examine_all, open_all};

/// Tiles that are read before their entries are examined together.
const TILES_AT_ONCE: usize = 64;
/// The longest file of a bundle, in bytes; a full entry bundle has at most 16,777,472.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Why a bundle could not be checked at all.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It cannot be read, is no archive, or breaks off.
    #[error("the bundle cannot be read: {0}")]
    Io(#[from] io::Error),
    /// A file in it is not what it should be.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The archive has another file where one is due; so it is incomplete, or of another kind.
    #[error("the bundle has `{found}` where `{expected}` should be")]
    Order {
        /// What is there.
        found: String,
        /// What should be.
        expected: String,
    },
    /// A file is longer than any can be.
    #[error("`{0}` in the bundle is too long")]
    TooLong(String),
    /// The checkpoint to compare with is not one of this key.
    #[error("the checkpoint to compare with: {0}")]
    Against(#[source] CheckpointError),
}

/// The hashes of up to 256 entries, and their leaves where the bundle has them.
#[derive(Debug)]
pub struct Tile {
    first: u64,
    hashes: Vec<u8>,
    entries: Option<(String, Vec<u8>)>,
}

/// An entry's number, its hash as the bundle tells it, and its leaf if it is there.
pub type TileEntry<'t> = (u64, &'t Hash, Option<&'t [u8]>);

impl Tile {
    /// Each entry.
    ///
    /// # Errors
    /// When the leaves cannot be told apart.
    pub fn entries(&self) -> Result<Vec<TileEntry<'_>>, BundleError> {
        let (hashes, _) = self.hashes.as_chunks::<32>();
        let leaves = match &self.entries {
            None => vec![None; hashes.len()],
            Some((name, bytes)) => decode_entries(bytes, hashes.len())
                .ok_or_else(|| BundleError::File(name.clone()))?
                .into_iter()
                .map(Some)
                .collect(),
        };
        let numbered = (self.first..).zip(hashes).zip(leaves);
        Ok(numbered
            .map(|((index, hash), leaf)| (index, hash, leaf))
            .collect())
    }
}

/// A bundle that is being read, shard by shard.
pub struct Bundle<'a, R: Read> {
    files: Files<'a, R>,
    /// The folders of the shards that are still to come; one without a name in a bundle of one shard.
    folders: VecDeque<String>,
}

/// The files of an archive, of which the next one can be looked at.
pub(crate) struct Files<'a, R: Read> {
    archive: Entries<'a, R>,
    next: Option<(String, Vec<u8>)>,
}

impl<'a, R: Read> Bundle<'a, R> {
    /// Reads what says which shards there are.
    pub fn open(archive: &'a mut Archive<R>) -> Result<Self, ReadError> {
        let mut files = Files::of(archive)?;
        let folders = match &files.next {
            Some((name, bytes)) if name == SHARDS => {
                let folders = Shards::parse(bytes)?.folders;
                files.advance()?;
                folders.into_iter().map(|folder| folder + "/").collect()
            }
            _ => VecDeque::from([String::new()]),
        };
        Ok(Self { files, folders })
    }

    /// Is the next shard the one of this name? Also where there is none that is another.
    pub(crate) fn is_next(&self, origin: &str) -> Result<bool, ReadError> {
        match (&self.files.next, self.folders.is_empty()) {
            (Some((_, bytes)), false) => Ok(Manifest::parse(bytes)?.origin == origin),
            _ => Ok(true),
        }
    }

    /// The next shard; `None` after the last. The one before must have been read to its end.
    pub fn shard(&mut self) -> Result<Option<Reader<'_, 'a, R>>, ReadError> {
        match self.folders.pop_front() {
            Some(folder) => Reader::new(&mut self.files, folder).map(Some),
            None => match self.files.next.take() {
                None => Ok(None),
                Some((found, _)) => Err(order(found, "the end")),
            },
        }
    }
}

/// A shard of a bundle that is being read, tile by tile.
pub struct Reader<'f, 'a, R: Read> {
    files: &'f mut Files<'a, R>,
    folder: String,
    /// What the bundle says it is.
    pub manifest: Manifest,
    /// The verifier key in it: what its maker says, nothing more.
    pub key: String,
    /// The last signed checkpoint.
    pub checkpoint: String,
    /// The earlier ones.
    pub earlier: Vec<String>,
    next: u64,
}

impl<'f, 'a, R: Read> Reader<'f, 'a, R> {
    /// Reads what stands before the tiles.
    fn new(files: &'f mut Files<'a, R>, folder: String) -> Result<Self, ReadError> {
        let manifest = Manifest::parse(&files.file(&folder, MANIFEST)?)?;
        let key = files.text(&folder, KEY)?.trim().to_owned();
        let checkpoint = files.text(&folder, CHECKPOINT)?;
        let earlier = files
            .text(&folder, CHECKPOINTS)?
            .lines()
            .map(serde_json::from_str)
            .collect::<Result<_, _>>()
            .map_err(|_| BundleError::File(CHECKPOINTS.to_owned()))?;
        Ok(Self {
            files,
            folder,
            manifest,
            key,
            checkpoint,
            earlier,
            next: 0,
        })
    }

    /// The next tile; `None` after the last.
    pub fn tile(&mut self) -> Result<Option<Tile>, ReadError> {
        let first = self.next;
        if first >= self.manifest.size {
            return Ok(None);
        }
        let tile = tile::Tile::at(0, first / u64::from(WIDTH), self.manifest.size);
        let Some(tile) = tile else { return Ok(None) };
        self.next += u64::from(tile.width);
        let name = tile_name(&tile);
        let hashes = self.files.file(&self.folder, &name)?;
        if decode_hashes(&hashes, tile.width.into()).is_none() {
            return Err(BundleError::File(name).into());
        }
        let entries = if (self.manifest.from..self.manifest.until).contains(&first) {
            let name = entries_name(&tile);
            let bytes = self.files.file(&self.folder, &name)?;
            Some((name, bytes))
        } else {
            None
        };
        Ok(Some(Tile {
            first,
            hashes,
            entries,
        }))
    }

    /// What comes after the last tile of leaf hashes: the files of the levels above. Read it to get to the next shard.
    pub fn upper(&mut self) -> Result<Vec<(String, Vec<u8>)>, ReadError> {
        let mut files = Vec::new();
        while let Some(found) = self.files.next_in(&self.folder)? {
            files.push(found);
        }
        Ok(files)
    }
}

/// The archive in a file, for a [`Bundle`].
pub fn archive<R: Read>(bundle: R) -> Archive<R> {
    Archive::new(bundle)
}

/// Recomputes everything in a bundle, with the public key of any of its shards alone: see [`Report`] for what was found
/// and what was not checked. `against` is a checkpoint that was kept elsewhere.
pub fn verify(bundle: impl Read, log: &Verifier, against: Option<&str>) -> Result<Report, ReadError> {
    verify_with(bundle, log, against, &[])
}

/// The same, with receipts that the log signed: their entries must be in it.
pub fn verify_with(
    bundle: impl Read,
    log: &Verifier,
    against: Option<&str>,
    receipts: &[Proven],
) -> Result<Report, ReadError> {
    let against = against
        .map(|note| Checkpoint::open_of_log(note, log))
        .transpose()
        .map_err(ReadError::Against)?;
    let mut kept: Vec<String> = against.iter().map(|kept| kept.origin.clone()).collect();
    kept.extend(receipts.iter().map(|receipt| receipt.origin.clone()));
    let mut archive = Archive::new(bundle);
    let mut bundle = Bundle::open(&mut archive)?;
    let mut chain = Chain::default();
    while let Some(mut shard) = bundle.shard()? {
        let Manifest { from, until, .. } = shard.manifest;
        let origin = shard.manifest.origin.clone();
        kept.retain(|one| *one != origin);
        let key = log.of_shard(&origin);
        let mut check = Check::new(key.as_ref().unwrap_or(log), Source::Bundle { from, until });
        check.go_on_from(&chain);
        for kept in against.iter().filter(|kept| kept.origin == origin) {
            check.against(kept);
        }
        for receipt in receipts.iter().filter(|receipt| receipt.origin == origin) {
            check.receipt(receipt);
        }
        signatures(&shard, key.as_ref().unwrap_or(log), &mut check);
        entries(&mut shard, &mut check)?;
        chain.take(check, None);
    }
    for origin in kept {
        chain.find(
            &origin,
            Some(0),
            "what was kept of this shard is signed, and the bundle has nothing of it".to_owned(),
        );
    }
    Ok(chain.finish())
}

fn entries<R: Read>(shard: &mut Reader<'_, '_, R>, check: &mut Check) -> Result<(), ReadError> {
    let mut upper = UpperTiles::default();
    let mut tiles = Vec::new();
    loop {
        let tile = shard.tile()?;
        let last = tile.is_none();
        tiles.extend(tile);
        if last || tiles.len() == TILES_AT_ONCE {
            take(check, &mut upper, &tiles)?;
            tiles.clear();
        }
        if last {
            break;
        }
    }
    if shard.upper()? != upper.finish() {
        check.find(None, "the tiles above the leaf hashes are not what these give");
    }
    Ok(())
}

/// The signatures, and that all names are those of the given key.
fn signatures<R: Read>(shard: &Reader<'_, '_, R>, log: &Verifier, check: &mut Check) {
    if (shard.manifest.origin.as_str(), shard.key.as_str()) != (log.name(), log.to_text().as_str()) {
        check.find(
            None,
            "the name and key in the bundle are not those of the given key",
        );
    }
    let mut notes = shard.earlier.clone();
    notes.push(shard.checkpoint.clone());
    for opened in open_all(&notes, log) {
        match opened {
            Ok(note) => check.checkpoint(note.size, &note.root.clone(), Ok(note)),
            Err(error) => check.find(None, &format!("a checkpoint in the bundle: {error}")),
        }
    }
}

fn take(check: &mut Check, upper: &mut UpperTiles, tiles: &[Tile]) -> Result<(), ReadError> {
    let mut given = Vec::new();
    let mut known = Vec::new();
    for tile in tiles {
        for (index, hash, leaf) in tile.entries()? {
            match leaf {
                None => known.push((index, *hash)),
                Some(leaf) => given.push(Given {
                    index,
                    leaf,
                    leaf_hash: hash,
                    place: None,
                }),
            }
        }
        let (hashes, _) = tile.hashes.as_chunks::<32>();
        if hashes.len() == usize::from(WIDTH) {
            upper.tile(hashes);
        }
    }
    let examined = examine_all(&given);
    let (mut examined, mut known) = (examined.iter().peekable(), known.into_iter().peekable());
    // Both are in order; what comes next is in one of the two.
    loop {
        if let Some((index, hash)) = known.next_if(|(index, _)| *index == check.next()) {
            check.hash_only(index, hash);
        } else if let Some(entry) = examined.next() {
            check.entry(entry);
        } else {
            return Ok(());
        }
    }
}

impl<'a, R: Read> Files<'a, R> {
    /// The files of an archive, from its first on.
    pub(crate) fn of(archive: &'a mut Archive<R>) -> Result<Self, ReadError> {
        let mut files = Self {
            archive: archive.entries()?,
            next: None,
        };
        files.advance()?;
        Ok(files)
    }

    /// The next file, which must have this name in this folder.
    pub(crate) fn file(&mut self, folder: &str, expected: &str) -> Result<Vec<u8>, ReadError> {
        match self.next_in(folder)? {
            Some((name, bytes)) if name == expected => Ok(bytes),
            Some((found, _)) => Err(order(found, expected)),
            None => {
                let next = self.next.as_ref().map(|(name, _)| name.clone());
                Err(order(next.unwrap_or_else(|| "nothing more".to_owned()), expected))
            }
        }
    }

    fn text(&mut self, folder: &str, name: &str) -> Result<String, ReadError> {
        let bytes = self.file(folder, name)?;
        String::from_utf8(bytes).map_err(|_| BundleError::File(name.to_owned()).into())
    }

    /// The next file if it is in this folder, by its name there.
    fn next_in(&mut self, folder: &str) -> Result<Option<(String, Vec<u8>)>, ReadError> {
        let name = self.next.as_ref().and_then(|(name, _)| name.strip_prefix(folder));
        let Some(name) = name.map(str::to_owned) else {
            return Ok(None);
        };
        let found = self.next.take();
        self.advance()?;
        Ok(found.map(|(_, bytes)| (name, bytes)))
    }

    fn advance(&mut self) -> Result<(), ReadError> {
        self.next = next(&mut self.archive)?;
        Ok(())
    }
}

fn order(found: String, expected: &str) -> ReadError {
    ReadError::Order {
        found,
        expected: expected.to_owned(),
    }
}

fn next<R: Read>(files: &mut Entries<'_, R>) -> Result<Option<(String, Vec<u8>)>, ReadError> {
    let Some(found) = files.next() else {
        return Ok(None);
    };
    let mut found = found?;
    let name = String::from_utf8_lossy(&found.path_bytes()).into_owned();
    if found.size() > FILE_BYTES_MAX {
        return Err(ReadError::TooLong(name));
    }
    // As long as the header says, but no longer than there are bytes: nothing is reserved for what is not there.
    let mut bytes = Vec::new();
    let length = found.size();
    let read = (&mut found).take(FILE_BYTES_MAX).read_to_end(&mut bytes)?;
    if read as u64 != length {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
    }
    Ok(Some((name, bytes)))
}
