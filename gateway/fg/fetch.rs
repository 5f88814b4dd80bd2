//! A copy of the log, fetched over the exchange: a bundle as any auditor has it, and beside it the sealed private parts,
//! which a bundle never holds. Everything else works on the copy.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use doelpoort_core::audit::bundle::{FORMAT, Manifest, decode_entries};
use doelpoort_core::audit::checkpoint::{Checkpoint, CheckpointError};
use doelpoort_core::audit::leaf::{Leaf, Value, extra, leaf_hash};
use doelpoort_core::audit::note::Verifier;
use doelpoort_core::audit::tile::{Tile, WIDTH};
use doelpoort_verify::{Begin, ShardsWriter, WriteError, Writer};
use serde::Deserialize;

use crate::client::{Client, ClientError};

/// What the name of a bundle gets added for the sealed private parts that belong to it.
pub const PRIVATE_EXTENSION: &str = "private";

/// Why there is no copy.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The gateway refused, or cannot be reached.
    #[error(transparent)]
    Gateway(#[from] ClientError),
    /// The checkpoint is not signed by the log, or not one.
    #[error("the checkpoint that the gateway serves: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// A tile is not what a tile is.
    #[error("the gateway serves something else than `{0}`")]
    Tile(String),
    /// The copy cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The copy cannot be written.
    #[error("the copy cannot be written: {0}")]
    Io(#[from] io::Error),
}

/// Leaves of the log that are here already: those under a full tile of a shard, by its label. The check of the copy tells
/// whether they are what the log has.
pub type Kept<'k> = &'k (dyn Fn(&str, &Tile) -> Option<Vec<Vec<u8>>> + Send + Sync);

/// Where the gateway lists the shards of the log.
const SHARDS_PATH: &str = "/v1/log/shards";

/// A shard of the log, as the gateway lists it; its key is never taken from there.
#[derive(Debug, Deserialize)]
struct Listed {
    shard: String,
}

/// A shard up to its newest checkpoint.
#[derive(Debug)]
struct Fetched {
    label: String,
    key: String,
    note: String,
    /// The checkpoint of it that the next shard embeds.
    earlier: Vec<String>,
    manifest: Manifest,
}

/// Where the sealed private parts of a bundle are.
pub fn private_file(bundle: &Path) -> PathBuf {
    bundle.with_added_extension(PRIVATE_EXTENSION)
}

/// Fetches all entries of all shards up to their newest checkpoints into a new bundle; with `look`, the entry that announced
/// it, the sealed private parts too. Tells how many entries. What is fetched is not verified here: that is what a bundle is
/// for. What is `kept` is not fetched again.
///
/// # Errors
/// Why there is no copy.
pub async fn fetch(
    client: &Client,
    log: &Verifier,
    look: Option<u64>,
    kept: Kept<'_>,
    bundle: &Path,
) -> Result<u64, FetchError> {
    let shards = shards(client, log).await?;
    let out = BufWriter::new(new_file(bundle)?);
    let mut private = match look {
        Some(look) => Some((look, BufWriter::new(new_file(&private_file(bundle))?))),
        None => None,
    };
    match shards.as_slice() {
        [shard] => {
            let begin = shard.begin();
            let writer = Writer::new(out, begin.manifest, begin.key, begin.checkpoint, begin.earlier)?;
            let from = (client, kept);
            let writer = shard.fetch(from, 0, writer, private.as_mut()).await?;
            writer.finish()?.flush()?;
        }
        several => {
            let folders = several.iter().map(|shard| shard.label.clone()).collect();
            let mut archive = ShardsWriter::new(out, folders)?;
            let mut first = 0;
            for shard in several {
                let writer = archive.shard(&shard.label, shard.begin())?;
                archive = shard
                    .fetch((client, kept), first, writer, private.as_mut())
                    .await?
                    .end()?;
                first += shard.manifest.size;
            }
            archive.finish()?.flush()?;
        }
    }
    if let Some((_, mut out)) = private {
        out.flush()?;
    }
    Ok(shards.iter().map(|shard| shard.manifest.size).sum())
}

/// The shards that have a checkpoint, in the order of the log. One that was just opened has none yet.
async fn shards(client: &Client, log: &Verifier) -> Result<Vec<Fetched>, FetchError> {
    let other = || FetchError::Tile(SHARDS_PATH.to_owned());
    let listed = client.bytes(SHARDS_PATH).await?;
    let listed: Vec<Listed> = serde_json::from_slice(&listed).map_err(|_| other())?;
    let last = listed.len().saturating_sub(1);
    let mut shards = Vec::new();
    for (place, Listed { shard: label }) in listed.into_iter().enumerate() {
        let is_label = |byte: u8| byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
        if label.is_empty() || label.starts_with('.') || !label.bytes().all(is_label) {
            return Err(other());
        }
        let note = match client.bytes(&format!("{SHARDS_PATH}/{label}/checkpoint")).await {
            Ok(note) => note,
            // Unreachable is an error; only the gateway itself says that there is none yet.
            Err(ClientError::Refused(_)) if place == last && place > 0 => break,
            Err(error) => return Err(error.into()),
        };
        let note = String::from_utf8(note).map_err(|_| FetchError::Tile("checkpoint".to_owned()))?;
        let checkpoint = Checkpoint::open_of_log(&note, log)?;
        let key = log.of_shard(&checkpoint.origin).ok_or_else(other)?.to_text();
        let manifest = Manifest {
            format: FORMAT.to_owned(),
            origin: checkpoint.origin,
            size: checkpoint.size,
            from: 0,
            until: checkpoint.size,
            software: concat!("doelpoort ", env!("CARGO_PKG_VERSION")).to_owned(),
        };
        shards.push(Fetched {
            label,
            key,
            note,
            earlier: Vec::new(),
            manifest,
        });
    }
    let mut embedded = Vec::new();
    for next in shards.iter().skip(1) {
        embedded.push(embedded_in(client, next).await?);
    }
    for (shard, note) in shards.iter_mut().zip(embedded) {
        shard.earlier.extend(note.filter(|note| *note != shard.note));
    }
    if shards.is_empty() {
        Err(other())
    } else {
        Ok(shards)
    }
}

/// The checkpoint of the shard before that the first entry of a shard embeds.
async fn embedded_in(client: &Client, shard: &Fetched) -> Result<Option<String>, FetchError> {
    let Some(tile) = Tile::at(0, 0, shard.manifest.size) else {
        return Ok(None);
    };
    let path = format!("{SHARDS_PATH}/{}/tile/{}", shard.label, tile.entries_path());
    let leaves = client.bytes(&path).await?;
    let leaves = decode_entries(&leaves, usize::from(tile.width));
    let leaf = leaves.and_then(|leaves| Leaf::decode(leaves.first()?).ok());
    let leaf = leaf.ok_or(FetchError::Tile(path))?;
    Ok(match leaf.event.extra.get(&extra::CHECKPOINT) {
        Some(Value::Text(note)) => Some(note.clone()),
        _ => None,
    })
}

impl Fetched {
    fn begin(&self) -> Begin<'_> {
        Begin {
            manifest: self.manifest.clone(),
            key: &self.key,
            checkpoint: &self.note,
            earlier: &self.earlier,
        }
    }

    /// Its entries, and where they are wanted their sealed private parts under the numbers of the whole log: this shard
    /// begins at `first`.
    async fn fetch<W: Write>(
        &self,
        (client, kept): (&Client, Kept<'_>),
        first: u64,
        mut writer: Writer<W>,
        mut private: Option<&mut (u64, BufWriter<File>)>,
    ) -> Result<Writer<W>, FetchError> {
        let size = self.manifest.size;
        for number in 0..size.div_ceil(u64::from(WIDTH)) {
            let Some(tile) = Tile::at(0, number, size) else {
                break;
            };
            let leaves = match kept(&self.label, &tile).filter(|_| tile.width == WIDTH) {
                Some(leaves) => leaves,
                None => entries(client, &self.label, &tile).await?,
            };
            for leaf in &leaves {
                writer.entry(leaf_hash(leaf), Some(leaf))?;
            }
            if let Some((look, out)) = private.as_deref_mut() {
                parts(client, (&self.label, first), &tile, *look, out).await?;
            }
        }
        Ok(writer)
    }
}

/// The sealed private parts of these entries of a shard alone, for a look that the entry `look` announced; `size` is that of
/// a signed checkpoint, and the numbers are those within the shard. Those that have none are left out.
///
/// # Errors
/// Why not.
pub async fn sealed_of(
    client: &Client,
    (shard, size): (&str, u64),
    look: u64,
    indices: &BTreeSet<u64>,
) -> Result<BTreeMap<u64, Vec<u8>>, FetchError> {
    let mut found = BTreeMap::new();
    let tiles: BTreeSet<u64> = indices.iter().map(|index| index / u64::from(WIDTH)).collect();
    for number in tiles {
        let Some(tile) = Tile::at(0, number, size) else {
            continue;
        };
        for (index, sealed) in parts_under(client, shard, &tile, look).await? {
            if indices.contains(&index) {
                found.insert(index, sealed);
            }
        }
    }
    Ok(found)
}

fn new_file(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).create_new(true).mode(0o600).open(path)
}

