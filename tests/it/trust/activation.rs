//! What puts a purpose to sleep, and what never comes into force.

use doelpoort::config::Config;
use doelpoort_core::policy::Mandate;
use doelpoort_core::policy::approval::{self, ApprovalTerms};
use jiff::{SignedDuration, Timestamp};
use rstest::rstest;
use serde_json::json;

use super::{atlas, line, refused, told};
use crate::support::database::Backend;
use crate::support::world::ask::{records, refusal};
use crate::support::world::files::{DEPLOYMENT, approver, copy};
use crate::support::world::{START, World, problem};

const ATLAS_FG: &str = "approvals/youth-atlas.municipality.fg.jws";

/// Signs the atlas for the municipality's FG, with this key and until then.
fn sign_atlas(config: &Config, signer: &str, until: Timestamp) {
    let draft = doelpoort::policies::draft(&config.policies.dir).unwrap();
    let (purpose, manifest) = &draft.purposes[&"youth-atlas".parse().unwrap()];
    let municipality = draft
        .organisations
        .by_slug(&"municipality".parse().unwrap())
        .unwrap();
    let start: Timestamp = START.parse().unwrap();
    let terms = ApprovalTerms {
        deployment: DEPLOYMENT,
        purpose: &purpose.id,
        version: purpose.version,
        role: doelpoort_core::policy::ApprovalRole::Fg,
        organisation: &municipality.oin,
        issued_at: start - SignedDuration::from_hours(48),
        expires_at: until,
    };
    let key = approver(signer, "fg");
    let kid = approver("municipality", "fg").kid();
    let text = approval::sign(&terms, manifest, &kid, key.signing_key()).unwrap();
    std::fs::write(config.policies.dir.join(ATLAS_FG), text).unwrap();
}

fn one_byte(config: &mut Config) {
    let file = config.policies.dir.join("datasets/resident.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(file, text + "\n").unwrap();
}

fn missing_holder(config: &mut Config) {
    let approval = "approvals/youth-atlas.municipality.holder.jws";
    std::fs::remove_file(config.policies.dir.join(approval)).unwrap();
}

fn expired(config: &mut Config) {
    sign_atlas(config, "municipality", START.parse().unwrap());
}

fn wrong_key(config: &mut Config) {
    let start: Timestamp = START.parse().unwrap();
    sign_atlas(config, "swv-po", start + SignedDuration::from_hours(24));
}

#[rstest]
#[case::one_byte(
    one_byte,
    "municipality as fg: the signature does not match",
    "board-20041.holder/signature"
)]
#[case::missing_holder(
    missing_holder,
    "municipality as holder: there is no approval",
    "municipality.holder/absent"
)]
#[case::expired(
    expired,
    "municipality as fg: the approval has expired",
    "municipality.fg/expired"
)]
#[case::wrong_key(
    wrong_key,
    "municipality as fg: the signature does not match",
    "municipality.fg/signature"
)]
#[tokio::test]
async fn the_caller_the_log_and_the_check_say_why_a_purpose_sleeps(
    #[case] change: fn(&mut Config),
    #[case] why: &str,
    #[case] clause: &str,
) {
    let world = World::with(Backend::Sqlite, change).await.unwrap();
    let problem = problem(atlas(&world).await);
    assert_eq!((problem.status, problem.code.as_str()), (403, "purpose-asleep"));
    let detail = problem.document["detail"].as_str().unwrap();
    assert!(detail.contains(why), "{detail}");
    let clause = format!("youth-atlas/approval/{clause}");
    assert_eq!(problem.document["clause"], clause);
    assert_eq!(
        told(&world).await,
        format!("access-decided purpose-asleep {clause}")
    );

    let size = world.report().await.size;
    let activation = world.last_entries(size).await;
    let atlas = activation.iter().find(|leaf| {
        leaf.event
            .purpose
            .as_ref()
            .is_some_and(|purpose| purpose.id == "youth-atlas")
    });
    assert!(line(atlas.unwrap()).contains(&clause), "{}", line(atlas.unwrap()));

    let now = START.parse().unwrap();
    let policies = doelpoort::policies::load(world.policies(), DEPLOYMENT, now).unwrap();
    let missing = policies.purposes[&"youth-atlas".parse().unwrap()].missing(now);
    assert!(missing.iter().any(|one| one.to_string() == why), "{missing:?}");
}

#[tokio::test]
async fn a_missing_board_keeps_its_own_rows_out_and_nobody_elses() {
    let world = World::with(Backend::Sqlite, |config| {
        let approval = "approvals/delivery-enrolment.board-41676.holder.jws";
        std::fs::remove_file(config.policies.dir.join(approval)).unwrap();
    })
    .await
    .unwrap();
    let rows = [crate::support::world::pupils::enrolment(0)];
    let mode = doelpoort::client::Mode::Snapshot;
    let own = world
        .try_deliver("vendor-alpha-delivery", "enrolment", mode, &rows)
        .await;
    assert_eq!(refusal(own), "403 purpose-asleep");
    let other = world
        .try_deliver("vendor-beta-delivery", "enrolment", mode, &[])
        .await;
    assert!(
        !matches!(other, Err(doelpoort::client::ClientError::Refused(why)) if why.code == "purpose-asleep")
    );
}

