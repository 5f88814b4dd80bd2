//! From the files of a policies folder to policies: read, check, verify approvals and mandates; all or
//! nothing, all mistakes at once.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::approval::{self, InvalidApproval, Required};
use super::key_list::InvalidKeyList;
use super::mandate::{InvalidMandate, Mandate, SignedMandate};
use super::manifest::{ManifestError, digest_text, protection_tables};
use super::standing::Given;
use super::{ApprovalRole, Evidence, KeyList, Manifest, Policies, Standing, sha256};
use crate::catalogue::{Catalogue, Name};
use crate::party::{Organisation, Organisations, Slug};
use crate::purpose::Purpose;
use crate::scope::SitePartnerships;
use crate::source_text::SourceError;

/// The register of school sites, within the policies folder.
const SITES_FILE: &str = "reference/site.csv";

/// A file's path within the policies folder, with `/`, and its text.
pub type NamedText = (String, String);

/// The files of a policies folder.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyFiles {
    /// `datasets/`, `hierarchies/`, `maps/`, `populations/`.
    pub catalogue: Vec<NamedText>,
    /// `reference/`: public rows.
    pub reference: Vec<NamedText>,
    /// `organisations.toml`.
    pub organisations: NamedText,
    /// `approvers/*.json`: the approvers' key list.
    pub approvers: Vec<NamedText>,
    /// `purposes/*.toml`.
    pub purposes: Vec<NamedText>,
    /// `purposes/*.test.toml`: decision tables. Nobody signs them, and no decision reads them.
    pub tables: Vec<NamedText>,
    /// `approvals/<purpose>.<organisation>.<role>.jws`.
    pub approvals: Vec<NamedText>,
    /// `mandates/*.jws`.
    pub mandates: Vec<NamedText>,
}

/// A mistake in the policies folder.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// In a text file, with its place.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A purpose names what another purpose does not give, or a public row is not as its dataset says.
    #[error("{file}: {message}")]
    Reference {
        /// The file.
        file: String,
        /// What is missing or wrong.
        message: String,
    },
    /// A purpose without a manifest.
    #[error("{file}: {error}")]
    Manifest {
        /// The purpose file.
        file: String,
        /// Why.
        error: ManifestError,
    },
    /// An approval's file is not named after what it approves.
    #[error("{file}: not named `<purpose>.<organisation>.<role>.jws`")]
    ApprovalName {
        /// The file.
        file: String,
    },
    /// A change of the approvers' keys that may not be made.
    #[error("{file}: {error}")]
    KeyList {
        /// The file.
        file: String,
        /// Why.
        error: InvalidKeyList,
    },
    /// The approvers' key list is for another deployment.
    #[error("approvers/: the key list is for the deployment `{found}`, not for `{expected}`")]
    KeyListDeployment {
        /// Its deployment.
        found: String,
        /// Ours.
        expected: String,
    },
    /// A mandate that is not valid.
    #[error("{file}: {error}")]
    Mandate {
        /// The file.
        file: String,
        /// Why.
        error: InvalidMandate,
    },
}

/// Policies whose files are sound; approvals are not yet looked at. What `policy sign` signs.
#[derive(Clone, Debug)]
pub struct Draft {
    /// Datasets, hierarchies and populations.
    pub catalogue: Catalogue,
    /// Who takes part.
    pub organisations: Organisations,
    /// To which partnership each school site belongs.
    pub partnerships: SitePartnerships,
    /// The approvers' keys.
    pub keys: KeyList,
    /// The purposes with their manifests.
    pub purposes: BTreeMap<Name, (Purpose, Manifest)>,
}

impl Draft {
    /// Reads and checks all files but approvals and mandates.
    pub fn read(files: &PolicyFiles) -> Result<Self, Vec<PolicyError>> {
        let catalogue = Catalogue::parse(&files.catalogue).map_err(from_source)?;
        let (name, text) = &files.organisations;
        let organisations = Organisations::parse(name, text, &catalogue).map_err(from_source)?;
        let mut purposes = BTreeMap::new();
        let mut errors = Vec::new();
        let partnerships = partnerships(files, &catalogue)
            .map_err(|error| errors.push(error))
            .unwrap_or_default();
        let keys = KeyList::follow(&files.approvers);
        let keys = keys
            .map_err(|(file, error)| errors.push(PolicyError::KeyList { file, error }))
            .unwrap_or_default();
        for file in &files.purposes {
            match Purpose::parse(&file.0, &file.1, &catalogue, &organisations) {
                Ok(purpose) => drop(purposes.insert(purpose.id.clone(), (purpose, file))),
                Err(found) => errors.extend(from_source(found)),
            }
        }
        if errors.is_empty() {
            errors = references(&purposes, &catalogue, &organisations);
        }
        let purposes = signed(&purposes, files, (&catalogue, &organisations), &mut errors);
        if errors.is_empty() {
            Ok(Self {
                catalogue,
                organisations,
                partnerships,
                keys,
                purposes,
            })
        } else {
            Err(errors)
        }
    }

