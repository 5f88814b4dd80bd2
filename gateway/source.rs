//! Where rows come from. Today: what holders delivered into our own store.

mod delivered;

pub(crate) use delivered::stored_value;
pub use delivered::{Delivered, SourceError};
