//! What a recipient is told of merges: what it called a pupil before, for as long as its purpose says, and nothing that it
//! could not have been given.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use doelpoort::gateway::{UndoError, UndoneBy};
use doelpoort::log::{Entry, Evidence, verify_with};
use doelpoort_core::audit::leaf::{Kind, Leaf, Value as Extra, extra};
use doelpoort_core::audit::merge_undo::{MergeUndo, SignedMergeUndo};
use doelpoort_core::audit::retention::InvalidOrder;
use doelpoort_core::policy::KeyList;
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::database::{Backend, Database};
use crate::support::process::Process;
use crate::support::world::World;
use crate::support::world::ask::{body, records};
use crate::support::world::files::approver;
use crate::support::world::pupils::{
    CASELOADS, at_both_schools, bsn, caseload, eck_id, enrolment, enrolment_in, resident,
};

const BETA: &str = "00000099000000020041";

/// Rows tell of before for three days.
fn with_overlap(policies: &Path) {
    let file = policies.join("purposes/case-consultation.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let text = text.replacen(
        "key_period = \"school-year\"",
        "key_period = \"school-year\"\noverlap_days = 3",
        1,
    );
    std::fs::write(file, text).unwrap();
}

fn by_eck_id(number: usize) -> Value {
    let mut row = enrolment(number);
    row["pupil"] = json!({ "eckId": eck_id(number) });
    row
}

/// What a partnership's consulent is shown: for each row its pseudonym and those of before.
async fn shown(world: &World, client: &str) -> Vec<(String, Vec<String>)> {
    let answer = world.client(client).query(records(&["pseudonym"])).await.unwrap();
    let rows = answer.data().unwrap().as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    rows.iter()
        .map(|row| {
            let previous = row["previousPseudonyms"].as_array().unwrap();
            (text(&row["pseudonym"]), previous.iter().map(text).collect())
        })
        .collect()
}

fn names(shown: &[(String, Vec<String>)]) -> Vec<&str> {
    shown.iter().map(|(name, _)| name.as_str()).collect()
}

/// Rows that tell of before.
fn telling(shown: &[(String, Vec<String>)]) -> Vec<&(String, Vec<String>)> {
    shown
        .iter()
        .filter(|(_, previous)| !previous.is_empty())
        .collect()
}

/// Three pupils, known to the municipality by BSN and at both schools of one board by ECK iD.
async fn world(backend: Backend) -> Option<World> {
    let world = World::prepared(backend, with_overlap, |_| ()).await?;
    let residents: Vec<_> = (0..3).map(resident).collect();
    world
        .deliver("municipality-delivery", "resident", &residents)
        .await;
    for (client, staff, site) in CASELOADS {
        world.deliver(client, "caseload", &[caseload(staff, site)]).await;
    }
    let rows = at_both_schools((0..3).map(by_eck_id).collect());
    world.deliver("vendor-alpha-delivery", "enrolment", &rows).await;
    world.next_day().await;
    Some(world)
}

/// Another board says that two numbers are one pupil's, and the birth dates agree: rows of the first get another name.
async fn paired_by_another_board(world: &World, pupils: usize) {
    let row = |number| enrolment_in(number, "32GE00", "VO", "WK003403");
    let rows: Vec<_> = (0..pupils).map(row).collect();
    world.deliver("vendor-beta-delivery", "enrolment", &rows).await;
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_recipient_is_told_its_own_names_of_before_for_the_overlap(#[case] backend: Backend) {
    let Some(world) = world(backend).await else {
        return;
    };
    let before = shown(&world, "swv-po-consulent").await;
    let before_vo = shown(&world, "swv-vo-consulent").await;
    assert_eq!((before.len(), telling(&before).len()), (3, 0));

    paired_by_another_board(&world, 1).await;
    assert_eq!(
        shown(&world, "swv-po-consulent").await,
        before,
        "not the same day"
    );
    world.next_day().await;

    let after = shown(&world, "swv-po-consulent").await;
    let after_vo = shown(&world, "swv-vo-consulent").await;
    for (before, after) in [(&before, &after), (&before_vo, &after_vo)] {
        let told = telling(after);
        assert_eq!(told.len(), 1, "of the one that was merged");
        let (name, previous) = told[0];
        assert_eq!(previous.len(), 1);
        assert!(names(before).contains(&previous[0].as_str()), "a name of its own");
        assert!(!names(before).contains(&name.as_str()), "it has another now");
    }
    assert_ne!(telling(&after)[0].1, telling(&after_vo)[0].1, "each its own");

    world.next_day().await;
    world.next_day().await;
    assert_eq!(
        telling(&shown(&world, "swv-po-consulent").await).len(),
        1,
        "the third day"
    );
    world.next_day().await;
    let later = shown(&world, "swv-po-consulent").await;
    assert_eq!(telling(&later).len(), 0, "the overlap is over");
    assert_eq!(names(&later), names(&after), "the name stays");
    // Everything that was answered is in a log that holds.
    world.report().await;
}

/// Once it is undone, one name stood for two pupils: nobody is told to take one for the other.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn of_a_merge_that_was_undone_nothing_is_told(#[case] backend: Backend) {
    let Some(world) = world(backend).await else {
        return;
    };
    let before = shown(&world, "swv-po-consulent").await;
    paired_by_another_board(&world, 2).await;
    world.next_day().await;
    assert!(!telling(&shown(&world, "swv-po-consulent").await).is_empty());

    for number in [0, 1] {
        let undo = json!({ "actingFor": BETA, "pairs": [{ "bsn": bsn(number), "eckId": eck_id(number) }] });
        world
            .client("vendor-beta-school")
            .post("/v1/links/_undo", body(undo))
            .await
            .unwrap();
    }
    world.next_day().await;
    assert_eq!(
        shown(&world, "swv-po-consulent").await,
        before,
        "as if it had never been"
    );
}

