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
        formerly: Vec::new(),
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
        since: None,
        former: Vec::new(),
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
            since: None,
            former: Vec::new(),
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

/// The rows of two versions, as the purpose's terms and the day have it: the pseudonym, and those of before.
fn on(terms: impl Fn(&mut crate::purpose::RecordsGrant), day: &str) -> (Pseudonym, Vec<Pseudonym>) {
    merged(terms, day, Some("2026-10-01T12:00:00Z"), &[])
}

/// The same of a pupil whose row stood under other subjects until these moments, the root rotated at another or never.
fn merged(
    terms: impl Fn(&mut crate::purpose::RecordsGrant),
    day: &str,
    rotated: Option<&str>,
    formerly: &[(u8, &str)],
) -> (Pseudonym, Vec<Pseudonym>) {
    let mut policies = crate::fixture::policies().clone();
    for standing in policies.purposes.values_mut() {
        standing.state = crate::policy::StandingState::Active {
            until: "2030-01-01T00:00:00Z".parse().unwrap(),
        };
        for grant in &mut standing.purpose.grants {
            if let crate::purpose::Grant::Records(records) = grant {
                terms(records);
            }
        }
    }
    let request = request(10);
    let swv = caller("swv-po", "consulent");
    let permit = decide(&policies, &swv, Some(&staff()), &request, day.parse().unwrap()).unwrap();
    let plan = Plan::minimal(&permit, &request, Vec::new()).unwrap();
    let (old, new) = (ExitRoot::from_bytes([4; 32]), ExitRoot::from_bytes([5; 32]));
    let tenant = "almere".parse().unwrap();
    let key = ExitKey {
        root: &new,
        version: 2.try_into().unwrap(),
        tenant: &tenant,
        since: rotated.map(|moment| moment.parse().unwrap()),
        former: rotated.iter().map(|_| (1.try_into().unwrap(), &old)).collect(),
    };
    let Extract::Rows(mut rows) = rows(&[[1; 16]].into()) else {
        panic!("another form")
    };
    rows[0].formerly = formerly
        .iter()
        .map(|(subject, until)| Former {
            subject: SubjectId::from_bytes([*subject; 16]),
            until: until.parse().unwrap(),
        })
        .collect();
    let named = pseudonymise(&permit, &plan, Extract::Rows(rows), &key, None);
    match named.0 {
        Content::Records { mut rows, .. } => {
            let mut row = rows.remove(0);
            (row.pseudonym, std::mem::take(&mut row.previous))
        }
        _ => panic!("another form"),
    }
}

/// What the pupil with this subject is called under the current root when nothing was merged.
fn alone(subject: u8, day: &str) -> Pseudonym {
    let mut policies = crate::fixture::policies().clone();
    for standing in policies.purposes.values_mut() {
        standing.state = crate::policy::StandingState::Active {
            until: "2030-01-01T00:00:00Z".parse().unwrap(),
        };
    }
    let request = request(10);
    let swv = caller("swv-po", "consulent");
    let permit = decide(&policies, &swv, Some(&staff()), &request, day.parse().unwrap()).unwrap();
    let plan = Plan::minimal(&permit, &request, Vec::new()).unwrap();
    let (root, tenant) = (ExitRoot::from_bytes([5; 32]), "almere".parse().unwrap());
    let key = ExitKey {
        root: &root,
        version: 2.try_into().unwrap(),
        tenant: &tenant,
        since: None,
        former: Vec::new(),
    };
    let named = pseudonymise(&permit, &plan, rows(&[[subject; 16]].into()), &key, None);
    match named.0 {
        Content::Records { rows, .. } => rows[0].pseudonym.clone(),
        _ => panic!("another form"),
    }
}

/// After merges a row carries what it was called before, the latest first, for as many days as the purpose says; of
/// another school year nothing, for the names of that one were others.
#[test]
fn a_merged_pupil_carries_its_pseudonyms_of_before_during_the_overlap() {
    let overlap = |grant: &mut crate::purpose::RecordsGrant| grant.overlap_days = 30;
    let formerly = [(2, "2026-10-05T00:00:09Z"), (3, "2026-10-20T00:00:09Z")];
    let (now, previous) = merged(overlap, "2026-11-03T23:59:59Z", None, &formerly);
    let day = "2026-11-03T23:59:59Z";
    assert_eq!(now, alone(1, day));
    assert_eq!(previous, [alone(3, day), alone(2, day)]);

    let later = merged(overlap, "2026-11-04T00:00:00Z", None, &formerly).1;
    assert_eq!(later, [alone(3, day)], "the older one ended 30 days ago");
    assert_eq!(
        merged(|_| (), day, None, &formerly).1,
        [],
        "no overlap was agreed"
    );

    let summer = [(2, "2026-07-31T00:00:09Z")];
    assert_eq!(merged(overlap, "2026-08-02T00:00:00Z", None, &summer).1, []);
    let forever = |grant: &mut crate::purpose::RecordsGrant| {
        overlap(grant);
        grant.key_period = KeyPeriod::None;
    };
    assert_eq!(merged(forever, "2026-08-02T00:00:00Z", None, &summer).1.len(), 1);
}

/// What a pupil was called before a merge that came before the rotation, it was called under the old root only.
#[test]
fn a_merge_before_a_rotation_is_told_under_the_old_root_only() {
    let overlap = |grant: &mut crate::purpose::RecordsGrant| grant.overlap_days = 30;
    let (day, rotated) = ("2026-10-20T10:00:00Z", Some("2026-10-10T12:00:00Z"));
    let versions = |until: &str| {
        let previous = merged(overlap, day, rotated, &[(2, until)]).1;
        previous
            .iter()
            .map(|one| one.version().number())
            .collect::<Vec<_>>()
    };
    assert_eq!(versions("2026-10-05T00:00:09Z"), [1, 1]);
    assert_eq!(versions("2026-10-15T00:00:09Z"), [2, 1, 1]);
}

/// For as many days as the purpose says, and not where it says none.
#[test]
fn former_pseudonyms_are_given_during_the_overlap() {
    let (now, previous) = on(|grant| grant.overlap_days = 30, "2026-10-30T23:59:59Z");
    assert_eq!(now.version().number(), 2);
    assert_eq!(
        previous
            .iter()
            .map(|one| one.version().number())
            .collect::<Vec<_>>(),
        [1]
    );
    assert_eq!(
        on(|grant| grant.overlap_days = 30, "2026-10-31T00:00:00Z"),
        (now.clone(), vec![])
    );
    assert_eq!(on(|_| (), "2026-10-02T00:00:00Z"), (now, vec![]));
}

/// Where a purpose forbids linking its datasets, each has pseudonyms of its own.
#[test]
fn a_link_scope_makes_another_domain() {
    let day = "2026-10-02T00:00:00Z";
    let (linked, _) = on(|_| (), day);
    let (apart, _) = on(|grant| grant.link = crate::purpose::LinkScope::Dataset, day);
    assert_ne!(linked, apart);
}
