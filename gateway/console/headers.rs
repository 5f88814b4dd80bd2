//! What a browser must keep to, on each response: nothing from elsewhere, nothing inline, no frames, nothing kept.

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;

const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";
const ALWAYS: [(HeaderName, &str); 7] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    // Not `no-referrer`: with that, browsers send forms without the origin that the guard asks for.
    (header::REFERRER_POLICY, "same-origin"),
    (header::CACHE_CONTROL, "no-store"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

/// On a listener with TLS: the browser comes back over TLS only.
pub(super) async fn over_tls(request: Request, next: Next) -> Response {
    let mut response = on_loopback(request, next).await;
    let year = HeaderValue::from_static("max-age=31536000; includeSubDomains");
    let headers = response.headers_mut();
    headers.insert(header::STRICT_TRANSPORT_SECURITY, year);
    response
}

/// On a listener of this machine alone, without TLS.
pub(super) async fn on_loopback(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in ALWAYS {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}
