//! The alerts of a log.

use doelpoort_core::audit::alert::{Alert, Alerts, LogState, Thresholds};
use doelpoort_core::audit::leaf::Micros;

use super::{AuditError, Entries, OpenPrivate};
use crate::log::Numbers;
use crate::store::log as rows;

/// The alerts from `since` on, at `now`. The whole log is read, since some rules compare with what was before. `open`
/// gives private parts, where this process may open them.
pub async fn alerts(
    entries: &Entries,
    limits: Thresholds,
    since: Option<Micros>,
    now: Micros,
    mut open: Option<&mut OpenPrivate<'_>>,
) -> Result<Vec<Alert>, AuditError> {
    // What is newer than the last checkpoint is asked for first: it only gets less.
    let unsigned_since = unsigned_since(entries).await?;
    let mut rules = Alerts::new(limits);
    let mut found = Vec::new();
    let mut pages = match open {
        None => entries.pages(0..u64::MAX),
        Some(_) => entries.pages_with_sealed(0..u64::MAX),
    };
    while let Some(page) = pages.next().await? {
        for entry in page {
            let private = match &mut open {
                Some(open) => open(&entry)?,
                None => None,
            };
            found.extend(rules.entry(entry.index, &entry.leaf, private.as_ref()));
        }
    }
    found.extend(rules.look(LogState { now, unsigned_since }));
    found.retain(|alert| since.is_none_or(|since| alert.time >= since));
    Ok(found)
}

/// The time of the first entry that no checkpoint covers.
async fn unsigned_since(entries: &Entries) -> Result<Option<Micros>, AuditError> {
    let Entries::Database(store) = entries else {
        return Ok(None);
    };
    let numbers = Numbers::read(store).await?;
    let Some(shard) = numbers.shards().last() else {
        return Ok(None);
    };
    let last = rows::last_checkpoint(store, shard.shard.number).await?;
    let size = shard.first + last.map_or(0, |last| last.size);
    let first = entries.pages(size..size + 1).next().await?;
    Ok(first
        .and_then(|page| page.into_iter().next())
        .map(|entry| entry.leaf.time))
}
