<<<<<<< HEAD
//! Doelpoort: the shell around `doelpoort-core`. Modules in the order of the request.

pub mod client;
pub mod clock;
<<<<<<< HEAD
pub mod identity;
pub mod keys;
pub mod limit;
pub mod store;
=======
//! Doelpoort.

pub mod demo;
>>>>>>> population
=======
pub mod config;
pub mod demo;
pub mod identity;
pub mod serve;
pub mod store;
pub mod telemetry;
pub mod tls;
>>>>>>> transport
