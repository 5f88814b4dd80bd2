use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::*;
use crate::catalogue::{Dimension, FieldName};
use crate::fixture::{BOARD, BSN, caller, name, now, policies, staff};
use crate::party::{Caller, Oin, Staff};
use crate::plan::{AskedPupil, Plan};
use crate::policy::decide::{Permit, decide_delivery, decide_released};
use crate::policy::tools::items::{EXACT, PSEUDONYM, Use, level};
use crate::pseudonym::SubjectId;
use crate::purpose::{FieldGrant, Measure};
use crate::request::{EpochChoice, FiguresRequest, Page, RecordsRequest, Request, Selection};

/// Recipient, for whom, role, purpose, use, dataset, field, level, value.
type Right = (
    String,
    String,
    String,
    String,
    String,
    String,
    String,
    String,
    String,
);

/// Each program that there might be: every organisation in every role, vendors also for two boards, of which one
/// gave a mandate.
fn callers() -> Vec<(Caller, Option<Oin>)> {
    let policies = policies();
    let grants = policies
        .purposes
        .values()
        .flat_map(|standing| &standing.purpose.grants);
    let mut roles: BTreeSet<String> = grants
        .flat_map(|grant| grant.recipients().iter().map(|recipient| recipient.role.clone()))
        .collect();
    roles.insert("nobody".to_owned());
    let boards = [BOARD, "board-62584"].map(|slug| crate::fixture::organisation(slug).oin.clone());
    let mut callers = Vec::new();
    for party in policies.organisations.iter() {
        for role in &roles {
            let one = caller(party.slug.as_str(), role);
            callers.push((one.clone(), None));
            if party.kind == crate::party::OrganisationKind::Vendor {
                callers.extend(boards.iter().map(|board| {
                    let vendor = Caller {
                        acting_for: boards.to_vec(),
                        ..one.clone()
                    };
                    (vendor, Some(board.clone()))
                }));
            }
        }
    }
    callers
}

fn fields() -> Vec<FieldName> {
    let datasets = policies().catalogue.datasets();
    datasets
        .flat_map(|dataset| {
            let fields = dataset.fields.iter().chain(&dataset.present);
            fields.map(|field| FieldName::new(dataset.name.clone(), field.name.clone()))
        })
        .collect()
}

fn dimensions() -> Vec<Dimension> {
    let levels = |field: FieldName| {
        let hierarchy = policies().catalogue.hierarchy_of(&field);
        let levels = hierarchy
            .map(|hierarchy| hierarchy.levels.clone())
            .unwrap_or_default();
        levels.into_iter().map(move |level| Dimension {
            field: field.clone(),
            level,
        })
    };
    fields().into_iter().flat_map(levels).collect()
}

/// The codes of a dimension that are worth a try: the first, the last, and whatever a grant fixes.
fn codes(dimension: &Dimension) -> BTreeSet<String> {
    let nodes = policies().catalogue.codes(dimension);
    let ends = nodes
        .first()
        .into_iter()
        .chain(nodes.last())
        .map(|node| node.code.clone());
    let grants = policies()
        .purposes
        .values()
        .flat_map(|standing| &standing.purpose.grants);
    let fixed = grants.filter_map(|grant| match grant {
        Grant::Figures(grant) => Some(grant.only.iter()),
        _ => None,
    });
    let fixed = fixed.flatten().filter(|(fixed, _)| fixed == dimension);
    ends.chain(fixed.map(|(_, code)| code.clone())).collect()
}

fn records(
    purpose: &str,
    acting_for: Option<&Oin>,
    fields: Vec<FieldName>,
    only: Vec<(FieldName, String)>,
) -> Request {
    // Rows about nobody have no pseudonym; where it is asked, it is asked alone or with a filter.
    let pseudonym = fields.is_empty();
    Request::Records(RecordsRequest {
        purpose: name(purpose),
        acting_for: acting_for.cloned(),
        site: None,
        fields,
        pseudonym,
        only,
        at: None,
        on_behalf_of: None,
        page: Page {
            limit: None,
            cursor: None,
        },
    })
}

/// Everything that any purpose counts.
fn measures() -> BTreeSet<Measure> {
    let grants = policies()
        .purposes
        .values()
        .flat_map(|standing| &standing.purpose.grants);
    grants
        .filter_map(|grant| match grant {
            Grant::Figures(grant) => Some(grant.measures.clone()),
            _ => None,
        })
        .flatten()
        .collect()
}

