mod approvals;
mod mandates;

use std::path::Path;
use std::sync::LazyLock;

use ring::signature::Ed25519KeyPair;

use super::approval::{self, ApprovalTerms};
use super::jws::{self, JwsError, SigningKey};
use super::key_list::{Added, Change};
use super::*;
use crate::party::{ApproverRole, Client, Organisation, Pin, TokenIssuer};
use crate::purpose::Purpose;

const CATALOGUE_FOLDERS: [&str; 4] = ["datasets", "hierarchies", "maps", "populations"];
pub(crate) const DEPLOYMENT: &str = "almere-test";

pub(crate) fn now() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

pub(crate) fn name(text: &str) -> Name {
    text.parse().unwrap()
}

pub(crate) fn key(slug: &str) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&sha256(slug.as_bytes())).unwrap()
}

/// The shipped catalogue.
pub(crate) fn shipped_catalogue() -> Catalogue {
    Catalogue::parse(&CATALOGUE_FOLDERS.map(folder).concat()).unwrap_or_else(|errors| {
        panic!(
            "{}",
            errors
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("\n")
        )
    })
}

fn folder(name: &str) -> Vec<(String, String)> {
    files(name, |_| true)
}

fn files(name: &str, wanted: fn(&str) -> bool) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies");
    let mut files: Vec<_> = std::fs::read_dir(root.join(name))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|file| wanted(file))
        .map(|file| {
            (
                format!("{name}/{file}"),
                std::fs::read_to_string(root.join(name).join(file)).unwrap(),
            )
        })
        .collect();
    files.sort();
    files
}

/// The shipped files, with a key for every organisation and a pin for every client.
pub(crate) fn shipped() -> PolicyFiles {
    let organisations = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies/organisations.toml");
    let mut files = PolicyFiles {
        catalogue: ["datasets", "hierarchies", "maps", "populations"]
            .map(folder)
            .concat(),
        reference: folder("reference"),
        organisations: (
            "organisations.toml".to_owned(),
            std::fs::read_to_string(organisations).unwrap(),
        ),
        purposes: files("purposes", |file| !file.ends_with(".test.toml")),
        tables: files("purposes", |file| file.ends_with(".test.toml")),
        ..PolicyFiles::default()
    };
    change_organisations(&mut files, |organisations| {
        for organisation in organisations.iter_mut() {
            let slug = organisation.slug.to_string();
            for client in &mut organisation.clients {
                client.key_pins = vec![Pin::of(slug.as_bytes())];
            }
        }
    });
    let catalogue = Catalogue::parse(&files.catalogue).unwrap();
    let organisations = Organisations::parse("o", &files.organisations.1, &catalogue).unwrap();
    let all = [ApproverRole::Fg, ApproverRole::Holder, ApproverRole::Mandate];
    let add = organisations
        .iter()
        .map(|party| added(party, &key(party.slug.as_str()), "1", &all));
    let first = Change::after(&KeyList::default(), DEPLOYMENT, Vec::new(), add.collect());
    files.approvers = vec![("approvers/0000.json".to_owned(), first.to_text())];
    files
}

/// A key of an organisation for the key list; its id is `<slug>-<number>`.
pub(crate) fn added(
    party: &Organisation,
    key: &Ed25519KeyPair,
    number: &str,
    roles: &[ApproverRole],
) -> Added {
    let kid = format!("{}-{number}", party.slug);
    Added {
        organisation: party.oin.to_string(),
        roles: roles.to_vec(),
        jwk: SigningKey::EdDsa(key).public_key().to_jwk(&kid),
    }
}

fn change_organisations(files: &mut PolicyFiles, change: impl FnOnce(&mut Organisations)) {
    let catalogue = Catalogue::parse(&files.catalogue).unwrap();
    let mut organisations = Organisations::parse("o", &files.organisations.1, &catalogue).unwrap();
    change(&mut organisations);
    files.organisations.1 = organisations.to_toml();
}

