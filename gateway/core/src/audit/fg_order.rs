//! How orders of the data protection officer (FG) are signed: a JWS with their approval key, over the order and the name of
//! the deployment.

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::party::{ApproverRole, Oin};
use crate::policy::KeyList;
use crate::policy::jws::{self, JwsError, Parts, SigningKey};

/// The longest signed order, in bytes: it stands in the log.
pub const SIGNED_BYTES_MAX: usize = 4_096;

/// Why an order does not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidOrder {
    /// The signature's form or value is wrong.
    #[error(transparent)]
    Signature(#[from] JwsError),
    /// The payload is no order of this kind.
    #[error("the payload is not an order of this kind")]
    Payload,
    /// It is for another deployment.
    #[error("the order is for another deployment")]
    OtherDeployment,
    /// The organisation has no such key with the role `fg` among the approvers'.
    #[error("the organisation has no approver's key with this id and the role `fg`")]
    UnknownKey,
    /// It is about nothing, or about entries that are not there yet.
    #[error("the order is about entries that are not there, or about none")]
    Range,
    /// The month's term is not over.
    #[error("the term of the month is not over")]
    Term,
    /// The entry says something else than its order.
    #[error("the entry says something else than the order that it carries")]
    Other,
    /// The entry has no order.
    #[error("the entry carries no order of the data protection officer")]
    None,
}

/// A kind of order.
pub(super) trait FgOrder: Clone + Serialize + DeserializeOwned {
    /// The JWS's `typ`.
    const TYPE: &'static str;

    /// Whose FG gives it.
    fn organisation(&self) -> &Oin;
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Payload<O> {
    deployment: String,
    order: O,
    iat: i64,
}

/// Signs an order with the FG's approval key.
pub(super) fn sign<O: FgOrder>(
    order: &O,
    deployment: &str,
    issued_at: Timestamp,
    (kid, key): (&str, SigningKey<'_>),
) -> Result<String, JwsError> {
    let payload = Payload {
        deployment: deployment.to_owned(),
        order: order.clone(),
        iat: issued_at.as_second(),
    };
    let text = jws::sign_document(O::TYPE, kid, &payload, key)?;
    if text.len() > SIGNED_BYTES_MAX {
        return Err(JwsError::Malformed);
    }
    Ok(text)
}

/// Reads an order and verifies it against the approvers' keys.
pub(super) fn verify<O: FgOrder>(text: &str, keys: &KeyList) -> Result<O, InvalidOrder> {
    if text.len() > SIGNED_BYTES_MAX {
        return Err(JwsError::Malformed.into());
    }
    let parts = Parts::parse(text)?;
    let header = parts.header_of(O::TYPE)?;
    let Payload {
        deployment, order, ..
    } = payload::<O>(&parts)?;
    let signer = keys
        .keys(order.organisation())
        .iter()
        .find(|key| key.kid == header.kid && key.roles.contains(&ApproverRole::Fg))
        .ok_or(InvalidOrder::UnknownKey)?;
    parts.verify(&header.alg, &parts.payload, &signer.key)?;
    if keys.deployment() != Some(deployment.as_str()) {
        return Err(InvalidOrder::OtherDeployment);
    }
    Ok(order)
}

/// Reads an order without looking at its signature.
pub(super) fn read<O: FgOrder>(text: &str) -> Result<O, InvalidOrder> {
    Ok(payload(&Parts::parse(text)?)?.order)
}

fn payload<O: FgOrder>(parts: &Parts<'_>) -> Result<Payload<O>, InvalidOrder> {
    serde_json::from_slice(&parts.payload).map_err(|_| InvalidOrder::Payload)
}
