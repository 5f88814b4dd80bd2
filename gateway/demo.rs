//! The demo: everything on one machine, made fresh.

pub mod pki;
