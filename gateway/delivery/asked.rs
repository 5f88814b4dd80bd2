//! What a delivery says of itself before its first row.

use doelpoort_core::catalogue::{Dataset, DatasetPeriod, Name, school_year_days};
use doelpoort_core::party::Oin;
use doelpoort_core::policy::Policies;
use doelpoort_core::request::InputError;
use jiff::Timestamp;

use crate::exchange::{Refusal, Trace};
use crate::store::delivery::Mode;

/// How the rows are written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RowFormat {
    /// Comma-separated values with a header row (RFC 4180).
    Csv,
    /// One JSON object a line.
    Ndjson,
}

/// A delivery as it came in.
#[derive(Debug)]
pub struct DeliveryAsked<'a> {
    /// The dataset, from the path.
    pub dataset: &'a str,
    /// `holder=`: whose rows; the caller's own where absent.
    pub holder: Option<&'a str>,
    /// `mode=`: `snapshot` or `changes`.
    pub mode: Option<&'a str>,
    /// `period=`: the school year, where the dataset has one.
    pub period: Option<&'a str>,
    /// How the rows are written.
    pub format: RowFormat,
    /// The caller's own OIN, which is the holder where none is named.
    pub caller: &'a Oin,
    /// The trace.
    pub trace: Trace,
    /// When it came in.
    pub received: Timestamp,
}

impl DeliveryAsked<'_> {
    /// The dataset and the holder, if they exist at all.
    pub(super) fn names(&self, policies: &Policies) -> Result<(Name, Oin), Refusal> {
        let mut errors = Vec::new();
        let dataset = self
            .dataset
            .parse::<Name>()
            .ok()
            .filter(|name| policies.catalogue.dataset(name).is_some());
        if dataset.is_none() {
            errors.push(wrong(
                "path",
                "dataset",
                "unknown-dataset",
                "there is no such dataset; see `GET /v1/catalogue`",
            ));
        }
        let holder = match self.holder {
            None => Some(self.caller.clone()),
            Some(text) => text.parse::<Oin>().ok(),
        };
        if holder.is_none() {
            errors.push(wrong("query", "holder", "malformed-oin", "an OIN has 20 digits"));
        }
        if self.read_mode().is_none() {
            errors.push(wrong(
                "query",
                "mode",
                "unknown-mode",
                "must be `snapshot` or `changes`",
            ));
        }
        if let Some(dataset) = dataset.as_ref().and_then(|name| policies.catalogue.dataset(name)) {
            errors.extend(self.period_error(dataset));
        }
        match (dataset, holder) {
            (Some(dataset), Some(holder)) if errors.is_empty() => Ok((dataset, holder)),
            _ => Err(Refusal::Invalid(errors)),
        }
    }

    /// Snapshot where nothing is said.
    pub(super) fn mode(&self) -> Mode {
        self.read_mode().unwrap_or(Mode::Snapshot)
    }

    fn read_mode(&self) -> Option<Mode> {
        match self.mode {
            None | Some("snapshot") => Some(Mode::Snapshot),
            Some("changes") => Some(Mode::Changes),
            Some(_) => None,
        }
    }

    fn period_error(&self, dataset: &Dataset) -> Option<InputError> {
        match (dataset.period, self.period) {
            (DatasetPeriod::None, None) => None,
            (DatasetPeriod::None, Some(_)) => Some(wrong(
                "query",
                "period",
                "no-period",
                "this dataset has no periods; leave `period` out",
            )),
            (DatasetPeriod::SchoolYear, Some(period)) if school_year_days(period).is_some() => None,
            (DatasetPeriod::SchoolYear, _) => Some(wrong(
                "query",
                "period",
                "bad-period",
                "name the school year, such as `2026-2027`",
            )),
        }
    }
}

fn wrong(part: &'static str, location: &str, code: &'static str, detail: &str) -> InputError {
    InputError {
        part,
        location: location.to_owned(),
        code,
        detail: detail.to_owned(),
    }
}
