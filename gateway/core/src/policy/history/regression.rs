//! What keeps policies from following those that the log knows.

use jiff::Timestamp;

use super::History;
use crate::catalogue::Name;
use crate::policy::Policies;
use crate::policy::manifest::digest_text;
use crate::policy::revocation::Proof;

/// Why policies may not follow those in force.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Regression {
    /// The key list is an older one, or another.
    #[error(
        "approvers/: the key list does not go on from the one in the log, `{logged}`: it is an older list, or another; \
         restore the missing changes"
    )]
    KeyList {
        /// Digest of the one that was logged.
        logged: String,
    },
    /// A version that was left behind.
    #[error("purpose `{purpose}` has version {version}, but version {acted} has acted: there is no way back")]
    Version {
        /// The purpose.
        purpose: Name,
        /// Its version now.
        version: u32,
        /// The highest that acted.
        acted: u32,
    },
    /// The same version with other bytes, signed anew.
    #[error(
        "purpose `{purpose}` version {version} has acted with the manifest `{logged}` and now has `{found}`: raise its \
         version and have it signed"
    )]
    Bytes {
        /// The purpose.
        purpose: Name,
        /// Its version.
        version: u32,
        /// The manifest that acted.
        logged: String,
        /// The manifest now.
        found: String,
    },
    /// A proof or mandate that was taken out before.
    #[error("{proof} (`{digest}`) was removed at {at}: there is no way back; make a new one")]
    Revoked {
        /// What.
        proof: Proof,
        /// Its digest.
        digest: String,
        /// When.
        at: Timestamp,
    },
}

impl History {
    /// What keeps these policies from following those that the log knows.
    pub fn regressions(&self, policies: &Policies, now: Timestamp) -> Vec<Regression> {
        let mut found = Vec::new();
        if let Some(logged) = self.keys
            && !policies.evidence.keys.grew_from(&logged)
        {
            found.push(Regression::KeyList {
                logged: digest_text(&logged),
            });
        }
        for standing in policies.purposes.values() {
            let purpose = &standing.purpose;
            let logged = self.purposes.get(purpose.id.as_str());
            let Some((acted, digest)) = logged.and_then(|logged| logged.acted) else {
                continue;
            };
            if purpose.version < acted {
                found.push(Regression::Version {
                    purpose: purpose.id.clone(),
                    version: purpose.version,
                    acted,
                });
            }
            // What nobody has signed sleeps, and does no harm; it only keeps its version from acting with two meanings.
            if purpose.version == acted && standing.manifest_digest != digest && standing.is_approved(now) {
                found.push(Regression::Bytes {
                    purpose: purpose.id.clone(),
                    version: purpose.version,
                    logged: digest_text(&digest),
                    found: digest_text(&standing.manifest_digest),
                });
            }
        }
        found.extend(self.revoked_again(policies));
        found
    }

    /// What these policies hold although it was taken out.
    fn revoked_again(&self, policies: &Policies) -> impl Iterator<Item = Regression> {
        policies.proofs().into_iter().filter_map(|(digest, proof)| {
            let (_, at) = self.revoked.get(&digest)?;
            Some(Regression::Revoked {
                proof,
                digest: digest_text(&digest),
                at: *at,
            })
        })
    }
}
