//! A browser without a window: it keeps cookies, sends forms from our own page, and carries their token.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request};
use data_encoding::HEXUPPER;
use doelpoort::gateway::Session;
use doelpoort::identity::IdentityError;
use doelpoort::serve::Peer;
use tower::ServiceExt as _;

use super::HOST;
use crate::support::world::World;

const BODY_BYTES_MAX: usize = 4 * 1_024 * 1_024;
/// The cookie of a session.
const SESSION: &str = "__Host-doelpoort";

pub(super) struct Browser {
    routes: Router,
    /// The cookies, `name=value`.
    pub(super) cookies: Vec<String>,
}

/// What came back.
pub(super) struct Page {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    body: Vec<u8>,
}

impl Page {
    pub(super) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Where it leads.
    pub(super) fn to(&self) -> &str {
        self.header("location")
    }

    /// The cookies that it sets, with their limits.
    pub(super) fn cookies(&self) -> Vec<&str> {
        let all = self.headers.get_all("set-cookie").iter();
        all.map(|value| value.to_str().unwrap()).collect()
    }
}

impl Browser {
    pub(super) fn new(world: &World) -> Self {
        Self {
            routes: doelpoort::http::listeners(&world.gateway).console,
            cookies: Vec::new(),
        }
    }

    /// Keeps the cookies of an answer, as a browser does.
    pub(super) fn keep(&mut self, page: &Page) {
        for cookie in page.cookies() {
            let pair = cookie.split(';').next().unwrap();
            let name = pair.split('=').next().unwrap();
            self.cookies.retain(|kept| kept.split('=').next() != Some(name));
            if !cookie.contains("Max-Age=0") {
                self.cookies.push(pair.to_owned());
            }
        }
    }

    /// What a form of the session carries.
    pub(super) fn csrf(&self) -> String {
        let value = self.cookies.iter().find_map(|cookie| {
            let (name, value) = cookie.split_once('=')?;
            (name == SESSION).then_some(value)
        });
        value.map(Session::csrf).unwrap_or_default()
    }

    /// Any request; the body is a form.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> Page {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers.iter().filter(|(_, value)| !value.is_empty()) {
            request = request.header(*name, *value);
        }
        let peer = Peer {
            address: "192.0.2.1:50000".parse().unwrap(),
            certificate: Err(IdentityError::CertificateMissing),
        };
        let request = request.extension(peer).body(Body::from(body)).unwrap();
        let response = self.routes.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        Page {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: to_bytes(body, BODY_BYTES_MAX).await.unwrap().to_vec(),
        }
    }

    pub(super) async fn get(&self, path: &str) -> Page {
        let cookies = self.cookies.join("; ");
        let headers = [("host", HOST), ("cookie", cookies.as_str())];
        self.send(Method::GET, path, &headers, String::new()).await
    }

    pub(super) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        let (origin, cookies) = (format!("https://{HOST}"), self.cookies.join("; "));
        let headers = [
            ("host", HOST),
            ("origin", origin.as_str()),
            ("cookie", cookies.as_str()),
            ("content-type", "application/x-www-form-urlencoded"),
        ];
        let csrf = self.csrf();
        let csrf = [("csrf", csrf.as_str())];
        let body = form(csrf.iter().chain(fields).copied());
        self.send(Method::POST, path, &headers, body).await
    }
}

/// Fields as a form has them.
pub(super) fn form<'f>(fields: impl Iterator<Item = (&'f str, &'f str)>) -> String {
    let encoded = |text: &str| {
        let bytes: Vec<String> = text.bytes().map(|byte| HEXUPPER.encode(&[byte])).collect();
        bytes.iter().fold(String::new(), |all, byte| all + "%" + byte)
    };
    let pairs: Vec<_> = fields
        .map(|(name, value)| format!("{name}={}", encoded(value)))
        .collect();
    pairs.join("&")
}
