//! Every page of the gateway's own console, with what it needs. A page that is not in this table does not exist.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{MethodRouter, get, post};

use super::{guard, holder, inbox, operator, public, sign_in, stop};
use crate::console::{Verb, assets, headers};
use crate::gateway::Gateway;

/// Bytes of a form.
const FORM_BYTES_MAX: usize = 16 * 1_024;

/// What a page needs of who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeopleNeed {
    /// Nothing: anybody may see it.
    Nothing,
    /// Somebody who is signed in.
    Session,
    /// Somebody who speaks for a holder; they see their own organisation's affairs.
    Holder,
    /// The same, signed in anew not long ago: it changes something for all.
    HolderSteppedUp,
    /// An operator.
    Operator,
}

/// A page.
#[derive(Clone, Copy, Debug)]
pub struct PeopleRoute {
    /// How it is asked for.
    pub verb: Verb,
    /// Where it is.
    pub path: &'static str,
    /// What it needs.
    pub need: PeopleNeed,
    handler: fn() -> MethodRouter<Arc<Gateway>>,
}

macro_rules! routes {
    ($($method:ident $path:literal $need:ident $handler:path,)*) => {
        /// All pages of the gateway's own console.
        pub const PEOPLE_ROUTES: &[PeopleRoute] = &[$(PeopleRoute {
            verb: routes!(@name $method),
            path: $path,
            need: PeopleNeed::$need,
            handler: || $method($handler),
        },)*];
    };
    (@name get) => { Verb::Get };
    (@name post) => { Verb::Post };
}

routes! {
    get "/style.css" Nothing assets::style,
    get "/script.js" Nothing assets::script,
    get "/icon.svg" Nothing assets::icon,
    get "/" Nothing public::show,
    get "/login" Nothing sign_in::show,
    post "/login" Nothing sign_in::by_link,
    get "/login/begin" Nothing sign_in::begin,
    get "/login/again" Nothing sign_in::begin_again,
    get "/login/return" Nothing sign_in::end,
    post "/logout" Session sign_in::sign_out,
    post "/language" Session sign_in::language,
    get "/step-up" Holder sign_in::show_step_up,
    get "/step-up/begin" Holder sign_in::begin_step_up,
    post "/step-up" Holder sign_in::step_up_by_link,
    get "/holder" Holder holder::grants,
    get "/holder/requests" Holder holder::requests,
    get "/holder/inbox" Holder inbox::show,
    get "/holder/stop" HolderSteppedUp stop::ask,
    post "/holder/stop" HolderSteppedUp stop::withdraw,
    get "/operator" Operator operator::show,
}

/// The page that somebody may be sent to after signing in: one of ours that shows something; the first for anything else.
pub(super) fn ours(path: &str) -> &'static str {
    let leads = |route: &&PeopleRoute| {
        let shows = route.path.starts_with("/holder") || route.path == "/operator";
        route.verb == Verb::Get && shows && route.path == path
    };
    PEOPLE_ROUTES.iter().find(leads).map_or("/", |route| route.path)
}

/// The pages, each behind its need.
pub(in crate::console) fn router(gateway: &Arc<Gateway>) -> Router {
    let mut router = Router::new();
    for route in PEOPLE_ROUTES {
        let before = (Arc::clone(gateway), route.need);
        let handler = (route.handler)().layer(from_fn_with_state(before, guard::guard));
        router = router.route(route.path, handler);
    }
    router
        .fallback(sign_in::missing)
        .method_not_allowed_fallback(sign_in::wrong_method)
        .layer(DefaultBodyLimit::max(FORM_BYTES_MAX))
        .layer(from_fn(headers::over_tls))
        .with_state(Arc::clone(gateway))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leads_elsewhere() {
        for path in [
            "",
            "//evil.example",
            "https://evil.example",
            "/\\evil.example",
            "/holder/../x",
            "/holder?x",
            "/login",
            "/style.css",
            "/logout",
            "javascript:alert(1)",
        ] {
            assert_eq!(ours(path), "/", "{path}");
        }
        for path in ["/holder", "/holder/stop", "/operator"] {
            assert_eq!(ours(path), path);
        }
    }
}
