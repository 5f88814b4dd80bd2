//! Holders' inboxes: what each is asked or told about its own pupils. What an item says is sealed; whose it is decides
//! who reads it.

use doelpoort_core::party::Oin;
use doelpoort_core::pseudonym::SubjectId;

use super::{Column, Row, Sql, SqlValue, Store, StoreError, Tx, sql};

/// The inbox of nobody: what is asked about a pupil whom no holder knows.
pub(super) const NOBODY: &str = "";

/// `$1` kind, `$2` now, then the batch.
const ADD: Sql = sql!(
    sqlite = "INSERT INTO inbox_item (kind, created_us, state, id, holder, dataset, \"row\", reference, told, about,
                                      subject_a, subject_b, closes_us)
              SELECT $1, $2, 'open', unhex(value ->> 0), value ->> 1, value ->> 2, value ->> 3, unhex(value ->> 4),
                     unhex(value ->> 5), unhex(value ->> 6), unhex(value ->> 7), unhex(value ->> 8), value ->> 9
              FROM json_each($3) WHERE TRUE ON CONFLICT (holder, about) DO NOTHING",
    postgres = "INSERT INTO inbox_item (kind, created_us, state, id, holder, dataset, \"row\", reference, told, about,
                                        subject_a, subject_b, closes_us)
                SELECT $1, $2, 'open', v.* FROM unnest($3::bytea[], $4::text[], $5::text[], $6::bigint[], $7::bytea[],
                       $8::bytea[], $9::bytea[], $10::bytea[], $11::bytea[], $12::bigint[]) AS v
                ON CONFLICT (holder, about) DO NOTHING"
);
const LIST: Sql = sql!(
    "SELECT id, kind, dataset, created_us, closes_us, state, \"row\", reference, told, subject_a, subject_b
     FROM inbox_item WHERE holder = $1 ORDER BY created_us DESC, id LIMIT 1000"
);
const READ: Sql = sql!(
    "SELECT id, kind, dataset, created_us, closes_us, state, \"row\", reference, told, subject_a, subject_b
     FROM inbox_item WHERE holder = $1 AND id = $2"
);
/// `$1` holder, `$2` id, `$3` its new state, `$4` now, `$5` the sealed answer.
const SETTLE: Sql = sql!(
    "UPDATE inbox_item SET state = $3, settled_us = $4, answer = $5
     WHERE holder = $1 AND id = $2 AND state = 'open' AND closes_us > $4"
);
const ASK: Sql = sql!(
    "INSERT INTO resolution (id, recipient, purpose, created_us, closes_us) VALUES ($1, $2, $3, $4, $5)"
);
/// `$1` resolution, then the batch.
const ASK_ABOUT: Sql = sql!(
    sqlite = "INSERT INTO resolution_pupil (resolution, place, pseudonym, item)
              SELECT $1, value ->> 0, unhex(value ->> 1), unhex(value ->> 2) FROM json_each($2)",
    postgres = "INSERT INTO resolution_pupil (resolution, place, pseudonym, item)
                SELECT $1, v.* FROM unnest($2::bigint[], $3::bytea[], $4::bytea[]) AS v"
);
const RESOLUTION: Sql = sql!("SELECT purpose, closes_us FROM resolution WHERE id = $1 AND recipient = $2");
const RESOLVED: Sql = sql!(
    "SELECT p.pseudonym, p.item, i.answer FROM resolution_pupil AS p
     LEFT JOIN inbox_item AS i ON i.id = p.item WHERE p.resolution = $1 ORDER BY p.place"
);
const FORGET: Sql = sql!("DELETE FROM inbox_item WHERE closes_us < $1");
const FORGET_PUPILS: Sql =
    sql!("DELETE FROM resolution_pupil WHERE resolution IN (SELECT id FROM resolution WHERE closes_us < $1)");
const FORGET_RESOLUTIONS: Sql = sql!("DELETE FROM resolution WHERE closes_us < $1");

pub(crate) const ALL: &[(&str, Sql)] = &[
    ("inbox::ADD", ADD),
    ("inbox::LIST", LIST),
    ("inbox::READ", READ),
    ("inbox::SETTLE", SETTLE),
    ("inbox::ASK", ASK),
    ("inbox::ASK_ABOUT", ASK_ABOUT),
    ("inbox::RESOLUTION", RESOLUTION),
    ("inbox::RESOLVED", RESOLVED),
    ("inbox::FORGET", FORGET),
    ("inbox::FORGET_PUPILS", FORGET_PUPILS),
    ("inbox::FORGET_RESOLUTIONS", FORGET_RESOLUTIONS),
];

/// What an item is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemKind {
    /// Somebody asks which pupil a pseudonym means.
    Resolution,
    /// Another holder delivered two numbers as one pupil's; one of them is also on a row of this holder.
    Link,
    /// This holder's rows give one pupil two numbers of a kind, or one number to two pupils.
    Conflict,
}

