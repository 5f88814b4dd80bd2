//! Who holds the pupils that pseudonyms name.

use std::collections::HashMap;

use doelpoort_core::catalogue::{Catalogue, Dataset};
use doelpoort_core::extract::{Extract, Held};
use doelpoort_core::party::{Oin, OrganisationKind};
use doelpoort_core::plan::{Aim, MeantPlan, Part};
use doelpoort_core::policy::decide::civil_day;
use jiff::Timestamp;

use super::reading::Reading;
use super::scope::bounded;
use super::{Delivered, SourceError, subjects};
use crate::store::StoreError;
use crate::store::render::{self, Within};

/// The most rows that are read about the pupils of one request.
const ROWS_MAX: u32 = 100_000;

impl Delivered {
    /// The holder of each pupil's latest row. Of school boards it is the one whose pupil it is: to whom only claims a
    /// child, nobody says that somebody asks about it. Known or not, each takes the same steps.
    pub(super) async fn meant(
        &self,
        catalogue: &Catalogue,
        plan: &MeantPlan,
        now: Timestamp,
    ) -> Result<Extract, SourceError> {
        let named = subjects(plan.pupils());
        let part = Part::of(plan.dataset(), std::iter::empty(), plan.holders());
        let reading = Reading::of(catalogue, &part, plan.at())?;
        let selection = reading.selection(vec![Within::Subjects(&named)], Some(plan.left_out()));
        let rows = self
            .run(&render::held(&selection, ROWS_MAX.saturating_add(1)))
            .await?;
        // Whoever holds the row of a pupil that is translated hears nothing of it.
        let is_told = matches!(plan.aim(), Aim::Resolve { .. });
        let by_schools = is_told && catalogue.dataset(plan.dataset()).is_some_and(of_schools);
        let claims = self.claims(catalogue, &named, civil_day(now)).await?;
        let mut held: HashMap<[u8; 16], Held> = HashMap::new();
        for row in bounded(rows)? {
            let (pupil, holder): ([u8; 16], Oin) = (
                row.array(0)?,
                row.text(1)?
                    .parse()
                    .map_err(|_| StoreError::Shape { column: 1 })?,
            );
            if by_schools && !claims.is_own(&holder, None, plan.boards(), &pupil, now) {
                continue;
            }
            let one = Held {
                holder,
                row: row.int(2)?,
                reference: row.bytes_opt(3)?,
            };
            held.entry(pupil).or_insert(one);
        }
        Ok(Extract::Held(
            named.iter().map(|pupil| held.get(pupil).cloned()).collect(),
        ))
    }
}

fn of_schools(dataset: &Dataset) -> bool {
    dataset.holder_kind == OrganisationKind::SchoolBoard
}
