//! A request as the log keeps it, sealed: enough to decide it again, and nothing that names a pupil.

use std::collections::BTreeMap;

use doelpoort_core::catalogue::{Catalogue, Name};
use doelpoort_core::party::{Caller, ClientId, Oin, Staff, TokenPurpose};
use doelpoort_core::policy::Policies;
use doelpoort_core::policy::decide::{Denial, Permit, decide_released};
use doelpoort_core::pseudonym::Pseudonym;
use doelpoort_core::request::{InputError, Request};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use data_encoding::HEXLOWER;

/// The caller of a recorded request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Asker {
    organisation: String,
    slug: String,
    client: String,
    roles: Vec<String>,
    acting_for: Vec<String>,
    /// Purposes of the token, each with the digest of its manifest in hex.
    purposes: BTreeMap<String, String>,
}

/// A request that was recorded.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Recorded {
    route: String,
    decided_at: i64,
    caller: Asker,
    asked: Value,
}

/// Why a recorded request cannot be decided again.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// It is no recorded request.
    #[error("the recorded request is malformed")]
    Malformed,
    /// It names what these policies' catalogue does not have.
    #[error("the request is not one under these policies: {0}")]
    NotUnderstood(String),
}

/// Valid numbers that nobody has: a decision depends on the kind of identifier alone.
const STAND_INS: [(&str, &str); 3] = [
    ("bsn", "999999990"),
    (
        "eckId",
        "0000000000000000000000000000000000000000000000000000000000000000",
    ),
    ("local", "1"),
];

/// The body without assertion, case, and pupils but for the kind of number each is named by.
pub(super) fn without_persons(body: &[u8]) -> Option<Value> {
    let mut body: Map<String, Value> = serde_json::from_slice(body).ok()?;
    for person in ["onBehalfOf", "releasedBy"] {
        if let Some(person) = body.get_mut(person) {
            *person = json!({});
        }
    }
    if let Some(Value::Array(pseudonyms)) = body.get_mut("pseudonyms") {
        for pseudonym in pseudonyms {
            *pseudonym = Value::Null;
        }
    }
    if let Some(Value::Array(pupils)) = body.get_mut("pupils") {
        for pupil in pupils {
            let kinds = STAND_INS.iter().map(|(kind, _)| *kind);
            *pupil = kinds
                .filter(|kind| pupil.get(kind).is_some())
                .map(Value::from)
                .next()?;
        }
    }
    Some(Value::Object(body))
}

impl Asker {
    pub(super) fn of(caller: &Caller) -> Self {
        Self {
            organisation: caller.organisation.to_string(),
            slug: caller.slug.to_string(),
            client: caller.client.to_string(),
            roles: caller.roles.clone(),
            acting_for: caller.acting_for.iter().map(Oin::to_string).collect(),
            purposes: caller
                .purposes
                .iter()
                .map(|purpose| (purpose.id.to_string(), HEXLOWER.encode(&purpose.manifest_digest)))
                .collect(),
        }
    }

    fn caller(&self) -> Option<Caller> {
        let purposes = self.purposes.iter().map(|(id, digest)| {
            Some(TokenPurpose {
                id: id.parse().ok()?,
                manifest_digest: HEXLOWER.decode(digest.as_bytes()).ok()?.try_into().ok()?,
            })
        });
        Some(Caller {
            organisation: self.organisation.parse().ok()?,
            slug: self.slug.parse().ok()?,
            client: self.client.parse::<ClientId>().ok()?,
            roles: self.roles.clone(),
            acting_for: self
                .acting_for
                .iter()
                .map(|oin| oin.parse().ok())
                .collect::<Option<_>>()?,
            purposes: purposes.collect::<Option<_>>()?,
        })
    }
}

impl Recorded {
    /// Reads what the private part of an entry holds.
    ///
    /// # Errors
    /// [`ReplayError::Malformed`].
    pub fn read(query: &Value) -> Result<Self, ReplayError> {
        Self::deserialize(query).map_err(|_| ReplayError::Malformed)
    }