impl ItemKind {
    /// The kind's name in the API and the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Resolution => "resolution",
            Self::Link => "link",
            Self::Conflict => "conflict",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Resolution, Self::Link, Self::Conflict]
            .into_iter()
            .find(|kind| kind.as_str() == text)
    }
}

/// What became of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemState {
    /// Nothing yet.
    Open,
    /// The holder answered.
    Answered,
    /// The holder declined, or has seen to it.
    Declined,
    /// The holder confirmed.
    Confirmed,
}

impl ItemState {
    /// The state's name in the API and the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Answered => "answered",
            Self::Declined => "declined",
            Self::Confirmed => "confirmed",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Open, Self::Answered, Self::Declined, Self::Confirmed]
            .into_iter()
            .find(|state| state.as_str() == text)
    }
}

/// An item to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewItem {
    /// Its random id.
    pub id: [u8; 16],
    /// Whose inbox; none: nobody's.
    pub holder: Option<Oin>,
    /// The dataset whose row the reference is of.
    pub dataset: String,
    /// That row.
    pub row: Option<i64>,
    /// The holder's own reference for the pupil, as sealed in that row.
    pub reference: Option<Vec<u8>>,
    /// What else it is told, sealed to the item.
    pub told: Vec<u8>,
    /// A digest of what it is about; the same holder is not asked the same twice.
    pub about: [u8; 32],
    /// The two subjects of a link or conflict.
    pub pair: Option<(SubjectId, SubjectId)>,
    /// When it closes, µs.
    pub closes_us: i64,
}

/// An item.
#[derive(Clone, Debug)]
pub struct Item {
    /// Its id.
    pub id: [u8; 16],
    /// What it is about.
    pub kind: ItemKind,
    /// The dataset whose row the reference is of.
    pub dataset: String,
    /// When it came, µs.
    pub created_us: i64,
    /// When it closes, µs.
    pub closes_us: i64,
    /// What became of it.
    pub state: ItemState,
    /// The row that the reference is of.
    pub row: Option<i64>,
    /// The holder's own reference, sealed as in that row.
    pub reference: Option<Vec<u8>>,
    /// What else the holder is told, sealed.
    pub told: Option<Vec<u8>>,
    /// The two subjects of a link.
    pub pair: Option<(SubjectId, SubjectId)>,
}

/// A request to be told which pupils are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewResolution {
    /// Its random id.
    pub id: [u8; 16],
    /// Who asks.
    pub recipient: Oin,
    /// Under which purpose.
    pub purpose: String,
    /// When it closes, µs.
    pub closes_us: i64,
    /// The sealed pseudonyms, each with its item.
    pub pupils: Vec<(Vec<u8>, NewItem)>,
}

/// A holder's last word on an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// The item.
    pub id: [u8; 16],
    /// Whose.
    pub holder: Oin,
    /// What it becomes.
    pub state: ItemState,
    /// The answer, sealed to the item.
    pub answer: Option<Vec<u8>>,
    /// The pair that is confirmed with it.
    pub confirms: Option<(SubjectId, SubjectId)>,
}

/// A resolution, as who asked sees it.
#[derive(Clone, Debug)]
pub struct Resolution {
    /// The purpose.
    pub purpose: String,
    /// When it closes, µs.
    pub closes_us: i64,
}

/// What came of one pseudonym of a resolution.
#[derive(Clone, Debug)]
pub struct ResolvedPupil {
    /// The sealed pseudonym.
    pub pseudonym: Vec<u8>,
    /// Its item.
    pub item: [u8; 16],
    /// The holder's answer, sealed to the item; none where it declined, did not answer, or nobody was asked.
    pub answer: Option<Vec<u8>>,
}

/// Puts a resolution and its items down; part of the transaction that logs it.
///
/// # Errors
/// When the store fails.
pub async fn ask(tx: &mut Tx, asked: &NewResolution, now_us: i64) -> Result<(), StoreError> {
    let values = vec![
        asked.id.as_slice().into(),
        asked.recipient.as_str().into(),
        asked.purpose.as_str().into(),
        now_us.into(),
        asked.closes_us.into(),
    ];
    tx.execute(ASK, values).await?;
    let items: Vec<_> = asked.pupils.iter().map(|(_, item)| item).collect();
    add(tx, ItemKind::Resolution, &items, now_us).await?;
    let pupils = SqlValue::Rows(vec![
        Column::ints(0..i64::try_from(asked.pupils.len()).unwrap_or(i64::MAX)),
        Column::bytes(asked.pupils.iter().map(|(pseudonym, _)| pseudonym.clone())),
        Column::bytes(items.iter().map(|item| item.id)),
    ]);
    tx.execute(ASK_ABOUT, vec![asked.id.as_slice().into(), pupils])
        .await?;
    Ok(())
}

