//! HTTP: every route in one list, each a file of its own; what a route declares it needs is on its line.

mod answer;
mod catalogue;
mod catalogue_view;
mod deliveries;
mod delivery;
mod facts;
mod format;
mod identify;
mod language;
mod log;
mod log_reading;
mod openapi;
mod operations;
mod problem;
mod problems;
mod queries;
mod questions;
mod register;
mod restrictions;
mod stream;
mod tiles;
mod token;
mod told;
mod trace;
mod well_known;
mod withdrawals;
mod witness;

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::error_handling::HandleErrorLayer;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use tower::ServiceBuilder;
use tower::limit::GlobalConcurrencyLimitLayer;
use tower::load_shed::LoadShedLayer;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::timeout::TimeoutLayer;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::gateway::Gateway;
use crate::identity::{JWKS_PATH, METADATA_PATH, TOKEN_PATH};
use language::Language;
use problem::Problem;
pub(crate) use problem::title as problem_title;

/// The version of the API, in each response (API Design Rules, `API-Version`).
const API_VERSION: &str = env!("CARGO_PKG_VERSION");

type Shared = State<Arc<Gateway>>;

/// The routes of the exchange listener.
pub fn exchange(gateway: &Arc<Gateway>) -> Router {
    let bounds = &gateway.bounds;
    let seconds = Duration::from_secs(bounds.request_time_s_max);
    let at_once = usize::try_from(bounds.requests_at_once_max).unwrap_or(usize::MAX);
    let body_bytes_max = usize::try_from(bounds.body_bytes_max).unwrap_or(usize::MAX);
    let (asked, _) = asked_routes().split_for_parts();
    let (delivered, _) = delivered_routes().split_for_parts();
    let (public, _) = public_routes().split_for_parts();
    let asked = asked
        .merge(public)
        .route(TOKEN_PATH, axum::routing::post(token::issue)) // certificate
        .route(METADATA_PATH, axum::routing::get(well_known::metadata))
        .route(JWKS_PATH, axum::routing::get(well_known::jwks))
        .layer(DefaultBodyLimit::max(body_bytes_max))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::SERVICE_UNAVAILABLE,
            seconds,
        ));
    let delivered = delivered
        .layer(DefaultBodyLimit::disable())
        .layer(TimeoutLayer::with_status_code(
            StatusCode::SERVICE_UNAVAILABLE,
            Duration::from_secs(bounds.delivery_time_s_max),
        ));
    asked
        .merge(delivered)
        .fallback(nothing_here)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn(told::as_problem))
        .layer(CompressionLayer::new())
        .layer(CatchPanicLayer::custom(panicked))
        .layer(
            ServiceBuilder::new()
                .layer(HandleErrorLayer::new(overloaded))
                .layer(LoadShedLayer::new())
                .layer(GlobalConcurrencyLimitLayer::new(at_once)),
        )
        .layer(from_fn(api_version))
        .layer(from_fn_with_state(Arc::clone(gateway), measure))
        .with_state(Arc::clone(gateway))
}

/// The routes of the admin listener; it never shares one with the exchange.
pub fn admin(gateway: &Arc<Gateway>) -> Router {
    Router::new()
        .route("/health/live", axum::routing::get(operations::live))
        .route("/health/ready", axum::routing::get(operations::ready))
        .route("/metrics", axum::routing::get(operations::metrics))
        .with_state(Arc::clone(gateway))
}

pub use witness::routes as witness;

/// The description of the exchange's API, from the code (OpenAPI 3.1).
pub fn description() -> OpenApi {
    let (_, description) = asked_routes()
        .merge(delivered_routes())
        .merge(public_routes())
        .split_for_parts();
    openapi::complete(description)
}

/// Routes that need an access token bound to the client's certificate. The token endpoint is no part of the described
/// API: it follows RFC 6749, and RFC 8414 describes it.
fn asked_routes() -> OpenApiRouter<Arc<Gateway>> {
    OpenApiRouter::new()
        .routes(routes!(catalogue::show)) // token
        .routes(routes!(questions::ask)) // token
        .routes(routes!(queries::ask)) // token
        .routes(routes!(facts::ask)) // token
        .routes(routes!(withdrawals::withdraw)) // token, role `policy`
        .routes(routes!(restrictions::enter)) // token
        .routes(routes!(log_reading::read)) // token, role `auditor`
        .routes(routes!(tiles::entries)) // token, role `auditor`
}

/// Deliveries: a body of any length, so other limits. Token.
fn delivered_routes() -> OpenApiRouter<Arc<Gateway>> {
    OpenApiRouter::new().routes(routes!(deliveries::take_in, delivery::show))
}

/// Routes for anyone.
fn public_routes() -> OpenApiRouter<Arc<Gateway>> {
    OpenApiRouter::new()
        .routes(routes!(log::checkpoint)) // public
        .routes(routes!(log::witnessed)) // public
        .routes(routes!(log::inclusion)) // public
        .routes(routes!(log::consistency)) // public
        .routes(routes!(tiles::hashes)) // public
        .routes(routes!(openapi::show)) // public
        .routes(routes!(problems::explain)) // public
        .routes(routes!(register::show)) // public
}

async fn nothing_here(request: Request) -> Response {
    let language = Language::of(request.headers());
    Problem::new("not-found", "", language).into_response()
}

async fn method_not_allowed(request: Request) -> Response {
    let language = Language::of(request.headers());
    Problem::new("method-not-allowed", "", language).into_response()
}

/// More requests at once than the exchange takes: better one clear answer early than many late.
async fn overloaded(_: tower::BoxError) -> Response {
    Problem::new("overloaded", "", Language::default()).into_response()
}

/// A panic is a defect of ours; the client learns nothing of it.
fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    tracing::error!("a request panicked");
    Problem::new("internal-error", "", Language::default()).into_response()
}

async fn api_version(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response
        .headers_mut()
        .insert("api-version", HeaderValue::from_static(API_VERSION));
    let headers = response.headers_mut();
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Counts and times each request by its route, never by its path.
async fn measure(State(gateway): Shared, request: Request, next: Next) -> Response {
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map(|path| path.as_str().to_owned());
    let began = Instant::now();
    let response = next.run(request).await;
    let route = route.as_deref().unwrap_or("none");
    gateway
        .metrics
        .request(route, response.status().as_u16(), began.elapsed());
    response
}
