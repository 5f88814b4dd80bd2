//! Doelpoort.

pub mod config;
