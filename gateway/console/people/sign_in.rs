//! Signing in at the organisation's provider or by a one-time link, signing in anew for what needs it, and out.

use axum::Extension;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use doelpoort_core::text::Language;
use maud::{Markup, html};
use serde::Deserialize;

use super::guard::{SESSION_COOKIE, Visitor};
use super::route::ours;
use super::words::Word;
use super::{Console, Visited};
use crate::console::guard::{Fields, cookie};
use crate::exchange::Trace;
use crate::gateway::{Gateway, Sending, Session, SignInError, SignedIn};
use crate::identity::{ProviderError, Returned, SignIn};

/// The cookie of a browser that is on its way to the provider.
const SIGN_IN_COOKIE: &str = "__Host-doelpoort-sign-in";
/// What each cookie is limited to. `Lax`, not `Strict`: who comes back from the provider comes from another site, and
/// would not be known on the first page. Nothing changes by a GET.
const COOKIE_LIMITS: &str = "Path=/; Secure; HttpOnly; SameSite=Lax";
/// How long a browser remembers that it is on its way, in seconds.
const SIGN_IN_S: u32 = 600;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(in crate::console) struct Asked {
    code: String,
    next: String,
}

/// What comes back with the browser. What the provider says of an error is not shown: it is others' text.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(in crate::console) struct Answered {
    code: String,
    state: String,
    iss: String,
}

pub(in crate::console) async fn show(
    State(gateway): Console,
    Extension(visitor): Visited,
    Query(asked): Query<Asked>,
) -> Response {
    let title = visitor.say(Word::Login);
    let lead = html! { h1 { (title) } p class="lead" { (visitor.say(Word::LoginLead)) } };
    let next = ours(&asked.next);
    let content = if gateway.has_provider() {
        html! { (lead) (to_provider(&visitor, &format!("/login/begin?next={next}"))) }
    } else {
        html! { (lead) (code_form(&visitor, "/login", (&asked.code, next), None)) }
    };
    visitor.page(title, &content)
}

fn to_provider(visitor: &Visitor, address: &str) -> Markup {
    html! {
        div class="card" {
            p { (visitor.say(Word::LoginProvider)) }
            p { a class="button" href=(address) { (visitor.say(Word::LoginAtProvider)) } }
        }
    }
}

fn code_form(visitor: &Visitor, action: &str, (code, next): (&str, &str), wrong: Option<Word>) -> Markup {
    html! {
        @if let Some(wrong) = wrong { div class="message bad" role="alert" { p { (visitor.say(wrong)) } } }
        div class="card" {
            p { (visitor.say(Word::LoginByLink)) }
            form method="post" action=(action) {
                @if visitor.session.is_some() { (visitor.token()) }
                input type="hidden" name="next" value=(next);
                div class="field" {
                    label for="code" { (visitor.say(Word::LoginCode)) }
                    p class="hint" id="code-hint" { (visitor.say(Word::LoginHint)) }
                    input id="code" name="code" value=(code) required autocomplete="one-time-code" autocapitalize="characters" spellcheck="false" aria-describedby="code-hint";
                }
                button { (visitor.say(Word::Login)) }
            }
        }
    }
}

pub(in crate::console) async fn begin(
    State(gateway): Console,
    Extension(visitor): Visited,
    Query(asked): Query<Asked>,
) -> Response {
    leave(&gateway, &visitor, ours(&asked.next), Sending::SignIn).await
}

/// The provider is asked again which roles the person of a session has; the person notices nothing.
pub(in crate::console) async fn begin_again(
    State(gateway): Console,
    Extension(visitor): Visited,
    Query(asked): Query<Asked>,
) -> Response {
    let sending = visitor.session.as_ref().map_or(Sending::SignIn, Sending::RolesOf);
    leave(&gateway, &visitor, ours(&asked.next), sending).await
}

pub(in crate::console) async fn begin_step_up(
    State(gateway): Console,
    Extension(visitor): Visited,
    Query(asked): Query<Asked>,
) -> Response {
    let sending = visitor.session.as_ref().map_or(Sending::SignIn, Sending::StepUp);
    leave(&gateway, &visitor, ours(&asked.next), sending).await
}

