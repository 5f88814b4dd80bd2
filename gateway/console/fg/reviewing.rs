//! Reviews by the FG: announced in the log, drawn by a checkpoint that came after, and ended with the digest of the result
//! in the log.

use std::sync::Arc;

use doelpoort_core::audit::base64;
use doelpoort_core::audit::sample::{Announcement, Population};
use doelpoort_core::request::LookCommand;

use super::super::held::Held;
use super::super::session::Why;
use super::{FgConsole, ShowError};
use crate::audit::{NumberedCheckpoint, Sample, draw};
use crate::fg::casework::review::Announced;

impl FgConsole {
    /// Says in the log what will be drawn; only then can it be.
    pub(in crate::console) async fn announce_sample(
        &self,
        held: &Held,
        (n, population): (usize, Population),
        why: &Why,
    ) -> Result<Announced, ShowError> {
        let last = (&held.checkpoint, held.first);
        let announcement = Announcement::new(last, n, population, self.now())?;
        let sought = format!("sample {}", base64(&announcement.digest()));
        let logged = self.announce(why, LookCommand::Sample, &sought).await?;
        Ok(Announced {
            announcement,
            entry: self.number(&logged),
        })
    }

    /// What was announced, drawn by the newest checkpoint that covers the announcement; none where there is none yet.
    pub(in crate::console) async fn draw(&self, announced: &Announced) -> Result<Option<Sample>, ShowError> {
        let covers = |held: &Held| held.first + held.checkpoint.size > announced.entry;
        if !self.held().is_some_and(|held| covers(&held)) {
            self.refresh().await?;
        }
        let Some(held) = self.held().filter(|held: &Arc<Held>| covers(held)) else {
            return Ok(None);
        };
        let by = NumberedCheckpoint {
            checkpoint: held.checkpoint.clone(),
            note: held.note.clone(),
            first: held.first,
        };
        let drawn = draw(&held.copy.entries, announced.announcement.clone(), by).await?;
        Ok(Some(drawn))
    }

    /// Puts the digest of a result in the log; the number of its entry.
    pub(in crate::console) async fn announce_result(
        &self,
        digest: &str,
        why: &Why,
    ) -> Result<u64, ShowError> {
        let sought = format!("review {digest}");
        let logged = self.announce(why, LookCommand::Sample, &sought).await?;
        Ok(self.number(&logged))
    }
}
