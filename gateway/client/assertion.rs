//! What the client signs: itself, for a token (RFC 7523), and the person on whose behalf it asks.

use std::path::Path;

use data_encoding::BASE64URL_NOPAD;
use doelpoort_core::request_digest::RequestDigest;
use jiff::{SignedDuration, Timestamp};
use ring::rand::{SecureRandom as _, SystemRandom};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::call::{ANSWER_BYTES_MAX, read_text};
use super::{Client, ClientError, ClientSettings, KeyError, PrivateKey, StaffSettings, file_names};
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

    /// The body with the persons' assertions, where it has `onBehalfOf` or `releasedBy` without one and the folder has
    /// that person.
    ///
    /// # Errors
    /// When the body has no canonical form, or the key does not sign.
    pub fn signed(&self, mut body: Map<String, Value>) -> Result<Map<String, Value>, ClientError> {
        let digest = RequestDigest::of(&body).map_err(|why| ClientError::Call(why.to_string()))?;
        let (Some(staff), Some(key)) = (&self.settings.staff, &self.staff_key) else {
            return Ok(body);
        };
        if let Some(person) = without_assertion(&mut body, "onBehalfOf") {
            let assertion = self.assertion((staff, &staff.subject, key), &digest)?;
            person.insert("assertion".to_owned(), assertion.into());
        }
        if let Some(person) = without_assertion(&mut body, "releasedBy") {
            let assertion = match (&self.colleague, &staff.released_by) {
                (Some(folder), _) => Some(self.assertion_of_colleague(folder, &staff.subject, &digest)?),
                (None, Some(subject)) => Some(self.assertion((staff, subject, key), &digest)?),
                (None, None) => None,
            };
            person.extend(assertion.map(|assertion| ("assertion".to_owned(), assertion.into())));
        }
        Ok(body)
    }

    /// Says who is meant, by the key of their identity provider.
    fn assertion(
        &self,
        (staff, subject, key): (&StaffSettings, &str, &PrivateKey),
        digest: &RequestDigest,
    ) -> Result<String, ClientError> {
        let now = self.clock.now().as_second();
        let claims = json!({
            "iss": staff.issuer, "sub": subject, "aud": self.settings.audience(),
            "client_id": self.settings.client_id, "request_digest": digest.to_string(),
            "iat": now, "exp": now + ASSERTION_TIME_S, "jti": random_id()?,
        });
        let kid = staff.kid.clone().unwrap_or_else(|| key.kid());
        Ok(key.jwt(&kid, &claims)?)
    }

    /// The second person's own word, out of their own folder.
    fn assertion_of_colleague(
        &self,
        folder: &Path,
        first: &str,
        digest: &RequestDigest,
    ) -> Result<String, ClientError> {
        let wrong = |message: &str| ClientError::Folder {
            file: folder.join(file_names::SETTINGS).display().to_string(),
            message: message.to_owned(),
        };
        let settings = ClientSettings::read(folder)?;
        let staff = settings
            .staff
            .ok_or_else(|| wrong("there is no `[staff]`: the second person is not named"))?;
        if staff.subject == first {
            return Err(wrong("the second person is the first: two of you stand for this"));
        }
        let key = PrivateKey::read(&folder.join(&staff.key))?;
        self.assertion((&staff, &staff.subject, &key), digest)
    }
}

/// A person in a body who did not sign yet.
fn without_assertion<'b>(body: &'b mut Map<String, Value>, role: &str) -> Option<&'b mut Map<String, Value>> {
    let person = body.get_mut(role)?.as_object_mut()?;
    (!person.contains_key("assertion")).then_some(person)
}

fn random_id() -> Result<String, KeyError> {
    let mut id = [0; ASSERTION_ID_BYTES];
    SystemRandom::new().fill(&mut id).map_err(|_| KeyError::Sign)?;
    Ok(BASE64URL_NOPAD.encode(&id))
}