    /// The approvals without which a purpose does not act: the FG of each controller, each holder it touches.
    pub fn required(&self, purpose: &Purpose) -> Vec<(&Organisation, ApprovalRole)> {
        let controllers = purpose
            .controllers
            .iter()
            .filter_map(|one| self.organisations.by_slug(&one.organisation));
        let mut required: Vec<_> = controllers.map(|party| (party, ApprovalRole::Fg)).collect();
        for grant in &purpose.grants {
            let touched = grant.touched(&self.catalogue, &self.organisations);
            required.extend(touched.into_iter().map(|party| (party, ApprovalRole::Holder)));
        }
        required.sort_by(|one, other| (&one.0.slug, one.1).cmp(&(&other.0.slug, other.1)));
        required.dedup_by(|one, other| one.0.slug == other.0.slug && one.1 == other.1);
        required
    }
}

impl Policies {
    /// Reads, checks and verifies everything, as it stands at `now` for this deployment.
    pub fn load(files: &PolicyFiles, deployment: &str, now: Timestamp) -> Result<Self, Vec<PolicyError>> {
        Self::of(Draft::read(files)?, files, deployment, now)
    }

    /// Verifies what was read from these files.
    pub fn of(
        draft: Draft,
        files: &PolicyFiles,
        deployment: &str,
        now: Timestamp,
    ) -> Result<Self, Vec<PolicyError>> {
        let mut errors = Vec::new();
        if let Some(found) = draft.keys.deployment().filter(|found| *found != deployment) {
            errors.push(PolicyError::KeyListDeployment {
                found: found.to_owned(),
                expected: deployment.to_owned(),
            });
        }
        let approvals = by_subject(&files.approvals, &mut errors);
        let mandates = mandates(files, deployment, &draft, now, &mut errors);
        if !errors.is_empty() {
            return Err(errors);
        }
        let standings = draft.purposes.iter().map(|(id, (purpose, manifest))| {
            let given = given(&draft, purpose, manifest, &approvals, deployment);
            let touched = touched(&draft, purpose);
            let standing = Standing::new(purpose.clone(), manifest, given, touched, now);
            (id.clone(), standing)
        });
        let purposes = standings.collect();
        let Draft {
            catalogue,
            organisations,
            partnerships,
            keys,
            ..
        } = draft;
        Ok(Self {
            catalogue,
            organisations,
            partnerships,
            purposes,
            mandates: mandates.iter().map(|signed| signed.mandate.clone()).collect(),
            digest: digest(files, deployment),
            evidence: Evidence { keys, mandates },
        })
    }
}

type Subject = (String, String, String);

/// The register of sites. Without the file no site belongs to a partnership, and no caseload gives a pupil.
fn partnerships(files: &PolicyFiles, catalogue: &Catalogue) -> Result<SitePartnerships, PolicyError> {
    let Some((file, text)) = files.reference.iter().find(|(file, _)| file == SITES_FILE) else {
        return Ok(SitePartnerships::default());
    };
    SitePartnerships::read(catalogue, text).map_err(|message| PolicyError::Reference {
        file: file.clone(),
        message,
    })
}

/// Purposes with the files that they were read from.
type Read<'f> = BTreeMap<Name, (Purpose, &'f NamedText)>;

/// Every purpose with its manifest, which covers what the purpose names of others.
fn signed(
    read: &Read<'_>,
    files: &PolicyFiles,
    parties: (&Catalogue, &Organisations),
    errors: &mut Vec<PolicyError>,
) -> BTreeMap<Name, (Purpose, Manifest)> {
    let mut purposes = BTreeMap::new();
    for (id, (purpose, file)) in read {
        let named = purpose.named_purposes();
        let named: Vec<_> = named.into_iter().filter_map(|name| read.get(name)).collect();
        let named: Vec<_> = named.iter().map(|(purpose, file)| (purpose, *file)).collect();
        match Manifest::of(purpose, file, files, parties, &named) {
            Ok(manifest) => drop(purposes.insert(id.clone(), (purpose.clone(), manifest))),
            Err(error) => errors.push(PolicyError::Manifest {
                file: file.0.clone(),
                error,
            }),
        }
    }
    purposes
}

