//! Doelpoort: the shell around `doelpoort-core`. Modules in the order of the request.

pub mod cli;
pub mod client;
pub mod clock;
pub mod config;
pub mod demo;
pub mod identity;
pub mod keys;
pub mod limit;
pub mod log;
pub mod policies;
pub mod serve;
pub mod store;
pub mod telemetry;
pub mod tls;
