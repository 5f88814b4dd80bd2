//! Every entry about somebody, found by the tags in the leaves: nothing is opened, so it finds what was erased too. Pages
//! are read ahead, and the tags of a page are looked at on all cores.

use doelpoort_core::audit::tag::Tagged;

use doelpoort_verify::on_all_cores;
use tokio::sync::mpsc;

use super::follow::FollowError;
use super::keys::FgPrivateKeys;
use super::reading::{Reader, ReadingError, Tokens};
use crate::audit::{Entries, Entry};

/// Pages that are read ahead.
const PAGES_AHEAD_MAX: usize = 4;

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
    let (sender, mut pages) = mpsc::channel(PAGES_AHEAD_MAX);
    let mut source = entries.pages(0..u64::MAX);
    // Ends with the log, or when nobody reads on.
    tokio::spawn(async move {
        while let Some(page) = source.next().await.transpose() {
            if sender.send(page).await.is_err() {
                return;
            }
        }
    });
    while let Some(page) = pages.recv().await {
        let page = page.map_err(FollowError::from)?;
        let mut tokens = Vec::with_capacity(page.len());
        for entry in &page {
            let index = entry.index;
            reader.enter(&entry.origin);
            reader
                .follow(&entry.leaf)
                .map_err(|error| FollowError::Reading { index, error })?;
            tokens.push(match reader.tokens(&entry.leaf, whom) {
                Ok(tokens) => tokens,
                Err(ReadingError::NoSeed) => {
                    found.unread += 1;
                    None
                }
                Err(error) => return Err(SearchError::Reading(index, error)),
            });
        }
        let about = about(&page, &tokens);
        let page = page.into_iter().zip(about);
        found
            .entries
            .extend(page.filter_map(|(entry, about)| about.then_some(entry)));
    }
    Ok(found)
}

/// Of which entries a tag is one of its tokens'.
fn about(page: &[Entry], tokens: &[Option<Tokens>]) -> Vec<bool> {
    let pairs: Vec<(&Entry, &Option<Tokens>)> = page.iter().zip(tokens).collect();
    on_all_cores(&pairs, |(entry, tokens)| {
        let event = &entry.leaf.event;
        let mut tokens = tokens.iter().flat_map(|tokens| tokens.iter());
        tokens.any(|token| token.is_among(&event.entry_id, &event.tags))
    })
}
