//! Each key is rotated under running replicas; what was issued before still works, and no pupil becomes another.

use doelpoort::gateway::key_files;
use doelpoort::keys::file::{ChangeError, OpenKeys};
use doelpoort::keys::{KeyPurpose, KeyUse};
use doelpoort_core::audit::leaf::{Kind, Value as Extra, extra};
use ring::rand::SystemRandom;
use rstest::rstest;
use serde_json::json;

use crate::support::database::Backend;
use crate::support::world::World;
use crate::support::world::ask::records;
use crate::support::world::pupils::{self, CONSULENT, SITE, bsn};

const PUPILS: usize = 8;

impl World {
    /// Changes the key file as the command does, and has the gateway read it.
    pub(crate) async fn change_keys<T>(
        &self,
        change: impl FnOnce(&mut OpenKeys) -> Result<T, ChangeError>,
    ) -> T {
        let mut keys = OpenKeys::open(&key_files(&self.files.config), KeyUse::DemoOrTest).unwrap();
        let done = change(&mut keys).unwrap();
        keys.save().unwrap();
        self.gateway.reload_keys().await.unwrap();
        done
    }

    pub(crate) async fn add_version(&self, purpose: KeyPurpose) -> u32 {
        let random = SystemRandom::new();
        self.change_keys(|keys| keys.add(purpose, false, &random))
            .await
            .version
    }

    pub(crate) async fn activate(&self, purpose: KeyPurpose) -> u32 {
        let (random, now) = (SystemRandom::new(), self.gateway.now());
        self.change_keys(|keys| keys.activate(purpose, now, &random))
            .await
            .version
    }

    pub(crate) async fn rotate(&self, purpose: KeyPurpose) -> u32 {
        self.add_version(purpose).await;
        self.activate(purpose).await
    }

    pub(crate) async fn count(&self, sql: &'static str) -> i64 {
        let row = self.gateway.store().fetch_optional(sql, vec![]).await;
        row.unwrap().unwrap().int(0).unwrap()
    }

    async fn deliver_enrolments(&self, pupils: std::ops::Range<usize>) {
        let rows: Vec<_> = pupils.map(pupils::enrolment).collect();
        self.deliver("vendor-alpha-delivery", "enrolment", &rows).await;
    }

    /// The pseudonyms that the consulent sees.
    async fn pseudonyms(&self) -> Vec<String> {
        let answer = self
            .client("swv-po-consulent")
            .query(records(&["pseudonym"]))
            .await
            .unwrap();
        let rows = answer.json()["data"].as_array().unwrap().clone();
        rows.iter()
            .map(|row| row["pseudonym"].as_str().unwrap().to_owned())
            .collect()
    }
}

/// A new entrance key fills itself at the next delivery; subjects and pseudonyms do not move. A replica that has read a
/// pending version finds what another one made under it.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_new_entrance_key_moves_nobody(#[case] backend: Backend) {
    let Some(world) = World::new(backend).await else {
        return;
    };
    let cases = [pupils::caseload(CONSULENT, SITE)];
    world.deliver("swv-po-delivery", "caseload", &cases).await;
    world.deliver_enrolments(0..PUPILS).await;
    world.next_day().await;
    let before = world.pseudonyms().await;
    assert_eq!(before.len(), PUPILS);
    let subjects = world.count("SELECT COUNT(*) FROM subject").await;

    world.add_version(KeyPurpose::Index).await;
    let behind = world.replica_behind().await;
    assert_eq!(world.activate(KeyPurpose::Index).await, 2);
    assert_eq!(behind.gateway.keyring().index.active_version(), 1);
    world.deliver_enrolments(0..PUPILS + 1).await;
    let unseen = world.gateway.store().subjects_unseen_under(2).await.unwrap();
    assert_eq!(unseen, 0, "all were delivered again");
    let known = json!([{ "ref": "1", "bsn": bsn(PUPILS) }]);
    let fact = crate::support::world::ask::fact("00000099000000041676", known.as_array().unwrap());
    let late = world.client_at("vendor-alpha-school", &behind.base);
    late.facts(fact).await.unwrap();
    let rows: Vec<_> = (0..=PUPILS).map(pupils::enrolment).collect();
    let delivery = World::delivery(
        "vendor-alpha-delivery",
        "enrolment",
        doelpoort::client::Mode::Snapshot,
    );
    world
        .client_at("vendor-alpha-delivery", &behind.base)
        .deliver(&delivery, crate::support::world::lines(&rows).into())
        .await
        .unwrap();
    behind.stop().await;
    // Two identifiers of the one new pupil: nobody was made twice.
    assert_eq!(world.count("SELECT COUNT(*) FROM subject").await, subjects + 2);
    let after = world.pseudonyms().await;
    assert!(before.iter().all(|pseudonym| after.contains(pseudonym)));

    let random = SystemRandom::new();
    world
        .change_keys(|keys| keys.retire(KeyPurpose::Index, 1, &random))
        .await;
    world.change_keys(|keys| keys.destroy(KeyPurpose::Index, 1)).await;
    world.deliver_enrolments(0..PUPILS + 1).await;
    assert_eq!(world.count("SELECT COUNT(*) FROM subject").await, subjects + 2);
}