    /// When it was decided.
    pub fn decided_at(&self) -> Timestamp {
        Timestamp::from_microsecond(self.decided_at).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// The same, as if the token named the purposes that it had as these policies have them.
    #[must_use]
    pub fn with_token_for(mut self, policies: &Policies) -> Self {
        for (id, digest) in &mut self.caller.purposes {
            let standing = id.parse().ok().and_then(|id: Name| policies.purposes.get(&id));
            if let Some(standing) = standing {
                *digest = HEXLOWER.encode(&standing.manifest_digest);
            }
        }
        self
    }

    /// Which route it was asked by.
    pub fn route(&self) -> &str {
        &self.route
    }

    /// Who asked.
    ///
    /// # Errors
    /// [`ReplayError::Malformed`].
    pub fn caller(&self) -> Result<Caller, ReplayError> {
        self.caller.caller().ok_or(ReplayError::Malformed)
    }

    /// The request, with numbers in place of the pupils' own that nobody has.
    ///
    /// # Errors
    /// When it is none, or none under this catalogue.
    pub fn request(&self, catalogue: &Catalogue, caller: &Caller) -> Result<Request, ReplayError> {
        let told = |errors: Vec<InputError>| {
            let told: Vec<String> = errors
                .into_iter()
                .map(|error| format!("`{}` {}", error.location, error.detail))
                .collect();
            ReplayError::NotUnderstood(told.join("; "))
        };
        let text = |key: &str| self.asked.get(key).and_then(Value::as_str);
        match self.route.as_str() {
            "facts" => Request::facts(catalogue, &caller.organisation, &self.body()).map_err(told),
            "queries" => Request::query(catalogue, &self.body()).map_err(told),
            "resolutions" => Request::resolution(&self.body()).map_err(told),
            "translations" => Request::translation(&self.body()).map_err(told),
            "restrictions" => Request::restriction(&caller.organisation, &self.body()).map_err(told),
            "questions" => {
                let (Some(purpose), Some(question)) = (text("purpose"), text("question")) else {
                    return Err(ReplayError::Malformed);
                };
                let parameters = self.asked.get("parameters").cloned().unwrap_or_default();
                let parameters: Vec<(String, String)> =
                    serde_json::from_value(parameters).map_err(|_| ReplayError::Malformed)?;
                Request::question(catalogue, purpose, question, &parameters).map_err(told)
            }
            _ => Err(ReplayError::Malformed),
        }
    }

    /// The body with stand-ins for the pupils.
    fn body(&self) -> Vec<u8> {
        let mut body = self.asked.clone();
        if let Some(Value::Array(pupils)) = body.get_mut("pupils") {
            for (place, pupil) in pupils.iter_mut().enumerate() {
                let kind = pupil.as_str().unwrap_or_default().to_owned();
                let number = STAND_INS.iter().find(|(known, _)| *known == kind);
                let number = number.map(|(_, number)| *number).unwrap_or_default();
                *pupil = json!({ "ref": place.to_string(), kind: number });
            }
        }
        if let Some(Value::Array(pseudonyms)) = body.get_mut("pseudonyms") {
            for (place, pseudonym) in (1_u128..).zip(pseudonyms) {
                *pseudonym = Pseudonym::stand_in(place).as_str().into();
            }
        }
        body.to_string().into_bytes()
    }
}

/// Decides a recorded request again, for the persons who released it; the first is who asked.
///
/// # Errors
/// When it cannot be understood under these policies.
pub fn decide_again<'p>(
    policies: &'p Policies,
    recorded: &Recorded,
    persons: &[&Staff],
) -> Result<Result<Permit<'p>, Denial>, ReplayError> {
    let caller = recorded.caller()?;
    let request = recorded.request(&policies.catalogue, &caller)?;
    let now = recorded.decided_at();
    Ok(decide_released(policies, &caller, persons, &request, now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_in_what_is_recorded() {
        let body = json!({
            "purpose": "x", "fields": ["a.b"],
            "pupils": [{ "ref": "jan jansen", "bsn": "999990019" }, { "ref": "2", "local": "leerling-7" }],
            "onBehalfOf": { "case": "zaak jansen", "assertion": "eyJ" },
        });
        let recorded = without_persons(body.to_string().as_bytes()).unwrap();
        assert_eq!(
            recorded,
            json!({ "purpose": "x", "fields": ["a.b"], "pupils": ["bsn", "local"], "onBehalfOf": {} })
        );
    }

    #[test]
    fn stand_ins_are_valid_numbers_of_their_kind() {
        use doelpoort_core::identifier::{Identifier, IdentifierKind};
        let holder: Oin = "00000099000000072001".parse().unwrap();
        for (kind, number) in STAND_INS {
            let kind = [IdentifierKind::Bsn, IdentifierKind::EckId, IdentifierKind::Local]
                .into_iter()
                .find(|known| known.as_str() == kind)
                .unwrap();
            assert!(
                Identifier::parse(kind, number, &holder).is_ok(),
                "{}",
                kind.as_str()
            );
        }
    }
}
