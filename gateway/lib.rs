//! Doelpoort.

pub mod demo;
