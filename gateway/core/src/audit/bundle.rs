//! The bundle: one file that an auditor takes home. A tar archive of a C2SP tlog-tiles log (v1.0.0), so that any tool
//! for such logs can read it once it is unpacked, and of what our own check needs besides. Here are its names and the
//! contents of its files; reading and writing the archive is the shell's. Described in `docs/log-format.md`.

use serde::{Deserialize, Serialize};

use super::Hash;
use super::merkle::node_hash;
use super::tile::{Tile, WIDTH};

/// What a bundle says it is.
pub const FORMAT: &str = "doelpoort-audit-bundle@v1";
/// The first file of an archive of several shards: a [`Shards`]. Each shard is a bundle of its own in a folder.
pub const SHARDS: &str = "shards.json";
/// What an archive of several shards says it is.
pub const SHARDS_FORMAT: &str = "doelpoort-audit-shards@v1";
/// The most shards of one archive.
const SHARDS_MAX: usize = 1_000;
/// The first file of a shard's bundle: a [`Manifest`].
pub const MANIFEST: &str = "bundle.json";
/// The log's verifier key, for people; a check takes the key from elsewhere.
pub const KEY: &str = "log.vkey";
/// The last signed checkpoint.
pub const CHECKPOINT: &str = "checkpoint";
/// The earlier signed checkpoints, a JSON string a line.
pub const CHECKPOINTS: &str = "checkpoints.ndjson";
/// Hashes in a full tile, entries in a full entry bundle.
const TILE_WIDTH: u64 = WIDTH as u64;

/// What is in a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: String,
    /// The log's name.
    pub origin: String,
    /// The number of leaves of the last signed checkpoint: all their hashes are in the bundle.
    pub size: u64,
    /// The first leaf that is in the bundle.
    pub from: u64,
    /// The index after the last leaf that is in the bundle.
    pub until: u64,
    /// The program that made it, with its version.
    pub software: String,
}

/// Which shards are in an archive of several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Shards {
    /// [`SHARDS_FORMAT`].
    pub format: String,
    /// Their folders, in the order of the log.
    pub folders: Vec<String>,
}

impl Shards {
    /// Reads `shards.json`.
    pub fn parse(json: &[u8]) -> Result<Self, BundleError> {
        let shards: Self =
            serde_json::from_slice(json).map_err(|error| BundleError::Manifest(error.to_string()))?;
        if shards.format != SHARDS_FORMAT {
            return Err(BundleError::Format(shards.format));
        }
        let is_folder = |name: &String| {
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
        };
        if shards.folders.is_empty()
            || shards.folders.len() > SHARDS_MAX
            || !shards.folders.iter().all(is_folder)
        {
            return Err(BundleError::File(SHARDS.to_owned()));
        }
        Ok(shards)
    }
}

/// Why a bundle cannot be read. The file is named where one is to blame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// Its manifest is not one.
    #[error("`bundle.json` is not that of a bundle: {0}")]
    Manifest(String),
    /// Made in a format of another version.
    #[error("the bundle's format is `{0}`, this program reads `{FORMAT}`")]
    Format(String),
    /// The range is outside of the log, or cuts an entry bundle in two.
    #[error("the range `{from}..{until}` of the bundle does not lie within its `{size}` entries")]
    Range {
        /// The first index.
        from: u64,
        /// The index after the last.
        until: u64,
        /// The size of the log.
        size: u64,
    },
    /// A file does not have the form that its name says.
    #[error("`{0}` is not well-formed")]
    File(String),
}

impl Manifest {
    /// Reads `bundle.json` and checks that what it says can be.
    pub fn parse(json: &[u8]) -> Result<Self, BundleError> {
        let manifest: Self =
            serde_json::from_slice(json).map_err(|error| BundleError::Manifest(error.to_string()))?;
        if manifest.format != FORMAT {
            return Err(BundleError::Format(manifest.format));
        }
        let Self {
            from, until, size, ..
        } = manifest;
        let whole = from % TILE_WIDTH == 0 && (until % TILE_WIDTH == 0 || until == size);
        if from > until || until > size || !whole {
            return Err(BundleError::Range { from, until, size });
        }
        Ok(manifest)
    }
}

/// The widest range of whole entry bundles around `from..until` in a log of `size` entries.
pub fn whole_bundles(from: u64, until: u64, size: u64) -> (u64, u64) {
    let until = until.min(size);
    let from = from.min(until) / TILE_WIDTH * TILE_WIDTH;
    let until = until
        .checked_next_multiple_of(TILE_WIDTH)
        .map_or(size, |until| until.min(size));
    (from, until)
}

/// The name of a file with hashes.
pub fn tile_name(tile: &Tile) -> String {
    format!("tile/{}", tile.path())
}

/// The name of the file with the leaves under a tile of level 0.
pub fn entries_name(tile: &Tile) -> String {
    format!("tile/{}", tile.entries_path())
}

/// A file with leaves: each behind its length, 16 bits big-endian. `None` if one is longer than that.
pub fn encode_entries<'l>(leaves: impl IntoIterator<Item = &'l [u8]>) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for leaf in leaves {
        bytes.extend(u16::try_from(leaf.len()).ok()?.to_be_bytes());
        bytes.extend(leaf);
    }
    Some(bytes)
}

