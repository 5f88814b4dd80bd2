//! A log of several years: each goes on from the one before, and everything that reads it reads all.

use doelpoort::audit::{Entries, Wanted, prove, write_bundle};
use doelpoort::fg::Reader;
use doelpoort::fg::follow::{FollowError, Parts, follow};
use doelpoort::fg::monitor::monitor;
use doelpoort::log::{Numbers, PRESUMED_DISCLOSED};
use doelpoort_core::audit::merkle::{Frontier, leaf_hash};
use doelpoort_core::audit::private::StaffPart;
use doelpoort_core::audit::tag::Tagged;
use doelpoort_core::audit::verify::Opening;
use jiff::SignedDuration;

use super::*;

/// To the first minute of the next year.
pub(super) fn to_new_year(world: &World) {
    move_to(world, "2027-01-01T00:00:30Z");
}

fn move_to(world: &World, time: &str) {
    let time: jiff::Timestamp = time.parse().unwrap();
    world.clock.advance(time.duration_since(world.clock.now()));
}

/// An entry about a member of staff.
pub(super) fn about(staff: &str) -> Entry {
    let mut entry = entry();
    entry.private.staff = Some(StaffPart {
        subject: staff.to_owned(),
        proved: true,
        case: None,
        released_by: None,
    });
    entry
}

/// A log of two years: five entries of the first (0, 1 and 2 open it and put policies in force, 3 is an access, 4 closes
/// it), and three accesses in the second behind the two that open it.
async fn two_years(backend: Backend) -> Option<(World, Vec<receipt::Receipt>)> {
    let world = World::on(backend).await?;
    let log = world.log().await;
    let mut receipts = vec![log.append(activation(1)).await.unwrap()];
    receipts.push(log.append(about("alice")).await.unwrap());
    to_new_year(&world);
    for _ in 0..3 {
        receipts.push(log.append(about("alice")).await.unwrap());
    }
    log.close().await;
    Some((world, receipts))
}

