//! The digest that binds a staff assertion, and a cursor, to one request.

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Map, Value, json};

use crate::party::ClientId;
use crate::policy::sha256;

/// SHA-256 of the canonical form (JCS, RFC 8785) of a request's body without `page` and the `assertion`
/// of `onBehalfOf` and `releasedBy`: an assertion cannot contain itself, and the pages of one answer are one request. Text form: base64url.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestDigest([u8; 32]);

/// A body that has no canonical form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the body has no canonical form")]
pub struct NotCanonical;

impl RequestDigest {
    /// The digest of this body.
    ///
    /// # Errors
    /// [`NotCanonical`]: a number that JSON numbers cannot hold.
    pub fn of(body: &Map<String, Value>) -> Result<Self, NotCanonical> {
        let mut body = body.clone();
        body.remove("page");
        for person in ["onBehalfOf", "releasedBy"] {
            if let Some(Value::Object(person)) = body.get_mut(person) {
                person.remove("assertion");
            }
        }
        canonical(&body).map(|bytes| Self(sha256(&bytes)))
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl std::fmt::Display for RequestDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&BASE64URL_NOPAD.encode(&self.0))
    }
}

/// Shown as nothing: the body of a facts request names pupils, and few enough to be enumerated.
impl std::fmt::Debug for RequestDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RequestDigest(..)")
    }
}

/// What the `nonce` of an assertion holds (in base64url) when the provider cannot add claims: SHA-256 of the
/// canonical form of `{"client_id": …, "request_digest": …}`.
pub fn nonce(client: &ClientId, digest: &RequestDigest) -> [u8; 32] {
    let bound = json!({ "client_id": client.as_str(), "request_digest": digest.to_string() });
    sha256(bound.to_string().as_bytes())
}

fn canonical(body: &Map<String, Value>) -> Result<Vec<u8>, NotCanonical> {
    serde_json_canonicalizer::to_vec(body).map_err(|_| NotCanonical)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(text: &str) -> String {
        RequestDigest::of(&serde_json::from_str(text).unwrap())
            .unwrap()
            .to_string()
    }

    /// Computed apart: `printf '{"a":1}' | openssl dgst -sha256 -binary | basenc --base64url`.
    #[test]
    fn known_answer() {
        assert_eq!(
            digest(r#"{ "a" : 1.0 }"#),
            "AVq9f1zFei3ZS3WQ8ErYCEJzkF7jPsXOvq5iJ2qX-GI"
        );
    }

    #[test]
    fn spelling_page_and_assertion_do_not_count() {
        let plain = digest(r#"{"purpose":"p","fields":["a","b"],"onBehalfOf":{"case":"7"}}"#);
        let same = [
            r#"{ "onBehalfOf": {"case":"7"}, "fields": ["a", "b"], "purpose": "\u0070" }"#,
            r#"{"purpose":"p","fields":["a","b"],"onBehalfOf":{"case":"7","assertion":"x.y.z"}}"#,
            r#"{"purpose":"p","fields":["a","b"],"onBehalfOf":{"case":"7"},"page":{"limit":10,"cursor":"c"}}"#,
        ];
        for text in same {
            assert_eq!(digest(text), plain, "{text}");
        }
    }

    #[test]
    fn everything_else_counts() {
        let texts = [
            r#"{"purpose":"p","fields":["a","b"],"onBehalfOf":{"case":"7"}}"#,
            r#"{"purpose":"q","fields":["a","b"],"onBehalfOf":{"case":"7"}}"#,
            r#"{"purpose":"p","fields":["b","a"],"onBehalfOf":{"case":"7"}}"#,
            r#"{"purpose":"p","fields":["a","b"],"onBehalfOf":{"case":"8"}}"#,
            r#"{"purpose":"p","fields":["a","b"]}"#,
            r#"{"purpose":"p","fields":["a","b"],"onBehalfOf":{"case":"7"},"assertion":"x"}"#,
            r#"{"purpose":"p","fields":["a","b"],"onBehalfOf":{"case":"7"},"only":{"page":1}}"#,
        ];
        let digests: std::collections::BTreeSet<String> = texts.iter().map(|text| digest(text)).collect();
        assert_eq!(digests.len(), texts.len());
    }

    #[test]
    fn a_nonce_names_client_and_request() {
        let one = RequestDigest([1; 32]);
        let two = RequestDigest([2; 32]);
        let client = |text: &str| text.parse::<ClientId>().unwrap();
        let nonces = [
            nonce(&client("a"), &one),
            nonce(&client("b"), &one),
            nonce(&client("a"), &two),
        ];
        assert!(nonces[0] != nonces[1] && nonces[0] != nonces[2]);
        let text = format!(r#"{{"client_id":"a","request_digest":"{one}"}}"#);
        assert_eq!(nonces[0], sha256(text.as_bytes()));
    }
}
