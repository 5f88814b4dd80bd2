//! Doelpoort: the shell around `doelpoort-core`. Modules in the order of the request.
//!
//! `doelpoort-core` decides, plans, pseudonymises, protects and formats; this crate does everything that touches the
//! world. `exchange` is the line of a question, `delivery` that of rows, `epoch` the close at which figures are
//! released; only these three know an order, and only `gateway` makes the parts. `witness` is a program of its own: it
//! cosigns the logs of others.

pub mod audit;
pub mod backup;
pub mod cli;
pub mod client;
pub mod clock;
pub mod config;
pub mod console;
pub mod delivery;
pub mod demo;
pub mod epoch;
pub mod exchange;
pub mod fg;
pub mod gateway;
pub mod http;
pub mod identity;
pub mod keys;
pub mod limit;
pub mod log;
pub mod otlp;
mod outside;
pub mod policies;
pub mod process;
pub mod serve;
pub mod source;
pub mod store;
pub mod telemetry;
pub mod tls;
pub mod witness;
