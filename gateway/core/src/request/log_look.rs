//! What the data protection officer (FG) says before looking at the log: with which command, why and for which case, and
//! a commitment to what is sought, which stays with the FG.

use data_encoding::BASE64;

use super::reader::{Reader, json};
use super::{InputError, OnBehalfOf};
use crate::catalogue::Name;

/// The longest sealed text of what is sought, in base64.
const SOUGHT_CHARS_MAX: usize = 16_384;

/// What the FG's process is about to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LookCommand {
    /// The rules about what should be looked at, with those about persons.
    Alerts,
    /// The log in another form, with what it says of persons.
    Export,
    /// The daily check of every private part; it shows none of them, so it may run without a person.
    Monitor,
    /// Decisions made again.
    Replay,
    /// The report on a month.
    Report,
    /// A sample for a review.
    Sample,
    /// Entries with what is sealed of them.
    Search,
    /// Entries about the pupil of an entry.
    SearchPupil,
    /// Entries about a member of staff.
    SearchStaff,
    /// Decisions made again under other policies.
    Simulate,
}

impl LookCommand {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Alerts,
        Self::Export,
        Self::Monitor,
        Self::Replay,
        Self::Report,
        Self::Sample,
        Self::Search,
        Self::SearchPupil,
        Self::SearchStaff,
        Self::Simulate,
    ];

    /// Its name in the API and the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Alerts => "alerts",
            Self::Export => "export",
            Self::Monitor => "monitor",
            Self::Replay => "replay",
            Self::Report => "report",
            Self::Sample => "sample",
            Self::Search => "search",
            Self::SearchPupil => "search-pupil",
            Self::SearchStaff => "search-staff",
            Self::Simulate => "simulate",
        }
    }

    /// How many persons must stand for it, each proved.
    pub const fn persons(self) -> usize {
        match self {
            Self::Monitor => 0,
            Self::SearchPupil | Self::SearchStaff => 2,
            _ => 1,
        }
    }
}

/// A parsed announcement.
#[derive(Debug)]
pub struct LogLook {
    /// What is about to be done.
    pub command: LookCommand,
    /// Why, as a code.
    pub reason: Name,
    /// The FG's commitment to what is sought.
    pub commitment: [u8; 32],
    /// What is sought, sealed to the FG by the FG, for whoever reviews the review.
    pub sought: Option<String>,
    /// The person who looks, with the case.
    pub on_behalf_of: Option<OnBehalfOf>,
    /// The person who releases it besides.
    pub released_by: Option<OnBehalfOf>,
}

impl LogLook {
    /// Reads the body of `POST /v1/log/readings`.
    ///
    /// # Errors
    /// Every mistake.
    pub fn parse(body: &[u8]) -> Result<Self, Vec<InputError>> {
        let value = json(body)?;
        let mut reader = Reader::new(&value)?;
        let command = command(&mut reader);
        let reason = reader.reason();
        let commitment = commitment(&mut reader);
        let sought = reader.text("sought");
        if sought
            .as_ref()
            .is_some_and(|text| text.len() > SOUGHT_CHARS_MAX || BASE64.decode(text.as_bytes()).is_err())
        {
            reader.wrong(
                "sought",
                "malformed",
                "is base64 of at most 12,288 bytes, sealed to the FG",
            );
        }
        let on_behalf_of = reader.on_behalf_of();
        let released_by = reader.person("releasedBy");
        let named = on_behalf_of.as_ref().is_some_and(|person| person.case.is_some());
        if command.is_some_and(|command| command.persons() > 0) && !named {
            reader.missing("onBehalfOf", "who looks, with `assertion` and `case`");
        }
        let look = || {
            Some(Self {
                command: command?,
                reason: reason?,
                commitment: commitment?,
                sought,
                on_behalf_of,
                released_by,
            })
        };
        let look = look();
        reader.finish(look)
    }
}

fn command(reader: &mut Reader<'_>) -> Option<LookCommand> {
    let names = LookCommand::ALL.map(LookCommand::as_str).join("`, `");
    let Some(text) = reader.text("command") else {
        reader.missing("command", &format!("one of `{names}`"));
        return None;
    };
    let found = LookCommand::ALL
        .into_iter()
        .find(|command| command.as_str() == text);
    if found.is_none() {
        reader.wrong("command", "unknown-word", &format!("must be one of `{names}`"));
    }
    found
}

fn commitment(reader: &mut Reader<'_>) -> Option<[u8; 32]> {
    let Some(text) = reader.text("commitment") else {
        reader.missing("commitment", "SHA-256 over what is sought, salted, as base64");
        return None;
    };
    let bytes = BASE64
        .decode(text.as_bytes())
        .ok()
        .and_then(|bytes| bytes.try_into().ok());
    if bytes.is_none() {
        reader.wrong("commitment", "malformed", "is base64 of 32 bytes");
    }
    bytes
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn parsed(change: impl FnOnce(&mut Value)) -> Result<LogLook, Vec<String>> {
        let mut body = json!({
            "command": "search", "reason": "review", "commitment": BASE64.encode(&[7; 32]),
            "onBehalfOf": { "assertion": "a", "case": "17" },
        });
        change(&mut body);
        LogLook::parse(body.to_string().as_bytes()).map_err(|errors| {
            let told = errors
                .iter()
                .map(|error| format!("{} {}", error.location, error.code));
            told.collect()
        })
    }

    #[test]
    fn who_looks_says_how_and_why() {
        assert_eq!(parsed(|_| ()).unwrap().command, LookCommand::Search);
        for (key, value, mistake) in [
            ("command", json!("peek"), "/command unknown-word"),
            ("reason", json!("Because"), "/reason malformed-name"),
            ("commitment", json!("AAAA"), "/commitment malformed"),
            ("sought", json!("not base64"), "/sought malformed"),
            ("onBehalfOf", json!({ "assertion": "a" }), "/onBehalfOf missing"),
            ("pupil", json!("1"), " unknown-key"),
        ] {
            assert_eq!(parsed(|body| body[key] = value).unwrap_err(), [mistake]);
        }
        let alone = parsed(|body| {
            body["command"] = json!("monitor");
            body.as_object_mut().unwrap().remove("onBehalfOf");
        });
        assert_eq!(alone.unwrap().command.persons(), 0);
    }
}
