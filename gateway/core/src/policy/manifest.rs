//! The manifest of a purpose: the digests of its file and of everything that it resolves to. Approvals sign
//! its JCS form (RFC 8785), so one byte changed anywhere puts the purpose to sleep.

use std::collections::{BTreeMap, BTreeSet};

use data_encoding::HEXLOWER;
use serde_json::{Value, json};

use super::load::{NamedText, PolicyFiles};
use super::sha256;
use super::withdrawal::ROLE as WITHDRAWING_ROLE;
use crate::catalogue::{About, Catalogue, Dataset, Derive, Name};
use crate::party::{Client, Organisation, OrganisationKind, Organisations};
use crate::purpose::{Grant, Purpose, Scope};

const FORMAT: &str = "doelpoort-manifest-3";
/// The noise tables of protected figures; another table is another protection.
const PROTECTION_TABLES: [&str; 5] = [
    include_str!("../figures/tables/ptable_int_sym_V1_D6_step8.csv"),
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
    terms: [u8; 32],
}

/// A manifest that could not be written; its numbers are all small, so this is not expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the manifest has no canonical form")]
pub struct ManifestError;

impl Manifest {
    /// The manifest of a purpose that was read from `file`; `named` are the purposes whose pseudonyms it resolves or
    /// translates, with their files.
    pub fn of(
        purpose: &Purpose,
        file: &NamedText,
        files: &PolicyFiles,
        parties: (&Catalogue, &Organisations),
        named: &[(&Purpose, &NamedText)],
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
            "files": digests(&[&[(purpose, file)], named].concat(), files, catalogue),
            "grants": grants,
            "linking": linking_json(organisations),
            "parties": parties_json(purpose, catalogue, organisations),
            "protectionTables": digest_text(&protection_tables()),
        });
        let terms = canonical(&without_proofs(manifest.clone(), &file.0))?;
        let bytes = canonical(&manifest)?;
        Ok(Self {
            digest: sha256(&bytes),
            terms: sha256(&terms),
            bytes,
        })
    }

    /// The bytes that are signed.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Their SHA-256.
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// SHA-256 of what it refers to, apart from the purpose's own file and the keys by which its parties prove who they
    /// are. Nobody signs this: it tells a rotation of keys from a change of what is granted.
    pub fn terms(&self) -> [u8; 32] {
        self.terms
    }
}

fn canonical(value: &Value) -> Result<Vec<u8>, ManifestError> {
    serde_json_canonicalizer::to_vec(value).map_err(|_| ManifestError)
}

/// The manifest without the version and the file of its purpose, and without keys.
fn without_proofs(mut manifest: Value, file: &str) -> Value {
    const PROOFS: [&str; 3] = ["jwks", "x5tS256", "spkiSha256"];
    fn strip(value: &mut Value) {
        if let Value::Object(members) = value {
            members.retain(|name, _| !PROOFS.contains(&name.as_str()));
            members.values_mut().for_each(strip);
        }
    }
    if let Some(members) = manifest.as_object_mut() {
        members.remove("version");
        members
            .get_mut("files")
            .and_then(Value::as_object_mut)
            .map(|files| files.remove(file));
        members.get_mut("parties").map(strip);
    }
    manifest
}

/// SHA-256 over the digests of the noise tables.
pub fn protection_tables() -> [u8; 32] {
    sha256(&PROTECTION_TABLES.map(|table| sha256(table.as_bytes())).concat())
}

/// `sha256:` and 64 lower-case hex digits.
pub fn digest_text(digest: &[u8; 32]) -> String {
    format!("sha256:{}", HEXLOWER.encode(digest))
}

/// The digest that such a text gives.
pub fn digest_of(text: &str) -> Option<[u8; 32]> {
    let digits = text.strip_prefix("sha256:")?;
    HEXLOWER.decode(digits.as_bytes()).ok()?.try_into().ok()
}

fn digests(
    purposes: &[(&Purpose, &NamedText)],
    files: &PolicyFiles,
    catalogue: &Catalogue,
) -> BTreeMap<String, String> {
    let wanted: BTreeSet<String> = purposes
        .iter()
        .flat_map(|(purpose, _)| resolved(purpose, catalogue))
        .collect();
    let stem = |name: &str| name.rsplit_once('.').map_or(name, |(stem, _)| stem).to_owned();
    let named = files
        .catalogue
        .iter()
        .chain(&files.reference)
        .filter(|(name, _)| wanted.contains(&stem(name)));
    named
        .chain(purposes.iter().map(|(_, file)| *file))
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
        "scope": grant.scope().map(scope_json),
        "vendors": slugs(&vendors(grant, organisations)),
    })
}

