//! What pupils of an answer were called before two of their numbers were merged, where a purpose lets that be told.

use std::collections::{HashMap, HashSet};

use doelpoort_core::extract::Former;
use doelpoort_core::plan::RecordsPlan;
use doelpoort_core::policy::decide::civil_day;
use doelpoort_core::pseudonym::SubjectId;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};

use super::{Delivered, SourceError, Values};
use crate::store::StoreError;
use crate::store::render::{self, Selection};

/// The first day of a plan's overlap; none where it tells nothing of before.
pub(super) fn formerly_since(plan: &RecordsPlan, now: Timestamp) -> Option<Date> {
    let overlap = i64::from(plan.overlap_days()).days();
    (plan.pseudonym() && plan.overlap_days() > 0).then(|| civil_day(now).saturating_sub(overlap))
}

impl Delivered {
    /// For each pupil found, under which subjects the same rows stood on a day or later.
    pub(super) async fn formerly(
        &self,
        since: Date,
        base: &Selection<'_>,
        found: &[([u8; 16], Values)],
    ) -> Result<HashMap<[u8; 16], Vec<Former>>, SourceError> {
        let mut formerly: HashMap<_, Vec<Former>> = HashMap::new();
        let pupils: HashSet<&[u8; 16]> = found.iter().map(|(pupil, _)| pupil).collect();
        for row in self.run(&render::formerly(base, since)).await? {
            let former: [u8; 16] = row.array(1)?;
            // A merge took effect after the pupils were read: in this answer both are there.
            if pupils.contains(&former) {
                continue;
            }
            let until =
                Timestamp::from_microsecond(row.int(2)?).map_err(|_| StoreError::Shape { column: 2 })?;
            formerly.entry(row.array(0)?).or_default().push(Former {
                subject: SubjectId::from_bytes(former),
                until,
            });
        }
        Ok(formerly)
    }
}
