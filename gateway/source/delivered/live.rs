//! True counts, for who has a right to them: of the rows as they are now, counted when asked and kept nowhere.

use doelpoort_core::catalogue::{Catalogue, Name};
use doelpoort_core::extract::{EpochCells, Extract};
use doelpoort_core::figures::release::exact;
use doelpoort_core::figures::snapshot::PupilKeys;
use doelpoort_core::plan::{FiguresPlan, LiveCount};
use doelpoort_core::request::{Earlier, EpochChoice};
use jiff::civil::Date;

use super::{Delivered, SourceError};
use crate::source::{Census, completeness, freeze};

impl Delivered {
    /// Figures of today, or of a count date that has come: rows as they are known now, that held on that day.
    pub(super) async fn live(
        &self,
        catalogue: &Catalogue,
        plan: &FiguresPlan,
        live: &LiveCount,
    ) -> Result<Extract, SourceError> {
        let date = match plan.epoch() {
            EpochChoice::Latest => live.today(),
            EpochChoice::On(date) => counted(plan, live, date)?,
        };
        let earlier = match plan.earlier() {
            None => None,
            Some(Earlier::Previous) => Some(plan.epoch_before(date).ok_or(SourceError::NoSuchEpoch)?),
            Some(Earlier::On(earlier)) if earlier < date => Some(counted(plan, live, earlier)?),
            Some(Earlier::On(_)) => return Err(SourceError::NoSuchEpoch),
        };
        let mut cells = self.count(catalogue, plan, live, date).await?;
        if let Some(earlier) = earlier {
            cells.earlier = Some(Box::new(self.count(catalogue, plan, live, earlier).await?));
        }
        Ok(Extract::Cells(cells))
    }

    async fn count(
        &self,
        catalogue: &Catalogue,
        plan: &FiguresPlan,
        live: &LiveCount,
        date: Date,
    ) -> Result<EpochCells, SourceError> {
        let bases = live.parts().iter().map(|part| &part.base);
        let mut members: Vec<Name> = bases.cloned().collect();
        members.sort();
        members.dedup();
        let census = Census {
            layout: exact::layout(live.parts()),
            members,
            date,
            left_out: live.left_out(),
            holders: live.sources(),
            bounded: false,
        };
        // True counts draw no noise.
        let snapshot = freeze(&self.store, catalogue, census, |_| PupilKeys::default()).await?;
        let counts = exact::count(catalogue, live.parts(), &snapshot, plan.keys())
            .map_err(|error| SourceError::NotInCatalogue(error.to_string()))?;
        Ok(EpochCells {
            epoch: date,
            completeness: completeness(&self.store, live.sources()).await?,
            values: counts.into_iter().map(Some).collect(),
            earlier: None,
        })
    }
}

/// A date of the grant's calendar that has come.
fn counted(plan: &FiguresPlan, live: &LiveCount, date: Date) -> Result<Date, SourceError> {
    if plan.has_epoch(date) && date <= live.today() {
        Ok(date)
    } else {
        Err(SourceError::NoSuchEpoch)
    }
}
