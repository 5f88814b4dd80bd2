//! How far the log has been looked through for what was begun and never ended. Many replicas look; the mark moves in the
//! transaction of the entry that settles one, so that each is settled once.

use super::{Row, Sql, Store, StoreError, Tx, sql};

const MARK: Sql = sql!("SELECT idx FROM log_settled WHERE shard = $1");
const BEGIN: Sql = sql!("INSERT INTO log_settled (shard, idx) VALUES ($1, 0) ON CONFLICT DO NOTHING");
const ADVANCE: Sql = sql!("UPDATE log_settled SET idx = $3 WHERE shard = $1 AND idx = $2");
// The condition of the index `log_entry_closing`, word for word, so that it is used.
const CLOSING: Sql = sql!(
    sqlite =
        "SELECT leaf FROM log_entry WHERE shard = $1 AND idx >= $2 AND substr(leaf, 5, 1) IN (x'02', x'04')",
    postgres = "SELECT leaf FROM log_entry WHERE shard = $1 AND idx >= $2
                  AND substr(leaf, 5, 1) IN (CAST('\\x02' AS BYTEA), CAST('\\x04' AS BYTEA))"
);

pub(crate) const ALL: &[(&str, Sql)] = &[
    ("settled::MARK", MARK),
    ("settled::BEGIN", BEGIN),
    ("settled::ADVANCE", ADVANCE),
    ("settled::CLOSING", CLOSING),
];

/// The kinds of the leaves that [`closing`] reads: completions, and closed windows.
pub const CLOSING_KINDS: [u8; 2] = [2, 4];

/// Up to which index the log has nothing open.
pub async fn mark(store: &Store, shard: i64) -> Result<i64, StoreError> {
    if let Some(row) = store.fetch_optional(MARK, vec![shard.into()]).await? {
        return row.int(0);
    }
    store.execute(BEGIN, vec![shard.into()]).await?;
    Ok(0)
}

/// Moves the mark on; fails where it is not at `from`: another replica was first.
pub async fn advance(tx: &mut Tx, shard: i64, (from, until): (i64, i64)) -> Result<(), StoreError> {
    match tx
        .execute(ADVANCE, vec![shard.into(), from.into(), until.into()])
        .await?
    {
        1 => Ok(()),
        _ => Err(StoreError::Conflict {
            table: "log_settled".to_owned(),
        }),
    }
}

/// Reads the leaves from `from` on that complete an access or close a window.
pub async fn closing(
    store: &Store,
    shard: i64,
    from: i64,
    each: impl FnMut(Row) -> Result<(), StoreError> + Send,
) -> Result<(), StoreError> {
    store
        .for_each(CLOSING, vec![shard.into(), from.into()], each)
        .await
}