fn figures(purpose: &str, group_by: Vec<Dimension>, only: Vec<(Dimension, String)>) -> Request {
    measured(purpose, group_by, only, Measure::Pupils)
}

fn measured(
    purpose: &str,
    group_by: Vec<Dimension>,
    only: Vec<(Dimension, String)>,
    measure: Measure,
) -> Request {
    Request::Figures(FiguresRequest {
        purpose: name(purpose),
        epoch: EpochChoice::Latest,
        earlier: None,
        selection: Selection::Composed {
            group_by,
            measures: vec![measure],
        },
        only,
    })
}

fn facts(purpose: &str, acting_for: Option<&Oin>, kind: (&str, &str), asked: &Value) -> Request {
    let mut body = json!({
        "purpose": purpose, "actingFor": acting_for.map(ToString::to_string),
        "pupils": [{ "ref": "1", kind.0: kind.1 }]
    });
    body.as_object_mut()
        .unwrap()
        .extend(asked.as_object().unwrap().clone());
    let oin = &crate::fixture::organisation(BOARD).oin;
    Request::facts(&policies().catalogue, oin, body.to_string().as_bytes()).unwrap()
}

fn restrict(purpose: &str, acting_for: Option<&Oin>) -> Request {
    let body = json!({
        "purpose": purpose, "actingFor": acting_for.map(ToString::to_string), "action": "enter",
        "kind": "objection", "against": "all", "pupils": [{ "ref": "1", "bsn": BSN }]
    });
    let oin = &crate::fixture::organisation(BOARD).oin;
    Request::restriction(oin, body.to_string().as_bytes()).unwrap()
}

/// How coarse a field really comes out.
fn planned(permit: &Permit<'_>, request: &Request) -> String {
    let pupils = vec![AskedPupil {
        reference: "1".to_owned(),
        subject: SubjectId::from_bytes([1; 16]),
    }];
    let granted = |field: &FieldName, generalise: &Option<_>| {
        level(&FieldGrant {
            field: field.clone(),
            generalise: generalise.clone(),
        })
    };
    match Plan::minimal(permit, request, pupils).unwrap() {
        Plan::Records(plan) => granted(&plan.columns()[0].field, &plan.columns()[0].generalise),
        Plan::Facts(plan) => plan
            .fields()
            .first()
            .map(|(field, form)| granted(field, form))
            .unwrap(),
        Plan::Figures(_) | Plan::Meant(_) | Plan::Restrict(_) => panic!("no rows"),
    }
}

/// One question, and what its being granted shows.
struct Probe {
    request: Request,
    action: Use,
    field: Option<FieldName>,
    /// How coarse; none where the plan says it.
    level: Option<String>,
    value: String,
}

impl Probe {
    fn new(
        request: Request,
        action: Use,
        field: Option<&FieldName>,
        level: Option<&str>,
        value: &str,
    ) -> Self {
        Self {
            request,
            action,
            field: field.cloned(),
            level: level.map(str::to_owned),
            value: value.to_owned(),
        }
    }
}

/// Asking a holder who is meant, for the one reason that a shipped purpose gives.
fn resolve(purpose: &str) -> Request {
    let body = json!({
        "purpose": purpose, "pseudonyms": [crate::pseudonym::Pseudonym::stand_in(1).as_str()],
        "reason": "offer-support", "onBehalfOf": { "case": "1" }, "releasedBy": {},
    });
    Request::resolution(body.to_string().as_bytes()).unwrap()
}

