//! Requests as the tests write them.

use doelpoort::client::{Answer, Client, ClientError};
use serde_json::{Map, Value, json};

/// A whole response: status, headers of interest, body.
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) text: String,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {}", self.text))
    }

    /// Status, media type and code: what a client decides by.
    pub(crate) fn refusal(&self) -> String {
        let media = self.header("content-type");
        let document: Value = serde_json::from_str(&self.text).unwrap_or_default();
        format!(
            "{} {media} {}",
            self.status,
            document["code"].as_str().unwrap_or("-")
        )
    }
}

/// Any request with the client's certificate and token.
pub(crate) async fn send(client: &Client, request: reqwest::RequestBuilder) -> Response {
    let token = client.token().await.unwrap();
    send_plain(request.bearer_auth(token)).await
}

/// An HTTP client without TLS, for what needs none.
pub(crate) fn plain_client() -> reqwest::Client {
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .no_proxy();
    client.build().unwrap()
}

/// Any request as it is.
pub(crate) async fn send_plain(request: reqwest::RequestBuilder) -> Response {
    let response = request.send().await.unwrap();
    Response {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        text: response.text().await.unwrap(),
    }
}

/// A body, from JSON.
pub(crate) fn body(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("not an object: {other}"),
    }
}

/// The records of a consulent's caseload, with a case.
pub(crate) fn records(fields: &[&str]) -> Map<String, Value> {
    body(json!({
        "purpose": "case-consultation", "form": "records", "fields": fields,
        "onBehalfOf": { "case": "consultation 1" },
    }))
}

/// One pupil's declaration, asked by a vendor for a board.
pub(crate) fn fact(board: &str, pupils: &[Value]) -> Map<String, Value> {
    body(json!({
        "purpose": "admissibility-status", "actingFor": board, "pupils": pupils,
        "fields": ["admissibility.outcome", "admissibility.valid-until"],
        "onBehalfOf": { "case": "transfer 1" },
    }))
}

/// Figures, composed.
pub(crate) fn figures(group_by: &[&str], only: impl Into<Value>) -> Map<String, Value> {
    body(json!({
        "purpose": "youth-atlas", "form": "figures", "epoch": "latest",
        "groupBy": group_by, "only": only.into(), "measures": ["pupils"],
    }))
}

/// Pseudonyms of an answer, in its order.
pub(crate) fn pseudonyms(answer: &Answer) -> Vec<String> {
    let rows = answer.data().unwrap().as_array().unwrap();
    rows.iter()
        .map(|row| row["pseudonym"].as_str().unwrap().to_owned())
        .collect()
}

/// The refusal's status and code.
pub(crate) fn refusal(outcome: Result<Answer, ClientError>) -> String {
    let problem = super::problem(outcome);
    format!("{} {}", problem.status, problem.code)
}
