//! What a good access token makes of its bearer, and what ends it early.

use super::world::{BOARD, SWV, World};
use crate::identity::{BearerError, IdentityError, bearer, covers};

#[tokio::test]
async fn a_caller_is_organisation_client_roles_and_purposes() {
    let world = World::new().await;
    let caller = world.caller(&world.dashboard).await;
    assert_eq!(
        (caller.organisation.as_str(), caller.slug.as_str()),
        (SWV, "swv-po")
    );
    assert_eq!(
        (caller.client.as_str(), caller.roles.as_slice()),
        ("swv-dashboard", &["dashboard".to_owned()][..])
    );
    assert_eq!(caller.acting_for, []);
    let standing = &world.policies.purposes[&"youth-atlas".parse().unwrap()];
    assert_eq!(
        covers(&caller, &standing.purpose.id, &standing.manifest_digest),
        Ok(())
    );
    let vendor = world.caller(&world.vendor).await;
    assert_eq!(vendor.acting_for, [BOARD.parse().unwrap()]);
}

#[tokio::test]
async fn a_purpose_with_other_bytes_is_not_covered() {
    let world = World::new().await;
    let caller = world.caller(&world.dashboard).await;
    let uncovered = [("youth-atlas", [0; 32]), ("delivery-enrolment", [1; 32])];
    for (purpose, digest) in uncovered {
        let refused = covers(&caller, &purpose.parse().unwrap(), &digest).unwrap_err();
        assert_eq!(refused.bearer(), Some(BearerError::InsufficientScope));
    }
}

#[tokio::test]
async fn another_certificate_cannot_use_it_cached_or_not() {
    let world = World::new().await;
    let token = world.token(&world.dashboard).await;
    let (own, other) = (&world.dashboard.certificate, &world.school.certificate);
    let ask = |certificate| {
        world
            .identity
            .caller(&world.policies, &token, certificate, world.now)
            .err()
    };
    assert_eq!(ask(Some(other)), Some(IdentityError::BindingWrong));
    assert_eq!(ask(None), Some(IdentityError::CertificateMissing));
    assert_eq!(ask(Some(own)), None);
    assert_eq!(world.identity.cache.len(), 1);
    assert_eq!(ask(Some(other)), Some(IdentityError::BindingWrong));
    assert_eq!(ask(None), Some(IdentityError::CertificateMissing));
    assert_eq!(ask(Some(own)), None);
}

#[tokio::test]
async fn a_cached_token_still_expires_and_follows_the_configuration() {
    let world = World::new().await;
    let token = world.token(&world.dashboard).await;
    let certificate = &world.dashboard.certificate;
    let ask = |policies: &_, certificate: &_, now| {
        world
            .identity
            .caller(policies, &token, Some(certificate), now)
            .err()
    };
    assert_eq!(ask(&world.policies, certificate, world.now), None);
    assert_eq!(ask(&world.policies, certificate, world.later(604)), None);
    assert_eq!(
        ask(&world.policies, certificate, world.later(605)),
        Some(IdentityError::Expired)
    );
    let mut nobody = world.policies.clone();
    nobody.organisations = doelpoort_core::party::Organisations::default();
    assert_eq!(
        ask(&nobody, certificate, world.now),
        Some(IdentityError::ClientUnknown)
    );
    let mut expired = certificate.clone();
    expired.not_after = world.now;
    assert_eq!(
        ask(&world.policies, &expired, world.later(1)),
        Some(IdentityError::CertificateExpired)
    );
}

#[tokio::test]
async fn the_cache_is_bounded_and_keeps_what_is_used() {
    let world = World::new().await;
    let cache = super::super::token_cache::TokenCache::new(2);
    let token = world.token(&world.dashboard).await;
    let claims = world.identity.verify(&token).unwrap();
    let claims = std::sync::Arc::new(super::super::access_token::Verified::Own(claims));
    let key = |text: &str| super::super::token_cache::CacheKey::of(text, &super::world::pin("c"));
    for number in 0..20 {
        cache.keep(key(&number.to_string()), claims.clone());
        assert!(cache.find(&key("0")).is_some(), "used every time");
        assert!(cache.len() <= 4);
    }
    assert!(cache.find(&key("3")).is_none());
}

#[test]
fn an_authorization_header_is_one_bearer_token() {
    let cases = [
        (None, Err(IdentityError::TokenMissing)),
        (Some("Basic dXNlcg=="), Err(IdentityError::TokenMissing)),
        (Some("Bearer"), Err(IdentityError::AuthorizationMalformed)),
        (Some("Bearer "), Err(IdentityError::AuthorizationMalformed)),
        (Some("Bearer a b"), Err(IdentityError::AuthorizationMalformed)),
        (Some("Bearer a,b"), Err(IdentityError::AuthorizationMalformed)),
        (Some("Bearer \u{e9}"), Err(IdentityError::AuthorizationMalformed)),
        (Some("bearer a.b-c_d"), Ok("a.b-c_d")),
    ];
    for (header, expected) in cases {
        assert_eq!(bearer(header), expected, "{header:?}");
    }
    assert_eq!(IdentityError::TokenMissing.bearer(), None);
    assert_eq!(
        IdentityError::AuthorizationMalformed.bearer(),
        Some(BearerError::InvalidRequest)
    );
}
