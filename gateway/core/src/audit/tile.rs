//! Tiles (C2SP tlog-tiles): the tree in pieces of 256 hashes, so that anybody can compute every proof.
//!
//! Tile `index` of `level` holds the complete nodes `256 · index ..` of height `8 · level` above the leaves.

use std::collections::BTreeMap;

use super::Hash;
use super::merkle::{Tree, parents};

/// The hashes of a full tile.
pub const WIDTH: u16 = 256;
/// The levels of the tree that one level of tiles spans.
pub const HEIGHT: u32 = 8;
/// The highest level that a path may name.
const LEVEL_MAX: u8 = 63;
/// The most path elements of an index: three digits each, 2^64 has twenty.
const ELEMENTS_MAX: usize = 7;

/// One tile, full or partial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tile {
    /// How many times eight levels above the leaves.
    pub level: u8,
    /// Its number on that level, from 0.
    pub index: u64,
    /// How many hashes it has: 1 to 256.
    pub width: u16,
}

/// What a path under `tile/` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// A tile of hashes.
    Hashes(Tile),
    /// The entries under a tile of level 0, each with its length before it.
    Entries(Tile),
}

impl Resource {
    /// Reads `<L>/<N>[.p/<W>]` or `entries/<N>[.p/<W>]`; `None` for any other spelling.
    pub fn parse(path: &str) -> Option<Self> {
        let (first, rest) = path.split_once('/')?;
        let level = match first {
            "entries" => 0,
            level => number(level, 2).filter(|level| *level <= u64::from(LEVEL_MAX))?,
        };
        let (index, width) = match rest.split_once(".p/") {
            None => (rest, WIDTH),
            Some((index, width)) => {
                let width = number(width, 3).filter(|width| (1..u64::from(WIDTH)).contains(width))?;
                (index, u16::try_from(width).ok()?)
            }
        };
        let tile = Tile {
            level: u8::try_from(level).ok()?,
            index: read_index(index)?,
            width,
        };
        Some(if first == "entries" {
            Self::Entries(tile)
        } else {
            Self::Hashes(tile)
        })
    }
}

impl Tile {
    /// How many complete nodes of this level a tree of `size` leaves has.
    pub fn nodes(level: u8, size: u64) -> u64 {
        size.checked_shr(HEIGHT * u32::from(level)).unwrap_or(0)
    }

    /// The tile with this index in a tree of `size` leaves, as wide as it is there; `None` where it is empty.
    pub fn at(level: u8, index: u64, size: u64) -> Option<Self> {
        let start = index.checked_mul(u64::from(WIDTH))?;
        let left = Self::nodes(level, size).checked_sub(start)?;
        let width = u16::try_from(left.min(u64::from(WIDTH))).ok()?;
        (width > 0).then_some(Self { level, index, width })
    }

    /// Has a tree of `size` leaves all its hashes?
    pub fn is_in(&self, size: u64) -> bool {
        Self::at(self.level, self.index, size).is_some_and(|whole| self.width <= whole.width)
    }

    /// Does it have all the hashes that a tile can have?
    pub fn is_full(&self) -> bool {
        self.width == WIDTH
    }

    /// The first node on its level and the first after it.
    pub fn range(&self) -> (u64, u64) {
        let from = self.index.saturating_mul(u64::from(WIDTH));
        (from, from.saturating_add(u64::from(self.width)))
    }

    /// The path below `tile/`.
    pub fn path(&self) -> String {
        self.path_in(&self.level.to_string())
    }

    /// The path of the entries under it, below `tile/`.
    pub fn entries_path(&self) -> String {
        self.path_in("entries")
    }

    fn path_in(&self, folder: &str) -> String {
        let mut elements = vec![format!("{:03}", self.index % 1000)];
        let mut rest = self.index / 1000;
        while rest > 0 {
            elements.push(format!("x{:03}", rest % 1000));
            rest /= 1000;
        }
        elements.push(folder.to_owned());
        elements.reverse();
        let path = elements.join("/");
        if self.is_full() {
            path
        } else {
            format!("{path}.p/{}", self.width)
        }
    }

    /// Every tile of a tree of `size` leaves, level by level.
    pub fn all(size: u64) -> impl Iterator<Item = Self> {
        (0..8).flat_map(move |level| (0..).map_while(move |index| Self::at(level, index, size)))
    }

