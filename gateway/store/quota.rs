//! What callers use up in a day, counted in the database: for all replicas together, and also after a restart.

use doelpoort_core::party::Oin;

use super::{Sql, Store, StoreError, Tx, sql};

/// `$1` what, `$2` who, `$3` day, `$4` how much, `$5` the most. Nothing where it would be more than that.
const TAKE: Sql = sql!(
    "INSERT INTO daily_use (what, who, day, used)
     SELECT $1, $2, CAST($3 AS BIGINT), CAST($4 AS BIGINT) WHERE CAST($4 AS BIGINT) <= CAST($5 AS BIGINT)
     ON CONFLICT (what, who, day) DO UPDATE SET used = daily_use.used + excluded.used
     WHERE daily_use.used + excluded.used <= CAST($5 AS BIGINT)"
);
/// `$1` what, `$2` who, `$3` day.
const USED: Sql = sql!("SELECT used FROM daily_use WHERE what = $1 AND who = $2 AND day = $3");
/// `$1` organisation, `$2` day, `$3` looked up, `$4` of these missed, `$5` the most.
const LOOK: Sql = sql!(
    "INSERT INTO look_up (organisation, day, looked, missed)
     SELECT $1, CAST($2 AS BIGINT), CAST($3 AS BIGINT), CAST($4 AS BIGINT)
     WHERE CAST($3 AS BIGINT) <= CAST($5 AS BIGINT)
     ON CONFLICT (organisation, day)
     DO UPDATE SET looked = look_up.looked + excluded.looked, missed = look_up.missed + excluded.missed
     WHERE look_up.looked + excluded.looked <= CAST($5 AS BIGINT)
     RETURNING looked, missed"
);
const LOOKED_SINCE: Sql = sql!(
    "SELECT CAST(COALESCE(SUM(looked), 0) AS BIGINT), CAST(COALESCE(SUM(missed), 0) AS BIGINT) FROM look_up
     WHERE organisation = $1 AND day > $2"
);
/// `$1` organisation, `$2` day, `$3` now. Once a day, whichever replica comes first.
const ALARM: Sql = sql!(
    "INSERT INTO look_up (organisation, day, looked, missed, alarmed_us) VALUES ($1, $2, 0, 0, $3)
     ON CONFLICT (organisation, day) DO UPDATE SET alarmed_us = excluded.alarmed_us
     WHERE look_up.alarmed_us IS NULL"
);
const FORGET_USE: Sql = sql!("DELETE FROM daily_use WHERE day < $1");
const FORGET_LOOK_UPS: Sql = sql!("DELETE FROM look_up WHERE day < $1");

pub(crate) const ALL: &[(&str, Sql)] = &[
    ("quota::TAKE", TAKE),
    ("quota::USED", USED),
    ("quota::LOOK", LOOK),
    ("quota::LOOKED_SINCE", LOOKED_SINCE),
    ("quota::ALARM", ALARM),
    ("quota::FORGET_USE", FORGET_USE),
    ("quota::FORGET_LOOK_UPS", FORGET_LOOK_UPS),
];

/// Look-ups and how many of them missed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LookUps {
    /// Pupils looked up by their numbers.
    pub looked: i64,
    /// Of these, numbers that nobody has, or that nobody but the asker ever delivered.
    pub missed: i64,
}

/// A daily allowance of somebody.
#[derive(Clone, Copy, Debug)]
pub struct Allowance<'a> {
    /// Of what.
    pub what: &'a str,
    /// Whose.
    pub who: &'a Oin,
    /// On which day, in days since 1970.
    pub day: i64,
    /// The most.
    pub most: i64,
}

impl Tx {
    /// Takes from a daily allowance; false, and nothing taken, where that would be too much.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn take_daily(&mut self, allowance: Allowance<'_>, count: i64) -> Result<bool, StoreError> {
        let Allowance { what, who, day, most } = allowance;
        let values = vec![
            what.into(),
            who.as_str().into(),
            day.into(),
            count.into(),
            most.into(),
        ];
        Ok(self.execute(TAKE, values).await? == 1)
    }
}

impl Store {
    /// Takes from a daily allowance; false, and nothing taken, where that would be too much.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn take_daily(&self, allowance: Allowance<'_>, count: i64) -> Result<bool, StoreError> {
        let mut tx = self.begin_write().await?;
        let taken = tx.take_daily(allowance, count).await?;
        tx.commit().await?;
        Ok(taken)
    }

    /// What was taken on a day; none where nothing was.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn used_if_any(&self, what: &str, who: &Oin, day: i64) -> Result<Option<i64>, StoreError> {
        let values = vec![what.into(), who.as_str().into(), day.into()];
        let row = self.fetch_optional(USED, values).await?;
        row.map(|row| row.int(0)).transpose()
    }

    /// Counts look-ups of an organisation and tells the sum of the day; nothing, and nothing counted, where it would be
    /// more than `most`.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn count_look_ups(
        &self,
        organisation: &Oin,
        day: i64,
        add: LookUps,
        most: i64,
    ) -> Result<Option<LookUps>, StoreError> {
        let mut tx = self.begin_write().await?;
        let values = vec![
            organisation.as_str().into(),
            day.into(),
            add.looked.into(),
            add.missed.into(),
            most.into(),
        ];
        let row = tx.fetch_optional(LOOK, values).await?;
        let sum = row.map(|row| look_ups(&row)).transpose()?;
        tx.commit().await?;
        Ok(sum)
    }

    /// Look-ups of an organisation on the days after `day`.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn look_ups_after(&self, organisation: &Oin, day: i64) -> Result<LookUps, StoreError> {
        let values = vec![organisation.as_str().into(), day.into()];
        let row = self.fetch_optional(LOOKED_SINCE, values).await?;
        row.map_or(Ok(LookUps::default()), |row| look_ups(&row))
    }

    /// Whether the alarm of this day is still to be given; it is taken as given then.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn claim_look_up_alarm(
        &self,
        organisation: &Oin,
        day: i64,
        now_us: i64,
    ) -> Result<bool, StoreError> {
        let values = vec![organisation.as_str().into(), day.into(), now_us.into()];
        Ok(self.execute(ALARM, values).await? == 1)
    }

    /// Forgets what was used before a day.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn forget_use_before(&self, day: i64) -> Result<(), StoreError> {
        self.execute(FORGET_USE, vec![day.into()]).await?;
        self.execute(FORGET_LOOK_UPS, vec![day.into()]).await?;
        Ok(())
    }
}

fn look_ups(row: &super::Row) -> Result<LookUps, StoreError> {
    Ok(LookUps {
        looked: row.int(0)?,
        missed: row.int(1)?,
    })
}
