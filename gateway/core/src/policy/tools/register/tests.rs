use super::*;
use crate::fixture::{now, policies};

#[test]
fn an_activity_has_the_shape_of_the_draft_register() {
    let register = register(policies(), now());
    let status = register
        .processing_activities
        .iter()
        .find(|one| one.purpose_id.as_str() == "admissibility-status");
    let mut json = serde_json::to_value(status.unwrap()).unwrap();
    json["recipients"].as_array_mut().unwrap().truncate(1);
    json["holders"].as_array_mut().unwrap().truncate(1);
    insta::assert_snapshot!(format!("{json:#}"));
}

#[test]
fn every_id_is_an_entity_and_a_uuid_of_its_own() {
    let register = register(policies(), now());
    let ids: BTreeSet<&str> = register.entities.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(ids.len(), register.entities.len());
    for activity in &register.processing_activities {
        assert!(
            entities_of(activity).all(|id| ids.contains(id)),
            "{}",
            activity.purpose_id
        );
    }
    let activities = register.processing_activities.iter().map(|one| one.id.as_str());
    for id in ids.into_iter().chain(activities) {
        assert_eq!(id.len(), 36);
        assert_eq!(
            (&id[14..15], id[19..20].contains(['8', '9', 'a', 'b'])),
            ("8", true),
            "{id}"
        );
    }
}

#[test]
fn a_sleeping_purpose_is_in_it_and_does_not_act() {
    let before = "2025-01-01T00:00:00Z".parse().unwrap();
    let register = register(policies(), before);
    assert_eq!(register.processing_activities.len(), policies().purposes.len());
    assert!(register.processing_activities.iter().all(|one| !one.active));
}

#[test]
fn the_csv_has_a_line_for_each_purpose() {
    let text = csv(&register(policies(), now()));
    let mut reader = ::csv::Reader::from_reader(text.as_bytes());
    let rows: Vec<::csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), policies().purposes.len());
    assert!(rows.iter().all(|row| row.len() == 18 && !row[6].is_empty()));
}

#[test]
fn a_cell_is_never_a_formula() {
    let mut policies = policies().clone();
    let standing = policies.purposes.values_mut().next().unwrap();
    standing.purpose.title = Text::same("=HYPERLINK(\"x\")");
    let text = csv(&register(&policies, now()));
    assert!(text.contains("\"'=HYPERLINK(\"\"x\"\")\""), "{text}");
}

#[test]
fn the_page_is_plain_and_escaped() {
    let mut policies = policies().clone();
    let standing = policies.purposes.values_mut().next().unwrap();
    standing.purpose.title = Text::same("<script>alert(1)</script>");
    let register = register(&policies, now());
    for (language, lang) in [
        (crate::text::Language::Dutch, "nl"),
        (crate::text::Language::English, "en"),
    ] {
        let page = html(&register, language);
        assert!(
            page.starts_with(&format!("<!doctype html>\n<html lang=\"{lang}\">")),
            "{page}"
        );
        assert!(!page.contains("<script") && page.contains("&lt;script&gt;"));
        assert_eq!(page.matches("<h1>").count(), 1);
        assert_eq!(page.matches("<h2 ").count(), policies.purposes.len());
        assert_eq!(
            page.matches("<section ").count(),
            page.matches("</section>").count()
        );
    }
}