#[rstest]
#[case::hierarchy("hierarchies/neighbourhood.toml", "De Werven", "De Wervèn", "youth-atlas")]
#[case::scope(
    "purposes/case-consultation.toml",
    "scope = \"caseload\"",
    "scope = \"everything\"",
    "case-consultation"
)]
#[case::pin(
    "organisations.toml",
    "spki_sha256 = [\"",
    "spki_sha256 = [\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\", \"",
    "youth-atlas"
)]
#[tokio::test]
async fn what_was_replaced_unsigned_sleeps(
    #[case] file: &str,
    #[case] from: &str,
    #[case] to: &str,
    #[case] purpose: &str,
) {
    let world = World::new(Backend::Sqlite).await.unwrap();
    let before = world.report().await.size;
    world.edit(file, from, to);
    assert!(world.gateway.reload_policies().await.unwrap());
    let entries = world.last_entries(world.report().await.size - before).await;
    let lines: Vec<String> = entries.iter().map(line).collect();
    let asleep = format!("policy-changed purpose-asleep {purpose}/approval/");
    assert!(
        lines
            .iter()
            .any(|one| one.starts_with(&asleep) && one.contains("/signature")),
        "{lines:?}"
    );
    assert_eq!(lines.last().unwrap(), "policy-changed policy-activated -");
    let denied = if purpose == "youth-atlas" {
        refusal(atlas(&world).await)
    } else {
        refusal(
            world
                .client("swv-po-consulent")
                .query(records(&["pseudonym"]))
                .await,
        )
    };
    assert_eq!(denied, "403 purpose-asleep");

    // Signed anew under the same version it would act with other bytes.
    world.approve();
    let why = refused(&world).await;
    assert!(
        why.contains(&format!(
            "purpose `{purpose}` version 1 has acted with the manifest"
        )),
        "{why}"
    );
    assert!(
        told(&world)
            .await
            .starts_with("policy-changed policy-refused purpose `")
    );
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn restored_old_files_are_refused_named_and_logged(#[case] backend: Backend) {
    let Some(mut world) = World::new(backend).await else {
        return;
    };
    let old = tempfile::tempdir().unwrap();
    copy(world.policies(), old.path());
    world.edit("purposes/youth-atlas.toml", "version = 1", "version = 2");
    world.approve();
    assert!(world.gateway.reload_policies().await.unwrap());
    let generation = world.gateway.policies().current().generation;
    assert!(!world.gateway.reload_policies().await.unwrap(), "nothing changed");

    copy(old.path(), world.policies());
    let why = "purpose `youth-atlas` has version 1, but version 2 has acted: there is no way back";
    assert!(refused(&world).await.ends_with(why));
    assert_eq!(told(&world).await, format!("policy-changed policy-refused {why}"));
    let size = world.report().await.size;
    refused(&world).await;
    assert_eq!(world.report().await.size, size, "the same refusal is logged once");
    let current = world.gateway.policies().current();
    assert_eq!(
        (current.generation, current.in_force),
        (generation, true),
        "the new ones stay"
    );
    world.stop().await;
    let start = world.try_start().await.map(drop).unwrap_err().to_string();
    assert!(start.contains(why), "{start}");
}

#[tokio::test]
async fn a_mandate_signed_with_the_wrong_key_is_refused_named_and_logged() {
    let world = World::new(Backend::Sqlite).await.unwrap();
    let policies = world.gateway.policies().current();
    let mandate = Mandate {
        until: "2030-07-31".parse().unwrap(),
        ..policies.policies.mandates[0].clone()
    };
    let (key, kid) = (
        approver("board-20041", "mandate"),
        approver("board-41676", "mandate").kid(),
    );
    let now: Timestamp = START.parse().unwrap();
    let text = mandate.sign(DEPLOYMENT, now, &kid, key.signing_key()).unwrap();
    let file = "mandates/vendor-alpha.board-41676.jws";
    assert!(world.policies().join(file).exists());
    std::fs::write(world.policies().join(file), text).unwrap();
    let why = format!("{file}: the signature does not match");
    assert!(refused(&world).await.ends_with(&why));
    assert_eq!(told(&world).await, format!("policy-changed policy-refused {why}"));
    let rows = [json!({})];
    let mode = doelpoort::client::Mode::Snapshot;
    let delivered = world
        .try_deliver("vendor-alpha-delivery", "enrolment", mode, &rows)
        .await;
    assert_eq!(
        refusal(delivered),
        "400 delivery-refused",
        "the old mandate holds"
    );
}

#[tokio::test]
async fn changed_files_are_found_without_being_told() {
    let world = World::new(Backend::Sqlite).await.unwrap();
    let before = world.gateway.policies().current().generation;
    world.edit("purposes/youth-atlas.toml", "version = 1", "version = 2");
    world.approve();
    let found = async {
        while world.gateway.policies().current().generation == before {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), found)
        .await
        .unwrap();
    let current = world.gateway.policies().current();
    assert_eq!(
        current.policies.purposes[&"youth-atlas".parse().unwrap()]
            .purpose
            .version,
        2
    );
}

#[tokio::test]
async fn policies_that_fail_their_own_tests_stay_out() {
    let world = World::new(Backend::Sqlite).await.unwrap();
    let before = world.gateway.policies().current().generation;
    let table = "purpose = \"youth-atlas\"\n\n[[case]]\nname = \"x\"\n";
    std::fs::write(world.policies().join("purposes/youth-atlas.test.toml"), table).unwrap();
    let why = refused(&world).await;
    assert!(why.contains("purposes/youth-atlas.test.toml"), "{why}");
    assert!(
        told(&world)
            .await
            .starts_with("policy-changed policy-refused purposes/youth-atlas.test.toml")
    );
    assert_eq!(world.gateway.policies().current().generation, before);
}
