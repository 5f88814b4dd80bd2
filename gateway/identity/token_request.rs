//! The form of a token request (RFC 6749 section 4.4.2, RFC 7523 section 2.2).

use std::fmt;

use doelpoort_core::catalogue::Name;

use super::OAuthError;
use super::client_assertion::ASSERTION_BYTES_MAX;

/// Longest body of a token request, in bytes: an assertion and room for a scope.
pub const TOKEN_REQUEST_BYTES_MAX: usize = 2 * ASSERTION_BYTES_MAX;

const GRANT_TYPE: &str = "client_credentials";
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A token request that has all its parameters.
pub struct TokenRequest {
    pub(crate) assertion: String,
    pub(crate) client_id: Option<String>,
    pub(crate) scope: Option<Vec<Name>>,
}

impl TokenRequest {
    /// Reads a body of `application/x-www-form-urlencoded`. Parameters that are not ours are left alone; one
    /// of ours that comes twice is refused (RFC 6749 section 3.2).
    ///
    /// # Errors
    /// [`OAuthError::InvalidRequest`], [`UnsupportedGrantType`](OAuthError::UnsupportedGrantType),
    /// [`InvalidScope`](OAuthError::InvalidScope).
    pub fn parse(body: &[u8]) -> Result<Self, OAuthError> {
        if body.len() > TOKEN_REQUEST_BYTES_MAX {
            return Err(OAuthError::InvalidRequest("the body is too long"));
        }
        let form = Form::parse(body)?;
        match form.one("grant_type")? {
            None => return Err(OAuthError::InvalidRequest("`grant_type` is missing")),
            Some(GRANT_TYPE) => {}
            Some(_) => return Err(OAuthError::UnsupportedGrantType),
        }
        if form.one("client_secret")?.is_some() {
            return Err(OAuthError::InvalidRequest(
                "`client_secret` is not a way to identify here",
            ));
        }
        match form.one("client_assertion_type")? {
            Some(ASSERTION_TYPE) => {}
            Some(_) => {
                return Err(OAuthError::InvalidRequest(
                    "`client_assertion_type` is not jwt-bearer",
                ));
            }
            None => return Err(OAuthError::InvalidRequest("`client_assertion_type` is missing")),
        }
        let assertion = form
            .one("client_assertion")?
            .ok_or(OAuthError::InvalidRequest("`client_assertion` is missing"))?
            .to_owned();
        let client_id = form.one("client_id")?.map(str::to_owned);
        let scope = form.one("scope")?.map(scope).transpose()?;
        Ok(Self {
            assertion,
            client_id,
            scope,
        })
    }
}

impl fmt::Debug for TokenRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenRequest")
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

/// A scope is a list of purposes; an empty one is no scope at all.
fn scope(text: &str) -> Result<Vec<Name>, OAuthError> {
    let names: Result<Vec<Name>, _> = text.split_ascii_whitespace().map(str::parse).collect();
    match names {
        Ok(names) if !names.is_empty() => Ok(names),
        _ => Err(OAuthError::InvalidScope),
    }
}

struct Form(Vec<(String, String)>);

impl Form {
    fn parse(body: &[u8]) -> Result<Self, OAuthError> {
        let malformed = OAuthError::InvalidRequest("the body is not a form");
        let body = std::str::from_utf8(body).map_err(|_| malformed.clone())?;
        let pairs = body.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((decode(name)?, decode(value)?))
        });
        pairs.collect::<Option<_>>().map(Self).ok_or(malformed)
    }

    fn one(&self, name: &str) -> Result<Option<&str>, OAuthError> {
        let mut values = self
            .0
            .iter()
            .filter(|(key, _)| key == name)
            .map(|(_, value)| value.as_str());
        let value = values.next();
        if values.next().is_some() {
            return Err(OAuthError::InvalidRequest("a parameter comes twice"));
        }
        Ok(value.filter(|value| !value.is_empty()))
    }
}

/// Percent-decoding, `+` for a space.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    loop {
        match rest {
            [] => return String::from_utf8(bytes).ok(),
            [b'%', high, low, tail @ ..] => {
                let hex = |digit: u8| {
                    char::from(digit)
                        .to_digit(16)
                        .and_then(|value| u8::try_from(value).ok())
                };
                bytes.push(hex(*high)? << 4 | hex(*low)?);
                rest = tail;
            }
            [b'%', ..] => return None,
            [byte, tail @ ..] => {
                bytes.push(if *byte == b'+' { b' ' } else { *byte });
                rest = tail;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TYPE: &str =
        "client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer";

    #[test]
    fn a_complete_form_is_read() {
        let body =
            format!("grant_type=client_credentials&{TYPE}&client_assertion=a.b.c&scope=one+two&other=%2B");
        let request = TokenRequest::parse(body.as_bytes()).unwrap();
        assert_eq!(request.assertion, "a.b.c");
        assert_eq!(
            request
                .scope
                .unwrap()
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>(),
            ["one", "two"]
        );
        assert_eq!(request.client_id, None);
    }

    #[test]
    fn an_incomplete_form_is_refused_with_the_error_of_rfc_6749() {
        let grant = "grant_type=client_credentials";
        let cases = [
            (String::new(), "invalid_request"),
            ("grant_type=".into(), "invalid_request"),
            ("grant_type=password".into(), "unsupported_grant_type"),
            (format!("{grant}&{grant}"), "invalid_request"),
            (grant.into(), "invalid_request"),
            (format!("{grant}&{TYPE}"), "invalid_request"),
            (format!("{grant}&{TYPE}x&client_assertion=a"), "invalid_request"),
            (
                format!("{grant}&{TYPE}&client_assertion=a&client_assertion=b"),
                "invalid_request",
            ),
            (
                format!("{grant}&{TYPE}&client_assertion=a&client_secret=b"),
                "invalid_request",
            ),
            (
                format!("{grant}&{TYPE}&client_assertion=a&scope=+"),
                "invalid_scope",
            ),
            (
                format!("{grant}&{TYPE}&client_assertion=a&scope=No%2FName"),
                "invalid_scope",
            ),
            (format!("{grant}&{TYPE}&client_assertion=%4"), "invalid_request"),
            (format!("{grant}&{TYPE}&client_assertion=%zz"), "invalid_request"),
            (format!("{grant}&{TYPE}&client_assertion=%ff"), "invalid_request"),
            ("x".repeat(TOKEN_REQUEST_BYTES_MAX + 1), "invalid_request"),
        ];
        for (body, error) in cases {
            let refused = TokenRequest::parse(body.as_bytes()).unwrap_err();
            assert_eq!(
                refused.error(),
                error,
                "{}",
                body.chars().take(200).collect::<String>()
            );
        }
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = TokenRequest::parse(&body);
        }
    }
}