/// The leaves under a tile. Their hashes are computed and not fetched: the check of the copy tells whether they make the
/// root that the log signed.
async fn entries(client: &Client, shard: &str, tile: &Tile) -> Result<Vec<Vec<u8>>, FetchError> {
    let path = format!("{SHARDS_PATH}/{shard}/tile/{}", tile.entries_path());
    let bytes = client.bytes(&path).await?;
    let leaves = decode_entries(&bytes, usize::from(tile.width)).ok_or(FetchError::Tile(path))?;
    Ok(leaves.into_iter().map(<[u8]>::to_vec).collect())
}

/// `u64be(number in the whole log) ‖ u32be(length) ‖ sealed private part`, for each entry that has one.
async fn parts(
    client: &Client,
    (shard, first): (&str, u64),
    tile: &Tile,
    look: u64,
    out: &mut impl Write,
) -> Result<(), FetchError> {
    for (index, part) in parts_under(client, shard, tile, look).await? {
        out.write_all(&(first + index).to_be_bytes())?;
        out.write_all(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes())?;
        out.write_all(&part)?;
    }
    Ok(())
}

/// The sealed private parts under a tile, by the number of their entry.
async fn parts_under(
    client: &Client,
    shard: &str,
    tile: &Tile,
    look: u64,
) -> Result<Vec<(u64, Vec<u8>)>, FetchError> {
    let path = tile.entries_path().replacen("entries/", "private/", 1);
    let bytes = client
        .bytes(&format!("/v1/log/{path}?look={look}&shard={shard}"))
        .await?;
    let (from, until) = tile.range();
    let (mut rest, mut found) = (bytes.as_slice(), Vec::new());
    for index in from..until {
        let part = take(&mut rest).ok_or_else(|| FetchError::Tile(path.clone()))?;
        if !part.is_empty() {
            found.push((index, part.to_vec()));
        }
    }
    if rest.is_empty() {
        Ok(found)
    } else {
        Err(FetchError::Tile(path))
    }
}

fn take<'b>(bytes: &mut &'b [u8]) -> Option<&'b [u8]> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (part, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    *bytes = rest;
    Some(part)
}
