//! What a caller asks, parsed whole: a [`Request`] that exists is well-formed and names only things in the catalogue.
//!
//! All mistakes are reported at once. No message repeats what was sent, since it may hold an identifier.

mod facts;
mod figures;
mod inbox;
mod log_look;
mod log_reading;
mod pseudonyms;
mod reader;
mod records;
mod restrict;
mod search;
#[cfg(test)]
mod tests;
mod withdrawal;

use jiff::civil::Date;
use serde::Serialize;

use crate::catalogue::{Catalogue, Name};
use crate::party::Oin;

pub use facts::{FactsRequest, Pupil};
pub use figures::{Earlier, EpochChoice, FINER_THAN_GROUPED, FiguresRequest, Selection, finer_filter};
pub use inbox::{InboxAnswer, LinkUndo};
pub use log_look::{LogLook, LookCommand};
pub use log_reading::LogReading;
pub use pseudonyms::{RESOLVED_MAX, ResolveRequest, TRANSLATED_MAX, TRANSLATED_MIN, TranslateRequest};
pub use reader::InputError;
pub use records::{Page, RecordsRequest};
pub use restrict::{Objection, RestrictAction, RestrictRequest};
pub use search::{MONTHS_MAX, SearchRequest};
pub use withdrawal::WithdrawalRequest;

use reader::Reader;

/// The most pupils that one facts request may name.
pub const FACTS_PUPILS_MAX: usize = 100;
/// The most records on one page.
pub const PAGE_RECORDS_MAX: u32 = 1_000;

/// The form of an answer.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// A delivery of rows by their holder.
    Delivery,
    /// A few fields about named pupils.
    Facts,
    /// Protected aggregates.
    Figures,
    /// Pseudonymised rows.
    Records,
    /// Asking the holder which pupil a pseudonym means.
    Resolve,
    /// Entering and lifting restrictions and objections.
    Restrict,
    /// Finding the data protection officer a pupil's place in the log.
    Search,
    /// Pseudonyms of one recipient and purpose into those of another.
    Translate,
}

impl Form {
    /// The form's name in the API, the policies and the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Delivery => "delivery",
            Self::Facts => "facts",
            Self::Figures => "figures",
            Self::Records => "records",
            Self::Resolve => "resolve",
            Self::Restrict => "restrict",
            Self::Search => "search",
            Self::Translate => "translate",
        }
    }
}

/// On whose behalf a person's data is asked, as the body says it; the assertion is verified by the shell.
#[derive(Clone, Eq, PartialEq)]
pub struct OnBehalfOf {
    /// The JWT of the recipient's own identity provider.
    pub assertion: Option<String>,
    /// The case or reason, as the recipient's own register names it.
    pub case: Option<String>,
}

impl std::fmt::Debug for OnBehalfOf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OnBehalfOf(..)")
    }
}

/// A parsed request.
#[derive(Debug)]
pub enum Request {
    /// A few fields about named pupils.
    Facts(FactsRequest),
    /// Figures, named or composed.
    Figures(FiguresRequest),
    /// Pseudonymised rows.
    Records(RecordsRequest),
    /// Which pupils are meant.
    Resolve(ResolveRequest),
    /// Restrictions and objections.
    Restrict(RestrictRequest),
    /// A pupil's place in the log.
    Search(SearchRequest),
    /// Pseudonyms for another.
    Translate(TranslateRequest),
}

