use proptest::prelude::*;
use proptest::sample::{Index, subsequence};
use serde_json::{Value, json};

use super::*;
use crate::catalogue::{Dimension, ProtectionClass};
use crate::fixture::{caller, decided, dimension, field, figures_grant, name, now, policies, query, staff};
use crate::policy::decide::decide;
use crate::purpose::{Generalise, Grant};

fn figures(purpose: &str, group_by: &[&str], only: &Value) -> Result<FiguresPlan, PlanError> {
    let request = query(&json!({
        "purpose": purpose, "form": "figures", "groupBy": group_by, "only": only, "measures": ["pupils"]
    }));
    let permit = decided(&caller("municipality", "dashboard"), &request).unwrap();
    match Plan::minimal(&permit, &request, Vec::new())? {
        Plan::Figures(plan) => Ok(plan),
        other => panic!("{other:?}"),
    }
}

fn codes(plan: &FiguresPlan) -> Vec<Vec<&str>> {
    plan.rows()
        .iter()
        .map(|row| row.nodes.iter().map(|(code, _)| code.as_str()).collect())
        .collect()
}

#[test]
fn the_rows_are_the_full_cross_product_in_the_order_of_the_catalogue() {
    let plan = figures(
        "youth-atlas",
        &["resident.neighbourhood@district", "resident.attends"],
        &json!({}),
    )
    .unwrap();
    let catalogue = &policies().catalogue;
    let districts = catalogue.codes(&dimension("resident.neighbourhood@district"));
    let attends = catalogue.codes(&dimension("resident.attends"));
    let expected: Vec<Vec<&str>> = districts
        .iter()
        .flat_map(|district| {
            attends
                .iter()
                .map(|way| vec![district.code.as_str(), way.code.as_str()])
        })
        .collect();
    assert_eq!(codes(&plan), expected);
    assert_eq!(
        plan.dimensions(),
        ["resident.neighbourhood@district", "resident.attends"]
    );
}

/// The cell whose pupils a row counts, by the name it is stored under.
fn stored_under<'p>(plan: &'p FiguresPlan, row: &PlannedRow) -> Option<&'p str> {
    match row.figures.as_slice() {
        [PlannedFigure::Pupils(key)] => plan.keys().get((*key)?).map(String::as_str),
        other => panic!("{other:?}"),
    }
}

#[test]
fn no_group_is_one_cell() {
    let plan = figures("youth-atlas", &[], &json!({})).unwrap();
    assert_eq!(codes(&plan), [Vec::<&str>::new()]);
    assert_eq!(
        stored_under(&plan, &plan.rows()[0]),
        Some("resident.present@code=true")
    );
}

#[test]
fn the_grants_own_filter_is_in_every_cell() {
    let plan = figures("neighbourhood-absence", &["enrolment.sector@phase"], &json!({})).unwrap();
    for row in plan.rows() {
        assert!(
            stored_under(&plan, row)
                .unwrap()
                .contains("absence.kind@code=unauthorised")
        );
    }
}

#[test]
fn a_coarser_filter_on_the_grouped_field_narrows_its_nodes() {
    let within = json!({ "resident.neighbourhood@district": "ALM-HAVEN" });
    let plan = figures("youth-atlas", &["resident.neighbourhood"], &within).unwrap();
    assert_eq!(plan.rows().len(), 14);
    let all = figures("youth-atlas", &["resident.neighbourhood"], &json!({})).unwrap();
    for row in plan.rows() {
        let same = all.rows().iter().find(|other| other.nodes == row.nodes).unwrap();
        assert_eq!(
            stored_under(&all, same),
            stored_under(&plan, row),
            "the filter above a node adds nothing to its name"
        );
    }
}

#[test]
fn more_cells_than_an_answer_may_hold_have_no_plan() {
    let mut policies = policies().clone();
    let standing = policies.purposes.get_mut(&name("youth-atlas")).unwrap();
    let Grant::Figures(grant) = &mut standing.purpose.grants[0] else {
        panic!("no figures grant")
    };
    grant.group_by = [
        "resident.neighbourhood",
        "enrolment.neighbourhood",
        "enrolment.site",
    ]
    .map(dimension)
    .into();
    let group_by: Vec<String> = grant.group_by.iter().map(ToString::to_string).collect();
    let request = query(&json!({
        "purpose": "youth-atlas", "form": "figures", "groupBy": group_by, "measures": ["pupils"]
    }));
    let permit = decide(
        &policies,
        &caller("municipality", "dashboard"),
        None,
        &request,
        now(),
    )
    .unwrap();
    assert_eq!(
        Plan::minimal(&permit, &request, Vec::new()).err(),
        Some(PlanError::TooManyCells)
    );
}

