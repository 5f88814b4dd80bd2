//! A request of the data protection officer (FG) for a pupil's place in the log.

use std::collections::BTreeSet;

use crate::audit::day::Month;
use crate::catalogue::Name;
use crate::party::Oin;

use super::facts::pupils;
use super::reader::Reader;
use super::{OnBehalfOf, Pupil};

/// The most keys of the FG that one answer is sealed to.
pub const MONTHS_MAX: usize = 24;

/// A parsed request.
#[derive(Debug)]
pub struct SearchRequest {
    /// The purpose.
    pub purpose: Name,
    /// The pupil.
    pub pupil: Pupil,
    /// Why: one of the reasons that the purpose names.
    pub reason: Name,
    /// To which of the FG's keys the answer is sealed, each once.
    pub months: BTreeSet<Month>,
    /// The person who asks, with the case.
    pub on_behalf_of: Option<OnBehalfOf>,
    /// The person who releases the request besides.
    pub released_by: Option<OnBehalfOf>,
}

impl SearchRequest {
    pub(super) fn read(caller: &Oin, reader: &mut Reader<'_>) -> Option<Self> {
        let purpose = reader.purpose();
        let reason = reader.reason();
        let months = months(reader);
        let on_behalf_of = reader.on_behalf_of();
        let released_by = reader.person("releasedBy");
        let mut pupils = pupils(reader, caller);
        if pupils.len() > 1 {
            reader.wrong("pupils", "out-of-range", "must be an array of one pupil");
        }
        Some(Self {
            purpose: purpose?,
            pupil: pupils.pop()?,
            reason: reason?,
            months: months?,
            on_behalf_of,
            released_by,
        })
    }
}

fn months(reader: &mut Reader<'_>) -> Option<BTreeSet<Month>> {
    let what = format!("1 to {MONTHS_MAX} months of your own keys, such as `2026-11`");
    let Some(texts) = reader.texts("months") else {
        reader.missing("months", &what);
        return None;
    };
    if texts.is_empty() || texts.len() > MONTHS_MAX {
        reader.wrong("months", "out-of-range", &format!("must be an array of {what}"));
        return None;
    }
    let mut months = BTreeSet::new();
    for (location, text) in texts {
        match text.parse() {
            Ok(month) if months.insert(month) => {}
            Ok(_) => reader.error(location, "repeated", "is given twice"),
            Err(_) => reader.error(location, "malformed", "is no month such as `2026-11`"),
        }
    }
    Some(months)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::request::Request;

    fn parsed(change: impl FnOnce(&mut Value)) -> Result<Request, Vec<String>> {
        let mut body = json!({
            "purpose": "log-oversight", "reason": "subject-access", "months": ["2026-11"],
            "pupils": [{ "ref": "1", "bsn": "999990019" }],
            "onBehalfOf": { "assertion": "a", "case": "17" }, "releasedBy": { "assertion": "b" },
        });
        change(&mut body);
        let caller = "00000099000000240101".parse().unwrap();
        Request::search(&caller, body.to_string().as_bytes()).map_err(|errors| {
            let told = errors
                .iter()
                .map(|error| format!("{} {}", error.location, error.code));
            told.collect()
        })
    }

    #[test]
    fn one_pupil_a_reason_and_months_are_needed() {
        assert_eq!(parsed(|_| ()).unwrap().pupils().len(), 1);
        let set = |key: &'static str, value: Value| move |body: &mut Value| body[key] = value;
        let two = json!([{ "ref": "1", "bsn": "999990019" }, { "ref": "2", "local": "7" }]);
        for (change, mistake) in [
            (set("months", json!([])), "/months out-of-range"),
            (set("months", json!(["2026-11", "2026-11"])), "/months/1 repeated"),
            (set("months", json!(["november"])), "/months/0 malformed"),
            (set("pupils", two), "/pupils out-of-range"),
            (set("reason", json!("A reason")), "/reason malformed-name"),
            (
                set("pupils", json!([{ "ref": "1", "bsn": "999990018" }])),
                "/pupils/0/bsn invalid-identifier",
            ),
        ] {
            assert_eq!(parsed(change).unwrap_err(), [mistake]);
        }
        let without = parsed(|body| {
            let body = body.as_object_mut().unwrap();
            for key in ["months", "reason", "pupils"] {
                body.remove(key);
            }
        });
        assert_eq!(
            without.unwrap_err(),
            ["/reason missing", "/months missing", "/pupils missing"]
        );
    }
}
