//! Writing a bundle. The same log gives the same bytes: no times, no owners.

use std::io::{self, Write};

use doelpoort_core::audit::Hash;
use doelpoort_core::audit::bundle::{
    CHECKPOINT, CHECKPOINTS, KEY, MANIFEST, Manifest, SHARDS, SHARDS_FORMAT, Shards, UpperTiles,
    encode_entries, entries_name, tile_name,
};
use doelpoort_core::audit::tile::{Tile, WIDTH};
use tar::{Builder, EntryType, Header};

/// Why a bundle could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The file cannot be written.
    #[error("the bundle cannot be written: {0}")]
    Io(#[from] io::Error),
    /// A leaf is longer than an entry bundle can tell.
    #[error("the leaf at index `{0}` is longer than 65535 bytes")]
    TooLong(u64),
    /// There were fewer entries than the manifest says, or a leaf of its range was not given.
    #[error("the log has no entry `{0}`, though its checkpoint is signed over it")]
    Missing(u64),
}

/// An archive of several shards that is being written: a bundle each.
pub struct ShardsWriter<W: Write>(Builder<W>);

impl<W: Write> ShardsWriter<W> {
    /// Begins it; `folders` are the labels of the shards that will follow, in the order of the log.
    pub fn new(out: W, folders: Vec<String>) -> Result<Self, WriteError> {
        let shards = Shards {
            format: SHARDS_FORMAT.to_owned(),
            folders,
        };
        let mut json = serde_json::to_vec_pretty(&shards).map_err(io::Error::from)?;
        json.push(b'\n');
        let mut archive = Builder::new(out);
        append(&mut archive, SHARDS, &json)?;
        Ok(Self(archive))
    }

    /// Begins the next shard.
    pub fn shard(self, folder: &str, head: Begin<'_>) -> Result<Writer<W>, WriteError> {
        Writer::begin(self.0, format!("{folder}/"), head)
    }

    /// Ends the archive and gives back what it was written to.
    pub fn finish(self) -> Result<W, WriteError> {
        Ok(self.0.into_inner()?)
    }
}

/// What stands before the tiles of a shard.
#[derive(Clone, Debug)]
pub struct Begin<'b> {
    /// What it is.
    pub manifest: Manifest,
    /// The shard's verifier key.
    pub key: &'b str,
    /// Its last checkpoint.
    pub checkpoint: &'b str,
    /// The earlier ones.
    pub earlier: &'b [String],
}

/// A bundle that is being written.
pub struct Writer<W: Write> {
    archive: Builder<W>,
    /// The folder of the shard, with its slash; nothing in a bundle of one.
    folder: String,
    manifest: Manifest,
    /// The index that comes next.
    next: u64,
    hashes: Vec<Hash>,
    leaves: Vec<Vec<u8>>,
    upper: UpperTiles,
}

impl<W: Write> Writer<W> {
    /// Begins a bundle: what it is, the log's verifier key, its last checkpoint and the earlier ones.
    pub fn new(
        out: W,
        manifest: Manifest,
        key: &str,
        checkpoint: &str,
        earlier: &[String],
    ) -> Result<Self, WriteError> {
        let head = Begin {
            manifest,
            key,
            checkpoint,
            earlier,
        };
        Self::begin(Builder::new(out), String::new(), head)
    }

    fn begin(archive: Builder<W>, folder: String, head: Begin<'_>) -> Result<Self, WriteError> {
        let Begin {
            manifest,
            key,
            checkpoint,
            earlier,
        } = head;
        let mut writer = Self {
            archive,
            folder,
            manifest,
            next: 0,
            hashes: Vec::new(),
            leaves: Vec::new(),
            upper: UpperTiles::default(),
        };
        let mut json = serde_json::to_vec_pretty(&writer.manifest).map_err(io::Error::from)?;
        json.push(b'\n');
        writer.file(MANIFEST, &json)?;
        writer.file(KEY, format!("{key}\n").as_bytes())?;
        writer.file(CHECKPOINT, checkpoint.as_bytes())?;
        let mut lines = Vec::new();
        for note in earlier {
            serde_json::to_writer(&mut lines, note).map_err(io::Error::from)?;
            lines.push(b'\n');
        }
        writer.file(CHECKPOINTS, &lines)?;
        Ok(writer)
    }

    /// Adds the next entry: its hash, and within the manifest's range its leaf. What is given is written, right or
    /// wrong: a bundle is evidence.
    pub fn entry(&mut self, hash: Hash, leaf: Option<&[u8]>) -> Result<(), WriteError> {
        if (self.manifest.from..self.manifest.until).contains(&self.next) {
            let leaf = leaf.ok_or(WriteError::Missing(self.next))?;
            self.leaves.push(leaf.to_vec());
        }
        self.hashes.push(hash);
        self.next += 1;
        if self.hashes.len() == usize::from(WIDTH) || self.next == self.manifest.size {
            self.tile()?;
        }
        Ok(())
    }

    /// Ends the bundle and gives back what it was written to.
    pub fn finish(self) -> Result<W, WriteError> {
        self.end()?.finish()
    }

    /// Ends a shard of an archive of several.
    pub fn end(mut self) -> Result<ShardsWriter<W>, WriteError> {
        if self.next < self.manifest.size {
            return Err(WriteError::Missing(self.next));
        }
        for (name, bytes) in std::mem::take(&mut self.upper).finish() {
            self.file(&name, &bytes)?;
        }
        Ok(ShardsWriter(self.archive))
    }

    fn tile(&mut self) -> Result<(), WriteError> {
        let (hashes, leaves) = (std::mem::take(&mut self.hashes), std::mem::take(&mut self.leaves));
        let first = self.next - hashes.len() as u64;
        let Some(tile) = Tile::at(0, first / u64::from(WIDTH), self.next) else {
            return Ok(());
        };
        self.file(&tile_name(&tile), hashes.as_flattened())?;
        if !leaves.is_empty() {
            let bytes = encode_entries(leaves.iter().map(Vec::as_slice)).ok_or(WriteError::TooLong(first))?;
            self.file(&entries_name(&tile), &bytes)?;
        }
        if tile.is_full() {
            self.upper.tile(&hashes);
        }
        Ok(())
    }

    fn file(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        append(&mut self.archive, &format!("{}{name}", self.folder), bytes)
    }
}

/// Adds a file, without a time or an owner.
pub(crate) fn append<W: Write>(archive: &mut Builder<W>, name: &str, bytes: &[u8]) -> io::Result<()> {
    let mut header = Header::new_ustar();
    header.set_entry_type(EntryType::Regular);
    header.set_mode(0o644);
    header.set_size(bytes.len() as u64);
    archive.append_data(&mut header, name, bytes)
}
