//! Which versions of the keys each replica has read.

use super::{Sql, Store, StoreError, sql};

const TELL: Sql = sql!(
    "INSERT INTO replica_keys (replica, versions, seen_us) VALUES ($1, $2, $3)
     ON CONFLICT (replica) DO UPDATE SET versions = excluded.versions, seen_us = excluded.seen_us"
);
const FORGET: Sql = sql!("DELETE FROM replica_keys WHERE seen_us < $1");
const LEAVE: Sql = sql!("DELETE FROM replica_keys WHERE replica = $1");
const TOLD: Sql = sql!("SELECT versions FROM replica_keys WHERE seen_us >= $1 ORDER BY seen_us");
/// Identifiers that were last seen under another version than `$1`: a pupil who is not delivered again before the older
/// ones are retired is a new one afterwards.
const UNSEEN: Sql = sql!(
    "SELECT COUNT(*) FROM (SELECT subject FROM subject_index WHERE origin = 'gateway'
     GROUP BY subject HAVING MAX(CASE WHEN key_version = $1 THEN 1 ELSE 0 END) = 0) AS unseen"
);

pub(crate) const ALL: &[(&str, Sql)] = &[
    ("keys::TELL", TELL),
    ("keys::FORGET", FORGET),
    ("keys::LEAVE", LEAVE),
    ("keys::TOLD", TOLD),
    ("keys::UNSEEN", UNSEEN),
];

/// How long a replica counts as running after it last told its versions, in µs; it tells each minute.
pub const REPLICA_SILENT_MAX_US: i64 = 5 * 60 * 1_000_000;

impl Store {
    /// A replica tells which versions it reads. Those that have long been silent are forgotten.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn tell_key_versions(
        &self,
        replica: &[u8; 16],
        versions: &str,
        now_us: i64,
    ) -> Result<(), StoreError> {
        self.execute(FORGET, vec![(now_us - REPLICA_SILENT_MAX_US).into()])
            .await?;
        let values = vec![replica.as_slice().into(), versions.into(), now_us.into()];
        self.execute(TELL, values).await.map(drop)
    }

    /// A replica ends.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn leave_key_versions(&self, replica: &[u8; 16]) -> Result<(), StoreError> {
        self.execute(LEAVE, vec![replica.as_slice().into()])
            .await
            .map(drop)
    }

    /// What each running replica told, `index:1,2 exit:1 …`.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn told_key_versions(&self, now_us: i64) -> Result<Vec<String>, StoreError> {
        let rows = self
            .fetch_all(TOLD, vec![(now_us - REPLICA_SILENT_MAX_US).into()])
            .await?;
        rows.iter().map(|row| row.text(0)).collect()
    }

    /// How many subjects have no index under this version of the entrance key.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn subjects_unseen_under(&self, version: u32) -> Result<i64, StoreError> {
        match self
            .fetch_optional(UNSEEN, vec![i64::from(version).into()])
            .await?
        {
            Some(row) => row.int(0),
            None => Ok(0),
        }
    }
}
