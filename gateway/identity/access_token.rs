//! Access tokens (RFC 9068 `at+jwt`), bound to the client's certificate (RFC 8705).

use std::sync::Arc;

use data_encoding::HEXLOWER;
use doelpoort_core::catalogue::Name;
use doelpoort_core::party::{Caller, ClientId, Oin, Organisations, Pin, TokenPurpose};
use doelpoort_core::policy::Policies;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::claims::{self, Audience, Times};
use super::foreign_token::{self, ForeignClaims};
use super::jws::{Kind, Unverified};
use super::token_cache::CacheKey;
use super::{Identity, IdentityError, PeerCertificate, TOKEN_LIFETIME_MAX_S};

/// Longest access token, in bytes. A header of this size passes the usual limits of HTTP servers.
pub const ACCESS_TOKEN_BYTES_MAX: usize = 16 * 1_024;

/// `typ` of an access token (RFC 9068 section 2.1).
pub(crate) const TYPE: &str = "at+jwt";

const KIND: Kind = Kind {
    bytes_max: ACCESS_TOKEN_BYTES_MAX,
    types: &[TYPE],
    untyped: false,
    key_by_certificate: false,
};

/// The claims as they are written.
#[derive(Serialize)]
pub(crate) struct Issued<'a> {
    pub(crate) iss: &'a str,
    pub(crate) sub: &'a ClientId,
    pub(crate) client_id: &'a ClientId,
    pub(crate) aud: &'a str,
    pub(crate) exp: i64,
    pub(crate) iat: i64,
    pub(crate) jti: String,
    pub(crate) scope: String,
    pub(crate) cnf: Confirmation,
    pub(crate) purposes: Vec<PurposeClaim>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) act: Vec<Oin>,
}

/// The certificate that a token is bound to (RFC 8705 section 3.1).
#[derive(Serialize, Deserialize)]
pub(crate) struct Confirmation {
    #[serde(rename = "x5t#S256")]
    pub(crate) thumbprint: String,
}

/// A purpose in a token.
#[derive(Serialize, Deserialize)]
pub(crate) struct PurposeClaim {
    id: String,
    digest: String,
}

impl From<&TokenPurpose> for PurposeClaim {
    fn from(purpose: &TokenPurpose) -> Self {
        let digest = HEXLOWER.encode(&purpose.manifest_digest);
        Self {
            id: purpose.id.to_string(),
            digest: format!("sha256:{digest}"),
        }
    }
}

/// The claims as they are read, after the signature.
#[derive(Deserialize)]
struct Received {
    iss: String,
    sub: String,
    client_id: String,
    aud: Audience,
    #[serde(flatten)]
    times: Times,
    cnf: Confirmation,
    purposes: Vec<PurposeClaim>,
    #[serde(default)]
    act: Vec<String>,
}

/// What a verified token says, parsed.
pub(crate) struct AccessClaims {
    client: ClientId,
    times: Times,
    thumbprint: Pin,
    purposes: Vec<TokenPurpose>,
    acting_for: Vec<Oin>,
}

/// A token whose signature was verified, and what it says.
pub(crate) enum Verified {
    /// By one of our keys.
    Own(AccessClaims),
    /// By a key of an issuer that the caller's organisation names.
    Foreign(ForeignClaims),
}

/// The token in an `Authorization` header (RFC 6750 section 2.1).
///
/// # Errors
/// [`IdentityError::TokenMissing`], [`AuthorizationMalformed`](IdentityError::AuthorizationMalformed).
pub fn bearer(authorization: Option<&str>) -> Result<&str, IdentityError> {
    let header = authorization.ok_or(IdentityError::TokenMissing)?;
    let (scheme, token) = header
        .split_once(' ')
        .ok_or(IdentityError::AuthorizationMalformed)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(IdentityError::TokenMissing);
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    if token.is_empty() || !token.bytes().all(plain) {
        return Err(IdentityError::AuthorizationMalformed);
    }
    Ok(token)
}

/// Whether the caller's token names this purpose as it now stands.
///
/// # Errors
/// [`IdentityError::PurposeNotCovered`]: not named, or named with the digest of other bytes.
pub fn covers(caller: &Caller, purpose: &Name, manifest_digest: &[u8; 32]) -> Result<(), IdentityError> {
    let named = |held: &TokenPurpose| held.id == *purpose && held.manifest_digest == *manifest_digest;
    if caller.purposes.iter().any(named) {
        Ok(())
    } else {
        Err(IdentityError::PurposeNotCovered)
    }
}

