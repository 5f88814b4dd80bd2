//! Searches of the log for a pupil: how many a day, and under which subjects a pupil's entries are.

use doelpoort_core::party::Oin;
use doelpoort_core::pseudonym::SubjectId;

use super::{Sql, Store, StoreError, sql};

/// One more, unless there were as many as may be.
const TAKE: Sql = sql!(
    "INSERT INTO log_search (organisation, day, count) VALUES ($1, $2, 1)
     ON CONFLICT (organisation, day) DO UPDATE SET count = log_search.count + 1 WHERE log_search.count < $3"
);
const FORGET: Sql = sql!("DELETE FROM log_search WHERE organisation = $1 AND day < $2");
const MERGED: Sql =
    sql!("SELECT subject FROM subject WHERE canonical = $1 AND subject <> $1 ORDER BY sequence");
/// A holder delivered one of the subjects on one row with another that is somebody else, as far as is confirmed.
const UNCONFIRMED: Sql = sql!(
    "SELECT COUNT(*) FROM (
         SELECT l.subject_b FROM subject AS m JOIN subject_link AS l ON l.subject_a = m.subject
         JOIN subject AS o ON o.subject = l.subject_b WHERE m.canonical = $1 AND o.canonical <> $1
         UNION ALL
         SELECT l.subject_a FROM subject AS m JOIN subject_link AS l ON l.subject_b = m.subject
         JOIN subject AS o ON o.subject = l.subject_a WHERE m.canonical = $1 AND o.canonical <> $1
     ) AS unconfirmed"
);

pub(crate) const ALL: &[(&str, Sql)] = &[
    ("searches::TAKE", TAKE),
    ("searches::FORGET", FORGET),
    ("searches::MERGED", MERGED),
    ("searches::UNCONFIRMED", UNCONFIRMED),
];

impl Store {
    /// Takes one of the searches that an organisation has on a day (days since 1970); `false` when there were `most`
    /// already. What was counted on earlier days is forgotten.
    pub async fn take_search(&self, organisation: &Oin, day: i64, most: u32) -> Result<bool, StoreError> {
        let who = organisation.as_str();
        let taken = self
            .execute(TAKE, vec![who.into(), day.into(), i64::from(most).into()])
            .await?;
        if taken == 1 {
            self.execute(FORGET, vec![who.into(), day.into()]).await?;
        }
        Ok(taken == 1)
    }

    /// The subjects that were merged into this one, and whether there is a link of theirs that is not confirmed. For a
    /// subject that nobody has: none, by the same steps.
    pub async fn merged_into(&self, canonical: &SubjectId) -> Result<(Vec<SubjectId>, bool), StoreError> {
        let value = || vec![canonical.as_bytes().as_slice().into()];
        let merged = self.fetch_all(MERGED, value()).await?;
        let merged: Result<Vec<_>, _> = merged
            .iter()
            .map(|row| row.array(0).map(SubjectId::from_bytes))
            .collect();
        let unconfirmed = self.fetch_optional(UNCONFIRMED, value()).await?;
        let unconfirmed = unconfirmed.map(|row| row.int(0)).transpose()?.unwrap_or(0);
        Ok((merged?, unconfirmed > 0))
    }
}
