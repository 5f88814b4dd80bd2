use super::*;
use crate::catalogue::tests::shipped;

const PUPIL: [(&str, &str); 6] = [
    ("site", "06RM00"),
    ("from", "2025-08-01"),
    ("sector", "BO"),
    ("year-group", "3"),
    ("birth-date", "2019-03-04"),
    ("postcode", "1312"),
];

fn read(dataset: &str, cells: &[(&str, &str)]) -> Result<Vec<Option<String>>, Vec<(String, &'static str)>> {
    let catalogue = shipped();
    let reader = RowReader::new(catalogue, &dataset.parse().unwrap()).unwrap();
    let row = reader.read(cells.iter().map(|(name, text)| (*name, Raw::Text(text))));
    let shown = |value: &Value| {
        value
            .to_json()
            .as_str()
            .map_or_else(|| value.to_json().to_string(), str::to_owned)
    };
    row.map(|row| row.values.iter().map(|value| value.as_ref().map(shown)).collect())
        .map_err(|errors| {
            let shown = |error: RowError| {
                (
                    error.field.map_or_else(String::new, |f| f.to_string()),
                    error.code.as_str(),
                )
            };
            errors.into_iter().map(shown).collect()
        })
}

fn with(change: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    let kept = PUPIL
        .iter()
        .filter(|(name, _)| change.iter().all(|(changed, _)| changed != name));
    kept.chain(change).copied().collect()
}

fn mistakes(cells: &[(&str, &str)]) -> Vec<(String, &'static str)> {
    read("enrolment", cells).unwrap_err()
}

#[test]
fn a_neighbourhood_follows_from_the_postcode_unless_it_is_sent() {
    let neighbourhood = |cells: &[(&str, &str)]| read("enrolment", cells).unwrap()[6].clone();
    assert_eq!(neighbourhood(&PUPIL).as_deref(), Some("WK003428"));
    assert_eq!(
        neighbourhood(&with(&[("neighbourhood", "WK003401")])).as_deref(),
        Some("WK003401")
    );
    assert_eq!(
        neighbourhood(&with(&[("postcode", "8211")])).as_deref(),
        Some("ELSEWHERE")
    );
    assert_eq!(neighbourhood(&with(&[("postcode", "")])), None);
}

#[test]
fn where_a_child_attends_follows_from_the_site() {
    let child = [
        ("birth-date", "2019-03-04"),
        ("neighbourhood", "WK003401"),
        ("from", "2019-03-04"),
    ];
    for (site, attends, municipality) in [
        ("06RM00", "inside", Some("almere")),
        ("99ZZ00", "outside", Some("other")),
        ("00DD00", "outside", Some("uithoorn")),
        ("", "nowhere", None),
    ] {
        let cells: Vec<_> = child.into_iter().chain([("site", site)]).collect();
        let row = read("resident", &cells).unwrap();
        let last: Vec<_> = row.iter().rev().take(2).map(Option::as_deref).collect();
        assert_eq!(last, [municipality, Some(attends)], "{site}");
    }
}

#[test]
fn all_mistakes_of_a_row_are_told_at_once() {
    let cells = [
        ("site", "nonsense"),
        ("from", "2026"),
        ("sector", "XX"),
        ("age", "3"),
        ("untill", "x"),
        ("site", "06RM00"),
    ];
    let expected = [
        ("site", "not-a-brin6"),
        ("from", "not-a-date"),
        ("sector", "unknown-code"),
        ("age", "derived-field"),
        ("", "unknown-field"),
        ("site", "field-twice"),
        ("year-group", "missing"),
        ("birth-date", "missing"),
    ];
    assert_eq!(
        mistakes(&cells),
        expected.map(|(field, code)| (field.to_owned(), code))
    );
}

#[test]
fn implausible_rows_are_refused() {
    for (change, field, code) in [
        (vec![("birth-date", "2025-08-01")], "from", "wrong-order"),
        (vec![("until", "2025-07-31")], "until", "wrong-order"),
        (vec![("sector", "SBO")], "sector", "contradiction"),
        (vec![("year-group", "12")], "sector", "contradiction"),
        (vec![("year-group", "")], "year-group", "missing"),
    ] {
        assert_eq!(mistakes(&with(&change)), [(field.to_owned(), code)], "{change:?}");
    }
    assert!(read("enrolment", &with(&[("until", "2025-08-01")])).is_ok());
    let absent = [
        ("since", "2026-10-01"),
        ("kind", "authorised"),
        ("stay-at-home", "true"),
        ("status", "reported"),
    ];
    assert_eq!(
        read("absence", &absent).unwrap_err(),
        [("kind".to_owned(), "contradiction")]
    );
}

#[test]
fn a_mistake_repeats_nothing_that_was_sent() {
    let catalogue = shipped();
    let reader = RowReader::new(catalogue, &"enrolment".parse().unwrap()).unwrap();
    let sent = [
        ("999990019", Raw::Text("999990019")),
        ("site", Raw::Text("999990019")),
    ];
    assert!(!format!("{:?}", reader.read(sent).unwrap_err()).contains("999990019"));
}

#[test]
fn the_reference_rows_of_sites_are_correct() {
    let catalogue = shipped();
    let reader = RowReader::new(catalogue, &"site".parse().unwrap()).unwrap();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../policies/reference/site.csv");
    let mut file = csv::Reader::from_path(path).unwrap();
    let header = file.headers().unwrap().clone();
    let mut rows = 0;
    for record in file.records() {
        let record = record.unwrap();
        reader
            .read(header.iter().zip(record.iter().map(Raw::Text)))
            .unwrap();
        rows += 1;
    }
    assert_eq!(rows, 105);
}
