//! HTTP: every route in one of the lists below, each a file of its own; the list says what its routes need.

mod answer;
mod call;
mod catalogue;
mod catalogue_view;
mod deliveries;
mod delivery;
mod even;
mod facts;
mod format;
mod identify;
mod inbox;
mod language;
mod limits;
mod log;
mod log_looks;
mod log_reading;
mod needs;
mod openapi;
mod operations;
mod problem;
mod problems;
mod queries;
mod questions;
mod register;
mod resolutions;
mod restrictions;
mod shards;
mod stack;
mod stream;
mod tiles;
mod token;
mod told;
mod trace;
mod translations;
mod well_known;
mod withdrawals;
mod witness;

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::error_handling::HandleErrorLayer;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use tower::ServiceBuilder;
use tower::load_shed::LoadShedLayer;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::gateway::Gateway;
use crate::identity::{JWKS_PATH, METADATA_PATH, TOKEN_PATH};
use crate::telemetry::Span;
pub(crate) use language::Language;
use needs::{Certified, Identified, Operator, Public, Routes};
use problem::Problem;
pub(crate) use problem::title as problem_title;

/// The version of the API, in each response (API Design Rules, `API-Version`).
const API_VERSION: &str = env!("CARGO_PKG_VERSION");

type Shared = State<Arc<Gateway>>;

/// What each listener serves; they never share a route.
#[derive(Debug, Default)]
pub struct Listeners {
    /// For the parties.
    pub exchange: Router,
    /// For people.
    pub console: Router,
    /// For the operator.
    pub admin: Router,
}

/// The routes of all listeners.
pub fn listeners(gateway: &Arc<Gateway>) -> Listeners {
    Listeners {
        exchange: exchange(gateway),
        console: crate::console::routes(gateway).layer(from_fn_with_state(Arc::clone(gateway), measure)),
        admin: operations_routes().guarded(gateway),
    }
}

/// The routes of the exchange.
fn exchange(gateway: &Arc<Gateway>) -> Router {
    let bounds = &gateway.bounds;
    let asked = token_routes()
        .guarded(gateway)
        .merge(certificate_routes().guarded(gateway))
        .merge(public_routes().guarded(gateway))
        .layer(limits::body_bytes_max(bounds.body_bytes_max))
        .layer(limits::time_max(bounds.request_time_s_max));
    let delivered = delivery_routes()
        .guarded(gateway)
        .layer(DefaultBodyLimit::disable())
        .layer(limits::time_max(bounds.delivery_time_s_max));
    asked
        .merge(delivered)
        .layer(from_fn(stack::wiped))
        .fallback(nothing_here)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn_with_state(Arc::clone(gateway), limits::tell_rates))
        .layer(from_fn(told::as_problem))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(
            ServiceBuilder::new()
                .layer(HandleErrorLayer::new(overloaded))
                .layer(LoadShedLayer::new())
                .layer(limits::requests_at_once_max(bounds.requests_at_once_max)),
        )
        .layer(from_fn(api_version))
        .layer(from_fn_with_state(Arc::clone(gateway), measure))
}

pub use needs::{Declared, Needs};
pub use witness::routes as witness;

/// The description of the exchange's API, from the code (OpenAPI 3.1).
pub fn description() -> OpenApi {
    let mut description = token_routes().description();
    description.merge(delivery_routes().description());
    description.merge(public_routes().description());
    openapi::complete(description)
}

/// Each route of the exchange and of the admin listener, with what it needs.
pub fn declared() -> (Vec<Declared>, Vec<Declared>) {
    let mut exchange = token_routes().declared();
    exchange.extend(delivery_routes().declared());
    exchange.extend(certificate_routes().declared());
    exchange.extend(public_routes().declared());
    (exchange, operations_routes().declared())
}

