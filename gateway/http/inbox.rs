//! `GET /v1/inbox`: what a holder is asked and told about its own pupils; its own references are read here and nowhere else.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use doelpoort_core::audit::receipt::Receipt;
use doelpoort_core::party::Oin;
use doelpoort_core::request::InputError;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Shared;
use super::call::Call;
use super::openapi::{Reading, Sending, SendingTo};
use super::problem::Problem;
use super::resolutions::{read_id, time};
use crate::exchange::Refusal;
use crate::store::inbox::Item;

/// Whose inbox: that of the board whose OIN it names, your own where it names none.
#[derive(Deserialize)]
pub(crate) struct InboxQuery {
    holder: Option<String>,
}

impl InboxQuery {
    fn holder(&self) -> Result<Option<Oin>, Refusal> {
        let malformed = || {
            Refusal::Invalid(vec![InputError {
                part: "query",
                location: "holder".to_owned(),
                code: "malformed-oin",
                detail: "an OIN has 20 digits".to_owned(),
            }])
        };
        let parse = |text: &String| text.parse().map_err(|_| malformed());
        self.holder.as_ref().map(parse).transpose()
    }
}

/// Items, the newest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct InboxDocument {
    /// Without references; at most 1,000.
    items: Vec<ItemDocument>,
}

/// An item.
#[derive(Serialize, ToSchema)]
pub(crate) struct ItemDocument {
    /// Its id.
    id: String,
    /// `resolution`, `link` or `conflict`.
    kind: &'static str,
    /// The dataset that the reference is of.
    dataset: String,
    /// When it came.
    at: String,
    /// Until when it can be settled.
    until: String,
    /// `open`, `answered`, `declined` or `confirmed`.
    state: &'static str,
}

/// An item with what it says.
#[derive(Serialize, ToSchema)]
pub(crate) struct OpenedDocument {
    /// The item.
    #[serde(flatten)]
    item: ItemDocument,
    /// Your own reference for the pupil, as you delivered it.
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    /// `recipient`, `reason`, and `purpose` and `case` where the purpose says that you may know; or `what` is in doubt.
    #[schema(value_type = Object)]
    told: serde_json::Map<String, serde_json::Value>,
}

/// A word on an item.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "it describes the body, which the core reads")]
pub(crate) struct InboxAnswerBody {
    /// `answer` or `decline` a resolution; `confirm` or `decline` a link; `decline` a conflict once it is seen to.
    #[schema(example = "answer")]
    action: String,
    /// What who asked reads when the request closes; no number of a pupil.
    answer: Option<String>,
}

/// An item that was settled.
#[derive(Serialize, ToSchema)]
pub(crate) struct SettledDocument {
    /// The item.
    id: String,
    /// What it is now.
    state: &'static str,
    /// The proof that it is in the log.
    #[schema(value_type = Object)]
    receipt: Receipt,
}

/// Two numbers each that are not one pupil's.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "it describes the body, which the core reads")]
pub(crate) struct LinkUndoBody {
    /// The OIN of the board that you act for.
    acting_for: Option<String>,
    /// 1 to 10 pairs, each with two of `bsn`, `eckId`, `local`.
    #[schema(value_type = Vec<Object>)]
    pairs: Vec<serde_json::Value>,
}

/// What was said of pairs was taken down.
#[derive(Serialize, ToSchema)]
pub(crate) struct LinkUndoDocument {
    /// Always `noted`: whether there was anything to undo is not told.
    state: &'static str,
    /// The proof that it is in the log.
    #[schema(value_type = Object)]
    receipt: Receipt,
}

impl ItemDocument {
    fn of(item: &Item) -> Self {
        Self {
            id: data_encoding::HEXLOWER.encode(&item.id),
            kind: item.kind.as_str(),
            dataset: item.dataset.clone(),
            at: time(item.created_us),
            until: time(item.closes_us),
            state: item.state.as_str(),
        }
    }
}