fn first_bad(report: &Report) -> Option<(&str, u64)> {
    let bad = report.findings.iter().find(|finding| finding.index.is_some())?;
    Some((bad.shard.as_deref().unwrap_or("-"), bad.index?))
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn the_first_entry_of_a_year_opens_its_shard(#[case] backend: Backend) {
    let Some((world, receipts)) = two_years(backend).await else {
        return;
    };
    for (place, receipt) in receipts.iter().enumerate() {
        let year = if place < 2 { "2026" } else { "2027" };
        assert_eq!(receipt.origin, format!("example.nl/audit/{year}"));
        let json = serde_json::to_string(receipt).unwrap();
        // The key of either year is that of both.
        receipt::verify(&json, signer().verifier(), None).unwrap();
    }
    assert_eq!((receipts[1].index, receipts[2].index), (3, 2));
    let report = world.report().await;
    assert!(report.is_intact(), "{report}");
    let sizes: Vec<_> = report
        .shards
        .iter()
        .map(|shard| (shard.size, shard.is_closed))
        .collect();
    assert_eq!(sizes, [(5, true), (5, false)], "{report}");
    assert_eq!(report.size, 10);

    // Policies go on where they were; a restart too.
    let log = world.log().await;
    assert_eq!(log.policy().await.unwrap(), (1, Some([7; 32])));
    assert_eq!(log.history().await.unwrap().history.generation, 1);
    log.append(activation(2)).await.unwrap();
    let history = log.history_since(&log.history().await.unwrap()).await.unwrap();
    assert_eq!(history.history.generation, 2);
    log.close().await;
    let report = world.report().await;
    assert!(report.is_intact(), "{report}");
    assert!(report.shards[0].checkpoints > 0);
    // The old shard is signed to its end, and stays readable.
    let old = log.published_of("2026").unwrap();
    let checkpoint = old.checkpoint().await.unwrap().unwrap();
    assert!(
        checkpoint.starts_with("example.nl/audit/2026\n5\n"),
        "{checkpoint}"
    );
    let proof = old.inclusion(3).await.unwrap().unwrap();
    let leaf = data_encoding::BASE64.decode(receipts[1].leaf.as_bytes()).unwrap();
    proof.verify(&leaf_hash(&leaf), old.key()).unwrap();
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn everything_that_reads_the_log_reads_all_its_shards(#[case] backend: Backend) {
    let Some((world, receipts)) = two_years(backend).await else {
        return;
    };
    let numbers = Numbers::read(&world.store).await.unwrap();
    assert_eq!(
        (numbers.end(), numbers.parse("2027:2"), numbers.parse("7")),
        (10, Some(7), Some(7))
    );
    let mut seen = Vec::new();
    Entries::Database(world.store.clone())
        .each(2..9, |entry| {
            seen.push((entry.index, entry.origin.to_string()));
            Ok(())
        })
        .await
        .unwrap();
    assert_eq!(seen.len(), 7);
    assert_eq!(seen[3], (5, "example.nl/audit/2027".to_owned()));
    let proof = prove(&world.store, Wanted::Index(7)).await.unwrap();
    assert_eq!(proof.index, receipts[2].index);

    // The FG opens and finds what was done in either year.
    let origin = signer().verifier().name().to_owned();
    let monitored = monitor(
        &Entries::Database(world.store.clone()),
        signer().verifier(),
        &fg().0,
        None,
        0,
    )
    .await
    .unwrap();
    assert!(monitored.is_honest(), "{:?}", monitored.findings);
    assert_eq!((monitored.entries, monitored.opened), (10, 4));
    let mut reader = Reader::new(&origin, &fg().0);
    let mut found = Vec::new();
    let entries = Entries::Database(world.store.clone());
    follow(&entries, Parts::Leaves, &mut reader, |reader, entry| {
        if reader
            .is_about_any(&entry.leaf, &[Tagged::Staff("alice")])
            .unwrap()
        {
            found.push(entry.index);
        }
        Ok::<(), FollowError>(())
    })
    .await
    .unwrap();
    assert_eq!(found, [3, 7, 8, 9]);

    // Erasing one of the old year is told of in the new one.
    let log = world.log().await;
    let order = log.entry_order(3, "request 7").await.unwrap().unwrap();
    log.destroy(&crate::support::fg::signed(&order)).await.unwrap();
    log.close().await;
    let monitored = monitor(
        &Entries::Database(world.store.clone()),
        signer().verifier(),
        &fg().0,
        Some(&crate::support::fg::approvers()),
        0,
    )
    .await
    .unwrap();
    assert!(monitored.is_honest(), "{:?}", monitored.findings);
    assert_eq!(monitored.destroyed, [3]);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_bundle_spans_the_shards_and_each_can_be_taken_alone(#[case] backend: Backend) {
    let Some((world, receipts)) = two_years(backend).await else {
        return;
    };
    let key = signer().verifier().clone();
    let taken = async |only: Option<&str>| {
        let mut bytes = Vec::new();
        write_bundle(&world.store, &mut bytes, None, only).await.unwrap();
        bytes
    };
    let proven: Vec<_> = receipts
        .iter()
        .map(|receipt| receipt::verify(&serde_json::to_string(receipt).unwrap(), &key, None).unwrap())
        .collect();
    let whole = taken(None).await;
    let report = doelpoort_verify::verify_with(&*whole, &key, None, &proven).unwrap();
    assert!(report.is_intact(), "{report}");
    assert_eq!((report.size, report.shards.len()), (10, 2), "{report}");
    // Whichever is alone is intact, and says what is not here.
    for (label, lacking) in [("2026", "the shard after"), ("2027", "the shard before")] {
        let report = doelpoort_verify::verify(&*taken(Some(label)).await, &key, None).unwrap();
        assert!(report.is_intact(), "{report}");
        assert!(report.not_checked().join("\n").contains(lacking), "{report}");
    }
    let cut = &whole[..whole.len() / 2];
    assert!(!doelpoort_verify::verify(cut, &key, None).is_ok_and(|report| report.is_intact()));
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_was_open_at_new_year_is_settled_once(#[case] backend: Backend) {
    let Some(world) = World::on(backend).await else {
        return;
    };
    let log = world.log().await;
    let long = || {
        let mut entry = entry();
        entry.event.extra.insert(extra::BODY, Value::Number(1_000_000));
        entry
    };
    move_to(&world, "2026-12-31T23:59:50Z");
    let ended = long();
    let mut completion = Entry::new(Kind::AccessCompleted).unwrap();
    completion.event.opening = Some(ended.event.entry_id);
    let outcome = Value::Text("complete".to_owned());
    completion.event.extra.insert(extra::OUTCOME, outcome);
    log.append(ended).await.unwrap();
    let lost = long();
    let lost_id = lost.event.entry_id;
    log.append(lost).await.unwrap();
    to_new_year(&world);
    log.append(completion).await.unwrap();
    world.clock.advance(SignedDuration::from_mins(20));
    for _ in 0..3 {
        log.settle().await.unwrap();
    }
    log.close().await;
    let mut presumed = Vec::new();
    Entries::Database(world.store.clone())
        .each(0..100, |entry| {
            let told = Value::Text(PRESUMED_DISCLOSED.to_owned());
            if entry.leaf.event.extra.get(&extra::OUTCOME) == Some(&told) {
                presumed.push(entry.leaf.event.opening);
            }
            Ok(())
        })
        .await
        .unwrap();
    assert_eq!(presumed, [Some(lost_id)]);
    let report = world.report().await;
    assert!(report.is_intact(), "{report}");
}

/// Somebody with the log's key rewrites a shard: leaf, tree, head and checkpoint fit together again.
async fn rewrite(world: &World, shard: i64, index: u64, change: impl Fn(&mut Leaf)) {
    let stored = rows::entries(&world.store, shard, 0, 1_000).await.unwrap();
    let origin = ["example.nl/audit/2026", "example.nl/audit/2027"][usize::try_from(shard).unwrap() - 1];
    let mut tree = Frontier::empty();
    let mut tx = world.store.begin_write().await.unwrap();
    for entry in &stored {
        let mut bytes = entry.leaf.clone();
        if entry.index == index {
            let mut leaf = Leaf::decode(&bytes).unwrap();
            change(&mut leaf);
            bytes = leaf.encode().unwrap();
        }
        let hash = leaf_hash(&bytes);
        tree.push(hash);
        let values = vec![
            shard.into(),
            i64::try_from(entry.index).unwrap().into(),
            hash.as_slice().into(),
            bytes.as_slice().into(),
        ];
        let update = "UPDATE log_entry SET leaf_hash = $3, leaf = $4 WHERE shard = $1 AND idx = $2";
        tx.execute(update, values).await.unwrap();
    }
    let values = vec![
        shard.into(),
        tree.root().as_slice().into(),
        tree.to_bytes().as_slice().into(),
    ];
    tx.execute(
        "UPDATE log_head SET root = $2, frontier = $3 WHERE shard = $1",
        values,
    )
    .await
    .unwrap();
    let size = i64::try_from(tree.size()).unwrap();
    let values = vec![shard.into(), size.into()];
    tx.execute(
        "DELETE FROM log_checkpoint WHERE shard = $1 AND size < $2",
        values,
    )
    .await
    .unwrap();
    let checkpoint = doelpoort_core::audit::checkpoint::Checkpoint {
        origin: origin.to_owned(),
        size: tree.size(),
        root: tree.root(),
    };
    let note = checkpoint.sign(&signer().of_shard(origin).unwrap()).unwrap();
    let values = vec![shard.into(), tree.root().as_slice().into(), note.as_str().into()];
    tx.execute(
        "UPDATE log_checkpoint SET root = $2, note = $3 WHERE shard = $1",
        values,
    )
    .await
    .unwrap();
    tx.commit().await.unwrap();
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_rewritten_year_or_a_forged_predecessor_is_named(#[case] backend: Backend) {
    // The old year, rewritten with the stolen key: the new one says how it ended.
    let Some((world, _)) = two_years(backend).await else {
        return;
    };
    rewrite(&world, 1, 3, |leaf| leaf.event.entry_id = [1; 16]).await;
    let report = world.report().await;
    assert_eq!(first_bad(&report), Some(("example.nl/audit/2027", 0)), "{report}");
    assert!(matches!(world.try_log().await, Err(LogError::Stopped)));

    // A predecessor that never was.
    let other = Signer::from_seed("example.nl/audit/2026", &[9; 32]).unwrap();
    let forgeries: [&dyn Fn(&mut Opening); 4] = [
        &|opening| opening.root = [3; 32],
        &|opening| opening.key = other.verifier().clone(),
        &|opening| opening.generation = 9,
        &|opening| {
            let checkpoint = doelpoort_core::audit::checkpoint::Checkpoint {
                origin: "example.nl/audit/2026".to_owned(),
                size: 3,
                root: [3; 32],
            };
            opening.checkpoint = Some(checkpoint.sign(&signer()).unwrap());
        },
    ];
    for forge in forgeries {
        let (world, _) = two_years(backend).await.unwrap();
        rewrite(&world, 2, 0, |leaf| {
            let mut opening = Opening::read(leaf).unwrap().unwrap();
            forge(&mut opening);
            opening.write(&mut leaf.event);
        })
        .await;
        let report = world.report().await;
        assert_eq!(first_bad(&report), Some(("example.nl/audit/2027", 0)), "{report}");
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_missing_shard_and_a_fork_are_named(#[case] backend: Backend) {
    for (gone, told) in [(1, "is missing"), (2, "the shard that follows")] {
        let Some((world, _)) = two_years(backend).await else {
            return;
        };
        for table in ["log_entry", "log_head", "log_checkpoint", "log_shard"] {
            let delete: &'static str = match (table, gone) {
                ("log_entry", 1) => "DELETE FROM log_entry WHERE shard = 1",
                ("log_head", 1) => "DELETE FROM log_head WHERE shard = 1",
                ("log_checkpoint", 1) => "DELETE FROM log_checkpoint WHERE shard = 1",
                ("log_shard", 1) => "DELETE FROM log_shard WHERE shard = 1",
                ("log_entry", _) => "DELETE FROM log_entry WHERE shard = 2",
                ("log_head", _) => "DELETE FROM log_head WHERE shard = 2",
                ("log_checkpoint", _) => "DELETE FROM log_checkpoint WHERE shard = 2",
                _ => "DELETE FROM log_shard WHERE shard = 2",
            };
            world.tamper(delete).await;
        }
        let report = world.report().await;
        assert!(
            !report.is_intact() && report.to_string().contains(told),
            "{report}"
        );
        assert!(world.try_log().await.is_err());
    }
    // Two that go on from the same one: the second is no successor of the first.
    let (world, _) = two_years(backend).await.unwrap();
    for fork in [
        "UPDATE log_head SET closed = 1 WHERE shard = 2",
        "INSERT INTO log_shard (shard, origin, verifier, opened_us, published_us)
         SELECT 3, 'example.nl/audit/2027-2', verifier, opened_us, 0 FROM log_shard WHERE shard = 2",
        "INSERT INTO log_entry (shard, idx, leaf_hash, leaf, replica, sequence)
         SELECT 3, idx, leaf_hash, leaf, replica, sequence + 100 FROM log_entry WHERE shard = 2",
        "INSERT INTO log_head (shard, size, frontier, root, last_us, policy_generation, policy_digest)
         SELECT 3, size, frontier, root, last_us, policy_generation, policy_digest FROM log_head WHERE shard = 2",
    ] {
        world.tamper(fork).await;
    }
    let report = world.report().await;
    let told = report.to_string();
    assert!(
        told.contains("2027-2 index 0: it goes on from `example.nl/audit/2026"),
        "{report}"
    );
}