/// A question for each thing that there is.
fn probes(purpose: &str, acting_for: Option<&Oin>) -> Vec<Probe> {
    let mut probes = Vec::new();
    let kinds = [("bsn", BSN), ("eckId", &"0".repeat(64)), ("local", "1")];
    for kind in kinds {
        let exists = facts(purpose, acting_for, kind, &json!({ "exists": true }));
        probes.push(Probe::new(exists, Use::Exists, None, Some(EXACT), ""));
        probes.extend(fields().iter().map(|field| {
            let seen = facts(
                purpose,
                acting_for,
                kind,
                &json!({ "fields": [field.to_string()] }),
            );
            Probe::new(seen, Use::See, Some(field), None, "")
        }));
    }
    probes.push(Probe::new(
        restrict(purpose, acting_for),
        Use::Restrict,
        None,
        Some(EXACT),
        "",
    ));
    probes.push(Probe::new(resolve(purpose), Use::Resolve, None, Some(EXACT), ""));
    let rows = records(purpose, acting_for, Vec::new(), Vec::new());
    probes.push(Probe::new(rows, Use::See, None, Some(PSEUDONYM), ""));
    for field in &fields() {
        let seen = records(purpose, acting_for, vec![field.clone()], Vec::new());
        probes.push(Probe::new(seen, Use::See, Some(field), None, ""));
        // Rows about nobody have no pseudonym, so the filter is tried beside the field itself too.
        for beside in [Vec::new(), vec![field.clone()]] {
            let only = vec![(field.clone(), "x".to_owned())];
            let narrowed = records(purpose, acting_for, beside, only);
            probes.push(Probe::new(narrowed, Use::Filter, Some(field), Some(EXACT), ""));
        }
    }
    if acting_for.is_some() {
        return probes;
    }
    for measure in measures() {
        let name = measure.name();
        let counted = measured(purpose, Vec::new(), Vec::new(), measure);
        probes.push(Probe::new(counted, Use::Count, None, Some(&name), ""));
    }
    for dimension in dimensions() {
        let (field, level) = (&dimension.field, Some(dimension.level.as_str()));
        let grouped = figures(purpose, vec![dimension.clone()], Vec::new());
        probes.push(Probe::new(grouped, Use::Group, Some(field), level, ""));
        for code in codes(&dimension) {
            let only = vec![(dimension.clone(), code.clone())];
            let narrowed = figures(purpose, Vec::new(), only);
            probes.push(Probe::new(narrowed, Use::Filter, Some(field), level, &code));
        }
    }
    probes
}

/// Everything that one caller gets out of one purpose, found by asking for each thing that there is.
fn asked(caller: &Caller, acting_for: Option<&Oin>, purpose: &str, probes: &[Probe]) -> BTreeSet<Right> {
    let policies = policies();
    let board = acting_for.and_then(|oin| policies.organisations.by_oin(oin));
    let right = |action: Use, dataset: &Name, field: Option<&FieldName>, level: &str, value: &str| {
        (
            caller.slug.to_string(),
            board.map(|board| board.slug.to_string()).unwrap_or_default(),
            caller.roles[0].clone(),
            purpose.to_owned(),
            action.name().to_owned(),
            dataset.to_string(),
            field.map(|field| field.field.to_string()).unwrap_or_default(),
            level.to_owned(),
            value.to_owned(),
        )
    };
    let staff = staff();
    let second = Staff {
        subject: "second".to_owned(),
        ..staff.clone()
    };
    let mut found = BTreeSet::new();
    let mut narrowed: BTreeMap<(&FieldName, &str), Vec<(&str, bool)>> = BTreeMap::new();
    for probe in probes {
        let decision = decide_released(policies, caller, &[&staff, &second], &probe.request, now());
        if let (Use::Filter, Some(field), Request::Figures(_)) = (probe.action, &probe.field, &probe.request)
        {
            let level = probe.level.as_deref().unwrap();
            let tried = narrowed.entry((field, level)).or_default();
            tried.push((&probe.value, decision.is_ok()));
        } else if let Ok(permit) = decision {
            let dataset = probe
                .field
                .as_ref()
                .map_or(permit.dataset(), |field| &field.dataset);
            let level = probe
                .level
                .clone()
                .unwrap_or_else(|| planned(&permit, &probe.request));
            if probe.action == Use::Group {
                // What is grouped is counted, under whichever grant allows it.
                found.insert(right(Use::Count, permit.dataset(), None, "pupils", ""));
            }
            found.insert(right(
                probe.action,
                dataset,
                probe.field.as_ref(),
                &level,
                &probe.value,
            ));
        }
    }
    for ((field, level), tried) in narrowed {
        let all = tried.iter().all(|(_, granted)| *granted);
        let granted = tried.iter().filter(|(_, granted)| *granted);
        let values: BTreeSet<&str> = granted.map(|(code, _)| if all { "" } else { *code }).collect();
        let rights = values
            .iter()
            .map(|value| right(Use::Filter, &field.dataset, Some(field), level, value));
        found.extend(rights);
    }
    for dataset in policies.catalogue.datasets() {
        let holder = acting_for.unwrap_or(&caller.organisation);
        if let Ok(permit) = decide_delivery(policies, caller, &dataset.name, holder, now())
            && permit.purpose().as_str() == purpose
        {
            found.insert(right(Use::Deliver, &dataset.name, None, EXACT, ""));
        }
    }
    found
}

