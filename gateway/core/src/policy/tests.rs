use std::path::Path;

use data_encoding::BASE64URL_NOPAD;
use jiff::civil::date;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair};

use super::approval::{self, ApprovalTerms};
use super::jws::{self, JwsError, SigningKey};
use super::mandate::InvalidMandate;
use super::*;
use crate::party::{Approver, ApproverRole, Client, Pin};

const CATALOGUE_FOLDERS: [&str; 4] = ["datasets", "hierarchies", "maps", "populations"];
const DEPLOYMENT: &str = "almere-test";

fn now() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn key(slug: &str) -> Ed25519KeyPair {
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
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies");
    let mut files: Vec<_> = std::fs::read_dir(root.join(name))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
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
fn shipped() -> PolicyFiles {
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
        purposes: folder("purposes"),
        ..PolicyFiles::default()
    };
    change_organisations(&mut files, |organisations| {
        for organisation in organisations.iter_mut() {
            let slug = organisation.slug.to_string();
            let roles = vec![ApproverRole::Fg, ApproverRole::Holder, ApproverRole::Mandate];
            let key = SigningKey::EdDsa(&key(&slug)).public_key();
            organisation.approvers = vec![Approver {
                kid: format!("{slug}-1"),
                roles,
                key,
            }];
            for client in &mut organisation.clients {
                client.key_pins = vec![Pin::of(slug.as_bytes())];
            }
        }
    });
    files
}

fn change_organisations(files: &mut PolicyFiles, change: impl FnOnce(&mut Organisations)) {
    let catalogue = Catalogue::parse(&files.catalogue).unwrap();
    let mut organisations = Organisations::parse("o", &files.organisations.1, &catalogue).unwrap();
    change(&mut organisations);
    files.organisations.1 = organisations.to_toml();
}

fn approve(files: &mut PolicyFiles) {
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

fn approved() -> PolicyFiles {
    let mut files = shipped();
    approve(&mut files);
    files
}

fn shown(errors: &[PolicyError]) -> String {
    errors.iter().map(|error| format!("{error}\n")).collect()
}

fn load(files: &PolicyFiles) -> Policies {
    Policies::load(files, DEPLOYMENT, now()).unwrap_or_else(|errors| panic!("{}", shown(&errors)))
}

fn asleep(policies: &Policies) -> Vec<&str> {
    let sleeping = |standing: &&Standing| standing.acts(now()) == Err(Dormant::Asleep);
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

fn text_of<'f>(files: &'f mut [(String, String)], name: &str) -> &'f mut String {
    &mut files.iter_mut().find(|(file, _)| file == name).unwrap().1
}

