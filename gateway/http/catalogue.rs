//! `GET /v1/catalogue`: what this caller may ask.

use axum::Json;
use axum::extract::State;

use super::Shared;
use super::call::Call;
use super::catalogue_view::CatalogueDocument;
use super::problem::Problem;
use crate::exchange::Refusal;

/// The purposes, questions, fields, levels, codes and epochs that are open to this caller.
///
/// De doelen, vragen, velden, niveaus, codes en peilmomenten die voor deze afnemer openstaan.
#[utoipa::path(
    get,
    path = "/v1/catalogue",
    operation_id = "showCatalogue",
    tag = "catalogue",
    responses(
        (status = 200, description = "What you may ask", body = CatalogueDocument),
        (status = 401, response = crate::http::openapi::ProblemResponse),
        (status = 503, response = crate::http::openapi::ProblemResponse),
    ),
    security(("accessToken" = []))
)]
pub(crate) async fn show(State(gateway): Shared, call: Call) -> Result<Json<CatalogueDocument>, Problem> {
    let refused = |refusal| call.refused(refusal);
    gateway.policies.current().check_in_force().map_err(refused)?;
    let document = CatalogueDocument::of(&gateway, &call.caller).await;
    document.map(Json).map_err(|error| refused(Refusal::from(error)))
}
