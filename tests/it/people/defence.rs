//! Nobody sees what they may not: role × route × expected over every route; forms of others, names of others, chosen
//! sessions, hostile words.

use axum::http::Method;
use doelpoort::console::{PEOPLE_ROUTES, PeopleNeed, PeopleRoute, Verb};
use serde_json::json;

use super::browser::form;
use super::provider::Provider;
use super::sign_in::world_with;
use super::*;
use crate::support::world::START;

const FORM: &str = "application/x-www-form-urlencoded";

/// Who comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Nobody,
    Ended,
    Operator,
    Holder,
    Both,
}

const ROLES: [Role; 5] = [
    Role::Nobody,
    Role::Ended,
    Role::Operator,
    Role::Holder,
    Role::Both,
];

/// What must come of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    /// What anybody gets.
    Open,
    SignIn,
    StepUp,
    Forbidden,
}

fn expected(role: Role, need: PeopleNeed) -> Expected {
    match (need, role) {
        (PeopleNeed::Nothing, _) => Expected::Open,
        (_, Role::Nobody | Role::Ended) => Expected::SignIn,
        (PeopleNeed::Session, _)
        | (PeopleNeed::Operator, Role::Operator | Role::Both)
        | (PeopleNeed::Holder, Role::Holder | Role::Both) => Expected::Open,
        (PeopleNeed::HolderSteppedUp, Role::Holder | Role::Both) => Expected::StepUp,
        (PeopleNeed::Operator, Role::Holder)
        | (PeopleNeed::Holder | PeopleNeed::HolderSteppedUp, Role::Operator) => Expected::Forbidden,
    }
}

async fn browser_of(world: &World, role: Role) -> Browser {
    match role {
        Role::Nobody => Browser::new(world),
        Role::Ended => {
            let browser = signed_in(world, true, Some(BOARD)).await;
            browser.post("/logout", &[]).await;
            browser
        }
        Role::Operator => signed_in(world, true, None).await,
        Role::Holder => signed_in(world, false, Some(BOARD)).await,
        Role::Both => signed_in(world, true, Some(BOARD)).await,
    }
}

#[tokio::test]
async fn each_role_gets_at_each_route_what_it_may() {
    let world = world(Backend::Sqlite).await.unwrap();
    let mut checked = 0;
    for role in ROLES {
        for route in PEOPLE_ROUTES {
            // Each begins anew: some routes end the session.
            let browser = browser_of(&world, role).await;
            let page = match route.verb {
                Verb::Get => browser.get(route.path).await,
                Verb::Post => browser.post(route.path, &[]).await,
            };
            let leads = |to: &str| page.status == 303 && page.to().starts_with(to);
            let is_as_expected = match expected(role, route.need) {
                Expected::Open => !leads("/login?") && !page.text().contains("Deze pagina is niet voor u"),
                Expected::SignIn => leads("/login?next="),
                Expected::StepUp => leads("/step-up?next=/holder/stop"),
                Expected::Forbidden => page.status == 403,
            };
            assert!(
                is_as_expected,
                "{role:?} at {route:?}: {} {}",
                page.status,
                page.to()
            );
            is_framed_by_nobody(&page, route.path);
            checked += 1;
        }
    }
    assert_eq!(checked, ROLES.len() * PEOPLE_ROUTES.len());
}

/// Nobody may show the page in theirs, keep it, or run anything in it.
fn is_framed_by_nobody(page: &browser::Page, path: &str) {
    for (name, value) in [
        ("x-frame-options", "DENY"),
        ("cache-control", "no-store"),
        ("referrer-policy", "same-origin"),
        ("x-content-type-options", "nosniff"),
        ("strict-transport-security", "max-age=31536000; includeSubDomains"),
    ] {
        assert_eq!(page.header(name), value, "{path}");
    }
    let policy = page.header("content-security-policy");
    for part in [
        "default-src 'none'",
        "script-src 'self'",
        "frame-ancestors 'none'",
        "form-action 'self'",
    ] {
        assert!(policy.contains(part), "{path}: {policy}");
    }
    assert!(!policy.contains("unsafe"), "{path}: {policy}");
}

fn changing() -> impl Iterator<Item = &'static PeopleRoute> {
    PEOPLE_ROUTES.iter().filter(|route| route.verb == Verb::Post)
}

