//! Subjects: each identifier has one from its first sight; links between them; merges that hold for everybody.
//!
//! Three tables answer three questions. `subject_link`: which pairs did a delivery of a holder bring on one row?
//! `subject_set`: what does that make of *this holder's own* rows? (once the delivery that says so is visible; they are
//! stored under the lowest of the set; until then it stands in `delivery_set`). `subject.canonical`: what do *all* holders'
//! rows make of it? (only after [`Store::agree_merges`] and [`Store::apply_due_merges`]).

mod batch;
mod contradicted;
mod merge;
mod rows;
mod sets;
pub(super) mod staged;
mod undo;

use std::collections::HashMap;

use doelpoort_core::identifier::{Index, IndexOrigin};
use doelpoort_core::party::Oin;
use doelpoort_core::pseudonym::SubjectId;

use super::{Column, Row, Sql, SqlValue, Store, StoreError, Tx, sql};

pub use batch::{Doubt, DoubtKind};
pub use merge::{LinkRule, Merge, confirm, logged};
pub use rows::{Assertion, Resolved};
pub use undo::ask_to_undo;

const FIND: Sql = sql!(
    sqlite = "SELECT i.idx, i.key_version, s.subject, s.sequence, s.kind, s.creator, s.borne_out FROM json_each($1) AS v
              CROSS JOIN subject_index AS i ON i.idx = unhex(v.value ->> 0) AND i.key_version = v.value ->> 1
              CROSS JOIN subject AS s ON s.subject = i.subject",
    postgres = "SELECT i.idx, i.key_version, s.subject, s.sequence, s.kind, s.creator, s.borne_out
                FROM unnest($1::bytea[], $2::bigint[]) AS v (idx, key_version)
                JOIN subject_index AS i ON i.idx = v.idx AND i.key_version = v.key_version
                JOIN subject AS s ON s.subject = i.subject"
);
const CREATE: Sql = sql!(
    sqlite = "INSERT INTO subject (subject, sequence, kind, canonical, created_us, creator)
              SELECT unhex(value ->> 0), value ->> 1, value ->> 2, unhex(value ->> 0), $1, $2 FROM json_each($3)",
    postgres = "INSERT INTO subject (subject, sequence, kind, canonical, created_us, creator)
                SELECT v.subject, v.sequence, v.kind, v.subject, $1, $2
                FROM unnest($3::bytea[], $4::bigint[], $5::bigint[]) AS v (subject, sequence, kind)"
);
const BEAR_OUT: Sql = sql!(
    sqlite = "UPDATE subject SET borne_out = 1 FROM json_each($1) AS v
              WHERE subject.subject = unhex(v.value ->> 0) AND subject.borne_out = 0",
    postgres = "UPDATE subject SET borne_out = 1 FROM unnest($1::bytea[]) AS v (subject)
                WHERE subject.subject = v.subject AND subject.borne_out = 0"
);
const INDEX: Sql = sql!(
    sqlite = "INSERT INTO subject_index (idx, key_version, subject, origin)
              SELECT unhex(value ->> 0), value ->> 1, unhex(value ->> 2), value ->> 3 FROM json_each($1)
              WHERE TRUE ON CONFLICT (idx, key_version) DO NOTHING",
    postgres = "INSERT INTO subject_index (idx, key_version, subject, origin)
                SELECT v.* FROM unnest($1::bytea[], $2::bigint[], $3::bytea[], $4::text[]) AS v
                ON CONFLICT (idx, key_version) DO NOTHING"
);
/// Besides whom it stands for: whether anybody but the asking organisation ever delivered it, and whether a link of the
/// asking organisation's own, to a number that others know too, is not confirmed.
macro_rules! found {
    () => {
        "s.canonical, COALESCE(r.canonical, s.canonical),
         CASE WHEN EXISTS (SELECT 1 FROM subject AS k WHERE k.canonical = s.canonical
                             AND (k.creator <> $1 OR k.borne_out = 1)) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END,
         CASE WHEN EXISTS (SELECT 1 FROM subject_set AS m JOIN subject AS k ON k.subject = m.subject
                           WHERE m.holder = $1 AND m.root = o.root AND k.kind <> 3 AND s.kind <> 3
                             AND k.canonical <> s.canonical) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END,
         s.subject"
    };
}
const LOOKUP: Sql = Sql {
    sqlite: concat!(
        "SELECT i.idx, i.key_version, ",
        found!(),
        " FROM json_each($2) AS v
          CROSS JOIN subject_index AS i ON i.idx = unhex(v.value ->> 0) AND i.key_version = v.value ->> 1
          CROSS JOIN subject AS s ON s.subject = i.subject
          LEFT JOIN subject_set AS o ON o.holder = $1 AND o.subject = i.subject
          LEFT JOIN subject AS r ON r.subject = o.root"
    ),
    postgres: concat!(
        "SELECT i.idx, i.key_version, ",
        found!(),
        " FROM unnest($2::bytea[], $3::bigint[]) AS v (idx, key_version)
          JOIN subject_index AS i ON i.idx = v.idx AND i.key_version = v.key_version
          JOIN subject AS s ON s.subject = i.subject
          LEFT JOIN subject_set AS o ON o.holder = $1 AND o.subject = i.subject
          LEFT JOIN subject AS r ON r.subject = o.root"
    ),
};

