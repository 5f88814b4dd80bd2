use data_encoding::BASE64URL_NOPAD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};

use super::*;

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
    let text = &mut files.approvers[0].1;
    let mut change = Change::parse(text).unwrap();
    for added in change
        .add
        .iter_mut()
        .filter(|one| one.organisation.ends_with("00034"))
    {
        added.roles = vec![ApproverRole::Fg];
    }
    *text = change.to_text();
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
    let text = &mut files.approvers[0].1;
    let mut change = Change::parse(text).unwrap();
    for added in change
        .add
        .iter_mut()
        .filter(|one| one.organisation.ends_with("00034"))
    {
        added.jwk = key.public_key().to_jwk("municipality-1");
    }
    *text = change.to_text();
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
fn what_was_too_early_when_it_was_read_waits_to_be_read_again() {
    const FILE: &str = "approvals/delivery-resident.municipality.fg.jws";
    let mut files = approved();
    let draft = Draft::read(&files).unwrap();
    let (purpose, manifest) = &draft.purposes[&name("delivery-resident")];
    let municipality = draft
        .organisations
        .by_slug(&"municipality".parse().unwrap())
        .unwrap();
    let early = now() + jiff::SignedDuration::from_secs(1);
    let terms = ApprovalTerms {
        issued_at: early,
        ..terms(purpose, &municipality.oin, ApprovalRole::Fg)
    };
    let key = key("municipality");
    *text_of(&mut files.approvals, FILE) =
        approval::sign(&terms, manifest, "municipality-1", SigningKey::EdDsa(&key)).unwrap();
    let policies = load(&files);
    let standing = |policies: &Policies| policies.purposes[&name("delivery-resident")].is_approved(early);
    assert!(!policies.could_wake(now()) && policies.could_wake(early));
    assert!(!standing(&policies), "time alone wakes nothing");
    assert!(
        !standing(&policies.clone().after(&[], early)),
        "nor a withdrawal elsewhere"
    );
    let again = Policies::load(&files, DEPLOYMENT, early).unwrap();
    assert!(standing(&again) && !again.could_wake(early));
}

#[test]
fn nobody_takes_the_means_to_withdraw_from_who_approves_unsigned() {
    let whole = Draft::read(&approved()).unwrap();
    let mut files = approved();
    let (_, text) = &mut files.organisations;
    let kept: Vec<&str> = text
        .split("[[organisation")
        .filter(|part| !part.contains("id = \"swv-vo-delivery\""))
        .collect();
    *text = kept.join("[[organisation");
    let without = Draft::read(&files).unwrap();
    let asked = |purpose| {
        let required = whole.required(purpose);
        required.iter().any(|(party, _)| party.slug.as_str() == "swv-vo")
    };
    let mut count = 0;
    for (id, (purpose, manifest)) in whole.purposes.iter().filter(|(_, (purpose, _))| asked(purpose)) {
        assert_ne!(without.purposes[id].1.digest(), manifest.digest(), "{id}");
        assert_eq!(purpose.id, *id);
        count += 1;
    }
    assert!(count > 0);
}