    /// The tiles that hold every node of the proofs about leaf `index` in a tree of `size` leaves.
    pub fn for_proof(index: u64, size: u64) -> Vec<Self> {
        let mut tiles: Vec<Self> = (0..8_u8)
            .flat_map(|level| [index, size.saturating_sub(1)].map(|leaf| (level, leaf)))
            .filter_map(|(level, leaf)| Self::at(level, Self::nodes(level, leaf) / u64::from(WIDTH), size))
            .collect();
        tiles.sort_unstable();
        tiles.dedup();
        tiles
    }
}

/// Tiles that were read, as a source of nodes for [`Tree`].
#[derive(Clone, Debug, Default)]
pub struct Tiles {
    hashes: BTreeMap<(u8, u64), Vec<Hash>>,
}

impl Tiles {
    /// Adds a tile that was read.
    pub fn insert(&mut self, tile: Tile, hashes: Vec<Hash>) {
        self.hashes.insert((tile.level, tile.index), hashes);
    }

    /// The complete node `index` of `level` of the tree; `None` if no tile here holds it.
    pub fn node(&self, level: usize, index: u64) -> Option<Hash> {
        let height = usize::try_from(HEIGHT).ok()?;
        let (tile_level, above) = (u8::try_from(level / height).ok()?, level % height);
        let first = index.checked_mul(1 << above)?;
        let width = u64::from(WIDTH);
        let hashes = self.hashes.get(&(tile_level, first / width))?;
        let from = usize::try_from(first % width).ok()?;
        let mut nodes = hashes.get(from..from + (1 << above))?.to_vec();
        for _ in 0..above {
            nodes = parents(&nodes);
        }
        nodes.first().copied()
    }

    /// The tree of `size` leaves over these tiles. `None` if they lack a node of its right edge.
    pub fn tree(&self, size: u64) -> Option<Tree<impl Fn(usize, u64) -> Option<Hash>>> {
        Tree::at(size, |level, index| self.node(level, index))
    }
}

/// A decimal number of at most `digits` digits in its one spelling.
fn number(text: &str, digits: usize) -> Option<u64> {
    let plain = text.len() <= digits && text.bytes().all(|byte| byte.is_ascii_digit());
    let number: u64 = text.parse().ok().filter(|_| plain)?;
    (number.to_string() == text).then_some(number)
}

