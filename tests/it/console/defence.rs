//! Nobody sees what they may not: each page with each kind of visitor, forms of others, names of others, hostile words.

use axum::http::Method;
use doelpoort::console::{Need, ROUTES, Verb};

use super::*;

const FORM: &str = "application/x-www-form-urlencoded";

/// A path of a route, with something in each place.
fn path(route: &str) -> String {
    route
        .replace("{index}", "3")
        .replace("{id}", "nothing")
        .replace("{what}", "note")
        .replace("{form}", "csv")
        .replace("{shard}", "2026")
        .replace("{month}", "2026-11")
}

/// What a visitor without the right gets: where the browser is sent.
async fn visit(browser: &Browser, verb: Verb, path: &str) -> (u16, String) {
    let page = match verb {
        Verb::Get => browser.get(path).await,
        Verb::Post => browser.post(path, &[]).await,
    };
    for (name, value) in [
        ("x-frame-options", "DENY"),
        ("cache-control", "no-store"),
        ("referrer-policy", "same-origin"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(page.header(name), value, "{path}");
    }
    let policy = page.header("content-security-policy");
    assert!(
        policy.starts_with("default-src 'none'") && !policy.contains("unsafe"),
        "{path}"
    );
    (page.status, page.to().to_owned())
}

#[tokio::test]
async fn each_page_asks_for_what_it_needs_of_each_visitor() {
    let (_world, mut browser) = console(Backend::Sqlite).await.unwrap();
    for route in ROUTES {
        let (status, to) = visit(&browser, route.verb, &path(route.path)).await;
        match route.need {
            Need::Nothing => assert!(to != "/login" || route.path == "/login/code", "{}", route.path),
            _ => assert_eq!((status, to.as_str()), (303, "/login"), "{}", route.path),
        }
    }
    browser.sign_in().await;
    for route in ROUTES.iter().filter(|route| route.need == Need::SecondCode) {
        let (status, to) = visit(&browser, route.verb, &path(route.path)).await;
        assert!(
            status == 303 && to.starts_with("/step-up?next=/"),
            "{}: {status} {to}",
            route.path
        );
    }
    for route in ROUTES
        .iter()
        .filter(|route| route.need == Need::Session && route.verb == Verb::Get)
    {
        let (status, to) = visit(&browser, route.verb, &path(route.path)).await;
        let there = status == 200 || (status == 404 && route.path.contains("{id}"));
        assert!(there && to.is_empty(), "{}: {status} {to}", route.path);
    }
}

#[tokio::test]
async fn forms_and_addresses_of_others_do_nothing() {
    let (_world, mut browser) = console(Backend::Sqlite).await.unwrap();
    browser.sign_in().await;
    let ours = format!("http://{ADDRESS}");
    let token = format!("csrf={}", browser.csrf);
    for route in ROUTES.iter().filter(|route| route.verb == Verb::Post) {
        let path = path(route.path);
        for (origin, body) in [
            ("https://evil.example", token.as_str()),
            ("http://127.0.0.1:9999", token.as_str()),
            ("", token.as_str()),
            ("null", token.as_str()),
            (ours.as_str(), "csrf=guess"),
            (ours.as_str(), ""),
        ] {
            let headers = [
                ("host", ADDRESS),
                ("origin", origin),
                ("cookie", browser.cookie.as_str()),
                ("content-type", FORM),
            ];
            let page = browser.send(Method::POST, &path, &headers, body.to_owned()).await;
            assert_eq!(page.status, 403, "{path} from {origin} with {body}");
        }
    }
    // Another name that leads here (DNS rebinding) is not the console.
    for host in ["evil.example", "evil.example:7443", "127.0.0.1:80", ""] {
        let headers = [("host", host), ("cookie", browser.cookie.as_str())];
        let page = browser.send(Method::GET, "/", &headers, String::new()).await;
        assert_eq!(page.status, 421, "{host}");
    }
}

#[tokio::test]
async fn a_session_is_never_the_one_that_somebody_chose() {
    let (_world, mut browser) = console(Backend::Sqlite).await.unwrap();
    browser.sign_in().await;
    let first = browser.cookie.clone();
    let name = first.split('=').next().unwrap().to_owned();
    browser.cookie = format!("{name}=chosen");
    assert_eq!(browser.get("/").await.to(), "/login");
    browser.cookie.clone_from(&first);
    browser.post("/logout", &[]).await;
    assert_eq!(browser.get("/").await.to(), "/login");
    let wrong = browser.post("/login", &[("code", "AAAA")]).await;
    assert_eq!((wrong.status, wrong.header("set-cookie")), (403, ""));
}

#[tokio::test]
async fn hostile_words_stay_words() {
    let (_world, mut browser) = console(Backend::Sqlite).await.unwrap();
    browser.sign_in().await;
    let hostile = "%22%3E%3Cscript%3Ealert(1)%3C/script%3E%3Cimg%20src=x%20onerror=alert(1)%3E";
    let names = [
        "organisation",
        "purpose",
        "dataset",
        "decision",
        "from",
        "until",
        "trace",
        "kind",
        "before",
    ];
    let mut paths: Vec<String> = names
        .iter()
        .map(|name| format!("/log?{name}={hostile}"))
        .collect();
    paths.push(format!("/purposes/{hostile}"));
    paths.push(format!("/month/{hostile}"));
    paths.push(format!("/log/{hostile}"));
    paths.push(format!("/step-up?next={hostile}"));
    paths.push(format!("/login?code={hostile}"));
    for path in paths {
        let text = browser.get(&path).await.text();
        assert!(
            !text.contains("<script>alert") && !text.contains("<img"),
            "{path}: {text}"
        );
    }
    browser.post("/step-up/code", &[]).await;
    for case in ["\"><script>alert(1)</script>", "=1+1", "123456782"] {
        let code = browser.code();
        let page = browser
            .post(
                "/step-up",
                &[("reason", "review"), ("case", case), ("code", &code)],
            )
            .await;
        assert_eq!(page.status, 403, "{case}");
        assert!(!page.text().contains("<script>alert"));
    }
    let page = browser
        .post("/language", &[("language", "nl"), ("next", "//evil.example")])
        .await;
    assert_eq!(page.to(), "/");
}
