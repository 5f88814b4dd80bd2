//! `POST /v1/withdrawals`: an organisation withdraws what it approved.

use axum::Extension;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{OriginalUri, State};
use axum::http::{HeaderMap, StatusCode};
use doelpoort_core::audit::receipt::Receipt;
use doelpoort_core::catalogue::Name;
use doelpoort_core::request::WithdrawalRequest;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Shared;
use super::call::Call;
use super::language::Language;
use super::openapi::{Fetching, SendingTo};
use super::problem::Problem;
use crate::exchange::{Refusal, Trace};
use crate::gateway::Withdrawn;

/// What is withdrawn: `all`, or one purpose, or one grant of it.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "it describes the body, which the core reads")]
pub(crate) struct WithdrawalBody {
    /// Everything that your organisation approved.
    all: Option<bool>,
    /// One purpose.
    #[schema(example = "youth-atlas")]
    purpose: Option<String>,
    /// One grant of that purpose, counted from 0.
    grant: Option<u32>,
}

/// A withdrawal that holds.
#[derive(Serialize, ToSchema)]
pub(crate) struct WithdrawalDocument {
    /// Your organisation.
    organisation: String,
    /// The purpose; absent where everything was withdrawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    purpose: Option<String>,
    /// The grant; absent where the whole purpose was withdrawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    grant: Option<usize>,
    /// The policy generation in which it holds: an answer decided under an earlier one is refused.
    generation: i64,
    /// The proof that it is in the log; absent where the same signed withdrawal was brought before.
    #[schema(value_type = Option<Object>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt: Option<Receipt>,
}

/// What your organisation approved no longer holds: at once, on all replicas, for answers that are being sent too.
/// Only an approval that is issued after it counts again. It may be repeated; that changes nothing but what is on its way.
///
/// Wat uw organisatie goedkeurde geldt niet meer: meteen en overal, ook voor antwoorden die onderweg zijn.
#[utoipa::path(
    post,
    path = "/v1/withdrawals",
    operation_id = "withdraw",
    tag = "policies",
    request_body = WithdrawalBody,
    responses(
        (status = 201, description = "It holds; the receipt proves its log entry", body = WithdrawalDocument),
        SendingTo,
    ),
    security(("accessToken" = []))
)]
pub(crate) async fn withdraw(
    State(gateway): Shared,
    call: Call,
    body: Bytes,
) -> Result<(StatusCode, Json<WithdrawalDocument>), Problem> {
    let received = gateway.clock.now();
    let withdrawn = gateway.withdraw(&call.caller, &body, call.trace, received).await;
    let withdrawn = withdrawn.map_err(|refusal| call.refused(refusal))?;
    Ok((StatusCode::CREATED, Json(document(withdrawn))))
}

/// The same by the word of an approver: a withdrawal that is signed with a key of the organisation with the role `holder`
/// or `fg` (`doelpoort policy withdraw`), brought by anyone, without a certificate or token. It voids what was issued
/// until the moment that it names; brought again it changes nothing.
///
/// Hetzelfde met een handtekening van een goedkeurder van de organisatie; wie het brengt maakt niet uit.
#[utoipa::path(
    post,
    path = "/v1/withdrawals/signed",
    operation_id = "withdrawSigned",
    tag = "policies",
    request_body(content = String, content_type = "application/jose", description = "A JWS in compact form (RFC 7515)"),
    responses(
        (status = 200, description = "It held already", body = WithdrawalDocument),
        (status = 201, description = "It holds; the receipt proves its log entry", body = WithdrawalDocument),
        Fetching,
        (status = 413, response = crate::http::openapi::ProblemResponse),
    )
)]
pub(crate) async fn withdraw_signed(
    State(gateway): Shared,
    OriginalUri(uri): OriginalUri,
    Extension(trace): Extension<Trace>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(StatusCode, Json<WithdrawalDocument>), Problem> {
    let language = Language::of(&headers);
    let told = |refusal: Refusal| Problem::refusal(refusal, language).at(uri.path(), &trace.id());
    let received = gateway.clock.now();
    let text = String::from_utf8_lossy(&body);
    let withdrawn = gateway.withdraw_signed(&text, trace, received).await;
    let withdrawn = withdrawn.map_err(told)?;
    let status = match &withdrawn.receipt {
        Some(_) => StatusCode::CREATED,
        None => StatusCode::OK,
    };
    Ok((status, Json(document(withdrawn))))
}

fn document(withdrawn: Withdrawn) -> WithdrawalDocument {
    let (purpose, grant) = match &withdrawn.request {
        WithdrawalRequest::All => (None, None),
        WithdrawalRequest::Purpose(purpose) => (Some(purpose), None),
        WithdrawalRequest::Grant(purpose, grant) => (Some(purpose), Some(*grant)),
    };
    WithdrawalDocument {
        organisation: withdrawn.organisation.to_string(),
        purpose: purpose.map(Name::to_string),
        grant,
        generation: withdrawn.generation,
        receipt: withdrawn.receipt,
    }
}
