//! k-anonymous records: released once an epoch, and nobody among them stands alone.

use std::collections::BTreeMap;
use std::path::Path;

use doelpoort::client::Client;
use doelpoort_core::audit::leaf::{Value as Said, extra};
use doelpoort_core::policy::Withdrawal;
use rstest::rstest;
use serde_json::{Map, Value, json};

use crate::support::database::Backend;
use crate::support::world::World;
use crate::support::world::ask::{body, refusal};
use crate::support::world::files::{DEPLOYMENT, approver};
use crate::support::world::pupils::{SECONDARY_SITE, bsn, city, enrolment_in};

const PURPOSE: &str = "school-careers";
const BOARD: &str = "00000099000000041676";
const EPOCH: &str = "2026-10-01";
const NEXT_EPOCH: &str = "2027-02-01";
/// A secondary school of another board.
const OTHER_BOARDS_SITE: &str = "32GE00";
const SECTOR: &str = "enrolment.sector";
const EXEMPTION: &str = "exemption.kind";
const DISTRICT: &str = "enrolment.neighbourhood";

/// Pupils of the other board in Almere Stad and in Almere Haven.
const OTHERS_IN_STAD: std::ops::Range<usize> = 400..408;
const OTHERS_IN_HAVEN: std::ops::Range<usize> = 410..413;
/// Pupils of the first board in secondary education in Almere Haven.
const OWN_IN_HAVEN: std::ops::Range<usize> = 420..440;

/// The partnerships see where pupils of which kind of education live.
fn school_careers(policies: &Path) {
    write_purpose(policies, &format!("\"{SECTOR}\""), 5);
}

/// The same with something sensitive, which no figures count then.
fn exempted(policies: &Path) {
    for file in ["neighbourhood-report.toml", "neighbourhood-report.test.toml"] {
        std::fs::remove_file(policies.join("purposes").join(file)).unwrap();
    }
    write_purpose(policies, &format!("\"{SECTOR}\", \"{EXEMPTION}\""), 10);
}

fn write_purpose(policies: &Path, fields: &str, k: u32) {
    let text = format!(
        r#"purpose = "{PURPOSE}"
version = 1
title = {{ nl = "Schoolloopbanen", en = "School careers" }}
contact = "privacy@swv.example"
retention = "P1Y"
valid = {{ from = 2025-08-01, until = 2027-07-31 }}
basis = {{ avg = "6(1)(e)", special = "none" }}
dpia = {{ reference = "DPIA-9", date = 2026-03-12 }}
controllers = [
  {{ organisation = "swv-po", law = "WPO artikel 18a" }},
  {{ organisation = "swv-vo", law = "WVO 2020 artikel 2.47" }},
]
why = {{ nl = "Om te zien wie waar onderwijs volgt.", en = "To see who is educated where." }}

[[grant]]
form = "records"
recipient = [{{ kind = "swv", role = "dashboard" }}]
dataset = "enrolment"
holders = "all"
fields = [
  {fields},
  {{ field = "{DISTRICT}", as = "district" }},
  {{ field = "enrolment.birth-date", as = "year" }},
]
filter_by = [{fields}]
scope = "everything"
staff = "none"
k_anonymity = {k}
population = "children"
epochs = "count-dates"
page_max = 1000
limit = {{ requests = "600/h" }}
"#
    );
    std::fs::write(policies.join(format!("purposes/{PURPOSE}.toml")), text).unwrap();
}

fn own_enrolments() -> Vec<Value> {
    let (mut enrolments, _) = city();
    enrolments.extend(OWN_IN_HAVEN.map(|number| enrolment_in(number, SECONDARY_SITE, "VO", "WK003403")));
    enrolments
}

fn others(in_stad: std::ops::Range<usize>) -> Vec<Value> {
    let in_stad = in_stad.map(|number| enrolment_in(number, OTHER_BOARDS_SITE, "VO", "WK003418"));
    let in_haven = OTHERS_IN_HAVEN.map(|number| enrolment_in(number, OTHER_BOARDS_SITE, "VO", "WK003403"));
    in_stad.chain(in_haven).collect()
}

