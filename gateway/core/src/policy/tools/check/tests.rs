use super::*;
use crate::policy::tests::shipped;

fn settings() -> Settings {
    Settings {
        now: crate::fixture::now(),
        pupils: 35_000,
        live: Vec::new(),
        former: None,
    }
}

fn found(files: &PolicyFiles, settings: &Settings) -> Vec<Finding> {
    let draft = Draft::read(files).unwrap_or_else(|errors| panic!("{errors:#?}"));
    check(files, &draft, None, settings).unwrap()
}

/// What the shipped folder says after a change of one purpose, in English.
fn told(purpose: &str, change: impl FnOnce(&mut String), settings: &Settings) -> Vec<String> {
    let mut files = shipped();
    let file = format!("purposes/{purpose}.toml");
    let text = files.purposes.iter_mut().find(|(name, _)| *name == file).unwrap();
    change(&mut text.1);
    let found = found(&files, settings);
    let of = found.iter().filter(|finding| finding.purpose.as_str() == purpose);
    of.map(|finding| {
        let Finding {
            line,
            severity,
            warning,
            message,
            ..
        } = finding;
        format!("{line} {severity:?} {}: {}", warning.name(), message.en)
    })
    .collect()
}

/// Without its explanations.
fn unexplained(text: &mut String) {
    let end = text.find("[[explain]]").unwrap_or(text.len());
    text.truncate(end);
}

#[test]
fn everything_that_is_shipped_is_in_order_or_explained() {
    let open: Vec<_> = found(&shipped(), &settings())
        .into_iter()
        .filter(|finding| finding.severity != Severity::Explained)
        .collect();
    assert_eq!(open, Vec::new());
}