/// What is in your inbox. Looking is logged.
///
/// Wat er in uw postbak staat. Dat u kijkt wordt vastgelegd.
#[utoipa::path(
    get,
    path = "/v1/inbox",
    operation_id = "listInbox",
    tag = "inbox",
    params(("holder" = Option<String>, Query, description = "The OIN of the board that you act for; your own where absent")),
    responses(
        (status = 200, description = "Its items", body = InboxDocument),
        (status = 400, response = crate::http::openapi::ProblemResponse),
        (status = 401, response = crate::http::openapi::ProblemResponse),
        (status = 403, response = crate::http::openapi::ProblemResponse),
        (status = 429, response = crate::http::openapi::ProblemResponse),
        (status = 503, response = crate::http::openapi::ProblemResponse),
    ),
    security(("accessToken" = []))
)]
pub(crate) async fn list(
    State(gateway): Shared,
    call: Call,
    Query(query): Query<InboxQuery>,
) -> Result<Json<InboxDocument>, Problem> {
    let failed = |refusal| call.refused(refusal);
    let holder = query.holder().map_err(failed)?;
    let items = gateway
        .inbox(&call.caller, holder.as_ref(), call.trace)
        .await
        .map_err(failed)?;
    Ok(Json(InboxDocument {
        items: items.iter().map(ItemDocument::of).collect(),
    }))
}

/// One item, with your own reference for the pupil. Looking is logged.
///
/// Eén bericht, met uw eigen kenmerk van de leerling.
#[utoipa::path(
    get,
    path = "/v1/inbox/{item}",
    operation_id = "readInboxItem",
    tag = "inbox",
    params(
        ("item" = String, Path, description = "The id of an item"),
        ("holder" = Option<String>, Query, description = "The OIN of the board that you act for; your own where absent"),
    ),
    responses(
        (status = 200, description = "The item", body = OpenedDocument),
        Reading,
    ),
    security(("accessToken" = []))
)]
pub(crate) async fn read(
    State(gateway): Shared,
    call: Call,
    Path(id): Path<String>,
    Query(query): Query<InboxQuery>,
) -> Result<Json<OpenedDocument>, Problem> {
    let failed = |refusal| call.refused(refusal);
    let holder = query.holder().map_err(failed)?;
    let bytes = read_id(&id).ok_or_else(|| failed(Refusal::NoSuchItem))?;
    let opened = gateway
        .open_item(&call.caller, holder.as_ref(), &bytes, call.trace)
        .await
        .map_err(failed)?;
    Ok(Json(OpenedDocument {
        item: ItemDocument::of(&opened.item),
        reference: opened.reference,
        told: opened.told,
    }))
}

/// Answers, declines or confirms an item, once and in time.
///
/// Beantwoordt een bericht, wijst het af of bevestigt het: één keer, en op tijd.
#[utoipa::path(
    post,
    path = "/v1/inbox/{item}/_answer",
    operation_id = "settleInboxItem",
    tag = "inbox",
    params(
        ("item" = String, Path, description = "The id of an item"),
        ("holder" = Option<String>, Query, description = "The OIN of the board that you act for; your own where absent"),
    ),
    request_body = InboxAnswerBody,
    responses(
        (status = 200, description = "It is settled", body = SettledDocument),
        SendingTo,
        (status = 409, response = crate::http::openapi::ProblemResponse),
    ),
    security(("accessToken" = []))
)]
pub(crate) async fn settle(
    State(gateway): Shared,
    call: Call,
    Path(id): Path<String>,
    Query(query): Query<InboxQuery>,
    body: Bytes,
) -> Result<Json<SettledDocument>, Problem> {
    let failed = |refusal| call.refused(refusal);
    let holder = query.holder().map_err(failed)?;
    let bytes = read_id(&id).ok_or_else(|| failed(Refusal::NoSuchItem))?;
    let (state, receipt) = gateway
        .settle_item(&call.caller, holder.as_ref(), &bytes, &body, call.trace)
        .await
        .map_err(failed)?;
    Ok(Json(SettledDocument {
        id,
        state: state.as_str(),
        receipt,
    }))
}

/// Says that two numbers are not one pupil's: what joined them for everybody ends with the next day.
///
/// Zegt dat twee nummers niet van één leerling zijn: wat ze voor iedereen verbond, eindigt met de volgende dag.
#[utoipa::path(
    post,
    path = "/v1/links/_undo",
    operation_id = "undoLinks",
    tag = "inbox",
    request_body = LinkUndoBody,
    responses(
        (status = 200, description = "It is noted", body = LinkUndoDocument),
        Sending,
    ),
    security(("accessToken" = []))
)]
pub(crate) async fn undo(
    State(gateway): Shared,
    call: Call,
    body: Bytes,
) -> Result<Json<LinkUndoDocument>, Problem> {
    let failed = |refusal| call.refused(refusal);
    let receipt = gateway
        .undo_links(&call.caller, &body, call.trace)
        .await
        .map_err(failed)?;
    Ok(Json(LinkUndoDocument {
        state: "noted",
        receipt,
    }))
}
