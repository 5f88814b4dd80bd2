//! Every entry about a member of staff, found by its tags: nothing is opened.

use doelpoort_core::audit::tag::Tagged;
use doelpoort_core::request::LookCommand;

use super::super::held::Held;
use super::super::session::Why;
use super::{FgConsole, ShowError};
use crate::fg::search::search;

/// What a search for a member of staff found.
pub(in crate::console) struct StaffFound {
    /// The number of the entry that says that it was searched.
    pub(in crate::console) entry: u64,
    /// The numbers of the entries, oldest first.
    pub(in crate::console) indices: Vec<u64>,
    /// Entries of months whose key is gone: nobody can tell whom they are about.
    pub(in crate::console) unread: u64,
}

impl FgConsole {
    /// Searches the copy, after two persons said why.
    pub(in crate::console) async fn search_staff(
        &self,
        held: &Held,
        staff: &str,
        why: &Why,
    ) -> Result<StaffFound, ShowError> {
        let sought = format!("staff {staff}");
        let logged = self.announce(why, LookCommand::SearchStaff, &sought).await?;
        let whom = [Tagged::Staff(staff)];
        let origin = self.fg.log.name();
        let found = search(&held.copy.entries, origin, &self.fg.keys, &whom).await?;
        Ok(StaffFound {
            entry: self.number(&logged),
            indices: found.entries.iter().map(|entry| entry.index).collect(),
            unread: found.unread,
        })
    }
}
