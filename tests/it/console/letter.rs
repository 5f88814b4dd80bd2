//! The letter: what stood then, of the period that was asked for, out of every shard of the log.

use doelpoort_core::audit::hand_out::Checked;

use super::*;

/// The file of a shard that goes with the last letter, checked.
async fn hand_out(world: &World, browser: &Browser, shard: &str) -> Checked {
    let file = browser.get(&format!("/access/hand-out/{shard}")).await;
    let published = world.gateway.log().published_of(shard).unwrap();
    let checked = verify_hand_out(file.body.as_slice(), published.key(), None).unwrap();
    assert!(checked.is_complete(), "{checked}");
    checked
}

async fn letter(browser: &Browser, period: &str, day: &str) -> String {
    let number = bsn(1);
    let fields = [
        ("kind", "bsn"),
        ("number", number.as_str()),
        ("period", period),
        ("day", day),
    ];
    let answer = browser.post("/access", &fields).await;
    assert_eq!(answer.to(), "/access/letter", "{}", answer.text());
    browser.get("/access/letter").await.text()
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn it_tells_what_stood_then_and_not_what_stands_now(#[case] backend: Backend) {
    let Some(mut world) = school(backend).await else {
        return;
    };
    ask_about(&world, 1).await;
    world
        .change_policies(|policies| {
            let file = policies.join("purposes/admissibility-status.toml");
            let text = std::fs::read_to_string(&file).unwrap();
            let later = text.replacen("version = 1", "version = 2", 1).replacen(
                "zonder te hoeven bellen of mailen",
                "zonder te hoeven faxen",
                1,
            );
            std::fs::write(&file, later).unwrap();
        })
        .await;
    ask_about(&world, 1).await;
    let mut browser = console_of(&world).await;
    browser.sign_in().await;
    browser.step_up().await;
    let text = letter(&browser, "year", "").await;
    assert!(text.contains("Uitkomst") || text.contains("outcome"), "{text}");
    // As a parent says it: the kind of data with each field, and a period in words.
    assert!(
        text.contains("<dd>1 jaar</dd>") && !text.contains("P1Y"),
        "{text}"
    );
    let given = text.split("Welke gegevens</dt><dd>").nth(1).unwrap();
    let given = given.split("</dd>").next().unwrap();
    assert!(given.contains(": ") && !given.contains("pseudonym"), "{given}");
    assert_eq!(text.matches("Wanneer</dt>").count(), 2, "{text}");
    assert_eq!(text.matches("bellen of mailen").count(), 1, "{text}");
    assert_eq!(text.matches("hoeven faxen").count(), 1, "{text}");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn it_and_its_proof_are_of_the_period_and_of_all_years(#[case] backend: Backend) {
    let Some(world) = school(backend).await else {
        return;
    };
    ask_about(&world, 1).await;
    let before = browser_at(&world).await;
    let text = letter(&before, "year", "").await;
    assert_eq!(text.matches("Wanneer</dt>").count(), 1, "{text}");
    let of_all = hand_out(&world, &before, "2026").await;
    assert!(of_all.shown > 0 && of_all.withheld == 0, "{of_all}");
    drop(before);
    // Into the next calendar year, which opens another shard.
    world.advance(24 * 45);
    ask_about(&world, 1).await;
    let browser = browser_at(&world).await;
    let text = browser.get("/log").await.text();
    assert!(
        text.contains("shard-closed") && text.contains("shard-opened"),
        "{text}"
    );
    let all = letter(&browser, "all", "").await;
    assert_eq!(all.matches("Wanneer</dt>").count(), 2, "{all}");
    let year = letter(&browser, "day", "2027-01-01").await;
    assert_eq!(year.matches("Wanneer</dt>").count(), 1, "{year}");
    assert!(year.contains("vóór de periode waar u om vroeg"), "{year}");
    // What was before the period is in its proof as well, and not shown.
    let old = hand_out(&world, &browser, "2026").await;
    assert!(old.shown == 0 && old.withheld >= of_all.shown, "{old}");
    assert!(hand_out(&world, &browser, "2027").await.shown > 0);
    // An entry of the old shard is proven by the old shard's checkpoint.
    let proof = browser.get("/log/3/proof").await.text();
    let proof = doelpoort_core::audit::proof::Proof::parse(&proof).unwrap();
    let leaf = doelpoort_core::audit::leaf::leaf_hash(proof.extra.as_ref().unwrap());
    let old = world.gateway.log().published_of("2026").unwrap();
    proof.verify(&leaf, old.key()).unwrap();
    // And opened, though the last shard is another one.
    let index = entries_from(&world, 0)
        .await
        .iter()
        .position(|leaf| leaf.event.kind == Kind::AccessDecided)
        .unwrap();
    let opened = browser.post(&format!("/log/{index}/open"), &[]).await.text();
    assert!(opened.contains("mentor-01"), "{opened}");
}

async fn browser_at(world: &World) -> Browser {
    let mut browser = console_of(world).await;
    browser.sign_in().await;
    browser.step_up().await;
    browser
}
