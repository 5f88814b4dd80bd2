//! Sign-ins that must come to nothing: replays, mixed-up browsers and providers, and a provider that fails.

use axum::http::Method;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::provider::{CLIENT, Provider};
use super::sign_in::world_with;
use super::*;
use crate::support::world::START;

/// Nobody is signed in: the page says so, and no session's cookie is set.
fn nobody(page: &browser::Page, status: u16, name: &str) {
    assert_eq!(page.status, status, "{name}: {}", page.text());
    let has_session = page
        .cookies()
        .iter()
        .any(|cookie| cookie.starts_with("__Host-doelpoort="));
    assert!(!has_session, "{name}");
}

/// A browser that was sent to the provider, and where the provider sends it back to.
async fn begin(world: &World, provider: &Provider) -> (Browser, String) {
    let mut browser = Browser::new(world);
    let sent = browser.get("/login/begin").await;
    browser.keep(&sent);
    let back = provider.sends_back(&sent);
    (browser, back)
}

#[tokio::test]
async fn what_comes_back_again_or_elsewhere_signs_nobody_in() {
    let provider = Provider::start(START).await;
    let world = world_with(&provider, Backend::Sqlite).await.unwrap();
    let begin = async || begin(&world, &provider).await;
    let (browser, back) = begin().await;
    assert_eq!(browser.get(&back).await.status, 303);
    nobody(&browser.get(&back).await, 403, "the same state again");

    let (_, back) = begin().await;
    nobody(
        &Browser::new(&world).get(&back).await,
        403,
        "a browser that never began",
    );
    let (other, _) = begin().await;
    nobody(&other.get(&back).await, 403, "another browser's answer");

    let (browser, back) = begin().await;
    let code = back.split(['=', '&']).nth(1).unwrap().to_owned();
    nobody(
        &browser
            .get(&format!("/login/return?code={code}&state=guess"))
            .await,
        403,
        "another state",
    );
    nobody(
        &browser.get(&format!("/login/return?code={code}")).await,
        403,
        "no state",
    );
    assert_eq!(browser.get(&back).await.status, 303);
    let (browser, back) = begin().await;
    let state = back.split("state=").nth(1).unwrap().to_owned();
    nobody(
        &browser
            .get(&format!("/login/return?code={code}&state={state}"))
            .await,
        403,
        "a code again",
    );

    let (browser, back) = begin().await;
    provider.advance(&world, SignedDuration::from_mins(10));
    nobody(&browser.get(&back).await, 403, "too late");

    provider.stop().await;
}

#[tokio::test]
async fn errors_and_answers_of_others_sign_nobody_in() {
    let provider = Provider::start(START).await;
    let world = world_with(&provider, Backend::Sqlite).await.unwrap();
    let begin = async || begin(&world, &provider).await;
    let (browser, _) = begin().await;
    let state = provider.script.lock().unwrap().asked("state");
    let error = format!(
        "/login/return?error=access_denied&error_description=%3Cscript%3Ealert(1)%3C/script%3E&state={state}"
    );
    let page = browser.get(&error).await;
    nobody(&page, 403, "the provider's error");
    assert!(!page.text().contains("<script>alert") && !page.text().contains("access_denied"));

    let (browser, back) = begin().await;
    nobody(
        &browser.get(&format!("{back}&iss=https://evil.example")).await,
        403,
        "another provider's answer",
    );
    let (browser, back) = begin().await;
    assert_eq!(
        browser
            .get(&format!("{back}&iss={}", provider.issuer))
            .await
            .status,
        303
    );
    let (browser, back) = begin().await;
    let body = back.split_once('?').unwrap().1.to_owned();
    let headers = [
        ("host", HOST),
        ("content-type", "application/x-www-form-urlencoded"),
    ];
    nobody(
        &browser.send(Method::POST, "/login/return", &headers, body).await,
        405,
        "an answer as a form",
    );
    provider.stop().await;
}

