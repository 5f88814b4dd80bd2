//! An entry as a flat record, for people and programs: NDJSON and CSV.

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use serde::Serialize;

use super::leaf::{Leaf, Micros, Value, extra, leaf_hash};
use super::private::Private;

/// One entry. What was not said of it is absent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// Its number, from 0.
    pub index: u64,
    /// When it was appended (RFC 3339, µs, UTC).
    pub time: String,
    /// The name of its kind.
    pub kind: &'static str,
    /// Its random id, hex.
    pub entry_id: String,
    /// The entry that it continues or closes, hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opening: Option<String>,
    /// When the request came in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requested_at: Option<String>,
    /// The OIN of who receives, delivers or asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipient: Option<String>,
    /// OINs that it acts for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub acting_for: Vec<String>,
    /// The purpose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// Its version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purpose_version: Option<u32>,
    /// The dataset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dataset: Option<String>,
    /// The form of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub form: Option<&'static str>,
    /// `granted`, or the code of the refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision: Option<String>,
    /// The clause that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clause: Option<String>,
    /// The digest of the policies, hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// W3C trace id, hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
    /// W3C span id, hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub span: Option<String>,
    /// How many refusals a window counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusals: Option<u64>,
    /// How many tags it has: pupils and staff, padded to a power of two.
    pub tags: usize,
    /// What only this kind has; bytes are hex.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub extra: BTreeMap<String, String>,
    /// The boot id of the replica, hex.
    pub replica: String,
    /// Its number in that boot id.
    pub sequence: u64,
    /// The hash of the leaf, hex.
    pub leaf_hash: String,
    /// What the private part says, where it was opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub private: Option<PrivateRecord>,
}

/// The private part, without the pupils' ids: these are shown nowhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PrivateRecord {
    /// The person for whom it was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub staff: Option<String>,
    /// Whether their identity provider signed for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proved: Option<bool>,
    /// The case or reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub case: Option<String>,
    /// How many pupils it is about.
    pub pupils: usize,
    /// The request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<serde_json::Value>,
    /// How many rows were answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// Which fields.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
}

/// The columns of a CSV export, in the order of [`Record::row`].
pub const COLUMNS: [&str; 29] = [
    "index",
    "time",
    "kind",
    "entryId",
    "opening",
    "requestedAt",
    "recipient",
    "actingFor",
    "purpose",
    "purposeVersion",
    "dataset",
    "form",
    "decision",
    "clause",
    "policy",
    "trace",
    "span",
    "refusals",
    "tags",
    "extra",
    "replica",
    "sequence",
    "leafHash",
    "staff",
    "case",
    "pupils",
    "query",
    "rows",
    "fields",
];

impl Record {
    /// The record of entry `index`, whose exact bytes are `bytes`.
    pub fn new(index: u64, bytes: &[u8], leaf: &Leaf, private: Option<&Private>) -> Self {
        let event = &leaf.event;
        let hex = |bytes: &[u8]| HEXLOWER.encode(bytes);
        Self {
            index,
            time: time(leaf.time),
            kind: event.kind.name(),
            entry_id: hex(&event.entry_id),
            opening: event.opening.map(|id| hex(&id)),
            requested_at: event.requested_at.map(time),
            recipient: event.recipient.clone(),
            acting_for: event.acting_for.clone(),
            purpose: event.purpose.as_ref().map(|purpose| purpose.id.clone()),
            purpose_version: event.purpose.as_ref().map(|purpose| purpose.version),
            dataset: event.dataset.clone(),
            form: event.form.map(super::leaf::Form::name),
            decision: event.decision.clone(),
            clause: event.clause.clone(),
            policy: event.policy.map(|digest| hex(&digest)),
            trace: event.trace.map(|id| hex(&id)),
            span: event.span.map(|id| hex(&id)),
            refusals: event.window.and_then(|window| window.count),
            tags: event.tags.len(),
            extra: event.extra.iter().map(named).collect(),
            replica: hex(&leaf.replica),
            sequence: leaf.sequence,
            leaf_hash: hex(&leaf_hash(bytes)),
            private: private.map(PrivateRecord::new),
        }
    }

    /// One row of a CSV file. A cell that a spreadsheet would take for a formula begins with an apostrophe.
    pub fn row(&self) -> [String; COLUMNS.len()] {
        let own = |text: &Option<String>| text.clone().unwrap_or_default();
        let number = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
        let extra = self.extra.iter().map(|(name, value)| format!("{name}={value}"));
        let private = self.private.as_ref();
        [
            self.index.to_string(),
            self.time.clone(),
            self.kind.to_owned(),
            self.entry_id.clone(),
            own(&self.opening),
            own(&self.requested_at),
            own(&self.recipient),
            self.acting_for.join(" "),
            own(&self.purpose),
            number(self.purpose_version.map(u64::from)),
            own(&self.dataset),
            self.form.unwrap_or_default().to_owned(),
            own(&self.decision),
            own(&self.clause),
            own(&self.policy),
            own(&self.trace),
            own(&self.span),
            number(self.refusals),
            self.tags.to_string(),
            extra.collect::<Vec<_>>().join("; "),
            self.replica.clone(),
            self.sequence.to_string(),
            self.leaf_hash.clone(),
            private
                .and_then(|private| private.staff.clone())
                .unwrap_or_default(),
            private
                .and_then(|private| private.case.clone())
                .unwrap_or_default(),
            private
                .map(|private| private.pupils.to_string())
                .unwrap_or_default(),
            private
                .and_then(|private| private.query.as_ref())
                .map(ToString::to_string)
                .unwrap_or_default(),
            number(private.and_then(|private| private.rows)),
            private
                .map(|private| private.fields.join(" "))
                .unwrap_or_default(),
        ]
        .map(neutral)
    }
}

