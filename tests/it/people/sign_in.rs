//! Signing in at a provider and by one-time links: what works, and for how long.

use jiff::SignedDuration;
use serde_json::json;

use super::browser::Page;
use super::provider::Provider;
use super::*;
use crate::support::world::START;

/// A world whose people sign in at a provider.
pub(super) async fn world_with(provider: &Provider, backend: Backend) -> Option<World> {
    World::with(backend, |config| provider.configure(config)).await
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_person_signs_in_at_the_provider_steps_up_and_out(#[case] backend: Backend) {
    let provider = Provider::start(START).await;
    let Some(world) = world_with(&provider, backend).await else {
        return;
    };
    let before = world.report().await.size;
    let mut browser = Browser::new(&world);
    assert_eq!(
        browser.get("/holder/requests").await.to(),
        "/login?next=/holder/requests"
    );
    assert!(
        browser
            .get("/login?next=/holder/requests")
            .await
            .text()
            .contains("/login/begin?next=/holder/requests")
    );

    let sent = browser.get("/login/begin?next=/holder/requests").await;
    let [cookie] = sent.cookies()[..] else {
        panic!("{:?}", sent.cookies())
    };
    assert!(cookie.starts_with("__Host-doelpoort-sign-in="), "{cookie}");
    assert!(
        cookie.ends_with("; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=600"),
        "{cookie}"
    );
    browser.keep(&sent);
    let back = provider.sends_back(&sent);
    {
        let script = provider.script.lock().unwrap();
        assert_eq!(script.asked("response_type"), "code");
        assert_eq!(script.asked("code_challenge_method"), "S256");
        assert_eq!(script.asked("scope"), "openid");
        assert_eq!(
            (script.asked("prompt"), script.asked("acr_values")),
            (String::new(), String::new())
        );
    }
    let page = browser.get(&back).await;
    assert_eq!(
        (page.status, page.to()),
        (303, "/holder/requests"),
        "{}",
        page.text()
    );
    let session = page
        .cookies()
        .into_iter()
        .find(|cookie| cookie.starts_with("__Host-doelpoort="))
        .unwrap();
    assert!(
        session.ends_with("; Path=/; Secure; HttpOnly; SameSite=Lax"),
        "{session}"
    );
    assert!(
        page.cookies()
            .iter()
            .any(|cookie| cookie.starts_with("__Host-doelpoort-sign-in=;") && cookie.contains("Max-Age=0"))
    );
    browser.keep(&page);
    assert_eq!(browser.get("/holder/requests").await.status, 200);

    // Stopping takes a fresh, strong sign-in of the same person.
    assert_eq!(
        browser.get("/holder/stop").await.to(),
        "/step-up?next=/holder/stop"
    );
    let sent = browser.get("/step-up/begin?next=/holder/stop").await;
    browser.keep(&sent);
    let back = provider.sends_back(&sent);
    {
        let script = provider.script.lock().unwrap();
        let asked = ["prompt", "max_age", "acr_values"].map(|name| script.asked(name));
        assert_eq!(asked, ["login", "0", "two-factor"]);
    }
    let page = browser.get(&back).await;
    assert_eq!(page.to(), "/holder/stop", "{}", page.text());
    browser.keep(&page);
    assert_eq!(browser.get("/holder/stop").await.status, 200);
    provider.advance(&world, SignedDuration::from_mins(5));
    assert_eq!(
        browser.get("/holder/stop").await.to(),
        "/step-up?next=/holder/stop"
    );

    assert_eq!(browser.post("/logout", &[]).await.to(), "/");
    assert_eq!(browser.get("/holder").await.to(), "/login?next=/holder");
    let looked = looks_from(&world, before).await;
    let expected = ["sign-in", "requests", "step-up"].map(|look| format!("console/{look} granted"));
    assert_eq!(looked, expected);
    let leaves = entries_from(&world, before).await;
    let signed_in = leaves
        .iter()
        .find(|leaf| leaf.event.kind == Kind::LogRead)
        .unwrap();
    assert_eq!(signed_in.event.recipient.as_deref(), Some(BOARD));
    assert!(signed_in.event.commitments.staff.is_some());
    provider.stop().await;
}

/// Out and back for the provider's word on a session's roles; `wrong` replaces the code that it would give.
async fn asked_again(provider: &Provider, browser: &mut Browser, wrong: Option<&str>) -> Page {
    let to = browser.get("/holder").await.to().to_owned();
    assert_eq!(to, "/login/again?next=/holder");
    let sent = browser.get(&to).await;
    browser.keep(&sent);
    let back = provider.sends_back(&sent);
    let prompt = ["prompt", "max_age"].map(|name| provider.script.lock().unwrap().asked(name));
    assert_eq!(prompt, ["none", ""]);
    let back = match wrong {
        None => back,
        Some(wrong) => {
            let (_, state) = back.split_once("&state=").unwrap();
            format!("/login/return?{wrong}&state={state}")
        }
    };
    let page = browser.get(&back).await;
    browser.keep(&page);
    page
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn roles_are_asked_for_again_each_quarter_of_an_hour(#[case] backend: Backend) {
    let provider = Provider::start(START).await;
    let Some(world) = world_with(&provider, backend).await else {
        return;
    };
    let mut browser = Browser::new(&world);
    provider.signs_in(&mut browser).await;
    for _ in 0..2 {
        provider.advance(&world, SignedDuration::from_mins(14));
        assert_eq!(browser.get("/holder").await.status, 200);
        provider.advance(&world, SignedDuration::from_mins(1));
        // A form that was open is taken; a page asks first.
        assert_eq!(browser.post("/language", &[("language", "en")]).await.to(), "/");
        let page = asked_again(&provider, &mut browser, None).await;
        assert_eq!(page.to(), "/holder", "{}", page.text());
        assert_eq!(browser.get("/holder").await.status, 200);
    }
    // Half an hour is too long for a form, too.
    provider.advance(&world, SignedDuration::from_mins(15));
    let _ = browser.post("/language", &[("language", "nl")]).await;
    provider.advance(&world, SignedDuration::from_mins(15));
    let late = browser.post("/language", &[("language", "en")]).await;
    assert_eq!(late.to(), "/login/again?next=/");
    // The role is gone, and so is the session.
    let before = world.report().await.size;
    provider.say(json!({ "roles": [] }));
    let page = asked_again(&provider, &mut browser, None).await;
    assert_eq!(page.status, 403, "{}", page.text());
    assert_eq!(browser.get("/holder").await.to(), "/login?next=/holder");
    assert_eq!(looks_from(&world, before).await, ["console/sign-in role-missing"]);
    provider.stop().await;
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_session_of_which_the_provider_knows_nothing_more_ends(#[case] backend: Backend) {
    let provider = Provider::start(START).await;
    let Some(world) = world_with(&provider, backend).await else {
        return;
    };
    let mut browser = Browser::new(&world);
    for somebody_else in [false, true] {
        provider.say(json!({}));
        provider.signs_in(&mut browser).await;
        provider.advance(&world, SignedDuration::from_mins(15));
        let wrong = if somebody_else {
            provider.say(json!({ "sub": "somebody-else" }));
            None
        } else {
            Some("error=login_required")
        };
        let page = asked_again(&provider, &mut browser, wrong).await;
        assert_eq!(page.status, 403, "{}", page.text());
        assert_eq!(browser.get("/holder").await.to(), "/login?next=/holder");
    }
    provider.stop().await;
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_session_ends_by_itself_and_on_every_replica(#[case] backend: Backend) {
    let Some(world) = world(backend).await else { return };
    let browser = signed_in(&world, false, Some(BOARD)).await;
    let replica = world.replica(None).await;
    let mut elsewhere = Browser::new(&world);
    elsewhere.cookies.clone_from(&browser.cookies);
    assert_eq!(elsewhere.get("/holder").await.status, 200);
    // Twenty minutes of nothing end it, and so do eight hours.
    for _ in 0..24 {
        world.clock.advance(SignedDuration::from_mins(19));
        assert_eq!(browser.get("/holder/inbox").await.status, 200);
    }
    world.clock.advance(SignedDuration::from_mins(19));
    assert_eq!(browser.get("/holder").await.status, 200);
    world.clock.advance(SignedDuration::from_mins(19));
    assert_eq!(browser.get("/holder").await.to(), "/login?next=/holder");
    let idle = signed_in(&world, true, None).await;
    world.clock.advance(SignedDuration::from_mins(20));
    assert_eq!(idle.get("/operator").await.to(), "/login?next=/operator");
    // Who signs out is out everywhere.
    let browser = signed_in(&world, false, Some(BOARD)).await;
    browser.post("/logout", &[]).await;
    elsewhere.cookies.clone_from(&browser.cookies);
    assert_eq!(elsewhere.get("/holder").await.to(), "/login?next=/holder");
    replica.stop().await;
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_link_works_once_for_ten_minutes_and_leaves_no_secret(#[case] backend: Backend) {
    let Some(world) = world(backend).await else { return };
    let code = link(&world, true, None).await;
    let mut browser = Browser::new(&world);
    assert!(
        browser
            .get(&format!("/login?code={code}"))
            .await
            .text()
            .contains(&code)
    );
    let page = browser.post("/login", &[("code", &code)]).await;
    assert_eq!(page.to(), "/operator");
    browser.keep(&page);
    let cookie = browser.cookies[0].clone();
    let again = Browser::new(&world).post("/login", &[("code", &code)]).await;
    assert_eq!((again.status, again.cookies().len()), (403, 0));
    let late = link(&world, true, None).await;
    world.clock.advance(SignedDuration::from_mins(10));
    assert_eq!(
        Browser::new(&world)
            .post("/login", &[("code", &late)])
            .await
            .status,
        403
    );
    for wrong in ["", "AAAA", "' OR 1=1 --"] {
        assert_eq!(
            Browser::new(&world)
                .post("/login", &[("code", wrong)])
                .await
                .status,
            403,
            "{wrong}"
        );
    }
    // Neither the cookie nor the code is in the database, and another's link steps nobody up.
    let value = cookie.split_once('=').unwrap().1;
    let kept = world
        .gateway
        .store()
        .fetch_all("SELECT id, person FROM console_session", vec![]);
    let kept = kept.await.unwrap();
    assert_eq!(kept.len(), 1);
    assert_eq!(
        kept[0].bytes(0).unwrap(),
        doelpoort_core::policy::sha256(value.as_bytes())
    );
    let person = kept[0].bytes(1).unwrap();
    assert!(!person.windows(4).any(|part| part == b"link"));
    let links = world
        .gateway
        .store()
        .fetch_all("SELECT code FROM console_link", vec![]);
    assert_eq!(links.await.unwrap().len(), 1);
    let holder = signed_in(&world, false, Some(BOARD)).await;
    let other = link(&world, false, Some(OTHER_BOARD)).await;
    let stepped = holder
        .post("/step-up", &[("code", &other), ("next", "/holder/stop")])
        .await;
    assert_eq!(stepped.status, 403, "{}", stepped.text());
    assert_eq!(
        holder.get("/holder/stop").await.to(),
        "/step-up?next=/holder/stop"
    );
}

#[tokio::test]
async fn roles_are_what_the_provider_and_the_configuration_say() {
    let provider = Provider::start(START).await;
    let world = world_with(&provider, Backend::Sqlite).await.unwrap();
    let cases = [
        (json!({"roles": ["operator"], "oin": null}), "/operator"),
        (json!({"roles": "operator"}), "/operator"),
        (json!({"roles": ["operator", "holder"]}), "/holder"),
        (json!({"roles": ["holder"], "oin": null}), ""),
        (json!({"roles": ["holder"], "oin": "00000099000000099999"}), ""),
        (json!({"roles": ["holder"], "oin": "1 OR 1=1"}), ""),
        (json!({"roles": ["admin", "Holder", "fg"]}), ""),
        (json!({"roles": {"operator": true}}), ""),
        (json!({"roles": null}), ""),
    ];
    for (claims, home) in cases {
        provider.say(claims.clone());
        let mut browser = Browser::new(&world);
        let page = provider.signs_in(&mut browser).await;
        if home.is_empty() {
            assert_eq!(page.status, 403, "{claims}: {}", page.text());
            assert!(page.text().contains("geen rol") && browser.cookies.is_empty());
        } else {
            assert_eq!((page.status, page.to()), (303, home), "{claims}: {}", page.text());
        }
    }
    let refused = entries_from(&world, 0).await.into_iter();
    let refused = refused.filter(|leaf| leaf.event.decision.as_deref() == Some("role-missing"));
    assert_eq!(refused.count(), 6);
    provider.stop().await;
}

#[tokio::test]
async fn new_keys_of_the_provider_are_fetched_at_most_once_a_minute() {
    let provider = Provider::start(START).await;
    let world = world_with(&provider, Backend::Sqlite).await.unwrap();
    let fetched = || provider.script.lock().unwrap().fetched;
    assert_eq!(provider.signs_in(&mut Browser::new(&world)).await.status, 303);
    assert_eq!(fetched(), 1);
    provider.rotate();
    assert_eq!(provider.signs_in(&mut Browser::new(&world)).await.status, 403);
    assert_eq!(fetched(), 1);
    provider.advance(&world, SignedDuration::from_mins(1));
    assert_eq!(provider.signs_in(&mut Browser::new(&world)).await.status, 303);
    assert_eq!(fetched(), 2);
    provider.sign_with_a_stranger();
    for _ in 0..3 {
        assert_eq!(provider.signs_in(&mut Browser::new(&world)).await.status, 403);
    }
    assert_eq!(fetched(), 2);
    provider.stop().await;
}

#[tokio::test]
async fn our_secret_is_shown_as_the_provider_takes_it() {
    for (methods, expected) in [
        (
            json!(["client_secret_basic"]),
            "Basic ZG9lbHBvb3J0LWNvbnNvbGU6YSUyQmI=",
        ),
        (json!(["client_secret_post"]), "doelpoort-console"),
    ] {
        let provider = Provider::start(START).await;
        provider.script.lock().unwrap().metadata = json!({"token_endpoint_auth_methods_supported": methods});
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        write_secret(&file, "a+b\n");
        let world = World::with(Backend::Sqlite, |config| {
            provider.configure(config);
            config.console.client_secret = Some(file.clone());
        });
        let world = world.await.unwrap();
        let page = provider.signs_in(&mut Browser::new(&world)).await;
        assert_eq!(page.status, 303, "{}", page.text());
        assert_eq!(provider.script.lock().unwrap().authorization, expected);
        provider.stop().await;
    }
}

fn write_secret(file: &std::path::Path, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(file, text).unwrap();
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o400)).unwrap();
}