pub(crate) fn approve(files: &mut PolicyFiles) {
    let draft = Draft::read(files).unwrap_or_else(|errors| panic!("{}", shown(&errors)));
    for (purpose, manifest) in draft.purposes.values() {
        for (organisation, role) in draft.required(purpose) {
            let slug = organisation.slug.as_str();
            let terms = terms(purpose, &organisation.oin, role);
            let text = approval::sign(
                &terms,
                manifest,
                &format!("{slug}-1"),
                SigningKey::EdDsa(&key(slug)),
            )
            .unwrap();
            let file = load::approval_file(&purpose.id, &organisation.slug, role);
            files.approvals.push((format!("approvals/{file}"), text));
        }
    }
}

fn terms<'a>(purpose: &'a Purpose, organisation: &'a Oin, role: ApprovalRole) -> ApprovalTerms<'a> {
    ApprovalTerms {
        deployment: DEPLOYMENT,
        purpose: &purpose.id,
        version: purpose.version,
        role,
        organisation,
        issued_at: "2026-11-01T00:00:00Z".parse().unwrap(),
        expires_at: "2027-07-31T00:00:00Z".parse().unwrap(),
    }
}

/// The shipped files with everybody's approval; made once, for it takes a while.
pub(crate) fn approved() -> PolicyFiles {
    static APPROVED: LazyLock<PolicyFiles> = LazyLock::new(|| {
        let mut files = shipped();
        approve(&mut files);
        files
    });
    APPROVED.clone()
}

fn shown(errors: &[PolicyError]) -> String {
    let shown: Vec<_> = errors.iter().map(ToString::to_string).collect();
    shown.join("\n")
}

pub(crate) fn load(files: &PolicyFiles) -> Policies {
    Policies::load(files, DEPLOYMENT, now()).unwrap_or_else(|errors| panic!("{}", shown(&errors)))
}

/// The shipped policies, approved, with a mandate of `board-41676` to `vendor-alpha` for `admissibility`.
pub(crate) fn approved_with_mandate() -> Policies {
    let board = "board-41676";
    let mandate = Mandate {
        vendor: "00000099000000900001".parse().unwrap(),
        board: "00000099000000041676".parse().unwrap(),
        datasets: vec![name("admissibility")],
        from: jiff::civil::date(2026, 8, 1),
        until: jiff::civil::date(2027, 7, 31),
        agreement: "VO-2026-17".to_owned(),
    };
    let kid = format!("{board}-1");
    let text = mandate.sign(DEPLOYMENT, now(), &kid, SigningKey::EdDsa(&key(board)));
    let mut files = approved();
    files
        .mandates
        .push(("mandates/alpha.jws".to_owned(), text.unwrap()));
    load(&files)
}

fn asleep(policies: &Policies) -> Vec<&str> {
    let sleeping = |standing: &&Standing| !standing.missing(now()).is_empty();
    policies
        .purposes
        .values()
        .filter(sleeping)
        .map(|standing| standing.purpose.id.as_str())
        .collect()
}

fn reasons(policies: &Policies, purpose: &str) -> Vec<InvalidApproval> {
    match &policies.purposes[&name(purpose)].state {
        StandingState::Active { .. } => Vec::new(),
        StandingState::Asleep { missing } => missing.iter().map(|missing| missing.reason.clone()).collect(),
    }
}

pub(crate) fn text_of<'f>(files: &'f mut [(String, String)], name: &str) -> &'f mut String {
    &mut files.iter_mut().find(|(file, _)| file == name).unwrap().1
}

#[test]
fn shipped_purposes_act_once_everybody_has_signed() {
    let policies = load(&approved());
    let ids: Vec<_> = policies.purposes.keys().map(Name::as_str).collect();
    assert_eq!(
        ids,
        [
            "accountability",
            "admissibility-flow",
            "admissibility-status",
            "board-report",
            "case-consultation",
            "case-resolution",
            "compulsory-education",
            "covering-network",
            "cross-border",
            "delivery-absence",
            "delivery-admissibility",
            "delivery-caseload",
            "delivery-enrolment",
            "delivery-exemption",
            "delivery-funded",
            "delivery-provision",
            "delivery-resident",
            "delivery-support",
            "delivery-youth-care",
            "funding-insight",
            "log-oversight",
            "neighbourhood-absence",
            "neighbourhood-report",
            "participation",
            "provision-closure",
            "provision-overview",
            "pupil-rights",
            "subject-access",
            "support-advice",
            "support-demand",
            "team-steering",
            "youth-atlas"
        ]
    );
    assert_eq!(asleep(&policies), Vec::<&str>::new());
}

