//! The console of the data protection officer (FG), over its own pages: who may see what, and what the log says of it.

mod browser;
mod casework;
mod defence;
mod letter;
mod purposes;

use std::sync::{Arc, Mutex};

use browser::Browser;
use doelpoort::console::{Fg, FgConsole, Told};
use doelpoort::fg::{Casework, FgPrivateKeys};
use doelpoort::log::SHARD;
use doelpoort_core::audit::leaf::{GRANTED, Kind, Leaf, Value, extra};
use doelpoort_verify::verify_hand_out;
use rstest::rstest;

use crate::looks::published;
use crate::private::{ask_about, school};
use crate::support::database::Backend;
use crate::support::world::pupils::bsn;
use crate::support::world::{DEPLOYMENT, World};

const ADDRESS: &str = "127.0.0.1:7443";

/// A console of the FG at a gateway whose log has three facts, about two pupils.
async fn console(backend: Backend) -> Option<(World, Browser)> {
    let world = school(backend).await?;
    for number in [1, 0, 1] {
        ask_about(&world, number).await;
    }
    let browser = console_of(&world).await;
    Some((world, browser))
}

/// A console of the FG at the gateway of a world, with cases of its own.
async fn console_of(world: &World) -> Browser {
    console_with(world, None).await
}

/// The same with a proposal.
async fn console_with(world: &World, proposal: Option<std::path::PathBuf>) -> Browser {
    let report = world.report().await;
    let size = report.shards.last().map_or(report.size, |shard| shard.size);
    published(world, size - 1).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("fg-private.toml");
    world.files.fg.write_new(&file).unwrap();
    let fg = Fg {
        keys: FgPrivateKeys::read(&file).unwrap(),
        client: world.client("swv-po-fg"),
        log: world.gateway.log().verifier().clone(),
        deployment: DEPLOYMENT.to_owned(),
        clock: world.clock.clone(),
        cases: Casework::open(&folder.path().join("cases"), "doelpoort.example/test/audit").unwrap(),
        proposal,
    };
    let printed = Arc::new(Mutex::new(String::new()));
    let terminal = Arc::clone(&printed);
    let tell = Box::new(move |told: Told<'_>| {
        let (Told::Login(code) | Told::StepUp(code)) = told;
        code.clone_into(&mut terminal.lock().unwrap());
    });
    let console = FgConsole::new(fg, ADDRESS.parse().unwrap(), tell).unwrap();
    console.refresh().await.unwrap();
    Browser::new(console, printed, folder)
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn from_signing_in_to_a_letter_with_its_proof(#[case] backend: Backend) {
    let Some((world, mut browser)) = console(backend).await else {
        return;
    };
    browser.sign_in().await;
    assert_eq!(browser.get("/access").await.to(), "/step-up?next=/access");
    browser.step_up().await;
    let before = world.report().await.size;
    assert_eq!(browser.get("/access").await.status, 200);
    let number = bsn(1);
    let fields = [("kind", "bsn"), ("number", number.as_str()), ("period", "year")];
    let answer = browser.post("/access", &fields).await;
    assert_eq!(answer.to(), "/access/letter", "{}", answer.text());

    let letter = browser.get("/access/letter").await;
    assert_eq!(letter.status, 200);
    let text = letter.text();
    assert!(text.contains("Wie keek naar de gegevens van uw kind?") && text.contains("2026-17"));
    assert_eq!(text.matches("Wanneer</dt>").count(), 2, "{text}");
    assert!(!text.contains(&number));
    // The look is in the log, for two persons, before anything was found.
    let looked = entries_from(&world, before).await;
    let is_search = |leaf: &&Leaf| leaf.event.clause.as_deref() == Some("log-oversight/grant/0");
    let searched = looked.iter().find(is_search).unwrap();
    assert_eq!(searched.event.kind, Kind::LogRead);
    assert_eq!(searched.event.decision.as_deref(), Some(GRANTED));
    let file = browser.get("/access/hand-out/2026").await;
    let checked = verify_hand_out(file.body.as_slice(), world.gateway.log().verifier(), None).unwrap();
    assert!(checked.is_complete(), "{checked}");
    // What is to stay confidential is counted and not shown.
    let purpose = looked_purpose(&world).await;
    let fields = [
        ("kind", "bsn"),
        ("number", number.as_str()),
        ("withhold", purpose.as_str()),
    ];
    browser.post("/access", &fields).await;
    let text = browser.get("/access/letter").await.text();
    assert_eq!(text.matches("Wanneer</dt>").count(), 0);
    assert!(text.contains("<li>2 keer: niet getoond"), "{text}");
    assert!(!text.contains("heeft geen enkele organisatie"), "{text}");
    assert!(text.contains("In deze brief staat geen organisatie"), "{text}");
}

