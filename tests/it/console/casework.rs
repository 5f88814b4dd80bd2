//! The FG's own cases over their pages: requests with their terms, reviews that nobody can steer, data breaches; kept
//! sealed, changed by nobody twice, and said in the log where the log is looked at.

use doelpoort_core::audit::leaf::extra;
use doelpoort_core::audit::review_statement::ReviewStatement;

use super::*;
use crate::support::world::files::approver;

/// The names of the FG's files.
fn files(browser: &Browser) -> Vec<String> {
    let cases = std::fs::read_dir(browser.folder.path().join("cases")).unwrap();
    cases
        .map(|file| file.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| !name.starts_with('.'))
        .collect()
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_request_has_its_term_its_effect_in_the_log_and_its_answer(#[case] backend: Backend) {
    let Some((world, mut browser)) = console(backend).await else {
        return;
    };
    browser.sign_in().await;
    let today = world.clock_now().to_string()[..10].to_owned();
    let fields = [
        ("right", "access"),
        ("number", "2026-17"),
        ("received", today.as_str()),
    ];
    let page = browser.post("/requests", &fields).await;
    let case = page.to().to_owned();
    assert!(case.starts_with("/requests/"), "{}", page.text());
    assert!(browser.get("/").await.text().contains("30 dagen over"));
    let text = browser.get(&case).await.text();
    assert!(
        text.contains("Inzage") && text.contains("AVG 15") && text.contains("Verleng met twee maanden"),
        "{text}"
    );

    // The letter under the same number links its own entry.
    browser.step_up().await;
    let number = bsn(1);
    let asked = [("kind", "bsn"), ("number", number.as_str()), ("period", "all")];
    assert_eq!(browser.post("/access", &asked).await.to(), "/access/letter");
    let entries = entries_from(&world, 0).await;
    let is_search = |leaf: &Leaf| leaf.event.form == Some(doelpoort_core::audit::leaf::Form::Search);
    let searched = entries.iter().position(is_search).unwrap();
    let text = browser.get(&case).await.text();
    assert!(text.contains(&format!("href=\"/log/{searched}\"")), "{text}");

    let reason = [("text", "ingewikkeld")];
    assert_eq!(browser.change(&case, "extend", &reason).await.to(), case);
    assert_eq!(browser.change(&case, "extend", &reason).await.status, 400);
    let answer = [("outcome", "granted"), ("text", "brief gegeven")];
    for what in ["close", "note"] {
        let page = browser
            .change(&case, what, &[("text", "het nummer 123456782")])
            .await;
        assert_eq!(page.status, 400, "{what}");
    }
    let stale = browser.hidden(&case, "revision").await;
    assert_eq!(browser.change(&case, "close", &answer).await.to(), case);
    let text = browser.get(&case).await.text();
    assert!(
        text.contains("brief gegeven") && text.contains("Verlengd op"),
        "{text}"
    );
    // What another tab still shows changes nothing.
    let again = [&[("revision", stale.as_str())], &answer[..]].concat();
    assert_eq!(browser.post(&format!("{case}/close"), &again).await.status, 409);
    assert_eq!(browser.change(&case, "reopen", &[]).await.to(), case);
    assert_eq!(
        browser.change(&case, "link", &[("entry", "123456")]).await.status,
        400
    );

    let names = files(&browser);
    assert_eq!(names.len(), 1, "{names:?}");
    let file = browser.folder.path().join("cases").join(&names[0]);
    let kept = std::fs::read_to_string(&file).unwrap();
    assert!(!kept.contains("2026-17") && !kept.contains("brief"));
    // Half a file is named, and not taken for the whole.
    std::fs::write(&file, &kept[..kept.len() / 2]).unwrap();
    let text = browser.get("/requests").await.text();
    assert!(
        text.contains("Niet te lezen") && text.contains(&names[0]),
        "{text}"
    );
    assert_eq!(browser.get(&case).await.status, 500);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_review_is_announced_drawn_later_signed_off_and_signed(#[case] backend: Backend) {
    let Some((world, mut browser)) = console(backend).await else {
        return;
    };
    browser.sign_in().await;
    browser.step_up().await;
    let last = browser.hidden("/reviews", "last\" type=\"number").await;
    let fields = [("n", "2"), ("first", "0"), ("last", last.as_str())];
    for wrong in [("n", "0"), ("n", "201"), ("last", "99999"), ("first", "x")] {
        let fields = fields.map(|field| if field.0 == wrong.0 { wrong } else { field });
        assert_eq!(browser.post("/reviews", &fields).await.status, 400, "{wrong:?}");
    }
    let announced = world.report().await.size;
    let page = browser.post("/reviews", &fields).await;
    let case = page.to().to_owned();
    assert!(case.starts_with("/reviews/"), "{}", page.text());
    let looked = entries_from(&world, announced).await;
    let says =
        |leaf: &Leaf| leaf.event.kind == Kind::LogRead && leaf.event.extra.contains_key(&extra::SOUGHT);
    assert!(looked.iter().any(says), "the announcement is not in the log");
    published(&world, announced).await;
    // Drawn at once, or when the checkpoint is there.
    browser.post(&format!("{case}/draw"), &[]).await;
    let text = browser.get(&case).await.text();
    assert!(text.contains("getrokken uit 3"), "{text}");

    let lines: Vec<String> = text
        .split("name=\"entry\" value=\"")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap().to_owned())
        .collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(browser.change(&case, "close", &[]).await.status, 400);
    let wordless = [("entry", lines[0].as_str()), ("order", "no")];
    assert_eq!(browser.change(&case, "sign-off", &wordless).await.status, 400);
    let wrong = [&wordless[..], &[("remark", "geen zaak")]].concat();
    assert_eq!(browser.change(&case, "sign-off", &wrong).await.to(), case);
    let right = [("entry", lines[1].as_str()), ("order", "yes")];
    assert_eq!(browser.change(&case, "sign-off", &right).await.to(), case);
    let other = [("entry", "0"), ("order", "yes")];
    assert_eq!(browser.change(&case, "sign-off", &other).await.status, 400);
    assert!(browser.get("/").await.text().contains("Nagekeken 2 van 2"));

    ends_signed(&world, &browser, &case).await;
}

/// Ends a review of two entries, one of them not in order, and signs it.
async fn ends_signed(world: &World, browser: &Browser, case: &str) {
    assert_eq!(browser.change(case, "close", &[]).await.to(), case);
    let text = browser.get(case).await.text();
    assert!(text.contains("het resultaat staat in het logboek"), "{text}");
    let draft = browser.get(&format!("{case}/draft")).await.text();
    let statement: ReviewStatement = serde_json::from_str(&draft).unwrap();
    assert_eq!((statement.signed_off, statement.not_in_order), (2, 1));
    let key = approver("swv-po", "fg");
    let sign = |statement: &ReviewStatement| {
        let now = world.clock_now();
        statement
            .sign(DEPLOYMENT, now, &key.kid(), key.signing_key())
            .unwrap()
    };
    let forged = ReviewStatement {
        not_in_order: 0,
        ..statement.clone()
    };
    for wrong in [sign(&forged), "nonsense".to_owned()] {
        let page = browser.change(case, "signature", &[("signature", &wrong)]).await;
        assert_eq!(page.status, 400, "{}", page.text());
    }
    let signed = sign(&statement);
    let page = browser.change(case, "signature", &[("signature", &signed)]).await;
    assert_eq!(page.to(), case, "{}", page.text());
    assert!(browser.get(case).await.text().contains("Ondertekend door de FG"));
    let result = browser.get(&format!("{case}/result")).await.text();
    assert!(result.contains("doelpoort-review@v1") && result.contains("geen zaak"));
}

#[tokio::test]
async fn an_entry_is_picked_into_a_review_from_its_own_page() {
    let (_world, mut browser) = console(Backend::Sqlite).await.unwrap();
    browser.sign_in().await;
    assert!(browser.get("/log/2").await.text().contains("Begin een controle"));
    let page = browser
        .post("/reviews/pick", &[("entry", "2"), ("number", "2026-18")])
        .await;
    let case = page.to().to_owned();
    assert!(browser.get(&case).await.text().contains("Door u gekozen regels"));
    let id = case.strip_prefix("/reviews/").unwrap();
    let page = browser
        .post("/reviews/pick", &[("entry", "3"), ("review", id)])
        .await;
    assert_eq!(page.to(), case);
    let page = browser
        .post("/reviews/pick", &[("entry", "3"), ("review", id)])
        .await;
    assert_eq!(page.status, 400);
    for fields in [
        [("entry", "99999"), ("number", "1")],
        [("entry", "2"), ("number", "123456782")],
    ] {
        assert_eq!(browser.post("/reviews/pick", &fields).await.status, 400);
    }
    assert!(browser.get("/").await.text().contains("Nagekeken 0 van 2"));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_breach_has_its_clock_and_what_was_in_reach(#[case] backend: Backend) {
    let Some((world, mut browser)) = console(backend).await else {
        return;
    };
    browser.sign_in().await;
    let today = world.clock_now().to_string()[..10].to_owned();
    let fields = [
        ("number", "2026-19"),
        ("day", today.as_str()),
        ("time", "00:30"),
        ("what", "Wachtwoord op straat"),
    ];
    let later = [fields[0], ("day", "2030-01-01"), fields[2], fields[3]];
    assert_eq!(browser.post("/breaches", &later).await.status, 400);
    let page = browser.post("/breaches", &fields).await;
    let case = page.to().to_owned();
    assert!(case.starts_with("/breaches/"), "{}", page.text());
    assert!(browser.get("/").await.text().contains("uur over"));
    let id = case.strip_prefix("/breaches/").unwrap();
    let scope = format!("{case}/scope");
    let revision = browser.hidden(&case, "revision").await;
    let refused = browser.post(&scope, &[("revision", &revision)]).await;
    assert_eq!(refused.to(), "/step-up?next=/");

    browser.step_up().await;
    let before = world.report().await.size;
    let page = browser.change(&case, "scope", &[("until", "2030-01-01")]).await;
    assert_eq!(page.to(), case, "{}", page.text());
    let looked = entries_from(&world, before).await;
    assert!(
        looked
            .iter()
            .any(|leaf| leaf.event.extra.contains_key(&extra::SOUGHT))
    );
    // Three answers, about two pupils.
    let text = browser.get(&case).await.text();
    assert!(
        text.contains("<strong>3</strong> antwoorden met gegevens")
            && text.contains("<strong>2</strong> verschillende leerlingen")
            && text.contains("<td>Toelaatbaarheid: Uitkomst, Geldig tot en met<"),
        "{text}"
    );
    assert!(!text.contains(&bsn(1)));
    let nobody = browser.change(&case, "scope", &[("until", "2020-01-01")]).await;
    assert_eq!(nobody.to(), case);
    assert!(
        browser
            .get(&case)
            .await
            .text()
            .contains("<strong>0</strong> antwoorden")
    );
    assert_eq!(
        browser
            .change(&case, "scope", &[("from", "gisteren")])
            .await
            .status,
        400
    );
    browser.change(&case, "note", &[("text", "AP gebeld")]).await;
    let file = browser.get(&format!("/breaches/{id}/file")).await.text();
    assert!(
        file.contains("Dossier van een inbreuk") && file.contains("AP gebeld"),
        "{file}"
    );
    let told = [("told", "yes"), ("text", "kenmerk 7")];
    assert_eq!(browser.change(&case, "decide", &told).await.to(), case);
    assert!(!browser.get("/").await.text().contains("uur over"));
}
