//! Every entry about somebody, found by the tags in the leaves: nothing is opened, so it finds what was erased too. Of
//! each leaf only what tells this is read, and the tags of a page are looked at on all cores.

use doelpoort_core::audit::day::Day;
use doelpoort_core::audit::leaf::Glance;
use doelpoort_core::audit::tag::Tagged;
use doelpoort_verify::on_all_cores;

use super::follow::FollowError;
use super::keys::FgPrivateKeys;
use super::reading::{Reader, ReadingError, Tokens};
use crate::audit::{AuditError, Entries, Entry};

/// What a search found.
#[derive(Debug, Default)]
pub struct Found {
    /// The entries, oldest first, without their private parts.
    pub entries: Vec<Entry>,
    /// How many entries have tags of which nobody can tell whose they are, because the key is gone.
    pub unread: u64,
}

/// Why a search fails.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The log cannot be followed.
    #[error(transparent)]
    Follow(#[from] FollowError),
    /// An entry cannot be read.
    #[error("entry `{0}`: {1}")]
    Reading(u64, ReadingError),
}

/// Every entry about any of `whom`.
///
/// # Errors
/// Why not.
pub async fn search(
    entries: &Entries,
    origin: &str,
    keys: &FgPrivateKeys,
    whom: &[Tagged<'_>],
) -> Result<Found, SearchError> {
    let mut found = Found::default();
    let mut reader = Reader::new(origin, keys);
    let mut pages = entries.raw_pages(0..u64::MAX);
    while let Some(page) = pages.next().await.map_err(FollowError::from)? {
        let glances = on_all_cores(&page, |entry| Glance::at(&entry.bytes));
        let mut looked = Vec::with_capacity(page.len());
        for (entry, glance) in page.iter().zip(glances) {
            let index = entry.index;
            let glance = glance.map_err(|error| FollowError::from(AuditError::Leaf { index, error }))?;
            reader.enter(&entry.origin);
            if glance.has_seed {
                let leaf = entry.leaf().map_err(FollowError::from)?;
                let followed = reader.follow(&leaf);
                followed.map_err(|error| FollowError::Reading { index, error })?;
            }
            let tokens = if glance.has_tags() {
                match reader.tokens(&glance.replica, Day::of(glance.time), whom) {
                    Ok(tokens) => Some(tokens),
                    Err(ReadingError::NoSeed) => {
                        found.unread += 1;
                        None
                    }
                    Err(error) => return Err(SearchError::Reading(index, error)),
                }
            } else {
                None
            };
            looked.push((glance, tokens));
        }
        let about = on_all_cores(&looked, is_about);
        let page = page.into_iter().zip(about);
        for (entry, _) in page.filter(|(_, about)| *about) {
            found.entries.push(entry.read().map_err(FollowError::from)?);
        }
    }
    Ok(found)
}

/// Whether a tag is one of the tokens'.
fn is_about((glance, tokens): &(Glance<'_>, Option<Tokens>)) -> bool {
    let mut tokens = tokens.iter().flat_map(|tokens| tokens.iter());
    tokens.any(|token| token.is_among(&glance.entry_id, glance.tags()))
}
