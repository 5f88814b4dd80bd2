//! What people use to write, test, read and compare policies. Nothing here decides: all of it asks
//! [`decide`](super::decide).

pub mod tables;
