//! The store, on both engines.

mod base;
mod canonical;
mod deliveries;
mod kept;
mod links;
mod merges;
mod released;
mod subjects;
mod world;
