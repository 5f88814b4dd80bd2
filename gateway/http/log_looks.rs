//! `/v1/log/readings`, `/v1/log/subjects`, `/v1/log/private/…`, `/v1/log/policies/…`: how the data protection officer (FG)
//! looks at the log over the exchange. What is looked for is logged before anything is shown.

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use doelpoort_core::answer::receipt_json;
use doelpoort_core::audit::tile::Resource;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Shared;
use super::call::Call;
use super::log::{found, no_such};
use super::openapi::{Reading, Sending, SendingTo};
use super::problem::Problem;
use super::shards::shard_of;
use crate::exchange::Look;

const BYTES: &str = "application/octet-stream";
const JSON: &str = "application/json";

/// Who stands for a look.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "it describes the body, which the core reads")]
pub(crate) struct LookPerson {
    /// The JWT of the FG's own identity provider, with a `jti`; it works once.
    assertion: String,
    /// The case, as the FG's register names it.
    #[schema(example = "2026-17")]
    case: Option<String>,
}

/// What the FG's process is about to do.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "it describes the body, which the core reads")]
pub(crate) struct LookBody {
    /// `alerts`, `export`, `monitor`, `replay`, `report`, `sample`, `search`, `search-pupil`, `search-staff` or `simulate`.
    #[schema(example = "search")]
    command: String,
    /// Why, as a code.
    #[schema(example = "review")]
    reason: String,
    /// `SHA-256("doelpoort-sought" ‖ 0x01 ‖ salt[32] ‖ what is sought)`, base64. The gateway does not learn what.
    commitment: String,
    /// Salt and what is sought, sealed to the FG's key of the month, base64: for whoever reviews the reviews.
    sought: Option<String>,
    /// Who looks; not needed for `monitor`.
    on_behalf_of: Option<LookPerson>,
    /// Who releases it; needed for `search-pupil` and `search-staff`.
    released_by: Option<LookPerson>,
}

/// A pupil whose place in the log is asked for.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "it describes the body, which the core reads")]
pub(crate) struct SubjectSearchBody {
    /// The purpose.
    #[schema(example = "log-oversight")]
    purpose: String,
    /// One of the purpose's reasons.
    #[schema(example = "subject-access")]
    reason: String,
    /// To which of the FG's keys the answer is sealed.
    #[schema(example = json!(["2026-11"]))]
    months: Vec<String>,
    /// One pupil, with one identifier.
    #[schema(value_type = Vec<Object>, example = json!([{ "ref": "1", "bsn": "999990019" }]))]
    pupils: Vec<serde_json::Value>,
    /// Who looks.
    on_behalf_of: LookPerson,
    /// Who releases it: another person.
    released_by: LookPerson,
}

/// The look is in the log.
#[derive(Serialize, ToSchema)]
pub(crate) struct LookDocument {
    /// The pupil's place, sealed to each key (`/v1/log/subjects` only).
    #[schema(value_type = Option<Object>)]
    data: Option<serde_json::Value>,
    /// What was logged.
    #[schema(value_type = Object)]
    meta: serde_json::Value,
    /// The proof that it was.
    #[schema(value_type = Object)]
    receipt: serde_json::Value,
}

/// Which look private parts are read for.
#[derive(Deserialize)]
pub(crate) struct LookQuery {
    /// The number of the entry that announced it: `index` of its receipt.
    look: u64,
    /// The shard; the last one without it.
    shard: Option<String>,
}

/// Says that the data protection officer (FG) is about to look, before it is looked. For programs with the role `fg`.
///
/// Legt vast dat de functionaris gegevensbescherming gaat kijken, vóór er gekeken wordt.
#[utoipa::path(
    post,
    path = "/v1/log/readings",
    operation_id = "announceLook",
    tag = "log",
    request_body = LookBody,
    responses(
        (status = 200, description = "The receipt of the look", body = LookDocument),
        Sending,
    ),
    security(("accessToken" = []))
)]
pub(crate) async fn announce(State(gateway): Shared, call: Call, body: Bytes) -> Result<Response, Problem> {
    let look = gateway
        .announce_look(&call.caller, &body, call.trace, gateway.clock.now())
        .await;
    Ok(respond(&look.map_err(|refusal| call.refused(refusal))?))
}

