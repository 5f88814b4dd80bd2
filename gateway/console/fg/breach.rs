//! What was in reach of a data breach: counted over the sealed parts of the answers that the FG asks about, after the log
//! says so.

use std::collections::BTreeSet;

use doelpoort_core::audit::filter::{Decided, Filter};
use doelpoort_core::audit::leaf::{GRANTED, Kind};
use doelpoort_core::request::LookCommand;

use super::super::held::Held;
use super::super::session::Why;
use super::{FgConsole, ShowError};
use crate::fg::casework::breach::{Asked, Counting, Scope};
use crate::fg::{Reader, ReadingError};

impl FgConsole {
    /// Counts answers, pupils and fields. `filter` is that of `asked`.
    pub(in crate::console) async fn breach_scope(
        &self,
        held: &Held,
        (asked, filter): (Asked, Filter),
        why: &Why,
    ) -> Result<Scope, ShowError> {
        let filter = Filter {
            decision: Some(Decided::Code(GRANTED.to_owned())),
            kinds: vec![Kind::AccessDecided],
            ..filter
        };
        let Asked {
            from,
            until,
            organisation,
            purpose,
            dataset,
        } = &asked;
        let sought = format!("breach {from}..{until} {organisation} {purpose} {dataset}");
        let logged = self.announce(why, LookCommand::Search, &sought).await?;
        let mut found: Vec<_> = held.columns.matching(&filter).collect();
        found.reverse();
        let found: Vec<_> = found.into_iter().filter_map(|place| held.at(place)).collect();
        let of_pupils = found.iter().filter(|entry| !entry.leaf.event.tags.is_empty());
        let indices: BTreeSet<u64> = of_pupils.map(|entry| entry.index).collect();
        let sealed = self.sealed(held, &logged, &indices).await?;
        let mut counting = Counting::default();
        for entry in found {
            let reader = Reader::new(&entry.origin, &self.fg.keys);
            let private = sealed
                .get(&entry.index)
                .map(|sealed| reader.danger_open_unheld(&entry.leaf, sealed));
            let private = match private.transpose() {
                Ok(private) => private,
                // Destroyed with the month's key.
                Err(ReadingError::Key(_)) => None,
                Err(error) => return Err(error.into()),
            };
            counting.take(&entry.leaf, private.as_ref());
        }
        Ok(counting.finish(asked, self.now(), self.number(&logged)))
    }
}
