//! `POST /v1/deliveries/{dataset}`: rows of a holder, streamed.

use async_compression::tokio::bufread::GzipDecoder;
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use doelpoort_core::party::Caller;
use futures_util::TryStreamExt as _;
use serde::Deserialize;
use tokio::io::{AsyncRead, BufReader};
use tokio_util::io::StreamReader;

use super::call::Call;
use super::openapi::SendingTo;
use super::problem::Problem;
use super::{Shared, delivery, format};
use crate::delivery::{DeliveryAsked, RowFormat};
use crate::exchange::Trace;
use crate::gateway::Gateway;

#[derive(Debug, Deserialize)]
pub(crate) struct Parameters {
    holder: Option<String>,
    mode: Option<String>,
    period: Option<String>,
}

/// A delivery: a snapshot of a holder's rows, or changes to them.
///
/// Een levering: een momentopname van de regels van een bronhouder, of wijzigingen daarop. NDJSON of CSV, ook met gzip.
#[utoipa::path(
    post,
    path = "/v1/deliveries/{delivery}",
    operation_id = "deliver",
    tag = "deliveries",
    params(
        ("delivery" = String, Path, description = "The dataset that is delivered"),
        ("holder" = Option<String>, Query, description = "The OIN of the holder; your own where absent"),
        ("mode" = Option<String>, Query, description = "`snapshot` (default) or `changes`"),
        ("period" = Option<String>, Query, description = "The school year, where the dataset has one: `2026-2027`"),
    ),
    request_body(content(
        (String = "application/x-ndjson"),
        (String = "text/csv"),
    )),
    responses(
        (status = 202, description = "Taken in and visible; the receipt proves its log entry", body = crate::http::openapi::DeliveryDocument),
        SendingTo,
        (status = 415, response = crate::http::openapi::ProblemResponse),
    ),
    security(("accessToken" = []))
)]
pub(crate) async fn take_in(
    State(gateway): Shared,
    call: Call,
    Path(dataset): Path<String>,
    Query(parameters): Query<Parameters>,
    body: Body,
) -> Result<Response, Problem> {
    let unsupported =
        |detail: &str| call.problem(Problem::new("unsupported-media-type", detail, call.language));
    let format = row_format(&call.headers)
        .ok_or_else(|| unsupported("`Content-Type` must be `application/x-ndjson` or `text/csv`"))?;
    let asked = asked(&gateway, &call.caller, &dataset, &parameters, format, call.trace);
    let bytes = StreamReader::new(body.into_data_stream().map_err(std::io::Error::other));
    let packed = call
        .headers
        .get(header::CONTENT_ENCODING)
        .map(|value| value.to_str().unwrap_or_default());
    let outcome = match packed {
        None | Some("identity") => run(&gateway, &call.caller, &asked, bytes).await,
        Some("gzip") => {
            run(
                &gateway,
                &call.caller,
                &asked,
                GzipDecoder::new(BufReader::new(bytes)),
            )
            .await
        }
        Some(_) => return Err(unsupported("`Content-Encoding` must be `gzip`, or left out")),
    };
    outcome.map_err(|refusal| call.problem(Problem::delivery(refusal, call.language)))
}

fn asked<'a>(
    gateway: &Gateway,
    caller: &'a Caller,
    dataset: &'a str,
    parameters: &'a Parameters,
    format: RowFormat,
    trace: Trace,
) -> DeliveryAsked<'a> {
    DeliveryAsked {
        dataset,
        holder: parameters.holder.as_deref(),
        mode: parameters.mode.as_deref(),
        period: parameters.period.as_deref(),
        format,
        caller: &caller.organisation,
        trace,
        received: gateway.clock.now(),
    }
}

async fn run(
    gateway: &Gateway,
    caller: &Caller,
    asked: &DeliveryAsked<'_>,
    body: impl AsyncRead + Unpin + Send,
) -> Result<Response, crate::delivery::DeliveryRefusal> {
    let delivered = gateway.deliver(caller, asked, body).await?;
    let document = delivery::document(gateway, delivered).await?;
    Ok((StatusCode::ACCEPTED, Json(document)).into_response())
}

fn row_format(headers: &HeaderMap) -> Option<RowFormat> {
    let content_type = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    match content_type.split(';').next().unwrap_or_default().trim() {
        format::NDJSON => Some(RowFormat::Ndjson),
        format::CSV => Some(RowFormat::Csv),
        _ => None,
    }
}
