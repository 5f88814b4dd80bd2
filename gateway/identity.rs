//! Who is calling: from a client certificate and a token to a [`Caller`](doelpoort_core::party::Caller).
//!
//! A client proves itself once with a signed assertion over its own certificate
//! ([`issue`](Identity::issue)) and gets a short-lived access token that is bound to that certificate. Each
//! request shows both ([`caller`](Identity::caller)); a request about one pupil also carries an assertion of
//! the person who asks ([`staff`](Identity::staff)).

mod access_token;
mod certificate;
mod claims;
mod client_assertion;
mod entitlement;
mod error;
mod foreign_token;
mod id_token;
mod jws;
mod jwt_ring;
mod key_set;
mod metadata;
mod provider;
mod sign_in;
mod staff;
mod token_cache;
mod token_endpoint;
mod token_keys;
mod token_request;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use arc_swap::ArcSwap;
use doelpoort_core::party::Organisations;

pub use access_token::{ACCESS_TOKEN_BYTES_MAX, bearer, covers};
pub use certificate::PeerCertificate;
pub use error::{BearerError, IdentityError};
pub use id_token::{Expected, IdTokenError, Person};
pub use key_set::UnusableKey;
pub use metadata::{JWKS_PATH, METADATA_PATH, Metadata, TOKEN_PATH};
pub use provider::{Prompt, Provider, ProviderError, ProviderSettings, Returned};
pub use sign_in::SignIn;
pub use staff::{Asking, ProvedOnce, StaffRefused};
pub use token_endpoint::{OAuthError, TokenResponse};
pub use token_keys::{InvalidSeed, Jwk, Jwks, TokenKeys};
pub use token_request::{TOKEN_REQUEST_BYTES_MAX, TokenRequest};

/// Longest lifetime that may be configured for an access token, in seconds.
pub const TOKEN_LIFETIME_MAX_S: i64 = 3_600;

/// Verified tokens kept in memory, per generation of two.
const CACHED_TOKENS_MAX: usize = 4_096;

/// Believes certificates, assertions and tokens, or not.
pub struct Identity {
    settings: Settings,
    keys: ArcSwap<TokenKeys>,
    cache: token_cache::TokenCache,
}

/// What identity needs of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    issuer: String,
    audience: String,
    token_endpoint: String,
    token_lifetime_s: i64,
}

/// A setting that cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSettings {
    /// Not `https://host[:port]` without a path, query or fragment (RFC 8414 section 2).
    #[error("the issuer must be `https://` and a host, without a path, query, fragment or closing slash")]
    Issuer,
    /// Not from 1 to [`TOKEN_LIFETIME_MAX_S`] seconds.
    #[error("the token lifetime must be 1 to {TOKEN_LIFETIME_MAX_S} seconds")]
    TokenLifetime,
}

impl Settings {
    /// `issuer` is the gateway's address, `https://host[:port]`; `audience` is the `aud` of tokens and staff
    /// assertions, the issuer where it is `None`.
    ///
    /// # Errors
    /// [`InvalidSettings`].
    pub fn new(issuer: &str, audience: Option<&str>, token_lifetime_s: u32) -> Result<Self, InvalidSettings> {
        let host = issuer.strip_prefix("https://").ok_or(InvalidSettings::Issuer)?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
        if host.is_empty() || !host.bytes().all(plain) {
            return Err(InvalidSettings::Issuer);
        }
        let token_lifetime_s = i64::from(token_lifetime_s);
        if !(1..=TOKEN_LIFETIME_MAX_S).contains(&token_lifetime_s) {
            return Err(InvalidSettings::TokenLifetime);
        }
        Ok(Self {
            issuer: issuer.to_owned(),
            audience: audience.unwrap_or(issuer).to_owned(),
            token_endpoint: format!("{issuer}{TOKEN_PATH}"),
            token_lifetime_s,
        })
    }

    /// `iss` of the tokens.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// `aud` of tokens and staff assertions.
    pub fn audience(&self) -> &str {
        &self.audience
    }

    /// The address of the token endpoint.
    pub fn token_endpoint(&self) -> &str {
        &self.token_endpoint
    }

    /// How long a token lasts, in seconds.
    pub fn token_lifetime_s(&self) -> i64 {
        self.token_lifetime_s
    }
}

impl Identity {
    /// Made once, with the keys of this start.
    pub fn new(settings: Settings, keys: TokenKeys) -> Self {
        Self {
            settings,
            keys: ArcSwap::from_pointee(keys),
            cache: token_cache::TokenCache::new(CACHED_TOKENS_MAX),
        }
    }

    /// Signs and verifies with these from here on.
    pub fn replace_keys(&self, keys: TokenKeys) {
        self.keys.store(Arc::new(keys));
        self.cache.clear();
    }

    /// The public keys of the tokens.
    pub fn jwks(&self) -> Jwks {
        self.keys.load().jwks().clone()
    }

    /// What the token endpoint tells about itself.
    pub fn metadata(&self) -> Metadata {
        Metadata::of(&self.settings)
    }
}

/// Keys of clients, staff providers and issuers of tokens that cannot be used here, with the client or issuer they belong to; to be
/// shown when the policies are checked.
pub fn unusable_keys(organisations: &Organisations) -> Vec<(String, UnusableKey)> {
    let clients = organisations
        .iter()
        .flat_map(|organisation| &organisation.clients)
        .filter_map(|client| Some((client.id.to_string(), client.jwks.as_ref()?)));
    let providers = organisations
        .iter()
        .filter_map(|organisation| organisation.staff.as_ref())
        .filter_map(|provider| Some((provider.issuer.clone(), provider.jwks.as_ref()?)));
    let issuers = organisations
        .iter()
        .filter_map(|organisation| organisation.tokens.as_ref())
        .map(|tokens| (tokens.issuer.clone(), &tokens.jwks));
    clients
        .chain(providers)
        .chain(issuers)
        .flat_map(|(owner, jwks)| {
            let (_, unusable) = key_set::KeySet::from_jwks(jwks);
            unusable.into_iter().map(move |key| (owner.clone(), key))
        })
        .collect()
}
