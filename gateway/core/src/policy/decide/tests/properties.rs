use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::json;

use super::super::*;
use crate::catalogue::{Dimension, FieldName};
use crate::fixture::{BOARD, BSN, caller, decided, dimension, facts, field, name, now, policies, staff};
use crate::plan::{AskedPupil, Plan};
use crate::pseudonym::SubjectId;

/// Every program of the shipped organisations that matters, and some that should get nothing.
fn anyone() -> impl Strategy<Value = Caller> {
    let parties = [
        "swv-po",
        "swv-vo",
        "municipality",
        BOARD,
        "board-62584",
        "vendor-alpha",
    ];
    let roles = ["dashboard", "consulent", "school", "delivery", "nobody"];
    (select(parties.to_vec()), select(roles.to_vec())).prop_map(|(slug, role)| caller(slug, role))
}

fn any_purpose() -> impl Strategy<Value = String> {
    select(
        policies()
            .purposes
            .keys()
            .map(ToString::to_string)
            .collect::<Vec<_>>(),
    )
}

/// Every field of every dataset about pupils.
fn all_fields() -> Vec<FieldName> {
    let datasets = policies().catalogue.datasets();
    datasets
        .filter(|dataset| dataset.about == crate::catalogue::About::Pupil)
        .flat_map(|dataset| {
            dataset
                .fields
                .iter()
                .map(|field| FieldName::new(dataset.name.clone(), field.name.clone()))
        })
        .collect()
}

/// Every dimension of every dataset about pupils, at every level.
fn all_dimensions() -> Vec<Dimension> {
    let catalogue = &policies().catalogue;
    let levels = |field: FieldName| {
        let hierarchy = catalogue.hierarchy_of(&field)?;
        let levels = hierarchy.levels.iter().cloned();
        Some(
            levels
                .map(|level| Dimension {
                    field: field.clone(),
                    level,
                })
                .collect::<Vec<_>>(),
        )
    };
    all_fields().into_iter().filter_map(levels).flatten().collect()
}

/// Dimensions of distinct fields, mostly those that some purpose grants.
fn dimensions() -> impl Strategy<Value = Vec<Dimension>> {
    let common = [
        "resident.neighbourhood@neighbourhood",
        "resident.neighbourhood@district",
        "enrolment.neighbourhood@neighbourhood",
        "enrolment.neighbourhood@district",
        "enrolment.sector@sector",
        "enrolment.sector@phase",
        "resident.attends",
        "absence.kind",
        "absence.stay-at-home",
    ];
    let common: Vec<Dimension> = common.map(dimension).into();
    let one = prop_oneof![4 => select(common), 1 => select(all_dimensions())];
    prop::collection::vec(one, 0..4).prop_map(|dimensions| {
        let mut seen = BTreeSet::new();
        dimensions
            .into_iter()
            .filter(|dimension| seen.insert(dimension.field.clone()))
            .collect()
    })
}

/// What a figures grant allows, told in another way than the decision does.
fn within(grant: &FiguresGrant, group_by: &[Dimension], only: &[(Dimension, String)]) -> bool {
    let catalogue = &policies().catalogue;
    let reach = |granted: &[Dimension]| -> BTreeSet<Dimension> {
        granted
            .iter()
            .flat_map(|granted| {
                let levels =
                    crate::figures::release::levels(catalogue, grant.is_sensitive(catalogue), granted);
                levels.into_iter().map(|level| Dimension {
                    field: granted.field.clone(),
                    level,
                })
            })
            .collect()
    };
    let groups = reach(&grant.group_by);
    let filters = &groups | &reach(&grant.filter_by);
    let fixed: BTreeSet<_> = grant.only.iter().map(|(dimension, _)| &dimension.field).collect();
    let fields: BTreeSet<_> = group_by
        .iter()
        .chain(only.iter().map(|(dimension, _)| dimension))
        .filter(|dimension| !fixed.contains(&dimension.field))
        .map(|dimension| &dimension.field)
        .collect();
    let places = fields
        .iter()
        .filter(|field| field.field.as_str() == "neighbourhood")
        .count();
    let place = |dimension: &Dimension| {
        let hierarchy = catalogue.hierarchy_of(&dimension.field).unwrap();
        hierarchy
            .levels
            .iter()
            .position(|level| *level == dimension.level)
            .unwrap()
    };
    let mut pairs = group_by
        .iter()
        .flat_map(|axis| only.iter().map(move |(filter, _)| (axis, filter)));
    let finer = pairs.any(|(axis, filter)| axis.field == filter.field && place(filter) < place(axis));
    !finer
        && group_by.iter().all(|dimension| groups.contains(dimension))
        && only.iter().all(|(dimension, code)| {
            grant.only.contains(&(dimension.clone(), code.clone()))
                || !fixed.contains(&dimension.field) && filters.contains(dimension)
        })
        && fields.len() - places.min(1) <= usize::from(grant.max_dimensions)
}