#[tokio::test]
async fn hostile_tokens_of_the_provider_sign_nobody_in() {
    let provider = Provider::start(START).await;
    let world = world_with(&provider, Backend::Sqlite).await.unwrap();
    let before = world.report().await.size;
    let cases: [(&str, Value); 8] = [
        ("another issuer", json!({"iss": "https://evil.example"})),
        ("another audience", json!({"aud": "other"})),
        ("two audiences", json!({"aud": [CLIENT, "other"]})),
        ("another party", json!({"azp": "other"})),
        ("another nonce", json!({"nonce": "other"})),
        ("expired", json!({"exp": 1})),
        (
            "made in the future",
            json!({"iat": 4_000_000_000_i64, "exp": 4_000_000_100_i64}),
        ),
        ("another access token", json!({"at_hash": "AAAA"})),
    ];
    for (name, claims) in cases {
        provider.say(claims);
        nobody(&provider.signs_in(&mut Browser::new(&world)).await, 403, name);
    }
    provider.say(json!({}));
    let answers = [
        ("an error", 400, r#"{"error":"invalid_client"}"#),
        ("a server error", 500, "oops"),
        ("no JSON", 200, "<html>"),
        (
            "no ID token",
            200,
            r#"{"access_token":"a","token_type":"Bearer"}"#,
        ),
        (
            "a member twice",
            200,
            r#"{"id_token":"a","id_token":"b","access_token":"a","token_type":"Bearer"}"#,
        ),
        (
            "another type",
            200,
            r#"{"id_token":"a","access_token":"a","token_type":"mac"}"#,
        ),
        (
            "a token that is none",
            200,
            r#"{"id_token":"a.b.c","access_token":"a","token_type":"Bearer"}"#,
        ),
    ];
    for (name, status, body) in answers {
        provider.script.lock().unwrap().instead = Some((status, body.to_owned()));
        nobody(&provider.signs_in(&mut Browser::new(&world)).await, 403, name);
    }
    // Nobody is known, so nobody is in the log.
    assert_eq!(looks_from(&world, before).await, Vec::<String>::new());
    provider.stop().await;
}

#[tokio::test]
async fn a_provider_that_cannot_be_asked_lets_nobody_in() {
    let provider = Provider::start(START).await;
    let world = world_with(&provider, Backend::Sqlite).await.unwrap();
    for metadata in [
        json!({"issuer": "https://evil.example"}),
        json!({"token_endpoint": "http://localhost/token"}),
        json!({"code_challenge_methods_supported": ["plain"]}),
    ] {
        provider.script.lock().unwrap().metadata = metadata.clone();
        let page = Browser::new(&world).get("/login/begin").await;
        nobody(&page, 502, &metadata.to_string());
        provider.advance(&world, SignedDuration::from_secs(5));
    }
    provider.stop().await;
    let page = Browser::new(&world).get("/login/begin").await;
    nobody(&page, 502, "nobody there");
    assert!(page.text().contains("niet bereikbaar"));
}

#[tokio::test]
async fn a_step_up_is_of_the_same_person_and_strong() {
    let provider = Provider::start(START).await;
    let world = world_with(&provider, Backend::Sqlite).await.unwrap();
    let mut browser = Browser::new(&world);
    assert_eq!(provider.signs_in(&mut browser).await.to(), "/holder");
    let cases = [
        ("another person", json!({"sub": "person-2"})),
        ("another organisation", json!({"oin": OTHER_BOARD})),
        ("another role", json!({"roles": ["operator"]})),
        ("more roles", json!({"roles": ["holder", "operator"]})),
        ("a weak sign-in", json!({"acr": "password"})),
        ("an old sign-in", json!({"auth_time": 1})),
        ("no time of signing in", json!({"auth_time": null})),
    ];
    for (name, claims) in cases {
        provider.say(claims);
        let sent = browser.get("/step-up/begin?next=/holder/stop").await;
        browser.keep(&sent);
        nobody(&browser.get(&provider.sends_back(&sent)).await, 403, name);
        assert_eq!(
            browser.get("/holder/stop").await.to(),
            "/step-up?next=/holder/stop",
            "{name}"
        );
    }
    // A sign-in that was begun without a session steps none up.
    provider.say(json!({}));
    let sent = browser.get("/login/begin?next=/holder/stop").await;
    browser.keep(&sent);
    let page = browser.get(&provider.sends_back(&sent)).await;
    browser.keep(&page);
    assert_eq!(
        browser.get("/holder/stop").await.to(),
        "/step-up?next=/holder/stop"
    );
    provider.stop().await;
}

#[tokio::test]
async fn links_do_not_work_beside_a_provider() {
    let provider = Provider::start(START).await;
    let world = world_with(&provider, Backend::Sqlite).await.unwrap();
    let code = link(&world, true, Some(BOARD)).await;
    let page = Browser::new(&world).post("/login", &[("code", &code)]).await;
    nobody(&page, 404, "a link");
    provider.stop().await;
    let world = super::world(Backend::Sqlite).await.unwrap();
    nobody(
        &Browser::new(&world).get("/login/begin").await,
        404,
        "no provider",
    );
}
