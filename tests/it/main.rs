//! Integration tests: one binary, real databases.

mod log;
mod store;
mod support;
