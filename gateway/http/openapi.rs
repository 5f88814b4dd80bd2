//! `GET /v1/openapi.json`: the API's description, made from the code.

use std::collections::BTreeMap;

use axum::Json;
use serde::Serialize;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::PathItem;
use utoipa::openapi::security::{ClientCredentials, Flow, OAuth2, Scopes, SecurityScheme};
use utoipa::openapi::{
    ContactBuilder, InfoBuilder, LicenseBuilder, OpenApi, Ref, RefOr, Response, ServerBuilder,
};
use utoipa::{IntoResponses, OpenApi as _, ToResponse, ToSchema};

use super::problem::{Problem, ProblemInput};

/// What every described path begins with; it stands in the server's address.
const VERSION_PATH: &str = "/v1";

/// The description of this API (OpenAPI 3.1).
///
/// De beschrijving van deze API.
#[utoipa::path(
    get,
    path = "/v1/openapi.json",
    operation_id = "describe",
    tag = "catalogue",
    responses((status = 200, description = "OpenAPI 3.1", body = Object))
)]
pub(crate) async fn show() -> Json<OpenApi> {
    Json(super::description())
}

/// Adds what no route says: who we are, how one identifies.
pub(super) fn complete(mut description: OpenApi) -> OpenApi {
    description.info = InfoBuilder::new()
        .title("Doelpoort")
        .version(super::API_VERSION)
        .description(Some(
            "A privacy-preserving data-sharing gateway: purpose or nothing, logged or not answered. \
             Een poort voor het delen van gegevens: zonder doel niets, zonder logregel geen antwoord.",
        ))
        .contact(Some(
            ContactBuilder::new()
                .name(Some("Doelpoort"))
                .email(Some("beheer@doelpoort.example"))
                .url(Some("https://doelpoort.example"))
                .build(),
        ))
        .license(Some(
            LicenseBuilder::new()
                .name("EUPL-1.2")
                .identifier(Some("EUPL-1.2"))
                .build(),
        ))
        .build();
    description.servers = Some(vec![
        ServerBuilder::new()
            .url(format!("https://doelpoort.example{VERSION_PATH}"))
            .build(),
    ]);
    let components = description.components.get_or_insert_default();
    let token_url = format!("https://doelpoort.example{}", crate::identity::TOKEN_PATH);
    components.security_schemes.insert(
        "clientCertificate".to_owned(),
        SecurityScheme::MutualTls {
            description: Some("A certificate that is pinned for the client".to_owned()),
            deprecated: None,
            extensions: None,
        }
        .into(),
    );
    components.security_schemes.insert(
        "accessToken".to_owned(),
        SecurityScheme::OAuth2(OAuth2::with_description(
            [Flow::ClientCredentials(ClientCredentials::new(
                token_url,
                Scopes::new(),
            ))],
            "An access token bound to the client's certificate (RFC 8705)",
        ))
        .into(),
    );
    description.merge(Shared::openapi());
    let paths = std::mem::take(&mut description.paths.paths);
    description.paths.paths = paths
        .into_iter()
        .map(|(path, item)| {
            // `{*path}` is how axum says that a parameter may have slashes.
            let path = path
                .strip_prefix(VERSION_PATH)
                .unwrap_or(&path)
                .replace("{*", "{");
            (path, versioned(item))
        })
        .collect();
    description
}

/// Every good response tells the API's full version (API Design Rules).
fn versioned(mut item: PathItem) -> PathItem {
    let operations = [&mut item.get, &mut item.post];
    for operation in operations.into_iter().flatten() {
        for (status, response) in &mut operation.responses.responses {
            if let RefOr::T(response) = response
                && (status.starts_with('2') || status == "304")
            {
                let header = HeaderBuilder::new()
                    .description(Some("The full version of the API"))
                    .build();
                response.headers.insert("API-Version".to_owned(), header.into());
            }
        }
    }
    item
}

/// What several routes share.
#[derive(utoipa::OpenApi)]
#[openapi(components(responses(ProblemResponse), schemas(Problem, ProblemInput)))]
struct Shared;