/// `x001/x234/067`: three digits an element, all but the last marked.
fn read_index(text: &str) -> Option<u64> {
    let mut elements = text.split('/').rev();
    let last = elements.next()?;
    let mut above: Vec<&str> = elements
        .map(|part| part.strip_prefix('x'))
        .collect::<Option<_>>()?;
    // One spelling only: the first element is no padding.
    if above.len() >= ELEMENTS_MAX || above.last().is_some_and(|first| *first == "000") {
        return None;
    }
    above.reverse();
    above.push(last);
    above.into_iter().try_fold(0_u64, |index, part| {
        let three = part.len() == 3 && part.bytes().all(|byte| byte.is_ascii_digit());
        let part: u64 = part.parse().ok().filter(|_| three)?;
        index.checked_mul(1000)?.checked_add(part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::merkle::{Frontier, complete_nodes, leaf_hash, verify_consistency, verify_inclusion};
    use proptest::prelude::*;

    fn tile(level: u8, index: u64, width: u16) -> Tile {
        Tile { level, index, width }
    }

    #[test]
    fn a_tree_of_70_000_has_the_tiles_of_the_specification() {
        let tiles: Vec<Tile> = Tile::all(70_000).collect();
        let count = |level, full| {
            let of_level = tiles.iter().filter(|tile| tile.level == level);
            of_level.filter(|tile| tile.is_full() == full).count()
        };
        assert_eq!((count(0, true), count(0, false)), (273, 1));
        assert_eq!((count(1, true), count(1, false)), (1, 1));
        assert_eq!((count(2, true), count(2, false)), (0, 1));
        for partial in ["0/273.p/112", "1/001.p/17", "2/000.p/1"] {
            assert!(tiles.iter().any(|tile| tile.path() == partial), "{partial}");
        }
        let of_256: Vec<_> = Tile::all(256).map(|tile| tile.path()).collect();
        assert_eq!(of_256, ["0/000", "1/000.p/1"]);
    }

    #[test]
    fn a_path_has_one_spelling() {
        assert_eq!(tile(0, 1_234_067, 256).path(), "0/x001/x234/067");
        assert_eq!(tile(0, 1_234_067, 7).entries_path(), "entries/x001/x234/067.p/7");
        assert_eq!(
            Resource::parse("entries/x001/x234/067.p/7"),
            Some(Resource::Entries(tile(0, 1_234_067, 7)))
        );
        for path in [
            "",
            "0",
            "0/",
            "0/1",
            "0/01",
            "0/0001",
            "00/000",
            "64/000",
            "-1/000",
            "+1/000",
            "0/x000/001",
            "0/001/002",
            "0/x01/002",
            "0/x001/x002",
            "0/000.p/0",
            "0/000.p/256",
            "0/000.p/01",
            "0/000.p/",
            "0/000.p",
            "0/000/",
            "/000",
            "entry/000",
            "entries",
            "0/x999/x999/x999/x999/x999/x999/x999/999",
            "0/00\u{661}",
            "0/000.p/1/2",
        ] {
            assert_eq!(Resource::parse(path), None, "{path}");
        }
    }

    #[test]
    fn nothing_is_served_beyond_the_tree() {
        assert!(tile(0, 273, 112).is_in(70_000) && tile(0, 273, 1).is_in(70_000));
        assert!(!tile(0, 273, 113).is_in(70_000) && !tile(0, 274, 1).is_in(70_000));
        assert!(!tile(2, 0, 1).is_in(65_535) && tile(2, 0, 1).is_in(65_536));
        assert!(!tile(63, 0, 1).is_in(u64::MAX) && !tile(0, u64::MAX, 1).is_in(u64::MAX));
    }

    fn place(number: u64) -> usize {
        usize::try_from(number).unwrap()
    }

    fn leaves(count: u64) -> Vec<Hash> {
        (0..count).map(|leaf| leaf_hash(&leaf.to_be_bytes())).collect()
    }

    /// The tiles that a proof needs, cut from the nodes in memory.
    fn read(nodes: &[Vec<Hash>], index: u64, size: u64) -> Tiles {
        let mut tiles = Tiles::default();
        for tile in Tile::for_proof(index, size) {
            let (from, until) = tile.range();
            let level = &nodes[8 * usize::from(tile.level)];
            tiles.insert(tile, level[place(from)..place(until)].to_vec());
        }
        tiles
    }

    #[test]
    fn a_push_tells_every_complete_node_once() {
        let leaves = leaves(700);
        let nodes = complete_nodes(leaves.clone());
        let mut told: Vec<Vec<Hash>> = vec![Vec::new(); nodes.len()];
        let mut frontier = Frontier::empty();
        for leaf in leaves {
            frontier.push_telling(leaf, |level, index, hash| {
                assert_eq!(told[level as usize].len() as u64, index);
                told[level as usize].push(hash);
            });
        }
        assert_eq!(told[1..], nodes[1..]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]

        #[test]
        fn every_path_is_read_as_it_was_written(level in 0_u8..64, index: u64, width in 1_u16..=256) {
            let tile = Tile { level, index, width };
            prop_assert_eq!(Resource::parse(&tile.path()), Some(Resource::Hashes(tile)));
            let bundle = Tile { level: 0, ..tile };
            prop_assert_eq!(Resource::parse(&bundle.entries_path()), Some(Resource::Entries(bundle)));
        }

        #[test]
        fn any_text_is_a_tile_or_not(text in "[0-9x/.pentris]{0,24}") {
            if let Some(Resource::Hashes(tile)) = Resource::parse(&text) {
                prop_assert_eq!(tile.path(), text);
            }
        }

        #[test]
        fn the_tiles_of_a_proof_suffice(size in 1_u64..70_000, index: u64, old: u64) {
            let (index, old) = (index % size, old % size + 1);
            let leaves = leaves(size);
            let root = |leaves: &[Hash]| {
                let mut frontier = Frontier::empty();
                for leaf in leaves {
                    frontier.push(*leaf);
                }
                frontier.root()
            };
            let (whole, before) = (root(&leaves), root(&leaves[..place(old)]));
            let leaf = leaves[place(index)];
            let nodes = complete_nodes(leaves);

            let tiles = read(&nodes, index, size);
            let tree = tiles.tree(size).unwrap();
            prop_assert_eq!(tree.root(), whole);
            prop_assert!(verify_inclusion(index, size, &leaf, &tree.inclusion(index).unwrap(), &whole));

            let tiles = read(&nodes, old - 1, size);
            let proof = tiles.tree(size).unwrap().consistency(old).unwrap();
            prop_assert!(verify_consistency(old, size, &proof, &before, &whole));
        }
    }
}
