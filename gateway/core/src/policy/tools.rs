//! What people use to write, test, read and compare policies. Nothing here decides: all of it asks
//! [`decide`](super::decide), or says in words what it rests on.

pub mod check;
pub mod diff;
pub mod explain;
mod items;
pub mod matrix;
pub mod register;
pub mod schema;
pub mod tables;
mod terms;
mod words;

pub use items::{Item, Use, items};
