//! Subjects: one an identifier, links for the holder's own rows, merges for everybody.

use std::collections::HashSet;

use doelpoort::store::delivery::Mode;
use doelpoort::store::subjects::{Assertion, LinkRule, Sighting, VersionedIndex, ask_to_undo};
use doelpoort_core::catalogue::FieldName;
use doelpoort_core::identifier::{Identifier, IdentifierKind, Index, IndexKey, IndexOrigin};
use doelpoort_core::pseudonym::SubjectId;
use rstest::rstest;

use super::world::{
    CITY, DAY, NOW, OTHER_SCHOOL, Row, SCHOOL, World, bsn, eck, id_of, local, oin, row, sighting_under,
    subject,
};
use crate::support::database::Backend;

impl World {
    async fn canonical(&self, holder: Option<&str>, sighting: &Sighting) -> (SubjectId, SubjectId) {
        let holder = holder.map(oin);
        let found = self
            .store
            .lookup(holder.as_ref(), std::slice::from_ref(sighting))
            .await
            .unwrap();
        let found = found[0].unwrap();
        (found.canonical, found.own)
    }

    /// Agrees today, applies tomorrow.
    async fn merge(&self, rules: &[LinkRule]) -> u64 {
        let agreed = self.store.agree_merges(rules, NOW).await.unwrap();
        assert_eq!(self.apply(NOW).await, 0, "nothing takes effect the same day");
        assert_eq!(
            self.store.apply_due_merges(NOW + DAY).await.unwrap(),
            0,
            "nothing takes effect that is not in the log"
        );
        assert_eq!(self.apply(NOW + DAY).await, agreed);
        agreed
    }
}