#[test]
fn a_permit_makes_no_plan_of_another_form() {
    let request = query(&json!({
        "purpose": "youth-atlas", "form": "figures", "groupBy": [], "measures": ["pupils"]
    }));
    let permit = decided(&caller("municipality", "dashboard"), &request).unwrap();
    let other =
        query(&json!({ "purpose": "youth-atlas", "form": "records", "fields": ["resident.attends"] }));
    assert_eq!(
        Plan::minimal(&permit, &other, Vec::new()).err(),
        Some(PlanError::OtherForm)
    );
}

fn records(body: &Value) -> RecordsPlan {
    let request = query(body);
    let permit = decided(&caller("swv-po", "consulent"), &request).unwrap();
    match Plan::minimal(&permit, &request, Vec::new()).unwrap() {
        Plan::Records(plan) => plan,
        other => panic!("{other:?}"),
    }
}

#[test]
fn records_read_each_field_once_from_its_dataset_as_coarse_as_granted() {
    let plan = records(&json!({
        "purpose": "case-consultation", "form": "records",
        "fields": ["absence.since", "enrolment.site", "pseudonym", "absence.weeks"],
        "only": { "absence.kind": "unauthorised", "enrolment.sector": "VO" }
    }));
    let parts: Vec<(&str, Vec<&str>, Vec<&str>)> = plan
        .parts()
        .iter()
        .map(|part| {
            let filters = part.only.iter().map(|(field, _)| field.as_str());
            let fields = part.fields.iter().map(crate::catalogue::Name::as_str);
            (part.dataset.as_str(), fields.collect(), filters.collect())
        })
        .collect();
    assert_eq!(
        parts,
        [
            ("enrolment", vec!["site"], vec!["sector"]),
            ("absence", vec!["since", "weeks"], vec!["kind"])
        ]
    );
    let columns: Vec<_> = plan
        .columns()
        .iter()
        .map(|column| (column.part, column.position))
        .collect();
    assert_eq!(columns, [(1, 0), (0, 0), (1, 1)]);
    assert_eq!(plan.columns()[0].generalise, Some(Generalise::Month));
    assert!(plan.pseudonym());
    assert_eq!(
        (plan.at(), plan.page_limit()),
        (jiff::civil::date(2026, 11, 22), 1000)
    );
    let PlannedScope::Caseload { sites, .. } = plan.scope() else {
        panic!("a caseload");
    };
    // The partnership for primary education has no site of secondary education.
    assert!(sites.contains(&"12PM00".to_owned()) && !sites.contains(&"01FP00".to_owned()));
    let scope = PlannedScope::Caseload {
        controller: caller("swv-po", "consulent").organisation,
        staff: staff().subject,
        sites: sites.clone(),
        on: jiff::civil::date(2026, 11, 22),
    };
    assert!(*plan.scope() == scope);
    assert_eq!(format!("{:?}", plan.scope()), "Caseload(..)");
}

#[test]
fn a_filter_that_cannot_be_evaluated_makes_no_plan_and_no_permit() {
    let mut policies = policies().clone();
    let standing = policies.purposes.get_mut(&name("case-consultation")).unwrap();
    let Grant::Records(grant) = &mut standing.purpose.grants[0] else {
        panic!("no records grant")
    };
    grant.filter_by.push(field("enrolment.birth-date"));
    let request = |only: Value| {
        query(&json!({
            "purpose": "case-consultation", "form": "records", "fields": ["enrolment.site"], "only": only
        }))
    };
    let mut asked = request(json!({ "enrolment.birth-date": "2015-01-01" }));
    if let Request::Records(records) = &mut asked {
        "yesterday".clone_into(&mut records.only[0].1);
    }
    let consulent = caller("swv-po", "consulent");
    let permit = decide(&policies, &consulent, Some(&staff()), &asked, now()).unwrap();
    assert_eq!(
        Plan::minimal(&permit, &asked, Vec::new()).err(),
        Some(PlanError::Filter)
    );

    // In the grant itself it denies.
    let standing = policies.purposes.get_mut(&name("case-consultation")).unwrap();
    let Grant::Records(grant) = &mut standing.purpose.grants[0] else {
        panic!("no records grant")
    };
    grant.only = vec![(field("enrolment.birth-date"), "yesterday".to_owned())];
    let denied = decide(&policies, &consulent, Some(&staff()), &request(json!({})), now()).unwrap_err();
    assert_eq!(denied.code.as_str(), "constraint-not-evaluated");
}

