//! Scopes, conditions of holders, and holders that sleep: what a caller meets of them.

use std::path::Path;

use doelpoort::client::Mode;
use doelpoort_core::catalogue::Name;
use rstest::rstest;
use serde_json::{Map, Value, json};

use crate::support::database::Backend;
use crate::support::world::World;
use crate::support::world::ask::{body, figures, pseudonyms, records, refusal};
use crate::support::world::pupils::{
    CONSULENT, OTHER_SITE, SECONDARY_SITE, SITE, absence, admissibility, bsn, caseload, eck_id, enrolment,
    enrolment_in, resident, resident_in,
};

const BOARD: &str = "00000099000000041676";

/// The head of a purpose of the partnership, and one grant.
fn purpose(id: &str, grant: &str) -> String {
    format!(
        r#"purpose = "{id}"
version = 1
title = {{ nl = "Toets", en = "Trial" }}
why = {{ nl = "Om te toetsen." }}
controllers = [{{ organisation = "swv-po", law = "WPO art. 18a" }}]
basis = {{ avg = "6(1)(e)", special = "none" }}
dpia = {{ reference = "DPIA-1", date = 2026-03-12 }}
valid = {{ from = 2026-08-01, until = 2027-07-31 }}
retention = "P1Y"
contact = "privacy@swv.example"

[[grant]]
holders = "all"
limit = {{ requests = "600/h" }}
{grant}"#
    )
}

const OWN_RECORDS: &str = r#"form = "records"
recipient = [{ kind = "school-board", role = "school" }]
dataset = "admissibility"
fields = ["admissibility.kind", { field = "admissibility.decided", as = "quarter" }]
"#;

fn write(policies: &Path, purposes: &[(&str, String)]) {
    for (id, grant) in purposes {
        std::fs::write(policies.join(format!("purposes/{id}.toml")), purpose(id, grant)).unwrap();
    }
}

fn scoped(policies: &Path) {
    let facts = "form = \"facts\"\nidentifiers = [\"bsn\", \"eckId\"]\n";
    write(
        policies,
        &[
            ("own-school-list", format!("{OWN_RECORDS}scope = \"own-school\"")),
            ("own-site-list", format!("{OWN_RECORDS}scope = \"own-site\"")),
            (
                "own-rows",
                format!(
                    "{facts}recipient = [{{ kind = \"school-board\", role = \"school\" }}]\ndataset = \"absence\"\n\
                     fields = [\"absence.kind\"]\nexists = true\nonly = {{ \"absence.kind\" = \"unauthorised\" }}\n\
                     scope = \"own-board\""
                ),
            ),
            (
                "case-facts",
                "form = \"facts\"\nidentifiers = [\"eckId\"]\n\
                 recipient = [{ organisation = \"swv-po\", role = \"consulent\" }]\ndataset = \"enrolment\"\n\
                 fields = [\"enrolment.year-group\", { field = \"enrolment.age\", as = \"band\", width = 4 }]\n\
                 scope = \"caseload\""
                    .to_owned(),
            ),
        ],
    );
}

/// A site in the city whose board takes no part.
const SITE_OF_NOBODY: &str = "17JI02";

/// Pupils 0 to 2 at one site, 3 at another, 4 claimed against the municipality's word, 9 claimed at a site that is not
/// the board's, which was refused; all with a declaration.
async fn school(backend: Backend) -> Option<World> {
    let world = World::prepared(backend, scoped, |_| ()).await?;
    let mut enrolments: Vec<_> = [0, 1, 2, 4].map(enrolment).to_vec();
    enrolments.push(enrolment_in(3, OTHER_SITE, "BO", "WK003403"));
    let mut residents: Vec<_> = [0, 1, 2].map(resident).to_vec();
    residents.push(resident_in(3, Some(OTHER_SITE), "WK003403"));
    residents.push(resident_in(4, Some("99ZZ00"), "WK003403"));
    residents.push(resident_in(9, Some(SITE_OF_NOBODY), "WK003403"));
    let declarations: Vec<_> = [0, 1, 2, 3, 4, 9].map(admissibility).to_vec();
    let mut authorised = absence(1);
    authorised["kind"] = "authorised".into();
    world
        .deliver("municipality-delivery", "resident", &residents)
        .await;
    world
        .deliver("vendor-alpha-delivery", "enrolment", &enrolments)
        .await;
    refuses_other_sites(&world).await;
    world
        .deliver("vendor-alpha-delivery", "absence", &[absence(0), authorised])
        .await;
    world
        .deliver("swv-po-delivery", "admissibility", &declarations)
        .await;
    world
        .deliver("swv-po-delivery", "caseload", &[caseload(CONSULENT, SITE)])
        .await;
    world.next_day().await;
    Some(world)
}

