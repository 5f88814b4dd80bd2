//! Entries as records of the Logboek Dataverwerkingen (LDV, Logius, work version 0.8.0), and as OTLP (JSON), the form in
//! which the standard recommends to send them. One record a data subject where these are known, else one.
//!
//! The standard's names may still change; they stand in this file alone.

use data_encoding::HEXLOWER;
use ring::hmac;
use serde::Serialize;
use serde_json::{Value as Json, json};

use super::leaf::{GRANTED, Kind, Leaf};
use super::private::Private;
use crate::kdf;
use crate::pseudonym::SubjectId;

/// Refusals that are faults of ours, no decisions: the standard's status `Error`.
const FAULTS: [&str; 4] = [
    "internal-error",
    "keys-unavailable",
    "log-unavailable",
    "source-unavailable",
];
/// Microseconds of a millisecond.
const MILLI_US: i64 = 1_000;

/// Where the names in records lead to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Register {
    /// The URL of the register of processing activities, without a fragment.
    pub url: String,
    /// The log's name.
    pub origin: String,
}

/// The key with which the data protection officer (FG) pseudonymises data subjects for a collector.
pub struct SubjectKey(hmac::Key);

impl SubjectKey {
    /// From 32 random bytes that the collector does not have.
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    /// The same pupil has the same code in all records under this key; without the key it is random.
    fn code(&self, subject: &SubjectId) -> String {
        HEXLOWER.encode(&kdf::mac::<16>(
            &self.0,
            &[b"ldv-subject\x01".as_slice(), subject.as_bytes()].concat(),
        ))
    }
}

impl std::fmt::Debug for SubjectKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SubjectKey(…)")
    }
}

/// How an action ended; a refusal is no error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Status {
    /// Nothing is said: it was refused.
    Unset,
    /// It was done.
    Ok,
    /// A fault of ours.
    Error,
}

/// One record (LDV section 3.3). Times are in ms since 1970.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LdvRecord {
    /// 32 hex digits.
    pub trace_id: String,
    /// 16 hex digits.
    pub span_id: String,
    /// The action that this one is a part of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_span_id: Option<String>,
    /// How it ended.
    pub status: Status,
    /// What was done, for people.
    pub name: String,
    /// When it began.
    pub start_time: i64,
    /// When it was durable in the log.
    pub end_time: i64,
    /// Who tells it.
    pub resource: Json,
    /// `dpl.core.*`.
    pub attributes: serde_json::Map<String, Json>,
}

/// The records of an entry; none where it tells of no processing of data. With the opened private part and a key there is
/// one a pupil, beneath the entry's own span.
pub fn records(leaf: &Leaf, register: &Register, opened: Option<(&Private, &SubjectKey)>) -> Vec<LdvRecord> {
    if !tells_processing(leaf.event.kind) {
        return Vec::new();
    }
    let whole = whole(leaf, register);
    let code = |(private, key): (&Private, &SubjectKey)| {
        let codes = private.subjects.iter().map(|subject| key.code(subject));
        codes.collect::<Vec<String>>()
    };
    let subjects = opened.map(code).unwrap_or_default();
    if subjects.is_empty() {
        return vec![whole];
    }
    (0_u32..)
        .zip(subjects)
        .map(|(number, code)| about(&whole, &leaf.event.entry_id, number, code, register))
        .collect()
}

/// Is this kind of entry about data of persons that were processed?
pub fn tells_processing(kind: Kind) -> bool {
    matches!(kind, Kind::AccessDecided | Kind::Delivery | Kind::Resolution)
}

/// The URI of a version of a purpose in the register.
pub fn activity(register: &Register, purpose: &str, version: u32) -> String {
    format!("{}#{purpose}@{version}", register.url)
}

fn whole(leaf: &Leaf, register: &Register) -> LdvRecord {
    let event = &leaf.event;
    let mut attributes = serde_json::Map::new();
    let mut say = |name: &str, value: String| drop(attributes.insert(name.to_owned(), value.into()));
    if let Some(purpose) = &event.purpose {
        say(
            "dpl.core.processing_activity_id",
            activity(register, &purpose.id, purpose.version),
        );
    }
    if let Some(recipient) = &event.recipient {
        say(
            "dpl.core.foreign_operation.processor",
            format!("{}#{recipient}", register.url),
        );
    }
    let status = status(event.decision.as_deref());
    if let (Status::Error, Some(code)) = (status, &event.decision) {
        say("exception.type", code.clone());
    }
    LdvRecord {
        trace_id: HEXLOWER.encode(&event.trace.unwrap_or(event.entry_id)),
        span_id: HEXLOWER.encode(&event.span.unwrap_or_else(|| span(&event.entry_id, u32::MAX))),
        parent_span_id: None,
        status,
        name: name(leaf),
        start_time: event.requested_at.unwrap_or(leaf.time) / MILLI_US,
        end_time: leaf.time / MILLI_US,
        resource: json!({ "attributes": { "service.name": "doelpoort", "service.instance.id": register.origin } }),
        attributes,
    }
}

fn about(
    whole: &LdvRecord,
    entry_id: &[u8; 16],
    number: u32,
    code: String,
    register: &Register,
) -> LdvRecord {
    let mut record = whole.clone();
    record.parent_span_id = Some(std::mem::replace(
        &mut record.span_id,
        HEXLOWER.encode(&span(entry_id, number)),
    ));
    let kind = format!("{}#data-subject", register.url);
    record
        .attributes
        .insert("dpl.core.data_subject_id".to_owned(), code.into());
    record
        .attributes
        .insert("dpl.core.data_subject_id_type".to_owned(), kind.into());
    record
}

