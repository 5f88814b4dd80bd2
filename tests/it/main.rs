//! Integration tests: one binary, real databases.

mod store;
mod support;
