//! Hostile tokens, over HTTPS: each has a name, and gets the error that RFC 6749 and RFC 6750 give it. What the log reads of each is
//! tried beside the code (`gateway/identity/tests`).

mod cases;
mod foreign;
mod good;
mod staff;

use std::collections::HashSet;
use std::time::{Duration, Instant};

use doelpoort::client::Client;
use reqwest::header::HeaderValue;
use rstest::rstest;
use serde_json::json;

use self::cases::{ACCESS_TOKENS, ASSERTIONS, OF_EVERY_KIND};
use self::good::Good;
use crate::support::database::Backend;
use crate::support::world::World;
use crate::support::world::ask::{Response, send_plain};

const CLIENT: &str = "swv-po-dashboard";
const KIND: &str = "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer";

/// Whatever the reason, a refusal takes as long: none is quicker than the slowest check.
const REFUSAL_TIME: Duration = Duration::from_millis(25);

/// All that is tried here, whose names differ within their kind.
const ASSERTIONS_TRIED: usize = 118;
const ACCESS_TOKENS_TRIED: usize = 126;

async fn world(backend: Backend) -> Option<World> {
    World::with(backend, |config| {
        config.limits.address_requests_per_min_max = 100_000;
    })
    .await
}

/// What the token endpoint of a replica says to an assertion, and to whatever else is sent with it.
async fn exchange(client: &Client, assertion: &str, more: &str) -> Response {
    let form = format!(
        "grant_type=client_credentials&client_assertion_type={KIND}&client_assertion={}{more}",
        assertion.replace('=', "%3D")
    );
    let request = client.http().post(client.url("/oauth/token")).body(form);
    send_plain(request.header("content-type", "application/x-www-form-urlencoded")).await
}

/// The status and the error of RFC 6749 section 5.2.
fn oauth(answer: &Response) -> String {
    assert_eq!(answer.header("cache-control"), "no-store");
    format!(
        "{} {}",
        answer.status,
        answer.json()["error"].as_str().unwrap_or("-")
    )
}

/// The status and the challenge of RFC 6750 section 3.
fn bearer(answer: &Response) -> String {
    format!("{} {}", answer.status, answer.header("www-authenticate"))
}

async fn catalogue(client: &Client, authorization: &[&str]) -> Response {
    let mut request = client.http().get(client.url("/v1/catalogue"));
    for value in authorization {
        request = request.header(
            "authorization",
            HeaderValue::from_bytes(value.as_bytes()).unwrap(),
        );
    }
    send_plain(request).await
}

