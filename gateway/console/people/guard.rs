//! What stands before each page: the address asks not too often, the name is ours, the session lives, the form came from
//! our own page, and the person has the role.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Redirect, Response};
use doelpoort_core::text::Language;

use super::route::{PeopleNeed, ours};
use super::words::Word;
use crate::console::guard::{Fields, carries, cookie};
use crate::exchange::Trace;
use crate::gateway::{Gateway, Look, Session, Visit};
use crate::http::Language as Preferred;
use crate::serve::Peer;

/// The cookie of a session. `__Host-`: of this host alone, over TLS alone, and nobody else's to set (RFC 6265bis).
pub(super) const SESSION_COOKIE: &str = "__Host-doelpoort";

/// Who asks, for the pages.
#[derive(Clone)]
pub(super) struct Visitor {
    /// The session, where there is one.
    pub(super) session: Option<Session>,
    /// What each form must carry; empty without a session.
    pub(super) csrf: String,
    pub(super) language: Language,
    /// The path that was asked for.
    pub(super) path: String,
    /// The request.
    pub(super) visit: Visit,
}

impl Visitor {
    /// Somebody of whom nothing is known yet.
    pub(super) fn unknown(gateway: &Gateway, trace: Trace, headers: &HeaderMap, uri: &Uri) -> Self {
        let visit = Visit {
            trace,
            received: gateway.now(),
        };
        Self {
            session: None,
            csrf: String::new(),
            language: language_of(headers, uri),
            path: uri.path().to_owned(),
            visit,
        }
    }
}

/// Lets a request through to its page, or says why not.
pub(super) async fn guard(
    State((gateway, need)): State<(Arc<Gateway>, PeopleNeed)>,
    request: Request,
    next: Next,
) -> Response {
    // Every request has one; were there none, its entries would only be harder to find.
    let trace = request.extensions().get::<Trace>().copied().unwrap_or_default();
    let mut visitor = Visitor::unknown(&gateway, trace, request.headers(), request.uri());
    let host = host_of(request.headers(), request.uri());
    if let Err((status, word)) = check_address(&gateway, &request, host.as_deref()) {
        return visitor.problem(status, word);
    }
    if let Some(value) = cookie(request.headers(), SESSION_COOKIE) {
        match gateway.session(value, visitor.visit.received).await {
            Ok(Some(session)) => {
                visitor.csrf = Session::csrf(value);
                visitor.language = session.language;
                visitor.session = Some(session);
            }
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(%error, "sessions of the console cannot be read");
                return visitor.unavailable();
            }
        }
    }
    let (mut parts, body) = request.into_parts();
    let mut fields = Fields::default();
    if parts.method == Method::POST {
        let Some(read) = Fields::read(Request::from_parts(parts.clone(), body)).await else {
            return visitor.problem(StatusCode::BAD_REQUEST, Word::BadForm);
        };
        fields = read;
        let is_own = is_from_our_page(&parts.headers, host.as_deref());
        if !is_own || (visitor.session.is_some() && !carries(&fields, &visitor.csrf)) {
            return visitor.problem(StatusCode::FORBIDDEN, Word::ForeignForm);
        }
    }
    let fills_form = parts.method == Method::POST;
    match admitted(&visitor, need, fills_form) {
        Ok(()) => {}
        Err(NotHere::Elsewhere(to)) => return Redirect::to(&to).into_response(),
        Err(NotHere::NotTheirs(look)) => return not_theirs(&gateway, &visitor, look).await,
    }
    parts.extensions.insert(visitor);
    parts.extensions.insert(fields);
    next.run(Request::from_parts(parts, axum::body::Body::empty()))
        .await
}

/// Why a visitor does not get a page.
enum NotHere {
    /// First another, with this address: to sign in, or anew.
    Elsewhere(String),
    /// It is for another role.
    NotTheirs(Look),
}

fn admitted(visitor: &Visitor, need: PeopleNeed, fills_form: bool) -> Result<(), NotHere> {
    let elsewhere = |place: &str| {
        let to = format!("{place}?next={}", ours(&visitor.path));
        Err(NotHere::Elsewhere(to))
    };
    let session = match (need, &visitor.session) {
        (PeopleNeed::Nothing, _) => return Ok(()),
        (_, None) => return elsewhere("/login"),
        (_, Some(session)) => session,
    };
    if session.is_to_be_asked_for(visitor.visit.received, fills_form) {
        return elsewhere("/login/again");
    }
    match need {
        PeopleNeed::Nothing | PeopleNeed::Session => {}
        PeopleNeed::Holder | PeopleNeed::HolderSteppedUp if session.holder.is_some() => {}
        PeopleNeed::Operator if session.operator => {}
        PeopleNeed::Holder | PeopleNeed::HolderSteppedUp => return Err(NotHere::NotTheirs(Look::Holder)),
        PeopleNeed::Operator => return Err(NotHere::NotTheirs(Look::Operator)),
    }
    if need == PeopleNeed::HolderSteppedUp && !session.stepped_up() {
        return elsewhere("/step-up");
    }
    Ok(())
}

/// Told only once the log has it.
async fn not_theirs(gateway: &Gateway, visitor: &Visitor, look: Look) -> Response {
    if let Some(session) = &visitor.session
        && let Err(error) = gateway.log_refused_look(session, look, visitor.visit).await
    {
        tracing::warn!(%error, "a refused look cannot be logged");
        return visitor.unavailable();
    }
    visitor.problem(StatusCode::FORBIDDEN, Word::NotYours)
}

/// Each address at its rate, and by our own name: another that leads here is somebody's trick.
fn check_address(gateway: &Gateway, request: &Request, host: Option<&str>) -> Result<(), (StatusCode, Word)> {
    // Without a connection nobody asks.
    let peer = request.extensions().get::<Peer>();
    let address = peer.map(|peer| peer.address.ip());
    let checked = address.map(|address| gateway.limits.check_address(address));
    match checked {
        Some(Ok(_)) => {}
        Some(Err(_)) => {
            gateway.metrics.unidentified("rate-limited");
            return Err((StatusCode::TOO_MANY_REQUESTS, Word::TooMany));
        }
        None => return Err((StatusCode::INTERNAL_SERVER_ERROR, Word::Unavailable)),
    }
    let own = gateway.config.console.url.strip_prefix("https://");
    match (own, host) {
        (Some(own), Some(host)) if own == host => Ok(()),
        (None, Some(_)) => Ok(()),
        _ => Err((StatusCode::MISDIRECTED_REQUEST, Word::WrongHost)),
    }
}

/// The name that the browser called; over HTTP/2 it stands in the address.
fn host_of(headers: &HeaderMap, uri: &Uri) -> Option<String> {
    let named = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    named
        .or_else(|| uri.authority().map(axum::http::uri::Authority::as_str))
        .map(str::to_owned)
}

/// A form of another site is not ours. A browser always says where a form comes from.
fn is_from_our_page(headers: &HeaderMap, host: Option<&str>) -> bool {
    let origin = headers
        .get(header::ORIGIN)
        .and_then(|origin| origin.to_str().ok());
    let named = origin.and_then(|origin| origin.strip_prefix("https://"));
    named.is_some() && named == host
}

/// What the address asks for, or else the browser.
fn language_of(headers: &HeaderMap, uri: &Uri) -> Language {
    let asked = uri.query().unwrap_or_default().split('&').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        (name == "language").then_some(value)
    });
    match asked {
        Some("nl") => Language::Dutch,
        Some("en") => Language::English,
        _ => Preferred::of(headers).into(),
    }
}
