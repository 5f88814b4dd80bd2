use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::catalogue::Value;
use crate::fixture::{caller, decided, query, staff};
use crate::party::Caller;
use crate::policy::decide::decide;
use crate::pseudonym::SubjectId;
use crate::request::Request;

fn request(limit: u32) -> Request {
    query(&json!({
        "purpose": "case-consultation", "form": "records", "fields": ["pseudonym", "enrolment.sector"],
        "page": { "limit": limit }
    }))
}

/// A row whose value tells which subject it was.
fn rows(subjects: &BTreeSet<[u8; 16]>) -> Extract {
    let row = |subject: &[u8; 16]| RawRow {
        subject: SubjectId::from_bytes(*subject),
        values: vec![Some(Value::Text(format!("{subject:?}")))],
    };
    Extract::Rows(subjects.iter().map(row).collect())
}

fn page_of(
    caller: &Caller,
    limit: u32,
    subjects: &BTreeSet<[u8; 16]>,
    after: Option<&Pseudonym>,
) -> (Vec<(Pseudonym, String)>, Option<Pseudonym>) {
    let request = request(limit);
    let permit = decided(caller, &request).unwrap();
    let plan = Plan::minimal(&permit, &request, Vec::new()).unwrap();
    let (root, tenant) = (ExitRoot::from_bytes([4; 32]), "almere".parse().unwrap());
    let key = ExitKey {
        root: &root,
        version: 1.try_into().unwrap(),
        tenant: &tenant,
    };
    let page = pseudonymise(&permit, &plan, rows(subjects), &key, after);
    let next = page.next().cloned();
    let Content::Records { rows, .. } = page.0 else {
        panic!("another form")
    };
    let text = |row: &PseudonymRow| match &row.raw.values[0] {
        Some(Value::Text(text)) => text.clone(),
        _ => panic!("no value"),
    };
    let named = rows
        .iter()
        .map(|row| (row.pseudonym.clone(), text(row)))
        .collect();
    (named, next)
}

fn subjects() -> impl Strategy<Value = BTreeSet<[u8; 16]>> {
    prop::collection::btree_set(any::<[u8; 16]>(), 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn pages_cover_every_row_once_in_order(subjects in subjects(), limit in 1_u32..12) {
        let swv = caller("swv-po", "consulent");
        let mut all = Vec::new();
        let mut after = None;
        loop {
            let (rows, next) = page_of(&swv, limit, &subjects, after.as_ref());
            prop_assert!(rows.len() <= usize::try_from(limit).unwrap());
            prop_assert_eq!(next.is_some().then(|| &rows.last().unwrap().0), next.as_ref());
            all.extend(rows);
            after = next;
            if after.is_none() {
                break;
            }
        }
        prop_assert!(all.is_sorted_by(|one, other| one.0 < other.0), "sorted, each once");
        let found: BTreeSet<String> = all.into_iter().map(|(_, text)| text).collect();
        prop_assert_eq!(found, subjects.iter().map(|subject| format!("{subject:?}")).collect::<BTreeSet<_>>());
    }

    #[test]
    fn two_recipients_share_no_pseudonym_and_one_keeps_its_own(subjects in subjects()) {
        let of = |slug: &str| page_of(&caller(slug, "consulent"), 1000, &subjects, None).0;
        let names = |rows: Vec<(Pseudonym, String)>| rows.into_iter().map(|(name, _)| name).collect::<BTreeSet<_>>();
        let (po, vo) = (names(of("swv-po")), names(of("swv-vo")));
        prop_assert!(po.is_disjoint(&vo));
        prop_assert_eq!(po, names(of("swv-po")));
    }
}

#[test]
fn a_pseudonym_lasts_a_school_year() {
    let mut policies = crate::fixture::policies().clone();
    for standing in policies.purposes.values_mut() {
        standing.state = crate::policy::StandingState::Active {
            until: "2030-01-01T00:00:00Z".parse().unwrap(),
        };
    }
    let on = |moment: &str| {
        let request = request(10);
        let swv = caller("swv-po", "consulent");
        let permit = decide(&policies, &swv, Some(&staff()), &request, moment.parse().unwrap()).unwrap();
        let plan = Plan::minimal(&permit, &request, Vec::new()).unwrap();
        let (root, tenant) = (ExitRoot::from_bytes([4; 32]), "almere".parse().unwrap());
        let key = ExitKey {
            root: &root,
            version: 1.try_into().unwrap(),
            tenant: &tenant,
        };
        let named = pseudonymise(&permit, &plan, rows(&[[1; 16]].into()), &key, None);
        match named.0 {
            Content::Records { rows, .. } => rows[0].pseudonym.clone(),
            _ => panic!("another form"),
        }
    };
    assert_eq!(on("2025-08-01T00:00:00Z"), on("2026-07-31T23:59:59Z"));
    assert_ne!(on("2026-07-31T23:59:59Z"), on("2026-08-01T00:00:00Z"));
}