fn names_differ(tried: &[(&'static str, String)]) {
    let names: HashSet<_> = tried.iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), tried.len());
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn no_hostile_assertion_gets_a_token(#[case] backend: Backend) {
    let Some(world) = world(backend).await else { return };
    let client = world.client(CLIENT);
    let good = Good::assertion(&world, CLIENT);
    let tried = good.spoiled(&[OF_EVERY_KIND, ASSERTIONS]);
    names_differ(&tried);
    assert_eq!(tried.len(), ASSERTIONS_TRIED);
    let mut wrong = Vec::new();
    for (name, assertion) in tried {
        let began = Instant::now();
        let told = oauth(&exchange(&client, &assertion, "").await);
        if told != "401 invalid_client" || began.elapsed() < REFUSAL_TIME {
            wrong.push((name, told));
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
    // None of them used up the id of the good one, which all shared.
    assert_eq!(oauth(&exchange(&client, &good.token(), "").await), "200 -");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn no_hostile_access_token_is_let_in(#[case] backend: Backend) {
    let Some(world) = world(backend).await else { return };
    let client = world.client(CLIENT);
    let good = Good::access(&world, &client.token().await.unwrap());
    let tried = good.spoiled(&[OF_EVERY_KIND, ACCESS_TOKENS]);
    names_differ(&tried);
    assert_eq!(tried.len(), ACCESS_TOKENS_TRIED);
    let mut wrong = Vec::new();
    for (name, token) in tried {
        let began = Instant::now();
        let told = bearer(&catalogue(&client, &[&format!("Bearer {token}")]).await);
        if told != r#"401 Bearer error="invalid_token""# || began.elapsed() < REFUSAL_TIME {
            wrong.push((name, told));
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
    let let_in = catalogue(&client, &[&format!("Bearer {}", good.token())]).await;
    assert_eq!(let_in.status, 200, "{}", let_in.text);
    let other = world.client("municipality-dashboard");
    let stolen = catalogue(&other, &[&format!("Bearer {}", good.token())]).await;
    assert_eq!(bearer(&stolen), r#"401 Bearer error="invalid_token""#);
}

#[tokio::test]
async fn an_authorization_header_is_one_bearer_token_or_an_error_that_says_so() {
    const MALFORMED: &str = r#"400 Bearer error="invalid_request""#;
    let world = world(Backend::Sqlite).await.unwrap();
    let client = world.client(CLIENT);
    let token = client.token().await.unwrap();
    let bearer_token = format!("Bearer {token}");
    let (blanks, comma) = (format!("Bearer  {token}"), format!("Bearer {token}, {token}"));
    let (quoted, after) = (format!("Bearer \"{token}\""), format!("Bearer {token} x"));
    let cases: &[(&str, &[&str], &str)] = &[
        ("none", &[], "401 Bearer"),
        ("empty", &[""], MALFORMED),
        ("a scheme alone", &["Bearer"], MALFORMED),
        ("no scheme", &[&token], MALFORMED),
        ("another scheme", &["Basic eDp4"], "401 Bearer"),
        ("a scheme for proofs", &["DPoP x.y.z"], "401 Bearer"),
        ("two blanks", &[&blanks], MALFORMED),
        ("a list", &[&comma], MALFORMED),
        ("quoted", &[&quoted], MALFORMED),
        ("more after it", &[&after], MALFORMED),
        ("no ASCII", &["Bearer \u{e9}"], MALFORMED),
        ("twice the same", &[&bearer_token, &bearer_token], MALFORMED),
        (
            "a good one after another",
            &["Basic eDp4", &bearer_token],
            MALFORMED,
        ),
    ];
    for (name, headers, expected) in cases {
        assert_eq!(bearer(&catalogue(&client, headers).await), *expected, "{name}");
    }
    // A token anywhere else is none (RFC 6750 sections 2.2 and 2.3).
    let elsewhere = client
        .http()
        .get(client.url(&format!("/v1/catalogue?access_token={token}")));
    assert_eq!(bearer(&send_plain(elsewhere).await), "401 Bearer");
}

#[tokio::test]
async fn a_token_request_has_one_way_to_identify_and_each_parameter_once() {
    let world = world(Backend::Sqlite).await.unwrap();
    let client = world.client(CLIENT);
    let token = Good::assertion(&world, CLIENT).token();
    let cases = [
        ("empty", "", "400 invalid_request"),
        (
            "grant twice",
            "&grant_type=client_credentials",
            "400 invalid_request",
        ),
        (
            "assertion twice",
            "&client_assertion=a.b.c",
            "400 invalid_request",
        ),
        ("a secret too", "&client_secret=x", "400 invalid_request"),
        (
            "a client that it is not",
            "&client_id=municipality-dashboard",
            "401 invalid_client",
        ),
        ("a scope of another", "&scope=pupil-rights", "400 invalid_scope"),
        ("a scope that is no name", "&scope=%2e%2e%2f", "400 invalid_scope"),
        ("a broken percent", "&x=%zz", "400 invalid_request"),
        ("bytes that are no text", "&x=%ff", "400 invalid_request"),
    ];
    for (name, more, expected) in cases {
        let assertion = if name == "empty" { "" } else { &token };
        assert_eq!(
            oauth(&exchange(&client, assertion, more).await),
            expected,
            "{name}"
        );
    }
    let both = client
        .http()
        .post(client.url("/oauth/token"))
        .basic_auth("x", Some("y"));
    assert_eq!(
        oauth(&send_plain(both.body("grant_type=client_credentials")).await),
        "400 invalid_request"
    );
    assert_eq!(oauth(&exchange(&client, &token, "").await), "200 -");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn of_an_assertion_raced_at_two_replicas_one_gets_a_token(#[case] backend: Backend) {
    const EACH: usize = 6;
    let Some(world) = world(backend).await else { return };
    let replica = world.replica(None).await;
    let clients = [world.client(CLIENT), world.client_at(CLIENT, &replica.base)];
    for _ in 0..3 {
        let token = Good::assertion(&world, CLIENT).token();
        let raced = (0..2 * EACH).map(|number| exchange(&clients[number % 2], &token, ""));
        let mut told: Vec<_> = futures_util::future::join_all(raced)
            .await
            .iter()
            .map(oauth)
            .collect();
        told.sort();
        assert_eq!(told[0], "200 -", "{told:?}");
        assert!(
            told[1..].iter().all(|told| told == "401 invalid_client"),
            "{told:?}"
        );
        for client in &clients {
            assert_eq!(oauth(&exchange(client, &token, "").await), "401 invalid_client");
        }
    }
    replica.stop().await;
}

/// An assertion's id is of its client: who knows another's cannot use it up.
#[tokio::test]
async fn an_id_is_used_up_by_its_own_client_alone() {
    let world = world(Backend::Sqlite).await.unwrap();
    let mut first = Good::assertion(&world, CLIENT);
    let mut second = Good::assertion(&world, "municipality-dashboard");
    let id = good::fresh_id();
    (first.claims["jti"], second.claims["jti"]) = (json!(id), json!(id));
    let second = exchange(&world.client("municipality-dashboard"), &second.token(), "").await;
    let first = exchange(&world.client(CLIENT), &first.token(), "").await;
    assert_eq!([oauth(&second), oauth(&first)], ["200 -", "200 -"]);
}
