//! The private part: the data protection officer (FG) reads who asked about whom, finds every entry about one pupil or
//! one member of staff, and has any decision made again; nobody else learns anything.

use std::collections::BTreeSet;

use doelpoort::audit::{Entries, Entry};
use doelpoort::fg::follow::{FollowError, Parts, follow};
use doelpoort::fg::monitor::monitor;
use doelpoort::fg::replay::{self, Archive, Archived};
use doelpoort::fg::{FgPrivateKeys, Reader};
use doelpoort::log::{Entry as NewEntry, Evidence, LogError, verify_with};
use doelpoort_core::audit::leaf::Kind;
use doelpoort_core::audit::private::Private;
use doelpoort_core::audit::retention::{InvalidOrder, RetentionOrder, SignedOrder};
use doelpoort_core::audit::tag::Tagged;
use doelpoort_core::policy::{History, KeyList, Mandate, Policies};
use rstest::rstest;
use serde_json::json;

use crate::support::database::Backend;
use crate::support::fg;
use crate::support::world::World;
use crate::support::world::ask::{body, fact, figures, records};
use crate::support::world::files::approver;
use crate::support::world::pupils::{self, CONSULENT, SITE, bsn, enrolment, resident};

pub(crate) const ORIGIN: &str = "doelpoort.example/test/audit/2026";
const BOARD: &str = "00000099000000041676";

/// Twelve pupils at the site of a consulent, two of them with a declaration.
pub(crate) async fn school(backend: Backend) -> Option<World> {
    let world = World::new(backend).await?;
    let rows: Vec<_> = (0..12).map(enrolment).collect();
    world.deliver("vendor-alpha-delivery", "enrolment", &rows).await;
    let rows: Vec<_> = (0..12).map(resident).collect();
    world.deliver("municipality-delivery", "resident", &rows).await;
    let rows: Vec<_> = (0..2).map(pupils::admissibility).collect();
    world.deliver("swv-po-delivery", "admissibility", &rows).await;
    let rows = [pupils::caseload(CONSULENT, SITE)];
    world.deliver("swv-po-delivery", "caseload", &rows).await;
    world.next_day().await;
    Some(world)
}

/// One pupil's declaration, asked by the school's vendor.
pub(crate) async fn ask_about(world: &World, number: usize) {
    let asked = fact(
        BOARD,
        &[json!({ "ref": "kind van de buren", "bsn": bsn(number) })],
    );
    world.client("vendor-alpha-school").facts(asked).await.unwrap();
}

/// The log, as it is in the database.
fn entries(world: &World) -> Entries {
    Entries::Database(world.gateway.store().clone())
}