/// Puts items into inboxes, but for those that are there already; tells how many are new.
///
/// # Errors
/// When the store fails.
pub async fn add(tx: &mut Tx, kind: ItemKind, items: &[&NewItem], now_us: i64) -> Result<u64, StoreError> {
    let subject = |one: fn(&(SubjectId, SubjectId)) -> SubjectId| {
        let of = |item: &&NewItem| item.pair.as_ref().map(|pair| one(pair).as_bytes().to_vec());
        Column::Bytes(items.iter().map(of).collect())
    };
    let rows = SqlValue::Rows(vec![
        Column::bytes(items.iter().map(|item| item.id)),
        Column::texts(
            items
                .iter()
                .map(|item| item.holder.as_ref().map_or(NOBODY, Oin::as_str)),
        ),
        Column::texts(items.iter().map(|item| item.dataset.as_str())),
        Column::Ints(items.iter().map(|item| item.row).collect()),
        Column::Bytes(items.iter().map(|item| item.reference.clone()).collect()),
        Column::bytes(items.iter().map(|item| item.told.clone())),
        Column::bytes(items.iter().map(|item| item.about)),
        subject(|pair| pair.0),
        subject(|pair| pair.1),
        Column::ints(items.iter().map(|item| item.closes_us)),
    ]);
    tx.execute(ADD, vec![kind.as_str().into(), now_us.into(), rows])
        .await
}

/// Settles an item, once and in time; part of the transaction that logs it.
///
/// # Errors
/// [`StoreError::Conflict`] where it is settled or closed.
pub async fn settle(tx: &mut Tx, settlement: &Settlement, now_us: i64) -> Result<(), StoreError> {
    let values = vec![
        settlement.holder.as_str().into(),
        settlement.id.as_slice().into(),
        settlement.state.as_str().into(),
        now_us.into(),
        settlement.answer.as_deref().into(),
    ];
    if tx.execute(SETTLE, values).await? != 1 {
        return Err(StoreError::Conflict {
            table: "inbox_item".to_owned(),
        });
    }
    match settlement.confirms {
        Some(pair) => super::subjects::confirm(tx, pair, now_us).await,
        None => Ok(()),
    }
}

impl Store {
    /// A holder's items, the newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn inbox(&self, holder: &Oin) -> Result<Vec<Item>, StoreError> {
        let rows = self.fetch_all(LIST, vec![holder.as_str().into()]).await?;
        rows.iter().map(item).collect()
    }

    /// One item of a holder.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn inbox_item(&self, holder: &Oin, id: &[u8; 16]) -> Result<Option<Item>, StoreError> {
        let values = vec![holder.as_str().into(), id.as_slice().into()];
        let row = self.fetch_optional(READ, values).await?;
        row.as_ref().map(item).transpose()
    }

    /// A resolution that this recipient asked for.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn resolution(&self, id: &[u8; 16], recipient: &Oin) -> Result<Option<Resolution>, StoreError> {
        let values = vec![id.as_slice().into(), recipient.as_str().into()];
        let row = self.fetch_optional(RESOLUTION, values).await?;
        row.map(|row| {
            Ok(Resolution {
                purpose: row.text(0)?,
                closes_us: row.int(1)?,
            })
        })
        .transpose()
    }

    /// What came of each pseudonym of a resolution.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn resolved(&self, id: &[u8; 16]) -> Result<Vec<ResolvedPupil>, StoreError> {
        let rows = self.fetch_all(RESOLVED, vec![id.as_slice().into()]).await?;
        let read = |row: &Row| {
            Ok(ResolvedPupil {
                pseudonym: row.bytes(0)?,
                item: row.array(1)?,
                answer: row.bytes_opt(2)?,
            })
        };
        rows.iter().map(read).collect()
    }

    /// Forgets items and resolutions that closed before this.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn forget_inboxes_before(&self, closed_us: i64) -> Result<u64, StoreError> {
        self.execute(FORGET_PUPILS, vec![closed_us.into()]).await?;
        self.execute(FORGET_RESOLUTIONS, vec![closed_us.into()]).await?;
        self.execute(FORGET, vec![closed_us.into()]).await
    }
}

fn item(row: &Row) -> Result<Item, StoreError> {
    let shape = |column| StoreError::Shape { column };
    let subject = |column| -> Result<Option<SubjectId>, StoreError> {
        row.bytes_opt(column)?
            .map(|bytes| {
                bytes
                    .try_into()
                    .map(SubjectId::from_bytes)
                    .map_err(|_| shape(column))
            })
            .transpose()
    };
    Ok(Item {
        id: row.array(0)?,
        kind: ItemKind::parse(&row.text(1)?).ok_or(shape(1))?,
        dataset: row.text(2)?,
        created_us: row.int(3)?,
        closes_us: row.int(4)?,
        state: ItemState::parse(&row.text(5)?).ok_or(shape(5))?,
        row: row.int_opt(6)?,
        reference: row.bytes_opt(7)?,
        told: row.bytes_opt(8)?,
        pair: subject(9)?.zip(subject(10)?),
    })
}