#[test]
fn without_approvals_nothing_acts() {
    let policies = load(&shipped());
    assert_eq!(asleep(&policies).len(), policies.purposes.len());
    assert!(
        reasons(&policies, "youth-atlas")
            .iter()
            .all(|reason| *reason == InvalidApproval::Absent)
    );
}

#[test]
fn controllers_and_all_holders_must_sign() {
    let draft = Draft::read(&shipped()).unwrap();
    let required = |purpose: &str| -> Vec<String> {
        let required = draft.required(&draft.purposes[&name(purpose)].0);
        let others = required.iter().filter(|(party, _)| party.board.is_none());
        others
            .map(|(party, role)| format!("{} {role}", party.slug))
            .collect()
    };
    let boards = |purpose: &str| {
        let required = draft.required(&draft.purposes[&name(purpose)].0);
        required.iter().filter(|(party, _)| party.board.is_some()).count()
    };
    assert_eq!(
        required("youth-atlas"),
        ["municipality fg", "municipality holder", "swv-po fg", "swv-vo fg"]
    );
    assert_eq!(
        required("delivery-resident"),
        ["municipality fg", "municipality holder"]
    );
    assert_eq!(
        required("case-consultation"),
        ["swv-po fg", "swv-po holder", "swv-vo fg", "swv-vo holder"],
        "the caseload decides whom a consulent sees"
    );
    assert_eq!(boards("youth-atlas"), 13);
    assert_eq!(boards("delivery-resident"), 0);
}

#[test]
fn one_byte_changed_in_what_a_purpose_resolves_to_puts_it_to_sleep() {
    // Which file changes; whether youth-atlas sleeps then, and whether delivery-caseload does.
    let cases = [
        ("purposes/youth-atlas.toml", true, false),
        ("datasets/resident.toml", true, false),
        ("datasets/enrolment.toml", true, false),
        ("datasets/caseload.toml", false, true),
        ("hierarchies/neighbourhood.toml", true, false),
        ("hierarchies/site.toml", true, true),
        ("maps/pc4-neighbourhood.toml", true, false),
        ("populations/children.toml", true, false),
    ];
    for (file, atlas, caseload) in cases {
        let mut files = approved();
        let part = if file.starts_with("purposes") {
            &mut files.purposes
        } else {
            &mut files.catalogue
        };
        text_of(part, file).push('\n');
        let policies = load(&files);
        assert_eq!(asleep(&policies).contains(&"youth-atlas"), atlas, "{file}");
        assert_eq!(
            asleep(&policies).contains(&"delivery-caseload"),
            caseload,
            "{file}"
        );
        if atlas {
            let signature = InvalidApproval::Signature(JwsError::Signature);
            assert!(
                reasons(&policies, "youth-atlas")
                    .iter()
                    .all(|reason| *reason == signature),
                "{file}"
            );
        }
    }
}

#[test]
fn another_pin_client_role_or_holder_puts_it_to_sleep() {
    let changes: [(&str, Edit); 10] = [
        ("pin", |all| {
            client(all, "municipality-dashboard")
                .key_pins
                .push(Pin::of(b"another"));
        }),
        ("certificate", |all| {
            client(all, "municipality-dashboard")
                .thumbprints
                .push(Pin::of(b"another"));
        }),
        ("role", |all| {
            client(all, "municipality-delivery")
                .roles
                .push("dashboard".to_owned());
        }),
        ("number", |all| {
            municipality(all).oin = "00000099000000000035".parse().unwrap();
        }),
        ("keys of a client", |all| {
            client(all, "municipality-dashboard").jwks =
                Some(serde_json::json!({ "keys": [{ "kid": "other" }] }));
        }),
        ("who vouches for staff", |all| {
            let swv = all.iter_mut().find(|one| one.slug.as_str() == "swv-po").unwrap();
            swv.staff.as_mut().unwrap().jwks = Some(serde_json::json!({ "keys": [{ "kid": "other" }] }));
        }),
        ("who issues tokens", |all| {
            let swv = all.iter_mut().find(|one| one.slug.as_str() == "swv-po").unwrap();
            swv.tokens = Some(issuer());
        }),
        ("who issues tokens to a holder that can withdraw", |all| {
            all.iter_mut()
                .find(|one| one.slug.as_str() == "board-41676")
                .unwrap()
                .tokens = Some(issuer());
        }),
        ("identifiers", |all| municipality(all).identifiers.clear()),
        ("linking", |all| {
            *all = Organisations::new(all.iter().cloned().collect(), Vec::new());
        }),
    ];
    for (what, change) in changes {
        let mut files = approved();
        change_organisations(&mut files, change);
        assert!(asleep(&load(&files)).contains(&"youth-atlas"), "{what}");
    }
}

