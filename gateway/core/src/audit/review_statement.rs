//! What the data protection officer (FG) signs at the end of a review: how many entries were looked at, how many were not
//! in order, and the digest of the result that says the rest.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::fg_order::{self, FgOrder, InvalidOrder};
use crate::party::Oin;
use crate::policy::KeyList;
use crate::policy::jws::{JwsError, SigningKey};

/// The result of a review, to be signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReviewStatement {
    /// Whose FG.
    pub organisation: Oin,
    /// The name of the log.
    pub origin: String,
    /// The digest of the result, base64.
    pub review: String,
    /// How many entries were looked at.
    pub signed_off: u64,
    /// How many of them were not in order.
    pub not_in_order: u64,
}

impl FgOrder for ReviewStatement {
    const TYPE: &'static str = "doelpoort-review+jwt";

    fn organisation(&self) -> &Oin {
        &self.organisation
    }
}

impl ReviewStatement {
    /// Signs it with the FG's approval key.
    ///
    /// # Errors
    /// When the key cannot sign.
    pub fn sign(
        &self,
        deployment: &str,
        issued_at: Timestamp,
        kid: &str,
        key: SigningKey<'_>,
    ) -> Result<String, JwsError> {
        fg_order::sign(self, deployment, issued_at, (kid, key))
    }

    /// Reads a signed one, if an FG in the approvers' list signed it.
    ///
    /// # Errors
    /// Why it does not count.
    pub fn verify(text: &str, keys: &KeyList) -> Result<Self, InvalidOrder> {
        fg_order::verify(text, keys)
    }
}
