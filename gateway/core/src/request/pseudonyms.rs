//! Requests about pseudonyms that the caller got: whom they mean, and what they are for another.

use std::collections::BTreeSet;

use crate::catalogue::Name;
use crate::pseudonym::Pseudonym;

use super::OnBehalfOf;
use super::reader::Reader;

/// Fewer pseudonyms than this are not translated: a few would tell which pupil is which.
pub const TRANSLATED_MIN: usize = 50;
/// The most pseudonyms that one request may have translated.
pub const TRANSLATED_MAX: usize = 1_000;
/// The most pseudonyms that one request may have resolved: a case is about few.
pub const RESOLVED_MAX: usize = 10;

/// A parsed request to have pseudonyms translated for the recipient that the purpose names.
#[derive(Debug)]
pub struct TranslateRequest {
    /// The purpose.
    pub purpose: Name,
    /// Each once.
    pub pseudonyms: Vec<Pseudonym>,
    /// The person who asks.
    pub on_behalf_of: Option<OnBehalfOf>,
}

/// A parsed request to have the holder asked which pupils are meant.
#[derive(Debug)]
pub struct ResolveRequest {
    /// The purpose.
    pub purpose: Name,
    /// Each once.
    pub pseudonyms: Vec<Pseudonym>,
    /// Why: one of the reasons that the purpose names.
    pub reason: Name,
    /// The person who asks.
    pub on_behalf_of: Option<OnBehalfOf>,
    /// The person who releases the request besides.
    pub released_by: Option<OnBehalfOf>,
}

impl TranslateRequest {
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let purpose = reader.purpose();
        let pseudonyms = pseudonyms(reader, TRANSLATED_MIN, TRANSLATED_MAX);
        let on_behalf_of = reader.on_behalf_of();
        Some(Self {
            purpose: purpose?,
            pseudonyms: pseudonyms?,
            on_behalf_of,
        })
    }
}

impl ResolveRequest {
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let purpose = reader.purpose();
        let pseudonyms = pseudonyms(reader, 1, RESOLVED_MAX);
        let reason = reader.reason();
        let on_behalf_of = reader.on_behalf_of();
        let released_by = reader.person("releasedBy");
        Some(Self {
            purpose: purpose?,
            pseudonyms: pseudonyms?,
            reason: reason?,
            on_behalf_of,
            released_by,
        })
    }
}

/// Distinct pseudonyms, as many as one request may hold.
fn pseudonyms(reader: &mut Reader<'_>, least: usize, most: usize) -> Option<Vec<Pseudonym>> {
    let Some(texts) = reader.texts("pseudonyms") else {
        reader.missing(
            "pseudonyms",
            &format!("{least} to {most} pseudonyms that you got"),
        );
        return None;
    };
    if texts.len() < least || texts.len() > most {
        let detail = format!("must be an array of {least} to {most} pseudonyms");
        reader.wrong("pseudonyms", "out-of-range", &detail);
        return None;
    }
    let mut seen = BTreeSet::new();
    for (location, text) in texts {
        match Pseudonym::parse(&text) {
            Ok(pseudonym) => {
                if !seen.insert(pseudonym) {
                    reader.error(location, "repeated", "is given twice");
                }
            }
            Err(_) => reader.error(location, "invalid-pseudonym", "is no pseudonym, or was mistyped"),
        }
    }
    Some(seen.into_iter().collect())
}