/// To the provider.
async fn leave(gateway: &Gateway, visitor: &Visitor, next: &'static str, sending: Sending<'_>) -> Response {
    let begun = gateway.begin_sign_in(next, sending, visitor.visit.received).await;
    match begun {
        Ok((address, begun)) => {
            let cookie = set(SIGN_IN_COOKIE, &begun.cookie(), Some(SIGN_IN_S));
            with_cookies(Redirect::to(&address), [Some(cookie)])
        }
        Err(error) => failed(gateway, visitor, &error),
    }
}

pub(in crate::console) async fn end(
    State(gateway): Console,
    Extension(visitor): Visited,
    headers: HeaderMap,
    Query(answered): Query<Answered>,
) -> Response {
    let begun = cookie(&headers, SIGN_IN_COOKIE).and_then(SignIn::of_cookie);
    let Some(begun) = begun.filter(|begun| begun.state() == answered.state) else {
        return failed(&gateway, &visitor, &SignInError::Unknown);
    };
    let returned = Returned {
        code: &answered.code,
        issuer: &answered.iss,
        is_step_up: false,
    };
    let ended = gateway
        .end_sign_in(&begun, returned, visitor.language, visitor.visit)
        .await;
    let forget = set(SIGN_IN_COOKIE, "", Some(0));
    match ended {
        Ok(signed_in) => arrived(&gateway, &visitor, &signed_in, Some(forget)).await,
        Err(error) => with_cookies(failed(&gateway, &visitor, &error), [Some(forget)]),
    }
}

pub(in crate::console) async fn by_link(
    State(gateway): Console,
    Extension(visitor): Visited,
    Extension(fields): Extension<Fields>,
) -> Response {
    take_link(&gateway, &visitor, &fields, None).await
}

pub(in crate::console) async fn step_up_by_link(
    State(gateway): Console,
    Extension(visitor): Visited,
    Extension(fields): Extension<Fields>,
) -> Response {
    take_link(&gateway, &visitor, &fields, visitor.session.as_ref()).await
}

async fn take_link(
    gateway: &Gateway,
    visitor: &Visitor,
    fields: &Fields,
    step_up: Option<&Session>,
) -> Response {
    let next = ours(fields.one("next"));
    let taken = gateway
        .sign_in_by_link(fields.one("code"), step_up, visitor.language, visitor.visit)
        .await;
    match taken {
        Ok(signed_in) => {
            let signed_in = SignedIn {
                next: next.to_owned(),
                ..signed_in
            };
            arrived(gateway, visitor, &signed_in, None).await
        }
        Err(SignInError::Unknown) => {
            let (title, action) = match step_up {
                None => (Word::Login, "/login"),
                Some(_) => (Word::StepUp, "/step-up"),
            };
            let title = visitor.say(title);
            let form = code_form(visitor, action, ("", next), Some(Word::WrongCode));
            let content = html! { h1 { (title) } (form) };
            (StatusCode::FORBIDDEN, visitor.page(title, &content)).into_response()
        }
        Err(error) => failed(gateway, visitor, &error),
    }
}

/// Signed in: the session before ends, and the page that was asked for follows.
async fn arrived(
    gateway: &Gateway,
    visitor: &Visitor,
    signed_in: &SignedIn,
    forget: Option<String>,
) -> Response {
    if signed_in.cookie.is_some()
        && let Some(before) = &visitor.session
        && let Err(error) = gateway.sign_out(before).await
    {
        tracing::warn!(%error, "the session before could not be ended; it ends by itself");
    }
    let next = match ours(&signed_in.next) {
        "/" if signed_in.is_holder => "/holder",
        "/" if signed_in.is_operator => "/operator",
        next => next,
    };
    let session = signed_in.cookie.as_ref();
    let session = session.map(|value| set(SESSION_COOKIE, value, None));
    with_cookies(Redirect::to(next), [session, forget])
}

