//! The console: what people see in a browser. Two processes serve it, with one look.
//!
//! The gateway's own listener (`people`) is for everybody, for holders and for operators; it holds nobody's private key.
//! The console of the data protection officer (FG) ([`fg`]) runs on the FG's machine (`doelpoort console`), holds the
//! FG's keys, and talks to the exchange as the FG's program: each look is in the log before anything is shown.

mod assets;
mod chart;
pub mod fg;
mod filter;
mod guard;
mod headers;
mod held;
mod names;
mod page;
mod pages;
mod people;
mod route;
mod say;
mod session;
mod words;

use std::sync::Arc;

use axum::Router;

use crate::gateway::Gateway;

pub use fg::{Fg, FgConsole};
pub use people::{PEOPLE_ROUTES, PeopleNeed, PeopleRoute};
pub use route::{Need, ROUTES, Route, Verb};
pub use session::{Terminal, Told};

/// The routes of the gateway's own console listener.
pub fn routes(gateway: &Arc<Gateway>) -> Router {
    people::routes(gateway)
}