/// Routes that need an access token bound to the client's certificate.
fn token_routes() -> Routes<Identified> {
    Routes::described(
        OpenApiRouter::new()
            .routes(routes!(catalogue::show))
            .routes(routes!(questions::ask))
            .routes(routes!(queries::ask))
            .routes(routes!(facts::ask))
            .routes(routes!(withdrawals::withdraw)) // role `policy`
            .routes(routes!(restrictions::enter))
            .routes(routes!(resolutions::ask))
            .routes(routes!(resolutions::show))
            .routes(routes!(translations::send, translations::list))
            .routes(routes!(translations::fetch))
            .routes(routes!(inbox::list)) // role `inbox`
            .routes(routes!(inbox::read)) // role `inbox`
            .routes(routes!(inbox::settle)) // role `inbox`
            .routes(routes!(inbox::undo)) // role `inbox`
            .routes(routes!(log_reading::read)) // role `auditor`
            .routes(routes!(tiles::entries)) // role `auditor` or `fg`
            .routes(routes!(shards::entries)) // role `auditor` or `fg`
            .routes(routes!(log_looks::announce)) // role `fg`
            .routes(routes!(log_looks::subject)) // role `fg`
            .routes(routes!(log_looks::private)) // role `fg`
            .routes(routes!(log_looks::policies)), // role `auditor` or `fg`
    )
}

/// Deliveries, which need a token too: a body of any length, so other limits.
fn delivery_routes() -> Routes<Identified> {
    Routes::described(OpenApiRouter::new().routes(routes!(deliveries::take_in, delivery::show)))
}

/// Routes that need a client certificate. The token endpoint is no part of the described API: it follows RFC 6749, and
/// RFC 8414 describes it.
fn certificate_routes() -> Routes<Certified> {
    Routes::described(OpenApiRouter::new()).post(TOKEN_PATH, token::issue)
}

/// Routes for anyone, each address at its rate.
fn public_routes() -> Routes<Public> {
    Routes::described(
        OpenApiRouter::new()
            .routes(routes!(log::checkpoint))
            .routes(routes!(log::witnessed))
            .routes(routes!(log::inclusion))
            .routes(routes!(log::consistency))
            .routes(routes!(tiles::hashes))
            .routes(routes!(shards::list))
            .routes(routes!(shards::checkpoint))
            .routes(routes!(shards::witnessed))
            .routes(routes!(shards::inclusion))
            .routes(routes!(shards::consistency))
            .routes(routes!(shards::hashes))
            .routes(routes!(openapi::show))
            .routes(routes!(problems::explain))
            .routes(routes!(register::show))
            .routes(routes!(withdrawals::withdraw_signed)), // signed by an approver
    )
    .get(METADATA_PATH, well_known::metadata)
    .get(JWKS_PATH, well_known::jwks)
}

/// Routes of the admin listener.
fn operations_routes() -> Routes<Operator> {
    Routes::described(OpenApiRouter::new())
        .get("/health/live", operations::live)
        .get("/health/ready", operations::ready)
        .get("/metrics", operations::metrics)
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

/// Gives each request its trace, and counts and times it by its route, never by its path.
async fn measure(State(gateway): Shared, mut request: Request, next: Next) -> Response {
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map(|path| path.as_str().to_owned());
    let traced = trace::of(request.headers(), &gateway.random);
    request.extensions_mut().insert(traced.trace);
    let method = gateway.exporter.is_some().then(|| request.method().clone());
    let (began, at) = (Instant::now(), gateway.clock.now());
    let response = next.run(request).await;
    let (status, time) = (response.status(), began.elapsed());
    gateway
        .metrics
        .request(route.as_deref().unwrap_or("none"), status.as_u16(), time);
    if let (Some(exporter), Some(method), true) = (&gateway.exporter, method, traced.sampled) {
        exporter.take(Span {
            trace_id: traced.trace.trace_id,
            // The request's own span id is that of its record in the log, which may be sent to the same collector.
            id: trace::span_id(&gateway.random),
            parent: traced.parent,
            method,
            route,
            status,
            began: at,
            time,
        });
    }
    response
}
