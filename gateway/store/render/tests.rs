use std::path::Path;

use doelpoort_core::catalogue::Catalogue;

use super::*;
use crate::store::StoreOptions;

const SUBJECTS: [[u8; 16]; 2] = [[1; 16], [2; 16]];

fn catalogue() -> Catalogue {
    let policies = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    crate::policies::draft(&policies).unwrap().catalogue
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

/// A selection of some columns as they stood on the day.
fn selection<'a>(dataset: &'a Dataset, columns: &'a [Name], within: Vec<Within<'a>>) -> Selection<'a> {
    Selection {
        dataset,
        columns: columns.iter().collect(),
        only: Vec::new(),
        holders: None,
        at: "2026-11-22".parse().unwrap(),
        within,
        left_out: None,
    }
}

/// Every shape of query that a plan can become.
fn queries(catalogue: &Catalogue) -> Vec<(&'static str, Query)> {
    let dataset = |text: &str| catalogue.dataset(&name(text)).unwrap();
    let (enrolment, absence) = (dataset("enrolment"), dataset("absence"));
    let oin: Oin = "00000099000000240101".parse().unwrap();
    let (site, group) = ([name("site"), name("year-group")], name("year-group"));
    let since = [name("since")];
    let five = Value::Text("5".to_owned());
    let holders = [oin.clone()];
    let left_out = LeftOut {
        purposes: vec![name("case-consultation")],
        on: "2026-11-22".parse().unwrap(),
    };
    let enrolled = |site| Within::Enrolled {
        board: &oin,
        site,
        on: "2026-11-22".parse().unwrap(),
    };
    let sites = ["12AB00", "12AB01"].map(str::to_owned);
    let caseload = Within::Caseload {
        controller: &oin,
        staff: "consulent-01",
        sites: &sites,
        on: "2026-11-22".parse().unwrap(),
    };
    let mut base = selection(enrolment, &site, vec![caseload]);
    base.left_out = Some(&left_out);
    base.only.push((&group, &five));
    let mut held = selection(enrolment, &site, Vec::new());
    held.holders = Some(&holders);
    let mut nobody = selection(enrolment, &site, Vec::new());
    nobody.holders = Some(&[]);
    vec![
        (
            "records of a caseload",
            rows_and_whether_formerly(&base, "2026-10-22".parse().unwrap(), 100),
        ),
        (
            "what is joined to them",
            latest(&selection(absence, &since, vec![Within::Selected(&base)])),
        ),
        (
            "under which subjects they stood before",
            formerly(&base, "2026-10-22".parse().unwrap()),
        ),
        ("records of a board", rows(&held, 100)),
        ("of no holder", rows(&nobody, 100)),
        (
            "a population",
            rows(&selection(enrolment, &site, Vec::new()), 100),
        ),
        (
            "facts of named pupils",
            latest(&selection(absence, &since, vec![Within::Subjects(&SUBJECTS)])),
        ),
        (
            "records of a school",
            rows(&selection(absence, &since, vec![enrolled(None)]), 100),
        ),
        (
            "records of a site",
            rows(&selection(absence, &since, vec![enrolled(Some("06RM00"))]), 100),
        ),
        ("where they go to school", enrolment_claims(&SUBJECTS, 100)),
    ]
}

#[test]
fn the_text_of_each_query() {
    let told: Vec<String> = queries(&catalogue())
        .iter()
        .map(|(what, query)| {
            let text = query
                .text
                .replace(" FROM ", "\n  FROM ")
                .replace(" JOIN ", "\n  JOIN ")
                .replace(" AND ", "\n  AND ")
                .replace(" ORDER ", "\n  ORDER ");
            format!("{what} ({} values)\n  {text}", query.values.len())
        })
        .collect();
    insta::assert_snapshot!(told.join("\n\n"));
}

#[test]
fn no_value_is_in_the_text() {
    for (what, query) in queries(&catalogue()) {
        for value in [
            "consulent-01",
            "00000099000000240101",
            "2026",
            "06RM00",
            "case-consultation",
        ] {
            assert!(!query.text.contains(value), "{what}: {value}");
        }
        for place in 1..=query.values.len() {
            assert!(query.text.contains(&format!("${place}")), "{what}: ${place}");
        }
    }
}

/// On `PostgreSQL` the integration tests of records, facts and figures run each of them.
#[tokio::test]
async fn each_query_fits_the_tables() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("gateway.db").display());
    let store = Store::open(&url, StoreOptions::default()).await.unwrap();
    store.migrate().await.unwrap();
    let catalogue = catalogue();
    store.prepare_datasets(&catalogue).await.unwrap();
    for (what, query) in queries(&catalogue) {
        let found = store.fetch_rendered(&query).await;
        assert_eq!(found.map_or(usize::MAX, |rows| rows.len()), 0, "{what}");
    }
}
