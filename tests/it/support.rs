//! The harness: it hides the world from the tests.

pub(crate) mod catalogue;
pub(crate) mod collector;
pub(crate) mod database;
pub(crate) mod dump;
pub(crate) mod fg;
pub(crate) mod lines;
pub(crate) mod load;
pub(crate) mod postgres;
pub(crate) mod process;
pub(crate) mod proxy;
pub(crate) mod world;