const EACH: Sql = sql!("SELECT subject, canonical FROM subject");

pub(crate) const ALL: &[(&str, Sql)] = &[
    ("subjects::FIND", FIND),
    ("subjects::CREATE", CREATE),
    ("subjects::BEAR_OUT", BEAR_OUT),
    ("subjects::INDEX", INDEX),
    ("subjects::LOOKUP", LOOKUP),
    ("subjects::rows::LINKED", rows::LINKED),
    ("subjects::rows::LINK", rows::LINK),
    ("subjects::merge::BORNE_OUT", merge::BORNE_OUT),
    ("subjects::merge::AGREE", merge::AGREE),
    ("subjects::batch::CONFLICTS", batch::CONFLICTS),
    ("subjects::batch::FILLED", batch::FILLED),
    ("subjects::merge::CONFIRM", merge::CONFIRM),
    ("subjects::merge::DUE", merge::DUE),
    ("subjects::contradicted::CONTRADICTED", contradicted::CONTRADICTED),
    ("subjects::contradicted::PUPILS", contradicted::PUPILS),
    ("subjects::contradicted::WITHDRAW", contradicted::WITHDRAW),
    ("subjects::merge::LOGGED", merge::LOGGED),
    ("subjects::merge::TOLD", merge::TOLD),
    ("subjects::merge::APPLY", merge::APPLY),
    ("subjects::undo::ASK", undo::ASK),
    ("subjects::undo::UNDO", undo::UNDO),
    ("subjects::undo::EDGES", undo::EDGES),
    ("subjects::undo::SET", undo::SET),
    ("subjects::EACH", EACH),
    ("subjects::merge::LABELS", merge::LABELS),
    ("subjects::merge::RELABEL", merge::RELABEL),
];

/// An identifier under one version of the entrance key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VersionedIndex {
    /// Version of the key.
    pub version: u32,
    /// The keyed index.
    pub index: Index,
}

/// An identifier as the store sees it: its type, its index under the active key, and under accepted older keys.
#[derive(Clone, Debug)]
pub struct Sighting {
    /// 1 BSN, 2 onderwijsnummer, 3 local, 4 ECK iD.
    pub kind: u8,
    /// Who computed the indexes.
    pub origin: IndexOrigin,
    /// Under the active version.
    pub current: VersionedIndex,
    /// Under older versions that are still accepted; found there, the identifier also gets the current index.
    pub previous: Vec<VersionedIndex>,
}

impl Sighting {
    /// The sighting of an index that arrives ready-made: its identifier was never here. It meets the same subjects as
    /// our own, under the key version of whoever computed it.
    pub fn ready_made(kind: u8, origin: IndexOrigin, index: VersionedIndex) -> Self {
        Self {
            kind,
            origin,
            current: index,
            previous: Vec::new(),
        }
    }

    /// A subject that nobody has: a part of the keyed index, which is as random as a subject and never one.
    pub fn nobody(&self) -> SubjectId {
        let mut bytes = [0; 16];
        bytes
            .iter_mut()
            .zip(self.current.index.as_bytes())
            .for_each(|(to, from)| *to = *from);
        SubjectId::from_bytes(bytes)
    }

    fn indexes(&self) -> impl Iterator<Item = &VersionedIndex> {
        std::iter::once(&self.current).chain(&self.previous)
    }
}