impl PrivateRecord {
    fn new(private: &Private) -> Self {
        let staff = private.staff.as_ref();
        Self {
            staff: staff.map(|staff| staff.subject.clone()),
            proved: staff.map(|staff| staff.proved),
            case: staff.and_then(|staff| staff.case.clone()),
            pupils: private.subjects.len(),
            query: private.query.clone(),
            rows: private.result.as_ref().map(|result| result.rows),
            fields: private.fields(),
        }
    }
}

/// A moment as RFC 3339 in UTC, with µs where it has any.
pub fn time(moment: Micros) -> String {
    Timestamp::from_microsecond(moment)
        .map(|moment| moment.to_string())
        .unwrap_or_default()
}

/// A text that no spreadsheet computes (OWASP, CSV injection): full-width signs count too.
fn neutral(text: String) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']) {
        format!("'{text}")
    } else {
        text
    }
}

fn named((key, value): (&u64, &Value)) -> (String, String) {
    let name = NAMES
        .iter()
        .find(|(named, _)| named == key)
        .map_or_else(|| format!("extra-{key}"), |(_, name)| (*name).to_owned());
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::Text(text) => text.clone(),
        Value::Bytes(bytes) => HEXLOWER.encode(bytes),
    };
    (name, text)
}

/// Names of [`extra`]; a key without one is shown by its number.
const NAMES: &[(u64, &str)] = &[
    (extra::POPULATION, "population"),
    (extra::EPOCH, "epoch"),
    (extra::EARLIER_EPOCH, "earlierEpoch"),
    (extra::CELLS, "cells"),
    (extra::UNDECLARED, "undeclared"),
    (extra::K_ANONYMITY, "kAnonymity"),
    (extra::DELIVERY, "delivery"),
    (extra::ROWS, "rows"),
    (extra::HOLDER, "holder"),
    (extra::MODE, "mode"),
    (extra::PERIOD, "period"),
    (extra::DIGEST, "digest"),
    (extra::CHECKPOINT, "checkpoint"),
    (extra::SOFTWARE, "software"),
    (extra::FROM_INDEX, "fromIndex"),
    (extra::UNTIL_INDEX, "untilIndex"),
    (extra::SEQUENCE, "voidSequence"),
    (extra::GENERATION, "generation"),
    (extra::OUTCOME, "outcome"),
    (extra::KEY_ID, "keyId"),
    (extra::KEY_VERSION, "keyVersion"),
    (extra::KEY_CHECK, "keyCheck"),
    (extra::ROWS_REFUSED, "rowsRefused"),
    (extra::AGAINST, "against"),
    (extra::KEY_LIST, "keyList"),
    (extra::POLICY_BEFORE, "policyBefore"),
    (extra::BYTES, "bytes"),
    (extra::ANCHORED_SIZE, "anchoredSize"),
    (extra::ANCHOR_TIME, "anchorTime"),
    (extra::ANCHOR_DIGEST, "anchorDigest"),
    (extra::CLIENT, "client"),
    (extra::BODY, "body"),
    (extra::TAG_SEED, "tagSeed"),
    (extra::BREAK_GLASS, "breakGlass"),
];

#[cfg(test)]
mod tests {
    use super::super::fixture::{decided, private};
    use super::*;

    fn leaf() -> Leaf {
        let mut leaf = decided("granted");
        leaf.event.clause = Some("=cmd|' /C calc'!A0".to_owned());
        leaf.event.extra.insert(extra::ROWS, Value::Number(3));
        leaf.event.extra.insert(99, Value::Bytes(vec![1]));
        leaf
    }

    #[test]
    fn a_record_says_what_the_leaf_says() {
        let leaf = leaf();
        let record = Record::new(7, &leaf.encode().unwrap(), &leaf, None);
        let json = serde_json::to_value(&record).unwrap();
        assert_eq!(json["time"], "2026-11-22T10:00:00.012345Z");
        assert_eq!(json["extra"]["rows"], "3");
        assert_eq!(json["extra"]["extra-99"], "01");
        assert_eq!(
            json["leafHash"],
            HEXLOWER.encode(&leaf_hash(&leaf.encode().unwrap()))
        );
        assert!(json.get("private").is_none() && json.get("opening").is_none());
        assert_eq!(record.row().len(), COLUMNS.len());
    }

    #[test]
    fn no_cell_is_a_formula() {
        let leaf = leaf();
        let row = Record::new(7, &leaf.encode().unwrap(), &leaf, None).row();
        let clause = COLUMNS.iter().position(|column| *column == "clause").unwrap();
        assert_eq!(row[clause], "'=cmd|' /C calc'!A0");
        for bad in ["=1", "+1", "-1", "@a", "\t=1", "\r1", "＝1"] {
            assert!(neutral(bad.to_owned()).starts_with('\''), "{bad}");
        }
        assert_eq!(neutral("a=1".to_owned()), "a=1");
    }

    #[test]
    fn a_private_part_shows_no_pupil() {
        let private = private("consulent", &[0x5a], 1);
        let record = Record::new(0, b"", &leaf(), Some(&private));
        let json = serde_json::to_string(&record).unwrap();
        assert!(json.contains("consulent") && json.contains("\"pupils\":1"));
        assert!(!json.contains("5a5a") && !json.contains("WlpaW"));
        assert!(record.row().contains(&"'@case".to_owned()));
    }
}