#[test]
fn what_is_not_explained_is_told_at_its_line() {
    insta::assert_debug_snapshot!(told("case-consultation", unexplained, &settings()), @r#"
[
    "26 Error joint-uniqueness: two recipients of this grant share Absence: Kind (`absence.kind`), Absence: Since (`absence.since`), Absence: Duration in weeks (`absence.weeks`), Enrolment: Sector (`enrolment.sector`), Enrolment: Site (`enrolment.site`) and Enrolment: Year group (`enrolment.year-group`): up to 100% of the pupils may be unique on them",
]
"#);
    insta::assert_debug_snapshot!(told("admissibility-status", unexplained, &settings()), @r#"
[
    "25 Warning sensitive-fields: Admissibility: Kind (`admissibility.kind`), Admissibility: Outcome (`admissibility.outcome`), Admissibility: Valid from (`admissibility.valid-from`) and Admissibility: Valid through (`admissibility.valid-until`) is sensitive (facts)",
]
"#);
}

#[test]
fn ends_and_old_assessments_are_told() {
    let old = |text: &mut String| {
        *text = text.replace("retention = \"P1Y\"", "retention = \"P1Y\"\nchanged = 2026-06-01");
        *text = text.replace("until = 2027-07-31", "until = 2026-12-31");
    };
    insta::assert_debug_snapshot!(told("neighbourhood-absence", old, &settings()), @r#"
[
    "1 Warning dpia-older: the impact assessment is of 12 March 2026, the purpose changed on 1 June 2026",
    "1 Warning validity-ends: holds only until 31 December 2026",
    "45 Explained sensitive-fields: Absence: Stay-at-home (`absence.stay-at-home`) is sensitive (figures)",
    "63 Explained sensitive-fields: Absence: Stay-at-home (`absence.stay-at-home`) is sensitive (figures)",
    "81 Explained sensitive-fields: Absence: Reason (`absence.reason`) is sensitive (figures)",
    "99 Explained sensitive-fields: Absence: Stay-at-home (`absence.stay-at-home`) is sensitive (figures)",
]
"#);
    let past = |text: &mut String| *text = text.replace("until = 2027-07-31", "until = 2026-10-31");
    insta::assert_debug_snapshot!(told("delivery-resident", past, &settings()), @r#"
[
    "1 Warning validity-ends: held until 31 October 2026",
    "23 Warning unused-grant: no question and no case of the decision table uses this grant",
]
"#);
}

#[test]
fn a_grant_that_nobody_uses_is_told() {
    let another = |text: &mut String| {
        let grant = text.find("[[grant]]").unwrap();
        let question = text.find("[[question]]").unwrap();
        let copy = text[grant..question].replace(
            "resident.neighbourhood@neighbourhood",
            "resident.neighbourhood@city",
        );
        text.insert_str(question, &copy);
    };
    insta::assert_debug_snapshot!(told("youth-atlas", another, &settings()), @r#"
[
    "41 Warning unused-grant: no question and no case of the decision table uses this grant",
]
"#);
}

#[test]
fn an_explanation_of_nothing_is_told() {
    let idle = |text: &mut String| {
        text.push_str("\n[[explain]]\nwarning = \"watermark\"\nbecause = \"it never was\"\n");
    };
    insta::assert_debug_snapshot!(told("youth-atlas", idle, &settings()), @r#"
[
    "1 Warning idle-explanation: the explanation of `watermark` explains nothing any more",
]
"#);
}

#[test]
fn a_vendor_that_may_deliver_what_it_reads_could_mark_rows() {
    let vendor = |text: &mut String| {
        unexplained(text);
        *text = text.replace(
            "{ organisation = \"swv-vo\", role = \"consulent\" }",
            "{ organisation = \"swv-vo\", role = \"consulent\" }, { organisation = \"vendor-alpha\", role = \"consulent\" }",
        );
        // A caseload says nothing about a vendor.
        *text = text.replace("scope = \"caseload\"", "scope = \"everything\"");
    };
    let told = told("case-consultation", vendor, &settings());
    assert!(
        told.iter().any(|one| one.contains("Error watermark: ")),
        "{told:#?}"
    );
}

#[test]
fn coarse_fields_bound_who_is_unique() {
    let coarse = |text: &mut String| {
        unexplained(text);
        let from = text.find("fields = [").unwrap();
        let until = text.find("filter_by").unwrap();
        text.replace_range(
            from..until,
            "fields = [{ field = \"enrolment.sector\", as = \"phase\" }, \"absence.kind\"]\n",
        );
        let from = text.find("filter_by").unwrap();
        let until = text.find("scope").unwrap();
        text.replace_range(from..until, "");
    };
    let joint = |pupils| {
        let settings = Settings { pupils, ..settings() };
        let told = told("case-consultation", coarse, &settings);
        told.into_iter()
            .filter(|one| one.contains("joint-uniqueness"))
            .collect::<Vec<_>>()
    };
    assert_eq!(joint(35_000), Vec::<String>::new());
    assert_eq!(
        joint(10).len(),
        1,
        "of ten pupils, a few phases and kinds make many unique"
    );
}

#[test]
fn a_live_source_that_would_learn_something_is_told() {
    let live = |organisation: &str, dataset: &str| Settings {
        live: vec![(organisation.parse().unwrap(), dataset.parse().unwrap())],
        ..settings()
    };
    let keep = |_: &mut String| {};
    let leaks = |purpose, settings: &Settings| {
        let told = told(purpose, keep, settings);
        told.into_iter()
            .filter(|one| one.contains("live-source-leak"))
            .collect::<Vec<_>>()
    };
    insta::assert_debug_snapshot!(leaks("case-consultation", &live("board-41676", "enrolment")), @r#"
[
    "26 Error live-source-leak: board-41676, which keeps Enrolment at home, learns from the question who is in Caseload",
]
"#);
    insta::assert_debug_snapshot!(leaks("admissibility-status", &live("swv-po", "admissibility")), @r#"
[
    "25 Error live-source-leak: Passend Onderwijs Almere (primair onderwijs), which keeps Admissibility at home, learns from the question who somebody is whom it does not know by `bsn`",
]
"#);
    assert_eq!(
        leaks("youth-atlas", &live("municipality", "resident")),
        Vec::<String>::new()
    );
}
