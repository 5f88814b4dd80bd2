//! A small world for the store's tests: holders, identifiers, deliveries.

use doelpoort::store::Store;
use doelpoort::store::dataset::DatasetTables;
use doelpoort::store::delivery::{
    self, Batch, FieldValue, Finished, Mode, NewDelivery, STAGE_ROWS_MAX, StagedRow,
};
use doelpoort::store::subjects::{Assertion, Sighting, VersionedIndex, logged};
use doelpoort_core::catalogue::Name;
use doelpoort_core::identifier::{Identifier, IdentifierKind, Index, IndexKey, IndexOrigin};
use doelpoort_core::party::Oin;
use doelpoort_core::pseudonym::SubjectId;

use crate::support::catalogue;
use crate::support::database::{Backend, Database, migrated};

pub(crate) const SCHOOL: &str = "00000099000000041676";
pub(crate) const OTHER_SCHOOL: &str = "00000099000000062584";
pub(crate) const CITY: &str = "00000099000000000034";
pub(crate) const NOW: i64 = 1_790_000_000_000_000;
pub(crate) const DAY: i64 = 24 * 60 * 60 * 1_000_000;

pub(crate) struct World {
    pub(crate) database: Database,
    pub(crate) store: Store,
    pub(crate) tables: DatasetTables,
}

/// A row to deliver: its identifiers, birth date, key.
pub(crate) struct Row {
    pub(crate) pupil: Vec<Sighting>,
    pub(crate) born: i64,
    pub(crate) key: u8,
}

pub(crate) fn name(text: &str) -> Name {
    text.parse().unwrap()
}

pub(crate) fn oin(text: &str) -> Oin {
    text.parse().unwrap()
}

/// A BSN in the test range, by number; each passes the check digits.
pub(crate) fn bsn(number: u32) -> Sighting {
    let parse = |text: String| Identifier::parse(IdentifierKind::Bsn, &text, &oin(CITY)).ok();
    let mut valid = (999_000_000_u32..).filter_map(|candidate| parse(candidate.to_string()));
    sighting(&valid.nth(number as usize).unwrap())
}

pub(crate) fn eck(number: u32) -> Sighting {
    sighting(&Identifier::parse(IdentifierKind::EckId, &format!("{number:064x}"), &oin(CITY)).unwrap())
}

pub(crate) fn local(holder: &str, text: &str) -> Sighting {
    sighting(&Identifier::parse(IdentifierKind::Local, text, &oin(holder)).unwrap())
}

/// The sighting of an identifier under one version of the entrance key.
pub(crate) fn sighting_under(identifier: &Identifier, (version, key): (u32, &IndexKey)) -> Sighting {
    let index = VersionedIndex {
        version,
        index: identifier.index(key),
    };
    Sighting::ready_made(identifier.type_byte(), IndexOrigin::Gateway, index)
}

fn sighting(identifier: &Identifier) -> Sighting {
    sighting_under(identifier, (1, &IndexKey::from_bytes([7; 32])))
}

/// The random id of a new subject: here the first half of its index, so that tests can name it.
pub(crate) fn id_of(index: &Index) -> SubjectId {
    SubjectId::from_bytes(index.as_bytes()[..16].try_into().unwrap())
}

pub(crate) fn subject(sighting: &Sighting) -> SubjectId {
    id_of(&sighting.current.index)
}

pub(crate) fn row(key: u8, pupil: &[Sighting]) -> Row {
    Row {
        pupil: pupil.to_vec(),
        born: 15_000,
        key,
    }
}

impl World {
    pub(crate) async fn new(backend: Backend) -> Option<Self> {
        let (database, store) = migrated(backend).await?;
        let tables = store.prepare_datasets(&catalogue::small()).await.unwrap();
        Some(Self {
            database,
            store,
            tables,
        })
    }

    /// What is due is logged and takes effect, as the gateway does it; tells how many pairs.
    pub(crate) async fn apply(&self, now_us: i64) -> u64 {
        let due = self.store.due_merges(now_us).await.unwrap();
        let mut tx = self.store.begin_write().await.unwrap();
        logged(&mut tx, &[7; 16], &due, now_us).await.unwrap();
        tx.commit().await.unwrap();
        self.store.apply_due_merges(now_us).await.unwrap()
    }

