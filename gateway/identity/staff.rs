//! On whose behalf: an assertion of the recipient's own identity provider, bound to one request.

use data_encoding::BASE64URL_NOPAD;
use doelpoort_core::lp::Part;
use doelpoort_core::party::{Caller, Oin, Organisations, Staff};
use doelpoort_core::policy::sha256;
use doelpoort_core::request_digest::{RequestDigest, nonce};
use jiff::Timestamp;
use serde::Deserialize;

use super::claims::{self, Audience, Times};
use super::client_assertion::is_128_bits;
use super::jws::{Kind, Unverified};
use super::key_set::KeySet;
use super::{Identity, IdentityError};

/// Longest assertion, in bytes.
const STAFF_ASSERTION_BYTES_MAX: usize = 8 * 1_024;
/// How far `exp` may lie ahead, in seconds.
const STAFF_AHEAD_MAX_S: i64 = 300;
/// Longest `sub`, in bytes (`OpenID` Connect Core section 2).
const SUBJECT_BYTES_MAX: usize = 255;

const KIND: Kind = Kind {
    bytes_max: STAFF_ASSERTION_BYTES_MAX,
    types: &["jwt"],
    untyped: true,
    key_by_certificate: false,
};

/// An assertion that proves nobody. A refusal of a known caller, so it is logged as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the staff assertion was not accepted")]
pub struct StaffRefused(#[source] pub IdentityError);

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    #[serde(flatten)]
    times: Times,
    client_id: Option<String>,
    request_digest: Option<String>,
    nonce: Option<String>,
    jti: Option<String>,
}

/// A person who is proved, but for one thing: that the assertion was not used before.
#[derive(Debug)]
pub struct ProvedOnce {
    /// The person.
    pub staff: Staff,
    /// The assertion's id, hashed with its issuer.
    pub id: [u8; 32],
    /// Until when the id must be remembered.
    pub remember_until: Timestamp,
}

/// Which program asks, and in whose name: its own organisation's, or that of a board that it has a mandate of. It is
/// the latter's identity provider that vouches for the person.
#[derive(Clone, Copy, Debug)]
pub struct Asking<'a> {
    /// The calling program.
    pub caller: &'a Caller,
    /// The organisation in whose name it asks.
    pub recipient: &'a Oin,
}

impl Identity {
    /// The person for whom the caller asks. `digest` is that of the body of this very request; `case` is what
    /// the body names.
    ///
    /// # Errors
    /// [`StaffRefused`].
    pub fn staff(
        &self,
        organisations: &Organisations,
        asking: Asking<'_>,
        assertion: &str,
        digest: &RequestDigest,
        case: Option<String>,
        now: Timestamp,
    ) -> Result<Staff, StaffRefused> {
        let claims = self
            .claims(organisations, asking, assertion, digest, now)
            .map_err(StaffRefused)?;
        Ok(Staff {
            subject: claims.sub,
            proved: true,
            case,
        })
    }

    /// The same, by an assertion that works once: its `jti` must be there, and is to be used up before anything is
    /// done for the person.
    ///
    /// # Errors
    /// [`StaffRefused`].
    pub fn staff_once(
        &self,
        organisations: &Organisations,
        asking: Asking<'_>,
        assertion: &str,
        digest: &RequestDigest,
        case: Option<String>,
        now: Timestamp,
    ) -> Result<ProvedOnce, StaffRefused> {
        let claims = self
            .claims(organisations, asking, assertion, digest, now)
            .map_err(StaffRefused)?;
        let weak = StaffRefused(IdentityError::TokenIdWeak);
        let jti = claims.jti.filter(|jti| is_128_bits(jti)).ok_or(weak)?;
        let mut message = b"doelpoort-staff-jti".to_vec();
        for text in [&claims.iss, &jti] {
            Part::new(text.as_bytes())
                .map_err(|_| weak)?
                .append_to(&mut message);
        }
        Ok(ProvedOnce {
            staff: Staff {
                subject: claims.sub,
                proved: true,
                case,
            },
            id: sha256(&message),
            remember_until: claims.times.forgotten_after().instant(),
        })
    }

    fn claims(
        &self,
        organisations: &Organisations,
        asking: Asking<'_>,
        assertion: &str,
        digest: &RequestDigest,
        now: Timestamp,
    ) -> Result<Claims, IdentityError> {
        let unknown = IdentityError::StaffProviderUnknown;
        let organisation = organisations.by_oin(asking.recipient).ok_or(unknown)?;
        let provider = organisation.staff.as_ref().ok_or(unknown)?;
        let (keys, _) = KeySet::from_jwks(provider.jwks.as_ref().ok_or(unknown)?);
        let claims: Claims = claims::read(Unverified::parse(assertion, &KIND)?.verify(&keys)?)?;
        if claims.iss != provider.issuer {
            return Err(IdentityError::IssuerWrong);
        }
        if !claims.aud.is(self.settings.audience()) {
            return Err(IdentityError::AudienceWrong);
        }
        claims.times.check(now, STAFF_AHEAD_MAX_S)?;
        if claims.sub.is_empty() || claims.sub.len() > SUBJECT_BYTES_MAX {
            return Err(IdentityError::ClaimsMalformed);
        }
        claims.bound_to(asking.caller, digest)?;
        Ok(claims)
    }
}

impl Claims {
    /// The assertion names the client and the request: in two claims, or hashed in `nonce` where the provider
    /// cannot add claims. A claim that is there must fit.
    fn bound_to(&self, caller: &Caller, digest: &RequestDigest) -> Result<(), IdentityError> {
        let client = caller.client.as_str();
        if self.client_id.as_deref().is_some_and(|id| id != client) {
            return Err(IdentityError::SubjectWrong);
        }
        let bound = match (&self.client_id, &self.request_digest, &self.nonce) {
            (Some(_), Some(text), _) => names(text, digest.as_bytes()),
            (_, Some(_), _) | (_, None, None) => return Err(IdentityError::ClaimsMalformed),
            (_, None, Some(text)) => names(text, &nonce(&caller.client, digest)),
        };
        if bound {
            Ok(())
        } else {
            Err(IdentityError::RequestWrong)
        }
    }
}

fn names(text: &str, expected: &[u8; 32]) -> bool {
    let given = BASE64URL_NOPAD.decode(text.as_bytes()).unwrap_or_default();
    given == expected
}