/// In primary education 60 in Haven, 110 in Stad and 2 in Buiten, all of one board; in secondary education 30 of that
/// board and 8 of another in Stad, 20 and 3 in Haven.
async fn schools(backend: Backend) -> Option<World> {
    let world = World::prepared(backend, school_careers, |_| ()).await?;
    let (_, residents) = city();
    world
        .deliver("municipality-delivery", "resident", &residents)
        .await;
    world
        .deliver("vendor-alpha-delivery", "enrolment", &own_enrolments())
        .await;
    world
        .deliver("vendor-beta-delivery", "enrolment", &others(OTHERS_IN_STAD))
        .await;
    Some(world)
}

fn question(fields: &[&str], only: impl Into<Value>) -> Map<String, Value> {
    body(json!({
        "purpose": PURPOSE, "form": "records", "fields": fields, "only": only.into(),
    }))
}

fn all() -> Map<String, Value> {
    question(
        &["pseudonym", SECTOR, DISTRICT, "enrolment.birth-date"],
        json!({}),
    )
}

async fn rows(client: &Client, asked: Map<String, Value>) -> Vec<Value> {
    let answer = client.query(asked).await.unwrap();
    answer.json()["data"].as_array().unwrap().clone()
}

/// How many rows there are of each sector and district.
fn classes(rows: &[Value]) -> BTreeMap<(String, String), usize> {
    let mut classes = BTreeMap::new();
    let text = |row: &Value, field: &str| row[field].as_str().unwrap().to_owned();
    for row in rows {
        *classes
            .entry((text(row, SECTOR), text(row, DISTRICT)))
            .or_default() += 1;
    }
    classes
}

fn expected(classes: &[(&str, &str, usize)]) -> BTreeMap<(String, String), usize> {
    let key = |(sector, district, count): &(&str, &str, usize)| {
        (((*sector).to_owned(), (*district).to_owned()), *count)
    };
    classes.iter().map(key).collect()
}

