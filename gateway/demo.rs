//! The demo: a gateway on loopback with a synthetic city of pupils.

pub mod population;
