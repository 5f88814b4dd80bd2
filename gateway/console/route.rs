//! Every page, with what it needs. A page that is not in this table does not exist.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{MethodRouter, get, post};

use super::fg::FgConsole;
use super::pages::{
    access, alerts, approval, breach_scope, breaches, entry, integrity, log, login, matrix, month, overview,
    policies, purposes, requests, review_signing, reviews, staff,
};
use super::{assets, guard, headers};

/// Bytes of a form.
const FORM_BYTES_MAX: usize = 64 * 1_024;

/// What a page needs of who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Nothing: it shows nothing of the log.
    Nothing,
    /// A session: it shows the public part of the log.
    Session,
    /// A session and the second code, with a reason and a case: it opens private parts, or takes data out.
    SecondCode,
}

/// A page.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// How it is asked for.
    pub verb: Verb,
    /// Where it is.
    pub path: &'static str,
    /// What it needs.
    pub need: Need,
    handler: fn() -> MethodRouter<Arc<FgConsole>>,
}

/// `GET` or `POST`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Reads.
    Get,
    /// Changes something, or searches by person.
    Post,
}

macro_rules! routes {
    ($($method:ident $path:literal $need:ident $handler:path,)*) => {
        /// All pages of the FG's console.
        pub const ROUTES: &[Route] = &[$(
            Route { verb: routes!(@name $method), path: $path, need: Need::$need, handler: || $method($handler) },
        )*];
    };
    (@name get) => { Verb::Get };
    (@name post) => { Verb::Post };
}

routes! {
    get "/style.css" Nothing assets::style,
    get "/script.js" Nothing assets::script,
    get "/icon.svg" Nothing assets::icon,
    get "/login" Nothing login::show,
    post "/login" Nothing login::begin,
    post "/login/code" Nothing login::code,
    post "/language" Nothing login::language,
    post "/logout" Session login::end,
    get "/step-up" Session login::show_step_up,
    post "/step-up" Session login::step_up,
    post "/step-up/code" Session login::step_up_code,
    get "/" Session overview::show,
    get "/log" Session log::show,
    post "/log/export" SecondCode log::export,
    get "/log/{index}" Session entry::show,
    get "/log/{index}/proof" Session entry::proof,
    post "/log/{index}/open" SecondCode entry::open,
    get "/integrity" Session integrity::show,
    post "/integrity/check" Session integrity::check,
    get "/integrity/bundle" Session integrity::bundle,
    get "/integrity/certificate" Session integrity::certificate,
    get "/access" SecondCode access::ask,
    post "/access" SecondCode access::answer,
    get "/access/letter" SecondCode access::letter,
    get "/access/hand-out/{shard}" SecondCode access::hand_out,
    get "/staff" SecondCode staff::ask,
    post "/staff" SecondCode staff::answer,
    get "/requests" Session requests::list,
    post "/requests" Session requests::add,
    get "/requests/{id}" Session requests::show,
    post "/requests/{id}/{what}" Session requests::change,
    get "/reviews" Session reviews::list,
    post "/reviews" SecondCode reviews::announce,
    post "/reviews/pick" Session reviews::pick,
    get "/reviews/{id}" Session reviews::show,
    post "/reviews/{id}/draw" Session reviews::draw,
    post "/reviews/{id}/sign-off" Session reviews::sign_off,
    post "/reviews/{id}/close" SecondCode review_signing::close,
    get "/reviews/{id}/result" Session review_signing::result,
    get "/reviews/{id}/draft" Session review_signing::draft,
    post "/reviews/{id}/signature" Session review_signing::signature,
    get "/breaches" Session breaches::list,
    post "/breaches" Session breaches::add,
    get "/breaches/{id}" Session breaches::show,
    get "/breaches/{id}/file" Session breach_scope::dossier,
    post "/breaches/{id}/scope" SecondCode breach_scope::ask,
    post "/breaches/{id}/{what}" Session breaches::change,
    get "/alerts" Session alerts::show,
    get "/purposes" Session purposes::list,
    get "/purposes/{id}" Session purposes::show,
    get "/purposes/{id}/changes/{index}" Session policies::changes,
    get "/purposes/{id}/approve" Session approval::show,
    post "/purposes/{id}/approve" SecondCode approval::verify,
    get "/proposal" Session policies::proposal,
    post "/proposal" SecondCode policies::simulate,
    get "/register/{form}" Session policies::export_register,
    get "/matrix" Session matrix::show,
    get "/month/{month}" Session month::show,
}

/// The pages, each behind its need.
pub(super) fn router(console: Arc<FgConsole>) -> Router {
    let mut router = Router::new();
    for route in ROUTES {
        let before = (Arc::clone(&console), route.need);
        let handler = (route.handler)().layer(from_fn_with_state(before, guard::guard));
        router = router.route(route.path, handler);
    }
    router
        .fallback(login::missing)
        .layer(DefaultBodyLimit::max(FORM_BYTES_MAX))
        .layer(from_fn(headers::on_loopback))
        .with_state(console)
}
