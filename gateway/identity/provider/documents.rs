//! What a provider publishes and answers, parsed with suspicion.

use doelpoort_core::strict_json;
use reqwest::Url;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::ProviderError;
use crate::identity::key_set::KeySet;

/// What is used of a provider's metadata (Discovery 1.0 section 3).
#[derive(Deserialize)]
pub(super) struct Metadata {
    issuer: String,
    pub(super) authorization_endpoint: String,
    pub(super) token_endpoint: String,
    pub(super) jwks_uri: String,
    code_challenge_methods_supported: Option<Vec<String>>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    pub(super) authorization_response_iss_parameter_supported: bool,
}

/// What the token endpoint gave.
pub(super) struct Tokens {
    pub(super) id_token: Zeroizing<String>,
    pub(super) access_token: Zeroizing<String>,
}

impl Metadata {
    pub(super) fn parse(bytes: &[u8], issuer: &str) -> Result<Self, ProviderError> {
        let metadata: Self = parsed(bytes).ok_or(ProviderError::Metadata("it is not its JSON document"))?;
        if metadata.issuer != issuer {
            return Err(ProviderError::Metadata(
                "it names another issuer than `console.issuer`",
            ));
        }
        let addresses = [
            &metadata.authorization_endpoint,
            &metadata.token_endpoint,
            &metadata.jwks_uri,
        ];
        if addresses.into_iter().any(|address| url(address).is_none()) {
            return Err(ProviderError::Metadata("an address in it is not `https`"));
        }
        let challenges = metadata.code_challenge_methods_supported.as_ref();
        if challenges.is_some_and(|methods| methods.iter().all(|method| method != "S256")) {
            return Err(ProviderError::Metadata("it does not take `S256` of PKCE"));
        }
        Ok(metadata)
    }

    /// Whether our secret goes into the form: only where the header, which is the default, is not taken.
    pub(super) fn takes_secret_in_body(&self) -> bool {
        let methods = self.token_endpoint_auth_methods_supported.as_ref();
        methods.is_some_and(|methods| {
            let takes = |name: &str| methods.iter().any(|method| method == name);
            !takes("client_secret_basic") && takes("client_secret_post")
        })
    }
}

impl Tokens {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, ProviderError> {
        #[derive(Deserialize)]
        struct Answer {
            id_token: String,
            access_token: String,
            token_type: String,
        }
        let answer: Answer = parsed(bytes).ok_or(ProviderError::Answer("it is not its JSON document"))?;
        if !answer.token_type.eq_ignore_ascii_case("bearer") {
            return Err(ProviderError::Answer("its access token is of another type"));
        }
        Ok(Self {
            id_token: Zeroizing::new(answer.id_token),
            access_token: Zeroizing::new(answer.access_token),
        })
    }
}

/// The keys of a JWK Set. An RSA key that does not say its algorithm is for the one that OpenID Connect has by default
/// (Registration 1.0 section 2, `id_token_signed_response_alg`).
pub(super) fn keys_of(bytes: &[u8]) -> Result<KeySet, ProviderError> {
    let unusable = ProviderError::Metadata("its keys are no JWK Set");
    let Ok(mut set) = strict_json::object(bytes) else {
        return Err(unusable);
    };
    let Some(Value::Array(keys)) = set.get_mut("keys") else {
        return Err(unusable);
    };
    // A set may hold other keys besides; those for signatures come first, as only so many are read.
    keys.retain(|key| key.get("use").is_none_or(|usage| usage == "sig"));
    for key in keys.iter_mut().filter_map(Value::as_object_mut) {
        if key.get("kty").is_some_and(|kind| kind == "RSA") && !key.contains_key("alg") {
            key.insert("alg".to_owned(), json!("RS256"));
        }
    }
    let (keys, unusable) = KeySet::from_jwks(&Value::Object(set));
    for key in unusable {
        tracing::debug!(%key, "a key of the identity provider is left out");
    }
    Ok(keys)
}

/// An `https` address without a name and password in it.
pub(super) fn url(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let plain = url.scheme() == "https" && url.username().is_empty() && url.password().is_none();
    (plain && url.has_host()).then_some(url)
}

/// Fields as a form has them.
pub(super) fn form(fields: &[(&str, &str)]) -> String {
    // A form and the query of an address are written the same way (RFC 6749 appendix B).
    let Ok(mut url) = Url::parse("https://form.invalid/") else {
        return String::new();
    };
    url.query_pairs_mut().extend_pairs(fields);
    url.query().unwrap_or_default().to_owned()
}

fn parsed<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    let object = strict_json::object(bytes).ok()?;
    serde_json::from_value(Value::Object(object)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_written_as_forms_are() {
        assert_eq!(form(&[("a", "x y&z"), ("b", "é+")]), "a=x+y%26z&b=%C3%A9%2B");
        assert_eq!(form(&[("", "p w")]), "=p+w");
    }

    #[test]
    fn metadata_that_could_lead_elsewhere_is_refused() {
        let whole = json!({
            "issuer": "https://id.example", "authorization_endpoint": "https://id.example/a",
            "token_endpoint": "https://id.example/t", "jwks_uri": "https://id.example/k",
        });
        let parse = |value: &Value| Metadata::parse(value.to_string().as_bytes(), "https://id.example");
        assert!(parse(&whole).is_ok());
        let changes = [
            ("issuer", json!("https://evil.example")),
            ("issuer", json!("https://id.example/")),
            ("authorization_endpoint", json!("http://id.example/a")),
            ("authorization_endpoint", json!("javascript:alert(1)")),
            ("token_endpoint", json!("https://a:b@id.example/t")),
            ("jwks_uri", json!("file:///etc/passwd")),
            ("jwks_uri", json!(null)),
            ("code_challenge_methods_supported", json!(["plain"])),
        ];
        for (name, value) in changes {
            let mut changed = whole.clone();
            changed[name] = value.clone();
            assert!(parse(&changed).is_err(), "{name} {value}");
        }
        assert!(Metadata::parse(br#"{"issuer":"a","issuer":"b"}"#, "a").is_err());
    }

    #[test]
    fn an_rsa_key_without_algorithm_is_for_the_default() {
        let n = data_encoding::BASE64URL_NOPAD.encode(&[1; 256]);
        let set = json!({"keys": [{"kty": "RSA", "kid": "a", "n": n, "e": "AQAB"}, {"kty": "oct", "kid": "b", "k": "AA"}]});
        let keys = keys_of(set.to_string().as_bytes()).ok().unwrap();
        assert_eq!(keys.key("a").unwrap().algorithm_name(), "RS256");
        assert!(keys.key("b").is_none() && keys_of(b"[]").is_err() && keys_of(b"{}").is_err());
    }
}