    pub(crate) async fn open(&self, dataset: &str, holder: &str, mode: Mode) -> i64 {
        let (dataset, holder) = (name(dataset), oin(holder));
        let new = NewDelivery {
            dataset: &dataset,
            period: "",
            holder: &holder,
            deliverer: &holder,
            mode,
        };
        self.store.open_delivery(new, NOW).await.unwrap()
    }

    /// Resolves and stages rows; returns the subjects under which they are stored.
    pub(crate) async fn stage(
        &self,
        delivery: i64,
        dataset: &str,
        holder: &str,
        rows: &[Row],
    ) -> Vec<SubjectId> {
        let table = self.tables.table(&name(dataset)).unwrap();
        let mut all = Vec::new();
        for (part, rows) in rows.chunks(STAGE_ROWS_MAX).enumerate() {
            let holder = oin(holder);
            let by = Assertion {
                holder: &holder,
                delivery,
                now_us: NOW,
            };
            let pupils: Vec<_> = rows.iter().map(|row| row.pupil.clone()).collect();
            let resolved = self
                .store
                .resolve_rows(by, &pupils, &id_of, &self.tables)
                .await
                .unwrap();
            let first = part * STAGE_ROWS_MAX + 1;
            let staged = rows
                .iter()
                .zip(&resolved.subjects)
                .zip(first..)
                .map(|((row, subject), number)| StagedRow {
                    number: i64::try_from(number).unwrap(),
                    row_key: [row.key; 32],
                    subject: *subject,
                    reference: None,
                    values: values(dataset, row.born),
                });
            let batch = Batch {
                rows: staged.collect(),
                ..Batch::default()
            };
            self.store.stage(delivery, table, batch, NOW).await.unwrap();
            all.extend(resolved.subjects.into_iter().flatten());
        }
        all
    }

    pub(crate) async fn activate(&self, delivery: i64, now_us: i64) {
        let mut tx = self.store.begin_write().await.unwrap();
        delivery::activate(&mut tx, delivery, now_us).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// A whole snapshot, from open to visible.
    pub(crate) async fn deliver(&self, dataset: &str, holder: &str, rows: &[Row]) -> i64 {
        self.deliver_as(Mode::Snapshot, dataset, holder, rows).await
    }

    pub(crate) async fn deliver_as(&self, mode: Mode, dataset: &str, holder: &str, rows: &[Row]) -> i64 {
        let delivery = self.open(dataset, holder, mode).await;
        self.stage(delivery, dataset, holder, rows).await;
        let content = [u8::try_from(delivery).unwrap(); 32];
        assert_eq!(
            self.store.finish(delivery, &content, NOW).await.unwrap(),
            Finished::Ready
        );
        self.activate(delivery, NOW).await;
        delivery
    }

    /// First bytes of the keys of the visible enrolments, and the subjects they are stored under.
    pub(crate) async fn visible(&self) -> Vec<(u8, Option<SubjectId>)> {
        let sql = "SELECT t.row_key, t.subject FROM ds_enrolment AS t
                   JOIN delivery AS d ON d.id = t.delivery AND d.state = 'active' ORDER BY t.holder, t.row_key";
        let rows = self.store.fetch_all(sql, vec![]).await.unwrap();
        let subject = |row: &doelpoort::store::Row| row.array(1).map(SubjectId::from_bytes).ok();
        rows.iter()
            .map(|row| (row.bytes(0).unwrap()[0], subject(row)))
            .collect()
    }

    pub(crate) async fn visible_keys(&self) -> Vec<u8> {
        self.visible().await.into_iter().map(|(key, _)| key).collect()
    }

    pub(crate) async fn count(&self, sql: &'static str) -> i64 {
        self.store
            .fetch_optional(sql, vec![])
            .await
            .unwrap()
            .unwrap()
            .int(0)
            .unwrap()
    }
}

/// Values in the order of the test catalogue: `from`, then `birth-date`, and the site of an enrolment.
pub(crate) fn values(dataset: &str, born: i64) -> Vec<Option<FieldValue>> {
    let mut values = vec![Some(FieldValue::Int(20_000)), Some(FieldValue::Int(born))];
    if dataset == "enrolment" {
        values.push(Some(FieldValue::Text("04AB00".to_owned())));
    }
    values
}
