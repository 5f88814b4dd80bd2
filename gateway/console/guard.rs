//! What stands before each page: the address is ours, the session lives, the form came from our own page.

use std::sync::Arc;

use axum::Form;
use axum::extract::{FromRequest as _, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use doelpoort_core::policy::sha256;
use doelpoort_core::text::Language;

use super::fg::FgConsole;
use super::page;
use super::route::Need;
use super::session::{Id, Why};
use super::words::Word;

/// Who asks, for the pages.
#[derive(Clone)]
pub(super) struct Visit {
    /// The session, where there is one.
    pub(super) session: Option<Id>,
    /// What each form must carry.
    pub(super) csrf: String,
    pub(super) language: Language,
    /// The path that was asked for.
    pub(super) path: String,
    /// Why private data are looked at; there where the second code counts.
    pub(super) why: Option<Why>,
}

/// The fields of a form, in their order.
#[derive(Clone, Default)]
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Those of a request's body; none where it is no form.
    pub(super) async fn read(request: Request) -> Option<Self> {
        let form = Form::<Vec<(String, String)>>::from_request(request, &()).await;
        form.ok().map(|Form(read)| Self(read))
    }

    /// The first of this name, without the space around it; empty where there is none.
    pub(super) fn one(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(key, _)| key == name);
        found.map_or("", |(_, value)| value.trim())
    }

    /// All of this name.
    pub(super) fn all<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f str> {
        let named = self.0.iter().filter(move |(key, _)| key == name);
        named.map(|(_, value)| value.trim())
    }
}

/// Lets a request through to its page, or says why not.
pub(super) async fn guard(
    State((console, need)): State<(Arc<FgConsole>, Need)>,
    request: Request,
    next: Next,
) -> Response {
    let now = console.now();
    let headers = request.headers();
    if !is_ours(headers, &console.hosts) {
        return (
            StatusCode::MISDIRECTED_REQUEST,
            "this is not the address of the console\n",
        )
            .into_response();
    }
    let session =
        cookie(headers, &console.sessions.cookie).and_then(|value| console.sessions.find(value, now));
    let mut visit = Visit {
        session: session.as_ref().map(|(id, _)| *id),
        csrf: String::new(),
        language: Language::default(),
        path: request.uri().path().to_owned(),
        why: None,
    };
    if let Some((_, session)) = &session {
        session.csrf.clone_into(&mut visit.csrf);
        visit.language = session.language;
        visit.why = session.why(now).cloned();
    }
    let is_post = request.method() == Method::POST;
    let (mut parts, body) = request.into_parts();
    let mut fields = Fields::default();
    if is_post {
        let Some(read) = Fields::read(Request::from_parts(parts.clone(), body)).await else {
            return page::problem(&visit, StatusCode::BAD_REQUEST, Word::BadForm);
        };
        fields = read;
        if !is_from_our_page(&parts.headers, &console.hosts)
            || (session.is_some() && !carries(&fields, &visit.csrf))
        {
            return page::problem(&visit, StatusCode::FORBIDDEN, Word::ForeignForm);
        }
    }
    match need {
        Need::Session | Need::SecondCode if visit.session.is_none() => {
            return Redirect::to("/login").into_response();
        }
        Need::SecondCode if visit.why.is_none() => {
            let back = if is_post { "/" } else { visit.path.as_str() };
            return Redirect::to(&format!("/step-up?next={back}")).into_response();
        }
        Need::Nothing | Need::Session | Need::SecondCode => {}
    }
    parts.extensions.insert(visit);
    parts.extensions.insert(fields);
    next.run(Request::from_parts(parts, axum::body::Body::empty()))
        .await
}

/// The name that the browser called: another name that leads here is somebody's trick (DNS rebinding).
fn is_ours(headers: &HeaderMap, hosts: &[String; 2]) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    host.is_some_and(|host| hosts.iter().any(|ours| ours == host))
}

/// A form of another site, or of another program on this machine, is not ours. A browser always says where it comes from.
fn is_from_our_page(headers: &HeaderMap, hosts: &[String; 2]) -> bool {
    let origin = headers
        .get(header::ORIGIN)
        .and_then(|origin| origin.to_str().ok());
    origin
        .and_then(|origin| origin.strip_prefix("http://"))
        .is_some_and(|origin| hosts.iter().any(|ours| ours == origin))
}

/// Whether a form has the session's token.
pub(super) fn carries(fields: &Fields, csrf: &str) -> bool {
    // Of digests: how long it takes tells nothing of the token.
    sha256(fields.one("csrf").as_bytes()) == sha256(csrf.as_bytes())
}

/// The value of a cookie.
pub(super) fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}