#[test]
fn another_pin_of_a_vendor_puts_what_it_does_for_boards_to_sleep() {
    let mut files = approved();
    change_organisations(&mut files, |all| {
        client(all, "vendor-alpha-delivery").key_pins = vec![Pin::of(b"x")];
    });
    let policies = load(&files);
    assert!(asleep(&policies).contains(&"delivery-enrolment"));
    assert!(
        !asleep(&policies).contains(&"youth-atlas"),
        "no vendor receives it"
    );
}

fn issuer() -> TokenIssuer {
    TokenIssuer {
        issuer: "https://tokens.example".to_owned(),
        jwks: serde_json::json!({ "keys": [{ "kid": "other" }] }),
    }
}

type Edit = fn(&mut Organisations);

fn municipality(organisations: &mut Organisations) -> &mut Organisation {
    organisations
        .iter_mut()
        .find(|one| one.slug.as_str() == "municipality")
        .unwrap()
}

fn client<'o>(organisations: &'o mut Organisations, id: &str) -> &'o mut Client {
    let mut clients = organisations
        .iter_mut()
        .flat_map(|organisation| &mut organisation.clients);
    clients.find(|client| client.id.as_str() == id).unwrap()
}

#[test]
fn a_purpose_acts_within_its_days_and_its_approvals() {
    let policies = load(&approved());
    let standing = &policies.purposes[&name("youth-atlas")];
    let at = |text: &str| standing.acts(text.parse().unwrap());
    assert_eq!(at("2026-11-22T12:00:00Z"), Ok(()));
    assert_eq!(at("2027-07-30T23:59:59Z"), Ok(()));
    assert_eq!(
        at("2027-07-31T00:00:00Z"),
        Err(Dormant::Asleep),
        "the approvals end"
    );
    assert_eq!(at("2025-07-31T23:59:59Z"), Err(Dormant::NotYetValid));
    let StandingState::Active { until } = standing.state else {
        panic!("asleep")
    };
    assert_eq!(until, "2027-07-31T00:00:00Z".parse().unwrap());
}

#[test]
fn organisations_survive_writing_and_reading() {
    let files = shipped();
    let catalogue = Catalogue::parse(&files.catalogue).unwrap();
    let mut organisations = Organisations::parse("o", &files.organisations.1, &catalogue).unwrap();
    for client in organisations
        .iter_mut()
        .flat_map(|organisation| &mut organisation.clients)
    {
        client.jwks = Some(serde_json::json!({ "keys": [{ "kty": "EC", "kid": "it's \"quoted\"" }] }));
        client.thumbprints = vec![Pin::of(client.id.as_str().as_bytes())];
    }
    assert_eq!(
        Organisations::parse("o", &organisations.to_toml(), &catalogue).as_ref(),
        Ok(&organisations)
    );
}

#[test]
fn the_digest_changes_with_every_file() {
    let files = approved();
    let digest = load(&files).digest;
    assert_eq!(load(&files).digest, digest);
    let mut other = files.clone();
    text_of(&mut other.reference, "reference/site.csv").push('\n');
    assert_ne!(load(&other).digest, digest);
    let mut fewer = files;
    fewer.approvals.pop();
    assert_ne!(load(&fewer).digest, digest);
}

#[test]
fn misnamed_approvals_are_refused() {
    let mut files = shipped();
    for file in [
        "youth-atlas.swv-po.jws",
        "youth-atlas.swv-po.board.jws",
        "youth-atlas.swv-po.fg.txt",
    ] {
        files.approvals.push((format!("approvals/{file}"), String::new()));
    }
    assert_eq!(Policies::load(&files, DEPLOYMENT, now()).unwrap_err().len(), 3);
}
