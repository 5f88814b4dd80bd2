//! What the client signs: itself, for a token (RFC 7523), and the person on whose behalf it asks.

use data_encoding::BASE64URL_NOPAD;
use doelpoort_core::request_digest::RequestDigest;
use jiff::{SignedDuration, Timestamp};
use ring::rand::{SecureRandom as _, SystemRandom};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::call::{ANSWER_BYTES_MAX, read_text};
use super::{Client, ClientError, KeyError};
use crate::identity::TOKEN_PATH;

/// How long an assertion lasts, in seconds; the gateway takes at most 300.
const ASSERTION_TIME_S: i64 = 120;
/// Bytes of an assertion's id: 128 bits.
const ASSERTION_ID_BYTES: usize = 16;
/// A token that ends within this many seconds is not used any more.
const TOKEN_MARGIN_S: i64 = 15;
/// What kind of assertion the token endpoint gets (RFC 7523 section 2.2).
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// An access token and its end.
pub(super) struct Token {
    text: Zeroizing<String>,
    until: Timestamp,
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    expires_in: i64,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct TokenRefusal {
    error: String,
    error_description: String,
}

impl Token {
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn lasts_at(&self, now: Timestamp) -> bool {
        now < self.until
    }
}

impl Client {
    /// Asks the token endpoint.
    pub(super) async fn fresh_token(&self, now: Timestamp) -> Result<Token, ClientError> {
        let assertion = self.client_assertion(now)?;
        let form = super::call::form(&[
            ("grant_type", "client_credentials"),
            ("client_assertion_type", ASSERTION_TYPE),
            ("client_assertion", &assertion),
        ]);
        let request = self
            .http
            .post(self.url(TOKEN_PATH))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form);
        let (status, text) =
            read_text(request.send().await, &self.settings.gateway, ANSWER_BYTES_MAX).await?;
        if let Ok(answer) = serde_json::from_str::<TokenAnswer>(&text) {
            let lasts = SignedDuration::from_secs(answer.expires_in.saturating_sub(TOKEN_MARGIN_S));
            let until = now.saturating_add(lasts).unwrap_or(now);
            return Ok(Token {
                text: Zeroizing::new(answer.access_token),
                until,
            });
        }
        let refusal: TokenRefusal = serde_json::from_str(&text).unwrap_or_default();
        if refusal.error.is_empty() {
            let why = "the token endpoint answers with neither a token nor an error";
            return Err(super::error::Problem::parse(status, &text)
                .map_or(ClientError::Unreadable { status, why }, |problem| {
                    ClientError::Refused(Box::new(problem))
                }));
        }
        Err(ClientError::Token {
            error: refusal.error,
            description: refusal.error_description,
        })
    }

    /// `private_key_jwt`.
    pub(crate) fn client_assertion(&self, now: Timestamp) -> Result<String, ClientError> {
        let (id, settings) = (&self.settings.client_id, &self.settings);
        let claims = json!({
            "iss": id, "sub": id, "aud": settings.audience(), "jti": random_id()?,
            "iat": now.as_second(), "exp": now.as_second() + ASSERTION_TIME_S,
        });
        let kid = settings.kid.clone().unwrap_or_else(|| self.assertion_key.kid());
        Ok(self.assertion_key.jwt(&kid, &claims)?)
    }

    /// The body with the person's assertion, where it has `onBehalfOf` without one and the folder has a person.
    ///
    /// # Errors
    /// When the body has no canonical form, or the key does not sign.
    pub fn signed(&self, mut body: Map<String, Value>) -> Result<Map<String, Value>, ClientError> {
        let digest = RequestDigest::of(&body).map_err(|why| ClientError::Call(why.to_string()))?;
        let Some(Value::Object(on_behalf_of)) = body.get_mut("onBehalfOf") else {
            return Ok(body);
        };
        let (Some(staff), Some(key)) = (&self.settings.staff, &self.staff_key) else {
            return Ok(body);
        };
        if !on_behalf_of.contains_key("assertion") {
            let now = self.clock.now().as_second();
            let claims = json!({
                "iss": staff.issuer, "sub": staff.subject, "aud": self.settings.audience(),
                "client_id": self.settings.client_id, "request_digest": digest.to_string(),
                "iat": now, "exp": now + ASSERTION_TIME_S, "jti": random_id()?,
            });
            let kid = staff.kid.clone().unwrap_or_else(|| key.kid());
            on_behalf_of.insert("assertion".to_owned(), key.jwt(&kid, &claims)?.into());
        }
        Ok(body)
    }
}

fn random_id() -> Result<String, KeyError> {
    let mut id = [0; ASSERTION_ID_BYTES];
    SystemRandom::new().fill(&mut id).map_err(|_| KeyError::Sign)?;
    Ok(BASE64URL_NOPAD.encode(&id))
}
