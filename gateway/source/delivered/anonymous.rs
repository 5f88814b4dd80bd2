//! k-anonymous records: the table that an epoch releases, and what a question reads of it.
//!
//! What was released stays as it was: late rows and corrections change nothing. But it is given only of pupils of whom
//! rows still stand behind it, for the holder, for the purpose and for the pupil; and a class that no longer holds without
//! the others leaves whole.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};

use doelpoort_core::anonymity::{RecordsTable, TableRow, kept, restored};
use doelpoort_core::catalogue::{Catalogue, Name};
use doelpoort_core::extract::{EpochRows, Extract, RawRow};
use doelpoort_core::plan::{LeftOut, Part, RecordsPlan, ReleasedRecords};
use doelpoort_core::pseudonym::SubjectId;
use doelpoort_core::purpose::FieldGrant;
use doelpoort_core::request::EpochChoice;
use jiff::civil::Date;

use super::reading::Reading;
use super::{Delivered, SourceError, Values};
use crate::store::released::ReleasedRow;
use crate::store::render;

/// The holder of each pupil's latest row of a dataset, and its values.
type Latest = HashMap<[u8; 16], (String, Values)>;

impl Delivered {
    /// The rows of a table that may be shown of the pupils as they stand at a date, without these.
    pub(crate) async fn table_rows(
        &self,
        catalogue: &Catalogue,
        (table, fields): (&RecordsTable, &[FieldGrant]),
        date: Date,
        left_out: &LeftOut,
    ) -> Result<Vec<ReleasedRow>, SourceError> {
        let (parts, places) = table.parts();
        let latest = self.latest(catalogue, &parts, date, left_out).await?;
        let bases = latest.iter().take(table.bases().len());
        let mut pupils: Vec<&[u8; 16]> = bases.clone().flat_map(HashMap::keys).collect();
        pupils.sort_unstable();
        pupils.dedup();
        let rows = pupils.iter().map(|pupil| {
            let value = |(granted, (part, place)): (&FieldGrant, &(usize, usize))| {
                let (_, values) = latest.get(*part)?.get(*pupil)?;
                kept(catalogue, granted, values.get(*place)?.as_ref())
            };
            TableRow {
                values: fields.iter().zip(&places).map(value).collect(),
                holders: bases
                    .clone()
                    .map(|base| base.get(*pupil).map(|(holder, _)| holder.clone()))
                    .collect(),
            }
        });
        let rows: Vec<TableRow> = rows.collect();
        let released = table.released(&rows);
        let rows = pupils.into_iter().zip(rows).zip(released);
        let rows = rows.filter(|(_, released)| *released);
        Ok(rows
            .map(|((pupil, row), _)| (SubjectId::from_bytes(*pupil), row))
            .collect())
    }

    /// The latest row of each pupil in each part, all in one transaction.
    async fn latest(
        &self,
        catalogue: &Catalogue,
        parts: &[Part],
        date: Date,
        left_out: &LeftOut,
    ) -> Result<Vec<Latest>, SourceError> {
        let mut tx = self.store.begin_read().await?;
        let mut all = Vec::with_capacity(parts.len());
        for part in parts {
            let reading = Reading::of(catalogue, part, date)?;
            let query = render::held_rows(&reading.selection(Vec::new(), Some(left_out)));
            let mut latest = Latest::new();
            tx.for_each_rendered(&query, |row| {
                if let Entry::Vacant(first) = latest.entry(row.array(0)?) {
                    first.insert((row.text(1)?, reading.values_after(1, &row)?));
                }
                Ok(())
            })
            .await?;
            all.push(latest);
        }
        tx.rollback().await?;
        Ok(all)
    }

