//! Cells and tables as an attacker keeps them.

use std::collections::HashMap;

/// How many dimensions the laboratory has.
pub const DIMENSIONS: usize = 11;

/// The dimensions, by their place in a cell.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(usize)]
pub enum Dimension {
    /// Where: all, a quarter or a block.
    Place,
    /// Whether the pupil is the one that is alone in a binary split of its block.
    Lone,
    /// Attributes that half of the pupils have.
    First,
    /// The second of them.
    Second,
    /// The third of them.
    Third,
    /// An attribute that nearly all of some blocks have.
    Fourth,
    /// One of two that split a block in parts.
    Fifth,
    /// The other.
    Sixth,
    /// Six kinds, from frequent to rare.
    Kind,
    /// Eight bands.
    Band,
    /// Sensitive: who receives care.
    Care,
}

/// All pupils, for any dimension.
pub const ALL: u16 = 0;
/// The code of yes in a dimension of two.
pub const YES: u16 = 1;
/// The code of no.
pub const NO: u16 = 2;
/// The first block's code in [`Dimension::Place`]; quarters are below it.
pub const BLOCKS_FROM: u16 = 1_000;

/// One code in each dimension; [`ALL`] where it is not crossed.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Cell([u16; DIMENSIONS]);

impl Cell {
    /// Everybody.
    pub fn all() -> Self {
        Self::default()
    }

    /// The same, within one node of a dimension; [`ALL`] leaves the dimension.
    #[must_use]
    pub fn with(mut self, dimension: Dimension, code: u16) -> Self {
        if let Some(place) = self.0.get_mut(dimension as usize) {
            *place = code;
        }
        self
    }

    /// The code in a dimension.
    pub fn code(&self, dimension: Dimension) -> u16 {
        self.0.get(dimension as usize).copied().unwrap_or(ALL)
    }

    /// A number for the cell, to key noise by.
    pub fn hash(&self) -> u64 {
        self.0
            .iter()
            .fold(0, |hash, code| crate::random::mix(hash ^ u64::from(*code)))
    }
}

/// What is published of an epoch: figures that are shown. What is not in it is hidden.
pub type Table = HashMap<Cell, i64>;

/// A block's place.
pub fn block(number: usize) -> u16 {
    BLOCKS_FROM + u16::try_from(number).unwrap_or(u16::MAX - BLOCKS_FROM)
}

/// A quarter's place.
pub fn quarter(number: usize) -> u16 {
    1 + u16::try_from(number).unwrap_or(0)
}