pub(in crate::console) async fn show_step_up(
    State(gateway): Console,
    Extension(visitor): Visited,
    Query(asked): Query<Asked>,
) -> Response {
    let title = visitor.say(Word::StepUp);
    let next = ours(&asked.next);
    let content = html! {
        h1 { (title) }
        p class="lead" { (visitor.say(Word::StepUpLead)) }
        @if gateway.has_provider() { (to_provider(&visitor, &format!("/step-up/begin?next={next}"))) }
        @else { (code_form(&visitor, "/step-up", ("", next), None)) }
    };
    visitor.page(title, &content)
}

pub(in crate::console) async fn sign_out(State(gateway): Console, Extension(visitor): Visited) -> Response {
    if let Some(session) = &visitor.session
        && let Err(error) = gateway.sign_out(session).await
    {
        tracing::warn!(%error, "a session could not be ended");
        return visitor.unavailable();
    }
    with_cookies(Redirect::to("/"), [Some(set(SESSION_COOKIE, "", Some(0)))])
}

pub(in crate::console) async fn language(
    State(gateway): Console,
    Extension(visitor): Visited,
    Extension(fields): Extension<Fields>,
) -> Response {
    let language = match fields.one("language") {
        "en" => Language::English,
        _ => Language::Dutch,
    };
    if let Some(session) = &visitor.session
        && let Err(error) = gateway.speak(session, language).await
    {
        tracing::warn!(%error, "the language of a session could not be kept");
        return visitor.unavailable();
    }
    Redirect::to(ours(fields.one("next"))).into_response()
}

/// What is no page. Tells the same to everybody.
pub(in crate::console) async fn missing(State(gateway): Console, headers: HeaderMap, uri: Uri) -> Response {
    nowhere(&gateway, &headers, &uri).problem(StatusCode::NOT_FOUND, Word::Missing)
}

/// A page that is asked for in another way.
pub(in crate::console) async fn wrong_method(
    State(gateway): Console,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    nowhere(&gateway, &headers, &uri).problem(StatusCode::METHOD_NOT_ALLOWED, Word::WrongMethod)
}

/// Somebody whose address leads nowhere, and so may not be written into a page.
fn nowhere(gateway: &Gateway, headers: &HeaderMap, uri: &Uri) -> Visitor {
    Visitor {
        path: "/".to_owned(),
        // What is nowhere leaves no entry.
        ..Visitor::unknown(gateway, Trace::default(), headers, uri)
    }
}

/// Why nobody is signed in. The log lines tell more than the page.
fn failed(gateway: &Gateway, visitor: &Visitor, error: &SignInError) -> Response {
    let (status, word) = match error {
        SignInError::NotThisWay => (StatusCode::NOT_FOUND, Word::NotThisWay),
        SignInError::Unknown => (StatusCode::FORBIDDEN, Word::SignInUnknown),
        SignInError::NoRole => (StatusCode::FORBIDDEN, Word::SignInNoRole),
        SignInError::OtherPerson => (StatusCode::FORBIDDEN, Word::SignInOther),
        SignInError::NoLongerVouched => (StatusCode::FORBIDDEN, Word::SignInNoLonger),
        SignInError::Provider(ProviderError::Unreachable(_) | ProviderError::Metadata(_)) => {
            (StatusCode::BAD_GATEWAY, Word::SignInUnreachable)
        }
        SignInError::Provider(_) => (StatusCode::FORBIDDEN, Word::SignInRefused),
        SignInError::Log(_) | SignInError::Store(_) | SignInError::Internal => {
            (StatusCode::SERVICE_UNAVAILABLE, Word::Unavailable)
        }
    };
    gateway.metrics.unidentified("console-sign-in");
    tracing::warn!(%error, "nobody was signed in at the console");
    visitor.problem(status, word)
}

fn set(name: &str, value: &str, age_s: Option<u32>) -> String {
    let age = age_s.map(|age| format!("; Max-Age={age}")).unwrap_or_default();
    format!("{name}={value}; {COOKIE_LIMITS}{age}")
}

fn with_cookies(
    response: impl axum::response::IntoResponse,
    cookies: impl IntoIterator<Item = Option<String>>,
) -> Response {
    let mut response = response.into_response();
    let values = cookies
        .into_iter()
        .flatten()
        .map(|cookie| HeaderValue::from_str(&cookie));
    for value in values.flatten() {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    response
}
