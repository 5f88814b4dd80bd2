//! The store, on both engines.

mod base;
mod deliveries;
mod released;
mod subjects;
mod world;
