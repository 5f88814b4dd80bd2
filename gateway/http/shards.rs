//! `/v1/log/shards/…`: each shard of the log as a C2SP tlog-tiles log of its own, below a prefix of its own; those that
//! are closed stay readable. `/v1/log/…` is the last one.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use doelpoort_core::audit::proof::Proof;
use doelpoort_core::audit::tile::Resource;
use doelpoort_core::audit::witness::AddCheckpoint;
use serde::Serialize;
use utoipa::ToSchema;

use super::Shared;
use super::call::Call;
use super::language::Language;
use super::log::{document, found, no_number, number, text};
use super::openapi::{Fetching, Reading};
use super::problem::Problem;
use super::tiles::{entries_of, hashes_of, no_tile};
use crate::gateway::Gateway;
use crate::log::Published;

/// A shard of the log.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ShardView {
    /// What stands for it in addresses.
    #[schema(example = "2026")]
    shard: String,
    /// Its public key, C2SP `name+id+key`; the name is its origin.
    key: String,
    /// The prefix of its checkpoint and its tiles.
    #[schema(example = "/v1/log/shards/2026")]
    prefix: String,
}

/// The shards of the log, in their order; the last one is appended to.
///
/// De delen van het logboek, meestal een per jaar, op volgorde; in het laatste wordt geschreven.
#[utoipa::path(
    get,
    path = "/v1/log/shards",
    operation_id = "listShards",
    tag = "log",
    responses(
        (status = 200, description = "Each with its public key", body = Vec<ShardView>),
        (status = 429, response = crate::http::openapi::ProblemResponse),
    )
)]
pub(crate) async fn list(State(gateway): Shared) -> Response {
    let shards = gateway.log.all_published().into_iter().map(|shard| ShardView {
        key: shard.key().to_text(),
        prefix: format!("/v1/log/shards/{}", shard.label()),
        shard: shard.label(),
    });
    Json(shards.collect::<Vec<_>>()).into_response()
}

/// The newest checkpoint of a shard, with the cosignatures that it has; of a closed one that is its last.
///
/// Het nieuwste controlepunt van een deel van het logboek.
#[utoipa::path(
    get,
    path = "/v1/log/shards/{shard}/checkpoint",
    operation_id = "showShardCheckpoint",
    tag = "log",
    params(("shard" = String, Path, description = "The shard: the end of its name, such as `2026`")),
    responses(
        (status = 200, description = "The checkpoint", body = String, content_type = "text/plain"),
        Fetching,
    )
)]
pub(crate) async fn checkpoint(
    State(gateway): Shared,
    Path(shard): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let language = Language::of(&headers);
    let shard = shard_of(&gateway, &shard, language)?;
    Ok(text(shard.checkpoint().await, language)?)
}

/// The newest checkpoint of a shard that a quorum of the witnesses cosigned.
///
/// Het nieuwste controlepunt van een deel dat genoeg getuigen medeondertekenden.
#[utoipa::path(
    get,
    path = "/v1/log/shards/{shard}/checkpoint/witnessed",
    operation_id = "showWitnessedShardCheckpoint",
    tag = "log",
    params(("shard" = String, Path, description = "The shard: the end of its name, such as `2026`")),
    responses(
        (status = 200, description = "The checkpoint with its cosignatures", body = String, content_type = "text/plain"),
        Fetching,
    )
)]
pub(crate) async fn witnessed(
    State(gateway): Shared,
    Path(shard): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let language = Language::of(&headers);
    let shard = shard_of(&gateway, &shard, language)?;
    Ok(text(shard.witnessed().await, language)?)
}

