//! Decisions as records of the Authorization Decision Log (ADL, Logius, work version 0.0.1), with request and response in
//! the shape of `AuthZEN` NL GOV. One record a decision; a refusal is no error.
//!
//! Of the levels of that standard it reaches the second (request, response, version of the policy) from the leaf alone,
//! and the third (all information) with the opened private part.

use data_encoding::HEXLOWER;
use serde_json::{Value as Json, json};

use super::ldv::{Register, activity};
use super::leaf::{GRANTED, Kind, Leaf};
use super::private::Private;
use super::record::time;

/// The record of a decision; none where the entry is not about one.
pub fn record(leaf: &Leaf, register: &Register, private: Option<&Private>) -> Option<Json> {
    let event = &leaf.event;
    if event.kind != Kind::AccessDecided {
        return None;
    }
    let decision = event.decision.as_deref()?;
    let trace = HEXLOWER.encode(&event.trace.unwrap_or(event.entry_id));
    let span = event.span.map(|span| HEXLOWER.encode(&span));
    let policies = event
        .policy
        .map(|digest| format!("sha256:{}", HEXLOWER.encode(&digest)));
    let mut attributes = serde_json::Map::new();
    if let Some(policies) = policies {
        attributes.insert("adl.core.policies".to_owned(), policies.into());
    }
    Some(json!({
        "trace_id": trace,
        "span_id": span,
        "event_name": "adl.access_evaluation",
        "timestamp": leaf.time / 1_000,
        "status": if decision == GRANTED { "Ok" } else { "Unset" },
        "attributes": attributes,
        "body": {
            "adl.core.request": request(leaf, register, private),
            "adl.core.response": response(decision, event.clause.as_deref()),
        },
        "resource": { "attributes": { "service.name": "doelpoort", "service.instance.id": register.origin } },
    }))
}

fn request(leaf: &Leaf, register: &Register, private: Option<&Private>) -> Json {
    let event = &leaf.event;
    let purpose = event.purpose.as_ref();
    let purpose = purpose.map(|purpose| activity(register, &purpose.id, purpose.version));
    let mut context = serde_json::Map::new();
    let mut say = |name: &str, value: Json| drop(context.insert(name.to_owned(), value));
    say("time", time(event.requested_at.unwrap_or(leaf.time)).into());
    if let Some(asked) = private.and_then(|private| private.query.clone()) {
        say("query", asked);
    }
    if let Some(staff) = private.and_then(|private| private.staff.as_ref()) {
        let staff = json!({ "id": staff.subject, "proved": staff.proved, "case": staff.case });
        say("staff", staff);
    }
    json!({
        "subject": {
            "type": "organisation",
            "id": event.recipient,
            "properties": { "actingFor": event.acting_for },
        },
        "action": {
            "name": event.form.map(super::leaf::Form::name),
            "properties": { "processing_activity_id": purpose },
        },
        "resource": { "type": "dataset", "id": event.dataset },
        "context": context,
    })
}

fn response(decision: &str, clause: Option<&str>) -> Json {
    json!({
        "decision": decision == GRANTED,
        "context": { "reason_admin": { "code": decision, "clause": clause } },
    })
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{decided, private, register};
    use super::*;

    #[test]
    fn a_decision_has_the_shape_of_the_standard() {
        let record = record(&decided("dimension-not-granted"), &register(), None).unwrap();
        insta::assert_json_snapshot!(record, @r#"
        {
          "trace_id": "abababababababababababababababab",
          "span_id": "cdcdcdcdcdcdcdcd",
          "event_name": "adl.access_evaluation",
          "timestamp": 1795341600012,
          "status": "Unset",
          "attributes": {
            "adl.core.policies": "sha256:eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee"
          },
          "body": {
            "adl.core.request": {
              "subject": {
                "type": "organisation",
                "id": "00000099000000072001",
                "properties": {
                  "actingFor": []
                }
              },
              "action": {
                "name": "records",
                "properties": {
                  "processing_activity_id": "https://gateway.example/v1/register#case-consultation@2"
                }
              },
              "resource": {
                "type": "dataset",
                "id": "enrolment"
              },
              "context": {
                "time": "2026-11-22T10:00:00Z"
              }
            },
            "adl.core.response": {
              "decision": false,
              "context": {
                "reason_admin": {
                  "code": "dimension-not-granted",
                  "clause": "case-consultation/grant/0"
                }
              }
            }
          },
          "resource": {
            "attributes": {
              "service.name": "doelpoort",
              "service.instance.id": "gateway.example/audit/2026"
            }
          }
        }
        "#);
    }

    #[test]
    fn with_the_private_part_all_information_is_there() {
        let mut private = private("consulent", &[1], 1);
        private.query = Some(json!({ "form": "records" }));
        let record = record(&decided(GRANTED), &register(), Some(&private)).unwrap();
        let context = &record["body"]["adl.core.request"]["context"];
        assert_eq!(context["query"]["form"], "records");
        assert_eq!(context["staff"]["id"], "consulent");
        assert_eq!(record["body"]["adl.core.response"]["decision"], true);
    }

    #[test]
    fn what_decides_nothing_is_no_record() {
        let mut leaf = decided(GRANTED);
        leaf.event.kind = Kind::Delivery;
        assert_eq!(record(&leaf, &register(), None), None);
    }
}