/// A problem document (RFC 9457).
#[derive(ToResponse)]
#[response(
    description = "What is wrong and how to mend it",
    content_type = "application/problem+json"
)]
pub(crate) struct ProblemResponse(#[expect(dead_code, reason = "describes the body")] Problem);

macro_rules! problems {
    ($($(#[doc = $about:literal])+ $name:ident [$($status:literal)+];)+) => { $(
        $(#[doc = $about])+
        pub(crate) struct $name;

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                let problem = || RefOr::Ref(Ref::from_response_name("ProblemResponse"));
                [$($status),+].map(|status: u16| (status.to_string(), problem())).into()
            }
        }
    )+ };
}

// What a kind of route may answer instead, to be named among a path's `responses`.
problems! {
    /// Fetching something that the path names.
    Fetching [400 404 429 503];
    /// Fetching it where the caller must have the right to.
    Reading [400 401 403 404 429 503];
    /// Sending something with a token.
    Sending [400 401 403 413 429 503];
    /// Sending something about what the path or the body names.
    SendingTo [400 401 403 404 413 429 503];
    /// Asking for an answer, in one of its formats.
    Asking [400 401 403 404 406 413 429 503];
}

/// An answer: the rows, what they are, and the proof that giving them was logged.
#[derive(Serialize, ToSchema)]
pub(crate) struct AnswerDocument {
    /// The rows.
    data: Vec<serde_json::Value>,
    /// The purpose, the epoch or date, sources and completeness.
    #[schema(value_type = Object)]
    meta: serde_json::Value,
    /// The signed receipt of the log entry.
    #[schema(value_type = Object)]
    receipt: serde_json::Value,
}

/// A composed question.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct QueryDocument {
    /// The purpose's id.
    #[schema(example = "youth-atlas")]
    purpose: String,
    /// `figures` or `records`.
    #[schema(example = "figures")]
    form: String,
    /// Records: the OIN of the board that you act for.
    acting_for: Option<String>,
    /// Figures: `latest` or a count date.
    #[schema(example = "latest")]
    epoch: Option<String>,
    /// Figures: an earlier epoch beside it, `previous` or a count date.
    #[schema(example = "previous")]
    compared_with: Option<String>,
    /// Figures: dimensions, each with its level.
    #[schema(example = json!(["resident.neighbourhood@district"]))]
    group_by: Option<Vec<String>>,
    /// Figures: what is counted.
    #[schema(example = json!(["pupils"]))]
    measures: Option<Vec<String>>,
    /// Records: the fields, by name; there is no wildcard.
    fields: Option<Vec<String>>,
    /// One code or value for each dimension or field.
    #[schema(value_type = Option<Object>)]
    only: Option<serde_json::Value>,
    /// Records: the site whose pupils they are, where the grant is for one site at a time.
    site: Option<String>,
    /// Records: the date as of which the rows are read.
    at: Option<String>,
    /// Records: the person who asks.
    on_behalf_of: Option<OnBehalfOfDocument>,
    /// Records: which page.
    page: Option<PageDocument>,
}

/// The person who asks.
#[derive(Serialize, ToSchema)]
pub(crate) struct OnBehalfOfDocument {
    /// A JWT of your own identity provider for this very request.
    assertion: Option<String>,
    /// The case or reason.
    case: Option<String>,
}

/// One page.
#[derive(Serialize, ToSchema)]
pub(crate) struct PageDocument {
    /// The most rows, 1 to 1000.
    limit: Option<u32>,
    /// `nextCursor` of the page before.
    cursor: Option<String>,
}

/// A request for facts.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FactsDocument {
    /// The purpose's id.
    #[schema(example = "admissibility-status")]
    purpose: String,
    /// The OIN of the board that you act for.
    acting_for: Option<String>,
    /// 1 to 100 pupils, each with `ref` and exactly one of `bsn`, `eckId`, `local`.
    #[schema(value_type = Vec<Object>)]
    pupils: Vec<serde_json::Value>,
    /// The fields, by name.
    fields: Option<Vec<String>>,
    /// Whether there is a row at all.
    exists: Option<bool>,
    /// The site whose pupils they are, where the grant is for one site at a time.
    site: Option<String>,
    /// The person who asks.
    on_behalf_of: Option<OnBehalfOfDocument>,
}

/// A restriction or objection, entered or lifted.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RestrictionDocument {
    /// The id of the purpose under which it is entered.
    #[schema(example = "pupil-rights")]
    purpose: String,
    /// The OIN of the board that you act for.
    acting_for: Option<String>,
    /// `enter` or `lift`.
    #[schema(example = "enter")]
    action: String,
    /// `restriction` (AVG 18) or `objection` (AVG 21).
    #[schema(example = "objection")]
    kind: String,
    /// The id of the purpose that leaves the pupils out, or `all`.
    #[schema(example = "case-consultation")]
    against: String,
    /// The first day; today where left out.
    from: Option<String>,
    /// The first day on which it no longer holds; left out: until it is lifted.
    until: Option<String>,
    /// 1 to 100 pupils, each with `ref` and exactly one of `bsn`, `eckId`, `local`.
    #[schema(value_type = Vec<Object>)]
    pupils: Vec<serde_json::Value>,
    /// The person who asks.
    on_behalf_of: Option<OnBehalfOfDocument>,
}

/// A delivery, as its deliverer sees it.
pub(crate) use super::delivery::DeliveryDocument;
