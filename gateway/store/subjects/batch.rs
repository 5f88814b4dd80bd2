//! What holders are asked or told about their links, once a day: pairs of others that one of them must confirm, and
//! links of its own that contradict each other. Never in a delivery's report, which would answer who sends it.

use std::collections::{HashMap, HashSet};

use doelpoort_core::party::Oin;
use doelpoort_core::pseudonym::SubjectId;

use super::LinkRule;
use super::merge::candidates;
use super::subject_at;
use crate::store::dataset::{Rendered, column_name, table_name};
use crate::store::{Column, Row, Schema, Sql, SqlValue, Store, StoreError, Tx, sql};

/// The most doubts of one day; what is more waits for the next.
const DOUBTS_MAX: usize = 10_000;

/// Each holder's pairs that are in conflict about partners of a kind. Its own local numbers it may give as it likes.
pub(super) const CONFLICTS: Sql = Sql::same(concat!(
    candidates!(),
    "SELECT DISTINCT v.holder, v.subject_a, v.subject_b FROM valid AS v
     LEFT JOIN conflict AS ca ON ca.subject = v.subject_a AND ca.kind = v.kind_b
     LEFT JOIN conflict AS cb ON cb.subject = v.subject_b AND cb.kind = v.kind_a
     WHERE (ca.subject IS NOT NULL OR cb.subject IS NOT NULL) AND v.kind_a <> 3 AND v.kind_b <> 3"
));
/// `$1` day. One replica fills the inboxes, once a day.
pub(super) const FILLED: Sql = sql!("UPDATE counter SET value = $1 WHERE name = 'inbox-day' AND value < $1");

/// What a holder is asked or told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DoubtKind {
    /// Another holder delivered the pair; the dates agree, and this one has a row under one of the two numbers.
    Link,
    /// This holder delivered the pair, and one of the two with another partner of the same kind.
    Conflict,
}

/// A pair of numbers of which it is not sure that they are one pupil's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// Who is asked or told.
    pub holder: Oin,
    /// Which.
    pub kind: DoubtKind,
    /// The pair, the lower creation sequence first.
    pub pair: (SubjectId, SubjectId),
    /// The dataset and row of the holder's own reference for the pupil, and that reference, sealed.
    pub reference: Option<(String, i64, Vec<u8>)>,
}

impl Store {
    /// Everything of which holders are to be asked or told today, the first of a holder's rows that has a reference with
    /// it. What they cannot recognise they are not asked.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn doubts(&self, rules: &[LinkRule]) -> Result<Vec<Doubt>, StoreError> {
        let mut doubts = Vec::new();
        for rule in rules.iter().filter(|rule| rule.confirmed) {
            let holders = Column::texts(rule.asserted_by.iter().map(Oin::as_str));
            let rows = self
                .fetch_all(&to_confirm(rule), vec![SqlValue::Rows(vec![holders])])
                .await?;
            for row in &rows {
                doubts.push(doubt(row, DoubtKind::Link)?);
            }
        }
        for row in self.fetch_all(CONFLICTS, vec![]).await? {
            doubts.push(doubt(&row, DoubtKind::Conflict)?);
        }
        doubts.truncate(DOUBTS_MAX);
        let references = self.references(&doubts).await?;
        for doubt in &mut doubts {
            let of = |subject: SubjectId| references.get(&(doubt.holder.to_string(), subject)).cloned();
            doubt.reference = of(doubt.pair.0).or_else(|| of(doubt.pair.1));
        }
        doubts.retain(|doubt| doubt.reference.is_some());
        Ok(doubts)
    }

    /// Of which numbers a holder has a visible row itself.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn has_rows_about(
        &self,
        holder: &Oin,
        subjects: &[SubjectId],
    ) -> Result<HashSet<SubjectId>, StoreError> {
        let mut own = HashSet::new();
        for (_, sql) in own_rows(&self.schema().await?) {
            let wanted = SqlValue::Rows(vec![
                Column::texts(subjects.iter().map(|_| holder.as_str())),
                Column::bytes(subjects.iter().map(|subject| *subject.as_bytes())),
            ]);
            for row in self.fetch_all(&sql, vec![wanted]).await? {
                own.insert(subject_at(&row, 1)?);
            }
        }
        Ok(own)
    }

    /// A holder's own references, by holder and subject, of the rows that are visible.
    async fn references(
        &self,
        doubts: &[Doubt],
    ) -> Result<HashMap<(String, SubjectId), (String, i64, Vec<u8>)>, StoreError> {
        let mut found = HashMap::new();
        let both = || {
            doubts
                .iter()
                .flat_map(|doubt| [(doubt, doubt.pair.0), (doubt, doubt.pair.1)])
        };
        for (dataset, sql) in own_rows(&self.schema().await?) {
            let wanted = SqlValue::Rows(vec![
                Column::texts(both().map(|(doubt, _)| doubt.holder.as_str())),
                Column::bytes(both().map(|(_, subject)| *subject.as_bytes())),
            ]);
            for row in self.fetch_all(&sql, vec![wanted]).await? {
                let key = (row.text(0)?, subject_at(&row, 1)?);
                if let Some(reference) = row.bytes_opt(3)? {
                    let reference = (dataset.clone(), row.int(2)?, reference);
                    found.entry(key).or_insert(reference);
                }
            }
        }
        Ok(found)
    }
}

