//! Integration tests: one binary, real databases.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may end where it fails, and says what it skips"
)]

mod store;
mod support;
