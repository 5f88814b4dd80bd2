//! `/v1/log/tile/…` (C2SP tlog-tiles): hashes for anyone, entries for auditors.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use doelpoort_core::audit::tile::{Resource, Tile};

use super::Shared;
use super::call::Call;
use super::log::{found, no_such};
use super::openapi::{Fetching, Reading};
use super::problem::Problem;
use crate::gateway::Gateway;
use crate::http::language::Language;
use crate::log::Published;

const BYTES: &str = "application/octet-stream";
/// What a tile once held, it holds for ever.
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// A partial tile too, but once its full tile is there nobody should ask for it.
const FOR_A_DAY: HeaderValue = HeaderValue::from_static("public, max-age=86400");

/// A tile of hashes (C2SP tlog-tiles).
///
/// Een tegel met hashes van het logboek.
#[utoipa::path(
    get,
    path = "/v1/log/tile/{*path}",
    operation_id = "showTile",
    tag = "log",
    params(("path" = String, Path, description = "`<L>/<N>` or `<L>/<N>.p/<W>`, such as `0/x001/x234/067` or `1/000.p/17`")),
    responses(
        (status = 200, description = "Up to 256 hashes of 32 bytes", body = [u8], content_type = "application/octet-stream"),
        Fetching,
    )
)]
pub(crate) async fn hashes(
    State(gateway): Shared,
    Path(path): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let language = Language::of(&headers);
    let Some(Resource::Hashes(tile)) = Resource::parse(&path) else {
        return Err(no_tile(language));
    };
    let bytes = found(gateway.log.tile(tile).await, language)?;
    Ok(hashes_of(tile, bytes))
}

/// A tile of hashes as it is answered.
pub(super) fn hashes_of(tile: Tile, bytes: Vec<u8>) -> Response {
    let cache = if tile.is_full() { FOR_EVER } else { FOR_A_DAY };
    let content = HeaderValue::from_static(BYTES);
    let headers = [(header::CONTENT_TYPE, content), (header::CACHE_CONTROL, cache)];
    (StatusCode::OK, headers, bytes).into_response()
}

/// The entries under a tile (C2SP tlog-tiles), each with its length before it. For programs with the role `auditor`;
/// each reading is logged.
///
/// De logregels onder een tegel, voor toepassingen met de rol `auditor`; elke inzage wordt gelogd.
#[utoipa::path(
    get,
    path = "/v1/log/tile/entries/{*path}",
    operation_id = "showEntries",
    tag = "log",
    params(("path" = String, Path, description = "`<N>` or `<N>.p/<W>`, such as `x001/x234/067` or `273.p/112`")),
    responses(
        (status = 200, description = "Up to 256 entries", body = [u8], content_type = "application/octet-stream"),
        Reading,
    ),
    security(("accessToken" = []))
)]
pub(crate) async fn entries(
    State(gateway): Shared,
    call: Call,
    Path(path): Path<String>,
) -> Result<Response, Problem> {
    entries_of(&gateway, &call, (None, &path)).await
}

/// The entries under a tile of a shard, or of the last one.
pub(super) async fn entries_of(
    gateway: &Gateway,
    call: &Call,
    (shard, path): (Option<&Published>, &str),
) -> Result<Response, Problem> {
    let Some(Resource::Entries(tile)) = Resource::parse(&format!("entries/{path}")) else {
        return Err(no_tile(call.language));
    };
    let read = gateway
        .read_entries(&call.caller, (shard, tile), call.trace, gateway.clock.now())
        .await;
    let bundle = read.map_err(|refusal| call.refused(refusal))?;
    let bundle = found(Ok(bundle), call.language)?;
    Ok((StatusCode::OK, [(header::CONTENT_TYPE, BYTES)], bundle).into_response())
}

pub(super) fn no_tile(language: Language) -> Problem {
    let told = (
        "noem een tegel zoals `0/x001/x234/067`, `1/000.p/17` of `entries/273.p/112` (C2SP tlog-tiles)",
        "name a tile such as `0/x001/x234/067`, `1/000.p/17` or `entries/273.p/112` (C2SP tlog-tiles)",
    );
    no_such("path", "not-a-tile", told, language)
}
