use super::*;
use crate::policy::tests::shipped;

fn draft() -> Draft {
    Draft::read(&shipped()).unwrap()
}

fn told(text: &str) -> String {
    let file = "purposes/youth-atlas.test.toml".to_owned();
    let told: Vec<String> = match run(&draft(), &[(file, text.to_owned())]) {
        Ok(outcomes) => outcomes.iter().map(ToString::to_string).collect(),
        Err(errors) => errors.iter().map(ToString::to_string).collect(),
    };
    told.join("\n")
}

#[test]
fn every_shipped_table_holds() {
    let files = shipped();
    let outcomes = run(&draft(), &files.tables).unwrap();
    let failed: Vec<String> = outcomes
        .iter()
        .filter(|outcome| !outcome.passed())
        .map(ToString::to_string)
        .collect();
    assert_eq!(failed, Vec::<String>::new());
    let tested: BTreeSet<&Name> = outcomes.iter().map(|outcome| &outcome.purpose).collect();
    assert_eq!(tested.len(), files.purposes.len(), "each purpose has its table");
}

#[test]
fn a_case_that_fails_says_what_was_expected_and_what_was_found() {
    let text = r#"
date = 2026-11-22
[[case]]
name = "by school"
caller = { organisation = "municipality", role = "dashboard" }
request = { form = "figures", groupBy = ["enrolment.site"], measures = ["pupils"] }
expect = "granted"
clause = "youth-atlas/grant/0"
[[case]]
name = "by district"
caller = { organisation = "municipality", role = "dashboard" }
request = { question = "children-by-district" }
expect = "granted"
clause = "youth-atlas/grant/1"
[[case]]
name = "by shoe size"
caller = { organisation = "municipality", role = "dashboard" }
request = { form = "figures", groupBy = ["enrolment.shoe-size"], measures = ["pupils"] }
expect = "dimension-not-granted"
"#;
    insta::assert_snapshot!(told(text), @"
purposes/youth-atlas.test.toml:3: by school
  expected granted by youth-atlas/grant/0
  found    dimension-not-granted by youth-atlas/grant/0
           enrolment.site@site
purposes/youth-atlas.test.toml:9: by district
  expected granted by youth-atlas/grant/1
  found    granted by youth-atlas/grant/0
purposes/youth-atlas.test.toml:15: by shoe size
  expected dimension-not-granted
  found    invalid-input
           /groupBy/0: names an unknown field; see `GET /v1/catalogue` (unknown-field)
");
}

#[test]
fn a_table_that_is_wrong_is_told_with_its_places() {
    let text = r#"
[[case]]
name = "x"
caller = { organisation = "municipalty", role = "dashboard", mandate = ["enrolment"] }
request = { form = "facts", pupils = [{ ref = "1", bsn = "999990019" }], exists = true }
expect = "granted"
colour = "blue"
[[case]]
name = "y"
caller = { organisation = "municipality", role = "dashboard" }
request = { form = "facts", pupils = [{ ref = "1", bsn = "999990019" }], exists = true }
expect = "no-such-purpose"
date = 2026-11-22
"#;
    insta::assert_snapshot!(told(text), @r#"
purposes/youth-atlas.test.toml:2:1: missing key `date`: give it here, or above all cases
2 | [[case]]
  | ^^^^^^^^
purposes/youth-atlas.test.toml:4:10: `mandate` needs `for`: the board that gave it
4 | caller = { organisation = "municipalty", role = "dashboard", mandate = ["enrolment"] }
  |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
purposes/youth-atlas.test.toml:4:27: unknown organisation `municipalty`; did you mean `municipality`?
4 | caller = { organisation = "municipalty", role = "dashboard", mandate = ["enrolment"] }
  |                           ^^^^^^^^^^^^^
purposes/youth-atlas.test.toml:7:1: unknown key `colour`
7 | colour = "blue"
  | ^^^^^^
purposes/youth-atlas.test.toml:8:1: a policies folder names no pupil; say `by = "bsn"` or another kind of identifier
8 | [[case]]
  | ^^^^^^^^
"#);
}