/// A holder's own link gives its rows another name at once. What they were called is told when the link is agreed, for
/// until then other holders' rows still have that name.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_holders_own_link_is_told_once_it_holds_for_all(#[case] backend: Backend) {
    let Some(world) = world(backend).await else {
        return;
    };
    let before = shown(&world, "swv-po-consulent").await;
    let rows = at_both_schools(vec![enrolment(0), by_eck_id(1), by_eck_id(2)]);
    world.deliver("vendor-alpha-delivery", "enrolment", &rows).await;

    let at_once = shown(&world, "swv-po-consulent").await;
    assert_eq!(telling(&at_once).len(), 0, "nobody else says so yet");
    let gone: Vec<_> = names(&before)
        .into_iter()
        .filter(|name| !names(&at_once).contains(name))
        .collect();
    assert_eq!(gone.len(), 1, "and its rows have another name");
    world.next_day().await;
    let agreed = shown(&world, "swv-po-consulent").await;
    assert_eq!(telling(&agreed).len(), 1);
    assert_eq!(telling(&agreed)[0].1, gone);
    assert_eq!(names(&agreed), names(&at_once));
}

/// The entry that told of the last merges, by its number.
async fn told_of(world: &World) -> u64 {
    let entries = world.last_entries(world.report().await.size).await;
    let told = |leaf: &Leaf| leaf.event.decision.as_deref() == Some("merges-applied");
    u64::try_from(entries.iter().rposition(told).unwrap()).unwrap()
}

/// The operator names the entry that told of them, and no pupil; so does the log.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn the_operator_undoes_one_merge_of_an_entry_or_all(#[case] backend: Backend) {
    let Some(world) = world(backend).await else {
        return;
    };
    let before = shown(&world, "swv-po-consulent").await;
    paired_by_another_board(&world, 3).await;
    world.next_day().await;
    let merged = shown(&world, "swv-po-consulent").await;
    assert_eq!(telling(&merged).len(), 3);
    let (number, gateway) = (told_of(&world).await, &world.gateway);

    let order = gateway
        .merge_undo(number, Some(2), "complaint 2026-31")
        .await
        .unwrap();
    let (count, receipt) = gateway.undo_merges(UndoneBy::Operator(&order)).await.unwrap();
    assert_eq!(count, 1);
    assert_eq!(receipt.index + 1, world.report().await.size);
    let event = &world.last_entries(1).await[0].event;
    assert_eq!(
        (event.kind, event.decision.as_deref(), event.clause.as_deref()),
        (Kind::Resolution, Some("merges-undone"), Some("complaint 2026-31"))
    );
    assert_eq!(event.extra[&extra::FROM_INDEX], Extra::Number(number));
    assert_eq!(event.extra[&extra::MERGE_PAIR], Extra::Number(2));
    assert_eq!(event.extra[&extra::ROWS], Extra::Number(1));
    assert!(
        !event.extra.contains_key(&extra::MERGE_ORDER),
        "no order of the FG"
    );
    assert_eq!(event.tags.len(), 2, "the FG finds it by the pupils");
    assert_eq!(
        shown(&world, "swv-po-consulent").await,
        merged,
        "not the same day"
    );
    world.next_day().await;
    assert_eq!(telling(&shown(&world, "swv-po-consulent").await).len(), 2);

    let again = gateway.merge_undo(number, Some(2), "again").await.unwrap_err();
    assert!(matches!(again, UndoError::Undone), "{again}");
    let other = gateway.merge_undo(number - 1, None, "another entry").await;
    assert!(matches!(other, Err(UndoError::NoMerges { .. })), "{other:?}");
    let beyond = gateway.merge_undo(number + 1_000, None, "none").await;
    assert!(matches!(beyond, Err(UndoError::Order(_))), "{beyond:?}");

    let rest = gateway
        .merge_undo(number, None, "complaint 2026-31")
        .await
        .unwrap();
    let (count, _) = gateway.undo_merges(UndoneBy::Operator(&rest)).await.unwrap();
    assert_eq!(count, 2);
    world.next_day().await;
    assert_eq!(shown(&world, "swv-po-consulent").await, before);
}