fn for_caller(caller: &Caller, grant: &Grant) -> bool {
    let organisation = policies().organisations.by_oin(&caller.organisation).unwrap();
    grant.receiving(&policies().organisations).contains(&organisation)
        && grant
            .recipients()
            .iter()
            .any(|recipient| caller.roles.contains(&recipient.role))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn figures_are_granted_exactly_within_a_grant(
        caller in anyone(),
        purpose in any_purpose(),
        group_by in dimensions(),
        filters in dimensions(),
        pick in any::<prop::sample::Index>(),
    ) {
        let catalogue = &policies().catalogue;
        let only: Vec<(Dimension, String)> = filters
            .into_iter()
            .map(|dimension| {
                let codes = catalogue.codes(&dimension);
                let code = codes[pick.index(codes.len())].code.clone();
                (dimension, code)
            })
            .collect();
        let request = Request::Figures(FiguresRequest {
            purpose: name(&purpose),
            epoch: crate::request::EpochChoice::Latest,
            earlier: None,
            selection: crate::request::Selection::Composed { group_by: group_by.clone(), measures: vec![crate::purpose::Measure::Pupils] },
            only: only.clone(),
        });
        let lawful = policies().purposes[&name(&purpose)].purpose.grants.iter().any(|grant| {
            matches!(grant, Grant::Figures(figures) if within(figures, &group_by, &only)) && for_caller(&caller, grant)
        });
        let decision = decided(&caller, &request);
        prop_assert_eq!(decision.is_ok(), lawful, "{:?}", decision);
    }

    #[test]
    fn records_hold_no_field_filter_or_page_that_is_not_granted(
        caller in prop_oneof![Just(caller("swv-po", "consulent")), anyone()],
        purpose in prop_oneof![Just("case-consultation".to_owned()), any_purpose()],
        granted in subsequence(vec!["enrolment.site", "enrolment.sector", "absence.since", "absence.weeks"], 0..4),
        others in subsequence(all_fields(), 0..2),
        filters in subsequence(all_fields(), 0..2),
        limit in 1_u32..=1000,
        proved in any::<bool>(),
    ) {
        let mut fields: Vec<FieldName> = granted.into_iter().map(field).collect();
        fields.extend(others);
        fields.dedup();
        let only: Vec<_> = filters.into_iter().map(|field| (field, "2026-09-01".to_owned())).collect();
        let request = Request::Records(crate::request::RecordsRequest {
            purpose: name(&purpose),
            fields: fields.clone(),
            pseudonym: true,
            only: only.clone(),
            acting_for: None,
            site: None,
            at: None,
            on_behalf_of: None,
            page: crate::request::Page { limit: Some(limit), cursor: None },
        });
        let person = Staff { proved, ..staff() };
        let Ok(permit) = decide(policies(), &caller, Some(&person), &request, now()) else {
            return Ok(());
        };
        let Right::Records(grant, _) = permit.right() else { panic!("another form") };
        prop_assert!(proved && for_caller(&caller, &Grant::Records((*grant).clone())));
        prop_assert!(only.iter().all(|(field, _)| grant.filter_by.contains(field)));
        prop_assert!(limit <= grant.page_max);
        if let Ok(Plan::Records(plan)) = Plan::minimal(&permit, &request, Vec::new()) {
            for column in plan.columns() {
                let granted = grant.fields.iter().find(|granted| granted.field == column.field);
                prop_assert_eq!(granted.map(|granted| &granted.generalise), Some(&column.generalise));
            }
            prop_assert_eq!(plan.columns().len(), fields.len());
        }
    }

    #[test]
    fn facts_hold_no_field_or_identifier_that_is_not_granted(
        caller in prop_oneof![Just(caller(BOARD, "school")), anyone()],
        purpose in prop_oneof![Just("admissibility-status".to_owned()), any_purpose()],
        granted in subsequence(vec!["admissibility.kind", "admissibility.outcome"], 0..2),
        others in subsequence(all_fields(), 0..2),
        kind in select(vec![("bsn", BSN), ("local", "4711")]),
    ) {
        let mut fields: Vec<String> = granted.into_iter().map(str::to_owned).collect();
        fields.extend(others.iter().map(ToString::to_string));
        let mut seen = BTreeSet::new();
        fields.retain(|field| seen.insert(field.clone()));
        let request = facts(&caller, &json!({
            "purpose": purpose, "exists": fields.is_empty(), "fields": fields, "pupils": [{ "ref": "1", kind.0: kind.1 }]
        }));
        let Ok(permit) = decided(&caller, &request) else { return Ok(()) };
        let Right::Facts(grant, _) = permit.right() else { panic!("another form") };
        prop_assert!(for_caller(&caller, &Grant::Facts((*grant).clone())));
        prop_assert!(grant.identifiers.iter().any(|identifier| identifier.as_str() == kind.0));
        let pupils = vec![AskedPupil { reference: "1".to_owned(), subject: SubjectId::from_bytes([1; 16]) }];
        let Plan::Facts(plan) = Plan::minimal(&permit, &request, pupils).unwrap() else { panic!("another form") };
        for (asked, generalise) in plan.fields() {
            let granted = grant.fields.iter().find(|granted| granted.field == *asked);
            prop_assert_eq!(granted.map(|granted| &granted.generalise), Some(generalise));
        }
    }

    /// Whatever of a grant cannot be evaluated, every request that would rest on it is denied.
    #[test]
    fn a_grant_with_one_unset_or_unknown_constraint_gives_nothing(
        caller in prop_oneof![Just(caller("swv-po", "dashboard")), Just(caller("swv-po", "consulent")), anyone()],
        purpose in any_purpose(),
        group_by in dimensions(),
        broken in select(vec![Broken::Rate, Broken::Retention, Broken::Holder, Broken::Dataset, Broken::Rule]),
        records in any::<bool>(),
    ) {
        let mut policies = policies().clone();
        let standing = policies.purposes.get_mut(&name(&purpose)).unwrap();
        let had = standing.purpose.grants.len();
        for grant in &mut standing.purpose.grants {
            broken.apply(grant);
        }
        if broken == Broken::Retention {
            standing.purpose.retention = "for ever".to_owned();
        }
        prop_assert!(had > 0);
        let request = if records {
            Request::Records(crate::request::RecordsRequest {
                purpose: name(&purpose),
                fields: vec![field("enrolment.site")],
                pseudonym: true,
                only: Vec::new(),
                acting_for: None,
                site: None,
                at: None,
                on_behalf_of: None,
                page: crate::request::Page { limit: None, cursor: None },
            })
        } else {
            Request::Figures(FiguresRequest {
                purpose: name(&purpose),
                epoch: crate::request::EpochChoice::Latest,
                earlier: None,
                selection: crate::request::Selection::Composed { group_by, measures: vec![crate::purpose::Measure::Pupils] },
                only: Vec::new(),
            })
        };
        let decision = decide(&policies, &caller, Some(&staff()), &request, now());
        prop_assert!(decision.is_err(), "{:?}", decision);
    }

    /// A field that any holder of the rows withholds is in no plan; every other answer is as it was.
    #[test]
    fn withheld_fields_are_in_no_plan(
        withheld in select(vec!["enrolment.sector", "absence.since", "absence.kind", "absence.weeks"]),
        asked in subsequence(vec!["enrolment.site", "enrolment.sector", "absence.since", "absence.kind", "absence.weeks"], 1..5),
        holder in select(vec![BOARD, "board-62584"]),
    ) {
        let mut policies = policies().clone();
        let standing = policies.purposes.get_mut(&name("case-consultation")).unwrap();
        let Grant::Records(grant) = &mut standing.purpose.grants[0] else { panic!("another form") };
        grant.conditions.holder_rules = vec![crate::purpose::HolderRule {
            holder: holder.parse().unwrap(),
            without: vec![field(withheld)],
            retention: None,
            round: None,
            show_from: None,
        }];
        let request = Request::Records(crate::request::RecordsRequest {
            purpose: name("case-consultation"),
            fields: asked.iter().map(|text| field(text)).collect(),
            pseudonym: true,
            only: Vec::new(),
            acting_for: None,
            site: None,
            at: None,
            on_behalf_of: None,
            page: crate::request::Page { limit: None, cursor: None },
        });
        let decision = decide(&policies, &caller("swv-po", "consulent"), Some(&staff()), &request, now());
        prop_assert_eq!(decision.is_ok(), !asked.contains(&withheld));
    }
}

