//! Pseudonyms that were translated for somebody, until they are fetched or too old; and which were sent today.

use doelpoort_core::party::Oin;

use super::{Column, Row, Sql, SqlValue, Store, StoreError, Tx, sql};

/// `$1` sender, `$2` purpose, `$3` day, then the batch of values.
const SEND: Sql = sql!(
    sqlite = "INSERT INTO translated (sender, purpose, day, value)
              SELECT $1, $2, $3, unhex(value ->> 0) FROM json_each($4) WHERE TRUE
              ON CONFLICT (sender, purpose, day, value) DO NOTHING",
    postgres = "INSERT INTO translated (sender, purpose, day, value)
                SELECT $1, $2, CAST($3 AS BIGINT), v.value FROM unnest($4::bytea[]) AS v (value)
                ON CONFLICT (sender, purpose, day, value) DO NOTHING"
);
const KEEP: Sql = sql!(
    "INSERT INTO translation (id, receiver, purpose, to_purpose, created_us, pseudonyms)
     VALUES ($1, $2, $3, $4, $5, $6)"
);
const LIST: Sql = sql!(
    "SELECT id, purpose, to_purpose, created_us, pseudonyms FROM translation
     WHERE receiver = $1 ORDER BY created_us DESC, id LIMIT 1000"
);
const READ: Sql = sql!(
    "SELECT id, purpose, to_purpose, created_us, pseudonyms FROM translation WHERE receiver = $1 AND id = $2"
);
const FORGET: Sql = sql!("DELETE FROM translation WHERE created_us < $1");
const FORGET_SENT: Sql = sql!("DELETE FROM translated WHERE day < $1");

pub(crate) const ALL: &[(&str, Sql)] = &[
    ("translation::SEND", SEND),
    ("translation::KEEP", KEEP),
    ("translation::LIST", LIST),
    ("translation::READ", READ),
    ("translation::FORGET", FORGET),
    ("translation::FORGET_SENT", FORGET_SENT),
];

/// Pseudonyms for somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTranslation {
    /// Its random id.
    pub id: [u8; 16],
    /// For whom.
    pub receiver: Oin,
    /// The purpose under which they were translated.
    pub purpose: String,
    /// The purpose whose pseudonyms they are.
    pub to_purpose: String,
    /// Sealed to the translation.
    pub pseudonyms: Vec<u8>,
}

/// Pseudonyms that wait for who gets them.
#[derive(Clone, Debug)]
pub struct Translation {
    /// Its id.
    pub id: [u8; 16],
    /// The purpose under which they were translated.
    pub purpose: String,
    /// The purpose whose pseudonyms they are.
    pub to_purpose: String,
    /// When, µs.
    pub created_us: i64,
    /// Sealed to the translation.
    pub pseudonyms: Vec<u8>,
}

/// Keeps a translation for its receiver; part of the transaction that logs it.
///
/// # Errors
/// When the store fails.
pub async fn keep(tx: &mut Tx, new: &NewTranslation, now_us: i64) -> Result<(), StoreError> {
    let values = vec![
        new.id.as_slice().into(),
        new.receiver.as_str().into(),
        new.purpose.as_str().into(),
        new.to_purpose.as_str().into(),
        now_us.into(),
        new.pseudonyms.as_slice().into(),
    ];
    tx.execute(KEEP, values).await?;
    Ok(())
}

impl Tx {
    /// Marks values as sent today; false where one of them was sent today before.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn send_once(
        &mut self,
        sender: &Oin,
        purpose: &str,
        day: i64,
        values: &[[u8; 32]],
    ) -> Result<bool, StoreError> {
        let batch = SqlValue::Rows(vec![Column::bytes(values.iter().copied())]);
        let sent = vec![sender.as_str().into(), purpose.into(), day.into(), batch];
        let sent = self.execute(SEND, sent).await?;
        Ok(usize::try_from(sent).is_ok_and(|sent| sent == values.len()))
    }
}

impl Store {
    /// What waits for a receiver, the newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn translations(&self, receiver: &Oin) -> Result<Vec<Translation>, StoreError> {
        let rows = self.fetch_all(LIST, vec![receiver.as_str().into()]).await?;
        rows.iter().map(translation).collect()
    }

    /// One translation for a receiver.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn translation(
        &self,
        receiver: &Oin,
        id: &[u8; 16],
    ) -> Result<Option<Translation>, StoreError> {
        let values = vec![receiver.as_str().into(), id.as_slice().into()];
        let row = self.fetch_optional(READ, values).await?;
        row.as_ref().map(translation).transpose()
    }

    /// Forgets translations made before a time, and which values were sent before a day.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn forget_translations_before(&self, made_us: i64, day: i64) -> Result<(), StoreError> {
        self.execute(FORGET, vec![made_us.into()]).await?;
        self.execute(FORGET_SENT, vec![day.into()]).await?;
        Ok(())
    }
}

fn translation(row: &Row) -> Result<Translation, StoreError> {
    Ok(Translation {
        id: row.array(0)?,
        purpose: row.text(1)?,
        to_purpose: row.text(2)?,
        created_us: row.int(3)?,
        pseudonyms: row.bytes(4)?,
    })
}