impl Request {
    /// Parses the body of `POST /v1/queries`.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn query(catalogue: &Catalogue, body: &[u8]) -> Result<Self, Vec<InputError>> {
        let json = reader::json(body)?;
        let mut reader = Reader::new(&json)?;
        let form = reader.text("form");
        let request = match form.as_deref() {
            Some("figures") => FiguresRequest::composed(catalogue, &mut reader).map(Self::Figures),
            Some("records") => RecordsRequest::read(catalogue, &mut reader).map(Self::Records),
            Some(_) => {
                reader.wrong("form", "unknown-form", "a query is for `figures` or `records`");
                return Err(reader.into_errors_so_far());
            }
            None => {
                reader.missing("form", "`figures` or `records`");
                return Err(reader.into_errors_so_far());
            }
        };
        reader.finish(request)
    }

    /// What was understood of a body of `POST /v1/queries` that asks for figures and is wrong somewhere.
    pub fn understood(catalogue: &Catalogue, body: &[u8]) -> Option<FiguresRequest> {
        let json = reader::json(body).ok()?;
        let mut reader = Reader::new(&json).ok()?;
        let form = reader.text("form");
        form.filter(|form| form == Form::Figures.as_str())?;
        FiguresRequest::understood(catalogue, &mut reader)
    }

    /// Parses the body of `POST /v1/facts`.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn facts(catalogue: &Catalogue, caller: &Oin, body: &[u8]) -> Result<Self, Vec<InputError>> {
        let json = reader::json(body)?;
        let mut reader = Reader::new(&json)?;
        let request = FactsRequest::read(catalogue, caller, &mut reader).map(Self::Facts);
        reader.finish(request)
    }

    /// Parses the body of `POST /v1/restrictions`.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn restriction(caller: &Oin, body: &[u8]) -> Result<Self, Vec<InputError>> {
        let json = reader::json(body)?;
        let mut reader = Reader::new(&json)?;
        let request = RestrictRequest::read(caller, &mut reader).map(Self::Restrict);
        reader.finish(request)
    }

    /// Parses the body of `POST /v1/log/subjects`.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn search(caller: &Oin, body: &[u8]) -> Result<Self, Vec<InputError>> {
        let json = reader::json(body)?;
        let mut reader = Reader::new(&json)?;
        let request = SearchRequest::read(caller, &mut reader).map(Self::Search);
        reader.finish(request)
    }

    /// Parses a request to have pseudonyms translated.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn translation(body: &[u8]) -> Result<Self, Vec<InputError>> {
        let json = reader::json(body)?;
        let mut reader = Reader::new(&json)?;
        let request = TranslateRequest::read(&mut reader).map(Self::Translate);
        reader.finish(request)
    }

    /// Parses a request to have the holder asked which pupils are meant.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn resolution(body: &[u8]) -> Result<Self, Vec<InputError>> {
        let json = reader::json(body)?;
        let mut reader = Reader::new(&json)?;
        let request = ResolveRequest::read(&mut reader).map(Self::Resolve);
        reader.finish(request)
    }

    /// Parses `GET /v1/purposes/{purpose}/questions/{question}` with its query parameters.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn question(
        catalogue: &Catalogue,
        purpose: &str,
        question: &str,
        parameters: &[(String, String)],
    ) -> Result<Self, Vec<InputError>> {
        FiguresRequest::named(catalogue, purpose, question, parameters).map(Self::Figures)
    }

    /// The purpose that the request names.
    pub fn purpose(&self) -> &Name {
        match self {
            Self::Facts(facts) => &facts.purpose,
            Self::Figures(figures) => &figures.purpose,
            Self::Records(records) => &records.purpose,
            Self::Resolve(resolve) => &resolve.purpose,
            Self::Restrict(restrict) => &restrict.purpose,
            Self::Search(search) => &search.purpose,
            Self::Translate(translate) => &translate.purpose,
        }
    }

    /// The form that the request asks for.
    pub fn form(&self) -> Form {
        match self {
            Self::Facts(_) => Form::Facts,
            Self::Figures(_) => Form::Figures,
            Self::Records(_) => Form::Records,
            Self::Resolve(_) => Form::Resolve,
            Self::Restrict(_) => Form::Restrict,
            Self::Search(_) => Form::Search,
            Self::Translate(_) => Form::Translate,
        }
    }

    /// For whom the caller says it acts, if not for itself.
    pub fn acting_for(&self) -> Option<&Oin> {
        match self {
            Self::Facts(facts) => facts.acting_for.as_ref(),
            Self::Records(records) => records.acting_for.as_ref(),
            Self::Restrict(restrict) => restrict.acting_for.as_ref(),
            Self::Figures(_) | Self::Resolve(_) | Self::Search(_) | Self::Translate(_) => None,
        }
    }

    /// The pupils that it names by their numbers.
    pub fn pupils(&self) -> &[Pupil] {
        match self {
            Self::Facts(facts) => &facts.pupils,
            Self::Restrict(restrict) => &restrict.pupils,
            Self::Search(search) => std::slice::from_ref(&search.pupil),
            Self::Figures(_) | Self::Records(_) | Self::Resolve(_) | Self::Translate(_) => &[],
        }
    }

    /// On whose behalf the request is made.
    pub fn on_behalf_of(&self) -> Option<&OnBehalfOf> {
        match self {
            Self::Facts(facts) => facts.on_behalf_of.as_ref(),
            Self::Figures(_) => None,
            Self::Records(records) => records.on_behalf_of.as_ref(),
            Self::Resolve(resolve) => resolve.on_behalf_of.as_ref(),
            Self::Restrict(restrict) => restrict.on_behalf_of.as_ref(),
            Self::Search(search) => search.on_behalf_of.as_ref(),
            Self::Translate(translate) => translate.on_behalf_of.as_ref(),
        }
    }
}

impl Request {
    /// Who releases it besides the person on whose behalf it is made.
    pub fn released_by(&self) -> Option<&OnBehalfOf> {
        match self {
            Self::Resolve(resolve) => resolve.released_by.as_ref(),
            Self::Search(search) => search.released_by.as_ref(),
            Self::Facts(_) | Self::Figures(_) | Self::Records(_) | Self::Restrict(_) | Self::Translate(_) => {
                None
            }
        }
    }

    /// The pseudonyms that it names.
    pub fn pseudonyms(&self) -> &[crate::pseudonym::Pseudonym] {
        match self {
            Self::Resolve(resolve) => &resolve.pseudonyms,
            Self::Translate(translate) => &translate.pseudonyms,
            Self::Facts(_) | Self::Figures(_) | Self::Records(_) | Self::Restrict(_) | Self::Search(_) => &[],
        }
    }
}

/// Reads an ISO date.
fn date(text: &str) -> Option<Date> {
    (text.len() == 10).then(|| text.parse().ok()).flatten()
}
