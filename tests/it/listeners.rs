//! The three listeners: each route needs what it declares, and tells what is left of the rates that it counts for.

use std::collections::BTreeSet;

use doelpoort::http::{Declared, Needs, declared};
use reqwest::Client;
use serde_json::json;

use crate::support::database::Backend;
use crate::support::world::World;
use crate::support::world::ask::{Response, figures, plain_client, send, send_plain};
use crate::support::world::raw;

/// A path of the route: any value for each parameter.
fn path(route: &Declared) -> String {
    let parts = route
        .path
        .split('/')
        .map(|part| if part.starts_with('{') { "1" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

async fn call(client: &Client, world: &World, route: &Declared, token: Option<&str>) -> Response {
    let mut request = client.request(route.method.clone(), world.url(&path(route)));
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    send_plain(request).await
}

#[tokio::test]
async fn each_route_refuses_who_lacks_what_it_declares() {
    let world = World::new(Backend::Sqlite).await.unwrap();
    let token = world.client("swv-po-dashboard").token().await.unwrap();
    let nobody = raw::http(&world, None);
    let own = raw::http(&world, Some("swv-po-dashboard"));
    let another = raw::http(&world, Some("municipality-dashboard"));
    let (exchange, _) = declared();
    let mut kinds = BTreeSet::new();
    for route in &exchange {
        let told = format!("{} {}", route.method, route.path);
        kinds.insert(format!("{:?}", route.needs));
        let without = call(&nobody, &world, route, None).await;
        match route.needs {
            Needs::Public => assert_ne!(without.status, 401, "{told}"),
            Needs::Certificate => {
                assert_eq!(without.status, 401, "{told}");
                assert_eq!(without.json()["error"], "invalid_client", "{told}");
                assert_ne!(call(&own, &world, route, None).await.status, 401, "{told}");
            }
            Needs::Token => {
                let stolen = call(&another, &world, route, Some(&token)).await;
                let uncertified = call(&nobody, &world, route, Some(&token)).await;
                let tokenless = call(&own, &world, route, None).await;
                for refused in [without, stolen, uncertified, tokenless] {
                    assert_eq!(
                        refused.refusal(),
                        "401 application/problem+json invalid-token",
                        "{told}"
                    );
                    assert!(refused.header("www-authenticate").starts_with("Bearer"), "{told}");
                }
                assert_ne!(
                    call(&own, &world, route, Some(&token)).await.status,
                    401,
                    "{told}"
                );
            }
            Needs::Operator => panic!("{told} is for the operator"),
        }
    }
    assert_eq!(kinds.len(), 3, "{kinds:?}");
    assert!(exchange.len() >= 20, "{exchange:?}");
}

#[tokio::test]
async fn listeners_share_no_route() {
    let world = World::new(Backend::Sqlite).await.unwrap();
    let nobody = raw::http(&world, None);
    let (exchange, admin) = declared();
    assert!(admin.iter().all(|route| route.needs == Needs::Operator));
    for route in &admin {
        assert_eq!(
            call(&nobody, &world, route, None).await.status,
            404,
            "{}",
            route.path
        );
        assert_ne!(world.admin(&path(route)).await.status, 404, "{}", route.path);
    }
    let (plain, running) = (plain_client(), world.running());
    for route in &exchange {
        let on = |base: String, client: &Client| {
            client.request(route.method.clone(), format!("{base}{}", path(route)))
        };
        let admin = send_plain(on(format!("http://{}", running.admin()), &plain)).await;
        let console = format!("https://localhost:{}", running.console().port());
        let console = send_plain(on(console, &nobody)).await;
        assert_eq!((admin.status, console.status), (404, 404), "{}", route.path);
    }
}

#[tokio::test]
async fn the_console_tells_browsers_what_to_keep_to() {
    let world = World::new(Backend::Sqlite).await.unwrap();
    let console = format!("https://localhost:{}", world.running().console().port());
    for path in ["/", "/nothing"] {
        let page = send_plain(raw::http(&world, None).get(format!("{console}{path}"))).await;
        let told = [
            "strict-transport-security",
            "content-security-policy",
            "x-content-type-options",
            "x-frame-options",
            "referrer-policy",
            "cache-control",
        ]
        .map(|name| format!("{name}: {}", page.header(name)));
        insta::allow_duplicates! {
            insta::assert_snapshot!(told.join("\n"), @r"
            strict-transport-security: max-age=31536000; includeSubDomains
            content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'
            x-content-type-options: nosniff
            x-frame-options: DENY
            referrer-policy: same-origin
            cache-control: no-store
            ");
        }
    }
}

#[tokio::test]
async fn public_routes_are_limited_by_address() {
    let world = World::with(Backend::Sqlite, |config| {
        config.limits.address_requests_per_min_max = 1;
    })
    .await
    .unwrap();
    let (nobody, own) = (
        raw::http(&world, None),
        raw::http(&world, Some("swv-po-dashboard")),
    );
    let (exchange, _) = declared();
    let open = || exchange.iter().filter(|route| route.needs != Needs::Token);
    let first = open().next().unwrap();
    assert_ne!(call(&own, &world, first, None).await.status, 429);
    for route in open() {
        for client in [&nobody, &own] {
            let refused = call(client, &world, route, None).await;
            assert_eq!(
                refused.refusal(),
                "429 application/problem+json rate-limited",
                "{}",
                route.path
            );
            assert_eq!(refused.header("ratelimit-policy"), "\"address\";q=1;w=60");
            let wait = refused.header("retry-after").to_owned();
            assert_eq!(refused.header("ratelimit"), format!("\"address\";r=0;t={wait}"));
            assert!((1..=60).contains(&wait.parse::<u32>().unwrap()), "{wait}");
        }
    }
    let metrics = world.admin("/metrics").await.text;
    assert!(
        metrics.contains("doelpoort_limited_total{scope=\"address\"}"),
        "{metrics}"
    );
}

#[tokio::test]
async fn answers_and_refusals_tell_what_is_left() {
    let world = World::with(Backend::Sqlite, |config| {
        config.limits.client_requests_per_min_max = 2;
    })
    .await
    .unwrap();
    let client = world.client("swv-po-dashboard");
    let ask = || {
        let body = serde_json::Value::Object(figures(&[], json!({}))).to_string();
        client.http().post(client.url("/v1/queries")).body(body)
    };
    let mut told = Vec::new();
    for _ in 0..3 {
        let answer = send(&client, ask()).await;
        let left = answer.header("ratelimit");
        // Seconds depend on how long it took.
        let left: Vec<&str> = left
            .split(", ")
            .map(|one| one.split(";t=").next().unwrap())
            .collect();
        told.push(format!(
            "{} | {} | {}",
            answer.status,
            answer.header("ratelimit-policy"),
            left.join(", ")
        ));
    }
    insta::assert_snapshot!(told.join("\n"), @r#"
    404 | "client";q=2;w=60, "purpose";q=600;w=3600 | "client";r=1, "purpose";r=599
    404 | "client";q=2;w=60, "purpose";q=600;w=3600 | "client";r=0, "purpose";r=598
    429 | "client";q=2;w=60 | "client";r=0
    "#);
}

#[tokio::test]
async fn a_head_request_is_an_access_with_its_receipt() {
    let world = World::new(Backend::Sqlite).await.unwrap();
    world.deliver_city().await;
    world.close_epoch().await;
    let client = world.client("swv-po-dashboard");
    let url = client.url("/v1/purposes/youth-atlas/questions/children-by-district");
    let before = world.report().await.size;
    let whole = send(&client, client.http().get(&url)).await;
    let head = send(&client, client.http().head(&url)).await;
    assert_eq!((whole.status, head.status), (200, 200), "{}", whole.text);
    assert_eq!(
        (head.text.as_str(), head.header("etag")),
        ("", whole.header("etag"))
    );
    assert!(!head.header("doelpoort-receipt").is_empty());
    assert!(whole.header("doelpoort-receipt").is_empty());
    assert_eq!(world.report().await.size, before + 2);
}

#[tokio::test]
async fn a_key_that_stands_twice_is_refused() {
    let world = World::new(Backend::Sqlite).await.unwrap();
    // One with the role that a withdrawal needs.
    let client = world.client("swv-po-delivery");
    let body = r#"{"purpose": "youth-atlas", "form": "figures", "purpose": "case-consultation", "measures": ["pupils"]}"#;
    for route in ["/v1/queries", "/v1/facts", "/v1/restrictions", "/v1/withdrawals"] {
        let refused = send(&client, client.http().post(client.url(route)).body(body)).await;
        assert_eq!(
            refused.refusal(),
            "400 application/problem+json invalid-input",
            "{route}"
        );
        assert_eq!(refused.json()["errors"][0]["code"], "duplicate-key", "{route}");
    }
}
