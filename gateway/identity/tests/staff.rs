//! Assertions of staff, bound to one request of one client.

use data_encoding::BASE64URL_NOPAD;
use doelpoort_core::request_digest::{RequestDigest, nonce};
use serde_json::{Value, json};

use super::cases::{Change, OF_EVERY_KIND, forged, mangled, remove};
use super::world::{ISSUER, World};
use crate::identity::{Asking, IdentityError as E, StaffRefused};

/// All that is tried, with what is wrong with any token.
const CASES: usize = 80;

/// What is wrong with an assertion of staff only, and why it then proves nobody.
const UNPROVED: &[(&str, Change, E)] = &[
    (
        "aud the provider's own client",
        |_, c| c["aud"] = json!("client-7"),
        E::AudienceWrong,
    ),
    (
        "aud two",
        |_, c| c["aud"] = json!([ISSUER, "client-7"]),
        E::AudienceWrong,
    ),
    (
        "over 5 minutes",
        |_, c| c["exp"] = json!(c["iat"].as_i64().unwrap() + 306),
        E::LifetimeTooLong,
    ),
    ("sub empty", |_, c| c["sub"] = json!(""), E::ClaimsMalformed),
    (
        "sub long",
        |_, c| c["sub"] = json!("x".repeat(256)),
        E::ClaimsMalformed,
    ),
    (
        "another client",
        |_, c| c["client_id"] = json!("board-client"),
        E::SubjectWrong,
    ),
    (
        "another request",
        |_, c| c["request_digest"] = json!(BASE64URL_NOPAD.encode(&[0; 32])),
        E::RequestWrong,
    ),
    (
        "digest no digest",
        |_, c| c["request_digest"] = json!("x"),
        E::RequestWrong,
    ),
    (
        "bound to nothing",
        |_, c| {
            remove(c, "request_digest");
            remove(c, "client_id");
        },
        E::ClaimsMalformed,
    ),
    (
        "bound to the client only",
        |_, c| remove(c, "request_digest"),
        E::ClaimsMalformed,
    ),
    (
        "bound to the request only",
        |_, c| remove(c, "client_id"),
        E::ClaimsMalformed,
    ),
    (
        "nonce of another",
        |_, c| {
            remove(c, "request_digest");
            remove(c, "client_id");
            c["nonce"] = json!("x");
        },
        E::RequestWrong,
    ),
    (
        "an access token",
        |h, _| h["typ"] = json!("at+jwt"),
        E::TypeRefused,
    ),
];

fn digest(text: &str) -> RequestDigest {
    RequestDigest::of(&serde_json::from_str(text).unwrap()).unwrap()
}

fn claims(world: &World, digest: &RequestDigest) -> Value {
    let now = world.now.as_second();
    json!({
        "iss": "https://idp.example", "sub": "person-7", "aud": ISSUER, "iat": now, "exp": now + 120,
        "client_id": "swv-dashboard", "request_digest": digest.to_string(),
    })
}

#[tokio::test]
async fn a_person_is_proved_for_this_request_by_claims_or_by_nonce() {
    let world = World::new().await;
    let caller = world.caller(&world.dashboard).await;
    let digest = digest(r#"{"purpose":"case-consultation"}"#);
    let by_claims = claims(&world, &digest);
    let mut by_nonce = by_claims.clone();
    let members = by_nonce.as_object_mut().unwrap();
    members.remove("client_id");
    members.remove("request_digest");
    members.insert(
        "nonce".into(),
        json!(BASE64URL_NOPAD.encode(&nonce(&caller.client, &digest))),
    );
    for claims in [by_claims, by_nonce] {
        let assertion = world.provider.sign(&world.provider.header(), &claims);
        let case = Some("case-1".to_owned());
        let staff = world.identity.staff(
            world.organisations(),
            Asking {
                caller: &caller,
                recipient: &caller.organisation,
            },
            &assertion,
            &digest,
            case,
            world.now,
        );
        let staff = staff.unwrap();
        assert_eq!(
            (staff.subject.as_str(), staff.proved, staff.case.as_deref()),
            ("person-7", true, Some("case-1"))
        );
        assert!(!format!("{staff:?}").contains("person-7"));
    }
}

#[tokio::test]
async fn what_does_not_prove_a_person_is_refused() {
    let world = World::new().await;
    let caller = world.caller(&world.dashboard).await;
    let digest = digest(r#"{"purpose":"case-consultation"}"#);
    let (header, claims) = (world.provider.header(), claims(&world, &digest));
    let good = world.provider.sign(&header, &claims);
    let changed = OF_EVERY_KIND.iter().chain(UNPROVED).map(|(name, change, why)| {
        let (mut header, mut claims) = (header.clone(), claims.clone());
        change(&mut header, &mut claims);
        (*name, world.provider.sign(&header, &claims), *why)
    });
    let cases: Vec<_> = changed
        .chain(mangled(&good))
        .chain(forged(&world.provider, &header, &claims))
        .collect();
    assert_eq!(cases.len(), CASES);
    let asking = Asking {
        caller: &caller,
        recipient: &caller.organisation,
    };
    let prove = |assertion: &str| {
        let organisations = world.organisations();
        let staff = world
            .identity
            .staff(organisations, asking, assertion, &digest, None, world.now);
        staff.err()
    };
    for (name, assertion, expected) in cases {
        assert_eq!(prove(&assertion), Some(StaffRefused(expected)), "{name}");
    }
    assert_eq!(prove(&good), None);
}

#[tokio::test]
async fn an_organisation_without_a_provider_proves_nobody() {
    let world = World::new().await;
    let caller = world.caller(&world.school).await;
    let digest = digest("{}");
    let assertion = world
        .provider
        .sign(&world.provider.header(), &claims(&world, &digest));
    let refused = world.identity.staff(
        world.organisations(),
        Asking {
            caller: &caller,
            recipient: &caller.organisation,
        },
        &assertion,
        &digest,
        None,
        world.now,
    );
    assert_eq!(refused.err(), Some(StaffRefused(E::StaffProviderUnknown)));
}
