//! The store, on both engines.

mod base;
mod canonical;
mod deliveries;
mod kept;
mod released;
mod subjects;
mod world;
