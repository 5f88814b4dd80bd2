//! Where rows come from. Today: what holders delivered into our own store.

mod delivered;

pub use delivered::{Delivered, RECORDS_ROWS_MAX, SourceError};
