//! Strictest wins, holders that sleep, scopes, and what cannot be evaluated.

use super::*;
use crate::plan::{Plan, PlannedScope};
use crate::policy::{ApprovalRole, InvalidApproval, Missing, StandingState};
use crate::purpose::{Conditions, HolderRule, Holders, Scope};
use crate::scope::SiteBoards;

/// The shipped policies with another first grant of a purpose.
fn with(purpose: &str, change: impl FnOnce(&mut Grant)) -> Policies {
    let mut policies = policies().clone();
    let standing = policies.purposes.get_mut(&name(purpose)).unwrap();
    change(&mut standing.purpose.grants[0]);
    policies
}

fn conditions(grant: &mut Grant) -> &mut Conditions {
    match grant {
        Grant::Facts(grant) => &mut grant.conditions,
        Grant::Figures(grant) => &mut grant.conditions,
        Grant::Records(grant) => &mut grant.conditions,
        other => panic!("{} has no conditions", other.form()),
    }
}

fn rule(holder: &str) -> HolderRule {
    HolderRule {
        holder: holder.parse().unwrap(),
        without: Vec::new(),
        retention: None,
        round: None,
        show_from: None,
    }
}

/// What limits a consultation: limit, value and clause.
fn limited(policies: &Policies, fields: &[&str]) -> Vec<String> {
    let request = consult(fields, &json!({}), 10);
    let permit = decide(
        policies,
        &caller("swv-po", "consulent"),
        Some(&staff()),
        &request,
        now(),
    )
    .unwrap();
    let by = permit.terms().limited_by().iter();
    by.map(|by| format!("{} {} {}", by.limit, by.value, by.clause))
        .collect()
}

#[test]
fn the_shortest_term_wins_and_says_whose_it_is() {
    let shipped = limited(policies(), &["enrolment.site"]);
    assert_eq!(shipped, ["retention P1Y case-consultation/retention"]);

    let own = with("case-consultation", |grant| {
        conditions(grant).retention = Some("P6M".to_owned());
    });
    assert_eq!(
        limited(&own, &["enrolment.site"]),
        ["retention P6M case-consultation/grant/0/retention"]
    );

    let mut holders = with("case-consultation", |grant| {
        conditions(grant).holder_rules = vec![
            HolderRule {
                retention: Some("P60D".to_owned()),
                ..rule("board-62584")
            },
            HolderRule {
                retention: Some("P1M".to_owned()),
                ..rule(BOARD)
            },
            // The municipality holds no row of these datasets.
            HolderRule {
                retention: Some("P1D".to_owned()),
                ..rule("municipality")
            },
        ];
    });
    assert_eq!(
        limited(&holders, &["enrolment.site"]),
        ["retention P1M case-consultation/grant/0/holder_rule/1"]
    );

    // Of a long purpose the datasets are the shorter: rows are kept three years.
    holders
        .purposes
        .get_mut(&name("case-consultation"))
        .unwrap()
        .purpose
        .retention = "P10Y".to_owned();
    let standing = holders.purposes.get_mut(&name("case-consultation")).unwrap();
    conditions(&mut standing.purpose.grants[0]).holder_rules.clear();
    assert_eq!(
        limited(&holders, &["enrolment.site", "absence.kind"]),
        ["retention P3Y dataset/absence"]
    );
}

#[test]
fn a_field_that_one_holder_withholds_is_given_of_nobody() {
    let policies = with("case-consultation", |grant| {
        conditions(grant).holder_rules = vec![HolderRule {
            without: vec![field("absence.since")],
            ..rule(BOARD)
        }];
    });
    let consulent = caller("swv-po", "consulent");
    let ask = |fields: &[&str]| {
        let request = consult(fields, &json!({}), 10);
        decide(&policies, &consulent, Some(&staff()), &request, now()).map(|_| ())
    };
    assert!(ask(&["enrolment.site", "absence.kind"]).is_ok());
    let denial = ask(&["enrolment.site", "absence.since"]).unwrap_err();
    assert_eq!(denial.code.as_str(), "field-not-granted");
    assert_eq!(
        denial.clause.as_deref(),
        Some("case-consultation/grant/0/holder_rule/0")
    );
    let allowed = denial.allowed.unwrap();
    assert!(!allowed.fields.contains(&"absence.since".to_owned()) && allowed.coarser.is_empty());
}