fn by_pseudonym(rows: &[Value]) -> BTreeMap<String, String> {
    let pair = |row: &Value| {
        (
            row["pseudonym"].as_str().unwrap().to_owned(),
            row[SECTOR].as_str().unwrap_or_default().to_owned(),
        )
    };
    rows.iter().map(pair).collect()
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn nobody_among_the_rows_stands_alone_whatever_is_asked_of_them(#[case] backend: Backend) {
    let Some(world) = schools(backend).await else {
        return;
    };
    let dashboard = world.client("swv-po-dashboard");
    let none = refusal(dashboard.query(all()).await);
    assert_eq!(none, "404 no-such-epoch", "before the close");
    let closed = world.close_epoch().await;
    assert_eq!(closed.k_anonymity, Some(5));
    assert!(closed.purposes.iter().any(|purpose| purpose.as_str() == PURPOSE));

    let answer = dashboard.query(all()).await.unwrap().json().clone();
    let whole = answer["data"].as_array().unwrap().clone();
    // Two in Buiten are too few; of three in Haven their own board's rival would know who they are.
    assert_eq!(
        classes(&whole),
        expected(&[
            ("BO", "ALM-HAVEN", 60),
            ("BO", "ALM-STAD", 110),
            ("VO", "ALM-STAD", 38)
        ])
    );
    assert_eq!(whole[0]["enrolment.birth-date"], "2016");
    assert_eq!(answer["meta"]["at"], EPOCH);
    assert_eq!(answer["meta"]["kAnonymity"], 5);

    // A filter and fewer fields give the same rows, under the same pseudonyms.
    let secondary = rows(
        &dashboard,
        question(&["pseudonym", SECTOR], json!({ SECTOR: "VO" })),
    )
    .await;
    assert_eq!(secondary.len(), 38);
    let names = by_pseudonym(&whole);
    let kept: BTreeMap<_, _> = names.iter().filter(|(_, sector)| *sector == "VO").collect();
    assert_eq!(by_pseudonym(&secondary).iter().collect::<BTreeMap<_, _>>(), kept);
    assert_eq!(
        rows(&dashboard, question(&["pseudonym"], json!({}))).await.len(),
        whole.len()
    );

    // Page by page they are the same.
    let mut paged = Vec::new();
    let mut asked = all();
    asked.insert("page".to_owned(), json!({ "limit": 100 }));
    loop {
        let page = dashboard.query(asked.clone()).await.unwrap().json().clone();
        paged.extend(page["data"].as_array().unwrap().clone());
        let Some(cursor) = page["meta"]["nextCursor"].as_str() else {
            break;
        };
        asked.insert("page".to_owned(), json!({ "limit": 100, "cursor": cursor }));
    }
    assert_eq!(paged, whole);

    // Another recipient has other pseudonyms; another date, another field and a finer filter have no answer.
    let other = rows(&world.client("swv-vo-dashboard"), all()).await;
    assert_eq!(classes(&other), classes(&whole));
    assert!(by_pseudonym(&other).keys().all(|name| !names.contains_key(name)));
    let mut dated = all();
    dated.insert("at".to_owned(), "2026-10-02".into());
    let refused = refusal(dashboard.query(dated).await);
    assert_eq!(refused, "404 no-such-epoch");
    let refused = refusal(dashboard.query(question(&["enrolment.site"], json!({}))).await);
    assert_eq!(refused, "403 field-not-granted");
    let refused = refusal(
        dashboard
            .query(question(&[SECTOR], json!({ DISTRICT: "WK003403" })))
            .await,
    );
    assert_eq!(refused, "403 filter-not-granted");

    let said = world.last_entries(30).await;
    let close = said
        .iter()
        .find_map(|leaf| leaf.event.extra.get(&extra::K_ANONYMITY));
    assert_eq!(close, Some(&Said::Number(5)));
    let answered = said.iter().find(|leaf| {
        let purpose = leaf.event.purpose.as_ref();
        purpose.is_some_and(|purpose| purpose.id == PURPOSE)
            && leaf.event.decision.as_deref() == Some("granted")
    });
    assert_eq!(
        answered.unwrap().event.extra.get(&extra::EPOCH),
        Some(&Said::Text(EPOCH.to_owned()))
    );
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_comes_after_the_close_adds_nobody_and_takes_whole_classes(#[case] backend: Backend) {
    let Some(world) = schools(backend).await else {
        return;
    };
    world.close_epoch().await;
    let dashboard = world.client("swv-po-dashboard");
    let before = by_pseudonym(&rows(&dashboard, all()).await);

    // Late rows and corrections: ten more in Buiten, and who was in primary education is in secondary.
    let mut late = own_enrolments();
    late.extend((500..510).map(|number| enrolment_in(number, SECONDARY_SITE, "VO", "WK003441")));
    (late[0]["site"], late[0]["sector"], late[0]["year-group"]) =
        (SECONDARY_SITE.into(), "VO".into(), "12".into());
    world.deliver("vendor-alpha-delivery", "enrolment", &late).await;
    assert_eq!(by_pseudonym(&rows(&dashboard, all()).await), before);

    // An objection: the pupil is out at once, and its class is still large.
    let asked = body(json!({
        "purpose": "pupil-rights", "actingFor": BOARD, "action": "enter", "kind": "objection",
        "against": PURPOSE, "pupils": [{ "ref": "1", "bsn": bsn(60) }], "onBehalfOf": { "case": "objection 1" },
    }));
    let school = world.client("vendor-alpha-school");
    school.post("/v1/restrictions", asked).await.unwrap();
    let after = rows(&dashboard, all()).await;
    assert_eq!(classes(&after)[&("BO".to_owned(), "ALM-STAD".to_owned())], 109);
    let left = by_pseudonym(&after);
    assert!(left.iter().all(|(name, sector)| before.get(name) == Some(sector)));

    // An erasure: four others are too few for a board that knows its own, so all of the class are out.
    world
        .deliver("vendor-beta-delivery", "enrolment", &others(400..404))
        .await;
    let after = rows(&dashboard, all()).await;
    assert_eq!(
        classes(&after),
        expected(&[("BO", "ALM-HAVEN", 60), ("BO", "ALM-STAD", 109)])
    );

    // A holder that withdraws turns them off.
    let withdrawal = Withdrawal {
        organisation: Some(BOARD.parse().unwrap()),
        purpose: Some(PURPOSE.parse().unwrap()),
        grant: None,
        manifest: None,
        at: world.clock_now(),
    };
    let key = approver("board-41676", "holder");
    let signed = withdrawal
        .sign(DEPLOYMENT, &key.kid(), key.signing_key())
        .unwrap();
    world.bring(&signed).await.unwrap();
    assert_eq!(refusal(dashboard.query(all()).await), "403 purpose-asleep");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn the_next_epoch_has_rows_and_pseudonyms_of_its_own(#[case] backend: Backend) {
    let Some(world) = schools(backend).await else {
        return;
    };
    world.close_epoch().await;
    let dashboard = world.client("swv-po-dashboard");
    let mut asked = all();
    asked.insert("page".to_owned(), json!({ "limit": 100 }));
    let first_page = dashboard.query(asked.clone()).await.unwrap().json().clone();
    let october = by_pseudonym(&rows(&dashboard, all()).await);

    crate::figures::schedule::advance_to(&world, "2027-02-02T09:00:00Z");
    world.gateway.tidy().await.unwrap();
    world.gateway.reload_policies().await.unwrap();
    let date = Some(NEXT_EPOCH.parse().unwrap());
    world.gateway.close_epoch("children", date).await.unwrap();

    let answer = dashboard.query(all()).await.unwrap().json().clone();
    assert_eq!(answer["meta"]["at"], NEXT_EPOCH);
    let february = by_pseudonym(answer["data"].as_array().unwrap());
    assert_eq!(february.len(), october.len());
    assert!(february.keys().all(|name| !october.contains_key(name)));

    // The earlier one can be asked still, and no page of it goes on in the later one.
    let mut earlier = all();
    earlier.insert("at".to_owned(), EPOCH.into());
    assert_eq!(by_pseudonym(&rows(&dashboard, earlier).await), october);
    let cursor = &first_page["meta"]["nextCursor"];
    asked.insert("page".to_owned(), json!({ "limit": 100, "cursor": cursor }));
    assert!(dashboard.query(asked).await.is_err(), "a page of another epoch");
}

/// An exemption of a pupil from the duty to attend.
fn exemption(number: usize) -> Value {
    json!({ "pupil": { "bsn": bsn(number) }, "kind": "5a", "from": "2026-08-01" })
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_is_sensitive_is_known_of_nobody_and_with_one_pupil_its_class_leaves(#[case] backend: Backend) {
    let Some(world) = World::prepared(backend, exempted, |_| ()).await else {
        return;
    };
    let (enrolments, residents) = city();
    world
        .deliver("municipality-delivery", "resident", &residents)
        .await;
    world
        .deliver("vendor-alpha-delivery", "enrolment", &enrolments)
        .await;
    // Three of 60 in Haven, so nearly nobody; 30 of 110 in Stad.
    let exemptions: Vec<Value> = (0..3).chain(60..90).map(exemption).collect();
    world
        .deliver("municipality-delivery", "exemption", &exemptions)
        .await;
    world.close_epoch().await;

    let dashboard = world.client("swv-po-dashboard");
    let asked = || question(&["pseudonym", SECTOR, DISTRICT, EXEMPTION], json!({}));
    let released = rows(&dashboard, asked()).await;
    assert_eq!(classes(&released), expected(&[("BO", "ALM-STAD", 110)]));
    let told = |rows: &[Value]| rows.iter().filter(|row| row[EXEMPTION] == "5a").count();
    assert_eq!(told(&released), 30);
    let exempt = rows(&dashboard, question(&["pseudonym"], json!({ EXEMPTION: "5a" }))).await;
    assert_eq!(exempt.len(), 30);

    // The municipality takes back one exemption: of that pupil alone it would be told.
    world
        .deliver("municipality-delivery", "exemption", &exemptions[..32])
        .await;
    assert!(rows(&dashboard, asked()).await.is_empty());
}
