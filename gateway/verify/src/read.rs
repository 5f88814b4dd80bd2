//! Reading a bundle as a stream: nothing is unpacked, and no more is held than a few tiles.

use std::io::{self, Read};

use doelpoort_core::audit::Hash;
use doelpoort_core::audit::bundle::{
    BundleError, CHECKPOINT, CHECKPOINTS, KEY, MANIFEST, Manifest, UpperTiles, decode_entries, decode_hashes,
    entries_name, tile_name,
};
use doelpoort_core::audit::checkpoint::{Checkpoint, CheckpointError};
use doelpoort_core::audit::note::Verifier;
use doelpoort_core::audit::tile::{self, WIDTH};
use doelpoort_core::audit::verify::{Check, Given, Report, Source};
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

/// A bundle that is being read, tile by tile.
pub struct Reader<'a, R: Read> {
    files: Entries<'a, R>,
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

impl<'a, R: Read> Reader<'a, R> {
    /// Reads what stands before the tiles.
    pub fn new(archive: &'a mut Archive<R>) -> Result<Self, ReadError> {
        let mut files = archive.entries()?;
        let manifest = Manifest::parse(&file(&mut files, MANIFEST)?)?;
        let key = text(&mut files, KEY)?.trim().to_owned();
        let checkpoint = text(&mut files, CHECKPOINT)?;
        let earlier = text(&mut files, CHECKPOINTS)?
            .lines()
            .map(serde_json::from_str)
            .collect::<Result<_, _>>()
            .map_err(|_| BundleError::File(CHECKPOINTS.to_owned()))?;
        Ok(Self {
            files,
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
        let hashes = file(&mut self.files, &name)?;
        if decode_hashes(&hashes, tile.width.into()).is_none() {
            return Err(BundleError::File(name).into());
        }
        let entries = if (self.manifest.from..self.manifest.until).contains(&first) {
            let name = entries_name(&tile);
            let bytes = file(&mut self.files, &name)?;
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

    /// What comes after the last tile of leaf hashes: the files of the levels above.
    fn upper(&mut self) -> Result<Vec<(String, Vec<u8>)>, ReadError> {
        let mut files = Vec::new();
        while let Some(found) = next(&mut self.files)? {
            files.push(found);
        }
        Ok(files)
    }
}

/// The archive in a file, for a [`Reader`].
pub fn archive<R: Read>(bundle: R) -> Archive<R> {
    Archive::new(bundle)
}

/// Recomputes everything in a bundle, with the public key alone: see [`Report`] for what was found and what was not
/// checked. `against` is a checkpoint that was kept elsewhere.
pub fn verify(bundle: impl Read, log: &Verifier, against: Option<&str>) -> Result<Report, ReadError> {
    let against = against
        .map(|note| Checkpoint::open(note, log))
        .transpose()
        .map_err(ReadError::Against)?;
    let mut archive = Archive::new(bundle);
    let mut reader = Reader::new(&mut archive)?;
    let Manifest { from, until, .. } = reader.manifest;
    let mut check = Check::new(log, Source::Bundle { from, until });
    if let Some(kept) = &against {
        check.against(kept);
    }
    signatures(&reader, log, &mut check);
    let mut upper = UpperTiles::default();
    let mut tiles = Vec::new();
    loop {
        let tile = reader.tile()?;
        let last = tile.is_none();
        tiles.extend(tile);
        if last || tiles.len() == TILES_AT_ONCE {
            take(&mut check, &mut upper, &tiles)?;
            tiles.clear();
        }
        if last {
            break;
        }
    }
    if reader.upper()? != upper.finish() {
        check.find(None, "the tiles above the leaf hashes are not what these give");
    }
    Ok(check.finish(None))
}

/// The signatures, and that all names are those of the given key.
fn signatures<R: Read>(reader: &Reader<'_, R>, log: &Verifier, check: &mut Check) {
    if (reader.manifest.origin.as_str(), reader.key.as_str()) != (log.name(), log.to_text().as_str()) {
        check.find(
            None,
            "the name and key in the bundle are not those of the given key",
        );
    }
    let mut notes = reader.earlier.clone();
    notes.push(reader.checkpoint.clone());
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

/// The next file, which must have this name.
fn file<R: Read>(files: &mut Entries<'_, R>, expected: &str) -> Result<Vec<u8>, ReadError> {
    match next(files)? {
        Some((name, bytes)) if name == expected => Ok(bytes),
        found => Err(ReadError::Order {
            found: found.map_or_else(|| "nothing more".to_owned(), |(name, _)| name),
            expected: expected.to_owned(),
        }),
    }
}

fn text<R: Read>(files: &mut Entries<'_, R>, name: &str) -> Result<String, ReadError> {
    String::from_utf8(file(files, name)?).map_err(|_| BundleError::File(name.to_owned()).into())
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