impl Tx {
    /// Takes it on to fill the inboxes of this day; false where that is done.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn fills_inboxes(&mut self, day: i64) -> Result<bool, StoreError> {
        Ok(self.execute(FILLED, vec![day.into()]).await? == 1)
    }
}

fn doubt(row: &Row, kind: DoubtKind) -> Result<Doubt, StoreError> {
    let shape = StoreError::Shape { column: 0 };
    Ok(Doubt {
        holder: row.text(0)?.parse().map_err(|_| shape)?,
        kind,
        pair: (subject_at(row, 1)?, subject_at(row, 2)?),
        reference: None,
    })
}

/// Pairs of the rule's holders (`$1`) that are not agreed, each with a holder of the other field whose date agrees.
fn to_confirm(rule: &LinkRule) -> Rendered {
    let render = |holders: &str| {
        format!(
            "{candidates}
             SELECT DISTINCT r.holder, c.subject_a, c.subject_b FROM candidate AS c
             LEFT JOIN subject_merge AS m ON m.merged = c.subject_b AND m.survivor = c.subject_a
             JOIN subject_set AS o ON o.holder = c.holder AND o.subject = c.subject_a
             JOIN {own} AS l ON l.subject = o.root AND l.holder = c.holder
             JOIN delivery AS dl ON dl.id = l.delivery AND dl.state = 'active'
             JOIN {other} AS r ON r.subject IN (c.subject_a, c.subject_b) AND r.holder <> c.holder
                              AND r.{other_date} = l.{own_date}
             JOIN delivery AS dr ON dr.id = r.delivery AND dr.state = 'active'
             WHERE m.merged IS NULL AND c.holder IN ({holders})",
            candidates = candidates!(),
            own = table_name(&rule.own.dataset),
            own_date = column_name(&rule.own.field),
            other = table_name(&rule.other.dataset),
            other_date = column_name(&rule.other.field),
        )
    };
    Rendered::pair(
        render("SELECT value ->> 0 FROM json_each($1)"),
        render("SELECT unnest($1::text[])"),
    )
}

/// For each dataset about pupils: a batch of holders and numbers, each with the holder's visible rows about it.
fn own_rows(schema: &Schema) -> Vec<(String, Rendered)> {
    let tables = schema
        .iter()
        .filter(|(table, columns)| table.starts_with("ds_") && columns.contains_key("reference"));
    let sql = |table: &str, batch: &str, holder: &str, subject: &str| {
        format!(
            "SELECT r.holder, {subject}, r.\"row\", r.reference FROM {batch}
             LEFT JOIN subject_set AS o ON o.holder = {holder} AND o.subject = {subject}
             JOIN {table} AS r ON r.subject = COALESCE(o.root, {subject}) AND r.holder = {holder}
             JOIN delivery AS d ON d.id = r.delivery AND d.state = 'active'
             ORDER BY r.\"row\" DESC"
        )
    };
    tables
        .map(|(table, _)| {
            let dataset = table.trim_start_matches("ds_").replace('_', "-");
            let sqlite = sql(
                table,
                "json_each($1) AS v",
                "v.value ->> 0",
                "unhex(v.value ->> 1)",
            );
            let postgres = sql(
                table,
                "unnest($1::text[], $2::bytea[]) AS v (holder, subject)",
                "v.holder",
                "v.subject",
            );
            (dataset, Rendered::pair(sqlite, postgres))
        })
        .collect()
}
