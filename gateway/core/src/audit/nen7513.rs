//! Entries in the fields of NEN 7513 (logging of access to records in care), by the names of Logius' draft extension of
//! the LDV (0.0.1). Doelpoort is no system of care; the table in `docs/audit.md` says what each field is here.

use data_encoding::HEXLOWER;
use serde_json::{Value as Json, json};

use super::ldv::{LdvRecord, Register, Status, SubjectKey, records};
use super::leaf::{Event, Form, Kind, Leaf};
use super::private::Private;
use super::record::time;

/// Serious failure, minor failure and success (DICOM `EventOutcomeIndicator`).
const OUTCOMES: [(Status, u8); 3] = [(Status::Ok, 0), (Status::Unset, 4), (Status::Error, 8)];

/// The messages of an entry: one a client (pupil) where these are known, else one; none where it tells of no processing.
pub fn messages(leaf: &Leaf, register: &Register, opened: Option<(&Private, &SubjectKey)>) -> Vec<Json> {
    records(leaf, register, opened)
        .iter()
        .map(|record| message(record, leaf, register, opened.map(|(private, _)| private)))
        .collect()
}

fn message(record: &LdvRecord, leaf: &Leaf, register: &Register, private: Option<&Private>) -> Json {
    let event = &leaf.event;
    let attribute = |name: &str| record.attributes.get(name).cloned();
    let outcome = OUTCOMES.iter().find(|(status, _)| *status == record.status);
    json!({
        "W3C-Trace-Context-Traceparent": format!("00-{}-{}-01", record.trace_id, record.span_id),
        "EventID": attribute("dpl.core.processing_activity_id"),
        "EventActionCode": action(event),
        "EventDateTime": time(leaf.time),
        "EventOutcomeIndicator": outcome.map(|(_, code)| code),
        "EventTypeCode": event.form.map_or(event.kind.name(), Form::name),
        "users": [user(event, private)],
        "participants": attribute("dpl.core.data_subject_id").map(|id| [json!({
            "ParticipantObjectTypeCode": 1,
            "ParticipantObjectTypeCodeRole": 1,
            "ParticipantObjectIDTypeCode": attribute("dpl.core.data_subject_id_type"),
            "ParticipantObjectID": id,
        })]),
        "autorisatieProtocol": event.clause,
        "controles": event.policy.map(|digest| format!("sha256:{}", HEXLOWER.encode(&digest))),
        "AuditSourceID": register.origin,
        "AuditSourceTypeCode": 4,
        "AuditEnterpriseSiteID": event.acting_for.first().or(event.recipient.as_ref()),
    })
}

/// Read, create, update, execute.
fn action(event: &Event) -> &'static str {
    match (event.kind, event.form) {
        (Kind::Delivery, _) => "C",
        (_, Some(Form::Restrict)) => "U",
        (_, Some(Form::Resolve | Form::Translate)) => "E",
        _ => "R",
    }
}

fn user(event: &Event, private: Option<&Private>) -> Json {
    let staff = private.and_then(|private| private.staff.as_ref());
    json!({
        "UserID": staff.map(|staff| &staff.subject).or(event.recipient.as_ref()),
        "AlternateUserID": event.recipient,
        "UserIsRequestor": true,
        "PurposeOfUse": event.purpose.as_ref().map(|purpose| &purpose.id),
        "OnBehalfOf": event.acting_for,
    })
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{RECIPIENT, decided, private, register};
    use super::super::leaf::GRANTED;
    use super::*;

    #[test]
    fn a_message_names_event_user_and_client() {
        let private = private("consulent", &[1], 1);
        let key = SubjectKey::from_bytes(&[7; 32]);
        let messages = messages(&decided(GRANTED), &register(), Some((&private, &key)));
        assert_eq!(messages.len(), 1);
        let message = &messages[0];
        assert_eq!(message["EventActionCode"], "R");
        assert_eq!(message["EventOutcomeIndicator"], 0);
        assert_eq!(message["users"][0]["UserID"], "consulent");
        assert_eq!(message["users"][0]["PurposeOfUse"], "case-consultation");
        assert_eq!(message["participants"][0]["ParticipantObjectTypeCode"], 1);
        assert_eq!(message["autorisatieProtocol"], "case-consultation/grant/0");
    }

    #[test]
    fn without_the_private_part_the_organisation_is_the_user() {
        let message = messages(&decided("no-such-purpose"), &register(), None).remove(0);
        assert_eq!(message["users"][0]["UserID"], RECIPIENT);
        assert_eq!(message["EventOutcomeIndicator"], 4);
        assert_eq!(message["participants"], Json::Null);
    }
}
