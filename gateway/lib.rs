//! Doelpoort: the shell around `doelpoort-core`. Modules in the order of the request.

pub mod clock;
pub mod identity;
pub mod keys;
pub mod limit;
pub mod log;
pub mod store;