/// The log from an entry on: the very entries, though others may follow while they are read.
async fn entries_from(world: &World, from: u64) -> Vec<Leaf> {
    let entries = doelpoort::store::log::entries(world.gateway.store(), SHARD, from, 1_000);
    entries
        .await
        .unwrap()
        .iter()
        .map(|entry| Leaf::decode(&entry.leaf).unwrap())
        .collect()
}

/// The purpose under which the facts were asked.
async fn looked_purpose(world: &World) -> String {
    let entries = entries_from(world, 0).await;
    let asked = entries
        .iter()
        .rev()
        .find(|leaf| leaf.event.kind == Kind::AccessDecided);
    asked
        .and_then(|leaf| leaf.event.purpose.as_ref())
        .unwrap()
        .id
        .clone()
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn an_entry_is_opened_replayed_and_proven(#[case] backend: Backend) {
    let Some((world, mut browser)) = console(backend).await else {
        return;
    };
    browser.sign_in().await;
    let entries = entries_from(&world, 0).await;
    let index = entries
        .iter()
        .position(|leaf| leaf.event.kind == Kind::AccessDecided)
        .unwrap();
    let address = format!("/log/{index}");
    let page = browser.get(&address).await.text();
    assert!(
        page.contains("De vraag is beantwoord.") && !page.contains("Medewerker"),
        "{page}"
    );
    let open = format!("{address}/open");
    assert_eq!(browser.post(&open, &[]).await.to(), "/step-up?next=/");
    browser.step_up().await;
    let before = world.report().await.size;
    let page = browser.post(&open, &[]).await.text();
    assert!(
        page.contains("Opnieuw beslist met de regels van toen: dezelfde uitkomst."),
        "{page}"
    );
    let looked = entries_from(&world, before).await;
    assert_eq!(looked.first().unwrap().event.kind, Kind::LogRead);
    let proof = browser.get(&format!("{address}/proof")).await.text();
    let proof = doelpoort_core::audit::proof::Proof::parse(&proof).unwrap();
    let leaf = doelpoort_core::audit::leaf::leaf_hash(proof.extra.as_ref().unwrap());
    assert!(proof.verify(&leaf, world.gateway.log().verifier()).is_ok());
    let month = browser.get("/month/2026-11").await.text();
    assert!(month.contains("Gebruik per organisatie en doel"));
    browser
        .post("/language", &[("language", "en"), ("next", "/log")])
        .await;
    assert!(
        browser
            .get("/log")
            .await
            .text()
            .contains("Each request, delivery and change")
    );
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_is_taken_out_is_filtered_and_logged_first(#[case] backend: Backend) {
    let Some((world, mut browser)) = console(backend).await else {
        return;
    };
    browser.sign_in().await;
    browser.step_up().await;
    let before = world.report().await.size;
    let csv = browser
        .post("/log/export", &[("kind", "access-decided"), ("form", "csv")])
        .await;
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8");
    let text = csv.text();
    assert!(
        text.lines().skip(1).all(|line| line.contains("access-decided")) && text.lines().count() == 4,
        "{text}"
    );
    let looked = entries_from(&world, before).await;
    assert_eq!(looked.first().unwrap().event.kind, Kind::LogRead);
    let bad = browser
        .post("/log/export", &[("kind", "=cmd"), ("form", "csv")])
        .await;
    assert_eq!(bad.status, 400);
    let lines = browser
        .post("/log/export", &[("decision", "refused"), ("form", "ndjson")])
        .await;
    assert_eq!(lines.status, 200);
}

/// The export of everything, in a form.
async fn export(browser: &Browser, form: &str) -> browser::Page {
    let page = browser.post("/log/export", &[("form", form)]).await;
    assert_eq!(page.status, 200, "{}", page.text());
    page
}

/// Somebody whose words are hostile: every text that a client chooses and that comes into the log.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn hostile_words_in_the_log_stay_words(#[case] backend: Backend) {
    let Some(world) = school(backend).await else {
        return;
    };
    let hostile = "\"><script>alert(1)</script><img src=x onerror=alert(1)>";
    let mut asked = crate::support::world::ask::fact(
        "00000099000000041676",
        &[serde_json::json!({ "ref": hostile, "bsn": bsn(1) })],
    );
    asked.insert("onBehalfOf".to_owned(), serde_json::json!({ "case": hostile }));
    world.client("vendor-alpha-school").facts(asked).await.unwrap();
    for purpose in [hostile, "=cmd|' /C calc'!A0"] {
        let mut asked = crate::support::world::ask::fact("00000099000000041676", &[]);
        asked.insert("purpose".to_owned(), purpose.into());
        let _refused = world.client("vendor-alpha-school").facts(asked).await;
    }
    let mut browser = console_of(&world).await;
    browser.sign_in().await;
    browser.step_up().await;
    let entries = entries_from(&world, 0).await;
    let index = entries
        .iter()
        .position(|leaf| leaf.event.kind == Kind::AccessDecided)
        .unwrap();
    let mut pages = vec![browser.get("/log").await.text(), browser.get("/").await.text()];
    for index in index..entries.len() {
        pages.push(browser.get(&format!("/log/{index}")).await.text());
    }
    let opened = browser.post(&format!("/log/{index}/open"), &[]).await.text();
    assert!(
        opened.contains("&lt;script&gt;alert(1)&lt;/script&gt;"),
        "{opened}"
    );
    pages.push(opened);
    for page in pages {
        assert!(
            !page.contains("<script>alert") && !page.contains("<img"),
            "{page}"
        );
    }
    let ods = export(&browser, "ods").await;
    assert_eq!(ods.header("content-type"), doelpoort::audit::ODS);
    assert_eq!(&ods.body[30..38], b"mimetype");
    for form in ["csv", "ndjson"] {
        let text = export(&browser, form).await.text();
        let is_formula = |cell: &str| cell.starts_with(['=', '+', '@', '\t', '\r']);
        assert!(!text.lines().flat_map(|line| line.split(',')).any(is_formula));
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_member_of_staff_is_searched_by_two_after_the_log_says_so(#[case] backend: Backend) {
    let Some((world, mut browser)) = console(backend).await else {
        return;
    };
    browser.sign_in().await;
    assert_eq!(browser.get("/staff").await.to(), "/step-up?next=/staff");
    browser.step_up().await;
    let form = browser.get("/staff").await.text();
    assert!(form.contains("Eén map tekent nu voor twee personen"), "{form}");
    let before = world.report().await.size;
    let text = browser.post("/staff", &[("staff", "mentor-01")]).await.text();
    assert!(text.contains("<strong>3</strong> regels gevonden"), "{text}");
    let looked = entries_from(&world, before).await;
    let searched = looked
        .iter()
        .find(|leaf| leaf.event.extra.contains_key(&extra::SOUGHT))
        .unwrap();
    assert_eq!(
        searched.event.extra.get(&extra::COMMAND),
        Some(&Value::Text("search-staff".to_owned()))
    );
    let nobody = browser.post("/staff", &[("staff", "niemand")]).await.text();
    assert!(nobody.contains("<strong>0</strong> regels gevonden"));
    assert_eq!(browser.post("/staff", &[("staff", " ")]).await.status, 400);
}
