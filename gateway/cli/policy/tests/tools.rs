//! The commands that read policies: what they print, and how they exit.

use serde_json::{Value, json};

use super::*;

impl World {
    /// The command's output, and whether it succeeded.
    fn told(&self, line: &str) -> (bool, String) {
        let (code, told) = self.run(line).unwrap_or_else(|error| panic!("{error}"));
        (format!("{code:?}") == format!("{:?}", ExitCode::SUCCESS), told)
    }

    fn json(&self, line: &str) -> Value {
        serde_json::from_str(&self.told(line).1).unwrap()
    }

    fn change(&self, file: &str, change: impl FnOnce(&mut String)) {
        let path = self.policies().join(file);
        let mut text = std::fs::read_to_string(&path).unwrap();
        change(&mut text);
        std::fs::write(path, text).unwrap();
    }

    fn write(&self, file: &str, text: &str) -> String {
        let path = self.folder.path().join(file);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

#[test]
fn the_shipped_folder_passes_the_strict_check() {
    let world = World::new();
    let (passed, told) = world.told("check POLICIES --strict");
    assert!(passed && told.contains("0 errors, 0 warnings, "), "{told}");
}

#[test]
fn a_warning_fails_the_strict_check_alone_and_an_error_both() {
    let world = World::new();
    let unexplained = |text: &mut String| text.truncate(text.find("[[explain]]").unwrap());
    world.change("purposes/admissibility-status.toml", unexplained);
    assert!(world.told("check POLICIES").0);
    let (passed, told) = world.told("check POLICIES --strict --lang nl");
    assert!(!passed, "{told}");
    let warning = told
        .lines()
        .find(|line| line.starts_with("warning: purposes/admissibility-status.toml:25: "));
    assert!(warning.unwrap().ends_with("[sensitive-fields]"), "{told}");

    world.change("purposes/case-consultation.toml", unexplained);
    let (passed, told) = world.told("check POLICIES");
    assert!(
        !passed && told.starts_with("error: purposes/case-consultation.toml:26: "),
        "{told}"
    );
}

#[test]
fn programs_read_the_check_as_json() {
    let world = World::new();
    let sound = world.json("check POLICIES --format json --deployment almere");
    assert_eq!(sound["errors"], json!([]));
    assert_eq!(sound["findings"][0]["severity"], "explained");
    assert_eq!(sound["purposes"][0]["acts"], false);
    assert_eq!(
        sound["purposes"][0]["missing"][0]["reason"],
        "there is no approval"
    );
    world.change("purposes/youth-atlas.toml", |text| {
        text.insert_str(0, "colour = \"blue\"\n");
    });
    let broken = world.json("check POLICIES --format json");
    let expected = json!([{
        "file": "purposes/youth-atlas.toml", "line": 1, "column": 1, "message": "unknown key `colour`"
    }]);
    assert_eq!(broken["errors"], expected);
}

#[test]
fn tables_are_run_and_a_purpose_without_one_is_named() {
    let world = World::new();
    let (passed, told) = world.told("test POLICIES");
    assert!(passed && told.ends_with(" cases passed, 0 failed\n"), "{told}");
    assert_eq!(
        world.json("test POLICIES youth-atlas --format json")[0]["purpose"],
        "youth-atlas"
    );
    world.change("purposes/youth-atlas.test.toml", |text| {
        *text = text.replace("\"dimension-not-granted\"", "\"field-not-granted\"");
    });
    let (passed, told) = world.told("test POLICIES youth-atlas");
    assert!(
        !passed && told.contains("  expected field-not-granted by"),
        "{told}"
    );
    std::fs::remove_file(world.policies().join("purposes/youth-atlas.test.toml")).unwrap();
    let (passed, told) = world.told("test POLICIES youth-atlas");
    assert!(!passed && told.contains("youth-atlas: no table; write"), "{told}");
}

#[test]
fn a_decision_is_explained_in_two_languages() {
    let world = World::new();
    let asked = json!({ "purpose": "youth-atlas", "form": "figures", "groupBy": ["enrolment.site"], "measures": ["pupils"] });
    let file = world.write("request.json", &asked.to_string());
    let line = format!("explain {file} --policies POLICIES --as municipality/dashboard --day 2026-11-22");
    let (granted, dutch) = world.told(&line);
    let (_, english) = world.told(&format!("{line} --lang en"));
    assert!(
        !granted && dutch.contains("Deze indeling of dit niveau is niet toegestaan"),
        "{dutch}"
    );
    assert!(
        english.starts_with("Gemeente Almere asks with the role `dashboard` on 22 November 2026"),
        "{english}"
    );
    let json = world.json(&format!("{line} --format json"));
    assert_eq!(
        (&json["outcome"], &json["clause"]),
        (&json!("dimension-not-granted"), &json!("youth-atlas/grant/0"))
    );
    assert_eq!(json["allowed"]["form"], "figures");
    let wrong = world
        .run(&line.replace("municipality/", "municipalty/"))
        .unwrap_err();
    assert_eq!(wrong, "no organisation is called `municipalty`");
}

#[test]
fn a_vendor_is_explained_with_its_mandate() {
    let world = World::new();
    let asked = json!({ "purpose": "admissibility-status", "form": "facts", "by": "bsn", "exists": true });
    let file = world.write("request.json", &asked.to_string());
    let line = format!(
        "explain {file} --policies POLICIES --as vendor-alpha/school --staff proved --day 2026-11-22 \
         --for board-41676 --mandate admissibility"
    );
    let (granted, told) = world.told(&line);
    assert!(
        granted && told.contains("Toegestaan door `admissibility-status/grant/0`."),
        "{told}"
    );
    assert!(
        !world
            .told(&line.replace("--mandate admissibility", "--mandate absence"))
            .0
    );
}

#[test]
fn the_matrix_is_a_table_csv_and_json() {
    let world = World::new();
    let rows = world
        .json("matrix POLICIES --format json")
        .as_array()
        .unwrap()
        .len();
    let (_, csv) = world.told("matrix POLICIES --format csv");
    let (_, table) = world.told("matrix POLICIES");
    assert_eq!(csv.lines().count(), rows + 1);
    assert!(csv.starts_with("recipient,actingFor,role,purpose,"), "{csv}");
    let told = |line: &str| line.contains("┆ neighbourhood ") && line.contains("┆ group ");
    assert!(table.lines().any(told), "{table}");
}

#[test]
fn a_change_is_told_in_sentences() {
    let (before, after) = (World::new(), World::new());
    // Each world makes keys of its own.
    for file in ["organisations.toml", "approvers/0000.json"] {
        std::fs::copy(before.policies().join(file), after.policies().join(file)).unwrap();
    }
    let line = format!("diff {} POLICIES", before.policies().display());
    assert_eq!(after.told(&line).1, "0 changes\n");
    after.change("purposes/youth-atlas.toml", |text| {
        *text = text
            .replace("retention = \"P1Y\"", "retention = \"P6M\"")
            .replace("version = 1", "version = 2");
    });
    let (_, told) = after.told(&format!("{line} --lang en"));
    assert_eq!(
        told,
        "purpose youth-atlas\n  Retention: first 1 year, now 6 months.\n  Version: first 1, now 2.\n2 changes\n"
    );
    assert_eq!(
        after
            .json(&format!("{line} --format json"))
            .as_array()
            .unwrap()
            .len(),
        2
    );
}

#[test]
fn the_register_and_the_schemas_are_written() {
    let world = World::new();
    let json = world.json("register POLICIES");
    assert_eq!(
        json["processingActivities"][0]["active"], true,
        "without a deployment all count as signed"
    );
    let json = world.json("register POLICIES --deployment almere");
    assert_eq!(json["processingActivities"][0]["active"], false);
    assert!(
        world
            .told("register POLICIES --format csv")
            .1
            .starts_with("id,active,purposeId,")
    );
    assert!(
        world
            .told("register POLICIES --format html --lang en")
            .1
            .contains("<html lang=\"en\">")
    );
    let (_, told) = world.told(&format!("schema --to {}", world.folder.path().display()));
    assert!(told.contains("purpose.schema.json: purposes/*.toml\n"), "{told}");
    let text = std::fs::read_to_string(world.folder.path().join("purpose.schema.json")).unwrap();
    let schema: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
}
