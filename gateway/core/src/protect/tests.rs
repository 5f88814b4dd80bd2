mod answer;

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;
use crate::catalogue::Value;
use crate::extract::{Completeness, EpochCells, Extract, FactRow, RawRow, SourceState};
use crate::fixture::{BOARD, BSN, caller, decided, facts, organisation, query};
use crate::plan::AskedPupil;
use crate::pseudonym::{ExitRoot, SubjectId};
use crate::pseudonymise::{ExitKey, pseudonymise};
use crate::request::Request;

/// The release of what a caller asked and the source found.
fn released(
    slug: &str,
    role: &str,
    request: &Request,
    found: Extract,
    format: Format,
) -> Result<Release, RenderError> {
    let permit = decided(&caller(slug, role), request).unwrap();
    let plan = Plan::minimal(&permit, request, Vec::<AskedPupil>::new()).unwrap();
    finish(&permit, &plan, found, format)
}

fn finish(permit: &Permit<'_>, plan: &Plan, found: Extract, format: Format) -> Result<Release, RenderError> {
    let (root, tenant) = (ExitRoot::from_bytes([4; 32]), "almere".parse().unwrap());
    let key = ExitKey {
        root: &root,
        version: 1.try_into().unwrap(),
        tenant: &tenant,
        since: None,
        former: Vec::new(),
    };
    let pseudonymised = pseudonymise(permit, plan, found, &key, None);
    let envelope = Envelope {
        next_cursor: None,
        format,
        reference: None,
    };
    protect(permit, plan, pseudonymised, envelope)
}

fn text(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).unwrap()
}

fn by_attendance() -> Request {
    query(&json!({
        "purpose": "youth-atlas", "form": "figures", "groupBy": ["resident.attends"], "measures": ["pupils"]
    }))
}

fn cells(values: Vec<Option<i64>>) -> Extract {
    let source = |holder: &str, as_of_us| SourceState {
        dataset: "resident".to_owned(),
        holder: organisation(holder).oin.to_string(),
        as_of_us,
    };
    Extract::Cells(EpochCells {
        earlier: None,
        epoch: jiff::civil::date(2026, 10, 1),
        completeness: Completeness {
            sources: vec![
                source("municipality", Some(1_790_000_000_000_000)),
                source(BOARD, None),
            ],
        },
        values,
    })
}

fn figures(values: Vec<Option<i64>>, format: Format) -> Release {
    released("swv-po", "dashboard", &by_attendance(), cells(values), format).unwrap()
}

#[test]
fn figures_are_listed_shown_or_hidden() {
    let count = by_attendance_count();
    let mut values = vec![None; count];
    values[0] = Some(34);
    let json: Json = serde_json::from_slice(&figures(values.clone(), Format::Json).data).unwrap();
    assert_eq!(json.as_array().unwrap().len(), count);
    assert_eq!(json[0]["pupils"], 34);
    assert_eq!(json[0].get("hidden"), None);
    assert_eq!(
        (&json[1]["pupils"], &json[1]["hidden"]),
        (&Json::Null, &json!("small"))
    );
    assert!(
        json[1]["resident.attends"]["code"].is_string() && json[1]["resident.attends"]["label"].is_string()
    );

    let lines = figures(values.clone(), Format::Ndjson);
    let lines: Vec<Json> = text(&lines.data)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(Json::Array(lines), json);

    let table = figures(values, Format::Csv);
    let mut reader = ::csv::Reader::from_reader(table.data.as_slice());
    let header: Vec<_> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    assert_eq!(
        header,
        ["resident.attends", "resident.attends label", "pupils", "hidden"]
    );
    let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
    assert_eq!(
        (&rows[0][2], &rows[0][3], &rows[1][2], &rows[1][3]),
        ("34", "", "", "small")
    );
    assert_eq!(rows.len(), count);
}

