//! A watermark: the partnership gives each pupil a date of its own, and looks for the dates in what it gets under
//! pseudonyms.

use rstest::rstest;
use serde_json::json;

use crate::pseudonyms::consultation;
use crate::support::database::Backend;
use crate::support::world::ask::{records, refusal};
use crate::support::world::pupils::{absence, admissibility};

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn marks_do_not_come_back_to_who_made_them(#[case] backend: Backend) {
    let Some(world) = consultation(backend).await else {
        return;
    };
    let mark = |number: usize| format!("2026-10-{:02}", number + 1);
    let marked = |number: usize| {
        let mut row = admissibility(number);
        row["valid-from"] = mark(number).into();
        row
    };
    let rows: Vec<_> = (0..12).map(marked).collect();
    world.deliver("swv-po-delivery", "admissibility", &rows).await;
    let client = world.client("swv-po-consulent");

    // By what is shown, and by what rows are chosen by.
    let shown = records(&["pseudonym", "admissibility.valid-from"]);
    let mut chosen = records(&["pseudonym"]);
    chosen.insert("only".into(), json!({ "admissibility.valid-from": mark(3) }));
    let mut refusals = Vec::new();
    for asked in [&shown, &chosen] {
        refusals.push(refusal(client.query(asked.clone()).await));
    }
    assert_eq!(refusals, ["403 field-not-granted", "403 filter-not-granted"]);

    // The control: what somebody else delivered does come back, as coarse as it is granted.
    let allowed = records(&["pseudonym", "enrolment.site", "absence.since", "absence.weeks"]);
    let answer = client.query(allowed).await.unwrap();
    assert!(answer.text().contains("2026-09"), "{}", answer.text());
    assert!(!answer.text().contains("2026-10-") && !answer.text().contains(&absence(0)["since"].to_string()));

    // No signature helps: a set in which they could is none.
    let field = "  \"enrolment.year-group\",\n";
    world.edit(
        "purposes/case-consultation.toml",
        field,
        &format!("{field}  \"admissibility.valid-from\",\n"),
    );
    let error = world.gateway.reload_policies().await.unwrap_err().to_string();
    assert!(
        error.contains(
            "a recipient delivers `admissibility.valid-from` itself, so it could mark rows and read them back"
        ),
        "{error}"
    );
    assert_eq!(refusal(client.query(shown).await), "403 field-not-granted");
}
