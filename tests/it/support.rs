//! The harness: it hides the world from the tests.

pub mod catalogue;
pub mod database;