/// Makes the random id of a subject that is seen for the first time. The index is given so that the demo's
/// source can be keyed by it, and so repeats whatever the order of arrival.
pub type NewSubject<'a> = &'a (dyn Fn(&Index) -> SubjectId + Send + Sync);

/// Whom an identifier stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// The number itself, whatever it was merged into.
    pub subject: SubjectId,
    /// For rows of any holder: the survivor of confirmed merges.
    pub canonical: SubjectId,
    /// For the asking holder's own rows: the same, with that holder's own links followed.
    pub own: SubjectId,
    /// Whether anybody but the asking organisation ever delivered a number of this pupil. A subject that the asker made
    /// itself is a miss to the quotas: it says nothing of whether there is such a pupil.
    pub borne_out: bool,
    /// Whether a link of the asking organisation's own is not confirmed: it takes two of this pupil's numbers, both
    /// given out by others, for one pupil, and nobody else does yet.
    pub unconfirmed: bool,
}

/// A subject and what decides over merges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Known {
    subject: SubjectId,
    sequence: i64,
    kind: i64,
}

impl Store {
    /// Looks identifiers up without creating anything; one answer each, in order. `holder` is the one whose own
    /// links are followed for [`Found::own`].
    pub async fn lookup(
        &self,
        holder: Option<&Oin>,
        sightings: &[Sighting],
    ) -> Result<Vec<Option<Found>>, StoreError> {
        let holder = holder.map_or("", Oin::as_str);
        let wanted: Vec<_> = sightings.iter().flat_map(Sighting::indexes).collect();
        let values = vec![holder.into(), index_rows(wanted)];
        let mut found = HashMap::new();
        for row in self.fetch_all(LOOKUP, values).await? {
            let subjects = Found {
                canonical: subject_at(&row, 2)?,
                own: subject_at(&row, 3)?,
                borne_out: row.int(4)? == 1,
                unconfirmed: row.int(5)? == 1,
                subject: subject_at(&row, 6)?,
            };
            found.insert(key_at(&row, 0)?, subjects);
        }
        let answer = |sighting: &Sighting| sighting.indexes().find_map(|i| found.get(&key(i)).copied());
        Ok(sightings.iter().map(answer).collect())
    }
}

impl Store {
    /// Every subject with whom it stands for, one by one as they stream in.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn each_subject(
        &self,
        mut each: impl FnMut(SubjectId, SubjectId) + Send,
    ) -> Result<(), StoreError> {
        self.for_each(EACH, vec![], |row| {
            each(subject_at(&row, 0)?, subject_at(&row, 1)?);
            Ok(())
        })
        .await
    }
}

/// The index's bytes and its version, as they come back from the database.
type Key = ([u8; 32], i64);

fn key(index: &VersionedIndex) -> Key {
    (*index.index.as_bytes(), i64::from(index.version))
}

fn key_at(row: &Row, column: usize) -> Result<Key, StoreError> {
    Ok((row.array(column)?, row.int(column + 1)?))
}

fn subject_at(row: &Row, column: usize) -> Result<SubjectId, StoreError> {
    Ok(SubjectId::from_bytes(row.array(column)?))
}

fn index_rows<'a>(indexes: impl IntoIterator<Item = &'a VersionedIndex> + Clone) -> SqlValue {
    let bytes = indexes.clone().into_iter().map(|index| *index.index.as_bytes());
    let versions = indexes.into_iter().map(|index| i64::from(index.version));
    SqlValue::Rows(vec![Column::bytes(bytes), Column::ints(versions)])
}

fn subject_column<'a>(subjects: impl IntoIterator<Item = &'a SubjectId>) -> Column {
    Column::bytes(subjects.into_iter().map(|subject| *subject.as_bytes()))
}

/// Subjects of identifiers: found ones, and those created now.
#[derive(Default)]
struct Seen {
    by_key: HashMap<Key, Known>,
    fresh: Vec<SubjectId>,
    /// Those that only another holder delivered until now.
    unborne: Vec<SubjectId>,
}

impl Seen {
    fn of(&self, sighting: &Sighting) -> Option<Known> {
        sighting
            .indexes()
            .find_map(|index| self.by_key.get(&key(index)).copied())
    }