fn birth_dates_agree() -> LinkRule {
    let field = |text: &str| text.parse::<FieldName>().unwrap();
    LinkRule {
        asserted_by: vec![oin(SCHOOL), oin(OTHER_SCHOOL)],
        own: field("enrolment.birth-date"),
        other: field("resident.birth-date"),
        confirmed: false,
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn an_identifier_keeps_its_subject_and_gets_the_index_of_a_new_key(#[case] backend: Backend) {
    let Some(world) = World::new(backend).await else {
        return;
    };
    let by = Assertion {
        holder: &oin(CITY),
        delivery: 1,
        now_us: NOW,
    };
    let rows = [vec![bsn(1)], vec![bsn(2)], vec![bsn(1)], vec![]];
    let first = world
        .store
        .resolve_rows(by, &rows, &id_of, &world.tables)
        .await
        .unwrap();
    assert_eq!(first.created, 2);
    assert_eq!(
        first.subjects,
        [
            Some(subject(&bsn(1))),
            Some(subject(&bsn(2))),
            Some(subject(&bsn(1))),
            None
        ]
    );

    let identifier = Identifier::parse(IdentifierKind::Bsn, "999990019", &oin(CITY)).unwrap();
    let (old, new) = (IndexKey::from_bytes([7; 32]), IndexKey::from_bytes([8; 32]));
    let both = Sighting {
        previous: vec![sighting_under(&identifier, (1, &old)).current],
        ..sighting_under(&identifier, (2, &new))
    };
    for sighting in [
        vec![sighting_under(&identifier, (1, &old))],
        vec![both],
        vec![sighting_under(&identifier, (2, &new))],
    ] {
        let resolved = world
            .store
            .resolve_rows(by, &[sighting], &id_of, &world.tables)
            .await
            .unwrap();
        assert_eq!(resolved.subjects, [Some(id_of(&identifier.index(&old)))]);
    }
    assert_eq!(world.count("SELECT COUNT(*) FROM subject_index").await, 4);
    assert_eq!(world.count("SELECT COUNT(*) FROM subject").await, 3);
}

/// The place of the blind entrance: an index that was computed elsewhere finds its pupil again, is marked with who computed
/// it, and links to an identifier of ours as any other does.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn an_index_may_arrive_ready_made(#[case] backend: Backend) {
    let Some(world) = World::new(backend).await else {
        return;
    };
    let by = Assertion {
        holder: &oin(CITY),
        delivery: 0,
        now_us: NOW,
    };
    let index = VersionedIndex {
        version: 1_001,
        index: Index::from_bytes([0xb1; 32]),
    };
    let service = IndexOrigin::key_service("blind-entrance".parse().unwrap()).unwrap();
    let blind = Sighting::ready_made(1, service, index);
    for _ in 0..2 {
        let rows = [vec![blind.clone()], vec![blind.clone(), eck(1)]];
        let resolved = world
            .store
            .resolve_rows(by, &rows, &id_of, &world.tables)
            .await
            .unwrap();
        assert_eq!(resolved.subjects, [Some(subject(&blind)), Some(subject(&blind))]);
    }
    assert_eq!(world.canonical(Some(CITY), &blind).await.1, subject(&blind));
    let marked = "SELECT COUNT(*) FROM subject_index WHERE origin = 'blind-entrance' AND key_version = 1001";
    assert_eq!(world.count(marked).await, 1);
    let ours = "SELECT COUNT(*) FROM subject_index WHERE origin = 'gateway' AND key_version = 1";
    assert_eq!(world.count(ours).await, 1);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn two_deliveries_at_once_agree_on_the_subjects(#[case] backend: Backend) {
    let Some(world) = World::new(backend).await else {
        return;
    };
    let other = world.database.open().await;
    let pupils: Vec<Vec<Sighting>> = (1..300)
        .map(|number| vec![eck(number), eck(number + 1000)])
        .collect();
    let mut running = Vec::new();
    for replica in 0..6_u8 {
        let store = if replica % 2 == 0 {
            world.store.clone()
        } else {
            other.clone()
        };
        let (mut pupils, tables) = (pupils.clone(), world.tables.clone());
        pupils.rotate_left(usize::from(replica) * 40);
        running.push(tokio::spawn(async move {
            let by = Assertion {
                holder: &oin(SCHOOL),
                delivery: i64::from(replica),
                now_us: NOW,
            };
            // Each replica draws other ids; one of them wins for each pupil.
            let new = |index: &_| SubjectId::from_bytes(id_of(index).as_bytes().map(|byte| byte ^ replica));
            let mut subjects = Vec::new();
            for rows in pupils.chunks(50) {
                subjects.extend(
                    store
                        .resolve_rows(by, rows, &new, &tables)
                        .await
                        .unwrap()
                        .subjects,
                );
            }
            subjects.rotate_right(usize::from(replica) * 40);
            subjects
        }));
    }
    let mut answers = Vec::new();
    for task in running {
        answers.push(task.await.unwrap());
    }
    assert_eq!(world.count("SELECT COUNT(*) FROM subject").await, 598);
    // ECK iDs are of one kind, so each row is in conflict with itself and keeps its first identifier's subject.
    for answer in &answers {
        assert_eq!(answer, &answers[0]);
        assert_eq!(answer.iter().flatten().collect::<HashSet<_>>().len(), 299);
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_link_moves_the_holders_own_rows_and_nobody_elses(#[case] backend: Backend) {
    let Some(world) = World::new(backend).await else {
        return;
    };
    // The other school is first to name the ECK iD, so its subject is the lowest.
    world
        .deliver("enrolment", OTHER_SCHOOL, &[row(1, &[eck(1)])])
        .await;
    world.deliver("enrolment", SCHOOL, &[row(2, &[bsn(1)])]).await;
    assert_eq!(
        world.visible().await,
        [(2, Some(subject(&bsn(1)))), (1, Some(subject(&eck(1))))]
    );

    let delivery = world.open("resident", SCHOOL, Mode::Changes).await;
    let rows = [
        row(3, &[local(SCHOOL, "p1"), eck(1), bsn(1)]),
        row(4, &[local(SCHOOL, "p1")]),
    ];
    let subjects = world.stage(delivery, "resident", SCHOOL, &rows).await;

    assert_eq!(
        subjects,
        [subject(&eck(1)), subject(&eck(1))],
        "the lowest of the linked set"
    );
    assert_eq!(
        world.visible().await,
        [(2, Some(subject(&bsn(1)))), (1, Some(subject(&eck(1))))],
        "it is not visible yet"
    );
    world.store.finish(delivery, &[9; 32], NOW).await.unwrap();
    world.activate(delivery, NOW).await;
    assert_eq!(
        world.visible().await,
        [(2, Some(subject(&eck(1)))), (1, Some(subject(&eck(1))))]
    );
    assert_eq!(
        world.canonical(Some(SCHOOL), &bsn(1)).await,
        (subject(&bsn(1)), subject(&eck(1)))
    );
    assert_eq!(
        world.canonical(Some(OTHER_SCHOOL), &bsn(1)).await,
        (subject(&bsn(1)), subject(&bsn(1)))
    );
    assert_eq!(world.canonical(None, &bsn(1)).await.1, subject(&bsn(1)));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_pair_of_two_holders_merges_the_next_day(#[case] backend: Backend) {
    let Some(world) = World::new(backend).await else {
        return;
    };
    let rows = || [row(1, &[bsn(1), eck(1)])];
    world.deliver("enrolment", SCHOOL, &rows()).await;
    assert_eq!(world.merge(&[]).await, 0, "one holder is not enough");
    let unfinished = world.open("enrolment", OTHER_SCHOOL, Mode::Changes).await;
    world.stage(unfinished, "enrolment", OTHER_SCHOOL, &rows()).await;
    assert_eq!(
        world.merge(&[]).await,
        0,
        "a delivery that is not visible asserts nothing"
    );

    world.deliver("enrolment", OTHER_SCHOOL, &rows()).await;

    assert_eq!(world.canonical(None, &eck(1)).await.0, subject(&eck(1)));
    assert_eq!(world.merge(&[]).await, 1);
    assert_eq!(
        world.canonical(None, &eck(1)).await.0,
        subject(&bsn(1)),
        "the lowest survives"
    );
    assert_eq!(world.merge(&[]).await, 0, "once");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_rule_merges_when_the_birth_dates_agree(#[case] backend: Backend) {
    let Some(world) = World::new(backend).await else {
        return;
    };
    let row = |key, born, pupil: &[Sighting]| Row {
        pupil: pupil.to_vec(),
        born,
        key,
    };
    let residents = [
        row(1, 100, &[bsn(1)]),
        row(2, 200, &[bsn(2)]),
        row(3, 300, &[bsn(3)]),
    ];
    world.deliver("resident", CITY, &residents).await;
    let pupils = [
        row(1, 100, &[eck(1), bsn(1)]),
        row(2, 999, &[eck(2), bsn(2)]),
        row(4, 100, &[eck(4), local(SCHOOL, "p4")]),
    ];
    world.deliver("enrolment", SCHOOL, &pupils).await;

    let (agreed, rules) = (world.merge(&[birth_dates_agree()]).await, world.merge(&[]).await);

    assert_eq!((agreed, rules), (1, 0));
    assert_eq!(world.canonical(None, &eck(1)).await.0, subject(&bsn(1)));
    assert_eq!(
        world.canonical(None, &eck(2)).await.0,
        subject(&eck(2)),
        "other birth date"
    );
    assert_eq!(
        world.canonical(None, &eck(4)).await.0,
        subject(&eck(4)),
        "no resident"
    );
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn conflicts_never_merge(#[case] backend: Backend) {
    let Some(world) = World::new(backend).await else {
        return;
    };
    world
        .deliver("resident", CITY, &[row(1, &[bsn(1)]), row(2, &[bsn(2)])])
        .await;
    world
        .deliver(
            "enrolment",
            SCHOOL,
            &[row(1, &[bsn(1), eck(1)]), row(2, &[bsn(2), eck(1)])],
        )
        .await;
    world
        .deliver("enrolment", OTHER_SCHOOL, &[row(3, &[bsn(1), eck(1)])])
        .await;

    assert_eq!(world.merge(&[birth_dates_agree()]).await, 0);

    let subjects: Vec<_> = world
        .visible()
        .await
        .into_iter()
        .map(|(_, subject)| subject.unwrap())
        .collect();
    assert_eq!(subjects, [subject(&bsn(1)), subject(&bsn(2)), subject(&bsn(1))]);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn two_local_numbers_of_one_board_do_not_stop_a_merge(#[case] backend: Backend) {
    let Some(world) = World::new(backend).await else {
        return;
    };
    world.deliver("resident", CITY, &[row(1, &[bsn(1)])]).await;
    let pupil = |number: &str| [bsn(1), eck(1), local(SCHOOL, number)];
    world
        .deliver("enrolment", SCHOOL, &[row(1, &pupil("a")), row(2, &pupil("b"))])
        .await;

    assert_eq!(world.merge(&[birth_dates_agree()]).await, 1);

    assert_eq!(world.canonical(None, &eck(1)).await.0, subject(&bsn(1)));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn an_unknown_identifier_is_found_nowhere_and_not_created(#[case] backend: Backend) {
    let Some(world) = World::new(backend).await else {
        return;
    };
    world.deliver("resident", CITY, &[row(1, &[bsn(1)])]).await;
    let found = world.store.lookup(None, &[bsn(5), bsn(1), eck(5)]).await.unwrap();
    assert_eq!(
        found.iter().map(Option::is_some).collect::<Vec<_>>(),
        [false, true, false]
    );
    let other_version = VersionedIndex {
        version: 2,
        index: bsn(1).current.index,
    };
    let other = Sighting {
        current: other_version,
        ..bsn(1)
    };
    assert_eq!(world.store.lookup(None, &[other]).await.unwrap(), [None]);
    assert_eq!(world.count("SELECT COUNT(*) FROM subject").await, 1);
}

/// Rows, subjects and what the next link makes of them: as if it had never been.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn an_undone_merge_leaves_everything_as_it_was(#[case] backend: Backend) {
    let Some(world) = World::new(backend).await else {
        return;
    };
    let rows = || [row(1, &[bsn(1), eck(1)]), row(2, &[bsn(2), eck(2)])];
    world.deliver("enrolment", SCHOOL, &rows()).await;
    world
        .deliver("resident", CITY, &[row(3, &[eck(1)]), row(4, &[eck(2)])])
        .await;
    let before = world.visible().await;
    let stands_for = async |world: &World| {
        let mut all = Vec::new();
        for sighting in [bsn(1), eck(1), bsn(2), eck(2)] {
            all.push(world.canonical(None, &sighting).await.0);
        }
        all
    };
    let alone = stands_for(&world).await;
    world.deliver("enrolment", OTHER_SCHOOL, &rows()).await;
    assert_eq!(world.merge(&[]).await, 2);
    assert_ne!(stands_for(&world).await, alone);

    let mut tx = world.store.begin_write().await.unwrap();
    let pair = (subject(&eck(1)), subject(&bsn(1)));
    ask_to_undo(&mut tx, &[pair], NOW + DAY).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(world.apply(NOW + DAY).await, 0, "not the same day");
    assert_eq!(world.apply(NOW + 2 * DAY).await, 1);

    let now = stands_for(&world).await;
    assert_eq!(now[..2], alone[..2], "the one that was undone");
    assert_eq!(now[2], now[3], "and no other");
    assert_eq!(
        world.visible().await[..2],
        before[..2],
        "rows keep their holder's own subject"
    );
    assert_eq!(world.count(STALE_ROWS).await, 0);
    assert_eq!(world.merge(&[]).await, 0, "what was undone is not agreed again");
}

const STALE_ROWS: &str = "SELECT COUNT(*) FROM ds_enrolment r JOIN subject s ON s.subject = r.subject
                          WHERE r.canonical <> s.canonical";

/// Two pairs that share a number become one pupil; undoing one of them leaves the other's two together.
#[tokio::test]
async fn a_pupil_of_three_numbers_parts_wholly_where_two_are_not_the_same() {
    let world = World::new(Backend::Sqlite).await.unwrap();
    for holder in [SCHOOL, OTHER_SCHOOL] {
        world
            .deliver(
                "enrolment",
                holder,
                &[row(1, &[bsn(1), eck(1)]), row(2, &[bsn(1), local(SCHOOL, "p")])],
            )
            .await;
        world
            .deliver("resident", holder, &[row(3, &[eck(1), local(SCHOOL, "p")])])
            .await;
    }
    assert_eq!(world.merge(&[]).await, 3);
    let mut tx = world.store.begin_write().await.unwrap();
    let pair = (subject(&bsn(1)), subject(&eck(1)));
    ask_to_undo(&mut tx, &[pair], NOW + DAY).await.unwrap();
    tx.commit().await.unwrap();
    world.apply(NOW + 2 * DAY).await;
    assert_ne!(
        world.canonical(None, &bsn(1)).await.0,
        world.canonical(None, &eck(1)).await.0,
        "not by way of the third number either"
    );
}

/// Rows of two earlier deliveries that a third says are of one pupil: they move when that one becomes visible, and as long
/// as it may be refused nobody sees anything of it.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn nothing_of_a_refused_delivery_links_anything(#[case] backend: Backend) {
    let Some(world) = World::new(backend).await else {
        return;
    };
    world.deliver("resident", SCHOOL, &[row(1, &[bsn(1)])]).await;
    world
        .deliver("enrolment", SCHOOL, &[row(1, &[eck(1)]), row(2, &[bsn(1)])])
        .await;
    let apart = vec![(1, Some(subject(&eck(1)))), (2, Some(subject(&bsn(1))))];
    assert_eq!(world.visible().await, apart);

    // First alone, then together: the row that was staged already moves with the delivery's own sets.
    let rows = [row(3, &[eck(1)]), row(4, &[bsn(1), eck(1)]), row(5, &[eck(1)])];
    let refused = world.open("enrolment", SCHOOL, Mode::Changes).await;
    world.stage(refused, "enrolment", SCHOOL, &rows).await;
    assert_eq!(world.visible().await, apart);
    let one = "SELECT COUNT(DISTINCT subject) FROM ds_enrolment WHERE row_key IN (SELECT row_key FROM ds_enrolment \
               WHERE delivery = (SELECT MAX(id) FROM delivery))";
    assert_eq!(world.count(one).await, 1);
    world.store.reject(refused, NOW).await.unwrap();
    world.store.sweep(NOW).await.unwrap();
    assert_eq!(world.visible().await, apart);
    assert_eq!(world.canonical(Some(SCHOOL), &eck(1)).await.1, subject(&eck(1)));
    for table in [
        "SELECT COUNT(*) FROM subject_set",
        "SELECT COUNT(*) FROM delivery_set",
        "SELECT COUNT(*) FROM subject_link",
    ] {
        assert_eq!(world.count(table).await, 0, "{table}");
    }

    world.deliver_as(Mode::Changes, "enrolment", SCHOOL, &rows).await;
    let root = Some(subject(&bsn(1)));
    let together: Vec<_> = (1..=5).map(|key| (key, root)).collect();
    assert_eq!(world.visible().await, together);
    assert_eq!(world.canonical(Some(SCHOOL), &eck(1)).await.1, subject(&bsn(1)));
    assert_eq!(world.count("SELECT COUNT(*) FROM delivery_set").await, 0);
    assert_eq!(world.count("SELECT COUNT(*) FROM subject_link").await, 1);
}
