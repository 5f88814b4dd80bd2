//! The ID token of a person who signs in at the console (OpenID Connect Core 1.0, section 3.1.3.7), read with the same
//! suspicion as every other token.

use data_encoding::BASE64URL_NOPAD;
use jiff::Timestamp;
use ring::digest::{SHA256, SHA512, digest};
use serde::Deserialize;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::IdentityError;
use super::claims::{self, Audience, LEEWAY_S, NumericDate, Times};
use super::jws::{Kind, Unverified};
use super::key_set::KeySet;

/// Longest ID token, in bytes.
const ID_TOKEN_BYTES_MAX: usize = 16 * 1_024;
/// How far `exp` may lie ahead, in seconds: providers give them an hour, some a day.
const ID_TOKEN_AHEAD_MAX_S: i64 = 86_400;
/// How old a token may be when it comes straight from the provider, in seconds.
const ID_TOKEN_AGE_MAX_S: i64 = 300;
/// How long ago a person may have signed in for a step-up, in seconds.
const STEP_UP_AGE_MAX_S: i64 = 300;
/// Longest `sub`, in bytes (section 2).
const SUBJECT_BYTES_MAX: usize = 255;
/// Roles that are read of a token.
const ROLES_MAX: usize = 64;

const KIND: Kind = Kind {
    bytes_max: ID_TOKEN_BYTES_MAX,
    types: &["jwt"],
    untyped: true,
    key_by_certificate: false,
};

/// What an ID token must say.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'e> {
    /// Who must have made it.
    pub issuer: &'e str,
    /// For whom: our name at the provider.
    pub client_id: &'e str,
    /// The nonce of this sign-in.
    pub nonce: &'e str,
    /// The access token that came with it.
    pub access_token: &'e str,
    /// Whether the person must have signed in anew.
    pub is_step_up: bool,
    /// The authentication class that a step-up must have; empty: any.
    pub acr: &'e str,
    /// The claim with the roles.
    pub role_claim: &'e str,
    /// The claim with the organisation.
    pub organisation_claim: &'e str,
}

/// Whom a provider vouches for. Its `Debug` shows nothing of the person.
pub struct Person {
    /// The person at the provider; personal data.
    pub subject: Zeroizing<String>,
    /// The roles as the provider names them.
    pub roles: Vec<String>,
    /// The organisation as the provider names it.
    pub organisation: Option<String>,
}

/// Why an ID token proves nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum IdTokenError {
    /// As every token: form, key, signature, issuer, audience, times.
    #[error(transparent)]
    Token(#[from] IdentityError),
    /// `azp` is somebody else.
    #[error("the authorised party is not us")]
    AuthorisedParty,
    /// `nonce` is missing, or that of another sign-in.
    #[error("the nonce is not that of this sign-in")]
    Nonce,
    /// `at_hash` is not that of the access token beside it.
    #[error("the access token beside it is another one")]
    AccessToken,
    /// It was made too long ago for one that comes straight from the provider.
    #[error("the token is too old")]
    TooOld,
    /// `acr` is not what a step-up needs.
    #[error("the person did not sign in strongly enough")]
    Class,
    /// `auth_time` is missing, or too long ago for a step-up.
    #[error("the person did not sign in anew")]
    AuthenticationAge,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    azp: Option<String>,
    #[serde(flatten)]
    times: Times,
    nonce: Option<String>,
    at_hash: Option<String>,
    acr: Option<String>,
    auth_time: Option<NumericDate>,
}

/// The person of an ID token that one of these keys signed.
///
/// # Errors
/// [`IdTokenError`].
pub(in crate::identity) fn verify(
    token: &str,
    keys: &KeySet,
    expected: &Expected<'_>,
    now: Timestamp,
) -> Result<Person, IdTokenError> {
    let unverified = Unverified::parse(token, &KIND)?;
    let all = unverified.verify(keys)?;
    let claims: Claims = claims::read(all.clone())?;
    claims.check(expected, unverified.algorithm(), now)?;
    Ok(Person {
        subject: Zeroizing::new(claims.sub),
        roles: texts(&all, expected.role_claim),
        organisation: texts(&all, expected.organisation_claim).into_iter().next(),
    })
}

impl Claims {
    fn check(&self, expected: &Expected<'_>, algorithm: &str, now: Timestamp) -> Result<(), IdTokenError> {
        if self.iss != expected.issuer {
            return Err(IdentityError::IssuerWrong.into());
        }
        if !self.aud.is(expected.client_id) {
            return Err(IdentityError::AudienceWrong.into());
        }
        if self
            .azp
            .as_deref()
            .is_some_and(|party| party != expected.client_id)
        {
            return Err(IdTokenError::AuthorisedParty);
        }
        self.times.check(now, ID_TOKEN_AHEAD_MAX_S)?;
        if self.times.issued_at().0 < now.as_second() - ID_TOKEN_AGE_MAX_S - LEEWAY_S {
            return Err(IdTokenError::TooOld);
        }
        if self.nonce.as_deref() != Some(expected.nonce) {
            return Err(IdTokenError::Nonce);
        }
        let is_of = |hash: &String| *hash == half_digest(algorithm, expected.access_token);
        if !self.at_hash.as_ref().is_none_or(is_of) {
            return Err(IdTokenError::AccessToken);
        }
        if self.sub.is_empty() || self.sub.len() > SUBJECT_BYTES_MAX {
            return Err(IdentityError::ClaimsMalformed.into());
        }
        if expected.is_step_up {
            self.check_step_up(expected.acr, now)?;
        }
        Ok(())
    }

    fn check_step_up(&self, acr: &str, now: Timestamp) -> Result<(), IdTokenError> {
        if !acr.is_empty() && self.acr.as_deref() != Some(acr) {
            return Err(IdTokenError::Class);
        }
        let now = now.as_second();
        let recent = (now - STEP_UP_AGE_MAX_S - LEEWAY_S)..=(now + LEEWAY_S);
        if self.auth_time.is_some_and(|at| recent.contains(&at.0)) {
            Ok(())
        } else {
            Err(IdTokenError::AuthenticationAge)
        }
    }
}

/// The left half of a digest, by the hash of the token's algorithm (section 3.1.3.6).
fn half_digest(algorithm: &str, text: &str) -> String {
    let hash = if algorithm == "EdDSA" { &SHA512 } else { &SHA256 };
    let whole = digest(hash, text.as_bytes());
    let half = whole.as_ref().len() / 2;
    BASE64URL_NOPAD.encode(whole.as_ref().get(..half).unwrap_or_default())
}

/// A claim that is text or a list of texts; anything else says nothing.
fn texts(claims: &Map<String, Value>, name: &str) -> Vec<String> {
    match claims.get(name) {
        Some(Value::String(text)) => vec![text.clone()],
        Some(Value::Array(list)) => {
            let named = list.iter().filter_map(Value::as_str);
            named.take(ROLES_MAX).map(str::to_owned).collect()
        }
        _ => Vec::new(),
    }
}

impl std::fmt::Debug for Person {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Person")
            .field("roles", &self.roles)
            .field("organisation", &self.organisation)
            .finish_non_exhaustive()
    }
}