/// Tokens, cursors and digests of before a rotation still work after it, on a replica that reads the file a moment later,
/// too; and no longer once their version is retired.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_was_issued_before_still_works(#[case] backend: Backend) {
    let Some(world) = World::new(backend).await else {
        return;
    };
    let cases = [pupils::caseload(CONSULENT, SITE)];
    world.deliver("swv-po-delivery", "caseload", &cases).await;
    world.deliver_enrolments(0..PUPILS).await;
    world.next_day().await;
    let client = world.client("swv-po-consulent");
    let mut page = records(&["pseudonym"]);
    page.insert("page".to_owned(), json!({ "limit": 3 }));
    let first = client.query(page.clone()).await.unwrap();
    let cursor = first.json()["meta"]["nextCursor"].clone();
    assert!(cursor.is_string(), "{}", first.text());

    let behind = world.replica(None).await;
    for purpose in [KeyPurpose::Token, KeyPurpose::Cursor, KeyPurpose::Digest] {
        world.rotate(purpose).await;
    }
    // The token in the client's hands is of the old key, and so is the cursor.
    page.insert("page".to_owned(), json!({ "limit": 3, "cursor": cursor }));
    let second = client.query(page.clone()).await.unwrap();
    assert_eq!(second.json()["data"].as_array().unwrap().len(), 3);
    // Its file is the same, so it follows within seconds by itself; until then it must have read the pending version.
    behind.gateway.reload_keys().await.unwrap();
    let late = world.client_at("swv-po-consulent", &behind.base);
    assert_eq!(
        late.query(page.clone()).await.unwrap().json()["data"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
    behind.stop().await;

    let random = SystemRandom::new();
    world
        .change_keys(|keys| keys.retire(KeyPurpose::Cursor, 1, &random))
        .await;
    let refused = crate::support::world::problem(client.query(page).await);
    assert_eq!(refused.code, "cursor-not-valid");
    world
        .change_keys(|keys| keys.retire(KeyPurpose::Token, 1, &random))
        .await;
    // The client's token is refused once, and it fetches another.
    assert_eq!(world.pseudonyms().await.len(), PUPILS);
}

/// Another exit root gives other pseudonyms, of the new version; the log's key cannot change under a running gateway.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn another_exit_root_gives_other_pseudonyms(#[case] backend: Backend) {
    let Some(world) = World::new(backend).await else {
        return;
    };
    let cases = [pupils::caseload(CONSULENT, SITE)];
    world.deliver("swv-po-delivery", "caseload", &cases).await;
    world.deliver_enrolments(0..PUPILS).await;
    world.next_day().await;
    let before = world.pseudonyms().await;
    assert!(before.iter().all(|one| one.starts_with("dsp1_1_")));
    world.rotate(KeyPurpose::Exit).await;
    let after = world.pseudonyms().await;
    assert!(after.iter().all(|one| one.starts_with("dsp1_2_")));
    assert!(
        after
            .iter()
            .all(|one| !before.iter().any(|old| old[7..] == one[7..]))
    );

    let mut keys = OpenKeys::open(&key_files(&world.files.config), KeyUse::DemoOrTest).unwrap();
    let random = SystemRandom::new();
    keys.add(KeyPurpose::Log, false, &random).unwrap();
    keys.activate(KeyPurpose::Log, world.gateway.now(), &random)
        .unwrap();
    keys.save().unwrap();
    let refused = world.gateway.reload_keys().await.unwrap_err().to_string();
    assert_eq!(refused, "the active `log` key is another one; that needs a start");
    assert_eq!(world.pseudonyms().await, after, "the old keys stay");
}

/// The entry comes first, and says which version of which key.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn the_end_of_a_key_is_in_the_log(#[case] backend: Backend) {
    let Some(world) = World::new(backend).await else {
        return;
    };
    world.rotate(KeyPurpose::Exit).await;
    let random = SystemRandom::new();
    world
        .change_keys(|keys| keys.retire(KeyPurpose::Exit, 1, &random))
        .await;
    let destroyed = world.change_keys(|keys| keys.destroy(KeyPurpose::Exit, 1)).await;
    world
        .gateway
        .record_key_change(
            doelpoort::gateway::KeyChange::Destroyed,
            Some(&destroyed),
            "decision 7",
        )
        .await
        .unwrap();
    let entry = &world.last_entries(1).await[0].event;
    assert_eq!(entry.kind, Kind::KeyEvent);
    assert_eq!(entry.decision.as_deref(), Some("key-destroyed"));
    assert_eq!(entry.clause.as_deref(), Some("decision 7"));
    assert_eq!(entry.extra[&extra::KEY_ID], Extra::Text("exit".to_owned()));
    assert_eq!(entry.extra[&extra::KEY_VERSION], Extra::Number(1));
    assert_eq!(entry.extra[&extra::KEY_CHECK], Extra::Text(destroyed.check));
}
