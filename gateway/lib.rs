//! Doelpoort: the shell around `doelpoort-core`. Modules in the order of the request.

pub mod cli;
pub mod clock;
pub mod policies;
pub mod store;
