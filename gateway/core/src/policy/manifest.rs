//! The manifest of a purpose: the digests of its file and of everything that it resolves to. Approvals sign
//! its JCS form (RFC 8785), so one byte changed anywhere puts the purpose to sleep.

use std::collections::{BTreeMap, BTreeSet};

use data_encoding::HEXLOWER;
use serde_json::{Value, json};

use super::load::{NamedText, PolicyFiles};
use super::sha256;
use crate::catalogue::{About, Catalogue, Dataset, Derive, Name};
use crate::party::{Organisation, Organisations};
use crate::purpose::{Grant, Purpose};

const FORMAT: &str = "doelpoort-manifest-1";
/// The noise tables of protected figures; another table is another protection.
const PROTECTION_TABLES: [&str; 4] = [
    include_str!("../figures/tables/ptable_int_D5_V1_js0.csv"),
    include_str!("../figures/tables/ptable_int_D8_V3_js0.csv"),
    include_str!("../figures/tables/ptable_int_D9_V4_js0.csv"),
    include_str!("../figures/tables/ptable_int_D16_V12_js0.csv"),
];

/// The canonical bytes that approvals sign, and their digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    bytes: Vec<u8>,
    digest: [u8; 32],
}

/// A manifest that could not be written; its numbers are all small, so this is not expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the manifest has no canonical form")]
pub struct ManifestError;

impl Manifest {
    /// The manifest of a purpose that was read from `file`.
    pub fn of(
        purpose: &Purpose,
        file: &NamedText,
        files: &PolicyFiles,
        parties: (&Catalogue, &Organisations),
    ) -> Result<Self, ManifestError> {
        let (catalogue, organisations) = parties;
        let grants: Vec<Value> = purpose
            .grants
            .iter()
            .map(|grant| grant_json(grant, catalogue, organisations))
            .collect();
        let manifest = json!({
            "format": FORMAT,
            "purpose": purpose.id.as_str(),
            "version": purpose.version,
            "files": digests(purpose, file, files, catalogue),
            "grants": grants,
            "parties": parties_json(purpose, catalogue, organisations),
            "protectionTables": digest_text(&protection_tables()),
        });
        let bytes = serde_json_canonicalizer::to_vec(&manifest).map_err(|_| ManifestError)?;
        let digest = sha256(&bytes);
        Ok(Self { bytes, digest })
    }

    /// The bytes that are signed.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Their SHA-256.
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }
}

/// SHA-256 over the digests of the noise tables.
pub fn protection_tables() -> [u8; 32] {
    sha256(&PROTECTION_TABLES.map(|table| sha256(table.as_bytes())).concat())
}

/// `sha256:` and 64 lower-case hex digits.
pub fn digest_text(digest: &[u8; 32]) -> String {
    format!("sha256:{}", HEXLOWER.encode(digest))
}

fn digests(
    purpose: &Purpose,
    file: &NamedText,
    files: &PolicyFiles,
    catalogue: &Catalogue,
) -> BTreeMap<String, String> {
    let wanted = resolved(purpose, catalogue);
    let stem = |name: &str| name.rsplit_once('.').map_or(name, |(stem, _)| stem).to_owned();
    let named = files
        .catalogue
        .iter()
        .chain(&files.reference)
        .filter(|(name, _)| wanted.contains(&stem(name)));
    named
        .chain([file])
        .map(|(name, text)| (name.clone(), digest_text(&sha256(text.as_bytes()))))
        .collect()
}

/// The files, without their endings, that a purpose resolves to.
fn resolved(purpose: &Purpose, catalogue: &Catalogue) -> BTreeSet<String> {
    let mut wanted = BTreeSet::new();
    let datasets: BTreeSet<Name> = purpose
        .grants
        .iter()
        .flat_map(|grant| grant.datasets(catalogue))
        .collect();
    for dataset in datasets.iter().filter_map(|name| catalogue.dataset(name)) {
        resolve_dataset(dataset, catalogue, &mut wanted);
    }
    for grant in &purpose.grants {
        if let Grant::Figures(grant) = grant {
            wanted.insert(format!("populations/{}", grant.population));
        }
    }
    wanted
}

fn resolve_dataset(dataset: &Dataset, catalogue: &Catalogue, wanted: &mut BTreeSet<String>) {
    wanted.insert(format!("datasets/{}", dataset.name));
    if dataset.about == About::Site {
        wanted.insert(format!("reference/{}", dataset.name));
    }
    for field in &dataset.fields {
        let derived = match &field.derive {
            Some(Derive::Membership { hierarchy, .. }) => Some(hierarchy),
            Some(Derive::Mapped { table, .. }) => {
                wanted.insert(format!("maps/{table}"));
                catalogue.map(table).map(|map| &map.to)
            }
            _ => None,
        };
        wanted.extend(
            field
                .hierarchy
                .iter()
                .chain(derived)
                .map(|hierarchy| format!("hierarchies/{hierarchy}")),
        );
    }
}

fn grant_json(grant: &Grant, catalogue: &Catalogue, organisations: &Organisations) -> Value {
    json!({
        "form": grant.form(),
        "holders": slugs(&grant.touched(catalogue, organisations)),
        "recipients": slugs(&grant.receiving(organisations)),
    })
}

fn slugs<'o>(parties: &[&'o Organisation]) -> BTreeSet<&'o str> {
    parties.iter().map(|party| party.slug.as_str()).collect()
}

/// Controllers, holders and recipients; of recipients also the clients with their roles and pins.
fn parties_json(
    purpose: &Purpose,
    catalogue: &Catalogue,
    organisations: &Organisations,
) -> BTreeMap<String, Value> {
    let mut parties = BTreeMap::new();
    let controllers = purpose
        .controllers
        .iter()
        .filter_map(|one| organisations.by_slug(&one.organisation));
    let holders = purpose
        .grants
        .iter()
        .flat_map(|grant| grant.touched(catalogue, organisations));
    for party in controllers.chain(holders) {
        parties.insert(
            party.slug.to_string(),
            json!({ "oin": party.oin, "kind": party.kind }),
        );
    }
    for party in purpose
        .grants
        .iter()
        .flat_map(|grant| grant.receiving(organisations))
    {
        let clients: BTreeMap<&str, Value> = party.clients.iter().map(|client| {
            let pins = json!({ "roles": client.roles, "x5tS256": client.thumbprints, "spkiSha256": client.key_pins });
            (client.id.as_str(), pins)
        }).collect();
        parties.insert(
            party.slug.to_string(),
            json!({ "oin": party.oin, "kind": party.kind, "clients": clients }),
        );
    }
    parties
}