fn listed() -> BTreeSet<Right> {
    // A search takes two persons, whom a program alone cannot bring; `tests/it/looks` asks for it.
    let rows = matrix(policies())
        .into_iter()
        .filter(|row| row.action != "search");
    let right = |row: Row| {
        let text = |part: Option<String>| part.unwrap_or_default();
        (
            row.recipient.to_string(),
            text(row.acting_for.map(|board| board.to_string())),
            row.role,
            row.purpose.to_string(),
            row.action.to_owned(),
            row.dataset.to_string(),
            text(row.field.map(|field| field.to_string())),
            row.level,
            text(row.value),
        )
    };
    let rights: BTreeSet<Right> = rows.map(right).collect();
    // Where another grant narrows by any code, one that fixes a code adds nothing.
    let any_code = |right: &Right| {
        let mut any = right.clone();
        any.8 = String::new();
        any
    };
    let adds = |right: &&Right| right.8.is_empty() || !rights.contains(&any_code(right));
    rights.iter().filter(adds).cloned().collect()
}

#[test]
fn it_is_what_brute_force_over_the_decision_finds() {
    let mut found = BTreeSet::new();
    let callers = callers();
    let boards: BTreeSet<&Option<Oin>> = callers.iter().map(|(_, board)| board).collect();
    for purpose in policies().purposes.keys().map(Name::as_str) {
        for board in &boards {
            let probes = probes(purpose, board.as_ref());
            let callers = callers.iter().filter(|(_, of)| of == *board);
            found.extend(callers.flat_map(|(caller, _)| asked(caller, board.as_ref(), purpose, &probes)));
        }
    }
    let listed = listed();
    let missing: Vec<_> = found.difference(&listed).take(10).collect();
    let invented: Vec<_> = listed.difference(&found).take(10).collect();
    assert!(
        missing.is_empty() && invented.is_empty(),
        "missing {missing:#?}, invented {invented:#?}"
    );
    assert!(listed.len() > 100);
}

#[test]
fn it_tells_about_whom_how_and_for_whom() {
    let rows = matrix(policies());
    let of = |recipient: &str| -> Vec<String> {
        let rows = rows.iter().filter(|row| {
            row.recipient.as_str() == recipient && row.purpose.as_str() == "admissibility-status"
        });
        rows.map(|row| row.cells().join("|")).collect()
    };
    insta::assert_debug_snapshot!(of("vendor-alpha"), @r#"
[
    "vendor-alpha|board-41676|school|admissibility-status|1|0|facts|admissibility||exists|exact||own-school|proved|all|600/h|vendor-alpha-school",
    "vendor-alpha|board-41676|school|admissibility-status|1|0|facts|admissibility|kind|see|exact||own-school|proved|all|600/h|vendor-alpha-school",
    "vendor-alpha|board-41676|school|admissibility-status|1|0|facts|admissibility|outcome|see|exact||own-school|proved|all|600/h|vendor-alpha-school",
    "vendor-alpha|board-41676|school|admissibility-status|1|0|facts|admissibility|valid-from|see|exact||own-school|proved|all|600/h|vendor-alpha-school",
    "vendor-alpha|board-41676|school|admissibility-status|1|0|facts|admissibility|valid-until|see|exact||own-school|proved|all|600/h|vendor-alpha-school",
]
"#);
    let counts = rows
        .iter()
        .fold(BTreeMap::new(), |mut counts: BTreeMap<_, usize>, row| {
            *counts.entry(row.form).or_default() += 1;
            counts
        });
    insta::assert_debug_snapshot!(counts, @r#"
{
    "delivery": 39,
    "facts": 559,
    "figures": 1437,
    "records": 216,
    "resolve": 2,
    "restrict": 13,
    "search": 1,
}
"#);
}
