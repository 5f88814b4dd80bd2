//! Doelpoort: the shell around `doelpoort-core`. Modules in the order of the request.

pub mod clock;
pub mod store;
