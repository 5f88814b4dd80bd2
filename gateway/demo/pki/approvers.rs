//! The keys that sign purposes and mandates, for all organisations of a demo or a test.

use std::collections::BTreeMap;
use std::path::Path;

use doelpoort_core::party::{ApproverRole, Organisation, OrganisationKind, Organisations, Slug};
use doelpoort_core::policy::approval::{self, ApprovalTerms};
use doelpoort_core::policy::key_list::{Added, Change};
use doelpoort_core::policy::load::{NamedText, approval_file};
use doelpoort_core::policy::{ApprovalRole, Draft, FgKeys, KeyList, Mandate};
use jiff::Timestamp;

use super::{MODE_SECRET, PkiError, write};
use crate::client::PrivateKey;

/// Where the keys are, below the folder of the demo.
const FOLDER: &str = "approvers";

/// Private keys by organisation and role.
pub struct ApproverKeys(BTreeMap<(Slug, ApproverRole), PrivateKey>);

impl ApproverKeys {
    /// Reads the keys of these organisations.
    pub(super) fn read<'o>(
        folder: &Path,
        organisations: impl Iterator<Item = &'o Organisation>,
    ) -> Result<Self, PkiError> {
        let mut keys = BTreeMap::new();
        for organisation in organisations {
            for role in roles(organisation) {
                let key = PrivateKey::read(&folder.join(file(organisation, *role)))?;
                keys.insert((organisation.slug.clone(), *role), key);
            }
        }
        Ok(Self(keys))
    }

    /// The first list of these keys; file name and text.
    pub fn first_list(&self, organisations: &Organisations, deployment: &str) -> NamedText {
        let listed = self.0.iter().filter_map(|((slug, role), key)| {
            Some(Added {
                organisation: organisations.by_slug(slug)?.oin.to_string(),
                roles: vec![*role],
                jwk: key.signing_key().public_key().to_jwk(&key.kid()),
            })
        });
        let first = Change::after(&KeyList::default(), deployment, Vec::new(), listed.collect());
        ("approvers/0000.json".to_owned(), first.to_text())
    }

    /// Signs every purpose for everyone who must, from `from` until `until`; file names and texts.
    pub fn sign_purposes(
        &self,
        draft: &Draft,
        deployment: &str,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<NamedText>, PkiError> {
        let mut approvals = Vec::new();
        for (purpose, manifest) in draft.purposes.values() {
            for (organisation, role) in draft.required(purpose) {
                let key = self.key(&organisation.slug, role.of_key())?;
                let terms = ApprovalTerms {
                    deployment,
                    purpose: &purpose.id,
                    version: purpose.version,
                    role,
                    organisation: &organisation.oin,
                    issued_at: from,
                    expires_at: until,
                };
                let text = approval::sign(&terms, manifest, &key.kid(), key.signing_key())?;
                approvals.push((approval_path(&purpose.id, organisation, role), text));
            }
        }
        Ok(approvals)
    }

    /// Signs a mandate for its board; file name and text.
    pub fn sign_mandate(
        &self,
        mandate: &Mandate,
        board: &Organisation,
        vendor: &Organisation,
        deployment: &str,
        issued_at: Timestamp,
    ) -> Result<NamedText, PkiError> {
        let key = self.key(&board.slug, ApproverRole::Mandate)?;
        let text = mandate.sign(deployment, issued_at, &key.kid(), key.signing_key())?;
        Ok((format!("mandates/{}.{}.jws", vendor.slug, board.slug), text))
    }

    /// Signs the FG's public keys for sealing; the text of their file.
    pub fn sign_fg_keys(
        &self,
        keys: &FgKeys,
        organisation: &Slug,
        deployment: &str,
        issued_at: Timestamp,
    ) -> Result<String, PkiError> {
        let key = self.key(organisation, ApproverRole::Fg)?;
        Ok(keys.sign(deployment, issued_at, &key.kid(), key.signing_key())?)
    }

    fn key(&self, organisation: &Slug, role: ApproverRole) -> Result<&PrivateKey, PkiError> {
        self.0
            .get(&(organisation.clone(), role))
            .ok_or_else(|| PkiError::NoKey {
                organisation: organisation.to_string(),
                role: role.name(),
            })
    }
}

impl std::fmt::Debug for ApproverKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ApproverKeys({})", self.0.len())
    }
}

/// Makes the keys of one organisation.
pub(super) fn make(folder: &Path, organisation: &Organisation) -> Result<(), PkiError> {
    for role in roles(organisation) {
        let (_, text) = PrivateKey::generate()?;
        write(&folder.join(file(organisation, *role)), &text, MODE_SECRET)?;
    }
    Ok(())
}

/// What an organisation signs: a board also mandates; a vendor or a publisher signs nothing.
fn roles(organisation: &Organisation) -> &'static [ApproverRole] {
    match organisation.kind {
        OrganisationKind::Municipality | OrganisationKind::Swv => &[ApproverRole::Fg, ApproverRole::Holder],
        OrganisationKind::SchoolBoard => &[ApproverRole::Fg, ApproverRole::Holder, ApproverRole::Mandate],
        OrganisationKind::Vendor | OrganisationKind::Public => &[],
    }
}

fn file(organisation: &Organisation, role: ApproverRole) -> String {
    format!("{FOLDER}/{}.{}.key", organisation.slug, role.name())
}

fn approval_path(
    purpose: &doelpoort_core::catalogue::Name,
    organisation: &Organisation,
    role: ApprovalRole,
) -> String {
    format!("approvals/{}", approval_file(purpose, &organisation.slug, role))
}
