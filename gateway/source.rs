//! Where rows come from. Today: what holders delivered into our own store.

mod delivered;

pub use delivered::{Delivered, SourceError};
pub(crate) use delivered::{derived_from, stored_value};
