//! Bundles of the audit log: made by the gateway, checked by anyone who has the log's public key. The format is
//! [`doelpoort_core::audit::bundle`], the checks are [`doelpoort_core::audit::verify`]; here is what reads and writes
//! the file, and what uses all cores.

mod parallel;
mod read;
mod write;

pub use parallel::{examine_all, open_all};
pub use read::{ReadError, Reader, Tile, TileEntry, archive, verify};
pub use write::{WriteError, Writer};

#[cfg(test)]
mod tests;
