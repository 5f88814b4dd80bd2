//! Access tokens of another issuer, for the programs of an organisation that names it (`[organisation.tokens]`): as in
//! RFC 9068, or of a Manager of Federatieve Service Connectiviteit (FSC Core, section "Access token").
//!
//! Such an issuer vouches for a program, and for nothing else. What the program may ask follows from the policies in
//! force at each request; the token can only narrow it.

use doelpoort_core::catalogue::Name;
use doelpoort_core::party::{Caller, Client, ClientId, Oin, Organisation, Pin, TokenIssuer};
use doelpoort_core::policy::Policies;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::access_token::{ACCESS_TOKEN_BYTES_MAX, Confirmation, TYPE};
use super::claims::{self, Audience, Times};
use super::entitlement::{self, Entitlement, InTheNameOf};
use super::jws::{Kind, Unverified};
use super::key_set::KeySet;
use super::{IdentityError, PeerCertificate, Settings, TOKEN_LIFETIME_MAX_S};

/// Of RFC 9068.
const KIND: Kind = Kind {
    bytes_max: ACCESS_TOKEN_BYTES_MAX,
    types: &[TYPE],
    untyped: false,
    key_by_certificate: false,
};

/// FSC names no `typ`, and the signing key by its certificate.
const FSC_KIND: Kind = Kind {
    bytes_max: ACCESS_TOKEN_BYTES_MAX,
    types: &[TYPE, "jwt"],
    untyped: true,
    key_by_certificate: true,
};

/// The claim that FSC tokens have and others do not: the hash of the grant.
const FSC_CLAIM: &str = "gth";

/// The claims as they are read, after the signature.
#[derive(Deserialize)]
struct Received {
    iss: String,
    aud: Audience,
    #[serde(flatten)]
    times: Times,
    cnf: Confirmation,
    sub: Option<String>,
    client_id: Option<String>,
    azp: Option<String>,
    scope: Option<String>,
    act: Option<Act>,
    gth: Option<String>,
    prp: Option<Properties>,
}

/// For whom the token says that its bearer acts.
#[derive(Deserialize)]
#[serde(untagged)]
enum Act {
    /// Boards, as in a token of our own.
    Boards(Vec<String>),
    /// Who acts (RFC 8693 section 4.1): then `sub` is in whose name.
    Actor(Actor),
}

/// One actor; a chain of them is refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Actor {
    sub: String,
}

/// What we read of the properties of an FSC grant; others may stand beside.
#[derive(Default, Deserialize)]
struct Properties {
    #[serde(default)]
    purposes: Vec<String>,
    client_id: Option<String>,
}

/// What a verified token of another issuer says.
pub(crate) struct ForeignClaims {
    /// The organisation that named the issuer.
    organisation: Oin,
    /// Who issued it and with which keys, as it stood when the token was verified.
    issuer: TokenIssuer,
    times: Times,
    thumbprint: Pin,
    /// None: the only program of the organisation with this certificate.
    client: Option<ClientId>,
    purposes: Vec<Name>,
    acting: Acting,
}

enum Acting {
    /// As far as mandates go.
    Unsaid,
    For(Vec<Oin>),
    /// In nobody else's name, nor in its own.
    Only(Oin),
}

/// The organisation that this connection is of, where it names the issuer of this token. A token that cannot be read,
/// and one that says it is ours, is none of theirs.
pub(super) fn expected<'p>(
    policies: &'p Policies,
    settings: &Settings,
    token: &str,
    certificate: &PeerCertificate,
) -> Option<(&'p Organisation, &'p TokenIssuer, bool)> {
    let organisation = certificate.organisation(&policies.organisations)?;
    let issuer = organisation.tokens.as_ref()?;
    let said = Unverified::parse(token, &FSC_KIND)
        .and_then(|token| token.danger_unverified_claims())
        .ok()?;
    let theirs = issuer.issuer != settings.issuer() && said.get("iss") == Some(&Value::from(&*issuer.issuer));
    theirs.then(|| (organisation, issuer, said.contains_key(FSC_CLAIM)))
}

/// What the token says, if one of the issuer's keys signed it for us.
///
/// # Errors
/// Any [`IdentityError`] of a token.
pub(super) fn verify(
    settings: &Settings,
    organisation: &Organisation,
    issuer: &TokenIssuer,
    token: &str,
    fsc: bool,
) -> Result<ForeignClaims, IdentityError> {
    let (keys, _) = KeySet::from_jwks(&issuer.jwks);
    let kind = if fsc { &FSC_KIND } else { &KIND };
    let mut verified = Unverified::parse(token, kind)?.verify(&keys)?;
    if fsc {
        begins_when_valid(&mut verified);
    }
    let received: Received = claims::read(verified)?;
    if received.iss != issuer.issuer {
        return Err(IdentityError::IssuerWrong);
    }
    if !received.is_for(settings.audience(), fsc) {
        return Err(IdentityError::AudienceWrong);
    }
    let acting = received.acting(organisation, fsc)?;
    Ok(ForeignClaims {
        organisation: organisation.oin.clone(),
        issuer: issuer.clone(),
        times: received.times,
        thumbprint: parsed(&received.cnf.thumbprint)?,
        client: received.client(fsc)?,
        purposes: received.purposes(fsc),
        acting,
    })
}