#[test]
fn the_coarsest_rounding_and_the_highest_threshold_win() {
    let municipality = caller("municipality", "dashboard");
    let request = truants(&["enrolment.neighbourhood@district"], &json!({}));
    let rounds = |policies: &Policies| {
        let permit = decide(policies, &municipality, None, &request, now()).unwrap();
        let Plan::Figures(plan) = Plan::minimal(&permit, &request, Vec::new()).unwrap() else {
            panic!("another form")
        };
        let by: Vec<String> = permit
            .terms()
            .limited_by()
            .iter()
            .map(|by| by.clause.clone())
            .collect();
        (plan.round(), plan.show_from(), by)
    };
    let ruled = with("neighbourhood-absence", |grant| {
        conditions(grant).holder_rules = vec![
            HolderRule {
                round: Some(5),
                show_from: Some(20),
                ..rule(BOARD)
            },
            HolderRule {
                round: Some(10),
                ..rule("board-62584")
            },
        ];
    });
    let (round, show_from, by) = rounds(&ruled);
    assert_eq!((round, show_from), (10, 20));
    let clause = "neighbourhood-absence/grant/0";
    assert_eq!(
        by,
        [
            "neighbourhood-absence/retention".to_owned(),
            format!("{clause}/holder_rule/1"),
            format!("{clause}/holder_rule/0")
        ]
    );
    let home = truants(&[], &json!({ "absence.stay-at-home": true }));
    let permit = decide(policies(), &municipality, None, &home, now()).unwrap();
    let by = permit.terms().limited_by().last().unwrap();
    assert_eq!((by.limit, by.clause.as_str()), ("protection", "dataset/absence"));
}

/// The shipped policies in which one holder did not approve.
fn asleep(holder: &str, role: ApprovalRole, change: impl FnOnce(&mut Grant)) -> Policies {
    let mut policies = with("case-consultation", change);
    policies
        .purposes
        .get_mut(&name("case-consultation"))
        .unwrap()
        .state = StandingState::Asleep {
        missing: vec![Missing {
            organisation: holder.parse().unwrap(),
            role,
            reason: InvalidApproval::Absent,
        }],
    };
    policies
}

#[test]
fn without_a_sleeping_holder_an_answer_is_given_only_where_the_grant_says_so() {
    let partial = |grant: &mut Grant| conditions(grant).partial = true;
    let request = consult(&["enrolment.site", "absence.kind"], &json!({}), 10);
    let consulent = caller("swv-po", "consulent");
    let ask = |policies: &Policies| {
        decide(policies, &consulent, Some(&staff()), &request, now())
            .map(|permit| permit.asleep().to_vec())
            .map_err(|denial| (denial.code.as_str(), denial.clause.unwrap_or_default()))
    };
    let board = organisation(BOARD);
    assert_eq!(
        ask(&asleep(BOARD, ApprovalRole::Holder, partial)),
        Ok(vec![board.oin.clone()])
    );
    let whole = |_: &mut Grant| {};
    assert_eq!(
        ask(&asleep(BOARD, ApprovalRole::Holder, whole)),
        Err((
            "purpose-asleep",
            "case-consultation/approval/board-41676.holder/absent".to_owned()
        ))
    );
    // The partnership's own rows say whose caseload it is: without them the scope cannot be evaluated.
    assert_eq!(
        ask(&asleep("swv-po", ApprovalRole::Holder, partial))
            .unwrap_err()
            .0,
        "purpose-asleep"
    );
    assert_eq!(
        ask(&asleep("swv-po", ApprovalRole::Fg, partial)),
        Err((
            "purpose-asleep",
            "case-consultation/approval/swv-po.fg/absent".to_owned()
        ))
    );

    // The rows of the sleeping holder are in no part of the plan, joined ones included.
    let policies = asleep(BOARD, ApprovalRole::Holder, partial);
    let permit = decide(&policies, &consulent, Some(&staff()), &request, now()).unwrap();
    let Plan::Records(plan) = Plan::minimal(&permit, &request, Vec::new()).unwrap() else {
        panic!("another form")
    };
    for part in plan.parts() {
        let holders = part.holders.as_ref().unwrap();
        assert!(!holders.contains(&board.oin) && holders.contains(&organisation("board-62584").oin));
    }
}

#[test]
fn a_list_of_holders_limits_joined_datasets_of_its_kind_too() {
    let policies = with("case-consultation", |grant| {
        if let Grant::Records(grant) = grant {
            grant.holders = Holders::Listed(vec![BOARD.parse().unwrap()]);
        }
    });
    let request = consult(&["enrolment.site", "absence.kind"], &json!({}), 10);
    let permit = decide(
        &policies,
        &caller("swv-po", "consulent"),
        Some(&staff()),
        &request,
        now(),
    )
    .unwrap();
    let Plan::Records(plan) = Plan::minimal(&permit, &request, Vec::new()).unwrap() else {
        panic!("another form")
    };
    assert_eq!(plan.parts().len(), 2);
    let listed = vec![organisation(BOARD).oin.clone()];
    assert!(
        plan.parts()
            .iter()
            .all(|part| part.holders.as_ref() == Some(&listed))
    );
}

