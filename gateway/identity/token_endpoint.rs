//! The token endpoint, without HTTP: a form and a certificate become an access token.

use data_encoding::BASE64URL_NOPAD;
use doelpoort_core::catalogue::Name;
use doelpoort_core::lp::Part;
use doelpoort_core::policy::{Policies, sha256};
use jiff::Timestamp;
use ring::rand::SecureRandom;
use serde::Serialize;

use super::access_token::{ACCESS_TOKEN_BYTES_MAX, Confirmation, Issued, TYPE};
use super::client_assertion::{self, Proved};
use super::entitlement::{self, Entitlement, InTheNameOf};
use super::{Identity, IdentityError, PeerCertificate, TokenRequest};
use crate::store::Store;

/// A token and how to use it (RFC 6749 section 5.1).
#[derive(Serialize)]
pub struct TokenResponse {
    /// The access token.
    pub access_token: String,
    /// Always `Bearer`: the binding to the certificate is in the token (RFC 8705 section 3).
    pub token_type: &'static str,
    /// Seconds until it expires.
    pub expires_in: i64,
    /// The purposes it names, separated by spaces.
    pub scope: String,
}

/// Why there is no token (RFC 6749 section 5.2).
#[derive(Clone, Debug, thiserror::Error)]
pub enum OAuthError {
    /// A parameter is missing, comes twice, or is malformed.
    #[error("{0}")]
    InvalidRequest(&'static str),
    /// The client did not prove itself; the reason is for the log. A bad assertion is `invalid_client`, not
    /// `invalid_grant` (RFC 7523 section 3.2).
    #[error("the client did not prove itself")]
    InvalidClient(#[source] IdentityError),
    /// Another grant than `client_credentials`.
    #[error("only `client_credentials` is supported")]
    UnsupportedGrantType,
    /// A purpose that is unknown, asleep, or not for this client; or more purposes than fit in a token.
    #[error("the scope names a purpose that is not for this client, or too many")]
    InvalidScope,
    /// The database or the source of randomness failed: 503, ask again.
    #[error("no token can be issued now")]
    Unavailable,
}

impl OAuthError {
    /// The value of `error` in the answer.
    pub fn error(&self) -> &'static str {
        match self {
            Self::InvalidRequest(_) => "invalid_request",
            Self::InvalidClient(_) => "invalid_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::InvalidScope => "invalid_scope",
            Self::Unavailable => "temporarily_unavailable",
        }
    }

    /// Stable name of the reason, for the log and the metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidRequest(_) => "token-request-invalid",
            Self::InvalidClient(reason) => reason.code(),
            Self::UnsupportedGrantType => "grant-type-unsupported",
            Self::InvalidScope => "scope-invalid",
            Self::Unavailable => "token-unavailable",
        }
    }
}

impl Identity {
    /// Issues an access token.
    ///
    /// The assertion's id is used up last, when all else is right: whoever cannot sign for a client cannot
    /// use up its ids either.
    ///
    /// # Errors
    /// An [`OAuthError`].
    pub async fn issue(
        &self,
        policies: &Policies,
        store: &Store,
        certificate: Option<&PeerCertificate>,
        request: &TokenRequest,
        now: Timestamp,
        random: &(dyn SecureRandom + Sync),
    ) -> Result<TokenResponse, OAuthError> {
        let certificate = certificate.ok_or(OAuthError::InvalidClient(IdentityError::CertificateMissing))?;
        let proved = client_assertion::prove(
            &self.settings,
            &policies.organisations,
            certificate,
            &request.assertion,
            now,
        )
        .map_err(OAuthError::InvalidClient)?;
        if request
            .client_id
            .as_ref()
            .is_some_and(|id| id != proved.client.id.as_str())
        {
            return Err(OAuthError::InvalidClient(IdentityError::SubjectWrong));
        }
        let entitlement = narrowed(
            entitlement::of(
                policies,
                proved.organisation,
                proved.client,
                InTheNameOf::Anybody,
                now,
            ),
            request,
        )?;
        let response = self.sign(&proved, certificate, &entitlement, now, random)?;
        use_up(store, &proved).await?;
        Ok(response)
    }

    fn sign(
        &self,
        proved: &Proved<'_>,
        certificate: &PeerCertificate,
        entitlement: &Entitlement,
        now: Timestamp,
        random: &dyn SecureRandom,
    ) -> Result<TokenResponse, OAuthError> {
        let mut jti = [0; 16];
        random.fill(&mut jti).map_err(|_| OAuthError::Unavailable)?;
        let lifetime_s = self.settings.token_lifetime_s();
        let iat = now.as_second();
        let scope = entitlement.scope();
        let claims = Issued {
            iss: self.settings.issuer(),
            sub: &proved.client.id,
            client_id: &proved.client.id,
            aud: self.settings.audience(),
            exp: iat + lifetime_s,
            iat,
            jti: BASE64URL_NOPAD.encode(&jti),
            scope: scope.clone(),
            cnf: Confirmation {
                thumbprint: certificate.thumbprint.to_string(),
            },
            purposes: entitlement.purposes.iter().map(Into::into).collect(),
            act: entitlement.acting_for.clone(),
        };
        let access_token = self
            .keys
            .load()
            .sign(TYPE, &claims)
            .map_err(|_| OAuthError::Unavailable)?;
        if access_token.len() > ACCESS_TOKEN_BYTES_MAX {
            return Err(OAuthError::InvalidScope);
        }
        Ok(TokenResponse {
            access_token,
            token_type: "Bearer",
            expires_in: lifetime_s,
            scope,
        })
    }
}

/// The purposes that were asked for, or all.
fn narrowed(mut all: Entitlement, request: &TokenRequest) -> Result<Entitlement, OAuthError> {
    let Some(scope) = &request.scope else {
        return Ok(all);
    };
    let has = |name: &Name| all.purposes.iter().any(|purpose| purpose.id == *name);
    if !scope.iter().all(has) {
        return Err(OAuthError::InvalidScope);
    }
    all.purposes.retain(|purpose| scope.contains(&purpose.id));
    Ok(all)
}

/// Ids of two clients never collide: the hash is over both.
async fn use_up(store: &Store, proved: &Proved<'_>) -> Result<(), OAuthError> {
    let mut message = b"doelpoort-jti".to_vec();
    for text in [proved.client.id.as_str(), &proved.jti] {
        Part::new(text.as_bytes())
            .map_err(|_| OAuthError::Unavailable)?
            .append_to(&mut message);
    }
    let expires_us = proved.remember_until.as_microsecond();
    let first = store
        .use_once(&sha256(&message), expires_us)
        .await
        .map_err(|_| OAuthError::Unavailable)?;
    if first {
        Ok(())
    } else {
        Err(OAuthError::InvalidClient(IdentityError::Replayed))
    }
}
