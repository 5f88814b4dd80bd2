//! Tokens that somebody made up: each is refused, for the reason it deserves.

use serde_json::{Value, json};

use super::cases::{ACCESS_TOKENS, ASSERTIONS, Change, OF_EVERY_KIND, forged, mangled};
use super::world::{BOARD, ISSUER, Member, SWV, Signer, World, fresh_id};
use crate::identity::{BearerError, IdentityError, IdentityError as E, OAuthError};

fn changed(member: &Signer, header: &Value, claims: &Value, change: Change) -> String {
    let (mut header, mut claims) = (header.clone(), claims.clone());
    change(&mut header, &mut claims);
    member.sign(&header, &claims)
}

fn reason(answer: &Result<String, OAuthError>) -> Option<IdentityError> {
    match answer {
        Err(OAuthError::InvalidClient(reason)) => Some(*reason),
        _ => None,
    }
}

#[tokio::test]
async fn assertions() {
    let world = World::new().await;
    let school = &world.school;
    let (header, claims) = (school.signer.header(), school.claims(world.now));
    for (name, change, expected) in OF_EVERY_KIND.iter().chain(ASSERTIONS) {
        let assertion = changed(&school.signer, &header, &claims, *change);
        let answer = world.exchange(Some(&school.certificate), &assertion, "").await;
        let answer = reason(&answer);
        let too_long_for_the_form = *expected == E::TokenTooLong && answer.is_none();
        assert!(
            answer == Some(*expected) || too_long_for_the_form,
            "{name}: {answer:?}"
        );
    }
    let no_tokens = mangled(&school.assertion(world.now));
    for (name, assertion, expected) in no_tokens
        .into_iter()
        .chain(forged(&school.signer, &header, &claims))
    {
        let answer = world
            .exchange(Some(&school.certificate), &assertion.replace('\n', "%0A"), "")
            .await;
        let missing = assertion.is_empty() && matches!(answer, Err(OAuthError::InvalidRequest(_)));
        assert!(missing || reason(&answer) == Some(expected), "{name}");
    }
    assert!(
        world
            .exchange(Some(&school.certificate), &school.assertion(world.now), "")
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn assertions_over_another_connection() {
    let mut world = World::new().await;
    let assertion = world.school.assertion(world.now);
    let none = world.exchange(None, &assertion, "").await;
    assert_eq!(reason(&none), Some(E::CertificateMissing));
    let others = world
        .exchange(Some(&world.dashboard.certificate), &assertion, "")
        .await;
    assert_eq!(reason(&others), Some(E::CertificateWrong));

    let mut renamed = world.school.certificate.clone();
    renamed.oin = SWV.parse().unwrap();
    let renamed = world.exchange(Some(&renamed), &assertion, "").await;
    assert_eq!(reason(&renamed), Some(E::CertificateWrong));

    world.now = "2027-01-01T00:00:00Z".parse().unwrap();
    let expired = world
        .exchange(
            Some(&world.school.certificate),
            &world.school.assertion(world.now),
            "",
        )
        .await;
    assert_eq!(reason(&expired), Some(E::CertificateExpired));
}

/// The claims and header of a good access token, to be changed and signed with the gateway's own key.
fn access(world: &World, member: &Member) -> (Value, Value) {
    let now = world.now.as_second();
    let header = json!({"alg": "EdDSA", "typ": "at+jwt", "kid": world.identity.jwks().keys[0].kid});
    let claims = json!({
        "iss": ISSUER, "aud": ISSUER, "sub": member.id, "client_id": member.id, "iat": now, "exp": now + 600,
        "jti": fresh_id(), "scope": "youth-atlas", "purposes": [{"id": "youth-atlas", "digest": format!("sha256:{}", "00".repeat(32))}],
        "cnf": {"x5t#S256": member.certificate.thumbprint.to_string()}, "act": [BOARD],
    });
    (header, claims)
}

#[tokio::test]
async fn access_tokens() {
    let world = World::new().await;
    let member = &world.dashboard;
    let (header, claims) = access(&world, member);
    let ask = |token: &str| {
        world
            .identity
            .caller(&world.policies, token, Some(&member.certificate), world.now)
    };
    for (name, change, expected) in OF_EVERY_KIND.iter().chain(ACCESS_TOKENS) {
        let token = changed(&world.gateway, &header, &claims, *change);
        let refused = ask(&token).err();
        assert_eq!(refused, Some(*expected), "{name}");
        assert_eq!(
            refused.and_then(IdentityError::bearer),
            Some(BearerError::InvalidToken),
            "{name}"
        );
    }
    let token = world.gateway.sign(&header, &claims);
    let no_tokens = mangled(&token).into_iter();
    for (name, token, expected) in no_tokens.chain(forged(&world.gateway, &header, &claims)) {
        assert_eq!(ask(&token).err(), Some(expected), "{name}");
    }
    assert!(ask(&token).is_ok());
    assert_eq!(
        ask(&world.dashboard.assertion(world.now)).err(),
        Some(E::TypeRefused)
    );
}
