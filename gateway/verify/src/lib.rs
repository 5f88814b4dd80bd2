//! Bundles of the audit log: made by the gateway, checked by anyone who has the log's public key. The format is
//! [`doelpoort_core::audit::bundle`], the checks are [`doelpoort_core::audit::verify`]; here is what reads and writes
//! the file, and what uses all cores.

mod hand_out;
mod parallel;
mod read;
mod write;

pub use hand_out::{HandOutError, HandOutWriter, verify_hand_out};
pub use parallel::{examine_all, on_all_cores, open_all};
pub use read::{Bundle, ReadError, Reader, Tile, TileEntry, archive, verify, verify_with};
pub use write::{Begin, ShardsWriter, WriteError, Writer};

#[cfg(test)]
mod tests;