/// Every entry with what the FG reads of it.
pub(crate) async fn read(world: &World, keys: &FgPrivateKeys) -> Vec<(Entry, Option<Private>)> {
    let mut read = Vec::new();
    let mut reader = Reader::new(ORIGIN, keys);
    follow(&entries(world), Parts::Sealed, &mut reader, |reader, entry| {
        let opened = reader.open_entry(&entry).unwrap();
        let private = opened.map(|opened| {
            assert_eq!(opened.honest, Ok(()), "entry {}", entry.index);
            opened.private.clone()
        });
        read.push((entry, private));
        Ok::<(), FollowError>(())
    })
    .await
    .unwrap();
    read
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn the_fg_reads_who_asked_about_whom(#[case] backend: Backend) {
    let Some(world) = school(backend).await else {
        return;
    };
    ask_about(&world, 1).await;
    let consulent = world.client("swv-po-consulent");
    consulent.query(records(&["pseudonym"])).await.unwrap();

    let read = read(&world, &world.files.fg).await;
    let [.., (_, fact), (page_entry, page)] = read.as_slice() else {
        panic!("no entries")
    };
    let (fact, page) = (fact.as_ref().unwrap(), page.as_ref().unwrap());
    assert_eq!(fact.staff.as_ref().unwrap().subject, "mentor-01");
    assert_eq!(fact.staff.as_ref().unwrap().case.as_deref(), Some("transfer 1"));
    assert_eq!((fact.subjects.len(), fact.result.as_ref().unwrap().rows), (1, 1));
    assert_eq!(
        (page.subjects.len(), page.result.as_ref().unwrap().rows),
        (12, 12)
    );
    assert!(
        page.subjects.contains(&fact.subjects[0]),
        "the same pupil, the same subject"
    );
    // Twelve pupils and one member of staff.
    assert_eq!(page_entry.leaf.event.tags.len(), 16);
    let query = fact.query.as_ref().unwrap().to_string();
    assert!(query.contains("admissibility.outcome"), "{query}");
    assert!(
        !query.contains(&bsn(1)) && !query.contains("buren") && !query.contains("transfer"),
        "{query}"
    );

    let monitored = monitor(
        &entries(&world),
        world.gateway.log().verifier(),
        &world.files.fg,
        None,
        0,
    )
    .await
    .unwrap();
    assert!(
        monitored.is_honest() && monitored.destroyed.is_empty(),
        "{monitored:?}"
    );
    // One more tells of the pupils whose two numbers became one.
    assert!(monitored.opened == 3, "{monitored:?}");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn every_entry_about_one_pupil_is_found_and_no_other(#[case] backend: Backend) {
    let Some(mut world) = school(backend).await else {
        return;
    };
    for number in [1, 0, 1] {
        ask_about(&world, number).await;
    }
    // Another boot id, another day, another month: other chains of keys.
    world.restart().await;
    ask_about(&world, 1).await;
    world.advance(24 * 10);
    ask_about(&world, 1).await;
    ask_about(&world, 0).await;
    world
        .client("swv-po-consulent")
        .query(records(&["pseudonym"]))
        .await
        .unwrap();

    let all = read(&world, &world.files.fg).await;
    let subject = all
        .iter()
        .filter_map(|(_, private)| private.as_ref())
        .find(|private| private.subjects.len() == 1)
        .unwrap()
        .subjects[0];
    let truth: BTreeSet<u64> = all
        .iter()
        .filter(|(_, private)| {
            private
                .as_ref()
                .is_some_and(|private| private.subjects.contains(&subject))
        })
        .map(|(entry, _)| entry.index)
        .collect();
    // One tells that two numbers of the pupil became one.
    assert_eq!(truth.len(), 6);
    for (whom, expected) in [
        (Tagged::Subject(&subject), truth.clone()),
        (
            Tagged::Staff("mentor-01"),
            all.iter()
                .filter(|(_, private)| {
                    let staff = private.as_ref().and_then(|private| private.staff.as_ref());
                    staff.is_some_and(|staff| staff.subject == "mentor-01")
                })
                .map(|(entry, _)| entry.index)
                .collect(),
        ),
        (Tagged::Staff("nobody"), BTreeSet::new()),
    ] {
        let mut found = BTreeSet::new();
        let mut reader = Reader::new(ORIGIN, &world.files.fg);
        follow(&entries(&world), Parts::Sealed, &mut reader, |reader, entry| {
            if reader.is_about_any(&entry.leaf, &[whom]).unwrap() {
                found.insert(entry.index);
            }
            Ok::<(), FollowError>(())
        })
        .await
        .unwrap();
        assert_eq!(found, expected);
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn any_decision_comes_out_the_same_again(#[case] backend: Backend) {
    let Some(mut world) = school(backend).await else {
        return;
    };
    world.deliver_city().await;
    world.close_epoch().await;
    ask_about(&world, 1).await;
    let (dashboard, consulent) = (world.client("swv-po-dashboard"), world.client("swv-po-consulent"));
    consulent
        .query(records(&["pseudonym", "enrolment.site"]))
        .await
        .unwrap();
    consulent
        .query(records(&["pseudonym", "enrolment.birth-date"]))
        .await
        .unwrap_err();
    dashboard.query(figures(&[], json!({}))).await.unwrap();
    dashboard
        .query(figures(&["enrolment.site"], json!({})))
        .await
        .unwrap_err();
    dashboard
        .query(body(json!({ "form": "poem" })))
        .await
        .unwrap_err();
    world.advance(1);
    world
        .change_policies(|policies| {
            let file = policies.join("purposes/case-consultation.toml");
            let text = std::fs::read_to_string(&file).unwrap();
            let later = text.replacen("version = 1", "version = 2", 1);
            assert_ne!(text, later);
            std::fs::write(&file, later).unwrap();
            // It names that purpose, so it is signed anew with it.
            let file = policies.join("purposes/case-resolution.toml");
            let text = std::fs::read_to_string(&file).unwrap();
            std::fs::write(&file, text.replacen("version = 1", "version = 2", 1)).unwrap();
        })
        .await;
    world.gateway.reload_policies().await.unwrap();
    let again = world.client("swv-po-consulent");
    again
        .query(records(&["pseudonym", "enrolment.site"]))
        .await
        .unwrap();

    let mut archive = Archive::new(
        Archived::Store(world.gateway.store()),
        crate::support::world::DEPLOYMENT,
    );
    let mut history = History::default();
    let (mut decided, mut others) = (0, 0);
    for (entry, private) in read(&world, &world.files.fg).await {
        history.apply(&entry.leaf).unwrap();
        let Some(private) = private.filter(|private| private.query.is_some()) else {
            continue;
        };
        let (at, digest) = replay::decided(&entry.leaf, &private, &history).unwrap();
        let policies = archive.policies(digest.unwrap(), &history, at).await.unwrap();
        let replayed = replay::decide(&policies, &entry.leaf, &private).unwrap();
        assert!(replayed.is_same(), "entry {}: {replayed:?}", entry.index);
        match replayed {
            replay::Replayed::Decided { .. } => decided += 1,
            replay::Replayed::NotADecision(_) => others += 1,
        }
    }
    assert_eq!((decided, others), (6, 0));

    // The control: under policies without that purpose's version the last answer comes out otherwise.
    let all = read(&world, &world.files.fg).await;
    let (entry, private) = all
        .last()
        .map(|(entry, private)| (entry, private.as_ref().unwrap()))
        .unwrap();
    let first = all
        .iter()
        .find(|(entry, _)| entry.leaf.event.decision.as_deref() == Some("policy-activated"))
        .unwrap();
    let (at, _) = replay::decided(&entry.leaf, private, &history).unwrap();
    let old = archive
        .policies(first.0.leaf.event.policy.unwrap(), &History::default(), at)
        .await
        .unwrap();
    assert!(!replay::decide(&old, &entry.leaf, private).unwrap().is_same());
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_narrowed_purpose_would_refuse_exactly_what_it_no_longer_grants(#[case] backend: Backend) {
    let Some(world) = school(backend).await else {
        return;
    };
    let consulent = world.client("swv-po-consulent");
    for fields in [
        &["pseudonym"] as &[&str],
        &["pseudonym", "enrolment.year-group"],
        &["pseudonym", "enrolment.sector"],
        &["enrolment.year-group", "pseudonym", "enrolment.site"],
    ] {
        consulent.query(records(fields)).await.unwrap();
    }
    ask_about(&world, 1).await;
    let last = world.report().await.size - 1;

    let mut files = doelpoort::policies::read(world.policies()).unwrap();
    let before = Policies::as_if_signed(&doelpoort::policies::draft_of(&files).unwrap());
    let (_, text) = files
        .purposes
        .iter_mut()
        .find(|(name, _)| name.ends_with("case-consultation.toml"))
        .unwrap();
    let narrowed = text
        .replace("  \"enrolment.year-group\",\n", "")
        .replace(", \"enrolment.year-group\"", "");
    assert_ne!(*text, narrowed);
    *text = narrowed;
    let after = Policies::as_if_signed(&doelpoort::policies::draft_of(&files).unwrap());

    for (policies, expected) in [
        (
            Policies {
                mandates: mandates(&world),
                ..after
            },
            vec![last - 3, last - 1],
        ),
        // The control: under the same policies nothing comes out otherwise.
        (
            Policies {
                mandates: mandates(&world),
                ..before
            },
            vec![],
        ),
    ] {
        let mut refused = Vec::new();
        for (entry, private) in read(&world, &world.files.fg).await {
            let Some(private) = private.filter(|private| private.query.is_some()) else {
                continue;
            };
            let simulated = replay::simulate(&policies, &entry.leaf, &private).unwrap();
            if let replay::Replayed::Decided { logged, now } = simulated
                && logged != now
            {
                assert_eq!(now.decision, "field-not-granted");
                refused.push(entry.index);
            }
        }
        assert_eq!(refused, expected);
    }
}

/// The mandates in force.
fn mandates(world: &World) -> Vec<Mandate> {
    world.gateway.policies().current().policies.mandates.clone()
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_is_destroyed_is_told_and_every_proof_still_holds(#[case] backend: Backend) {
    let Some(world) = school(backend).await else {
        return;
    };
    ask_about(&world, 1).await;
    ask_about(&world, 0).await;
    let log = world.gateway.log();
    let last = world.report().await.size - 1;

    let policies = world.gateway.policies().current();
    let approvers = &policies.policies.evidence.keys;
    let signed = |order: &RetentionOrder| {
        SignedOrder::verify(&fg::sign(order, &world.files.config.deployment.name), approvers).unwrap()
    };
    let order = log
        .entry_order(last, "AVG 17, request 12")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(log.destroy(&signed(&order)).await.unwrap().count, 1);
    assert!(log.entry_order(last, "again").await.unwrap().is_none());
    assert!(
        log.destroy(&signed(&order)).await.is_err(),
        "what is gone is destroyed once"
    );
    let monitored = monitor(
        &entries(&world),
        world.gateway.log().verifier(),
        &world.files.fg,
        Some(approvers),
        0,
    )
    .await
    .unwrap();
    assert_eq!((monitored.is_honest(), monitored.destroyed), (true, vec![last]));

    let month = "2026-11".parse().unwrap();
    let order = log
        .month_orders(month, 1, "term of 1 month")
        .await
        .unwrap()
        .remove(0);
    let early = log.destroy(&signed(&order)).await;
    assert!(
        matches!(early, Err(LogError::Order(InvalidOrder::Term))),
        "{early:?}"
    );
    world.advance(24 * 10);
    let later = RetentionOrder {
        until: 1_000_000,
        ..order.clone()
    };
    let later = log.destroy(&signed(&later)).await;
    assert!(
        matches!(later, Err(LogError::Order(InvalidOrder::Range))),
        "{later:?}"
    );
    let other = RetentionOrder {
        count: order.count + 1,
        ..order.clone()
    };
    assert!(
        log.destroy(&signed(&other)).await.is_err(),
        "another number than there are"
    );
    assert_eq!(log.destroy(&signed(&order)).await.unwrap().count, 2);
    let monitored = monitor(
        &entries(&world),
        world.gateway.log().verifier(),
        &world.files.fg,
        Some(approvers),
        0,
    )
    .await
    .unwrap();
    assert_eq!((monitored.is_honest(), monitored.destroyed.len()), (true, 3));

    // Who deletes one and says nothing is found out.
    ask_about(&world, 2).await;
    let later = world.report().await.size - 1;
    let sql = "DELETE FROM log_private WHERE idx = (SELECT MAX(idx) FROM log_private)";
    assert_eq!(world.gateway.store().execute(sql, vec![]).await.unwrap(), 1);
    let monitored = monitor(
        &entries(&world),
        world.gateway.log().verifier(),
        &world.files.fg,
        Some(approvers),
        0,
    )
    .await
    .unwrap();
    assert_eq!((monitored.findings[0].0, monitored.findings.len()), (later, 1));

    assert!(log.month_orders(month, 1, "again").await.unwrap().is_empty());

    let report = world.report().await;
    assert!(report.is_intact(), "{report}");
    let told: Vec<_> = world
        .last_entries(6)
        .await
        .iter()
        .filter(|leaf| leaf.event.kind == Kind::Retention)
        .map(|leaf| {
            (
                leaf.event.decision.clone().unwrap(),
                leaf.event.clause.clone().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        told[0],
        ("private-part-erased".to_owned(), "AVG 17, request 12".to_owned())
    );
    assert_eq!(
        told[1],
        ("private-parts-dropped".to_owned(), "term of 1 month".to_owned())
    );
}

/// After shredding, a backup that still holds everything tells nothing: neither the private parts nor the tags.
#[tokio::test]
async fn without_the_months_key_a_backup_is_noise() {
    let world = school(Backend::Sqlite).await.unwrap();
    ask_about(&world, 1).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fg.toml");
    world.files.fg.write_new(&path).unwrap();
    let subject = read(&world, &world.files.fg)
        .await
        .last()
        .unwrap()
        .1
        .as_ref()
        .unwrap()
        .subjects[0];

    let keys = FgPrivateKeys::read(&path).unwrap();
    let keys = keys.destroy("2026-11".parse().unwrap(), &path).unwrap();

    let monitored = monitor(&entries(&world), world.gateway.log().verifier(), &keys, None, 0)
        .await
        .unwrap();
    assert_eq!((monitored.opened, monitored.shredded), (0, 2));
    let mut reader = Reader::new(ORIGIN, &keys);
    let mut searched = Vec::new();
    follow(&entries(&world), Parts::Sealed, &mut reader, |reader, entry| {
        searched.push(
            reader
                .is_about_any(&entry.leaf, &[Tagged::Subject(&subject)])
                .unwrap_or(false),
        );
        Ok::<(), FollowError>(())
    })
    .await
    .unwrap();
    assert!(!searched.contains(&true));
    let bytes = std::fs::read(&path).unwrap();
    assert!(!String::from_utf8(bytes).unwrap().contains("2026-11"));
}

/// Two logs that differ in which pupil was asked: to someone without the keys they are alike in everything but what is
/// random in both, and no tag of the one is in the other.
#[tokio::test]
async fn which_pupil_was_asked_does_not_show() {
    let mut shapes = Vec::new();
    let mut tags = BTreeSet::new();
    for number in [0, 1] {
        let world = school(Backend::Sqlite).await.unwrap();
        for asked in [number, number, 2] {
            ask_about(&world, asked).await;
        }
        let mut shape = Vec::new();
        let mut reader = Reader::new(ORIGIN, &world.files.fg);
        follow(&entries(&world), Parts::Sealed, &mut reader, |_, entry| {
            let Entry { leaf, sealed, .. } = entry;
            for tag in &leaf.event.tags {
                assert!(tags.insert(*tag), "a tag twice");
            }
            let event = &leaf.event;
            shape.push(format!(
                "{} {:?} {:?} {} {:?} {}",
                event.kind.name(),
                event.decision,
                event.clause,
                event.tags.len(),
                sealed.map(|sealed| sealed.len()),
                leaf.encode().unwrap().len(),
            ));
            Ok::<(), FollowError>(())
        })
        .await
        .unwrap();
        shapes.push(shape);
    }
    assert_eq!(shapes[0], shapes[1]);
    // The control: asking about two pupils at once does show, in the number of tags.
    assert!(shapes[0].iter().any(|line| line.contains(" 2 ")));
}

/// Who writes an entry of retention without the FG's order, or with another than it tells of, is found out.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_the_fg_did_not_sign_for_is_found(#[case] backend: Backend) {
    let Some(world) = school(backend).await else {
        return;
    };
    ask_about(&world, 1).await;
    let log = world.gateway.log();
    let last = world.report().await.size - 1;
    let order = log
        .entry_order(last, "AVG 17, request 12")
        .await
        .unwrap()
        .unwrap();
    let policies = world.gateway.policies().current();
    let approvers = &policies.policies.evidence.keys;
    let name = &world.files.config.deployment.name;
    let text = fg::sign(&order, name);
    let signed = SignedOrder::verify(&text, approvers).unwrap();
    let other_key = approver("board-41676", "fg");
    let now = world.clock_now();
    let forged = order.sign(name, now, &other_key.kid(), other_key.signing_key());
    assert_eq!(
        SignedOrder::verify(&forged.unwrap(), approvers),
        Err(InvalidOrder::UnknownKey)
    );
    assert_eq!(
        SignedOrder::verify(&fg::sign(&order, "other"), approvers),
        Err(InvalidOrder::OtherDeployment)
    );

    let plain = NewEntry::new(Kind::Retention).unwrap();
    let mut otherwise = NewEntry::new(Kind::Retention).unwrap();
    signed.write(&mut otherwise.event);
    otherwise.event.clause = Some("another ground".to_owned());
    let mut future = NewEntry::new(Kind::Retention).unwrap();
    let ahead = RetentionOrder {
        from: last + 100,
        until: last + 101,
        ..order
    };
    SignedOrder::verify(&fg::sign(&ahead, name), approvers)
        .unwrap()
        .write(&mut future.event);
    let mut bad = Vec::new();
    for entry in [plain, otherwise, future] {
        bad.push(Some(log.append(entry).await.unwrap().index));
    }
    let good = log.destroy(&signed).await.unwrap().receipt.index;
    let verified = async |approvers: Option<KeyList>| {
        let given = Evidence {
            against: Ok(None),
            receipts: Vec::new(),
            approvers,
        };
        verify_with(world.gateway.store(), log.verifier(), given)
            .await
            .unwrap()
    };
    let found: Vec<_> = verified(Some(approvers.clone()))
        .await
        .findings
        .iter()
        .map(|one| one.index)
        .collect();
    assert_eq!(found, bad);
    let unsigned = verified(None).await;
    assert!(
        unsigned
            .not_checked()
            .iter()
            .any(|line| line.contains("--approvers"))
    );
    let check = async |approvers| {
        let here = entries(&world);
        let monitored = monitor(&here, log.verifier(), &world.files.fg, approvers, 0);
        let findings = monitored.await.unwrap().findings;
        findings
            .into_iter()
            .map(|(index, _)| Some(index))
            .collect::<Vec<_>>()
    };
    assert_eq!(check(Some(approvers)).await, bad);
    bad.push(Some(good));
    assert_eq!(check(None).await, bad);
}