#[tokio::test]
async fn forms_and_addresses_of_others_do_nothing() {
    let world = world(Backend::Sqlite).await.unwrap();
    let browser = signed_in(&world, true, Some(BOARD)).await;
    let other = signed_in(&world, true, Some(BOARD)).await;
    let (ours, cookies) = (format!("https://{HOST}"), browser.cookies.join("; "));
    let token = form([("csrf", browser.csrf().as_str())].into_iter());
    let of_other = form([("csrf", other.csrf().as_str())].into_iter());
    let before = world.report().await.size;
    for route in changing() {
        for (origin, body) in [
            ("https://evil.example", token.as_str()),
            (concat!("http://", "console.example:8444"), token.as_str()),
            ("https://console.example", token.as_str()),
            ("https://console.example:8444.evil.example", token.as_str()),
            ("null", token.as_str()),
            ("", token.as_str()),
            (ours.as_str(), of_other.as_str()),
            (ours.as_str(), "csrf=guess"),
            (ours.as_str(), ""),
        ] {
            let headers = [
                ("host", HOST),
                ("origin", origin),
                ("cookie", cookies.as_str()),
                ("content-type", FORM),
            ];
            let page = browser
                .send(Method::POST, route.path, &headers, body.to_owned())
                .await;
            assert_eq!(page.status, 403, "{} from {origin} with {body}", route.path);
        }
        let headers = [
            ("host", HOST),
            ("origin", ours.as_str()),
            ("cookie", cookies.as_str()),
            ("content-type", "application/json"),
        ];
        let page = browser
            .send(Method::POST, route.path, &headers, "{}".to_owned())
            .await;
        assert_eq!(page.status, 400, "{}", route.path);
    }
    assert_eq!(world.report().await.size, before);
    for host in ["evil.example", "console.example", "localhost:8444", ""] {
        let headers = [("host", host), ("cookie", cookies.as_str())];
        let page = browser
            .send(Method::GET, "/holder", &headers, String::new())
            .await;
        assert_eq!(page.status, 421, "{host}");
    }
}

#[tokio::test]
async fn other_methods_and_paths_are_none() {
    let world = world(Backend::Sqlite).await.unwrap();
    let browser = signed_in(&world, true, Some(BOARD)).await;
    let cookies = browser.cookies.join("; ");
    let headers = [("host", HOST), ("cookie", cookies.as_str())];
    for route in PEOPLE_ROUTES {
        for method in [
            Method::PUT,
            Method::DELETE,
            Method::PATCH,
            Method::TRACE,
            Method::OPTIONS,
        ] {
            let page = browser
                .send(method.clone(), route.path, &headers, String::new())
                .await;
            assert_eq!(page.status, 405, "{method} {}", route.path);
            is_framed_by_nobody(&page, route.path);
        }
    }
    for path in [
        "/nothing",
        "//evil.example",
        "/holder/",
        "/v1/queries",
        "/metrics",
        "/holder/../operator",
    ] {
        let page = browser.send(Method::GET, path, &headers, String::new()).await;
        assert_eq!(page.status, 404, "{path}");
        assert!(!page.text().contains("evil.example"), "{path}");
        is_framed_by_nobody(&page, path);
    }
}

#[tokio::test]
async fn a_session_is_never_the_one_that_somebody_chose() {
    let provider = Provider::start(START).await;
    let world = world_with(&provider, Backend::Sqlite).await.unwrap();
    let mut browser = Browser::new(&world);
    let planted = "__Host-doelpoort=chosen-by-somebody-else".to_owned();
    browser.cookies = vec![planted.clone()];
    assert_eq!(browser.get("/holder").await.to(), "/login?next=/holder");
    provider.signs_in(&mut browser).await;
    let first = browser.cookies.clone();
    assert!(!first.contains(&planted) && first.len() == 1, "{first:?}");
    // Signing in again gives another session, and the one before is over.
    provider.signs_in(&mut browser).await;
    assert_ne!(browser.cookies, first);
    assert_eq!(browser.get("/holder").await.status, 200);
    browser.cookies = first;
    assert_eq!(browser.get("/holder").await.to(), "/login?next=/holder");
    provider.stop().await;
}