/// A row about a site of another party is refused, whoever claims it: a board's enrolments elsewhere, and in a caseload
/// a site of the other partnership.
async fn refuses_other_sites(world: &World) {
    let elsewhere = [(SITE_OF_NOBODY, "PRO"), (SECOND_SITE, "BO")]
        .map(|(site, sector)| enrolment_in(9, site, sector, "WK003403"));
    let secondary = [caseload(CONSULENT, SECONDARY_SITE)];
    for (client, dataset, rows) in [
        ("vendor-alpha-delivery", "enrolment", &elsewhere[..]),
        ("swv-po-delivery", "caseload", &secondary[..]),
    ] {
        let refused = world.try_deliver(client, dataset, Mode::Snapshot, rows).await;
        let problem = crate::support::world::problem(refused);
        let codes: Vec<&str> = problem.errors.iter().map(|error| error.code.as_str()).collect();
        assert_eq!(codes, vec!["site-not-yours"; rows.len()]);
    }
}

fn list(purpose: &str, site: Option<&str>) -> Map<String, Value> {
    body(json!({
        "purpose": purpose, "form": "records", "actingFor": BOARD, "site": site,
        "fields": ["pseudonym", "admissibility.kind", "admissibility.decided"],
        "onBehalfOf": { "case": "overview 1" },
    }))
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_school_lists_its_own_pupils_or_those_of_one_site(#[case] backend: Backend) {
    let Some(world) = school(backend).await else {
        return;
    };
    let client = world.client("vendor-alpha-school");
    let ask = async |purpose: &str, site: Option<&str>| {
        let answer = client.query(list(purpose, site)).await.unwrap();
        assert!(
            answer
                .data()
                .unwrap()
                .as_array()
                .unwrap()
                .iter()
                .all(|row| row["admissibility.decided"] == "2026-Q3")
        );
        pseudonyms(&answer).len()
    };
    // Not pupil 4, whom the municipality knows at another school, nor pupil 9, whose site is not the board's.
    assert_eq!(ask("own-school-list", None).await, 4);
    assert_eq!(ask("own-site-list", Some(SITE)).await, 3);
    assert_eq!(ask("own-site-list", Some(OTHER_SITE)).await, 1);
    assert_eq!(ask("own-site-list", Some("99ZZ00")).await, 0);
    assert_eq!(ask("own-site-list", Some(SITE_OF_NOBODY)).await, 0);
    let refusals = [
        refusal(client.query(list("own-site-list", None)).await),
        refusal(client.query(list("own-school-list", Some(SITE))).await),
        refusal(client.query(list("own-site-list", Some("nowhere"))).await),
    ];
    insta::allow_duplicates! {
        insta::assert_debug_snapshot!(refusals, @r#"
[
    "403 site-missing",
    "403 filter-not-granted",
    "400 invalid-input",
]
"#);
    }
    let mut other = list("own-school-list", None);
    other["actingFor"] = "00000099000000020041".into();
    assert_eq!(refusal(client.query(other).await), "403 mandate-missing");
}

fn facts(purpose: &str, field: &str, pupils: &[Value], acting_for: Option<&str>) -> Map<String, Value> {
    body(json!({
        "purpose": purpose, "actingFor": acting_for, "pupils": pupils, "fields": [field],
        "onBehalfOf": { "case": "case 1" },
    }))
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn facts_keep_to_own_rows_and_to_the_caseload(#[case] backend: Backend) {
    let Some(world) = school(backend).await else {
        return;
    };
    let results = |answer: &doelpoort::client::Answer| -> Vec<String> {
        let rows = answer.data().unwrap().as_array().unwrap();
        rows.iter()
            .map(|row| row["result"].as_str().unwrap().to_owned())
            .collect()
    };
    let by_bsn = |numbers: &[usize]| -> Vec<Value> {
        numbers
            .iter()
            .map(|one| json!({ "ref": one.to_string(), "bsn": bsn(*one) }))
            .collect()
    };
    let asked = facts("own-rows", "absence.kind", &by_bsn(&[0, 1, 9]), Some(BOARD));
    let own = world.client("vendor-alpha-school").facts(asked).await.unwrap();
    // Pupil 1 is absent with leave, which the grant leaves out.
    assert_eq!(results(&own), ["found", "none-or-not-yours", "none-or-not-yours"]);

    let pupils: Vec<Value> = [0, 3, 77]
        .iter()
        .map(|one: &usize| json!({ "ref": one.to_string(), "eckId": eck_id(*one) }))
        .collect();
    let asked = facts("case-facts", "enrolment.age", &pupils, None);
    let cases = world.client("swv-po-consulent").facts(asked).await.unwrap();
    assert_eq!(
        results(&cases),
        ["found", "none-or-not-yours", "none-or-not-yours"]
    );
    assert_eq!(cases.data().unwrap()[0]["fields"]["enrolment.age"], "8-11");
}

/// Consultation with a condition of one board, and without the rows of those who sleep.
fn conditioned(policies: &Path) {
    let file = policies.join("purposes/case-consultation.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let limit = "limit = { requests = \"600/h\" }\n";
    let conditions = "partial = true\n\n[[grant.holder_rule]]\nholder = \"board-41676\"\n\
                      without = [\"absence.since\"]\nretention = \"P3M\"\n";
    assert!(text.contains(limit));
    std::fs::write(file, text.replace(limit, &format!("{limit}{conditions}"))).unwrap();
    // Its decision table is of the purpose as it was.
    std::fs::remove_file(policies.join("purposes/case-consultation.test.toml")).unwrap();
}

/// A primary school that the second board runs, in these tests.
const SECOND_SITE: &str = "12PM00";

/// The second board's only site is a secondary school: it gets this primary one.
fn give_second_board(policies: &Path, site: &str) {
    let file = policies.join("hierarchies/site.toml");
    let mut lines = std::fs::read_to_string(&file).unwrap();
    let from = lines.find(&format!("{{ code = \"{site}\"")).unwrap();
    let until = from + lines[from..].find('\n').unwrap();
    let line = lines[from..until].replace("\"40114\"", "\"20041\"");
    lines.replace_range(from..until, &line);
    std::fs::write(file, lines).unwrap();
}

async fn two_boards(backend: Backend, sleeping: bool) -> Option<World> {
    let prepared = |policies: &Path| {
        conditioned(policies);
        give_second_board(policies, SECOND_SITE);
    };
    let world = World::prepared(backend, prepared, |config| {
        if sleeping {
            let approval = "approvals/case-consultation.board-20041.holder.jws";
            std::fs::remove_file(config.policies.dir.join(approval)).unwrap();
        }
    })
    .await?;
    let alpha: Vec<_> = (0..3).map(enrolment).collect();
    let beta: Vec<_> = (10..12)
        .map(|number| enrolment_in(number, SECOND_SITE, "BO", "WK003403"))
        .collect();
    let caseloads = [SITE, SECOND_SITE].map(|site| caseload(CONSULENT, site));
    world.deliver("vendor-alpha-delivery", "enrolment", &alpha).await;
    world.deliver("vendor-beta-delivery", "enrolment", &beta).await;
    world.deliver("swv-po-delivery", "caseload", &caseloads).await;
    world.next_day().await;
    Some(world)
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn the_strictest_holder_wins_and_the_answer_says_whose_rule_it_was(#[case] backend: Backend) {
    let Some(world) = two_boards(backend, false).await else {
        return;
    };
    let client = world.client("swv-po-consulent");
    let answer = client
        .query(records(&["pseudonym", "absence.kind"]))
        .await
        .unwrap();
    assert_eq!(pseudonyms(&answer).len(), 5);
    let meta = answer.meta().unwrap();
    assert_eq!(meta["retention"], "P3M");
    insta::allow_duplicates! {
        insta::assert_snapshot!(meta["limitedBy"], @r#"[{"limit":"retention","value":"P3M","clause":"case-consultation/grant/0/holder_rule/0","holder":{"oin":"00000099000000041676","slug":"board-41676"}}]"#);
    }
    let withheld = crate::support::world::problem(client.query(records(&["absence.since"])).await);
    assert_eq!(
        (withheld.status, withheld.code.as_str()),
        (403, "field-not-granted")
    );
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn the_rows_of_a_sleeping_holder_are_left_out_and_the_answer_says_so(#[case] backend: Backend) {
    let Some(world) = two_boards(backend, true).await else {
        return;
    };
    let answer = world
        .client("swv-po-consulent")
        .query(records(&["pseudonym"]))
        .await
        .unwrap();
    assert_eq!(pseudonyms(&answer).len(), 3);
    insta::allow_duplicates! {
        insta::assert_snapshot!(answer.meta().unwrap()["sources"], @r#"[{"dataset":"enrolment","holder":{"oin":"00000099000000020041","slug":"board-20041"},"status":"asleep"}]"#);
    }
}

/// Replaces a text in a purpose of the shipped set.
fn edit(policies: &Path, id: &Name, pairs: &[(&str, &str)]) {
    let file = policies.join(format!("purposes/{id}.toml"));
    let mut text = std::fs::read_to_string(&file).unwrap();
    for (from, to) in pairs {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    std::fs::write(file, text).unwrap();
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_new_version_reads_an_earlier_epoch_only_where_it_shows_the_same_cells(#[case] backend: Backend) {
    let Some(mut world) = World::new(backend).await else {
        return;
    };
    world.deliver_city().await;
    world.close_epoch().await;
    let atlas: Name = "youth-atlas".parse().unwrap();
    let ask = async |world: &World| {
        let client = world.client("municipality-dashboard");
        client
            .query(figures(&[], json!({})))
            .await
            .map(|answer| answer.data().unwrap()[0]["pupils"].clone())
    };
    let first = ask(&world).await.unwrap();

    // Rounded by five: the same canonical cells, shown more coarsely.
    let rounded = [("version = 1", "version = 2"), ("round = 1", "round = 5")];
    world
        .change_policies(|policies| edit(policies, &atlas, &rounded))
        .await;
    let second = ask(&world).await.unwrap();
    assert_eq!(second.as_i64().unwrap() % 5, 0);
    assert!((first.as_i64().unwrap() - second.as_i64().unwrap()).abs() <= 2);

    // Another dimension: who approved the first version approved none of these cells.
    let wider = [
        ("version = 2", "version = 3"),
        (
            "\"resident.attends\"]\nmeasures",
            "\"resident.attends\", \"enrolment.year-group@phase\"]\nmeasures",
        ),
    ];
    world
        .change_policies(|policies| edit(policies, &atlas, &wider))
        .await;
    assert_eq!(
        refusal(ask(&world).await.map(|_| unreachable!())),
        "404 no-such-epoch"
    );
}

/// The youth atlas with a threshold of the municipality just above what one district shows.
fn hidden_below(policies: &Path) {
    let file = policies.join("purposes/youth-atlas.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let limit = "limit = { requests = \"600/h\", cells = 5000 }\n";
    let rule = "\n[[grant.holder_rule]]\nholder = \"municipality\"\nshow_from = 62\n";
    assert!(text.contains(limit));
    std::fs::write(file, text.replace(limit, &format!("{limit}{rule}"))).unwrap();
}

#[tokio::test]
async fn figures_below_a_holders_threshold_are_hidden_like_small_ones() {
    let world = World::prepared(Backend::Sqlite, hidden_below, |_| ())
        .await
        .unwrap();
    world.deliver_city().await;
    world.close_epoch().await;
    let client = world.client("swv-po-dashboard");
    let ask = async |district: &str| {
        let only = json!({ "resident.neighbourhood@district": district });
        client.query(figures(&[], only)).await.unwrap()
    };
    // Without the rule it shows 61.
    let hidden = ask("ALM-HAVEN").await;
    assert_eq!(
        hidden.data().unwrap()[0].to_string(),
        r#"{"pupils":null,"hidden":"small"}"#
    );
    assert!(ask("ALM-STAD").await.data().unwrap()[0]["pupils"].is_number());
    let by = &hidden.meta().unwrap()["limitedBy"][1];
    assert_eq!((&by["limit"], &by["value"]), (&"show-from".into(), &"62".into()));
    assert_eq!(by["holder"]["slug"], "municipality");
}

/// Found by reading: such a question was answered with no row at all, as if there were nobody.
#[tokio::test]
async fn a_filter_finer_than_its_grouping_is_an_error_and_no_empty_answer() {
    let world = World::new(Backend::Sqlite).await.unwrap();
    let client = world.client("swv-po-dashboard");
    let (district, place) = (
        "resident.neighbourhood@district",
        "resident.neighbourhood@neighbourhood",
    );
    let composed = client
        .query(figures(&[district], json!({ place: "WK003403" })))
        .await;
    let composed = crate::support::world::problem(composed);
    let named = client
        .ask(&doelpoort::client::Ask {
            purpose: "youth-atlas".to_owned(),
            question: "children-by-district".to_owned(),
            epoch: None,
            compared_with: None,
            only: vec![(place.to_owned(), "WK003403".to_owned())],
        })
        .await;
    assert_eq!(composed.document["errors"][0]["code"], "finer-than-grouped");
    assert_eq!(refusal(named), "400 filter-finer-than-grouped");
}