impl Identity {
    /// Who is calling: a token of ours, or of an issuer that its organisation names, bound to the certificate of this
    /// connection, of a client that is still configured.
    ///
    /// # Errors
    /// Any [`IdentityError`] of tokens and certificates.
    pub fn caller(
        &self,
        policies: &Policies,
        token: &str,
        certificate: Option<&PeerCertificate>,
        now: Timestamp,
    ) -> Result<Caller, IdentityError> {
        let certificate = certificate.ok_or(IdentityError::CertificateMissing)?;
        let key = CacheKey::of(token, &certificate.thumbprint);
        if let Some(verified) = self.cache.find(&key)
            && verified.stands(policies)
        {
            return verified.admit(policies, certificate, now);
        }
        let settings = &self.settings;
        let verified = match foreign_token::expected(policies, settings, token, certificate) {
            Some((organisation, issuer, fsc)) => {
                Verified::Foreign(foreign_token::verify(settings, organisation, issuer, token, fsc)?)
            }
            None => Verified::Own(self.verify(token)?),
        };
        let caller = verified.admit(policies, certificate, now)?;
        self.cache.keep(key, Arc::new(verified));
        Ok(caller)
    }

    pub(super) fn verify(&self, token: &str) -> Result<AccessClaims, IdentityError> {
        let verified = Unverified::parse(token, &KIND)?.verify(self.keys.load().accepted())?;
        let received: Received = claims::read(verified)?;
        if received.iss != self.settings.issuer() {
            return Err(IdentityError::IssuerWrong);
        }
        if !received.aud.is(self.settings.audience()) {
            return Err(IdentityError::AudienceWrong);
        }
        if received.sub != received.client_id {
            return Err(IdentityError::SubjectWrong);
        }
        received.parse().ok_or(IdentityError::ClaimsMalformed)
    }
}

impl Verified {
    /// Whether it would be verified with the same keys today: our own keys are forgotten with the cache.
    fn stands(&self, policies: &Policies) -> bool {
        match self {
            Self::Own(_) => true,
            Self::Foreign(claims) => claims.stands(policies),
        }
    }

    fn admit(
        &self,
        policies: &Policies,
        certificate: &PeerCertificate,
        now: Timestamp,
    ) -> Result<Caller, IdentityError> {
        match self {
            Self::Own(claims) => admit(claims, &policies.organisations, certificate, now),
            Self::Foreign(claims) => claims.admit(policies, certificate, now),
        }
    }
}

fn admit(
    claims: &AccessClaims,
    organisations: &Organisations,
    certificate: &PeerCertificate,
    now: Timestamp,
) -> Result<Caller, IdentityError> {
    if claims.thumbprint != certificate.thumbprint {
        return Err(IdentityError::BindingWrong);
    }
    claims.times.check(now, TOKEN_LIFETIME_MAX_S)?;
    let (organisation, client) = organisations
        .by_client(&claims.client)
        .ok_or(IdentityError::ClientUnknown)?;
    certificate.check(organisation, client, now)?;
    Ok(Caller {
        organisation: organisation.oin.clone(),
        slug: organisation.slug.clone(),
        client: client.id.clone(),
        roles: client.roles.clone(),
        acting_for: claims.acting_for.clone(),
        purposes: claims.purposes.clone(),
    })
}

impl Received {
    fn parse(self) -> Option<AccessClaims> {
        Some(AccessClaims {
            client: self.client_id.parse().ok()?,
            times: self.times,
            thumbprint: self.cnf.thumbprint.parse().ok()?,
            purposes: self
                .purposes
                .iter()
                .map(PurposeClaim::parse)
                .collect::<Option<_>>()?,
            acting_for: self
                .act
                .iter()
                .map(|oin| oin.parse().ok())
                .collect::<Option<_>>()?,
        })
    }
}

impl PurposeClaim {
    fn parse(&self) -> Option<TokenPurpose> {
        let digest = HEXLOWER
            .decode(self.digest.strip_prefix("sha256:")?.as_bytes())
            .ok()?;
        Some(TokenPurpose {
            id: self.id.parse().ok()?,
            manifest_digest: digest.try_into().ok()?,
        })
    }
}