    fn is_complete(&self, sightings: &[&Sighting]) -> bool {
        sightings
            .iter()
            .all(|sighting| self.by_key.contains_key(&key(&sighting.current)))
    }
}

/// Finds the subjects of identifiers and creates those that are missing, in the order given. Whether another
/// delivery is doing the same: the creation sequence is the lock, and what it guards is read again under it.
async fn find_or_create(
    store: &Store,
    holder: &Oin,
    sightings: &[&Sighting],
    new: NewSubject<'_>,
    now_us: i64,
) -> Result<Seen, StoreError> {
    let mut tx = store.begin_read().await?;
    let seen = find(&mut tx, holder, sightings).await?;
    tx.commit().await?;
    if seen.is_complete(sightings) && seen.unborne.is_empty() {
        return Ok(seen);
    }

    let mut tx = store.begin_write().await?;
    let missing = sightings
        .iter()
        .filter(|sighting| seen.of(sighting).is_none())
        .count();
    let first = tx
        .take("subject", i64::try_from(missing).unwrap_or(i64::MAX))
        .await?;
    let mut seen = find(&mut tx, holder, sightings).await?;
    let mut created = Vec::new();
    let mut indexed = Vec::new();
    for (sighting, sequence) in unseen(sightings, &seen).into_iter().zip(first..) {
        let known = Known {
            subject: new(&sighting.current.index),
            sequence,
            kind: i64::from(sighting.kind),
        };
        seen.by_key.insert(key(&sighting.current), known);
        seen.fresh.push(known.subject);
        created.push(known);
    }
    for sighting in sightings {
        if let Some(known) = seen.of(sighting) {
            seen.by_key.insert(key(&sighting.current), known);
            indexed.push((*sighting, known.subject));
        }
    }
    create(&mut tx, holder, &created, &indexed, now_us).await?;
    if !seen.unborne.is_empty() {
        let subjects = SqlValue::Rows(vec![subject_column(&seen.unborne)]);
        tx.execute(BEAR_OUT, vec![subjects]).await?;
    }
    tx.commit().await?;
    Ok(seen)
}

/// Those that have no subject yet, each once, in order.
fn unseen<'a>(sightings: &[&'a Sighting], seen: &Seen) -> Vec<&'a Sighting> {
    let mut once = std::collections::HashSet::new();
    let is_new = |sighting: &&&Sighting| seen.of(sighting).is_none() && once.insert(key(&sighting.current));
    sightings.iter().filter(is_new).copied().collect()
}

async fn find(tx: &mut Tx, holder: &Oin, sightings: &[&Sighting]) -> Result<Seen, StoreError> {
    let wanted: Vec<_> = sightings.iter().flat_map(|sighting| sighting.indexes()).collect();
    let mut seen = Seen::default();
    for row in tx.fetch_all(FIND, vec![index_rows(wanted)]).await? {
        let known = Known {
            subject: subject_at(&row, 2)?,
            sequence: row.int(3)?,
            kind: row.int(4)?,
        };
        let creator = row.text(5)?;
        if !creator.is_empty() && creator != holder.as_str() && row.int(6)? == 0 {
            seen.unborne.push(known.subject);
        }
        seen.by_key.insert(key_at(&row, 0)?, known);
    }
    Ok(seen)
}

async fn create(
    tx: &mut Tx,
    holder: &Oin,
    created: &[Known],
    indexed: &[(&Sighting, SubjectId)],
    now_us: i64,
) -> Result<(), StoreError> {
    if !created.is_empty() {
        let rows = vec![
            subject_column(created.iter().map(|known| &known.subject)),
            Column::ints(created.iter().map(|known| known.sequence)),
            Column::ints(created.iter().map(|known| known.kind)),
        ];
        let values = vec![now_us.into(), holder.as_str().into(), SqlValue::Rows(rows)];
        tx.execute(CREATE, values).await?;
    }
    let rows = vec![
        Column::bytes(indexed.iter().map(|(seen, _)| *seen.current.index.as_bytes())),
        Column::ints(indexed.iter().map(|(seen, _)| i64::from(seen.current.version))),
        subject_column(indexed.iter().map(|(_, subject)| subject)),
        Column::texts(indexed.iter().map(|(seen, _)| seen.origin.as_str())),
    ];
    tx.execute(INDEX, vec![SqlValue::Rows(rows)]).await?;
    Ok(())
}