#[tokio::test]
async fn a_holder_stops_and_sees_what_is_its_own() {
    let world = world(Backend::Sqlite).await.unwrap();
    let (ours, theirs) = (
        signed_in(&world, false, Some(BOARD)).await,
        signed_in(&world, false, Some(OTHER_BOARD)).await,
    );
    for (browser, oin) in [(&ours, BOARD), (&theirs, OTHER_BOARD)] {
        let code = link(&world, false, Some(oin)).await;
        assert_eq!(browser.post("/step-up", &[("code", &code)]).await.status, 303);
    }
    let all = [("what", "all"), ("sure", "yes")];
    assert_eq!(theirs.post("/holder/stop", &all).await.status, 200);
    let page = ours.get("/holder").await.text();
    assert!(!page.contains("ingetrokken") && page.contains("✓ werkt"));
    // What is nobody's, or does not ask this holder, cannot be withdrawn.
    for what in ["nothing", "youth-atlas/99", "../x", "log-oversight", ""] {
        let page = ours
            .post("/holder/stop", &[("what", what), ("sure", "yes")])
            .await;
        assert!([400, 409].contains(&page.status), "{what}: {}", page.status);
    }
    let withdrawn = entries_from(&world, 0).await.into_iter();
    let withdrawn: Vec<_> = withdrawn
        .filter(|leaf| {
            leaf.event.kind == Kind::Withdrawal && leaf.event.decision.as_deref() == Some("withdrawn")
        })
        .collect();
    assert_eq!(withdrawn.len(), 1);
    assert_eq!(withdrawn[0].event.recipient.as_deref(), Some(OTHER_BOARD));
}

#[tokio::test]
async fn hostile_words_stay_words_and_addresses_lead_home() {
    const HOSTILE: &str = "\"><script>alert(1)</script><img src=x onerror=alert(1)>";
    let provider = Provider::start(START).await;
    let world = world_with(&provider, Backend::Sqlite).await.unwrap();
    let mut browser = Browser::new(&world);
    provider.say(json!({"sub": HOSTILE, "name": HOSTILE, "roles": ["holder", HOSTILE]}));
    assert_eq!(provider.signs_in(&mut browser).await.to(), "/holder");
    let hostile = form([("next", HOSTILE)].into_iter());
    let mut pages = vec![
        browser.get(&format!("/login?{hostile}")).await,
        browser
            .get(&format!("/step-up?{hostile}&code={}", &hostile[5..]))
            .await,
        browser.get(&format!("/?language={}", &hostile[5..])).await,
        browser
            .get(&format!(
                "/login/return?{hostile}&state={0}&code={0}",
                &hostile[5..]
            ))
            .await,
    ];
    for path in ["/holder", "/holder/requests", "/holder/inbox"] {
        pages.push(browser.get(path).await);
    }
    for page in pages {
        let text = page.text();
        assert!(
            !text.contains("<script>alert") && !text.contains("<img"),
            "{text}"
        );
    }
    for next in [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "/logout",
        "/login/begin",
    ] {
        let query = form([("next", next)].into_iter());
        let sent = browser.get(&format!("/login/begin?{query}")).await;
        browser.keep(&sent);
        let page = browser.get(&provider.sends_back(&sent)).await;
        browser.keep(&page);
        assert_eq!(page.to(), "/holder", "{next}");
        let page = browser
            .post("/language", &[("language", "nl"), ("next", next)])
            .await;
        assert_eq!(page.to(), "/", "{next}");
    }
    provider.stop().await;
}

#[tokio::test]
async fn an_address_asks_at_its_rate() {
    let world = World::with(Backend::Sqlite, |config| {
        config.console.url = format!("https://{HOST}");
        config.limits.address_requests_per_min_max = 3;
    });
    let browser = Browser::new(&world.await.unwrap());
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(browser.get("/login").await.status);
    }
    assert_eq!(statuses, [200, 200, 200, 429]);
}

#[tokio::test]
async fn what_cannot_be_logged_is_not_shown() {
    let world = world(Backend::Sqlite).await.unwrap();
    let browser = signed_in(&world, true, Some(BOARD)).await;
    world.gateway.log().close().await;
    for path in ["/holder", "/holder/requests", "/holder/inbox", "/operator"] {
        let page = browser.get(path).await;
        assert_eq!(page.status, 503, "{path}");
        assert!(!page.text().contains("<table>"), "{path}");
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_page_of_another_role_is_refused_and_that_is_in_the_log(#[case] backend: Backend) {
    let Some(world) = world(backend).await else { return };
    let before = world.report().await.size;
    let operator = signed_in(&world, true, None).await;
    let holder = signed_in(&world, false, Some(BOARD)).await;
    assert_eq!(operator.get("/holder").await.status, 403);
    assert_eq!(holder.get("/operator").await.status, 403);
    let expected = [
        "sign-in granted",
        "sign-in granted",
        "holder role-missing",
        "operator role-missing",
    ];
    assert_eq!(
        looks_from(&world, before).await,
        expected.map(|look| format!("console/{look}"))
    );
    // Who it was is sealed to the FG, and whose person it was is told.
    let refused: Vec<_> = entries_from(&world, before).await.into_iter().skip(2).collect();
    assert!(refused.iter().all(|leaf| leaf.event.commitments.staff.is_some()));
    assert_eq!(refused[1].event.recipient.as_deref(), Some(BOARD));
}
