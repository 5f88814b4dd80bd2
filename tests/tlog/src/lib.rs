//! Our log as other people's code reads it.

use std::cell::RefCell;
use std::path::PathBuf;

use tlog_tiles::tile::{Tile, TileReader};
use tlog_tiles::tlog::Error;

/// The height of the tiles of C2SP tlog-tiles.
pub const HEIGHT: u8 = 8;

/// The files that `write.rs` wrote, one tile of them damaged if `damaged` is so.
pub struct Files {
    pub folder: PathBuf,
    pub damaged: bool,
    pub read: RefCell<usize>,
}

impl Files {
    pub fn new(damaged: bool) -> Self {
        let folder = std::env::var_os("TLOG_DIR").expect("TLOG_DIR: the folder that `write.rs` wrote");
        Self {
            folder: folder.into(),
            damaged,
            read: RefCell::new(0),
        }
    }

    pub fn text(&self, path: &str) -> String {
        std::fs::read_to_string(self.folder.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// The exact bytes of an entry, from its bundle.
    pub fn entry(&self, index: u64, size: u64) -> Vec<u8> {
        let mut tile = Tile::new(HEIGHT, 0, index / 256, width(index / 256, size), true);
        tile.set_is_data();
        let bundle = std::fs::read(self.folder.join("log").join(path(&tile))).unwrap();
        let mut rest = bundle.as_slice();
        for _ in 0..index % 256 {
            rest = &rest[2 + usize::from(u16::from_be_bytes([rest[0], rest[1]]))..];
        }
        rest[2..2 + usize::from(u16::from_be_bytes([rest[0], rest[1]]))].to_vec()
    }
}

/// The width of a tile of level 0.
fn width(tile: u64, size: u64) -> u32 {
    u32::try_from((size - tile * 256).min(256)).unwrap()
}

/// Go's paths have the height in them; those of C2SP do not.
fn path(tile: &Tile) -> String {
    tile.path()
        .replacen("tile/8/", "tile/", 1)
        .replacen("tile/data/", "tile/entries/", 1)
}

impl TileReader for Files {
    fn height(&self) -> u8 {
        HEIGHT
    }

    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, Error> {
        let read = |tile: &Tile| {
            *self.read.borrow_mut() += 1;
            let file = self.folder.join("log").join(path(tile));
            let mut bytes =
                std::fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            if self.damaged && tile.level() == 0 {
                bytes[0] ^= 1;
            }
            bytes
        };
        Ok(tiles.iter().map(read).collect())
    }

    fn save_tiles(&self, _: &[Tile], _: &[Vec<u8>]) {}
}
