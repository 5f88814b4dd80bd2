//! Knowing a pupil again without an identifier or pseudonym, by fields that two recipients share. A purpose by which that would work does not come into force, whoever approved it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use doelpoort::client::{Answer, ClientError};
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::database::Backend;
use crate::support::world::World;
use crate::support::world::ask::{body, refusal};
use crate::support::world::pupils::{SITE, enrolment_in};

/// A purpose of the partnership: its recipients, and the fields that they would see of every pupil.
struct Wanted {
    recipients: &'static [&'static str],
    fields: &'static str,
}

impl Wanted {
    /// The file. `explained`: what its approvals then name.
    fn text(&self, version: u32, explained: &[&str]) -> String {
        let recipients: Vec<_> = self.recipients.iter().map(|one| format!("{{ {one} }}")).collect();
        let mut text = format!(
            r#"purpose = "wanted"
version = {version}
title = {{ nl = "Toets", en = "Trial" }}
why = {{ nl = "Om te toetsen." }}
controllers = [{{ organisation = "swv-po", law = "WPO art. 18a" }}]
basis = {{ avg = "6(1)(e)", special = "none" }}
dpia = {{ reference = "DPIA-1", date = 2026-03-12 }}
valid = {{ from = 2026-08-01, until = 2027-07-31 }}
retention = "P1Y"
contact = "privacy@swv.example"

[[grant]]
form = "records"
recipient = [{}]
dataset = "enrolment"
holders = "all"
fields = [{}]
scope = "everything"
limit = {{ requests = "600/h" }}
"#,
            recipients.join(", "),
            self.fields
        );
        for warning in explained {
            text.push_str("[[explain]]\nbecause = { nl = \"Toets.\", en = \"Trial.\" }\nwarning = ");
            text.push_str(&Value::from(*warning).to_string());
        }
        text
    }
}

fn file(world: &World) -> PathBuf {
    world.policies().join("purposes/wanted.toml")
}

/// Everybody approves it all the same; what the gateway says to it.
async fn in_force(world: &World, text: &str) -> Result<(), String> {
    std::fs::write(file(world), text).unwrap();
    world.approve();
    let loaded = world.gateway.reload_policies().await;
    loaded.map(drop).map_err(|error| error.to_string())
}

async fn ask(world: &World, client: &str, fields: &[&str]) -> Result<Answer, ClientError> {
    let asked = json!({
        "purpose": "wanted", "form": "records", "fields": fields, "onBehalfOf": { "case": "case 1" },
    });
    world.client(client).query(body(asked)).await
}

const TWO: &[&str] = &[
    r#"organisation = "swv-po", role = "consulent""#,
    r#"organisation = "swv-vo", role = "consulent""#,
];
const EXACT: Wanted = Wanted {
    recipients: TWO,
    fields: r#""enrolment.neighbourhood", "enrolment.year-group", { field = "enrolment.from", as = "month" }"#,
};
const COARSE: Wanted = Wanted {
    recipients: TWO,
    fields: r#"{ field = "enrolment.sector", as = "phase" }"#,
};

/// Pupils whose two pseudonyms each recipient could tell the other, by what they both see beside them.
async fn joined(world: &World, fields: &[&str]) -> usize {
    let mut seen: BTreeMap<String, [usize; 2]> = BTreeMap::new();
    for (at, client) in ["swv-po-consulent", "swv-vo-consulent"].into_iter().enumerate() {
        let answer = ask(world, client, &[&["pseudonym"], fields].concat())
            .await
            .unwrap();
        for row in answer.data().unwrap().as_array().unwrap() {
            let shared: Vec<_> = fields.iter().map(|field| row[*field].to_string()).collect();
            seen.entry(shared.join(" ")).or_default()[at] += 1;
        }
    }
    seen.values().filter(|counts| **counts == [1, 1]).count()
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn two_recipients_cannot_join_by_fields_on_which_many_are_unique(#[case] backend: Backend) {
    let Some(world) = World::new(backend).await else {
        return;
    };
    let groups = ["1", "2", "3", "4", "5", "6"];
    let rows: Vec<_> = (0..12)
        .map(|number| {
            let place = if number < 6 { "WK003403" } else { "WK003418" };
            let mut row = enrolment_in(number, SITE, "BO", place);
            row["year-group"] = groups[number % 6].into();
            row
        })
        .collect();
    world.deliver("vendor-alpha-delivery", "enrolment", &rows).await;
    world.next_day().await;
    let fields = [
        "enrolment.neighbourhood",
        "enrolment.year-group",
        "enrolment.from",
    ];
    let refused = in_force(&world, &EXACT.text(1, &[])).await.unwrap_err();
    assert!(
        refused.contains("wanted.toml:12: joint-uniqueness: two recipients"),
        "{refused}"
    );
    for client in ["swv-po-consulent", "swv-vo-consulent"] {
        let outcome = ask(&world, client, &["pseudonym"]).await;
        assert_eq!(refusal(outcome), "404 no-such-purpose");
    }

    // What is coarse enough needs no words, and gives nobody away.
    in_force(&world, &COARSE.text(2, &[])).await.unwrap();
    assert_eq!(joined(&world, &["enrolment.sector"]).await, 0);

    // The control: where the approvals name it, every pupil's two pseudonyms are joined.
    in_force(&world, &EXACT.text(3, &["joint-uniqueness"]))
        .await
        .unwrap();
    assert_eq!(joined(&world, &fields).await, 12);
}

/// The same organisation under another purpose: what one purpose explains is not explained for the next.
#[tokio::test]
async fn a_new_purpose_is_not_covered_by_the_words_of_an_older_one() {
    let world = World::new(Backend::Sqlite).await.unwrap();
    let again = Wanted {
        recipients: &TWO[..1],
        fields: r#""enrolment.site", "enrolment.sector", "enrolment.year-group""#,
    };
    let refused = in_force(&world, &again.text(1, &[])).await.unwrap_err();
    assert!(
        refused.contains("wanted.toml:12: joint-uniqueness: this grant and `case-consultation/grant/0`"),
        "{refused}"
    );
    in_force(&world, &again.text(2, &["joint-uniqueness"]))
        .await
        .unwrap();
}