/// A grant of the shipped purposes, some of its dimensions at some level, and a node of each.
fn cell() -> impl Strategy<Value = (&'static str, usize, Vec<(Dimension, String)>)> {
    let grants = vec![
        ("youth-atlas", 0_usize),
        ("neighbourhood-absence", 0),
        ("neighbourhood-absence", 1),
    ];
    prop::sample::select(grants).prop_flat_map(|(purpose, position)| {
        let grant = figures_grant(policies(), purpose, position);
        let max = grant.group_by.len().min(usize::from(grant.max_dimensions));
        let picks = any::<[Index; 8]>();
        (subsequence(grant.group_by.clone(), 0..=max), picks).prop_map(move |(dimensions, picks)| {
            let catalogue = &policies().catalogue;
            let coordinates = dimensions
                .into_iter()
                .zip(picks.chunks(2))
                .map(|(granted, picks)| {
                    let sensitive = grant.is_sensitive(catalogue);
                    let levels = crate::figures::release::levels(catalogue, sensitive, &granted);
                    let level = levels[picks[0].index(levels.len())].clone();
                    let dimension = Dimension {
                        field: granted.field,
                        level,
                    };
                    let codes = catalogue.codes(&dimension);
                    let code = codes[picks[1].index(codes.len())].code.clone();
                    (dimension, code)
                });
            (purpose, position, coordinates.collect())
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_same_cell_by_filter_and_by_grouping_has_one_id((purpose, position, coordinates) in cell()) {
        let fixed: Vec<(Dimension, String)> = figures_grant(policies(), purpose, position).only.clone();
        let mut ids = Vec::new();
        for grouped in 0..1_usize << coordinates.len() {
            let groups = |place: usize| grouped >> place & 1 == 1;
            let mut group_by = Vec::new();
            let mut nodes = Vec::new();
            let mut only = serde_json::Map::new();
            for (dimension, code) in &fixed {
                only.insert(dimension.to_string(), json!(code));
            }
            // The order in which dimensions are named makes no difference either.
            for (place, (dimension, code)) in coordinates.iter().enumerate().rev() {
                if groups(place) {
                    group_by.push(dimension.to_string());
                    nodes.push(code.as_str());
                } else {
                    only.insert(dimension.to_string(), json!(code));
                }
            }
            let group_by: Vec<&str> = group_by.iter().map(String::as_str).collect();
            let plan = figures(purpose, &group_by, &Value::Object(only)).unwrap();
            let place = codes(&plan).iter().position(|codes| *codes == nodes).unwrap();
            ids.push(stored_under(&plan, &plan.rows()[place]).map(str::to_owned));
        }
        prop_assert!(ids.windows(2).all(|pair| pair[0] == pair[1]), "{ids:?}");
    }
}

#[test]
fn what_is_sensitive_stays_so_in_the_name_of_its_cell() {
    let plan = figures(
        "neighbourhood-absence",
        &["enrolment.neighbourhood@district"],
        &json!({ "absence.stay-at-home": true }),
    )
    .unwrap();
    let catalogue = &policies().catalogue;
    for row in plan.rows() {
        let nodes = stored_under(&plan, row).unwrap().split('&');
        let fields: Vec<_> = nodes
            .map(|node| {
                catalogue
                    .dimension(node.split_once('=').unwrap().0)
                    .unwrap()
                    .field
            })
            .collect();
        assert_eq!(catalogue.class_of(fields.iter()), ProtectionClass::Sensitive);
    }
}
