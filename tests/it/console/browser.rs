//! A browser without a window: it keeps cookies, sends forms from our own page, and carries their token.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request};
use doelpoort::console::FgConsole;
use tower::ServiceExt as _;

use super::ADDRESS;

const BODY_BYTES_MAX: usize = 16 * 1_024 * 1_024;

pub(super) struct Browser {
    pub(super) console: Arc<FgConsole>,
    routes: Router,
    printed: Arc<Mutex<String>>,
    pub(super) cookie: String,
    pub(super) csrf: String,
    /// The FG's folder, with the cases.
    pub(super) folder: tempfile::TempDir,
}

/// What came back.
pub(super) struct Page {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
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
}

impl Browser {
    pub(super) fn new(
        console: Arc<FgConsole>,
        printed: Arc<Mutex<String>>,
        folder: tempfile::TempDir,
    ) -> Self {
        Self {
            routes: Arc::clone(&console).routes(),
            console,
            printed,
            cookie: String::new(),
            csrf: String::new(),
            folder,
        }
    }

    /// What the terminal printed last.
    pub(super) fn code(&self) -> String {
        self.printed.lock().unwrap().clone()
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
        let response = self
            .routes
            .clone()
            .oneshot(request.body(Body::from(body)).unwrap())
            .await
            .unwrap();
        let (parts, body) = response.into_parts();
        Page {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: to_bytes(body, BODY_BYTES_MAX).await.unwrap().to_vec(),
        }
    }

    pub(super) async fn get(&self, path: &str) -> Page {
        let headers = [("host", ADDRESS), ("cookie", self.cookie.as_str())];
        self.send(Method::GET, path, &headers, String::new()).await
    }

    pub(super) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        let origin = format!("http://{ADDRESS}");
        let mut pairs = vec![format!("csrf={}", self.csrf)];
        let encoded = |text: &str| {
            text.bytes().fold(String::new(), |mut encoded, byte| {
                // Writing to a `String` cannot fail.
                let _ = write!(encoded, "%{byte:02X}");
                encoded
            })
        };
        pairs.extend(
            fields
                .iter()
                .map(|(name, value)| format!("{name}={}", encoded(value))),
        );
        let headers = [
            ("host", ADDRESS),
            ("origin", origin.as_str()),
            ("cookie", self.cookie.as_str()),
            ("content-type", "application/x-www-form-urlencoded"),
        ];
        self.send(Method::POST, path, &headers, pairs.join("&")).await
    }

    /// Signs in with the code of the terminal.
    pub(super) async fn sign_in(&mut self) {
        self.console.offer_login();
        let code = self.code();
        let page = self.post("/login", &[("code", &code)]).await;
        assert_eq!((page.status, page.to()), (303, "/"), "{}", page.text());
        let cookie = page.header("set-cookie");
        assert!(
            cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict"),
            "{cookie}"
        );
        self.cookie = cookie.split(';').next().unwrap().to_owned();
        let page = self.get("/").await.text();
        let token = page.split("name=\"csrf\" value=\"").nth(1).unwrap();
        self.csrf = token.split('"').next().unwrap().to_owned();
    }

    /// What a form of a page carries.
    pub(super) async fn hidden(&self, path: &str, name: &str) -> String {
        let page = self.get(path).await.text();
        let value = page.split(&format!("name=\"{name}\" value=\"")).nth(1);
        let value = value.unwrap_or_else(|| panic!("{path} has no `{name}`: {page}"));
        value.split('"').next().unwrap().to_owned()
    }

    /// Sends a form about a case, made of the page as it is now; where it leads.
    pub(super) async fn change(&self, case: &str, what: &str, fields: &[(&str, &str)]) -> Page {
        let revision = self.hidden(case, "revision").await;
        let fields = [&[("revision", revision.as_str())], fields].concat();
        self.post(&format!("{case}/{what}"), &fields).await
    }

    /// Says why, with the second code.
    pub(super) async fn step_up(&self) {
        self.post("/step-up/code", &[]).await;
        let code = self.code();
        let fields = [
            ("reason", "subject-access"),
            ("case", "2026-17"),
            ("code", code.as_str()),
        ];
        let page = self.post("/step-up", &fields).await;
        assert_eq!(page.status, 303, "{}", page.text());
    }
}