#[test]
fn shipped_purposes_act_once_everybody_has_signed() {
    let policies = load(&approved());
    let ids: Vec<_> = policies.purposes.keys().map(Name::as_str).collect();
    assert_eq!(
        ids,
        [
            "admissibility-status",
            "case-consultation",
            "delivery-absence",
            "delivery-admissibility",
            "delivery-caseload",
            "delivery-enrolment",
            "delivery-resident",
            "neighbourhood-absence",
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
    let append = |files: &mut Vec<(String, String)>, file: &str| text_of(files, file).push('\n');
    let every_kind: [(
        &str,
        fn(&mut PolicyFiles) -> &mut Vec<(String, String)>,
        &str,
        bool,
        bool,
    ); 7] = [
        // what changes, where, which file, whether youth-atlas sleeps, whether delivery-caseload sleeps
        (
            "itself",
            |files| &mut files.purposes,
            "purposes/youth-atlas.toml",
            true,
            false,
        ),
        (
            "dataset",
            |files| &mut files.catalogue,
            "datasets/resident.toml",
            true,
            false,
        ),
        (
            "member dataset",
            |files| &mut files.catalogue,
            "datasets/enrolment.toml",
            true,
            false,
        ),
        (
            "other dataset",
            |files| &mut files.catalogue,
            "datasets/caseload.toml",
            false,
            true,
        ),
        (
            "hierarchy",
            |files| &mut files.catalogue,
            "hierarchies/neighbourhood.toml",
            true,
            false,
        ),
        (
            "map",
            |files| &mut files.catalogue,
            "maps/pc4-neighbourhood.toml",
            true,
            false,
        ),
        (
            "population",
            |files| &mut files.catalogue,
            "populations/children.toml",
            true,
            false,
        ),
    ];
    for (what, part, file, atlas, caseload) in every_kind {
        let mut files = approved();
        append(part(&mut files), file);
        let policies = load(&files);
        assert_eq!(asleep(&policies).contains(&"youth-atlas"), atlas, "{what}");
        assert_eq!(
            asleep(&policies).contains(&"delivery-caseload"),
            caseload,
            "{what}"
        );
        if atlas {
            let signature = InvalidApproval::Signature(JwsError::Signature);
            assert!(
                reasons(&policies, "youth-atlas")
                    .iter()
                    .all(|reason| *reason == signature),
                "{what}"
            );
        }
    }
}

#[test]
fn another_pin_client_role_or_holder_puts_it_to_sleep() {
    let changes: [(&str, fn(&mut Organisations)); 4] = [
        ("pin", |all| {
            client(all, "municipality-dashboard")
                .key_pins
                .push(Pin::of(b"another"))
        }),
        ("certificate", |all| {
            client(all, "municipality-dashboard")
                .thumbprints
                .push(Pin::of(b"another"))
        }),
        ("role", |all| {
            client(all, "municipality-delivery")
                .roles
                .push("dashboard".to_owned())
        }),
        ("number", |all| {
            all.iter_mut().next().unwrap().oin = "00000099000000000035".parse().unwrap()
        }),
    ];
    for (what, change) in changes {
        let mut files = approved();
        change_organisations(&mut files, change);
        assert!(asleep(&load(&files)).contains(&"youth-atlas"), "{what}");
    }
}

fn client<'o>(organisations: &'o mut Organisations, id: &str) -> &'o mut Client {
    let mut clients = organisations
        .iter_mut()
        .flat_map(|organisation| &mut organisation.clients);
    clients.find(|client| client.id.as_str() == id).unwrap()
}

#[test]
fn an_approval_counts_for_its_terms_only() {
    const FILE: &str = "approvals/delivery-resident.municipality.fg.jws";
    let draft = Draft::read(&shipped()).unwrap();
    let (purpose, manifest) = &draft.purposes[&name("delivery-resident")];
    let municipality = draft
        .organisations
        .by_slug(&"municipality".parse().unwrap())
        .unwrap();
    let good = || terms(purpose, &municipality.oin, ApprovalRole::Fg);
    let other_oin: Oin = "00000099000000240101".parse().unwrap();
    let other_purpose = name("youth-atlas");
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    let cases = [
        (
            ApprovalTerms {
                deployment: "elsewhere",
                ..good()
            },
            InvalidApproval::Other("deployment"),
        ),
        (
            ApprovalTerms {
                purpose: &other_purpose,
                ..good()
            },
            InvalidApproval::Other("purpose"),
        ),
        (
            ApprovalTerms { version: 2, ..good() },
            InvalidApproval::Other("version"),
        ),
        (
            ApprovalTerms {
                role: ApprovalRole::Holder,
                ..good()
            },
            InvalidApproval::Other("role"),
        ),
        (
            ApprovalTerms {
                organisation: &other_oin,
                ..good()
            },
            InvalidApproval::Other("organisation"),
        ),
        (
            ApprovalTerms {
                issued_at: at("2026-11-22T12:00:01Z"),
                ..good()
            },
            InvalidApproval::NotYetValid,
        ),
        (
            ApprovalTerms {
                expires_at: at("2026-11-22T12:00:00Z"),
                ..good()
            },
            InvalidApproval::Expired,
        ),
    ];
    for (terms, expected) in cases {
        let mut files = approved();
        let key = key("municipality");
        *text_of(&mut files.approvals, FILE) =
            approval::sign(&terms, manifest, "municipality-1", SigningKey::EdDsa(&key)).unwrap();
        assert_eq!(reasons(&load(&files), "delivery-resident"), [expected]);
    }
}

