//! A question to the log itself, in the shape of the read API of the Logboek Dataverwerkingen.

use super::InputError;
use super::reader::{Reader, json};
use crate::audit::filter::Filter;
use crate::audit::ldv::tells_processing;
use crate::audit::leaf::{Leaf, Micros};

/// Which records are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogReading {
    filter: Filter,
    version: Option<u32>,
    /// The index to go on from.
    pub from: u64,
}

impl LogReading {
    /// Reads a body: at least one of `traceId` and `processingActivityId`; `startTime` and `endTime` in ms since 1970;
    /// `from`, the `next` of an earlier answer.
    ///
    /// # Errors
    /// Every mistake. Pupils cannot be asked for here: only the FG can find them.
    pub fn parse(body: &[u8]) -> Result<Self, Vec<InputError>> {
        let value = json(body)?;
        let mut reader = Reader::new(&value)?;
        let trace = reader.text("traceId");
        let activity = reader.text("processingActivityId");
        if reader.text("dataSubjectId").is_some() {
            reader.wrong(
                "dataSubjectId",
                "subject-sealed",
                "the gateway cannot read whom an entry is about: ask the data protection officer (FG), whose key can",
            );
        } else if trace.is_none() && activity.is_none() {
            let what = "give at least one of `traceId` and `processingActivityId`";
            reader.missing("traceId", what);
        }
        let mut filter = Filter {
            since: reader.number("startTime").and_then(micros),
            until: reader.number("endTime").and_then(micros),
            ..Filter::default()
        };
        if let Some(text) = trace {
            filter.trace = data_encoding::HEXLOWER
                .decode(text.as_bytes())
                .ok()
                .and_then(|bytes| bytes.try_into().ok());
            if filter.trace.is_none() {
                reader.wrong("traceId", "malformed", "has 32 lower-case hex digits");
            }
        }
        let mut version = None;
        if let Some(uri) = activity {
            (filter.purpose, version) = activity_of(&uri);
            if filter.purpose.is_none() {
                let what =
                    "is a purpose of the register: `…/v1/register#<purpose>@<version>`, or `<purpose>` alone";
                reader.wrong("processingActivityId", "malformed", what);
            }
        }
        let from = reader.number("from").unwrap_or(0);
        reader.finish(Some(Self {
            filter,
            version,
            from,
        }))
    }

    /// Not older than this.
    pub fn since(&self) -> Option<Micros> {
        self.filter.since
    }

    /// Whether an entry is asked for.
    pub fn takes(&self, leaf: &Leaf) -> bool {
        let version = leaf.event.purpose.as_ref().map(|purpose| purpose.version);
        tells_processing(leaf.event.kind)
            && self.filter.takes(leaf)
            && (self.version.is_none() || self.version == version)
    }

    /// Whether all later entries are too late.
    pub fn is_past(&self, leaf: &Leaf) -> bool {
        self.filter.until.is_some_and(|until| leaf.time >= until)
    }
}

fn micros(millis: u64) -> Option<Micros> {
    Micros::try_from(millis).ok()?.checked_mul(1_000)
}

/// A purpose and its version, where the URI names one.
fn activity_of(uri: &str) -> (Option<String>, Option<u32>) {
    let name = uri.rsplit('#').next().unwrap_or_default();
    let (purpose, version) = match name.split_once('@') {
        None => (name, None),
        Some((purpose, version)) => match version.parse() {
            Ok(version) => (purpose, Some(version)),
            Err(_) => return (None, None),
        },
    };
    let is_name = purpose.parse::<crate::catalogue::Name>().is_ok();
    (is_name.then(|| purpose.to_owned()), version)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::fixture::{SUNDAY, decided};
    use crate::audit::leaf::{GRANTED, Kind};

    fn parsed(body: &str) -> Result<LogReading, Vec<String>> {
        LogReading::parse(body.as_bytes()).map_err(|errors| {
            let told = errors
                .iter()
                .map(|error| format!("{} {}", error.location, error.code));
            told.collect()
        })
    }

    #[test]
    fn something_selective_must_be_asked_and_no_pupil_can() {
        for (body, mistake) in [
            ("{}", "/traceId missing"),
            (r#"{"startTime":1}"#, "/traceId missing"),
            (r#"{"traceId":"xyz"}"#, "/traceId malformed"),
            (
                r#"{"processingActivityId":"https://x/#A b@1"}"#,
                "/processingActivityId malformed",
            ),
            (
                r#"{"processingActivityId":"youth-atlas@new"}"#,
                "/processingActivityId malformed",
            ),
            (r#"{"dataSubjectId":"1"}"#, "/dataSubjectId subject-sealed"),
            (
                r#"{"traceId":"abababababababababababababababab","pupil":1}"#,
                " unknown-key",
            ),
        ] {
            assert_eq!(parsed(body), Err(vec![mistake.to_owned()]), "{body}");
        }
    }

    #[test]
    fn each_condition_takes_what_it_names_and_nothing_else() {
        let millis = SUNDAY / 1_000;
        let leaf = decided(GRANTED);
        for (body, takes) in [
            (
                r#"{"traceId":"abababababababababababababababab"}"#.to_owned(),
                true,
            ),
            (
                r#"{"traceId":"00000000000000000000000000000001"}"#.to_owned(),
                false,
            ),
            (
                r#"{"processingActivityId":"https://gateway.example/v1/register#case-consultation@2"}"#
                    .to_owned(),
                true,
            ),
            (r#"{"processingActivityId":"case-consultation"}"#.to_owned(), true),
            (
                r#"{"processingActivityId":"case-consultation@3"}"#.to_owned(),
                false,
            ),
            (
                format!(r#"{{"processingActivityId":"case-consultation","startTime":{millis}}}"#),
                true,
            ),
            (
                format!(
                    r#"{{"processingActivityId":"case-consultation","startTime":{}}}"#,
                    millis + 13
                ),
                false,
            ),
            (
                format!(r#"{{"processingActivityId":"case-consultation","endTime":{millis}}}"#),
                false,
            ),
        ] {
            let reading = parsed(&body).unwrap();
            assert_eq!(reading.takes(&leaf), takes, "{body}");
        }
        let mut start = decided(GRANTED);
        start.event.kind = Kind::ReplicaStarted;
        assert!(
            !parsed(r#"{"processingActivityId":"case-consultation"}"#)
                .unwrap()
                .takes(&start)
        );
    }
}
