//! What the token endpoint tells about itself (RFC 8414 section 2).

use serde::Serialize;

use super::Settings;

/// Where the metadata are published (RFC 8414 section 3).
pub const METADATA_PATH: &str = "/.well-known/oauth-authorization-server";
/// Where the public keys of the tokens are published.
pub const JWKS_PATH: &str = "/oauth/jwks.json";
/// Where tokens are issued.
pub const TOKEN_PATH: &str = "/oauth/token";

/// Authorization server metadata (RFC 8414 section 2, RFC 8705 section 3.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Metadata {
    /// `iss` of the tokens.
    pub issuer: String,
    /// Where to ask for a token.
    pub token_endpoint: String,
    /// Where the public keys are.
    pub jwks_uri: String,
    /// None: there is no authorization endpoint, but the member is required.
    pub response_types_supported: [&'static str; 0],
    /// `client_credentials`.
    pub grant_types_supported: [&'static str; 1],
    /// `private_key_jwt`.
    pub token_endpoint_auth_methods_supported: [&'static str; 1],
    /// Algorithms of client assertions.
    pub token_endpoint_auth_signing_alg_values_supported: [&'static str; 4],
    /// Always true.
    pub tls_client_certificate_bound_access_tokens: bool,
}

impl Metadata {
    pub(crate) fn of(settings: &Settings) -> Self {
        Self {
            issuer: settings.issuer().to_owned(),
            token_endpoint: settings.token_endpoint().to_owned(),
            jwks_uri: format!("{}{JWKS_PATH}", settings.issuer()),
            response_types_supported: [],
            grant_types_supported: ["client_credentials"],
            token_endpoint_auth_methods_supported: ["private_key_jwt"],
            token_endpoint_auth_signing_alg_values_supported: ["EdDSA", "ES256", "PS256", "RS256"],
            tls_client_certificate_bound_access_tokens: true,
        }
    }
}