#[test]
fn what_is_said_of_figures_follows_from_policy_and_epoch() {
    let count = by_attendance_count();
    let shown = figures(vec![Some(34); count], Format::Json);
    let hidden = figures(vec![None; count], Format::Json);
    assert_eq!(shown.meta, hidden.meta);
    let meta: Json = serde_json::from_slice(&shown.meta).unwrap();
    assert_eq!(meta["purpose"]["id"], "youth-atlas");
    assert!(meta["purpose"]["digest"].as_str().unwrap().starts_with("sha256:"));
    assert_eq!(
        meta["figures"],
        json!({ "mechanism": "cell-key", "additive": false, "rounding": 1 })
    );
    assert_eq!(meta["completeness"], json!({ "holders": 1, "of": 2 }));
    let status: Vec<_> = meta["sources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|source| {
            (
                source["holder"]["slug"].as_str().unwrap(),
                source["status"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(status, [("municipality", "complete"), (BOARD, "missing")]);
    assert!(!shown.meta.contains(&b'\n'), "one line");
}

fn by_attendance_count() -> usize {
    let attends = crate::fixture::dimension("resident.attends");
    crate::fixture::policies().catalogue.codes(&attends).len()
}

#[test]
fn hidden_cells_differ_in_nothing_but_their_name() {
    let data = figures(vec![None; by_attendance_count()], Format::Json).data;
    let mut rows: Vec<serde_json::Map<String, Json>> = serde_json::from_slice(&data).unwrap();
    for row in &mut rows {
        row.remove("resident.attends");
    }
    assert!(
        rows.iter()
            .all(|row| json!(row) == json!({ "pupils": null, "hidden": "small" }))
    );
}

#[test]
fn other_cells_than_were_planned_are_not_rendered() {
    let rendered = released(
        "swv-po",
        "dashboard",
        &by_attendance(),
        cells(vec![Some(34)]),
        Format::Json,
    );
    assert!(matches!(rendered, Err(RenderError::OtherPlan)));
    let rendered = released(
        "swv-po",
        "dashboard",
        &by_attendance(),
        Extract::Rows(Vec::new()),
        Format::Json,
    );
    assert!(matches!(rendered, Err(RenderError::OtherForm)));
}

fn consultation(found: Vec<RawRow>, format: Format) -> Release {
    let request = query(&json!({
        "purpose": "case-consultation", "form": "records",
        "fields": ["enrolment.year-group", "absence.since", "pseudonym", "absence.weeks"]
    }));
    released("swv-po", "consulent", &request, Extract::Rows(found), format).unwrap()
}

fn pupil(subject: u8, year_group: &str) -> RawRow {
    RawRow {
        subject: SubjectId::from_bytes([subject; 16]),
        values: vec![
            Some(Value::Text(year_group.to_owned())),
            Some(Value::Date(jiff::civil::date(2026, 9, 17))),
            Some(Value::Integer(9)),
        ],
        formerly: Vec::new(),
    }
}

#[test]
fn records_are_as_coarse_as_granted_under_their_pseudonym() {
    let release = consultation(vec![pupil(1, "7")], Format::Json);
    assert_eq!((release.rows(), release.form()), (1, Form::Records));
    let rows: Json = serde_json::from_slice(&release.data).unwrap();
    assert_eq!(rows[0]["absence.since"], "2026-09", "the grant gives the month");
    assert_eq!(
        (&rows[0]["absence.weeks"], &rows[0]["enrolment.year-group"]),
        (&json!(9), &json!("7"))
    );
    assert!(rows[0]["pseudonym"].as_str().unwrap().starts_with("dsp1_1_"));
    assert_eq!(rows[0].as_object().unwrap().len(), 4);
    assert_eq!(format!("{release:?}"), "Release(1 rows)");

    let absent = RawRow {
        subject: SubjectId::from_bytes([2; 16]),
        values: vec![None, None, None],
        formerly: Vec::new(),
    };
    let rows: Json = serde_json::from_slice(&consultation(vec![absent], Format::Json).data).unwrap();
    assert_eq!(
        (&rows[0]["absence.since"], rows[0].as_object().unwrap().len()),
        (&Json::Null, 4)
    );
}

#[test]
fn a_table_has_its_values_under_their_names() {
    let release = consultation(vec![pupil(1, "7"), pupil(2, "8")], Format::Csv);
    let mut reader = ::csv::Reader::from_reader(release.data.as_slice());
    let header: Vec<_> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    let mut sorted = header.clone();
    sorted.sort();
    assert_eq!(
        sorted,
        [
            "absence.since",
            "absence.weeks",
            "enrolment.year-group",
            "pseudonym"
        ]
    );
    let mut seen = Vec::new();
    for row in reader.records().map(Result::unwrap) {
        let value = |name: &str| row[header.iter().position(|column| column == name).unwrap()].to_owned();
        assert!(value("pseudonym").starts_with("dsp1_1_"));
        assert_eq!(
            (value("absence.since"), value("absence.weeks")),
            ("2026-09".to_owned(), "9".to_owned())
        );
        seen.push(value("enrolment.year-group"));
    }
    seen.sort();
    assert_eq!(seen, ["7", "8"]);
}

fn statuses(references: [&str; 2], exists: bool, format: Format) -> Release {
    let school = caller(BOARD, "school");
    let fields = if exists {
        json!([])
    } else {
        json!(["admissibility.valid-until", "admissibility.kind"])
    };
    let request = facts(
        &school,
        &json!({
            "purpose": "admissibility-status", "fields": fields, "exists": exists,
            "pupils": [{ "ref": references[0], "bsn": BSN }, { "ref": references[1], "bsn": "999990020" }]
        }),
    );
    let until = Value::Date(jiff::civil::date(2027, 7, 31));
    let found = if exists {
        Vec::new()
    } else {
        vec![Some(until), Some(Value::Text("SO-1".to_owned()))]
    };
    let rows = vec![
        FactRow {
            reference: references[0].to_owned(),
            values: Some(found),
        },
        FactRow {
            reference: references[1].to_owned(),
            values: None,
        },
    ];
    released(BOARD, "school", &request, Extract::Facts(rows), format).unwrap()
}

#[test]
fn facts_tell_what_was_found_and_one_thing_for_all_else() {
    let rows: Json = serde_json::from_slice(&statuses(["a", "b"], false, Format::Json).data).unwrap();
    assert_eq!(
        rows,
        json!([
            { "ref": "a", "result": "found",
              "fields": { "admissibility.kind": "SO-1", "admissibility.valid-until": "2027-07-31" } },
            { "ref": "b", "result": "none-or-not-yours",
              "fields": { "admissibility.kind": null, "admissibility.valid-until": null } },
        ])
    );
    assert_eq!(
        text(&statuses(["a", "b"], false, Format::Csv).data),
        "ref,result,admissibility.valid-until,admissibility.kind\r\n\
         a,found,2027-07-31,SO-1\r\nb,none-or-not-yours,,\r\n"
    );
    assert_eq!(
        text(&statuses(["a", "b"], true, Format::Ndjson).data),
        "{\"ref\":\"a\",\"result\":\"found\"}\n{\"ref\":\"b\",\"result\":\"none-or-not-yours\"}\n"
    );
    assert_eq!(
        text(&statuses(["a", "b"], true, Format::Csv).data),
        "ref,result\r\na,found\r\nb,none-or-not-yours\r\n"
    );
}

#[test]
fn no_field_of_a_table_runs_as_a_formula() {
    let cases = [
        ("plain", "plain"),
        ("-5", "-5"),
        ("=1+1", "'=1+1"),
        ("+31", "'+31"),
        ("-1+1", "'-1+1"),
        ("-", "-"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("a,b", "\"a,b\""),
        ("a\"b", "\"a\"\"b\""),
        ("a\r\nb", "\"a\r\nb\""),
        ("=HYPERLINK(\"x\",1)", "\"'=HYPERLINK(\"\"x\"\",1)\""),
    ];
    for (field, written) in cases {
        let header = ["h".to_owned()];
        let bytes = csv(&header, std::iter::once(vec![field.to_owned()]));
        assert_eq!(text(&bytes), format!("h\r\n{written}\r\n"), "{field}");
    }
    let table = statuses(["=cmd|' /C calc'!A0", "b"], true, Format::Csv);
    assert!(text(&table.data).contains("\n'=cmd"));
}

proptest! {
    #[test]
    fn a_table_is_read_back_as_it_was(rows in prop::collection::vec(["[ -~\r\n]{0,8}", "\\PC{0,8}"], 1..5)) {
        let rows: Vec<Vec<String>> = rows.into_iter().map(Vec::from).collect();
        let header = ["a".to_owned(), "b".to_owned()];
        let bytes = csv(&header, rows.clone().into_iter());
        let mut reader = ::csv::Reader::from_reader(bytes.as_slice());
        let read: Vec<Vec<String>> = reader
            .records()
            .map(|row| row.unwrap().iter().map(str::to_owned).collect())
            .collect();
        let marked: Vec<Vec<String>> = rows
            .into_iter()
            .map(|row| row.into_iter().map(|field| if is_formula(&field) { format!("'{field}") } else { field }).collect())
            .collect();
        prop_assert_eq!(read, marked);
    }
}