/// The leaves of a file; `None` if these are not exactly `count`.
pub fn decode_entries(mut bytes: &[u8], count: usize) -> Option<Vec<&[u8]>> {
    let mut leaves = Vec::with_capacity(count.min(bytes.len()));
    while let Some((length, rest)) = bytes.split_first_chunk::<2>() {
        let (leaf, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
        leaves.push(leaf);
        bytes = rest;
    }
    (bytes.is_empty() && leaves.len() == count).then_some(leaves)
}

/// The hashes of a file; `None` if these are not exactly `count`.
pub fn decode_hashes(bytes: &[u8], count: usize) -> Option<&[Hash]> {
    let (hashes, rest) = bytes.as_chunks::<32>();
    (rest.is_empty() && hashes.len() == count).then_some(hashes)
}

/// The files of the levels above the leaf hashes, made while these pass by.
#[derive(Debug, Default)]
pub struct UpperTiles {
    /// The tile in the making of each level from 1 on, with how many full ones came before it.
    open: Vec<(u64, Vec<Hash>)>,
    done: Vec<(String, Vec<u8>)>,
}

impl UpperTiles {
    /// Takes a full tile of leaf hashes.
    pub fn tile(&mut self, hashes: &[Hash]) {
        self.push(1, subtree(hashes));
    }

    fn push(&mut self, level: u8, hash: Hash) {
        let place = usize::from(level) - 1;
        if self.open.len() == place {
            self.open.push((0, Vec::new()));
        }
        let Some((index, hashes)) = self.open.get_mut(place) else {
            return;
        };
        hashes.push(hash);
        if hashes.len() == usize::from(WIDTH) {
            let above = subtree(hashes);
            self.done.push(file(level, *index, hashes));
            *index += 1;
            hashes.clear();
            self.push(level + 1, above);
        }
    }

    /// All files, by name; those that are not full last.
    pub fn finish(self) -> Vec<(String, Vec<u8>)> {
        let open = (1..)
            .zip(&self.open)
            .filter(|(_, (_, hashes))| !hashes.is_empty());
        let open: Vec<_> = open
            .map(|(level, (index, hashes))| file(level, *index, hashes))
            .collect();
        self.done.into_iter().chain(open).collect()
    }
}

fn file(level: u8, index: u64, hashes: &[Hash]) -> (String, Vec<u8>) {
    let width = u16::try_from(hashes.len()).unwrap_or(WIDTH);
    (tile_name(&Tile { level, index, width }), hashes.concat())
}

/// The root over a full tile.
fn subtree(hashes: &[Hash]) -> Hash {
    let mut level = hashes.to_vec();
    while level.len() > 1 {
        let (pairs, _) = level.as_chunks::<2>();
        level = pairs.iter().map(|[left, right]| node_hash(left, right)).collect();
    }
    level.first().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::merkle::{Frontier, leaf_hash};
    use proptest::prelude::*;

    #[test]
    fn a_log_of_70000_has_the_tiles_of_the_specification() {
        let hashes: Vec<Hash> = (0..70_000_u32).map(|n| leaf_hash(&n.to_be_bytes())).collect();
        let mut upper = UpperTiles::default();
        let (full, rest) = hashes.as_chunks::<256>();
        for tile in full {
            upper.tile(tile);
        }
        assert_eq!((full.len(), rest.len()), (273, 112));
        let files = upper.finish();
        let names: Vec<_> = files.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["tile/1/000", "tile/1/001.p/17", "tile/2/000.p/1"]);
        // The one hash of level 2 is the root over the first 65,536 leaves.
        let mut first = Frontier::empty();
        for hash in hashes.iter().take(65_536) {
            first.push(*hash);
        }
        assert_eq!(files.last().unwrap().1, first.root());
    }

    #[test]
    fn a_manifest_says_what_can_be() {
        let json = |format: &str, from: u64, until: u64| {
            format!(
                r#"{{"format":"{format}","origin":"o","size":600,"from":{from},"until":{until},"software":"s"}}"#
            )
        };
        assert!(Manifest::parse(json(FORMAT, 256, 600).as_bytes()).is_ok());
        assert!(matches!(
            Manifest::parse(json("v2", 0, 600).as_bytes()),
            Err(BundleError::Format(_))
        ));
        for (from, until) in [(1, 600), (0, 599), (512, 256), (0, 601)] {
            let parsed = Manifest::parse(json(FORMAT, from, until).as_bytes());
            assert!(
                matches!(parsed, Err(BundleError::Range { .. })),
                "{from}..{until}"
            );
        }
        assert!(matches!(Manifest::parse(b"{}"), Err(BundleError::Manifest(_))));
    }

    #[test]
    fn a_range_grows_to_whole_bundles() {
        assert_eq!(whole_bundles(300, 301, 600), (256, 512));
        assert_eq!(whole_bundles(0, u64::MAX, 600), (0, 600));
        assert_eq!(whole_bundles(700, 800, 600), (512, 600));
        assert_eq!(whole_bundles(0, 0, 0), (0, 0));
    }

    proptest! {
        #[test]
        fn entries_come_back(leaves in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..9)) {
            let bytes = encode_entries(leaves.iter().map(Vec::as_slice)).unwrap();
            prop_assert_eq!(decode_entries(&bytes, leaves.len()).unwrap(), leaves.iter().map(Vec::as_slice).collect::<Vec<_>>());
            prop_assert_eq!(decode_entries(&bytes, leaves.len() + 1), None);
            if let Some(cut) = bytes.len().checked_sub(1) {
                prop_assert_eq!(decode_entries(&bytes[..cut], leaves.len()), None);
            }
        }

        #[test]
        fn no_bytes_are_too_strange(bytes in proptest::collection::vec(any::<u8>(), 0..600), count in 0_usize..300) {
            let _ = decode_entries(&bytes, count);
            let _ = decode_hashes(&bytes, count);
            let _ = Manifest::parse(&bytes);
        }
    }
}
