//! Protected figures: how counts leave without telling anything about one child.
//!
//! Two protections. The first is a closed [`lattice`] of cells: only nodes of declared hierarchies, only AND.
//! The second is noise in two layers: one drawn by the pupils in a cell, one by the cell's canonical
//! [name](CellName). The same cell gives the same figure, to everybody, in every form.

mod amount;
pub mod bound;
mod cell;
pub mod cell_id;
pub mod lattice;
mod protect;
mod ptable;
pub mod release;
pub mod snapshot;
pub mod suppress;
#[cfg(test)]
mod tests;

pub use amount::significant;
pub use cell::{CellName, CellNameError};
pub use protect::{
    FiguresRoot, QueryKey, RecordKey, cell_key, cell_key_of_sum, protect, query_key, record_key, round,
    shows_from, sum_record_key,
};
