//! `GET /v1/openapi.json`: the API's description, made from the code.

use axum::Json;
use serde::Serialize;
use utoipa::openapi::security::{ClientCredentials, Flow, OAuth2, Scopes, SecurityScheme};
use utoipa::openapi::{ContactBuilder, InfoBuilder, LicenseBuilder, OpenApi, ServerBuilder};
use utoipa::{ToResponse, ToSchema};

use super::problem::Problem;

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
        ServerBuilder::new().url("https://doelpoort.example").build(),
    ]);
    let components = description.components.get_or_insert_default();
    let token_url = crate::identity::TOKEN_PATH;
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
    description
}

/// A problem document (RFC 9457).
#[derive(ToResponse)]
#[response(
    description = "What is wrong and how to mend it",
    content_type = "application/problem+json"
)]
pub(crate) struct ProblemResponse(#[expect(dead_code, reason = "describes the body")] Problem);

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
    /// Figures: `latest` or a count date.
    #[schema(example = "latest")]
    epoch: Option<String>,
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
    /// The person who asks.
    on_behalf_of: Option<OnBehalfOfDocument>,
}

/// A token request (RFC 6749 section 4.4, RFC 7523 section 2.2).
#[derive(Serialize, ToSchema)]
pub(crate) struct TokenForm {
    /// `client_credentials`.
    grant_type: String,
    /// `urn:ietf:params:oauth:client-assertion-type:jwt-bearer`.
    client_assertion_type: String,
    /// The signed assertion.
    client_assertion: String,
    /// Purposes, separated by spaces; all of yours where absent.
    scope: Option<String>,
}

/// A token (RFC 6749 section 5.1).
#[derive(Serialize, ToSchema)]
pub(crate) struct TokenDocument {
    /// The access token.
    access_token: String,
    /// `Bearer`.
    token_type: String,
    /// Seconds until it expires.
    expires_in: i64,
    /// The purposes that it names.
    scope: String,
}

/// An error of the token endpoint (RFC 6749 section 5.2).
#[derive(Serialize, ToSchema)]
pub(crate) struct OAuthErrorDocument {
    /// The stable code.
    error: String,
    /// What is wrong.
    error_description: String,
}

/// A delivery, as its deliverer sees it.
pub(crate) use super::delivery::DeliveryDocument;