#[test]
fn a_scope_of_one_site_needs_the_site_and_others_refuse_it() {
    let at_site = with("admissibility-status", |grant| {
        if let Grant::Facts(grant) = grant {
            grant.scope = Scope::OwnSite;
        }
    });
    let school = caller(BOARD, "school");
    let ask = |policies: &'static Policies, site: Option<&str>| {
        let request = facts(
            &school,
            &json!({
                "purpose": "admissibility-status", "fields": ["admissibility.kind"], "site": site,
                "pupils": [{ "ref": "1", "bsn": BSN }]
            }),
        );
        let permit =
            decide(policies, &school, Some(&staff()), &request, now()).map_err(|d| d.code.as_str())?;
        let Plan::Facts(plan) = Plan::minimal(&permit, &request, Vec::new()).unwrap() else {
            panic!("another form")
        };
        Ok(plan.scope().clone())
    };
    let at_site: &'static Policies = Box::leak(Box::new(at_site));
    assert_eq!(ask(at_site, None), Err("site-missing"));
    assert_eq!(ask(policies(), Some("06RM00")), Err("filter-not-granted"));
    let board = organisation(BOARD).oin.clone();
    let site = Some("06RM00".to_owned());
    let boards = SiteBoards::of(&at_site.catalogue, &at_site.organisations);
    assert_eq!(
        ask(at_site, Some("06RM00")),
        Ok(PlannedScope::OwnSchool { board, site, boards })
    );
}

#[test]
fn what_cannot_be_evaluated_denies_with_its_clause() {
    let denial = |policies: &Policies| {
        let request = consult(&["enrolment.site"], &json!({}), 1);
        let decision = decide(
            policies,
            &caller("swv-po", "consulent"),
            Some(&staff()),
            &request,
            now(),
        );
        let denial = decision.unwrap_err();
        (denial.code.as_str(), denial.clause.unwrap())
    };
    let changed = |change: fn(&mut RecordsGrant)| {
        denial(&with("case-consultation", |grant| {
            if let Grant::Records(grant) = grant {
                change(grant);
            }
        }))
    };
    let expected = ("constraint-not-evaluated", "case-consultation/grant/0".to_owned());
    assert_eq!(changed(|grant| grant.page_max = 0), expected);
    assert_eq!(changed(|grant| grant.limit.requests.count = 0), expected);
    assert_eq!(
        changed(|grant| grant.scope = Scope::OwnSchool),
        expected,
        "of a partnership"
    );
    assert_eq!(
        changed(|grant| grant.holders = Holders::Listed(Vec::new())),
        expected
    );
    assert_eq!(
        changed(|grant| grant.holders = Holders::Listed(vec!["gone".parse().unwrap()])),
        expected
    );
    assert_eq!(
        changed(|grant| grant.fields[0].field = field("enrolment.gone")),
        expected
    );
    assert_eq!(
        changed(|grant| grant.conditions.retention = Some("soon".to_owned())),
        expected
    );
    assert_eq!(
        changed(|grant| grant.conditions.holder_rules = vec![rule("gone")]),
        expected
    );
    let mut endless = policies().clone();
    endless
        .purposes
        .get_mut(&name("case-consultation"))
        .unwrap()
        .purpose
        .retention
        .clear();
    assert_eq!(denial(&endless), expected);
}

#[test]
fn a_named_question_is_not_filtered_finer_than_it_groups() {
    let finer = [(
        "resident.neighbourhood@neighbourhood".to_owned(),
        "WK003401".to_owned(),
    )];
    let asked = Request::question(
        &policies().catalogue,
        "youth-atlas",
        "children-by-district",
        &finer,
    )
    .unwrap();
    let denial = decided(&caller("swv-po", "dashboard"), &asked).unwrap_err();
    assert_eq!(denial.code.as_str(), "filter-finer-than-grouped");
    let body = json!({
        "purpose": "youth-atlas", "form": "figures", "groupBy": ["resident.neighbourhood@district"],
        "only": { "resident.neighbourhood@neighbourhood": "WK003401" }, "measures": ["pupils"]
    });
    let errors = Request::query(&policies().catalogue, body.to_string().as_bytes()).unwrap_err();
    assert_eq!(
        (errors[0].location.as_str(), errors[0].code),
        ("/only", "finer-than-grouped")
    );
}