    /// Rows of a released table: the columns and the filters of the plan, of pupils of whom everything still stands.
    pub(super) async fn anonymous(
        &self,
        catalogue: &Catalogue,
        plan: &RecordsPlan,
        released: &ReleasedRecords,
    ) -> Result<Extract, SourceError> {
        let (epoch, date) = self.records_epoch(released).await?;
        let table = self.store.records_table(epoch).await?;
        let table = table.ok_or(SourceError::NoSuchEpoch)?;
        let rows = self.store.released_rows(epoch).await?;
        let standing = self.standing(catalogue, &table, date, plan.left_out()).await?;
        let (pupils, rows): (Vec<SubjectId>, Vec<TableRow>) = rows.into_iter().unzip();
        let gone = pupils.iter().zip(&rows).map(|(pupil, row)| {
            let mut datasets = standing.iter();
            datasets
                .any(|(dataset, pupils)| !pupils.contains(pupil.as_bytes()) && table.tells_of(row, dataset))
        });
        let gone: Vec<bool> = gone.collect();
        let lost = table.lost(&rows, &gone);
        let kept = pupils.into_iter().zip(rows).zip(lost).filter(|(_, lost)| !lost);
        let (pupils, rows): (Vec<_>, Vec<_>) = kept.map(|(row, _)| row).unzip();
        let may_leave = table.released(&rows);
        let asked = Asked::of(catalogue, &table, plan, released)?;
        let rows = pupils.into_iter().zip(rows).zip(may_leave);
        let rows: Vec<RawRow> = rows
            .filter(|((_, row), may_leave)| *may_leave && asked.selects(row))
            .map(|((subject, row), _)| RawRow {
                subject,
                values: asked.values(catalogue, plan, &row),
                formerly: Vec::new(),
            })
            .collect();
        if rows.len() > usize::try_from(self.records_rows_max).unwrap_or(usize::MAX) {
            return Err(SourceError::TooManyRows);
        }
        Ok(Extract::Anonymous(EpochRows { epoch: date, rows }))
    }

    /// The epoch that answers: the one asked, or the latest.
    async fn records_epoch(&self, released: &ReleasedRecords) -> Result<(i64, Date), SourceError> {
        let epochs = self
            .store
            .closed_epochs_of(released.population(), released.purpose())
            .await?;
        let mut answering = epochs.into_iter().filter_map(|(epoch, purpose)| {
            let date = epoch.date.parse::<Date>().ok()?;
            let answers = purpose.answers_records(released.purpose(), released.digest());
            (released.has_epoch(date) && answers).then_some((epoch.id, date))
        });
        let found = match released.epoch() {
            EpochChoice::Latest => answering.next(),
            EpochChoice::On(asked) => answering.find(|(_, date)| *date == asked),
        };
        found.ok_or(SourceError::NoSuchEpoch)
    }

    /// Of each dataset of a table, who has rows of that date today.
    async fn standing(
        &self,
        catalogue: &Catalogue,
        table: &RecordsTable,
        date: Date,
        left_out: &LeftOut,
    ) -> Result<BTreeMap<Name, HashSet<[u8; 16]>>, SourceError> {
        let (parts, _) = table.parts();
        let mut standing = BTreeMap::new();
        for part in parts {
            let whole = Part::of(&part.dataset, [], None);
            let reading = Reading::of(catalogue, &whole, date)?;
            let query = render::latest(&reading.selection(Vec::new(), Some(left_out)));
            let rows = self.run(&query).await?;
            let pupils: HashSet<[u8; 16]> = rows.iter().map(|row| row.array(0)).collect::<Result<_, _>>()?;
            standing.insert(part.dataset, pupils);
        }
        Ok(standing)
    }
}

/// Where in a table's rows stands what a plan asks.
struct Asked {
    base: usize,
    columns: Vec<usize>,
    only: Vec<(usize, String)>,
}

impl Asked {
    fn of(
        catalogue: &Catalogue,
        table: &RecordsTable,
        plan: &RecordsPlan,
        released: &ReleasedRecords,
    ) -> Result<Self, SourceError> {
        let missing = |name: String| SourceError::NotInCatalogue(name);
        let columns = plan.columns().iter().map(|column| {
            let place = table.place(&column.field, column.generalise.as_ref());
            place.ok_or_else(|| missing(column.field.to_string()))
        });
        let only = released.only().iter().map(|(field, value)| {
            let exact = FieldGrant {
                field: field.clone(),
                generalise: None,
            };
            let text = kept(catalogue, &exact, Some(value));
            let place = table.place(field, None);
            place.zip(text).ok_or_else(|| missing(field.to_string()))
        });
        let base = table.base(released.dataset());
        Ok(Self {
            base: base.ok_or_else(|| missing(released.dataset().to_string()))?,
            columns: columns.collect::<Result<_, _>>()?,
            only: only.collect::<Result<_, _>>()?,
        })
    }

    fn selects(&self, row: &TableRow) -> bool {
        let has = |(place, wanted): &(usize, String)| {
            let value = row.values.get(*place).and_then(Option::as_ref);
            value == Some(wanted)
        };
        row.holders.get(self.base).is_some_and(Option::is_some) && self.only.iter().all(has)
    }

    fn values(&self, catalogue: &Catalogue, plan: &RecordsPlan, row: &TableRow) -> Values {
        let columns = self.columns.iter().zip(plan.columns());
        let value = |(place, column): (&usize, &doelpoort_core::plan::Column)| {
            let text = row.values.get(*place)?.as_deref()?;
            restored(catalogue, &column.field, column.generalise.as_ref(), text)
        };
        columns.map(value).collect()
    }
}
