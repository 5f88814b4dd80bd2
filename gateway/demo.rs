//! The demo.

pub mod pki;
pub mod population;
