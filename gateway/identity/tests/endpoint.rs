//! What the token endpoint gives, and to whom.

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

use super::world::{BOARD, ISSUER, World};
use crate::identity::{IdentityError, OAuthError, PeerCertificate};

fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&BASE64URL_NOPAD.decode(payload.as_bytes()).unwrap()).unwrap()
}

#[tokio::test]
async fn a_token_says_who_what_and_for_which_certificate() {
    let world = World::new().await;
    let token = world.token(&world.dashboard).await;
    let claims = claims(&token);
    let now = world.now.as_second();
    assert_eq!(claims["iss"], ISSUER);
    assert_eq!(claims["aud"], ISSUER);
    assert_eq!(claims["sub"], "swv-dashboard");
    assert_eq!(claims["client_id"], "swv-dashboard");
    assert_eq!((&claims["iat"], &claims["exp"]), (&json!(now), &json!(now + 600)));
    assert_eq!(claims["scope"], "youth-atlas");
    assert_eq!(claims["purposes"][0]["id"], "youth-atlas");
    assert_eq!(
        claims["cnf"]["x5t#S256"],
        world.dashboard.certificate.thumbprint.to_string()
    );
    assert_eq!(claims["act"], Value::Null);
    let header = BASE64URL_NOPAD
        .decode(token.split('.').next().unwrap().as_bytes())
        .unwrap();
    let header: Value = serde_json::from_slice(&header).unwrap();
    assert_eq!(
        (&header["typ"], &header["alg"]),
        (&json!("at+jwt"), &json!("EdDSA"))
    );
    assert_eq!(header["kid"], world.identity.jwks().keys[0].kid);
}

#[tokio::test]
async fn a_vendor_gets_the_purposes_and_boards_of_its_mandates_while_they_last() {
    let mut world = World::new().await;
    let before = claims(&world.token(&world.vendor).await);
    assert_eq!(
        (&before["scope"], &before["act"]),
        (&json!("delivery-enrolment"), &json!([BOARD]))
    );

    world.now = "2026-11-23T00:00:00Z".parse().unwrap();
    let after = claims(&world.token(&world.vendor).await);
    assert_eq!((&after["scope"], &after["act"]), (&json!(""), &Value::Null));
}

#[tokio::test]
async fn a_scope_narrows_and_never_widens() {
    let world = World::new().await;
    let school = &world.school;
    let cases = [
        ("&scope=delivery-enrolment", Ok("delivery-enrolment")),
        ("&scope=delivery-enrolment+youth-atlas", Err("invalid_scope")),
        ("&scope=asleep", Err("invalid_scope")),
        ("&scope=unknown", Err("invalid_scope")),
        ("&client_id=board-client", Ok("delivery-enrolment")),
        ("&client_id=swv-dashboard", Err("invalid_client")),
    ];
    for (more, expected) in cases {
        let answer = world
            .exchange(Some(&school.certificate), &school.assertion(world.now), more)
            .await;
        let scope = answer
            .map(|token| claims(&token)["scope"].clone())
            .map_err(|error| error.error());
        assert_eq!(scope, expected.map(|scope| json!(scope)), "{more}");
    }
}

#[tokio::test]
async fn an_assertion_works_once() {
    let world = World::new().await;
    let school = &world.school;
    let assertion = school.assertion(world.now);
    assert!(
        world
            .exchange(Some(&school.certificate), &assertion, "")
            .await
            .is_ok()
    );
    let again = world.exchange(Some(&school.certificate), &assertion, "").await;
    assert!(matches!(
        again,
        Err(OAuthError::InvalidClient(IdentityError::Replayed))
    ));

    // Another signature over the same id is the same id; another client's same id is not.
    let mut claims = school.claims(world.now);
    claims["jti"] = json!("b5Ylhm2T0oM3zq4v8XcQ1w");
    let first = school.signer.sign(&school.signer.header(), &claims);
    assert!(
        world
            .exchange(Some(&school.certificate), &first, "")
            .await
            .is_ok()
    );
    claims["exp"] = json!(world.now.as_second() + 61);
    let second = school.signer.sign(&school.signer.header(), &claims);
    assert!(
        world
            .exchange(Some(&school.certificate), &second, "")
            .await
            .is_err()
    );
    let mut others = world.dashboard.claims(world.now);
    others["jti"] = json!("b5Ylhm2T0oM3zq4v8XcQ1w");
    let third = world
        .dashboard
        .signer
        .sign(&world.dashboard.signer.header(), &others);
    assert!(
        world
            .exchange(Some(&world.dashboard.certificate), &third, "")
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn a_refused_assertion_does_not_use_up_its_id() {
    let world = World::new().await;
    let school = &world.school;
    let assertion = school.assertion(world.now);
    assert!(
        world
            .exchange(Some(&world.dashboard.certificate), &assertion, "")
            .await
            .is_err()
    );
    assert!(
        world
            .exchange(Some(&school.certificate), &assertion, "&scope=unknown")
            .await
            .is_err()
    );
    assert!(
        world
            .exchange(Some(&school.certificate), &assertion, "")
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn a_certificate_without_one_oin_is_unreadable() {
    use super::world::certificate;
    let good = certificate(&[BOARD]);
    let trailing = [good.clone(), vec![0]].concat();
    let cases = [
        vec![],
        b"no certificate".to_vec(),
        good[..good.len() - 1].to_vec(),
        trailing,
        certificate(&[]),
        certificate(&["12345"]),
        certificate(&["0000009900000004167x"]),
    ];
    for der in cases {
        let read = PeerCertificate::from_der(&der);
        assert_eq!(read.err(), Some(IdentityError::CertificateUnreadable));
    }
    assert_eq!(PeerCertificate::from_der(&good).unwrap().oin.as_str(), BOARD);
}

#[tokio::test]
async fn metadata_and_keys_are_as_the_standards_name_them() {
    let world = World::new().await;
    let metadata = serde_json::to_value(world.identity.metadata()).unwrap();
    assert_eq!(metadata["token_endpoint"], format!("{ISSUER}/oauth/token"));
    assert_eq!(metadata["response_types_supported"], json!([]));
    assert_eq!(metadata["tls_client_certificate_bound_access_tokens"], true);
    let jwks = serde_json::to_value(world.identity.jwks()).unwrap();
    assert_eq!(
        jwks["keys"][0]["x"],
        BASE64URL_NOPAD.encode(world.gateway.public())
    );
    assert!(jwks["keys"][0].get("d").is_none());
}