/// A pupil's place in the log, sealed to the data protection officer (FG), for two persons with a reason. Known and unknown
/// numbers are answered alike. For programs with the role `fg`.
///
/// De plaats van een leerling in het logboek, verzegeld voor de functionaris gegevensbescherming.
#[utoipa::path(
    post,
    path = "/v1/log/subjects",
    operation_id = "findSubject",
    tag = "log",
    request_body = SubjectSearchBody,
    responses(
        (status = 200, description = "The sealed place, with the receipt of the look", body = LookDocument),
        SendingTo,
    ),
    security(("accessToken" = []))
)]
pub(crate) async fn subject(State(gateway): Shared, call: Call, body: Bytes) -> Result<Response, Problem> {
    let look = gateway
        .find_place(&call.caller, &body, call.trace, gateway.clock.now())
        .await;
    Ok(respond(&look.map_err(|refusal| call.refused(refusal))?))
}

/// The sealed private parts under a tile of entries, each after its length (32 bits, big-endian; 0: there is none). For
/// programs with the role `fg`, for a look that was announced in the last 24 hours; each reading is logged.
///
/// De verzegelde gegevens onder een tegel met logregels, voor de functionaris gegevensbescherming.
#[utoipa::path(
    get,
    path = "/v1/log/private/{*path}",
    operation_id = "showPrivateParts",
    tag = "log",
    params(("path" = String, Path, description = "`<N>` or `<N>.p/<W>`, as for entries"), ("look" = u64, Query, description = "The number of the entry that announced the look: `index` of its receipt"),
        ("shard" = Option<String>, Query, description = "The shard that the tile is of, such as `2026`; the last one without it")),
    responses(
        (status = 200, description = "Up to 256 sealed private parts", body = [u8], content_type = "application/octet-stream"),
        Reading,
    ),
    security(("accessToken" = []))
)]
pub(crate) async fn private(
    State(gateway): Shared,
    call: Call,
    Path(path): Path<String>,
    query: Result<Query<LookQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Problem> {
    let Some(Resource::Entries(tile)) = Resource::parse(&format!("entries/{path}")) else {
        let told = (
            "noem een tegel zoals `x001/x234/067` of `273.p/112` (C2SP tlog-tiles)",
            "name a tile such as `x001/x234/067` or `273.p/112` (C2SP tlog-tiles)",
        );
        return Err(no_such("path", "not-a-tile", told, call.language));
    };
    let Ok(Query(LookQuery { look, shard })) = query else {
        let told = (
            "geef `look`: het nummer van de logregel die de inzage aankondigde",
            "give `look`: the number of the entry that announced the look",
        );
        return Err(no_such("look", "not-a-number", told, call.language));
    };
    let shard = match shard {
        Some(label) => Some(shard_of(&gateway, &label, call.language)?),
        None => None,
    };
    let read = gateway
        .read_private_parts(
            &call.caller,
            (shard.as_ref(), tile),
            look,
            call.trace,
            gateway.clock.now(),
        )
        .await;
    let parts = found(Ok(read.map_err(|refusal| call.refused(refusal))?), call.language)?;
    Ok((StatusCode::OK, [(header::CONTENT_TYPE, BYTES)], parts).into_response())
}

/// The files of policies that were once in force, by their digest in the log: to decide again what was decided then. For
/// programs with the role `auditor` or `fg`; each reading is logged.
///
/// De bestanden van eerdere afspraken, om een besluit opnieuw te kunnen nemen.
#[utoipa::path(
    get,
    path = "/v1/log/policies/{digest}",
    operation_id = "showPolicies",
    tag = "log",
    params(("digest" = String, Path, description = "Digest of the policies, 64 hex digits")),
    responses(
        (status = 200, description = "The files", body = Object, content_type = "application/json"),
        Reading,
    ),
    security(("accessToken" = []))
)]
pub(crate) async fn policies(
    State(gateway): Shared,
    call: Call,
    Path(digest): Path<String>,
) -> Result<Response, Problem> {
    let digest = data_encoding::HEXLOWER.decode(digest.as_bytes()).ok();
    let Some(digest) = digest.and_then(|bytes| bytes.try_into().ok()) else {
        let told = ("geef 64 hexadecimale tekens", "give 64 lower-case hex digits");
        return Err(no_such("digest", "malformed", told, call.language));
    };
    let read = gateway
        .read_policies(&call.caller, digest, call.trace, gateway.clock.now())
        .await;
    let files = found(Ok(read.map_err(|refusal| call.refused(refusal))?), call.language)?;
    Ok((StatusCode::OK, [(header::CONTENT_TYPE, JSON)], files).into_response())
}

fn respond(look: &Look) -> Response {
    let receipt = receipt_json(&look.receipt);
    let body = match &look.data {
        Some(data) => format!(r#"{{"data":{data},"meta":{},"receipt":{receipt}}}"#, look.meta),
        None => format!(r#"{{"meta":{},"receipt":{receipt}}}"#, look.meta),
    };
    (StatusCode::OK, [(header::CONTENT_TYPE, JSON)], body + "\n").into_response()
}