/// What a scope means here. It is no file but part of the program: another meaning needs another text, and so another
/// signature.
fn scope_json(scope: Scope) -> Value {
    let meaning = match scope {
        Scope::Caseload => {
            "pupils enrolled, on the day of the request, at a site that a delivery of the controller gives to the \
             asking member of staff, and that belongs to the controller by the register of sites"
        }
        Scope::OwnBoard => "rows whose holder is the acting board",
        Scope::OwnSchool => {
            "pupils with an enrolment at a site that the acting board runs by the hierarchy of sites, which was delivered \
             before today, is not contradicted by another enrolment or by the municipality, and is confirmed by the \
             municipality or stood for 72 hours after one at another board ended, at most 92 days before"
        }
        Scope::OwnSite => "as own-school, at the site that the request names",
        Scope::Everything => "all pupils",
    };
    json!({ "datasets": scope.datasets(), "meaning": meaning })
}

/// Vendors that can receive for a school board: those with a program in a role that the grant gives to boards. Whether
/// one does, its mandate says; who it is, the signers of the purpose have seen.
fn vendors<'o>(grant: &Grant, organisations: &'o Organisations) -> Vec<&'o Organisation> {
    let boards: Vec<_> = organisations.of_kind(OrganisationKind::SchoolBoard).collect();
    let roles: BTreeSet<&str> = grant
        .recipients()
        .iter()
        .filter(|recipient| boards.iter().any(|board| recipient.names(board)))
        .map(|recipient| recipient.role.as_str())
        .collect();
    let acts = |client: &Client| client.roles.iter().any(|role| roles.contains(role.as_str()));
    organisations
        .of_kind(OrganisationKind::Vendor)
        .filter(|vendor| vendor.clients.iter().any(acts))
        .collect()
}

fn slugs<'o>(parties: &[&'o Organisation]) -> BTreeSet<&'o str> {
    parties.iter().map(|party| party.slug.as_str()).collect()
}

/// When two identifiers become one pupil for everybody.
fn linking_json(organisations: &Organisations) -> Vec<Value> {
    let rules = organisations.linking().iter();
    rules
        .map(|rule| {
            let (one, other) = &rule.when_equal;
            json!({
                "assertedBy": rule.asserted_by, "confirmed": rule.confirmed,
                "whenEqual": [one.to_string(), other.to_string()],
            })
        })
        .collect()
}

/// Controllers, holders, recipients and vendors. Of who receives also the programs with roles, pins and keys, who
/// vouches for its staff and who else issues tokens to its programs; of who approves those with which it can withdraw: nobody takes them away unsigned.
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
        let withdrawing = |client: &&Client| client.roles.iter().any(|role| role == WITHDRAWING_ROLE);
        let described = json!({
            "oin": party.oin, "kind": party.kind, "identifiers": identifiers(party), "board": party.board,
            "swv": party.swv,
            "clients": clients_json(party.clients.iter().filter(withdrawing)),
        });
        parties.insert(party.slug.to_string(), with_tokens(described, party));
    }
    let receiving = purpose.grants.iter().flat_map(|grant| {
        let vendors = vendors(grant, organisations);
        let translated_for = match grant {
            Grant::Translate(translate) => organisations.by_slug(&translate.to),
            _ => None,
        };
        let receiving = grant.receiving(organisations).into_iter();
        receiving.chain(vendors).chain(translated_for)
    });
    for party in receiving {
        parties.insert(party.slug.to_string(), receiver_json(party));
    }
    parties
}

fn clients_json<'o>(clients: impl Iterator<Item = &'o Client>) -> BTreeMap<&'o str, Value> {
    clients
        .map(|client| {
            let proof = json!({
                "roles": client.roles, "x5tS256": client.thumbprints, "spkiSha256": client.key_pins,
                "jwks": client.jwks,
            });
            (client.id.as_str(), proof)
        })
        .collect()
}

fn receiver_json(party: &Organisation) -> Value {
    let clients = clients_json(party.clients.iter());
    let staff = party
        .staff
        .as_ref()
        .map(|staff| json!({ "issuer": staff.issuer, "jwks": staff.jwks }));
    let described = json!({
        "oin": party.oin, "kind": party.kind, "identifiers": identifiers(party), "board": party.board,
        "swv": party.swv, "clients": clients, "staff": staff, "pupils": party.pupils,
    });
    with_tokens(described, party)
}

/// With who else issues tokens to its programs, where somebody does: what was signed before there was such an issuer
/// has no such member.
fn with_tokens(mut described: Value, party: &Organisation) -> Value {
    if let (Some(tokens), Some(members)) = (&party.tokens, described.as_object_mut()) {
        members.insert(
            "tokens".to_owned(),
            json!({ "issuer": tokens.issuer, "jwks": tokens.jwks }),
        );
    }
    described
}

fn identifiers(party: &Organisation) -> Vec<String> {
    party.identifiers.iter().map(ToString::to_string).collect()
}
