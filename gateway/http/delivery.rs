//! `GET /v1/deliveries/{id}`: how a delivery stands.

use axum::Json;
use axum::extract::{Path, State};
use serde::Serialize;
use utoipa::ToSchema;

use super::Shared;
use super::call::Call;
use super::problem::Problem;
use crate::delivery::{Delivered, DeliveryRefusal};
use crate::exchange::Refusal;
use crate::gateway::Gateway;
use crate::store::delivery::{Delivery, RowError};

/// A delivery, as its deliverer sees it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeliveryDocument {
    /// Its id.
    id: String,
    /// The dataset.
    dataset: String,
    /// The school year, where the dataset has one.
    #[serde(skip_serializing_if = "String::is_empty")]
    period: String,
    /// The OIN of the holder.
    holder: String,
    /// `snapshot` or `changes`.
    mode: String,
    /// `receiving`, `ready`, `active`, `superseded`, `rejected` or `failed`.
    state: String,
    /// The earlier delivery with the same content, if nothing changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    same_as: Option<String>,
    /// Rows taken over.
    rows_accepted: i64,
    /// Rows with mistakes.
    rows_rejected: i64,
    /// The first of the mistakes: row, field and code, never a value.
    errors: Vec<RowErrorDocument>,
    /// That it was logged.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    receipt: Option<serde_json::Value>,
}

/// One mistake in a row.
#[derive(Serialize, ToSchema)]
pub(crate) struct RowErrorDocument {
    /// The row's number, from 1.
    row: i64,
    /// The field; empty where the row as a whole is meant.
    field: String,
    /// The stable code.
    code: String,
    /// How to mend it.
    detail: &'static str,
}

/// A delivery's state, counts and row errors.
///
/// Stand, aantallen en fouten van een levering.
#[utoipa::path(
    get,
    path = "/v1/deliveries/{delivery}",
    operation_id = "showDelivery",
    tag = "deliveries",
    params(("delivery" = String, Path, description = "The id of a delivery")),
    responses(
        (status = 200, description = "The delivery", body = DeliveryDocument),
        (status = 400, response = crate::http::openapi::ProblemResponse),
        (status = 401, response = crate::http::openapi::ProblemResponse),
        (status = 404, response = crate::http::openapi::ProblemResponse),
        (status = 503, response = crate::http::openapi::ProblemResponse),
    ),
    security(("accessToken" = []))
)]
pub(crate) async fn show(
    State(gateway): Shared,
    call: Call,
    Path(id): Path<String>,
) -> Result<Json<DeliveryDocument>, Problem> {
    let none = || call.problem(Problem::new("no-such-delivery", "", call.language));
    let failed = |error: crate::store::StoreError| call.refused(Refusal::from(error));
    let id: i64 = id.parse().map_err(|_| none())?;
    let delivery = gateway.store.delivery(id).await.map_err(failed)?;
    let delivery = delivery
        .filter(|delivery| {
            delivery.deliverer == call.caller.organisation || delivery.holder == call.caller.organisation
        })
        .ok_or_else(none)?;
    let errors = gateway.store.delivery_errors(id).await.map_err(failed)?;
    Ok(Json(DeliveryDocument::of(delivery, errors, None)))
}

/// The document of a delivery that was just taken in.
pub(super) async fn document(
    gateway: &Gateway,
    delivered: Delivered,
) -> Result<DeliveryDocument, DeliveryRefusal> {
    let id = delivered.received.id;
    let delivery = gateway.store.delivery(id).await?.ok_or(Refusal::Internal)?;
    let errors = gateway.store.delivery_errors(id).await?;
    let receipt = serde_json::to_value(&delivered.receipt).ok();
    Ok(DeliveryDocument::of(delivery, errors, receipt))
}

impl DeliveryDocument {
    fn of(delivery: Delivery, errors: Vec<RowError>, receipt: Option<serde_json::Value>) -> Self {
        Self {
            id: delivery.id.to_string(),
            dataset: delivery.dataset,
            period: delivery.period,
            holder: delivery.holder.to_string(),
            mode: delivery.mode.as_str().to_owned(),
            state: delivery.state.as_str().to_owned(),
            same_as: delivery.same_as.map(|id| id.to_string()),
            rows_accepted: delivery.rows_accepted,
            rows_rejected: delivery.rows_rejected,
            errors: errors
                .into_iter()
                .map(|error| RowErrorDocument {
                    row: error.row,
                    detail: crate::delivery::explain(&error.code),
                    field: error.field,
                    code: error.code,
                })
                .collect(),
            receipt,
        }
    }
}