/// What purposes name of each other, looked up when all of them are read.
fn references(purposes: &Read<'_>, catalogue: &Catalogue, organisations: &Organisations) -> Vec<PolicyError> {
    let unmet = |(purpose, _): &(Purpose, &NamedText)| {
        let file = format!("purposes/{}.toml", purpose.id);
        let mut messages = purpose.unmet(|id| purposes.get(id).map(|(found, _)| found), organisations);
        let all = purposes.values().map(|(other, _)| other);
        messages.extend(purpose.two_mechanisms(all.clone()));
        messages.extend(purpose.true_counts_beside(catalogue, all));
        messages.into_iter().map(move |message| PolicyError::Reference {
            file: file.clone(),
            message,
        })
    };
    purposes.values().flat_map(unmet).collect()
}

fn from_source(errors: Vec<SourceError>) -> Vec<PolicyError> {
    errors.into_iter().map(PolicyError::Source).collect()
}

/// Approvals by purpose, organisation and role, as their file names say.
fn by_subject<'f>(files: &'f [NamedText], errors: &mut Vec<PolicyError>) -> BTreeMap<Subject, &'f str> {
    let mut found = BTreeMap::new();
    for (file, text) in files {
        let name = file
            .rsplit('/')
            .next()
            .and_then(|name| name.strip_suffix(".jws"))
            .unwrap_or_default();
        let parts: Vec<&str> = name.split('.').collect();
        if let [purpose, organisation, role @ ("fg" | "holder")] = parts.as_slice() {
            let subject = (
                (*purpose).to_owned(),
                (*organisation).to_owned(),
                (*role).to_owned(),
            );
            found.insert(subject, text.as_str());
        } else {
            errors.push(PolicyError::ApprovalName { file: file.clone() });
        }
    }
    found
}

/// What became of each approval that the purpose needs.
fn given(
    draft: &Draft,
    purpose: &Purpose,
    manifest: &Manifest,
    approvals: &BTreeMap<Subject, &str>,
    deployment: &str,
) -> Vec<Given> {
    let verdict = |organisation: &Organisation, role: ApprovalRole| {
        let required = Required {
            deployment,
            purpose: &purpose.id,
            version: purpose.version,
            role,
            organisation,
        };
        let subject = (
            purpose.id.to_string(),
            organisation.slug.to_string(),
            role.to_string(),
        );
        let text = approvals.get(&subject).ok_or(InvalidApproval::Absent)?;
        approval::verify(text, &required, manifest, &draft.keys)
    };
    let required = draft.required(purpose).into_iter();
    required
        .map(|(organisation, role)| Given::new(organisation, role, verdict(organisation, role)))
        .collect()
}

/// The holders that each grant touches.
fn touched(draft: &Draft, purpose: &Purpose) -> Vec<Vec<Slug>> {
    let grants = purpose.grants.iter();
    grants
        .map(|grant| {
            let touched = grant.touched(&draft.catalogue, &draft.organisations);
            touched.into_iter().map(|party| party.slug.clone()).collect()
        })
        .collect()
}

fn mandates(
    files: &PolicyFiles,
    deployment: &str,
    draft: &Draft,
    now: Timestamp,
    errors: &mut Vec<PolicyError>,
) -> Vec<SignedMandate> {
    let mut mandates = Vec::new();
    for (file, text) in &files.mandates {
        match Mandate::verify(text, deployment, draft, now) {
            Ok(mandate) => mandates.push(mandate),
            Err(error) => errors.push(PolicyError::Mandate {
                file: file.clone(),
                error,
            }),
        }
    }
    mandates
}

/// SHA-256 over the deployment, the noise tables and each file's name and digest, in order of name.
pub fn digest(files: &PolicyFiles, deployment: &str) -> [u8; 32] {
    let PolicyFiles {
        catalogue,
        reference,
        organisations,
        approvers,
        purposes,
        tables: _,
        approvals,
        mandates,
    } = files;
    let all = [catalogue, reference, approvers, purposes, approvals, mandates]
        .into_iter()
        .flatten()
        .chain([organisations]);
    let mut lines: Vec<String> = all
        .map(|(name, text)| format!("{}  {name}\n", digest_text(&sha256(text.as_bytes()))))
        .collect();
    lines.sort();
    lines.insert(
        0,
        format!("{}  {deployment}\n", digest_text(&protection_tables())),
    );
    sha256(lines.concat().as_bytes())
}

/// The file name of an approval.
pub fn approval_file(purpose: &Name, organisation: &Slug, role: ApprovalRole) -> String {
    format!("{purpose}.{organisation}.{role}.jws")
}
