//! Restrictions (AVG 18) and objections (AVG 21): written in the transaction of their log entry, read inside every
//! query of records and facts and every snapshot of figures (`render`), and nowhere else.
//!
//! They hang on a subject and are read by what it is merged into, so that a merge takes them along.

use doelpoort_core::catalogue::Name;
use doelpoort_core::party::Oin;
use doelpoort_core::pseudonym::SubjectId;
use doelpoort_core::request::Objection;

use super::{Column, Sql, SqlValue, StoreError, Tx, sql};

/// The purpose of a restriction against every purpose.
const EVERY_PURPOSE: &str = "";

const ENTER: Sql = sql!(
    sqlite = "INSERT INTO restriction (subject, purpose, kind, holder, from_day, until_day, entry, entered_us)
              SELECT unhex(value ->> 0), $1, $2, $3, $4, $5, $6, $7 FROM json_each($8) WHERE TRUE
              ON CONFLICT (subject, purpose, kind, holder)
              DO UPDATE SET from_day = excluded.from_day, until_day = excluded.until_day, entry = excluded.entry,
                            entered_us = excluded.entered_us, lifted_us = NULL",
    postgres = "INSERT INTO restriction (subject, purpose, kind, holder, from_day, until_day, entry, entered_us)
                SELECT v.subject, $1, $2, $3, $4, $5, $6, $7 FROM unnest($8::bytea[]) AS v (subject)
                ON CONFLICT (subject, purpose, kind, holder)
                DO UPDATE SET from_day = excluded.from_day, until_day = excluded.until_day, entry = excluded.entry,
                              entered_us = excluded.entered_us, lifted_us = NULL"
);
const LIFT: Sql = sql!(
    sqlite = "UPDATE restriction SET lifted_us = $3
              WHERE purpose = $1 AND kind = $2 AND lifted_us IS NULL
                AND subject IN (SELECT o.subject FROM json_each($4) AS v
                                CROSS JOIN subject AS n ON n.subject = unhex(v.value ->> 0)
                                CROSS JOIN subject AS o ON o.canonical = n.canonical)",
    postgres = "UPDATE restriction SET lifted_us = $3
                WHERE purpose = $1 AND kind = $2 AND lifted_us IS NULL
                  AND subject IN (SELECT o.subject FROM unnest($4::bytea[]) AS v (subject)
                                  JOIN subject AS n ON n.subject = v.subject
                                  JOIN subject AS o ON o.canonical = n.canonical)"
);

pub(crate) const ALL: &[(&str, Sql)] = &[("restrictions::ENTER", ENTER), ("restrictions::LIFT", LIFT)];

/// What is entered or lifted for some pupils.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restriction {
    /// The pupils.
    pub subjects: Vec<SubjectId>,
    /// The purpose that leaves them out; none: every purpose.
    pub against: Option<Name>,
    /// By which right.
    pub kind: Objection,
    /// What happens.
    pub change: Change,
}

/// What happens to a restriction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is entered, or entered anew with other days.
    Enter {
        /// Who enters it.
        holder: Oin,
        /// The first day, in days since 1970.
        from_day: i64,
        /// The first day on which it no longer holds.
        until_day: Option<i64>,
        /// The id of the log's entry.
        entry: [u8; 16],
    },
    /// It ends, whoever entered it.
    Lift,
}

impl Restriction {
    /// The same, entered by the log's entry with this id.
    #[must_use]
    pub fn entered_by(mut self, id: [u8; 16]) -> Self {
        if let Change::Enter { entry, .. } = &mut self.change {
            *entry = id;
        }
        self
    }
}

/// Enters or lifts; part of the transaction that logs it.
///
/// # Errors
/// When the store fails.
pub async fn apply(tx: &mut Tx, restriction: &Restriction, now_us: i64) -> Result<(), StoreError> {
    if restriction.subjects.is_empty() {
        return Ok(());
    }
    let purpose = restriction.against.as_ref().map_or(EVERY_PURPOSE, Name::as_str);
    let subjects = Column::bytes(restriction.subjects.iter().map(|subject| *subject.as_bytes()));
    let subjects = SqlValue::Rows(vec![subjects]);
    let kind = restriction.kind.as_str();
    match &restriction.change {
        Change::Enter {
            holder,
            from_day,
            until_day,
            entry,
        } => {
            let values = vec![
                purpose.into(),
                kind.into(),
                holder.as_str().into(),
                (*from_day).into(),
                (*until_day).into(),
                entry.as_slice().into(),
                now_us.into(),
                subjects,
            ];
            tx.execute(ENTER, values).await?;
        }
        Change::Lift => {
            let values = vec![purpose.into(), kind.into(), now_us.into(), subjects];
            tx.execute(LIFT, values).await?;
        }
    }
    Ok(())
}