/// FSC has no `iat`; a token is made when it begins to be valid.
fn begins_when_valid(claims: &mut Map<String, Value>) {
    if let (None, Some(from)) = (claims.get("iat"), claims.get("nbf")) {
        let from = from.clone();
        claims.insert("iat".to_owned(), from);
    }
}

impl Received {
    /// An FSC Manager writes the port out, also where it is that of `https`.
    fn is_for(&self, audience: &str, fsc: bool) -> bool {
        self.aud.is(audience) || (fsc && self.aud.is(&format!("{audience}:443")))
    }

    /// The program, where the token names one: in FSC a token is of an organisation, and the properties of the grant
    /// say which of its programs is meant.
    fn client(&self, fsc: bool) -> Result<Option<ClientId>, IdentityError> {
        let properties = self.prp.as_ref().and_then(|prp| prp.client_id.as_ref());
        let named = match (&self.client_id, &self.azp) {
            _ if fsc => return properties.map(|id| parsed(id)).transpose(),
            (Some(id), Some(azp)) if id != azp => return Err(IdentityError::SubjectWrong),
            (Some(id), _) | (None, Some(id)) => id,
            (None, None) => return Err(IdentityError::ClaimsMalformed),
        };
        parsed(named).map(Some)
    }

    /// Words of a scope that are no purpose's name are another API's.
    fn purposes(&self, fsc: bool) -> Vec<Name> {
        let named = |word: &str| word.parse().ok();
        match (&self.prp, &self.scope) {
            (Some(prp), _) if fsc => prp.purposes.iter().filter_map(|word| named(word)).collect(),
            (_, Some(scope)) if !fsc => scope.split(' ').filter_map(named).collect(),
            _ => Vec::new(),
        }
    }

    /// In whose name. The organisation must be who the token says that connects.
    fn acting(&self, organisation: &Organisation, fsc: bool) -> Result<Acting, IdentityError> {
        let subject = || -> Result<Oin, IdentityError> {
            let subject = self.sub.as_deref().ok_or(IdentityError::ClaimsMalformed)?;
            parsed(subject)
        };
        let connects = |who: Oin| {
            (who == organisation.oin)
                .then_some(())
                .ok_or(IdentityError::SubjectWrong)
        };
        if fsc && self.gth.as_ref().is_none_or(String::is_empty) {
            return Err(IdentityError::ClaimsMalformed);
        }
        match &self.act {
            Some(Act::Actor(actor)) => {
                connects(parsed(&actor.sub)?)?;
                Ok(Acting::Only(subject()?))
            }
            Some(Act::Boards(_)) if fsc => Err(IdentityError::ClaimsMalformed),
            Some(Act::Boards(boards)) => {
                let boards = boards.iter().map(|board| parsed(board));
                Ok(Acting::For(boards.collect::<Result<_, _>>()?))
            }
            None if fsc => connects(subject()?).map(|()| Acting::Unsaid),
            None => Ok(Acting::Unsaid),
        }
    }
}

impl ForeignClaims {
    /// Whether its organisation still names this issuer with these keys.
    pub(super) fn stands(&self, policies: &Policies) -> bool {
        let organisation = policies.organisations.by_oin(&self.organisation);
        organisation.and_then(|organisation| organisation.tokens.as_ref()) == Some(&self.issuer)
    }

    /// Who is calling, and what that program may ask at this moment within what the token says.
    ///
    /// # Errors
    /// Any [`IdentityError`] of tokens and certificates.
    pub(super) fn admit(
        &self,
        policies: &Policies,
        certificate: &PeerCertificate,
        now: Timestamp,
    ) -> Result<Caller, IdentityError> {
        if self.thumbprint != certificate.thumbprint {
            return Err(IdentityError::BindingWrong);
        }
        self.times.check(now, TOKEN_LIFETIME_MAX_S)?;
        let organisation = policies
            .organisations
            .by_oin(&self.organisation)
            .ok_or(IdentityError::ClientUnknown)?;
        let client = self.program(organisation, certificate)?;
        certificate.check(organisation, client, now)?;
        let Entitlement {
            mut purposes,
            mut acting_for,
        } = match &self.acting {
            Acting::Only(board) => {
                entitlement::of(policies, organisation, client, InTheNameOf::Board(board), now)
            }
            _ => entitlement::of(policies, organisation, client, InTheNameOf::Anybody, now),
        };
        purposes.retain(|purpose| self.purposes.contains(&purpose.id));
        if let Acting::For(boards) = &self.acting {
            acting_for.retain(|board| boards.contains(board));
        }
        Ok(Caller {
            organisation: organisation.oin.clone(),
            slug: organisation.slug.clone(),
            client: client.id.clone(),
            roles: client.roles.clone(),
            acting_for,
            purposes,
        })
    }

    fn program<'o>(
        &self,
        organisation: &'o Organisation,
        certificate: &PeerCertificate,
    ) -> Result<&'o Client, IdentityError> {
        let mut meant = organisation.clients.iter().filter(|client| match &self.client {
            Some(id) => client.id == *id,
            None => certificate.pinned_for(client),
        });
        match (meant.next(), meant.next()) {
            (Some(client), None) => Ok(client),
            _ => Err(IdentityError::ClientUnknown),
        }
    }
}

fn parsed<T: std::str::FromStr>(text: &str) -> Result<T, IdentityError> {
    text.parse().map_err(|_| IdentityError::ClaimsMalformed)
}
