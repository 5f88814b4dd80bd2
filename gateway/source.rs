//! Where rows come from. Today: what holders delivered into our own store.

mod completeness;
mod delivered;
mod snapshot;

pub(crate) use completeness::completeness;
pub(crate) use delivered::stored_value;
pub use delivered::{Delivered, SourceError};
pub(crate) use snapshot::{Census, freeze};