#[test]
fn hostile_signatures_are_refused() {
    const FILE: &str = "approvals/delivery-resident.municipality.fg.jws";
    let files = approved();
    let draft = Draft::read(&files).unwrap();
    let manifest = draft.purposes[&name("delivery-resident")].1.bytes().to_vec();
    let good = files
        .approvals
        .iter()
        .find(|(file, _)| file == FILE)
        .unwrap()
        .1
        .clone();
    let header = BASE64URL_NOPAD
        .decode(good.split('.').next().unwrap().as_bytes())
        .unwrap();
    let header = String::from_utf8(header).unwrap();
    let key = key("municipality");
    let with = |from: &str, to: &str| {
        let changed = header.replace(from, to);
        assert_ne!(changed, header);
        jws::sign(changed.as_bytes(), &manifest, true, SigningKey::EdDsa(&key)).unwrap()
    };
    let attached = good.replace("..", &format!(".{}.", BASE64URL_NOPAD.encode(&manifest)));
    let unsigned = format!(
        "{}..",
        BASE64URL_NOPAD.encode(header.replace("EdDSA", "none").as_bytes())
    );
    let cases = [
        ("no signature", unsigned, JwsError::Algorithm.into()),
        (
            "other algorithm",
            with("EdDSA", "ES256"),
            JwsError::Algorithm.into(),
        ),
        (
            "other type",
            with("doelpoort-approval+jws", "jwt"),
            JwsError::Type.into(),
        ),
        ("crit", with("{", r#"{"crit":["exp"],"#), JwsError::Header.into()),
        ("jwk", with("{", r#"{"jwk":{},"#), JwsError::Header.into()),
        ("twice", with("{", r#"{"alg":"EdDSA","#), JwsError::Header.into()),
        (
            "no expiry",
            with(r#""exp":1816992000,"#, ""),
            JwsError::Header.into(),
        ),
        (
            "other key id",
            with("municipality-1", "../../key"),
            InvalidApproval::UnknownKey,
        ),
        ("attached", attached, JwsError::Malformed.into()),
        ("space", format!(" {good}"), JwsError::Malformed.into()),
        ("four parts", format!("{good}.x"), JwsError::Malformed.into()),
        ("empty", String::new(), JwsError::Malformed.into()),
        ("huge", "a".repeat(20_000), JwsError::Malformed.into()),
    ];
    for (what, text, expected) in cases {
        let mut files = files.clone();
        *text_of(&mut files.approvals, FILE) = text;
        assert_eq!(reasons(&load(&files), "delivery-resident"), [expected], "{what}");
    }
    let mut newline = files;
    text_of(&mut newline.approvals, FILE).push('\n');
    assert_eq!(reasons(&load(&newline), "delivery-resident"), []);
}

#[test]
fn a_key_signs_in_its_roles_only() {
    let mut files = approved();
    change_organisations(&mut files, |all| {
        for organisation in all.iter_mut().filter(|one| one.slug.as_str() == "municipality") {
            organisation.approvers[0].roles = vec![ApproverRole::Fg];
        }
    });
    assert_eq!(
        reasons(&load(&files), "delivery-resident"),
        [InvalidApproval::UnknownKey]
    );
}

#[test]
fn an_es256_key_approves_too() {
    let random = SystemRandom::new();
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random).unwrap();
    let key = SigningKey::Es256(&pair, &random);
    let mut files = approved();
    change_organisations(&mut files, |all| {
        let municipality = all
            .iter_mut()
            .find(|one| one.slug.as_str() == "municipality")
            .unwrap();
        municipality.approvers[0].key = key.public_key();
    });
    let draft = Draft::read(&files).unwrap();
    let (purpose, manifest) = &draft.purposes[&name("delivery-resident")];
    for role in [ApprovalRole::Fg, ApprovalRole::Holder] {
        let oin: Oin = "00000099000000000034".parse().unwrap();
        let file = format!("approvals/delivery-resident.municipality.{role}.jws");
        *text_of(&mut files.approvals, &file) =
            approval::sign(&terms(purpose, &oin, role), manifest, "municipality-1", key).unwrap();
    }
    assert_eq!(reasons(&load(&files), "delivery-resident"), []);
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

fn mandate() -> Mandate {
    Mandate {
        vendor: "00000099000000900001".parse().unwrap(),
        board: "00000099000000041676".parse().unwrap(),
        datasets: vec![name("enrolment"), name("absence")],
        from: date(2026, 8, 1),
        until: date(2027, 7, 31),
        agreement: "VO-2026-17".to_owned(),
    }
}

fn with_mandate(
    mandate: &Mandate,
    deployment: &str,
    signer: &str,
    kid: &str,
) -> Result<Policies, Vec<PolicyError>> {
    let text = mandate
        .sign(deployment, now(), kid, SigningKey::EdDsa(&key(signer)))
        .unwrap();
    let mut files = shipped();
    files.mandates.push(("mandates/alpha.jws".to_owned(), text));
    Policies::load(&files, DEPLOYMENT, now())
}

#[test]
fn a_mandate_covers_its_vendor_board_datasets_and_days() {
    let policies = with_mandate(&mandate(), DEPLOYMENT, "board-41676", "board-41676-1").unwrap();
    let Mandate { vendor, board, .. } = mandate();
    let found = |vendor, board, dataset, day| policies.mandate(vendor, board, &name(dataset), day).is_some();
    assert!(found(&vendor, &board, "enrolment", date(2026, 8, 1)));
    assert!(found(&vendor, &board, "absence", date(2027, 7, 31)));
    assert!(!found(&vendor, &board, "admissibility", date(2026, 11, 22)));
    assert!(!found(&vendor, &board, "enrolment", date(2027, 8, 1)));
    assert!(!found(&board, &vendor, "enrolment", date(2026, 11, 22)));
}

#[test]
fn a_mandate_of_somebody_else_is_refused() {
    let board: Oin = "00000099000000041676".parse().unwrap();
    let swv: Oin = "00000099000000240101".parse().unwrap();
    let cases = [
        (
            mandate(),
            DEPLOYMENT,
            "board-40114",
            "board-41676-1",
            JwsError::Signature.into(),
        ),
        (
            mandate(),
            DEPLOYMENT,
            "board-41676",
            "board-40114-1",
            InvalidMandate::UnknownKey,
        ),
        (
            mandate(),
            "elsewhere",
            "board-41676",
            "board-41676-1",
            InvalidMandate::OtherDeployment,
        ),
        (
            Mandate {
                vendor: swv.clone(),
                ..mandate()
            },
            DEPLOYMENT,
            "board-41676",
            "board-41676-1",
            InvalidMandate::UnknownVendor(swv.clone()),
        ),
        (
            Mandate {
                board: swv.clone(),
                ..mandate()
            },
            DEPLOYMENT,
            "swv-po",
            "swv-po-1",
            InvalidMandate::UnknownBoard(swv),
        ),
        (
            Mandate {
                datasets: vec![name("marks")],
                ..mandate()
            },
            DEPLOYMENT,
            "board-41676",
            "board-41676-1",
            InvalidMandate::UnknownDataset(name("marks")),
        ),
        (
            Mandate {
                until: date(2026, 7, 31),
                board,
                ..mandate()
            },
            DEPLOYMENT,
            "board-41676",
            "board-41676-1",
            InvalidMandate::Payload,
        ),
    ];
    for (mandate, deployment, signer, kid, expected) in cases {
        let errors = with_mandate(&mandate, deployment, signer, kid).unwrap_err();
        assert_eq!(
            errors,
            [PolicyError::Mandate {
                file: "mandates/alpha.jws".to_owned(),
                error: expected
            }]
        );
    }
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
