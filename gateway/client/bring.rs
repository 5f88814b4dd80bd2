//! What anyone may bring to a gateway, without a certificate or token: a withdrawal that an approver signed.

use std::path::Path;
use std::sync::Arc;

use reqwest::header::CONTENT_TYPE;

use super::error::{Problem, reasons};
use super::{ClientError, transport};
use crate::clock::Clock;

/// The media type of a JWS in compact form (RFC 7515 section 9.2.1).
const JOSE: &str = "application/jose";

/// Brings a signed withdrawal to the gateway at this address, whose certificate this authority (PEM) vouches for; the
/// gateway's answer, as JSON.
///
/// # Errors
/// When there is no connection, or the gateway refuses.
pub async fn bring_withdrawal(
    gateway: &str,
    authority: &Path,
    signed: &str,
    clock: Arc<dyn Clock>,
) -> Result<String, ClientError> {
    let http = transport::connect_as_anyone(authority, &clock)?;
    let address = format!("{}/v1/withdrawals/signed", gateway.trim_end_matches('/'));
    let broken = |why: reqwest::Error| ClientError::Connection {
        gateway: gateway.to_owned(),
        why: reasons(why),
    };
    let request = http
        .post(address)
        .header(CONTENT_TYPE, JOSE)
        .body(signed.to_owned());
    let response = request.send().await.map_err(broken)?;
    let status = response.status();
    let text = response.text().await.map_err(broken)?;
    if status.is_success() {
        return Ok(text);
    }
    let why = "no problem document";
    let status = status.as_u16();
    let problem = Problem::parse(status, &text).ok_or(ClientError::Unreadable { status, why })?;
    Err(ClientError::Refused(Box::new(problem)))
}