/// The proof that an entry is in a shard (C2SP tlog-proof).
///
/// Het bewijs dat een logregel in een deel van het logboek staat.
#[utoipa::path(
    get,
    path = "/v1/log/shards/{shard}/proof/{index}",
    operation_id = "proveInclusionInShard",
    tag = "log",
    params(("shard" = String, Path, description = "The shard: the end of its name, such as `2026`"),
        ("index" = u64, Path, description = "The entry's number in the shard, from 0; it stands in the receipt, as does the shard")),
    responses(
        (status = 200, description = "`c2sp.org/tlog-proof@v1`", body = String, content_type = "text/plain"),
        Fetching,
    )
)]
pub(crate) async fn inclusion(
    State(gateway): Shared,
    Path((shard, index)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let language = Language::of(&headers);
    let index = number(&index).ok_or_else(|| no_number("index", language))?;
    let proof = shard_of(&gateway, &shard, language)?.inclusion(index).await;
    Ok(document(proof, Proof::to_text, language)?)
}

/// The proof that a shard's newest checkpoint goes on from an older size (C2SP tlog-witness, `add-checkpoint`).
///
/// Het bewijs dat een deel van het logboek na een eerdere omvang alleen is gegroeid.
#[utoipa::path(
    get,
    path = "/v1/log/shards/{shard}/consistency/{size}",
    operation_id = "proveConsistencyOfShard",
    tag = "log",
    params(("shard" = String, Path, description = "The shard: the end of its name, such as `2026`"),
        ("size" = u64, Path, description = "The older size, in entries")),
    responses(
        (status = 200, description = "The older size, the proof, an empty line, the newest checkpoint", body = String, content_type = "text/plain"),
        Fetching,
    )
)]
pub(crate) async fn consistency(
    State(gateway): Shared,
    Path((shard, size)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let language = Language::of(&headers);
    let size = number(&size).ok_or_else(|| no_number("size", language))?;
    let proof = shard_of(&gateway, &shard, language)?.consistency(size).await;
    Ok(document(proof, AddCheckpoint::to_text, language)?)
}

/// A tile of hashes of a shard (C2SP tlog-tiles).
///
/// Een tegel met hashes van een deel van het logboek.
#[utoipa::path(
    get,
    path = "/v1/log/shards/{shard}/tile/{*path}",
    operation_id = "showShardTile",
    tag = "log",
    params(("shard" = String, Path, description = "The shard: the end of its name, such as `2026`"),
        ("path" = String, Path, description = "`<L>/<N>` or `<L>/<N>.p/<W>`, such as `0/x001/x234/067` or `1/000.p/17`")),
    responses(
        (status = 200, description = "Up to 256 hashes of 32 bytes", body = [u8], content_type = "application/octet-stream"),
        Fetching,
    )
)]
pub(crate) async fn hashes(
    State(gateway): Shared,
    Path((shard, path)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let language = Language::of(&headers);
    let Some(Resource::Hashes(tile)) = Resource::parse(&path) else {
        return Err(no_tile(language));
    };
    let bytes = shard_of(&gateway, &shard, language)?.tile(tile).await;
    Ok(hashes_of(tile, found(bytes, language)?))
}

/// The entries under a tile of a shard, each with its length before it. For programs with the role `auditor`; each
/// reading is logged.
///
/// De logregels onder een tegel van een deel van het logboek, voor toepassingen met de rol `auditor`; elke inzage wordt
/// gelogd.
#[utoipa::path(
    get,
    path = "/v1/log/shards/{shard}/tile/entries/{*path}",
    operation_id = "showShardEntries",
    tag = "log",
    params(("shard" = String, Path, description = "The shard: the end of its name, such as `2026`"),
        ("path" = String, Path, description = "`<N>` or `<N>.p/<W>`, such as `x001/x234/067` or `273.p/112`")),
    responses(
        (status = 200, description = "Up to 256 entries", body = [u8], content_type = "application/octet-stream"),
        Reading,
    ),
    security(("accessToken" = []))
)]
pub(crate) async fn entries(
    State(gateway): Shared,
    call: Call,
    Path((shard, path)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let shard = shard_of(&gateway, &shard, call.language)?;
    entries_of(&gateway, &call, (Some(&shard), &path)).await
}

/// What is published of the shard with this label.
pub(super) fn shard_of(
    gateway: &Gateway,
    label: &str,
    language: Language,
) -> Result<Published, Box<Problem>> {
    found(Ok(gateway.log.published_of(label)), language)
}
