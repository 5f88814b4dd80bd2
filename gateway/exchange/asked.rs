//! What was asked, as it came in: not yet understood, and never logged.

use data_encoding::HEXLOWER;
use doelpoort_core::catalogue::Catalogue;
use doelpoort_core::party::{Caller, Oin};
use doelpoort_core::policy::Policies;
use doelpoort_core::policy::decide::nearest_allowed;
use doelpoort_core::protect::Format;
use doelpoort_core::request::{Form, InputError, Request};
use doelpoort_core::request_digest::RequestDigest;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::Refusal;
use super::recorded::{Asker, without_persons};

/// One request as it came in.
pub struct Asked<'a> {
    question: Question<'a>,
    format: Format,
    trace: Trace,
    received: Timestamp,
}

/// The question itself.
pub enum Question<'a> {
    /// `POST /v1/facts`.
    Facts(&'a [u8]),
    /// `GET /v1/purposes/{purpose}/questions/{question}`.
    Named {
        /// The purpose.
        purpose: &'a str,
        /// The question.
        question: &'a str,
        /// Its query parameters, in their order.
        parameters: &'a [(String, String)],
    },
    /// `POST /v1/queries`.
    Query(&'a [u8]),
    /// `POST /v1/resolutions`.
    Resolution(&'a [u8]),
    /// `POST /v1/restrictions`.
    Restriction(&'a [u8]),
    /// `POST /v1/translations`.
    Translation(&'a [u8]),
}

/// The W3C trace context of a request.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Trace {
    /// The trace.
    pub trace_id: [u8; 16],
    /// Our span in it.
    pub span_id: [u8; 8],
}

impl Trace {
    /// The trace id in hex, as clients see it.
    pub fn id(&self) -> String {
        HEXLOWER.encode(&self.trace_id)
    }
}

impl<'a> Asked<'a> {
    /// A request that came in at `received`.
    pub fn new(question: Question<'a>, format: Format, trace: Trace, received: Timestamp) -> Self {
        Self {
            question,
            format,
            trace,
            received,
        }
    }

    /// How the answer is to be written.
    pub(crate) fn format(&self) -> Format {
        self.format
    }

    /// Its trace.
    pub(crate) fn trace(&self) -> Trace {
        self.trace
    }

    /// When it came in.
    pub(crate) fn received(&self) -> Timestamp {
        self.received
    }

    /// The form it can only be about, before it is parsed.
    pub(crate) fn form(&self) -> Option<Form> {
        match self.question {
            Question::Facts(_) => Some(Form::Facts),
            Question::Named { .. } => Some(Form::Figures),
            Question::Query(_) => None,
            Question::Resolution(_) => Some(Form::Resolve),
            Question::Restriction(_) => Some(Form::Restrict),
            Question::Translation(_) => Some(Form::Translate),
        }
    }

    /// Parses it, with all its mistakes at once.
    pub(crate) fn parse(&self, catalogue: &Catalogue, caller: &Caller) -> Result<Request, Vec<InputError>> {
        match self.question {
            Question::Facts(body) => Request::facts(catalogue, &caller.organisation, body),
            Question::Named {
                purpose,
                question,
                parameters,
            } => Request::question(catalogue, purpose, question, parameters),
            Question::Query(body) => Request::query(catalogue, body),
            Question::Resolution(body) => Request::resolution(body),
            Question::Restriction(body) => Request::restriction(&caller.organisation, body),
            Question::Translation(body) => Request::translation(body),
        }
    }

    /// The refusal of a request with mistakes; of a question of figures with the nearest one that is allowed.
    pub(crate) fn not_understood(
        &self,
        policies: &Policies,
        caller: &Caller,
        errors: Vec<InputError>,
        now: Timestamp,
    ) -> Refusal {
        let understood = match self.question {
            Question::Query(body) => Request::understood(&policies.catalogue, body),
            Question::Facts(_)
            | Question::Named { .. }
            | Question::Resolution(_)
            | Question::Restriction(_)
            | Question::Translation(_) => None,
        };
        match understood.and_then(|understood| nearest_allowed(policies, caller, understood, now)) {
            Some(allowed) => Refusal::NoFigures(errors, allowed),
            None => Refusal::Invalid(errors),
        }
    }

    /// What was asked and by whom, as it can be decided again: for a request that was understood. Without identifiers,
    /// the callers' marks for pupils, assertions and cases.
    pub(crate) fn recorded(&self, caller: &Caller, now: Timestamp) -> Option<Value> {
        let (route, asked) = match self.question {
            Question::Facts(body) => ("facts", without_persons(body)?),
            Question::Query(body) => ("queries", without_persons(body)?),
            Question::Resolution(body) => ("resolutions", without_persons(body)?),
            Question::Restriction(body) => ("restrictions", without_persons(body)?),
            Question::Translation(body) => ("translations", without_persons(body)?),
            Question::Named {
                purpose,
                question,
                parameters,
            } => (
                "questions",
                json!({ "purpose": purpose, "question": question, "parameters": parameters }),
            ),
        };
        Some(json!({
            "route": route,
            "decidedAt": now.as_microsecond(),
            "caller": Asker::of(caller),
            "asked": asked,
        }))
    }

    /// The board that a body about pupils says it acts for, where the body as a whole could not be understood.
    pub(super) fn names_board(&self) -> Option<Oin> {
        let (Question::Facts(body) | Question::Restriction(body)) = self.question else {
            return None;
        };
        let body: Map<String, Value> = serde_json::from_slice(body).ok()?;
        body.get("actingFor")?.as_str()?.parse().ok()
    }

    /// The digest that binds a staff assertion and a cursor to this request; a named question has none.
    pub(crate) fn digest(&self) -> Option<RequestDigest> {
        let (Question::Facts(body)
        | Question::Query(body)
        | Question::Resolution(body)
        | Question::Restriction(body)
        | Question::Translation(body)) = self.question
        else {
            return None;
        };
        let body: Map<String, Value> = serde_json::from_slice(body).ok()?;
        RequestDigest::of(&body).ok()
    }
}