/// What the FG signed on their own machine is carried out as it stands, and the entry carries it.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn the_fg_orders_that_a_merge_be_undone(#[case] backend: Backend) {
    let Some(world) = world(backend).await else {
        return;
    };
    let before = shown(&world, "swv-po-consulent").await;
    paired_by_another_board(&world, 1).await;
    world.next_day().await;
    let (number, gateway) = (told_of(&world).await, &world.gateway);
    let order = gateway.merge_undo(number, Some(1), "AVG 16").await.unwrap();
    let policies = gateway.policies().current();
    let approvers = &policies.policies.evidence.keys;

    let signed = ordered(&world, &order);
    let signed = SignedMergeUndo::verify(&signed, approvers).unwrap();
    assert_eq!(signed.order(), &order);
    gateway.undo_merges(UndoneBy::Fg(&signed)).await.unwrap();
    let event = &world.last_entries(1).await[0].event;
    assert_eq!(SignedMergeUndo::of_event(event, approvers), Ok(Some(signed)));
    let mut other = event.clone();
    other.extra.insert(extra::MERGE_PAIR, Extra::Number(2));
    assert_eq!(
        SignedMergeUndo::of_event(&other, approvers),
        Err(InvalidOrder::Other)
    );
    world.next_day().await;
    assert_eq!(shown(&world, "swv-po-consulent").await, before);
    refused_without_the_fgs_signature(&world, &order, approvers).await;
}

/// Another's signature, another deployment, and an entry that somebody wrote as if the FG had ordered it.
async fn refused_without_the_fgs_signature(world: &World, order: &MergeUndo, approvers: &KeyList) {
    let stranger = approver("board-41676", "fg");
    let (name, now) = (&world.files.config.deployment.name, world.clock_now());
    let forged = order
        .sign(name, now, &stranger.kid(), stranger.signing_key())
        .unwrap();
    assert_eq!(
        SignedMergeUndo::verify(&forged, approvers),
        Err(InvalidOrder::UnknownKey)
    );
    let own = approver("swv-po", "fg");
    let elsewhere = order
        .sign("elsewhere", now, &own.kid(), own.signing_key())
        .unwrap();
    assert_eq!(
        SignedMergeUndo::verify(&elsewhere, approvers),
        Err(InvalidOrder::OtherDeployment)
    );

    let log = world.gateway.log();
    let mut written = Entry::new(Kind::Resolution).unwrap();
    order.write(&mut written.event);
    written
        .event
        .extra
        .insert(extra::MERGE_ORDER, Extra::Text(forged));
    let index = log.append(written).await.unwrap().index;
    let given = Evidence {
        against: Ok(None),
        receipts: Vec::new(),
        approvers: Some(approvers.clone()),
    };
    let report = verify_with(world.gateway.store(), log.verifier(), given).await;
    let found: Vec<_> = report.unwrap().findings.iter().map(|one| one.index).collect();
    assert_eq!(
        found,
        [Some(index)],
        "the FG's own entry is sound, this one is not"
    );
}

/// The order, signed by `doelpoort fg order`.
fn ordered(world: &World, order: &MergeUndo) -> String {
    let folder = tempfile::tempdir().unwrap();
    let (draft, output) = (folder.path().join("draft"), folder.path().join("signed"));
    std::fs::write(&draft, serde_json::to_string(order).unwrap() + "\n").unwrap();
    let (example, key) = (
        Path::new(env!("CARGO_MANIFEST_DIR")).join("keys-example/approvers/swv-po.fg.key"),
        folder.path().join("fg.key"),
    );
    std::fs::write(&key, std::fs::read(example).unwrap()).unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o400)).unwrap();
    let program = std::process::Command::new(env!("CARGO_BIN_EXE_doelpoort"))
        .args(["fg", "order", "--deployment", &world.files.config.deployment.name])
        .args(["--policies".as_ref(), world.policies().as_os_str()])
        .args(["--key".as_ref(), key.as_os_str()])
        .args(["--draft".as_ref(), draft.as_os_str()])
        .args(["--output".as_ref(), output.as_os_str()])
        .output()
        .unwrap();
    let told = String::from_utf8(program.stdout).unwrap();
    assert!(
        told.starts_with("signed: undo merge 1 of entry "),
        "{told}{}",
        String::from_utf8_lossy(&program.stderr)
    );
    std::fs::read_to_string(output).unwrap()
}

/// The command as it is typed; that an entry told of no merges is one clear line.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn the_command_names_what_is_wrong(#[case] backend: Backend) {
    let Some(database) = Database::new(backend).await else {
        return;
    };
    let process = Process::new(&database.url);
    let told = process.refused(&["merges", "undo", "--entry", "0/1", "--ground", "complaint 1"]);
    assert!(told.contains("entry 0 of"), "{told}");
    assert!(told.ends_with("tells of no merges"), "{told}");
}