/// One constraint that cannot be evaluated.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Broken {
    Rate,
    Retention,
    Holder,
    Dataset,
    Rule,
}

impl Broken {
    fn apply(self, grant: &mut Grant) {
        let gone = || name("gone");
        let slug = || "gone".parse().unwrap();
        let rule = || crate::purpose::HolderRule {
            holder: slug(),
            without: Vec::new(),
            retention: Some("P1M".to_owned()),
            round: None,
            show_from: None,
        };
        match (self, grant) {
            (Self::Rate, Grant::Figures(grant)) => grant.limit.requests.count = 0,
            (Self::Rate, Grant::Records(grant)) => grant.limit.requests.count = 0,
            (Self::Holder, Grant::Figures(grant)) => {
                grant.holders = crate::purpose::Holders::Listed(vec![slug()]);
            }
            (Self::Holder, Grant::Records(grant)) => {
                grant.holders = crate::purpose::Holders::Listed(vec![slug()]);
            }
            (Self::Dataset, Grant::Figures(grant)) => grant.dataset = gone(),
            (Self::Dataset, Grant::Records(grant)) => grant.dataset = gone(),
            (Self::Rule, Grant::Figures(grant)) => grant.conditions.holder_rules = vec![rule()],
            (Self::Rule, Grant::Records(grant)) => grant.conditions.holder_rules = vec![rule()],
            // The purpose's own; other forms are not asked here.
            _ => {}
        }
    }
}
