//! `POST /v1/log/processing-activities`: an organisation's own records of the Logboek Dataverwerkingen.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use doelpoort_core::audit::ldv::LdvRecord;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Shared;
use super::call::Call;
use super::openapi::Sending;
use super::problem::Problem;

/// Which records: at least one of `traceId` and `processingActivityId`. Whom an entry is about is sealed to the data
/// protection officer: `dataSubjectId` is refused here.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "it describes the body, which the core reads")]
pub(crate) struct LogReadingBody {
    /// W3C trace id, 32 hex digits.
    #[schema(example = "4bf92f3577b34da6a3ce929d0e0e4736")]
    trace_id: Option<String>,
    /// A purpose in the register, with or without its version.
    #[schema(example = "https://doelpoort.example/v1/register#youth-atlas@1")]
    processing_activity_id: Option<String>,
    /// Not older than this, in ms since 1970.
    start_time: Option<u64>,
    /// Older than this, in ms since 1970.
    end_time: Option<u64>,
    /// The `next` of an earlier answer.
    from: Option<u64>,
}

/// Records, as many as one answer holds.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LogReadingDocument {
    /// The records, oldest first.
    #[schema(value_type = Vec<Object>)]
    processing_activities: Vec<LdvRecord>,
    /// Where to go on, as `from`; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<u64>,
}

/// Reads the log of data processing, as far as it concerns your organisation. A POST, so that nothing asked stands in a
/// URL. That you look is logged first.
///
/// Leest het logboek van dataverwerkingen, voor zover het uw organisatie betreft. Dat u kijkt wordt eerst vastgelegd.
#[utoipa::path(
    post,
    path = "/v1/log/processing-activities",
    operation_id = "readLog",
    tag = "log",
    request_body = LogReadingBody,
    responses(
        (status = 200, description = "Records of the Logboek Dataverwerkingen", body = LogReadingDocument),
        Sending,
    ),
    security(("accessToken" = []))
)]
pub(crate) async fn read(
    State(gateway): Shared,
    call: Call,
    body: Bytes,
) -> Result<Json<LogReadingDocument>, Problem> {
    let received = gateway.clock.now();
    let read = gateway.read_log(&call.caller, &body, call.trace, received).await;
    let read = read.map_err(|refusal| call.refused(refusal))?;
    Ok(Json(LogReadingDocument {
        processing_activities: read.records,
        next: read.next,
    }))
}