fn status(decision: Option<&str>) -> Status {
    match decision {
        None | Some(GRANTED) => Status::Ok,
        Some(code) if FAULTS.contains(&code) => Status::Error,
        Some(_) => Status::Unset,
    }
}

fn name(leaf: &Leaf) -> String {
    let event = &leaf.event;
    let what = event.form.map_or(event.kind.name(), super::leaf::Form::name);
    let which = event.purpose.as_ref().map(|purpose| purpose.id.as_str());
    let which = which.or(event.dataset.as_deref());
    let decision = event.decision.as_deref();
    [Some(what), which, decision]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(" ")
}

/// A span id that follows from the entry's random id.
fn span(entry_id: &[u8; 16], number: u32) -> [u8; 8] {
    kdf::first(&super::sha256(&[
        b"ldv-span\x01",
        entry_id,
        &number.to_be_bytes(),
    ]))
}

/// An OTLP request (`ExportTraceServiceRequest`, JSON) with these records as spans; the form of an OTLP JSON file too,
/// one request a line.
pub fn otlp(records: &[LdvRecord], software: &str) -> Json {
    let resource = records
        .first()
        .and_then(|record| record.resource.get("attributes"));
    let resource = resource
        .and_then(Json::as_object)
        .map(key_values)
        .unwrap_or_default();
    let spans: Vec<Json> = records.iter().map(otlp_span).collect();
    json!({ "resourceSpans": [{
        "resource": { "attributes": resource },
        "scopeSpans": [{ "scope": { "name": "doelpoort", "version": software }, "spans": spans }],
    }] })
}

fn otlp_span(record: &LdvRecord) -> Json {
    const MILLI_NS: i64 = 1_000_000;
    const KIND_SERVER: u8 = 2;
    let nanos = |millis: i64| millis.saturating_mul(MILLI_NS).to_string();
    let status = match record.status {
        Status::Unset => json!({}),
        Status::Ok => json!({ "code": 1 }),
        Status::Error => json!({ "code": 2 }),
    };
    json!({
        "traceId": record.trace_id,
        "spanId": record.span_id,
        "parentSpanId": record.parent_span_id.as_deref().unwrap_or_default(),
        "name": record.name,
        "kind": KIND_SERVER,
        "startTimeUnixNano": nanos(record.start_time),
        "endTimeUnixNano": nanos(record.end_time),
        "attributes": key_values(&record.attributes),
        "status": status,
    })
}

fn key_values(attributes: &serde_json::Map<String, Json>) -> Vec<Json> {
    attributes
        .iter()
        .map(|(key, value)| json!({ "key": key, "value": { "stringValue": value } }))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{decided, private, register};
    use super::*;

    #[test]
    fn a_record_has_the_fields_of_the_standard() {
        let records = records(&decided(GRANTED), &register(), None);
        insta::assert_json_snapshot!(records, @r#"
        [
          {
            "traceId": "abababababababababababababababab",
            "spanId": "cdcdcdcdcdcdcdcd",
            "status": "Ok",
            "name": "records case-consultation granted",
            "startTime": 1795341600000,
            "endTime": 1795341600012,
            "resource": {
              "attributes": {
                "service.name": "doelpoort",
                "service.instance.id": "gateway.example/audit/2026"
              }
            },
            "attributes": {
              "dpl.core.processing_activity_id": "https://gateway.example/v1/register#case-consultation@2",
              "dpl.core.foreign_operation.processor": "https://gateway.example/v1/register#00000099000000072001"
            }
          }
        ]
        "#);
    }

    #[test]
    fn each_pupil_has_a_record_beneath_the_entry() {
        let (key, private) = (SubjectKey::from_bytes(&[7; 32]), private("consulent", &[1, 2], 2));
        let records = records(&decided(GRANTED), &register(), Some((&private, &key)));
        assert_eq!(records.len(), 2);
        assert!(
            records
                .iter()
                .all(|record| record.parent_span_id.as_deref() == Some("cdcdcdcdcdcdcdcd"))
        );
        assert_ne!(records[0].span_id, records[1].span_id);
        let code = |record: &LdvRecord| record.attributes["dpl.core.data_subject_id"].clone();
        assert_ne!(code(&records[0]), code(&records[1]));
        // Not the id itself, and another under another key.
        let text = serde_json::to_string(&records).unwrap();
        assert!(!text.contains("01010101"));
        let other = super::records(
            &decided(GRANTED),
            &register(),
            Some((&private, &SubjectKey::from_bytes(&[8; 32]))),
        );
        assert_ne!(code(&records[0]), code(&other[0]));
    }

    #[test]
    fn a_refusal_is_no_error_and_a_fault_is() {
        let status = |decision: &str| records(&decided(decision), &register(), None)[0].status;
        assert_eq!(status(GRANTED), Status::Ok);
        assert_eq!(status("no-such-purpose"), Status::Unset);
        assert_eq!(status("source-unavailable"), Status::Error);
    }

    #[test]
    fn what_tells_of_no_processing_is_no_record() {
        let mut leaf = decided(GRANTED);
        leaf.event.kind = Kind::ReplicaStarted;
        assert!(records(&leaf, &register(), None).is_empty());
    }

    #[test]
    fn otlp_has_the_fields_of_its_json_encoding() {
        let records = records(&decided(GRANTED), &register(), None);
        let request = otlp(&records, "0.1.0");
        let span = &request["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
        assert_eq!(span["traceId"], "ab".repeat(16));
        assert_eq!(span["startTimeUnixNano"], "1795341600000000000");
        assert_eq!(span["status"]["code"], 1);
        assert_eq!(
            span["attributes"][0],
            json!({ "key": "dpl.core.processing_activity_id",
                    "value": { "stringValue": "https://gateway.example/v1/register#case-consultation@2" } })
        );
    }
}
